//! Cells that are merged downwards: a spreadsheet shows one value over several rows, and the file holds it in the first.

use std::io::{Read, Seek};

use calamine::{Xlsx, XlsxError};

use super::RawRow;
use crate::cell::Cell;

/// Ranges of a sheet that are merged downwards, with the value of each one's first cell once it was read.
pub(super) struct Merged(Vec<Range>);

struct Range {
    first_row: u64,
    last_row: u64,
    column: usize,
    value: Option<Cell>,
}

impl Merged {
    /// The ranges of a sheet; `None` when it has none.
    pub(super) fn of<R: Read + Seek>(book: &mut Xlsx<R>, name: &str) -> Result<Option<Self>, XlsxError> {
        let ranges = book.merge_cells_by_sheet_name(name)?;
        let downwards = ranges.into_iter().filter(|range| range.end.0 > range.start.0);
        let mut ranges: Vec<Range> = downwards
            .map(|range| Range {
                first_row: u64::from(range.start.0) + 1,
                last_row: u64::from(range.end.0) + 1,
                column: range.start.1 as usize,
                value: None,
            })
            .collect();
        ranges.sort_by_key(|range| std::cmp::Reverse(range.first_row));
        Ok((!ranges.is_empty()).then_some(Self(ranges)))
    }

    /// Gives a row's blank cells the values of the ranges in which they lie. Rows come in their order: the ranges stand with
    /// the next one last, and those that lie behind are dropped.
    pub(super) fn fill(&mut self, row: &mut RawRow) {
        let mut behind = false;
        for range in self.0.iter_mut().rev().take_while(|range| range.first_row <= row.number) {
            behind |= range.last_row < row.number;
            if range.first_row == row.number {
                range.value = row.cells.get(range.column).filter(|cell| !cell.is_blank()).cloned();
            } else if let Some(value) = range.value.as_ref().filter(|_| range.last_row >= row.number) {
                // The range's column held a value above, so the row may be this wide.
                if row.cells.len() <= range.column {
                    row.cells.resize(range.column + 1, Cell::Empty);
                }
                if let Some(cell) = row.cells.get_mut(range.column).filter(|cell| cell.is_blank()) {
                    *cell = value.clone();
                }
            }
        }
        if behind {
            self.0.retain(|range| range.last_row >= row.number);
        }
    }
}
