//! An archive that does not begin with the log: audited as far as it goes, on the keys that it states.

use std::collections::{BTreeMap, HashMap};

use fengsui_event::{Decoded, Event, KeyId, Payload, Source};
use fengsui_proof::archive::{Archive, ArchiveKey, ArchiveRecord};

use super::anomalies;
use super::checkpoints::{self, Reach};
use super::finding::{Check, Fault, Finding, Findings, Severity};
use super::outcome::{Checked, Outcome, Skipped};
use super::source::{Beside, RecordsError};
use super::{AuditError, AuditOptions};
use crate::fold::Cause;
use crate::fold::admission::{Prepared, RawRecord, SignatureCheck, VerifierCache, admit, check_key, prepare};
use crate::projector::Watcher;
use crate::state::{Agency, Chain, Key, Registry};

/// Events between two looks at whether to go on.
const LOOK_EVERY: u64 = 256;

/// Audits what is there. Keys from before the first position, and who was an agency, are taken as the archive states them; what it states of
/// later ones must stand in its events. Anybody can state keys and sign with them, so a checkpoint by a key that is trusted must show that
/// these records are the log's.
pub(super) fn audit_part(
    archive: &Archive,
    beside: &Beside,
    options: &AuditOptions,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, AuditError> {
    let manifest = archive.manifest();
    let keys = archive.keys().map_err(RecordsError::from)?;
    let mut part = Part::new(registry(options, &keys));
    for record in archive.records(manifest.first) {
        let record = record.map_err(RecordsError::from)?;
        part.take(&record);
        let is_time = record.position.is_multiple_of(LOOK_EVERY);
        if is_time && watcher.reached(record.position, manifest.last).is_break() {
            return Err(AuditError::Interrupted { position: record.position });
        }
    }
    part.compare_keys(&keys, manifest.first);
    part.tell_open_gaps();
    let Part { registry, mut findings, counts, chains, .. } = part;
    let mut signed = Vec::new();
    let shown = authority_shown(&registry, &options.genesis);
    checkpoints::take_in(&beside.checkpoints, &shown, &options.cosigners, &mut signed, &mut findings);
    let reach = Reach { tree: manifest.last, head: manifest.last, begun_at: 0 };
    checkpoints::compare(&mut signed, archive, reach, &mut findings)?;
    if !signed.iter().any(|one| one.fits && one.size >= manifest.first) {
        let fault = Fault::StatedKeys { first: manifest.first };
        findings.add(Finding::new(Check::Keys, Severity::Integrity, Some(manifest.first), fault));
    }
    let covered = checkpoints::quorum(&signed, &registry, options.quorum, &mut findings);
    let mut checked: BTreeMap<Check, u64> = counts;
    checked.insert(Check::Chains, chains.len() as u64);
    checked.insert(Check::Tree, manifest.last);
    checked.insert(Check::Tiles, manifest.last.div_ceil(256));
    if !signed.is_empty() {
        checked.insert(Check::Checkpoints, signed.len() as u64);
        checked.insert(Check::Quorum, covered.as_ref().map_or(0, |covered| covered.cosigners.len() as u64));
    }
    let mut findings = findings.0;
    findings.sort_by_key(|one| (std::cmp::Reverse(one.severity), one.check, one.position));
    let failed = |check| {
        let grave = findings.iter().filter(|one| one.check == check && one.severity > Severity::Remark);
        grave.map(|finding| finding.count).sum()
    };
    let checks = Check::ALL.map(|check| {
        let count = checked.get(&check).copied();
        let why = match check {
            Check::Checkpoints | Check::Quorum => Skipped::Nothing,
            _ => Skipped::Part,
        };
        let skipped = count.is_none().then_some(why).filter(|_| failed(check) == 0);
        Checked { check, checked: count.unwrap_or(0), failed: failed(check), skipped }
    });
    Ok(Outcome {
        first: manifest.first,
        begun_at: 0,
        position: manifest.last,
        head: manifest.last,
        root: manifest.root,
        digest: None,
        checks: checks.to_vec(),
        findings,
        anomalies: BTreeMap::new(),
        covered,
        registry,
    })
}

/// The registry as the archive states it. An agency counts as registered with its first key.
fn registry(options: &AuditOptions, keys: &[ArchiveKey]) -> Registry {
    let mut registry = options.genesis.clone();
    for ArchiveKey { agency, keyid, since, until } in keys {
        // The keys that are good from the start are those of whom the audit trusts, whatever the archive says.
        if *since == 0 && !registry.keys.contains_key(keyid) {
            continue;
        }
        registry.keys.insert(*keyid, Key { agency: *agency, since: *since, until: *until });
        let first = || Agency {
            name: agency.to_string(),
            region: options.genesis.region,
            registered_at: *since,
            suspended_at: None,
        };
        let known = registry.agencies.entry(*agency).or_insert_with(first);
        known.registered_at = known.registered_at.min(*since);
    }
    registry
}

/// The same without those keys of the authority that only the archive states: a checkpoint that one of these has signed shows nothing, since
/// whoever wrote the archive could have made the key.
fn authority_shown(registry: &Registry, genesis: &Registry) -> Registry {
    let mut shown = registry.clone();
    shown.keys.retain(|keyid, key| key.agency != registry.authority || genesis.keys.contains_key(keyid));
    shown
}

struct Part {
    registry: Registry,
    verifiers: VerifierCache,
    chains: HashMap<Source, Chain>,
    /// Keys that an event began or ended, with its position.
    begun: BTreeMap<KeyId, u64>,
    ended: BTreeMap<KeyId, u64>,
    counts: BTreeMap<Check, u64>,
    findings: Findings,
}

impl Part {
    fn new(registry: Registry) -> Self {
        Self {
            registry,
            verifiers: VerifierCache::default(),
            chains: HashMap::new(),
            begun: BTreeMap::new(),
            ended: BTreeMap::new(),
            counts: BTreeMap::new(),
            findings: Findings::default(),
        }
    }

    fn take(&mut self, record: &ArchiveRecord) {
        let position = record.position;
        self.count(Check::Positions);
        let Some(content) = &record.content else { return self.add(position, Cause::Lost) };
        self.count(Check::Bytes);
        let raw = RawRecord {
            position,
            id: content.id,
            subject: &content.subject,
            bytes: &content.bytes,
            signature: &content.signature,
        };
        let Prepared { digest, event, fault, .. } = prepare(raw, SignatureCheck::Verify, &mut self.verifiers);
        let Some(event) = event else {
            return self.add(position, fault.map_or(Cause::BadSignature, |fault| *fault));
        };
        self.count(Check::Signatures);
        if let Some(fault) = fault {
            return self.add(position, *fault);
        }
        self.count(Check::Keys);
        if let Err(cause) = self.check_key(position, &event) {
            return self.add(position, cause);
        }
        let before = Chain { sequence: event.sequence - 1, head: event.previous, ..Chain::default() };
        let chain = self.chains.entry(event.source.clone()).or_insert(before);
        // A gap may still be filled: those that are left are told at the end.
        if let Err(cause) = admit(chain, &event, digest) {
            return self.add(position, cause);
        }
        match &event.data {
            Decoded::Known(_) => self.count(Check::Schema),
            Decoded::Unknown => {}
            Decoded::Malformed(reason) => {
                self.count(Check::Schema);
                self.add(position, Cause::MalformedPayload(reason.clone()));
            }
        }
        self.note_keys(position, &event);
    }

    fn check_key(&self, position: u64, event: &Event) -> Result<(), Cause> {
        check_key(&self.registry, position, event)?;
        let since = self.registry.keys.get(&event.keyid).map_or(u64::MAX, |key| key.since);
        if since < position { Ok(()) } else { Err(Cause::UnknownKey(event.keyid)) }
    }

    fn note_keys(&mut self, position: u64, event: &Event) {
        match event.payload() {
            Some(Payload::AgencyRegistered(data)) => {
                for key in &data.keys {
                    self.begun.entry(key.keyid).or_insert(position);
                }
            }
            Some(Payload::AgencyKeyRotated(data)) => {
                self.begun.entry(data.new.keyid).or_insert(position);
                self.ended.entry(data.old).or_insert(position);
            }
            Some(Payload::AgencyKeyRevoked(data)) => {
                self.ended.entry(data.keyid).or_insert(position);
            }
            _ => {}
        }
    }

    /// What is stated of keys from the first position on must stand in an event there.
    fn compare_keys(&mut self, keys: &[ArchiveKey], first: u64) {
        let differs = |key: &&ArchiveKey| {
            (key.since >= first && self.begun.get(&key.keyid) != Some(&key.since))
                || key.until.is_some_and(|until| until >= first && self.ended.get(&key.keyid) != Some(&until))
        };
        if let Some(key) = keys.iter().find(differs) {
            let what = format!("keys.jsonl, {}", key.keyid);
            let finding = Finding::new(Check::Keys, Severity::Integrity, None, Fault::StatedDiffers { what });
            self.findings.add(finding);
        }
    }

    fn count(&mut self, check: Check) {
        *self.counts.entry(check).or_default() += 1;
    }

    fn add(&mut self, position: u64, cause: Cause) {
        let class = anomalies::class(cause.code());
        if let Some((check, severity)) = class {
            self.findings.add(Finding::new(check, severity, Some(position), Fault::Record(cause)));
        }
    }

    fn tell_open_gaps(&mut self) {
        let gaps = self.chains.iter().flat_map(|(source, chain)| chain.gaps.iter().map(move |gap| (source, gap)));
        let mut gaps: Vec<(String, u64, u64)> =
            gaps.map(|(source, gap)| (source.to_string(), gap.first, gap.last)).collect();
        gaps.sort();
        for (source, first, last) in gaps {
            let fault = Fault::OpenGap { source, first, last };
            self.findings.add(Finding::new(Check::Chains, Severity::Integrity, None, fault));
        }
    }
}
