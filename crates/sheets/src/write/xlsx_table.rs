//! An XLSX table: text cells are text, days are real dates, numbers are numbers; the header is bold and stays in sight.

use std::path::{Path, PathBuf};

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::caught::caught;
use super::{AtomicFile, Column, ColumnKind, SHEET_ROWS_MAX, TableOptions, Value};
use crate::SheetError;

/// A spreadsheet keeps 15 digits of a number; a longer one is written as text.
const EXACT_NUMBER_MAX: u64 = 999_999_999_999_999;
/// Widest column that is set without being asked for.
const WIDTH_MAX: usize = 60;

pub(super) struct XlsxTable {
    path: PathBuf,
    file: AtomicFile,
    book: Workbook,
    formats: Formats,
    sheet_name: String,
    sheet_rows_max: u64,
    sheets: usize,
    /// Row to be written next in the last sheet, from 0.
    row: u32,
    rows_before: u64,
}

struct Formats {
    header: Format,
    text: Format,
    date: Format,
    integer: Format,
    money: Format,
}

impl XlsxTable {
    pub(super) fn create(path: &Path, columns: &[Column], options: &TableOptions) -> Result<Self, SheetError> {
        let formats = Formats {
            header: Format::new().set_bold(),
            text: Format::new().set_num_format("@"),
            date: Format::new().set_num_format("yyyy-mm-dd"),
            integer: Format::new().set_num_format("0"),
            money: Format::new().set_num_format("#,##0.00"),
        };
        let mut table = Self {
            path: path.to_owned(),
            file: AtomicFile::create(path)?,
            book: Workbook::new(),
            formats,
            sheet_name: options.sheet_name.clone(),
            sheet_rows_max: options.sheet_rows_max.clamp(2, SHEET_ROWS_MAX),
            sheets: 0,
            row: 0,
            rows_before: 0,
        };
        // Waiting rows lie in unnamed files on the disk that takes the table anyway, not in a /tmp that may be small.
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        table.book.set_tempdir(folder).map(|_| ()).map_err(|error| table.fault(&error))?;
        caught(|| table.begin_sheet(columns)).map_err(|error| table.fault(&error))?;
        Ok(table)
    }

    pub(super) fn write(&mut self, columns: &[Column], row: &[Value]) -> Result<(), SheetError> {
        if u64::from(self.row) >= self.sheet_rows_max {
            self.rows_before += u64::from(self.row) - 1;
            caught(|| self.begin_sheet(columns)).map_err(|error| self.fault(&error))?;
        }
        caught(|| self.write_row(row)).map_err(|error| self.fault(&error))?;
        self.row += 1;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), SheetError> {
        match caught(|| self.book.save_to_writer(&mut self.file)) {
            Ok(()) => self.file.finish(),
            Err(error) => Err(self.fault(&error)),
        }
    }

    fn begin_sheet(&mut self, columns: &[Column]) -> Result<(), XlsxError> {
        self.sheets += 1;
        let name =
            if self.sheets == 1 { self.sheet_name.clone() } else { format!("{} ({})", self.sheet_name, self.sheets) };
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, 0)?;
        for (column, index) in columns.iter().zip(0_u16..) {
            sheet.set_column_width(index, width(column))?;
        }
        for (column, index) in columns.iter().zip(0_u16..) {
            sheet.write_string_with_format(0, index, &column.title, &self.formats.header)?;
        }
        self.row = 1;
        Ok(())
    }

    fn write_row(&mut self, row: &[Value]) -> Result<(), XlsxError> {
        let sheet = self.book.worksheet_from_index(self.sheets - 1)?;
        for (value, index) in row.iter().zip(0_u16..) {
            write_value(sheet, self.row, index, value, &self.formats)?;
        }
        Ok(())
    }

    fn fault(&self, error: &XlsxError) -> SheetError {
        let row = self.rows_before + u64::from(self.row) + 1;
        let detail = match error {
            XlsxError::IoError(error) => {
                return SheetError::io(&self.path)(std::io::Error::new(error.kind(), error.to_string()));
            }
            XlsxError::MaxStringLengthExceeded => {
                "a text is longer than the 32,767 characters of an XLSX cell; export as .csv".to_owned()
            }
            other => other.to_string(),
        };
        SheetError::Unwritable { path: self.path.clone(), row, detail }
    }
}

fn write_value(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    value: &Value,
    formats: &Formats,
) -> Result<(), XlsxError> {
    match value {
        Value::Empty => {}
        Value::Text(text) => {
            sheet.write_string_with_format(row, column, text, &formats.text)?;
        }
        Value::Date(date) => match excel_date(*date) {
            Some(serial) => {
                sheet.write_datetime_with_format(row, column, &serial, &formats.date)?;
            }
            None => {
                sheet.write_string_with_format(row, column, date.to_string(), &formats.text)?;
            }
        },
        Value::Integer(number) => {
            write_number(sheet, row, column, &number.to_string(), *number, &formats.integer, &formats.text)?;
        }
        Value::Money(fen) => {
            write_number(sheet, row, column, &fen.yuan(), fen.fen(), &formats.money, &formats.text)?;
        }
    }
    Ok(())
}

/// A spreadsheet has no days before 1900.
fn excel_date(date: fengsui_event::Date) -> Option<ExcelDateTime> {
    let year = u16::try_from(date.year()).ok()?;
    ExcelDateTime::from_ymd(year, u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?).ok()
}

/// The decimal text is turned into the file format's double in one step, so no sum is ever computed in floating point.
fn write_number(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    text: &str,
    digits: i64,
    format: &Format,
    text_format: &Format,
) -> Result<(), XlsxError> {
    match text.parse::<f64>() {
        Ok(number) if digits.unsigned_abs() <= EXACT_NUMBER_MAX => {
            sheet.write_number_with_format(row, column, number, format)?
        }
        _ => sheet.write_string_with_format(row, column, text, text_format)?,
    };
    Ok(())
}

/// Chinese characters are two wide.
fn width(column: &Column) -> f64 {
    let title: usize = column.title.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    let usual = match column.kind {
        ColumnKind::Text => 20,
        ColumnKind::Date | ColumnKind::Integer => 12,
        ColumnKind::Money => 14,
    };
    let width = column.width.map_or_else(|| (title + 2).clamp(usual, WIDTH_MAX), usize::from);
    u16::try_from(width).map_or(255.0, f64::from)
}
