//! cases.md, as far as the fold and its read model are concerned.

use fengsui_event::{CaseId, EventId, Outcome, ReferralRole, Subject};
use fengsui_log::{EventLog, Record};
use fengsui_projector::{Cause, FollowOptions, Unwatched};

use crate::harness::payloads::{Report, acknowledged, feedback, retracted, unit_registered};
use crate::harness::{Model, Scene, columns, hotel, number, text};

/// A case with points, on the log.
fn charged() -> Scene {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("tourism", Report::equipment("2025-03-03"));
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", acknowledged(lead));
    scene.does("fire", feedback(lead, Outcome::Penalised, "2025-03-03"));
    scene
}

#[test]
fn case_1_a_repeated_id_counts_once_for_ever() {
    let mut scene = charged();
    let feedback = scene.log.records.last().unwrap().clone();
    let first = scene.position();
    // Ten thousand events and two years later, and then once more.
    scene.on("2027-03-03");
    for _ in 0..200 {
        let subject = Subject::Unit(hotel());
        scene.publishes("urban", subject, unit_registered_as_reported());
    }
    for _ in 0..2 {
        assert_eq!(scene.without_effect(feedback.clone()), Cause::Duplicate { first });
    }
    assert_eq!(scene.balance(), 95);
    let (_model, projector) = Model::of(&scene.genesis, &scene.log);
    let progress = projector.progress();
    assert_eq!((progress.duplicates, progress.without_effect), (2, 2), "counted");
    let seen: Vec<i64> = columns(
        projector.store().connection(),
        "SELECT position FROM anomalies WHERE code = 'duplicate' ORDER BY number",
    );
    assert_eq!(seen, [215, 216], "and visible");
}

fn unit_registered_as_reported() -> fengsui_event::payload::UnitRegistered {
    unit_registered(&hotel())
}

#[test]
fn case_2_the_same_id_with_other_bytes_is_a_loud_conflict() {
    let mut scene = charged();
    let (first, id) = (scene.position(), scene.log.records.last().unwrap().id);
    let publication = scene.about_case(retracted().into());
    let other = scene.world.sign_as("tourism", id, publication);
    assert_eq!(scene.without_effect(other), Cause::Conflict { first });
    let (_model, projector) = Model::of(&scene.genesis, &scene.log);
    let connection = projector.store().connection();
    // Both positions are visible: the second in the row, the first in its cause.
    assert_eq!(number(connection, "SELECT position FROM anomalies WHERE code = 'conflict'"), 15);
    assert_eq!(text(connection, "SELECT cause FROM anomalies WHERE code = 'conflict'"), r#"{"conflict":{"first":14}}"#);
    assert_eq!(number(connection, "SELECT notice FROM anomalies WHERE code = 'conflict'"), 0);
    assert_eq!(text(connection, "SELECT status FROM cases"), "open");
}

#[test]
fn case_5_everything_delivered_again_changes_no_table() {
    let mut scene = charged();
    let once = scene.log.records.clone();
    let tables = |scene: &Scene| {
        let (_model, projector) = Model::of(&scene.genesis, &scene.log);
        let connection = projector.store().connection();
        let dump = |sql: &str| columns::<String>(connection, sql);
        (
            dump("SELECT unit || total || entries || cases || open_cases || hex(state) FROM accounts ORDER BY unit"),
            dump("SELECT unit || number || position || points || rule FROM entries ORDER BY unit, number"),
            dump("SELECT hex(id) || status || hex(state) FROM cases ORDER BY id"),
            dump("SELECT hex(id) || status FROM referrals ORDER BY id"),
            dump("SELECT hex(case_id) || kind || due_on FROM deadlines ORDER BY case_id, slot"),
            dump("SELECT source || sequence || hex(state) FROM sources ORDER BY source"),
        )
    };
    let before = tables(&scene);
    for record in &once {
        assert!(matches!(scene.without_effect(record.clone()), Cause::Duplicate { .. }));
    }
    assert_eq!(tables(&scene), before);
    assert_eq!(scene.memory.anomalies.len(), once.len());
}

/// The acknowledgement floor is lost, but the model's position is committed with its rows.
#[test]
fn case_5_the_position_is_in_the_model_itself() {
    let scene = charged();
    let model = Model::new(&scene.genesis);
    for until in 1..=scene.position() {
        model.follow_to(&scene.log, until, FollowOptions::default());
        let projector = model.open();
        assert_eq!(projector.progress().position, until);
        assert_eq!(
            number(projector.store().connection(), "SELECT position FROM progress"),
            i64::try_from(until).unwrap()
        );
    }
    let (_other, whole) = Model::of(&scene.genesis, &scene.log);
    assert_eq!(model.digest(), whole.digest().unwrap());
}

/// Replaces the payload of a signed record and signs it again: what a newer or a broken program would publish.
fn with_data(scene: &mut Scene, code: &str, type_text: &str, data: &str) -> Record {
    let publication = scene.about_case(retracted().into());
    let id = scene.world.next_id();
    let draft = scene.world.draft(code, id, publication);
    let link = scene.world.link(code);
    let plain = draft.sign(link, scene.world.key(code)).unwrap();
    let bytes = String::from_utf8(plain.bytes).unwrap();
    let bytes = bytes.replace("cn.fengsui.violation.retracted.v1", type_text).replace(r#"{"reason":"误报"}"#, data);
    let signature = fengsui_event::Signer::sign(scene.world.key(code), bytes.as_bytes()).to_vec();
    let subject = if type_text == "cn.fengsui.violation.retracted.v1" {
        draft.stream_subject()
    } else {
        format!("fengsui.350600.{code}.drone.sighted")
    };
    Record { id, subject, bytes: bytes.into_bytes(), signature }
}

#[test]
fn case_10_an_unknown_type_is_quarantined_and_its_case_marked_incomplete() {
    let mut scene = charged();
    let record = with_data(&mut scene, "urban", "cn.fengsui.drone.sighted.v1", r#"{"height":3}"#);
    assert_eq!(scene.record(record.clone()), Some(Cause::UnknownType));
    assert!(scene.state().incomplete);
    let anomaly = scene.memory.anomalies.last().unwrap();
    assert_eq!(anomaly.agency.as_ref().unwrap().as_str(), "urban");
    assert_eq!(anomaly.type_text.as_deref(), Some("cn.fengsui.drone.sighted.v1"));
    assert_eq!((anomaly.case, anomaly.position), (scene.case, scene.position()));
    // What follows goes on, also from the same source.
    let link = fengsui_event::ChainLink::after(1, &record.bytes);
    let publication = fengsui_event_publication(&scene);
    let id = scene.world.next_id();
    let next = scene.world.sign_at("urban", link, id, publication);
    assert_eq!(scene.record(next), None);
    let (_model, projector) = Model::of(&scene.genesis, &scene.log);
    let connection = projector.store().connection();
    assert_eq!(number(connection, "SELECT incomplete FROM cases"), 1);
    assert_eq!(
        text(connection, "SELECT agency || ' ' || type || ' ' || code FROM anomalies"),
        "urban cn.fengsui.drone.sighted.v1 unknown_type"
    );
}

fn fengsui_event_publication(scene: &Scene) -> crate::harness::Publication {
    crate::harness::Publication { correlation: None, ..scene.about_case(unit_registered(&hotel()).into()) }
}

#[test]
fn case_10_a_payload_that_does_not_fit_is_quarantined_with_its_reason() {
    for data in [r#"{"reason":7}"#, "{}", r#"{"reason":"a","because":"b"}"#, "[]", "null"] {
        let mut scene = charged();
        let record = with_data(&mut scene, "tourism", "cn.fengsui.violation.retracted.v1", data);
        let cause = scene.record(record).unwrap();
        assert!(matches!(&cause, Cause::MalformedPayload(reason) if !reason.is_empty()), "{data}: {cause:?}");
        assert!(scene.state().incomplete, "{data}");
        assert_eq!(scene.state().status, fengsui_projector::state::CaseStatus::Open);
    }
}

/// A unit's event outside a case marks the account; one about nothing known marks nothing.
#[test]
fn case_10_an_unknown_event_of_a_unit_marks_its_account() {
    let mut scene = charged();
    let case = scene.case.take();
    let record = with_data(&mut scene, "urban", "cn.fengsui.unit.inspected.v9", "{}");
    let record = Record { subject: "fengsui.350600.urban.unit.inspected".to_owned(), ..record };
    assert_eq!(scene.record(record), Some(Cause::UnknownType));
    assert!(scene.account().incomplete);
    assert!(!scene.memory.cases[&case.unwrap()].incomplete);
    scene.case = Some(CaseId::of(EventId::from_parts(1, [3; 10])));
    scene.unit = crate::harness::school();
    let record = with_data(&mut scene, "housing", "cn.fengsui.drone.sighted.v1", "{}");
    assert_eq!(scene.record(record), Some(Cause::UnknownType));
    assert_eq!(scene.memory.cases.len(), 1);
}

#[test]
fn case_10_rubbish_is_quarantined_and_stops_nobody() {
    let mut scene = charged();
    let deep = "[".repeat(100_000);
    for bytes in [&b""[..], b"{}", b"null", b"\xff\xfe", b"{\"specversion\":\"1.0\"", deep.as_bytes()] {
        let record = Record {
            id: EventId::from_parts(1, [3; 10]),
            subject: "fengsui.350600.fire.violation.reported".to_owned(),
            bytes: bytes.to_vec(),
            signature: vec![1; 64],
        };
        assert_eq!(scene.without_effect(record).code(), "malformed_envelope");
    }
    let publication = fengsui_event_publication(&scene);
    scene.effective("fire", publication);
}

/// cases.md 7: what a broker has lost leaves a hole, which is named and stops nobody.
#[test]
fn case_7_a_hole_in_the_log_is_named() {
    let mut scene = charged();
    assert_eq!(scene.without_effect(Record::missing()), Cause::Lost);
    let near = Record { subject: "fengsui.350600.fire.missing".to_owned(), ..Record::missing() };
    assert_eq!(scene.without_effect(near).code(), "malformed_envelope");
    let publication = fengsui_event_publication(&scene);
    scene.effective("fire", publication);
}

/// cases.md 11: replay has no publisher.
#[test]
fn case_11_following_and_rebuilding_append_nothing() {
    let scene = charged();
    let log = crate::harness::MemoryLog::of(scene.log.records.clone());
    let (model, mut projector) = Model::of(&scene.genesis, &log);
    projector.follow(&log, FollowOptions::default(), &mut Unwatched).unwrap();
    drop(projector);
    model.rebuild(&log);
    assert_eq!((log.appends, log.records.len()), (0, scene.log.records.len()));
    assert_eq!(log.records, scene.log.records);
}

/// The embedded log is followed and rebuilt from as well, and stays byte for byte as it was.
#[test]
fn case_11_the_embedded_log_is_read_alone() {
    let scene = charged();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut writer = fengsui_log::Embedded::create(&path).unwrap();
    writer.append(&scene.log.records).unwrap();
    let reader = fengsui_log::Embedded::open_reader(&path).unwrap();
    let (model, projector) = Model::of(&scene.genesis, &reader);
    let followed = projector.digest().unwrap();
    drop(projector);
    model.rebuild(&reader);
    assert_eq!(model.digest(), followed);
    let (_other, in_memory) = Model::of(&scene.genesis, &scene.log);
    assert_eq!(in_memory.digest().unwrap(), followed, "one log, one state, wherever it lies");
    assert_eq!(reader.head().unwrap().unwrap().get(), scene.position());
}
