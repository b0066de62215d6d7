//! Feedback, its confirmation and its rejection.

use fengsui_event::payload::{FeedbackRejected, FeedbackSubmitted};
use fengsui_event::{EventId, Outcome, ReferralId, ReferralRole};
use fengsui_projector::fold::{Bound, Missing, Rejection};
use fengsui_projector::state::ReferralStatus;

use crate::harness::payloads::{Report, acknowledged, confirmed, feedback, fine, rejected, retracted};
use crate::harness::{Scene, agency, date};

fn at_hand() -> (Scene, ReferralId) {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("tourism", Report::equipment("2025-03-02"));
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", acknowledged(lead));
    (scene, lead)
}

#[test]
fn only_the_addressee_feeds_back_and_only_after_acknowledging() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("tourism", Report::equipment("2025-03-03"));
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    let answer = feedback(lead, Outcome::CaseFiled, "2025-03-03");
    assert!(matches!(scene.refused("tourism", answer.clone()), Rejection::WrongActor { .. }));
    let early = scene.refused("fire", answer.clone());
    assert!(matches!(early, Rejection::ReferralState { status: ReferralStatus::Issued, .. }));
    scene.does("fire", acknowledged(lead));
    scene.does("fire", answer.clone());
    assert!(matches!(scene.refused("fire", answer), Rejection::ReferralState { status: ReferralStatus::FedBack, .. }));
}

#[test]
fn what_was_done_lies_between_finding_and_recording() {
    let (mut scene, lead) = at_hand();
    let before = scene.refused("fire", feedback(lead, Outcome::CaseFiled, "2025-03-01"));
    assert_eq!(
        before,
        Rejection::DateOrder { date: date("2025-03-01"), limit: date("2025-03-02"), bound: Bound::NotBeforeFound }
    );
    let after = scene.refused("fire", feedback(lead, Outcome::CaseFiled, "2025-03-04"));
    assert_eq!(
        after,
        Rejection::DateOrder { date: date("2025-03-04"), limit: date("2025-03-03"), bound: Bound::NotAfterRecorded }
    );
    scene.does("fire", feedback(lead, Outcome::CaseFiled, "2025-03-02"));
}

#[test]
fn feedback_needs_words() {
    let (mut scene, lead) = at_hand();
    let silent = FeedbackSubmitted { summary: "\t".to_owned(), ..feedback(lead, Outcome::CaseFiled, "2025-03-03") };
    assert_eq!(scene.refused("fire", silent), Rejection::Empty { field: "summary".to_owned() });
}

#[test]
fn a_penalty_comes_with_its_outcome_and_its_kind_and_its_day() {
    let (mut scene, lead) = at_hand();
    let empty = Rejection::Empty { field: "penalty".to_owned() };
    let without = FeedbackSubmitted { penalty: None, ..feedback(lead, Outcome::Penalised, "2025-03-03") };
    assert_eq!(scene.refused("fire", without), empty);
    let mut kindless = feedback(lead, Outcome::Penalised, "2025-03-03");
    kindless.penalty.as_mut().unwrap().kinds.clear();
    assert_eq!(scene.refused("fire", kindless), empty);
    let unasked =
        FeedbackSubmitted { penalty: Some(fine("2025-03-03")), ..feedback(lead, Outcome::NoViolation, "2025-03-03") };
    assert!(matches!(scene.refused("fire", unasked), Rejection::Incoherent { .. }));
    for (day, bound) in [("2025-03-01", Bound::NotBeforeFound), ("2025-03-04", Bound::NotAfterRecorded)] {
        let answer = FeedbackSubmitted { penalty: Some(fine(day)), ..feedback(lead, Outcome::Penalised, "2025-03-03") };
        let rejection = scene.refused("fire", answer);
        assert!(matches!(rejection, Rejection::DateOrder { bound: found, .. } if found == bound), "{rejection:?}");
    }
    scene.does("fire", feedback(lead, Outcome::Penalised, "2025-03-03"));
}

#[test]
fn only_the_reporter_answers_and_once() {
    for confirm in [true, false] {
        let (mut scene, lead) = at_hand();
        let answer = scene.does("fire", feedback(lead, Outcome::CaseFiled, "2025-03-03"));
        for actor in ["fire", "joint-office", "urban"] {
            let by = vec![agency("tourism")];
            let rejections = [scene.refused(actor, confirmed(answer)), scene.refused(actor, rejected(answer))];
            for rejection in rejections {
                assert!(matches!(&rejection, Rejection::WrongActor { may, .. } if *may == by), "{rejection:?}");
            }
        }
        let silent = FeedbackRejected { feedback: answer, reason: String::new() };
        assert_eq!(scene.refused("tourism", silent), Rejection::Empty { field: "reason".to_owned() });
        let status = if confirm {
            scene.does("tourism", confirmed(answer));
            "confirmed"
        } else {
            scene.does("tourism", rejected(answer));
            "rejected"
        };
        let expected = Rejection::FeedbackAnswered { feedback: answer, status: status.to_owned() };
        assert_eq!(scene.refused("tourism", confirmed(answer)), expected);
        assert_eq!(scene.refused("tourism", rejected(answer)), expected);
    }
}

#[test]
fn unknown_feedback_is_missing() {
    let (mut scene, _) = at_hand();
    let unknown = EventId::from_parts(1, [9; 10]);
    assert_eq!(scene.refused("tourism", confirmed(unknown)), Rejection::Missing(Missing::Feedback(unknown)));
    assert_eq!(scene.refused("tourism", rejected(unknown)), Rejection::Missing(Missing::Feedback(unknown)));
}

#[test]
fn feedback_of_a_retracted_case_is_not_answered() {
    let (mut scene, lead) = at_hand();
    let answer = scene.does("fire", feedback(lead, Outcome::CaseFiled, "2025-03-03"));
    scene.does("tourism", retracted());
    assert!(matches!(scene.refused("tourism", confirmed(answer)), Rejection::CaseState { .. }));
}

/// A filed case and one with police or prosecutor are open questions: nothing falls. No violation takes back.
#[test]
fn points_fall_with_the_finding_and_come_back_when_it_is_refuted() {
    for (outcome, balance) in [
        (Outcome::RectifiedOnSite, 95),
        (Outcome::RectificationOrdered, 95),
        (Outcome::Penalised, 95),
        (Outcome::CaseFiled, 100),
        (Outcome::MovedToJudiciary, 100),
        (Outcome::NoViolation, 100),
    ] {
        let (mut scene, lead) = at_hand();
        let answer = scene.does("fire", feedback(lead, outcome, "2025-03-03"));
        assert_eq!(scene.balance(), balance, "{outcome}");
        scene.does("tourism", rejected(answer));
        scene.does("fire", feedback(lead, Outcome::NoViolation, "2025-03-03"));
        assert_eq!(scene.balance(), 100, "{outcome}");
        assert_eq!(scene.state().determined_on, None, "{outcome}");
    }
}

/// Rejected and fed back again with another finding: the second one counts, once.
#[test]
fn a_finding_after_its_refutation_counts_anew() {
    let (mut scene, lead) = at_hand();
    for outcome in [Outcome::Penalised, Outcome::NoViolation, Outcome::Penalised, Outcome::RectifiedOnSite] {
        let answer = scene.does("fire", feedback(lead, outcome, "2025-03-03"));
        scene.does("tourism", rejected(answer));
    }
    let points: Vec<i32> = scene.ledger().iter().map(|(_, points, _)| *points).collect();
    assert_eq!(points, [100, -5, 5, -5]);
}
