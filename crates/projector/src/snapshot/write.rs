//! Writing a snapshot: value by value from the tables, whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use fengsui_event::{CaseId, EventId, Points};
use fengsui_log::{EventLog, Position};
use fengsui_proof::tree::Frontier;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;

use super::body::{BodyWriter, Item};
use super::header::{HEADER_BYTES, Header};
use super::{READ_BYTES, SnapshotError};
use crate::leaves::each_leaf;
use crate::projector::{Projector, Watcher};
use crate::query::{parsed, parsed_option};
use crate::state::{CaseState, EntryKind, LedgerEntry};
use crate::store::{ModelError, Store, certificate_row, cosignature_row, decode};

const CASES: &str = "SELECT state FROM cases ORDER BY id";
const ACCOUNTS: &str = "SELECT state FROM accounts ORDER BY unit";
const ENTRIES: &str =
    "SELECT unit, number, position, cause, case_id, kind, rule, rulebook, points, effective_on, counted_until
    FROM entries ORDER BY unit, number";
const COSIGNATURES: &str = "SELECT size, position, agency, keyid, root, digest, time_seconds FROM cosignatures
    ORDER BY size, position";
const CERTIFICATES: &str = "SELECT id, unit, issuer, issued_at, position, sha256, issued_on, valid_until, purpose,
    consent, revoked_at, revoked_by, revoked_on, reason FROM certificates ORDER BY id";
const ANOMALIES: &str = "SELECT position, id, cause FROM anomalies ORDER BY number";

/// Writes the state of a read model, and the log's tree at its position, to a file that takes `path`'s place when it is whole.
/// `log` is the one that the model was drawn from; `watcher` is told of positions hashed.
pub fn write<L: EventLog + ?Sized>(
    projector: &Projector,
    log: &L,
    path: &Path,
    watcher: &mut dyn Watcher,
) -> Result<Header, SnapshotError> {
    let progress = projector.progress();
    let position = Position::new(progress.position).ok_or(SnapshotError::Empty)?;
    let frontier = frontier(log, position, watcher)?;
    let digest = projector.digest()?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".writing");
    let unfinished = PathBuf::from(unfinished);
    let written = write_file(projector, &unfinished, |body_bytes, body_sha256| Header {
        region: projector.registry().region,
        progress,
        digest,
        frontier,
        body_bytes,
        body_sha256,
    });
    let finished = written.and_then(|header| {
        std::fs::rename(&unfinished, path).map_err(SnapshotError::file(path))?;
        Ok(header)
    });
    if finished.is_err() {
        let _ = std::fs::remove_file(&unfinished);
    }
    finished
}

/// The log's tree up to a position.
fn frontier<L: EventLog + ?Sized>(
    log: &L,
    until: Position,
    watcher: &mut dyn Watcher,
) -> Result<Frontier, SnapshotError> {
    let mut frontier = Frontier::new();
    each_leaf(log, 0, until.get(), watcher, &mut |leaf| {
        frontier.push(leaf);
        Ok::<_, SnapshotError>(())
    })?;
    if frontier.size() < until.get() {
        return Err(ModelError::Ahead { model: until.get(), log: frontier.size() }.into());
    }
    Ok(frontier)
}

fn write_file(
    projector: &Projector,
    path: &Path,
    header: impl FnOnce(u64, fengsui_event::Digest) -> Header,
) -> Result<Header, SnapshotError> {
    let fault = SnapshotError::file(path);
    let mut file = File::create(path).map_err(&fault)?;
    file.write_all(&[0; HEADER_BYTES]).map_err(&fault)?;
    let mut body = BodyWriter::new(BufWriter::with_capacity(READ_BYTES, file));
    write_body(projector, path, &mut body)?;
    let (output, bytes, digest) = body.finish();
    let mut file = output.into_inner().map_err(|error| fault(error.into_error()))?;
    let header = header(bytes, digest);
    file.seek(SeekFrom::Start(0)).map_err(&fault)?;
    file.write_all(&header.to_bytes()?).map_err(&fault)?;
    file.sync_all().map_err(&fault)?;
    Ok(header)
}

fn write_body(projector: &Projector, path: &Path, body: &mut BodyWriter<BufWriter<File>>) -> Result<(), SnapshotError> {
    let (store, registry) = (&projector.store, &projector.registry);
    let mut push = |what: &'static str, item: &Item| body.push(what, item)?.map_err(SnapshotError::file(path));
    push("the registry", &Item::Registry(registry.clone()))?;
    let chains = registry.chains.iter().map(|(source, chain)| (source.to_string(), chain.clone()));
    let mut chains: Vec<(String, _)> = chains.collect();
    chains.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    for (source, chain) in chains {
        push("a chain", &Item::Chain { source, chain })?;
    }
    each(store, CASES, state, |bytes| {
        let mut case: CaseState = decoded(store, "a case", &bytes)?;
        for referral in &mut case.referrals {
            referral.overdue_steps.clear();
        }
        push("a case", &Item::Case(Box::new(case)))
    })?;
    each(store, ACCOUNTS, state, |bytes| {
        push("an account", &Item::Account(Box::new(decoded(store, "an account", &bytes)?)))
    })?;
    each(store, ENTRIES, entry, |entry| push("a ledger entry", &Item::Entry(entry)))?;
    each(store, COSIGNATURES, cosignature_row, |cosignature| push("a cosignature", &Item::Cosignature(cosignature)))?;
    each(store, CERTIFICATES, certificate_row, |certificate| {
        push("a certificate", &Item::Certificate(Box::new(certificate)))
    })?;
    each(store, ANOMALIES, anomaly, |anomaly| push("an anomaly", &anomaly))
}

fn each<T>(
    store: &Store,
    sql: &str,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
    mut visit: impl FnMut(T) -> Result<(), SnapshotError>,
) -> Result<(), SnapshotError> {
    let fault = |error| SnapshotError::Model(store.fault(error));
    let mut statement = store.connection().prepare(sql).map_err(fault)?;
    let mut rows = statement.query([]).map_err(fault)?;
    while let Some(row) = rows.next().map_err(fault)? {
        visit(read(row).map_err(fault)?)?;
    }
    Ok(())
}

fn state(row: &Row<'_>) -> rusqlite::Result<Vec<u8>> {
    row.get(0)
}

fn decoded<T: serde::de::DeserializeOwned>(store: &Store, what: &str, bytes: &[u8]) -> Result<T, SnapshotError> {
    let unreadable = |reason| ModelError::State { path: store.path().to_owned(), what: what.to_owned(), reason };
    Ok(decode(bytes).map_err(unreadable)?)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<LedgerEntry> {
    let kind: String = row.get(5)?;
    let misfit =
        |error: serde::de::value::Error| rusqlite::Error::FromSqlConversionFailure(5, Type::Text, Box::new(error));
    Ok(LedgerEntry {
        unit: parsed(row, 0)?,
        number: row.get(1)?,
        position: row.get::<_, i64>(2)?.cast_unsigned(),
        cause: EventId::from_bytes(row.get(3)?),
        case: row.get::<_, Option<[u8; 16]>>(4)?.map(CaseId::from_bytes),
        kind: EntryKind::deserialize(kind.as_str().into_deserializer()).map_err(misfit)?,
        rule: row.get(6)?,
        rulebook: row.get(7)?,
        points: Points(row.get(8)?),
        effective_on: parsed(row, 9)?,
        counted_until: parsed_option(row, 10)?,
    })
}

fn anomaly(row: &Row<'_>) -> rusqlite::Result<Item> {
    let (position, id) = (row.get::<_, i64>(0)?.cast_unsigned(), EventId::from_bytes(row.get(1)?));
    Ok(Item::Anomaly { position, id, cause: row.get(2)? })
}
