//! The files that people have: CSV, XLSX and XLS in, CSV and XLSX out; encodings, dates, column maps.
//!
//! This crate knows how tables are written down. It does not know what an event is, whom a violation is referred to, or whether the
//! rulebook has its category. A row that cannot be understood is a value ([`RefusedRow`]), never the end of the file.
//!
//! Entry points: [`ViolationReader`] with a [`ColumnMap`] to read, [`RefusedFile`] for what was refused, [`TableWriter`] to write,
//! [`TableFile`] for bare rows of cells.

mod book;
mod cell;
mod date;
mod error;
mod map;
mod money;
mod problem;
mod read;
mod record;
mod refused;
mod row;
mod sheet_plan;
mod text;
mod violations;
mod write;

pub use book::{BookReader, BookRecord};
pub use cell::{Cell, CellPlace, ColumnPlace, DateBase, column_letter};
pub use date::{DateFault, DateFormat, date_of_cell, date_of_serial, parse_date};
pub use error::{MissingHeaders, SheetError};
pub use map::{ColumnMap, Field, FieldSources, KeyPart, Source, UnitRule};
pub use money::MoneyUnit;
pub use problem::{CellProblem, Reason, RefusedRow};
pub use read::{
    EncodingReason, FileFormat, RawRow, ReadOptions, RowFlaw, SheetHead, TableFile, TextEncoding, refused_path,
};
pub use record::{ClosedRecord, Note, NoteKind, ViolationRecord};
pub use refused::RefusedFile;
pub use row::value::unit_error_text;
pub use violations::{ReadRow, SkippedSheet, ViolationReader};
pub use write::{Column, ColumnKind, SHEET_ROWS_MAX, TableOptions, TableWriter, Value};
