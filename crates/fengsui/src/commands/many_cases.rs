//! What a desk does to many cases at once: acknowledge, confirm, close.

use std::path::Path;

use fengsui_event::payload::CaseClosed;
use fengsui_event::{AgencyCode, CaseId, ClosingGround, DeadlineKind, EventId};
use fengsui_node::Node;
use fengsui_node::desk::Command;
use fengsui_projector::query::{CaseFilter, DeskBox, Inbox, ReferralRow};
use fengsui_projector::state::{CaseState, CaseStatus, FeedbackStatus, ReferralStatus};

use super::act::case_of;
use super::lookup::{Named, find_at};
use super::many::{self, Item, Order};
use crate::arguments::case::CloseArguments;
use crate::arguments::many::ManyArguments;
use crate::exit::{Exit, Failure};
use crate::session::Session;

/// Acknowledges referrals.
pub fn acknowledge(session: &Session, arguments: &ManyArguments, overdue: bool) -> Result<Exit, Failure> {
    let select = |node: &Node, actor: AgencyCode| {
        let owed = owed(session, node, actor, DeadlineKind::Acknowledge, arguments, overdue)?;
        Ok(owed.into_iter().map(|(row, _)| row.referral.event_id()).collect())
    };
    run(session, arguments, select, |named| Command::Acknowledge(named.addressed()))
}

/// Confirms feedback.
pub fn confirm(session: &Session, arguments: &ManyArguments, overdue: bool) -> Result<Exit, Failure> {
    let select = |node: &Node, actor: AgencyCode| {
        let mut found = Vec::new();
        for (row, case) in owed(session, node, actor, DeadlineKind::Confirm, arguments, overdue)? {
            let waits = |status: &FeedbackStatus| *status == FeedbackStatus::Submitted;
            let answers = case.feedback.iter().rev().find(|it| it.referral == row.referral && waits(&it.status));
            found.extend(answers.map(|feedback| feedback.id));
        }
        Ok(found)
    };
    let command = |named: Named| Command::ConfirmFeedback { case: named.case(), feedback: named.feedback() };
    run(session, arguments, select, command)
}

/// Closes the cases that this desk leads and that are ready for it.
pub fn close(session: &Session, arguments: CloseArguments) -> Result<Exit, Failure> {
    let CloseArguments { id: _, ground, closed_on, duplicate_of, note, many } = arguments;
    if ground == ClosingGround::Duplicate || duplicate_of.is_some() {
        return Err(Failure::usage(
            "重复的案件须逐一关联：fengsui case link",
            "duplicates are linked one by one: fengsui case link",
        ));
    }
    let closing =
        CaseClosed { ground, closed_on: closed_on.unwrap_or_else(|| session.today()), duplicate_of: None, note };
    let select = |node: &Node, actor: AgencyCode| {
        let filter = CaseFilter {
            status: Some(CaseStatus::Open),
            lead: Some(actor),
            category: many.category.clone(),
            reporter: many.reporter,
            ..CaseFilter::default()
        };
        let mut open = Vec::new();
        node.view().each_case(&filter, |row| {
            open.push(row.case);
            Ok(())
        })?;
        let mut found: Vec<EventId> = Vec::new();
        for id in open {
            let case = case_of(node.view(), id)?;
            if fits(&many, &case) && is_ready(&case, ground) {
                found.push(case.id.event_id());
            }
        }
        Ok(found)
    };
    let command = |named: Named| Command::Close { case: named.case(), closing: closing.clone() };
    run(session, &many, select, command)
}

/// Whether handling has come to its end. What else stands against closing is told for each case.
fn is_ready(case: &CaseState, ground: ClosingGround) -> bool {
    let confirmed = case.lead().is_some_and(|lead| lead.status == ReferralStatus::Confirmed);
    confirmed && (ground != ClosingGround::Rectified || case.rectified_on.is_some())
}

fn fits(arguments: &ManyArguments, case: &CaseState) -> bool {
    arguments.category.as_ref().is_none_or(|category| case.category == *category)
        && arguments.reporter.is_none_or(|reporter| case.reporter == reporter)
        && arguments.found_before.is_none_or(|day| case.found_on < day)
}

/// What this desk owes of one kind, the most urgent first.
fn owed(
    session: &Session,
    node: &Node,
    actor: AgencyCode,
    kind: DeadlineKind,
    arguments: &ManyArguments,
    overdue: bool,
) -> Result<Vec<(ReferralRow, CaseState)>, Failure> {
    let desk = if overdue { DeskBox::Overdue } else { DeskBox::Inbox };
    let inbox = Inbox { agency: Some(actor), kind: desk, today: session.today(), limit: None };
    let mut found = Vec::new();
    for row in node.view().referrals(inbox)? {
        if row.owed.as_deref() != Some(kind.code()) {
            continue;
        }
        let case = case_of(node.view(), row.case)?;
        if fits(arguments, &case) {
            found.push((row, case));
        }
    }
    Ok(found)
}

fn run(
    session: &Session,
    arguments: &ManyArguments,
    select: impl FnOnce(&Node, AgencyCode) -> Result<Vec<EventId>, Failure>,
    command: impl Fn(Named) -> Command,
) -> Result<Exit, Failure> {
    let mut node = session.node()?;
    let actor = session.actor(node.folder())?;
    let mut names: Vec<String> = match &arguments.from {
        Some(path) => read(path)?,
        None => select(&node, actor)?.iter().map(ToString::to_string).collect(),
    };
    let found = names.len() as u64;
    names.truncate(usize::try_from(arguments.limit).unwrap_or(usize::MAX));
    let mut items = Vec::with_capacity(names.len());
    for name in names {
        let named = named(&mut node, &name);
        let case: Option<CaseId> = named.as_ref().ok().map(|named| named.case());
        items.push(Item { name, case, actor, command: named.map(&command), once: None });
    }
    let order = Order { found, yes: arguments.yes, refused: arguments.refused.as_deref() };
    many::run(session, &mut node, items, &order)
}

fn named(node: &mut Node, name: &str) -> Result<Named, Failure> {
    let id: EventId = name.parse().map_err(|_| {
        Failure::usage(format!("“{name}”不是编号"), format!("{name:?} is no id of a case, referral or feedback"))
    })?;
    find_at(node, id)
}

/// The ids of a file: the first word of each line; what follows `#` is for people.
fn read(path: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::file(path))?;
    let text = text.trim_start_matches('\u{feff}');
    let word = |line: &str| line.split('#').next().and_then(|line| line.split_whitespace().next()).map(str::to_owned);
    Ok(text.lines().filter_map(word).collect())
}
