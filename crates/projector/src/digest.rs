//! The state digest: one SHA-256 over everything that the tables are drawn from.
//!
//! It is computed from canonical JSON (keys in order, no white space, absent and empty values left out, as in
//! RFC 8785 for the values that occur here), one line per value: the progress, the registry, each chain, each case,
//! each account, each ledger entry, each anomaly. So it does not depend on how state is stored, and a field that a
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
    let Progress { position, effective, without_effect, duplicates } = store.progress();
    let progress = json!({"position": position, "effective": effective, "without_effect": without_effect, "duplicates": duplicates});
    line(&mut hasher, "progress", &progress);
    line(&mut hasher, "registry", &registry_value(registry));
    for (source, chain) in &registry.chains {
        line(&mut hasher, "chain", &json!({"source": source.to_string(), "state": to_value(chain)}));
    }
    states::<CaseState>(store, &mut hasher, "case", "SELECT state FROM cases ORDER BY id")?;
    states::<AccountState>(store, &mut hasher, "account", "SELECT state FROM accounts ORDER BY unit")?;
    rows(
        store,
        &mut hasher,
        "entry",
        "SELECT unit, number, position, hex(cause) AS cause, hex(case_id) AS 'case', kind, rule, rulebook, points,
                effective_on, counted_until
         FROM entries ORDER BY unit, number",
    )?;
    rows(store, &mut hasher, "anomaly", "SELECT position, hex(id) AS id, code, cause FROM anomalies ORDER BY number")?;
    Ok(Digest(hasher.finalize().into()))
}

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

fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| Value::String(error.to_string()))
}

fn line(hasher: &mut Sha256, kind: &str, value: &Value) {
    hasher.update(canonical_line(kind, value));
}

fn canonical_line(kind: &str, value: &Value) -> Vec<u8> {
    format!("{kind} {}\n", canonical(value)).into_bytes()
}

/// Leaves out what is absent or empty. `serde_json` keeps the keys of a map in order.
fn canonical(value: &Value) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), canonical(value)));
            Value::Object(fields.filter(|(_, value)| !is_empty(value)).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        other => other.clone(),
    }
}

fn states<T>(store: &Store, hasher: &mut Sha256, kind: &str, sql: &str) -> Result<(), ModelError>
where
    T: Serialize + serde::de::DeserializeOwned,
{
    let path = store.path();
    let mut chunk: Vec<Vec<u8>> = Vec::with_capacity(CHUNK_ROWS);
    let mut drain = |chunk: &mut Vec<Vec<u8>>| -> Result<(), ModelError> {
        let lines: Result<Vec<Vec<u8>>, ModelError> = chunk
            .par_iter()
            .map(|bytes| match decode::<T>(bytes) {
                Ok(state) => Ok(canonical_line(kind, &to_value(&state))),
                Err(reason) => Err(ModelError::State { path: path.to_owned(), what: format!("a {kind}"), reason }),
            })
            .collect();
        for line in lines? {
            hasher.update(&line);
        }
        chunk.clear();
        Ok(())
    };
    each_row(store, sql, |row| {
        chunk.push(row.get(0).map_err(|error| fault(store, error))?);
        if chunk.len() == CHUNK_ROWS { drain(&mut chunk) } else { Ok(()) }
    })?;
    drain(&mut chunk)
}

fn rows(store: &Store, hasher: &mut Sha256, kind: &str, sql: &str) -> Result<(), ModelError> {
    let names: Vec<String> = {
        let connection: &Connection = store.connection();
        let statement = connection.prepare(sql).map_err(|error| fault(store, error))?;
        statement.column_names().map(str::to_owned).collect()
    };
    each_row(store, sql, |row| {
        let mut fields = Map::new();
        for (index, name) in names.iter().enumerate() {
            let value = match row.get_ref(index).map_err(|error| fault(store, error))? {
                rusqlite::types::ValueRef::Integer(number) => Value::from(number),
                rusqlite::types::ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text)),
                _ => Value::Null,
            };
            fields.insert(name.clone(), value);
        }
        line(hasher, kind, &Value::Object(fields));
        Ok(())
    })
}

fn each_row(
    store: &Store,
    sql: &str,
    mut visit: impl FnMut(&rusqlite::Row<'_>) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let mut statement = store.connection().prepare(sql).map_err(|error| fault(store, error))?;
    let mut rows = statement.query([]).map_err(|error| fault(store, error))?;
    while let Some(row) = rows.next().map_err(|error| fault(store, error))? {
        visit(row)?;
    }
    Ok(())
}

fn fault(store: &Store, error: rusqlite::Error) -> ModelError {
    ModelError::Storage(fengsui_log::StorageError::sqlite(&crate::store::MODEL, store.path(), error))
}
