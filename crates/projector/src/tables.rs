//! What people look at: the columns of the tables, which are drawn from the fold's state and which the state digest does not cover.

use std::fmt::Write as _;

use fengsui_event::Digest;
use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};

use crate::store::{ModelError, Store};

/// Every table but the one of the progress, with the order of its rows.
const TABLES: [(&str, &str); 14] = [
    ("days", "day"),
    ("event_ids", "id"),
    ("sources", "source"),
    ("agencies", "code"),
    ("rulebooks", "version"),
    ("cases", "id"),
    ("referrals", "case_id, slot"),
    ("deadlines", "case_id, slot"),
    ("feedback", "case_id, slot"),
    ("accounts", "unit"),
    ("entries", "unit, number"),
    ("cosignatures", "size, position"),
    ("certificates", "id"),
    ("anomalies", "number"),
];
/// The column of encoded fold state. The state digest covers it, whichever way it is encoded.
const STATE: &str = "state";

/// A table with the SHA-256 of its rows as people see them.
pub type TableDigest = (&'static str, Digest);

/// Hashes every column of every table, those of encoded state apart. Two read models of one log at one position give the same.
pub fn table_digests(store: &Store) -> Result<Vec<TableDigest>, ModelError> {
    TABLES.iter().map(|(table, order)| Ok((*table, table_digest(store, table, order)?))).collect()
}

fn table_digest(store: &Store, table: &str, order: &str) -> Result<Digest, ModelError> {
    let fault = |error| store.fault(error);
    let sql = format!("SELECT * FROM {table} ORDER BY {order}");
    let mut statement = store.connection().prepare(&sql).map_err(fault)?;
    let names: Vec<&str> = statement.column_names().collect();
    let mut hasher = Sha256::new();
    hasher.update(names.join(","));
    let shown = names.iter().zip(0..).filter(|(name, _)| **name != STATE);
    let shown: Vec<usize> = shown.map(|(_, index)| index).collect();
    let mut rows = statement.query([]).map_err(fault)?;
    let mut number = String::new();
    while let Some(row) = rows.next().map_err(fault)? {
        for index in &shown {
            let (kind, bytes) = match row.get_ref(*index).map_err(fault)? {
                ValueRef::Null => (b'n', &[][..]),
                ValueRef::Integer(value) => (b'i', decimal(&mut number, value)),
                ValueRef::Text(text) => (b't', text),
                ValueRef::Blob(bytes) => (b'b', bytes),
                // No table has such a column.
                ValueRef::Real(_) => (b'r', &[][..]),
            };
            hasher.update([kind]);
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        }
    }
    Ok(Digest(hasher.finalize().into()))
}

fn decimal(number: &mut String, value: i64) -> &[u8] {
    number.clear();
    // Writing into a string cannot fail.
    let _ = write!(number, "{value}");
    number.as_bytes()
}
