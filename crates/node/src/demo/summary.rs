//! What happened in the city, drawn from the read model.

use std::collections::BTreeMap;

use fengsui_event::{AgencyCode, CaseId, Date, Digest, ReferralRole, UnitId};
use fengsui_projector::query::CaseFilter;
use fengsui_projector::state::{CaseState, CaseStatus, EntryKind, Referral, ReferralStatus, Slot};
use fengsui_rulebook::Grade;
use serde::Serialize;

use super::DemoError;
use crate::node::{Node, NodeError};

/// An agency's part in the exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AgencyFigures {
    /// Violations that it found.
    pub found: u64,
    /// Referrals that it sent to others, as reporter or as the authority.
    pub sent: u64,
    /// Referrals that others sent to it, to act upon.
    pub received: u64,
    /// Of those: acknowledged.
    pub acknowledged: u64,
    /// Of those: returned.
    pub returned: u64,
    /// Feedback that it submitted.
    pub fed_back: u64,
    /// Of that: after its deadline.
    pub late: u64,
    /// What it owes on the last day and has missed.
    pub overdue: u64,
}

/// An example of a case that went from one agency to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forwarding {
    /// The case.
    pub case: CaseId,
    /// Who found it.
    pub reporter: AgencyCode,
    /// Who handled it.
    pub lead: AgencyCode,
    /// The rule that named the lead.
    pub rule: String,
}

/// What happened in the city.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DemoSummary {
    /// Events on the log.
    pub events: u64,
    /// The day as of which it is told.
    pub last_day: Date,
    /// Each agency's part.
    pub agencies: BTreeMap<AgencyCode, AgencyFigures>,
    /// Cases that are open.
    pub open: u64,
    /// Cases that are closed.
    pub closed: u64,
    /// Cases that were retracted.
    pub retracted: u64,
    /// Cases in which the reporter and the lead differ.
    pub forwarded: u64,
    /// Cases that were returned at least once.
    pub returned: u64,
    /// Cases that waited for the authority's decision because no rule, or several, answered.
    pub undecided: u64,
    /// Cases with feedback or rectification after its deadline.
    pub late: u64,
    /// Cases with an objection.
    pub objected: u64,
    /// Cases that cost more for repetition.
    pub repeated: u64,
    /// An example from a trade department to the fire brigade, and one the other way.
    pub examples: Vec<Forwarding>,
    /// A unit whose ledger is worth a look.
    pub unit: Option<UnitId>,
    /// Units by grade on the last day.
    pub grades: BTreeMap<Grade, u64>,
    /// Anomalies.
    pub anomalies: u64,
    /// The state digest.
    pub digest: Digest,
}

/// A ledger of about so many cases fits on a screen and still shows every kind of entry.
const CASES_TO_SHOW: u32 = 5;

pub(super) fn summarise(node: &Node, last_day: Date) -> Result<DemoSummary, DemoError> {
    let fault = |error: fengsui_projector::ModelError| DemoError::Node(NodeError::from(error));
    let mut summary = DemoSummary {
        events: node.progress().position,
        last_day,
        agencies: node.registry().agencies.keys().map(|code| (*code, AgencyFigures::default())).collect(),
        open: 0,
        closed: 0,
        retracted: 0,
        forwarded: 0,
        returned: 0,
        undecided: 0,
        late: 0,
        objected: 0,
        repeated: 0,
        examples: Vec::new(),
        unit: None,
        grades: BTreeMap::new(),
        anomalies: 0,
        digest: node.projector().digest().map_err(fault)?,
    };
    let authority = node.registry().authority;
    let view = node.view();
    view.each_case_state(&CaseFilter::default(), |case| {
        count_case(&mut summary, &case);
        count_agencies(&mut summary, &case, authority);
        Ok(())
    })
    .map_err(fault)?;
    let book = node.registry().rulebook(last_day).ok().cloned();
    let mut most = 0;
    view.each_unit(last_day, None, |row| {
        if let Some(book) = &book {
            *summary.grades.entry(book.grade(row.balance)).or_default() += 1;
        }
        if row.cases > most && row.cases <= CASES_TO_SHOW {
            most = row.cases;
            summary.unit = Some(row.unit);
        }
        Ok(())
    })
    .map_err(fault)?;
    summary.anomalies = view.anomaly_counts().map_err(fault)?.iter().map(|(_, _, count)| count).sum();
    Ok(summary)
}

fn count_case(summary: &mut DemoSummary, case: &CaseState) {
    match case.status {
        CaseStatus::Open => summary.open += 1,
        CaseStatus::Closed => summary.closed += 1,
        CaseStatus::Retracted => summary.retracted += 1,
    }
    let repeated = case.charges.iter().any(|charge| charge.kind == EntryKind::Repetition);
    let late_charge = case.charges.iter().any(|charge| charge.kind == EntryKind::Late);
    summary.repeated += u64::from(repeated);
    summary.late += u64::from(late_charge || case.feedback.iter().any(|feedback| feedback.late));
    summary.objected += u64::from(!case.objections.is_empty());
    summary.returned += u64::from(case.referrals.iter().any(|referral| referral.returned.is_some()));
    summary.undecided += u64::from(case.referrals.iter().any(|referral| referral.role == ReferralRole::Deciding));
    let Some(lead) = case.lead().filter(|lead| lead.addressee != case.reporter) else { return };
    summary.forwarded += 1;
    let handled = lead.status == ReferralStatus::Confirmed && case.status == CaseStatus::Closed;
    let fire_involved = [case.reporter, lead.addressee].iter().any(|agency| agency.as_str() == "fire");
    let is_new = summary
        .examples
        .iter()
        .all(|example| (example.reporter.as_str() == "fire") != (case.reporter.as_str() == "fire"));
    if let Some(rule) = lead.rule.clone().filter(|_| handled && fire_involved && is_new) {
        summary.examples.push(Forwarding { case: case.id, reporter: case.reporter, lead: lead.addressee, rule });
    }
}

fn count_agencies(summary: &mut DemoSummary, case: &CaseState, authority: AgencyCode) {
    let last_day = summary.last_day;
    let agencies = &mut summary.agencies;
    agencies.entry(case.reporter).or_default().found += 1;
    for (index, referral) in case.referrals.iter().enumerate() {
        if referral.issuer != referral.addressee {
            agencies.entry(referral.issuer).or_default().sent += 1;
            if referral.role != ReferralRole::Informed {
                count_received(agencies.entry(referral.addressee).or_default(), referral);
            }
        }
        let overdue = case.pending_deadline(Slot::Referral(index), &authority).filter(|it| it.due.date < last_day);
        if let Some(overdue) = overdue {
            agencies.entry(overdue.agency).or_default().overdue += 1;
        }
    }
    for feedback in &case.feedback {
        let figures = agencies.entry(feedback.by).or_default();
        figures.fed_back += 1;
        figures.late += u64::from(feedback.late);
    }
}

fn count_received(figures: &mut AgencyFigures, referral: &Referral) {
    figures.received += 1;
    figures.acknowledged += u64::from(referral.acknowledged_on.is_some());
    figures.returned += u64::from(referral.returned.is_some());
}
