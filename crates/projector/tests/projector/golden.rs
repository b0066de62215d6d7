//! A log from the first days of the format, with the digest of its state. Neither changes within a major version: the
//! same bytes mean the same for ever. `tests/golden/README.md` tells how the file was made.

use std::collections::BTreeSet;
use std::path::PathBuf;

use fengsui_event::payload as p;
use fengsui_event::{
    CaseId, ChainLink, ClosingGround, DeadlineKind, EventId, EventType, KeyAlgorithm, ObjectionDecision, Outcome,
    Payload, ReferralBasis, ReferralId, ReferralRole, Severity, Signer, Subject, SupervisionLevel,
};
use fengsui_log::Record;
use fengsui_projector::state::CaseStatus;
use fengsui_projector::{Cause, FollowOptions, Unwatched};
use serde_json::{Value, json};

use crate::harness::history::{Step, play_on};
use crate::harness::payloads::{self as say, Report};
use crate::harness::{
    Key, MemoryLog, Model, Publication, Scene, World, agency, columns, date, number, region, text, unit,
};

/// SHA-256 of the state after the golden log, by `docs/state-digest.md`.
const DIGEST: &str = "35443fe6bc766c2f6cb18421469ea8823a7e8912b92304461894de90516a484d";

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

pub(crate) fn golden() -> MemoryLog {
    log_of("pilot.jsonl")
}

/// A log that lies in the folder.
pub(crate) fn log_of(file: &str) -> MemoryLog {
    let lines = std::fs::read_to_string(folder().join(file)).unwrap();
    let field = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let record = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        Record {
            id: field(&line, "id").parse().unwrap(),
            subject: field(&line, "subject"),
            bytes: hex::decode(field(&line, "bytes")).unwrap(),
            signature: hex::decode(field(&line, "signature")).unwrap(),
        }
    };
    MemoryLog::of(lines.lines().map(record).collect())
}

fn replayed(log: &MemoryLog) -> Scene {
    let mut scene = Scene::empty();
    for record in &log.records {
        scene.record(record.clone());
    }
    scene
}

#[test]
fn the_digest_of_the_golden_log_never_changes() {
    let log = golden();
    assert!(log.records.len() >= 150, "{}", log.records.len());
    let genesis = Scene::empty().genesis.clone();
    let (model, projector) = Model::of(&genesis, &log);
    assert_eq!(projector.digest().unwrap().to_string(), DIGEST, "followed");
    drop(projector);
    model.rebuild(&log);
    assert_eq!(model.digest().to_string(), DIGEST, "rebuilt");
    let tiny = Model::new(&genesis);
    let mut projector = tiny.open();
    projector.bound_caches(1);
    let options = FollowOptions { commit_events: 1, ..FollowOptions::default() };
    projector.follow(&log, options, &mut Unwatched).unwrap();
    assert_eq!(projector.digest().unwrap().to_string(), DIGEST, "event by event");
}

/// The file `pilot.lines` holds the lines that the digest is taken over, so that `sha256sum` gives the digest without
/// any of this program; `docs/examples/check-digest.py` does so and verifies every signature as well.
#[test]
fn the_lines_of_the_golden_state_are_those_of_the_file() {
    let genesis = Scene::empty().genesis.clone();
    let (_model, projector) = Model::of(&genesis, &golden());
    let lines = lines(&projector);
    assert_eq!(fengsui_event::Digest::of(&lines).to_string(), DIGEST);
    let file = std::fs::read(folder().join("pilot.lines")).unwrap();
    assert!(lines == file, "pilot.lines differs");
}

pub(crate) fn lines(projector: &fengsui_projector::Projector) -> Vec<u8> {
    let mut lines = Vec::new();
    projector
        .canonical_lines(&mut |line| {
            lines.extend_from_slice(line);
            Ok::<(), fengsui_projector::ModelError>(())
        })
        .unwrap();
    lines
}

/// Worked out by hand from the story below and the default rulebook.
#[test]
fn what_the_golden_log_says_is_right_by_hand() {
    let log = golden();
    let genesis = Scene::empty().genesis.clone();
    let (_model, projector) = Model::of(&genesis, &log);
    let connection = projector.store().connection();
    let balance = |unit: &str| number(connection, &format!("SELECT total FROM accounts WHERE unit = '{unit}'"));
    // 100 - 5 (considerable) + 2 (40 % back, in time) - 5 - 2 (second within a year, half of 5) - 2 (late).
    assert_eq!(balance(HOTEL), 88);
    // 100 - 12 (serious blocked exit) + 12 (objection upheld) + 3 (adjusted).
    assert_eq!(balance(SCHOOL), 103);
    // 100 - 30 (major hazard) + 30 (retracted).
    assert_eq!(balance(WORKSHOP), 100);
    // 100 - 1 (refuse, general), of which half rounds down to nothing; the twin was closed as a duplicate: -1 + 1.
    assert_eq!(balance(MARKET), 99);
    let ledger = |unit: &str| {
        let sql = format!("SELECT kind || ' ' || points FROM entries WHERE unit = '{unit}' ORDER BY number");
        columns::<String>(connection, &sql)
    };
    assert_eq!(
        ledger(HOTEL),
        ["opening 100", "deduction -5", "restoration 2", "deduction -5", "repetition -2", "late -2"]
    );
    assert_eq!(ledger(SCHOOL), ["opening 100", "deduction -12", "correction 12", "adjustment 3"]);
    assert_eq!(ledger(WORKSHOP), ["opening 100", "deduction -30", "correction 30"]);
    let status = |unit: &str| {
        columns::<String>(connection, &format!("SELECT status FROM cases WHERE unit = '{unit}' ORDER BY id"))
    };
    assert_eq!(status(HOTEL), ["closed", "open"]);
    assert_eq!(status(SCHOOL), ["closed"]);
    assert_eq!(status(WORKSHOP), ["retracted"]);
    assert_eq!(status(MARKET), ["open", "closed"]);
    // Two agencies claim it, so the authority must decide: serious, so within three working days of Monday 12 May 2025.
    let waits = "SELECT kind || ' ' || agency || ' ' || due_on FROM deadlines WHERE case_id =
        (SELECT id FROM cases WHERE unit = 'local.quality:K-7')";
    assert_eq!(text(connection, waits), "designate joint-office 2025-05-15");
    let code = |code: &str| number(connection, &format!("SELECT count(*) FROM anomalies WHERE code = '{code}'"));
    for (kind, count) in [("unknown_type", 1), ("malformed_payload", 1), ("unknown_key", 1), ("wrong_subject", 1)] {
        assert_eq!(code(kind), count, "{kind}");
    }
    assert!(code("duplicate") >= 1 && code("conflict") >= 1 && code("chain_gap") >= 1 && code("bad_signature") >= 1);
    assert_eq!(text(connection, "SELECT name FROM accounts WHERE unit = 'legacy:350600100012345'"), "城关旅社");
    assert_eq!(number(connection, "SELECT count(*) FROM agencies WHERE suspended_at IS NOT NULL"), 1);
    assert_eq!(columns::<String>(connection, "SELECT version FROM rulebooks"), ["pilot-2026.1"]);
}

/// Every interpreted type is in one of the golden logs with an effect, so that none can change its meaning unseen.
#[test]
fn every_interpreted_type_is_in_a_golden_log() {
    let (mut effective, mut not_interpreted) = (BTreeSet::new(), BTreeSet::new());
    for log in [golden(), log_of("checkpoints.jsonl"), log_of("reconciliation.jsonl")] {
        let scene = replayed(&log);
        let failed: Vec<u64> =
            scene.memory.anomalies.iter().filter(|it| !it.cause.is_notice()).map(|it| it.position).collect();
        for (index, record) in scene.log.records.iter().enumerate() {
            if !failed.contains(&(index as u64 + 1)) {
                effective.insert(fengsui_event::Event::parse(&record.bytes).unwrap().type_text);
            }
        }
        let without = scene.memory.anomalies.iter().filter(|it| it.cause.code() == "not_interpreted");
        not_interpreted.extend(without.filter_map(|it| it.type_text.clone()));
    }
    assert!(effective.contains("cn.fengsui.unit.registered.v1"), "the former version is read");
    for event_type in EventType::ALL {
        let text = event_type.as_str().to_owned();
        assert!(effective.contains(&text) || not_interpreted.contains(&text), "{text}");
    }
    assert!(effective.contains(EventType::CheckpointCosigned.as_str()));
}

/// The generator still makes the file byte for byte. `UPDATE_GOLDEN=1` writes it; within a major version there is no
/// reason to. Should the program one day write events otherwise (a new version of a type), this test goes and the
/// file stays.
#[test]
fn the_generator_makes_the_file() {
    let story = story();
    let file = file_of(&story.log);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let (_model, projector) = Model::of(&story.genesis, &story.log);
        std::fs::write(folder().join("pilot.jsonl"), &file).unwrap();
        std::fs::write(folder().join("pilot.lines"), lines(&projector)).unwrap();
    }
    assert!(std::fs::read_to_string(folder().join("pilot.jsonl")).unwrap() == file, "pilot.jsonl differs");
}

/// A log as it lies in the folder.
pub(crate) fn file_of(log: &MemoryLog) -> String {
    let line = |(index, record): (usize, &Record)| {
        json!({
            "position": index + 1,
            "id": record.id.to_string(),
            "subject": record.subject,
            "bytes": hex::encode(&record.bytes),
            "signature": hex::encode(&record.signature),
        })
        .to_string()
            + "\n"
    };
    log.records.iter().enumerate().map(line).collect()
}

const HOTEL: &str = "91350100M000100Y43";
const SCHOOL: &str = "local.education:school-17";
const WORKSHOP: &str = "organisation:802100433";
const MARKET: &str = "local.urban:M.5";

fn about(subject: Subject, payload: impl Into<Payload>) -> Publication {
    Publication { subject, correlation: None, causation: None, payload: payload.into() }
}

/// The story: by hand what is checked by hand, then a hundred random steps about other units.
fn story() -> Scene {
    let mut scene = Scene::new();
    hotel_twice(&mut scene);
    school_objects(&mut scene);
    workshop_retracted(&mut scene);
    market_twice(&mut scene);
    undecided(&mut scene);
    registry(&mut scene);
    accounts(&mut scene);
    not_interpreted(&mut scene);
    anomalies(&mut scene);
    let mut state = 20_250_102_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let steps: Vec<Step> = (0..140)
        .map(|_| Step {
            kind: (next() % 256) as u8,
            pick: (next() % 65_536) as u16,
            other: (next() % 65_536) as u16,
            days: (next() % 256) as u8,
        })
        .collect();
    scene.on("2025-07-01");
    play_on(scene, &steps)
}

fn hotel_twice(scene: &mut Scene) {
    let hotel = Report::equipment("2025-01-26").by(unit(HOTEL)).routed(say::assigned("fire", &["urban"], &["culture"]));
    scene.on("2025-01-27").reports("tourism", hotel.clone());
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    let assisting = scene.refers("tourism", "urban", ReferralRole::Assisting);
    let informed = scene.refers("tourism", "culture", ReferralRole::Informed);
    scene.does("joint-office", say::withdrawn(informed));
    scene.on("2025-02-10").does("tourism", say::reminded(lead, DeadlineKind::Acknowledge, "2025-02-07"));
    let supervise = say::escalated(lead, DeadlineKind::Acknowledge, "2025-02-07", SupervisionLevel::City);
    scene.does("joint-office", supervise);
    scene.does("fire", say::acknowledged(lead));
    scene.does("urban", say::acknowledged(assisting));
    scene.on("2025-02-11").does("fire", say::ordered(lead, "2025-02-11", "2025-03-11"));
    let answer = scene.does("fire", say::feedback(lead, Outcome::RectificationOrdered, "2025-02-11"));
    scene.on("2025-02-12").does("tourism", say::rejected(answer));
    let answer = scene.on("2025-02-13").does("fire", say::feedback(lead, Outcome::Penalised, "2025-02-13"));
    scene.on("2025-02-14").does("tourism", say::confirmed(answer));
    scene.on("2025-03-11").does("fire", say::reinspected("2025-03-11", true));
    scene.does("tourism", say::closed(ClosingGround::Rectified, "2025-03-11"));

    scene.on("2025-04-07").reports("tourism", Report { found_on: "2025-04-03".to_owned(), ..hotel });
    let amended = p::ViolationAmended {
        facts: Some("二楼应急灯不亮".to_owned()),
        trade: "H61".parse().ok(),
        reason: "更正".to_owned(),
        ..p::ViolationAmended::default()
    };
    scene.does("tourism", amended);
    let first = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", say::transferred(first, "housing"));
    let second = ReferralId::of(scene.does("fire", say::passed_on("housing", ReferralRole::Lead, first)));
    scene.does("housing", say::returned(second, "fire"));
    let third = ReferralId::of(scene.does("joint-office", say::designated("fire", Some(second))));
    scene.on("2025-04-08").does("fire", say::acknowledged(third));
    scene.does("fire", say::ordered(third, "2025-04-08", "2025-04-30"));
    scene.does("fire", say::feedback(third, Outcome::RectificationOrdered, "2025-04-08"));
    scene.on("2025-05-06").does("fire", say::reinspected("2025-05-06", false));
}

fn school_objects(scene: &mut Scene) {
    let school = unit(SCHOOL);
    scene.on("2025-03-03").publishes("education", Subject::Unit(school.clone()), say::unit_registered(&school));
    scene.reports("education", Report::equipment("2025-03-03").of("fire.60-3", Severity::Serious).by(school.clone()));
    let lead = scene.refers("education", "fire", ReferralRole::Lead);
    scene.does("fire", say::acknowledged(lead));
    let answer = scene.does("fire", say::feedback(lead, Outcome::Penalised, "2025-03-03"));
    scene.does("education", say::confirmed(answer));
    let objection = scene.on("2025-03-10").does("education", say::objected("2025-03-07"));
    scene.on("2025-03-20").does("joint-office", say::decided(objection, ObjectionDecision::Upheld, "2025-03-19"));
    scene.does("education", say::closed(ClosingGround::NoViolation, "2025-03-20"));
    scene.does("joint-office", say::reopened());
    scene.does("education", say::closed(ClosingGround::UnitCeased, "2025-03-20"));
    scene.on("2025-05-06").publishes("joint-office", Subject::Unit(school), say::adjusted(3, "2025-05-01"));
}

fn workshop_retracted(scene: &mut Scene) {
    let workshop = Report::equipment("2025-05-07").of("fire.61-1", Severity::MajorHazard).by(unit(WORKSHOP));
    scene.on("2025-05-07").reports("fire", workshop);
    let own = scene.refers("fire", "fire", ReferralRole::Lead);
    scene.does("fire", say::feedback(own, Outcome::Penalised, "2025-05-07"));
    scene.on("2025-05-08").does("fire", say::retracted());
}

fn market_twice(scene: &mut Scene) {
    let report = Report::equipment("2025-05-08").of("sanitation.refuse", Severity::General).by(unit(MARKET));
    let original = scene.on("2025-05-08").reports("urban", report.clone().routed(p::RoutingAnswer::Historical));
    let historical = say::issued("urban", ReferralRole::Lead, ReferralBasis::Historical);
    let own = ReferralId::of(scene.does("urban", historical));
    scene.does("urban", say::feedback(own, Outcome::RectifiedOnSite, "2025-05-08"));
    scene.reports("urban", report.routed(say::assigned("urban", &[], &[])));
    let own = scene.refers("urban", "urban", ReferralRole::Lead);
    scene.does("urban", say::feedback(own, Outcome::Penalised, "2025-05-08"));
    let twin = p::CaseClosed { duplicate_of: Some(original), ..say::closed(ClosingGround::Duplicate, "2025-05-08") };
    scene.does("urban", twin);
}

fn undecided(scene: &mut Scene) {
    let report = Report::equipment("2025-05-12").of("product.substandard", Severity::Serious);
    let report = report.by(unit("local.quality:K-7")).routed(say::overlap(&["quality", "commerce"]));
    scene.on("2025-05-12").reports("fire", report);
    scene.does("fire", say::issued("joint-office", ReferralRole::Deciding, ReferralBasis::Undecided));
}

fn registry(scene: &mut Scene) {
    scene.register("police");
    let (old, fire) = (scene.world.keyid("fire"), Subject::Agency(agency("fire")));
    let new = p::AgencyKey { keyid: Key::numbered(100).keyid(), algorithm: KeyAlgorithm::Ed25519 };
    scene.publishes("fire", fire, p::AgencyKeyRotated { agency: agency("fire"), old, new });
    scene.world.change_key("fire", 100);
    let police = Subject::Agency(agency("police"));
    let keyid = scene.world.keyid("police");
    let revoked = p::AgencyKeyRevoked { agency: agency("police"), keyid, reason: "遗失".to_owned() };
    scene.publishes("joint-office", police.clone(), revoked);
    scene.publishes("joint-office", police, p::AgencySuspended { agency: agency("police"), reason: "撤并".to_owned() });
}

/// An inn under its old registration number, registered in the former version of the type, then renamed.
fn accounts(scene: &mut Scene) {
    let inn = unit("legacy:350600100012345");
    let publication = about(Subject::Unit(inn.clone()), say::unit_registered(&inn));
    let id = scene.world.next_id();
    let draft = scene.world.draft("commerce", id, publication);
    let link = scene.world.link("commerce");
    let current = String::from_utf8(draft.sign(link, scene.world.key("commerce")).unwrap().bytes).unwrap();
    let former = current.replace("unit.registered.v2", "unit.registered.v1").replace(
        r#""place":{"region":"350602","address":"新华东路1号"}"#,
        r#""region":"350602","address":"新华东路1号""#,
    );
    assert_ne!(current, former);
    let signature = scene.world.key("commerce").sign(former.as_bytes()).to_vec();
    let subject = draft.stream_subject();
    scene.world.advance("commerce", former.as_bytes());
    assert_eq!(scene.record(Record { id, subject, bytes: former.into_bytes(), signature }), None);
    let hotel = Subject::Unit(unit(HOTEL));
    scene.publishes("tourism", hotel, p::UnitRenamed { name: "新城旅社".to_owned(), effective_on: date("2025-05-12") });
}

fn not_interpreted(scene: &mut Scene) {
    let rulebook = Subject::Region(region("350600"));
    for payload in crate::not_interpreted::of_the_region() {
        scene.refuses("joint-office", about(rulebook.clone(), payload));
    }
    for payload in crate::not_interpreted::of_a_unit() {
        scene.refuses("joint-office", about(Subject::Unit(unit(HOTEL)), payload));
    }
    for payload in crate::not_interpreted::of_a_case() {
        scene.refused("joint-office", payload);
    }
}

/// Doubled, forged, under another's name, unknown, malformed, lost.
fn anomalies(scene: &mut Scene) {
    let good = scene.log.records[20].clone();
    assert!(matches!(scene.record(good.clone()), Some(Cause::Duplicate { first: 21 })));
    let mut forged = good.clone();
    forged.signature[0] ^= 1;
    scene.record(forged);
    let hotel = || about(Subject::Unit(unit(HOTEL)), say::unit_registered(&unit(HOTEL)));
    let conflict = scene.world.sign_as("urban", good.id, hotel());
    assert_eq!(scene.record(conflict), Some(Cause::Conflict { first: 21 }));
    let stranger = scene.world.draft("fire", EventId::from_parts(1, [7; 10]), hotel());
    let signed = stranger.sign(ChainLink::FIRST, &Key::numbered(99)).unwrap();
    let (subject, signature) = (stranger.stream_subject(), signed.signature.to_vec());
    scene.record(Record { id: stranger.id, subject, bytes: signed.bytes, signature });
    let mut elsewhere = scene.world.sign("culture", hotel());
    "fengsui.350600.culture.unit.renamed".clone_into(&mut elsewhere.subject);
    scene.record(elsewhere);
    // The one under the wrong subject had no effect, so culture's next shows a gap.
    let next = scene.world.sign("culture", hotel());
    scene.record(next);
    for (from, to, kind) in
        [("case.reopened.v1", "drone.sighted.v1", "drone.sighted"), (r#"{"reason""#, r#"{"because""#, "case.reopened")]
    {
        let (id, link) = (scene.world.next_id(), scene.world.link("quality"));
        let draft = scene.world.draft("quality", id, scene.about_case(say::reopened().into()));
        let plain = draft.sign(link, scene.world.key("quality")).unwrap();
        let bytes = String::from_utf8(plain.bytes).unwrap().replace(from, to).into_bytes();
        let signature = scene.world.key("quality").sign(&bytes).to_vec();
        scene.world.advance("quality", &bytes);
        scene.record(Record { id, subject: format!("fengsui.350600.quality.{kind}"), bytes, signature });
    }
    let rubbish = Record {
        id: EventId::from_parts(1, [8; 10]),
        subject: "fengsui.350600.fire.violation.reported".to_owned(),
        bytes: b"\xff\xfenot an event".to_vec(),
        signature: Vec::new(),
    };
    scene.record(rubbish);
    let _: (CaseStatus, Option<CaseId>, &World) = (CaseStatus::Open, scene.case, &scene.world);
}
