//! From a file to rows of cells: format, encoding, delimiter, sheets. Nothing here knows what a column means.

mod claimed_cells;
mod encoding;
mod format;
mod merged;
mod split;
mod text_file;
mod workbook;

use std::path::{Path, PathBuf};

pub use encoding::{EncodingReason, TextEncoding};
pub use format::FileFormat;
pub(crate) use format::has_extension;

use crate::SheetError;
use crate::cell::{Cell, DateBase};
use text_file::TextFile;
use workbook::WorkbookFile;

/// How many rows that hold something are searched for the header.
pub(crate) const HEAD_ROWS_MAX: usize = 10;

/// How a file is to be read, where the file itself does not say it well enough.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Encoding of a text file by name (`gb18030`, `utf-8`, `big5`, ...); decided from the bytes when `None`.
    pub encoding: Option<String>,
    /// Character between cells of a text file; decided from the first rows when `None`.
    pub delimiter: Option<char>,
    /// The one sheet of a workbook to read; all when `None`.
    pub sheet: Option<String>,
    /// Whether cells of a workbook that are merged downwards each hold the value of the first.
    pub fill_merged: bool,
}

/// One row as it stands in the file. Rows without any cell are left out, but counted in the numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct RawRow {
    /// Which sheet, as an index into [`TableFile::sheets`].
    pub sheet: usize,
    /// Row as a spreadsheet program numbers it, from 1.
    pub number: u64,
    /// The cells from column A on; trailing empty ones may be missing.
    pub cells: Vec<Cell>,
    /// What is wrong with the row's bytes.
    pub flaw: Option<RowFlaw>,
}

/// What makes a row of a text file unfit as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFlaw {
    /// A NUL byte.
    NulByte,
    /// Bytes that are no text in the file's encoding.
    InvalidBytes,
    /// A quotation mark that is open at the end of the file.
    UnclosedQuote,
}

/// A sheet's name and its first rows.
#[derive(Clone, Debug)]
pub struct SheetHead {
    /// `None` for a text file.
    pub name: Option<String>,
    /// The first rows that hold something.
    pub rows: Vec<RawRow>,
    /// From which day the sheet's serial numbers count.
    pub base: DateBase,
}

/// An open CSV, XLSX or XLS file: an iterator over all rows of all sheets in order, in bounded memory.
pub struct TableFile {
    format: FileFormat,
    encoding: Option<TextEncoding>,
    delimiter: Option<char>,
    sheets: Vec<SheetHead>,
    rows: Rows,
    bytes_total: u64,
    failed: bool,
}

enum Rows {
    Text(Box<TextFile>),
    Workbook(WorkbookFile),
}

impl TableFile {
    /// Opens a file. A text file is read once from end to end to decide its encoding.
    ///
    /// # Errors
    /// [`SheetError`] when it is no table or cannot be read at all.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, SheetError> {
        let bytes_total = std::fs::metadata(path).map_err(SheetError::io(path))?.len();
        match format::detect(path)? {
            FileFormat::Csv => Self::open_text(path, options, bytes_total),
            format => {
                let (rows, sheets) = WorkbookFile::open(path, format, options)?;
                let rows = Rows::Workbook(rows);
                Ok(Self { format, encoding: None, delimiter: None, sheets, rows, bytes_total, failed: false })
            }
        }
    }

    fn open_text(path: &Path, options: &ReadOptions, bytes_total: u64) -> Result<Self, SheetError> {
        if let Some(name) = &options.sheet {
            return Err(SheetError::NoSuchSheet { path: path.to_owned(), name: name.clone(), have: Vec::new() });
        }
        let (encoding, found) = match &options.encoding {
            Some(name) => {
                let encoding = encoding::by_name(name)?;
                (encoding, TextEncoding { name: encoding.name(), reason: EncodingReason::Named })
            }
            None => encoding::detect(path)?,
        };
        let delimiter = match options.delimiter {
            Some(delimiter) => delimiter,
            None => text_file::detect_delimiter(path, encoding)?,
        };
        let head = TextFile::open(path, encoding, delimiter)?.head()?;
        let sheet = SheetHead { name: None, rows: head, base: DateBase::default() };
        Ok(Self {
            format: FileFormat::Csv,
            encoding: Some(found),
            delimiter: Some(delimiter),
            sheets: vec![sheet],
            rows: Rows::Text(Box::new(TextFile::open(path, encoding, delimiter)?)),
            bytes_total,
            failed: false,
        })
    }

    /// Which kind of file it is.
    pub fn format(&self) -> FileFormat {
        self.format
    }

    /// The encoding that was chosen and why; `None` for a workbook.
    pub fn encoding(&self) -> Option<TextEncoding> {
        self.encoding
    }

    /// The character between cells; `None` for a workbook.
    pub fn delimiter(&self) -> Option<char> {
        self.delimiter
    }

    /// The sheets with their first rows.
    pub fn sheets(&self) -> &[SheetHead] {
        &self.sheets
    }

    /// Bytes used up and bytes in all, for a progress bar; `None` for a workbook, whose parts are compressed.
    pub fn progress(&self) -> Option<(u64, u64)> {
        match &self.rows {
            Rows::Text(file) => Some((file.bytes_read(), self.bytes_total)),
            Rows::Workbook(_) => None,
        }
    }
}

impl Iterator for TableFile {
    type Item = Result<RawRow, SheetError>;

    /// The next row. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = match &mut self.rows {
            Rows::Text(file) => file.next_row(),
            Rows::Workbook(file) => file.next_row(),
        };
        self.failed = next.is_err();
        next.transpose()
    }
}

/// The path beside a file under which its refused rows are written: `FILE.refused.csv`.
pub fn refused_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".refused.csv");
    PathBuf::from(name)
}
