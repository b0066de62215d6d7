//! What an event changed, told apart by comparing the state before it with the state after it.

use fengsui_event::{AgencyCode, ObjectionDecision, SupervisionLevel};
use serde::Serialize;

use crate::fold::{Changes, Touched};
use crate::state::{CaseState, Slot};

/// What of a case or an account changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The account was opened.
    Account,
    /// The case was opened.
    Case,
    /// Where the case stands.
    Status,
    /// Who handles it.
    Lead,
    /// What was reported; `of` is the field.
    Report,
    /// A referral; `of` is its addressee and role.
    Referral,
    /// How often somebody was reminded; `of` is the referral's addressee.
    Reminders,
    /// At which level it is supervised; `of` is the referral's addressee.
    Supervision,
    /// A term; `of` is what is owed and by whom (a rectification by the unit; named is who ordered it).
    Term,
    /// A feedback; `of` is who gave it.
    Feedback,
    /// The day on which the violation was determined.
    Determined,
    /// The day on which the hazard was gone.
    Rectified,
    /// An objection of the unit.
    Objection,
    /// A ledger entry; `of` is its number, `to` its points.
    Entry,
}

/// One change. Values are codes, days and numbers as in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What changed.
    pub what: What,
    /// Of what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What it is now; absent where it is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Everything that an event changed, in the order of [`What`].
pub(super) fn changes(before: &Touched, after: &Touched, made: &Changes, authority: &AgencyCode) -> Vec<Change> {
    let mut found = Vec::new();
    if let (None, Some(account)) = (&before.account, &after.account) {
        note(&mut found, What::Account, Some(account.unit.to_string()), None, Some(account.name.clone()));
    }
    if let Some(case) = &after.case {
        match &before.case {
            None => note(&mut found, What::Case, None, None, Some(case.status.code().to_owned())),
            Some(before) => changed_case(before, case, &mut found),
        }
        changed_parts(before.case.as_deref(), case, authority, &mut found);
    }
    for entry in &made.entries {
        note(&mut found, What::Entry, Some(entry.number.to_string()), None, Some(entry.points.to_string()));
    }
    found
}

fn note(found: &mut Vec<Change>, what: What, of: Option<String>, from: Option<String>, to: Option<String>) {
    if from != to {
        found.push(Change { what, of, from, to });
    }
}

fn text(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn changed_case(before: &CaseState, after: &CaseState, found: &mut Vec<Change>) {
    note(found, What::Status, None, text(Some(before.status.code())), text(Some(after.status.code())));
    let reported = |case: &CaseState| {
        [
            ("category", case.category.to_string()),
            ("severity", case.severity.code().to_owned()),
            ("trade", text(case.trade).unwrap_or_default()),
            ("found_on", case.found_on.to_string()),
            ("facts", case.facts.clone()),
            ("legal_basis", case.legal_basis.join("\n")),
            ("place", format!("{} {}", case.place.region, case.place.address)),
        ]
    };
    for ((field, from), (_, to)) in reported(before).into_iter().zip(reported(after)) {
        note(found, What::Report, Some(field.to_owned()), Some(from), Some(to));
    }
}

/// Parts of a case that may have come or changed.
fn changed_parts(before: Option<&CaseState>, after: &CaseState, authority: &AgencyCode, found: &mut Vec<Change>) {
    let lead = |case: &CaseState| case.lead().map(|lead| lead.addressee);
    note(found, What::Lead, None, text(before.and_then(lead)), text(lead(after)));
    for (index, referral) in after.referrals.iter().enumerate() {
        let was = before.and_then(|case| case.referrals.get(index));
        let (of, role) = (referral.addressee.to_string(), referral.role.code());
        let status = was.map(|was| was.status.code());
        note(found, What::Referral, Some(format!("{of} {role}")), text(status), text(Some(referral.status.code())));
        let reminders = was.map_or(0, |was| was.reminders);
        note(found, What::Reminders, Some(of.clone()), text(Some(reminders)), text(Some(referral.reminders)));
        let level = was.and_then(|was| was.supervised).map(SupervisionLevel::code);
        note(found, What::Supervision, Some(of), text(level), text(referral.supervised.map(SupervisionLevel::code)));
    }
    let slots = (0..after.referrals.len()).map(Slot::Referral).chain([Slot::Rectification]);
    for slot in slots {
        changed_term(before, after, slot, authority, found);
    }
    for (index, feedback) in after.feedback.iter().enumerate() {
        let was = before.and_then(|case| case.feedback.get(index)).map(|was| was.status.code());
        note(found, What::Feedback, text(Some(feedback.by)), text(was), text(Some(feedback.status.code())));
    }
    let determined = before.and_then(|case| case.determined_on);
    note(found, What::Determined, None, text(determined), text(after.determined_on));
    let rectified = before.and_then(|case| case.rectified_on);
    note(found, What::Rectified, None, text(rectified), text(after.rectified_on));
    for (index, objection) in after.objections.iter().enumerate() {
        let code = |decision: Option<ObjectionDecision>| decision.map_or("filed", |decision| decision.code());
        let was = before.and_then(|case| case.objections.get(index)).map(|was| code(was.decision));
        note(found, What::Objection, None, text(was), text(Some(code(objection.decision))));
    }
}

fn changed_term(
    before: Option<&CaseState>,
    after: &CaseState,
    slot: Slot,
    authority: &AgencyCode,
    found: &mut Vec<Change>,
) {
    let runs = |case: &CaseState| case.pending_deadline(slot, authority);
    let (was, is) = (before.and_then(runs), runs(after));
    if was == is {
        return;
    }
    let name = |term: &crate::state::PendingDeadline| format!("{} {}", term.kind.code(), term.agency);
    let ended = was.filter(|was| is.as_ref().is_none_or(|is| name(is) != name(was)));
    if let Some(ended) = ended {
        note(found, What::Term, Some(name(&ended)), text(Some(ended.due.date)), None);
        if let Some(is) = is {
            note(found, What::Term, Some(name(&is)), None, text(Some(is.due.date)));
        }
    } else if let Some(is) = is {
        let was = before.and_then(runs).map(|was| was.due.date);
        note(found, What::Term, Some(name(&is)), text(was), text(Some(is.due.date)));
    }
}
