//! Objections of the unit.

use fengsui_event::payload::{ObjectionDecided, ObjectionFiled};
use fengsui_event::{ClosingGround, EventId, ObjectionDecision, Outcome, ReferralRole};
use fengsui_projector::fold::{Bound, Missing, Rejection};
use fengsui_projector::state::CaseStatus;

use crate::harness::payloads::{
    Report, acknowledged, closed, decided, feedback, objected, ordered, reinspected, retracted,
};
use crate::harness::{Scene, agency, date};

use ObjectionDecision::{Rejected, Upheld};

/// Charged with 5, and 2 for a late rectification.
fn charged() -> Scene {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("tourism", Report::equipment("2025-03-01"));
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", acknowledged(lead));
    scene.does("fire", feedback(lead, Outcome::RectificationOrdered, "2025-03-03"));
    scene.does("fire", ordered(lead, "2025-03-02", "2025-03-02"));
    scene.does("fire", reinspected("2025-03-03", true));
    assert_eq!(scene.balance(), 93);
    scene
}

#[test]
fn an_agency_of_the_case_enters_it_with_grounds_and_a_day_of_the_case() {
    let mut scene = charged();
    let rejection = scene.refused("urban", objected("2025-03-03"));
    let may = vec![agency("fire"), agency("joint-office"), agency("tourism")];
    assert!(matches!(&rejection, Rejection::WrongActor { may: found, .. } if *found == may), "{rejection:?}");
    let silent = ObjectionFiled { grounds: " ".to_owned(), ..objected("2025-03-03") };
    assert_eq!(scene.refused("fire", silent), Rejection::Empty { field: "grounds".to_owned() });
    for (day, bound) in [("2025-02-28", Bound::NotBeforeFound), ("2025-03-04", Bound::NotAfterRecorded)] {
        let rejection = scene.refused("fire", objected(day));
        assert!(matches!(rejection, Rejection::DateOrder { bound: found, .. } if found == bound), "{rejection:?}");
    }
    scene.does("fire", objected("2025-03-03"));
    assert!(matches!(scene.refused("tourism", objected("2025-03-03")), Rejection::Exists { .. }));
}

#[test]
fn only_the_authority_decides_with_reasons_in_order_and_once() {
    let mut scene = charged();
    let objection = scene.does("fire", objected("2025-03-03"));
    scene.on("2025-03-05");
    let rejection = scene.refused("fire", decided(objection, Upheld, "2025-03-05"));
    let may = vec![agency("joint-office")];
    assert!(matches!(&rejection, Rejection::WrongActor { may: found, .. } if *found == may), "{rejection:?}");
    let silent = ObjectionDecided { reasons: String::new(), ..decided(objection, Upheld, "2025-03-05") };
    assert_eq!(scene.refused("joint-office", silent), Rejection::Empty { field: "reasons".to_owned() });
    for (day, bound) in [("2025-03-02", Bound::NotBeforeFiled), ("2025-03-06", Bound::NotAfterRecorded)] {
        let rejection = scene.refused("joint-office", decided(objection, Upheld, day));
        assert!(matches!(rejection, Rejection::DateOrder { bound: found, .. } if found == bound), "{rejection:?}");
    }
    let unknown = EventId::from_parts(1, [9; 10]);
    let missing = Rejection::Missing(Missing::Objection(unknown));
    assert_eq!(scene.refused("joint-office", decided(unknown, Upheld, "2025-03-05")), missing);
    scene.does("joint-office", decided(objection, Rejected, "2025-03-05"));
    let again = scene.refused("joint-office", decided(objection, Upheld, "2025-03-05"));
    assert_eq!(again, Rejection::ObjectionDecided { objection });
    assert_eq!(scene.balance(), 93, "a rejected objection moves nothing");
}

/// Everything that the case took comes back, by counter-entries: nothing is erased.
#[test]
fn an_upheld_objection_gives_back_exactly_what_was_taken() {
    let mut scene = charged();
    let objection = scene.does("fire", objected("2025-03-03"));
    scene.on("2025-03-10").does("joint-office", decided(objection, Upheld, "2025-03-07"));
    assert_eq!(scene.balance(), 100);
    let ledger = scene.ledger();
    assert_eq!(
        ledger[1..],
        [
            ("deduction", -5, "points/*/considerable".to_owned()),
            ("late", -2, "late/*/considerable".to_owned()),
            ("correction", 5, "reverses/2".to_owned()),
            ("correction", 2, "reverses/3".to_owned()),
        ]
    );
    let entry = scene.last_entry();
    assert_eq!((entry.cause != objection, entry.effective_on), (true, date("2025-03-07")));
    assert_eq!(scene.state().determined_on, None);
    assert!(scene.account().offences.is_empty());
    scene.does("tourism", retracted());
    assert_eq!(scene.balance(), 100, "what came back does not come back again");
}

#[test]
fn a_closed_case_can_be_objected_to_and_a_retracted_one_need_not() {
    let mut scene = charged();
    scene.does("tourism", closed(ClosingGround::UnitCeased, "2025-03-03"));
    let objection = scene.does("tourism", objected("2025-03-03"));
    scene.does("joint-office", decided(objection, Upheld, "2025-03-03"));
    assert_eq!((scene.balance(), scene.state().status), (100, CaseStatus::Closed));

    let mut scene = charged();
    scene.does("tourism", retracted());
    let rejection = scene.refused("tourism", objected("2025-03-03"));
    assert!(matches!(rejection, Rejection::CaseState { status: CaseStatus::Retracted, .. }));
}

/// Filed, then the report is taken back, then decided: the points come back once.
#[test]
fn a_decision_after_a_retraction_gives_nothing_twice() {
    let mut scene = charged();
    let objection = scene.does("fire", objected("2025-03-03"));
    scene.does("tourism", retracted());
    scene.does("joint-office", decided(objection, Upheld, "2025-03-03"));
    assert_eq!(scene.balance(), 100);
}

/// Once an upheld objection has taken the violation away, there is no duty that could be missed.
#[test]
fn after_an_upheld_objection_lateness_costs_nothing() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("tourism", Report::equipment("2025-03-01"));
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", acknowledged(lead));
    scene.does("fire", feedback(lead, Outcome::RectificationOrdered, "2025-03-03"));
    scene.does("fire", ordered(lead, "2025-03-03", "2025-03-04"));
    let objection = scene.does("fire", objected("2025-03-03"));
    scene.on("2025-03-10").does("joint-office", decided(objection, Upheld, "2025-03-07"));
    scene.does("fire", reinspected("2025-03-10", false));
    assert_eq!(scene.balance(), 100);
}
