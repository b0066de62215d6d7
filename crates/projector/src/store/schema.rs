//! The read model's file: its kind, tables and indexes.

use std::path::Path;

use fengsui_log::StorageError;
use fengsui_log::storage::FileKind;
use rusqlite::Connection;

use super::{CodecError, ModelError};

/// The read model as a kind of file. "FSRM" is its application id.
pub static MODEL: FileKind = FileKind {
    noun: "read model",
    application_id: 0x4653_524D,
    version: 3,
    schema: include_str!("schema.sql"),
    when_missing: "`fengsui replay` draws it from the log",
    when_damaged: "run `fengsui replay`, which draws it from the log again",
};

/// Name and definition of each index. A rebuild makes them last, when they cost least.
const INDEXES: &[(&str, &str)] = &[
    ("cases_unit", "cases (unit)"),
    ("cases_status", "cases (status)"),
    ("cases_reporter", "cases (reporter, status)"),
    ("referrals_id", "referrals (id)"),
    ("referrals_addressee", "referrals (addressee, status)"),
    ("referrals_issuer", "referrals (issuer, status)"),
    ("deadlines_agency", "deadlines (agency, due_on)"),
    ("feedback_id", "feedback (id)"),
    ("entries_until", "entries (counted_until) WHERE counted_until IS NOT NULL"),
    ("cosignatures_agency", "cosignatures (agency, size DESC)"),
    ("certificates_unit", "certificates (unit, issued_at)"),
    ("anomalies_code", "anomalies (code)"),
    ("anomalies_position", "anomalies (position)"),
    ("anomalies_case", "anomalies (case_id) WHERE case_id IS NOT NULL"),
];

/// Makes the indexes that are missing.
pub fn create_indexes(connection: &Connection) -> rusqlite::Result<()> {
    for (name, definition) in INDEXES {
        connection.execute_batch(&format!("CREATE INDEX IF NOT EXISTS {name} ON {definition}"))?;
    }
    Ok(())
}

/// Refuses tables of an earlier version of the program before anything is looked for that they do not have.
pub fn refuse_older(connection: &Connection, path: &Path) -> Result<(), ModelError> {
    let fault = |error| StorageError::sqlite(&MODEL, path, error);
    let found: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fault)?;
    if found >= MODEL.version {
        return Ok(());
    }
    let (what, reason) = ("tables".to_owned(), CodecError::Older { found, expected: MODEL.version });
    Err(ModelError::State { path: path.to_owned(), what, reason })
}
