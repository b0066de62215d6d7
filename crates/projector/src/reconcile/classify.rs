//! What a row, a case, or both together amount to.

use std::collections::HashMap;

use fengsui_event::{CaseId, Date, DeadlineKind, ReconciliationClass};
use serde::Serialize;

use super::balance::Balance;
use super::case::LogCase;
use super::matching::{Doubt, Matched, MatchedBy, find, same_violation};
use super::row::BookRow;
use super::score::score;
use super::text::{number_form, text_form};
use crate::state::CaseStatus;

/// Which side holds the later word on a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Newer {
    /// The log.
    Here,
    /// The book.
    There,
    /// Neither says when, or both on the same day.
    Unknown,
}

/// A field in which the two sides differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// The field, by its name in column maps.
    pub field: &'static str,
    /// What the log has.
    pub here: String,
    /// What the book has.
    pub there: String,
    /// Which is newer.
    pub newer: Newer,
}

/// A case that could be a row's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The case.
    pub case: CaseId,
    /// How well it fits.
    pub score: u32,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// See [`ReconciliationClass::Refused`].
    Refused,
    /// See [`ReconciliationClass::Ambiguous`].
    Ambiguous {
        /// Why.
        doubt: Doubt,
        /// Which cases it could be.
        candidates: Vec<Candidate>,
    },
    /// See [`ReconciliationClass::Different`].
    Different {
        /// In what.
        differences: Vec<Difference>,
    },
    /// See [`ReconciliationClass::HandledNotFedBack`].
    HandledNotFedBack,
    /// See [`ReconciliationClass::ReturnedUnassigned`].
    ReturnedUnassigned,
    /// See [`ReconciliationClass::FedBackNotConfirmed`].
    FedBackNotConfirmed,
    /// See [`ReconciliationClass::ConfirmedStillOpen`].
    ConfirmedStillOpen,
    /// See [`ReconciliationClass::Late`].
    Late {
        /// Which term.
        owed: DeadlineKind,
        /// When it was due.
        due_on: Date,
    },
    /// See [`ReconciliationClass::DuplicateRow`].
    DuplicateRow {
        /// The row that says the same, by its place in the list.
        of: u32,
    },
    /// See [`ReconciliationClass::DuplicateCase`].
    DuplicateCase {
        /// The case that says the same.
        of: CaseId,
    },
    /// See [`ReconciliationClass::MissingHere`].
    MissingHere,
    /// See [`ReconciliationClass::MissingThere`].
    MissingThere,
    /// See [`ReconciliationClass::Released`].
    Released,
}

impl Finding {
    /// The class that it makes.
    #[must_use]
    pub const fn class(&self) -> ReconciliationClass {
        match self {
            Self::Refused => ReconciliationClass::Refused,
            Self::Ambiguous { .. } => ReconciliationClass::Ambiguous,
            Self::Different { .. } => ReconciliationClass::Different,
            Self::HandledNotFedBack => ReconciliationClass::HandledNotFedBack,
            Self::ReturnedUnassigned => ReconciliationClass::ReturnedUnassigned,
            Self::FedBackNotConfirmed => ReconciliationClass::FedBackNotConfirmed,
            Self::ConfirmedStillOpen => ReconciliationClass::ConfirmedStillOpen,
            Self::Late { .. } => ReconciliationClass::Late,
            Self::DuplicateRow { .. } => ReconciliationClass::DuplicateRow,
            Self::DuplicateCase { .. } => ReconciliationClass::DuplicateCase,
            Self::MissingHere => ReconciliationClass::MissingHere,
            Self::MissingThere => ReconciliationClass::MissingThere,
            Self::Released => ReconciliationClass::Released,
        }
    }
}

/// Which sides have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The book alone.
    Row,
    /// The log alone.
    Case,
    /// Both.
    Both,
}

/// A row, a case, or a pair, with its one class and everything that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The row's place in the list.
    pub row: Option<u32>,
    /// The case's place in the list.
    pub case: Option<u32>,
    /// By what they were found to belong together.
    pub by: Option<MatchedBy>,
    /// The class: that of the first finding in the order of [`ReconciliationClass`].
    pub class: ReconciliationClass,
    /// What was found, in that order.
    pub findings: Vec<Finding>,
}

impl Item {
    fn new(row: Option<u32>, case: Option<u32>, by: Option<MatchedBy>, mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(Finding::class);
        let class = findings.first().map_or(ReconciliationClass::Matched, Finding::class);
        Self { row, case, by, class, findings }
    }

    /// Which sides have it.
    #[must_use]
    pub const fn side(&self) -> Side {
        match (self.row, self.case) {
            (Some(_), Some(_)) => Side::Both,
            (Some(_), None) => Side::Row,
            _ => Side::Case,
        }
    }
}

/// Everything that is not simply matched, and the balance of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// By class, then by row, then by case.
    pub items: Vec<Item>,
    /// How many of each class.
    pub balance: Balance,
}

/// Holds a book against the log. Rows and cases are named in the outcome by their places in the two lists.
#[must_use]
pub fn reconcile(rows: &[BookRow], cases: &[LogCase]) -> Outcome {
    let matched = find(rows, cases);
    let mut items = Vec::new();
    let mut plain = 0;
    for (at, found) in matched.of_row.iter().enumerate() {
        let Some((case, by)) = *found else { continue };
        let findings = of_pair(&rows[at], &cases[case as usize]);
        if findings.is_empty() {
            plain += 1;
        } else {
            items.push(Item::new(Some(place(at)), Some(case), Some(by), findings));
        }
    }
    lone_rows(rows, cases, &matched, &mut items);
    lone_cases(cases, &matched, &mut items);
    items.sort_by_key(|item| (item.class, item.row.is_none(), item.row, item.case));
    let balance = Balance::of(rows.len(), cases.len(), plain, &items);
    Outcome { items, balance }
}

fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn of_pair(row: &BookRow, case: &LogCase) -> Vec<Finding> {
    if row.refused {
        return vec![Finding::Refused];
    }
    let mut findings = Vec::new();
    let differences = differences(row, case);
    if !differences.is_empty() {
        findings.push(Finding::Different { differences });
    }
    let standing = &case.standing;
    if standing.released {
        return findings;
    }
    if standing.owes_feedback && row.is_handled() {
        findings.push(Finding::HandledNotFedBack);
    }
    findings.extend(owed(case));
    findings
}

/// What is owed in a case, whatever the book says.
fn owed(case: &LogCase) -> Vec<Finding> {
    let standing = &case.standing;
    let late = standing.late.map(|(owed, due_on)| Finding::Late { owed, due_on });
    let others = [
        (standing.returned_unassigned, Finding::ReturnedUnassigned),
        (standing.waits_for_confirmation, Finding::FedBackNotConfirmed),
        (standing.confirmed_open, Finding::ConfirmedStillOpen),
    ];
    others.into_iter().filter(|(holds, _)| *holds).map(|(_, finding)| finding).chain(late).collect()
}

fn differences(row: &BookRow, case: &LogCase) -> Vec<Difference> {
    let mut found = Differences { row, found: Vec::new() };
    let reported = Some(case.recorded_on);
    let BookRow { unit, name, found_on, category, region, address, handled_on, outcome, fine, closed, .. } = row;
    found.compare("unit", unit.as_ref(), &case.unit, reported);
    found.compare("found_on", found_on.as_ref(), &case.found_on, reported);
    found.compare("category", category.as_ref(), &case.category, reported);
    found.compare("region", region.as_ref(), &case.region, reported);
    found.texts("unit_name", name.as_deref(), &case.name, reported);
    found.texts("address", address.as_deref(), &case.address, reported);
    if case.is_reporter {
        let same = |a: &str, b: &str| number_form(a) == number_form(b);
        if let (Some(there), Some(here)) = (row.reference.as_deref(), case.reference.as_deref())
            && !same(there, here)
        {
            found.add("reference", here.to_owned(), there.to_owned(), reported);
        }
    }
    if let Some(handled) = &case.handled {
        let told = Some(handled.submitted_on);
        found.compare("handled_on", handled_on.as_ref(), &handled.on, told);
        found.compare("outcome", outcome.as_ref(), &handled.outcome, told);
        // A feedback without a penalty is one without a fine.
        found.compare("penalty", fine.as_ref(), &handled.fine.unwrap_or(fengsui_event::Fen::ZERO), told);
        if let (Some(there), Some(here)) = (row.decision.as_deref(), handled.decision.as_deref())
            && number_form(there) != number_form(here)
        {
            found.add("decision_number", here.to_owned(), there.to_owned(), told);
        }
    }
    let is_closed = case.status != CaseStatus::Open;
    // What was dealt with but not yet fed back is told as such, not as a difference of state.
    let is_ahead = !is_closed && (case.standing.owes_feedback || case.handled.is_some());
    if let Some(there) = closed.filter(|there| *there != is_closed && !is_ahead) {
        let there = if there { CaseStatus::Closed } else { CaseStatus::Open };
        found.add("status", case.status.code().to_owned(), there.code().to_owned(), case.closed_on);
    }
    found.found
}

struct Differences<'a> {
    row: &'a BookRow,
    found: Vec<Difference>,
}

impl Differences<'_> {
    fn compare<T: PartialEq + ToString>(
        &mut self,
        field: &'static str,
        there: Option<&T>,
        here: &T,
        told_on: Option<Date>,
    ) {
        if let Some(there) = there.filter(|there| *there != here) {
            self.add(field, here.to_string(), there.to_string(), told_on);
        }
    }

    fn texts(&mut self, field: &'static str, there: Option<&str>, here: &str, told_on: Option<Date>) {
        if let Some(there) = there.filter(|there| text_form(there) != text_form(here)) {
            self.add(field, here.to_owned(), there.to_owned(), told_on);
        }
    }

    fn add(&mut self, field: &'static str, here: String, there: String, told_on: Option<Date>) {
        let newer = match (told_on, self.row.updated_on) {
            (Some(here), Some(there)) if here > there => Newer::Here,
            (Some(here), Some(there)) if here < there => Newer::There,
            _ => Newer::Unknown,
        };
        self.found.push(Difference { field, here, there, newer });
    }
}

fn lone_rows(rows: &[BookRow], cases: &[LogCase], matched: &Matched, items: &mut Vec<Item>) {
    let said = FirstRows::of(rows, matched);
    let mut doubts = matched.doubts.iter().peekable();
    for (at, row) in rows.iter().enumerate().filter(|(at, _)| matched.of_row[*at].is_none()) {
        while doubts.peek().is_some_and(|(row, ..)| (*row as usize) < at) {
            doubts.next();
        }
        let doubt = doubts.peek().filter(|(row, ..)| *row as usize == at);
        let finding = if row.refused {
            Finding::Refused
        } else if let Some((_, doubt, candidates)) = doubt {
            let candidate = |case: &u32| {
                let case = &cases[*case as usize];
                Candidate { case: case.id, score: score(row, case) }
            };
            Finding::Ambiguous { doubt: *doubt, candidates: candidates.iter().map(candidate).collect() }
        } else if let Some(of) = said.first_of(rows, at) {
            Finding::DuplicateRow { of }
        } else {
            Finding::MissingHere
        };
        items.push(Item::new(Some(place(at)), None, None, vec![finding]));
    }
}

/// For each number and each violation the row that has it: one with a case before one without, then the earlier one.
struct FirstRows {
    of_number: HashMap<String, u32>,
    of_violation: HashMap<String, u32>,
}

impl FirstRows {
    fn of(rows: &[BookRow], matched: &Matched) -> Self {
        let mut first = Self { of_number: HashMap::new(), of_violation: HashMap::new() };
        let is_lone = |at: &usize| matched.of_row[*at].is_none() && !rows[*at].refused;
        // Only what lone rows say is looked for, so only that is kept.
        for at in (0..rows.len()).filter(is_lone) {
            first.of_number.extend(rows[at].numbers().map(|number| (number, u32::MAX)));
            first.of_violation.extend(rows[at].violation().map(|violation| (violation, u32::MAX)));
        }
        let paired = (0..rows.len()).filter(|at| matched.of_row[*at].is_some());
        for at in paired.chain((0..rows.len()).filter(is_lone)) {
            let keep = |kept: &mut u32| *kept = if *kept == u32::MAX { place(at) } else { *kept };
            rows[at].numbers().for_each(|number| {
                first.of_number.get_mut(&number).map(keep);
            });
            if let Some(violation) = rows[at].violation() {
                first.of_violation.get_mut(&violation).map(keep);
            }
        }
        first
    }

    /// The row before this one that says the same: the same number, or the same violation under no other number.
    fn first_of(&self, rows: &[BookRow], at: usize) -> Option<u32> {
        let row = &rows[at];
        let other = |of: u32| (of as usize != at).then_some(of);
        // Of several violations under one decision each has a row of its own.
        let same_case = |of: &u32| {
            let of = &rows[*of as usize];
            let agrees = |a: Option<String>, b: Option<String>| a.is_none() || b.is_none() || a == b;
            agrees(row.violation(), of.violation())
        };
        let by_number = row.numbers().filter_map(|number| self.of_number.get(&number).copied()).find_map(other);
        if let Some(of) = by_number.filter(same_case) {
            return Some(of);
        }
        let violation = row.violation()?;
        let of = self.of_violation.get(&violation).copied().and_then(other)?;
        let numbers: Vec<String> = row.numbers().collect();
        let others: Vec<String> = rows[of as usize].numbers().collect();
        let apart = !numbers.is_empty() && !others.is_empty() && !numbers.iter().any(|it| others.contains(it));
        (!apart).then_some(of)
    }
}

fn lone_cases(cases: &[LogCase], matched: &Matched, items: &mut Vec<Item>) {
    let mut doubts: HashMap<u32, Doubt> = HashMap::new();
    for (_, doubt, candidates) in &matched.doubts {
        for case in candidates {
            doubts.entry(*case).or_insert(*doubt);
        }
    }
    let is_lone = |at: &usize| matched.of_case[*at].is_none();
    let mut first: HashMap<String, u32> = HashMap::new();
    first.extend((0..cases.len()).filter(is_lone).map(|at| (cases[at].violation(), u32::MAX)));
    let mut by_age: Vec<usize> = (0..cases.len()).filter(|at| !cases[*at].standing.released).collect();
    by_age.sort_by_key(|at| (is_lone(at), cases[*at].recorded_on, cases[*at].id));
    for at in by_age {
        if let Some(kept) = first.get_mut(&cases[at].violation()).filter(|kept| **kept == u32::MAX) {
            *kept = place(at);
        }
    }
    for at in (0..cases.len()).filter(is_lone) {
        let case = &cases[at];
        let twin = first.get(&case.violation()).copied().filter(|of| *of != u32::MAX && *of as usize != at);
        let twin = twin.filter(|of| same_violation(&cases[*of as usize], case));
        let mut findings = match (doubts.get(&place(at)), twin) {
            _ if case.standing.released => vec![Finding::Released],
            (Some(doubt), _) => vec![Finding::Ambiguous { doubt: *doubt, candidates: Vec::new() }],
            (None, Some(of)) => vec![Finding::DuplicateCase { of: cases[of as usize].id }],
            (None, None) => vec![Finding::MissingThere],
        };
        if !case.standing.released {
            // That it is in no book comes first; what is owed all the same is told beside it.
            let owed =
                owed(case).into_iter().filter(|finding| finding.class() == ReconciliationClass::ReturnedUnassigned);
            findings.extend(owed);
        }
        items.push(Item::new(None, Some(place(at)), None, findings));
    }
}
