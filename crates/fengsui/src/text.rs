//! Terms of the tables in both languages. Codes stay as they are in English and in JSON.

use fengsui_event::{DeadlineKind, EventType, Language, ReferralRole, Severity, SupervisionLevel};
use fengsui_projector::state::term_zh;

/// A state, role or kind in the language: its Chinese term, or its code.
pub fn term(code: &str, language: Language) -> String {
    let role = || code.parse::<ReferralRole>().ok().map(ReferralRole::name_zh);
    match language {
        Language::En => code.to_owned(),
        Language::Zh => term_zh(code).or_else(role).unwrap_or(code).to_owned(),
    }
}

/// Severity by its code.
pub fn severity(code: &str, language: Language) -> String {
    match (language, code.parse::<Severity>()) {
        (Language::Zh, Ok(severity)) => severity.name_zh().to_owned(),
        _ => code.to_owned(),
    }
}

/// What is owed, by its code.
pub fn owed(code: &str, language: Language) -> String {
    match (language, code.parse::<DeadlineKind>()) {
        (Language::Zh, Ok(kind)) => kind.name_zh().to_owned(),
        _ => code.to_owned(),
    }
}

/// Who supervises, by its code.
pub fn level(code: &str, language: Language) -> String {
    match (language, code.parse::<SupervisionLevel>()) {
        (Language::Zh, Ok(level)) => level.name_zh().to_owned(),
        _ => code.to_owned(),
    }
}

/// What happened, from an event's type.
pub fn event_type(type_text: &str, language: Language) -> String {
    let short = type_text.strip_prefix(fengsui_event::catalogue::TYPE_PREFIX).unwrap_or(type_text);
    match (language, EventType::from_type(type_text)) {
        (Language::Zh, Some(known)) => event_type_zh(known).to_owned(),
        _ => short.to_owned(),
    }
}

const fn event_type_zh(event_type: EventType) -> &'static str {
    match event_type {
        EventType::ViolationReported => "录入",
        EventType::ViolationAmended => "更正",
        EventType::ViolationRetracted => "撤回",
        EventType::ReferralIssued => "抄送",
        EventType::ReferralAcknowledged => "签收",
        EventType::ReferralReturned => "退回",
        EventType::ReferralTransferred => "转办",
        EventType::ReferralWithdrawn => "收回",
        EventType::ReferralReminded => "催办",
        EventType::ReferralEscalated => "督办",
        EventType::FeedbackSubmitted => "反馈",
        EventType::FeedbackConfirmed => "反馈确认",
        EventType::FeedbackRejected => "反馈不予确认",
        EventType::RectificationOrdered => "责令整改",
        EventType::RectificationReinspected => "复查",
        EventType::CaseClosed => "销案",
        EventType::CaseReopened => "重新办理",
        EventType::HazardListed => "挂牌督办",
        EventType::HazardDelisted => "摘牌",
        EventType::ObjectionFiled => "提出异议",
        EventType::ObjectionDecided => "异议处理",
        EventType::CreditAdjusted => "积分调整",
        EventType::CreditRepaired => "信用修复",
        EventType::MeasureImposed => "采取措施",
        EventType::MeasureLifted => "解除措施",
        EventType::UnitRegistered => "单位登记",
        EventType::UnitRenamed => "单位更名",
        EventType::UnitMerged => "单位合并",
        EventType::AgencyRegistered => "部门登记",
        EventType::AgencyKeyRotated => "密钥轮换",
        EventType::AgencyKeyRevoked => "密钥吊销",
        EventType::AgencySuspended => "部门停用",
        EventType::RulebookPublished => "规则发布",
        EventType::PublicationIssued => "公示",
        EventType::PublicationWithdrawn => "撤下公示",
        EventType::MeetingConvened => "召开会商",
        EventType::MeetingResolved => "会商决定",
        EventType::OperationOpened => "联合执法开始",
        EventType::OperationJoined => "参加联合执法",
        EventType::OperationConcluded => "联合执法结束",
        EventType::InspectionDrawn => "双随机抽取",
        EventType::CheckpointCosigned => "检查点会签",
        EventType::CertificateIssued => "开具信用证明",
        EventType::CertificateRevoked => "撤销信用证明",
        EventType::ReconciliationRecorded => "对账",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_roles_have_terms_in_chinese_and_keep_their_codes_in_english() {
        for (code, zh) in [("fed_back", "待确认"), ("lead", "主办"), ("informed", "知会"), ("other", "other")] {
            assert_eq!((term(code, Language::Zh).as_str(), term(code, Language::En).as_str()), (zh, code));
        }
    }

    #[test]
    fn an_unknown_type_is_shown_as_it_is() {
        assert_eq!(event_type("cn.fengsui.case.closed.v1", Language::Zh), "销案");
        assert_eq!(event_type("cn.fengsui.case.closed.v1", Language::En), "case.closed.v1");
        assert_eq!(event_type("org.example.other.v9", Language::Zh), "org.example.other.v9");
    }
}
