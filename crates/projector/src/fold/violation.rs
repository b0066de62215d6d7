//! Reporting, amending and retracting a violation.

use fengsui_event::payload::{ViolationAmended, ViolationReported, ViolationRetracted};
use fengsui_event::{CaseId, CategoryCode, Date, RegionCode, Subject};
use fengsui_rulebook::{PointsFall, Rulebook};

use super::{Bound, Rejection, Step, Touched, ledger, not_before, require_status, require_subject, require_text};
use crate::state::{AccountState, CaseState, CaseStatus, ReferralStatus};

pub(super) fn reported(step: &mut Step<'_>, touched: &mut Touched, data: &ViolationReported) -> Result<(), Rejection> {
    let id = CaseId::of(step.event.id);
    if step.event.correlation != Some(id) {
        return Err(Rejection::Incoherent {
            found: step.event.correlation.map_or_else(|| "no case".to_owned(), |case| case.to_string()),
            expected: format!("case {id}, the event's own id"),
        });
    }
    require_subject(step.event, &Subject::Unit(data.unit.clone()))?;
    if touched.case.is_some() {
        return Err(Rejection::Exists { what: format!("case {id}") });
    }
    require_text("facts", &data.facts)?;
    require_text("unit_name", &data.unit_name)?;
    within_region(step, data.place.region)?;
    step.not_after_recorded(data.found_on)?;
    let book = step.rulebook()?.clone();
    require_category(&book, &data.category)?;
    let mut case = Box::new(new_case(step, id, data));
    let mut account = match touched.account.clone() {
        Some(account) => account,
        None => super::unit::opened_by_report(step, &step.points_rulebook()?.clone(), data)?,
    };
    account.cases += 1;
    account.open_cases += 1;
    ledger::deduct(step, &mut case, &mut account, PointsFall::Alleged, data.found_on)?;
    touched.case = Some(case);
    touched.account = Some(account);
    Ok(())
}

fn new_case(step: &Step<'_>, id: CaseId, data: &ViolationReported) -> CaseState {
    CaseState {
        id,
        unit: data.unit.clone(),
        unit_name: data.unit_name.clone(),
        reporter: *step.actor,
        place: data.place.clone(),
        trade: data.trade,
        category: data.category.clone(),
        severity: data.severity,
        facts: data.facts.clone(),
        legal_basis: data.legal_basis.clone(),
        found_on: data.found_on,
        recorded_on: step.on,
        method: data.method,
        reference: data.reference.clone(),
        public_report: data.public_report.clone(),
        routing: data.routing.clone(),
        status: CaseStatus::Open,
        referrals: Vec::new(),
        feedback: Vec::new(),
        rectification: None,
        rectified_on: None,
        determined_on: None,
        objections: Vec::new(),
        closing: None,
        reopened: 0,
        charges: Vec::new(),
        incomplete: false,
        history: Vec::new(),
    }
}

/// A category may cost nothing, but the rulebook must have it.
fn require_category(book: &Rulebook, category: &CategoryCode) -> Result<(), Rejection> {
    if book.category(category).is_some() {
        return Ok(());
    }
    Err(Rejection::UnknownCategory { category: category.clone(), rulebook: book.version().to_owned() })
}

fn within_region(step: &Step<'_>, region: RegionCode) -> Result<(), Rejection> {
    let expected = step.registry.region;
    if expected.contains(region) { Ok(()) } else { Err(Rejection::OutsideRegion { found: region, expected }) }
}

pub(super) fn amended(step: &mut Step<'_>, case: &mut CaseState, data: &ViolationAmended) -> Result<(), Rejection> {
    require_status(case, CaseStatus::Open)?;
    step.only(&[&case.reporter], case.status.code())?;
    require_text("reason", &data.reason)?;
    if data.is_empty() {
        return Err(Rejection::Empty { field: "amendment".to_owned() });
    }
    let changes_charge = data.category.as_ref().is_some_and(|category| *category != case.category)
        || data.severity.is_some_and(|severity| severity != case.severity);
    if changes_charge {
        if let Some(on) = case.determined_on {
            return Err(Rejection::AlreadyDetermined { on });
        }
        if !case.charges.is_empty() {
            return Err(Rejection::AlreadyDetermined { on: case.found_on });
        }
        let book = step.rulebook()?;
        require_category(book, data.category.as_ref().unwrap_or(&case.category))?;
    }
    if let Some(place) = &data.place {
        within_region(step, place.region)?;
    }
    if let Some(facts) = &data.facts {
        require_text("facts", facts)?;
    }
    if let Some(found_on) = data.found_on {
        step.not_after_recorded(found_on)?;
        if let Some(first) = first_day_after_finding(case) {
            not_before(first, found_on, Bound::NotBeforeFound)?;
        }
    }
    write_amendment(case, data);
    Ok(())
}

/// The earliest day that the case has from after the finding.
fn first_day_after_finding(case: &CaseState) -> Option<Date> {
    let handled = case.feedback.iter().map(|feedback| feedback.handled_on);
    let penalised = case.feedback.iter().filter_map(|feedback| feedback.penalty.as_ref()).map(|it| it.decided_on);
    let ordered = case.rectification.iter().map(|order| order.ordered_on);
    let objected = case.objections.iter().map(|objection| objection.filed_on);
    handled.chain(penalised).chain(ordered).chain(objected).min()
}

fn write_amendment(case: &mut CaseState, data: &ViolationAmended) {
    let ViolationAmended { place, trade, category, severity, facts, legal_basis, found_on, reason: _ } = data.clone();
    case.place = place.unwrap_or_else(|| case.place.clone());
    case.trade = trade.or(case.trade);
    case.category = category.unwrap_or_else(|| case.category.clone());
    case.severity = severity.unwrap_or(case.severity);
    case.facts = facts.unwrap_or_else(|| std::mem::take(&mut case.facts));
    case.legal_basis = legal_basis.unwrap_or_else(|| std::mem::take(&mut case.legal_basis));
    case.found_on = found_on.unwrap_or(case.found_on);
}

pub(super) fn retracted(
    step: &mut Step<'_>,
    case: &mut CaseState,
    account: &mut AccountState,
    data: &ViolationRetracted,
) -> Result<(), Rejection> {
    require_status(case, CaseStatus::Open)?;
    step.only(&[&case.reporter], case.status.code())?;
    require_text("reason", &data.reason)?;
    ledger::reverse(step, case, account, step.on)?;
    case.status = CaseStatus::Retracted;
    account.open_cases = account.open_cases.saturating_sub(1);
    lapse_pending(step, case, ReferralStatus::Withdrawn);
    Ok(())
}

/// Ends every referral of a case that still waits for somebody.
pub(super) fn lapse_pending(step: &mut Step<'_>, case: &mut CaseState, into: ReferralStatus) {
    for (index, referral) in case.referrals.iter_mut().enumerate() {
        if referral.status.is_pending() {
            referral.status = into;
            step.changes.referrals.insert(index);
        }
    }
}
