//! Where a point comes from: the chain of causes from a ledger entry back to signed bytes.
//!
//! The tables say only at which positions to look. Everything else is worked out again from the log's bytes: signatures and keys are verified,
//! agencies, keys and rulebooks folded from the exchange file's keys on, the unit's events folded from its first one on, and the points
//! computed a second time by the rulebook's own functions. Whatever differs from the tables is named.
//!
//! What the tables do not name is not seen here: that a log holds no more than they say is for a whole verification to show.

mod calculation;
mod difference;
mod effect;
mod refold;
mod selection;
mod trace;

use fengsui_event::{AgencyCode, CaseId, CategoryCode, Date, Digest, Points, Severity, UnitId};
use fengsui_log::EventLog;
use fengsui_rulebook::{Excerpt, Grade, Passage, excerpt};
use serde::Serialize;

use crate::query::{LedgerLine, View};
use crate::state::{CaseState, Registry};
use crate::store::ModelError;

pub use calculation::{Basis, Calculation, QuotedRule};
pub use difference::Difference;
pub use effect::{Change, What};
pub use trace::{TracedEvent, TracedKey};

use refold::Refolded;

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// Every entry of a unit.
    Unit {
        /// The unit.
        unit: UnitId,
    },
    /// A case with the entries that it caused.
    Case {
        /// The case.
        case: CaseId,
    },
    /// One entry.
    Entry {
        /// The unit.
        unit: UnitId,
        /// The entry's number in its ledger, from 1.
        number: u32,
    },
}

/// An explanation. Events are named by their positions.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// What was asked for.
    pub target: Target,
    /// The unit.
    pub unit: UnitId,
    /// Its name.
    pub name: String,
    /// Its balance on the day asked for, from the log.
    pub balance: Points,
    /// The grade that follows from it, where a rulebook is in force on that day.
    pub grade: Option<Grade>,
    /// Why that grade: the rulebook's version and the lines in which it says so.
    pub grading: Option<Grading>,
    /// The entries, in order of their numbers.
    pub entries: Vec<ExplainedEntry>,
    /// The cases, in order of their ids.
    pub cases: Vec<ExplainedCase>,
    /// The events, in order of their positions.
    pub events: Vec<TracedEvent>,
    /// Events of the register on which the above rests: keys back to those of the exchange file, and rulebooks.
    pub register: Vec<TracedEvent>,
    /// What differs from the tables, or is not genuine.
    pub differences: Vec<Difference>,
}

/// From what a grade follows.
#[derive(Clone, Debug, Serialize)]
pub struct Grading {
    /// The rulebook's version.
    pub rulebook: String,
    /// The lines.
    pub excerpt: Option<Excerpt>,
}

/// An entry with where it comes from.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedEntry {
    /// The entry as the tables have it.
    #[serde(flatten)]
    pub line: LedgerLine,
    /// Whether it counts on the day asked for.
    pub counts: bool,
    /// How its points follow from the rulebook; absent where the log does not give this entry.
    pub calculation: Option<Calculation>,
    /// The rulebook that decided.
    pub published: Option<RulebookOrigin>,
    /// Positions of the events that led to it, the one that caused it last.
    pub chain: Vec<u64>,
    /// Whether tables, log and calculation agree.
    pub agrees: bool,
}

/// Where a rulebook comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RulebookOrigin {
    /// Its version.
    pub version: String,
    /// Its names, in Chinese and English.
    pub name: [String; 2],
    /// Position at which it was published.
    pub position: u64,
    /// First recorded day on which it decides.
    pub effective_from: Date,
    /// SHA-256 of its text.
    pub sha256: Digest,
}

/// A case as the log gives it.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedCase {
    /// The case.
    pub case: CaseId,
    /// Who found it.
    pub reporter: AgencyCode,
    /// Who handles it.
    pub lead: Option<AgencyCode>,
    /// Kind.
    pub category: CategoryCode,
    /// Gravity.
    pub severity: Severity,
    /// Where it stands.
    pub status: &'static str,
    /// When it was found.
    pub found_on: Date,
    /// The rule by which it was routed, with the rulebook's lines.
    pub routing: Option<QuotedRule>,
    /// Positions of its events, those without effect as well.
    pub events: Vec<u64>,
    /// Numbers of the entries that they caused.
    pub entries: Vec<u32>,
    /// The whole of it.
    #[serde(skip)]
    pub state: CaseState,
}

/// Why something cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Nothing was ever entered for the unit.
    #[error("there is no account of {0}")]
    NoSuchUnit(UnitId),
    /// The tables have no such case.
    #[error("there is no case {0}")]
    NoSuchCase(CaseId),
    /// The account has fewer entries.
    #[error("{unit} has no entry {number}; its account has {entries}: see `fengsui unit ledger {unit}`")]
    NoSuchEntry {
        /// The unit.
        unit: UnitId,
        /// The number asked for.
        number: u32,
        /// How many there are.
        entries: u32,
    },
    /// Log or tables.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Explains from the log what the tables say. `genesis` is the register before the first event, `date` the day against which entries count.
///
/// Errors: the tables do not have what was asked for, or log or tables cannot be read.
pub fn explain<L: EventLog + ?Sized>(
    view: View<'_>,
    log: &L,
    genesis: Registry,
    target: Target,
    date: Date,
) -> Result<Explanation, ExplainError> {
    let unit = match &target {
        Target::Unit { unit } | Target::Entry { unit, .. } => unit.clone(),
        Target::Case { case } => view.case(*case)?.ok_or(ExplainError::NoSuchCase(*case))?.unit,
    };
    let account = view.account(&unit)?.ok_or_else(|| ExplainError::NoSuchUnit(unit.clone()))?;
    if let Target::Entry { number, .. } = &target
        && !(1..=account.entries).contains(number)
    {
        return Err(ExplainError::NoSuchEntry { unit, number: *number, entries: account.entries });
    }
    let tables = selection::Tables::read(view, unit, account, &target)?;
    let refolded = refold::refold(log, genesis, &tables)?;
    let differences = difference::between(&tables, &refolded);
    Ok(selection::select(target, &tables, refolded, differences, date))
}

impl Explanation {
    /// Whether something that the explanation rests on is not genuine.
    pub fn is_broken(&self) -> bool {
        self.differences.iter().any(Difference::is_integrity)
    }

    /// An event by its position.
    pub fn event(&self, position: u64) -> Option<&TracedEvent> {
        let find = |events: &[TracedEvent]| events.binary_search_by_key(&position, |event| event.position).ok();
        find(&self.events)
            .map(|index| &self.events[index])
            .or_else(|| find(&self.register).map(|index| &self.register[index]))
    }
}

/// The grade of a balance on a day with the lines that say so.
fn grading(refolded: &Refolded, balance: Points, date: Date) -> (Option<Grade>, Option<Grading>) {
    let Some(published) = refolded.registry.rulebooks.iter().rev().find(|published| published.effective_from <= date)
    else {
        return (None, None);
    };
    let rulebook = published.book.version().to_owned();
    let grading = Grading { rulebook, excerpt: excerpt(&published.text, Passage::Grades) };
    (Some(published.book.grade(balance)), Some(grading))
}
