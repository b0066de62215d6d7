//! What can be wrong with a whole file. What is wrong with one row is in [`crate::RefusedRow`].

use std::path::PathBuf;

use crate::read::TextEncoding;

/// A file that cannot be read or written as a table. Each variant says which file, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SheetError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is of another kind.
    #[error("{}: this is {found}, not a CSV or XLSX table. {advice}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What its first bytes say it is.
        found: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The workbook's container or parts cannot be read.
    #[error(
        "{}: the workbook is damaged or cut off ({detail}). Copy it again from its source, or open it in a spreadsheet \
         program and save it as .xlsx",
        path.display()
    )]
    DamagedWorkbook {
        /// The file.
        path: PathBuf,
        /// What the reader met.
        detail: String,
    },
    /// The workbook is encrypted.
    #[error("{}: the workbook is protected by a password. Save it without a password and import that copy", path.display())]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// There is no row in the file.
    #[error("{}: the file holds no rows", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The encoding asked for is not known.
    #[error("`{name}` is not a known encoding; try utf-8, gb18030, gbk, big5, utf-16le or utf-16be")]
    UnknownEncoding {
        /// What was asked for.
        name: String,
    },
    /// The bytes are text in no encoding that is tried.
    #[error(
        "{}: neither UTF-8 (first bad byte in line {utf8_line}) nor GB18030 (first bad byte in line {gb18030_line}). \
         Name the encoding with --encoding; rows with bad bytes are then refused one by one",
        path.display()
    )]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// Physical line, from 1, of the first byte that is not UTF-8.
        utf8_line: u64,
        /// Physical line, from 1, of the first byte that is not GB18030.
        gb18030_line: u64,
    },
    /// A quotation mark is opened and the record outgrows every bound before it is closed.
    #[error(
        "{}: row {row}: a record of more than {limit_bytes} bytes; most likely a quotation mark is opened and never closed. \
         Mend that row",
        path.display()
    )]
    RecordTooLong {
        /// The file.
        path: PathBuf,
        /// Row at which the record begins.
        row: u64,
        /// The bound.
        limit_bytes: usize,
    },
    /// The sheet asked for is not in the workbook.
    #[error("{}: no sheet `{name}`; the file has: {}", path.display(), have.join(", "))]
    NoSuchSheet {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// What there is.
        have: Vec<String>,
    },
    /// The columns that a map requires are not all there.
    #[error(transparent)]
    HeadersMissing(Box<MissingHeaders>),
    /// A column that the map uses stands twice in the header row.
    #[error("{}: the header `{header}` stands twice (columns {first} and {second}), so it is not clear which is meant. Rename one", path.display())]
    HeaderTwice {
        /// The file.
        path: PathBuf,
        /// The header.
        header: String,
        /// Letter of its first column.
        first: String,
        /// Letter of its second column.
        second: String,
    },
    /// The column map itself is wrong.
    #[error("column map {place}: {detail}")]
    Map {
        /// The map's file or name.
        place: String,
        /// What is wrong and what was expected.
        detail: String,
    },
    /// The extension of a file to be written says neither CSV nor XLSX.
    #[error("{}: the name must end in .csv or .xlsx", path.display())]
    UnknownExtension {
        /// The file.
        path: PathBuf,
    },
    /// A row to be written does not fit its table.
    #[error("{}: row {row}: {detail}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The row, from 1 with the header as 1.
        row: u64,
        /// What does not fit and what to do.
        detail: String,
    },
}

/// No row of a file holds the columns that a map requires.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}: no row among the first {rows_searched} holds the headers that the map `{map}` requires. Missing: {}. Found: {}{}. \
     Rename the columns, or write a map (docs/import.md) and pass it with --map",
    path.display(), missing.join("; "), found.join(", "),
    encoding.map_or_else(String::new, |encoding| format!(" (read as {encoding})"))
)]
pub struct MissingHeaders {
    /// The file.
    pub path: PathBuf,
    /// The map that came nearest.
    pub map: String,
    /// How many rows were searched.
    pub rows_searched: usize,
    /// The headers of the row that came nearest.
    pub found: Vec<String>,
    /// How a text file was decoded; a wrong encoding garbles the headers.
    pub encoding: Option<TextEncoding>,
    /// Each field that lacks a column, with the headers that would do.
    pub missing: Vec<String>,
}

impl SheetError {
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
