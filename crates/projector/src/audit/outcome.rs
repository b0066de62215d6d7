//! What an audit has seen, put together.

use std::collections::BTreeMap;

use fengsui_event::Digest;
use fengsui_proof::hash::Hash;
use serde::{Deserialize, Serialize};

use super::checkpoints::{self, Covered, Signed};
use super::finding::{Check, Fault, Finding, Findings, Severity};
use super::source::{Beside, Records};
use super::work::Work;
use super::{AuditError, AuditOptions, anomalies, stored_tiles};
use crate::projector::Projector;
use crate::state::Registry;
use crate::store::{Kept, ModelError};
use crate::tables::{TableDigest, table_digests};

/// Why something was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skipped {
    /// There is nothing of the kind.
    Nothing,
    /// Nobody wanted it.
    NotAsked,
    /// It speaks of a position that an earlier audit had passed.
    Passed,
    /// It speaks of positions beyond the last one that was looked at.
    Beyond,
    /// The audit ended before.
    Ended,
    /// It takes the log from its first position on.
    Part,
}

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What was looked at.
    pub check: Check,
    /// How many of it.
    pub checked: u64,
    /// How many were not as they should be, remarks apart.
    pub failed: u64,
    /// Why it was not looked at, if so.
    pub skipped: Option<Skipped>,
}

/// What an audit has seen.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// First position of what was audited: 1, but for an archive of a later part of a log.
    pub first: u64,
    /// Last position that an earlier audit had verified; 0 when this one began anew.
    pub begun_at: u64,
    /// Last position that was looked at.
    pub position: u64,
    /// The last position of the log.
    pub head: u64,
    /// Root of the tree up to `position`.
    pub root: Hash,
    /// State digest at `position`, where it was wanted.
    pub digest: Option<Digest>,
    /// Each check.
    pub checks: Vec<Checked>,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// How many records the fold has noted, by code, those without weight for an audit included.
    pub anomalies: BTreeMap<String, u64>,
    /// The newest checkpoint with a quorum.
    pub covered: Option<Covered>,
    /// Agencies, keys and rulebooks at `position`.
    pub registry: Registry,
}

impl Outcome {
    /// The gravest of the findings.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Adds what was found afterwards.
    pub(super) fn add(&mut self, finding: Option<Finding>) {
        let Some(finding) = finding else { return };
        if let Some(checked) = self.checks.iter_mut().find(|checked| checked.check == finding.check) {
            checked.failed += finding.count;
        }
        self.findings.insert(0, finding);
    }
}

/// The tables that lie beside the records.
pub(super) enum Model {
    None,
    At {
        position: u64,
        digest: Digest,
        tables: Vec<TableDigest>,
    },
    Unreadable(String),
    /// Told in a finding.
    Unusable,
}

impl Model {
    /// Takes the digest of the tables. To be called before the head of the log is looked up: a node goes on meanwhile, and its tables are never
    /// ahead of its log.
    pub fn read(beside: &Beside, options: &AuditOptions) -> Self {
        let Some(path) = beside.model.as_ref().filter(|_| options.digest) else { return Self::None };
        let read = Projector::open_reader(path, &options.genesis).and_then(|model| Self::of(&model));
        read.unwrap_or_else(|error| Self::Unreadable(error.to_string()))
    }

    /// What the audit's own tables must hold to be compared with these.
    pub const fn asks_for(&self) -> Kept {
        match self {
            Self::At { .. } => Kept::Everything,
            Self::None | Self::Unreadable(_) | Self::Unusable => Kept::StateOnly,
        }
    }

    fn of(model: &Projector) -> Result<Self, ModelError> {
        let (digest, tables) = (model.digest()?, table_digests(model.store())?);
        Ok(Self::At { position: model.progress().position, digest, tables })
    }
}

/// An audit on its way.
pub(super) struct Run<'a> {
    options: &'a AuditOptions,
    head: u64,
    /// Last position to look at.
    pub until: u64,
    /// Last position that an earlier audit had verified.
    pub begun_at: u64,
    pub findings: Findings,
    /// State digests of the log, by position.
    pub digests: BTreeMap<u64, Digest>,
    model: Model,
    /// What the log's own tables show where those beside it stand.
    tables: Vec<TableDigest>,
    checked: BTreeMap<Check, Result<u64, Skipped>>,
    anomalies: BTreeMap<String, u64>,
    covered: Option<Covered>,
}

impl<'a> Run<'a> {
    pub fn new(options: &'a AuditOptions, head: u64, work: &Work) -> Self {
        let begun_at = work.begun_at();
        Self {
            options,
            head,
            until: options.until.unwrap_or(head).min(head).max(begun_at),
            begun_at,
            findings: Findings::default(),
            digests: BTreeMap::new(),
            model: Model::None,
            tables: Vec::new(),
            checked: BTreeMap::new(),
            anomalies: BTreeMap::new(),
            covered: None,
        }
    }

    /// Takes the tables that lie beside the records. The audit pauses where they stand.
    pub fn take_model(&mut self, model: Model) {
        let (fault, position) = match model {
            Model::At { position, .. } if position > self.head => {
                (Fault::ModelAhead { position, head: self.head }, Some(self.head + 1))
            }
            Model::Unreadable(reason) => (Fault::ModelUnreadable(reason), None),
            Model::None | Model::At { .. } | Model::Unusable => {
                self.model = model;
                return;
            }
        };
        self.model = Model::Unusable;
        self.findings.add(Finding::new(Check::Model, Severity::Difference, position, fault));
    }

    /// Where the tables stand.
    pub fn model_position(&self) -> Option<u64> {
        match self.model {
            Model::At { position, .. } => Some(position),
            Model::None | Model::Unreadable(_) | Model::Unusable => None,
        }
    }

    /// Notes what the log gives at a position where the audit pauses.
    pub fn note_state(&mut self, projector: &Projector) -> Result<(), ModelError> {
        let position = projector.progress().position;
        self.digests.insert(position, projector.digest()?);
        if self.model_position() == Some(position) {
            self.tables = table_digests(projector.store())?;
        }
        Ok(())
    }

    /// Looks at everything that is known once the last record was folded.
    pub fn judge(
        &mut self,
        records: &dyn Records,
        beside: &Beside,
        work: &Work,
        unreadable: Option<(u64, String)>,
    ) -> Result<(), AuditError> {
        if let Some((position, reason)) = unreadable {
            let fault = Fault::Unreadable(reason);
            self.findings.add(Finding::new(Check::Positions, Severity::Integrity, Some(position), fault));
        }
        self.judge_records(work)?;
        self.judge_checkpoints(records, beside, work)?;
        self.judge_tiles(beside, work)?;
        self.judge_model();
        self.recall(work);
        Ok(())
    }

    fn judge_records(&mut self, work: &Work) -> Result<(), AuditError> {
        let view = work.projector.store().view();
        self.anomalies = anomalies::counts(view)?;
        anomalies::of_records(view, &self.anomalies, &mut self.findings)?;
        anomalies::open_gaps(&work.projector, &mut self.findings)?;
        let count = |codes: &[&str]| codes.iter().filter_map(|code| self.anomalies.get(*code)).sum::<u64>();
        let position = work.projector.progress().position;
        let records = position - count(&["lost"]);
        let events = records - count(&["malformed_envelope"]);
        let signatures = events - count(&["id_mismatch"]);
        let genuine = signatures - count(&["bad_signature", "wrong_subject"]);
        let chains = u64::try_from(work.projector.registry().chains.len()).unwrap_or(u64::MAX);
        let known = events - count(&["unknown_type"]);
        let checked = [
            (Check::Positions, position),
            (Check::Bytes, records),
            (Check::Schema, known),
            (Check::Signatures, signatures),
            (Check::Keys, genuine),
            (Check::Chains, chains),
            (Check::Ids, genuine),
            (Check::Tree, work.tree.size()),
        ];
        self.checked.extend(checked.map(|(check, count)| (check, Ok(count))));
        let continuity = if self.begun_at > 0 { Ok(self.begun_at) } else { Err(Skipped::Nothing) };
        self.checked.insert(Check::Continuity, continuity);
        Ok(())
    }

    fn judge_checkpoints(&mut self, records: &dyn Records, beside: &Beside, work: &Work) -> Result<(), AuditError> {
        let registry = work.projector.registry();
        let others = &self.options.cosigners;
        let mut signed = checkpoints::on_log(work.projector.store().view(), registry)?;
        checkpoints::look_for_others(&mut signed, records, others)?;
        checkpoints::forged_on_log(work.projector.store().view(), records, registry, &mut self.findings)?;
        checkpoints::take_in(&beside.checkpoints, registry, others, &mut signed, &mut self.findings);
        let tree = &work.tree;
        let reach = checkpoints::Reach { tree: tree.size(), head: self.head, begun_at: self.begun_at };
        checkpoints::compare(&mut signed, tree.folder(), reach, &mut self.findings)?;
        self.covered = checkpoints::quorum(&signed, registry, self.options.quorum, &mut self.findings);
        let count = u64::try_from(signed.len()).unwrap_or(u64::MAX);
        let any = if count > 0 { Ok(count) } else { Err(Skipped::Nothing) };
        self.checked.insert(Check::Checkpoints, any);
        let found = self.covered.as_ref().map(|covered| u64::try_from(covered.cosigners.len()).unwrap_or(u64::MAX));
        self.checked.insert(Check::Quorum, found.ok_or(Skipped::Nothing));
        self.judge_digests(&signed);
        Ok(())
    }

    fn judge_digests(&mut self, signed: &[Signed]) {
        let mut compared = 0;
        let stated = signed.iter().filter_map(|one| one.digest.map(|digest| (one, digest)));
        let mut any = false;
        for (Signed { place, size, .. }, stated) in stated {
            any = true;
            let Some(computed) = self.digests.get(size) else { continue };
            compared += 1;
            if *computed != stated {
                let fault = Fault::DigestDiffers { place: place.clone(), size: *size, stated, computed: *computed };
                self.findings.add(Finding::new(Check::Digest, Severity::Difference, Some(*size), fault));
            }
        }
        let result = match (self.options.digest, any) {
            (false, _) => Err(Skipped::NotAsked),
            (true, false) => Err(Skipped::Nothing),
            (true, true) if compared == 0 => Err(Skipped::Passed),
            (true, true) => Ok(compared),
        };
        self.checked.insert(Check::Digest, result);
    }

    fn judge_tiles(&mut self, beside: &Beside, work: &Work) -> Result<(), AuditError> {
        let earlier = work.verified.iter().flat_map(|verified| &verified.findings);
        let of_tiles = earlier.filter(|finding| finding.check == Check::Tiles);
        of_tiles.for_each(|finding| self.findings.add(finding.clone()));
        let result = match &beside.tiles {
            None => Err(Skipped::Nothing),
            Some((stored, size)) => {
                let size = (*size).min(work.tree.size());
                let findings = &mut self.findings;
                Ok(stored_tiles::compare(stored.as_ref(), work.tree.folder(), self.begun_at, size, findings)?)
            }
        };
        self.checked.insert(Check::Tiles, result);
        Ok(())
    }

    fn judge_model(&mut self) {
        let result = match self.model {
            Model::None if !self.options.digest => Err(Skipped::NotAsked),
            Model::None => Err(Skipped::Nothing),
            Model::Unreadable(_) | Model::Unusable => Ok(1),
            Model::At { position, .. } if position < self.begun_at => Err(Skipped::Passed),
            Model::At { position, .. } if position > self.until => Err(Skipped::Beyond),
            Model::At { position, digest, ref tables } => match self.digests.get(&position) {
                None => Err(Skipped::Nothing),
                Some(computed) => {
                    let differs = |fault| Finding::new(Check::Model, Severity::Difference, Some(position), fault);
                    if *computed != digest {
                        let fault = Fault::ModelDiffers { position, found: digest, computed: *computed };
                        self.findings.add(differs(fault));
                    }
                    for (table, _) in tables.iter().filter(|table| !self.tables.contains(table)) {
                        self.findings.add(differs(Fault::TableDiffers { position, table: (*table).to_owned() }));
                    }
                    Ok(tables.len() as u64)
                }
            },
        };
        self.checked.insert(Check::Model, result);
    }

    /// Adds what an earlier audit has found in what this one has not looked at again.
    fn recall(&mut self, work: &Work) {
        let earlier = work.verified.iter().flat_map(|verified| &verified.findings);
        for finding in earlier.filter(|one| one.check != Check::Tiles) {
            if !self.findings.0.iter().any(|known| known.is_of_the_kind_of(finding)) {
                self.findings.add(finding.clone());
            }
        }
    }

    /// Findings that the next audit, which goes on from this one, does not look for again: of tiles, and of checkpoints that stand on the log.
    /// An audit that was interrupted has not looked for them yet, and keeps those of the one before.
    pub fn kept_findings(&self, work: &Work) -> Vec<Finding> {
        let is_kept = |one: &&Finding| match &one.fault {
            Fault::RootDiffers { place, .. } | Fault::DigestDiffers { place, .. } => checkpoints::is_on_log(place),
            _ => one.check == Check::Tiles,
        };
        let mut kept: Vec<Finding> = self.findings.0.iter().filter(is_kept).cloned().collect();
        let earlier = work.verified.iter().flat_map(|verified| &verified.findings);
        for finding in earlier {
            if !kept.iter().any(|known| known.is_of_the_kind_of(finding)) {
                kept.push(finding.clone());
            }
        }
        kept
    }

    pub fn into_outcome(mut self, work: &Work) -> Outcome {
        let position = work.projector.progress().position;
        let mut findings = std::mem::take(&mut self.findings).0;
        let failed = |check| {
            let grave = findings.iter().filter(|one| one.check == check && one.severity > Severity::Remark);
            grave.map(|finding| finding.count).sum()
        };
        let checked = |check| {
            let (checked, skipped) = match self.checked.get(&check) {
                Some(Ok(count)) => (*count, None),
                Some(Err(skipped)) => (0, Some(*skipped)),
                None => (0, Some(Skipped::Ended)),
            };
            let failed = failed(check);
            Checked { check, checked, failed, skipped: skipped.filter(|_| failed == 0) }
        };
        let checks = Check::ALL.map(checked).to_vec();
        findings.sort_by_key(|one| (std::cmp::Reverse(one.severity), one.check, one.position));
        Outcome {
            first: 1,
            begun_at: self.begun_at,
            position,
            head: self.head,
            root: work.tree.root(),
            digest: self.digests.get(&position).copied(),
            checks,
            findings,
            anomalies: self.anomalies,
            covered: self.covered,
            registry: work.projector.registry().clone(),
        }
    }
}
