//! Becoming the copy of another log.

use std::cmp::Ordering;

use rusqlite::OptionalExtension as _;

use super::append::{begin, commit, insert, roll_back};
use super::{head, record_of};
use crate::storage::Database;
use crate::{AppendError, Position, ReadError, Record, Stored};

pub(super) fn append_copy(database: &mut Database, batch: &[Stored]) -> Result<(), AppendError> {
    begin(database)?;
    match copy_within(database, batch) {
        Ok(()) => commit(database),
        Err(error) => {
            roll_back(database);
            Err(error)
        }
    }
}

fn copy_within(database: &Database, batch: &[Stored]) -> Result<(), AppendError> {
    let mut next = Position::after(head(database)?);
    for Stored { position, record } in batch {
        match position.cmp(&next) {
            Ordering::Less => compare(database, *position, record)?,
            Ordering::Equal => {
                insert(database.connection(), next, record).map_err(|error| database.fault(error))?;
                next = next.next();
            }
            Ordering::Greater => {
                let path = database.path().to_owned();
                return Err(AppendError::NotContiguous { path, expected: next, offered: *position });
            }
        }
    }
    Ok(())
}

fn compare(database: &Database, position: Position, offered: &Record) -> Result<(), AppendError> {
    let fault = |error| ReadError::Storage(database.fault(error));
    let mut statement = database
        .connection()
        .prepare_cached("SELECT position, id, subject, signature, bytes FROM events WHERE position = ?1")
        .map_err(fault)?;
    let stored = statement
        .query_row([position.to_sql()], |row| Ok(record_of(database, row).map(|(_, record)| record.to_record())))
        .optional()
        .map_err(fault)?
        .transpose()?;
    match stored {
        Some(stored) if stored == *offered => Ok(()),
        Some(stored) => Err(AppendError::CopyDiffers {
            path: database.path().to_owned(),
            position,
            stored: stored.id,
            offered: offered.id,
        }),
        None => {
            Err(ReadError::Gap { path: database.path().to_owned(), expected: position, found: position.next() }.into())
        }
    }
}
