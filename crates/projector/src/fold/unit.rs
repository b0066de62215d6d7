//! Opening and keeping a unit's account.

use fengsui_event::payload::{CreditAdjusted, Place, UnitRegistered, UnitRenamed, ViolationReported};
use fengsui_event::{Points, Subject, TradeCode, UnitId};
use fengsui_rulebook::Rulebook;

use super::{Missing, Rejection, Step, Touched, ledger, require_subject, require_text};
use crate::state::AccountState;

pub(super) fn registered(step: &mut Step<'_>, touched: &mut Touched, data: &UnitRegistered) -> Result<(), Rejection> {
    require_subject(step.event, &Subject::Unit(data.unit.clone()))?;
    require_text("name", &data.name)?;
    if let Some(account) = &mut touched.account {
        return complete(account, data);
    }
    let book = step.points_rulebook()?.clone();
    let mut account = fresh(&data.unit, &data.name, &data.place, data.trade);
    account.parent.clone_from(&data.parent);
    account.registered = true;
    ledger::open(step, &book, &mut account)?;
    touched.account = Some(account);
    Ok(())
}

/// An account without entries.
fn fresh(unit: &UnitId, name: &str, place: &Place, trade: Option<TradeCode>) -> Box<AccountState> {
    Box::new(AccountState {
        unit: unit.clone(),
        name: name.to_owned(),
        place: place.clone(),
        trade,
        parent: None,
        registered: false,
        total: Points::ZERO,
        entries: 0,
        cases: 0,
        open_cases: 0,
        offences: Vec::new(),
        incomplete: false,
    })
}

/// A report opened the account before the registration came, or another agency registered the unit at the same
/// time. The same facts are welcome twice; other facts are not.
fn complete(account: &mut AccountState, data: &UnitRegistered) -> Result<(), Rejection> {
    if account.registered {
        let same = account.name == data.name && account.place == data.place && account.trade == data.trade;
        return if same { Ok(()) } else { Err(Rejection::Exists { what: format!("unit {}", data.unit) }) };
    }
    account.registered = true;
    account.name.clone_from(&data.name);
    account.place = data.place.clone();
    account.trade = data.trade.or(account.trade);
    account.parent.clone_from(&data.parent);
    Ok(())
}

/// A violation of a unit that nobody registered still opens its account: nothing may be lost for want of a form.
pub(super) fn opened_by_report(
    step: &mut Step<'_>,
    book: &Rulebook,
    data: &ViolationReported,
) -> Result<Box<AccountState>, Rejection> {
    let mut account = fresh(&data.unit, &data.unit_name, &data.place, data.trade);
    ledger::open(step, book, &mut account)?;
    Ok(account)
}

pub(super) fn renamed(step: &Step<'_>, touched: &mut Touched, data: &UnitRenamed) -> Result<(), Rejection> {
    let account = account(step, touched)?;
    require_text("name", &data.name)?;
    account.name.clone_from(&data.name);
    Ok(())
}

pub(super) fn adjusted(step: &mut Step<'_>, touched: &mut Touched, data: &CreditAdjusted) -> Result<(), Rejection> {
    step.only_authority("open")?;
    require_text("reason", &data.reason)?;
    require_text("legal_basis", &data.legal_basis)?;
    step.not_after_recorded(data.effective_on)?;
    let account = account(step, touched)?;
    ledger::adjust(step, account, &data.legal_basis, data.points, data.effective_on)
}

fn account<'t>(step: &Step<'_>, touched: &'t mut Touched) -> Result<&'t mut AccountState, Rejection> {
    let unit: UnitId = match &step.event.subject {
        Subject::Unit(unit) => unit.clone(),
        other => return Err(Rejection::Incoherent { found: other.to_string(), expected: "a unit".to_owned() }),
    };
    touched.account.as_deref_mut().ok_or(Rejection::Missing(Missing::Unit(unit)))
}
