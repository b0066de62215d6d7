//! Adding records, idempotently by id.

use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use super::{head, record_of};
use crate::storage::Database;
use crate::{AppendError, Appended, Conflict, ConflictWith, Field, Outcome, Position, ReadError, Record, RecordRef};

/// Stores a batch in one transaction.
///
/// | step | failed, not persisted | failed, but persisted |
/// | --- | --- | --- |
/// | insert | rolled back; the log is as before; the caller may append again | cannot be: nothing counts before the commit |
/// | commit | as above (a full disk shows here at the latest) | power fails after the sync, before the answer: appending again finds the records, `AlreadyPresent` |
pub(super) fn append(database: &mut Database, batch: &[Record]) -> Result<Vec<Appended>, AppendError> {
    check_subjects(batch)?;
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    begin(database)?;
    match append_within(database, batch) {
        Ok(appended) if appended.iter().all(|answer| answer.outcome == Outcome::AlreadyPresent) => {
            roll_back(database);
            Ok(appended)
        }
        Ok(appended) => commit(database).map(|()| appended),
        Err(error) => {
            roll_back(database);
            Err(error)
        }
    }
}

/// The write lock is taken at once, so that what is read first still holds when it is written.
pub(super) fn begin(database: &Database) -> Result<(), AppendError> {
    run(database, "BEGIN IMMEDIATE")
}

pub(super) fn commit(database: &Database) -> Result<(), AppendError> {
    run(database, "COMMIT").inspect_err(|_| roll_back(database))
}

pub(super) fn roll_back(database: &Database) {
    // SQLite has rolled back by itself after some faults. Should this fail, the next BEGIN says so.
    if !database.connection().is_autocommit()
        && let Err(error) = run(database, "ROLLBACK")
    {
        tracing::error!(%error, "a transaction could not be rolled back");
    }
}

pub(super) fn insert(connection: &Connection, position: Position, record: &Record) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO events (position, id, subject, signature, bytes) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![position.to_sql(), record.id.to_bytes(), record.subject, record.signature, record.bytes])
        .map(|_| ())
}

fn append_within(database: &Database, batch: &[Record]) -> Result<Vec<Appended>, AppendError> {
    let first_new = Position::after(head(database)?);
    let mut next = first_new;
    let mut appended: Vec<Appended> = Vec::with_capacity(batch.len());
    for record in batch {
        let answer = match known(database, record)? {
            Known::Not => {
                insert(database.connection(), next, record).map_err(|error| database.fault(error))?;
                let position = next;
                next = next.next();
                Appended { position, outcome: Outcome::Stored }
            }
            Known::Same(position) => Appended { position, outcome: Outcome::AlreadyPresent },
            Known::Other(mut conflict) => {
                conflict.with = place_of(conflict.with, first_new, &appended);
                return Err(AppendError::Conflict(Box::new(conflict)));
            }
        };
        appended.push(answer);
    }
    Ok(appended)
}

/// What a log knows of a record's id.
pub(crate) enum Known {
    /// Nothing.
    Not,
    /// The same record, at this position.
    Same(Position),
    /// Another record.
    Other(Conflict),
}

/// Compares a record with those that have its id. A copy may hold several; one that is equal is enough.
pub(crate) fn known(database: &Database, record: &Record) -> Result<Known, ReadError> {
    let fault = |error| ReadError::Storage(database.fault(error));
    let mut statement = database
        .connection()
        .prepare_cached("SELECT position, id, subject, signature, bytes FROM events WHERE id = ?1 ORDER BY position")
        .map_err(fault)?;
    let mut rows = statement.query([record.id.to_bytes()]).map_err(fault)?;
    let mut first_conflict = None;
    while let Some(row) = rows.next().map_err(fault)? {
        let (position, stored) = record_of(database, row)?;
        match difference(position, stored, record.as_ref()) {
            None => return Ok(Known::Same(position)),
            Some(conflict) => first_conflict = first_conflict.or(Some(conflict)),
        }
    }
    Ok(first_conflict.map_or(Known::Not, Known::Other))
}

pub(crate) fn difference(position: Position, stored: RecordRef<'_>, offered: RecordRef<'_>) -> Option<Conflict> {
    let id = offered.id;
    let differs = |field, stored: &[u8], offered: &[u8]| {
        (stored != offered).then(|| Conflict {
            id,
            with: ConflictWith::Stored(position),
            field,
            stored_sha256: Sha256::digest(stored).into(),
            offered_sha256: Sha256::digest(offered).into(),
        })
    };
    differs(Field::Bytes, stored.bytes, offered.bytes)
        .or_else(|| differs(Field::Signature, stored.signature, offered.signature))
        .or_else(|| differs(Field::Subject, stored.subject.as_bytes(), offered.subject.as_bytes()))
}

/// A record that this very batch has put there is named by its place in the batch, because its position is rolled back.
fn place_of(with: ConflictWith, first_new: Position, appended: &[Appended]) -> ConflictWith {
    match with {
        ConflictWith::Stored(position) if position >= first_new => appended
            .iter()
            .position(|answer| answer.position == position && answer.outcome == Outcome::Stored)
            .map_or(with, ConflictWith::SameBatch),
        _ => with,
    }
}

/// Refuses a batch with a subject that no broker carries.
pub(crate) fn check_subjects(batch: &[Record]) -> Result<(), AppendError> {
    let bad = |subject: &str| {
        subject.split('.').any(|word| {
            word.is_empty()
                || word.contains(|character: char| {
                    character.is_whitespace() || character.is_control() || "*>".contains(character)
                })
        })
    };
    match batch.iter().enumerate().find(|(_, record)| bad(&record.subject)) {
        Some((index, record)) => Err(AppendError::Subject { index, id: record.id, subject: record.subject.clone() }),
        None => Ok(()),
    }
}

fn run(database: &Database, sql: &str) -> Result<(), AppendError> {
    database.connection().execute_batch(sql).map_err(|error| AppendError::Storage(database.fault(error)))
}
