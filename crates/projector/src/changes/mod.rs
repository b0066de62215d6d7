//! What changed between two positions of one log: register, cases, accounts, anomalies.
//!
//! A pure comparison of two sets of tables, the earlier and the later. Memory does not grow with cases or units: the later tables are walked, and what
//! they were is looked up in the earlier ones.

mod case;
mod register;
mod unit;

use std::collections::BTreeMap;

use fengsui_event::{AgencyCode, Date, UnitId};
use serde::Serialize;

use crate::projector::Watcher;
use crate::query::{AnomalyRow, CaseFilter, View};
use crate::state::{CaseState, Registry};
use crate::store::ModelError;

pub use case::{CaseChange, CaseChanged, CaseStanding};
pub use register::{RegisterChange, RegisterChanged};
pub use unit::{Grades, UnitChange, UnitStanding};

/// Positions whose anomalies are read together.
const WINDOW_POSITIONS: u64 = 10_000;
/// Rows between two reports of how far it is.
const TELL_EVERY: u64 = 256;

/// The tables at one of the two positions.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The tables.
    pub view: View<'a>,
    /// Agencies, keys, rulebooks.
    pub registry: &'a Registry,
    /// The last position folded.
    pub position: u64,
    /// The day on which entries are counted.
    pub date: Date,
}

/// Of what changes are wanted; everything when nothing is given.
#[derive(Clone, Debug, Default)]
pub struct ChangeFilter {
    /// Of this unit.
    pub unit: Option<UnitId>,
    /// Of cases that this agency found or handles, of units that such a case moved, of what it published, and of its own registration.
    pub agency: Option<AgencyCode>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Change {
    /// Of agencies, keys, rulebooks.
    Register(RegisterChange),
    /// Of a case.
    Case(CaseChange),
    /// Of an account.
    Unit(UnitChange),
    /// A record that was not as it should be.
    Anomaly(AnomalyRow),
}

/// How many changes there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChangeCounts {
    /// Of the register, by kind.
    pub register: BTreeMap<RegisterChanged, u64>,
    /// Cases, by what became of them.
    pub cases: BTreeMap<CaseChanged, u64>,
    /// Units whose balance, grade or entries changed.
    pub units: u64,
    /// Units among these with another grade, by the one they had and the one they have.
    #[serde(serialize_with = "unit::grades_as_list")]
    pub grades: BTreeMap<Grades, u64>,
    /// Anomalies, by code.
    pub anomalies: BTreeMap<String, u64>,
}

impl ChangeCounts {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Shows every change from `from` to `to`, which must not be earlier: of the register, then cases by id, units by identifier, anomalies by position.
/// `watcher` is told of cases and units.
pub fn changes<E: From<ModelError>>(
    from: Side<'_>,
    to: Side<'_>,
    filter: &ChangeFilter,
    watcher: &mut dyn Watcher,
    visit: &mut dyn FnMut(Change) -> Result<(), E>,
) -> Result<ChangeCounts, E> {
    let mut counts = ChangeCounts::default();
    if filter.unit.is_none() {
        for change in register::changes(from.registry, to.registry, filter.agency) {
            *counts.register.entry(change.what).or_default() += 1;
            visit(Change::Register(change))?;
        }
    }
    let mut walk = Walk { from, to, filter, watcher, counts, failed: None, walked: 0, visit };
    let cases = walk.cases();
    let units = cases.and_then(|()| walk.units());
    let anomalies = units.and_then(|()| walk.anomalies());
    match (walk.failed, anomalies) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => Ok(walk.counts),
    }
}

/// Ends a query because what was read cannot be shown.
const ENDED: ModelError = ModelError::Interrupted { position: u64::MAX };

struct Walk<'a, E> {
    from: Side<'a>,
    to: Side<'a>,
    filter: &'a ChangeFilter,
    watcher: &'a mut dyn Watcher,
    counts: ChangeCounts,
    failed: Option<E>,
    walked: u64,
    visit: &'a mut dyn FnMut(Change) -> Result<(), E>,
}

impl<E> Walk<'_, E> {
    fn show(&mut self, change: Change) -> Result<(), ModelError> {
        self.failed = (self.visit)(change).err();
        if self.failed.is_some() { Err(ENDED) } else { Ok(()) }
    }

    fn tell(&mut self, target: u64) -> Result<(), ModelError> {
        self.walked += 1;
        if self.walked.is_multiple_of(TELL_EVERY) && self.watcher.reached(self.walked.min(target), target).is_break() {
            return Err(ModelError::Interrupted { position: self.to.position });
        }
        Ok(())
    }

    fn cases(&mut self) -> Result<(), ModelError> {
        let filter = CaseFilter { unit: self.filter.unit.clone(), ..CaseFilter::default() };
        let (to, target) = (self.to, self.to.view.unit_count()?);
        to.view.each_case_state(&filter, |case| {
            self.tell(target)?;
            // Whatever touches a case stands in its history, so one whose history is no longer has not changed.
            if case.history.last().is_none_or(|last| *last <= self.from.position) {
                return Ok(());
            }
            let before = self.from.view.case(case.id)?;
            if !self.concerns(before.as_ref(), &case) {
                return Ok(());
            }
            let change = case::change(before.as_ref(), &case, self.from.position);
            *self.counts.cases.entry(change.what).or_default() += 1;
            self.show(Change::Case(change))
        })
    }

    /// Whether a case is of the agency that was asked for.
    fn concerns(&self, before: Option<&CaseState>, after: &CaseState) -> bool {
        self.filter.agency.is_none_or(|agency| {
            let is_of =
                |case: &CaseState| case.reporter == agency || case.lead().is_some_and(|lead| lead.addressee == agency);
            is_of(after) || before.is_some_and(is_of)
        })
    }

    fn units(&mut self) -> Result<(), ModelError> {
        self.walked = 0;
        let target = self.to.view.unit_count()?;
        if let Some(unit) = &self.filter.unit {
            let account = self.to.view.account(unit)?;
            return account.map_or(Ok(()), |account| self.unit(&account.unit, account.name));
        }
        let to = self.to;
        to.view.each_unit(self.to.date, None, |row| {
            self.tell(target)?;
            self.unit(&row.unit, row.name)
        })
    }

    fn unit(&mut self, unit: &UnitId, name: String) -> Result<(), ModelError> {
        let (before, after) = (self.from.view.entries(unit)?, self.to.view.entries(unit)?);
        let Some(change) = unit::change(unit, name, (&before, self.from), (&after, self.to)) else { return Ok(()) };
        if let Some(agency) = self.filter.agency
            && !self.moved_by(&change, agency)?
        {
            return Ok(());
        }
        self.counts.units += 1;
        if let Some(grades) = change.grades() {
            *self.counts.grades.entry(grades).or_default() += 1;
        }
        self.show(Change::Unit(change))
    }

    /// Whether a case of the agency has moved the account.
    fn moved_by(&self, change: &UnitChange, agency: AgencyCode) -> Result<bool, ModelError> {
        for case in change.lines.iter().filter_map(|line| line.case) {
            let Some(case) = self.to.view.case(case)? else { continue };
            if case.reporter == agency || case.lead().is_some_and(|lead| lead.addressee == agency) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn anomalies(&mut self) -> Result<(), ModelError> {
        let mut first = self.from.position.saturating_add(1);
        while first <= self.to.position {
            let last = first.saturating_add(WINDOW_POSITIONS - 1).min(self.to.position);
            for row in self.to.view.anomalies_between(first, last)? {
                let of_unit = self.filter.unit.as_ref().is_none_or(|unit| row.unit.as_ref() == Some(unit));
                let of_agency = self.filter.agency.is_none_or(|agency| row.agency == Some(agency));
                if of_unit && of_agency {
                    *self.counts.anomalies.entry(row.code.clone()).or_default() += 1;
                    self.show(Change::Anomaly(row))?;
                }
            }
            first = last.saturating_add(1);
        }
        Ok(())
    }
}
