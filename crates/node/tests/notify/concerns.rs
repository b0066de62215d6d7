//! Which events concern whom, and what notices say.

use std::collections::BTreeMap;

use fengsui_event::payload::{
    AgencyKeyRevoked, AgencyKeyRotated, AgencySuspended, FeedbackConfirmed, ReferralEscalated, ReferralReminded,
    ReferralReturned, ReferralTransferred, ReferralWithdrawn, RoutingAnswer, ViolationAmended, ViolationRetracted,
};
use fengsui_event::{
    CaseId, ClosingGround, DeadlineKind, Event, EventId, Language, ReferralBasis, ReferralId, ReferralRole, Subject,
    SupervisionLevel,
};
use fengsui_log::EventLog as _;
use fengsui_node::notify::{Facts, Notice, NoticeKind, notices};

use crate::exchange::*;

/// What every agency is told of an event that is on the log, in the order of the agencies' codes.
fn all_notices(exchange: &Exchange, id: impl Into<EventId>, language: Language) -> Vec<Notice> {
    let position = exchange.log().find(id.into()).unwrap()[0];
    let stored = exchange.log().read(position, 1).unwrap().remove(0);
    let event = Event::parse(&stored.record.bytes).unwrap();
    assert_eq!(exchange.view().anomalies_between(position.get(), position.get()).unwrap(), [], "no effect");
    let case = event.correlation.map(|case| exchange.view().case(case).unwrap().unwrap());
    let agencies = AGENCIES.into_iter().chain([OFFICE]);
    let told = agencies.flat_map(|agency| {
        let facts = Facts { agency: code(agency), language, registry: exchange.registry(), case: case.as_ref() };
        notices(&event, position.get(), &facts)
    });
    told.collect()
}

/// Kinds and terms by agency.
fn told(exchange: &Exchange, id: impl Into<EventId>) -> BTreeMap<String, String> {
    let told = all_notices(exchange, id, Language::En);
    let line = |notice: Notice| {
        let due = notice.due_on.map_or(String::new(), |due| format!(" {due}"));
        (notice.agency.to_string(), format!("{}{due}", notice.id.kind))
    };
    told.into_iter().map(line).collect()
}

#[track_caller]
fn check(exchange: &Exchange, id: impl Into<EventId>, expected: &[(&str, &str)]) {
    let expected: BTreeMap<String, String> =
        expected.iter().map(|(agency, told)| ((*agency).to_owned(), (*told).to_owned())).collect();
    assert_eq!(told(exchange, id), expected);
}

fn by_rule(exchange: &mut Exchange, case: CaseId, reporter: &str, to: &str, role: ReferralRole) -> ReferralId {
    exchange.refer(reporter, case, to, role, ReferralBasis::Rule, None)
}

/// Terms are those of the default rulebook for serious violations, counted by hand in the calendar of 2026: 25 November is a
/// Wednesday, and no holiday follows in that year.
#[test]
fn a_case_from_report_to_closing() {
    let mut exchange = Exchange::found();
    let case = exchange.report("tourism", "fire", &["housing"], &["urban"]);
    check(&exchange, case, &[]);
    let lead = by_rule(&mut exchange, case, "tourism", "fire", ReferralRole::Lead);
    let terms = exchange.registry().rulebooks[0]
        .book
        .deadlines(&"fire.58-4".parse().unwrap(), fengsui_event::Severity::Serious);
    assert_eq!((terms.acknowledge, terms.feedback, terms.confirm, terms.designate), (2, 10, 5, 3), "as counted below");
    check(&exchange, lead, &[("fire", "referral_issued 2026-11-27")]);
    let assisting = by_rule(&mut exchange, case, "tourism", "housing", ReferralRole::Assisting);
    check(&exchange, assisting, &[("housing", "referral_issued 2026-11-27")]);
    let informed = by_rule(&mut exchange, case, "tourism", "urban", ReferralRole::Informed);
    check(&exchange, informed, &[("urban", "referral_issued")]);

    let acknowledged = exchange.do_in("fire", case, acknowledged(lead));
    check(&exchange, acknowledged, &[]);
    let amended =
        ViolationAmended { facts: Some(FREE_TEXT.to_owned()), reason: FREE_TEXT.to_owned(), ..Default::default() };
    let amended = exchange.do_in("tourism", case, amended);
    check(&exchange, amended, &[]);

    let first = exchange.do_in("fire", case, feedback(lead));
    check(&exchange, first, &[("tourism", "feedback_submitted 2026-12-02")]);
    let rejected = exchange.do_in("tourism", case, rejection(first));
    check(&exchange, rejected, &[("fire", "feedback_rejected 2026-12-09")]);
    let ordered = exchange.do_in("fire", case, order(lead, "2026-12-20"));
    check(&exchange, ordered, &[("fire", "rectification_due 2026-12-20")]);
    let second = exchange.do_in("fire", case, feedback(lead));
    let confirmed = exchange.do_in("tourism", case, FeedbackConfirmed { feedback: second });
    check(&exchange, confirmed, &[]);
    let failed = exchange.do_in("tourism", case, reinspection(false));
    check(&exchange, failed, &[("fire", "rectification_failed")]);
    let passed = exchange.do_in("fire", case, reinspection(true));
    check(&exchange, passed, &[("tourism", "rectification_passed")]);

    let objected = exchange.do_in("fire", case, objection());
    check(&exchange, objected, &[("tourism", "objection_filed"), (OFFICE, "objection_filed")]);
    let decided = exchange.do_in(OFFICE, case, decision(objected));
    check(&exchange, decided, &[("fire", "objection_decided"), ("tourism", "objection_decided")]);
    let closed = exchange.do_in("tourism", case, closing(ClosingGround::Rectified));
    check(&exchange, closed, &[("fire", "case_closed"), ("housing", "case_closed"), ("urban", "case_closed")]);
    let reopened = exchange.do_in(OFFICE, case, reopening());
    let all = [
        ("fire", "case_reopened 2026-12-09"),
        ("housing", "case_reopened"),
        ("tourism", "case_reopened"),
        ("urban", "case_reopened"),
    ];
    check(&exchange, reopened, &all);
}

#[test]
fn a_case_that_wanders() {
    let mut exchange = Exchange::found();
    let case = exchange.report("tourism", "fire", &["housing"], &[]);
    let lead = by_rule(&mut exchange, case, "tourism", "fire", ReferralRole::Lead);
    let passed_on = ReferralTransferred { referral: lead, to: code("urban"), reason: FREE_TEXT.to_owned() };
    let passed_on = exchange.do_in("fire", case, passed_on);
    check(&exchange, passed_on, &[("tourism", "referral_transferred")]);
    let second = exchange.refer("fire", case, "urban", ReferralRole::Lead, ReferralBasis::Transfer, Some(lead));
    check(&exchange, second, &[("urban", "referral_issued 2026-11-27")]);

    let returned = ReferralReturned { referral: second, reason: FREE_TEXT.to_owned(), suggested: code("housing") };
    let returned = exchange.do_in("urban", case, returned);
    check(&exchange, returned, &[("tourism", "referral_returned"), (OFFICE, "referral_returned 2026-11-30")]);
    let third = exchange.refer(OFFICE, case, "housing", ReferralRole::Lead, ReferralBasis::Designation, Some(second));
    check(&exchange, third, &[("housing", "referral_issued 2026-11-27")]);
    let withdrawn = ReferralWithdrawn { referral: third, reason: FREE_TEXT.to_owned() };
    let withdrawn = exchange.do_in(OFFICE, case, withdrawn);
    check(&exchange, withdrawn, &[("housing", "referral_withdrawn"), ("tourism", "referral_withdrawn")]);

    let retracted = exchange.do_in("tourism", case, ViolationRetracted { reason: FREE_TEXT.to_owned() });
    check(&exchange, retracted, &[("housing", "violation_retracted")]);
}

#[test]
fn what_nobody_is_responsible_for_goes_to_the_authority() {
    let mut exchange = Exchange::found();
    let case = exchange.report_routed("tourism", RoutingAnswer::Unresolved { reason: FREE_TEXT.to_owned() });
    let undecided = exchange.refer("tourism", case, OFFICE, ReferralRole::Deciding, ReferralBasis::Undecided, None);
    check(&exchange, undecided, &[(OFFICE, "referral_issued 2026-11-30")]);
}

/// Reminders and escalations are published by a node on its own, so they are told to whoever owes, also when it is the same agency.
#[test]
fn reminders_are_told_to_whoever_owes() {
    let mut exchange = Exchange::found();
    let case = exchange.report("tourism", "fire", &[], &[]);
    let lead = by_rule(&mut exchange, case, "tourism", "fire", ReferralRole::Lead);
    exchange.pass_days(3);
    let (deadline, due_on) = (DeadlineKind::Acknowledge, "2026-11-27".parse().unwrap());
    let reminded = exchange.do_in("tourism", case, ReferralReminded { referral: lead, deadline, due_on });
    check(&exchange, reminded, &[("fire", "referral_reminded 2026-11-27")]);
    let level = SupervisionLevel::City;
    let escalated = exchange.do_in(OFFICE, case, ReferralEscalated { referral: lead, deadline, due_on, level });
    check(&exchange, escalated, &[("fire", "referral_escalated 2026-11-27")]);

    exchange.do_in("fire", case, acknowledged(lead));
    exchange.do_in("fire", case, feedback(lead));
    exchange.pass_days(10);
    let due_on = exchange.view().case(case).unwrap().unwrap().feedback[0].confirm_due.unwrap().date;
    let confirm = ReferralReminded { referral: lead, deadline: DeadlineKind::Confirm, due_on };
    let reminded = exchange.do_in("tourism", case, confirm);
    check(&exchange, reminded, &[("tourism", &format!("referral_reminded {due_on}"))]);
}

#[test]
fn an_agency_is_told_what_happens_to_its_keys_whoever_did_it() {
    let mut exchange = Exchange::found();
    let (fire, subject) = (code("fire"), Subject::Agency(code("fire")));
    let rotated = AgencyKeyRotated { agency: fire, old: public_key("fire").keyid, new: public_key("fire, second") };
    let rotated = exchange.publish("fire", subject.clone(), None, rotated);
    check(&exchange, rotated, &[("fire", "key_rotated")]);
    let keyid = public_key("fire, second").keyid;
    let revoked = AgencyKeyRevoked { agency: fire, keyid, reason: FREE_TEXT.to_owned() };
    let revoked = exchange.publish(OFFICE, subject.clone(), None, revoked);
    check(&exchange, revoked, &[("fire", "key_revoked")]);
    let suspended = AgencySuspended { agency: fire, reason: FREE_TEXT.to_owned() };
    let suspended = exchange.publish(OFFICE, subject, None, suspended);
    check(&exchange, suspended, &[("fire", "agency_suspended")]);
}

/// cases.md 24: whatever people wrote, and the reference of a public report, stays in the exchange.
#[test]
fn notices_repeat_no_free_text_in_either_language() {
    let mut exchange = Exchange::found();
    let case = exchange.report("tourism", "fire", &["housing"], &[]);
    let lead = by_rule(&mut exchange, case, "tourism", "fire", ReferralRole::Lead);
    exchange.do_in("fire", case, acknowledged(lead));
    exchange.do_in("fire", case, order(lead, "2026-12-20"));
    let answer = exchange.do_in("fire", case, feedback(lead));
    exchange.do_in("tourism", case, rejection(answer));
    let returned = ReferralReturned { referral: lead, reason: FREE_TEXT.to_owned(), suggested: code("housing") };
    exchange.do_in("fire", case, returned);
    exchange.do_in(OFFICE, case, objection());
    exchange.do_in("tourism", case, ViolationRetracted { reason: FREE_TEXT.to_owned() });

    let mut kinds = BTreeMap::new();
    for record in exchange.records() {
        for (language, category) in [
            (Language::Zh, "公众聚集场所未经消防安全检查擅自营业"),
            (Language::En, "Public venue opened without fire-safety check"),
        ] {
            for notice in all_notices(&exchange, record.id, language) {
                let json = serde_json::to_string(&notice).unwrap();
                assert!(!json.contains("林小梅") && !json.contains("13800001234"), "{json}");
                assert!(notice.subject.contains(UNIT_NAME) && notice.text.contains(UNIT_NAME), "{json}");
                assert!(notice.text.contains(category) && notice.text.contains(&case.to_string()), "{json}");
                assert!(notice.due_on.is_none_or(|due| notice.text.contains(&due.to_string())), "{json}");
                assert!(!notice.subject.contains('\n'), "{json}");
                *kinds.entry(notice.id.kind).or_insert(0) += 1;
            }
        }
    }
    assert!(kinds.len() >= 6 && kinds[&NoticeKind::ReferralIssued] == 2, "{kinds:?}");
}

#[test]
fn words_name_who_acted_and_what_to_do() {
    let mut exchange = Exchange::found();
    let case = exchange.report("tourism", "fire", &[], &[]);
    let lead = by_rule(&mut exchange, case, "tourism", "fire", ReferralRole::Lead);
    let notice = all_notices(&exchange, lead, Language::Zh).remove(0);
    assert_eq!(notice.subject, "【烽燧】收到案件：瑞和宾馆（期限 2026-11-27）");
    let expected = format!(
        "tourism bureau抄送本部门主办案件，请签收并办理。\n单位：瑞和宾馆\n类别：公众聚集场所未经消防安全检查擅自营业（严重）\n\
         期限：2026-11-27\n案件：{case}\n查看：fengsui case show {case}\n"
    );
    assert_eq!(notice.text, expected);
    let notice = all_notices(&exchange, lead, Language::En).remove(0);
    assert_eq!(notice.subject, "[fengsui] a case for you: 瑞和宾馆 (due 2026-11-27)");
    assert!(
        notice
            .text
            .starts_with("tourism bureau referred a case to your agency as its lead: acknowledge and handle it.\n")
    );
}
