//! Snapshots: what is drawn from one and the log is, row by row, what a replay draws; and nothing else gets into the tables.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fengsui_event::Digest;
use fengsui_projector::replay::rebuild;
use fengsui_projector::snapshot::{Drawn, Snapshot, SnapshotError, write};
use fengsui_projector::{FollowOptions, ModelError, Registry, Unwatched, Watcher};
use fengsui_proof::hash::{Hash, leaf_hash, node_hash};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::golden::{golden, log_of};
use crate::harness::history::{play, steps};
use crate::harness::{MemoryLog, Model, Scene, columns};

/// Every table with every row and column.
fn tables(connection: &Connection) -> Vec<(String, Vec<Vec<Value>>)> {
    let names: Vec<String> = columns(
        connection,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    );
    let rows = |name: &String| {
        let mut statement = connection.prepare(&format!("SELECT * FROM {name} ORDER BY 1, 2")).unwrap();
        let width = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..width).map(|index| row.get(index)).collect();
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    };
    names.into_iter().map(|name| (name.clone(), rows(&name))).collect()
}

fn tables_of(model: &Model) -> Vec<(String, Vec<Vec<Value>>)> {
    tables(model.open().store().connection())
}

fn assert_same(found: &Model, expected: &Model) {
    assert_eq!(found.digest(), expected.digest());
    let (found, expected) = (tables_of(found), tables_of(expected));
    assert!(expected.len() > 12, "{}", expected.len());
    for ((name, found), (other, expected)) in found.iter().zip(&expected) {
        assert_eq!(name, other);
        assert_eq!(found.len(), expected.len(), "rows of {name}");
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found, expected, "a row of {name}");
        }
    }
}

fn followed_to(genesis: &Registry, log: &MemoryLog, position: usize) -> Model {
    let model = Model::new(genesis);
    model.follow_to(log, position as u64, FollowOptions::default());
    model
}

fn snapshot_at(genesis: &Registry, log: &MemoryLog, position: usize) -> (Model, PathBuf) {
    let model = followed_to(genesis, log, position);
    let path = model.folder.path().join("state.snapshot");
    write(&model.open(), log, &path, &mut Unwatched).unwrap();
    (model, path)
}

/// A node that has the log, and nothing else but the snapshot.
fn loaded(genesis: &Registry, log: &MemoryLog, path: &Path) -> Model {
    let model = Model::new(genesis);
    let snapshot = Snapshot::open(path).unwrap();
    let drawn = Drawn::draw(&model.path(), genesis, log, &snapshot, &mut Unwatched).unwrap();
    assert_eq!(drawn.digest(), snapshot.header().digest);
    assert_eq!(drawn.root(), snapshot.header().root());
    drawn.keep().unwrap();
    model
}

/// The tree as RFC 6962 defines it.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [leaf] => *leaf,
        leaves => {
            let split = leaves.len().next_power_of_two() / 2;
            node_hash(root(&leaves[..split]), root(&leaves[split..]))
        }
    }
}

fn check(genesis: &Registry, log: &MemoryLog, position: usize) {
    let (at, path) = snapshot_at(genesis, log, position);
    let header = Snapshot::open(&path).unwrap().header().clone();
    assert_eq!(header.digest, at.digest());
    let leaves: Vec<Hash> = log.records[..position].iter().map(|record| leaf_hash(&record.bytes)).collect();
    assert_eq!(header.root(), root(&leaves));
    let node = loaded(genesis, log, &path);
    assert_same(&node, &followed_to(genesis, log, position));
    node.follow_to(log, log.records.len() as u64, FollowOptions::default());
    let replayed = Model::new(genesis);
    replayed.rebuild(log);
    assert_same(&node, &replayed);
    // It has the indexes of one that was followed.
    let indexes = "SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name";
    let of = |model: &Model| columns::<String>(model.open().store().connection(), indexes);
    assert_eq!(of(&node), of(&replayed));
}

#[test]
fn a_node_that_starts_from_a_snapshot_has_the_tables_of_a_replay() {
    let genesis = Scene::empty().genesis.clone();
    // The second one has checkpoints and certificates.
    for log in [golden(), log_of("checkpoints.jsonl")] {
        let length = log.records.len();
        for position in [1, 2, 11, length / 3, length / 2, length - 1, length] {
            check(&genesis, &log, position);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn from_any_snapshot_of_any_history_the_tables_are_those_of_a_replay(
        steps in steps(1..100), split in any::<prop::sample::Index>(),
    ) {
        let scene = play(&steps);
        check(&scene.genesis, &scene.log, 1 + split.index(scene.log.records.len()));
    }
}

/// One state, one file: so it can be compared by its hash, whoever wrote it.
#[test]
fn two_nodes_write_the_same_snapshot_byte_for_byte() {
    let (genesis, log) = (Scene::empty().genesis.clone(), golden());
    let (_followed, path) = snapshot_at(&genesis, &log, log.records.len());
    let replayed = Model::new(&genesis);
    replayed.rebuild(&log);
    let other = replayed.folder.path().join("state.snapshot");
    write(&replayed.open(), &log, &other, &mut Unwatched).unwrap();
    assert!(fs::read(&path).unwrap() == fs::read(&other).unwrap());
}

/// What a load that must fail says, after which the tables are as they were and nothing lies beside them.
fn refused(genesis: &Registry, log: &MemoryLog, path: &Path) -> String {
    let model = Model::new(genesis);
    model.rebuild(&log.prefix(log.records.len() / 4));
    let before = tables_of(&model);
    let error = match Snapshot::open(path) {
        Err(error) => error,
        Ok(snapshot) => match Drawn::draw(&model.path(), genesis, log, &snapshot, &mut Unwatched) {
            Err(error) => error,
            Ok(_) => panic!("it was drawn"),
        },
    };
    let mut left: Vec<String> =
        fs::read_dir(model.folder.path()).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    left.sort_unstable();
    left.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    assert_eq!(left, ["model.db", "model.db.lock"]);
    assert!(tables_of(&model) == before);
    error.code().to_owned()
}

fn altered(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    let altered = path.with_extension("altered");
    fs::write(&altered, bytes).unwrap();
    altered
}

#[test]
fn hostile_files_are_refused_by_name_and_change_nothing() {
    let (genesis, log) = (Scene::empty().genesis.clone(), golden());
    let position = log.records.len() / 2;
    let (_at, path) = snapshot_at(&genesis, &log, position);
    let check = |expected: &str, change: &dyn Fn(&mut Vec<u8>)| {
        assert_eq!(refused(&genesis, &log, &altered(&path, change)), expected);
    };
    check("not_a_snapshot", &|bytes| bytes.clear());
    check("not_a_snapshot", &|bytes| bytes[0] = b'f');
    check("snapshot_format", &|bytes| bytes[8] = 9);
    check("snapshot_checksum", &|bytes| bytes[100] ^= 1);
    check("snapshot_checksum", &|bytes| *bytes.last_mut().unwrap() ^= 1);
    check("snapshot_length", &|bytes| bytes.truncate(2000));
    check("snapshot_length", &|bytes| bytes.truncate(5000));
    check("snapshot_length", &|bytes| bytes.push(0));
    assert_eq!(refused(&genesis, &log.prefix(position - 1), &path), "snapshot_beyond_log");
    let mut elsewhere = genesis.clone();
    elsewhere.region = "350500".parse().unwrap();
    let model = Model::new(&elsewhere);
    let drawn = Drawn::draw(&model.path(), &elsewhere, &log, &Snapshot::open(&path).unwrap(), &mut Unwatched);
    assert!(matches!(drawn, Err(SnapshotError::OtherRegion { .. })));
    let missing = Snapshot::open(Path::new("/nowhere/state.snapshot"));
    assert!(matches!(missing, Err(SnapshotError::File { .. })));
}

/// Writes a body anew with right lengths and checksums, as somebody would who knows the format.
fn forged(path: &Path, change: impl Fn(&mut Vec<u8>)) -> PathBuf {
    altered(path, |bytes| {
        let mut body = bytes.split_off(4096);
        change(&mut body);
        let region_bytes = 6;
        // Fixed part, format byte, region; four counts; digest, root; then the frontier.
        let old = Digest::of(&fs::read(path).unwrap()[4096..]).0;
        let at = bytes.windows(32).position(|window| window == old).unwrap();
        assert!(at > 20 + 1 + region_bytes);
        bytes[at..at + 32].copy_from_slice(&Digest::of(&body).0);
        let checksum = Digest::of(&bytes[..4096 - 32]);
        bytes[4096 - 32..].copy_from_slice(&checksum.0);
        bytes.extend(body);
    })
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from).expect("it is there");
    bytes[at..at + from.len()].copy_from_slice(to);
}

#[test]
fn a_state_that_was_altered_with_matching_checksums_has_another_digest() {
    let (genesis, log) = (Scene::empty().genesis.clone(), golden());
    let (at, path) = snapshot_at(&genesis, &log, log.records.len());
    let name = "城关旅社".as_bytes();
    let forged = forged(&path, |body| replace(body, name, "城关旅店".as_bytes()));
    let snapshot = Snapshot::open(&forged).unwrap();
    // It still says the old digest of itself, and its checksums are right.
    assert_eq!(snapshot.header().digest, at.digest());
    let model = Model::new(&genesis);
    let drawn = Drawn::draw(&model.path(), &genesis, &log, &snapshot, &mut Unwatched).unwrap();
    assert_ne!(drawn.digest(), at.digest());
    assert_eq!(drawn.root(), snapshot.header().root());
    drop(drawn);
    assert!(!model.path().exists());
}

#[test]
fn what_does_not_fit_the_log_or_itself_is_refused() {
    let (genesis, log) = (Scene::empty().genesis.clone(), golden());
    let (_at, path) = snapshot_at(&genesis, &log, log.records.len());
    // An anomaly fewer: the event that it was about would have had its effect.
    let renamed = forged(&path, |body| replace(body, b"\"bad_signature\"", b"\"unknown_type\" "));
    assert_eq!(refused(&genesis, &log, &renamed), "snapshot_unreadable");
    let rulebook = forged(&path, |body| replace(body, "消防".as_bytes(), "消妨".as_bytes()));
    assert_eq!(refused(&genesis, &log, &rulebook), "snapshot_unreadable");
    // Another log of the same length: its ids are not those of the anomalies.
    let mut other = log.clone();
    other.records.rotate_left(1);
    assert_eq!(refused(&genesis, &other, &path), "snapshot_log_differs");
}

/// A log that was changed where the state does not show it has another root.
#[test]
fn another_log_has_another_root() {
    let (genesis, log) = (Scene::empty().genesis.clone(), golden());
    let (at, path) = snapshot_at(&genesis, &log, log.records.len());
    let mut other = log.clone();
    // The last byte of an event is the brace that closes it, and white space before it is no change of meaning.
    let changed = other.records[20].bytes.len() - 1;
    other.records[20].bytes.insert(changed, b' ');
    let snapshot = Snapshot::open(&path).unwrap();
    let model = Model::new(&genesis);
    let drawn = Drawn::draw(&model.path(), &genesis, &other, &snapshot, &mut Unwatched).unwrap();
    assert_eq!(drawn.digest(), at.digest());
    assert_ne!(drawn.root(), snapshot.header().root());
}

/// Breaks off after so many calls.
struct Impatient(usize);

impl Watcher for Impatient {
    fn reached(&mut self, _: u64, _: u64) -> ControlFlow<()> {
        self.0 = self.0.saturating_sub(1);
        if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn a_load_that_is_broken_off_leaves_the_old_tables() {
    let (genesis, log) = (Scene::empty().genesis.clone(), golden());
    let (_at, path) = snapshot_at(&genesis, &log, log.records.len());
    let model = followed_to(&genesis, &log, 20);
    let before = tables_of(&model);
    let snapshot = Snapshot::open(&path).unwrap();
    let drawn = Drawn::draw(&model.path(), &genesis, &log, &snapshot, &mut Impatient(1));
    assert!(matches!(drawn, Err(SnapshotError::Model(ModelError::Interrupted { .. }))));
    assert!(tables_of(&model) == before);
    // What a killed load has left is no hindrance.
    fs::write(model.folder.path().join("model.db.rebuild"), b"half").unwrap();
    Drawn::draw(&model.path(), &genesis, &log, &snapshot, &mut Unwatched).unwrap().keep().unwrap();
    let replayed = Model::new(&genesis);
    rebuild(&replayed.path(), genesis, &log, FollowOptions::default(), &mut Unwatched).unwrap();
    assert_same(&model, &replayed);
}

#[test]
fn tables_that_somebody_writes_are_not_replaced() {
    let (genesis, log) = (Scene::empty().genesis.clone(), golden());
    let (_at, path) = snapshot_at(&genesis, &log, log.records.len());
    let model = followed_to(&genesis, &log, 20);
    let _writer = model.open();
    let snapshot = Snapshot::open(&path).unwrap();
    let drawn = Drawn::draw(&model.path(), &genesis, &log, &snapshot, &mut Unwatched);
    let Err(SnapshotError::Model(ModelError::Storage(error))) = drawn else { panic!("it was drawn") };
    assert!(matches!(error, fengsui_log::StorageError::SecondWriter { .. }), "{error}");
}

#[test]
fn before_the_first_event_there_is_no_snapshot() {
    let genesis = Scene::empty().genesis.clone();
    let (model, projector) = Model::of(&genesis, &MemoryLog::default());
    let path = model.folder.path().join("state.snapshot");
    let written = write(&projector, &MemoryLog::default(), &path, &mut Unwatched);
    assert!(matches!(written, Err(SnapshotError::Empty)));
    assert!(!path.exists());
}
