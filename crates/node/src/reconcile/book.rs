//! Reading the two sides.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fengsui_event::{AgencyCode, Date, Digest, Language};
use fengsui_projector::ModelError;
use fengsui_projector::query::{CaseFilter, View};
use fengsui_projector::reconcile::{BookRow, LogCase, Reported};
use fengsui_rulebook::Rulebook;
use fengsui_sheets::{BookReader, BookRecord, ColumnMap, Field, ReadOptions, RefusedFile, SheetError};
use sha2::{Digest as _, Sha256};

use crate::folder::{Folder, write_atomically};

/// Rows between two looks at the watcher.
const ROWS_BETWEEN: u64 = 1_000;
/// Bytes read at a time for the file's digest.
const READ_BYTES: usize = 1 << 16;
/// The folder of saved maps within the node's folder.
const MAPS: &str = "maps";

/// How to read a book.
#[derive(Clone, Debug)]
pub struct BookOptions {
    /// How to read the file.
    pub reading: ReadOptions,
    /// Language of the reasons in the file of refused rows.
    pub language: Language,
}

/// Why a book was not read.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The file or the map.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// Somebody asked to stop.
    #[error("interrupted; nothing was recorded")]
    Interrupted,
}

/// A book that was read.
#[derive(Debug, Default)]
pub struct Book {
    /// Its rows, those that are refused included.
    pub rows: Vec<BookRow>,
    /// SHA-256 of the file.
    pub sha256: Option<Digest>,
    /// Names of its sheets, by their place; none for a text file.
    pub sheets: BTreeMap<u16, String>,
    /// The map in use.
    pub map: String,
    /// The encoding that was chosen and why; none for a workbook.
    pub encoding: Option<String>,
    /// Sheets that were passed over, with the columns that they lack.
    pub skipped_sheets: Vec<(String, Vec<String>)>,
    /// Refused rows by reason.
    pub refused_by_reason: BTreeMap<String, u64>,
    /// The file of refused rows.
    pub refused_file: Option<PathBuf>,
}

/// The map of an agency's book: the one that is given, else the one that was saved, else the built-in one. Tells whether it
/// was the saved one.
///
/// # Errors
/// [`SheetError`] when the map's file cannot be read or is no map.
pub fn book_map(
    folder: &Folder,
    agency: AgencyCode,
    given: Option<&Path>,
    rules: Option<&Rulebook>,
) -> Result<(ColumnMap, bool), SheetError> {
    let saved = saved_map(folder, agency);
    let is_saved = given.is_none() && saved.is_file();
    let mut map = match given {
        Some(path) => ColumnMap::load_book(path)?,
        None if is_saved => ColumnMap::load_book(&saved)?,
        None => ColumnMap::builtin_book(),
    };
    let names = rules.into_iter().flat_map(Rulebook::categories).flat_map(|category| {
        [category.name_zh.clone(), category.name_en.clone()].map(|name| (name, category.code.to_string()))
    });
    map.add_values(Field::Category, names);
    Ok((map, is_saved))
}

fn saved_map(folder: &Folder, agency: AgencyCode) -> PathBuf {
    folder.root().join(MAPS).join(format!("{agency}.toml"))
}

/// Keeps a map for the agency's next book.
///
/// # Errors
/// [`SheetError::Io`] when it cannot be read or written.
pub fn keep_map(folder: &Folder, agency: AgencyCode, map: &Path) -> Result<PathBuf, SheetError> {
    let target = saved_map(folder, agency);
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |source| SheetError::Io { path, source }
    };
    let text = std::fs::read(map).map_err(fault(map))?;
    std::fs::create_dir_all(folder.root().join(MAPS)).map_err(fault(&target))?;
    write_atomically(&target, &text).map_err(fault(&target))?;
    Ok(target)
}

/// Reads a book whole. Refused rows are listed in a file beside it and kept as far as they could be read.
///
/// # Errors
/// [`BookError`] when the file cannot be read to its end, or the watcher breaks off.
pub fn read_book(
    path: &Path,
    options: &BookOptions,
    map: &ColumnMap,
    watcher: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Book, BookError> {
    let sha256 = digest_of(path)?;
    let mut reader = BookReader::open(path, &options.reading, std::slice::from_ref(map))?;
    let mut refused = RefusedFile::new(path, reader.columns(), options.language);
    let mut book = Book {
        sha256: Some(sha256),
        map: reader.map_name().to_owned(),
        encoding: reader.encoding().map(|encoding| encoding.describe(options.language)),
        skipped_sheets: reader.skipped_sheets().iter().map(|it| (it.name.clone(), it.missing.clone())).collect(),
        ..Book::default()
    };
    let mut count = 0;
    while let Some(record) = reader.next() {
        let record = record?;
        if let Some(row) = &record.refused {
            refused.write(row)?;
            for problem in &row.problems {
                *book.refused_by_reason.entry(problem.reason.code().to_owned()).or_default() += 1;
            }
        }
        let sheet = u16::try_from(record.sheet).unwrap_or(u16::MAX);
        if let Some(name) = reader.sheet_name(record.sheet).filter(|_| !book.sheets.contains_key(&sheet)) {
            book.sheets.insert(sheet, name.to_owned());
        }
        book.rows.push(row_of(record, sheet));
        count += 1;
        if count % ROWS_BETWEEN == 0 {
            let (done, total) = reader.progress().unwrap_or((count, count));
            if watcher(done, total).is_break() {
                return Err(BookError::Interrupted);
            }
        }
    }
    book.refused_file = refused.finish()?.map(|(path, _)| path);
    book.rows.shrink_to_fit();
    Ok(book)
}

fn digest_of(path: &Path) -> Result<Digest, SheetError> {
    let fault = |source| SheetError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(fault)?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; READ_BYTES]);
    loop {
        let read = file.read(&mut buffer).map_err(fault)?;
        if read == 0 {
            return Ok(Digest(hasher.finalize().into()));
        }
        hasher.update(&buffer[..read]);
    }
}

fn row_of(record: BookRecord, sheet: u16) -> BookRow {
    let text = |text: Option<String>| text.map(String::into_boxed_str);
    BookRow {
        sheet,
        number: u32::try_from(record.at.row).unwrap_or(u32::MAX),
        decision: text(record.decision),
        reference: text(record.reference),
        case: record.case,
        unit: record.unit,
        name: text(record.unit_name),
        found_on: record.found_on,
        category: record.category,
        region: record.region,
        address: text(record.address),
        handled_on: record.handled_on,
        outcome: record.outcome,
        fine: record.fine,
        closed: record.closed,
        updated_on: record.updated_on,
        refused: record.refused.is_some(),
    }
}

/// Reads again what only proposals need, for some rows by sheet and number.
///
/// # Errors
/// [`SheetError`] when the file cannot be read to its end.
pub fn read_details(
    path: &Path,
    options: &BookOptions,
    map: &ColumnMap,
    wanted: &BTreeSet<(u16, u32)>,
) -> Result<BTreeMap<(u16, u32), Reported>, SheetError> {
    let mut found = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    for record in BookReader::open(path, &options.reading, std::slice::from_ref(map))? {
        let record = record?;
        let place = (u16::try_from(record.sheet).unwrap_or(u16::MAX), u32::try_from(record.at.row).unwrap_or(u32::MAX));
        if wanted.contains(&place) {
            let BookRecord { trade, severity, method, facts, closing_text, .. } = record;
            found.insert(place, Reported { trade, severity, method, facts, closing_text });
        }
    }
    Ok(found)
}

/// The cases that concern an agency, as of a day. `watcher` is told how many were looked at.
///
/// # Errors
/// [`ModelError`] when the tables cannot be read; [`ModelError::Interrupted`] when the watcher breaks off.
pub fn read_cases(
    view: View<'_>,
    agency: AgencyCode,
    authority: AgencyCode,
    today: Date,
    watcher: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Vec<LogCase>, ModelError> {
    let mut cases = Vec::new();
    let mut count: u64 = 0;
    view.each_case_state(&CaseFilter::default(), |case| {
        count += 1;
        if count.is_multiple_of(ROWS_BETWEEN) && watcher(count).is_break() {
            return Err(ModelError::Interrupted { position: 0 });
        }
        cases.extend(LogCase::of(&case, agency, authority, today));
        Ok(())
    })?;
    cases.shrink_to_fit();
    Ok(cases)
}
