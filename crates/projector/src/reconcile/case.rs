//! A case of the log as it concerns one agency.

use fengsui_event::{
    AgencyCode, CaseId, CategoryCode, ClosingGround, Date, DeadlineKind, Fen, Outcome, ReferralRole, RegionCode, UnitId,
};

use super::text::{number_form, text_form};
use crate::state::{CaseState, CaseStatus, Feedback, FeedbackStatus, Referral, ReferralStatus, Slot};

/// A case of the log as it concerns the agency whose book is reconciled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogCase {
    /// The case.
    pub id: CaseId,
    /// The unit.
    pub unit: UnitId,
    /// Its name.
    pub name: Box<str>,
    /// When it was found.
    pub found_on: Date,
    /// When it was recorded.
    pub recorded_on: Date,
    /// Kind of violation.
    pub category: CategoryCode,
    /// Where: the region.
    pub region: RegionCode,
    /// Where: the address.
    pub address: Box<str>,
    /// The reporter's number.
    pub reference: Option<Box<str>>,
    /// Who found it.
    pub reporter: AgencyCode,
    /// Whether that is the agency itself.
    pub is_reporter: bool,
    /// Where the case stands.
    pub status: CaseStatus,
    /// The day on which it was closed.
    pub closed_on: Option<Date>,
    /// What was done, by the agency's own feedback, else by the handler's.
    pub handled: Option<Box<Handled>>,
    /// What is owed.
    pub standing: Standing,
}

/// What a feedback says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// Whether the agency itself fed it back.
    pub own: bool,
    /// When it was done.
    pub on: Date,
    /// With which result.
    pub outcome: Outcome,
    /// The fine, in fen; absent where there was no penalty.
    pub fine: Option<Fen>,
    /// Number of the decision.
    pub decision: Option<Box<str>>,
    /// When it was fed back.
    pub submitted_on: Date,
}

/// Where a case stands for the agency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and several may hold")]
pub struct Standing {
    /// It is no longer the agency's: retracted, passed on, withdrawn, or closed as a duplicate.
    pub released: bool,
    /// The agency must handle it and has fed back nothing that stands.
    pub owes_feedback: bool,
    /// It must first acknowledge it.
    pub owes_acknowledgement: bool,
    /// Feedback waits for the reporter.
    pub waits_for_confirmation: bool,
    /// The lead's feedback was confirmed, the case is open.
    pub confirmed_open: bool,
    /// The agency leads it.
    pub leads: bool,
    /// The hazard is gone.
    pub rectified: bool,
    /// Returned, and nobody named.
    pub returned_unassigned: bool,
    /// The first term of the agency that has passed.
    pub late: Option<(DeadlineKind, Date)>,
}

impl LogCase {
    /// The case as it concerns an agency on a day; `None` when the agency has nothing to do with it. Who is merely informed
    /// (知会) owes nothing, and need not have it in a book.
    #[must_use]
    pub fn of(case: &CaseState, agency: AgencyCode, authority: AgencyCode, today: Date) -> Option<Self> {
        let is_reporter = case.reporter == agency;
        let own: Vec<&Referral> = case
            .referrals
            .iter()
            .filter(|referral| referral.addressee == agency && referral.role != ReferralRole::Informed)
            .collect();
        if !is_reporter && own.is_empty() {
            return None;
        }
        Some(Self {
            id: case.id,
            unit: case.unit.clone(),
            name: case.unit_name.as_str().into(),
            found_on: case.found_on,
            recorded_on: case.recorded_on,
            category: case.category.clone(),
            region: case.place.region,
            address: case.place.address.as_str().into(),
            reference: case.reference.as_deref().map(Into::into),
            reporter: case.reporter,
            is_reporter,
            status: case.status,
            closed_on: case.closing.as_ref().map(|closing| closing.closed_on),
            handled: handled(case, agency).map(Box::new),
            standing: standing(case, agency, authority, &own, is_reporter, today),
        })
    }

    /// The numbers under which the agency itself knows it.
    pub(super) fn own_numbers(&self) -> impl Iterator<Item = String> + '_ {
        let reference = self.reference.as_deref().filter(|_| self.is_reporter);
        let decision = self.handled.as_ref().filter(|it| it.own).and_then(|it| it.decision.as_deref());
        reference.into_iter().chain(decision).filter_map(number_form)
    }

    /// The numbers that others gave it; two agencies may use the same one.
    pub(super) fn foreign_numbers(&self) -> impl Iterator<Item = String> + '_ {
        let reference = self.reference.as_deref().filter(|_| !self.is_reporter);
        let decision = self.handled.as_ref().filter(|it| !it.own).and_then(|it| it.decision.as_deref());
        reference.into_iter().chain(decision).filter_map(number_form)
    }

    /// The violation that it speaks of.
    pub(super) fn violation(&self) -> String {
        let address = Some(text_form(&self.address));
        format!("{}|{}|{}|{:?}|{address:?}", self.unit, self.found_on, self.category, Some(self.region))
    }
}

fn handled(case: &CaseState, agency: AgencyCode) -> Option<Handled> {
    let stands = |feedback: &&Feedback| !matches!(feedback.status, FeedbackStatus::Rejected { .. });
    let own = case.feedback.iter().rev().filter(stands).find(|feedback| feedback.by == agency);
    let lead = case.lead().map(|lead| lead.id);
    let others = || case.feedback.iter().rev().filter(stands).find(|feedback| Some(feedback.referral) == lead);
    let feedback = own.or_else(others)?;
    let penalty = feedback.penalty.as_ref();
    Some(Handled {
        own: feedback.by == agency,
        on: feedback.handled_on,
        outcome: feedback.outcome,
        fine: penalty.map(|penalty| penalty.fine),
        decision: penalty.and_then(|penalty| penalty.decision_number.as_deref()).map(Into::into),
        submitted_on: feedback.submitted_on,
    })
}

fn standing(
    case: &CaseState,
    agency: AgencyCode,
    authority: AgencyCode,
    own: &[&Referral],
    is_reporter: bool,
    today: Date,
) -> Standing {
    let is_open = case.status == CaseStatus::Open;
    let has = |status: ReferralStatus| is_open && own.iter().any(|referral| referral.status == status);
    let is_gone = |status: ReferralStatus| {
        matches!(status, ReferralStatus::Replaced | ReferralStatus::Withdrawn | ReferralStatus::Decided)
    };
    let returned = own.iter().any(|referral| referral.status == ReferralStatus::Returned);
    let left = |referral: &&Referral| {
        is_gone(referral.status) || (referral.status == ReferralStatus::Returned && !case.awaits_designation())
    };
    let is_duplicate = case.closing.as_ref().is_some_and(|closing| closing.ground == ClosingGround::Duplicate);
    let slots = (0..case.referrals.len()).map(Slot::Referral).chain([Slot::Rectification]);
    let owed = slots.filter_map(|slot| case.pending_deadline(slot, &authority)).filter(|it| it.agency == agency);
    let late = owed.filter(|it| it.due.date < today).map(|it| (it.due.date, it.kind)).min();
    let lead = case.lead();
    let waits = |referral: &Referral| referral.status == ReferralStatus::FedBack;
    Standing {
        released: case.status == CaseStatus::Retracted || is_duplicate || (!is_reporter && own.iter().all(left)),
        owes_feedback: has(ReferralStatus::Issued) && !is_deciding(own) || has(ReferralStatus::Acknowledged),
        owes_acknowledgement: has(ReferralStatus::Issued) && !is_deciding(own),
        waits_for_confirmation: is_open
            && (own.iter().any(|it| waits(it)) || (is_reporter && case.referrals.iter().any(waits))),
        confirmed_open: is_open && lead.is_some_and(|lead| lead.status == ReferralStatus::Confirmed),
        leads: lead.is_some_and(|lead| lead.addressee == agency),
        rectified: case.rectified_on.is_some(),
        returned_unassigned: case.awaits_designation()
            && (returned || case.referrals.iter().any(|referral| referral.status == ReferralStatus::Returned)),
        late: late.map(|(due_on, kind)| (kind, due_on)),
    }
}

/// The authority's own referral for decision is answered by naming somebody, not by feedback.
fn is_deciding(own: &[&Referral]) -> bool {
    own.iter().filter(|it| it.status == ReferralStatus::Issued).all(|it| it.role == ReferralRole::Deciding)
}
