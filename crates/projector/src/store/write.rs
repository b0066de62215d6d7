//! Writing what changed, in key order, so that neighbouring rows are written together.

use fengsui_event::{CaseId, UnitId};
use rusqlite::{Connection, ToSql, params};

use super::statements::{Statements, slot};
use super::{Changed, Kept, ModelError, Store, Unsaved, encode, proofs};
use crate::fold::Anomaly;
use crate::state::Registry;

/// Writes everything unsaved. The caller commits.
pub(super) fn flush(store: &mut Store, registry: &Registry) -> Result<(), ModelError> {
    let mut unsaved = std::mem::take(&mut store.unsaved);
    let mut buffer = std::mem::take(&mut store.buffer);
    write_states(store, &mut unsaved, &mut buffer)?;
    for anomaly in &unsaved.anomalies {
        write_anomaly(store.connection(), anomaly).map_err(|error| store.fault(error))?;
    }
    for (day, position) in &unsaved.days {
        let sql =
            "INSERT INTO days (day, position) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET position = excluded.position";
        execute(store.connection(), sql, params![day.to_string(), position.cast_signed()])
            .map_err(|error| store.fault(error))?;
    }
    proofs::write(store.connection(), &unsaved).map_err(|error| store.fault(error))?;
    write_chains(store, &unsaved, registry, &mut buffer)?;
    if unsaved.registry {
        write_registry(store.connection(), registry).map_err(|error| store.fault(error))?;
    }
    write_progress(store, registry, unsaved.registry, &mut buffer)?;
    store.buffer = buffer;
    Ok(())
}

fn write_states(store: &Store, unsaved: &mut Unsaved, buffer: &mut Vec<u8>) -> Result<(), ModelError> {
    let mut statements = Statements::new(store.connection()).map_err(|error| store.fault(error))?;
    let mut cases: Vec<(CaseId, Changed)> = std::mem::take(&mut unsaved.cases).into_iter().collect();
    cases.sort_unstable_by_key(|(id, _)| *id);
    for (id, changed) in &cases {
        if let Some(case) = store.cases.peek(id) {
            encode(&**case, buffer).map_err(|reason| store.unreadable(format!("the case {id}"), reason))?;
            let written = match store.kept {
                Kept::Everything => statements.case(case, changed, &store.authority, buffer),
                Kept::StateOnly => statements.case_state(*id, buffer),
            };
            written.map_err(|error| store.fault(error))?;
        }
    }
    let mut accounts: Vec<UnitId> = std::mem::take(&mut unsaved.accounts).into_iter().collect();
    accounts.sort_unstable();
    for unit in &accounts {
        if let Some(account) = store.accounts.peek(unit) {
            encode(&**account, buffer).map_err(|reason| store.unreadable(format!("the account {unit}"), reason))?;
            let written = match store.kept {
                Kept::Everything => statements.account(account, buffer),
                Kept::StateOnly => statements.account_state(unit, buffer),
            };
            written.map_err(|error| store.fault(error))?;
        }
    }
    unsaved.entries.sort_unstable_by(|one, other| (&one.unit, one.number).cmp(&(&other.unit, other.number)));
    statements.entries(&unsaved.entries).map_err(|error| store.fault(error))
}

fn write_chains(store: &Store, unsaved: &Unsaved, registry: &Registry, buffer: &mut Vec<u8>) -> Result<(), ModelError> {
    for source in &unsaved.chains {
        let Some(chain) = registry.chains.get(source) else { continue };
        encode(chain, buffer).map_err(|reason| store.unreadable(format!("the chain of {source}"), reason))?;
        let (sequence, gaps) = (chain.sequence.cast_signed(), slot(chain.gaps.len()));
        let sql = "REPLACE INTO sources (source, sequence, gaps, state) VALUES (?1, ?2, ?3, ?4)";
        execute(store.connection(), sql, params![source.to_string(), sequence, gaps, *buffer])
            .map_err(|error| store.fault(error))?;
    }
    Ok(())
}

pub(super) fn execute(connection: &Connection, sql: &str, values: &[&dyn ToSql]) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(values).map(|_| ())
}

fn write_anomaly(connection: &Connection, anomaly: &Anomaly) -> rusqlite::Result<()> {
    let cause = serde_json::to_string(&anomaly.cause).unwrap_or_else(|error| format!("\"{error}\""));
    execute(
        connection,
        "INSERT INTO anomalies (position, id, code, notice, agency, type, case_id, unit, cause)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            anomaly.position.cast_signed(),
            anomaly.id.to_bytes(),
            anomaly.cause.code(),
            anomaly.cause.is_notice(),
            anomaly.agency.as_ref().map(ToString::to_string),
            anomaly.type_text,
            anomaly.case.map(CaseId::to_bytes),
            anomaly.unit.as_ref().map(ToString::to_string),
            cause,
        ],
    )
}

fn write_registry(connection: &Connection, registry: &Registry) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM agencies; DELETE FROM rulebooks")?;
    for (code, agency) in &registry.agencies {
        let in_force = registry.keys.iter().filter(|(_, key)| key.agency == *code && key.until.is_none());
        let keys: Vec<&str> = in_force.map(|(keyid, _)| keyid.as_str()).collect();
        execute(
            connection,
            "INSERT INTO agencies (code, name, region, registered_at, suspended_at, keys) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                code.to_string(),
                agency.name,
                agency.region.to_string(),
                agency.registered_at.cast_signed(),
                agency.suspended_at.map(u64::cast_signed),
                keys.join(" "),
            ],
        )?;
    }
    for published in &registry.rulebooks {
        execute(
            connection,
            "INSERT INTO rulebooks (version, position, effective_from, sha256) VALUES (?1, ?2, ?3, ?4)",
            params![
                published.book.version(),
                published.position.cast_signed(),
                published.effective_from.to_string(),
                published.sha256.to_string(),
            ],
        )?;
    }
    Ok(())
}

fn write_progress(
    store: &Store,
    registry: &Registry,
    registry_changed: bool,
    buffer: &mut Vec<u8>,
) -> Result<(), ModelError> {
    let progress = store.progress;
    let numbers = [progress.position, progress.effective, progress.without_effect, progress.duplicates];
    let [position, effective, without_effect, duplicates] = numbers.map(u64::cast_signed);
    let updated = if registry_changed {
        0
    } else {
        store
            .connection()
            .prepare_cached("UPDATE progress SET position = ?1, effective = ?2, without_effect = ?3, duplicates = ?4")
            .and_then(|mut statement| statement.execute([position, effective, without_effect, duplicates]))
            .map_err(|error| store.fault(error))?
    };
    if updated == 0 {
        encode(registry, buffer).map_err(|reason| store.unreadable("the registry".to_owned(), reason))?;
        execute(
            store.connection(),
            "REPLACE INTO progress (id, position, effective, without_effect, duplicates, registry)
             VALUES (1, ?1, ?2, ?3, ?4, ?5)",
            params![position, effective, without_effect, duplicates, *buffer],
        )
        .map_err(|error| store.fault(error))?;
    }
    Ok(())
}
