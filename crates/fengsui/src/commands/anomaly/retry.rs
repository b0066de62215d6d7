//! Doing again what failed for want of a state that is there now.

use fengsui_event::{Event, Payload};
use fengsui_log::{EventLog as _, Position};
use fengsui_node::Node;
use fengsui_node::desk::{Addressed, Command};
use fengsui_projector::Cause;
use fengsui_projector::query::{AnomalyFilter, AnomalyRow};

use crate::arguments::anomaly::RetryArguments;
use crate::commands::many::{self, Item, Order};
use crate::exit::{Exit, Failure};
use crate::session::{Session, agencies_with_keys};

/// Shows what would be done again, or does it.
pub fn run(session: &Session, arguments: &RetryArguments) -> Result<Exit, Failure> {
    let mut node = session.node()?;
    let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let mut rows = match &arguments.code {
        Some(code) => {
            let filter =
                AnomalyFilter { code: Some(code.clone()), agency: session.global.agency, ..AnomalyFilter::default() };
            let mut rows = node.view().anomalies(&filter)?;
            // What was done before must not use up the limit.
            let done = many::done_before(&mut node, rows.iter().map(|row| row.id), session.now)?;
            rows.retain(|row| !done.contains(&row.id));
            rows
        }
        None => Vec::new(),
    };
    let mut numbers = arguments.numbers.clone();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        rows.push(node.view().anomaly(number)?.ok_or_else(|| super::no_such(number))?);
    }
    let found = rows.len() as u64;
    rows.truncate(limit);
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(item(session, &mut node, &row)?);
    }
    many::run(session, &mut node, items, &Order { found, yes: arguments.yes, refused: None })
}

fn item(session: &Session, node: &mut Node, row: &AnomalyRow) -> Result<Item, Failure> {
    let event = Position::new(row.position).map(|position| node.log().read(position, 1)).transpose()?;
    let event = event.and_then(|stored| Event::parse(&stored.first()?.record.bytes).ok());
    let actor = row.agency.unwrap_or_else(|| session.agency(node.folder()));
    let command = match (&row.cause, event) {
        // Only then is the event genuine, and its agency's own.
        (Cause::Rejected(_), Some(event)) => mine(session, node, row).and_then(|()| again(&event)),
        _ => Err(Failure::failed(
            "not_retried",
            "不是因为当时的状态而无效，重新办理也不会有效",
            "no state was wanting: doing it again would help nothing",
        )),
    };
    Ok(Item { name: row.number.to_string(), case: row.case, actor, command, once: Some(row.id) })
}

/// Whether this folder may speak for the agency.
fn mine(session: &Session, node: &Node, row: &AnomalyRow) -> Result<(), Failure> {
    let Some(agency) = row.agency else { return Ok(()) };
    let held = node.folder().key(agency).exists();
    if held && session.global.agency.is_none_or(|wanted| wanted == agency) {
        return Ok(());
    }
    Err(Failure::NoKey { agency, have: agencies_with_keys(node.folder()) })
}

/// The command that says again what an event said.
fn again(event: &Event) -> Result<Command, Failure> {
    let by_hand = || {
        Failure::failed(
            "not_retried",
            "这类事件请用原命令重新办理",
            "an event of this type is not repeated: give its command again",
        )
    };
    let (Some(case), Some(payload)) = (event.correlation, event.payload().cloned()) else {
        return Err(by_hand());
    };
    let of = |referral| Addressed { case, referral: Some(referral) };
    Ok(match payload {
        Payload::ReferralAcknowledged(it) => Command::Acknowledge(of(it.referral)),
        Payload::ReferralReturned(it) => {
            Command::Return { of: of(it.referral), reason: it.reason, suggested: it.suggested }
        }
        Payload::ReferralWithdrawn(it) => Command::Withdraw { of: of(it.referral), reason: it.reason },
        Payload::FeedbackSubmitted(it) => Command::SubmitFeedback {
            of: of(it.referral),
            outcome: it.outcome,
            handled_on: it.handled_on,
            summary: it.summary,
            penalty: it.penalty,
            evidence: it.evidence,
        },
        Payload::FeedbackConfirmed(it) => Command::ConfirmFeedback { case, feedback: Some(it.feedback) },
        Payload::FeedbackRejected(it) => {
            Command::RejectFeedback { case, feedback: Some(it.feedback), reason: it.reason }
        }
        Payload::RectificationOrdered(it) => Command::OrderRectification {
            of: of(it.referral),
            ordered_on: it.ordered_on,
            plan: it.plan,
            person: it.person,
            funds: it.funds,
            due_on: Some(it.due_on),
            emergency_plan: it.emergency_plan,
            order_number: it.order_number,
        },
        Payload::RectificationReinspected(it) => {
            Command::Reinspect { case, inspected_on: it.inspected_on, passed: it.passed, findings: it.findings }
        }
        Payload::ViolationAmended(amendment) => Command::Amend { case, amendment: Box::new(amendment) },
        Payload::ViolationRetracted(it) => Command::Retract { case, reason: it.reason },
        Payload::CaseClosed(closing) => Command::Close { case, closing },
        Payload::CaseReopened(it) => Command::Reopen { case, reason: it.reason },
        Payload::ObjectionFiled(objection) => Command::FileObjection { case, objection },
        Payload::ObjectionDecided(it) => Command::DecideObjection {
            case,
            objection: Some(it.objection),
            decision: it.decision,
            reasons: it.reasons,
            decided_on: it.decided_on,
        },
        _ => return Err(by_hand()),
    })
}
