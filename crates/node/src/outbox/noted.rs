//! What a publisher asks of the outbox: what waits after what, and where events were noted to be.

use fengsui_event::{Digest, Event, EventId, Timestamp};
use fengsui_log::Position;
use rusqlite::{OptionalExtension as _, params};

use super::{Outbox, OutboxError, Outgoing, RowError, outgoing};

impl Outbox {
    /// At most `limit` pending events with their numbers, of those after `number`, in order.
    pub fn pending_after(&self, number: u64, limit: usize) -> Result<Vec<(u64, Outgoing)>, OutboxError> {
        let sql = "SELECT id, source, sequence, subject, signature, bytes, position, number FROM outgoing
                   WHERE position IS NULL AND number > ?1 ORDER BY number LIMIT ?2";
        let values = params![number.cast_signed(), i64::try_from(limit).unwrap_or(i64::MAX)];
        let mut statement = self.database.connection().prepare_cached(sql).map_err(|error| self.fault(error))?;
        let mut rows = statement.query(values).map_err(|error| self.fault(error))?;
        let mut events = Vec::new();
        while let Some(row) = rows.next().map_err(|error| self.fault(error))? {
            let number = row.get::<_, i64>(7).map_err(|error| self.fault(error))?.cast_unsigned();
            events.push((number, outgoing(row).map_err(|error| self.malformed(&error))?));
        }
        Ok(events)
    }

    /// SHA-256 of the event with a number in a source's chain; nothing when this outbox never had it.
    pub fn digest_of(&self, source: &str, sequence: u64) -> Result<Option<Digest>, OutboxError> {
        let sql = "SELECT bytes FROM outgoing WHERE source = ?1 AND sequence = ?2";
        let found = self.database.connection().prepare_cached(sql).and_then(|mut statement| {
            let bytes = |row: &rusqlite::Row<'_>| row.get::<_, Vec<u8>>(0);
            statement.query_row(params![source, sequence.cast_signed()], bytes).optional()
        });
        found.map(|bytes| bytes.map(|bytes| Digest::of(&bytes))).map_err(|error| self.fault(error))
    }

    /// When the first event that waits was recorded, by its own account.
    pub fn oldest_pending(&self) -> Result<Option<Timestamp>, OutboxError> {
        let first = self.pending(1)?;
        Ok(first.first().and_then(|waiting| Event::parse(&waiting.record.bytes).ok()).map(|event| event.time))
    }

    /// The events that were noted last, with their positions, the latest position first.
    pub fn last_noted(&self, limit: usize) -> Result<Vec<(EventId, Position)>, OutboxError> {
        self.noted_before(u64::MAX, limit)
    }

    /// The same of positions before `position`.
    pub fn noted_before(&self, position: u64, limit: usize) -> Result<Vec<(EventId, Position)>, OutboxError> {
        let sql = "SELECT id, position FROM outgoing WHERE position < ?1 ORDER BY position DESC LIMIT ?2";
        let before = i64::try_from(position).unwrap_or(i64::MAX);
        let mut statement = self.database.connection().prepare_cached(sql).map_err(|error| self.fault(error))?;
        let values = params![before, i64::try_from(limit).unwrap_or(i64::MAX)];
        let mut rows = statement.query(values).map_err(|error| self.fault(error))?;
        let mut noted = Vec::new();
        while let Some(row) = rows.next().map_err(|error| self.fault(error))? {
            let read = || -> Result<_, RowError> {
                let position = Position::try_from(row.get::<_, i64>(1)?.cast_unsigned())?;
                Ok((EventId::from_bytes(row.get(0)?), position))
            };
            noted.push(read().map_err(|error| self.malformed(&error))?);
        }
        Ok(noted)
    }

    /// Corrects where events are: at another position, or nowhere, so that they are published again. For a log that lost them.
    pub fn note_anew(&mut self, changed: &[(EventId, Option<Position>)]) -> Result<(), OutboxError> {
        if changed.is_empty() {
            return Ok(());
        }
        self.transaction(|transaction| {
            let sql = "UPDATE outgoing SET position = ?2 WHERE id = ?1";
            for (id, position) in changed {
                let position = position.map(|position| position.get().cast_signed());
                let update = || transaction.inner.prepare_cached(sql)?.execute(params![id.to_bytes(), position]);
                update().map_err(|error| transaction.fault(error))?;
            }
            Ok(())
        })
    }
}
