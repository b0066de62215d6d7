//! The order with its five musts, re-inspection, and what they cost and give back.

use fengsui_event::payload::RectificationOrdered;
use fengsui_event::{ClosingGround, Outcome, ReferralId, ReferralRole, Severity};
use fengsui_projector::fold::{Bound, Rejection};

use crate::harness::payloads::{
    Report, acknowledged, assigned, closed, confirmed, feedback, ordered, passed_on, reinspected, reopened, transferred,
};
use crate::harness::{Scene, agency, date};

/// Tourism reported, fire has determined it; 5 points are off.
fn determined() -> (Scene, ReferralId) {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("tourism", Report::equipment("2025-03-02").routed(assigned("fire", &["urban"], &[])));
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", acknowledged(lead));
    scene.does("fire", feedback(lead, Outcome::RectificationOrdered, "2025-03-03"));
    (scene, lead)
}

#[test]
fn only_the_lead_orders_and_with_all_five_musts() {
    let (mut scene, lead) = determined();
    let order = ordered(lead, "2025-03-03", "2025-04-03");
    assert!(matches!(scene.refused("tourism", order.clone()), Rejection::WrongActor { .. }));
    let assisting = scene.refers("tourism", "urban", ReferralRole::Assisting);
    scene.does("urban", acknowledged(assisting));
    let by_assistant = RectificationOrdered { referral: assisting, ..order.clone() };
    assert!(matches!(scene.refused("urban", by_assistant), Rejection::Incoherent { .. }));
    let incomplete: [(&str, fn(&mut RectificationOrdered)); 3] = [
        ("plan", |order| order.plan.clear()),
        ("person", |order| order.person.clear()),
        ("emergency_plan", |order| order.emergency_plan.clear()),
    ];
    for (field, clear) in incomplete {
        let mut order = order.clone();
        clear(&mut order);
        assert_eq!(scene.refused("fire", order), Rejection::Empty { field: field.to_owned() });
    }
    scene.does("fire", order);
}

#[test]
fn an_order_lies_between_finding_and_recording_and_ends_after_it_began() {
    let (mut scene, lead) = determined();
    for (ordered_on, due_on, bound) in [
        ("2025-03-01", "2025-04-03", Bound::NotBeforeFound),
        ("2025-03-04", "2025-04-03", Bound::NotAfterRecorded),
        ("2025-03-03", "2025-03-02", Bound::NotBeforeOrdered),
    ] {
        let rejection = scene.refused("fire", ordered(lead, ordered_on, due_on));
        assert!(matches!(rejection, Rejection::DateOrder { bound: found, .. } if found == bound), "{rejection:?}");
    }
    scene.does("fire", ordered(lead, "2025-03-03", "2025-03-03"));
}

#[test]
fn an_order_needs_a_referral_that_was_acknowledged() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("tourism", Report::equipment("2025-03-03"));
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    assert!(matches!(
        scene.refused("fire", ordered(lead, "2025-03-03", "2025-04-03")),
        Rejection::ReferralState { .. }
    ));
}

#[test]
fn a_second_order_waits_for_the_re_inspection() {
    let (mut scene, lead) = determined();
    scene.does("fire", ordered(lead, "2025-03-03", "2025-04-03"));
    assert!(matches!(scene.refused("fire", ordered(lead, "2025-03-03", "2025-05-03")), Rejection::Exists { .. }));
    scene.does("fire", reinspected("2025-03-03", false));
    scene.does("fire", ordered(lead, "2025-03-03", "2025-05-03"));
    assert_eq!(scene.state().rectification.as_ref().unwrap().due_on, date("2025-05-03"));
}

#[test]
fn re_inspection_needs_an_order_the_right_actor_and_the_right_day() {
    let (mut scene, lead) = determined();
    assert_eq!(scene.refused("fire", reinspected("2025-03-03", true)), Rejection::NoOrder);
    scene.does("fire", ordered(lead, "2025-03-03", "2025-04-03"));
    let may = vec![agency("fire"), agency("tourism")];
    let rejection = scene.refused("urban", reinspected("2025-03-03", true));
    assert!(matches!(&rejection, Rejection::WrongActor { may: found, .. } if *found == may), "{rejection:?}");
    for (day, bound) in [("2025-03-02", Bound::NotBeforeOrdered), ("2025-03-04", Bound::NotAfterRecorded)] {
        let rejection = scene.refused("fire", reinspected(day, true));
        assert!(matches!(rejection, Rejection::DateOrder { bound: found, .. } if found == bound), "{rejection:?}");
    }
    scene.does("tourism", reinspected("2025-03-03", true));
    assert!(matches!(scene.refused("fire", reinspected("2025-03-03", true)), Rejection::Exists { .. }));
}

/// On the last day it is in time; a day later it costs 2 more (considerable) and nothing comes back.
#[test]
fn the_last_day_is_in_time_and_the_next_is_late() {
    for (day, balance, last) in [("2025-04-03", 97, "restoration"), ("2025-04-04", 93, "late")] {
        let (mut scene, lead) = determined();
        scene.does("fire", ordered(lead, "2025-03-03", "2025-04-03"));
        scene.on(day).does("fire", reinspected(day, true));
        assert_eq!((scene.balance(), scene.last_entry().kind.code()), (balance, last), "{day}");
        assert_eq!(scene.state().rectified_on, Some(date(day)));
    }
}

/// Still not done after the term: late once, however often it is inspected; mending it then gives nothing back.
#[test]
fn lateness_costs_once_and_forfeits_the_restoration() {
    let (mut scene, lead) = determined();
    scene.does("fire", ordered(lead, "2025-03-03", "2025-04-03"));
    scene.on("2025-04-01").does("fire", reinspected("2025-04-01", false));
    assert_eq!(scene.balance(), 95, "not yet due");
    scene.on("2025-04-10").does("fire", reinspected("2025-04-10", false));
    assert_eq!(scene.balance(), 93);
    scene.on("2025-04-20").does("fire", reinspected("2025-04-20", false));
    scene.on("2025-04-25").does("fire", reinspected("2025-04-25", true));
    assert_eq!(scene.balance(), 93);
    assert_eq!(scene.state().rectification.as_ref().unwrap().inspections, 4);
    let entry = scene.last_entry();
    assert_eq!((entry.effective_on, entry.counted_until), (date("2025-04-10"), Some(date("2026-04-10"))));
}

/// Restoration rounds down, by severity: 50, 40, 30, 20 and 20 percent.
#[test]
fn what_comes_back_is_rounded_down() {
    for (category, severity, off, back) in [
        ("fire.60-1", Severity::General, 2, 1),
        ("fire.60-1", Severity::Considerable, 5, 2),
        ("fire.60-1", Severity::Serious, 10, 3),
        ("fire.60-3", Severity::Serious, 12, 3),
        ("fire.60-3", Severity::Grave, 24, 4),
        ("fire.60-1", Severity::MajorHazard, 30, 6),
        ("sanitation.refuse", Severity::General, 1, 0),
        ("sanitation.refuse", Severity::Considerable, 2, 0),
    ] {
        let mut scene = Scene::new();
        scene.on("2025-03-03");
        scene.reports("fire", Report::equipment("2025-03-03").of(category, severity));
        let own = scene.refers("fire", "fire", ReferralRole::Lead);
        scene.does("fire", ordered(own, "2025-03-03", "2025-04-03"));
        scene.does("fire", feedback(own, Outcome::RectificationOrdered, "2025-03-03"));
        assert_eq!(scene.balance(), 100 - off, "{category} {severity}");
        scene.does("fire", reinspected("2025-03-03", true));
        assert_eq!(scene.balance(), 100 - off + back, "{category} {severity}");
    }
}

/// Mended in time, closed, back again, late the second time: the restoration stands, the lateness counts.
#[test]
fn a_hazard_that_comes_back_can_be_late_but_is_restored_once() {
    let (mut scene, lead) = determined();
    scene.does("fire", ordered(lead, "2025-03-03", "2025-04-03"));
    scene.does("fire", reinspected("2025-03-03", true));
    let answer = scene.state().feedback[0].id;
    scene.does("tourism", confirmed(answer));
    scene.does("tourism", closed(ClosingGround::Rectified, "2025-03-03"));
    assert!(matches!(scene.refused("fire", ordered(lead, "2025-03-03", "2025-04-03")), Rejection::CaseState { .. }));
    scene.on("2025-05-06").does("tourism", reopened());
    scene.does("fire", ordered(lead, "2025-05-06", "2025-05-20"));
    assert_eq!(scene.state().rectified_on, None);
    scene.on("2025-06-03").does("fire", reinspected("2025-06-03", true));
    assert_eq!(scene.balance(), 100 - 5 + 2 - 2);
}

/// A case that changes hands after the order must not hang on the desk that gave it away.
#[test]
fn whoever_takes_the_case_over_may_inspect_and_order_anew() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("tourism", Report::equipment("2025-03-02").routed(assigned("fire", &[], &[])));
    let first = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", acknowledged(first));
    scene.does("fire", ordered(first, "2025-03-03", "2025-04-03"));
    scene.does("fire", transferred(first, "housing"));
    let second: ReferralId = scene.does("fire", passed_on("housing", ReferralRole::Lead, first)).into();
    scene.does("housing", acknowledged(second));
    scene.on("2025-03-10").does("housing", reinspected("2025-03-10", false));
    scene.does("housing", ordered(second, "2025-03-10", "2025-04-10"));
    scene.on("2025-04-10").does("housing", reinspected("2025-04-10", true));
    assert_eq!(scene.state().rectified_on, Some(date("2025-04-10")));
}
