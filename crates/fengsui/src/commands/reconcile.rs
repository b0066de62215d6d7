//! An agency's own book against the log.

mod apply;
mod found;
mod proposals;
mod settling;

use std::ops::ControlFlow;
use std::path::Path;

use fengsui_event::{AgencyCode, Date, Digest};
use fengsui_node::folder::Folder;
use fengsui_node::reconcile::{Book, BookError, BookOptions, book_map, keep_map, read_book, read_cases, record};
use fengsui_projector::Registry;
use fengsui_projector::query::View;
use fengsui_projector::reconcile::{Known, LogCase, Outcome, reconcile};
use fengsui_sheets::{ColumnMap, ReadOptions};

use crate::arguments::reconcile::ReconcileArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::Bar;
use crate::session::Session;

impl From<BookError> for Failure {
    fn from(error: BookError) -> Self {
        match error {
            BookError::Sheet(error) => Self::Sheet(error),
            BookError::Interrupted => Self::Interrupted,
        }
    }
}

/// Reconciles, or runs what settles a reconciliation.
pub fn run(session: &Session, arguments: &ReconcileArguments) -> Result<Exit, Failure> {
    match (&arguments.against, &arguments.apply) {
        (Some(book), _) if arguments.dry_run => compare_only(session, arguments, book),
        (Some(book), _) => compare_and_record(session, arguments, book),
        (None, Some(file)) => apply::run(session, file, arguments.yes),
        (None, None) => Err(Failure::usage("请用 --against 写明台账", "name the book with --against")),
    }
}

/// Both sides, held against each other.
struct Compared {
    agency: AgencyCode,
    map: ColumnMap,
    options: BookOptions,
    book: Book,
    cases: Vec<LogCase>,
    outcome: Outcome,
}

fn compare_only(session: &Session, arguments: &ReconcileArguments, path: &Path) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let agency = session.agency(tables.folder());
    let (view, registry, on) = (tables.view(), tables.registry(), tables.moment.date);
    let compared = compare(session, arguments, path, Sides { folder: tables.folder(), view, registry, agency, on })?;
    keep(session, arguments, tables.folder(), agency)?;
    found::show(session, arguments, &compared, None)?;
    Ok(exit(&compared))
}

fn compare_and_record(session: &Session, arguments: &ReconcileArguments, path: &Path) -> Result<Exit, Failure> {
    let mut node = session.node()?;
    let agency = session.actor(node.folder())?;
    let on = session.today();
    let (view, registry) = (node.view(), node.registry());
    let compared = compare(session, arguments, path, Sides { folder: node.folder(), view, registry, agency, on })?;
    keep(session, arguments, node.folder(), agency)?;
    let Compared { book, cases, outcome, .. } = &compared;
    let differences = Known::of(&outcome.items, &book.rows, cases);
    let sha256 = book.sha256.unwrap_or_else(|| Digest::of(&[]));
    let accepted = record(&mut node, agency, sha256, &outcome.balance, differences, session.now)?;
    let recorded = accepted.result;
    if let Some(reason) = &recorded.forgotten {
        session.output.warn(
            format!("对账结果未能保存，下次无法比较：{reason}"),
            format!("the result could not be kept, so the next one cannot tell what changed: {reason}"),
        );
    }
    found::show(session, arguments, &compared, Some(&recorded))?;
    if let Some(out) = &arguments.propose {
        proposals::write(session, out, path, &compared, &recorded)?;
    }
    accepted.waits.map_or_else(|| Ok(exit(&compared)), |error| Err(error.into()))
}

/// What a comparison is made of.
#[derive(Clone, Copy)]
struct Sides<'a> {
    folder: &'a Folder,
    view: View<'a>,
    registry: &'a Registry,
    agency: AgencyCode,
    on: Date,
}

fn compare(
    session: &Session,
    arguments: &ReconcileArguments,
    path: &Path,
    sides: Sides<'_>,
) -> Result<Compared, Failure> {
    let Sides { folder, view, registry, agency, on } = sides;
    let rules = registry.rulebook(on).ok().map(AsRef::as_ref);
    let (map, is_saved) = book_map(folder, agency, arguments.map.as_deref(), rules)?;
    let ReconcileArguments { encoding, sheet, .. } = arguments;
    let reading = ReadOptions { encoding: encoding.clone(), sheet: sheet.clone(), ..ReadOptions::default() };
    let options = BookOptions { reading, language: session.language() };
    interrupt::watch();
    let look = session.output.look();
    let mut bar = Bar::with_lines(look, "读取台账", "Reading the book");
    let book = read_book(path, &options, &map, &mut |done, total| bar.at(done, total))?;
    drop(bar);
    tell(session, &book, is_saved);
    let mut bar = Bar::with_lines(look, "读取案件", "Reading the cases");
    let mut watcher = |count| bar.at(count, count);
    let cases = read_cases(view, agency, registry.authority, on, &mut watcher).map_err(|error| {
        if matches!(error, fengsui_projector::ModelError::Interrupted { .. }) {
            Failure::Interrupted
        } else {
            error.into()
        }
    })?;
    drop(bar);
    let mut bar = Bar::with_lines(look, "比对", "Comparing");
    let total = (book.rows.len() + cases.len()) as u64;
    if bar.at(0, total) == ControlFlow::Break(()) {
        return Err(Failure::Interrupted);
    }
    let outcome = reconcile(&book.rows, &cases);
    outcome
        .balance
        .check()
        .map_err(|error| Failure::failed("balance", format!("对账结果不平，未作记录：{error}"), error.to_string()))?;
    Ok(Compared { agency, map, options, book, cases, outcome })
}

fn keep(session: &Session, arguments: &ReconcileArguments, folder: &Folder, agency: AgencyCode) -> Result<(), Failure> {
    if let Some(map) = arguments.map.as_deref().filter(|_| arguments.save_map) {
        let kept = keep_map(folder, agency, map)?;
        let kept = kept.display();
        session.output.note(format!("列对应已保存：{kept}"), format!("the map is kept: {kept}"));
    }
    Ok(())
}

fn tell(session: &Session, book: &Book, is_saved: bool) {
    let output = &session.output;
    if let Some(encoding) = &book.encoding {
        output.note(format!("编码：{encoding}"), format!("encoding: {encoding}"));
    }
    let saved = if is_saved { ("（本部门保存的）", " (saved for this agency)") } else { ("", "") };
    output.note(format!("列对应：{}{}", book.map, saved.0), format!("column map: {}{}", book.map, saved.1));
    for (sheet, missing) in &book.skipped_sheets {
        let missing = missing.join("; ");
        output.note(
            format!("跳过工作表“{sheet}”，缺少列：{missing}"),
            format!("sheet {sheet:?} was passed over; it lacks: {missing}"),
        );
    }
}

fn exit(compared: &Compared) -> Exit {
    if compared.book.refused_file.is_some() {
        Exit::Partial
    } else if compared.outcome.balance.is_clean() {
        Exit::Done
    } else {
        Exit::Differences
    }
}
