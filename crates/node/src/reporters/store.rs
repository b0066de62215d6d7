//! The file in which sealed identities lie, with everybody who ever opened one.

use std::path::Path;

use fengsui_event::{AgencyCode, CaseId, Timestamp};
use fengsui_log::StorageError;
use fengsui_log::storage::Database;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::Serialize;

use super::{
    OfficerIdentity, OfficerKey, PublicReference, REPORTERS_FILE, Reporter, ReporterError, ReportersConfig, Sealed,
    store_file,
};

/// Longest name of an officer.
const NAME_CHARACTERS_MAX: usize = 64;

/// What stands in the list of openings in place of a reason that would have given the reporter away.
const REASON_WITHHELD: &str = "(withheld: it held part of the identity)";

/// A node's store of sealed identities.
#[derive(Debug)]
pub struct ReporterStore {
    database: Database,
}

/// An officer who may learn who reported.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Officer {
    /// Whose.
    pub agency: AgencyCode,
    /// His name or post.
    pub name: String,
    /// His public key.
    pub key: String,
    /// Since when.
    pub added_at: Timestamp,
    /// Until when.
    pub removed_at: Option<Timestamp>,
}

/// A public report, without its reporter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// Its reference.
    pub reference: PublicReference,
    /// Who received it.
    pub agency: AgencyCode,
    /// When.
    pub received_at: Timestamp,
    /// Whether no identity was given.
    pub anonymous: bool,
    /// The case that it became, where known.
    pub case: Option<CaseId>,
    /// How many officers can open it.
    pub officers: u64,
}

/// Why an identity was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OpeningPurpose {
    /// To be shown.
    Show,
    /// To be sealed to another officer.
    Reseal,
}

/// How an attempt to open ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OpeningOutcome {
    /// It was opened.
    Opened,
    /// It was refused.
    Refused,
}

/// One opening of an identity, or an attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Opening {
    /// Number, from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Of which report.
    pub reference: PublicReference,
    /// Who received the report.
    pub agency: AgencyCode,
    /// The officer; none when the identity file was nobody's.
    pub officer: Option<String>,
    /// The public key that belongs to the identity file.
    pub key: String,
    /// What for.
    pub purpose: OpeningPurpose,
    /// How it ended.
    pub outcome: OpeningOutcome,
    /// What the officer gave as his reason.
    pub reason: String,
}

/// What an officer's removal did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Removed {
    /// Boxes of his that were erased.
    pub boxes: usize,
}

/// Who opens, why, and when.
#[derive(Clone, Copy)]
struct Asked<'a> {
    identity: &'a OfficerIdentity,
    reason: &'a str,
    purpose: OpeningPurpose,
    now: Timestamp,
}

impl ReporterStore {
    /// Opens the store of a node's folder to write, or makes it, with mode 0600.
    pub fn open_or_create(root: &Path) -> Result<Self, ReporterError> {
        let path = store_file(root);
        let database = match Database::open_writer(&REPORTERS_FILE, &path) {
            Err(StorageError::NotFound { .. }) => {
                let database = Database::create(&REPORTERS_FILE, &path)?;
                close_to_others(&path)?;
                database
            }
            opened => opened?,
        };
        let store = Self { database };
        // What is erased is overwritten, and does not wait in free pages.
        store.run(|connection| connection.pragma_update(None, "secure_delete", true))?;
        Ok(store)
    }

    /// Opens the store of a node's folder to read.
    pub fn open_reader(root: &Path) -> Result<Self, ReporterError> {
        Ok(Self { database: Database::open_reader(&REPORTERS_FILE, &store_file(root))? })
    }

    /// Registers an officer by his public key. What was received before is not sealed to him; see [`Self::reseal`].
    pub fn add_officer(
        &mut self,
        agency: AgencyCode,
        name: &str,
        key: &OfficerKey,
        now: Timestamp,
    ) -> Result<(), ReporterError> {
        let characters = name.chars().count();
        if !(1..=NAME_CHARACTERS_MAX).contains(&characters) || name.chars().any(char::is_control) {
            return Err(ReporterError::OfficerName);
        }
        if self.officers(agency)?.iter().any(|officer| officer.name == name && officer.removed_at.is_none()) {
            return Err(ReporterError::OfficerExists { agency, name: name.to_owned() });
        }
        let holder = |connection: &Connection| {
            let sql = "SELECT name FROM officers WHERE key = ?1";
            connection.query_row(sql, [key.as_str()], |row| row.get(0)).optional()
        };
        if let Some(name) = self.run(holder)? {
            return Err(ReporterError::KeyInUse { name });
        }
        self.run(|connection| {
            connection.execute(
                "INSERT INTO officers (key, agency, name, added_at) VALUES (?1, ?2, ?3, ?4)",
                params![key.as_str(), agency.to_string(), name, now.to_string()],
            )
        })?;
        Ok(())
    }

    /// Takes an officer off the list and erases what was sealed to him.
    ///
    /// Errors: [`ReporterError::OnlyOfficer`] when that would leave an identity that nobody can open.
    pub fn remove_officer(&mut self, agency: AgencyCode, name: &str, now: Timestamp) -> Result<Removed, ReporterError> {
        let officers = self.officers(agency)?;
        let officer = officers.iter().find(|officer| officer.name == name && officer.removed_at.is_none());
        let key = officer.ok_or_else(|| ReporterError::UnknownOfficer { agency, name: name.to_owned() })?.key.clone();
        let only_his: i64 = self.run(|connection| {
            connection.query_row(
                "SELECT count(*) FROM sealed s WHERE key = ?1
                   AND NOT EXISTS (SELECT 1 FROM sealed o WHERE o.reference = s.reference AND o.key <> ?1)",
                [&key],
                |row| row.get(0),
            )
        })?;
        if only_his > 0 {
            let reports = usize::try_from(only_his).unwrap_or_default();
            return Err(ReporterError::OnlyOfficer { agency, name: name.to_owned(), reports });
        }
        let boxes = self.transaction(|transaction| {
            let sql = "UPDATE officers SET removed_at = ?2 WHERE key = ?1";
            transaction.execute(sql, params![key, now.to_string()])?;
            transaction.execute("DELETE FROM sealed WHERE key = ?1", [&key])
        })?;
        Ok(Removed { boxes })
    }

    /// The officers of an agency, removed ones included, in order of registration.
    pub fn officers(&self, agency: AgencyCode) -> Result<Vec<Officer>, ReporterError> {
        let sql =
            "SELECT key, agency, name, added_at, removed_at FROM officers WHERE agency = ?1 ORDER BY added_at, name";
        self.all(sql, [agency.to_string()], |row| {
            Ok(Officer {
                key: row.get(0)?,
                agency: parsed(row, 1)?,
                name: row.get(2)?,
                added_at: parsed(row, 3)?,
                removed_at: row.get::<_, Option<String>>(4)?.map(|_| parsed(row, 4)).transpose()?,
            })
        })
    }

    /// Takes a public report in: its identity is sealed to every officer of the agency and on the disk when this returns.
    ///
    /// Errors: [`ReporterError::TooFewOfficers`] when an identity is given and nobody could open it.
    pub fn receive(
        &mut self,
        agency: AgencyCode,
        reporter: Option<&Reporter>,
        config: &ReportersConfig,
        now: Timestamp,
    ) -> Result<PublicReference, ReporterError> {
        let reference = PublicReference::random()?;
        let mut boxes = Vec::new();
        if let Some(reporter) = reporter {
            let officers = self.current_keys(agency)?;
            if officers.is_empty() || officers.len() < usize::from(config.officers_min) {
                let (found, needed) = (officers.len(), config.officers_min.max(1));
                return Err(ReporterError::TooFewOfficers { agency, found, needed });
            }
            for key in officers {
                boxes.push((reporter.seal(reference, &key)?, key));
            }
        }
        self.transaction(|transaction| {
            transaction.execute(
                "INSERT INTO reports (reference, agency, received_at, anonymous) VALUES (?1, ?2, ?3, ?4)",
                params![reference.to_bytes(), agency.to_string(), now.to_string(), reporter.is_none()],
            )?;
            boxes.iter().try_for_each(|(sealed, key)| insert_box(transaction, reference, key, sealed))
        })?;
        Ok(reference)
    }

    /// Notes which case a report became.
    pub fn note_case(&mut self, reference: PublicReference, case: CaseId) -> Result<(), ReporterError> {
        let sql = "UPDATE reports SET case_id = ?2 WHERE reference = ?1";
        self.run(|connection| connection.execute(sql, params![reference.to_bytes(), case.to_bytes()]))?;
        Ok(())
    }

    /// Erases a report that became no event, because the desk refused it.
    pub fn withdraw(&mut self, reference: PublicReference) -> Result<(), ReporterError> {
        self.transaction(|transaction| {
            transaction.execute("DELETE FROM sealed WHERE reference = ?1", [reference.to_bytes()])?;
            transaction.execute("DELETE FROM reports WHERE reference = ?1 AND case_id IS NULL", [reference.to_bytes()])
        })?;
        Ok(())
    }

    /// Opens the identity of a report. Who opened it, when and why is on the disk before this returns; so is an attempt that is refused.
    pub fn open(
        &mut self,
        reference: PublicReference,
        identity: &OfficerIdentity,
        reason: &str,
        now: Timestamp,
    ) -> Result<Reporter, ReporterError> {
        let report = self.report(reference)?.ok_or(ReporterError::UnknownReference { reference })?;
        if reason.trim().is_empty() {
            return Err(ReporterError::NoReason);
        }
        self.open_report(&report, Asked { identity, reason, purpose: OpeningPurpose::Show, now })
    }

    /// Seals every identity that this officer can open to the agency's other officers who cannot yet. Each one is an opening. Returns
    /// how many boxes were made.
    pub fn reseal(
        &mut self,
        agency: AgencyCode,
        identity: &OfficerIdentity,
        reason: &str,
        now: Timestamp,
    ) -> Result<usize, ReporterError> {
        if reason.trim().is_empty() {
            return Err(ReporterError::NoReason);
        }
        let officers = self.current_keys(agency)?;
        let mut made = 0;
        for report in self.reports(Some(agency))?.into_iter().filter(|report| !report.anonymous) {
            let reference = report.reference;
            let sql = "SELECT key FROM sealed WHERE reference = ?1";
            let have: Vec<String> = self.all(sql, [reference.to_bytes()], |row| row.get(0))?;
            let lacking: Vec<&OfficerKey> =
                officers.iter().filter(|key| !have.iter().any(|held| held == key.as_str())).collect();
            if lacking.is_empty() {
                continue;
            }
            let asked = Asked { identity, reason, purpose: OpeningPurpose::Reseal, now };
            let reporter = self.open_report(&report, asked)?;
            let boxes = lacking.iter().map(|key| Ok((reporter.seal(reference, key)?, *key)));
            let boxes = boxes.collect::<Result<Vec<_>, ReporterError>>()?;
            self.transaction(|transaction| {
                boxes.iter().try_for_each(|(sealed, key)| insert_box(transaction, reference, key, sealed))
            })?;
            made += boxes.len();
        }
        Ok(made)
    }

    /// Public reports in order of receipt: of one agency, or of all.
    pub fn reports(&self, agency: Option<AgencyCode>) -> Result<Vec<Report>, ReporterError> {
        let sql = format!("{REPORTS_SQL} WHERE ?1 IS NULL OR agency = ?1 ORDER BY received_at, reference");
        self.all(&sql, [agency.map(|agency| agency.to_string())], report_row)
    }

    /// One public report.
    pub fn report(&self, reference: PublicReference) -> Result<Option<Report>, ReporterError> {
        Ok(self.all(&format!("{REPORTS_SQL} WHERE reference = ?1"), [reference.to_bytes()], report_row)?.pop())
    }

    /// Openings and attempts in order: of one report, or of all.
    pub fn openings(&self, reference: Option<PublicReference>) -> Result<Vec<Opening>, ReporterError> {
        let sql = "SELECT number, at, reference, agency, officer, key, purpose, outcome, reason FROM openings
                   WHERE ?1 IS NULL OR reference = ?1 ORDER BY number";
        self.all(sql, [reference.map(PublicReference::to_bytes)], opening_row)
    }

    fn open_report(&mut self, report: &Report, asked: Asked<'_>) -> Result<Reporter, ReporterError> {
        let (reference, agency) = (report.reference, report.agency);
        let key = asked.identity.public();
        let officers = self.officers(agency)?;
        let officer = officers.into_iter().find(|it| it.key == key.as_str() && it.removed_at.is_none());
        let Some(Officer { name, .. }) = officer else {
            self.record(report, None, asked, OpeningOutcome::Refused, asked.reason)?;
            return Err(ReporterError::NotAnOfficer { agency, reference });
        };
        if report.anonymous {
            return Err(ReporterError::Anonymous { reference });
        }
        let sealed = self.sealed(reference, key)?;
        let Some(reporter) = sealed.and_then(|sealed| sealed.open(reference, asked.identity)) else {
            self.record(report, Some(&name), asked, OpeningOutcome::Refused, asked.reason)?;
            return Err(ReporterError::NotSealedTo { reference, name });
        };
        // The list of openings is read by more people than the identity.
        if let Some(field) = reporter.given_away_by(asked.reason) {
            self.record(report, Some(&name), asked, OpeningOutcome::Refused, REASON_WITHHELD)?;
            return Err(ReporterError::GivenAway { text: "reason", field });
        }
        self.record(report, Some(&name), asked, OpeningOutcome::Opened, asked.reason)?;
        Ok(reporter)
    }

    fn record(
        &mut self,
        report: &Report,
        officer: Option<&str>,
        asked: Asked<'_>,
        outcome: OpeningOutcome,
        reason: &str,
    ) -> Result<(), ReporterError> {
        let purpose = match asked.purpose {
            OpeningPurpose::Show => "show",
            OpeningPurpose::Reseal => "reseal",
        };
        let outcome = match outcome {
            OpeningOutcome::Opened => "opened",
            OpeningOutcome::Refused => "refused",
        };
        let (reference, agency, key) =
            (report.reference.to_bytes(), report.agency.to_string(), asked.identity.public());
        self.run(|connection| {
            connection.execute(
                "INSERT INTO openings (at, reference, agency, officer, key, purpose, outcome, reason)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![asked.now.to_string(), reference, agency, officer, key.as_str(), purpose, outcome, reason],
            )
        })?;
        Ok(())
    }

    fn sealed(&self, reference: PublicReference, key: &OfficerKey) -> Result<Option<Sealed>, ReporterError> {
        let sql = "SELECT sender, box FROM sealed WHERE reference = ?1 AND key = ?2";
        let read = |row: &Row<'_>| Ok(Sealed { sender: row.get(0)?, bytes: row.get(1)? });
        Ok(self.all(sql, params![reference.to_bytes(), key.as_str()], read)?.pop())
    }

    fn current_keys(&self, agency: AgencyCode) -> Result<Vec<OfficerKey>, ReporterError> {
        let unreadable = |_| self.row("an officer's key");
        let officers = self.officers(agency)?.into_iter().filter(|officer| officer.removed_at.is_none());
        officers.map(|officer| officer.key.parse().map_err(unreadable)).collect()
    }

    fn row(&self, detail: &'static str) -> ReporterError {
        ReporterError::Row { path: self.database.path().to_owned(), detail }
    }

    fn run<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReporterError> {
        Ok(work(self.database.connection()).map_err(|error| self.database.fault(error))?)
    }

    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, ReporterError> {
        Ok(self.database.transaction(work)?)
    }

    fn all<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ReporterError> {
        self.run(|connection| connection.prepare_cached(sql)?.query_map(values, read)?.collect())
    }
}

const REPORTS_SQL: &str = "SELECT reference, agency, received_at, anonymous, case_id,
                             (SELECT count(*) FROM sealed s WHERE s.reference = reports.reference) FROM reports";

fn report_row(row: &Row<'_>) -> rusqlite::Result<Report> {
    Ok(Report {
        reference: PublicReference::from_bytes(row.get(0)?),
        agency: parsed(row, 1)?,
        received_at: parsed(row, 2)?,
        anonymous: row.get(3)?,
        case: row.get::<_, Option<[u8; 16]>>(4)?.map(CaseId::from_bytes),
        officers: row.get::<_, i64>(5)?.cast_unsigned(),
    })
}

fn opening_row(row: &Row<'_>) -> rusqlite::Result<Opening> {
    let is = |index, wanted: &str| row.get_ref(index).and_then(|value| Ok(value.as_str()? == wanted));
    Ok(Opening {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        at: parsed(row, 1)?,
        reference: PublicReference::from_bytes(row.get(2)?),
        agency: parsed(row, 3)?,
        officer: row.get(4)?,
        key: row.get(5)?,
        purpose: if is(6, "show")? { OpeningPurpose::Show } else { OpeningPurpose::Reseal },
        outcome: if is(7, "opened")? { OpeningOutcome::Opened } else { OpeningOutcome::Refused },
        reason: row.get(8)?,
    })
}

fn insert_box(
    transaction: &Transaction<'_>,
    reference: PublicReference,
    key: &OfficerKey,
    sealed: &Sealed,
) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO sealed (reference, key, sender, box) VALUES (?1, ?2, ?3, ?4)",
        params![reference.to_bytes(), key.as_str(), sealed.sender, sealed.bytes],
    )?;
    Ok(())
}

/// Reads a text column as one of the domain's types.
fn parsed<T>(row: &Row<'_>, index: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text = row.get_ref(index)?.as_str()?;
    text.parse()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, Box::new(error)))
}

fn close_to_others(path: &Path) -> Result<(), ReporterError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .map_err(|source| ReporterError::Io { path: path.to_owned(), source })?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
