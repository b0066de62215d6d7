//! What notices are about.

use std::fmt;
use std::str::FromStr;

use fengsui_event::Language;
use serde::{Deserialize, Serialize};

/// What a notice is about: a closed list with stable codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A case was forwarded, passed on or assigned to the agency, or waits for the authority to name who handles it.
    ReferralIssued,
    /// An agency says that it is not responsible.
    ReferralReturned,
    /// The agency that had the case has passed it on.
    ReferralTransferred,
    /// A referral was taken back.
    ReferralWithdrawn,
    /// A term of the agency has passed (催办).
    ReferralReminded,
    /// A term of the agency passed long ago, and it is supervised (督办).
    ReferralEscalated,
    /// The handler fed back; the agency must confirm or reject.
    FeedbackSubmitted,
    /// The reporter did not take the agency's feedback.
    FeedbackRejected,
    /// The term of a rectification order of the agency ends.
    RectificationDue,
    /// A re-inspection found that the hazard is still there.
    RectificationFailed,
    /// A re-inspection found that the hazard is gone.
    RectificationPassed,
    /// The reporter took its report back.
    ViolationRetracted,
    /// The case was closed.
    CaseClosed,
    /// The case was taken up again.
    CaseReopened,
    /// The unit objects.
    ObjectionFiled,
    /// The objection was decided.
    ObjectionDecided,
    /// A key of the agency was replaced.
    KeyRotated,
    /// A key of the agency is no longer trusted.
    KeyRevoked,
    /// The agency may no longer write.
    AgencySuspended,
    /// A record in the agency's name is not as it should be.
    Anomaly,
}

impl NoticeKind {
    /// Every kind, in the order of the list.
    pub const ALL: &'static [NoticeKind] = &[
        Self::ReferralIssued,
        Self::ReferralReturned,
        Self::ReferralTransferred,
        Self::ReferralWithdrawn,
        Self::ReferralReminded,
        Self::ReferralEscalated,
        Self::FeedbackSubmitted,
        Self::FeedbackRejected,
        Self::RectificationDue,
        Self::RectificationFailed,
        Self::RectificationPassed,
        Self::ViolationRetracted,
        Self::CaseClosed,
        Self::CaseReopened,
        Self::ObjectionFiled,
        Self::ObjectionDecided,
        Self::KeyRotated,
        Self::KeyRevoked,
        Self::AgencySuspended,
        Self::Anomaly,
    ];

    /// The text used in JSON, in configuration and in ids.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ReferralIssued => "referral_issued",
            Self::ReferralReturned => "referral_returned",
            Self::ReferralTransferred => "referral_transferred",
            Self::ReferralWithdrawn => "referral_withdrawn",
            Self::ReferralReminded => "referral_reminded",
            Self::ReferralEscalated => "referral_escalated",
            Self::FeedbackSubmitted => "feedback_submitted",
            Self::FeedbackRejected => "feedback_rejected",
            Self::RectificationDue => "rectification_due",
            Self::RectificationFailed => "rectification_failed",
            Self::RectificationPassed => "rectification_passed",
            Self::ViolationRetracted => "violation_retracted",
            Self::CaseClosed => "case_closed",
            Self::CaseReopened => "case_reopened",
            Self::ObjectionFiled => "objection_filed",
            Self::ObjectionDecided => "objection_decided",
            Self::KeyRotated => "key_rotated",
            Self::KeyRevoked => "key_revoked",
            Self::AgencySuspended => "agency_suspended",
            Self::Anomaly => "anomaly",
        }
    }

    /// What it is called in a subject line.
    pub fn name(self, language: Language) -> &'static str {
        let (zh, en) = match self {
            Self::ReferralIssued => ("收到案件", "a case for you"),
            Self::ReferralReturned => ("案件被退回", "a case was returned"),
            Self::ReferralTransferred => ("案件已转办", "a case was passed on"),
            Self::ReferralWithdrawn => ("抄送已收回", "a referral was withdrawn"),
            Self::ReferralReminded => ("催办", "a term has passed"),
            Self::ReferralEscalated => ("督办", "an overdue case is supervised"),
            Self::FeedbackSubmitted => ("反馈待确认", "feedback to confirm"),
            Self::FeedbackRejected => ("反馈未被确认", "feedback was rejected"),
            Self::RectificationDue => ("整改期限届满", "a rectification is due"),
            Self::RectificationFailed => ("复查未通过", "a re-inspection failed"),
            Self::RectificationPassed => ("复查通过", "a re-inspection passed"),
            Self::ViolationRetracted => ("案件已撤回", "a report was retracted"),
            Self::CaseClosed => ("案件已销案", "a case was closed"),
            Self::CaseReopened => ("案件重新办理", "a case was reopened"),
            Self::ObjectionFiled => ("单位提出异议", "a unit objects"),
            Self::ObjectionDecided => ("异议已处理", "an objection was decided"),
            Self::KeyRotated => ("本部门密钥已轮换", "your agency's key was rotated"),
            Self::KeyRevoked => ("本部门密钥已吊销", "your agency's key was revoked"),
            Self::AgencySuspended => ("本部门已停用", "your agency was suspended"),
            Self::Anomaly => ("本部门记录异常", "an anomaly in your agency's records"),
        };
        language.pick(zh, en)
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.code())
    }
}

/// A text that is no kind of notice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of notice")]
pub struct UnknownKind(String);

impl FromStr for NoticeKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.code() == text).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn codes_are_the_same_in_json_and_text_and_fit_into_ids() {
        for kind in NoticeKind::ALL {
            assert_eq!(kind.code().parse(), Ok(*kind));
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
            assert!(kind.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{kind}");
        }
        assert_eq!("hazard_listed".parse::<NoticeKind>(), Err(UnknownKind("hazard_listed".to_owned())));
    }
}
