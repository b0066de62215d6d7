//! A recorded reconciliation: who may record one, and that it adds up.

use fengsui_event::payload::{ClassCount, ReconciliationRecorded};
use fengsui_event::{Digest, ReconciliationClass, Subject};
use fengsui_projector::Rejection;

use crate::golden::{file_of, folder, lines, log_of};
use crate::harness::{Model, Publication, Scene, agency, hotel, region};

fn recorded(position: u64) -> ReconciliationRecorded {
    let count = |class, rows, cases| ClassCount { class, rows, cases };
    ReconciliationRecorded {
        agency: agency("fire"),
        sha256: Digest::of(b"book"),
        position,
        rows: 3,
        cases: 2,
        classes: vec![count(ReconciliationClass::MissingHere, 1, 0), count(ReconciliationClass::Matched, 2, 2)],
        differences: Digest::of(b"list"),
        previous: None,
    }
}

fn about(subject: Subject, data: ReconciliationRecorded) -> Publication {
    Publication { subject, correlation: None, causation: None, payload: data.into() }
}

#[test]
fn an_agency_records_its_own_book_and_the_authority_anybodys() {
    let mut scene = Scene::new();
    let here = || Subject::Region(region("350600"));
    let position = scene.position() - 1;
    let before = scene.anomalies();
    scene.effective("fire", about(here(), recorded(position)));
    scene.effective("joint-office", about(here(), recorded(position)));
    assert_eq!(scene.anomalies(), before);
    let other = scene.refuses("tourism", about(here(), recorded(position)));
    assert!(matches!(other, Rejection::WrongActor { .. }), "{other:?}");
    let subject = scene.refuses("fire", about(Subject::Unit(hotel()), recorded(position)));
    assert!(matches!(subject, Rejection::Incoherent { .. }), "{subject:?}");
}

#[test]
fn what_does_not_add_up_or_speaks_of_the_future_has_no_effect() {
    let mut scene = Scene::new();
    let here = || Subject::Region(region("350600"));
    for wrong in [
        ReconciliationRecorded { rows: 4, ..recorded(1) },
        ReconciliationRecorded { cases: 1, ..recorded(1) },
        ReconciliationRecorded { classes: Vec::new(), ..recorded(1) },
    ] {
        let refused = scene.refuses("fire", about(here(), wrong));
        assert!(matches!(refused, Rejection::Incoherent { .. }), "{refused:?}");
    }
    let future = scene.position() + 1_000;
    let refused = scene.refuses("fire", about(here(), recorded(future)));
    assert!(matches!(refused, Rejection::PositionRange { .. }), "{refused:?}");
}

/// Two books of the fire brigade, and one that does not add up.
fn story() -> Scene {
    let mut scene = Scene::new();
    let here = || Subject::Region(region("350600"));
    let position = scene.position() - 1;
    scene.effective("fire", about(here(), recorded(position)));
    scene.effective("joint-office", about(here(), recorded(position)));
    scene.refuses("fire", about(here(), ReconciliationRecorded { rows: 4, ..recorded(position) }));
    scene
}

/// As in `golden.rs`: byte for byte, and `UPDATE_GOLDEN=1` writes it.
#[test]
fn the_generator_makes_the_file_with_reconciliations() {
    let story = story();
    let file = file_of(&story.log);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let (_model, projector) = Model::of(&story.genesis, &story.log);
        std::fs::write(folder().join("reconciliation.jsonl"), &file).unwrap();
        std::fs::write(folder().join("reconciliation.lines"), lines(&projector)).unwrap();
    }
    assert!(std::fs::read_to_string(folder().join("reconciliation.jsonl")).unwrap() == file, "it differs");
}

/// SHA-256 of the state after this log, by `docs/state-digest.md`.
const DIGEST: &str = "1902ff80d48aeaf137ca8cfe9d29739c35a5b65f24178cc841ab50498129b750";

#[test]
fn the_digest_of_the_log_with_reconciliations_never_changes() {
    let (_model, projector) = Model::of(&Scene::empty().genesis.clone(), &log_of("reconciliation.jsonl"));
    assert_eq!(projector.digest().unwrap().to_string(), DIGEST);
    assert!(lines(&projector) == std::fs::read(folder().join("reconciliation.lines")).unwrap(), "the lines differ");
}
