#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::conformance::{Factory, record};
use crate::{ConflictWith, Field, Outcome};

struct Files {
    folder: TempDir,
    made: AtomicUsize,
}

impl Files {
    fn new() -> Files {
        Files { folder: TempDir::new().unwrap(), made: AtomicUsize::new(0) }
    }
}

impl Factory for Files {
    type Log = Embedded;

    fn create(&self) -> Embedded {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        Embedded::create(self.folder.path().join(format!("log-{number}.sqlite"))).unwrap()
    }

    fn reopen(&self, log: Embedded) -> Embedded {
        let path = log.path().to_owned();
        log.close().unwrap();
        Embedded::open_writer(path).unwrap()
    }

    fn reader(&self, log: &Embedded) -> Embedded {
        Embedded::open_reader(log.path()).unwrap()
    }
}

mod conforms {
    crate::conformance_tests!(super::Files::new());
}

fn at(number: u64) -> Position {
    Position::new(number).unwrap()
}

fn records(numbers: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    numbers.map(record).collect()
}

fn log_of(numbers: std::ops::RangeInclusive<u64>) -> (TempDir, Embedded) {
    let folder = TempDir::new().unwrap();
    let mut log = Embedded::create(folder.path().join("log.sqlite")).unwrap();
    log.append(&records(numbers)).unwrap();
    (folder, log)
}

fn all(log: &Embedded) -> Vec<Record> {
    log.read(Position::FIRST, usize::MAX).unwrap().into_iter().map(|stored| stored.record).collect()
}

/// Another program's connection, which knows nothing of the lock.
fn meddle(path: &Path, sql: &str) -> rusqlite::Result<()> {
    Connection::open(path).unwrap().execute_batch(sql)
}

#[test]
fn the_file_itself_refuses_change_removal_and_gaps() {
    let (_folder, log) = log_of(1..=3);
    let path = log.path().to_owned();
    log.close().unwrap();
    let row = "randomblob(16), 'a.b', x'00', x'00'";
    for sql in [
        "UPDATE events SET subject = 'other' WHERE position = 2".to_owned(),
        "DELETE FROM events WHERE position = 3".to_owned(),
        format!("REPLACE INTO events VALUES (2, {row})"),
        format!("INSERT INTO events VALUES (5, {row})"),
        format!("INSERT INTO events VALUES (0, {row})"),
        format!("INSERT INTO events VALUES (NULL, {row})"),
        "INSERT INTO events VALUES (4, x'00', 'a.b', x'00', x'00')".to_owned(),
    ] {
        let error = meddle(&path, &sql).unwrap_err().to_string();
        assert!(error.contains("the log") || error.contains("CHECK constraint"), "{sql}: {error}");
    }
    assert_eq!(all(&Embedded::open_reader(&path).unwrap()), records(1..=3));
}

#[test]
fn a_missing_position_is_a_gap_and_never_skipped() {
    let cut = |positions: &str| {
        let (folder, log) = log_of(1..=9);
        let path = log.path().to_owned();
        log.close().unwrap();
        meddle(&path, &format!("DROP TRIGGER events_never_vanish; DELETE FROM events WHERE position IN ({positions})"))
            .unwrap();
        (folder, Embedded::open_reader(&path).unwrap())
    };
    let (_folder, log) = cut("4, 5");
    let mut seen = Vec::new();
    let error = log.scan(Position::FIRST, None, &mut |position, _| {
        seen.push(position.get());
        ControlFlow::Continue(())
    });
    assert!(
        matches!(error, Err(ReadError::Gap { expected, found, .. }) if (expected, found) == (at(4), at(6))),
        "{error:?}"
    );
    assert_eq!(seen, [1, 2, 3]);
    assert_eq!(log.read(at(6), 10).unwrap().len(), 4);

    let (_folder, log) = cut("1, 2");
    let error = log.read(Position::FIRST, 1);
    assert!(
        matches!(error, Err(ReadError::Gap { expected, found, .. }) if (expected, found) == (at(1), at(3))),
        "{error:?}"
    );
}

#[test]
fn a_gap_at_the_seam_of_two_reads_is_found() {
    let (_folder, log) = log_of(1..=SCAN_RECORDS_PER_READ + 2);
    let path = log.path().to_owned();
    log.close().unwrap();
    let position = SCAN_RECORDS_PER_READ;
    meddle(&path, &format!("DROP TRIGGER events_never_vanish; DELETE FROM events WHERE position = {position}"))
        .unwrap();
    let error =
        Embedded::open_reader(&path).unwrap().scan(Position::FIRST, None, &mut |_, _| ControlFlow::Continue(()));
    assert!(
        matches!(error, Err(ReadError::Gap { expected, found, .. }) if (expected, found) == (at(position), at(position + 1))),
        "{error:?}"
    );
}

#[test]
fn a_row_that_fengsui_never_writes_is_named() {
    let (_folder, log) = log_of(1..=3);
    let path = log.path().to_owned();
    log.close().unwrap();
    meddle(&path, "DROP TRIGGER events_never_change; PRAGMA ignore_check_constraints = on; UPDATE events SET id = x'0102' WHERE position = 2").unwrap();
    let error = Embedded::open_reader(&path).unwrap().read(at(2), 1).unwrap_err();
    assert!(matches!(&error, ReadError::Row { position: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("position 2") && error.to_string().contains("another node's copy"), "{error}");
}

#[test]
fn there_is_one_writer_and_it_is_named_while_readers_are_welcome() {
    let (_folder, log) = log_of(1..=3);
    let path = log.path().to_owned();
    let error = Embedded::open_writer(&path).unwrap_err();
    assert!(
        matches!(&error, StorageError::SecondWriter { pid: Some(pid), .. } if *pid == std::process::id()),
        "{error:?}"
    );
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");

    let mut reader = Embedded::open_reader(&path).unwrap();
    assert_eq!(reader.head().unwrap(), Some(at(3)));
    assert!(matches!(reader.append(&[record(4)]), Err(AppendError::OpenedForReading { .. })));
    assert!(matches!(reader.append_copy(&[]), Err(AppendError::OpenedForReading { .. })));

    drop(log);
    Embedded::open_writer(&path).unwrap().append(&[record(4)]).unwrap();
    assert_eq!(reader.head().unwrap(), Some(at(4)));
}

#[test]
fn a_full_disk_stores_nothing_and_the_next_append_goes_on() {
    let (_folder, mut log) = log_of(1..=3);
    let limit = |log: &Embedded, pages: i64| {
        log.database
            .connection()
            .pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))
            .unwrap()
    };
    // No lower than what the file has already: so there is no room for another page.
    limit(&log, 1);
    let batch = records(4..=1_003);
    let error = log.append(&batch).unwrap_err();
    assert!(error.is_disk_full(), "{error:?}");
    assert!(error.to_string().contains("make room and try again"), "{error}");
    assert_eq!(all(&log), records(1..=3));
    assert_eq!(log.find(record(4).id).unwrap(), []);

    limit(&log, 1 << 30);
    let appended = log.append(&batch).unwrap();
    assert!(appended.iter().all(|answer| answer.outcome == Outcome::Stored));
    assert_eq!(all(&log), records(1..=1_003));
}

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_point() {
    let (folder, mut log) = log_of(1..=1);
    let source = log.path().to_owned();
    for number in 2..=40 {
        log.append(&[record(number)]).unwrap();
        // The state of the disk as a killed process leaves it: the main file and the write-ahead file, and no index.
        let target = folder.path().join(format!("killed-{number}.sqlite"));
        std::fs::copy(&source, &target).unwrap();
        std::fs::copy(source.with_extension("sqlite-wal"), target.with_extension("sqlite-wal")).unwrap();
        // The process died while it wrote the next transaction: its last frames are torn.
        if number % 2 == 0 {
            let mut wal = std::fs::read(target.with_extension("sqlite-wal")).unwrap();
            wal.extend_from_slice(&[0x5a; 4_000]);
            std::fs::write(target.with_extension("sqlite-wal"), wal).unwrap();
        }
        let mut killed = Embedded::open_writer(&target).unwrap();
        assert_eq!(all(&killed), records(1..=number));
        let appended = killed.append(&[record(number), record(number + 1)]).unwrap();
        assert_eq!(
            appended.iter().map(|answer| answer.outcome).collect::<Vec<_>>(),
            [Outcome::AlreadyPresent, Outcome::Stored]
        );
    }
}

#[test]
fn the_write_ahead_file_is_copied_back_and_gone_after_closing() {
    let (_folder, mut log) = log_of(1..=1);
    let path = log.path().to_owned();
    for number in 2..=200 {
        log.append(&[Record { bytes: vec![7; 256 << 10], ..record(number) }]).unwrap();
    }
    let wal = path.with_extension("sqlite-wal");
    let bytes = std::fs::metadata(&wal).unwrap().len();
    assert!(bytes < 16 << 20, "50 MiB were written, and the write-ahead file has {bytes} bytes");
    assert_eq!(log.database.watch_wal(), bytes);
    log.close().unwrap();
    assert!(!wal.exists());
    assert_eq!(Embedded::open_reader(&path).unwrap().head().unwrap(), Some(at(200)));
}

fn stored(position: u64, number: u64) -> Stored {
    Stored { position: at(position), record: record(number) }
}

#[test]
fn a_copy_keeps_positions_and_a_record_that_was_delivered_twice() {
    let folder = TempDir::new().unwrap();
    let mut copy = Embedded::create(folder.path().join("copy.sqlite")).unwrap();
    let original = [stored(1, 1), stored(2, 2), stored(3, 1), stored(4, 3)];
    assert_eq!(copy.append_copy(&original[..2]).unwrap(), Some(at(2)));
    // Begun again from the start, as after an interruption.
    assert_eq!(copy.append_copy(&original).unwrap(), Some(at(4)));
    assert_eq!(copy.read(Position::FIRST, 9).unwrap(), original);
    assert_eq!(copy.find(record(1).id).unwrap(), [at(1), at(3)]);
    assert_eq!(copy.append_copy(&[]).unwrap(), Some(at(4)));
    assert_eq!(copy.append(&[record(1)]).unwrap(), [Appended { position: at(1), outcome: Outcome::AlreadyPresent }]);
}

#[test]
fn a_copy_refuses_gaps_and_records_that_differ() {
    let folder = TempDir::new().unwrap();
    let mut copy = Embedded::create(folder.path().join("copy.sqlite")).unwrap();
    let error = copy.append_copy(&[stored(2, 2)]).unwrap_err();
    assert!(
        matches!(error, AppendError::NotContiguous { expected, offered, .. } if (expected, offered) == (at(1), at(2)))
    );
    copy.append_copy(&[stored(1, 1), stored(2, 2)]).unwrap();

    let error = copy.append_copy(&[stored(3, 3), stored(2, 9)]).unwrap_err();
    assert!(
        matches!(error, AppendError::CopyDiffers { position, stored, offered, .. }
            if (position, stored, offered) == (at(2), record(2).id, record(9).id)),
        "{error:?}"
    );
    assert_eq!(copy.head().unwrap(), Some(at(2)));

    let mut changed = stored(2, 2);
    changed.record.signature[0] ^= 1;
    assert!(matches!(copy.append_copy(&[changed]), Err(AppendError::CopyDiffers { .. })));
}

#[test]
fn when_a_copy_holds_two_contents_under_one_id_either_is_known() {
    let folder = TempDir::new().unwrap();
    let mut copy = Embedded::create(folder.path().join("copy.sqlite")).unwrap();
    let other = Record { bytes: b"{}".to_vec(), ..record(1) };
    copy.append_copy(&[stored(1, 1), Stored { position: at(2), record: other.clone() }]).unwrap();
    let position = |copy: &mut Embedded, record| copy.append(&[record]).unwrap()[0].position;
    assert_eq!(position(&mut copy, record(1)), at(1));
    assert_eq!(position(&mut copy, other), at(2));
    let third = Record { bytes: b"[]".to_vec(), ..record(1) };
    match copy.append(&[third]) {
        Err(AppendError::Conflict(conflict)) => {
            assert_eq!((conflict.with, conflict.field), (ConflictWith::Stored(at(1)), Field::Bytes));
            let text = conflict.to_string();
            // SHA-256 of "[]".
            assert!(text.contains("4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"), "{text}");
            assert!(text.contains(&record(1).id.to_string()) && text.contains("position 1"), "{text}");
        }
        other => panic!("expected a conflict, found {other:?}"),
    }
}

#[test]
fn lookups_by_id_use_the_index() {
    let (_folder, log) = log_of(1..=3);
    let plan: String = log
        .database
        .connection()
        .query_row("EXPLAIN QUERY PLAN SELECT position FROM events WHERE id = x'00' ORDER BY position", (), |row| {
            row.get(3)
        })
        .unwrap();
    assert_eq!(plan, "SEARCH events USING COVERING INDEX events_by_id (id=?)");
}

#[test]
fn a_log_is_opened_through_a_link_with_the_same_lock() {
    let (folder, log) = log_of(1..=3);
    let link: PathBuf = folder.path().join("link.sqlite");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(log.path(), &link).unwrap();
        assert!(matches!(Embedded::open_writer(&link), Err(StorageError::SecondWriter { .. })));
        assert_eq!(Embedded::open_reader(&link).unwrap().head().unwrap(), Some(at(3)));
    }
}
