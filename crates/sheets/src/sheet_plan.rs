//! How the rows of one sheet are read: its header, its bound map, and its place among the columns of the refused file.

use crate::cell::{Cell, DateBase};
use crate::date::serial_text;
use crate::map::{BoundMap, Field, Purpose};
use crate::read::RawRow;
use crate::refused::is_refused_column;
use crate::row::KeyPlan;

/// The plan of a sheet whose header was found.
pub(crate) struct SheetPlan {
    name: Option<String>,
    base: DateBase,
    header_row: u64,
    headers: Vec<String>,
    bound: BoundMap,
    scheme: String,
    /// For each column its position in the refused file; `None` for the columns that such a file adds itself.
    layout: Vec<Option<usize>>,
    width: usize,
    serial_columns: Vec<usize>,
    purpose: Purpose,
}

impl SheetPlan {
    pub(crate) fn new(
        name: Option<String>,
        base: DateBase,
        header: crate::map::Header,
        scheme: &str,
        purpose: Purpose,
    ) -> Self {
        let dates = [Field::FoundOn, Field::ClosedOn, Field::HandledOn, Field::UpdatedOn];
        let serial_columns =
            dates.iter().flat_map(|field| crate::row::serial_columns(header.bound.of(*field))).collect();
        Self {
            name,
            base,
            header_row: header.row,
            headers: header.texts,
            bound: header.bound,
            scheme: scheme.to_owned(),
            layout: Vec::new(),
            width: 0,
            serial_columns,
            purpose,
        }
    }

    /// What the rows are read for.
    pub(crate) fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn base(&self) -> DateBase {
        self.base
    }

    /// Rows up to this one are titles and header.
    pub(crate) fn header_row(&self) -> u64 {
        self.header_row
    }

    pub(crate) fn headers(&self) -> &[String] {
        &self.headers
    }

    pub(crate) fn bound(&self) -> &BoundMap {
        &self.bound
    }

    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }

    pub(crate) fn key_plan(&self) -> KeyPlan<'_> {
        if self.bound.key.is_empty() { KeyPlan::Contents } else { KeyPlan::Columns(&self.bound.key) }
    }

    /// Adds the sheet's columns to those of the refused file; a header that is there already is shared.
    pub(crate) fn join_columns(&mut self, columns: &mut Vec<String>) {
        let mut free: Vec<bool> = vec![true; columns.len()];
        self.layout = self
            .headers
            .iter()
            .map(|header| {
                (!is_refused_column(header)).then(|| {
                    let shared = columns.iter().zip(&free).position(|(column, free)| *free && column == header);
                    let position = shared.unwrap_or_else(|| {
                        columns.push(header.clone());
                        free.push(false);
                        columns.len() - 1
                    });
                    if let Some(free) = free.get_mut(position) {
                        *free = false;
                    }
                    position
                })
            })
            .collect();
    }

    /// To be called when every sheet has joined its columns.
    pub(crate) fn set_width(&mut self, width: usize) {
        self.width = width;
    }

    /// The row's cells as text in the columns of the refused file. A row of a text file that is too short or too long stays so.
    pub(crate) fn texts(&self, row: &RawRow) -> Vec<String> {
        let own = self.headers.len();
        let is_text_file = self.name.is_none();
        let mut texts = if is_text_file { Vec::new() } else { vec![String::new(); self.width] };
        for (column, cell) in row.cells.iter().enumerate() {
            let position = match self.layout.get(column) {
                Some(None) => continue,
                Some(Some(position)) => *position,
                None => self.width + column - own,
            };
            if texts.len() <= position {
                texts.resize(position + 1, String::new());
            }
            if let Some(text) = texts.get_mut(position) {
                *text = self.text(column, cell);
            }
        }
        texts
    }

    fn text(&self, column: usize, cell: &Cell) -> String {
        match cell {
            Cell::Number(number) if self.serial_columns.contains(&column) && *number < 10_000_000.0 => {
                serial_text(*number, self.base)
            }
            other => other.text().into_owned(),
        }
    }
}
