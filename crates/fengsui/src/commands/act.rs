//! The way of a command that writes: open the folder, submit, show what came of it and what can come next.

use fengsui_event::payload::RoutingAnswer;
use fengsui_event::{AgencyCode, CaseId, Date, DeadlineKind, EventId, Language, Outcome};
use fengsui_node::desk::{Command, RandomIds};
use fengsui_node::folder::Folder;
use fengsui_node::{Accepted, Node, Receipt};
use fengsui_projector::query::View;
use fengsui_projector::state::{CaseState, CaseStatus, ReferralStatus, Slot};
use serde::Serialize;
use serde_json::json;

use super::lookup::{self, Named};
use crate::exit::{Exit, Failure};
use crate::output::Facts;
use crate::session::{Names, Session};
use crate::text;

/// Does one command about what an id names.
pub fn about(
    session: &Session,
    id: EventId,
    command: impl FnOnce(Named) -> Result<Command, Failure>,
) -> Result<Exit, Failure> {
    let mut node = session.node()?;
    let actor = session.actor(node.folder())?;
    let command = command(lookup::find_at(&mut node, id)?)?;
    submitted(session, node, actor, command)
}

/// Does one command about a case.
pub fn submitted(session: &Session, mut node: Node, actor: AgencyCode, command: Command) -> Result<Exit, Failure> {
    let accepted =
        node.accept(|batch| batch.submit(actor, command, &mut RandomIds, session.now).map_err(Failure::from))?;
    show(session, &mut node, &accepted.result)?;
    ended(accepted)
}

/// What was accepted is shown in any case; that it is not on the log yet is what the run ends with.
pub fn ended<T>(accepted: Accepted<T>) -> Result<Exit, Failure> {
    accepted.waits.map_or(Ok(Exit::Done), |error| Err(error.into()))
}

/// An event of a receipt.
#[derive(Serialize)]
pub struct Done {
    id: EventId,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The events of a receipt.
pub fn done(receipt: &Receipt) -> Vec<Done> {
    let done = |event: &fengsui_node::desk::Planned| Done { id: event.id, kind: event.payload.event_type().short() };
    receipt.events.iter().map(done).collect()
}

/// Shows what a command about a case has done.
fn show(session: &Session, node: &mut Node, receipt: &Receipt) -> Result<Exit, Failure> {
    let Some(id) = receipt.events.iter().find_map(|event| event.correlation) else {
        return Ok(Exit::Done);
    };
    let case = case_at(node, id)?;
    let output = &session.output;
    if output.json() {
        output.document(&json!({"case": id, "events": done(receipt), "state": case}))?;
        return Ok(Exit::Done);
    }
    let language = session.language();
    let types: Vec<String> =
        receipt.events.iter().map(|event| text::event_type(event.payload.event_type().as_str(), language)).collect();
    let names = Names::new(node.registry(), session.today(), language);
    let mut facts = Facts::new();
    facts.add(output.say("已办理", "done"), types.join(output.say("、", ", ")));
    facts.add(output.say("案件", "case"), id);
    facts.add(output.say("状态", "status"), text::term(case.status.code(), language));
    facts.add_some(output.say("主办部门", "lead"), case.lead().map(|lead| names.agency(lead.addressee)));
    for Owed { kind, agency, due, .. } in owed(&case, node.registry().authority) {
        let kind = text::owed(kind.code(), language);
        facts.add(output.say("待办", "owed"), format!("{kind} {due} {}", names.agency(agency)));
    }
    facts.show(output)?;
    hint(session, node.folder(), &case, node.registry().authority);
    Ok(Exit::Done)
}

/// A case at a desk, with what waits in the outbox.
pub fn case_at(node: &mut Node, id: CaseId) -> Result<CaseState, Failure> {
    node.case(id)?.map_or(Err(Failure::NoSuchId(id.event_id())), |case| Ok(*case))
}

/// A case that must be there.
pub fn case_of(view: View<'_>, id: CaseId) -> Result<CaseState, Failure> {
    view.case(id)?.ok_or(Failure::NoSuchId(id.event_id()))
}

/// Something that is owed in a case.
struct Owed {
    kind: DeadlineKind,
    agency: AgencyCode,
    due: Date,
    /// The id by which it is named: the case's, unless the agency holds several referrals of it.
    id: EventId,
}

fn owed(case: &CaseState, authority: AgencyCode) -> Vec<Owed> {
    let slots = (0..case.referrals.len()).map(Slot::Referral).chain([Slot::Rectification]);
    slots
        .filter_map(|slot| {
            let pending = case.pending_deadline(slot, &authority)?;
            let id = match slot {
                Slot::Referral(index) => name_of(case, index),
                Slot::Rectification => case.id.event_id(),
            };
            Some(Owed { kind: pending.kind, agency: pending.agency, due: pending.due.date, id })
        })
        .collect()
}

fn name_of(case: &CaseState, index: usize) -> EventId {
    let referral = &case.referrals[index];
    let held = case.referrals.iter().filter(|other| {
        other.addressee == referral.addressee
            && matches!(other.status, ReferralStatus::Issued | ReferralStatus::Acknowledged)
    });
    if held.count() > 1 { referral.id.event_id() } else { case.id.event_id() }
}

/// Says on stderr which commands can come next. Those of agencies whose key the folder does not hold are for their own nodes.
pub fn hint(session: &Session, folder: &Folder, case: &CaseState, authority: AgencyCode) {
    let here = invocation(session);
    let language = session.language();
    let command = |agency: AgencyCode, verb: String| {
        if folder.key(agency).exists() {
            return format!("{here} --agency {agency} {verb}");
        }
        let there = language.pick(format!("在 {agency} 的节点上"), format!("at the node of {agency}"));
        format!("fengsui {verb}  # {there}")
    };
    let steps = next_steps(case, authority, command, language);
    if steps.is_empty() {
        return;
    }
    let steps = steps.join("\n  ");
    session.output.note(format!("下一步：\n  {steps}"), format!("next:\n  {steps}"));
}

/// How the program is called again for the same folder.
pub fn invocation(session: &Session) -> String {
    let data = &session.global.data;
    let known = std::env::var_os("FENGSUI_DATA").is_some_and(|value| value == data.as_os_str());
    if known || data.as_os_str() == "./fengsui-data" {
        return "fengsui".to_owned();
    }
    format!("fengsui --data {}", quoted(&data.display().to_string()))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "/._-+=:@,".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The commands that can come next in a case. `command` makes one of an agency and what it is to do.
fn next_steps(
    case: &CaseState,
    authority: AgencyCode,
    command: impl Fn(AgencyCode, String) -> String,
    language: Language,
) -> Vec<String> {
    let id = case.id;
    let words = language.pick("说明", "WHY");
    let step = |Owed { kind, agency, id, .. }: Owed| {
        let verb = match kind {
            DeadlineKind::Acknowledge => format!("referral acknowledge {id}"),
            DeadlineKind::Feedback => format!("feedback submit {id} --outcome rectification_ordered --summary {words}"),
            DeadlineKind::Designate => format!("referral assign {id} --to {} --reason {words}", proposed(case)),
            DeadlineKind::Confirm => format!("feedback confirm {id}"),
            DeadlineKind::Rectify => format!("rectification reinspect {id} --passed --findings {words}"),
        };
        command(agency, verb)
    };
    let mut steps: Vec<String> = owed(case, authority).into_iter().map(step).collect();
    let answered = case.lead().filter(|lead| lead.status == ReferralStatus::Confirmed);
    if let Some(lead) = answered.filter(|_| steps.is_empty() && case.status == CaseStatus::Open) {
        let agency = lead.addressee;
        let outcome = case.feedback.iter().rev().find(|feedback| feedback.referral == lead.id).map(|it| it.outcome);
        let verb = match outcome {
            Some(Outcome::NoViolation) => format!("case close {id} --ground no_violation"),
            Some(Outcome::MovedToJudiciary) => format!("case close {id} --ground moved_to_judiciary"),
            _ if case.rectified_on.is_some() => format!("case close {id} --ground rectified"),
            _ => format!("rectification order {id} --plan {words} --person {words} --funds 0 --emergency-plan {words}"),
        };
        steps.push(command(agency, verb));
    }
    steps
}

/// To whom the authority may give a case: who was suggested last, else the first of those who claim it.
fn proposed(case: &CaseState) -> String {
    let suggested = case.referrals.iter().rev().find_map(|referral| referral.returned.as_ref()).map(|it| it.suggested);
    let claims = match &case.routing.answer {
        RoutingAnswer::Overlap { candidates, .. } => candidates.first().copied(),
        _ => None,
    };
    suggested.or(claims).map_or_else(|| "CODE".to_owned(), |agency| agency.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_odd_names_can_be_copied_into_a_shell() {
        assert_eq!(quoted("/srv/pilot-1"), "/srv/pilot-1");
        assert_eq!(quoted("试点"), "试点");
        assert_eq!(quoted("my data"), "'my data'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
