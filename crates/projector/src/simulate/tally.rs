//! Sums over everything that would change.

use std::collections::BTreeMap;

use fengsui_event::{AgencyCode, CategoryCode, EventId};
use serde::Serialize;

use super::UnitChange;

/// How many events with another effect are named; all are counted.
const EFFECTS_NAMED_MAX: usize = 100;

/// Sums over all units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Units that were looked at.
    pub units: u64,
    /// Units of which anything differs.
    pub changed: u64,
    /// Units whose balance differs.
    pub balances: u64,
    /// Units whose grade differs, by both grades, such as `B>C`; `-` where no rulebook is in force.
    pub grades: BTreeMap<String, u64>,
    /// Cases whose points differ, by category.
    pub categories: BTreeMap<CategoryCode, Tally>,
    /// Cases whose points differ, by the agency that found them.
    pub agencies: BTreeMap<AgencyCode, Tally>,
    /// How many events have an effect on one side only.
    pub effects: u64,
    /// The first of them.
    pub effects_named: Vec<EffectChange>,
}

/// Cases whose points differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many.
    pub cases: u64,
    /// Sum of the points of the entries that differ.
    pub from: i64,
    /// As it would be.
    pub to: i64,
}

/// An event that has its effect on one side only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EffectChange {
    /// Its position.
    pub position: u64,
    /// The event.
    pub event: EventId,
    /// Why it has none as things are.
    pub from: Option<String>,
    /// Why it would have none.
    pub to: Option<String>,
}

impl Summary {
    pub(super) fn add(&mut self, change: &UnitChange) {
        let UnitChange { from, to, cases, .. } = change;
        self.changed += 1;
        self.balances += u64::from(from.balance != to.balance);
        if from.grade != to.grade {
            let text =
                |grade: Option<fengsui_rulebook::Grade>| grade.map_or_else(|| "-".to_owned(), |it| it.to_string());
            *self.grades.entry(format!("{}>{}", text(from.grade), text(to.grade))).or_default() += 1;
        }
        for case in cases {
            self.categories.entry(case.category.clone()).or_default().add(case.from.0, case.to.0);
            self.agencies.entry(case.reporter).or_default().add(case.from.0, case.to.0);
        }
    }

    pub(super) fn add_effect(&mut self, change: EffectChange) {
        self.effects += 1;
        if self.effects_named.len() < EFFECTS_NAMED_MAX {
            self.effects_named.push(change);
        }
    }
}

impl Tally {
    fn add(&mut self, from: i32, to: i32) {
        self.cases += 1;
        self.from += i64::from(from);
        self.to += i64::from(to);
    }
}
