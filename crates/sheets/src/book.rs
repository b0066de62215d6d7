//! A book that is held against the log, row by row.

use std::path::Path;

use fengsui_event::{CaseId, CategoryCode, Date, Fen, FindingMethod, Outcome, RegionCode, Severity, TradeCode, UnitId};

use crate::SheetError;
use crate::cell::{Cell, CellPlace};
use crate::map::{ColumnMap, Purpose};
use crate::problem::{CellProblem, RefusedRow};
use crate::read::{RawRow, ReadOptions, TextEncoding};
use crate::row::{RowView, read_book_row};
use crate::violations::{Opened, SkippedSheet, open_table, row_problem};

/// A row of a book. What the book does not say, or what could not be read, is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookRecord {
    /// Where it stands.
    pub at: CellPlace,
    /// Which sheet, as an index into the file's sheets.
    pub sheet: usize,
    /// The case's id.
    pub case: Option<CaseId>,
    /// Number of the penalty decision.
    pub decision: Option<String>,
    /// The agency's own number.
    pub reference: Option<String>,
    /// The unit.
    pub unit: Option<UnitId>,
    /// Its name.
    pub unit_name: Option<String>,
    /// Where: the region.
    pub region: Option<RegionCode>,
    /// Where: the address.
    pub address: Option<String>,
    /// The unit's trade.
    pub trade: Option<TradeCode>,
    /// Kind of violation.
    pub category: Option<CategoryCode>,
    /// How grave.
    pub severity: Option<Severity>,
    /// When it was found.
    pub found_on: Option<Date>,
    /// How it was found.
    pub method: Option<FindingMethod>,
    /// What was seen.
    pub facts: Option<String>,
    /// When it was dealt with.
    pub handled_on: Option<Date>,
    /// With which result.
    pub outcome: Option<Outcome>,
    /// What was done, in words.
    pub closing_text: Option<String>,
    /// The fine.
    pub fine: Option<Fen>,
    /// Whether it is struck off.
    pub closed: Option<bool>,
    /// When the row was last changed.
    pub updated_on: Option<Date>,
    /// Why the row is refused, if it is; what could be read of it stands all the same.
    pub refused: Option<RefusedRow>,
}

/// Reads a book, one row at a time and in the file's order. A bad row never ends it.
pub struct BookReader(Opened);

impl BookReader {
    /// Opens a file under the first of the maps whose columns it has. Every sheet that has them is read.
    ///
    /// # Errors
    /// As [`ViolationReader::open`](crate::ViolationReader::open).
    pub fn open(path: &Path, options: &ReadOptions, maps: &[ColumnMap]) -> Result<Self, SheetError> {
        let options = ReadOptions { fill_merged: true, ..options.clone() };
        open_table(path, &options, maps, Purpose::Book).map(Self)
    }

    /// The map in use.
    pub fn map_name(&self) -> &str {
        &self.0.map_name
    }

    /// The encoding that was chosen and why; `None` for a workbook.
    pub fn encoding(&self) -> Option<TextEncoding> {
        self.0.file.encoding()
    }

    /// Bytes used up and bytes in all; `None` for a workbook.
    pub fn progress(&self) -> Option<(u64, u64)> {
        self.0.file.progress()
    }

    /// The file's own columns, in which refused rows are given.
    pub fn columns(&self) -> &[String] {
        &self.0.columns
    }

    /// Sheets that were passed over.
    pub fn skipped_sheets(&self) -> &[SkippedSheet] {
        &self.0.skipped
    }

    /// The name of a sheet; `None` for a text file.
    pub fn sheet_name(&self, sheet: usize) -> Option<&str> {
        self.0.file.sheets().get(sheet)?.name.as_deref()
    }

    fn read(&self, raw: &RawRow) -> Option<BookRecord> {
        let plan = self.0.plans.get(raw.sheet)?.as_ref().filter(|plan| raw.number > plan.header_row())?;
        if raw.flaw.is_none() && raw.cells.iter().all(Cell::is_blank) {
            return None;
        }
        let at = CellPlace { sheet: plan.name().map(str::to_owned), row: raw.number };
        let refused = |problems: Vec<CellProblem>| {
            (!problems.is_empty()).then(|| RefusedRow { at: at.clone(), cells: plan.texts(raw), problems })
        };
        if let Some(problem) = row_problem(plan, raw) {
            return Some(BookRecord { refused: refused(vec![problem]), ..BookRecord::empty(at.clone(), raw.sheet) });
        }
        let (record, problems) = read_book_row(RowView::new(plan, raw), at.clone(), raw.sheet);
        Some(BookRecord { refused: refused(problems), ..record })
    }
}

impl BookRecord {
    /// A row of which nothing is known yet.
    pub(crate) fn empty(at: CellPlace, sheet: usize) -> Self {
        Self {
            at,
            sheet,
            case: None,
            decision: None,
            reference: None,
            unit: None,
            unit_name: None,
            region: None,
            address: None,
            trade: None,
            category: None,
            severity: None,
            found_on: None,
            method: None,
            facts: None,
            handled_on: None,
            outcome: None,
            closing_text: None,
            fine: None,
            closed: None,
            updated_on: None,
            refused: None,
        }
    }
}

impl Iterator for BookReader {
    type Item = Result<BookRecord, SheetError>;

    /// The next row that holds something. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.0.file.next()? {
                Err(error) => return Some(Err(error)),
                Ok(raw) => {
                    if let Some(record) = self.read(&raw) {
                        return Some(Ok(record));
                    }
                }
            }
        }
    }
}
