//! The referral's life: issued, acknowledged, returned, transferred, withdrawn, reminded, supervised.

use fengsui_event::payload::{
    ReferralAcknowledged, ReferralEscalated, ReferralIssued, ReferralReminded, ReferralReturned, ReferralTransferred,
    ReferralWithdrawn, RoutingAnswer,
};
use fengsui_event::{AgencyCode, Date, DeadlineKind, ReferralBasis, ReferralId, ReferralRole, SupervisionLevel};

use super::{Missing, Rejection, Step, require_status, require_text};
use crate::state::{CaseState, CaseStatus, Due, OverdueStep, Referral, ReferralStatus, Returned, Slot};

use ReferralStatus::{Acknowledged, Decided, Informed, Issued, Replaced, Withdrawn};

pub(super) fn issued(step: &mut Step<'_>, case: &mut CaseState, data: &ReferralIssued) -> Result<(), Rejection> {
    require_status(case, CaseStatus::Open)?;
    require_agency(step, &data.addressee)?;
    check_basis(step, case, data)?;
    check_replaces(case, data)?;
    check_not_doubled(case, data)?;
    let referral = new_referral(step, case, data)?;
    settle_designation(step, case, data);
    step.changes.referrals.insert(case.referrals.len());
    case.referrals.push(referral);
    Ok(())
}

fn require_agency(step: &Step<'_>, agency: &AgencyCode) -> Result<(), Rejection> {
    if step.registry.is_active(agency) { Ok(()) } else { Err(Rejection::Missing(Missing::Agency(*agency))) }
}

/// Who may issue a referral follows from why it goes where it goes.
fn check_basis(step: &Step<'_>, case: &CaseState, data: &ReferralIssued) -> Result<(), Rejection> {
    let state = if case.awaits_designation() { "awaiting designation" } else { case.status.code() };
    let coherent = match data.basis {
        ReferralBasis::Rule => {
            step.only(&[&case.reporter], state)?;
            once_by_rule(step, case, data)?;
            names(&case.routing.answer, data)
        }
        ReferralBasis::Historical => {
            step.only(&[&case.reporter], state)?;
            once_by_rule(step, case, data)?;
            matches!(case.routing.answer, RoutingAnswer::Historical)
                && data.role == ReferralRole::Lead
                && data.addressee == case.reporter
        }
        ReferralBasis::Undecided => {
            step.only(&[&case.reporter], state)?;
            matches!(case.routing.answer, RoutingAnswer::Unresolved { .. } | RoutingAnswer::Overlap { .. })
                && data.role == ReferralRole::Deciding
                && data.addressee == step.registry.authority
        }
        ReferralBasis::Designation => {
            step.only_authority(state)?;
            data.role != ReferralRole::Deciding
        }
        ReferralBasis::Transfer => {
            let former = data.replaces.and_then(|id| case.referral_index(id)).map(|index| &case.referrals[index]);
            let former = former.filter(|former| former.status == Replaced);
            if let Some(former) = former {
                step.only(&[&former.addressee], Replaced.code())?;
            }
            let has_successor = case.referrals.iter().any(|referral| referral.replaces == data.replaces);
            former.is_some_and(|former| {
                former.role == data.role && former.passed_to.as_ref() == Some(&data.addressee) && !has_successor
            })
        }
    };
    if coherent {
        return Ok(());
    }
    Err(Rejection::Incoherent {
        found: format!("{} as {} by {}", data.addressee, data.role, data.basis),
        expected: "the routing of the case".to_owned(),
    })
}

/// What was returned, passed on or (a lead) taken back is for the authority: the reporter cannot answer it by
/// naming the same agency again.
fn once_by_rule(step: &Step<'_>, case: &CaseState, data: &ReferralIssued) -> Result<(), Rejection> {
    let settled = case.referrals.iter().find(|referral| match referral.status {
        ReferralStatus::Returned | Replaced => {
            referral.role == data.role && (data.role == ReferralRole::Lead || referral.addressee == data.addressee)
        }
        Withdrawn => referral.role == ReferralRole::Lead && data.role == ReferralRole::Lead,
        _ => false,
    });
    settled.map_or(Ok(()), |referral| step.only_authority(referral.status.code()))
}

/// A referral takes the place of one that has ended: returned, passed on or taken back.
fn check_replaces(case: &CaseState, data: &ReferralIssued) -> Result<(), Rejection> {
    let Some(id) = data.replaces else { return Ok(()) };
    if !matches!(data.basis, ReferralBasis::Designation | ReferralBasis::Transfer) {
        return Err(Rejection::Incoherent {
            found: format!("a referral by {} in the place of another", data.basis),
            expected: "a designation or a transfer".to_owned(),
        });
    }
    find(case, id, &[ReferralStatus::Returned, Replaced, Withdrawn]).map(|_| ())
}

fn names(answer: &RoutingAnswer, data: &ReferralIssued) -> bool {
    let RoutingAnswer::Assigned { lead, assisting, informed, .. } = answer else { return false };
    match data.role {
        ReferralRole::Lead => *lead == data.addressee,
        ReferralRole::Assisting => assisting.contains(&data.addressee),
        ReferralRole::Informed => informed.contains(&data.addressee),
        ReferralRole::Deciding => false,
    }
}

fn check_not_doubled(case: &CaseState, data: &ReferralIssued) -> Result<(), Rejection> {
    if data.role == ReferralRole::Lead {
        return case.lead().map_or(Ok(()), |lead| Err(Rejection::LeadStands { lead: lead.addressee }));
    }
    let stands = |referral: &&Referral| {
        referral.addressee == data.addressee
            && referral.role == data.role
            && !matches!(referral.status, Replaced | Withdrawn | ReferralStatus::Returned | ReferralStatus::Lapsed)
    };
    case.referrals
        .iter()
        .find(stands)
        .map_or(Ok(()), |referral| Err(Rejection::AlreadyReferred { addressee: data.addressee, referral: referral.id }))
}

fn new_referral(step: &Step<'_>, case: &CaseState, data: &ReferralIssued) -> Result<Referral, Rejection> {
    let book = step.rulebook()?;
    let terms = book.deadlines(&case.category, case.severity);
    let due = |working_days| Due::from(book.working_day_after(step.on, working_days));
    // An agency that deals with its own finding has it on its desk already.
    let at_hand = data.addressee == case.reporter || data.basis == ReferralBasis::Historical;
    let (status, acknowledge_due, feedback_due) = match data.role {
        ReferralRole::Informed => (Informed, None, None),
        ReferralRole::Deciding => (Issued, Some(due(terms.designate)), None),
        ReferralRole::Lead | ReferralRole::Assisting => {
            let acknowledge_due = due(terms.acknowledge);
            let feedback_due = kept_feedback_due(case, data.replaces, acknowledge_due);
            let feedback_due = feedback_due.unwrap_or_else(|| due(terms.feedback));
            (if at_hand { Acknowledged } else { Issued }, Some(acknowledge_due), Some(feedback_due))
        }
    };
    Ok(Referral {
        id: ReferralId::of(step.event.id),
        issuer: *step.actor,
        addressee: data.addressee,
        role: data.role,
        basis: data.basis,
        rule: data.rule.clone(),
        replaces: data.replaces,
        status,
        issued_on: step.on,
        acknowledge_due,
        feedback_due,
        designate_due: None,
        acknowledged_on: (status == Acknowledged).then_some(step.on),
        passed_to: None,
        returned: None,
        fed_back_on: None,
        reminders: 0,
        supervised: None,
        overdue_steps: Vec::new(),
    })
}

/// A referral that takes another's place keeps its term for feedback, so that passing a case around wins no time;
/// only where that term ends before the new addressee could even acknowledge, it ends then.
fn kept_feedback_due(case: &CaseState, replaces: Option<ReferralId>, acknowledge_due: Due) -> Option<Due> {
    let index = replaces.and_then(|id| case.referral_index(id))?;
    let kept = case.referrals[index].feedback_due?;
    Some(if kept.date < acknowledge_due.date { acknowledge_due } else { kept })
}

/// Once a lead is named, the authority has decided; and a returned referral that has its successor is settled.
fn settle_designation(step: &mut Step<'_>, case: &mut CaseState, data: &ReferralIssued) {
    let names_lead = data.role == ReferralRole::Lead;
    for (index, referral) in case.referrals.iter_mut().enumerate() {
        let was_lead = referral.role == ReferralRole::Lead;
        let settled = match referral.status {
            Issued if names_lead && referral.role == ReferralRole::Deciding => Decided,
            ReferralStatus::Returned if names_lead && was_lead || data.replaces == Some(referral.id) => Replaced,
            _ => continue,
        };
        referral.status = settled;
        step.changes.referrals.insert(index);
    }
}

/// The referral that an event speaks of, in a case that is open, when its state allows it.
fn find(case: &CaseState, id: ReferralId, allowed: &[ReferralStatus]) -> Result<usize, Rejection> {
    require_status(case, CaseStatus::Open)?;
    let index = case.referral_index(id).ok_or(Rejection::Missing(Missing::Referral(id)))?;
    let referral = &case.referrals[index];
    if allowed.contains(&referral.status) {
        return Ok(index);
    }
    Err(Rejection::ReferralState {
        referral: id,
        status: referral.status,
        allowed: allowed.to_vec(),
        holder: referral.addressee,
    })
}

/// The same, when the actor is the addressee. Who may act is told before what state it needs.
pub(super) fn find_own(
    step: &Step<'_>,
    case: &CaseState,
    id: ReferralId,
    allowed: &[ReferralStatus],
) -> Result<usize, Rejection> {
    if let Some(index) = case.referral_index(id) {
        let referral = &case.referrals[index];
        step.only(&[&referral.addressee], referral.status.code())?;
    }
    find(case, id, allowed)
}

/// A decision that waits for the authority is answered by naming a lead, not as an ordinary referral.
fn require_handler(case: &CaseState, index: usize) -> Result<(), Rejection> {
    match case.referrals[index].role {
        ReferralRole::Lead | ReferralRole::Assisting => Ok(()),
        role @ (ReferralRole::Informed | ReferralRole::Deciding) => Err(Rejection::Incoherent {
            found: format!("a referral as {role}"),
            expected: "a referral as lead or assisting".to_owned(),
        }),
    }
}

pub(super) fn acknowledged(
    step: &mut Step<'_>,
    case: &mut CaseState,
    data: &ReferralAcknowledged,
) -> Result<(), Rejection> {
    let index = find_own(step, case, data.referral, &[Issued])?;
    require_handler(case, index)?;
    let referral = &mut case.referrals[index];
    referral.status = Acknowledged;
    referral.acknowledged_on = Some(step.on);
    step.changes.referrals.insert(index);
    Ok(())
}

pub(super) fn returned(step: &mut Step<'_>, case: &mut CaseState, data: &ReferralReturned) -> Result<(), Rejection> {
    let index = find_own(step, case, data.referral, &[Issued, Acknowledged])?;
    require_handler(case, index)?;
    require_text("reason", &data.reason)?;
    require_other(step, &data.suggested)?;
    let book = step.rulebook()?;
    let terms = book.deadlines(&case.category, case.severity);
    let referral = &mut case.referrals[index];
    referral.status = ReferralStatus::Returned;
    referral.designate_due = Some(book.working_day_after(step.on, terms.designate).into());
    referral.returned =
        Some(Returned { by: *step.actor, on: step.on, reason: data.reason.clone(), suggested: data.suggested });
    step.changes.referrals.insert(index);
    Ok(())
}

fn require_other(step: &Step<'_>, agency: &AgencyCode) -> Result<(), Rejection> {
    require_agency(step, agency)?;
    if agency == step.actor {
        return Err(Rejection::Incoherent { found: agency.to_string(), expected: "another agency".to_owned() });
    }
    Ok(())
}

pub(super) fn transferred(
    step: &mut Step<'_>,
    case: &mut CaseState,
    data: &ReferralTransferred,
) -> Result<(), Rejection> {
    let index = find_own(step, case, data.referral, &[Issued, Acknowledged])?;
    require_handler(case, index)?;
    require_text("reason", &data.reason)?;
    require_other(step, &data.to)?;
    let referral = &mut case.referrals[index];
    referral.status = Replaced;
    referral.passed_to = Some(data.to);
    step.changes.referrals.insert(index);
    Ok(())
}

/// The issuer takes back an assisting or informing referral; a lead only the authority, since nothing may fall
/// between two desks.
pub(super) fn withdrawn(step: &mut Step<'_>, case: &mut CaseState, data: &ReferralWithdrawn) -> Result<(), Rejection> {
    let index = find(case, data.referral, &[Issued, Acknowledged, ReferralStatus::Returned, Informed])?;
    require_text("reason", &data.reason)?;
    let referral = &mut case.referrals[index];
    let authority = &step.registry.authority;
    match referral.role {
        ReferralRole::Lead | ReferralRole::Deciding => step.only(&[authority], referral.status.code())?,
        ReferralRole::Assisting | ReferralRole::Informed => {
            step.only(&[&referral.issuer, authority], referral.status.code())?;
        }
    }
    referral.status = Withdrawn;
    step.changes.referrals.insert(index);
    Ok(())
}

pub(super) fn reminded(step: &mut Step<'_>, case: &mut CaseState, data: &ReferralReminded) -> Result<(), Rejection> {
    let index = find_overdue(step, case, data.referral, data.deadline, data.due_on)?;
    let referral = &mut case.referrals[index];
    note_step(step, referral, data.deadline, data.due_on, None)?;
    referral.reminders += 1;
    step.changes.referrals.insert(index);
    Ok(())
}

pub(super) fn escalated(step: &mut Step<'_>, case: &mut CaseState, data: &ReferralEscalated) -> Result<(), Rejection> {
    let index = find_overdue(step, case, data.referral, data.deadline, data.due_on)?;
    let referral = &mut case.referrals[index];
    note_step(step, referral, data.deadline, data.due_on, Some(data.level))?;
    referral.supervised = referral.supervised.max(Some(data.level));
    step.changes.referrals.insert(index);
    Ok(())
}

/// What one node did about a term, no other does again: two that act in the same moment remind once. The same node
/// may press anew, which it does only when an officer wants it: what it derives by itself always has the same id.
fn note_step(
    step: &Step<'_>,
    referral: &mut Referral,
    deadline: DeadlineKind,
    due_on: Date,
    level: Option<SupervisionLevel>,
) -> Result<(), Rejection> {
    let source = &step.event.source;
    match (referral.overdue_step(deadline, due_on, level), level) {
        (Some(first), None) if first.by != *source => {
            Err(Rejection::AlreadyReminded { referral: referral.id, deadline, due_on, by: first.by.clone() })
        }
        (Some(first), Some(level)) if first.by != *source => {
            Err(Rejection::AlreadySupervised { referral: referral.id, deadline, due_on, level, by: first.by.clone() })
        }
        (Some(_), _) => Ok(()),
        (None, _) => {
            let made = OverdueStep { deadline, due_on, level, on: step.on, by: source.clone() };
            referral.overdue_steps.push(made);
            Ok(())
        }
    }
}

/// Only the reporter and the authority press, and only for a term that runs and has passed.
fn find_overdue(
    step: &Step<'_>,
    case: &CaseState,
    id: ReferralId,
    kind: DeadlineKind,
    due_on: Date,
) -> Result<usize, Rejection> {
    let authority = &step.registry.authority;
    let index = find(case, id, &[Issued, Acknowledged, ReferralStatus::Returned, ReferralStatus::FedBack])?;
    step.only(&[&case.reporter, authority], case.referrals[index].status.code())?;
    let running = case.pending_deadline(Slot::Referral(index), authority);
    let expected = running.filter(|running| running.kind == kind && running.due.date == due_on && due_on < step.on);
    expected.map(|_| index).ok_or_else(|| Rejection::Incoherent {
        found: format!("the term `{kind}` of {due_on}"),
        expected: "a term that runs and has passed".to_owned(),
    })
}
