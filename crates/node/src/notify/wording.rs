//! What notices say, in both languages. No free text of an event and nothing of who reported a hazard is repeated here: that may
//! hold personal data, and notices leave the exchange by mail and webhook.

use std::fmt::Write as _;

use fengsui_event::{AgencyCode, CaseId, Date, DeadlineKind, Language, ObjectionDecision, ReferralBasis, ReferralRole};
use fengsui_projector::query::AnomalyRow;
use fengsui_projector::state::CaseState;

use super::NoticeKind;
use super::concern::{Facts, Matter};

/// How much of a name from an event is shown; longer ones are mistakes or worse.
const NAME_CHARS_MAX: usize = 80;

/// Subject and text of a notice about an event.
pub(super) fn words(matter: &Matter, actor: AgencyCode, due_on: Option<Date>, facts: &Facts<'_>) -> (String, String) {
    let language = facts.language;
    let mut text = sentence(matter, &agency_name(actor, facts), facts);
    text.push('\n');
    let Some(case) = facts.case else {
        let subject = language.pick("【烽燧】", "[fengsui] ").to_owned() + matter_name(matter, language);
        return (subject, text);
    };
    let unit = plain(&case.unit_name);
    line(&mut text, language.pick("单位", "Unit"), &unit, language);
    line(&mut text, language.pick("类别", "Category"), &category(case, facts), language);
    if let Some(due_on) = due_on {
        line(&mut text, language.pick("期限", "Due on"), &due_on.to_string(), language);
    }
    case_lines(&mut text, case.id, language);
    (subject(matter_name(matter, language), &unit, due_on, language), text)
}

/// Subject and text of a notice about anomalies.
pub(super) fn anomaly_words(row: &AnomalyRow, others: usize, facts: &Facts<'_>) -> (String, String) {
    let language = facts.language;
    let name = NoticeKind::Anomaly.name(language);
    let subject = language.pick(format!("【烽燧】{name}：{}", row.code), format!("[fengsui] {name}: {}", row.code));
    let AnomalyRow { position, code, notice, .. } = row;
    let effect = match (notice, language) {
        (true, Language::Zh) => "该事件仍然有效",
        (false, Language::Zh) => "该记录无效",
        (true, Language::En) => "the event has its effect all the same",
        (false, Language::En) => "it has no effect",
    };
    let mut text = language.pick(
        format!("日志位置 {position} 有一条以本部门名义的记录异常（{code}），{effect}。\n"),
        format!("The record at position {position} in your agency's name is an anomaly ({code}); {effect}.\n"),
    );
    if others > 0 {
        text += &language
            .pick(format!("其后另有 {others} 条同类记录。\n"), format!("{others} more of the same code follow it.\n"));
    }
    text += language.pick(
        "若非本部门所为，密钥可能已泄露：请告知联席会议办公室吊销。\n",
        "If your agency did not publish it, its key may be known to others: have the authority revoke it.\n",
    );
    let command = format!("fengsui anomaly show {}", row.number);
    line(&mut text, language.pick("查看", "See"), &command, language);
    (subject, text)
}

fn matter_name(matter: &Matter, language: Language) -> &'static str {
    match matter {
        Matter::Issued { role: ReferralRole::Deciding, .. } => language.pick("待指定管辖", "a case to assign"),
        Matter::Issued { role: ReferralRole::Informed, .. } => language.pick("案件知会", "a case to know of"),
        matter => matter.kind().name(language),
    }
}

fn subject(name: &str, unit: &str, due_on: Option<Date>, language: Language) -> String {
    let mut subject = language.pick(format!("【烽燧】{name}：{unit}"), format!("[fengsui] {name}: {unit}"));
    if let Some(due_on) = due_on {
        subject += &language.pick(format!("（期限 {due_on}）"), format!(" (due {due_on})"));
    }
    subject
}

fn case_lines(text: &mut String, case: CaseId, language: Language) {
    line(text, language.pick("案件", "Case"), &case.to_string(), language);
    line(text, language.pick("查看", "See"), &format!("fengsui case show {case}"), language);
}

fn line(text: &mut String, name: &str, value: &str, language: Language) {
    let colon = language.pick("：", ": ");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{name}{colon}{value}");
}

fn category(case: &CaseState, facts: &Facts<'_>) -> String {
    let language = facts.language;
    let book = facts.registry.rulebooks.iter().rev().find_map(|published| published.book.category(&case.category));
    let name = book.map_or_else(|| case.category.to_string(), |category| category.name(language).to_owned());
    let severity = case.severity.name(language);
    language.pick(format!("{name}（{severity}）"), format!("{name} ({severity})"))
}

fn agency_name(agency: AgencyCode, facts: &Facts<'_>) -> String {
    let registered = facts.registry.agencies.get(&agency);
    registered.map_or_else(|| agency.to_string(), |known| plain(&known.name))
}

/// A name that others wrote, on one line and no longer than a name is: it goes into subjects and onto terminals.
fn plain(name: &str) -> String {
    let shown: String = name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let mut shown = shown.trim().to_owned();
    if let Some((at, _)) = shown.char_indices().nth(NAME_CHARS_MAX) {
        shown.truncate(at);
        shown.push('…');
    }
    shown
}

fn sentence(matter: &Matter, by: &str, facts: &Facts<'_>) -> String {
    match facts.language {
        Language::Zh => sentence_zh(matter, by, facts),
        Language::En => sentence_en(matter, by, facts),
    }
}

fn sentence_zh(matter: &Matter, by: &str, facts: &Facts<'_>) -> String {
    let name = |agency: &AgencyCode| agency_name(*agency, facts);
    match matter {
        Matter::Issued { role, basis } => issued_zh(*role, *basis, by),
        Matter::Returned { suggested } if facts.agency == facts.registry.authority => {
            format!("{by}退回了案件，建议由{}办理，请指定管辖。", name(suggested))
        }
        Matter::Returned { suggested } => {
            format!("{by}退回了案件，建议由{}办理，等待联席会议办公室指定管辖。", name(suggested))
        }
        Matter::Transferred { to } => format!("{by}已将案件转办给{}。", name(to)),
        Matter::Withdrawn { addressee } if *addressee == facts.agency => {
            format!("{by}收回了发给本部门的抄送，不必再办理。")
        }
        Matter::Withdrawn { addressee } => format!("{by}收回了由{}主办的抄送，等待重新指定。", name(addressee)),
        Matter::Reminded { deadline } => format!("催办：{}已过，请尽快{}。", deadline.name_zh(), duty_zh(*deadline)),
        Matter::Escalated { deadline, level } => {
            format!("{}逾期，现由{}督办，请立即{}。", deadline.name_zh(), level.name_zh(), duty_zh(*deadline))
        }
        Matter::FeedbackSubmitted { outcome } => {
            format!("{by}反馈了查处结果（{}），请确认或退回。", outcome.name_zh())
        }
        Matter::FeedbackRejected => format!("{by}未确认本部门的反馈，请继续办理并重新反馈。"),
        Matter::RectificationDue => "本部门责令的整改期限届满，请复查。".to_owned(),
        Matter::RectificationFailed => format!("{by}复查未通过，隐患仍在。"),
        Matter::RectificationPassed => format!("{by}复查通过，隐患已消除，可以办理销案。"),
        Matter::Retracted => format!("{by}撤回了案件，不必再办理。"),
        Matter::Closed { ground } => format!("{by}已销案（{}）。", ground.name_zh()),
        Matter::Reopened => format!("{by}已将案件重新办理。"),
        Matter::ObjectionFiled if facts.agency == facts.registry.authority => {
            format!("单位提出异议，由{by}录入，请处理。")
        }
        Matter::ObjectionFiled => format!("单位提出异议，由{by}录入，等待联席会议办公室处理。"),
        Matter::ObjectionDecided { decision } => format!("{by}对异议作出处理：{}。", decision.name_zh()),
        Matter::KeyRotated { old, new } => {
            format!("{by}将本部门密钥 {old} 更换为 {new}。若非本部门所为，请立即告知联席会议办公室。")
        }
        Matter::KeyRevoked { keyid } => format!("{by}吊销了本部门密钥 {keyid}，此后用其签名的事件无效。"),
        Matter::Suspended => format!("{by}停用了本部门，此后本部门的事件无效。"),
    }
}

fn issued_zh(role: ReferralRole, basis: ReferralBasis, by: &str) -> String {
    let how = match basis {
        ReferralBasis::Designation => "指定本部门",
        ReferralBasis::Transfer => "转办给本部门",
        ReferralBasis::Rule | ReferralBasis::Historical | ReferralBasis::Undecided => "抄送本部门",
    };
    match role {
        ReferralRole::Lead => format!("{by}{how}主办案件，请签收并办理。"),
        ReferralRole::Assisting => format!("{by}{how}协办案件，请签收并反馈。"),
        ReferralRole::Informed => format!("{by}{how}知会案件，不必答复。"),
        ReferralRole::Deciding => format!("{by}录入的案件尚无主办部门，请指定管辖。"),
    }
}

const fn duty_zh(deadline: DeadlineKind) -> &'static str {
    match deadline {
        DeadlineKind::Acknowledge => "签收",
        DeadlineKind::Feedback => "办理并反馈",
        DeadlineKind::Designate => "指定管辖",
        DeadlineKind::Confirm => "确认或退回反馈",
        DeadlineKind::Rectify => "复查",
    }
}

fn sentence_en(matter: &Matter, by: &str, facts: &Facts<'_>) -> String {
    let name = |agency: &AgencyCode| agency_name(*agency, facts);
    match matter {
        Matter::Issued { role, basis } => issued_en(*role, *basis, by),
        Matter::Returned { suggested } if facts.agency == facts.registry.authority => {
            format!("{by} returned the case and suggests {}: name who handles it.", name(suggested))
        }
        Matter::Returned { suggested } => {
            format!("{by} returned the case and suggests {}; the authority will name who handles it.", name(suggested))
        }
        Matter::Transferred { to } => format!("{by} passed the case on to {}.", name(to)),
        Matter::Withdrawn { addressee } if *addressee == facts.agency => {
            format!("{by} withdrew the referral to your agency: nothing is owed any more.")
        }
        Matter::Withdrawn { addressee } => {
            format!("{by} withdrew the referral to {}, which handled the case; another will be named.", name(addressee))
        }
        Matter::Reminded { deadline } => {
            format!("Reminder: a term has passed ({}). {} now.", deadline.name_en(), duty_en(*deadline))
        }
        Matter::Escalated { deadline, level } => {
            let (term, level) = (deadline.name_en(), level.name_en());
            format!(
                "A term passed long ago ({term}); the case is now supervised by the {level}. {} at once.",
                duty_en(*deadline)
            )
        }
        Matter::FeedbackSubmitted { outcome } => {
            format!("{by} fed back what was done ({}): confirm or reject it.", outcome.name_en())
        }
        Matter::FeedbackRejected => format!("{by} did not take your agency's feedback: act again and feed back anew."),
        Matter::RectificationDue => "The term of your agency's rectification order ends: inspect again.".to_owned(),
        Matter::RectificationFailed => format!("The re-inspection by {by} failed: the hazard is still there."),
        Matter::RectificationPassed => format!("The re-inspection by {by} passed: the case can be closed."),
        Matter::Retracted => format!("{by} retracted the report: nothing is owed any more."),
        Matter::Closed { ground } => format!("{by} closed the case ({}).", ground.name_en()),
        Matter::Reopened => format!("{by} reopened the case."),
        Matter::ObjectionFiled if facts.agency == facts.registry.authority => {
            format!("The unit objects, entered by {by}: decide.")
        }
        Matter::ObjectionFiled => format!("The unit objects, entered by {by}; the authority will decide."),
        Matter::ObjectionDecided { decision: ObjectionDecision::Upheld } => {
            format!("{by} upheld the unit's objection.")
        }
        Matter::ObjectionDecided { decision: ObjectionDecision::Rejected } => {
            format!("{by} rejected the unit's objection.")
        }
        Matter::KeyRotated { old, new } => {
            format!("{by} replaced your agency's key {old} by {new}. If this was not you, tell the authority at once.")
        }
        Matter::KeyRevoked { keyid } => {
            format!("{by} revoked your agency's key {keyid}: what it signs from now on has no effect.")
        }
        Matter::Suspended => format!("{by} suspended your agency: its events have no effect from now on."),
    }
}

fn issued_en(role: ReferralRole, basis: ReferralBasis, by: &str) -> String {
    let how = match basis {
        ReferralBasis::Designation => "assigned a case to your agency",
        ReferralBasis::Transfer => "passed a case on to your agency",
        ReferralBasis::Rule | ReferralBasis::Historical | ReferralBasis::Undecided => "referred a case to your agency",
    };
    match role {
        ReferralRole::Lead => format!("{by} {how} as its lead: acknowledge and handle it."),
        ReferralRole::Assisting => format!("{by} {how} as assisting: acknowledge it and feed back."),
        ReferralRole::Informed => format!("{by} {how} for information: nothing is owed."),
        ReferralRole::Deciding => format!("A case reported by {by} has no lead: name who handles it."),
    }
}

const fn duty_en(deadline: DeadlineKind) -> &'static str {
    match deadline {
        DeadlineKind::Acknowledge => "Acknowledge it",
        DeadlineKind::Feedback => "Handle it and feed back",
        DeadlineKind::Designate => "Name who handles it",
        DeadlineKind::Confirm => "Confirm or reject the feedback",
        DeadlineKind::Rectify => "Inspect again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_others_stay_on_one_line_and_short() {
        assert_eq!(plain(" 瑞和\r\nBcc: x@example.org\u{1b}[2J "), "瑞和  Bcc: x@example.org [2J");
        let long = plain(&"长".repeat(200));
        assert_eq!((long.chars().count(), long.chars().last()), (81, Some('…')));
        assert_eq!(plain(&"长".repeat(80)), "长".repeat(80));
    }
}
