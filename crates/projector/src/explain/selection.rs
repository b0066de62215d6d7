//! What the tables name before the log is read, and what of the result belongs to the question.

use std::collections::{BTreeMap, BTreeSet};

use fengsui_event::{CaseId, Date, Points, UnitId};
use fengsui_rulebook::RuleId;

use super::calculation::{QuotedRule, quoted};
use super::refold::{Refolded, Worked};
use super::trace::TracedEvent;
use super::{Difference, ExplainedCase, ExplainedEntry, Explanation, Target, grading};
use crate::fold::Cause;
use crate::query::{AnomalyFilter, AnomalyRow, CaseFilter, LedgerLine, View};
use crate::state::{AccountState, CaseState, Registry};
use crate::store::ModelError;

/// What the tables say of a unit.
pub(super) struct Tables {
    pub(super) unit: UnitId,
    pub(super) account: AccountState,
    /// The entries in order of their numbers.
    pub(super) entries: Vec<LedgerLine>,
    pub(super) cases: BTreeMap<CaseId, CaseState>,
    /// Positions of the unit's events, with what the tables say of them.
    pub(super) events: BTreeMap<u64, Known>,
    /// Positions of the events that made the register.
    pub(super) register: BTreeSet<u64>,
}

/// What the tables say of an event.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Its case.
    pub(super) case: Option<CaseId>,
    /// Why it had no effect.
    pub(super) without_effect: Option<Cause>,
    /// What was noted although it had its effect.
    pub(super) notices: Vec<Cause>,
}

impl Tables {
    pub(super) fn read(
        view: View<'_>,
        unit: UnitId,
        account: AccountState,
        target: &Target,
    ) -> Result<Self, ModelError> {
        let entries = entries(view, &unit)?;
        let mut cases = BTreeMap::new();
        let filter = CaseFilter { unit: Some(unit.clone()), ..CaseFilter::default() };
        view.each_case_state(&filter, |case| {
            cases.insert(case.id, case);
            Ok(())
        })?;
        let (_, registry) = view.progress()?;
        let register = registry.as_ref().map(register_positions).unwrap_or_default();
        let mut tables = Self { unit, account, entries, cases, events: BTreeMap::new(), register };
        tables.name_events(view, target)?;
        Ok(tables)
    }

    fn name_events(&mut self, view: View<'_>, target: &Target) -> Result<(), ModelError> {
        for entry in &self.entries {
            self.events.entry(entry.position).or_default().case = entry.case;
        }
        for case in self.cases.values() {
            for position in &case.history {
                self.events.entry(*position).or_default().case = Some(case.id);
            }
        }
        let cases: Vec<CaseId> = self.cases.keys().copied().collect();
        for case in cases {
            let filter = AnomalyFilter { case: Some(case), ..AnomalyFilter::default() };
            view.each_anomaly(&filter, |row| {
                self.note(row);
                Ok(())
            })?;
        }
        if let Target::Unit { unit } = target {
            view.each_anomaly(&AnomalyFilter::default(), |row| {
                if row.case.is_none() && row.unit.as_ref() == Some(unit) {
                    self.note(row);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn note(&mut self, row: AnomalyRow) {
        if self.register.contains(&row.position) {
            return;
        }
        let known = self.events.entry(row.position).or_default();
        known.case = known.case.or(row.case);
        if row.notice {
            known.notices.push(row.cause);
        } else {
            known.without_effect = Some(row.cause);
        }
    }
}

/// The entries themselves, without the lines that are made for those that no longer count.
fn entries(view: View<'_>, unit: &UnitId) -> Result<Vec<LedgerLine>, ModelError> {
    let mut lines = view.ledger(unit, Date::MAX)?;
    lines.retain(|line| line.kind != "expiry");
    lines.sort_by_key(|line| line.number);
    Ok(lines)
}

/// Where agencies, keys and rulebooks were registered, ended and published.
fn register_positions(registry: &Registry) -> BTreeSet<u64> {
    let agencies = registry.agencies.values().flat_map(|agency| [Some(agency.registered_at), agency.suspended_at]);
    let keys = registry.keys.values().flat_map(|key| [Some(key.since), key.until]);
    let rulebooks = registry.rulebooks.iter().map(|published| Some(published.position));
    agencies.chain(keys).chain(rulebooks).flatten().filter(|position| *position > 0).collect()
}

/// What of the result belongs to the question.
pub(super) fn select(
    target: Target,
    tables: &Tables,
    refolded: Refolded,
    differences: Vec<Difference>,
    date: Date,
) -> Explanation {
    let chosen = Chosen::of(&target, tables);
    let balance = refolded.entries.iter().filter(|worked| counts(worked, date)).map(|worked| worked.entry.points);
    let balance = balance.fold(Points::ZERO, |sum, points| Points(sum.0.saturating_add(points.0)));
    let (grade, grading) = grading(&refolded, balance, date);
    let entries = tables.entries.iter().filter(|line| chosen.entries.contains(&line.number));
    let entries = entries.map(|line| explained(line, tables, &refolded, &differences, date)).collect();
    let cases = refolded.cases.values().filter(|case| chosen.cases.contains(&case.id));
    let cases = cases.map(|case| explained_case(case, tables, &refolded)).collect();
    let Refolded { mut events, register, account, .. } = refolded;
    events.retain(|position, _| chosen.events.contains(position));
    let named = match &target {
        Target::Unit { .. } => differences,
        Target::Case { .. } | Target::Entry { .. } => {
            differences.into_iter().filter(|difference| chosen.concerns(difference, &register)).collect()
        }
    };
    let events: Vec<TracedEvent> = events.into_values().collect();
    Explanation {
        unit: tables.unit.clone(),
        name: account.map_or_else(|| tables.account.name.clone(), |account| account.name),
        balance,
        grade,
        grading,
        entries,
        cases,
        register: relied_on(&events, register),
        events,
        differences: named,
        target,
    }
}

struct Chosen {
    entries: BTreeSet<u32>,
    cases: BTreeSet<CaseId>,
    events: BTreeSet<u64>,
}

impl Chosen {
    fn of(target: &Target, tables: &Tables) -> Self {
        match target {
            Target::Unit { .. } => Self {
                entries: tables.entries.iter().map(|line| line.number).collect(),
                cases: tables.cases.keys().copied().collect(),
                events: tables.events.keys().copied().collect(),
            },
            Target::Case { case } => {
                let events = of_case(tables, *case, u64::MAX);
                let caused = tables.entries.iter().filter(|line| events.contains(&line.position));
                let entries = caused.map(|line| line.number).collect();
                Self { entries, cases: BTreeSet::from([*case]), events }
            }
            Target::Entry { number, .. } => {
                let line = tables.entries.iter().find(|line| line.number == *number);
                let events = line.map(|line| chain(line, tables)).unwrap_or_default();
                let cases = line.and_then(|line| line.case).into_iter().collect();
                Self { entries: BTreeSet::from([*number]), cases, events }
            }
        }
    }

    /// Whether a difference speaks of something that was chosen, or of the register on which all rests.
    fn concerns(&self, difference: &Difference, register: &BTreeMap<u64, TracedEvent>) -> bool {
        match difference {
            Difference::NotGenuine { position, .. } | Difference::Refused { position, .. } => {
                self.events.contains(position) || register.contains_key(position)
            }
            Difference::Entry { number, .. }
            | Difference::Calculation { number, .. }
            | Difference::NotFromLog { number }
            | Difference::NotInTables { number } => self.entries.contains(number),
            Difference::Case { case, .. } => self.cases.contains(case),
            Difference::Account { .. } => false,
        }
    }
}

fn of_case(tables: &Tables, case: CaseId, last: u64) -> BTreeSet<u64> {
    let of_case = tables.events.range(..=last).filter(|(_, known)| known.case == Some(case));
    of_case.map(|(position, _)| *position).collect()
}

/// The events that led to an entry: those of its case up to the one that caused it.
fn chain(line: &LedgerLine, tables: &Tables) -> BTreeSet<u64> {
    let mut chain = line.case.map(|case| of_case(tables, case, line.position)).unwrap_or_default();
    chain.insert(line.position);
    chain
}

fn counts(worked: &Worked, date: Date) -> bool {
    worked.entry.counted_until.is_none_or(|until| until > date)
}

fn explained(
    line: &LedgerLine,
    tables: &Tables,
    refolded: &Refolded,
    differences: &[Difference],
    date: Date,
) -> ExplainedEntry {
    let worked = refolded.entries.iter().find(|worked| worked.entry.number == line.number);
    let chain = chain(line, tables);
    let differs = differences.iter().any(|difference| match difference {
        Difference::NotGenuine { position, .. } | Difference::Refused { position, .. } => {
            chain.contains(position) || refolded.register.contains_key(position)
        }
        Difference::Entry { number, .. }
        | Difference::Calculation { number, .. }
        | Difference::NotFromLog { number }
        | Difference::NotInTables { number } => *number == line.number,
        Difference::Case { .. } | Difference::Account { .. } => false,
    });
    ExplainedEntry {
        line: line.clone(),
        counts: line.counted_until.is_none_or(|until| until > date),
        calculation: worked.and_then(|worked| worked.calculation.clone()),
        published: worked.and_then(|worked| worked.published.clone()),
        chain: chain.into_iter().collect(),
        agrees: !differs,
    }
}

fn explained_case(case: &CaseState, tables: &Tables, refolded: &Refolded) -> ExplainedCase {
    let events = of_case(tables, case.id, u64::MAX);
    let caused = tables.entries.iter().filter(|line| events.contains(&line.position));
    ExplainedCase {
        case: case.id,
        reporter: case.reporter,
        lead: case.lead().map(|lead| lead.addressee),
        category: case.category.clone(),
        severity: case.severity,
        status: case.status.code(),
        found_on: case.found_on,
        routing: routing(case, &refolded.registry),
        entries: caused.map(|line| line.number).collect(),
        events: events.into_iter().collect(),
        state: case.clone(),
    }
}

/// The rule that routed a case, as the rulebook has it that the reporting node asked.
fn routing(case: &CaseState, registry: &Registry) -> Option<QuotedRule> {
    let fengsui_event::payload::RoutingAnswer::Assigned { rule, .. } = &case.routing.answer else { return None };
    let rule: RuleId = rule.parse().ok()?;
    let version = &case.routing.rulebook;
    let published = registry.rulebooks.iter().find(|published| published.book.version() == version)?;
    Some(quoted(published, &rule))
}

/// The events of the register on which others rest: where their keys were registered, on back to the exchange file, and rulebooks.
fn relied_on(events: &[TracedEvent], mut register: BTreeMap<u64, TracedEvent>) -> Vec<TracedEvent> {
    let since = |traced: &TracedEvent| traced.key.as_ref().and_then(|key| key.since).filter(|since| *since > 0);
    let rulebook = |traced: &&TracedEvent| {
        traced
            .parsed
            .as_deref()
            .and_then(|event| event.payload())
            .is_some_and(|payload| matches!(payload, fengsui_event::Payload::RulebookPublished(_)))
    };
    let mut wanted: Vec<u64> = events.iter().filter_map(since).collect();
    wanted.extend(register.values().filter(rulebook).map(|traced| traced.position));
    // What is not genuine is shown even where nothing rests on it.
    wanted.extend(register.values().filter(|traced| !traced.genuine).map(|traced| traced.position));
    let mut kept = BTreeMap::new();
    while let Some(position) = wanted.pop() {
        if let Some(traced) = register.remove(&position) {
            wanted.extend(since(&traced));
            kept.insert(position, traced);
        }
    }
    kept.into_values().collect()
}
