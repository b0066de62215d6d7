#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ops::ControlFlow;
use std::time::Duration;

use fengsui_log::conformance::record;
use fengsui_log::{Appended, Embedded, EventLog, ReadError, RecordRef, Stored};
use tempfile::TempDir;

use super::*;

const FIRE: &str = "/regions/350600/agencies/fire/nodes/1";
const HOUSING: &str = "/regions/350600/agencies/housing/nodes/1";

struct Node {
    folder: TempDir,
    outbox: Outbox,
    log: Embedded,
}

fn node() -> Node {
    let folder = TempDir::new().unwrap();
    let outbox = Outbox::create(folder.path().join("outbox.sqlite")).unwrap();
    let log = Embedded::create(folder.path().join("log.sqlite")).unwrap();
    Node { folder, outbox, log }
}

impl Node {
    /// Ends the process without any farewell and starts it again.
    fn crash(self) -> Node {
        let Node { folder, outbox, log } = self;
        drop((outbox, log));
        let outbox = Outbox::open_writer(folder.path().join("outbox.sqlite")).unwrap();
        let log = Embedded::open_writer(folder.path().join("log.sqlite")).unwrap();
        Node { folder, outbox, log }
    }

    fn push(&mut self, source: &str, numbers: std::ops::RangeInclusive<u64>) {
        self.outbox.transaction(|transaction| push(transaction, source, numbers)).unwrap();
    }

    fn on_log(&self) -> Vec<EventId> {
        let stored = self.log.read(Position::FIRST, usize::MAX).unwrap();
        stored.into_iter().map(|stored| stored.record.id).collect()
    }
}

fn push(
    transaction: &mut OutboxTransaction<'_>,
    source: &str,
    numbers: std::ops::RangeInclusive<u64>,
) -> Result<(), OutboxError> {
    for number in numbers {
        let link = transaction.next_link(source)?;
        transaction.push(source, link, &record(number))?;
    }
    Ok(())
}

fn ids(numbers: std::ops::RangeInclusive<u64>) -> Vec<EventId> {
    numbers.map(|number| record(number).id).collect()
}

fn at(number: u64) -> Position {
    Position::new(number).unwrap()
}

/// A log that fails on appending, before or after the records are stored.
struct Failing<'log> {
    log: &'log mut Embedded,
    persists: bool,
}

impl EventLog for Failing<'_> {
    fn append(&mut self, batch: &[Record]) -> Result<Vec<Appended>, AppendError> {
        if self.persists {
            self.log.append(batch)?;
        }
        Err(AppendError::Storage(StorageError::DiskFull { path: self.log.path().to_owned() }))
    }
    fn read(&self, from: Position, limit: usize) -> Result<Vec<Stored>, ReadError> {
        self.log.read(from, limit)
    }
    fn scan(
        &self,
        from: Position,
        until: Option<Position>,
        visit: &mut dyn FnMut(Position, RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Position>, ReadError> {
        self.log.scan(from, until, visit)
    }
    fn head(&self) -> Result<Option<Position>, ReadError> {
        self.log.head()
    }
    fn find(&self, id: EventId) -> Result<Vec<Position>, ReadError> {
        self.log.find(id)
    }
    fn wait(&self, after: Option<Position>, timeout: Duration) -> Result<Option<Position>, ReadError> {
        self.log.wait(after, timeout)
    }
}

#[test]
fn each_source_has_a_chain_of_its_own() {
    let mut node = node();
    assert_eq!(node.outbox.chain_head(FIRE).unwrap(), None);
    node.push(FIRE, 1..=2);
    node.push(HOUSING, 3..=3);
    node.push(FIRE, 4..=4);
    let head = |number: u64, sequence| Some(ChainHead { sequence, digest: Digest::of(&record(number).bytes) });
    assert_eq!(node.outbox.chain_head(FIRE).unwrap(), head(4, 3));
    assert_eq!(node.outbox.chain_head(HOUSING).unwrap(), head(3, 1));
    let node = node.crash();
    assert_eq!(node.outbox.chain_head(FIRE).unwrap(), head(4, 3));
    let places: Vec<_> = node
        .outbox
        .pending(10)
        .unwrap()
        .into_iter()
        .map(|event| (event.source, event.sequence, event.record))
        .collect();
    let expected = [(FIRE, 1, 1), (FIRE, 2, 2), (HOUSING, 1, 3), (FIRE, 3, 4)]
        .map(|(source, sequence, number)| (source.to_owned(), sequence, record(number)));
    assert_eq!(places, expected);
}

#[test]
fn a_command_is_stored_whole_or_not_at_all() {
    let mut node = node();
    node.push(FIRE, 1..=1);
    let before = node.outbox.chain_head(FIRE).unwrap();
    let failed: Result<(), OutboxError> = node.outbox.transaction(|transaction| {
        push(transaction, FIRE, 2..=3)?;
        transaction.set_meta("last", "3")?;
        assert!(transaction.contains(record(3).id)?);
        Err(OutboxError::Unknown { id: record(9).id })
    });
    assert!(matches!(failed, Err(OutboxError::Unknown { .. })));
    assert_eq!(node.outbox.chain_head(FIRE).unwrap(), before);
    assert!(!node.outbox.contains(record(2).id).unwrap());
    assert_eq!(node.outbox.meta("last").unwrap(), None);
    node.push(FIRE, 2..=3);
    assert_eq!(node.outbox.counts().unwrap(), Counts { pending: 3, sent: 0 });
}

#[test]
fn an_event_has_one_place() {
    let mut node = node();
    node.push(FIRE, 1..=2);
    let again = node.outbox.transaction(|transaction| push(transaction, HOUSING, 1..=1));
    assert!(matches!(again, Err(OutboxError::DuplicateEvent { id }) if id == record(1).id));

    let stale = ChainLink::after(1, &record(1).bytes);
    let wrong = node.outbox.transaction(|transaction| transaction.push(FIRE, stale, &record(3)));
    assert!(matches!(wrong, Err(OutboxError::OutOfChain { expected: 3, found: 2, .. })), "{wrong:?}");
    let forked = ChainLink { sequence: 3, previous: Some(Digest::of(b"another event")) };
    let wrong = node.outbox.transaction(|transaction| transaction.push(FIRE, forked, &record(3)));
    assert!(matches!(wrong, Err(OutboxError::OutOfChain { .. })), "{wrong:?}");
    assert_eq!(node.outbox.counts().unwrap(), Counts { pending: 2, sent: 0 });
}

#[test]
fn draining_keeps_the_order_over_batches_and_sources() {
    let mut node = node();
    node.push(FIRE, 1..=5);
    node.push(HOUSING, 6..=7);
    node.push(FIRE, 8..=10);
    let drained = drain(&mut node.outbox, &mut node.log, 4).unwrap();
    assert_eq!(drained, Drained { stored: 10, already_present: 0, last: Some(at(10)) });
    assert_eq!(node.on_log(), ids(1..=10));
    assert_eq!(node.outbox.counts().unwrap(), Counts { pending: 0, sent: 10 });
    assert!(node.outbox.contains(record(4).id).unwrap());
    assert_eq!(drain(&mut node.outbox, &mut node.log, 4).unwrap(), Drained::default());
    // A batch of nothing would never end.
    node.push(FIRE, 11..=11);
    assert_eq!(drain(&mut node.outbox, &mut node.log, 0).unwrap().stored, 1);
}

#[test]
fn append_failed_not_persisted() {
    let mut node = node();
    node.push(FIRE, 1..=3);
    let error = drain(&mut node.outbox, &mut Failing { log: &mut node.log, persists: false }, 2).unwrap_err();
    assert!(matches!(&error, OutboxError::Append(error) if error.is_disk_full()), "{error:?}");
    let mut node = node.crash();
    assert_eq!(node.outbox.counts().unwrap(), Counts { pending: 3, sent: 0 });
    let drained = drain(&mut node.outbox, &mut node.log, 2).unwrap();
    assert_eq!(drained, Drained { stored: 3, already_present: 0, last: Some(at(3)) });
    assert_eq!(node.on_log(), ids(1..=3));
}

#[test]
fn append_failed_but_persisted() {
    let mut node = node();
    node.push(FIRE, 1..=3);
    drain(&mut node.outbox, &mut Failing { log: &mut node.log, persists: true }, 2).unwrap_err();
    let mut node = node.crash();
    assert_eq!(node.outbox.counts().unwrap(), Counts { pending: 3, sent: 0 });
    // Others publish in the meantime.
    node.log.append(&[record(100)]).unwrap();
    let drained = drain(&mut node.outbox, &mut node.log, 2).unwrap();
    assert_eq!(drained, Drained { stored: 1, already_present: 2, last: Some(at(4)) });
    assert_eq!(node.on_log(), [ids(1..=2), ids(100..=100), ids(3..=3)].concat());
    assert_eq!(node.outbox.counts().unwrap(), Counts { pending: 0, sent: 3 });
}

#[test]
fn mark_failed_not_persisted() {
    let mut node = node();
    node.push(FIRE, 1..=3);
    let records: Vec<_> = node.outbox.pending(3).unwrap().into_iter().map(|event| event.record).collect();
    node.log.append(&records).unwrap();
    // The process dies before it notes the positions.
    let mut node = node.crash();
    let drained = drain(&mut node.outbox, &mut node.log, DRAIN_BATCH).unwrap();
    assert_eq!(drained, Drained { stored: 0, already_present: 3, last: Some(at(3)) });
    assert_eq!(node.on_log(), ids(1..=3));
}

#[test]
fn mark_failed_but_persisted() {
    let mut node = node();
    node.push(FIRE, 1..=3);
    let records: Vec<_> = node.outbox.pending(2).unwrap().into_iter().map(|event| event.record).collect();
    let answers = node.log.append(&records).unwrap();
    let sent: Vec<_> = records.iter().zip(answers).map(|(record, answer)| (record.id, answer.position)).collect();
    node.outbox.mark_sent(&sent).unwrap();
    // The process dies before it goes on to the next batch.
    let mut node = node.crash();
    let drained = drain(&mut node.outbox, &mut node.log, DRAIN_BATCH).unwrap();
    assert_eq!(drained, Drained { stored: 1, already_present: 0, last: Some(at(3)) });
    // Marking again changes nothing, not even with another position.
    node.outbox.mark_sent(&sent).unwrap();
    node.outbox.mark_sent(&[(record(1).id, at(77))]).unwrap();
    assert_eq!(node.outbox.counts().unwrap(), Counts { pending: 0, sent: 3 });
}

/// A log that holds only these records of all that was published.
fn put_back(node: Node, numbers: std::ops::RangeInclusive<u64>) -> Node {
    let Node { folder, outbox, log } = node;
    log.close().unwrap();
    std::fs::remove_file(folder.path().join("log.sqlite")).unwrap();
    let mut log = Embedded::create(folder.path().join("log.sqlite")).unwrap();
    log.append(&numbers.map(record).collect::<Vec<_>>()).unwrap();
    Node { folder, outbox, log }
}

#[test]
fn what_the_log_has_lost_is_published_again_where_it_was() {
    let mut node = node();
    node.push(FIRE, 1..=7);
    assert_eq!(compare(&node.outbox, &node.log).unwrap(), None);
    drain(&mut node.outbox, &mut node.log, DRAIN_BATCH).unwrap();
    assert_eq!(compare(&node.outbox, &node.log).unwrap(), None);
    node.push(FIRE, 8..=8);
    for kept in [4, 0] {
        node = put_back(node, 1..=kept);
        let lost = compare(&node.outbox, &node.log).unwrap().unwrap();
        assert_eq!((lost.head, lost.last, lost.position.get() >= 7), (kept, record(lost.position.get()).id, true));
        assert!(lost.is_whole);
        take_back(&mut node.outbox, lost).unwrap();
        node = node.crash();
        drain(&mut node.outbox, &mut node.log, 3).unwrap();
        assert_eq!(node.on_log(), ids(1..=8));
        assert_eq!(compare(&node.outbox, &node.log).unwrap(), None);
    }
}

#[test]
fn what_others_have_published_is_not_made_up_for() {
    let mut node = node();
    node.push(FIRE, 1..=2);
    drain(&mut node.outbox, &mut node.log, DRAIN_BATCH).unwrap();
    node.log.append(&[record(100)]).unwrap();
    node.push(FIRE, 3..=3);
    drain(&mut node.outbox, &mut node.log, DRAIN_BATCH).unwrap();
    node = put_back(node, 1..=2);
    let lost = compare(&node.outbox, &node.log).unwrap().unwrap();
    assert_eq!(lost, LostEnd { head: 2, last: record(3).id, position: at(4), is_whole: false });
}

#[test]
fn a_log_that_this_outbox_has_not_published_to_is_refused() {
    let mut node = node();
    node.push(FIRE, 1..=3);
    drain(&mut node.outbox, &mut node.log, DRAIN_BATCH).unwrap();
    for other in [11..=12, 11..=13, 11..=19] {
        node = put_back(node, other);
        let error = compare(&node.outbox, &node.log).unwrap_err();
        assert!(matches!(error, OutboxError::OtherLog { .. }), "{error:?}");
    }
}

#[test]
fn a_conflict_on_the_log_stops_the_drain_loudly() {
    let mut node = node();
    node.push(FIRE, 1..=3);
    node.log.append(&[Record { bytes: b"{}".to_vec(), ..record(2) }]).unwrap();
    let error = drain(&mut node.outbox, &mut node.log, 1).unwrap_err();
    assert!(
        matches!(&error, OutboxError::Append(AppendError::Conflict(conflict)) if conflict.id == record(2).id),
        "{error:?}"
    );
    assert_eq!(node.outbox.counts().unwrap(), Counts { pending: 2, sent: 1 });
}

#[test]
fn only_known_events_are_marked_and_none_when_one_is_unknown() {
    let mut node = node();
    node.push(FIRE, 1..=1);
    let error = node.outbox.mark_sent(&[(record(1).id, at(1)), (record(5).id, at(2))]).unwrap_err();
    assert!(matches!(error, OutboxError::Unknown { id } if id == record(5).id));
    assert_eq!(node.outbox.counts().unwrap(), Counts { pending: 1, sent: 0 });
}

#[test]
fn notes_are_kept_and_replaced() {
    let mut node = node();
    for value in ["1", "2"] {
        node.outbox.transaction(|transaction| transaction.set_meta("reminded", value)).unwrap();
    }
    let node = node.crash();
    assert_eq!(node.outbox.meta("reminded").unwrap().as_deref(), Some("2"));
    assert_eq!(node.outbox.meta("other").unwrap(), None);
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let mut node = node();
    node.push(FIRE, 1..=1);
    let error = Outbox::open_writer(node.outbox.path()).unwrap_err();
    assert!(matches!(&error, OutboxError::Storage(StorageError::SecondWriter { pid: Some(_), .. })), "{error:?}");
    let mut reader = Outbox::open_reader(node.outbox.path()).unwrap();
    assert_eq!(reader.counts().unwrap(), Counts { pending: 1, sent: 0 });
    assert!(reader.transaction(|transaction| push(transaction, FIRE, 2..=2)).is_err());
    assert_eq!(node.outbox.counts().unwrap(), Counts { pending: 1, sent: 0 });
}

#[test]
fn a_log_is_no_outbox() {
    let node = node();
    let error = Outbox::open_reader(node.log.path()).unwrap_err().to_string();
    assert!(error.contains("is no outbox") && error.contains("log.sqlite"), "{error}");
}

#[test]
fn a_full_disk_keeps_the_outbox_as_it_was() {
    let mut node = node();
    node.push(FIRE, 1..=3);
    let limit = |node: &Node, pages: i64| {
        let connection = node.outbox.database.connection();
        connection.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0)).unwrap();
    };
    limit(&node, 1);
    let error = node.outbox.transaction(|transaction| push(transaction, FIRE, 4..=500)).unwrap_err();
    assert!(matches!(error, OutboxError::Storage(StorageError::DiskFull { .. })), "{error:?}");
    assert_eq!(node.outbox.counts().unwrap(), Counts { pending: 3, sent: 0 });
    limit(&node, 1 << 30);
    node.push(FIRE, 4..=500);
    assert_eq!(node.outbox.chain_head(FIRE).unwrap().unwrap().sequence, 500);
}

#[test]
fn signed_events_in_the_file_neither_change_nor_vanish() {
    let mut node = node();
    node.push(FIRE, 1..=1);
    for sql in ["UPDATE outgoing SET bytes = x'00'", "DELETE FROM outgoing"] {
        let error = node.outbox.database.connection().execute(sql, ()).unwrap_err().to_string();
        assert!(error.contains("never changes") || error.contains("keeps what"), "{error}");
    }
}

#[test]
fn looking_for_pending_events_does_not_read_the_sent_ones() {
    let node = node();
    let plan = |sql: &str| -> String {
        let connection = node.outbox.database.connection();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = statement.query_map((), |row| row.get::<_, String>(3)).unwrap();
        steps.map(Result::unwrap).collect::<Vec<_>>().join("\n")
    };
    // Either index leads to the pending ones alone. Rows of one position stand in the order of their numbers, so nothing is sorted.
    let narrow =
        ["SCAN outgoing USING INDEX outgoing_pending", "SEARCH outgoing USING INDEX outgoing_position (position=?)"];
    for sql in [
        "SELECT id FROM outgoing WHERE position IS NULL ORDER BY number LIMIT 9",
        "SELECT count(*) FROM outgoing WHERE position IS NULL",
    ] {
        let plan = plan(sql);
        assert!(narrow.contains(&plan.replace(" COVERING", "").as_str()), "{plan}");
    }
    let beyond = plan(&BEYOND_SQL.replace("?1", "7"));
    assert!(beyond.contains("MULTI-INDEX OR") && !beyond.contains("SCAN"), "{beyond}");
}
