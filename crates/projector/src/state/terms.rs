//! The Chinese terms of states and kinds, by the codes that stand in tables and JSON.

const TERMS: &[(&str, &str)] = &[
    ("open", "在办"),
    ("closed", "已销案"),
    ("retracted", "已撤回"),
    ("issued", "待签收"),
    ("acknowledged", "办理中"),
    ("returned", "已退回"),
    ("replaced", "已改派"),
    ("withdrawn", "已收回"),
    ("fed_back", "待确认"),
    ("confirmed", "已确认"),
    ("informed", "知会"),
    ("decided", "已指定"),
    ("lapsed", "已终止"),
    ("submitted", "待确认"),
    ("rejected", "不予确认"),
    ("ordered", "已责令整改"),
    ("rectified", "已整改"),
    ("filed", "已提出异议"),
    ("awaiting designation", "待指定管辖"),
    ("registry", "登记事项"),
    ("certified", "信用证明已开具"),
    ("opening", "期初"),
    ("deduction", "扣分"),
    ("repetition", "重复加扣"),
    ("late", "逾期加扣"),
    ("restoration", "按期整改返还"),
    ("correction", "更正"),
    ("adjustment", "调整"),
    ("expiry", "期满不计"),
];

/// The Chinese term of a state of a case, referral or feedback, or of a kind of ledger line.
pub fn term_zh(code: &str) -> Option<&'static str> {
    TERMS.iter().find(|(known, _)| *known == code).map(|(_, zh)| *zh)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{CaseStatus, EntryKind, ReferralStatus};

    #[test]
    fn every_state_and_kind_has_a_chinese_term() {
        let cases = [CaseStatus::Open, CaseStatus::Closed, CaseStatus::Retracted].map(CaseStatus::code);
        let referrals = [
            ReferralStatus::Issued,
            ReferralStatus::Acknowledged,
            ReferralStatus::Returned,
            ReferralStatus::Replaced,
            ReferralStatus::Withdrawn,
            ReferralStatus::FedBack,
            ReferralStatus::Confirmed,
            ReferralStatus::Informed,
            ReferralStatus::Decided,
            ReferralStatus::Lapsed,
        ]
        .map(ReferralStatus::code);
        let kinds = [
            EntryKind::Opening,
            EntryKind::Deduction,
            EntryKind::Repetition,
            EntryKind::Late,
            EntryKind::Restoration,
            EntryKind::Correction,
            EntryKind::Adjustment,
        ]
        .map(EntryKind::code);
        let without: Vec<&str> =
            cases.into_iter().chain(referrals).chain(kinds).filter(|code| term_zh(code).is_none()).collect();
        assert_eq!(without, [] as [&str; 0]);
    }
}
