//! Trying events before they are published: the same fold, on copies. What it would refuse is refused at the desk.

use std::collections::BTreeMap;

use fengsui_event::{AgencyCode, CaseId, EventId, SignedEvent, UnitId};

use crate::fold::admission::{RawRecord, SignatureCheck, VerifierCache, prepare};
use crate::fold::driver::{Seen, States, fold};
use crate::fold::{Anomaly, Cause, Changes, Touched};
use crate::state::{AccountState, CaseState, Registry};
use crate::store::{ModelError, Store};

/// A projector's state with tentative events on top. Dropping it forgets them.
pub struct Overlay<'a> {
    registry: Registry,
    position: u64,
    keys: VerifierCache,
    tentative: Tentative<'a>,
}

struct Tentative<'a> {
    base: &'a mut Store,
    ids: BTreeMap<EventId, Seen>,
    cases: BTreeMap<CaseId, Box<CaseState>>,
    accounts: BTreeMap<UnitId, Box<AccountState>>,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(base: &'a mut Store, registry: &Registry) -> Self {
        Self {
            registry: registry.clone(),
            position: base.progress().position,
            keys: VerifierCache::default(),
            tentative: Tentative { base, ids: BTreeMap::new(), cases: BTreeMap::new(), accounts: BTreeMap::new() },
        }
    }

    /// Applies a signed event as if it came next. Answers why it would have no effect, if it would not.
    pub fn apply(&mut self, id: EventId, subject: &str, event: &SignedEvent) -> Result<Option<Cause>, ModelError> {
        self.position += 1;
        let record =
            RawRecord { position: self.position, id, subject, bytes: &event.bytes, signature: &event.signature };
        // The desk has just signed it.
        let prepared = prepare(record, SignatureCheck::Trust, &mut self.keys);
        fold(&mut self.registry, &mut self.tentative, prepared)
    }

    /// The registry with the tentative events.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The authority of the exchange.
    pub fn authority(&self) -> AgencyCode {
        self.registry.authority
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

    fn put(&mut self, touched: Touched, _: Option<Changes>) -> Result<(), ModelError> {
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
