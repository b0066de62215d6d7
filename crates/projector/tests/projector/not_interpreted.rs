//! Types that are in the catalogue, but from which this version draws nothing yet: kept, shown, never a stop.

use fengsui_event::payload as p;
use fengsui_event::{Digest, EventId, Payload, Subject, SupervisionLevel};
use fengsui_projector::fold::Rejection;

use crate::harness::payloads::Report;
use crate::harness::{Publication, Scene, agency, date, hotel, region};

pub fn of_a_case() -> Vec<Payload> {
    let reason = || "理由".to_owned();
    vec![
        p::HazardListed { level: SupervisionLevel::City, due_on: date("2025-06-03"), reason: reason() }.into(),
        p::HazardDelisted { reason: reason(), evidence: Vec::new() }.into(),
    ]
}

pub fn of_a_unit() -> Vec<Payload> {
    let (reason, id) = (|| "理由".to_owned(), EventId::from_parts(1, [1; 10]));
    vec![
        p::CreditRepaired { entry_cause: id, reason: reason(), effective_on: date("2025-01-02") }.into(),
        p::MeasureImposed {
            measure: "more-inspections".to_owned(),
            reason: reason(),
            from: date("2025-01-02"),
            until: None,
        }
        .into(),
        p::MeasureLifted { imposed_by: id, reason: reason() }.into(),
        p::UnitMerged { into: crate::harness::school(), effective_on: date("2025-01-02"), reason: reason() }.into(),
    ]
}

pub fn of_the_region() -> Vec<Payload> {
    let (text, id) = (|| "文字".to_owned(), EventId::from_parts(1, [1; 10]));
    vec![
        p::PublicationIssued { items: vec![id], from: date("2025-01-02"), until: date("2025-06-03") }.into(),
        p::PublicationWithdrawn { publication: id, reason: text() }.into(),
        p::MeetingConvened {
            title: text(),
            held_on: date("2025-01-02"),
            members: vec![agency("fire")],
            agenda: Vec::new(),
        }
        .into(),
        p::MeetingResolved { meeting: id, case: None, lead: None, resolution: text() }.into(),
        p::OperationOpened { title: text(), from: date("2025-01-02"), units: vec![hotel()] }.into(),
        p::OperationJoined { operation: id }.into(),
        p::OperationConcluded { operation: id, cases: Vec::new(), summary: text() }.into(),
        p::InspectionDrawn { seed: Digest::of(b"seed"), units: vec![hotel()], inspectors: vec![text()] }.into(),
        p::CheckpointCosigned { note: text() }.into(),
    ]
}

#[test]
fn each_is_kept_and_named() {
    let mut scene = Scene::new();
    scene.reports("fire", Report::equipment("2025-01-02"));
    let case = scene.case;
    let all = of_a_case().into_iter().map(|payload| (Subject::Unit(hotel()), case, payload));
    let all = all.chain(of_a_unit().into_iter().map(|payload| (Subject::Unit(hotel()), None, payload)));
    let all = all.chain(of_the_region().into_iter().map(|payload| (Subject::Region(region("350600")), None, payload)));
    let all: Vec<_> = all.collect();
    assert_eq!(all.len(), 15);
    for (subject, correlation, payload) in all {
        let event_type = payload.event_type();
        let publication = Publication { subject, correlation, causation: None, payload };
        assert_eq!(scene.refuses("joint-office", publication), Rejection::NotInterpreted, "{event_type}");
    }
}

/// A type that is interpreted, but about something that it cannot be about, is a mistake of its author instead.
#[test]
fn what_is_interpreted_must_be_about_the_right_thing() {
    let mut scene = Scene::new();
    scene.reports("fire", Report::equipment("2025-01-02"));
    for subject in [Subject::Agency(agency("fire")), Subject::Rulebook("x".to_owned())] {
        let publication = Publication { subject, ..scene.about_case(crate::harness::payloads::retracted().into()) };
        assert!(matches!(scene.refuses("fire", publication), Rejection::Incoherent { .. }));
    }
    let suspension = p::AgencySuspended { agency: agency("urban"), reason: "撤并".to_owned() };
    let publication = scene.about_case(suspension.into());
    assert!(matches!(scene.refuses("joint-office", publication), Rejection::Incoherent { .. }));
}
