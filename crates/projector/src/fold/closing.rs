//! Closing (销号, 销案) and reopening a case.

use fengsui_event::payload::{CaseClosed, CaseReopened};
use fengsui_event::{ClosingGround, Outcome, ReferralRole};
use fengsui_rulebook::PointsFall;

use super::violation::lapse_pending;
use super::{Obstacle, Rejection, Step, ledger, require_status, require_text};
use crate::state::{AccountState, CaseState, CaseStatus, Closing, FeedbackStatus, Referral, ReferralStatus};

pub(super) fn closed(
    step: &mut Step<'_>,
    case: &mut CaseState,
    account: &mut AccountState,
    data: &CaseClosed,
) -> Result<(), Rejection> {
    let handler = case.lead().map(|lead| lead.addressee);
    let may = [Some(&case.reporter), handler.as_ref(), Some(&step.registry.authority)];
    step.only(&may.into_iter().flatten().collect::<Vec<_>>(), case.status.code())?;
    require_status(case, CaseStatus::Open)?;
    step.within_case(case, data.closed_on)?;
    if let Some(obstacle) = obstacle(case, data) {
        return Err(Rejection::NotClosable { obstacle });
    }
    match data.ground {
        ClosingGround::NoViolation | ClosingGround::Duplicate => ledger::reverse(step, case, account, step.on)?,
        ClosingGround::Rectified => ledger::deduct(step, case, account, PointsFall::Closed, data.closed_on)?,
        ClosingGround::MovedToJudiciary | ClosingGround::UnitCeased => {}
    }
    case.status = CaseStatus::Closed;
    case.closing = Some(Closing {
        by: *step.actor,
        ground: data.ground,
        closed_on: data.closed_on,
        duplicate_of: data.duplicate_of,
        note: data.note.clone(),
    });
    account.open_cases = account.open_cases.saturating_sub(1);
    lapse_pending(step, case, ReferralStatus::Lapsed);
    Ok(())
}

/// What stands in the way of closing on this ground.
fn obstacle(case: &CaseState, data: &CaseClosed) -> Option<Obstacle> {
    if case.objections.iter().any(|objection| objection.decision.is_none()) {
        return Some(Obstacle::ObjectionPending);
    }
    match data.ground {
        ClosingGround::Rectified => {
            handled(case).or_else(|| case.rectified_on.is_none().then_some(Obstacle::NotRectified))
        }
        ClosingGround::NoViolation if ledger::objection_upheld(case) => None,
        ClosingGround::NoViolation => handled(case).or_else(|| outcome_differs(case, Outcome::NoViolation)),
        ClosingGround::MovedToJudiciary => handled(case).or_else(|| outcome_differs(case, Outcome::MovedToJudiciary)),
        ClosingGround::UnitCeased => None,
        ClosingGround::Duplicate => {
            let other = data.duplicate_of.filter(|other| *other != case.id);
            other.is_none().then_some(Obstacle::DuplicateOfMissing)
        }
    }
}

fn handled(case: &CaseState) -> Option<Obstacle> {
    match case.lead().map(|lead| lead.status) {
        None => Some(Obstacle::NoLead),
        Some(ReferralStatus::Confirmed) => None,
        Some(_) => Some(Obstacle::FeedbackNotConfirmed),
    }
}

fn outcome_differs(case: &CaseState, expected: Outcome) -> Option<Obstacle> {
    let lead = case.lead().map(|lead| lead.id)?;
    let confirmed = case.feedback.iter().rev().find(|feedback| feedback.referral == lead)?;
    let agrees = confirmed.status == FeedbackStatus::Confirmed && confirmed.outcome == expected;
    (!agrees).then_some(Obstacle::OutcomeDiffers)
}

/// The referral that must go on: the lead's, or where nobody handled it the one that waited for the authority.
fn responsible(case: &CaseState) -> Option<usize> {
    let lead = case.lead().and_then(|lead| case.referral_index(lead.id));
    let waited =
        |referral: &Referral| referral.role == ReferralRole::Deciding && referral.status == ReferralStatus::Lapsed;
    lead.or_else(|| case.referrals.iter().rposition(waited))
}

/// The hazard is back, or was never gone: whoever had it last has it on its desk again, with a new term.
pub(super) fn reopened(
    step: &mut Step<'_>,
    case: &mut CaseState,
    account: &mut AccountState,
    data: &CaseReopened,
) -> Result<(), Rejection> {
    step.only(&[&case.reporter, &step.registry.authority], case.status.code())?;
    require_status(case, CaseStatus::Closed)?;
    require_text("reason", &data.reason)?;
    let book = step.rulebook()?;
    let terms = book.deadlines(&case.category, case.severity);
    if let Some(index) = responsible(case) {
        let due = |working_days| Some(book.working_day_after(step.on, working_days).into());
        let referral: &mut Referral = &mut case.referrals[index];
        if referral.role == ReferralRole::Deciding {
            referral.status = ReferralStatus::Issued;
            referral.acknowledge_due = due(terms.designate);
        } else if referral.returned.is_some() {
            referral.status = ReferralStatus::Returned;
            referral.designate_due = due(terms.designate);
        } else {
            referral.status = ReferralStatus::Acknowledged;
            referral.acknowledged_on.get_or_insert(step.on);
            referral.feedback_due = due(terms.feedback);
        }
        step.changes.referrals.insert(index);
    }
    case.status = CaseStatus::Open;
    case.closing = None;
    case.rectified_on = None;
    case.reopened += 1;
    account.open_cases += 1;
    Ok(())
}
