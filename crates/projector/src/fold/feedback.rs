//! Feedback: what was done, and whether the reporter takes it.

use fengsui_event::payload::{FeedbackConfirmed, FeedbackRejected, FeedbackSubmitted};
use fengsui_event::{EventId, Outcome, ReferralRole};
use fengsui_rulebook::PointsFall;

use super::{Missing, Rejection, Step, ledger, referral, require_status, require_text};
use crate::state::{AccountState, CaseState, CaseStatus, Feedback, FeedbackStatus, ReferralStatus};

pub(super) fn submitted(
    step: &mut Step<'_>,
    case: &mut CaseState,
    account: &mut AccountState,
    data: &FeedbackSubmitted,
) -> Result<(), Rejection> {
    let index = referral::find_own(step, case, data.referral, &[ReferralStatus::Acknowledged])?;
    step.within_case(case, data.handled_on)?;
    require_text("summary", &data.summary)?;
    check_penalty(step, case, data)?;
    let book = step.rulebook()?.clone();
    let terms = book.deadlines(&case.category, case.severity);
    let own_finding = case.referrals[index].addressee == case.reporter;
    let is_lead = case.referrals[index].role == ReferralRole::Lead;
    let late = case.referrals[index].feedback_due.is_some_and(|due| step.on > due.date);
    if is_lead {
        determine(step, case, account, data)?;
    }
    case.feedback.push(Feedback {
        id: step.event.id,
        referral: data.referral,
        by: *step.actor,
        outcome: data.outcome,
        handled_on: data.handled_on,
        submitted_on: step.on,
        late,
        summary: data.summary.clone(),
        penalty: data.penalty.clone(),
        status: if own_finding { FeedbackStatus::Confirmed } else { FeedbackStatus::Submitted },
        confirm_due: (!own_finding).then(|| book.working_day_after(step.on, terms.confirm).into()),
    });
    let referral = &mut case.referrals[index];
    referral.status = if own_finding { ReferralStatus::Confirmed } else { ReferralStatus::FedBack };
    referral.fed_back_on = Some(step.on);
    step.changes.referrals.insert(index);
    step.changes.feedback.insert(case.feedback.len() - 1);
    if own_finding && is_lead {
        take(step, case, account, case.feedback.len() - 1)?;
    }
    Ok(())
}

fn check_penalty(step: &Step<'_>, case: &CaseState, data: &FeedbackSubmitted) -> Result<(), Rejection> {
    match (&data.penalty, data.outcome) {
        (Some(penalty), Outcome::Penalised) if !penalty.kinds.is_empty() => step.within_case(case, penalty.decided_on),
        (_, Outcome::Penalised) => Err(Rejection::Empty { field: "penalty".to_owned() }),
        (Some(_), outcome) => {
            Err(Rejection::Incoherent { found: "a penalty".to_owned(), expected: format!("outcome `{outcome}`") })
        }
        (None, _) => Ok(()),
    }
}

/// The lead's finding: points fall when it says that the violation took place, and are taken back when it says
/// that it did not.
fn determine(
    step: &mut Step<'_>,
    case: &mut CaseState,
    account: &mut AccountState,
    data: &FeedbackSubmitted,
) -> Result<(), Rejection> {
    if data.outcome.is_determined() {
        case.determined_on.get_or_insert(data.handled_on);
        ledger::deduct(step, case, account, PointsFall::Determined, data.handled_on)?;
    } else if data.outcome == Outcome::NoViolation {
        ledger::reverse(step, case, account, step.on)?;
        case.determined_on = None;
    }
    Ok(())
}

/// The reporter takes the lead's feedback; a hazard that was removed on the spot is now gone.
fn take(step: &mut Step<'_>, case: &mut CaseState, account: &mut AccountState, index: usize) -> Result<(), Rejection> {
    let (outcome, handled_on) = (case.feedback[index].outcome, case.feedback[index].handled_on);
    if outcome != Outcome::RectifiedOnSite {
        return Ok(());
    }
    case.rectified_on = Some(handled_on);
    let book = step.points_rulebook()?.clone();
    ledger::restore(step, &book, case, account, handled_on)
}

pub(super) fn confirmed(
    step: &mut Step<'_>,
    case: &mut CaseState,
    account: &mut AccountState,
    data: &FeedbackConfirmed,
) -> Result<(), Rejection> {
    let (index, referral) = find_open(step, case, data.feedback)?;
    case.feedback[index].status = FeedbackStatus::Confirmed;
    case.referrals[referral].status = ReferralStatus::Confirmed;
    step.changes.feedback.insert(index);
    step.changes.referrals.insert(referral);
    if case.referrals[referral].role == ReferralRole::Lead {
        take(step, case, account, index)?;
    }
    Ok(())
}

/// The handler must act again, with a new term.
pub(super) fn rejected(step: &mut Step<'_>, case: &mut CaseState, data: &FeedbackRejected) -> Result<(), Rejection> {
    let (index, referral) = find_open(step, case, data.feedback)?;
    require_text("reason", &data.reason)?;
    let book = step.rulebook()?;
    let terms = book.deadlines(&case.category, case.severity);
    case.feedback[index].status = FeedbackStatus::Rejected { reason: data.reason.clone() };
    case.referrals[referral].status = ReferralStatus::Acknowledged;
    case.referrals[referral].feedback_due = Some(book.working_day_after(step.on, terms.feedback).into());
    step.changes.feedback.insert(index);
    step.changes.referrals.insert(referral);
    Ok(())
}

/// The feedback that waits for the reporter, with its referral.
fn find_open(step: &Step<'_>, case: &CaseState, id: EventId) -> Result<(usize, usize), Rejection> {
    let missing = || Rejection::Missing(Missing::Feedback(id));
    let index = case.feedback.iter().position(|feedback| feedback.id == id).ok_or_else(missing)?;
    let feedback = &case.feedback[index];
    step.only(&[&case.reporter], feedback.status.code())?;
    require_status(case, CaseStatus::Open)?;
    let referral = case.referral_index(feedback.referral).ok_or_else(missing)?;
    if feedback.status != FeedbackStatus::Submitted || case.referrals[referral].status != ReferralStatus::FedBack {
        return Err(Rejection::FeedbackAnswered { feedback: id, status: feedback.status.code().to_owned() });
    }
    Ok((index, referral))
}
