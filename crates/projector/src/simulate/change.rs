//! What differs between two ledgers of one unit. Values in, values out.

use std::collections::{BTreeMap, VecDeque};

use fengsui_event::{AgencyCode, CaseId, CategoryCode, Date, EventId, Points, Severity, UnitId};
use fengsui_rulebook::Grade;
use serde::Serialize;

use crate::query::LedgerLine;

/// A unit that would stand otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitChange {
    /// The unit.
    pub unit: UnitId,
    /// Its name.
    pub name: String,
    /// As it stands.
    pub from: Standing,
    /// As it would stand.
    pub to: Standing,
    /// The entries that differ, in order of position.
    pub entries: Vec<EntryChange>,
    /// The cases whose points differ, in order of their ids.
    pub cases: Vec<CaseChange>,
}

/// A balance with its grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The balance on the day asked for.
    pub balance: Points,
    /// Its grade, where a rulebook is in force.
    pub grade: Option<Grade>,
}

/// An entry that would be another, or that only one of the ledgers has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntryChange {
    /// Position of the event that causes it.
    pub position: u64,
    /// That event.
    pub cause: EventId,
    /// Why points move.
    pub kind: String,
    /// The case.
    pub case: Option<CaseId>,
    /// As it is.
    pub from: Option<Amount>,
    /// As it would be.
    pub to: Option<Amount>,
}

/// What an entry is worth, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// The rule.
    pub rule: String,
    /// The rulebook's version.
    pub rulebook: String,
    /// Signed points.
    pub points: Points,
    /// First day on which it counts.
    pub effective_on: Date,
    /// First day on which it no longer counts.
    pub counted_until: Option<Date>,
}

impl Amount {
    fn of(line: &LedgerLine) -> Self {
        let LedgerLine { rule, rulebook, points, effective_on, counted_until, .. } = line.clone();
        Self { rule, rulebook, points, effective_on, counted_until }
    }

    /// Whether both weigh the same on every day. By what name and in which rulebook a rule says so makes no difference.
    fn weighs_as(&self, other: &Self) -> bool {
        let weight = |of: &Self| (of.points, of.effective_on, of.counted_until);
        weight(self) == weight(other)
    }
}

/// A case whose points would be others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseChange {
    /// The case.
    pub case: CaseId,
    /// Kind.
    pub category: CategoryCode,
    /// Gravity.
    pub severity: Severity,
    /// Who found it.
    pub reporter: AgencyCode,
    /// The sum of its entries that differ.
    pub from: Points,
    /// As it would be.
    pub to: Points,
}

/// The entries in which two ledgers of one unit differ. Each side is in order of its numbers; of several entries of one kind at one
/// position, the first belongs to the first.
pub(super) fn changed_entries(from: &[LedgerLine], to: &[LedgerLine]) -> Vec<EntryChange> {
    let mut others: BTreeMap<_, VecDeque<&LedgerLine>> = BTreeMap::new();
    for line in to {
        others.entry(line.place()).or_default().push_back(line);
    }
    let mut changes = Vec::new();
    for line in from {
        let other = others.get_mut(&line.place()).and_then(VecDeque::pop_front);
        let (from, to) = (Amount::of(line), other.map(Amount::of));
        if to.as_ref().is_none_or(|to| !from.weighs_as(to)) {
            changes.push(change(line, Some(from), to));
        }
    }
    changes.extend(others.into_values().flatten().map(|line| change(line, None, Some(Amount::of(line)))));
    changes.sort_by(|one, other| (one.position, &one.kind).cmp(&(other.position, &other.kind)));
    changes
}

fn change(line: &LedgerLine, from: Option<Amount>, to: Option<Amount>) -> EntryChange {
    let LedgerLine { position, cause, kind, case, .. } = line.clone();
    EntryChange { position, cause, kind, case, from, to }
}

/// The cases of changed entries whose sums differ, with the sums of those entries.
pub(super) fn changed_cases(entries: &[EntryChange]) -> Vec<(CaseId, Points, Points)> {
    let mut sums: BTreeMap<CaseId, (i32, i32)> = BTreeMap::new();
    let points = |amount: &Option<Amount>| amount.as_ref().map_or(0, |amount| amount.points.0);
    for entry in entries {
        if let Some(case) = entry.case {
            let sum = sums.entry(case).or_default();
            *sum = (sum.0.saturating_add(points(&entry.from)), sum.1.saturating_add(points(&entry.to)));
        }
    }
    sums.into_iter().map(|(case, (from, to))| (case, Points(from), Points(to))).collect()
}

/// The balance that entries make on a day: all that were entered, less those that no longer count.
pub(super) fn balance_on(entries: &[LedgerLine], on: Date) -> Points {
    let counts = |line: &&LedgerLine| line.counted_until.is_none_or(|until| until > on);
    Points(entries.iter().filter(counts).fold(0, |sum, line| sum.saturating_add(line.points.0)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn line(number: u32, position: u64, kind: &str, points: i32) -> LedgerLine {
        LedgerLine {
            number,
            kind: kind.to_owned(),
            points: Points(points),
            balance: Points::ZERO,
            effective_on: "2026-03-02".parse().unwrap(),
            counted_until: None,
            rule: format!("{kind}/rule"),
            rulebook: "one".to_owned(),
            case: (kind != "opening").then(|| CaseId::from_bytes([1; 16])),
            cause: EventId::from_bytes([2; 16]),
            position,
        }
    }

    fn differs(from: &[LedgerLine], to: &[LedgerLine]) -> Vec<(u64, Option<i32>, Option<i32>)> {
        let points = |amount: Option<Amount>| amount.map(|amount| amount.points.0);
        changed_entries(from, to).into_iter().map(|it| (it.position, points(it.from), points(it.to))).collect()
    }

    #[test]
    fn entries_differ_in_weight_not_in_name_or_number() {
        let old = [line(1, 1, "opening", 100), line(2, 5, "deduction", -5), line(3, 9, "restoration", 2)];
        assert_eq!(differs(&old, &old), []);
        let mut renamed = old.clone();
        renamed[1].rule = "points/other".to_owned();
        renamed[1].rulebook = "two".to_owned();
        renamed[2].number = 7;
        assert_eq!(differs(&old, &renamed), []);
        let mut heavier = old.to_vec();
        heavier[1].points = Points(-8);
        heavier.insert(2, line(3, 5, "repetition", -4));
        assert_eq!(differs(&old, &heavier), [(5, Some(-5), Some(-8)), (5, None, Some(-4))]);
        assert_eq!(differs(&heavier, &old), [(5, Some(-8), Some(-5)), (5, Some(-4), None)]);
        let mut shorter = old.clone();
        shorter[1].counted_until = Some("2027-03-02".parse().unwrap());
        assert_eq!(differs(&old, &shorter), [(5, Some(-5), Some(-5))]);
    }

    #[test]
    fn several_entries_of_a_kind_at_one_position_are_paired_in_order() {
        let old = [line(1, 7, "correction", 5), line(2, 7, "correction", 2)];
        let new = [line(1, 7, "correction", 5), line(2, 7, "correction", 4), line(3, 7, "correction", 1)];
        assert_eq!(differs(&old, &new), [(7, Some(2), Some(4)), (7, None, Some(1))]);
    }

    #[test]
    fn sums_of_cases_and_balances_of_days() {
        let old = [line(1, 1, "opening", 100), line(2, 5, "deduction", -5)];
        let mut new = [line(1, 1, "opening", 90), line(2, 5, "deduction", -8), line(3, 9, "late", -2)];
        new[1].counted_until = Some("2026-09-01".parse().unwrap());
        let changes = changed_entries(&old, &new);
        // The opening belongs to no case.
        assert_eq!(changed_cases(&changes), [(CaseId::from_bytes([1; 16]), Points(-5), Points(-10))]);
        assert_eq!(balance_on(&new, "2026-08-31".parse().unwrap()), Points(80));
        assert_eq!(balance_on(&new, "2026-09-01".parse().unwrap()), Points(88));
    }
}
