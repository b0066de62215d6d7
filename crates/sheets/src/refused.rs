//! The file of refused rows: the rows as they were, with place and reason in front, to be mended and fed in again.

use std::path::{Path, PathBuf};

use fengsui_event::Language;

use crate::SheetError;
use crate::problem::{CellProblem, RefusedRow};
use crate::read::refused_path;
use crate::text::header_form;
use crate::write::{AtomicFile, BYTE_ORDER_MARK};

/// The columns that the file adds; they are ignored when it is read.
const REFUSED_COLUMNS: [&str; 4] = ["refused_sheet", "refused_row", "refused_column", "refused_reason"];

/// Whether a header is one of the columns that the file of refused rows adds.
pub(crate) fn is_refused_column(header: &str) -> bool {
    REFUSED_COLUMNS.contains(&header_form(header).as_str())
}

/// Writes `FILE.refused.csv`: UTF-8 with a byte-order mark, RFC 4180. Cells are written exactly as they were, also those that begin
/// with `=`, because a mended row must keep its identity; open the file as text if it comes from strangers.
///
/// The file appears when [`finish`](Self::finish) is called, whole and only if a row was refused; one that an earlier import of the same file
/// left is replaced or removed.
pub struct RefusedFile {
    path: PathBuf,
    columns: Vec<String>,
    language: Language,
    writer: Option<csv::Writer<AtomicFile>>,
    rows: u64,
}

impl RefusedFile {
    /// Prepares the file for the rows of `input`, whose columns are those of [`ViolationReader::columns`](crate::ViolationReader::columns).
    /// Nothing is written before the first row.
    pub fn new(input: &Path, columns: &[String], language: Language) -> Self {
        Self { path: refused_path(input), columns: columns.to_vec(), language, writer: None, rows: 0 }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`SheetError::Io`].
    pub fn write(&mut self, row: &RefusedRow) -> Result<(), SheetError> {
        let mut record = vec![
            row.at.sheet.clone().unwrap_or_default(),
            row.at.row.to_string(),
            joined(&row.problems, |problem| problem.column.as_ref().map(ToString::to_string).unwrap_or_default()),
            joined(&row.problems, |problem| format!("{}: {}", problem.reason, problem.message(self.language))),
        ];
        record.extend(row.cells.iter().cloned());
        let path = self.path.clone();
        self.writer()?.write_record(&record).map_err(|error| csv_fault(&path, error))?;
        self.rows += 1;
        Ok(())
    }

    /// Puts the file in its place and gives its path and number of rows; `None` when nothing was refused.
    ///
    /// # Errors
    /// [`SheetError::Io`].
    pub fn finish(self) -> Result<Option<(PathBuf, u64)>, SheetError> {
        match self.writer {
            Some(writer) => {
                writer.into_inner().map_err(|error| SheetError::io(&self.path)(error.into_error()))?.finish()?;
                Ok(Some((self.path, self.rows)))
            }
            None => match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(SheetError::io(&self.path)(error)),
                _ => Ok(None),
            },
        }
    }

    fn writer(&mut self) -> Result<&mut csv::Writer<AtomicFile>, SheetError> {
        if self.writer.is_none() {
            self.writer = Some(self.begin()?);
        }
        // Set just above; the error is never seen.
        self.writer.as_mut().ok_or_else(|| SheetError::io(&self.path)(std::io::ErrorKind::NotFound.into()))
    }

    fn begin(&self) -> Result<csv::Writer<AtomicFile>, SheetError> {
        let mut file = AtomicFile::create(&self.path)?;
        std::io::Write::write_all(&mut file, BYTE_ORDER_MARK).map_err(SheetError::io(&self.path))?;
        let mut writer = csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(file);
        let header = REFUSED_COLUMNS.iter().copied().chain(self.columns.iter().map(String::as_str));
        writer.write_record(header).map_err(|error| csv_fault(&self.path, error))?;
        Ok(writer)
    }
}

fn joined(problems: &[CellProblem], text: impl Fn(&CellProblem) -> String) -> String {
    let mut texts: Vec<String> = Vec::with_capacity(problems.len());
    for text in problems.iter().map(text).filter(|text| !text.is_empty()) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join("; ")
}

pub(crate) fn csv_fault(path: &Path, error: csv::Error) -> SheetError {
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => SheetError::io(path)(error),
        _ => SheetError::io(path)(std::io::Error::other(text)),
    }
}
