//! A file of violations, row by row.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use crate::SheetError;
use crate::cell::{Cell, CellPlace, column_letter};
use crate::error::MissingHeaders;
use crate::map::{ColumnMap, HeaderFault, NoHeader, Purpose, find_header};
use crate::problem::{CellProblem, Reason, RefusedRow};
use crate::read::{FileFormat, HEAD_ROWS_MAX, RawRow, ReadOptions, RowFlaw, TableFile, TextEncoding};
use crate::record::ViolationRecord;
use crate::row::{RowKey, RowView, read_row};
use crate::sheet_plan::SheetPlan;

/// What one row gives.
pub type ReadRow = Result<ViolationRecord, RefusedRow>;

/// A sheet that was passed over because it lacks required columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedSheet {
    /// The sheet.
    pub name: String,
    /// The columns that it lacks.
    pub missing: Vec<String>,
}

/// Reads violations from a file, one row at a time and in the file's order. A bad row never ends it; only a file that can be
/// read no further does.
pub struct ViolationReader {
    file: TableFile,
    plans: Vec<Option<SheetPlan>>,
    map_name: String,
    columns: Vec<String>,
    skipped: Vec<SkippedSheet>,
    seen: HashMap<Fingerprint, Seen>,
    blank_rows: u64,
}

/// Where a key was met first, and how often.
struct Seen {
    row: u64,
    sheet: u32,
    count: u32,
}

/// 128 bits that stand for a key, so that a million rows take tens of megabytes. They live only as long as the reader.
type Fingerprint = [u64; 2];

impl ViolationReader {
    /// Opens a file under the first of the maps whose columns it has; pass [`ColumnMap::builtin`] when the user names none.
    ///
    /// Every sheet that has the map's columns is read; the others are listed by [`skipped_sheets`](Self::skipped_sheets).
    ///
    /// # Errors
    /// [`SheetError::HeadersMissing`] when no sheet fits any map, [`SheetError::HeaderTwice`], and what keeps the file from being read.
    pub fn open(path: &Path, options: &ReadOptions, maps: &[ColumnMap]) -> Result<Self, SheetError> {
        let Opened { file, plans, map_name, columns, skipped } = open_table(path, options, maps, Purpose::Import)?;
        Ok(Self { file, plans, map_name, columns, skipped, seen: HashMap::new(), blank_rows: 0 })
    }

    /// The map in use.
    pub fn map_name(&self) -> &str {
        &self.map_name
    }

    /// Which kind of file it is.
    pub fn format(&self) -> FileFormat {
        self.file.format()
    }

    /// The encoding that was chosen and why; `None` for a workbook.
    pub fn encoding(&self) -> Option<TextEncoding> {
        self.file.encoding()
    }

    /// Bytes used up and bytes in all; `None` for a workbook.
    pub fn progress(&self) -> Option<(u64, u64)> {
        self.file.progress()
    }

    /// The file's own columns, of all sheets, in which refused rows are given.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Sheets that were passed over.
    pub fn skipped_sheets(&self) -> &[SkippedSheet] {
        &self.skipped
    }

    /// How many rows so far held nothing but blank cells.
    pub fn blank_rows(&self) -> u64 {
        self.blank_rows
    }

    fn read(&mut self, raw: &RawRow) -> Option<ReadRow> {
        let plan = self.plans.get(raw.sheet)?.as_ref().filter(|plan| raw.number > plan.header_row())?;
        if raw.flaw.is_none() && raw.cells.iter().all(Cell::is_blank) {
            self.blank_rows += 1;
            return None;
        }
        let at = CellPlace { sheet: plan.name().map(str::to_owned), row: raw.number };
        let refused = |problems| Some(Err(RefusedRow { at: at.clone(), cells: plan.texts(raw), problems }));
        if let Some(problem) = row_problem(plan, raw) {
            return refused(vec![problem]);
        }
        let mut reading = read_row(RowView::new(plan, raw), at.clone());
        let key = match unique(&mut self.seen, raw, reading.key) {
            Ok(key) => key,
            Err(first) => {
                let sheet = usize::try_from(first.0)
                    .ok()
                    .and_then(|index| self.plans.get(index))
                    .and_then(Option::as_ref)
                    .and_then(SheetPlan::name);
                reading.problems.push(duplicate_key(sheet, first.1));
                String::new()
            }
        };
        match reading.record {
            Some(record) if reading.problems.is_empty() => {
                Some(Ok(ViolationRecord { key, cells: plan.texts(raw), ..record }))
            }
            _ => refused(reading.problems),
        }
    }
}

impl Iterator for ViolationReader {
    type Item = Result<ReadRow, SheetError>;

    /// The next row that holds something. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.file.next()? {
                Err(error) => return Some(Err(error)),
                Ok(raw) => {
                    if let Some(row) = self.read(&raw) {
                        return Some(Ok(row));
                    }
                }
            }
        }
    }
}

/// A file whose sheets have their plans.
pub(crate) struct Opened {
    pub file: TableFile,
    pub plans: Vec<Option<SheetPlan>>,
    pub map_name: String,
    pub columns: Vec<String>,
    pub skipped: Vec<SkippedSheet>,
}

/// Opens a file under the first of the maps whose columns it has.
pub(crate) fn open_table(
    path: &Path,
    options: &ReadOptions,
    maps: &[ColumnMap],
    purpose: Purpose,
) -> Result<Opened, SheetError> {
    let file = TableFile::open(path, options)?;
    if file.sheets().iter().all(|sheet| sheet.rows.is_empty()) {
        return Err(SheetError::Empty { path: path.to_owned() });
    }
    let mut nearest: Option<(&str, NoHeader)> = None;
    for map in maps {
        let (mut plans, skipped) = plan(path, &file, map, purpose)?;
        if plans.iter().any(Option::is_some) {
            let columns = join_columns(&mut plans);
            let skipped =
                skipped.into_iter().map(|(name, fault)| SkippedSheet { name, missing: fault.missing }).collect();
            return Ok(Opened { file, plans, map_name: map.name.clone(), columns, skipped });
        }
        for (_, fault) in skipped {
            if nearest.as_ref().is_none_or(|(_, nearest)| fault.score > nearest.score) {
                nearest = Some((&map.name, fault));
            }
        }
    }
    let (map, fault) = nearest.unwrap_or(("", NoHeader { found: Vec::new(), missing: Vec::new(), score: 0 }));
    Err(SheetError::HeadersMissing(Box::new(MissingHeaders {
        path: path.to_owned(),
        map: map.to_owned(),
        rows_searched: HEAD_ROWS_MAX,
        found: fault.found,
        encoding: file.encoding(),
        missing: fault.missing,
    })))
}

type Plans = (Vec<Option<SheetPlan>>, Vec<(String, NoHeader)>);

fn plan(path: &Path, file: &TableFile, map: &ColumnMap, purpose: Purpose) -> Result<Plans, SheetError> {
    let mut plans = Vec::with_capacity(file.sheets().len());
    let mut skipped = Vec::new();
    for sheet in file.sheets() {
        match find_header(map, &sheet.rows, purpose) {
            Ok(header) => {
                let (name, scheme) = (sheet.name.clone(), &map.unit.scheme);
                plans.push(Some(SheetPlan::new(name, sheet.base, header, scheme, purpose)));
            }
            Err(HeaderFault::Missing(fault)) => {
                skipped.push((sheet.name.clone().unwrap_or_default(), fault));
                plans.push(None);
            }
            Err(HeaderFault::Twice { header, first, second }) => {
                return Err(SheetError::HeaderTwice {
                    path: path.to_owned(),
                    header,
                    first: column_letter(first),
                    second: column_letter(second),
                });
            }
        }
    }
    Ok((plans, skipped))
}

fn join_columns(plans: &mut [Option<SheetPlan>]) -> Vec<String> {
    let mut columns = Vec::new();
    for plan in plans.iter_mut().flatten() {
        plan.join_columns(&mut columns);
    }
    for plan in plans.iter_mut().flatten() {
        plan.set_width(columns.len());
    }
    columns
}

/// What makes the whole row unfit: its cells may stand under the wrong headers, so they are not looked at.
pub(crate) fn row_problem(plan: &SheetPlan, raw: &RawRow) -> Option<CellProblem> {
    match raw.flaw {
        Some(RowFlaw::NulByte) => {
            return Some(CellProblem::of_row(
                Reason::NulByte,
                "含有 NUL 字节，请从原件恢复",
                "a NUL byte; restore the row from its source",
            ));
        }
        Some(RowFlaw::InvalidBytes) => {
            return Some(CellProblem::of_row(
                Reason::InvalidBytes,
                "含有无法解码的字节",
                "bytes that are no text in the file's encoding",
            ));
        }
        Some(RowFlaw::UnclosedQuote) => {
            return Some(CellProblem::of_row(
                Reason::UnclosedQuote,
                "引号直到文件末尾没有关闭",
                "a quotation mark is open to the end of the file",
            ));
        }
        None => {}
    }
    // A workbook's cells stand where they are; only in text does a missing cell move the others.
    let (expected, found) = (plan.headers().len(), raw.cells.len());
    let is_surplus = raw.cells.iter().skip(expected).any(|cell| !cell.is_blank());
    (plan.name().is_none() && (found < expected || is_surplus)).then(|| {
        CellProblem::of_row(
            Reason::RaggedRow,
            format!("有 {found} 格，表头有 {expected} 格；可能缺少或多出分隔符"),
            format!("{found} cells under {expected} headers; a separator is missing or too many"),
        )
    })
}

/// Makes the key unique within the file, or says where a key that must be unique was met first.
fn unique(seen: &mut HashMap<Fingerprint, Seen>, raw: &RawRow, key: RowKey) -> Result<String, (u32, u64)> {
    let (key, is_numbered) = match key {
        RowKey::Unknown => return Ok(String::new()),
        RowKey::Columns(key) => (key, false),
        RowKey::Contents(key) => (key, true),
    };
    match seen.entry(fingerprint(&key)) {
        Entry::Vacant(entry) => {
            entry.insert(Seen { row: raw.number, sheet: u32::try_from(raw.sheet).unwrap_or(u32::MAX), count: 1 });
            Ok(key)
        }
        Entry::Occupied(mut entry) if is_numbered => {
            let seen = entry.get_mut();
            seen.count += 1;
            Ok(format!("{key}#{}", seen.count))
        }
        Entry::Occupied(entry) => Err((entry.get().sheet, entry.get().row)),
    }
}

fn fingerprint(key: &str) -> Fingerprint {
    [0_u8, 1].map(|salt| {
        let mut hasher = DefaultHasher::new();
        (salt, key).hash(&mut hasher);
        hasher.finish()
    })
}

fn duplicate_key(sheet: Option<&str>, row: u64) -> CellProblem {
    let place = sheet.map(|sheet| format!("{sheet} ")).unwrap_or_default();
    CellProblem::of_row(
        Reason::DuplicateKey,
        format!("编号与{place}第 {row} 行相同"),
        format!("the same key as {place}row {row}"),
    )
}
