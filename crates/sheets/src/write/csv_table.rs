//! A CSV table as RFC 4180 has it: commas, CRLF, quotation marks where needed.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{AtomicFile, BYTE_ORDER_MARK, Column, TableOptions, Value};
use crate::SheetError;
use crate::refused::csv_fault;

/// What makes a spreadsheet program take a text for a formula.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

pub(super) struct CsvTable {
    path: PathBuf,
    writer: csv::Writer<AtomicFile>,
    guard_formulas: bool,
}

impl CsvTable {
    pub(super) fn create(path: &Path, columns: &[Column], options: &TableOptions) -> Result<Self, SheetError> {
        let mut file = AtomicFile::create(path)?;
        if options.byte_order_mark {
            file.write_all(BYTE_ORDER_MARK).map_err(SheetError::io(path))?;
        }
        let writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
        let mut table = Self { path: path.to_owned(), writer, guard_formulas: options.guard_formulas };
        let header: Vec<Cow<'_, str>> = columns.iter().map(|column| Cow::Borrowed(column.title.as_str())).collect();
        table.write_texts(&header)?;
        Ok(table)
    }

    pub(super) fn write(&mut self, row: &[Value]) -> Result<(), SheetError> {
        let texts: Vec<Cow<'_, str>> = row.iter().map(|value| self.text(value)).collect();
        self.write_texts(&texts)
    }

    pub(super) fn finish(self) -> Result<(), SheetError> {
        self.writer.into_inner().map_err(|error| SheetError::io(&self.path)(error.into_error()))?.finish()
    }

    fn write_texts(&mut self, texts: &[Cow<'_, str>]) -> Result<(), SheetError> {
        self.writer.write_record(texts.iter().map(|text| text.as_bytes())).map_err(|error| csv_fault(&self.path, error))
    }

    fn text<'a>(&self, value: &'a Value) -> Cow<'a, str> {
        match value {
            Value::Empty => Cow::Borrowed(""),
            Value::Text(text) if self.guard_formulas && text.starts_with(FORMULA_STARTS) => {
                Cow::Owned(format!("'{text}"))
            }
            Value::Text(text) => Cow::Borrowed(text),
            Value::Date(date) => Cow::Owned(date.to_string()),
            Value::Integer(number) => Cow::Owned(number.to_string()),
            Value::Money(fen) => Cow::Owned(fen.yuan()),
        }
    }
}
