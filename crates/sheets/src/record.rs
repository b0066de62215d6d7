//! A violation as a table holds it, after every cell has been understood.

use fengsui_event::{CategoryCode, Date, Fen, FindingMethod, Outcome, RegionCode, Severity, TradeCode, UnitId};

use crate::cell::{CellPlace, ColumnPlace};
use crate::problem::{CellProblem, Reason, RefusedRow};

/// One accepted row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViolationRecord {
    /// Where it stands in the file.
    pub at: CellPlace,
    /// The row's identity, the same whenever the same row is read: the key columns' values, or the row's contents (without
    /// what closing it changes) when there are no key columns. Identical rows are told apart by a number behind it.
    pub key: String,
    /// The unit.
    pub unit: UnitId,
    /// The unit's name.
    pub unit_name: Option<String>,
    /// Where the violation was found.
    pub region: RegionCode,
    /// The address; empty when the table has none.
    pub address: String,
    /// The unit's trade.
    pub trade: Option<TradeCode>,
    /// The kind of violation. Whether the rulebook knows it is not checked here.
    pub category: CategoryCode,
    /// How grave it is.
    pub severity: Option<Severity>,
    /// The day on which it was found.
    pub found_on: Date,
    /// How it was found.
    pub method: FindingMethod,
    /// What was seen.
    pub facts: String,
    /// The provisions.
    pub legal_basis: Vec<String>,
    /// The agency's own number.
    pub reference: Option<String>,
    /// How it was closed; `None` while it is open.
    pub closed: Option<ClosedRecord>,
    /// What was changed or passed over in reading the row.
    pub notes: Vec<Note>,
    /// The row's cells as text, should it be refused after all.
    pub cells: Vec<String>,
}

impl ViolationRecord {
    /// The row as refused for a reason that lies outside the table.
    pub fn refuse(self, reason: Reason, message_zh: String, message_en: String) -> RefusedRow {
        let problem = CellProblem { column: None, cell: String::new(), reason, message_zh, message_en };
        RefusedRow { at: self.at, cells: self.cells, problems: vec![problem] }
    }
}

/// How a violation was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedRecord {
    /// The day; never before the day on which it was found.
    pub closed_on: Date,
    /// What the handling agency did.
    pub outcome: Option<Outcome>,
    /// What was done, in words.
    pub text: Option<String>,
    /// Number of the penalty decision.
    pub decision_number: Option<String>,
    /// The fine, in fen.
    pub penalty: Option<Fen>,
}

/// Something that was changed or passed over, and that the user should be able to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The column.
    pub column: ColumnPlace,
    /// What was done.
    pub kind: NoteKind,
    /// The cell's text.
    pub cell: String,
}

/// What was changed or passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NoteKind {
    /// The unit's code was normalised: width, case, separators, blanks.
    UnitNormalised,
    /// The unit is known by a 15-digit registration number only.
    LegacyNumber,
    /// The unit is known by an organisation code only.
    OrganisationCode,
    /// A word that the map does not list was passed over.
    WordPassedOver,
    /// The row is open, so what it says about its closing was passed over.
    ClosingPassedOver,
    /// A cell to the right of the header was passed over.
    CellBeyondHeader,
}

impl NoteKind {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnitNormalised => "unit_normalised",
            Self::LegacyNumber => "legacy_number",
            Self::OrganisationCode => "organisation_code",
            Self::WordPassedOver => "word_passed_over",
            Self::ClosingPassedOver => "closing_passed_over",
            Self::CellBeyondHeader => "cell_beyond_header",
        }
    }
}
