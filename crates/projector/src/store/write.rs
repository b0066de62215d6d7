//! Writing what changed, in key order, so that neighbouring rows are written together.

use fengsui_event::{CaseId, Date, UnitId};
use rusqlite::{Connection, ToSql, params};

use super::{Changed, ModelError, Store, encode};
use crate::fold::Anomaly;
use crate::state::{AccountState, CaseState, LedgerEntry, Registry, Slot};

/// The slot of the rectification order in the table of deadlines.
const RECTIFICATION_SLOT: i64 = -1;

/// Writes everything unsaved. The caller commits.
pub(super) fn flush(store: &mut Store, registry: &Registry) -> Result<(), ModelError> {
    let unsaved = std::mem::take(&mut store.unsaved);
    let mut buffer = std::mem::take(&mut store.buffer);
    let mut cases: Vec<(CaseId, Changed)> = unsaved.cases.into_iter().collect();
    cases.sort_unstable_by_key(|(id, _)| *id);
    for (id, changed) in &cases {
        if let Some(case) = store.cases.peek(id) {
            encode(&**case, &mut buffer).map_err(|reason| store.unreadable(format!("the case {id}"), reason))?;
            write_case(store.connection(), case, changed, &store.authority, &buffer)
                .map_err(|error| store.fault(error))?;
        }
    }
    for unit in &unsaved.accounts {
        if let Some(account) = store.accounts.peek(unit) {
            encode(&**account, &mut buffer)
                .map_err(|reason| store.unreadable(format!("the account {unit}"), reason))?;
            write_account(store.connection(), account, &buffer).map_err(|error| store.fault(error))?;
        }
    }
    let mut entries = unsaved.entries;
    entries.sort_unstable_by(|one, other| (&one.unit, one.number).cmp(&(&other.unit, other.number)));
    write_entries(store.connection(), &entries).map_err(|error| store.fault(error))?;
    for anomaly in &unsaved.anomalies {
        write_anomaly(store.connection(), anomaly).map_err(|error| store.fault(error))?;
    }
    for (day, position) in &unsaved.days {
        execute(
            store.connection(),
            "INSERT INTO days (day, position) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET position = excluded.position",
            params![day.to_string(), position.cast_signed()],
        )
        .map_err(|error| store.fault(error))?;
    }
    for source in &unsaved.chains {
        if let Some(chain) = registry.chains.get(source) {
            encode(chain, &mut buffer).map_err(|reason| store.unreadable(format!("the chain of {source}"), reason))?;
            let (sequence, gaps) = (chain.sequence.cast_signed(), slot(chain.gaps.len()));
            let values = params![source.to_string(), sequence, gaps, buffer];
            execute(
                store.connection(),
                "REPLACE INTO sources (source, sequence, gaps, state) VALUES (?1, ?2, ?3, ?4)",
                values,
            )
            .map_err(|error| store.fault(error))?;
        }
    }
    if unsaved.registry {
        write_registry(store.connection(), registry).map_err(|error| store.fault(error))?;
    }
    write_progress(store, registry, unsaved.registry, &mut buffer)?;
    store.buffer = buffer;
    Ok(())
}

fn execute(connection: &Connection, sql: &str, values: &[&dyn ToSql]) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(values).map(|_| ())
}

fn text(date: Date) -> String {
    date.to_string()
}

fn write_case(
    connection: &Connection,
    case: &CaseState,
    changed: &Changed,
    authority: &fengsui_event::AgencyCode,
    state: &[u8],
) -> rusqlite::Result<()> {
    let lead = case.lead().map(|lead| lead.addressee.to_string());
    let closed_on = case.closing.as_ref().map(|closing| text(closing.closed_on));
    execute(
        connection,
        "INSERT INTO cases (id, unit, unit_name, reporter, lead, category, severity, status, region, reference,
                            found_on, recorded_on, closed_on, incomplete, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT DO UPDATE SET lead = excluded.lead, category = excluded.category, severity = excluded.severity,
             status = excluded.status, region = excluded.region, found_on = excluded.found_on,
             closed_on = excluded.closed_on, incomplete = excluded.incomplete, state = excluded.state",
        params![
            case.id.to_bytes(),
            case.unit.to_string(),
            case.unit_name,
            case.reporter.to_string(),
            lead,
            case.category.to_string(),
            case.severity.code(),
            case.status.code(),
            case.place.region.to_string(),
            case.reference,
            text(case.found_on),
            text(case.recorded_on),
            closed_on,
            case.incomplete,
            state,
        ],
    )?;
    for &index in &changed.referrals {
        write_referral(connection, case, index)?;
    }
    for &index in &changed.feedback {
        write_feedback(connection, case, index)?;
    }
    write_deadlines(connection, case, authority)
}

fn slot(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

fn write_referral(connection: &Connection, case: &CaseState, index: usize) -> rusqlite::Result<()> {
    let Some(referral) = case.referrals.get(index) else { return Ok(()) };
    execute(
        connection,
        "INSERT INTO referrals (case_id, slot, id, issuer, addressee, role, status, issued_on)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO UPDATE SET status = excluded.status",
        params![
            case.id.to_bytes(),
            slot(index),
            referral.id.to_bytes(),
            referral.issuer.to_string(),
            referral.addressee.to_string(),
            referral.role.code(),
            referral.status.code(),
            text(referral.issued_on),
        ],
    )
}

/// A case has few terms, and closing ends them all: they are written anew with it.
fn write_deadlines(
    connection: &Connection,
    case: &CaseState,
    authority: &fengsui_event::AgencyCode,
) -> rusqlite::Result<()> {
    execute(connection, "DELETE FROM deadlines WHERE case_id = ?1", params![case.id.to_bytes()])?;
    let referrals = (0..case.referrals.len()).map(|index| (slot(index), Slot::Referral(index)));
    for (slot, place) in referrals.chain([(RECTIFICATION_SLOT, Slot::Rectification)]) {
        let Some(deadline) = case.pending_deadline(place, authority) else { continue };
        execute(
            connection,
            "INSERT INTO deadlines (case_id, slot, kind, agency, due_on, provisional) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                case.id.to_bytes(),
                slot,
                deadline.kind.code(),
                deadline.agency.to_string(),
                text(deadline.due.date),
                deadline.due.provisional,
            ],
        )?;
    }
    Ok(())
}

fn write_feedback(connection: &Connection, case: &CaseState, index: usize) -> rusqlite::Result<()> {
    let Some(feedback) = case.feedback.get(index) else { return Ok(()) };
    execute(
        connection,
        "INSERT INTO feedback (case_id, slot, id, referral, agency, outcome, handled_on, submitted_on, late, status)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT DO UPDATE SET status = excluded.status",
        params![
            case.id.to_bytes(),
            slot(index),
            feedback.id.to_bytes(),
            feedback.referral.to_bytes(),
            feedback.by.to_string(),
            feedback.outcome.code(),
            text(feedback.handled_on),
            text(feedback.submitted_on),
            feedback.late,
            feedback.status.code(),
        ],
    )
}

fn write_account(connection: &Connection, account: &AccountState, state: &[u8]) -> rusqlite::Result<()> {
    execute(
        connection,
        "INSERT INTO accounts (unit, name, region, trade, total, entries, cases, open_cases, registered, incomplete, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT DO UPDATE SET name = excluded.name, region = excluded.region, trade = excluded.trade,
             total = excluded.total, entries = excluded.entries, cases = excluded.cases,
             open_cases = excluded.open_cases, registered = excluded.registered, incomplete = excluded.incomplete,
             state = excluded.state",
        params![
            account.unit.to_string(),
            account.name,
            account.place.region.to_string(),
            account.trade.map(|trade| trade.to_string()),
            account.total.0,
            account.entries,
            account.cases,
            account.open_cases,
            account.registered,
            account.incomplete,
            state,
        ],
    )
}

fn write_entries(connection: &Connection, entries: &[LedgerEntry]) -> rusqlite::Result<()> {
    let mut current: Option<(&UnitId, String)> = None;
    for entry in entries {
        if current.as_ref().is_none_or(|(unit, _)| *unit != &entry.unit) {
            current = Some((&entry.unit, entry.unit.to_string()));
        }
        let unit = current.as_ref().map(|(_, text)| text);
        execute(
            connection,
            "INSERT INTO entries (unit, number, position, cause, case_id, kind, rule, rulebook, points, effective_on, counted_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                unit,
                entry.number,
                entry.position.cast_signed(),
                entry.cause.to_bytes(),
                entry.case.map(CaseId::to_bytes),
                entry.kind.code(),
                entry.rule,
                entry.rulebook,
                entry.points.0,
                text(entry.effective_on),
                entry.counted_until.map(text),
            ],
        )?;
    }
    Ok(())
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
                text(published.effective_from),
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
