//! What an event says, in a sentence.

use fengsui_event::payload::{Penalty, RoutingAnswer};
use fengsui_event::{Event, Fen, Language, Payload, PenaltyKind};

/// What an event says, in a sentence. What this program cannot read is said to be so.
pub fn describe(event: &Event, language: Language) -> String {
    match event.payload() {
        Some(payload) => match language {
            Language::Zh => zh(payload),
            Language::En => en(payload),
        },
        None => language.pick("本程序不能识读该事件的内容", "this program cannot read what it says").to_owned(),
    }
}

/// Where a violation goes, and by which rule.
pub fn routing(answer: &RoutingAnswer, language: Language) -> String {
    let list = |agencies: &[fengsui_event::AgencyCode]| {
        agencies.iter().map(ToString::to_string).collect::<Vec<_>>().join(language.pick("、", ", "))
    };
    match (answer, language) {
        (RoutingAnswer::Assigned { rule, lead, .. }, Language::Zh) => format!("按规则 {rule}，{lead} 主办"),
        (RoutingAnswer::Assigned { rule, lead, .. }, Language::En) => format!("lead {lead} by rule {rule}"),
        (RoutingAnswer::Unresolved { reason }, Language::Zh) => format!("无规则可依，送联席会议办公室指定：{reason}"),
        (RoutingAnswer::Unresolved { reason }, Language::En) => {
            format!("no rule answers, the authority decides: {reason}")
        }
        (RoutingAnswer::Overlap { rules, candidates }, Language::Zh) => {
            format!("规则 {} 指向不同部门（{}），送联席会议办公室指定", rules.join("、"), list(candidates))
        }
        (RoutingAnswer::Overlap { rules, candidates }, Language::En) => {
            format!("rules {} name {}; the authority decides", rules.join(", "), list(candidates))
        }
        (RoutingAnswer::Historical, Language::Zh) => "历史记录，由发现部门自行处理".to_owned(),
        (RoutingAnswer::Historical, Language::En) => "historical record, dealt with by the reporter itself".to_owned(),
    }
}

/// A penalty in a few words: a fine and a confiscation with their sums.
pub fn penalty(penalty: &Penalty, language: Language) -> String {
    let sum = |amount: Fen| match language {
        Language::Zh => format!(" {amount} 元"),
        Language::En => format!(" {amount} yuan"),
    };
    let part = |kind: &PenaltyKind| {
        let amount = match kind {
            PenaltyKind::Fine => penalty.fine,
            PenaltyKind::Confiscation => penalty.confiscated,
            _ => Fen::ZERO,
        };
        let amount = if amount > Fen::ZERO { sum(amount) } else { String::new() };
        format!("{}{amount}", kind.name(language))
    };
    let mut parts: Vec<String> = penalty.kinds.iter().map(part).collect();
    parts.extend(penalty.decision_number.clone());
    parts.join(language.pick("，", ", "))
}

/// How many positions a checkpoint says that it covers: the second line of its note (C2SP tlog-checkpoint).
fn covered(note: &str) -> &str {
    let size = note.lines().nth(1).unwrap_or_default();
    if !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit()) { size } else { "?" }
}

fn zh(payload: &Payload) -> String {
    let name = Language::Zh;
    match payload {
        Payload::ViolationReported(data) => format!(
            "{}：{}（{}，{}）；{}",
            data.unit_name,
            data.facts,
            data.category,
            data.severity.name_zh(),
            routing(&data.routing.answer, name)
        ),
        Payload::ViolationAmended(data) => data.reason.clone(),
        Payload::ViolationRetracted(data) => data.reason.clone(),
        Payload::ReferralIssued(data) => {
            let note = data.note.as_ref().map_or_else(String::new, |note| format!("：{note}"));
            format!("送 {}（{}，{}）{note}", data.addressee, data.role.name_zh(), data.basis.name_zh())
        }
        Payload::ReferralReturned(data) => format!("建议由 {} 办理：{}", data.suggested, data.reason),
        Payload::ReferralTransferred(data) => format!("转 {}：{}", data.to, data.reason),
        Payload::ReferralWithdrawn(data) => data.reason.clone(),
        Payload::ReferralReminded(data) => format!("{}为 {}", data.deadline.name_zh(), data.due_on),
        Payload::ReferralEscalated(data) => {
            format!("{}督办；{}为 {}", data.level.name_zh(), data.deadline.name_zh(), data.due_on)
        }
        Payload::FeedbackSubmitted(data) => {
            let fine = data.penalty.as_ref().map_or_else(String::new, |given| format!("（{}）", penalty(given, name)));
            format!("{}{fine}：{}", data.outcome.name_zh(), data.summary)
        }
        Payload::FeedbackRejected(data) => data.reason.clone(),
        Payload::RectificationOrdered(data) => {
            format!("{}，{} 前完成，责任人：{}，资金 {} 元", data.plan, data.due_on, data.person, data.funds)
        }
        Payload::RectificationReinspected(data) => {
            format!("{}：{}", if data.passed { "合格" } else { "不合格" }, data.findings)
        }
        Payload::CaseClosed(data) => {
            let note = data.note.as_ref().map_or_else(String::new, |note| format!("：{note}"));
            format!("{}{note}", data.ground.name_zh())
        }
        Payload::CaseReopened(data) => data.reason.clone(),
        Payload::ObjectionFiled(data) => data.grounds.clone(),
        Payload::ObjectionDecided(data) => format!("{}：{}", data.decision.name_zh(), data.reasons),
        Payload::UnitRegistered(data) => data.name.clone(),
        Payload::AgencyRegistered(data) => format!("{} {}", data.agency, data.name),
        Payload::RulebookPublished(data) => format!("{}，自 {} 起施行", data.version, data.effective_from),
        Payload::CheckpointCosigned(data) => format!("覆盖 {} 个位置", covered(&data.note)),
        _ => String::new(),
    }
}

fn en(payload: &Payload) -> String {
    let name = Language::En;
    match payload {
        Payload::ViolationReported(data) => format!(
            "{}: {} ({}, {}); {}",
            data.unit_name,
            data.facts,
            data.category,
            data.severity.name_en(),
            routing(&data.routing.answer, name)
        ),
        Payload::ViolationAmended(data) => data.reason.clone(),
        Payload::ViolationRetracted(data) => data.reason.clone(),
        Payload::ReferralIssued(data) => {
            let note = data.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
            format!("to {} as {} ({}){note}", data.addressee, data.role.name_en(), data.basis.name_en())
        }
        Payload::ReferralReturned(data) => format!("{} is responsible: {}", data.suggested, data.reason),
        Payload::ReferralTransferred(data) => format!("to {}: {}", data.to, data.reason),
        Payload::ReferralWithdrawn(data) => data.reason.clone(),
        Payload::ReferralReminded(data) => format!("{} on {}", data.deadline.name_en(), data.due_on),
        Payload::ReferralEscalated(data) => {
            format!("supervised by the {}; {} on {}", data.level.name_en(), data.deadline.name_en(), data.due_on)
        }
        Payload::FeedbackSubmitted(data) => {
            let fine = data.penalty.as_ref().map_or_else(String::new, |given| format!(" ({})", penalty(given, name)));
            format!("{}{fine}: {}", data.outcome.name_en(), data.summary)
        }
        Payload::FeedbackRejected(data) => data.reason.clone(),
        Payload::RectificationOrdered(data) => {
            format!("{}; by {}; {} answers for it; {} yuan", data.plan, data.due_on, data.person, data.funds)
        }
        Payload::RectificationReinspected(data) => {
            format!("{}: {}", if data.passed { "passed" } else { "failed" }, data.findings)
        }
        Payload::CaseClosed(data) => {
            let note = data.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
            format!("{}{note}", data.ground.name_en())
        }
        Payload::CaseReopened(data) => data.reason.clone(),
        Payload::ObjectionFiled(data) => data.grounds.clone(),
        Payload::ObjectionDecided(data) => format!("{}: {}", data.decision.name_en(), data.reasons),
        Payload::UnitRegistered(data) => data.name.clone(),
        Payload::AgencyRegistered(data) => format!("{} {}", data.agency, data.name),
        Payload::RulebookPublished(data) => format!("{}, in force from {}", data.version, data.effective_from),
        Payload::CheckpointCosigned(data) => format!("of {} positions", covered(&data.note)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_penalty_names_each_kind_once_with_its_sum() {
        let given = Penalty {
            kinds: vec![PenaltyKind::Warning, PenaltyKind::Fine],
            fine: Fen::new(500_000).unwrap(),
            confiscated: Fen::ZERO,
            decision_number: Some("漳消〔2026〕1号".to_owned()),
            decided_on: "2026-01-05".parse().unwrap(),
        };
        assert_eq!(penalty(&given, Language::Zh), "警告，罚款 5000.00 元，漳消〔2026〕1号");
        assert_eq!(penalty(&given, Language::En), "warning, fine 5000.00 yuan, 漳消〔2026〕1号");
    }
}
