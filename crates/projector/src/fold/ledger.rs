//! Points: what a violation costs, what comes on top, what is given back, what is taken back.
//!
//! Every function checks the whole sum before it writes the first entry, so that a refused event leaves nothing.

use fengsui_event::{CategoryCode, Date, ObjectionDecision, Points};
use fengsui_rulebook::{PointsFall, Rulebook};

use super::{Rejection, Step};
use crate::state::{AccountState, CaseState, Charge, EntryKind, LedgerEntry, Offence};

/// Months for which offences are remembered whatever the rulebook says; no rulebook may have a longer repetition period.
const OFFENCE_MONTHS_MAX: i32 = 1_200;

/// An entry about to be written.
struct Line {
    kind: EntryKind,
    rule: String,
    points: Points,
    effective_on: Date,
    counted_until: Option<Date>,
}

/// Takes off the points of the case's category and severity, and more for repetition, when the rulebook lets them fall
/// at this stage. Does nothing when the case was charged before and that was not taken back.
pub(super) fn deduct(
    step: &mut Step<'_>,
    case: &mut CaseState,
    account: &mut AccountState,
    stage: PointsFall,
    effective_on: Date,
) -> Result<(), Rejection> {
    let book = step.points_rulebook()?;
    let deduction = book.deduction(&case.category, case.severity).filter(|deduction| deduction.falls == stage);
    let Some(deduction) = deduction.filter(|_| !is_charged(case, EntryKind::Deduction)) else { return Ok(()) };
    let counted_until = book.counted_until(case.severity, effective_on);
    let mut lines = vec![Line {
        kind: EntryKind::Deduction,
        rule: deduction.rule.to_string(),
        points: negative(deduction.points)?,
        effective_on,
        counted_until,
    }];
    let prior = prior_offences(account, &case.category, effective_on, book.repetition_months(&case.category));
    if let Some((rule, points)) = book.repetition(&case.category, prior, deduction.points) {
        lines.push(Line {
            kind: EntryKind::Repetition,
            rule: rule.to_string(),
            points: negative(points)?,
            effective_on,
            counted_until,
        });
    }
    enter(step, book.version(), Some(case), account, lines)?;
    account.offences.push(Offence { case: case.id, category: case.category.clone(), on: effective_on });
    forget_old_offences(account);
    Ok(())
}

/// Gives part back when the hazard was gone in time. Only what was taken is given, and only once.
pub(super) fn restore(
    step: &mut Step<'_>,
    book: &Rulebook,
    case: &mut CaseState,
    account: &mut AccountState,
    on: Date,
) -> Result<(), Rejection> {
    if is_charged(case, EntryKind::Restoration) || is_charged(case, EntryKind::Late) {
        return Ok(());
    }
    let Some(charge) = standing(case, EntryKind::Deduction) else { return Ok(()) };
    let counted_until = charge.counted_until;
    let taken = negative(charge.points)?;
    let Some((rule, points)) = book.timely_restoration(&case.category, case.severity, taken) else { return Ok(()) };
    let line = Line { kind: EntryKind::Restoration, rule: rule.to_string(), points, effective_on: on, counted_until };
    enter(step, book.version(), Some(case), account, vec![line])
}

/// Takes off the points for missing the time limit, once.
pub(super) fn charge_late(
    step: &mut Step<'_>,
    book: &Rulebook,
    case: &mut CaseState,
    account: &mut AccountState,
    on: Date,
) -> Result<(), Rejection> {
    // Where an upheld objection has taken the violation away, there is no duty that could be missed.
    if is_charged(case, EntryKind::Late) || objection_upheld(case) {
        return Ok(());
    }
    let Some((rule, points)) = book.late_rectification(&case.category, case.severity) else { return Ok(()) };
    let line = Line {
        kind: EntryKind::Late,
        rule: rule.to_string(),
        points: negative(points)?,
        effective_on: on,
        counted_until: book.counted_until(case.severity, on),
    };
    enter(step, book.version(), Some(case), account, vec![line])
}

/// Takes back everything that the case moved, by counter-entries: nothing is erased.
pub(super) fn reverse(
    step: &mut Step<'_>,
    case: &mut CaseState,
    account: &mut AccountState,
    on: Date,
) -> Result<(), Rejection> {
    let book = step.points_rulebook()?.clone();
    let mut lines = Vec::new();
    for charge in case.charges.iter().filter(|charge| !charge.reversed && charge.kind != EntryKind::Correction) {
        lines.push(Line {
            kind: EntryKind::Correction,
            rule: format!("reverses/{}", charge.entry),
            points: negative(charge.points)?,
            effective_on: on,
            counted_until: charge.counted_until.map(|until| until.max(on)),
        });
    }
    enter(step, book.version(), Some(case), account, lines)?;
    for charge in &mut case.charges {
        charge.reversed = true;
    }
    account.offences.retain(|offence| offence.case != case.id);
    Ok(())
}

/// Opens an account.
pub(super) fn open(step: &mut Step<'_>, book: &Rulebook, account: &mut AccountState) -> Result<(), Rejection> {
    let line = Line {
        kind: EntryKind::Opening,
        rule: "opening".to_owned(),
        points: book.opening_balance(),
        effective_on: step.on,
        counted_until: None,
    };
    enter(step, book.version(), None, account, vec![line])
}

/// Enters points by decision of the authority.
pub(super) fn adjust(
    step: &mut Step<'_>,
    account: &mut AccountState,
    rule: &str,
    points: Points,
    effective_on: Date,
) -> Result<(), Rejection> {
    let book = step.points_rulebook()?.clone();
    let line = Line { kind: EntryKind::Adjustment, rule: rule.to_owned(), points, effective_on, counted_until: None };
    enter(step, book.version(), None, account, vec![line])
}

fn enter(
    step: &mut Step<'_>,
    rulebook: &str,
    mut case: Option<&mut CaseState>,
    account: &mut AccountState,
    lines: Vec<Line>,
) -> Result<(), Rejection> {
    let mut total = account.total;
    for line in &lines {
        total = total.checked_add(line.points).ok_or(Rejection::PointsOverflow)?;
    }
    account.total = total;
    for Line { kind, rule, points, effective_on, counted_until } in lines {
        account.entries += 1;
        if let Some(case) = case.as_deref_mut() {
            let entry = account.entries;
            case.charges.push(Charge { kind, entry, rule: rule.clone(), points, counted_until, reversed: false });
        }
        step.changes.entries.push(LedgerEntry {
            unit: account.unit.clone(),
            number: account.entries,
            position: step.position,
            cause: step.event.id,
            case: case.as_deref().map(|case| case.id),
            kind,
            rule,
            rulebook: rulebook.to_owned(),
            points,
            effective_on,
            counted_until,
        });
    }
    Ok(())
}

/// Whether an objection of the unit was upheld.
pub(super) fn objection_upheld(case: &CaseState) -> bool {
    case.objections.iter().any(|objection| objection.decision == Some(ObjectionDecision::Upheld))
}

fn standing(case: &CaseState, kind: EntryKind) -> Option<&Charge> {
    case.charges.iter().find(|charge| charge.kind == kind && !charge.reversed)
}

fn is_charged(case: &CaseState, kind: EntryKind) -> bool {
    standing(case, kind).is_some()
}

fn negative(points: Points) -> Result<Points, Rejection> {
    points.checked_neg().ok_or(Rejection::PointsOverflow)
}

fn prior_offences(account: &AccountState, category: &CategoryCode, on: Date, months: u16) -> u32 {
    let since = on.saturating_sub(jiff::Span::new().months(i32::from(months)));
    let counts = |offence: &&Offence| offence.category == *category && offence.on > since && offence.on <= on;
    u32::try_from(account.offences.iter().filter(counts).count()).unwrap_or(u32::MAX)
}

fn forget_old_offences(account: &mut AccountState) {
    let Some(latest) = account.offences.iter().map(|offence| offence.on).max() else { return };
    let since = latest.saturating_sub(jiff::Span::new().months(OFFENCE_MONTHS_MAX));
    account.offences.retain(|offence| offence.on > since);
}
