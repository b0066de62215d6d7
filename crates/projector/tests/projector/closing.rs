//! Closing on each ground, and reopening. Closed and rectified are different facts (cases.md 22).

use fengsui_event::payload::{CaseClosed, CaseReopened};
use fengsui_event::{CaseId, ClosingGround, EventId, ObjectionDecision, Outcome, ReferralId, ReferralRole};
use fengsui_projector::fold::{Bound, Obstacle, Rejection};
use fengsui_projector::state::{CaseStatus, ReferralStatus};

use crate::harness::payloads::{
    Report, acknowledged, closed, confirmed, decided, feedback, objected, ordered, reinspected, reopened, retracted,
};
use crate::harness::{Model, Scene, agency, date, number};

fn fed_back(outcome: Outcome) -> (Scene, ReferralId, EventId) {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("tourism", Report::equipment("2025-03-02"));
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", acknowledged(lead));
    let answer = scene.does("fire", feedback(lead, outcome, "2025-03-03"));
    (scene, lead, answer)
}

fn not_closable(obstacle: Obstacle) -> Rejection {
    Rejection::NotClosable { obstacle }
}

#[test]
fn closing_as_rectified_needs_a_lead_a_confirmed_feedback_and_a_hazard_that_is_gone() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("tourism", Report::equipment("2025-03-02"));
    let close = closed(ClosingGround::Rectified, "2025-03-03");
    assert_eq!(scene.refused("tourism", close.clone()), not_closable(Obstacle::NoLead));
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", acknowledged(lead));
    let answer = scene.does("fire", feedback(lead, Outcome::RectificationOrdered, "2025-03-03"));
    assert_eq!(scene.refused("tourism", close.clone()), not_closable(Obstacle::FeedbackNotConfirmed));
    scene.does("tourism", confirmed(answer));
    assert_eq!(scene.refused("tourism", close.clone()), not_closable(Obstacle::NotRectified));
    scene.does("fire", ordered(lead, "2025-03-03", "2025-04-03"));
    scene.does("fire", reinspected("2025-03-03", true));
    scene.does("tourism", close);
}

#[test]
fn only_those_of_the_case_close_it_and_on_a_day_of_the_case() {
    let (mut scene, _, _) = fed_back(Outcome::CaseFiled);
    let rejection = scene.refused("urban", closed(ClosingGround::UnitCeased, "2025-03-03"));
    let may = vec![agency("fire"), agency("joint-office"), agency("tourism")];
    assert!(matches!(&rejection, Rejection::WrongActor { may: found, .. } if *found == may), "{rejection:?}");
    for (day, bound) in [("2025-03-01", Bound::NotBeforeFound), ("2025-03-04", Bound::NotAfterRecorded)] {
        let rejection = scene.refused("fire", closed(ClosingGround::UnitCeased, day));
        assert!(matches!(rejection, Rejection::DateOrder { bound: found, .. } if found == bound), "{rejection:?}");
    }
    scene.does("joint-office", closed(ClosingGround::UnitCeased, "2025-03-02"));
    let again = scene.refused("tourism", closed(ClosingGround::UnitCeased, "2025-03-03"));
    assert!(matches!(again, Rejection::CaseState { status: CaseStatus::Closed, .. }));
}

/// A ground that a finding gives needs that very finding, confirmed.
#[test]
fn a_ground_must_agree_with_the_confirmed_outcome() {
    for (ground, outcome) in [
        (ClosingGround::NoViolation, Outcome::NoViolation),
        (ClosingGround::MovedToJudiciary, Outcome::MovedToJudiciary),
    ] {
        for found in [Outcome::CaseFiled, Outcome::NoViolation, Outcome::MovedToJudiciary] {
            let (mut scene, _, answer) = fed_back(found);
            let close = closed(ground, "2025-03-03");
            assert_eq!(scene.refused("tourism", close.clone()), not_closable(Obstacle::FeedbackNotConfirmed));
            scene.does("tourism", confirmed(answer));
            if found == outcome {
                scene.does("tourism", close);
            } else {
                assert_eq!(scene.refused("tourism", close), not_closable(Obstacle::OutcomeDiffers), "{ground} {found}");
            }
        }
    }
}

/// The unit is gone, the fire door still blocked: closed, but not rectified, and the deduction stands.
#[test]
fn closed_is_not_rectified() {
    let (mut scene, lead, _) = fed_back(Outcome::Penalised);
    scene.does("tourism", closed(ClosingGround::UnitCeased, "2025-03-03"));
    assert_eq!((scene.state().status, scene.state().rectified_on), (CaseStatus::Closed, None));
    assert_eq!(scene.referral(lead).status, ReferralStatus::Lapsed);
    assert_eq!(scene.balance(), 95);
}

/// cases.md 23: a duplicate names the case that holds the same violation, and its points come back.
#[test]
fn a_duplicate_names_the_other_case_and_gives_its_points_back() {
    let (mut scene, _, _) = fed_back(Outcome::Penalised);
    let original = scene.case.unwrap();
    let twin = scene.reports("tourism", Report::equipment("2025-03-02"));
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", acknowledged(lead));
    scene.does("fire", feedback(lead, Outcome::Penalised, "2025-03-03"));
    assert_eq!(scene.balance(), 100 - 5 - (5 + 2));
    let close = |other| CaseClosed { duplicate_of: other, ..closed(ClosingGround::Duplicate, "2025-03-03") };
    assert_eq!(scene.refused("tourism", close(None)), not_closable(Obstacle::DuplicateOfMissing));
    assert_eq!(scene.refused("tourism", close(Some(twin))), not_closable(Obstacle::DuplicateOfMissing));
    scene.does("tourism", close(Some(original)));
    assert_eq!(scene.state().closing.as_ref().unwrap().duplicate_of, Some(original));
    assert_eq!(scene.balance(), 95, "one violation costs once");
    assert_eq!(scene.account().offences.len(), 1);
}

#[test]
fn an_objection_must_be_decided_before_closing() {
    let (mut scene, _, answer) = fed_back(Outcome::Penalised);
    scene.does("tourism", confirmed(answer));
    let objection = scene.does("fire", objected("2025-03-03"));
    for ground in ClosingGround::ALL {
        let close = CaseClosed { duplicate_of: Some(CaseId::of(objection)), ..closed(*ground, "2025-03-03") };
        assert_eq!(scene.refused("tourism", close), not_closable(Obstacle::ObjectionPending), "{ground}");
    }
    scene.does("joint-office", decided(objection, ObjectionDecision::Upheld, "2025-03-03"));
    // The handler had found a violation; the objection says that there was none, and that is ground enough.
    scene.does("tourism", closed(ClosingGround::NoViolation, "2025-03-03"));
}

#[test]
fn only_reporter_and_authority_reopen_and_only_what_is_closed() {
    let (mut scene, _, _) = fed_back(Outcome::CaseFiled);
    assert!(matches!(scene.refused("tourism", reopened()), Rejection::CaseState { status: CaseStatus::Open, .. }));
    scene.does("tourism", closed(ClosingGround::UnitCeased, "2025-03-03"));
    let may = vec![agency("joint-office"), agency("tourism")];
    let rejection = scene.refused("fire", reopened());
    assert!(matches!(&rejection, Rejection::WrongActor { may: found, .. } if *found == may), "{rejection:?}");
    let silent = CaseReopened { reason: String::new() };
    assert_eq!(scene.refused("tourism", silent), Rejection::Empty { field: "reason".to_owned() });
    scene.does("joint-office", reopened());
    assert_eq!((scene.account().open_cases, scene.state().reopened), (1, 1));
    assert_eq!(scene.state().closing, None);
    scene.does("tourism", retracted());
    assert!(matches!(scene.refused("tourism", reopened()), Rejection::CaseState { status: CaseStatus::Retracted, .. }));
}

/// The table for people follows: a closing day while closed, none after reopening.
#[test]
fn the_table_of_cases_shows_the_state_of_the_last_event() {
    let (mut scene, _, _) = fed_back(Outcome::CaseFiled);
    let row = |scene: &Scene| {
        let (_model, projector) = Model::of(&scene.genesis, &scene.log);
        let connection = projector.store().connection();
        let status = crate::harness::text(connection, "SELECT status FROM cases");
        (
            status,
            number(connection, "SELECT closed_on IS NOT NULL FROM cases"),
            number(connection, "SELECT count(*) FROM deadlines"),
        )
    };
    assert_eq!(row(&scene), ("open".to_owned(), 0, 1));
    scene.does("tourism", closed(ClosingGround::UnitCeased, "2025-03-03"));
    assert_eq!(row(&scene), ("closed".to_owned(), 1, 0));
    scene.does("tourism", reopened());
    assert_eq!(row(&scene), ("open".to_owned(), 0, 1));
    assert_eq!(scene.state().found_on, date("2025-03-02"));
}
