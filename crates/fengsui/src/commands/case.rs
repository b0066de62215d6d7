//! Case files: rectification, closing, objections.

use fengsui_event::CaseId;
use fengsui_event::payload::{CaseClosed, ObjectionFiled};
use fengsui_node::desk::Command;

use super::{act, history, lists};
use crate::arguments::case::{CaseCommand, ObjectionCommand, OrderArguments, RectificationCommand};
use crate::columns::CASES;
use crate::exit::{Exit, Failure};
use crate::session::Session;

/// Case files.
pub fn case(session: &Session, command: CaseCommand) -> Result<Exit, Failure> {
    match command {
        CaseCommand::List(filter) => lists::cases(session, filter, "cases", CASES),
        CaseCommand::Show { id } => history::show(session, id),
        CaseCommand::Close { id, ground, closed_on, duplicate_of, note } => {
            let closed_on = closed_on.unwrap_or_else(|| session.today());
            let duplicate_of = duplicate_of.map(CaseId::of);
            let closing = CaseClosed { ground, closed_on, duplicate_of, note };
            act::about(session, id, |named| Ok(Command::Close { case: named.case(), closing }))
        }
        CaseCommand::Reopen { id, reason } => {
            act::about(session, id, |named| Ok(Command::Reopen { case: named.case(), reason }))
        }
    }
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
