//! Objections of the unit (异议): entered by an agency of the case, decided by the authority.

use fengsui_event::payload::{ObjectionDecided, ObjectionFiled};
use fengsui_event::{AgencyCode, ObjectionDecision};

use super::{Bound, Missing, Rejection, Step, ledger, not_before, require_text};
use crate::state::{AccountState, CaseState, CaseStatus, Objection};

pub(super) fn filed(step: &Step<'_>, case: &mut CaseState, data: &ObjectionFiled) -> Result<(), Rejection> {
    let mut may: Vec<&AgencyCode> = vec![&case.reporter, &step.registry.authority];
    may.extend(case.lead().map(|lead| &lead.addressee));
    step.only(&may, case.status.code())?;
    if case.status == CaseStatus::Retracted {
        return Err(Rejection::CaseState { case: case.id, status: case.status, allowed: CaseStatus::Open });
    }
    require_text("grounds", &data.grounds)?;
    step.within_case(case, data.filed_on)?;
    if case.objections.iter().any(|objection| objection.decision.is_none()) {
        return Err(Rejection::Exists { what: "an objection that is not decided".to_owned() });
    }
    case.objections.push(Objection {
        id: step.event.id,
        grounds: data.grounds.clone(),
        filed_on: data.filed_on,
        entered_by: *step.actor,
        decision: None,
        decided_on: None,
        reasons: None,
    });
    Ok(())
}

pub(super) fn decided(
    step: &mut Step<'_>,
    case: &mut CaseState,
    account: &mut AccountState,
    data: &ObjectionDecided,
) -> Result<(), Rejection> {
    let missing = Rejection::Missing(Missing::Objection(data.objection));
    let index = case.objections.iter().position(|objection| objection.id == data.objection).ok_or(missing)?;
    step.only_authority("filed")?;
    if case.objections[index].decision.is_some() {
        return Err(Rejection::ObjectionDecided { objection: data.objection });
    }
    require_text("reasons", &data.reasons)?;
    not_before(data.decided_on, case.objections[index].filed_on, Bound::NotBeforeFiled)?;
    step.not_after_recorded(data.decided_on)?;
    if data.decision == ObjectionDecision::Upheld {
        ledger::reverse(step, case, account, data.decided_on)?;
        case.determined_on = None;
    }
    let objection = &mut case.objections[index];
    objection.decision = Some(data.decision);
    objection.decided_on = Some(data.decided_on);
    objection.reasons = Some(data.reasons.clone());
    Ok(())
}
