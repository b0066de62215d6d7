//! Many commands at once: tried and shown first, limited, done in transactions of 500, each refusal told by itself.

use std::collections::BTreeSet;
use std::path::Path;

use fengsui_event::{AgencyCode, CaseId, EventId, Timestamp};
use fengsui_node::desk::{Command, DerivedIds, IdSource, PlanError, RandomIds};
use fengsui_node::folder::write_atomically;
use fengsui_node::{Batch, Node, NodeError};
use fengsui_sheets::{ColumnKind, Value as Cell};
use serde::Serialize;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Column, show_rows};
use crate::session::Session;

/// Commands that become one transaction of the outbox.
const TRANSACTION: usize = 500;

/// One of many.
pub struct Item {
    /// By what it is named: an id, or an anomaly's number.
    pub name: String,
    /// Its case.
    pub case: Option<CaseId>,
    /// Who does it.
    pub actor: AgencyCode,
    /// What to do, or why nothing can be done.
    pub command: Result<Command, Failure>,
    /// The event that is done again. The new events' ids follow from it, so that it is done at most once.
    pub once: Option<EventId>,
}

/// How many there were, and what to do about them.
pub struct Order<'a> {
    /// How many fit, with those beyond the limit.
    pub found: u64,
    /// Whether to do it.
    pub yes: bool,
    /// Where refused ones are written.
    pub refused: Option<&'a Path>,
}

/// What is or would be done about one.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(rename = "type")]
    kind: &'static str,
    item: String,
    case: Option<CaseId>,
    agency: AgencyCode,
    result: &'static str,
    event: Option<EventId>,
    code: Option<&'static str>,
    reason: Option<String>,
}

const COLUMNS: &[Column<Row>] = &[
    Column::new("编号", "item", ColumnKind::Text, |row, _| Cell::Text(row.item.clone())),
    Column::new("案件", "case", ColumnKind::Text, |row, _| {
        row.case.map_or(Cell::Empty, |case| Cell::Text(case.to_string()))
    }),
    Column::new("部门", "agency", ColumnKind::Text, |row, _| Cell::Text(row.agency.to_string())),
    Column::new("结果", "result", ColumnKind::Text, |row, language| {
        let zh = match row.result {
            "would_do" => "将办理",
            "done" => "已办理",
            "already" => "此前已办理",
            _ => "不能办理",
        };
        Cell::Text(language.pick(zh.to_owned(), row.result.replace('_', " ")))
    }),
    Column::new("原因", "reason", ColumnKind::Text, |row, _| row.reason.clone().map_or(Cell::Empty, Cell::Text)),
];

/// Why a transaction ends without being written.
enum Stop {
    /// It was only tried.
    Tried(Vec<Row>),
    /// Something else than an item is at fault.
    Failed(Box<Failure>),
}

impl From<NodeError> for Stop {
    fn from(error: NodeError) -> Self {
        Self::Failed(Box::new(error.into()))
    }
}

/// Shows what would be done about the items, or does it.
pub fn run(session: &Session, node: &mut Node, items: Vec<Item>, order: &Order<'_>) -> Result<Exit, Failure> {
    interrupt::watch();
    let total = items.len() as u64;
    let mut bar = Bar::with_lines(session.output.look(), "办理", "Working");
    let mut rows: Vec<Row> = Vec::with_capacity(items.len());
    let (mut waits, mut interrupted) = (None, false);
    let mut items = items.into_iter();
    loop {
        let part: Vec<Item> = items.by_ref().take(TRANSACTION).collect();
        if part.is_empty() {
            break;
        }
        if bar.at(rows.len() as u64, total).is_break() {
            interrupted = true;
            break;
        }
        let (part, not_yet) = transaction(session, node, part, order.yes)?;
        rows.extend(part);
        waits = not_yet.or(waits);
    }
    drop(bar);
    show(session, &rows, order)?;
    if interrupted {
        return Err(Failure::Interrupted);
    }
    if let Some(error) = waits {
        return Err(error.into());
    }
    Ok(if order.yes && rows.iter().any(|row| row.result == "refused") { Exit::Partial } else { Exit::Done })
}

/// One transaction, or the trial of one.
fn transaction(
    session: &Session,
    node: &mut Node,
    items: Vec<Item>,
    yes: bool,
) -> Result<(Vec<Row>, Option<NodeError>), Failure> {
    let done = node.accept(|batch| {
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            rows.push(one(session, batch, item, yes).map_err(|failure| Stop::Failed(Box::new(failure)))?);
        }
        if yes { Ok(rows) } else { Err(Stop::Tried(rows)) }
    });
    match done {
        Ok(accepted) => Ok((accepted.result, accepted.waits)),
        Err(Stop::Tried(rows)) => Ok((rows, None)),
        Err(Stop::Failed(failure)) => Err(*failure),
    }
}

fn one(session: &Session, batch: &mut Batch<'_>, item: Item, yes: bool) -> Result<Row, Failure> {
    let Item { name, case, actor, command, once } = item;
    let row =
        |result, event, code, reason| Row { kind: "row", item: name, case, agency: actor, result, event, code, reason };
    match command.and_then(|command| submit(batch, actor, command, once, session.now)) {
        Ok((true, event)) => Ok(row("already", event, None, None)),
        Ok((false, event)) if yes => Ok(row("done", event, None, None)),
        Ok((false, _)) => Ok(row("would_do", None, None, None)),
        Err(failure) if is_own_fault(&failure) => {
            Ok(row("refused", None, Some(failure.code()), Some(failure.message(session.language()))))
        }
        Err(failure) => Err(failure),
    }
}

/// Does one command; says whether it was done before, and its first event.
fn submit(
    batch: &mut Batch<'_>,
    actor: AgencyCode,
    command: Command,
    once: Option<EventId>,
    now: Timestamp,
) -> Result<(bool, Option<EventId>), Failure> {
    let receipt = match once {
        None => batch.submit(actor, command, &mut RandomIds, now)?,
        Some(event) => {
            let first = ids_after(event).next(now);
            if batch.is_known(first)? {
                return Ok((true, Some(first)));
            }
            batch.submit_caused(actor, command, event, &mut ids_after(event), now)?
        }
    };
    Ok((false, receipt.events.first().map(|event| event.id)))
}

/// Which of the events were done again before.
pub fn done_before(
    node: &mut Node,
    events: impl Iterator<Item = EventId>,
    now: Timestamp,
) -> Result<BTreeSet<EventId>, Failure> {
    let done = node.accept(|batch| {
        let mut done = BTreeSet::new();
        for event in events {
            if batch.is_known(ids_after(event).next(now))? {
                done.insert(event);
            }
        }
        Ok::<_, NodeError>(done)
    })?;
    Ok(done.result)
}

/// The ids of what does an event again follow from that event alone.
fn ids_after(event: EventId) -> DerivedIds {
    let time = i64::try_from(event.timestamp_ms()).ok().and_then(|it| Timestamp::from_millisecond(it).ok());
    DerivedIds::at(&["retry", &event.to_string()], time.unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Whether a failure is that of one item, so that the others may be done.
fn is_own_fault(failure: &Failure) -> bool {
    match failure {
        Failure::Node(NodeError::Plan(error)) => !matches!(error, PlanError::Model(_)),
        Failure::Node(NodeError::Refused(_))
        | Failure::NoSuchId(_)
        | Failure::NoKey { .. }
        | Failure::Failed { .. }
        | Failure::Usage { .. } => true,
        _ => false,
    }
}

fn show(session: &Session, rows: &[Row], order: &Order<'_>) -> Result<(), Failure> {
    let output = &session.output;
    let refused: Vec<&Row> = rows.iter().filter(|row| row.result == "refused").collect();
    let written = order.refused.filter(|_| order.yes && !refused.is_empty());
    if let Some(path) = written {
        let line =
            |row: &&Row| format!("{}\t# {}\n", row.item, row.reason.as_deref().unwrap_or_default().replace('\n', " "));
        let text: String = refused.iter().map(line).collect();
        write_atomically(path, text.as_bytes()).map_err(Failure::file(path))?;
    }
    let count = |result: &str| rows.iter().filter(|row| row.result == result).count();
    let (done, already, would, refused) = (count("done"), count("already"), count("would_do"), refused.len());
    let Order { found, yes, .. } = *order;
    if output.json() {
        rows.iter().try_for_each(|row| output.json_line(row))?;
        return output.json_line(&json!({
            "type": "summary", "found": found, "shown": rows.len(), "would_do": would, "done": done,
            "already": already, "refused": refused, "refused_file": written.map(|path| path.display().to_string()),
        }));
    }
    if rows.is_empty() {
        return output.line(output.say("没有符合条件的", "nothing fits"));
    }
    show_rows(output, COLUMNS, rows)?;
    let beyond = found.saturating_sub(rows.len() as u64);
    if beyond > 0 {
        output.note(
            format!("共 {found} 项符合条件，另有 {beyond} 项超出上限；用 --limit 提高上限"),
            format!("{found} fit; {beyond} are beyond the limit, raise it with --limit"),
        );
    }
    if yes {
        output.note(
            format!("已办理 {done}，此前已办理 {already}，不能办理 {refused}"),
            format!("done {done}, done before {already}, refused {refused}"),
        );
    } else {
        output.note(
            format!("将办理 {would} 项，此前已办理 {already}，不能办理 {refused}；加 --yes 办理"),
            format!("{would} would be done, {already} were done before, {refused} would be refused; do it with --yes"),
        );
    }
    Ok(())
}
