//! Running settling commands: shown first, each at most once.

use std::path::Path;

use fengsui_event::{CaseId, EventId};
use fengsui_node::desk::Command as DeskCommand;
use fengsui_node::reconcile::{Line, Settled, already_done, settle};
use fengsui_node::{Accepted, Node, NodeError};
use fengsui_sheets::{ColumnKind, Value as Cell};
use serde::Serialize;
use serde_json::json;

use super::settling::{Settling, SettlingLine, read};
use crate::arguments::Command;
use crate::arguments::case::{CaseCommand, CloseArguments};
use crate::arguments::desk::{FeedbackCommand, ReferralCommand, ViolationCommand};
use crate::commands::{desk, lookup, report};
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Column, show_rows};
use crate::session::Session;

/// What is or would be done about a line.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(rename = "type")]
    kind: &'static str,
    number: u32,
    result: &'static str,
    event: Option<EventId>,
    command: String,
    reason: Option<String>,
}

const COLUMNS: &[Column<Row>] = &[
    Column::new("编号", "number", ColumnKind::Integer, |row, _| Cell::Integer(i64::from(row.number))),
    Column::new("结果", "result", ColumnKind::Text, |row, language| {
        let zh = match row.result {
            "would_run" => "将执行",
            "done" => "已执行",
            "already" => "此前已执行",
            _ => "未执行",
        };
        Cell::Text(language.pick(zh.to_owned(), row.result.replace('_', " ")))
    }),
    Column::new("命令", "command", ColumnKind::Text, |row, _| Cell::Text(row.command.clone())),
    Column::new("原因", "reason", ColumnKind::Text, |row, _| row.reason.clone().map_or(Cell::Empty, Cell::Text)),
];

/// Shows what would be run, or runs it.
pub(super) fn run(session: &Session, path: &Path, yes: bool) -> Result<Exit, Failure> {
    let settling = read(session, path)?;
    if session.global.agency.is_some_and(|agency| agency != settling.agency) {
        let agency = settling.agency;
        return Err(Failure::usage(
            format!("这些命令属于 {agency}，与 --agency 不符"),
            format!("these commands are those of {agency}, not of the --agency that was given"),
        ));
    }
    let mut node = session.node()?;
    let held = node.folder().key(settling.agency).exists();
    if !held {
        let have = crate::session::agencies_with_keys(node.folder());
        return Err(Failure::NoKey { agency: settling.agency, have });
    }
    interrupt::watch();
    let total = settling.lines.len() as u64;
    let mut bar = Bar::with_lines(session.output.look(), "执行", "Running");
    let mut rows = Vec::new();
    let (mut waits, mut interrupted) = (None, false);
    let Settling { reconciliation, agency, lines } = settling;
    for (done, SettlingLine { number, shown, command }) in lines.into_iter().enumerate() {
        if bar.at(done as u64, total).is_break() {
            interrupted = true;
            break;
        }
        let line = Line { reconciliation, number };
        let row = |result, event, reason| Row { kind: "row", number, result, event, command: shown.clone(), reason };
        if already_done(&mut node, &line, session.now)? {
            rows.push(row("already", None, None));
            continue;
        }
        if !yes {
            rows.push(row("would_run", None, None));
            continue;
        }
        let command = desk_command(session, &mut node, command);
        let settled = command.and_then(|command| Ok(settle(&mut node, agency, &line, command, session.now)?));
        match settled {
            Ok(Accepted { result: Settled::Done(event), waits: not_yet }) => {
                rows.push(row("done", Some(event), None));
                waits = not_yet;
            }
            Ok(Accepted { result: Settled::Already(event), .. }) => rows.push(row("already", Some(event), None)),
            Err(failure) if is_own_fault(&failure) => {
                rows.push(row("refused", None, Some(failure.message(session.language()))));
            }
            Err(failure) => return Err(failure),
        }
    }
    drop(bar);
    show(session, &rows, yes, reconciliation)?;
    if interrupted {
        return Err(Failure::Interrupted);
    }
    if let Some(error) = waits {
        return Err(error.into());
    }
    Ok(if rows.iter().any(|row| row.result == "refused") { Exit::Partial } else { Exit::Done })
}

/// Whether a failure is that of one line, so that the others may be run.
fn is_own_fault(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Node(NodeError::Refused(_) | NodeError::Plan(_)) | Failure::NoSuchId(_) | Failure::Usage { .. }
    )
}

fn show(session: &Session, rows: &[Row], yes: bool, reconciliation: EventId) -> Result<(), Failure> {
    let output = &session.output;
    let count = |result: &str| rows.iter().filter(|row| row.result == result).count();
    let (done, already, refused, would) = (count("done"), count("already"), count("refused"), count("would_run"));
    if output.json() {
        rows.iter().try_for_each(|row| output.json_line(row))?;
        return output.json_line(&json!({
            "type": "summary", "reconciliation": reconciliation, "would_run": would, "done": done, "already": already,
            "refused": refused,
        }));
    }
    if rows.is_empty() {
        return output.line(output.say("没有命令", "no commands"));
    }
    show_rows(output, COLUMNS, rows)?;
    if yes {
        output.note(
            format!("已执行 {done}，此前已执行 {already}，未执行 {refused}"),
            format!("done {done}, done before {already}, refused {refused}"),
        );
    } else {
        output.note(
            format!("将执行 {would} 条，此前已执行 {already} 条；加 --yes 执行"),
            format!("{would} would be run, {already} were run before; run them with --yes"),
        );
    }
    Ok(())
}

/// What a settling command asks of the desk.
fn desk_command(session: &Session, node: &mut Node, command: Command) -> Result<DeskCommand, Failure> {
    match command {
        Command::Violation(command) => violation(session, node, command),
        Command::Referral(command) => referral(node, command),
        Command::Feedback(command) => feedback(session, node, command),
        Command::Case(CaseCommand::Close(arguments)) => {
            let CloseArguments { id: Some(id), ground, closed_on, duplicate_of, note, .. } = *arguments else {
                return Err(no_settling());
            };
            let closed_on = closed_on.unwrap_or_else(|| session.today());
            let duplicate_of = duplicate_of.map(CaseId::of);
            let closing = fengsui_event::payload::CaseClosed { ground, closed_on, duplicate_of, note };
            Ok(DeskCommand::Close { case: lookup::find_at(node, id)?.case(), closing })
        }
        Command::Case(CaseCommand::Reopen { id, reason }) => {
            Ok(DeskCommand::Reopen { case: lookup::find_at(node, id)?.case(), reason })
        }
        _ => Err(no_settling()),
    }
}

fn no_settling() -> Failure {
    Failure::usage("不是了结差异的命令", "is no settling command")
}

fn violation(session: &Session, node: &mut Node, command: ViolationCommand) -> Result<DeskCommand, Failure> {
    match command {
        ViolationCommand::Report(arguments)
            if !arguments.stdin && !arguments.from_public && arguments.evidence.is_empty() =>
        {
            let given = report::from_flags(session, *arguments)?;
            Ok(DeskCommand::Report(Box::new(report::placed(node.view(), given)?)))
        }
        ViolationCommand::Amend(arguments) => {
            let case = lookup::find_at(node, arguments.id)?.case();
            let before = crate::commands::act::case_at(node, case)?.place;
            let amendment = desk::amendment(*arguments, || Ok(before))?;
            Ok(DeskCommand::Amend { case, amendment: Box::new(amendment) })
        }
        ViolationCommand::Retract { id, reason } => {
            Ok(DeskCommand::Retract { case: lookup::find_at(node, id)?.case(), reason })
        }
        _ => Err(no_settling()),
    }
}

fn referral(node: &mut Node, command: ReferralCommand) -> Result<DeskCommand, Failure> {
    Ok(match command {
        ReferralCommand::Acknowledge { id: Some(id), .. } => {
            DeskCommand::Acknowledge(lookup::find_at(node, id)?.addressed())
        }
        ReferralCommand::Return { id, suggested, reason } => {
            DeskCommand::Return { of: lookup::find_at(node, id)?.addressed(), reason, suggested }
        }
        ReferralCommand::Transfer { id, to, reason } => {
            DeskCommand::Transfer { of: lookup::find_at(node, id)?.addressed(), to, reason }
        }
        ReferralCommand::Withdraw { id, reason } => {
            DeskCommand::Withdraw { of: lookup::find_at(node, id)?.addressed(), reason }
        }
        ReferralCommand::Assign { id, to, role, reason } => {
            DeskCommand::Assign { case: lookup::find_at(node, id)?.case(), to, role, reason }
        }
        ReferralCommand::Acknowledge { id: None, .. } | ReferralCommand::List(_) => return Err(no_settling()),
    })
}

fn feedback(session: &Session, node: &mut Node, command: FeedbackCommand) -> Result<DeskCommand, Failure> {
    match command {
        FeedbackCommand::Submit(arguments) if arguments.evidence.is_empty() => {
            let handled_on = arguments.handled_on.unwrap_or_else(|| session.today());
            let penalty = desk::penalty(&arguments, handled_on)?;
            let of = lookup::find_at(node, arguments.id)?.addressed();
            let (outcome, summary) = (arguments.outcome, arguments.summary);
            Ok(DeskCommand::SubmitFeedback { of, outcome, handled_on, summary, penalty, evidence: Vec::new() })
        }
        FeedbackCommand::Submit(_) | FeedbackCommand::Confirm { id: None, .. } => Err(no_settling()),
        FeedbackCommand::Confirm { id: Some(id), .. } => {
            let named = lookup::find_at(node, id)?;
            Ok(DeskCommand::ConfirmFeedback { case: named.case(), feedback: named.feedback() })
        }
        FeedbackCommand::Reject { id, reason } => {
            let named = lookup::find_at(node, id)?;
            Ok(DeskCommand::RejectFeedback { case: named.case(), feedback: named.feedback(), reason })
        }
    }
}
