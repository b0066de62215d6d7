//! Tables for people: CSV and XLSX through one interface, so that both show the same.

mod atomic;
mod caught;
mod csv_table;
mod xlsx_table;

use std::path::Path;

use fengsui_event::{Date, Fen};

pub(crate) use atomic::AtomicFile;

use crate::SheetError;
use crate::read::has_extension;
use csv_table::CsvTable;
use xlsx_table::XlsxTable;

/// Makes spreadsheet programs read a CSV file as UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Rows of a sheet, the header among them (the programs' own bound).
pub const SHEET_ROWS_MAX: u64 = 1_048_576;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text. Codes of 18 digits stay text.
    Text,
    /// A day.
    Date,
    /// A whole number.
    Integer,
    /// A sum of money, shown in yuan.
    Money,
}

/// One column of a table to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The header.
    pub title: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Width in characters for XLSX; from title and kind when `None`.
    pub width: Option<u16>,
}

impl Column {
    /// A column of the usual width.
    pub fn new(title: impl Into<String>, kind: ColumnKind) -> Self {
        Self { title: title.into(), kind, width: None }
    }
}

/// One cell to be written. Its kind must be that of its column, or it is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Empty,
    /// For [`ColumnKind::Text`].
    Text(String),
    /// For [`ColumnKind::Date`].
    Date(Date),
    /// For [`ColumnKind::Integer`].
    Integer(i64),
    /// For [`ColumnKind::Money`].
    Money(Fen),
}

impl Value {
    const fn fits(&self, kind: ColumnKind) -> bool {
        matches!(
            (self, kind),
            (Self::Empty, _)
                | (Self::Text(_), ColumnKind::Text)
                | (Self::Date(_), ColumnKind::Date)
                | (Self::Integer(_), ColumnKind::Integer)
                | (Self::Money(_), ColumnKind::Money)
        )
    }
}

/// How a table is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableOptions {
    /// Whether a CSV file begins with a byte-order mark.
    pub byte_order_mark: bool,
    /// Whether text in a CSV file that a spreadsheet program would take for a formula (beginning with `=`, `+`, `-`, `@`, tab or carriage
    /// return) gets an apostrophe in front. XLSX needs none: its text cells are never formulas.
    pub guard_formulas: bool,
    /// Name of the XLSX sheet; further ones get a number behind it.
    pub sheet_name: String,
    /// Rows of a sheet, header included, before another is begun.
    pub sheet_rows_max: u64,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            byte_order_mark: true,
            guard_formulas: true,
            sheet_name: "Sheet1".to_owned(),
            sheet_rows_max: SHEET_ROWS_MAX,
        }
    }
}

/// Writes a table row by row in bounded memory. The file appears when [`finish`](Self::finish) is called, whole or not at all.
pub struct TableWriter {
    path: std::path::PathBuf,
    columns: Vec<Column>,
    table: Table,
    rows: u64,
}

enum Table {
    Csv(Box<CsvTable>),
    Xlsx(Box<XlsxTable>),
}

impl TableWriter {
    /// Begins a table; the path's extension says whether it is CSV or XLSX.
    ///
    /// # Errors
    /// [`SheetError::UnknownExtension`], [`SheetError::Io`], [`SheetError::Unwritable`] for a sheet name that XLSX forbids.
    pub fn create(path: &Path, columns: &[Column], options: &TableOptions) -> Result<Self, SheetError> {
        let table = if has_extension(path, &["csv"]) {
            Table::Csv(Box::new(CsvTable::create(path, columns, options)?))
        } else if has_extension(path, &["xlsx"]) {
            Table::Xlsx(Box::new(XlsxTable::create(path, columns, options)?))
        } else {
            return Err(SheetError::UnknownExtension { path: path.to_owned() });
        };
        Ok(Self { path: path.to_owned(), columns: columns.to_vec(), table, rows: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`SheetError::Unwritable`] when the row has another number of cells than there are columns, a cell is of another kind than its
    /// column, or a text is longer than XLSX allows; [`SheetError::Io`].
    pub fn write(&mut self, row: &[Value]) -> Result<(), SheetError> {
        self.check(row)?;
        match &mut self.table {
            Table::Csv(table) => table.write(row)?,
            Table::Xlsx(table) => table.write(&self.columns, row)?,
        }
        self.rows += 1;
        Ok(())
    }

    /// Puts the file in its place and gives the number of rows without the header.
    ///
    /// # Errors
    /// [`SheetError::Io`].
    pub fn finish(self) -> Result<u64, SheetError> {
        match self.table {
            Table::Csv(table) => table.finish()?,
            Table::Xlsx(table) => table.finish()?,
        }
        Ok(self.rows)
    }

    fn check(&self, row: &[Value]) -> Result<(), SheetError> {
        let unwritable = |detail| Err(SheetError::Unwritable { path: self.path.clone(), row: self.rows + 2, detail });
        if row.len() != self.columns.len() {
            return unwritable(format!("{} cells for {} columns", row.len(), self.columns.len()));
        }
        match self.columns.iter().zip(row).find(|(column, value)| !value.fits(column.kind)) {
            Some((column, value)) => {
                unwritable(format!("column {} holds {:?}, not {value:?}", column.title, column.kind))
            }
            None => Ok(()),
        }
    }
}
