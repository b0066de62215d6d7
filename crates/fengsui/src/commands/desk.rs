//! Violations, referrals, feedback.

use fengsui_event::payload::{Penalty, Place, ViolationAmended};
use fengsui_event::{EventId, Fen, PenaltyKind};
use fengsui_node::desk::Command;

use super::{act, evidence, lists, many_cases, report, report_stdin};
use crate::arguments::desk::{AmendArguments, FeedbackArguments, FeedbackCommand, ReferralCommand, ViolationCommand};
use crate::columns::VIOLATIONS;
use crate::exit::{Exit, Failure};
use crate::session::Session;

/// Violations.
pub fn violation(session: &Session, command: ViolationCommand) -> Result<Exit, Failure> {
    match command {
        ViolationCommand::Report(arguments) if arguments.stdin => report_stdin::run(session, &arguments),
        ViolationCommand::Report(arguments) => report::run(session, *arguments),
        ViolationCommand::List(filter) => lists::cases(session, filter, "violations", VIOLATIONS),
        ViolationCommand::Show { id } => lists::violation(session, id),
        ViolationCommand::Amend(arguments) => amend(session, *arguments),
        ViolationCommand::Retract { id, reason } => {
            act::about(session, id, |named| Ok(Command::Retract { case: named.case(), reason }))
        }
    }
}

fn amend(session: &Session, arguments: AmendArguments) -> Result<Exit, Failure> {
    let id = arguments.id;
    let amendment = amendment(arguments, || reported_place(session, id))?;
    act::about(session, id, |named| Ok(Command::Amend { case: named.case(), amendment: Box::new(amendment) }))
}

/// The corrections that are given. A place of which only one half is given keeps its other half.
pub(super) fn amendment(
    arguments: AmendArguments,
    before: impl FnOnce() -> Result<Place, Failure>,
) -> Result<ViolationAmended, Failure> {
    let AmendArguments { id: _, reason, region, address, trade, category, severity, facts, legal_basis, found_on } =
        arguments;
    let place = if region.is_some() || address.is_some() {
        let before = before()?;
        Some(Place { region: region.unwrap_or(before.region), address: address.unwrap_or(before.address) })
    } else {
        None
    };
    let legal_basis = (!legal_basis.is_empty()).then_some(legal_basis);
    let amendment = ViolationAmended { place, trade, category, severity, facts, legal_basis, found_on, reason };
    if amendment.is_empty() {
        return Err(Failure::usage(
            "请至少写明一项更正，如 --severity 或 --facts",
            "nothing is corrected: give at least one field, such as --severity or --facts",
        ));
    }
    Ok(amendment)
}

fn reported_place(session: &Session, id: EventId) -> Result<Place, Failure> {
    session.refuse_as_of()?;
    let tables = session.tables()?;
    let case = super::lookup::find(tables.view(), id)?.case();
    Ok(act::case_of(tables.view(), case)?.place)
}

/// Referrals.
pub fn referral(session: &Session, command: ReferralCommand) -> Result<Exit, Failure> {
    match command {
        ReferralCommand::List(arguments) => lists::referrals(session, &arguments),
        ReferralCommand::Acknowledge { id: Some(id), .. } => {
            act::about(session, id, |named| Ok(Command::Acknowledge(named.addressed())))
        }
        ReferralCommand::Acknowledge { id: None, overdue, many } => many_cases::acknowledge(session, &many, overdue),
        ReferralCommand::Return { id, suggested, reason } => {
            act::about(session, id, |named| Ok(Command::Return { of: named.addressed(), reason, suggested }))
        }
        ReferralCommand::Transfer { id, to, reason } => {
            act::about(session, id, |named| Ok(Command::Transfer { of: named.addressed(), to, reason }))
        }
        ReferralCommand::Withdraw { id, reason } => {
            act::about(session, id, |named| Ok(Command::Withdraw { of: named.addressed(), reason }))
        }
        ReferralCommand::Assign { id, to, role, reason } => {
            act::about(session, id, |named| Ok(Command::Assign { case: named.case(), to, role, reason }))
        }
    }
}

/// Feedback.
pub fn feedback(session: &Session, command: FeedbackCommand) -> Result<Exit, Failure> {
    match command {
        FeedbackCommand::Submit(arguments) => submit(session, *arguments),
        FeedbackCommand::Confirm { id: None, overdue, many } => many_cases::confirm(session, &many, overdue),
        FeedbackCommand::Confirm { id: Some(id), .. } => act::about(session, id, |named| {
            Ok(Command::ConfirmFeedback { case: named.case(), feedback: named.feedback() })
        }),
        FeedbackCommand::Reject { id, reason } => act::about(session, id, |named| {
            Ok(Command::RejectFeedback { case: named.case(), feedback: named.feedback(), reason })
        }),
    }
}

fn submit(session: &Session, arguments: FeedbackArguments) -> Result<Exit, Failure> {
    let handled_on = arguments.handled_on.unwrap_or_else(|| session.today());
    let penalty = penalty(&arguments, handled_on)?;
    let evidence = evidence::keep_files(session, &arguments.evidence)?;
    let FeedbackArguments { id, outcome, summary, .. } = arguments;
    act::about(session, id, |named| {
        Ok(Command::SubmitFeedback { of: named.addressed(), outcome, handled_on, summary, penalty, evidence })
    })
}

/// The penalty of a feedback. A sum of money implies its kind.
pub(super) fn penalty(
    arguments: &FeedbackArguments,
    handled_on: fengsui_event::Date,
) -> Result<Option<Penalty>, Failure> {
    let FeedbackArguments { penalty, fine, confiscated, decision_number, decided_on, .. } = arguments;
    let mut kinds = penalty.clone();
    for (amount, kind) in [(fine, PenaltyKind::Fine), (confiscated, PenaltyKind::Confiscation)] {
        if amount.is_some_and(|amount| amount.fen() > 0) && !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    if kinds.is_empty() {
        if decision_number.is_some() || decided_on.is_some() {
            return Err(Failure::usage(
                "写明了处罚决定，请用 --penalty 写明处罚种类",
                "a decision is given without a penalty: name its kind with --penalty",
            ));
        }
        return Ok(None);
    }
    if kinds.contains(&PenaltyKind::Fine) && fine.is_none() {
        return Err(Failure::usage(
            "处罚为罚款，请用 --fine 写明金额（元）",
            "the penalty is a fine: give it with --fine, in yuan",
        ));
    }
    Ok(Some(Penalty {
        kinds,
        fine: fine.unwrap_or(Fen::ZERO),
        confiscated: confiscated.unwrap_or(Fen::ZERO),
        decision_number: decision_number.clone(),
        decided_on: decided_on.unwrap_or(handled_on),
    }))
}
