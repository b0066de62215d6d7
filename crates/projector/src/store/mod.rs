//! The `SQLite` read model: the only place that knows its SQL for writing.
//!
//! State is loaded by key into bounded caches, changed in memory, and written together with the position in one
//! transaction. So a crash leaves a model that is true for its position, and memory does not grow with the units.

mod codec;
mod error;
mod generations;
mod proofs;
mod restoring;
mod schema;
mod statements;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use fengsui_event::{AgencyCode, CaseId, CertificateId, Date, Digest, Event, EventId, UnitId};
use fengsui_log::storage::Database;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};

pub use codec::CodecError;
pub(crate) use codec::{FORMAT, decode, decode_foreign, encode};
pub use error::ModelError;
pub(crate) use proofs::{CERTIFICATE_SQL, COSIGNED_AT_SQL, LARGEST_COSIGNED_SQL, certificate_row, cosignature_row};
pub use schema::MODEL;
pub(crate) use schema::{create_indexes, refuse_older};

use crate::fold::driver::{Seen, States};
use crate::fold::{Anomaly, Changes, Touched};
use crate::state::{
    AccountState, CaseState, CertificateState, Chain, Cosignature, LargestCosigned, LedgerEntry, Registry,
};
use generations::Generations;

/// Cases and accounts kept in memory, each at most twice as many.
const CACHED_MAX: usize = 16_384;

/// How far the log was folded, and with what result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Last position folded; 0 before the first.
    pub position: u64,
    /// Events that had an effect.
    pub effective: u64,
    /// Events that had none, duplicates included.
    pub without_effect: u64,
    /// The same bytes again.
    pub duplicates: u64,
}

/// What was changed in memory and is not yet in the file.
#[derive(Debug, Default)]
struct Unsaved {
    cases: HashMap<CaseId, Changed>,
    accounts: HashSet<UnitId>,
    entries: Vec<LedgerEntry>,
    anomalies: Vec<Anomaly>,
    cosignatures: BTreeMap<u64, Vec<Cosignature>>,
    certificates: BTreeMap<CertificateId, Box<CertificateState>>,
    days: BTreeMap<Date, u64>,
    registry: bool,
    chains: BTreeSet<fengsui_event::Source>,
}

/// Parts of a case that changed.
#[derive(Debug, Default)]
struct Changed {
    referrals: BTreeSet<usize>,
    feedback: BTreeSet<usize>,
}

/// What a store writes of cases and accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// All that people ask for.
    Everything,
    /// The fold's own state, from which everything else follows; the other columns stay empty.
    StateOnly,
}

/// The read model, open for writing.
pub struct Store {
    database: Database,
    authority: AgencyCode,
    kept: Kept,
    cases: Generations<CaseId, Box<CaseState>>,
    accounts: Generations<UnitId, Box<AccountState>>,
    unsaved: Unsaved,
    /// The largest checkpoint of each agency that was asked for.
    largest_cosigned: BTreeMap<AgencyCode, Option<LargestCosigned>>,
    progress: Progress,
    /// The latest day that an event with effect was recorded on.
    latest_day: Option<Date>,
    in_transaction: bool,
    buffer: Vec<u8>,
}

impl Store {
    /// Opens the read model for writing, making it when there is none, with the registry that it holds or `genesis`.
    pub fn open(path: &Path, genesis: Registry) -> Result<(Self, Registry), ModelError> {
        let database = if path.exists() { Database::open_writer(&MODEL, path)? } else { create(path)? };
        refuse_older(database.connection(), path)?;
        let fault = |error| database.fault(error);
        // Tables that a power cut sets back are brought up from the log again, which is synced before they are written.
        database.connection().pragma_update(None, "synchronous", "NORMAL").map_err(fault)?;
        create_indexes(database.connection()).map_err(fault)?;
        let (progress, stored) = load_progress(database.connection(), path)?;
        let registry = match stored {
            None => genesis,
            Some(registry) => same_exchange(registry, &genesis)?,
        };
        let latest = "SELECT max(day) FROM days";
        let latest = database.connection().query_row(latest, [], |row| row.get::<_, Option<String>>(0));
        let mut store = Self::assemble(database, registry.authority, progress);
        store.latest_day = latest.map_err(|error| store.fault(error))?.and_then(|day| day.parse().ok());
        Ok((store, registry))
    }

    /// Opens the read model beside its writer, to try events on it. What is read stays that of one position until [`Self::refresh`].
    pub(crate) fn open_reader(path: &Path, genesis: &Registry) -> Result<(Self, Registry), ModelError> {
        let database = Database::open_reader(&MODEL, path)?;
        refuse_older(database.connection(), path)?;
        let mut store = Self::assemble(database, genesis.authority, Progress::default());
        let registry = store.refresh(genesis)?.unwrap_or_else(|| genesis.clone());
        Ok((store, registry))
    }

    /// Goes on to what the writer has committed since. The registry is given when anything was.
    pub(crate) fn refresh(&mut self, genesis: &Registry) -> Result<Option<Registry>, ModelError> {
        self.let_go()?;
        self.connection().execute_batch("BEGIN").map_err(|error| self.fault(error))?;
        self.in_transaction = true;
        let position = self.connection().query_row("SELECT position FROM progress", [], |row| row.get::<_, i64>(0));
        let position = position.optional().map_err(|error| self.fault(error))?.map_or(0, i64::cast_unsigned);
        if position == self.progress.position {
            return Ok(None);
        }
        let (progress, stored) = load_progress(self.connection(), self.path())?;
        self.progress = progress;
        self.largest_cosigned.clear();
        stored.map(|registry| same_exchange(registry, genesis)).transpose()
    }

    /// Lets go of the state that [`Self::refresh`] holds: while it is held, the writer's write-ahead file only grows.
    pub(crate) fn let_go(&mut self) -> Result<(), ModelError> {
        if self.in_transaction {
            self.connection().execute_batch("ROLLBACK").map_err(|error| self.fault(error))?;
            self.in_transaction = false;
        }
        Ok(())
    }

    fn assemble(database: Database, authority: AgencyCode, progress: Progress) -> Self {
        database.connection().set_prepared_statement_cache_capacity(64);
        Self {
            database,
            authority,
            kept: Kept::Everything,
            cases: Generations::new(CACHED_MAX),
            accounts: Generations::new(CACHED_MAX),
            unsaved: Unsaved::default(),
            largest_cosigned: BTreeMap::new(),
            progress,
            latest_day: None,
            in_transaction: false,
            buffer: Vec::new(),
        }
    }

    /// An empty read model for a rebuild: written without a journal, since it counts only once it is whole.
    pub(crate) fn for_rebuild(path: &Path, genesis: &Registry) -> Result<Self, ModelError> {
        let database = create(path)?;
        let connection = database.connection();
        // A defensive connection refuses to do without a journal, and says nothing.
        let settled = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).and_then(|_| {
            connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -81920;")?;
            connection.query_row("PRAGMA journal_mode = OFF", [], |row| row.get::<_, String>(0))
        });
        let mode = settled.map_err(|error| database.fault(error))?;
        debug_assert_eq!(mode, "off", "a rebuild writes without a journal");
        Ok(Self::assemble(database, genesis.authority, Progress::default()))
    }

    /// Keeps fewer or more cases and accounts in memory, each at most twice `bound`. What is unsaved stays.
    pub fn bound_caches(&mut self, bound: usize) {
        self.cases.set_bound(bound);
        self.accounts.set_bound(bound);
    }

    /// Writes less or more of cases and accounts from now on. State and digest are the same.
    pub(crate) fn keep(&mut self, kept: Kept) {
        self.kept = kept;
    }

    /// How far the log was folded, unsaved events included.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The connection, for queries. Unsaved changes are not seen.
    pub fn connection(&self) -> &Connection {
        self.database.connection()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.database.path()
    }

    pub(crate) fn into_database(self) -> Database {
        self.database
    }

    /// Counts an event that was folded.
    pub(crate) fn advance(&mut self, position: u64, recorded_on: Option<Date>, outcome: Outcome) {
        self.progress.position = position;
        match outcome {
            Outcome::Effective => self.progress.effective += 1,
            Outcome::WithoutEffect => self.progress.without_effect += 1,
            Outcome::Duplicate => {
                self.progress.without_effect += 1;
                self.progress.duplicates += 1;
            }
        }
        // Days follow the order of positions: an event that comes late, or from a clock that is behind, belongs to the
        // day that the log had reached. What had no effect cannot move the day.
        if let Some(day) = recorded_on.filter(|_| outcome == Outcome::Effective) {
            let day = self.latest_day.map_or(day, |latest| latest.max(day));
            self.latest_day = Some(day);
            self.unsaved.days.insert(day, position);
        }
    }

    pub(crate) fn chain_moved(&mut self, event: &Event) {
        if !self.unsaved.chains.contains(&event.source) {
            self.unsaved.chains.insert(event.source.clone());
        }
    }

    /// Whether so much is unsaved that it should be saved now.
    pub(crate) fn is_full(&self) -> bool {
        self.cases.is_full() || self.accounts.is_full()
    }

    /// Writes what is unsaved, with the position, and makes it durable.
    pub fn commit(&mut self, registry: &Registry) -> Result<(), ModelError> {
        self.begin()?;
        let result = write::flush(self, registry);
        let result = result.and_then(|()| {
            self.connection().execute_batch("COMMIT").map_err(|error| self.database.fault(error).into())
        });
        match result {
            Ok(()) => {
                self.in_transaction = false;
                self.unsaved = Unsaved::default();
                if self.cases.is_full() {
                    self.cases.turn();
                }
                if self.accounts.is_full() {
                    self.accounts.turn();
                }
                self.database.watch_wal();
                Ok(())
            }
            Err(error) => {
                // The connection may have rolled back by itself already, as on a full disk.
                let _ = self.connection().execute_batch("ROLLBACK");
                self.in_transaction = false;
                Err(error)
            }
        }
    }

    fn begin(&mut self) -> Result<(), ModelError> {
        if !self.in_transaction {
            self.connection().execute_batch("BEGIN IMMEDIATE").map_err(|error| self.database.fault(error))?;
            self.in_transaction = true;
        }
        Ok(())
    }

    pub(crate) fn fault(&self, error: rusqlite::Error) -> ModelError {
        self.database.fault(error).into()
    }

    fn unreadable(&self, what: String, reason: CodecError) -> ModelError {
        ModelError::State { path: self.path().to_owned(), what, reason }
    }

    fn load_case(&self, id: CaseId) -> Result<Option<Box<CaseState>>, ModelError> {
        let bytes = self
            .connection()
            .prepare_cached("SELECT state FROM cases WHERE id = ?1")
            .and_then(|mut statement| statement.query_row([id.to_bytes()], |row| row.get::<_, Vec<u8>>(0)).optional())
            .map_err(|error| self.fault(error))?;
        let decoded = bytes.map(|bytes| decode(&bytes)).transpose();
        decoded.map(|case| case.map(Box::new)).map_err(|reason| self.unreadable(format!("the case {id}"), reason))
    }

    fn load_account(&self, unit: &UnitId) -> Result<Option<Box<AccountState>>, ModelError> {
        let bytes = self
            .connection()
            .prepare_cached("SELECT state FROM accounts WHERE unit = ?1")
            .and_then(|mut statement| {
                statement.query_row([unit.to_string()], |row| row.get::<_, Vec<u8>>(0)).optional()
            })
            .map_err(|error| self.fault(error))?;
        let decoded = bytes.map(|bytes| decode(&bytes)).transpose();
        decoded
            .map(|state| state.map(Box::new))
            .map_err(|reason| self.unreadable(format!("the account {unit}"), reason))
    }

    /// A copy of a case as it is in memory or in the file.
    pub fn case(&self, id: CaseId) -> Result<Option<Box<CaseState>>, ModelError> {
        self.cases.peek(&id).map_or_else(|| self.load_case(id), |case| Ok(Some(case.clone())))
    }

    /// A copy of an account as it is in memory or in the file.
    pub fn account(&self, unit: &UnitId) -> Result<Option<Box<AccountState>>, ModelError> {
        self.accounts.peek(unit).map_or_else(|| self.load_account(unit), |account| Ok(Some(account.clone())))
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Effective,
    WithoutEffect,
    Duplicate,
}

impl States for Store {
    type Error = ModelError;

    fn remember(&mut self, id: EventId, seen: Seen) -> Result<Option<Seen>, ModelError> {
        self.begin()?;
        let inserted = self
            .connection()
            .prepare_cached("INSERT OR IGNORE INTO event_ids (id, position, digest) VALUES (?1, ?2, ?3)")
            .and_then(|mut statement| {
                statement.execute(params![id.to_bytes(), seen.position.cast_signed(), seen.digest.0])
            })
            .map_err(|error| self.fault(error))?;
        if inserted == 1 { Ok(None) } else { self.seen(id) }
    }

    fn seen(&mut self, id: EventId) -> Result<Option<Seen>, ModelError> {
        self.connection()
            .prepare_cached("SELECT position, digest FROM event_ids WHERE id = ?1")
            .and_then(|mut statement| {
                let row = |row: &rusqlite::Row<'_>| {
                    Ok(Seen { position: row.get::<_, i64>(0)?.cast_unsigned(), digest: Digest(row.get(1)?) })
                };
                statement.query_row([id.to_bytes()], row).optional()
            })
            .map_err(|error| self.fault(error))
    }

    fn take_case(&mut self, id: CaseId) -> Result<Option<Box<CaseState>>, ModelError> {
        self.cases.take(&id).map_or_else(|| self.load_case(id), |case| Ok(Some(case)))
    }

    fn take_account(&mut self, unit: &UnitId) -> Result<Option<Box<AccountState>>, ModelError> {
        self.accounts.take(unit).map_or_else(|| self.load_account(unit), |account| Ok(Some(account)))
    }

    fn certificate(&mut self, id: CertificateId) -> Result<Option<Box<CertificateState>>, ModelError> {
        self.certificate_state(id)
    }

    fn cosigned_at(&mut self, size: u64) -> Result<Vec<Cosignature>, ModelError> {
        self.cosignatures_of(size)
    }

    fn largest_cosigned(&mut self, agency: &AgencyCode) -> Result<Option<LargestCosigned>, ModelError> {
        self.largest_cosignature(agency)
    }

    fn cosign(&mut self, cosignature: Cosignature) -> Result<(), ModelError> {
        self.enter_cosignature(cosignature)
    }

    fn put(&mut self, touched: Touched, changes: Option<Changes>) -> Result<(), ModelError> {
        let Touched { case, account, certificate } = touched;
        if let Some(changes) = changes {
            if let Some(certificate) = certificate.filter(|_| changes.certificate) {
                self.unsaved.certificates.insert(certificate.id, certificate);
            }
            if let Some(case) = &case {
                let changed = self.unsaved.cases.entry(case.id).or_default();
                changed.referrals.extend(changes.referrals);
                changed.feedback.extend(changes.feedback);
            }
            let changed = account.as_ref().filter(|_| changes.account);
            if let Some(account) = changed.filter(|account| !self.unsaved.accounts.contains(&account.unit)) {
                self.unsaved.accounts.insert(account.unit.clone());
            }
            self.unsaved.entries.extend(changes.entries);
        }
        if let Some(case) = case {
            self.cases.put(case.id, case);
        }
        if let Some(account) = account {
            self.accounts.put(account.unit.clone(), account);
        }
        Ok(())
    }

    fn note(&mut self, anomaly: Anomaly) -> Result<(), ModelError> {
        self.unsaved.anomalies.push(anomaly);
        Ok(())
    }

    fn registry_changed(&mut self) {
        self.unsaved.registry = true;
    }
}

/// Makes a new file. A write-ahead file left beside a deleted read model must never be taken for the new one's: the
/// model can be drawn again, so the leftover goes.
fn create(path: &Path) -> Result<Database, ModelError> {
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut leftover = path.as_os_str().to_owned();
        leftover.push(suffix);
        match std::fs::remove_file(&leftover) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(fengsui_log::StorageError::io(Path::new(&leftover), error).into());
            }
            _ => {}
        }
    }
    Ok(Database::create(&MODEL, path)?)
}

pub(crate) fn same_exchange(stored: Registry, genesis: &Registry) -> Result<Registry, ModelError> {
    let name = |registry: &Registry| format!("region {} under {}", registry.region, registry.authority);
    let trusts = |registry: &Registry| genesis.keys.keys().all(|keyid| registry.keys.contains_key(keyid));
    if stored.region == genesis.region && stored.authority == genesis.authority && trusts(&stored) {
        Ok(stored)
    } else {
        Err(ModelError::ForeignExchange { found: name(&stored), expected: name(genesis) })
    }
}

/// The stored progress and registry; nothing before the first commit.
pub(crate) fn load_progress(connection: &Connection, path: &Path) -> Result<(Progress, Option<Registry>), ModelError> {
    let fault = |error| ModelError::Storage(fengsui_log::StorageError::sqlite(&MODEL, path, error));
    let sql = "SELECT position, effective, without_effect, duplicates, registry FROM progress";
    let row = connection
        .query_row(sql, [], |row| {
            let number = |index| row.get::<_, i64>(index).map(i64::cast_unsigned);
            let progress = Progress {
                position: number(0)?,
                effective: number(1)?,
                without_effect: number(2)?,
                duplicates: number(3)?,
            };
            Ok((progress, row.get::<_, Vec<u8>>(4)?))
        })
        .optional()
        .map_err(fault)?;
    let Some((progress, bytes)) = row else { return Ok((Progress::default(), None)) };
    let unreadable = |what: &str, reason| ModelError::State { path: path.to_owned(), what: what.to_owned(), reason };
    let mut registry: Registry = decode(&bytes).map_err(|reason| unreadable("the registry", reason))?;
    let mut statement = connection.prepare("SELECT source, state FROM sources").map_err(fault)?;
    let mut rows = statement.query([]).map_err(fault)?;
    while let Some(row) = rows.next().map_err(fault)? {
        let (source, state): (String, Vec<u8>) = (row.get(0).map_err(fault)?, row.get(1).map_err(fault)?);
        let chain: Chain = decode(&state).map_err(|reason| unreadable(&format!("the chain of {source}"), reason))?;
        let source = source.parse().map_err(|error: fengsui_event::EnvelopeError| {
            unreadable("a source", CodecError::Unreadable(error.to_string()))
        })?;
        registry.chains.insert(source, chain);
    }
    Ok((progress, Some(registry)))
}
