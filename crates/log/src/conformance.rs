//! What every implementation of [`EventLog`] must do, as one suite of checks.
//!
//! An implementation gives a [`Factory`] and runs [`conformance_tests!`](crate::conformance_tests) in its tests. A check panics when it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)] // These are tests.

pub mod loss;
pub mod server;

use std::ops::ControlFlow;
use std::time::Duration;

use fengsui_event::EventId;
use sha2::{Digest as _, Sha256};

use crate::{
    AppendError, Appended, ConflictWith, EventLog, Field, Outcome, Position, Record, StopFlag, Stored, subscribe,
};

/// Longer than any log needs to show a record to another handle. No check waits so long unless it fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// Makes logs to be checked.
pub trait Factory {
    /// The implementation.
    type Log: EventLog + Send;
    /// A new, empty log.
    fn create(&self) -> Self::Log;
    /// Closes a log and opens it again, as after a restart.
    fn reopen(&self, log: Self::Log) -> Self::Log;
    /// A second handle on the same log, for reading.
    fn reader(&self, log: &Self::Log) -> Self::Log;
}

/// Makes one `#[test]` for every check of the suite; `$factory` is an expression that yields a [`Factory`].
#[macro_export]
macro_rules! conformance_tests {
    ($factory:expr) => {
        $crate::conformance_tests!(@ $factory;
            an_empty_log_has_no_head
            positions_follow_the_order_of_appending
            records_come_back_byte_for_byte
            appending_the_same_record_again_is_a_success_at_its_old_position
            another_record_under_a_known_id_is_a_conflict
            a_conflict_stores_nothing_of_its_batch
            duplicates_within_one_batch
            an_empty_batch_changes_nothing
            subjects_that_no_broker_carries_are_refused
            reads_are_ranges
            scans_stop_where_they_are_told
            a_record_of_one_mebibyte
            a_batch_of_ten_thousand
            find_names_every_position
            a_reopened_log_is_the_same
            waiting_ends_with_news_or_with_the_timeout
            a_subscription_sees_old_and_new_records
        );
    };
    (@ $factory:expr; $($check:ident)*) => {
        $(
            #[test]
            fn $check() {
                $crate::conformance::$check(&$factory);
            }
        )*
    };
}

/// The `number`th record of an imagined exchange, always the same.
pub fn record(number: u64) -> Record {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&number.to_be_bytes());
    let id = EventId::from_parts(1_700_000_000_000 + number, random);
    Record {
        id,
        subject: "fengsui.350600.fire.violation.reported".to_owned(),
        bytes: format!(r#"{{"id":"{id}","note":"消防通道被占用","number":{number}}}"#).into_bytes(),
        signature: vec![u8::try_from(number % 251).unwrap_or_default(); 64],
    }
}

fn records(numbers: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    numbers.map(record).collect()
}

fn at(number: u64) -> Position {
    Position::new(number).expect("a position")
}

fn stored(number: u64) -> Appended {
    Appended { position: at(number), outcome: Outcome::Stored }
}

fn present(number: u64) -> Appended {
    Appended { position: at(number), outcome: Outcome::AlreadyPresent }
}

fn all(log: &impl EventLog) -> Vec<Stored> {
    log.read(Position::FIRST, usize::MAX).unwrap()
}

/// An empty log is a log: everything answers, with nothing.
pub fn an_empty_log_has_no_head(factory: &impl Factory) {
    let log = factory.create();
    assert_eq!(log.head().unwrap(), None);
    assert_eq!(all(&log), []);
    assert_eq!(log.scan(Position::FIRST, None, &mut |_, _| unreachable!()).unwrap(), None);
    assert_eq!(log.find(record(1).id).unwrap(), []);
}

/// Positions run from 1 without gaps over all batches.
pub fn positions_follow_the_order_of_appending(factory: &impl Factory) {
    let mut log = factory.create();
    // Ids need not rise: the position alone is the order.
    assert_eq!(log.append(&[record(9), record(3)]).unwrap(), [stored(1), stored(2)]);
    assert_eq!(log.append(&[record(5)]).unwrap(), [stored(3)]);
    assert_eq!(log.head().unwrap(), Some(at(3)));
    let ids: Vec<_> = all(&log).into_iter().map(|stored| (stored.position.get(), stored.record.id)).collect();
    assert_eq!(ids, [(1, record(9).id), (2, record(3).id), (3, record(5).id)]);
}

/// Nothing is re-serialised, trimmed or normalised: bytes need not even be text.
pub fn records_come_back_byte_for_byte(factory: &impl Factory) {
    let mut log = factory.create();
    let raw = Record { bytes: (0..=255).collect(), signature: vec![0, 255, 0], ..record(1) };
    let unspoilt = Record { bytes: b" {\"a\" : 1.0,\r\n\"a\":2}\n".to_vec(), ..record(2) };
    let empty = Record { bytes: Vec::new(), signature: Vec::new(), ..record(3) };
    let given = [raw, unspoilt, empty];
    log.append(&given).unwrap();
    let read: Vec<_> = all(&log).into_iter().map(|stored| stored.record).collect();
    assert_eq!(read, given);
}

/// Whoever does not know how an append ended does it again.
pub fn appending_the_same_record_again_is_a_success_at_its_old_position(factory: &impl Factory) {
    let mut log = factory.create();
    log.append(&records(1..=3)).unwrap();
    assert_eq!(log.append(&[record(2)]).unwrap(), [present(2)]);
    assert_eq!(log.append(&[record(3), record(4), record(1)]).unwrap(), [present(3), stored(4), present(1)]);
    assert_eq!(log.head().unwrap(), Some(at(4)));
    let mut log = factory.reopen(log);
    assert_eq!(log.append(&records(1..=4)).unwrap(), [present(1), present(2), present(3), present(4)]);
    assert_eq!(all(&log).len(), 4);
}

/// The field that differs is named, with the digests of both contents.
pub fn another_record_under_a_known_id_is_a_conflict(factory: &impl Factory) {
    let mut log = factory.create();
    log.append(&records(1..=2)).unwrap();
    let old = record(2);
    let bytes = Record { bytes: b"{}".to_vec(), ..old.clone() };
    let signature = Record { signature: vec![1; 64], ..old.clone() };
    let subject = Record { subject: "fengsui.350600.fire.case.closed".to_owned(), ..old.clone() };
    let cases = [
        (bytes, Field::Bytes, old.bytes.clone(), b"{}".to_vec()),
        (signature, Field::Signature, old.signature.clone(), vec![1; 64]),
        (subject, Field::Subject, old.subject.clone().into_bytes(), b"fengsui.350600.fire.case.closed".to_vec()),
    ];
    for (offered, field, stored, other) in cases {
        match log.append(&[offered]) {
            Err(AppendError::Conflict(conflict)) => {
                assert_eq!(conflict.id, old.id);
                assert_eq!(conflict.with, ConflictWith::Stored(at(2)));
                assert_eq!(conflict.field, field);
                assert_eq!(conflict.stored_sha256, <[u8; 32]>::from(Sha256::digest(&stored)));
                assert_eq!(conflict.offered_sha256, <[u8; 32]>::from(Sha256::digest(&other)));
            }
            other => panic!("expected a conflict over the {field}, found {other:?}"),
        }
    }
    assert_eq!(all(&log)[1].record, old);
}

/// A batch is stored whole or not at all.
pub fn a_conflict_stores_nothing_of_its_batch(factory: &impl Factory) {
    let mut log = factory.create();
    log.append(&[record(1)]).unwrap();
    let other = Record { bytes: b"{}".to_vec(), ..record(1) };
    assert!(matches!(log.append(&[record(2), other, record(3)]), Err(AppendError::Conflict(_))));
    assert_eq!(log.head().unwrap(), Some(at(1)));
    assert_eq!(log.find(record(2).id).unwrap(), []);
    assert_eq!(log.append(&records(2..=3)).unwrap(), [stored(2), stored(3)]);
}

/// Inside one batch an id counts as known from its first record on.
pub fn duplicates_within_one_batch(factory: &impl Factory) {
    let mut log = factory.create();
    assert_eq!(log.append(&[record(1), record(2), record(1)]).unwrap(), [stored(1), stored(2), present(1)]);
    let other = Record { bytes: b"{}".to_vec(), ..record(4) };
    match log.append(&[record(3), record(4), other]) {
        Err(AppendError::Conflict(conflict)) => {
            assert_eq!(conflict.with, ConflictWith::SameBatch(1));
        }
        other => panic!("expected a conflict, found {other:?}"),
    }
    assert_eq!(log.head().unwrap(), Some(at(2)));
}

/// Nothing to do is no error.
pub fn an_empty_batch_changes_nothing(factory: &impl Factory) {
    let mut log = factory.create();
    assert_eq!(log.append(&[]).unwrap(), []);
    assert_eq!(log.head().unwrap(), None);
    log.append(&[record(1)]).unwrap();
    assert_eq!(log.append(&[]).unwrap(), []);
    assert_eq!(log.head().unwrap(), Some(at(1)));
}

/// A log that is in one file today may be carried to a broker tomorrow.
pub fn subjects_that_no_broker_carries_are_refused(factory: &impl Factory) {
    let mut log = factory.create();
    for subject in
        ["", "fengsui..fire", ".fengsui", "fengsui.", "fengsui.*.fire", "fengsui.>", "fengsui. fire", "fengsui\n"]
    {
        let bad = Record { subject: subject.to_owned(), ..record(2) };
        match log.append(&[record(1), bad]) {
            Err(AppendError::Subject { index: 1, id, subject: named }) => {
                assert_eq!((id, &*named), (record(2).id, subject));
            }
            other => panic!("expected {subject:?} to be refused, found {other:?}"),
        }
    }
    assert_eq!(log.head().unwrap(), None);
}

/// A read is bounded by its limit and by the head.
pub fn reads_are_ranges(factory: &impl Factory) {
    let mut log = factory.create();
    log.append(&records(1..=10)).unwrap();
    let read = |from, limit| -> Vec<u64> {
        log.read(at(from), limit).unwrap().iter().map(|stored| stored.position.get()).collect()
    };
    assert_eq!(read(1, 3), [1, 2, 3]);
    assert_eq!(read(9, 100), [9, 10]);
    assert_eq!(read(10, 1), [10]);
    assert_eq!(read(11, 5), [0; 0]);
    assert_eq!(read(4, 0), [0; 0]);
    assert_eq!(log.read(at(4), 1).unwrap()[0].record, record(4));
}

/// A scan ends at its bound, at the head, or when the visitor has had enough; it says where.
pub fn scans_stop_where_they_are_told(factory: &impl Factory) {
    let mut log = factory.create();
    log.append(&records(1..=10)).unwrap();
    let scan = |from, until: Option<u64>, stop_at: u64| {
        let mut seen = Vec::new();
        let last = log.scan(at(from), until.map(at), &mut |position, shown| {
            assert_eq!(shown.to_record(), record(position.get()));
            seen.push(position.get());
            if position.get() == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(last.unwrap().map(Position::get), seen.last().copied());
        seen
    };
    assert_eq!(scan(1, None, 0), (1..=10).collect::<Vec<_>>());
    assert_eq!(scan(4, Some(6), 0), [4, 5, 6]);
    assert_eq!(scan(4, Some(99), 0), [4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(scan(4, None, 5), [4, 5]);
    assert_eq!(scan(6, Some(5), 0), [0; 0]);
    assert_eq!(scan(11, None, 0), [0; 0]);
}

/// As large as a broker's default limit allows for the whole message.
pub fn a_record_of_one_mebibyte(factory: &impl Factory) {
    let mut log = factory.create();
    let bytes = (0..=255).cycle().take((1 << 20) - 4096).collect();
    // Room for the headers that travel with a message.
    let big = Record { bytes, ..record(1) };
    log.append(&[big.clone(), record(2)]).unwrap();
    let log = factory.reopen(log);
    assert_eq!(all(&log)[0].record, big);
    assert_eq!(all(&log)[1].record, record(2));
}

/// An outbox that was offline for long drains in large batches.
pub fn a_batch_of_ten_thousand(factory: &impl Factory) {
    let mut log = factory.create();
    let batch = records(1..=10_000);
    let appended = log.append(&batch).unwrap();
    assert!(appended.into_iter().zip(1..).all(|(answer, number)| answer == stored(number)));
    let appended = log.append(&batch).unwrap();
    assert!(appended.into_iter().zip(1..).all(|(answer, number)| answer == present(number)));
    let mut shown = 0;
    let last = log.scan(Position::FIRST, None, &mut |position, seen| {
        shown += 1;
        assert_eq!((position.get(), seen.id), (shown, record(shown).id));
        ControlFlow::Continue(())
    });
    assert_eq!(last.unwrap(), Some(at(10_000)));
}

/// Lookup by id.
pub fn find_names_every_position(factory: &impl Factory) {
    let mut log = factory.create();
    log.append(&records(1..=3)).unwrap();
    assert_eq!(log.find(record(2).id).unwrap(), [at(2)]);
    assert_eq!(log.find(record(4).id).unwrap(), []);
}

/// What was acknowledged is there after a restart, and the positions go on.
pub fn a_reopened_log_is_the_same(factory: &impl Factory) {
    let log = factory.create();
    let mut log = factory.reopen(log);
    assert_eq!(log.head().unwrap(), None);
    log.append(&records(1..=5)).unwrap();
    let before = all(&log);
    let mut log = factory.reopen(log);
    assert_eq!(all(&log), before);
    assert_eq!(log.append(&[record(6)]).unwrap(), [stored(6)]);
}

/// A reader beside the writer learns of new records.
pub fn waiting_ends_with_news_or_with_the_timeout(factory: &impl Factory) {
    let mut log = factory.create();
    let reader = factory.reader(&log);
    assert_eq!(reader.wait(None, Duration::ZERO).unwrap(), None);
    log.append(&records(1..=2)).unwrap();
    assert_eq!(reader.wait(None, PATIENCE).unwrap(), Some(at(2)));
    assert_eq!(reader.wait(Some(at(1)), PATIENCE).unwrap(), Some(at(2)));
    assert_eq!(reader.wait(Some(at(2)), Duration::from_millis(1)).unwrap(), None);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || reader.wait(Some(at(2)), PATIENCE).unwrap());
        log.append(&[record(3)]).unwrap();
        assert_eq!(waiting.join().unwrap(), Some(at(3)));
    });
}

/// From any position on, over the head, in order, until stopped.
pub fn a_subscription_sees_old_and_new_records(factory: &impl Factory) {
    let mut log = factory.create();
    log.append(&records(1..=600)).unwrap();
    let reader = factory.reader(&log);
    let stop = StopFlag::new();
    let stopping = stop.clone();
    std::thread::scope(|scope| {
        let following = scope.spawn(move || {
            let mut subscription = subscribe(&reader, at(3), stopping.clone());
            let mut seen = Vec::new();
            for stored in subscription.by_ref() {
                seen.push(stored.unwrap().position.get());
                if seen.last() == Some(&602) {
                    stopping.stop();
                }
            }
            assert_eq!(subscription.next_position(), at(603));
            seen
        });
        log.append(&[record(601)]).unwrap();
        log.append(&[record(602)]).unwrap();
        assert_eq!(following.join().unwrap(), (3..=602).collect::<Vec<_>>());
    });
    assert!(stop.is_stopped());
    let mut stopped = subscribe(&log, Position::FIRST, stop);
    assert!(stopped.next().is_none());
}
