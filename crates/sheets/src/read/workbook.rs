//! A workbook as a source of rows. Cells are read in their order by a thread of its own and handed over through a bounded channel,
//! so a sheet of a million rows is never held whole, and a fault in a damaged file ends that thread instead of the program.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use calamine::{Data, Reader, SheetType, Xls, XlsError, Xlsx, XlsxError};

use super::{HEAD_ROWS_MAX, RawRow, ReadOptions, SheetHead, claimed_cells, merged::Merged};
use crate::SheetError;
use crate::cell::{Cell, DateBase};
use crate::read::format::FileFormat;

/// How many rows wait between the reading thread and the taker.
const ROWS_WAITING_MAX: usize = 256;
/// Widest sheet (ECMA-376 part 1, 18.3.1.73 and the programs' own bound).
const COLUMNS_MAX: usize = 16_384;

enum Message {
    Heads(Vec<SheetHead>),
    Row(RawRow),
    End,
}

type Sender = SyncSender<Result<Message, SheetError>>;

/// Why the reading thread ends early.
enum Stop {
    /// The taker is gone.
    NoTaker,
    /// The file is at fault.
    Fault(SheetError),
}

/// Rows of all sheets of a workbook, sheet by sheet.
pub(crate) struct WorkbookFile {
    path: PathBuf,
    rows: Receiver<Result<Message, SheetError>>,
    thread: Option<JoinHandle<()>>,
    finished: bool,
}

impl WorkbookFile {
    /// Opens a workbook and reads the first rows of each sheet.
    pub(crate) fn open(
        path: &Path,
        format: FileFormat,
        options: &ReadOptions,
    ) -> Result<(Self, Vec<SheetHead>), SheetError> {
        let (sender, rows) = sync_channel(ROWS_WAITING_MAX);
        let job = Job { path: path.to_owned(), only: options.sheet.clone(), fill_merged: options.fill_merged, sender };
        let thread = std::thread::Builder::new()
            .name("workbook".to_owned())
            .spawn(move || job.run(format))
            .map_err(SheetError::io(path))?;
        let file = Self { path: path.to_owned(), rows, thread: Some(thread), finished: false };
        match file.receive()? {
            Message::Heads(heads) => Ok((file, heads)),
            Message::Row(_) | Message::End => Ok((file, Vec::new())),
        }
    }

    /// The next row, or `None` at the end.
    pub(crate) fn next_row(&mut self) -> Result<Option<RawRow>, SheetError> {
        while !self.finished {
            match self.receive() {
                Ok(Message::Row(row)) => return Ok(Some(row)),
                Ok(Message::Heads(_)) => {}
                Ok(Message::End) => self.finished = true,
                Err(error) => {
                    self.finished = true;
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    fn receive(&self) -> Result<Message, SheetError> {
        self.rows.recv().unwrap_or_else(|_| {
            let detail = "the reader gave up on its contents".to_owned();
            Err(SheetError::DamagedWorkbook { path: self.path.clone(), detail })
        })
    }
}

impl Drop for WorkbookFile {
    fn drop(&mut self) {
        // Closing the channel makes the thread's next send fail, so it ends at once.
        let (_, closed) = sync_channel(1);
        self.rows = closed;
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has already been reported as a damaged workbook.
            let _ = thread.join();
        }
    }
}

struct Job {
    path: PathBuf,
    only: Option<String>,
    fill_merged: bool,
    sender: Sender,
}

impl Job {
    fn run(self, format: FileFormat) {
        let result = match format {
            FileFormat::Xls => self.run_xls(),
            FileFormat::Xlsx | FileFormat::Csv => self.run_xlsx(),
        };
        let last = match result {
            Ok(()) => Ok(Message::End),
            Err(Stop::Fault(error)) => Err(error),
            Err(Stop::NoTaker) => return,
        };
        // Nobody is left to hear it when the taker is gone.
        let _ = self.sender.send(last);
    }

    fn run_xlsx(&self) -> Result<(), Stop> {
        let mut book: Xlsx<_> = Xlsx::new(self.file()?).map_err(|error| self.xlsx_fault(error))?;
        let base = date_base(book.has_1904_epoch());
        let names = self.chosen_sheets(book.sheets_metadata())?;
        let mut heads = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let mut rows = Vec::with_capacity(HEAD_ROWS_MAX);
            self.xlsx_rows(&mut book, index, name, base, &mut |row| {
                rows.push(row);
                Ok(rows.len() < HEAD_ROWS_MAX)
            })?;
            heads.push(SheetHead { name: Some(name.clone()), rows, base });
        }
        self.send(Message::Heads(heads))?;
        for (index, name) in names.iter().enumerate() {
            self.xlsx_rows(&mut book, index, name, base, &mut |row| self.send(Message::Row(row)).map(|()| true))?;
        }
        Ok(())
    }

    /// Gives each row of a sheet that has cells to `take`, until it answers `false`.
    fn xlsx_rows(
        &self,
        book: &mut Xlsx<BufReader<File>>,
        sheet: usize,
        name: &str,
        base: DateBase,
        take: &mut dyn FnMut(RawRow) -> Result<bool, Stop>,
    ) -> Result<(), Stop> {
        let merged = if self.fill_merged { Merged::of(book, name) } else { Ok(None) };
        let mut merged = merged.map_err(|error| self.xlsx_fault(error))?;
        let take = &mut |mut row: RawRow| {
            if let Some(merged) = &mut merged {
                merged.fill(&mut row);
            }
            take(row)
        };
        let mut cells = book.worksheet_cells_reader(name).map_err(|error| self.xlsx_fault(error))?;
        let mut current: Option<RawRow> = None;
        while let Some(cell) = cells.next_cell().map_err(|error| self.xlsx_fault(error))? {
            let (row, column) = cell.get_position();
            let number = u64::from(row) + 1;
            if current.as_ref().is_some_and(|current| current.number != number)
                && let Some(finished) = current.take()
                && !take(finished)?
            {
                return Ok(());
            }
            let value = cell_of(Data::from(cell.get_value().clone()), base);
            let row = current.get_or_insert_with(|| RawRow { sheet, number, cells: Vec::new(), flaw: None });
            place(row, column, value);
        }
        if let Some(finished) = current {
            take(finished)?;
        }
        Ok(())
    }

    fn run_xls(&self) -> Result<(), Stop> {
        let damaged = |detail| Stop::Fault(SheetError::DamagedWorkbook { path: self.path.clone(), detail });
        let impossible = claimed_cells::impossible_size(self.file()?).map_err(|error| damaged(error.to_string()))?;
        if let Some(detail) = impossible {
            return Err(damaged(detail));
        }
        // An encrypted .xlsx comes in the same container as an .xls.
        if let Err(XlsxError::Password) = Xlsx::new(self.file()?) {
            return Err(Stop::Fault(SheetError::Encrypted { path: self.path.clone() }));
        }
        let mut book: Xls<_> = Xls::new(self.file()?).map_err(|error| self.xls_fault(error))?;
        let base = date_base(book.has_1904_epoch());
        let names = self.chosen_sheets(book.sheets_metadata())?;
        let mut heads = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let range = book.worksheet_range(name).map_err(|error| self.xls_fault(error))?;
            let rows = xls_rows(&range, index, base).take(HEAD_ROWS_MAX).collect();
            heads.push(SheetHead { name: Some(name.clone()), rows, base });
        }
        self.send(Message::Heads(heads))?;
        for (index, name) in names.iter().enumerate() {
            let range = book.worksheet_range(name).map_err(|error| self.xls_fault(error))?;
            for row in xls_rows(&range, index, base) {
                self.send(Message::Row(row))?;
            }
        }
        Ok(())
    }

    fn file(&self) -> Result<BufReader<File>, Stop> {
        File::open(&self.path).map(BufReader::new).map_err(|error| Stop::Fault(SheetError::io(&self.path)(error)))
    }

    fn send(&self, message: Message) -> Result<(), Stop> {
        self.sender.send(Ok(message)).map_err(|_| Stop::NoTaker)
    }

    fn chosen_sheets(&self, sheets: &[calamine::Sheet]) -> Result<Vec<String>, Stop> {
        let have: Vec<String> =
            sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).map(|sheet| sheet.name.clone()).collect();
        match &self.only {
            None => Ok(have),
            Some(name) if have.contains(name) => Ok(vec![name.clone()]),
            Some(name) => {
                Err(Stop::Fault(SheetError::NoSuchSheet { path: self.path.clone(), name: name.clone(), have }))
            }
        }
    }

    fn xlsx_fault(&self, error: XlsxError) -> Stop {
        let path = self.path.clone();
        Stop::Fault(match error {
            XlsxError::Io(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
                SheetError::Io { path, source }
            }
            XlsxError::Password => SheetError::Encrypted { path },
            XlsxError::FileNotFound(_) | XlsxError::RelationshipNotFound => SheetError::Foreign {
                path,
                found: "a zip archive without a workbook in it",
                advice: "Unpack it and pass the table's file",
            },
            other => SheetError::DamagedWorkbook { path, detail: other.to_string() },
        })
    }

    fn xls_fault(&self, error: XlsError) -> Stop {
        let path = self.path.clone();
        Stop::Fault(match error {
            XlsError::Io(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
                SheetError::Io { path, source }
            }
            XlsError::Password => SheetError::Encrypted { path },
            other => SheetError::DamagedWorkbook { path, detail: other.to_string() },
        })
    }
}

fn date_base(is_1904: bool) -> DateBase {
    if is_1904 { DateBase::Year1904 } else { DateBase::Year1900 }
}

fn place(row: &mut RawRow, column: u32, value: Cell) {
    let column = usize::try_from(column).unwrap_or(COLUMNS_MAX);
    if column >= COLUMNS_MAX || value == Cell::Empty {
        return;
    }
    if row.cells.len() <= column {
        row.cells.resize(column + 1, Cell::Empty);
    }
    if let Some(cell) = row.cells.get_mut(column) {
        *cell = value;
    }
}

fn xls_rows(range: &calamine::Range<Data>, sheet: usize, base: DateBase) -> impl Iterator<Item = RawRow> + '_ {
    let (first_row, first_column) = range.start().unwrap_or_default();
    range.rows().zip(u64::from(first_row) + 1..).map(move |(cells, number)| {
        let mut row = RawRow { sheet, number, cells: Vec::new(), flaw: None };
        for (value, column) in cells.iter().zip(first_column..) {
            place(&mut row, column, cell_of(value.clone(), base));
        }
        row
    })
}

fn cell_of(value: Data, base: DateBase) -> Cell {
    match value {
        Data::Empty => Cell::Empty,
        Data::String(text) if text.is_empty() => Cell::Empty,
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => Cell::Text(text),
        Data::Float(number) => Cell::Number(number),
        // A workbook's own numbers are doubles; the exact text keeps what a double would not.
        Data::Int(number) => {
            i32::try_from(number).map_or_else(|_| Cell::Text(number.to_string()), |small| Cell::Number(small.into()))
        }
        Data::Bool(value) => Cell::Bool(value),
        Data::DateTime(date) if date.is_duration() => Cell::Duration(date.as_f64()),
        Data::DateTime(date) => Cell::Date { serial: date.as_f64(), base },
        Data::Error(error) => Cell::Error(error.to_string()),
    }
}
