//! Reporting, amending, retracting.

use fengsui_event::payload::{Place, ViolationAmended};
use fengsui_event::{CaseId, ClosingGround, Outcome, ReferralRole, Severity, Subject};
use fengsui_projector::fold::{Bound, Missing, Rejection};
use fengsui_projector::state::{CaseStatus, ReferralStatus};

use crate::harness::payloads::{Report, acknowledged, closed, feedback, objected, ordered, retracted};
use crate::harness::{Publication, Scene, category, date, hotel, payloads, region, school};

fn refused_report(edit: impl FnOnce(&mut fengsui_event::payload::ViolationReported)) -> Rejection {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    let mut data = Report::equipment("2025-03-03").reported();
    edit(&mut data);
    let id = scene.world.next_id();
    scene.case = Some(CaseId::of(id));
    let publication = scene.about_case(data.into());
    let record = scene.world.sign_as("tourism", id, publication);
    match scene.without_effect(record) {
        fengsui_projector::Cause::Rejected(rejection) => rejection,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_report_needs_facts_and_a_name() {
    let empty = |field: &str| Rejection::Empty { field: field.to_owned() };
    assert_eq!(refused_report(|data| data.facts = " \n".to_owned()), empty("facts"));
    assert_eq!(refused_report(|data| data.unit_name = String::new()), empty("unit_name"));
}

#[test]
fn a_report_needs_a_category_of_the_rulebook() {
    let rejection = refused_report(|data| data.category = category("fire.99"));
    let expected =
        Rejection::UnknownCategory { category: category("fire.99"), rulebook: payloads::RULEBOOK.to_owned() };
    assert_eq!(rejection, expected);
}

/// The shutdown of article 70 costs nothing, since its violations were counted; it is a case all the same.
#[test]
fn a_category_that_costs_nothing_is_handled_like_any_other() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("fire", Report::equipment("2025-03-03").of("fire.70", Severity::MajorHazard));
    let own = scene.refers("fire", "fire", ReferralRole::Lead);
    scene.does("fire", feedback(own, Outcome::Penalised, "2025-03-03"));
    assert_eq!(scene.balance(), 100);
    assert_eq!(scene.state().determined_on, Some(date("2025-03-03")));
}

#[test]
fn a_report_from_outside_the_region_is_refused() {
    // Xiamen (350200) is not Zhangzhou (350600).
    let rejection = refused_report(|data| data.place = Place { region: region("350200"), address: "x".to_owned() });
    assert_eq!(rejection, Rejection::OutsideRegion { found: region("350200"), expected: region("350600") });
}

#[test]
fn nothing_is_found_after_it_was_recorded() {
    let rejection = refused_report(|data| data.found_on = date("2025-03-04"));
    let (found, recorded) = (date("2025-03-04"), date("2025-03-03"));
    let expected = Rejection::DateOrder { date: found, limit: recorded, bound: Bound::NotAfterRecorded };
    assert_eq!(rejection, expected);
}

#[test]
fn a_report_speaks_of_its_own_unit_and_case() {
    let mut scene = Scene::new();
    let report = Report::equipment("2025-01-02");
    let about_another = Publication { subject: Subject::Unit(school()), ..scene.about_case(report.clone().payload()) };
    assert!(matches!(scene.refuses("tourism", about_another), Rejection::Incoherent { .. }));
    let without_case = scene.about_case(report.clone().payload());
    assert!(matches!(scene.refuses("tourism", without_case), Rejection::Incoherent { .. }));
    scene.case = Some(CaseId::of(scene.world.next_id()));
    let of_another_case = scene.about_case(report.payload());
    assert!(matches!(scene.refuses("tourism", of_another_case), Rejection::Incoherent { .. }));
}

#[test]
fn without_a_rulebook_nothing_can_be_reported() {
    let mut scene = Scene::empty();
    scene.register("fire");
    let record = scene.report_record("fire", Report::equipment("2025-01-02"));
    let cause = scene.without_effect(record);
    assert_eq!(cause, fengsui_projector::Cause::Rejected(Rejection::NoRulebook { on: date("2025-01-02") }));
}

#[test]
fn a_report_opens_an_account_for_a_unit_that_nobody_registered() {
    let mut scene = Scene::new();
    scene.reports("fire", Report::equipment("2025-01-02").by(school()));
    assert!(!scene.account().registered);
    assert_eq!((scene.account().cases, scene.account().open_cases, scene.balance()), (1, 1, 100));
}

fn amendment() -> ViolationAmended {
    ViolationAmended { reason: "笔误".to_owned(), ..ViolationAmended::default() }
}

#[test]
fn the_reporter_corrects_category_and_severity_until_they_are_determined() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("tourism", Report::equipment("2025-03-01"));
    let change =
        ViolationAmended { category: Some(category("fire.60-3")), severity: Some(Severity::Serious), ..amendment() };
    assert!(matches!(scene.refused("fire", change.clone()), Rejection::WrongActor { .. }));
    assert_eq!(scene.refused("tourism", amendment()), Rejection::Empty { field: "amendment".to_owned() });
    let without_reason = ViolationAmended { reason: String::new(), ..change.clone() };
    assert_eq!(scene.refused("tourism", without_reason), Rejection::Empty { field: "reason".to_owned() });
    let unknown = ViolationAmended { category: Some(category("fire.99")), ..amendment() };
    assert!(matches!(scene.refused("tourism", unknown), Rejection::UnknownCategory { .. }));
    let outside =
        ViolationAmended { place: Some(Place { region: region("350200"), ..payloads::place() }), ..amendment() };
    assert!(matches!(scene.refused("tourism", outside), Rejection::OutsideRegion { .. }));
    let blank = ViolationAmended { facts: Some(String::new()), ..amendment() };
    assert_eq!(scene.refused("tourism", blank), Rejection::Empty { field: "facts".to_owned() });
    let later = ViolationAmended { found_on: Some(date("2025-03-04")), ..amendment() };
    assert!(matches!(scene.refused("tourism", later), Rejection::DateOrder { bound: Bound::NotAfterRecorded, .. }));
    scene.does("tourism", change);
    let referral = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", acknowledged(referral));
    scene.does("fire", feedback(referral, Outcome::Penalised, "2025-03-02"));
    // A serious blocked exit costs 12, by the category as amended.
    assert_eq!(scene.balance(), 88);
    let back = ViolationAmended { severity: Some(Severity::General), ..amendment() };
    assert_eq!(scene.refused("tourism", back), Rejection::AlreadyDetermined { on: date("2025-03-02") });
    let same =
        ViolationAmended {
            severity: Some(Severity::Serious), facts: Some("二楼出口锁闭".to_owned()), ..amendment()
        };
    scene.does("tourism", same);
    assert_eq!(scene.state().facts, "二楼出口锁闭");
}

/// No amendment moves the finding past a day that followed it.
#[test]
fn the_day_of_finding_stays_before_everything_that_followed() {
    let setups: [(&str, fn(&mut Scene, fengsui_event::ReferralId)); 4] = [
        ("feedback", |scene, own| {
            scene.does("fire", feedback(own, Outcome::CaseFiled, "2025-03-03"));
        }),
        ("penalty", |scene, own| {
            let mut answer = feedback(own, Outcome::Penalised, "2025-03-05");
            answer.penalty = Some(payloads::fine("2025-03-03"));
            scene.does("fire", answer);
        }),
        ("order", |scene, own| {
            scene.does("fire", ordered(own, "2025-03-03", "2025-04-01"));
        }),
        ("objection", |scene, _| {
            scene.does("fire", objected("2025-03-03"));
        }),
    ];
    for (name, given) in setups {
        let mut scene = Scene::new();
        scene.on("2025-03-06");
        scene.reports("fire", Report::equipment("2025-03-01"));
        let own = scene.refers("fire", "fire", ReferralRole::Lead);
        given(&mut scene, own);
        let past = ViolationAmended { found_on: Some(date("2025-03-04")), ..amendment() };
        let rejection = scene.refused("fire", past);
        let expected =
            Rejection::DateOrder { date: date("2025-03-03"), limit: date("2025-03-04"), bound: Bound::NotBeforeFound };
        assert_eq!(rejection, expected, "{name}");
        scene.does("fire", ViolationAmended { found_on: Some(date("2025-03-03")), ..amendment() });
        assert_eq!(scene.state().found_on, date("2025-03-03"), "{name}");
    }
}

#[test]
fn a_retraction_gives_back_exactly_what_fell() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    // Two offences before make the third cost 5 and 5 more.
    for _ in 0..3 {
        scene.reports("tourism", Report::equipment("2025-03-03"));
        let referral = scene.refers("tourism", "fire", ReferralRole::Lead);
        scene.does("fire", acknowledged(referral));
        scene.does("fire", feedback(referral, Outcome::Penalised, "2025-03-03"));
    }
    assert_eq!(scene.balance(), 100 - 5 - (5 + 2) - (5 + 5));
    assert!(matches!(scene.refused("fire", retracted()), Rejection::WrongActor { .. }));
    scene.on("2025-03-10").does("tourism", retracted());
    assert_eq!(scene.balance(), 100 - 5 - (5 + 2));
    let ledger = scene.ledger();
    assert_eq!(
        ledger[ledger.len() - 2..],
        [("correction", 5, "reverses/5".to_owned()), ("correction", 5, "reverses/6".to_owned())]
    );
    assert_eq!(scene.last_entry().effective_on, date("2025-03-10"));
    assert_eq!(scene.state().status, CaseStatus::Retracted);
    assert_eq!(scene.state().referrals[0].status, ReferralStatus::Withdrawn);
    assert_eq!(scene.account().open_cases, 2);
    // What was taken back is no prior offence: the next one costs 5 and 5 more as the third, not as the fourth.
    scene.reports("tourism", Report::equipment("2025-03-03"));
    let own = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", acknowledged(own));
    scene.does("fire", feedback(own, Outcome::Penalised, "2025-03-05"));
    assert_eq!(scene.balance(), 100 - 5 - (5 + 2) - (5 + 5));
}

#[test]
fn what_is_over_is_neither_amended_nor_retracted() {
    let mut scene = Scene::new();
    scene.reports("fire", Report::equipment("2025-01-02"));
    scene.does("fire", retracted());
    for status in [CaseStatus::Retracted, CaseStatus::Closed] {
        let expected = Rejection::CaseState { case: scene.case.unwrap(), status, allowed: CaseStatus::Open };
        assert_eq!(scene.refused("fire", retracted()), expected);
        let change = ViolationAmended { facts: Some("x".to_owned()), ..amendment() };
        assert_eq!(scene.refused("fire", change), expected);
        scene.reports("fire", Report::equipment("2025-01-02"));
        scene.does("fire", closed(ClosingGround::UnitCeased, "2025-01-02"));
    }
}

#[test]
fn an_event_of_a_case_that_nobody_reported_is_refused() {
    let mut scene = Scene::new();
    let nobody = CaseId::of(scene.world.next_id());
    scene.case = Some(nobody);
    assert_eq!(scene.refused("fire", retracted()), Rejection::Missing(Missing::Case(nobody)));
}

#[test]
fn an_event_of_a_case_must_name_the_cases_unit() {
    let mut scene = Scene::new();
    scene.reports("fire", Report::equipment("2025-01-02"));
    scene.reports("fire", Report::equipment("2025-01-02").by(school()));
    scene.unit = hotel();
    assert!(matches!(scene.refused("fire", retracted()), Rejection::Incoherent { .. }));
    let publication =
        Publication { subject: Subject::Region(region("350600")), ..scene.about_case(retracted().into()) };
    assert!(matches!(scene.refuses("fire", publication), Rejection::Missing(_) | Rejection::Incoherent { .. }));
}
