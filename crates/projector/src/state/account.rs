//! One unit's credit account.

use fengsui_event::payload::Place;
use fengsui_event::{CaseId, CategoryCode, Date, EventId, Points, TradeCode, UnitId};
use serde::{Deserialize, Serialize};

use super::stored_date;

/// Why points moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// The balance with which an account opens.
    Opening,
    /// For a violation.
    Deduction,
    /// More for doing it again within the period.
    Repetition,
    /// For missing the time limit.
    Late,
    /// Given back for timely rectification.
    Restoration,
    /// Takes back entries of a case that was retracted, refuted or successfully objected to.
    Correction,
    /// By decision of the authority.
    Adjustment,
}

impl EntryKind {
    /// The text used in JSON and tables.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Deduction => "deduction",
            Self::Repetition => "repetition",
            Self::Late => "late",
            Self::Restoration => "restoration",
            Self::Correction => "correction",
            Self::Adjustment => "adjustment",
        }
    }
}

/// A line of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The account.
    pub unit: UnitId,
    /// Its number in the account, from 1.
    pub number: u32,
    /// Position of the event that caused it.
    pub position: u64,
    /// The event that caused it.
    pub cause: EventId,
    /// The case, where it belongs to one.
    pub case: Option<CaseId>,
    /// Why.
    pub kind: EntryKind,
    /// The rule.
    pub rule: String,
    /// The rulebook's version.
    pub rulebook: String,
    /// Signed points.
    pub points: Points,
    /// First day on which it counts.
    #[serde(with = "stored_date")]
    pub effective_on: Date,
    /// First day on which it no longer counts.
    #[serde(with = "stored_date::option")]
    pub counted_until: Option<Date>,
}

/// A determined violation, remembered to recognise repetition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offence {
    /// The case.
    pub case: CaseId,
    /// Kind.
    pub category: CategoryCode,
    /// From when it counts.
    #[serde(with = "stored_date")]
    pub on: Date,
}

/// One unit's account. Its entries are rows of the ledger; here is what the fold needs of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// The unit.
    pub unit: UnitId,
    /// Its name.
    pub name: String,
    /// Its seat.
    pub place: Place,
    /// Its trade.
    pub trade: Option<TradeCode>,
    /// The unit of which it is a branch.
    pub parent: Option<UnitId>,
    /// Whether it was registered, or opened by a report alone.
    pub registered: bool,
    /// Sum of all entries, expired ones included.
    pub total: Points,
    /// Number of entries.
    pub entries: u32,
    /// Cases ever reported, retracted ones included.
    pub cases: u32,
    /// Cases that are open.
    pub open_cases: u32,
    /// Determined violations within the longest repetition period.
    pub offences: Vec<Offence>,
    /// Whether events of this account could not be read.
    pub incomplete: bool,
}
