//! Whether an outbox and a log belong together, and what of the outbox the log has lost.
//!
//! A log that was put back from a backup ends before what the outbox has published to it. What was acknowledged then is not
//! lost: the outbox still holds it, and publishes it again in the same order.

use fengsui_event::EventId;
use fengsui_log::{EventLog, Position, ReadError};
use rusqlite::{OptionalExtension as _, params};

use super::{Outbox, OutboxError};

/// The end of what an outbox has published, which the log no longer holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LostEnd {
    /// The last position that the log holds; 0 when it is empty.
    pub head: u64,
    /// The last event that was noted as published.
    pub last: EventId,
    /// Where it was.
    pub position: Position,
    /// Whether everything that was lost is in the outbox, so that each position gets the record again that it had.
    pub is_whole: bool,
}

/// Compares the last noted event with the log. `None` means that the log holds what it should.
///
/// Errors: [`OutboxError::OtherLog`] when the log holds another event where this outbox has published one.
pub fn compare(outbox: &Outbox, log: &dyn EventLog) -> Result<Option<LostEnd>, OutboxError> {
    let head = log.head().map_err(read)?.map_or(0, Position::get);
    let Some((last, position)) = outbox.last_sent(u64::MAX)? else { return Ok(None) };
    let is_lost = position.get() > head;
    let common = if is_lost { outbox.last_sent(head)? } else { Some((last, position)) };
    if let Some((expected, at)) = common {
        let found = log.read(at, 1).map_err(read)?.first().map(|stored| stored.record.id);
        if found != Some(expected) {
            return Err(OutboxError::OtherLog { path: outbox.path().to_owned(), position: at, expected });
        }
    }
    if !is_lost {
        return Ok(None);
    }
    let is_whole = outbox.sent_after(head)? == position.get() - head;
    Ok(Some(LostEnd { head, last, position, is_whole }))
}

/// Makes what the log has lost pending again, so that the next drain publishes it. Safe to be cut off and done again.
pub fn take_back(outbox: &mut Outbox, lost: LostEnd) -> Result<(), OutboxError> {
    let path = outbox.path().to_owned();
    outbox.transaction(|transaction| {
        let sql = "UPDATE outgoing SET position = NULL WHERE position > ?1";
        let update = transaction.inner.execute(sql, [i64::try_from(lost.head).unwrap_or(i64::MAX)]);
        update
            .map(|_| ())
            .map_err(|error| OutboxError::Storage(fengsui_log::StorageError::sqlite(&super::OUTBOX_FILE, &path, error)))
    })
}

impl Outbox {
    /// How many events are noted at positions after `head`.
    fn sent_after(&self, head: u64) -> Result<u64, OutboxError> {
        let sql = "SELECT count(*) FROM outgoing WHERE position > ?1";
        let head = i64::try_from(head).unwrap_or(i64::MAX);
        let count = self.database.connection().query_row(sql, [head], |row| row.get::<_, i64>(0));
        count.map(i64::unsigned_abs).map_err(|error| self.fault(error))
    }

    /// The event that was published last among those noted at a position up to `until`.
    fn last_sent(&self, until: u64) -> Result<Option<(EventId, Position)>, OutboxError> {
        let sql = "SELECT id, position FROM outgoing WHERE position <= ?1 ORDER BY number DESC LIMIT 1";
        let until = i64::try_from(until).unwrap_or(i64::MAX);
        let row = self
            .database
            .connection()
            .query_row(sql, params![until], |row| Ok((EventId::from_bytes(row.get(0)?), row.get::<_, i64>(1)?)))
            .optional()
            .map_err(|error| self.fault(error))?;
        row.map(|(id, position)| {
            let position = Position::new(position.unsigned_abs());
            let detail = || OutboxError::Row { path: self.path().to_owned(), detail: "position 0".to_owned() };
            Ok((id, position.ok_or_else(detail)?))
        })
        .transpose()
    }
}

fn read(error: ReadError) -> OutboxError {
    OutboxError::Append(error.into())
}
