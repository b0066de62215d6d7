//! One violation from the first report to the last entry.

use fengsui_event::{ClosingGround, Outcome, ReferralId, ReferralRole, Severity};
use fengsui_projector::state::{CaseStatus, EntryKind, FeedbackStatus, ReferralStatus};

use crate::harness::payloads::{
    Report, acknowledged, closed, confirmed, feedback, ordered, passed_on, reinspected, rejected, reopened, returned,
    transferred,
};
use crate::harness::{Scene, agency, date, payloads};

/// The tourism bureau finds a hydrant without water in a hotel; the fire brigade handles it.
#[test]
fn tourism_finds_fire_handles_and_the_hotel_mends_in_time() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    let case = scene.reports("tourism", Report::equipment("2025-03-02"));
    assert_eq!(scene.ledger(), [("opening", 100, "opening".to_owned())], "nothing falls while it is only alleged");
    let referral = scene.refers("tourism", "fire", ReferralRole::Lead);
    assert_eq!(scene.referral(referral).status, ReferralStatus::Issued);

    scene.on("2025-03-04").does("fire", acknowledged(referral));
    assert_eq!(scene.referral(referral).acknowledged_on, Some(date("2025-03-04")));
    scene.on("2025-03-05").does("fire", ordered(referral, "2025-03-05", "2025-04-05"));
    let answer = scene.on("2025-03-06").does("fire", feedback(referral, Outcome::Penalised, "2025-03-05"));
    // Considerable: 5 points, for 12 months from the day on which it was determined.
    let entry = scene.last_entry();
    assert_eq!((entry.kind, entry.points.0), (EntryKind::Deduction, -5));
    assert_eq!((entry.cause, entry.case, entry.rulebook.as_str()), (answer, Some(case), "pilot-2026.1"));
    assert_eq!((entry.effective_on, entry.counted_until), (date("2025-03-05"), Some(date("2026-03-05"))));
    assert_eq!(scene.balance(), 95);
    assert_eq!(scene.state().determined_on, Some(date("2025-03-05")));

    scene.on("2025-03-07").does("tourism", confirmed(answer));
    assert_eq!(scene.referral(referral).status, ReferralStatus::Confirmed);
    scene.on("2025-04-01").does("fire", reinspected("2025-04-01", true));
    // 40 % of 5 come back.
    let entry = scene.last_entry();
    assert_eq!((entry.kind, entry.points.0), (EntryKind::Restoration, 2));
    assert_eq!((entry.effective_on, entry.counted_until), (date("2025-04-01"), Some(date("2026-03-05"))));
    assert_eq!(scene.balance(), 97);

    scene.on("2025-04-02").does("tourism", closed(ClosingGround::Rectified, "2025-04-01"));
    assert_eq!(scene.state().status, CaseStatus::Closed);
    assert_eq!(scene.state().rectified_on, Some(date("2025-04-01")));
    assert_eq!(scene.account().open_cases, 0);
    let rules: Vec<String> = scene.ledger().into_iter().map(|(_, _, rule)| rule).collect();
    assert_eq!(rules, ["opening", "points/*/considerable", "restoration/*/considerable"]);
    assert!(scene.anomalies().is_empty());
}

/// The other direction: the fire brigade finds an unlicensed lodging, commerce handles it.
#[test]
fn fire_finds_and_a_trade_department_handles() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    let routing = payloads::assigned("commerce", &["tourism"], &["fire"]);
    scene
        .reports("fire", Report::equipment("2025-03-03").of("licence.lodging", Severity::Considerable).routed(routing));
    let lead = scene.refers("fire", "commerce", ReferralRole::Lead);
    let assisting = scene.refers("fire", "tourism", ReferralRole::Assisting);
    let informed = scene.refers("fire", "fire", ReferralRole::Informed);
    assert_eq!(scene.referral(informed).status, ReferralStatus::Informed);

    scene.does("tourism", acknowledged(assisting));
    scene.does("tourism", feedback(assisting, Outcome::Penalised, "2025-03-03"));
    assert_eq!(scene.balance(), 100, "only the lead determines");
    scene.does("commerce", acknowledged(lead));
    let answer = scene.does("commerce", feedback(lead, Outcome::RectifiedOnSite, "2025-03-03"));
    assert_eq!(scene.balance(), 95);
    scene.does("fire", confirmed(answer));
    // Rectified on the spot and taken by the reporter: in time, so 40 % of 5 come back.
    assert_eq!(scene.balance(), 97);
    assert_eq!(scene.state().rectified_on, Some(date("2025-03-03")));
    scene.does("commerce", closed(ClosingGround::Rectified, "2025-03-03"));
    assert_eq!(scene.referral(assisting).status, ReferralStatus::Lapsed, "what was still open ends with the case");
}

/// Returned, designated by the authority, passed on, fed back, rejected, fed back again, closed, back again.
#[test]
fn the_long_way_round_keeps_every_step() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("urban", Report::equipment("2025-03-01"));
    let first = scene.refers("urban", "fire", ReferralRole::Lead);
    scene.on("2025-03-04").does("fire", returned(first, "housing"));
    assert!(scene.state().awaits_designation());
    let second =
        ReferralId::of(scene.on("2025-03-05").does("joint-office", payloads::designated("housing", Some(first))));
    assert_eq!(scene.referral(first).status, ReferralStatus::Replaced);
    assert_eq!(scene.referral(first).returned.as_ref().unwrap().by, agency("fire"));
    scene.does("housing", transferred(second, "quality"));
    let third = ReferralId::of(scene.does("housing", passed_on("quality", ReferralRole::Lead, second)));
    scene.on("2025-03-06").does("quality", acknowledged(third));
    let no = scene.does("quality", feedback(third, Outcome::RectificationOrdered, "2025-03-06"));
    scene.on("2025-03-07").does("urban", rejected(no));
    assert_eq!(scene.referral(third).status, ReferralStatus::Acknowledged);
    let yes = scene.on("2025-03-10").does("quality", feedback(third, Outcome::RectifiedOnSite, "2025-03-09"));
    assert_eq!(scene.ledger().len(), 2, "determined twice, deducted once");
    scene.on("2025-03-11").does("urban", confirmed(yes));
    scene.does("urban", closed(ClosingGround::Rectified, "2025-03-09"));
    scene.on("2025-06-03").does("urban", reopened());
    assert_eq!((scene.state().status, scene.state().reopened), (CaseStatus::Open, 1));
    assert_eq!(scene.state().rectified_on, None, "closed and rectified are different facts");
    assert_eq!(scene.referral(third).status, ReferralStatus::Acknowledged, "the lead has it on its desk again");
    let statuses: Vec<&str> = scene.state().feedback.iter().map(|feedback| feedback.status.code()).collect();
    assert_eq!(statuses, ["rejected", "confirmed"]);
    assert!(matches!(&scene.state().feedback[0].status, FeedbackStatus::Rejected { reason } if reason == "照片看不清"));
    assert_eq!(scene.state().history.len(), 13);
}

/// An agency handles its own finding: on its desk at once, and nobody else need confirm.
#[test]
fn an_own_finding_needs_no_acknowledgement_and_no_confirmation() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("fire", Report::equipment("2025-03-03"));
    let own = scene.refers("fire", "fire", ReferralRole::Lead);
    assert_eq!(scene.referral(own).status, ReferralStatus::Acknowledged);
    scene.does("fire", feedback(own, Outcome::RectifiedOnSite, "2025-03-03"));
    assert_eq!(scene.referral(own).status, ReferralStatus::Confirmed);
    assert_eq!(scene.state().feedback[0].confirm_due, None);
    assert_eq!(scene.balance(), 97);
    scene.does("fire", closed(ClosingGround::Rectified, "2025-03-03"));
}

/// From an old book: the reporter has dealt with it before the exchange knew of it.
#[test]
fn a_historical_case_is_its_reporters_own() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("quality", Report::equipment("2012-05-01").routed(fengsui_event::payload::RoutingAnswer::Historical));
    let historical = payloads::issued("quality", ReferralRole::Lead, fengsui_event::ReferralBasis::Historical);
    let own = ReferralId::of(scene.does("quality", historical));
    scene.does("quality", feedback(own, Outcome::RectifiedOnSite, "2012-05-09"));
    scene.does("quality", closed(ClosingGround::Rectified, "2012-05-09"));
    let entry = &scene.memory.entries_of(&scene.unit)[1].clone();
    assert_eq!((entry.effective_on, entry.counted_until), (date("2012-05-09"), Some(date("2013-05-09"))));
}
