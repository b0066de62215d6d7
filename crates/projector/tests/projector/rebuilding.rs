//! The read model as a file: rebuilt, resumed, interrupted, found beside leftovers.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fengsui_event::{Outcome, ReferralRole};
use fengsui_log::Position;
use fengsui_projector::replay::rebuild;
use fengsui_projector::{FollowOptions, ModelError, Projector, Registry, Unwatched, Watcher};

use crate::harness::payloads::{Report, feedback};
use crate::harness::{Key, MemoryLog, Model, Scene, agency, number, region};
use fengsui_event::Signer;

fn history(cases: usize) -> (Registry, MemoryLog) {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    for _ in 0..cases {
        scene.reports("fire", Report::equipment("2025-03-03"));
        let own = scene.refers("fire", "fire", ReferralRole::Lead);
        scene.does("fire", feedback(own, Outcome::Penalised, "2025-03-03"));
    }
    (scene.genesis.clone(), scene.log.clone())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// cases.md 12: both finish at once with the right tables.
#[test]
fn case_12_a_rebuild_of_an_empty_log_finishes_and_so_does_a_second() {
    let genesis = Scene::empty().genesis.clone();
    let model = Model::new(&genesis);
    let log = MemoryLog::default();
    for _ in 0..2 {
        model.rebuild(&log);
        let projector = model.open();
        assert_eq!(projector.progress(), fengsui_projector::Progress::default());
        for table in ["cases", "accounts", "entries", "anomalies", "event_ids", "agencies"] {
            assert_eq!(number(projector.store().connection(), &format!("SELECT count(*) FROM {table}")), 0, "{table}");
        }
    }
    let followed = Model::new(&genesis);
    followed.open().follow(&log, FollowOptions::default(), &mut Unwatched).unwrap();
    assert_eq!(followed.digest(), model.digest());
}

#[test]
fn case_12_a_second_rebuild_draws_the_same_again() {
    let (genesis, log) = history(5);
    let model = Model::new(&genesis);
    model.rebuild(&log);
    let first = model.digest();
    model.rebuild(&log);
    assert_eq!(model.digest(), first);
    let (_followed, projector) = Model::of(&genesis, &log);
    assert_eq!(projector.digest().unwrap(), first);
    assert_eq!(number(model.open().store().connection(), "SELECT count(*) FROM entries"), 1 + 5 + 4);
}

/// cases.md 15: leftovers of an old model beside a new one are never taken for the new one's.
#[test]
fn case_15_leftovers_of_an_old_model_never_pair_with_a_new_one() {
    let (genesis, log) = history(3);
    let model = Model::new(&genesis);
    // A write-ahead file that is valid in itself: taken from a live model of another history.
    let (_other, live) = {
        let (genesis, log) = history(1);
        let (other, live) = Model::of(&genesis, &log);
        fs::copy(beside(&other.path(), "-wal"), beside(&model.path(), "-wal")).unwrap();
        (other, live)
    };
    assert!(fs::metadata(beside(&model.path(), "-wal")).unwrap().len() > 0);
    drop(live);
    fs::write(beside(&model.path(), "-shm"), vec![0; 32_768]).unwrap();
    fs::write(beside(&model.path(), "-journal"), b"old").unwrap();
    let (_fresh, expected) = Model::of(&genesis, &log);
    model.open().follow(&log, FollowOptions::default(), &mut Unwatched).unwrap();
    assert_eq!(model.digest(), expected.digest().unwrap());
}

#[test]
fn case_15_a_rebuild_takes_the_place_of_the_whole_set() {
    let (genesis, log) = history(3);
    let model = Model::new(&genesis);
    model.follow_to(&log, 12, FollowOptions::default());
    for suffix in ["-wal", "-shm"] {
        fs::write(beside(&model.path(), suffix), b"stale").unwrap();
    }
    // A rebuild that died left its half-built files.
    for suffix in [".rebuild", ".rebuild-wal", ".rebuild-journal"] {
        fs::write(beside(&model.path(), suffix), b"half").unwrap();
    }
    model.rebuild(&log);
    for suffix in [".rebuild", ".rebuild-wal", ".rebuild-shm", ".rebuild-journal", ".rebuild.lock"] {
        assert!(!beside(&model.path(), suffix).exists(), "{suffix}");
    }
    let (_fresh, expected) = Model::of(&genesis, &log);
    assert_eq!(model.digest(), expected.digest().unwrap());
}

#[test]
fn a_model_that_was_rebuilt_goes_on_as_one_that_was_followed() {
    let (genesis, log) = history(6);
    let model = Model::new(&genesis);
    model.rebuild(&log.prefix(15));
    model.follow_to(&log, u64::MAX >> 1, FollowOptions::default());
    let (_fresh, expected) = Model::of(&genesis, &log);
    assert_eq!(model.digest(), expected.digest().unwrap());
}

struct StopsAt(u64);

impl Watcher for StopsAt {
    fn reached(&mut self, position: u64, _: u64) -> ControlFlow<()> {
        if position >= self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn an_interrupted_model_keeps_what_was_done_and_an_interrupted_rebuild_the_old_model() {
    let (genesis, log) = history(400);
    let model = Model::new(&genesis);
    let interrupted = model.open().follow(&log, FollowOptions::default(), &mut StopsAt(1)).unwrap_err();
    assert!(matches!(interrupted, ModelError::Interrupted { position: 1024 }), "{interrupted}");
    assert_eq!(model.open().progress().position, 1024);
    let before = model.digest();
    let stopped = rebuild(&model.path(), genesis.clone(), &log, FollowOptions::default(), &mut StopsAt(1));
    assert!(matches!(stopped, Err(ModelError::Interrupted { .. })));
    assert_eq!(model.digest(), before);
    assert!(!beside(&model.path(), ".rebuild").exists());
    model.follow_to(&log, u64::MAX >> 1, FollowOptions::default());
    let (_fresh, expected) = Model::of(&genesis, &log);
    assert_eq!(model.digest(), expected.digest().unwrap());
}

#[test]
fn a_model_of_a_longer_log_is_refused() {
    let (genesis, log) = history(3);
    let model = Model::new(&genesis);
    model.follow_to(&log, u64::MAX >> 1, FollowOptions::default());
    let error = model.open().follow(&log.prefix(12), FollowOptions::default(), &mut Unwatched).unwrap_err();
    assert!(matches!(error, ModelError::Ahead { model: 19, log: 12 }), "{error}");
}

#[test]
fn a_model_of_another_exchange_is_refused() {
    let (genesis, log) = history(1);
    let model = Model::new(&genesis);
    model.follow_to(&log, u64::MAX >> 1, FollowOptions::default());
    let keys: Vec<_> = genesis.keys.keys().copied().collect();
    for other in [
        Registry::genesis(region("350200"), agency("joint-office"), &keys),
        Registry::genesis(region("350600"), agency("fire"), &keys),
        Registry::genesis(region("350600"), agency("joint-office"), &[Key::numbered(77).keyid()]),
    ] {
        let error = Projector::open(&model.path(), other).err().unwrap();
        assert!(matches!(error, ModelError::ForeignExchange { .. }), "{error}");
    }
}

#[test]
fn a_model_is_written_by_one_at_a_time() {
    let (genesis, _) = history(1);
    let model = Model::new(&genesis);
    let first = model.open();
    assert!(Projector::open(&model.path(), genesis.clone()).is_err());
    assert!(
        rebuild(&model.path(), genesis.clone(), &MemoryLog::default(), FollowOptions::default(), &mut Unwatched)
            .is_err()
    );
    drop(first);
    model.open();
}

/// Stored fold state that cannot be read is told with the file, what it was and what mends it.
#[test]
fn damaged_fold_state_is_named_and_a_rebuild_mends_it() {
    let (genesis, log) = history(2);
    let model = Model::new(&genesis);
    model.follow_to(&log, 15, FollowOptions::default());
    let expected = {
        let (_fresh, projector) = Model::of(&genesis, &log);
        projector.digest().unwrap()
    };
    let raw = rusqlite::Connection::open(model.path()).unwrap();
    for (damage, reason) in [("zeroblob(5)", "format 0"), ("x'01ff'", "cannot be read"), ("x''", "empty")] {
        raw.execute(&format!("UPDATE accounts SET state = {damage}"), []).unwrap();
        let mut projector = model.open();
        let error = projector.follow(&log, FollowOptions::default(), &mut Unwatched).unwrap_err();
        assert!(matches!(error, ModelError::State { .. }) && error.to_string().contains(reason), "{error}");
        assert!(error.to_string().contains("fengsui replay"), "{error}");
    }
    drop(raw);
    model.rebuild(&log);
    assert_eq!(model.digest(), expected);
}

#[test]
fn until_stops_at_its_position() {
    let (genesis, log) = history(3);
    let model = Model::new(&genesis);
    let options = FollowOptions { until: Position::new(13), ..FollowOptions::default() };
    rebuild(&model.path(), genesis.clone(), &log, options, &mut Unwatched).unwrap();
    assert_eq!(model.open().progress().position, 13);
    let (_prefix, projector) = Model::of(&genesis, &log.prefix(13));
    assert_eq!(model.digest(), projector.digest().unwrap());
}
