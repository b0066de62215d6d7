//! Case files: rectification, closing, objections.

use fengsui_event::payload::{CaseClosed, ObjectionFiled};
use fengsui_event::{CaseId, ClosingGround, EventId};
use fengsui_node::desk::Command;
use fengsui_projector::state::{CaseState, CaseStatus};

use super::{act, history, lists, lookup, many_cases};
use crate::arguments::case::{CaseCommand, CloseArguments, ObjectionCommand, OrderArguments, RectificationCommand};
use crate::columns::CASES;
use crate::exit::{Exit, Failure};
use crate::session::Session;

/// Case files.
pub fn case(session: &Session, command: CaseCommand) -> Result<Exit, Failure> {
    match command {
        CaseCommand::List(filter) => lists::cases(session, filter, "cases", CASES),
        CaseCommand::Show { id } => history::show(session, id),
        CaseCommand::Close(arguments) => close(session, *arguments),
        CaseCommand::Link { id, duplicate_of, reason } => link(session, id, duplicate_of, reason),
        CaseCommand::Reopen { id, reason } => {
            act::about(session, id, |named| Ok(Command::Reopen { case: named.case(), reason }))
        }
    }
}

fn close(session: &Session, arguments: CloseArguments) -> Result<Exit, Failure> {
    let CloseArguments { id: Some(id), ground, closed_on, duplicate_of, note, .. } = arguments else {
        return many_cases::close(session, arguments);
    };
    let closed_on = closed_on.unwrap_or_else(|| session.today());
    let duplicate_of = duplicate_of.map(CaseId::of);
    let closing = CaseClosed { ground, closed_on, duplicate_of, note };
    act::about(session, id, |named| Ok(Command::Close { case: named.case(), closing }))
}

/// Closes a case as a duplicate of another one, which must be the same unit's and no duplicate itself.
fn link(session: &Session, id: EventId, of: EventId, reason: String) -> Result<Exit, Failure> {
    let mut node = session.node()?;
    let actor = session.actor(node.folder())?;
    let duplicate = lookup::find_at(&mut node, id)?.case();
    let duplicate = act::case_at(&mut node, duplicate)?;
    let other = lookup::find_at(&mut node, of)?.case();
    let other = act::case_at(&mut node, other)?;
    if let Some((code, zh, en)) = obstacle(&duplicate, &other) {
        return Err(Failure::failed(code, zh, en));
    }
    if reason.trim().is_empty() {
        return Err(Failure::usage("请用 --reason 写明为何是同一违法行为", "say with --reason why they are the same"));
    }
    let closing = CaseClosed {
        ground: ClosingGround::Duplicate,
        closed_on: session.today(),
        duplicate_of: Some(other.id),
        note: Some(reason),
    };
    act::submitted(session, node, actor, Command::Close { case: duplicate.id, closing })
}

/// Why two cases cannot be linked. Who may close, and when, is for the guards of closing.
fn obstacle(duplicate: &CaseState, other: &CaseState) -> Option<(&'static str, String, String)> {
    let (one, two) = (duplicate.id, other.id);
    if one == two {
        return Some((
            "same_case",
            format!("案件 {one} 不能与自身重复"),
            format!("case {one} is no duplicate of itself"),
        ));
    }
    if duplicate.unit != other.unit {
        let (unit, its) = (&duplicate.unit, &other.unit);
        return Some((
            "other_unit",
            format!("两案单位不同：{one} 为 {unit}，{two} 为 {its}"),
            format!("the cases are of two units: {one} of {unit}, {two} of {its}"),
        ));
    }
    let is_linked = |case: &CaseState| case.closing.as_ref().and_then(|closing| closing.duplicate_of);
    if let Some(first) = is_linked(duplicate) {
        return Some((
            "already_linked",
            format!("案件 {one} 已作为 {first} 的重复销案"),
            format!("case {one} is closed as a duplicate of {first} already"),
        ));
    }
    if let Some(first) = is_linked(other) {
        return Some((
            "is_duplicate",
            format!("案件 {two} 本身是 {first} 的重复，请与 {first} 关联"),
            format!("case {two} is a duplicate of {first} itself: link to {first}"),
        ));
    }
    (other.status == CaseStatus::Retracted).then(|| {
        (
            "retracted",
            format!("案件 {two} 已撤回，不能代表该违法行为"),
            format!("case {two} was retracted: it stands for nothing"),
        )
    })
}

/// Rectification.
pub fn rectification(session: &Session, command: RectificationCommand) -> Result<Exit, Failure> {
    match command {
        RectificationCommand::Order(arguments) => order(session, *arguments),
        RectificationCommand::Reinspect { id, passed, failed: _, findings, inspected_on } => {
            let inspected_on = inspected_on.unwrap_or_else(|| session.today());
            act::about(session, id, |named| {
                Ok(Command::Reinspect { case: named.case(), inspected_on, passed, findings })
            })
        }
    }
}

fn order(session: &Session, arguments: OrderArguments) -> Result<Exit, Failure> {
    let OrderArguments { id, plan, person, funds, due_on, emergency_plan, ordered_on, order_number } = arguments;
    let ordered_on = ordered_on.unwrap_or_else(|| session.today());
    act::about(session, id, |named| {
        let of = named.addressed();
        Ok(Command::OrderRectification { of, ordered_on, plan, person, funds, due_on, emergency_plan, order_number })
    })
}

/// Objections.
pub fn objection(session: &Session, command: ObjectionCommand) -> Result<Exit, Failure> {
    match command {
        ObjectionCommand::File { id, grounds, filed_on } => {
            let filed_on = filed_on.unwrap_or_else(|| session.today());
            act::about(session, id, |named| {
                Ok(Command::FileObjection { case: named.case(), objection: ObjectionFiled { grounds, filed_on } })
            })
        }
        ObjectionCommand::Decide { id, decision, reasons, decided_on, objection } => {
            let decided_on = decided_on.unwrap_or_else(|| session.today());
            act::about(session, id, |named| {
                Ok(Command::DecideObjection { case: named.case(), objection, decision, reasons, decided_on })
            })
        }
    }
}
