//! The log as one SQLite file: for evaluation, pilots, tests and audits without a network, and as every node's own copy.

pub(crate) mod append;
mod copy;
mod schema;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use fengsui_event::EventId;
use rusqlite::{OptionalExtension as _, Row};

use crate::storage::Database;
use crate::{AppendError, Appended, EventLog, Position, ReadError, Record, RecordRef, StorageError, Stored};

pub use schema::LOG_FILE;

/// How many records a scan reads before it lets go of the file's state for a moment: a state held for long keeps the
/// write-ahead file from being copied back, so that it grows.
const SCAN_RECORDS_PER_READ: u64 = 8_192;

/// Between looks at a log that another process may append to.
const WAIT_INTERVAL: Duration = Duration::from_millis(20);

/// A log in one SQLite file. One value per thread; any number of readers stand beside one writer.
#[derive(Debug)]
pub struct Embedded {
    database: Database,
}

impl Embedded {
    /// Makes a new, empty log and opens it for appending.
    ///
    /// Errors: [`StorageError::AlreadyExists`] and the others of [`Database::create`].
    pub fn create(path: impl AsRef<Path>) -> Result<Embedded, StorageError> {
        Database::create(&LOG_FILE, path.as_ref()).map(|database| Embedded { database })
    }

    /// Opens a log for appending and reading.
    ///
    /// Errors: [`StorageError::SecondWriter`] while another value or process has it open so.
    pub fn open_writer(path: impl AsRef<Path>) -> Result<Embedded, StorageError> {
        Database::open_writer(&LOG_FILE, path.as_ref()).map(|database| Embedded { database })
    }

    /// Opens a log for reading, beside its writer if there is one; also on read-only media.
    pub fn open_reader(path: impl AsRef<Path>) -> Result<Embedded, StorageError> {
        Database::open_reader(&LOG_FILE, path.as_ref()).map(|database| Embedded { database })
    }

    /// The file's path as it was given.
    pub fn path(&self) -> &Path {
        self.database.path()
    }

    /// Appends records at the positions that they have in another log, so that this one becomes its copy byte for byte. Records that
    /// the copy has already are compared and passed over, so a copy that was interrupted is simply begun again. A record that
    /// the original holds twice is held twice here as well. Returns the head.
    ///
    /// Errors: [`AppendError::NotContiguous`] if a position would be left empty; [`AppendError::CopyDiffers`] if the copy has
    /// another record there. Nothing of the batch is stored then.
    pub fn append_copy(&mut self, batch: &[Stored]) -> Result<Option<Position>, AppendError> {
        self.refuse_reader()?;
        copy::append_copy(&mut self.database, batch)?;
        self.database.watch_wal();
        Ok(self.head()?)
    }

    /// Where a record is, or nothing when its id is not known.
    ///
    /// Errors: [`AppendError::Conflict`] when only other content stands under its id.
    pub fn position_of(&self, record: &Record) -> Result<Option<Position>, AppendError> {
        match self.known(record)? {
            append::Known::Not => Ok(None),
            append::Known::Same(position) => Ok(Some(position)),
            append::Known::Other(conflict) => Err(AppendError::Conflict(Box::new(conflict))),
        }
    }

    /// Checks the file's structure, as [`Database::quick_check`] does. What the records say is not looked at.
    pub fn quick_check(&self) -> Result<(), StorageError> {
        self.database.quick_check()
    }

    /// Closes the file with all records in it and none in the write-ahead file, unless a reader still needs that. Dropping does the
    /// same, but cannot tell of errors.
    pub fn close(self) -> Result<(), StorageError> {
        self.database.close()
    }

    /// What this log knows of a record's id.
    pub(crate) fn known(&self, record: &Record) -> Result<append::Known, ReadError> {
        append::known(&self.database, record)
    }

    fn refuse_reader(&self) -> Result<(), AppendError> {
        if self.database.is_writer() {
            return Ok(());
        }
        Err(AppendError::OpenedForReading { path: self.path().to_owned() })
    }
}

impl EventLog for Embedded {
    fn append(&mut self, batch: &[Record]) -> Result<Vec<Appended>, AppendError> {
        self.refuse_reader()?;
        let appended = append::append(&mut self.database, batch)?;
        self.database.watch_wal();
        Ok(appended)
    }

    fn read(&self, from: Position, limit: usize) -> Result<Vec<Stored>, ReadError> {
        let mut records = Vec::new();
        if limit == 0 {
            return Ok(records);
        }
        self.scan(from, None, &mut |position, record| {
            records.push(Stored { position, record: record.to_record() });
            if records.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(records)
    }

    fn scan(
        &self,
        from: Position,
        until: Option<Position>,
        visit: &mut dyn FnMut(Position, RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Position>, ReadError> {
        let Some(head) = self.head()? else {
            return Ok(None);
        };
        let until = until.map_or(head, |until| until.min(head));
        let mut next = from;
        let mut shown = None;
        while next <= until {
            let last = Position::new(next.get().saturating_add(SCAN_RECORDS_PER_READ - 1))
                .map_or(until, |last| last.min(until));
            let flow = scan_range(&self.database, next, last, &mut |position, record| {
                shown = Some(position);
                visit(position, record)
            })?;
            if flow.is_break() {
                break;
            }
            next = last.next();
        }
        Ok(shown)
    }

    fn head(&self) -> Result<Option<Position>, ReadError> {
        head(&self.database)
    }

    fn find(&self, id: EventId) -> Result<Vec<Position>, ReadError> {
        let find = || {
            let mut statement = self
                .database
                .connection()
                .prepare_cached("SELECT position FROM events WHERE id = ?1 ORDER BY position")?;
            statement.query_map([id.to_bytes()], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()
        };
        let positions = find().map_err(|error| self.database.fault(error))?;
        positions.into_iter().map(|position| checked_position(&self.database, position)).collect()
    }

    fn wait(&self, after: Option<Position>, timeout: Duration) -> Result<Option<Position>, ReadError> {
        let started = Instant::now();
        loop {
            let head = self.head()?;
            if head > after {
                return Ok(head);
            }
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            // SQLite tells nobody of another process's commit; looking at the head costs microseconds.
            std::thread::sleep(left.min(WAIT_INTERVAL));
        }
    }
}

/// Shows the records of one range, which must be complete, out of one state of the file.
fn scan_range(
    database: &Database,
    first: Position,
    last: Position,
    visit: &mut dyn FnMut(Position, RecordRef<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, ReadError> {
    let fault = |error| ReadError::Storage(database.fault(error));
    let mut statement = database
        .connection()
        .prepare_cached(
            "SELECT position, id, subject, signature, bytes FROM events WHERE position BETWEEN ?1 AND ?2 ORDER BY position",
        )
        .map_err(fault)?;
    let mut rows = statement.query([first.to_sql(), last.to_sql()]).map_err(fault)?;
    let mut expected = first;
    while let Some(row) = rows.next().map_err(fault)? {
        let (position, record) = record_of(database, row)?;
        if position != expected {
            return Err(gap(database, expected, position));
        }
        if visit(position, record).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        expected = position.next();
    }
    drop(rows);
    if expected <= last {
        return Err(gap(database, expected, first_from(database, expected)?));
    }
    Ok(ControlFlow::Continue(()))
}

fn head(database: &Database) -> Result<Option<Position>, ReadError> {
    let head = || {
        database
            .connection()
            .prepare_cached("SELECT max(position) FROM events")?
            .query_row((), |row| row.get::<_, Option<i64>>(0))
    };
    let head = head().map_err(|error| database.fault(error))?;
    head.map(|position| checked_position(database, position)).transpose()
}

/// The first position from `from` on that holds a record; `from` itself when there is none, which only a file that shrank has.
fn first_from(database: &Database, from: Position) -> Result<Position, ReadError> {
    let found = database
        .connection()
        .query_row("SELECT min(position) FROM events WHERE position >= ?1", [from.to_sql()], |row| row.get(0))
        .optional()
        .map_err(|error| database.fault(error))?
        .flatten();
    found.map_or(Ok(from), |position| checked_position(database, position))
}

fn gap(database: &Database, expected: Position, found: Position) -> ReadError {
    ReadError::Gap { path: database.path().to_owned(), expected, found }
}

/// The record of a row `position, id, subject, signature, bytes`.
fn record_of<'row>(database: &Database, row: &'row Row<'_>) -> Result<(Position, RecordRef<'row>), ReadError> {
    let number = row.get::<_, i64>(0).map_err(|error| database.fault(error))?;
    let position = checked_position(database, number)?;
    let read = || -> Result<RecordRef<'row>, rusqlite::types::FromSqlError> {
        let column = |index| row.get_ref(index).map_err(rusqlite::types::FromSqlError::other);
        let id = column(1)?.as_blob()?;
        let id = <[u8; 16]>::try_from(id)
            .map_err(|_| rusqlite::types::FromSqlError::InvalidBlobSize { expected_size: 16, blob_size: id.len() })?;
        Ok(RecordRef {
            id: EventId::from_bytes(id),
            subject: column(2)?.as_str()?,
            signature: column(3)?.as_blob()?,
            bytes: column(4)?.as_blob()?,
        })
    };
    let record = read().map_err(|error| malformed(database, number, &error))?;
    Ok((position, record))
}

fn checked_position(database: &Database, number: i64) -> Result<Position, ReadError> {
    Position::from_sql(number).ok_or_else(|| malformed(database, number, &"positions start at 1"))
}

fn malformed(database: &Database, position: i64, detail: &dyn std::fmt::Display) -> ReadError {
    ReadError::Row { path: database.path().to_owned(), position, detail: detail.to_string() }
}

#[cfg(test)]
mod tests;
