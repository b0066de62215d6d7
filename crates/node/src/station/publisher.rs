//! Getting what waits in the outbox onto the stream: in order, each event once.
//!
//! The broker forgets ids after a while, and an acknowledgement may not arrive. So before the first batch of a connection, and after
//! every batch whose end is not known, all that waits is looked up in a copy that has been brought up to the stream's head. From then on only this
//! process publishes what is in the outbox, and what it has not sent yet cannot be there.

use fengsui_event::{EventId, Timestamp};
use fengsui_log::jetstream::{PublishError, Stream};
use fengsui_log::{Embedded, EventLog as _, Position, Record};

use super::recovery::Recovery;
use crate::node::NodeError;
use crate::outbox::{DRAIN_BATCH, Outbox};

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

/// Makes sure that nothing which waits is on the stream already, and that what is noted as published is. `copy` must have
/// been brought up to the stream's head after the last attempt to publish. Returns how many events were found on the stream and how many have to go again.
pub fn settle(outbox: &mut Outbox, copy: &Embedded) -> Result<(usize, usize), NodeError> {
    let mut again = Vec::new();
    for (id, noted) in outbox.last_noted(NOTED_CHECKED)? {
        let found = copy.find(id)?;
        if !found.contains(&noted) {
            again.push((id, found.first().copied()));
        }
    }
    outbox.note_anew(&again)?;
    let (mut number, mut found) = (0, 0);
    loop {
        let waiting = outbox.pending_after(number, DRAIN_BATCH)?;
        let Some((last, _)) = waiting.last() else { break };
        number = *last;
        let mut sent = Vec::new();
        for (_, event) in &waiting {
            // Other content under one id ends it here: nothing after it in its source's chain would make sense.
            if let Some(position) = copy.position_of(&event.record)? {
                sent.push((event.record.id, position));
            }
        }
        outbox.mark_sent(&sent)?;
        found += sent.len();
    }
    Ok((found, again.len()))
}

/// Notes all positions anew after the copy was drawn again.
pub fn note_all_anew(outbox: &mut Outbox, copy: &Embedded) -> Result<(), NodeError> {
    let mut before = u64::MAX;
    loop {
        let noted = outbox.noted_before(before, DRAIN_BATCH)?;
        let Some((_, last)) = noted.last() else { return Ok(()) };
        before = last.get();
        let mut changed = Vec::new();
        for (id, position) in noted {
            let found = copy.find(id)?;
            if !found.contains(&position) {
                changed.push((id, found.first().copied()));
            }
        }
        outbox.note_anew(&changed)?;
    }
}

/// Publishes one batch of what waits and notes where it is.
pub fn publish_some(
    outbox: &mut Outbox,
    stream: &Stream,
    recovery: &Recovery,
    now: Timestamp,
) -> Result<Round, PublishingError> {
    let waiting = outbox.pending(DRAIN_BATCH).map_err(NodeError::from)?;
    if waiting.is_empty() {
        return Ok(Round::Empty);
    }
    let may_go = |record: &Record| recovery.may_publish(record.id, now);
    let records: Vec<Record> = waiting.into_iter().map(|event| event.record).take_while(may_go).collect();
    if records.is_empty() {
        return Ok(Round::Held);
    }
    let positions = stream.publish(&records)?;
    let sent: Vec<(EventId, Position)> = records.iter().map(|record| record.id).zip(positions).collect();
    outbox.mark_sent(&sent).map_err(NodeError::from)?;
    Ok(Round::Published(sent.len()))
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
