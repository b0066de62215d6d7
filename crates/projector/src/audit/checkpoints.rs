//! Checkpoints, on the log and beside it, against the tree that was computed; and who has cosigned them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use fengsui_event::{AgencyCode, Digest, Event, KeyId, Payload};
use fengsui_proof::checkpoint::{Checkpoint, Origin, SignedCheckpoint};
use fengsui_proof::hash::Hash;
use fengsui_proof::policy::{Cosigner, Quorum, QuorumError, default_quorum};
use fengsui_proof::tiles::{self, TileSource};

use super::AuditError;
use super::finding::{Check, Fault, Finding, Findings, Severity};
use super::source::{FoundCheckpoint, Records, RecordsError};
use crate::query::{AnomalyFilter, AnomalyRow, CheckpointRow, CosignerRow, View};
use crate::state::Registry;
use crate::store::ModelError;

/// The newest checkpoints, which are compared and searched for a quorum by every audit, also one that goes on from another.
const NEWEST: usize = 64;
/// Begins the place of a checkpoint that is on the log; its position follows.
const ON_LOG: char = '#';
/// Anomalies of checkpoint events that are looked into.
const LOOKED_INTO_MAX: u64 = 1_000;
/// Codes of events whose note is not what it claims to be.
const NOT_GENUINE: [&str; 4] = ["not_signed_by_authority", "not_cosigned", "foreign_origin", "bad_note"];

/// A checkpoint that the authority has signed.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    /// Where it is from.
    pub place: String,
    /// Position of the first event that has it; nothing when it lies beside the log.
    pub position: Option<u64>,
    /// Positions of all such events.
    pub positions: Vec<u64>,
    pub size: u64,
    pub root: Hash,
    pub digest: Option<Digest>,
    /// Cosignatures that were verified: name, key.
    pub cosigned: BTreeSet<(String, KeyId)>,
    /// Whether the root is that of the log.
    pub fits: bool,
    /// Whether it covers more than was looked at, of a log that has as much.
    pub is_beyond: bool,
}

/// The checkpoints that were cosigned on the log, as the fold has admitted them.
pub(super) fn on_log(view: View<'_>, registry: &Registry) -> Result<Vec<Signed>, ModelError> {
    let origin = Origin::of(registry.region);
    let signed = |row: CheckpointRow| {
        let CheckpointRow { size, root, digest, cosigners } = row;
        let positions: Vec<u64> = cosigners.iter().map(|one| one.position).collect();
        let cosigned =
            cosigners.iter().map(|CosignerRow { agency, keyid, .. }| (origin.cosigner_name(*agency), *keyid));
        let (cosigned, first) = (cosigned.collect(), positions.first().copied());
        let place = first.map_or_else(|| "?".to_owned(), place_on_log);
        Signed { place, position: first, positions, size, root, digest, cosigned, fits: false, is_beyond: false }
    };
    Ok(view.checkpoints(None)?.into_iter().map(signed).collect())
}

fn place_on_log(position: u64) -> String {
    format!("{ON_LOG}{position}")
}

/// Whether a checkpoint's place is an event of the log.
pub(super) fn is_on_log(place: &str) -> bool {
    place.strip_prefix(ON_LOG).is_some_and(|position| position.parse::<u64>().is_ok())
}

/// Looks for cosignatures of others than agencies in the notes of the newest checkpoints.
pub(super) fn look_for_others(
    signed: &mut [Signed],
    records: &dyn Records,
    others: &[Cosigner],
) -> Result<(), AuditError> {
    if others.is_empty() {
        return Ok(());
    }
    for one in signed.iter_mut().take(NEWEST) {
        for position in one.positions.clone() {
            let Some(note) = note_at(records, position)? else { continue };
            let good = others.iter().filter(|other| note.cosignature(&other.name, other.key).is_some());
            one.cosigned.extend(good.map(|other| (other.name.clone(), other.key)));
        }
    }
    Ok(())
}

/// Events that carry something that is no genuine checkpoint. One that was good when it was signed, by a key that has ended before it was
/// cosigned, is none of them.
pub(super) fn forged_on_log(
    view: View<'_>,
    records: &dyn Records,
    registry: &Registry,
    findings: &mut Findings,
) -> Result<(), AuditError> {
    for code in NOT_GENUINE {
        let filter =
            AnomalyFilter { code: Some(code.to_owned()), limit: Some(LOOKED_INTO_MAX), ..AnomalyFilter::default() };
        for AnomalyRow { position, cause, .. } in view.anomalies(&filter)? {
            // Only of these may a note have been good once.
            let note = if code == "not_signed_by_authority" { note_at(records, position)? } else { None };
            let late = note.filter(|note| {
                authority_keys(registry, note.checkpoint().size).iter().any(|keyid| note.is_signed_by(*keyid))
            });
            if late.is_none() {
                let fault = Fault::ForgedOnLog(cause);
                findings.add(Finding::new(Check::Checkpoints, Severity::Integrity, Some(position), fault));
            }
        }
    }
    Ok(())
}

/// The agencies that may have cosigned a checkpoint of this size, and others that the command line names.
fn cosigners_at(registry: &Registry, size: u64, others: &[Cosigner]) -> Vec<Cosigner> {
    let origin = Origin::of(registry.region);
    let good = registry.keys.iter().filter(|(_, key)| {
        let agency = registry.agencies.get(&key.agency);
        let suspended = agency.and_then(|agency| agency.suspended_at).is_some_and(|since| since <= size);
        !suspended && key.until.is_none_or(|until| until >= size)
    });
    let agencies = good.map(|(keyid, key)| Cosigner { name: origin.cosigner_name(key.agency), key: *keyid });
    agencies.chain(others.iter().cloned()).collect()
}

/// Takes in the checkpoints that lie beside the log, if they are the authority's.
pub(super) fn take_in(
    found: &[FoundCheckpoint],
    registry: &Registry,
    others: &[Cosigner],
    signed: &mut Vec<Signed>,
    findings: &mut Findings,
) {
    let origin = Origin::of(registry.region);
    for FoundCheckpoint { place, note } in found {
        let Checkpoint { size, root, digest, .. } = *note.checkpoint();
        let cosigners = cosigners_at(registry, size, others);
        let policy = Quorum { origin, authority: authority_keys(registry, size), cosigners, needed: 0 };
        match policy.check(note) {
            Err(error @ QuorumError::BadSignature { .. }) if note_is_signed(note, &policy) => {
                // The checkpoint itself is good; a line that was put beside it counts for nothing.
                findings.add(forged(place, &error.to_string(), Severity::Remark));
            }
            Err(error) => {
                findings.add(forged(place, &error.to_string(), Severity::Integrity));
                continue;
            }
            Ok(_) => {}
        }
        let cosigned = policy.cosigners.iter().filter(|one| note.cosignature(&one.name, one.key).is_some());
        let cosigned = cosigned.map(|one| (one.name.clone(), one.key)).collect();
        let (place, positions) = (place.clone(), Vec::new());
        signed.push(Signed {
            place,
            position: None,
            positions,
            size,
            root,
            digest,
            cosigned,
            fits: false,
            is_beyond: false,
        });
    }
}

fn note_is_signed(note: &SignedCheckpoint, policy: &Quorum) -> bool {
    note.checkpoint().origin == policy.origin && policy.authority.iter().any(|keyid| note.is_signed_by(*keyid))
}

fn forged(place: &str, reason: &str, severity: Severity) -> Finding {
    let fault = Fault::ForgedCheckpoint { place: place.to_owned(), reason: reason.to_owned() };
    Finding::new(Check::Checkpoints, severity, None, fault)
}

/// The keys with which the authority may have signed a checkpoint of this size: all that had not ended by then.
fn authority_keys(registry: &Registry, size: u64) -> Vec<KeyId> {
    let good = registry
        .keys
        .iter()
        .filter(|(_, key)| key.agency == registry.authority && key.until.is_none_or(|until| until >= size));
    good.map(|(keyid, _)| *keyid).collect()
}

/// How far the tree, the log and an earlier audit reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub tree: u64,
    pub head: u64,
    pub begun_at: u64,
}

/// Compares checkpoints with the tree, and those of one size with one another. An earlier audit has compared what it had passed, but for the
/// newest ones. They are in order of size afterwards.
pub(super) fn compare(
    signed: &mut [Signed],
    computed: &dyn TileSource,
    reach: Reach,
    findings: &mut Findings,
) -> Result<(), AuditError> {
    let Reach { tree, head, begun_at } = reach;
    signed.sort_by_key(|one| (one.size, one.position.is_none()));
    let oldest = signed.len().saturating_sub(NEWEST);
    // The largest size that fits, and the one before it: where the log differs lies after one that is smaller.
    let (mut fits_before, mut fits) = (0, 0);
    let mut roots: BTreeMap<u64, Hash> = BTreeMap::new();
    for (index, one) in signed.iter_mut().enumerate() {
        let Signed { place, size, root, position, .. } = &*one;
        let (place, size, root) = (place.clone(), *size, *root);
        // Of two on the log the fold has told already.
        if let Some(other) = roots.get(&size).filter(|other| **other != root && position.is_none()) {
            let fault = Fault::SplitView { size, place: place.clone(), root, other: *other };
            findings.add(Finding::new(Check::Checkpoints, Severity::Integrity, Some(size), fault));
        }
        roots.entry(size).or_insert(root);
        if index < oldest && position.is_some_and(|position| position <= begun_at) {
            continue;
        }
        if size > tree {
            one.is_beyond = size <= head;
            if size > head {
                let fault = Fault::DroppedTail { place, size, head };
                findings.add(Finding::new(Check::Tree, Severity::Integrity, Some(head + 1), fault));
            }
            continue;
        }
        let root_of_log = tiles::root(&computed, size)?;
        one.fits = root_of_log == root;
        if one.fits {
            if size > fits {
                (fits_before, fits) = (fits, size);
            }
        } else {
            let from = if fits < size { fits } else { fits_before };
            let fault = Fault::RootDiffers { place, size, signed: root, computed: root_of_log };
            let finding = Finding::new(Check::Tree, Severity::Integrity, Some(from + 1), fault);
            findings.add(Finding { until: Some(size), ..finding });
        }
    }
    Ok(())
}

/// How far the newest checkpoint goes that enough agencies have cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Its size.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// Who cosigned, the authority apart.
    pub cosigners: Vec<String>,
    /// How many are needed.
    pub needed: usize,
}

/// Finds the newest good checkpoint with a quorum. `asked` is how many are needed, where somebody said so.
pub(super) fn quorum(
    signed: &[Signed],
    registry: &Registry,
    asked: Option<usize>,
    findings: &mut Findings,
) -> Option<Covered> {
    let mut best: Option<Covered> = None;
    let sizes: BTreeSet<u64> = signed.iter().filter(|one| one.fits).map(|one| one.size).collect();
    for size in sizes.iter().rev() {
        let group: Vec<&Signed> = signed.iter().filter(|one| one.fits && one.size == *size).collect();
        let cosigners = distinct(&group, registry, *size);
        let needed = asked.unwrap_or_else(|| majority(registry, *size));
        let root = group.first().map(|one| one.root)?;
        let covered = Covered { size: *size, root, cosigners, needed };
        if covered.cosigners.len() >= needed {
            return Some(covered);
        }
        if best.as_ref().is_none_or(|best| best.cosigners.len() < covered.cosigners.len()) {
            best = Some(covered);
        }
    }
    if best.is_none() && signed.iter().any(|one| !one.is_beyond) {
        // That none of them fits was told.
        return None;
    }
    let finding = match best {
        None if asked.unwrap_or(0) == 0 => Finding::new(Check::Quorum, Severity::Remark, None, Fault::NoCheckpoint),
        None => Finding::new(Check::Quorum, Severity::Integrity, None, Fault::NoCheckpoint),
        Some(Covered { size, cosigners, needed, .. }) => {
            let fault = Fault::NoQuorum { size, found: cosigners.len(), needed };
            Finding::new(Check::Quorum, Severity::Integrity, None, fault)
        }
    };
    findings.add(finding);
    None
}

/// The names that have cosigned, each name and each key once, without the authority. Of the agencies only those count of which it is asked how
/// many are enough: else an authority could register some afterwards that cosign whatever it wants.
fn distinct(group: &[&Signed], registry: &Registry, size: u64) -> Vec<String> {
    let origin = Origin::of(registry.region);
    let authority = origin.cosigner_name(registry.authority);
    let active: BTreeSet<AgencyCode> = registry.agencies_active_at(size.saturating_add(1)).collect();
    let inactive = registry.agencies.keys().filter(|code| !active.contains(code));
    let inactive: BTreeSet<String> = inactive.map(|code| origin.cosigner_name(*code)).collect();
    let is_authoritys = |keyid: &KeyId| registry.keys.get(keyid).is_some_and(|key| key.agency == registry.authority);
    let mut keys = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (name, keyid) in group.iter().flat_map(|one| &one.cosigned) {
        let counts = *name != authority && !inactive.contains(name) && !is_authoritys(keyid);
        if counts && !names.contains(name) && keys.insert(*keyid) {
            names.insert(name.clone());
        }
    }
    names.into_iter().collect()
}

/// More than half of the agencies that were active after a position, the authority apart; none where there is no other one.
fn majority(registry: &Registry, position: u64) -> usize {
    match registry.witnesses_of(position).len() {
        0 => 0,
        witnesses => default_quorum(witnesses),
    }
}

/// The note that the event at a position carries, if it carries one.
fn note_at(records: &dyn Records, position: u64) -> Result<Option<SignedCheckpoint>, AuditError> {
    let mut note = None;
    let scanned = records.scan(position, position, &mut |_, record| {
        note = note_of(record.bytes);
        ControlFlow::Break(())
    });
    match scanned {
        Ok(()) | Err(RecordsError::Missing { .. }) => Ok(note),
        Err(error) => Err(error.into()),
    }
}

/// The note in an event's bytes.
pub(super) fn note_of(bytes: &[u8]) -> Option<SignedCheckpoint> {
    match Event::parse(bytes).ok()?.payload()? {
        Payload::CheckpointCosigned(data) => data.note.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::state::{Agency, Key};

    fn key(of: &str) -> KeyId {
        KeyId::from_raw(Digest::of(of.as_bytes()).0)
    }

    /// An office, three agencies from the start, and others from a position on; one is suspended at position 40.
    fn registry(later: &[(&str, u64)]) -> Registry {
        let (region, office) = ("350600".parse().unwrap(), "office".parse().unwrap());
        let mut registry = Registry::genesis(region, office, &[key("office")]);
        for (code, registered_at) in [("office", 1), ("fire", 2), ("urban", 3), ("police", 4)].iter().chain(later) {
            let agency: AgencyCode = code.parse().unwrap();
            let suspended_at = (*code == "police").then_some(40);
            let entry = Agency { name: (*code).to_owned(), region, registered_at: *registered_at, suspended_at };
            registry.agencies.insert(agency, entry);
            registry.keys.insert(key(code), Key { agency, since: *registered_at, until: None });
        }
        registry
    }

    fn signed(registry: &Registry, size: u64, by: &[&str]) -> Signed {
        let origin = Origin::of(registry.region);
        let root = Hash::from_bytes([1; 32]);
        let cosigned = by.iter().map(|code| (origin.cosigner_name(code.parse().unwrap()), key(code))).collect();
        let (place, positions) = (place_on_log(size + 1), vec![size + 1]);
        Signed {
            place,
            position: Some(size + 1),
            positions,
            size,
            root,
            digest: None,
            cosigned,
            fits: true,
            is_beyond: false,
        }
    }

    fn counted(registry: &Registry, signed: Signed) -> Option<usize> {
        let mut findings = Findings::default();
        let covered = quorum(&[signed], registry, None, &mut findings);
        assert_eq!(covered.is_none(), findings.0.iter().any(|one| one.fault.code() == "no_quorum"));
        covered.map(|covered| covered.cosigners.len())
    }

    #[test]
    fn agencies_count_where_they_were_active_and_nobody_can_be_registered_afterwards_to_make_a_quorum() {
        let later = [("parks", 60), ("ports", 61), ("mines", 62)];
        let registry = registry(&later);
        // At 50 there are fire and urban: both are needed.
        assert_eq!(counted(&registry, signed(&registry, 50, &["fire", "urban"])), Some(2));
        assert_eq!(counted(&registry, signed(&registry, 50, &["office", "fire"])), None);
        assert_eq!(counted(&registry, signed(&registry, 50, &["parks", "ports", "mines", "fire"])), None);
        assert_eq!(counted(&registry, signed(&registry, 50, &["police", "fire"])), None, "suspended before");
        assert_eq!(counted(&registry, signed(&registry, 30, &["police", "fire"])), Some(2), "not yet suspended");
        // From their registration on they count on both sides.
        assert_eq!(counted(&registry, signed(&registry, 70, &["parks", "ports", "mines"])), Some(3));
        assert_eq!(counted(&registry, signed(&registry, 70, &["fire", "urban"])), None);
    }

    #[test]
    fn places_on_the_log_are_told_from_files() {
        assert!(is_on_log(&place_on_log(7)));
        assert!(!is_on_log("#7.note") && !is_on_log("#") && !is_on_log("7"));
    }
}
