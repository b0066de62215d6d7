//! Trying events before they are published: the same fold, on copies. What it would refuse is refused at the desk.

use std::collections::BTreeMap;

use fengsui_event::{AgencyCode, CaseId, CertificateId, EventId, SignedEvent, Source, UnitId};

use crate::fold::admission::{RawRecord, SignatureCheck, VerifierCache, prepare};
use crate::fold::driver::{Seen, States, fold};
use crate::fold::{Anomaly, Cause, Changes, Touched, Touches};
use crate::state::{AccountState, CaseState, CertificateState, Chain, Cosignature, LargestCosigned, Registry};
use crate::store::{ModelError, Store};

/// A projector's state with tentative events on top. Dropping it forgets them.
pub struct Overlay<'a> {
    registry: Registry,
    position: u64,
    keys: VerifierCache,
    tentative: Tentative<'a>,
    journal: Option<Savepoint>,
}

/// A signed event that is tried.
#[derive(Clone, Copy, Debug)]
pub struct Tried<'a> {
    /// Its id.
    pub id: EventId,
    /// The subject under which it will be published.
    pub subject: &'a str,
    /// The event.
    pub event: &'a SignedEvent,
    /// Who publishes it.
    pub source: &'a Source,
    /// What it touches.
    pub touches: &'a Touches,
}

/// What the events of a command may change; absent values were not in the overlay.
#[derive(Default)]
struct Savepoint {
    position: u64,
    ids: Vec<EventId>,
    cases: BTreeMap<CaseId, Option<Box<CaseState>>>,
    accounts: BTreeMap<UnitId, Option<Box<AccountState>>>,
    chains: BTreeMap<Source, Option<Chain>>,
    registry: Option<Registry>,
    proofs: Proofs,
}

/// Tentative cosignatures and certificates: few at any time, so a savepoint copies them.
#[derive(Clone, Default)]
struct Proofs {
    cosignatures: Vec<Cosignature>,
    certificates: BTreeMap<CertificateId, Box<CertificateState>>,
}

impl Savepoint {
    /// Takes in a later savepoint: what was there first counts.
    fn absorb(&mut self, later: Savepoint) {
        let Savepoint { position: _, ids, cases, accounts, chains, registry, proofs: _ } = later;
        self.ids.extend(ids);
        absorb(&mut self.cases, cases);
        absorb(&mut self.accounts, accounts);
        absorb(&mut self.chains, chains);
        self.registry = self.registry.take().or(registry);
    }

    fn save_account(&mut self, unit: &UnitId, tentative: &Tentative<'_>) {
        self.accounts.entry(unit.clone()).or_insert_with(|| tentative.accounts.get(unit).cloned());
    }
}

fn absorb<K: Ord, V>(first: &mut BTreeMap<K, V>, later: BTreeMap<K, V>) {
    for (key, value) in later {
        first.entry(key).or_insert(value);
    }
}

fn put_back<K: Ord, V>(map: &mut BTreeMap<K, V>, before: BTreeMap<K, Option<V>>) {
    for (key, value) in before {
        match value {
            Some(value) => map.insert(key, value),
            None => map.remove(&key),
        };
    }
}

struct Tentative<'a> {
    base: &'a mut Store,
    ids: BTreeMap<EventId, Seen>,
    cases: BTreeMap<CaseId, Box<CaseState>>,
    accounts: BTreeMap<UnitId, Box<AccountState>>,
    proofs: Proofs,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(base: &'a mut Store, registry: &Registry) -> Self {
        Self {
            registry: registry.clone(),
            position: base.progress().position,
            keys: VerifierCache::default(),
            tentative: Tentative {
                base,
                ids: BTreeMap::new(),
                cases: BTreeMap::new(),
                accounts: BTreeMap::new(),
                proofs: Proofs::default(),
            },
            journal: None,
        }
    }

    /// Applies the signed events of one command as if they came next: all of them, or none when one would have no
    /// effect, whose cause is the answer.
    pub fn apply_all(&mut self, events: &[Tried<'_>]) -> Result<Option<Cause>, ModelError> {
        let before = self.savepoint(events);
        for event in events {
            let Tried { id, subject, event, .. } = event;
            self.position += 1;
            let (bytes, signature) = (&event.bytes, &event.signature);
            let record = RawRecord { position: self.position, id: *id, subject, bytes, signature };
            // The desk has just signed it.
            let prepared = prepare(record, SignatureCheck::Trust, &mut self.keys);
            if let Some(cause) = fold(&mut self.registry, &mut self.tentative, prepared)? {
                self.restore(before);
                return Ok(Some(cause));
            }
        }
        if let Some(journal) = &mut self.journal {
            journal.absorb(before);
        }
        Ok(None)
    }

    /// Lays an event on top that is published or will be whatever becomes of it, such as one that waits in an outbox. Like one that
    /// comes from the log, it may have no effect.
    pub fn lay(&mut self, id: EventId, subject: &str, bytes: &[u8], signature: &[u8]) -> Result<(), ModelError> {
        self.position += 1;
        let record = RawRecord { position: self.position, id, subject, bytes, signature };
        let prepared = prepare(record, SignatureCheck::Trust, &mut self.keys);
        fold(&mut self.registry, &mut self.tentative, prepared)?;
        Ok(())
    }

    /// The cases that the tentative events have touched.
    pub fn touched_cases(&self) -> impl Iterator<Item = &CaseState> {
        self.tentative.cases.values().map(AsRef::as_ref)
    }

    /// Begins to remember, so that several commands can be undone together.
    pub fn begin(&mut self) {
        self.journal = Some(self.empty_savepoint());
    }

    /// Lets stand what was done since [`Self::begin`].
    pub fn keep(&mut self) {
        self.journal = None;
    }

    /// Undoes what was done since [`Self::begin`].
    pub fn undo(&mut self) {
        if let Some(journal) = self.journal.take() {
            self.restore(journal);
        }
    }

    fn empty_savepoint(&self) -> Savepoint {
        Savepoint { position: self.position, proofs: self.tentative.proofs.clone(), ..Savepoint::default() }
    }

    fn savepoint(&self, events: &[Tried<'_>]) -> Savepoint {
        let mut before = self.empty_savepoint();
        for event in events {
            // An id that stands already is not this command's to forget.
            if !self.tentative.ids.contains_key(&event.id) {
                before.ids.push(event.id);
            }
            before
                .chains
                .entry(event.source.clone())
                .or_insert_with(|| self.registry.chains.get(event.source).cloned());
            match event.touches {
                Touches::Registry => {
                    before.registry.get_or_insert_with(|| self.registry.clone());
                }
                Touches::Case { case, unit } => {
                    before.cases.entry(*case).or_insert_with(|| self.tentative.cases.get(case).cloned());
                    before.save_account(unit, &self.tentative);
                }
                Touches::Account { unit } => before.save_account(unit, &self.tentative),
                Touches::Nothing => {}
            }
        }
        before
    }

    fn restore(&mut self, before: Savepoint) {
        self.position = before.position;
        for id in before.ids {
            self.tentative.ids.remove(&id);
        }
        put_back(&mut self.tentative.cases, before.cases);
        put_back(&mut self.tentative.accounts, before.accounts);
        self.tentative.proofs = before.proofs;
        if let Some(registry) = before.registry {
            self.registry = registry;
        }
        put_back(&mut self.registry.chains, before.chains);
    }

    /// The registry with the tentative events.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Whether an event of this id stands already.
    pub fn is_known(&mut self, id: EventId) -> Result<bool, ModelError> {
        Ok(self.tentative.seen(id)?.is_some())
    }

    /// A case with the tentative events.
    pub fn case(&self, id: CaseId) -> Result<Option<Box<CaseState>>, ModelError> {
        let Tentative { base, cases, .. } = &self.tentative;
        cases.get(&id).map_or_else(|| base.case(id), |case| Ok(Some(case.clone())))
    }

    /// An account with the tentative events.
    pub fn account(&self, unit: &UnitId) -> Result<Option<Box<AccountState>>, ModelError> {
        let Tentative { base, accounts, .. } = &self.tentative;
        accounts.get(unit).map_or_else(|| base.account(unit), |account| Ok(Some(account.clone())))
    }

    /// A certificate with the tentative events.
    pub fn certificate(&self, id: CertificateId) -> Result<Option<Box<CertificateState>>, ModelError> {
        self.tentative.certificate_state(id)
    }
}

impl Tentative<'_> {
    fn certificate_state(&self, id: CertificateId) -> Result<Option<Box<CertificateState>>, ModelError> {
        let known = self.proofs.certificates.get(&id);
        known.map_or_else(|| self.base.certificate_state(id), |certificate| Ok(Some(certificate.clone())))
    }
}

impl States for Tentative<'_> {
    type Error = ModelError;

    fn remember(&mut self, id: EventId, seen: Seen) -> Result<Option<Seen>, ModelError> {
        let first = self.seen(id)?;
        if first.is_none() {
            self.ids.insert(id, seen);
        }
        Ok(first)
    }

    fn seen(&mut self, id: EventId) -> Result<Option<Seen>, ModelError> {
        self.ids.get(&id).map_or_else(|| self.base.seen(id), |seen| Ok(Some(*seen)))
    }

    fn take_case(&mut self, id: CaseId) -> Result<Option<Box<CaseState>>, ModelError> {
        self.cases.remove(&id).map_or_else(|| self.base.case(id), |case| Ok(Some(case)))
    }

    fn take_account(&mut self, unit: &UnitId) -> Result<Option<Box<AccountState>>, ModelError> {
        self.accounts.remove(unit).map_or_else(|| self.base.account(unit), |account| Ok(Some(account)))
    }

    fn certificate(&mut self, id: CertificateId) -> Result<Option<Box<CertificateState>>, ModelError> {
        self.certificate_state(id)
    }

    fn cosigned_at(&mut self, size: u64) -> Result<Vec<Cosignature>, ModelError> {
        let mut all = self.base.cosigned_at(size)?;
        all.extend(self.proofs.cosignatures.iter().filter(|cosignature| cosignature.size == size).cloned());
        Ok(all)
    }

    fn largest_cosigned(&mut self, agency: &AgencyCode) -> Result<Option<LargestCosigned>, ModelError> {
        let own = self.proofs.cosignatures.iter().filter(|cosignature| cosignature.agency == *agency);
        let own = own.map(|&Cosignature { size, position, .. }| LargestCosigned { size, position });
        let stored = self.base.largest_cosigned(agency)?;
        // Of several of one size the first counts.
        Ok(stored.into_iter().chain(own).reduce(|largest, next| if next.size > largest.size { next } else { largest }))
    }

    fn cosign(&mut self, cosignature: Cosignature) -> Result<(), ModelError> {
        self.proofs.cosignatures.push(cosignature);
        Ok(())
    }

    fn put(&mut self, touched: Touched, changes: Option<Changes>) -> Result<(), ModelError> {
        if let Some(certificate) = touched.certificate.filter(|_| changes.is_some_and(|it| it.certificate)) {
            self.proofs.certificates.insert(certificate.id, certificate);
        }
        if let Some(case) = touched.case {
            self.cases.insert(case.id, case);
        }
        if let Some(account) = touched.account {
            self.accounts.insert(account.unit.clone(), account);
        }
        Ok(())
    }

    fn note(&mut self, _: Anomaly) -> Result<(), ModelError> {
        Ok(())
    }

    fn registry_changed(&mut self) {}
}
