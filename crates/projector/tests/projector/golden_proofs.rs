//! A second golden log: the small exchange with cosigned checkpoints and certificates, whose roots and digests are those of
//! the log itself. `tests/golden/README.md` tells how the file was made.

use fengsui_event::payload as p;
use fengsui_event::{Digest, KeyAlgorithm, ReferralRole, Signer, Subject};
use fengsui_projector::fold::{CheckpointFault, Rejection};
use fengsui_projector::{Cause, FollowOptions, Unwatched};
use fengsui_proof::{Checkpoint, Frontier, Hash, Origin, SignedCheckpoint, leaf_hash};

use crate::golden::{file_of, folder, lines, log_of};
use crate::harness::payloads::{self as say, Report};
use crate::harness::proofs::{
    about_region, about_unit, certificate_id, certified, checkpoint, cosigner, revoked, root,
};
use crate::harness::{AUTHORITY, Key, Model, Scene, World, agency, columns, hotel, number, region, school, text};

/// SHA-256 of the state after this log, by `docs/state-digest.md`.
const DIGEST: &str = "0e065f0aa7496f0a65a875a9af38d5ea33cd634b67b7f60ba9abe17a81230101";

#[test]
fn the_digest_of_the_log_with_checkpoints_never_changes() {
    let log = log_of("checkpoints.jsonl");
    let genesis = Scene::empty().genesis.clone();
    let (model, projector) = Model::of(&genesis, &log);
    assert_eq!(projector.digest().unwrap().to_string(), DIGEST, "followed");
    let file = std::fs::read(folder().join("checkpoints.lines")).unwrap();
    assert!(lines(&projector) == file, "checkpoints.lines differs");
    drop(projector);
    model.rebuild(&log);
    assert_eq!(model.digest().to_string(), DIGEST, "rebuilt");
    let tiny = Model::new(&genesis);
    let options = FollowOptions { commit_events: 1, ..FollowOptions::default() };
    let mut projector = tiny.open();
    projector.follow(&log, options, &mut Unwatched).unwrap();
    assert_eq!(projector.digest().unwrap().to_string(), DIGEST, "event by event");
}

/// Worked out by hand from the story below.
#[test]
fn what_the_log_with_checkpoints_says_is_right_by_hand() {
    let log = log_of("checkpoints.jsonl");
    let genesis = Scene::empty().genesis.clone();
    let (_model, projector) = Model::of(&genesis, &log);
    let connection = projector.store().connection();
    let cosigned: Vec<String> =
        columns(connection, "SELECT size || ' ' || agency || ' ' || position FROM cosignatures ORDER BY position");
    assert_eq!(
        cosigned,
        [
            "14 joint-office 15",
            "14 fire 16",
            "14 tourism 17",
            "20 joint-office 21",
            "20 urban 22",
            "20 fire 24",
            "26 quality 29",
            "14 quality 30",
            "26 culture 31",
        ]
    );
    // The roots are those of RFC 6962 over the log's own bytes, but for the one that culture was shown.
    let roots: Vec<String> = columns(connection, "SELECT DISTINCT root FROM cosignatures ORDER BY position");
    assert_eq!(
        roots,
        [true_root(&log, 14), true_root(&log, 20), true_root(&log, 26), root(7)].map(|it| it.to_string())
    );
    let prefix = Model::of(&genesis, &log.prefix(14)).1.digest().unwrap().to_string();
    assert_eq!(text(connection, "SELECT DISTINCT digest FROM cosignatures WHERE size = 14"), prefix);
    assert_eq!(number(connection, "SELECT count(*) FROM cosignatures WHERE digest IS NULL"), 4);
    let certificates: Vec<String> = columns(
        connection,
        "SELECT unit || ' ' || issuer || ' ' || position || ' ' || issued_on || ' ' || coalesce(revoked_by, 'good')
            FROM certificates ORDER BY issued_at",
    );
    let (hotel, school) = (hotel(), school());
    assert_eq!(
        certificates,
        [
            format!("{hotel} fire 14 2025-01-03 joint-office"),
            format!("{school} joint-office 20 2025-01-03 good"),
            format!("{hotel} tourism 20 2025-01-03 tourism"),
        ]
    );
    let code = |code: &str| number(connection, &format!("SELECT count(*) FROM anomalies WHERE code = '{code}'"));
    for (kind, count) in [
        ("already_cosigned", 1),
        ("bad_note", 1),
        ("foreign_origin", 1),
        ("position_range", 2),
        ("not_signed_by_authority", 1),
        ("not_cosigned", 1),
        ("cosigned_later", 1),
        ("split_view", 1),
        ("rollback", 1),
        ("exists", 1),
        ("missing", 1),
        ("wrong_actor", 1),
        ("certificate_revoked", 1),
        ("date_order", 1),
        ("not_interpreted", 1),
    ] {
        assert_eq!(code(kind), count, "{kind}");
    }
}

/// As in `golden.rs`: byte for byte, and `UPDATE_GOLDEN=1` writes it.
#[test]
fn the_generator_makes_the_file_with_checkpoints() {
    let story = story();
    let file = file_of(&story.log);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let (_model, projector) = Model::of(&story.genesis, &story.log);
        std::fs::write(folder().join("checkpoints.jsonl"), &file).unwrap();
        std::fs::write(folder().join("checkpoints.lines"), lines(&projector)).unwrap();
    }
    assert!(std::fs::read_to_string(folder().join("checkpoints.jsonl")).unwrap() == file, "checkpoints.jsonl differs");
}

fn true_root(log: &crate::harness::MemoryLog, size: usize) -> Hash {
    let mut tree = Frontier::new();
    for record in &log.records[..size] {
        tree.push(leaf_hash(&record.bytes));
    }
    tree.root()
}

/// The checkpoint of the whole log as it stands, with the state digest or without.
fn head(scene: &Scene, with_digest: bool) -> Checkpoint {
    let size = scene.log.records.len();
    let digest: Option<Digest> = with_digest.then(|| Model::of(&scene.genesis, &scene.log).1.digest().unwrap());
    checkpoint(size as u64, true_root(&scene.log, size), digest)
}

fn story() -> Scene {
    let mut scene = Scene::new();
    // Positions 11 to 14.
    for unit in [hotel(), school()] {
        scene.effective("tourism", about_unit(&unit, say::unit_registered(&unit)));
    }
    scene.reports("tourism", Report::equipment("2025-01-02"));
    scene.refers("tourism", "fire", ReferralRole::Lead);
    let first = head(&scene, true);
    cosigned_twice(&mut scene, &first);
    let second = scene_with_new_keys(&mut scene);
    contradictions(&mut scene, &first, &second);
    unfit_notes(&mut scene, &second);
    certificates(&mut scene);
    scene
}

/// Positions 15 to 20: three cosign, one of them once more; then two events of other kinds.
fn cosigned_twice(scene: &mut Scene, first: &Checkpoint) {
    for code in [AUTHORITY, "fire", "tourism"] {
        scene.cosigns(code, first.clone());
    }
    let again = scene.note("fire", first.clone());
    scene.refuses("fire", about_region(&again));
    scene.refuses("fire", about_region(&"文字"));
    scene.register("police");
}

/// Positions 21 to 26: a checkpoint without a digest, cosigned by one agency with its new key; the authority has a new key.
fn scene_with_new_keys(scene: &mut Scene) -> Checkpoint {
    let second = head(scene, false);
    for code in [AUTHORITY, "urban"] {
        scene.cosigns(code, second.clone());
    }
    rotate(scene, "fire", 100);
    scene.cosigns("fire", second);
    rotate(scene, AUTHORITY, 101);
    scene.on("2025-01-03").effective("urban", about_unit(&hotel(), say::unit_registered(&hotel())));
    head(scene, true)
}

/// Positions 27 to 31: signed with a key that has ended, cosigned with one that has; the true one, a smaller one, another one.
fn contradictions(scene: &mut Scene, first: &Checkpoint, second: &Checkpoint) {
    let time_seconds = u64::try_from(scene.world.now().as_second()).unwrap();
    let mut note = SignedCheckpoint::sign(second.clone(), &Key::numbered(1));
    note.cosign(&cosigner("quality"), time_seconds, scene.world.key("quality")).unwrap();
    scene.refuses("quality", about_region(&note));
    let mut note = SignedCheckpoint::sign(second.clone(), scene.world.key(AUTHORITY));
    note.cosign(&cosigner("fire"), time_seconds, &Key::numbered(2)).unwrap();
    scene.refuses("fire", about_region(&note));
    scene.cosigns("quality", second.clone());
    scene.cosigns("quality", first.clone());
    scene.cosigns("culture", checkpoint(second.size, root(7), None));
}

fn unfit_notes(scene: &mut Scene, second: &Checkpoint) {
    let broken = scene.note("housing", second.clone()).to_string().replace("\n26\n", "\n026\n");
    scene.refuses("housing", about_region(&broken));
    let elsewhere = Checkpoint::new(Origin::of(region("350200")), second.size, second.root, None);
    let ahead = checkpoint(1_000_000, second.root, None);
    for unfit in [elsewhere, ahead] {
        let note = scene.note("housing", unfit);
        scene.refuses("housing", about_region(&note));
    }
    let time_seconds = u64::try_from(scene.world.now().as_second()).unwrap() + 3600;
    let mut note = SignedCheckpoint::sign(second.clone(), scene.world.key(AUTHORITY));
    note.cosign(&cosigner("housing"), time_seconds, scene.world.key("housing")).unwrap();
    assert_eq!(
        scene.refuses("housing", about_region(&note)),
        Rejection::Checkpoint(CheckpointFault::CosignedLater { seconds: 3600 })
    );
}

fn certificates(scene: &mut Scene) {
    let (hotel, school) = (hotel(), school());
    scene.effective("fire", about_unit(&hotel, certified(1, &hotel, 14, "2025-01-03")));
    let consented = p::CertificateIssued {
        purpose: None,
        consent: Some("〔2025〕7号".to_owned()),
        ..certified(2, &school, 20, "2025-01-02")
    };
    let issued_on = crate::harness::date("2025-01-03");
    scene.effective(AUTHORITY, about_unit(&school, p::CertificateIssued { issued_on, ..consented }));
    scene.effective("tourism", about_unit(&hotel, certified(3, &hotel, 20, "2025-01-03")));
    scene.refuses("fire", about_unit(&hotel, certified(3, &hotel, 20, "2025-01-03")));
    scene.refuses("fire", about_unit(&hotel, certified(4, &hotel, 1_000_000, "2025-01-03")));
    scene.refuses("fire", about_unit(&hotel, certified(4, &hotel, 20, "2025-01-04")));
    scene.refuses("fire", about_unit(&hotel, revoked(4, &hotel)));
    scene.refuses("fire", about_unit(&hotel, revoked(3, &hotel)));
    scene.effective("tourism", about_unit(&hotel, revoked(3, &hotel)));
    scene.effective(AUTHORITY, about_unit(&hotel, revoked(1, &hotel)));
    let again = scene.world.sign(AUTHORITY, about_unit(&hotel, revoked(1, &hotel)));
    let position = scene.position();
    let revoked = Rejection::CertificateRevoked { certificate: certificate_id(1), position };
    assert_eq!(scene.record(again), Some(Cause::Rejected(revoked)));
}

fn rotate(scene: &mut Scene, code: &str, number: u8) {
    let (old, keyid) = (scene.world.keyid(code), Key::numbered(number).keyid());
    let new = p::AgencyKey { keyid, algorithm: KeyAlgorithm::Ed25519 };
    scene.publishes(code, Subject::Agency(agency(code)), p::AgencyKeyRotated { agency: agency(code), old, new });
    World::change_key(&mut scene.world, code, number);
}
