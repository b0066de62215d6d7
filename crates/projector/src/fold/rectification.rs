//! Rectification orders with the five musts (五落实), and re-inspection.

use fengsui_event::payload::{RectificationOrdered, RectificationReinspected};
use fengsui_event::{ReferralBasis, ReferralRole};

use super::{Bound, Rejection, Step, ledger, not_before, referral, require_status, require_text};
use crate::state::{AccountState, CaseState, CaseStatus, Rectification, ReferralStatus};

pub(super) fn ordered(step: &mut Step<'_>, case: &mut CaseState, data: &RectificationOrdered) -> Result<(), Rejection> {
    const HANDLING: &[ReferralStatus] =
        &[ReferralStatus::Acknowledged, ReferralStatus::FedBack, ReferralStatus::Confirmed];
    let index = referral::find_own(step, case, data.referral, HANDLING)?;
    if case.referrals[index].role != ReferralRole::Lead {
        return Err(Rejection::Incoherent {
            found: format!("a referral as {}", case.referrals[index].role),
            expected: "the lead's referral".to_owned(),
        });
    }
    // A lead that took the case over may order anew; the order in force is otherwise inspected first.
    let stands = |order: &Rectification| order.passed_on.is_none() && order.inspections == 0 && order.by == *step.actor;
    if case.rectification.as_ref().is_some_and(stands) {
        return Err(Rejection::Exists { what: "an order that was not yet re-inspected".to_owned() });
    }
    for (field, text) in [("plan", &data.plan), ("person", &data.person), ("emergency_plan", &data.emergency_plan)] {
        require_text(field, text)?;
    }
    step.within_case(case, data.ordered_on)?;
    not_before(data.due_on, data.ordered_on, Bound::NotBeforeOrdered)?;
    case.rectified_on = None;
    case.rectification = Some(Rectification {
        by: *step.actor,
        ordered_on: data.ordered_on,
        due_on: data.due_on,
        plan: data.plan.clone(),
        person: data.person.clone(),
        funds: data.funds,
        emergency_plan: data.emergency_plan.clone(),
        order_number: data.order_number.clone(),
        inspections: 0,
        passed_on: None,
    });
    Ok(())
}

pub(super) fn reinspected(
    step: &mut Step<'_>,
    case: &mut CaseState,
    account: &mut AccountState,
    data: &RectificationReinspected,
) -> Result<(), Rejection> {
    require_status(case, CaseStatus::Open)?;
    let Some(order) = case.rectification.as_ref() else { return historical(step, case, data) };
    let lead = case.lead().map_or(order.by, |lead| lead.addressee);
    step.only(&[&order.by, &lead, &case.reporter], if order.passed_on.is_some() { "rectified" } else { "ordered" })?;
    if order.passed_on.is_some() {
        return Err(Rejection::Exists { what: "a re-inspection that was passed".to_owned() });
    }
    not_before(data.inspected_on, order.ordered_on, Bound::NotBeforeOrdered)?;
    step.not_after_recorded(data.inspected_on)?;
    let in_time = data.inspected_on <= order.due_on;
    let book = step.points_rulebook()?.clone();
    if let Some(order) = &mut case.rectification {
        order.inspections += 1;
        order.passed_on = data.passed.then_some(data.inspected_on);
    }
    if data.passed {
        case.rectified_on = Some(data.inspected_on);
    }
    match (data.passed, in_time) {
        (true, true) => ledger::restore(step, &book, case, account, data.inspected_on),
        (_, false) => ledger::charge_late(step, &book, case, account, data.inspected_on),
        (false, true) => Ok(()),
    }
}

/// The reporter's own book tells that the hazard was gone, not what was ordered: without a term nothing was in time or
/// late, so no points move.
fn historical(step: &Step<'_>, case: &mut CaseState, data: &RectificationReinspected) -> Result<(), Rejection> {
    if case.lead().is_none_or(|lead| lead.basis != ReferralBasis::Historical) {
        return Err(Rejection::NoOrder);
    }
    step.only(&[&case.reporter], case.status.code())?;
    step.within_case(case, data.inspected_on)?;
    if data.passed {
        case.rectified_on = Some(data.inspected_on);
    }
    Ok(())
}
