//! Drawing up a certificate of what the tables, the log and its tree say now.

use std::collections::{BTreeMap, BTreeSet};

use fengsui_event::{AgencyCode, CertificateId, Date, KeyId, Points, UnitId};
use fengsui_log::{EventLog as _, Position};
use fengsui_projector::query::{CheckpointRow, LedgerLine};
use fengsui_projector::state::{AccountState, PublishedRulebook};
use fengsui_projector::{Registry, Watcher};
use fengsui_proof::certificate::{
    Certificate, CertifiedEntry, FORMAT, Notice, ProvenEvent, RulebookReference, Statement, Trust, Verified, verify,
};
use fengsui_proof::{Cosigner, Origin, Quorum, QuorumError, SignedCheckpoint, default_quorum};
use fengsui_rulebook::Rulebook;

use super::CertificateError;
use super::error::Uncovered;
use crate::checkpoints::{Ground, LogTree, notes};

/// Checkpoints that are looked through for one with enough cosignatures, the newest first.
const CHECKPOINTS_MAX: u64 = 64;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The certificate's id.
    pub id: CertificateId,
    /// The unit.
    pub unit: UnitId,
    /// Who issues it.
    pub issuer: AgencyCode,
    /// The key with which it will be signed.
    pub keyid: KeyId,
    /// The day of issue.
    pub on: Date,
    /// For how many days after that it is valid.
    pub days: u32,
    /// What it is for.
    pub purpose: Option<String>,
    /// The unit's consent.
    pub consent: Option<String>,
}

/// Draws up what is to be signed: the account as of the newest checkpoint that enough agencies have cosigned.
///
/// Errors: what is missing, with the command that makes it. An account that has changed after that checkpoint gets no certificate before
/// there is a newer one: it would be outdated from the first day.
pub fn draw(ground: &Ground<'_>, order: Order, watcher: &mut dyn Watcher) -> Result<Statement, CertificateError> {
    let account = account(ground, &order.unit)?;
    let published = rulebook_on(ground.registry, order.on)?;
    let (size, note) = witnessed(ground)?;
    let covered = |what, position| {
        if position <= size { Ok(()) } else { Err(CertificateError::NotCovered { what, position, size }) }
    };
    covered(Uncovered::Rulebook, published.position)?;
    covered(Uncovered::Key, key_registered_at(ground.registry, order.issuer, order.keyid)?)?;
    let lines = ground.view.ledger(&order.unit, order.on)?;
    covered(Uncovered::Entry, lines.iter().map(|line| line.position).max().unwrap_or(0))?;
    let entries = counting(lines, order.on);
    let positions = evidence(ground.registry, published, &entries, size);
    let balance = Points(entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.points.0)));
    let days = jiff::Span::new().try_days(order.days).map_err(|_| CertificateError::Days(order.days))?;
    Ok(Statement {
        format: FORMAT.to_owned(),
        id: order.id,
        region: ground.registry.region,
        unit: order.unit,
        name: account.name,
        position: size,
        date: order.on,
        valid_until: order.on.checked_add(days).map_err(|_| CertificateError::Days(order.days))?,
        balance,
        grade: published.book.grade(balance).to_string(),
        rulebook: RulebookReference {
            version: published.book.version().to_owned(),
            sha256: published.sha256,
            position: published.position,
        },
        issuer: order.issuer,
        keyid: order.keyid,
        purpose: order.purpose,
        consent: order.consent,
        notice: Notice::standard(),
        entries,
        events: prove(ground, &positions, &note, watcher)?,
        checkpoint: note.to_string(),
    })
}

/// Checks a certificate as whoever is shown it will, before it leaves.
pub fn verify_own(certificate: &Certificate, trust: &Trust, on: Date) -> Result<Verified, CertificateError> {
    let verified = verify(certificate, trust, on).map_err(CertificateError::Own)?;
    match grade_of(certificate.statement(), &verified.rulebook_text) {
        Ok(grade) if grade == certificate.statement().grade => Ok(verified),
        Ok(grade) => Err(CertificateError::OwnGrade(grade)),
        Err(reason) => Err(CertificateError::OwnGrade(reason)),
    }
}

/// The grade that follows from a statement's balance by a rulebook's text.
///
/// Errors: what is wrong with the text.
pub fn grade_of(statement: &Statement, rulebook_text: &str) -> Result<String, String> {
    let book = Rulebook::from_toml(rulebook_text).map_err(|error| error.to_string())?;
    Ok(book.grade(statement.balance).to_string())
}

fn account(ground: &Ground<'_>, unit: &UnitId) -> Result<AccountState, CertificateError> {
    let account = ground.view.account(unit)?.ok_or_else(|| CertificateError::NoAccount(unit.clone()))?;
    if account.incomplete { Err(CertificateError::Incomplete(unit.clone())) } else { Ok(account) }
}

fn rulebook_on(registry: &Registry, on: Date) -> Result<&PublishedRulebook, CertificateError> {
    let in_force = registry.rulebooks.iter().rev().find(|published| published.effective_from <= on);
    in_force.ok_or(CertificateError::NoRulebook(on))
}

fn key_registered_at(registry: &Registry, agency: AgencyCode, keyid: KeyId) -> Result<u64, CertificateError> {
    let key = registry.keys.get(&keyid).filter(|key| key.agency == agency && key.until.is_none());
    let is_active = agency == registry.authority || registry.is_active(&agency);
    let key = key.filter(|_| is_active).ok_or(CertificateError::KeyNotGood { agency, keyid })?;
    Ok(key.since)
}

/// The newest checkpoint with enough cosignatures, as (positions it covers, note).
pub fn witnessed(ground: &Ground<'_>) -> Result<(u64, SignedCheckpoint), CertificateError> {
    let mut newest = None;
    for row in ground.view.checkpoints(Some(CHECKPOINTS_MAX))? {
        let note = notes::note_of(&row, ground.registry, ground.log)?;
        match quorum(ground.registry, row.size).check(&note) {
            Ok(_) => return Ok((row.size, note)),
            Err(error) => drop(newest.get_or_insert((row, error))),
        }
    }
    let (row, error) = newest.ok_or(CertificateError::NoCheckpoint)?;
    Err(too_few(ground.registry, &row, &error))
}

/// Whom a checkpoint of this size must be signed by, as the certificate's registrations will show it to others.
fn quorum(registry: &Registry, size: u64) -> Quorum {
    let origin = Origin::of(registry.region);
    let witnesses = registry.witnesses_of(size);
    let (authority, others): (Vec<_>, Vec<_>) =
        registry.keys_valid_at(size + 1).partition(|(agency, _)| *agency == registry.authority);
    let cosigners = others.into_iter().filter(|(agency, _)| witnesses.contains(agency));
    let cosigners = cosigners.map(|(agency, key)| Cosigner { name: origin.cosigner_name(agency), key });
    Quorum {
        origin,
        authority: authority.into_iter().map(|(_, key)| key).collect(),
        cosigners: cosigners.collect(),
        needed: default_quorum(witnesses.len()),
    }
}

fn too_few(registry: &Registry, row: &CheckpointRow, error: &QuorumError) -> CertificateError {
    let witnesses = registry.witnesses_of(row.size);
    let needed = default_quorum(witnesses.len());
    let cosigned = match error {
        QuorumError::TooFew { cosigned, .. } => cosigned.len(),
        _ => 0,
    };
    let has = |agency: &AgencyCode| row.cosigners.iter().any(|cosigner| cosigner.agency == *agency);
    let missing = witnesses.into_iter().filter(|agency| !has(agency)).collect();
    CertificateError::NoQuorum { size: row.size, cosigned, needed, missing }
}

/// The entries that count on a day, by number.
pub(super) fn counting(lines: Vec<LedgerLine>, on: Date) -> Vec<CertifiedEntry> {
    let counts = |line: &LedgerLine| line.kind != "expiry" && line.counted_until.is_none_or(|until| until > on);
    let entry = |line: LedgerLine| CertifiedEntry {
        number: line.number,
        points: line.points,
        kind: line.kind,
        rule: line.rule,
        rulebook: line.rulebook,
        effective_on: line.effective_on,
        counted_until: line.counted_until,
        case: line.case,
        cause: line.cause,
        cause_position: line.position,
    };
    let mut entries: Vec<CertifiedEntry> = lines.into_iter().filter(counts).map(entry).collect();
    entries.sort_by_key(|entry| entry.number);
    entries
}

/// Positions of the events that the certificate carries: causes, the rulebook, and every registration up to the checkpoint, since the
/// number of agencies decides how many must have cosigned.
fn evidence(
    registry: &Registry,
    published: &PublishedRulebook,
    entries: &[CertifiedEntry],
    size: u64,
) -> BTreeSet<u64> {
    let agencies = registry.agencies.values().flat_map(|agency| [Some(agency.registered_at), agency.suspended_at]);
    let keys = registry.keys.values().flat_map(|key| [Some(key.since), key.until]);
    let registrations = agencies.chain(keys).flatten().filter(|position| (1..=size).contains(position));
    let causes = entries.iter().map(|entry| entry.cause_position);
    registrations.chain(causes).chain([published.position]).collect()
}

fn prove(
    ground: &Ground<'_>,
    positions: &BTreeSet<u64>,
    note: &SignedCheckpoint,
    watcher: &mut dyn Watcher,
) -> Result<Vec<ProvenEvent>, CertificateError> {
    let (size, root) = (note.checkpoint().size, note.checkpoint().root);
    let mut tree = LogTree::open(ground.folder.root(), ground.log, watcher)?;
    let mut proven = BTreeMap::new();
    for position in positions {
        let record = Position::new(*position).map(|position| ground.log.read(position, 1)).transpose()?;
        let record = record.and_then(|mut found| found.pop()).ok_or(CertificateError::NoEvent(*position))?.record;
        let bytes = String::from_utf8(record.bytes).map_err(|_| CertificateError::NoEvent(*position))?;
        let signature = record.signature.try_into().map_err(|_| CertificateError::NoEvent(*position))?;
        let hashes = tree.inclusion(*position, size, root, ground.log, watcher)?.hashes;
        proven.insert(*position, ProvenEvent { position: *position, bytes, signature, hashes });
    }
    Ok(proven.into_values().collect())
}
