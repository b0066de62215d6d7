//! One unit's part of the log, folded again from verified bytes: first the register from the exchange file's keys on, then, in order of
//! position, everything that the unit's account and cases rest on.

use std::collections::{BTreeMap, BTreeSet};

use fengsui_event::{CaseId, Digest, Event, Payload, Subject, UnitId};
use fengsui_log::EventLog;

use super::RulebookOrigin;
use super::calculation::{Calculation, Circumstances};
use super::effect;
use super::selection::Tables;
use super::trace::{TracedEvent, trace};
use crate::fold::admission::VerifierCache;
use crate::fold::{Cause, Rejection, Touched, Touches, apply, apply_to_registry, touches};
use crate::state::{AccountState, CaseState, LedgerEntry, PublishedRulebook, Registry};
use crate::store::ModelError;

/// What the log gives.
pub(super) struct Refolded {
    /// Events of the unit, by position.
    pub(super) events: BTreeMap<u64, TracedEvent>,
    /// Events of the register, by position.
    pub(super) register: BTreeMap<u64, TracedEvent>,
    /// The entries in order of their numbers, each with its calculation and the rulebook that decided.
    pub(super) entries: Vec<Worked>,
    /// The cases.
    pub(super) cases: BTreeMap<CaseId, CaseState>,
    /// The account.
    pub(super) account: Option<AccountState>,
    /// The register at the end.
    pub(super) registry: Registry,
}

/// An entry that the log gives.
pub(super) struct Worked {
    pub(super) entry: LedgerEntry,
    pub(super) calculation: Option<Calculation>,
    pub(super) published: Option<RulebookOrigin>,
}

/// Where a rulebook comes from.
pub(super) fn origin(published: &PublishedRulebook) -> RulebookOrigin {
    use fengsui_event::Language;

    RulebookOrigin {
        version: published.book.version().to_owned(),
        name: [Language::Zh, Language::En].map(|language| published.book.name(language).to_owned()),
        position: published.position,
        effective_from: published.effective_from,
        // What the log holds, whatever it claims.
        sha256: Digest::of(published.text.as_bytes()),
    }
}

/// Folds again what the tables name.
pub(super) fn refold<L: EventLog + ?Sized>(
    log: &L,
    genesis: Registry,
    tables: &Tables,
) -> Result<Refolded, ModelError> {
    let mut fold = Refold {
        unit: &tables.unit,
        keys: VerifierCache::default(),
        cases: BTreeMap::new(),
        account: None,
        out: Refolded {
            events: BTreeMap::new(),
            register: BTreeMap::new(),
            entries: Vec::new(),
            cases: BTreeMap::new(),
            account: None,
            registry: genesis,
        },
    };
    let positions: BTreeSet<u64> = tables.register.iter().chain(tables.events.keys()).copied().collect();
    for position in positions {
        let traced = trace(log, &fold.out.registry, position, &mut fold.keys)?;
        if tables.register.contains(&position) {
            fold.register(traced);
        } else {
            fold.event(traced, tables);
        }
    }
    let Refold { cases, account, mut out, .. } = fold;
    out.cases = cases.into_iter().map(|(id, case)| (id, *case)).collect();
    out.account = account.map(|account| *account);
    name_causes(log, &mut out)?;
    Ok(out)
}

/// Looks up where the events stand that others say they follow from.
fn name_causes<L: EventLog + ?Sized>(log: &L, out: &mut Refolded) -> Result<(), ModelError> {
    for traced in out.events.values_mut() {
        if let Some(causation) = traced.causation {
            let found = log.find(causation).map_err(ModelError::Log)?;
            traced.caused_by = found.first().map(|position| position.get()).filter(|first| *first < traced.position);
        }
    }
    Ok(())
}

struct Refold<'a> {
    unit: &'a UnitId,
    keys: VerifierCache,
    cases: BTreeMap<CaseId, Box<CaseState>>,
    account: Option<Box<AccountState>>,
    out: Refolded,
}

impl Refold<'_> {
    fn register(&mut self, mut traced: TracedEvent) {
        if let (true, Some((event, payload))) = (traced.genuine, understood(&traced)) {
            let applied = apply_to_registry(&mut self.out.registry, traced.position, event, payload);
            traced.without_effect = applied.err().map(Cause::Rejected);
        } else {
            traced.without_effect.clone_from(&traced.fault);
        }
        self.out.register.insert(traced.position, traced);
    }

    fn event(&mut self, mut traced: TracedEvent, tables: &Tables) {
        let known = tables.events.get(&traced.position);
        traced.notices = known.map(|known| known.notices.clone()).unwrap_or_default();
        traced.without_effect = known.and_then(|known| known.without_effect.clone());
        if traced.without_effect.is_none() {
            traced.without_effect = if traced.genuine { self.apply(&mut traced).err() } else { traced.fault.clone() };
        }
        self.out.events.insert(traced.position, traced);
    }

    /// Gives an event its effect, or says why it has none.
    fn apply(&mut self, traced: &mut TracedEvent) -> Result<(), Cause> {
        let (event, payload) = understood(traced).ok_or(Cause::UnknownType)?;
        let mut touched = self.take(event)?;
        let before = touched.clone();
        match apply(&self.out.registry, &mut touched, traced.position, event, payload) {
            Err(rejection) => {
                self.put(before);
                Err(Cause::Rejected(rejection))
            }
            Ok(changes) => {
                let effect = effect::changes(&before, &touched, &changes, &self.out.registry.authority);
                for entry in changes.entries {
                    let worked = self.work_out(entry, event, payload, &before, &touched);
                    self.out.entries.push(worked);
                }
                self.put(touched);
                traced.effect = effect;
                Ok(())
            }
        }
    }

    fn work_out(
        &self,
        entry: LedgerEntry,
        event: &Event,
        payload: &Payload,
        before: &Touched,
        after: &Touched,
    ) -> Worked {
        let on = event.recorded_on();
        let published = self.out.registry.rulebooks.iter().rev().find(|published| published.effective_from <= on);
        let earlier: Vec<LedgerEntry> = self.out.entries.iter().map(|worked| worked.entry.clone()).collect();
        let calculation = published.and_then(|published| {
            let case = after.case.as_deref();
            Circumstances { before, case, published, payload, earlier: &earlier }.calculate(&entry)
        });
        Worked { entry, calculation, published: published.map(origin) }
    }

    /// The state that an event touches: of this unit and no other.
    fn take(&mut self, event: &Event) -> Result<Touched, Cause> {
        let foreign = |found: &Subject| {
            let expected = Subject::Unit(self.unit.clone()).to_string();
            Cause::Rejected(Rejection::Incoherent { found: found.to_string(), expected })
        };
        match touches(event) {
            Touches::Case { case, unit } if unit == *self.unit => {
                Ok(Touched { case: self.cases.remove(&case), account: self.account.take(), ..Touched::default() })
            }
            Touches::Account { unit } if unit == *self.unit => {
                Ok(Touched { account: self.account.take(), ..Touched::default() })
            }
            _ => Err(foreign(&event.subject)),
        }
    }

    fn put(&mut self, touched: Touched) {
        if let Some(case) = touched.case {
            self.cases.insert(case.id, case);
        }
        self.account = touched.account;
    }
}

fn understood(traced: &TracedEvent) -> Option<(&Event, &Payload)> {
    let event = traced.parsed.as_deref()?;
    Some((event, event.payload()?))
}
