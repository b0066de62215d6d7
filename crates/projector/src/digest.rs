//! The state digest: one SHA-256 over everything that the tables are drawn from.
//!
//! It is computed from canonical JSON (keys in order, no white space, absent and empty values left out, as in
//! RFC 8785 for the values that occur here), one line per value: the progress, the registry, each chain, each case,
//! each account, each ledger entry, each cosignature, each certificate, each anomaly. So it does not depend on how state is stored, and a field that a
//! later version adds does not change the digest of an older log. `docs/state-digest.md` has the rules.

use fengsui_event::Digest;
use rayon::prelude::*;
use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::state::{AccountState, CaseState, Registry};
use crate::store::{ModelError, Progress, Store, decode};

/// Rows that are made canonical together.
const CHUNK_ROWS: usize = 4096;

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
    visit(&canonical_line("progress", &progress))?;
    visit(&canonical_line("registry", &registry_value(registry)))?;
    let mut chains: Vec<(String, Value)> =
        registry.chains.iter().map(|(source, chain)| (source.to_string(), to_value(chain))).collect();
    chains.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    for (source, state) in chains {
        visit(&canonical_line("chain", &json!({"source": source, "state": state})))?;
    }
    states::<CaseState, E>(store, visit, "case", "SELECT state FROM cases ORDER BY id", case_value)?;
    states::<AccountState, E>(store, visit, "account", "SELECT state FROM accounts ORDER BY unit", to_value)?;
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

/// A case without what later versions remember of events that older logs hold as well: with it those would get
/// another digest.
fn case_value(case: &CaseState) -> Value {
    let mut value = to_value(case);
    for referral in value["referrals"].as_array_mut().into_iter().flatten() {
        if let Some(fields) = referral.as_object_mut() {
            fields.remove("overdue_steps");
        }
    }
    value
}

fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| Value::String(error.to_string()))
}

fn canonical_line(kind: &str, value: &Value) -> Vec<u8> {
    let mut line = format!("{kind} ");
    write_canonical(value, &mut line);
    line.push('\n');
    line.into_bytes()
}

/// Writes keys in order, whatever order the map keeps them in, and leaves out what is absent or empty.
fn write_canonical(value: &Value, line: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(&String, &Value)> = fields.iter().filter(|(_, value)| !is_empty(value)).collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            line.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                if index > 0 {
                    line.push(',');
                }
                line.push_str(&Value::from(key.as_str()).to_string());
                line.push(':');
                write_canonical(value, line);
            }
            line.push('}');
        }
        Value::Array(items) => {
            line.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    line.push(',');
                }
                write_canonical(item, line);
            }
            line.push(']');
        }
        other => line.push_str(&other.to_string()),
    }
}

/// Whether nothing is left of a value once what is absent or empty within it is left out.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn states<T, E>(
    store: &Store,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    kind: &str,
    sql: &str,
    value: fn(&T) -> Value,
) -> Result<(), E>
where
    T: Serialize + serde::de::DeserializeOwned,
    E: From<ModelError>,
{
    let path = store.path();
    let mut chunk: Vec<Vec<u8>> = Vec::with_capacity(CHUNK_ROWS);
    let mut drain = |chunk: &mut Vec<Vec<u8>>| -> Result<(), E> {
        let lines: Result<Vec<Vec<u8>>, ModelError> = chunk
            .par_iter()
            .map(|bytes| match decode::<T>(bytes) {
                Ok(state) => Ok(canonical_line(kind, &value(&state))),
                Err(reason) => Err(ModelError::State { path: path.to_owned(), what: format!("a {kind}"), reason }),
            })
            .collect();
        for line in lines? {
            visit(&line)?;
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
    let names: Vec<String> = {
        let connection: &Connection = store.connection();
        let statement = connection.prepare(sql).map_err(|error| store.fault(error))?;
        statement.column_names().map(str::to_owned).collect()
    };
    each_row(store, sql, |row| {
        let mut fields = Map::new();
        for (index, name) in names.iter().enumerate() {
            let value = match row.get_ref(index).map_err(|error| store.fault(error))? {
                rusqlite::types::ValueRef::Integer(number) => Value::from(number),
                rusqlite::types::ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text)),
                _ => Value::Null,
            };
            fields.insert(name.clone(), value);
        }
        visit(&canonical_line(kind, &Value::Object(fields)))
    })
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
