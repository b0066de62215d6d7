//! Evidence on its way: what this node's agencies named goes to those who may see it, and what they may see is fetched.

use std::collections::BTreeSet;
use std::path::Path;

use fengsui_event::{AgencyCode, Digest, EventId, RegionCode, Timestamp};
use fengsui_log::Embedded;
use fengsui_log::jetstream::Broker;
use fengsui_projector::Registry;
use fengsui_projector::query::View;

use super::bucket::{self, Wanted};
use super::ledger::{Party, Share};
use super::{EvidenceConfig, EvidenceError, EvidenceLedger, EvidenceStore, Mention, bucket_name, may_see};

/// Uploads of one call, so that a node that was away for long does other work in between.
const UPLOADS_MAX: usize = 64;

/// Fetches of one call.
const FETCHES_MAX: u32 = 64;

/// Records of the log that one call reads: a second's work.
const RECORDS_MAX: u64 = 1 << 18;

/// Rows that are looked at together.
const ROWS: u32 = 256;

/// A node's evidence, shared and fetched. One thread owns it.
#[derive(Debug)]
pub struct EvidenceSharing {
    store: EvidenceStore,
    ledger: EvidenceLedger,
    /// Which node of its agency this is; none when it is the only one.
    node: Option<u16>,
    /// Agencies whose bucket is known to be there.
    ensured: BTreeSet<AgencyCode>,
}

/// What a call of [`EvidenceSharing::share`] did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ShareReport {
    /// Position up to which the log was read.
    pub read_up_to: u64,
    /// Uploads that were made, or found to have been made.
    pub shared: usize,
    /// Uploads that wait because this node has not the file: another node of the agency took it in, or it is damaged.
    pub without_file: usize,
    /// Whether more is to be done at once.
    pub is_more: bool,
    /// Why the rest waits, when it does.
    pub waits: Option<String>,
}

/// What a call of [`EvidenceSharing::collect`] did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CollectReport {
    /// What was fetched.
    pub fetched: Vec<Digest>,
    /// What is not there yet.
    pub absent: usize,
    /// Objects that were refused now, with the reason. To be told to people: somebody put them there.
    pub refused: Vec<(Digest, String)>,
    /// Whether more is to be done at once.
    pub is_more: bool,
    /// Why the rest waits, when it does.
    pub waits: Option<String>,
}

/// What [`fetch`] found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fetched {
    /// It is in the store now.
    Kept,
    /// The own bucket does not have it, or only false ones, with what is wrong with each.
    Absent {
        /// What is wrong with the objects under its name.
        wrong: Vec<(String, String)>,
    },
}

impl EvidenceSharing {
    /// Opens the evidence of a node's folder.
    pub fn open(root: &Path, config: EvidenceConfig) -> Result<Self, EvidenceError> {
        let store = EvidenceStore::of(root, config);
        let ledger = EvidenceLedger::open_or_create(root)?;
        Ok(Self { store, ledger, node: None, ensured: BTreeSet::new() })
    }

    /// The same for one node among several of an agency: each shares what it took in itself.
    #[must_use]
    pub fn of_node(self, node: u16) -> Self {
        Self { node: Some(node), ..self }
    }

    /// The files.
    pub fn store(&self) -> &EvidenceStore {
        &self.store
    }

    /// The list of what is named where.
    pub fn ledger(&self) -> &EvidenceLedger {
        &self.ledger
    }

    /// The list, to be changed.
    pub fn ledger_mut(&mut self) -> &mut EvidenceLedger {
        &mut self.ledger
    }

    /// Reads the log as far as the tables know it, and puts evidence that the own agencies named into the buckets of all who may see it.
    /// A broker that is out of reach is no error: the rest waits. The authority's node makes the buckets.
    pub fn share(
        &mut self,
        view: View<'_>,
        log: &Embedded,
        broker: &Broker,
        registry: &Registry,
        own: &BTreeSet<AgencyCode>,
        now: Timestamp,
    ) -> Result<ShareReport, EvidenceError> {
        let party = Party { registry, own };
        let (read_up_to, is_more) = self.ledger.follow_some(view, log, &self.store, party, RECORDS_MAX)?;
        let mut report = ShareReport { read_up_to, is_more, ..ShareReport::default() };
        if own.contains(&registry.authority)
            && let Err(error) = self.ensure_buckets(broker, registry)
        {
            report.waits = Some(waits(error)?);
            return Ok(report);
        }
        let mut after = 0;
        let mut failing = BTreeSet::new();
        loop {
            let shares = self.ledger.shares_after(after, ROWS)?;
            let Some(last) = shares.last() else { return Ok(report) };
            after = last.number;
            for share in shares {
                // One bucket that is not there yet keeps no other waiting.
                if failing.contains(&share.agency) {
                    continue;
                }
                if report.shared >= UPLOADS_MAX {
                    report.is_more = true;
                    return Ok(report);
                }
                match self.upload(view, broker, party, &share, now) {
                    Ok(Upload::Made) => report.shared += 1,
                    Ok(Upload::WithoutFile) => report.without_file += 1,
                    Ok(Upload::NotDue) => {}
                    Err(error) => {
                        report.waits = Some(waits(error)?);
                        failing.insert(share.agency);
                        if !broker.is_connected() {
                            return Ok(report);
                        }
                    }
                }
            }
        }
    }

    /// Fetches from the own buckets what the own agencies may see and have not got.
    pub fn collect(
        &mut self,
        view: View<'_>,
        broker: &Broker,
        registry: &Registry,
        own: &BTreeSet<AgencyCode>,
        now: Timestamp,
    ) -> Result<CollectReport, EvidenceError> {
        let party = Party { registry, own };
        let mut report = CollectReport::default();
        let wanted = self.ledger.wanted(now, FETCHES_MAX)?;
        report.is_more = wanted.len() == FETCHES_MAX as usize;
        for (sha256, tries) in wanted {
            let agencies = self.seen_by(view, party, sha256)?;
            if self.store.holds(sha256) || agencies.is_empty() {
                self.ledger.no_longer_wanted(sha256)?;
                continue;
            }
            match self.fetch_for(broker, registry.region, &agencies, sha256, now, &mut report) {
                Ok(Fetch::Kept) => {
                    self.ledger.no_longer_wanted(sha256)?;
                    report.fetched.push(sha256);
                }
                Ok(Fetch::Refused) => self.ledger.no_longer_wanted(sha256)?,
                Ok(Fetch::Absent) => {
                    self.ledger.postpone(sha256, tries, now)?;
                    report.absent += 1;
                }
                Err(error) => {
                    report.waits = Some(waits(error)?);
                    report.is_more = false;
                    if !broker.is_connected() {
                        return Ok(report);
                    }
                    self.ledger.postpone(sha256, tries, now)?;
                }
            }
        }
        Ok(report)
    }

    fn fetch_for(
        &self,
        broker: &Broker,
        region: RegionCode,
        agencies: &[AgencyCode],
        sha256: Digest,
        now: Timestamp,
        report: &mut CollectReport,
    ) -> Result<Fetch, EvidenceError> {
        for agency in agencies {
            let known_wrong = self.ledger.refused_objects(sha256)?;
            let wanted = Wanted { sha256, bytes_max: self.store.config().bytes_max, known_wrong: &known_wrong };
            let found = bucket::look_for(broker, &bucket_name(region, *agency), wanted)?;
            for (object, reason) in found.wrong {
                self.ledger.note_refusal(sha256, &object, &reason, now)?;
                report.refused.push((sha256, reason));
            }
            let Some(content) = found.content else { continue };
            match self.store.keep_fetched(sha256, &content) {
                Ok(_) => return Ok(Fetch::Kept),
                // It is what its name says, and still nothing that this node keeps.
                Err(error @ (EvidenceError::Kind { .. } | EvidenceError::TooLarge { .. })) => {
                    self.ledger.note_refusal(sha256, "kind", &error.to_string(), now)?;
                    report.refused.push((sha256, error.to_string()));
                    return Ok(Fetch::Refused);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Fetch::Absent)
    }

    /// The own agencies that may see a case in which a content is named.
    fn seen_by(&self, view: View<'_>, party: Party<'_>, sha256: Digest) -> Result<Vec<AgencyCode>, EvidenceError> {
        let mut agencies = BTreeSet::new();
        for mention in self.ledger.mentions(sha256)? {
            if let Some(case) = view.case(mention.case)? {
                agencies.extend(may_see(&case, party.registry.authority));
            }
        }
        Ok(agencies.into_iter().filter(|agency| party.own.contains(agency)).collect())
    }

    fn upload(
        &self,
        view: View<'_>,
        broker: &Broker,
        party: Party<'_>,
        share: &Share,
        now: Timestamp,
    ) -> Result<Upload, EvidenceError> {
        let Share { number, sha256, agency, object } = share;
        if !party.takes_part(*agency) {
            return Ok(Upload::NotDue);
        }
        if !self.store.holds(*sha256) {
            return Ok(Upload::WithoutFile);
        }
        // A referral may have been withdrawn while this waited.
        if !self.is_due(view, party, *sha256, *agency)? {
            self.ledger.drop_share(*number)?;
            return Ok(Upload::NotDue);
        }
        let content = match self.store.read(*sha256) {
            Ok(Some(content)) => content,
            Ok(None) | Err(EvidenceError::Damaged { .. }) => return Ok(Upload::WithoutFile),
            Err(error) => return Err(error),
        };
        let bucket = bucket_name(party.registry.region, *agency);
        // An upload that was begun may have ended without this node knowing.
        let is_there = match object {
            Some(object) => bucket::has_upload(broker, &bucket, *sha256, object)?,
            None => false,
        };
        if !is_there {
            let object = EventId::from_bytes(rand::random()).to_string();
            self.ledger.begin_share(*number, &object)?;
            bucket::put(broker, &bucket, *sha256, &object, &content)?;
        }
        self.ledger.end_share(*number, now)?;
        Ok(Upload::Made)
    }

    fn is_due(
        &self,
        view: View<'_>,
        party: Party<'_>,
        sha256: Digest,
        agency: AgencyCode,
    ) -> Result<bool, EvidenceError> {
        let is_own = |mention: &&Mention| {
            party.own.contains(&mention.agency) && self.node.is_none_or(|node| node == mention.node)
        };
        for mention in self.ledger.mentions(sha256)?.iter().filter(is_own) {
            let case = view.case(mention.case)?;
            if case.is_some_and(|case| may_see(&case, party.registry.authority).contains(&agency)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn ensure_buckets(&mut self, broker: &Broker, registry: &Registry) -> Result<(), EvidenceError> {
        let all = registry.agencies.keys().copied().chain([registry.authority]);
        let lacking: BTreeSet<AgencyCode> = all.filter(|agency| !self.ensured.contains(agency)).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let replicas = bucket::replicas_of(broker, registry.region)?;
        for agency in lacking {
            bucket::ensure(broker, &bucket_name(registry.region, agency), replicas)?;
            self.ensured.insert(agency);
        }
        Ok(())
    }
}

/// Fetches one content from the bucket of an agency into the store.
///
/// Errors: [`EvidenceError::Broker`] when the broker cannot be asked.
pub fn fetch(
    store: &EvidenceStore,
    broker: &Broker,
    region: RegionCode,
    agency: AgencyCode,
    sha256: Digest,
) -> Result<Fetched, EvidenceError> {
    let wanted = Wanted { sha256, bytes_max: store.config().bytes_max, known_wrong: &[] };
    let found = bucket::look_for(broker, &bucket_name(region, agency), wanted)?;
    match found.content {
        Some(content) => store.keep_fetched(sha256, &content).map(|_| Fetched::Kept),
        None => Ok(Fetched::Absent { wrong: found.wrong }),
    }
}

/// How a fetch ended.
enum Fetch {
    Kept,
    Absent,
    Refused,
}

/// How an upload ended.
enum Upload {
    Made,
    WithoutFile,
    NotDue,
}

/// Why something waits, if waiting is all that is to be done.
fn waits(error: EvidenceError) -> Result<String, EvidenceError> {
    if error.is_out_of_reach() { Ok(error.to_string()) } else { Err(error) }
}
