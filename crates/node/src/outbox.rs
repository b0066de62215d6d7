//! Events that are decided but perhaps not yet on the log.
//!
//! A command is answered when its events are durable here; the log may be out of reach for days. The outbox also knows the end
//! of each source's chain, because what is signed next depends on what was signed last: both change in one transaction.

mod compare;
mod drain;
mod noted;
mod schema;

use std::path::Path;

use fengsui_event::{ChainLink, Digest, EventId};
use fengsui_log::storage::Database;
use fengsui_log::{AppendError, Position, Record, StorageError};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

pub use compare::{LostEnd, compare, take_back};
pub use drain::{DRAIN_BATCH, Drained, drain};
pub use schema::OUTBOX_FILE;

/// See [`Outbox::beyond`]. The plus keeps SQLite from reading the whole outbox in order of its numbers.
const BEYOND_SQL: &str = "SELECT id, source, sequence, subject, signature, bytes, position FROM outgoing
                          WHERE position IS NULL OR position > ?1 ORDER BY +number";

/// A node's outbox: one SQLite file with one writer.
#[derive(Debug)]
pub struct Outbox {
    database: Database,
}

/// The end of a source's chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainHead {
    /// Number of the source's last event, from 1.
    pub sequence: u64,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// An event in the outbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// Who published it, such as `/regions/350600/agencies/fire/nodes/1`.
    pub source: String,
    /// Its number in the source's chain, from 1.
    pub sequence: u64,
    /// The event as it goes to the log.
    pub record: Record,
    /// Where it is on the log; `None` while that is not known.
    pub position: Option<Position>,
}

/// How many events are in the outbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Not known to be on the log.
    pub pending: u64,
    /// On the log.
    pub sent: u64,
}

/// What can go wrong with an outbox.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// An id that the outbox has already.
    #[error("event {id} is in the outbox already: nothing was changed; give a new event an id of its own")]
    DuplicateEvent {
        /// The id.
        id: EventId,
    },
    /// An event that was not signed as the next one of its source.
    #[error(
        "event {id} is number {found} of {source_name}, but number {expected} comes next: nothing was changed; \
         sign events with the link that the same transaction gives"
    )]
    OutOfChain {
        /// The event.
        id: EventId,
        /// Its source.
        source_name: String,
        /// The number that comes next.
        expected: u64,
        /// The number that it has.
        found: u64,
    },
    /// An id that was never put into the outbox.
    #[error("event {id} is not in the outbox, so it cannot be marked as sent")]
    Unknown {
        /// The id.
        id: EventId,
    },
    /// The log is not the one that this outbox has published to.
    #[error(
        "the log beside {path} is not the one that this outbox has published to: event {expected} is not at position {position}; \
         put the node's own log back, or a newer copy of it"
    )]
    OtherLog {
        /// The outbox.
        path: std::path::PathBuf,
        /// Where the outbox has published an event.
        position: Position,
        /// That event.
        expected: EventId,
    },
    /// A row that this program never writes.
    #[error("the outbox {path} holds a row that fengsui never writes ({detail}): restore it from a backup")]
    Row {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The log did not take the events. They stay in the outbox.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The file or the disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Outbox {
    /// Makes a new, empty outbox.
    pub fn create(path: impl AsRef<Path>) -> Result<Outbox, OutboxError> {
        Ok(Outbox { database: Database::create(&OUTBOX_FILE, path.as_ref())? })
    }

    /// Opens an outbox. A second process is refused: two writers would give one number of a chain to two events.
    pub fn open_writer(path: impl AsRef<Path>) -> Result<Outbox, OutboxError> {
        let database = Database::open_writer(&OUTBOX_FILE, path.as_ref())?;
        // Outboxes made before there was a broker lack it.
        let index = database.connection().execute_batch(schema::POSITION_INDEX);
        index.map_err(|error| database.fault(error))?;
        Ok(Outbox { database })
    }

    /// Opens an outbox to publish from it, beside whoever puts events into it. Only where events are is noted through this value.
    pub fn open_publisher(path: impl AsRef<Path>) -> Result<Outbox, OutboxError> {
        Ok(Outbox { database: Database::open_companion(&OUTBOX_FILE, path.as_ref())? })
    }

    /// Opens an outbox to look at, beside its writer.
    pub fn open_reader(path: impl AsRef<Path>) -> Result<Outbox, OutboxError> {
        Ok(Outbox { database: Database::open_reader(&OUTBOX_FILE, path.as_ref())? })
    }

    /// The file's path as it was given.
    pub fn path(&self) -> &Path {
        self.database.path()
    }

    /// Runs one command: all that `work` pushes is durable when this returns `Ok`, and nothing of it when it returns `Err`.
    pub fn transaction<T, E: From<OutboxError>>(
        &mut self,
        work: impl FnOnce(&mut OutboxTransaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let answer = run_transaction(&self.database, work)?;
        self.database.watch_wal();
        Ok(answer)
    }

    /// At most `limit` events that are not known to be on the log, in the order in which they were pushed.
    pub fn pending(&self, limit: usize) -> Result<Vec<Outgoing>, OutboxError> {
        let sql = "SELECT id, source, sequence, subject, signature, bytes, position FROM outgoing
                   WHERE position IS NULL ORDER BY number LIMIT ?1";
        self.outgoing(sql, u64::try_from(limit).unwrap_or(u64::MAX))
    }

    fn outgoing(&self, sql: &str, value: u64) -> Result<Vec<Outgoing>, OutboxError> {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        let mut statement = self.database.connection().prepare_cached(sql).map_err(|error| self.fault(error))?;
        let mut rows = statement.query([value]).map_err(|error| self.fault(error))?;
        let mut events = Vec::new();
        while let Some(row) = rows.next().map_err(|error| self.fault(error))? {
            events.push(outgoing(row).map_err(|error| self.malformed(&error))?);
        }
        Ok(events)
    }

    /// The events that are not in a model of the log up to `position`: pending ones, and those noted after it, in their order.
    pub fn beyond(&self, position: u64) -> Result<Vec<Outgoing>, OutboxError> {
        self.outgoing(BEYOND_SQL, position)
    }

    /// Whether every event that was put into this outbox is noted to be on the log at `position` or before.
    pub fn is_within(&self, position: u64) -> Result<bool, OutboxError> {
        let sql = "SELECT 1 FROM outgoing WHERE position IS NULL OR position > ?1 LIMIT 1";
        let found = self
            .database
            .connection()
            .prepare_cached(sql)
            .and_then(|mut statement| statement.exists([position.cast_signed()]));
        found.map(|found| !found).map_err(|error| self.fault(error))
    }

    /// Notes where events are on the log. One that is noted already keeps the position that it has.
    pub fn mark_sent(&mut self, sent: &[(EventId, Position)]) -> Result<(), OutboxError> {
        self.transaction(|transaction| sent.iter().try_for_each(|(id, position)| transaction.mark_sent(*id, *position)))
    }

    /// Whether an event was ever put into this outbox.
    pub fn contains(&self, id: EventId) -> Result<bool, OutboxError> {
        contains(self.database.connection(), id).map_err(|error| self.fault(error))
    }

    /// The end of a source's chain, or `None` before its first event.
    pub fn chain_head(&self, source: &str) -> Result<Option<ChainHead>, OutboxError> {
        chain_head(self.database.connection(), source).map_err(|error| self.fault(error))
    }

    /// How many events are pending and how many are sent.
    pub fn counts(&self) -> Result<Counts, OutboxError> {
        let count =
            |sql| self.database.connection().query_row(sql, (), |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
        let counts = || -> rusqlite::Result<Counts> {
            let pending = count("SELECT count(*) FROM outgoing WHERE position IS NULL")?;
            // Rows never vanish, so their numbers follow each other, and the last one counts them all without a look at each.
            Ok(Counts { pending, sent: count("SELECT coalesce(max(number), 0) FROM outgoing")? - pending })
        };
        counts().map_err(|error| self.fault(error))
    }

    /// A small note that belongs to the outbox, such as what a periodic duty did last.
    pub fn meta(&self, key: &str) -> Result<Option<String>, OutboxError> {
        meta(self.database.connection(), key).map_err(|error| self.fault(error))
    }

    /// Checks the file's structure page by page.
    pub fn quick_check(&self) -> Result<(), OutboxError> {
        Ok(self.database.quick_check()?)
    }

    /// Closes the file; dropping does the same, but cannot tell of errors.
    pub fn close(self) -> Result<(), OutboxError> {
        Ok(self.database.close()?)
    }

    fn fault(&self, error: rusqlite::Error) -> OutboxError {
        OutboxError::Storage(self.database.fault(error))
    }

    fn malformed(&self, error: &RowError) -> OutboxError {
        OutboxError::Row { path: self.path().to_owned(), detail: error.to_string() }
    }
}

/// What a command may do to the outbox before its transaction ends. See [`Outbox::transaction`].
#[derive(Debug)]
pub struct OutboxTransaction<'outbox> {
    database: &'outbox Database,
    inner: Transaction<'outbox>,
}

impl OutboxTransaction<'_> {
    /// The link with which the next event of `source` is to be signed; what was pushed in this transaction counts.
    pub fn next_link(&self, source: &str) -> Result<ChainLink, OutboxError> {
        let head = self.chain_head(source)?;
        Ok(head.map_or(ChainLink::FIRST, |head| ChainLink { sequence: head.sequence + 1, previous: Some(head.digest) }))
    }

    /// The end of a source's chain, as in [`Outbox::chain_head`].
    pub fn chain_head(&self, source: &str) -> Result<Option<ChainHead>, OutboxError> {
        chain_head(&self.inner, source).map_err(|error| self.fault(error))
    }

    /// Whether the outbox has an event, as in [`Outbox::contains`].
    pub fn contains(&self, id: EventId) -> Result<bool, OutboxError> {
        contains(&self.inner, id).map_err(|error| self.fault(error))
    }

    /// Puts an event at the end of the outbox and of its source's chain. `link` is the one that it was signed with.
    pub fn push(&mut self, source: &str, link: ChainLink, record: &Record) -> Result<(), OutboxError> {
        if self.contains(record.id)? {
            return Err(OutboxError::DuplicateEvent { id: record.id });
        }
        let expected = self.next_link(source)?;
        if link != expected {
            let (expected, found) = (expected.sequence, link.sequence);
            return Err(OutboxError::OutOfChain { id: record.id, source_name: source.to_owned(), expected, found });
        }
        let sequence = link.sequence.cast_signed();
        let Record { id, subject, bytes, signature } = record;
        let insert = || -> rusqlite::Result<()> {
            let sql = "INSERT INTO outgoing (id, source, sequence, subject, signature, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            self.inner.prepare_cached(sql)?.execute(params![
                id.to_bytes(),
                source,
                sequence,
                subject,
                signature,
                bytes
            ])?;
            set_chain_head(&self.inner, source, sequence, Digest::of(bytes))
        };
        insert().map_err(|error| self.fault(error))
    }

    /// Notes where an event is on the log, as [`Outbox::mark_sent`] does.
    pub fn mark_sent(&mut self, id: EventId, position: Position) -> Result<(), OutboxError> {
        let sql = "UPDATE outgoing SET position = ?2 WHERE id = ?1 AND position IS NULL";
        let update = || self.inner.prepare_cached(sql)?.execute(params![id.to_bytes(), position.get().cast_signed()]);
        let changed = update().map_err(|error| self.fault(error))?;
        if changed == 0 && !self.contains(id)? {
            return Err(OutboxError::Unknown { id });
        }
        Ok(())
    }

    /// See [`Outbox::meta`].
    pub fn meta(&self, key: &str) -> Result<Option<String>, OutboxError> {
        meta(&self.inner, key).map_err(|error| self.fault(error))
    }

    /// Sets a note, together with whatever else this transaction does.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), OutboxError> {
        self.inner
            .prepare_cached(
                "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )
            .and_then(|mut statement| statement.execute([key, value]))
            .map(|_| ())
            .map_err(|error| self.fault(error))
    }

    fn fault(&self, error: rusqlite::Error) -> OutboxError {
        OutboxError::Storage(self.database.fault(error))
    }
}

fn run_transaction<T, E: From<OutboxError>>(
    database: &Database,
    work: impl FnOnce(&mut OutboxTransaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let fault = |error| E::from(OutboxError::Storage(database.fault(error)));
    let inner = Transaction::new_unchecked(database.connection(), TransactionBehavior::Immediate).map_err(fault)?;
    let mut transaction = OutboxTransaction { database, inner };
    let answer = work(&mut transaction)?;
    transaction.inner.commit().map_err(fault)?;
    Ok(answer)
}

type RowError = Box<dyn std::error::Error + Send + Sync>;

fn outgoing(row: &Row<'_>) -> Result<Outgoing, RowError> {
    let position = row.get::<_, Option<i64>>(6)?.map(i64::cast_unsigned).map(Position::try_from).transpose()?;
    let record = Record {
        id: EventId::from_bytes(row.get(0)?),
        subject: row.get(3)?,
        signature: row.get(4)?,
        bytes: row.get(5)?,
    };
    Ok(Outgoing { source: row.get(1)?, sequence: row.get::<_, i64>(2)?.cast_unsigned(), record, position })
}

fn contains(connection: &Connection, id: EventId) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM outgoing WHERE id = ?1")?.exists([id.to_bytes()])
}

fn chain_head(connection: &Connection, source: &str) -> rusqlite::Result<Option<ChainHead>> {
    connection
        .prepare_cached("SELECT sequence, digest FROM chains WHERE source = ?1")?
        .query_row([source], |row| {
            Ok(ChainHead { sequence: row.get::<_, i64>(0)?.cast_unsigned(), digest: Digest(row.get(1)?) })
        })
        .optional()
}

fn set_chain_head(connection: &Connection, source: &str, sequence: i64, digest: Digest) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO chains (source, sequence, digest) VALUES (?1, ?2, ?3)
             ON CONFLICT (source) DO UPDATE SET sequence = excluded.sequence, digest = excluded.digest",
        )?
        .execute(params![source, sequence, digest.0])
        .map(|_| ())
}

fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?.query_row([key], |row| row.get(0)).optional()
}

#[cfg(test)]
mod tests;
