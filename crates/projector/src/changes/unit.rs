//! What became of an account: balance, grade, and the lines that made the difference.

use std::collections::{BTreeMap, BTreeSet};

use fengsui_event::{Date, Points, UnitId};
use fengsui_rulebook::Grade;
use serde::{Serialize, Serializer};

use super::Side;
use crate::query::LedgerLine;

/// Where a unit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UnitStanding {
    /// Its balance on the day.
    pub balance: Points,
    /// The grade that follows, where a rulebook is in force.
    pub grade: Option<Grade>,
}

/// A unit that stands otherwise, or whose ledger has more lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitChange {
    /// The unit.
    pub unit: UnitId,
    /// Its name.
    pub name: String,
    /// Where it stood; absent where it had no account.
    pub from: Option<UnitStanding>,
    /// Where it stands.
    pub to: UnitStanding,
    /// The lines that came, in order of effect: entries, and the expiry of those that no longer count. Their sum is the difference.
    pub lines: Vec<LedgerLine>,
}

/// The grade that a unit had and the one that it has.
pub type Grades = (Option<Grade>, Option<Grade>);

/// Writes counts by grades as a list, since JSON's keys are text.
pub(super) fn grades_as_list<S: Serializer>(grades: &BTreeMap<Grades, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Counted {
        from: Option<Grade>,
        to: Option<Grade>,
        count: u64,
    }
    serializer.collect_seq(grades.iter().map(|(&(from, to), &count)| Counted { from, to, count }))
}

impl UnitChange {
    /// Both grades, where they differ.
    pub(super) fn grades(&self) -> Option<Grades> {
        let from = self.from.and_then(|from| from.grade);
        (from != self.to.grade).then_some((from, self.to.grade))
    }
}

/// Compares the entries of an account; nothing where all is as it was.
pub(super) fn change(
    unit: &UnitId,
    name: String,
    (before, from): (&[LedgerLine], Side<'_>),
    (after, to): (&[LedgerLine], Side<'_>),
) -> Option<UnitChange> {
    let was = (!before.is_empty()).then(|| standing(before, from));
    let (known, is) = (lines(before, from.date), standing(after, to));
    let known: BTreeSet<(u32, &str)> = known.iter().map(|line| (line.number, line.kind.as_str())).collect();
    let mut lines = lines(after, to.date);
    lines.retain(|line| !known.contains(&(line.number, line.kind.as_str())));
    if lines.is_empty() && was == Some(is) {
        return None;
    }
    Some(UnitChange { unit: unit.clone(), name, from: was, to: is, lines })
}

fn lines(entries: &[LedgerLine], on: Date) -> Vec<LedgerLine> {
    crate::query::ledger_lines(entries.to_vec(), on)
}

fn standing(entries: &[LedgerLine], side: Side<'_>) -> UnitStanding {
    let balance = lines(entries, side.date).last().map_or(Points::ZERO, |line| line.balance);
    let grade = side.registry.rulebook(side.date).ok().map(|book| book.grade(balance));
    UnitStanding { balance, grade }
}
