//! Which evidence is named where, who must still get it, and what this node must still fetch.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use fengsui_event::{AgencyCode, CaseId, Digest, Event, EventId, Timestamp};
use fengsui_log::storage::Database;
use fengsui_log::{Embedded, EventLog as _, Position, StorageError};
use fengsui_projector::Registry;
use fengsui_projector::query::View;
use fengsui_projector::state::CaseState;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::Serialize;

use super::access::is_of_interest;
use super::{EVIDENCE_FILE, EvidenceError, EvidenceStore, ledger_file, may_see, named_in};

/// Records that are read before what they say is written down.
const FOLLOW_RECORDS: u64 = 4_096;

/// Seconds after which evidence that was not there is asked for again; doubled each time.
const RETRY_SECONDS: i64 = 5;

/// Longest time between two attempts, in seconds.
const RETRY_SECONDS_MAX: i64 = 3_600;

/// A node's list of evidence. It can be drawn from the log again; only what was shared already is then not known.
#[derive(Debug)]
pub struct EvidenceLedger {
    database: Database,
}

/// Evidence that an event names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Mention {
    /// SHA-256 of the content.
    pub sha256: Digest,
    /// What it is, as its event says.
    pub media_type: String,
    /// In which case.
    pub case: CaseId,
    /// By which event.
    pub event: EventId,
    /// Position of that event.
    pub position: u64,
    /// Who named it, and so has it.
    pub agency: AgencyCode,
    /// Which of its nodes.
    pub node: u16,
}

/// An object in the own bucket that is not what its name says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Refusal {
    /// The name.
    pub sha256: Digest,
    /// The upload.
    pub object: String,
    /// What is wrong with it.
    pub reason: String,
    /// When it was found.
    pub refused_at: Timestamp,
}

/// How much waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counts {
    /// Uploads that are to be made.
    pub to_share: u64,
    /// Evidence that is to be fetched.
    pub to_fetch: u64,
    /// Objects that were refused.
    pub refused: u64,
}

/// An upload that is to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Share {
    pub number: i64,
    pub sha256: Digest,
    pub agency: AgencyCode,
    /// Name of the upload, if it was begun.
    pub object: Option<String>,
}

/// For whom a node acts, and by which registry.
#[derive(Clone, Copy)]
pub(super) struct Party<'a> {
    pub registry: &'a Registry,
    pub own: &'a BTreeSet<AgencyCode>,
}

impl Party<'_> {
    /// Whether an agency takes part now. The authority always does.
    pub fn takes_part(&self, agency: AgencyCode) -> bool {
        agency == self.registry.authority || self.registry.is_active(&agency)
    }

    /// Whether one of the node's own agencies may see a case.
    pub fn may_see(&self, case: &CaseState) -> bool {
        may_see(case, self.registry.authority).iter().any(|agency| self.own.contains(agency))
    }
}

impl EvidenceLedger {
    /// Opens the list of a node's folder to write, or makes it.
    pub fn open_or_create(root: &Path) -> Result<Self, EvidenceError> {
        let path = ledger_file(root);
        let database = match Database::open_writer(&EVIDENCE_FILE, &path) {
            Err(StorageError::NotFound { .. }) => Database::create(&EVIDENCE_FILE, &path)?,
            opened => opened?,
        };
        Ok(Self { database })
    }

    /// Opens the list of a node's folder to read.
    pub fn open_reader(root: &Path) -> Result<Self, EvidenceError> {
        Ok(Self { database: Database::open_reader(&EVIDENCE_FILE, &ledger_file(root))? })
    }

    /// How much waits.
    pub fn counts(&self) -> Result<Counts, EvidenceError> {
        let count = |sql: &str| self.run(|connection| connection.query_row(sql, (), |row| row.get::<_, i64>(0)));
        Ok(Counts {
            to_share: count("SELECT count(*) FROM shares WHERE shared_at IS NULL")?.cast_unsigned(),
            to_fetch: count("SELECT count(*) FROM wanted")?.cast_unsigned(),
            refused: count("SELECT count(*) FROM refusals")?.cast_unsigned(),
        })
    }

    /// Where a content is named.
    pub fn mentions(&self, sha256: Digest) -> Result<Vec<Mention>, EvidenceError> {
        self.all(&format!("{MENTIONS_SQL} WHERE sha256 = ?1 ORDER BY position"), [sha256.0], mention_row)
    }

    /// What is named in a case.
    pub fn mentions_in(&self, case: CaseId) -> Result<Vec<Mention>, EvidenceError> {
        self.all(
            &format!("{MENTIONS_SQL} WHERE case_id = ?1 ORDER BY position, sha256"),
            [case.to_bytes()],
            mention_row,
        )
    }

    /// Everything that is named, in order of position, one by one.
    pub fn each_mention<E: From<EvidenceError>>(
        &self,
        mut visit: impl FnMut(Mention) -> Result<(), E>,
    ) -> Result<(), E> {
        let fault = |error| E::from(EvidenceError::from(self.database.fault(error)));
        let sql = format!("{MENTIONS_SQL} ORDER BY position, sha256");
        let mut statement = self.database.connection().prepare_cached(&sql).map_err(fault)?;
        let mut rows = statement.query(()).map_err(fault)?;
        while let Some(row) = rows.next().map_err(fault)? {
            visit(mention_row(row).map_err(fault)?)?;
        }
        Ok(())
    }

    /// Objects in the own bucket that were refused.
    pub fn refusals(&self) -> Result<Vec<Refusal>, EvidenceError> {
        let sql = "SELECT sha256, object, reason, refused_at FROM refusals ORDER BY refused_at, sha256, object";
        self.all(sql, (), |row| {
            Ok(Refusal {
                sha256: Digest(row.get(0)?),
                object: row.get(1)?,
                reason: row.get(2)?,
                refused_at: parsed(row, 3)?,
            })
        })
    }

    /// Makes every upload again, for a broker that has lost what it had. Returns how many there are.
    pub fn share_again(&mut self) -> Result<usize, EvidenceError> {
        let sql = "UPDATE shares SET shared_at = NULL, object = NULL WHERE shared_at IS NOT NULL";
        self.run(|connection| connection.execute(sql, ()))
    }

    /// Reads the log as far as the tables know it, and notes what is named, what must be shared and what must be fetched. Returns the position
    /// up to which it is read.
    pub fn follow(
        &mut self,
        view: View<'_>,
        log: &Embedded,
        store: &EvidenceStore,
        registry: &Registry,
        own: &BTreeSet<AgencyCode>,
    ) -> Result<u64, EvidenceError> {
        Ok(self.follow_some(view, log, store, Party { registry, own }, u64::MAX)?.0)
    }

    /// The same for at most so many records, so that the caller can be stopped in between. Also says whether more is to be read.
    pub(super) fn follow_some(
        &mut self,
        view: View<'_>,
        log: &Embedded,
        store: &EvidenceStore,
        party: Party<'_>,
        records_max: u64,
    ) -> Result<(u64, bool), EvidenceError> {
        // An event has had its effect only once it is in the tables.
        let head = view.progress()?.0.position;
        let mut read = self.read_up_to(log)?;
        let until = head.min(read.saturating_add(records_max));
        while read < until {
            let (from, last) = (read + 1, until.min(read + FOLLOW_RECORDS));
            let (Some(first), Some(end)) = (Position::new(from), Position::new(last)) else { break };
            let mut events = Vec::new();
            let mut last_id = None;
            let shown = log.scan(first, Some(end), &mut |position, record| {
                last_id = Some(record.id);
                if is_of_interest(record.subject)
                    && let Ok(event) = Event::parse(record.bytes)
                {
                    events.push((position.get(), event));
                }
                ControlFlow::Continue(())
            })?;
            let (Some(shown), Some(last_id)) = (shown, last_id) else { break };
            self.note_events(view, store, party, &events, (shown, last_id))?;
            read = shown.get();
        }
        Ok((read, read < head))
    }

    /// The position up to which this log was read; 0 when it was another one.
    fn read_up_to(&self, log: &Embedded) -> Result<u64, EvidenceError> {
        let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?.cast_unsigned(), EventId::from_bytes(row.get(1)?)));
        let progress =
            self.run(|connection| connection.query_row("SELECT position, event_id FROM progress", (), row).optional())?;
        let Some((position, id)) = progress else { return Ok(0) };
        let Some(at) = Position::new(position) else { return Ok(0) };
        let stands = log.read(at, 1)?.first().is_some_and(|stored| stored.position == at && stored.record.id == id);
        Ok(if stands { position } else { 0 })
    }

    fn note_events(
        &mut self,
        view: View<'_>,
        store: &EvidenceStore,
        party: Party<'_>,
        events: &[(u64, Event)],
        (shown, last_id): (Position, EventId),
    ) -> Result<(), EvidenceError> {
        let mut named = Vec::new();
        let mut touched = Vec::new();
        let mut ids = BTreeSet::new();
        for (position, event) in events {
            let Some(case_id) = event.correlation else { continue };
            let has_evidence = !named_in(event).is_empty();
            if !has_evidence && !self.is_named_in(case_id)? && !ids.contains(&case_id) {
                continue;
            }
            // What had no effect names nothing: anybody could have put it on the log.
            let Some(case) = view.case(case_id)?.filter(|case| case.history.binary_search(position).is_ok()) else {
                continue;
            };
            named.extend(named_in(event).iter().map(|evidence| Mention {
                sha256: evidence.sha256,
                media_type: evidence.media_type.clone(),
                case: case_id,
                event: event.id,
                position: *position,
                agency: event.source.agency,
                node: event.source.node,
            }));
            if ids.insert(case_id) {
                touched.push(case);
            }
        }
        let with_own = store.config().share_with_own;
        self.transaction(|transaction| {
            named.iter().try_for_each(|mention| insert_mention(transaction, mention))?;
            for case in &touched {
                let mentions = collect(
                    transaction,
                    &format!("{MENTIONS_SQL} WHERE case_id = ?1"),
                    [case.id.to_bytes()],
                    mention_row,
                )?;
                queue(transaction, case, &mentions, party, with_own, &|sha256| store.holds(sha256))?;
            }
            let sql = "INSERT INTO progress (id, position, event_id) VALUES (1, ?1, ?2)
                       ON CONFLICT (id) DO UPDATE SET position = excluded.position, event_id = excluded.event_id";
            transaction.execute(sql, params![shown.get().cast_signed(), last_id.to_bytes()])
        })?;
        Ok(())
    }

    fn is_named_in(&self, case: CaseId) -> Result<bool, EvidenceError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM mentions WHERE case_id = ?1)";
        self.run(|connection| connection.prepare_cached(sql)?.query_row([case.to_bytes()], |row| row.get(0)))
    }

    /// Uploads that are to be made, after a number.
    pub(super) fn shares_after(&self, number: i64, most: u32) -> Result<Vec<Share>, EvidenceError> {
        let sql = "SELECT number, sha256, agency, object FROM shares WHERE shared_at IS NULL AND number > ?1
                   ORDER BY number LIMIT ?2";
        self.all(sql, params![number, most], |row| {
            Ok(Share { number: row.get(0)?, sha256: Digest(row.get(1)?), agency: parsed(row, 2)?, object: row.get(3)? })
        })
    }

    pub(super) fn begin_share(&self, number: i64, object: &str) -> Result<(), EvidenceError> {
        let sql = "UPDATE shares SET object = ?2 WHERE number = ?1";
        self.run(|connection| connection.execute(sql, params![number, object]))?;
        Ok(())
    }

    pub(super) fn end_share(&self, number: i64, now: Timestamp) -> Result<(), EvidenceError> {
        let sql = "UPDATE shares SET shared_at = ?2 WHERE number = ?1";
        self.run(|connection| connection.execute(sql, params![number, now.to_string()]))?;
        Ok(())
    }

    pub(super) fn drop_share(&self, number: i64) -> Result<(), EvidenceError> {
        self.run(|connection| connection.execute("DELETE FROM shares WHERE number = ?1", [number]))?;
        Ok(())
    }

    /// Evidence whose turn it is to be fetched, with how often that was tried.
    pub(super) fn wanted(&self, now: Timestamp, most: u32) -> Result<Vec<(Digest, u32)>, EvidenceError> {
        let sql = "SELECT sha256, tries FROM wanted WHERE next_at <= ?1 ORDER BY next_at, sha256 LIMIT ?2";
        self.all(sql, params![now.as_second(), most], |row| Ok((Digest(row.get(0)?), row.get(1)?)))
    }

    pub(super) fn postpone(&self, sha256: Digest, tries: u32, now: Timestamp) -> Result<(), EvidenceError> {
        let next_at = now.as_second().saturating_add(retry_after(tries));
        let sql = "UPDATE wanted SET tries = ?2, next_at = ?3 WHERE sha256 = ?1";
        self.run(|connection| connection.execute(sql, params![sha256.0, tries.saturating_add(1), next_at]))?;
        Ok(())
    }

    pub(super) fn no_longer_wanted(&self, sha256: Digest) -> Result<(), EvidenceError> {
        self.run(|connection| connection.execute("DELETE FROM wanted WHERE sha256 = ?1", [sha256.0]))?;
        Ok(())
    }

    /// Uploads under a name that were refused before.
    pub(super) fn refused_objects(&self, sha256: Digest) -> Result<Vec<String>, EvidenceError> {
        self.all("SELECT object FROM refusals WHERE sha256 = ?1", [sha256.0], |row| row.get(0))
    }

    pub(super) fn note_refusal(
        &self,
        sha256: Digest,
        object: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), EvidenceError> {
        let sql = "INSERT INTO refusals (sha256, object, reason, refused_at) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO NOTHING";
        self.run(|connection| connection.execute(sql, params![sha256.0, object, reason, now.to_string()]))?;
        Ok(())
    }

    fn run<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, EvidenceError> {
        Ok(work(self.database.connection()).map_err(|error| self.database.fault(error))?)
    }

    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, EvidenceError> {
        Ok(self.database.transaction(work)?)
    }

    fn all<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, EvidenceError> {
        self.run(|connection| collect(connection, sql, values, read))
    }
}

/// Seconds until the next attempt after so many that found nothing.
fn retry_after(tries: u32) -> i64 {
    RETRY_SECONDS.saturating_mul(1_i64.checked_shl(tries.min(32)).unwrap_or(i64::MAX)).min(RETRY_SECONDS_MAX)
}

const MENTIONS_SQL: &str = "SELECT sha256, media_type, case_id, event_id, position, agency, node FROM mentions";

fn mention_row(row: &Row<'_>) -> rusqlite::Result<Mention> {
    Ok(Mention {
        sha256: Digest(row.get(0)?),
        media_type: row.get(1)?,
        case: CaseId::from_bytes(row.get(2)?),
        event: EventId::from_bytes(row.get(3)?),
        position: row.get::<_, i64>(4)?.cast_unsigned(),
        agency: parsed(row, 5)?,
        node: row.get(6)?,
    })
}

fn insert_mention(transaction: &Transaction<'_>, mention: &Mention) -> rusqlite::Result<()> {
    let Mention { sha256, media_type, case, event, position, agency, node } = mention;
    let sql = "INSERT INTO mentions (sha256, case_id, event_id, position, agency, node, media_type)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT (sha256, case_id, event_id) DO UPDATE SET position = excluded.position";
    let (case, event, position) = (case.to_bytes(), event.to_bytes(), position.cast_signed());
    let values = params![sha256.0, case, event, position, agency.to_string(), node, media_type];
    transaction.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Notes what follows from a case: whoever named evidence shares it with all who may see the case, and whoever may see it fetches it.
/// Only the one who named it shares it. Otherwise an agency that knows a hash from the log could name it in a case of its own, and
/// whoever else has the file would send it there.
fn queue(
    transaction: &Transaction<'_>,
    case: &CaseState,
    mentions: &[Mention],
    party: Party<'_>,
    with_own: bool,
    holds: &dyn Fn(Digest) -> bool,
) -> rusqlite::Result<()> {
    let seen_by = may_see(case, party.registry.authority);
    for mention in mentions {
        let is_own = party.own.contains(&mention.agency);
        if is_own {
            let others = seen_by.iter().filter(|agency| with_own || !party.own.contains(*agency));
            for agency in others {
                let sql = "INSERT INTO shares (sha256, agency) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
                transaction.prepare_cached(sql)?.execute(params![mention.sha256.0, agency.to_string()])?;
            }
        }
        if (with_own || !is_own) && party.may_see(case) && !holds(mention.sha256) {
            let sql = "INSERT INTO wanted (sha256, tries, next_at) VALUES (?1, 0, 0)
                       ON CONFLICT (sha256) DO UPDATE SET tries = 0, next_at = 0";
            transaction.prepare_cached(sql)?.execute([mention.sha256.0])?;
        }
    }
    Ok(())
}

fn collect<T>(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(values, read)?.collect()
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

#[cfg(test)]
mod tests {
    use super::retry_after;

    #[test]
    fn what_is_not_there_is_asked_for_less_and_less_often() {
        assert_eq!([0, 1, 2, 9, 10, 40, u32::MAX].map(retry_after), [5, 10, 20, 2_560, 3_600, 3_600, 3_600]);
    }
}
