//! The whole log under another rulebook: which units and cases would stand otherwise, and how.
//!
//! The log is folded again with the other rulebook in the place of the published ones where points are concerned
//! ([`SimulatedRulebook`](crate::state::SimulatedRulebook)); what was decided and what ran stays as it was. [`compare`] holds the two
//! sets of tables against each other.

mod change;
mod tally;

use fengsui_event::{CaseId, Date, EventId, Points};
use fengsui_rulebook::Rulebook;

pub use change::{Amount, CaseChange, EntryChange, Standing, UnitChange};
pub use tally::{EffectChange, Summary, Tally};

use crate::projector::Watcher;
use crate::query::{LedgerLine, UnitRow, View};
use crate::state::CaseState;
use crate::store::ModelError;
use change::{balance_on, changed_cases, changed_entries};

/// Positions whose anomalies are compared together.
const WINDOW_POSITIONS: u64 = 10_000;
/// Units between two reports of how far it is.
const TELL_EVERY: u64 = 256;

/// The tables of one side, with the rulebook that gives grades on the day.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The tables.
    pub view: View<'a>,
    /// The rulebook by which a balance becomes a grade.
    pub grades: Option<&'a Rulebook>,
}

impl Side<'_> {
    fn standing(&self, balance: Points) -> Standing {
        Standing { balance, grade: self.grades.map(|book| book.grade(balance)) }
    }
}

/// Compares two sets of tables of one log up to one position, as of a day. `watcher` is told of units. Shows each unit that differs to `visit`, in order of
/// identifiers, and returns the sums over all of them. Memory does not grow with the units.
pub fn compare<E: From<ModelError>>(
    from: Side<'_>,
    to: Side<'_>,
    on: Date,
    watcher: &mut dyn Watcher,
    visit: &mut dyn FnMut(&UnitChange) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut summary = Summary::default();
    let mut failed: Option<E> = None;
    let position = from.view.progress()?.0.position;
    let units = from.view.unit_count()?;
    let walked = from.view.each_unit(on, None, |row| {
        if summary.units % TELL_EVERY == 0 && watcher.reached(summary.units, units).is_break() {
            return Err(ModelError::Interrupted { position });
        }
        let Some(change) = unit_change(from, to, on, row, &mut summary)? else { return Ok(()) };
        failed = visit(&change).err();
        if failed.is_some() { Err(ENDED) } else { Ok(()) }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    walked?;
    effects(from.view, to.view, &mut summary)?;
    Ok(summary)
}

/// Ends a query because what was read cannot be shown.
const ENDED: ModelError = ModelError::Interrupted { position: u64::MAX };

fn unit_change(
    from: Side<'_>,
    to: Side<'_>,
    on: Date,
    row: UnitRow,
    summary: &mut Summary,
) -> Result<Option<UnitChange>, ModelError> {
    summary.units += 1;
    let UnitRow { unit, name, balance, .. } = row;
    let (before, after) = (from.view.entries(&unit)?, to.view.entries(&unit)?);
    let entries = changed_entries(&before, &after);
    let standing = (from.standing(balance), to.standing(balance_on(&after, on)));
    if entries.is_empty() && standing.0 == standing.1 {
        return Ok(None);
    }
    let mut cases = Vec::new();
    for (id, before, after) in changed_cases(&entries) {
        let Some(case) = from.view.case(id)? else { continue };
        cases.push(case_change(&case, before, after));
    }
    let change = UnitChange { unit, name, from: standing.0, to: standing.1, entries, cases };
    summary.add(&change);
    Ok(Some(change))
}

fn case_change(case: &CaseState, from: Points, to: Points) -> CaseChange {
    let category = case.category.clone();
    CaseChange { case: case.id, category, severity: case.severity, reporter: case.reporter, from, to }
}

/// Events that one side refuses and the other does not: where points decide whether something is allowed.
fn effects(from: View<'_>, to: View<'_>, summary: &mut Summary) -> Result<(), ModelError> {
    let last = from.progress()?.0.position;
    let mut first = 1;
    while first <= last {
        let until = first.saturating_add(WINDOW_POSITIONS - 1);
        let refused = |view: View<'_>| -> Result<Vec<Refused>, ModelError> {
            let rows = view.anomalies_between(first, until)?.into_iter().filter(|row| !row.notice);
            Ok(rows.map(|row| Refused { position: row.position, event: row.id, code: row.code }).collect())
        };
        let (before, after) = (refused(from)?, refused(to)?);
        let missing = |from: &[Refused], to: &[Refused]| -> Vec<Refused> {
            from.iter().filter(|one| !to.contains(one)).cloned().collect()
        };
        for Refused { position, event, code } in missing(&before, &after) {
            summary.add_effect(EffectChange { position, event, from: Some(code), to: None });
        }
        for Refused { position, event, code } in missing(&after, &before) {
            summary.add_effect(EffectChange { position, event, from: None, to: Some(code) });
        }
        first = until.saturating_add(1);
    }
    Ok(())
}

/// An event without effect.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    position: u64,
    event: EventId,
    code: String,
}

impl LedgerLine {
    /// What makes an entry the same in two ledgers, whatever it is worth.
    fn place(&self) -> (u64, &str, Option<CaseId>) {
        (self.position, &self.kind, self.case)
    }
}
