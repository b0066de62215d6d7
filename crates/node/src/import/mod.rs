//! Importing an agency's own table of violations.
//!
//! A row's identity gives its events their ids, so importing a file twice changes nothing, and an import that was
//! cut off goes on where it stopped. Rows are done in batches, each one transaction of the outbox; what is refused
//! goes to a file that can be mended and fed in again.

mod row;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fengsui_event::{AgencyCode, CaseId, Language, Timestamp};
use fengsui_rulebook::Rulebook;
use fengsui_sheets::{CellPlace, ColumnMap, Field, ReadOptions, RefusedFile, RefusedRow, SheetError, ViolationReader};
use serde::Serialize;

use crate::desk::PlanError;
use crate::node::{Accepted, Batch, Node, NodeError};
use crate::reading::storage_of;

pub use row::RowResult;

/// Rows that become one transaction of the outbox.
const BATCH_ROWS: usize = 500;

/// Events that may wait for the log before an import stops.
const WAITING_MAX: u64 = 20_000;

/// How to import.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The column map; built-in ones are tried when absent.
    pub map: Option<PathBuf>,
    /// How to read the file.
    pub reading: ReadOptions,
    /// Try every row and change nothing.
    pub dry_run: bool,
    /// Language of the reasons in the file of refused rows.
    pub language: Language,
}

/// What became of one row.
#[derive(Clone, Debug)]
pub struct RowOutcome {
    /// Where it stands.
    pub at: CellPlace,
    /// What became of it.
    pub result: RowResult,
}

/// Told about each row and after each batch.
pub trait ImportWatcher {
    /// A row is done.
    fn row(&mut self, _: &RowOutcome) {}
    /// A batch is durable. Bytes used up and in all, when the file tells. Answers whether to go on.
    fn progress(&mut self, rows: u64, bytes: Option<(u64, u64)>) -> ControlFlow<()>;
}

/// What became of a file. Every row is counted once: new, already there, or refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportSummary {
    /// The map in use.
    pub map: String,
    /// The encoding that was chosen and why; none for a workbook.
    pub encoding: Option<String>,
    /// Rows that hold something.
    pub rows: u64,
    /// Rows that became cases now.
    pub new_cases: u64,
    /// Rows that were imported before.
    pub already: u64,
    /// Rows that were refused.
    pub refused: u64,
    /// Cases that were closed now: of new rows and of rows imported before.
    pub closed: u64,
    /// Rows whose closing is left to the agency that handles the case.
    pub closing_left: u64,
    /// Refused rows by reason; a row with several reasons counts under each.
    pub refused_by_reason: BTreeMap<String, u64>,
    /// New cases by the agency that must handle them.
    pub leads: BTreeMap<AgencyCode, u64>,
    /// New cases that wait for the authority's decision.
    pub undecided: u64,
    /// What was changed or passed over in reading cells, by kind.
    pub notes: BTreeMap<String, u64>,
    /// Sheets that were passed over, with the columns that they lack.
    pub skipped_sheets: Vec<(String, Vec<String>)>,
    /// The file of refused rows.
    pub refused_file: Option<PathBuf>,
    /// Why the file could be read no further, if it could not.
    pub broken_off: Option<String>,
    /// Whether somebody asked to stop; what was done is kept.
    pub interrupted: bool,
    /// Whether nothing was changed because only a trial was asked for.
    pub dry_run: bool,
    /// Whether the import stopped before the end, because so much waits for the log already.
    pub stopped_waiting: bool,
}

/// Why a file was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file or the map.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// Ends a trial batch, so that nothing of it stays.
enum BatchEnd {
    Trial(Vec<RowOutcome>, Vec<RefusedRow>),
    Failed(NodeError),
}

impl From<NodeError> for BatchEnd {
    fn from(error: NodeError) -> Self {
        Self::Failed(error)
    }
}

/// Imports a file for an agency.
pub fn import(
    node: &mut Node,
    agency: AgencyCode,
    path: &Path,
    options: &ImportOptions,
    now: Timestamp,
    watcher: &mut dyn ImportWatcher,
) -> Result<Accepted<ImportSummary>, ImportError> {
    let today = fengsui_event::date::day_of(now);
    let book = node.registry().rulebook(today).map_err(|error| NodeError::from(PlanError::from(error)))?.clone();
    let maps = maps(options, &book)?;
    let mut reader = ViolationReader::open(path, &options.reading, &maps)?;
    let mut refused = RefusedFile::new(path, reader.columns(), options.language);
    let mut summary = ImportSummary {
        map: reader.map_name().to_owned(),
        encoding: reader.encoding().map(|encoding| encoding.describe(options.language)),
        skipped_sheets: reader.skipped_sheets().iter().map(|it| (it.name.clone(), it.missing.clone())).collect(),
        dry_run: options.dry_run,
        ..ImportSummary::default()
    };
    let book_name = reader.map_name().to_owned();
    let mut waits = None;
    loop {
        let (records, ended) = next_rows(&mut reader, &mut summary);
        let (outcomes, refusals, not_yet) = do_rows(node, agency, &book_name, records, now, options.dry_run)?;
        for row in &refusals {
            refused.write(row)?;
            for problem in &row.problems {
                *summary.refused_by_reason.entry(problem.reason.code().to_owned()).or_default() += 1;
            }
        }
        for outcome in &outcomes {
            count(&mut summary, &outcome.result);
            watcher.row(outcome);
        }
        // A batch in which nothing was new has not tried to publish what waits.
        if not_yet.is_some() || node.waiting()? == 0 {
            waits = not_yet;
        }
        summary.interrupted = watcher.progress(summary.rows, reader.progress()).is_break() && !ended;
        // What waits is tried anew with each batch, so more and more of it would take longer and longer.
        // Without room, the next batch would not be accepted either.
        let has_no_room = matches!(&waits, Some(NodeError::AcceptedNotPublished(error)) if storage_of(error).is_some());
        summary.stopped_waiting = has_no_room || (waits.is_some() && !ended && node.waiting()? > WAITING_MAX);
        if ended || summary.interrupted || summary.stopped_waiting {
            break;
        }
    }
    summary.refused_file = refused.finish()?.map(|(path, _)| path);
    Ok(Accepted { result: summary, waits })
}

fn maps(options: &ImportOptions, book: &Rulebook) -> Result<Vec<ColumnMap>, SheetError> {
    let mut maps = match &options.map {
        Some(path) => vec![ColumnMap::load(path)?],
        None => ColumnMap::builtin(),
    };
    for map in &mut maps {
        let names = book.categories().flat_map(|category| {
            [category.name_zh.clone(), category.name_en.clone()].map(|name| (name, category.code.to_string()))
        });
        map.add_values(Field::Category, names);
    }
    Ok(maps)
}

/// The next batch of rows, and whether the file ends with it.
fn next_rows(reader: &mut ViolationReader, summary: &mut ImportSummary) -> (Vec<fengsui_sheets::ReadRow>, bool) {
    let mut rows = Vec::with_capacity(BATCH_ROWS);
    while rows.len() < BATCH_ROWS {
        match reader.next() {
            None => return (rows, true),
            Some(Err(error)) => {
                summary.broken_off = Some(error.to_string());
                return (rows, true);
            }
            Some(Ok(row)) => {
                summary.rows += 1;
                if let Ok(record) = &row {
                    for note in &record.notes {
                        *summary.notes.entry(note.kind.code().to_owned()).or_default() += 1;
                    }
                }
                rows.push(row);
            }
        }
    }
    (rows, false)
}

type Done = (Vec<RowOutcome>, Vec<RefusedRow>);
type Accomplished = (Vec<RowOutcome>, Vec<RefusedRow>, Option<NodeError>);

fn do_rows(
    node: &mut Node,
    agency: AgencyCode,
    book_name: &str,
    rows: Vec<fengsui_sheets::ReadRow>,
    now: Timestamp,
    dry_run: bool,
) -> Result<Accomplished, NodeError> {
    let done = node.accept(|batch| {
        let (outcomes, refusals) = in_batch(batch, agency, book_name, rows, now)?;
        if dry_run { Err(BatchEnd::Trial(outcomes, refusals)) } else { Ok((outcomes, refusals)) }
    });
    match done {
        Ok(Accepted { result: (outcomes, refusals), waits }) => Ok((outcomes, refusals, waits)),
        Err(BatchEnd::Trial(outcomes, refusals)) => Ok((outcomes, refusals, None)),
        Err(BatchEnd::Failed(error)) => Err(error),
    }
}

fn in_batch(
    batch: &mut Batch<'_>,
    agency: AgencyCode,
    book_name: &str,
    rows: Vec<fengsui_sheets::ReadRow>,
    now: Timestamp,
) -> Result<Done, NodeError> {
    let mut outcomes = Vec::with_capacity(rows.len());
    let mut refusals = Vec::new();
    for read in rows {
        let (at, result) = match read {
            Err(refused) => (refused.at.clone(), Err(refused)),
            Ok(record) => (record.at.clone(), row::import_row(batch, agency, book_name, record, now)?),
        };
        let result = result.unwrap_or_else(|refused| {
            let reasons = refused.problems.iter().map(|problem| problem.reason.code().to_owned()).collect();
            refusals.push(refused);
            RowResult::Refused { reasons }
        });
        outcomes.push(RowOutcome { at, result });
    }
    Ok((outcomes, refusals))
}

fn count(summary: &mut ImportSummary, result: &RowResult) {
    match result {
        RowResult::New { lead, closed, .. } => {
            summary.new_cases += 1;
            summary.closed += u64::from(*closed);
            match lead {
                Some(lead) => *summary.leads.entry(*lead).or_default() += 1,
                None => summary.undecided += 1,
            }
        }
        RowResult::Already { closed_now, closing_left, .. } => {
            summary.already += 1;
            summary.closed += u64::from(*closed_now);
            summary.closing_left += u64::from(*closing_left);
        }
        RowResult::Refused { .. } => summary.refused += 1,
    }
}

/// The case that a row of a book became or will become.
pub fn case_of(agency: AgencyCode, book_name: &str, key: &str) -> CaseId {
    row::case_of(agency, book_name, key)
}
