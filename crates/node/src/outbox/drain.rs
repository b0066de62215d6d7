//! Getting events from the outbox onto the log.

use fengsui_event::EventId;
use fengsui_log::{EventLog, Outcome, Position};

use super::{Outbox, OutboxError};

/// How many events go to the log in one batch, unless asked otherwise: the most that a broker takes as one.
pub const DRAIN_BATCH: usize = 1_000;

/// What a drain did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Drained {
    /// Events that this drain put on the log.
    pub stored: u64,
    /// Events that were there already: an earlier drain did not live to note it.
    pub already_present: u64,
    /// Where the last of them is.
    pub last: Option<Position>,
}

/// Appends all pending events to `log` in their order, at most `batch` at a time, and notes where they are.
///
/// It may be broken off at any point and be begun again; every event ends up on the log once:
///
/// | step | failed, not persisted | failed, but persisted |
/// | --- | --- | --- |
/// | append to the log | the batch stays pending; the next drain appends it | the log has the batch, the outbox says pending; the next drain appends the same bytes under the same ids and is told their old positions |
/// | mark as sent | the same as the line above | nothing is left to do; the next drain starts after the batch |
///
/// Errors: those of the log, with the rest of the outbox pending. A conflict stops the drain, because what comes after the event
/// in its source's chain would make no sense without it.
pub fn drain(outbox: &mut Outbox, log: &mut dyn EventLog, batch: usize) -> Result<Drained, OutboxError> {
    let mut drained = Drained::default();
    loop {
        let pending = outbox.pending(batch.max(1))?;
        if pending.is_empty() {
            return Ok(drained);
        }
        let records: Vec<_> = pending.into_iter().map(|outgoing| outgoing.record).collect();
        let appended = log.append(&records)?;
        let sent: Vec<(EventId, Position)> =
            records.iter().zip(&appended).map(|(record, answer)| (record.id, answer.position)).collect();
        outbox.mark_sent(&sent)?;
        for answer in appended {
            match answer.outcome {
                Outcome::Stored => drained.stored += 1,
                Outcome::AlreadyPresent => drained.already_present += 1,
            }
            drained.last = drained.last.max(Some(answer.position));
        }
    }
}
