//! The state digest: one SHA-256 over everything that the tables are drawn from.
//!
//! It is computed from canonical JSON (keys in order, no white space, absent and empty values left out, as in
//! RFC 8785 for the values that occur here), one line per value: the progress, the registry, each chain, each case,
//! each account, each ledger entry, each cosignature, each certificate, each anomaly. So it does not depend on how state is stored, and a field that a
//! later version adds does not change the digest of an older log. `docs/state-digest.md` has the rules.

use std::path::Path;

use fengsui_event::Digest;
use rayon::prelude::*;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde::Serialize;
use serde::ser::SerializeMap as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::canonical;
use crate::state::{AccountState, CaseState, Registry};
use crate::store::{CodecError, ModelError, Progress, Store, decode};

/// Rows that are made canonical together, and those of them that one core takes at a time.
const CHUNK_ROWS: usize = 4096;
const PIECE_ROWS: usize = 128;
/// What a line usually has at the most.
const LINE_BYTES: usize = 2048;

/// The digest of a read model with nothing unsaved.
pub fn state_digest(store: &Store, registry: &Registry) -> Result<Digest, ModelError> {
    let mut hasher = Sha256::new();
    canonical_lines(store, registry, &mut |line| {
        hasher.update(line);
        Ok::<(), ModelError>(())
    })?;
    Ok(Digest(hasher.finalize().into()))
}

/// Shows the exact lines that the digest is taken over, line feeds included, in their order: whoever writes them to
/// a file can recompute the digest with `sha256sum`, and compare two states line by line.
pub fn canonical_lines<E: From<ModelError>>(
    store: &Store,
    registry: &Registry,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let Progress { position, effective, without_effect, duplicates } = store.progress();
    let progress = json!({"position": position, "effective": effective, "without_effect": without_effect, "duplicates": duplicates});
    visit(&canonical_line(store, "progress", &progress)?)?;
    visit(&canonical_line(store, "registry", &registry_value(registry))?)?;
    let mut chains: Vec<(String, Value)> =
        registry.chains.iter().map(|(source, chain)| (source.to_string(), to_value(chain))).collect();
    chains.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    for (source, state) in chains {
        visit(&canonical_line(store, "chain", &json!({"source": source, "state": state}))?)?;
    }
    states::<CaseState, E>(store, visit, "case", "SELECT state FROM cases ORDER BY id")?;
    states::<AccountState, E>(store, visit, "account", "SELECT state FROM accounts ORDER BY unit")?;
    rows(store, visit, "entry", ENTRIES)?;
    rows(store, visit, "cosignature", COSIGNATURES)?;
    rows(store, visit, "certificate", CERTIFICATES)?;
    rows(store, visit, "anomaly", ANOMALIES)
}

const ENTRIES: &str =
    "SELECT unit, number, position, hex(cause) AS cause, CASE WHEN case_id IS NOT NULL THEN hex(case_id) END AS 'case', kind, rule, rulebook,
        points, effective_on, counted_until
    FROM entries ORDER BY unit, number";
const COSIGNATURES: &str =
    "SELECT size, position, agency, keyid, root, digest, time_seconds FROM cosignatures ORDER BY size, position";
const CERTIFICATES: &str =
    "SELECT hex(id) AS id, unit, issuer, issued_at, position, sha256, issued_on, valid_until, purpose, consent, revoked_at,
        revoked_by, revoked_on, reason
    FROM certificates ORDER BY certificates.id";
const ANOMALIES: &str = "SELECT position, hex(id) AS id, code, cause FROM anomalies ORDER BY number";

/// The registry without the rules themselves: a rulebook is its text's hash.
fn registry_value(registry: &Registry) -> Value {
    let rulebooks: Vec<Value> = registry
        .rulebooks
        .iter()
        .map(|published| {
            json!({
                "position": published.position,
                "effective_from": published.effective_from.to_string(),
                "sha256": published.sha256.to_string(),
                "version": published.book.version(),
            })
        })
        .collect();
    json!({
        "region": registry.region.to_string(),
        "authority": registry.authority.to_string(),
        "agencies": to_value(&registry.agencies),
        "keys": to_value(&registry.keys),
        "rulebooks": rulebooks,
    })
}

/// What later versions remember of events that older logs hold as well: with it those would get another digest.
const LEFT_OUT: &str = "overdue_steps";

fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| Value::String(error.to_string()))
}

fn canonical_line<T: Serialize + ?Sized>(store: &Store, kind: &str, value: &T) -> Result<Vec<u8>, ModelError> {
    let mut line = Vec::with_capacity(LINE_BYTES);
    line.extend_from_slice(kind.as_bytes());
    line.push(b' ');
    write_value(value, &mut line).map_err(|reason| unreadable(store.path(), kind, reason))?;
    Ok(line)
}

/// Writes a value and the end of its line.
fn write_value<T: Serialize + ?Sized>(value: &T, line: &mut Vec<u8>) -> Result<(), CodecError> {
    canonical::write(value, Some(LEFT_OUT), line).map_err(|error| CodecError::Unreadable(error.to_string()))?;
    line.push(b'\n');
    Ok(())
}

fn unreadable(path: &Path, kind: &str, reason: CodecError) -> ModelError {
    ModelError::State { path: path.to_owned(), what: format!("a {kind}"), reason }
}

fn states<T, E>(store: &Store, visit: &mut dyn FnMut(&[u8]) -> Result<(), E>, kind: &str, sql: &str) -> Result<(), E>
where
    T: Serialize + serde::de::DeserializeOwned,
    E: From<ModelError>,
{
    let path = store.path();
    let one = |line: &mut Vec<u8>, stored: &Vec<u8>| {
        line.extend_from_slice(kind.as_bytes());
        line.push(b' ');
        decode::<T>(stored).and_then(|state| write_value(&state, line))
    };
    let mut chunk: Vec<Vec<u8>> = Vec::with_capacity(CHUNK_ROWS);
    let mut drain = |chunk: &mut Vec<Vec<u8>>| -> Result<(), E> {
        // Each core writes lines one after the other into one piece.
        let pieces: Result<Vec<Vec<u8>>, CodecError> = chunk
            .par_chunks(PIECE_ROWS)
            .map(|rows| {
                let mut piece = Vec::with_capacity(PIECE_ROWS * LINE_BYTES);
                rows.iter().try_for_each(|stored| one(&mut piece, stored))?;
                Ok(piece)
            })
            .collect();
        for piece in pieces.map_err(|reason| unreadable(path, kind, reason))? {
            piece.split_inclusive(|byte| *byte == b'\n').try_for_each(&mut *visit)?;
        }
        chunk.clear();
        Ok(())
    };
    each_row(store, sql, |row| {
        chunk.push(row.get(0).map_err(|error| store.fault(error))?);
        if chunk.len() == CHUNK_ROWS { drain(&mut chunk) } else { Ok(()) }
    })?;
    drain(&mut chunk)
}

fn rows<E: From<ModelError>>(
    store: &Store,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    kind: &str,
    sql: &str,
) -> Result<(), E> {
    let mut columns: Vec<(String, usize)> = {
        let connection: &Connection = store.connection();
        let statement = connection.prepare(sql).map_err(|error| store.fault(error))?;
        statement.column_names().map(str::to_owned).zip(0..).collect()
    };
    columns.sort_unstable();
    let mut line = Vec::with_capacity(LINE_BYTES);
    each_row(store, sql, |row| {
        line.clear();
        let present = Row { row, columns: &columns };
        line.extend_from_slice(kind.as_bytes());
        line.push(b' ');
        write_value(&present, &mut line).map_err(|reason| unreadable(store.path(), kind, reason))?;
        visit(&line)
    })
}

/// A row as an object, its columns in order of their names. What is neither a number nor text is left out.
struct Row<'a> {
    row: &'a rusqlite::Row<'a>,
    columns: &'a [(String, usize)],
}

impl Serialize for Row<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for (name, index) in self.columns {
            match self.row.get_ref(*index).map_err(serde::ser::Error::custom)? {
                ValueRef::Integer(number) => members.serialize_entry(name, &number)?,
                ValueRef::Text(text) => members.serialize_entry(name, &*String::from_utf8_lossy(text))?,
                ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => {}
            }
        }
        members.end()
    }
}

fn each_row<E: From<ModelError>>(
    store: &Store,
    sql: &str,
    mut visit: impl FnMut(&rusqlite::Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = store.connection().prepare(sql).map_err(|error| store.fault(error))?;
    let mut rows = statement.query([]).map_err(|error| store.fault(error))?;
    while let Some(row) = rows.next().map_err(|error| store.fault(error))? {
        visit(row)?;
    }
    Ok(())
}
