//! Reading the tables. Every question is answered from an index; the SQL stands in constants so that a test can
//! look at its plan.

mod accounts;
mod anomalies;
mod cases;
mod certificates;
mod checkpoints;
mod deadlines;
mod referrals;

use std::path::Path;

use fengsui_event::Date;
use fengsui_log::StorageError;
use fengsui_log::storage::Database;
use rusqlite::{Connection, OptionalExtension, Params, Row};

pub(crate) use accounts::ledger_lines;
pub use accounts::{ACCOUNT_SQL, ACCOUNTS_SQL, ENTRIES_SQL, LedgerLine, UnitRow};
pub use anomalies::{AnomalyFilter, AnomalyRow};
pub use cases::{CASE_OF_FEEDBACK_SQL, CASE_OF_REFERRAL_SQL, CASE_SQL, CaseFilter, CaseRow};
pub use certificates::CERTIFICATES_OF_SQL;
pub use checkpoints::{CheckpointRow, CosignerRow};
pub use deadlines::{OVERDUE_SQL, Overdue, OverdueTerm, TermPlace};
pub use referrals::{DeskBox, Inbox, ReferralRow};

use crate::state::Registry;
use crate::store::{
    CERTIFICATE_SQL, COSIGNED_AT_SQL, LARGEST_COSIGNED_SQL, MODEL, ModelError, Progress, Store, load_progress,
    refuse_older,
};

/// The statements behind `case show`, `unit ledger` and reminders: each must find its rows by key or index.
pub const SEARCHED_SQL: &[&str] = &[
    CASE_SQL,
    CASE_OF_REFERRAL_SQL,
    CASE_OF_FEEDBACK_SQL,
    ACCOUNT_SQL,
    ENTRIES_SQL,
    OVERDUE_SQL,
    COSIGNED_AT_SQL,
    LARGEST_COSIGNED_SQL,
    CERTIFICATE_SQL,
    CERTIFICATES_OF_SQL,
];

/// A read model that is only read.
pub struct Reader {
    database: Database,
}

impl Reader {
    /// Opens the file; read-only media are fine.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let database = Database::open_reader(&MODEL, path)?;
        refuse_older(database.connection(), path)?;
        Ok(Self { database })
    }

    /// Checks the file's structure page by page.
    pub fn quick_check(&self) -> Result<(), ModelError> {
        Ok(self.database.quick_check()?)
    }

    /// The tables.
    pub fn view(&self) -> View<'_> {
        View { connection: self.database.connection(), path: self.database.path() }
    }
}

impl Store {
    /// The tables as they were last committed.
    pub fn view(&self) -> View<'_> {
        View { connection: self.connection(), path: self.path() }
    }
}

/// The tables of a read model.
#[derive(Clone, Copy)]
pub struct View<'a> {
    connection: &'a Connection,
    path: &'a Path,
}

impl View<'_> {
    /// How far the log was folded, and the registry as of there; no registry before the first commit.
    pub fn progress(&self) -> Result<(Progress, Option<Registry>), ModelError> {
        load_progress(self.connection, self.path)
    }

    /// The last position recorded on or before a day; 0 when there is none.
    pub fn position_on(&self, day: Date) -> Result<u64, ModelError> {
        let sql = "SELECT max(position) FROM days WHERE day <= ?1";
        let found = self.one(sql, [day.to_string()], |row| row.get::<_, Option<i64>>(0))?;
        Ok(found.flatten().map_or(0, i64::cast_unsigned))
    }

    fn fault(&self, error: rusqlite::Error) -> ModelError {
        StorageError::sqlite(&MODEL, self.path, error).into()
    }

    fn one<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, ModelError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(values, read).optional())
            .map_err(|error| self.fault(error))
    }

    fn each<T>(
        &self,
        sql: &str,
        values: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
        mut visit: impl FnMut(T) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| self.fault(error))?;
        let mut rows = statement.query(values).map_err(|error| self.fault(error))?;
        while let Some(row) = rows.next().map_err(|error| self.fault(error))? {
            visit(read(row).map_err(|error| self.fault(error))?)?;
        }
        Ok(())
    }

    fn all<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ModelError> {
        let mut found = Vec::new();
        self.each(sql, values, read, |row| {
            found.push(row);
            Ok(())
        })?;
        Ok(found)
    }
}

/// Reads a text column as one of the domain's types. A value that does not fit means that the file is not ours.
pub(crate) fn parsed<T>(row: &Row<'_>, index: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text = row.get_ref(index)?.as_str()?;
    text.parse()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, Box::new(error)))
}

/// The same for a column that may be empty.
pub(crate) fn parsed_option<T>(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<T>>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    if row.get_ref(index)? == rusqlite::types::ValueRef::Null { Ok(None) } else { parsed(row, index).map(Some) }
}

/// How many rows a list gives at most; `None` gives all.
fn limit(limit: Option<u64>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}
