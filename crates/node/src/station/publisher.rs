//! Getting what waits in the outbox onto the stream: in order, each event once.
//!
//! The broker forgets ids after a while, and an acknowledgement may not arrive. So before the first batch of a connection, and after
//! every batch whose end is not known, all that waits is looked up in a copy that has been brought up to the stream's head. From then on only this
//! process publishes what is in the outbox, and what it has not sent yet cannot be there.

use fengsui_event::{Event, EventId, Timestamp};
use fengsui_log::jetstream::{PublishError, Stream};
use fengsui_log::{AppendError, Conflict, ConflictWith, Embedded, EventLog as _, Position, Record};

use super::recovery::Recovery;
use crate::node::NodeError;
use crate::outbox::{DRAIN_BATCH, Outbox};

/// Batches of one round. After it, the caller looks at whether to go on.
const BATCHES_MAX: usize = 16;

/// Published events whose noted positions are checked when a node connects, counted back from the last.
const NOTED_CHECKED: usize = 1_000;

/// What a round did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Round {
    /// Nothing waits.
    Empty,
    /// So many events are on the stream.
    Published(usize),
    /// What waits must not go yet: others have to bring back first what stood before it.
    Held,
}

/// What was found when the outbox was compared with a copy.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Settled {
    /// Events that were not noted as published, and are.
    pub found: usize,
    /// Events that were noted as published, and are not, or elsewhere.
    pub again: usize,
    /// Events under whose ids somebody else has published something, with its positions.
    pub taken: Vec<(EventId, Position)>,
}

/// Makes sure that nothing which waits is on the stream already, and that what is noted as published is. `copy` must have
/// been brought up to the stream's head after the last attempt to publish.
///
/// An id that another source has taken does not keep an event back: it has its place in its own source's chain, and without it what comes
/// after would make no sense. The broker takes it once it has forgotten the id; it has no effect then, and the alarm says so.
///
/// Errors: a conflict with an event of the same source. Then the outbox is not what it was, and nothing may go out of it.
pub fn settle(outbox: &mut Outbox, copy: &Embedded) -> Result<Settled, NodeError> {
    let again = moved(copy, outbox.last_noted(NOTED_CHECKED)?)?;
    outbox.note_anew(&again)?;
    let mut settled = Settled { again: again.len(), ..Settled::default() };
    let mut number = 0;
    loop {
        let waiting = outbox.pending_after(number, DRAIN_BATCH)?;
        let Some((last, _)) = waiting.last() else { break };
        number = *last;
        let mut sent = Vec::new();
        for (_, event) in &waiting {
            match copy.position_of(&event.record) {
                Ok(Some(position)) => sent.push((event.record.id, position)),
                Ok(None) => {}
                Err(AppendError::Conflict(conflict)) => {
                    let taken = taken_by_another(copy, &conflict, &event.source)?;
                    settled.taken.push((conflict.id, taken.ok_or(AppendError::Conflict(conflict))?));
                }
                Err(error) => return Err(error.into()),
            }
        }
        outbox.mark_sent(&sent)?;
        settled.found += sent.len();
    }
    Ok(settled)
}

/// Where the other event stands, if it is of another source than `source`.
fn taken_by_another(copy: &Embedded, conflict: &Conflict, source: &str) -> Result<Option<Position>, NodeError> {
    let ConflictWith::Stored(position) = conflict.with else { return Ok(None) };
    let stored = copy.read(position, 1)?.pop();
    let event = stored.and_then(|stored| Event::parse(&stored.record.bytes).ok());
    Ok(event.is_none_or(|event| event.source.to_string() != source).then_some(position))
}

/// Notes all positions anew after the copy was drawn again.
pub fn note_all_anew(outbox: &mut Outbox, copy: &Embedded) -> Result<(), NodeError> {
    let mut before = u64::MAX;
    loop {
        let noted = outbox.noted_before(before, DRAIN_BATCH)?;
        let Some((_, last)) = noted.last() else { return Ok(()) };
        before = last.get();
        outbox.note_anew(&moved(copy, noted)?)?;
    }
}

/// Those of some noted events that are not where they were noted to be, with where they are.
fn moved(copy: &Embedded, noted: Vec<(EventId, Position)>) -> Result<Vec<(EventId, Option<Position>)>, NodeError> {
    let mut moved = Vec::new();
    for (id, position) in noted {
        let found = copy.find(id)?;
        if !found.contains(&position) {
            moved.push((id, found.first().copied()));
        }
    }
    Ok(moved)
}

/// Publishes what waits, a batch after the other, and notes where it is. While a batch is on its way, the one before it is noted; should this process
/// end in between, [`settle`] finds on the stream what was not noted.
pub fn publish_some(
    outbox: &mut Outbox,
    stream: &Stream,
    recovery: &Recovery,
    now: Timestamp,
) -> Result<Round, PublishingError> {
    let reconnects = stream.broker().reconnects();
    let (mut count, mut number, mut is_held) = (0, 0, false);
    let mut published: Vec<(EventId, Position)> = Vec::new();
    for _ in 0..BATCHES_MAX {
        let waiting = outbox.pending_after(number, DRAIN_BATCH).map_err(NodeError::from)?;
        number = waiting.last().map_or(number, |(last, _)| *last);
        is_held = !waiting.is_empty();
        let may_go = |record: &Record| recovery.may_publish(record.id, now);
        let records: Vec<Record> = waiting.into_iter().map(|(_, event)| event.record).take_while(may_go).collect();
        // A batch that is not whole is the last one: more is not there, or must not go yet.
        let is_last = records.len() < DRAIN_BATCH;
        let positions = publish_and_note(outbox, stream, &records, &published)?;
        published = records.iter().map(|record| record.id).zip(positions).collect();
        count += published.len();
        // Behind a new connection the stream may be an older one: that is looked at first.
        if is_last || stream.broker().reconnects() != reconnects {
            break;
        }
    }
    if !published.is_empty() {
        outbox.mark_sent(&published).map_err(NodeError::from)?;
    }
    Ok(match (count, is_held) {
        (0, false) => Round::Empty,
        (0, true) => Round::Held,
        _ => Round::Published(count),
    })
}

/// Publishes a batch, and notes meanwhile where the one before is.
fn publish_and_note(
    outbox: &mut Outbox,
    stream: &Stream,
    records: &[Record],
    before: &[(EventId, Position)],
) -> Result<Vec<Position>, PublishingError> {
    if before.is_empty() {
        return Ok(stream.publish(records)?);
    }
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| stream.publish(records));
        let noted = outbox.mark_sent(before).map_err(NodeError::from);
        let positions = publishing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        noted?;
        Ok(positions?)
    })
}

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
pub enum PublishingError {
    /// The stream did not take it.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The node's own files.
    #[error(transparent)]
    Node(#[from] NodeError),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fengsui_event::ChainLink;
    use tempfile::TempDir;

    use super::*;
    use crate::as_of::tests::pilot;

    /// A copy that holds the authority's first event, and an outbox in which another event waits under its id.
    fn taken(source: &str) -> (TempDir, Result<Settled, NodeError>, EventId, u64) {
        let place = TempDir::new().unwrap();
        let node = pilot(&place.path().join("office"));
        let stored = node.log().read(Position::FIRST, 1).unwrap().pop().unwrap();
        let mut outbox = Outbox::create(place.path().join("outbox.sqlite")).unwrap();
        let waiting = Record { bytes: b"another event".to_vec(), ..stored.record.clone() };
        outbox.transaction(|transaction| transaction.push(source, ChainLink::FIRST, &waiting)).unwrap();
        let settled = settle(&mut outbox, node.log());
        let pending = outbox.counts().unwrap().pending;
        drop(node);
        (place, settled, stored.record.id, pending)
    }

    #[test]
    fn an_id_that_another_source_has_taken_keeps_nothing_back() {
        let (_place, settled, id, pending) = taken("/regions/350600/agencies/fire/nodes/1");
        let expected = Settled { taken: vec![(id, Position::FIRST)], ..Settled::default() };
        assert_eq!(settled.unwrap(), expected);
        assert_eq!(pending, 1, "it still goes out");
    }

    #[test]
    fn other_content_under_an_id_of_ones_own_is_a_conflict() {
        let (_place, settled, id, _) = taken("/regions/350600/agencies/joint-office/nodes/1");
        match settled {
            Err(NodeError::Append(AppendError::Conflict(conflict))) => assert_eq!(conflict.id, id),
            other => panic!("expected a conflict, found {other:?}"),
        }
    }
}
