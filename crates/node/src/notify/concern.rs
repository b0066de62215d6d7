//! Which events concern an agency, and why. Pure: an event, the state that it left, and who asks.

use fengsui_event::payload::{RectificationReinspected, ReferralIssued};
use fengsui_event::{
    AgencyCode, ClosingGround, Date, DeadlineKind, Event, EventId, KeyId, Language, ObjectionDecision, Outcome,
    Payload, ReferralBasis, ReferralId, ReferralRole, SupervisionLevel, Timestamp,
};
use fengsui_projector::Registry;
use fengsui_projector::fold::Cause;
use fengsui_projector::query::AnomalyRow;
use fengsui_projector::state::{CaseState, Referral, ReferralStatus, Slot};

use super::wording::{anomaly_words, words};
use super::{Notice, NoticeId, NoticeKind};

/// What is known of the exchange and of the event's case.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who asks what it must look at.
    pub agency: AgencyCode,
    /// The language of the notices.
    pub language: Language,
    /// Agencies and rulebooks.
    pub registry: &'a Registry,
    /// The case that the event belongs to.
    pub case: Option<&'a CaseState>,
}

/// What happened, as far as it is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Matter {
    Issued { role: ReferralRole, basis: ReferralBasis },
    Returned { suggested: AgencyCode },
    Transferred { to: AgencyCode },
    Withdrawn { addressee: AgencyCode },
    Reminded { deadline: DeadlineKind },
    Escalated { deadline: DeadlineKind, level: SupervisionLevel },
    FeedbackSubmitted { outcome: Outcome },
    FeedbackRejected,
    RectificationDue,
    RectificationFailed,
    RectificationPassed,
    Retracted,
    Closed { ground: ClosingGround },
    Reopened,
    ObjectionFiled,
    ObjectionDecided { decision: ObjectionDecision },
    KeyRotated { old: KeyId, new: KeyId },
    KeyRevoked { keyid: KeyId },
    Suspended,
}

impl Matter {
    pub(super) const fn kind(&self) -> NoticeKind {
        match self {
            Self::Issued { .. } => NoticeKind::ReferralIssued,
            Self::Returned { .. } => NoticeKind::ReferralReturned,
            Self::Transferred { .. } => NoticeKind::ReferralTransferred,
            Self::Withdrawn { .. } => NoticeKind::ReferralWithdrawn,
            Self::Reminded { .. } => NoticeKind::ReferralReminded,
            Self::Escalated { .. } => NoticeKind::ReferralEscalated,
            Self::FeedbackSubmitted { .. } => NoticeKind::FeedbackSubmitted,
            Self::FeedbackRejected => NoticeKind::FeedbackRejected,
            Self::RectificationDue => NoticeKind::RectificationDue,
            Self::RectificationFailed => NoticeKind::RectificationFailed,
            Self::RectificationPassed => NoticeKind::RectificationPassed,
            Self::Retracted => NoticeKind::ViolationRetracted,
            Self::Closed { .. } => NoticeKind::CaseClosed,
            Self::Reopened => NoticeKind::CaseReopened,
            Self::ObjectionFiled => NoticeKind::ObjectionFiled,
            Self::ObjectionDecided { .. } => NoticeKind::ObjectionDecided,
            Self::KeyRotated { .. } => NoticeKind::KeyRotated,
            Self::KeyRevoked { .. } => NoticeKind::KeyRevoked,
            Self::Suspended => NoticeKind::AgencySuspended,
        }
    }

    /// Whether it is told also to the agency that published the event: reminders are published by a node on its own, a term
    /// ends by itself, and a key may have been used by somebody else.
    const fn is_told_to_its_actor(&self) -> bool {
        matches!(
            self,
            Self::Reminded { .. }
                | Self::Escalated { .. }
                | Self::RectificationDue
                | Self::KeyRotated { .. }
                | Self::KeyRevoked { .. }
        )
    }
}

/// A matter with those whom it concerns.
struct Concern {
    matter: Matter,
    to: Vec<AgencyCode>,
    referral: Option<ReferralId>,
    due_on: Option<Date>,
    not_before: Option<Date>,
}

impl Concern {
    fn new(matter: Matter, to: Vec<AgencyCode>) -> Self {
        Self { matter, to, referral: None, due_on: None, not_before: None }
    }

    fn of(self, referral: ReferralId) -> Self {
        Self { referral: Some(referral), ..self }
    }

    fn due(self, due_on: Option<Date>) -> Self {
        Self { due_on, ..self }
    }
}

/// What an event that had its effect means for an agency: nothing, or what it must look at. `facts.case` is the case as it
/// stands now, which may be later than the event.
#[must_use]
pub fn notices(event: &Event, position: u64, facts: &Facts<'_>) -> Vec<Notice> {
    let Some(payload) = event.payload() else { return Vec::new() };
    let found = match facts.case {
        Some(case) => concern_of_case(event, payload, case, facts),
        None => concern_of_registry(payload),
    };
    let actor = event.source.agency;
    let concerns = |concern: &Concern| {
        concern.to.contains(&facts.agency) && (actor != facts.agency || concern.matter.is_told_to_its_actor())
    };
    let notice = |concern: Concern| {
        let Concern { matter, referral, due_on, not_before, .. } = concern;
        let (subject, text) = words(&matter, actor, due_on, facts);
        Notice {
            id: NoticeId { event: event.id, kind: matter.kind() },
            agency: facts.agency,
            by: Some(actor),
            position,
            recorded_at: Some(event.time),
            case: facts.case.map(|case| case.id),
            referral,
            due_on,
            anomaly: None,
            not_before,
            subject,
            text,
        }
    };
    found.into_iter().filter(concerns).map(notice).collect()
}

/// What anomalies of one code in the agency's name mean for it; `others` is how many records stand behind the first.
#[must_use]
pub fn anomaly_notice(row: &AnomalyRow, others: usize, recorded_at: Option<Timestamp>, facts: &Facts<'_>) -> Notice {
    let (subject, text) = anomaly_words(row, others, facts);
    Notice {
        id: NoticeId { event: anomalous_event(row), kind: NoticeKind::Anomaly },
        agency: facts.agency,
        by: row.agency,
        position: row.position,
        recorded_at,
        case: row.case,
        referral: None,
        due_on: None,
        anomaly: Some(row.code.clone()),
        not_before: None,
        subject,
        text,
    }
}

/// The event that an anomaly is about. A record may be filed under another id than its event's own.
pub(super) fn anomalous_event(row: &AnomalyRow) -> EventId {
    match row.cause {
        Cause::IdMismatch { own } => own,
        _ => row.id,
    }
}

/// Whether an anomaly is worth telling the agency in whose name the record is. The same bytes twice are the broker's doing
/// and change nothing.
#[must_use]
pub fn is_told_anomaly(row: &AnomalyRow, agency: AgencyCode) -> bool {
    row.agency == Some(agency) && !matches!(row.cause, Cause::Duplicate { .. })
}

/// Whether after this event a rectification that was due is due no longer.
#[must_use]
pub fn ends_rectification_term(payload: &Payload) -> bool {
    matches!(
        payload,
        Payload::RectificationReinspected(RectificationReinspected { passed: true, .. })
            | Payload::RectificationOrdered(_)
            | Payload::CaseClosed(_)
            | Payload::ViolationRetracted(_)
    )
}

/// Whether an event may mean anything for an agency, from its payload alone: most do not, and then nobody needs to look at the case.
pub(super) fn may_concern(payload: &Payload, agency: AgencyCode) -> bool {
    match payload {
        Payload::ReferralIssued(data) => data.addressee == agency,
        Payload::ReferralReturned(_)
        | Payload::ReferralTransferred(_)
        | Payload::ReferralWithdrawn(_)
        | Payload::ReferralReminded(_)
        | Payload::ReferralEscalated(_)
        | Payload::FeedbackSubmitted(_)
        | Payload::FeedbackRejected(_)
        | Payload::RectificationOrdered(_)
        | Payload::RectificationReinspected(_)
        | Payload::ViolationRetracted(_)
        | Payload::CaseClosed(_)
        | Payload::CaseReopened(_)
        | Payload::ObjectionFiled(_)
        | Payload::ObjectionDecided(_)
        | Payload::AgencyKeyRotated(_)
        | Payload::AgencyKeyRevoked(_)
        | Payload::AgencySuspended(_) => true,
        _ => false,
    }
}

fn concern_of_registry(payload: &Payload) -> Option<Concern> {
    Some(match payload {
        Payload::AgencyKeyRotated(data) => {
            Concern::new(Matter::KeyRotated { old: data.old, new: data.new.keyid }, vec![data.agency])
        }
        Payload::AgencyKeyRevoked(data) => Concern::new(Matter::KeyRevoked { keyid: data.keyid }, vec![data.agency]),
        Payload::AgencySuspended(data) => Concern::new(Matter::Suspended, vec![data.agency]),
        _ => return None,
    })
}

fn concern_of_case(event: &Event, payload: &Payload, case: &CaseState, facts: &Facts<'_>) -> Option<Concern> {
    let (reporter, authority) = (case.reporter, facts.registry.authority);
    let due = |referral: Option<&Referral>| referral.and_then(|referral| owed(case, referral.id, facts));
    Some(match payload {
        Payload::ReferralIssued(data) => issued(ReferralId::of(event.id), data, case, facts),
        Payload::ReferralReturned(data) => {
            let matter = Matter::Returned { suggested: data.suggested };
            Concern::new(matter, vec![authority, reporter]).of(data.referral).due(owed(case, data.referral, facts))
        }
        // Where it goes back to the reporter, the referral itself tells so.
        Payload::ReferralTransferred(data) if data.to == reporter => return None,
        Payload::ReferralTransferred(data) => {
            Concern::new(Matter::Transferred { to: data.to }, vec![reporter]).of(data.referral)
        }
        Payload::ReferralWithdrawn(data) => {
            let referral = referral(case, data.referral)?;
            let mut to = vec![referral.addressee];
            to.extend((referral.role == ReferralRole::Lead).then_some(reporter));
            Concern::new(Matter::Withdrawn { addressee: referral.addressee }, to).of(data.referral)
        }
        Payload::ReferralReminded(data) => {
            let to = vec![debtor(case, data.referral, data.deadline, facts)?];
            Concern::new(Matter::Reminded { deadline: data.deadline }, to).of(data.referral).due(Some(data.due_on))
        }
        Payload::ReferralEscalated(data) => {
            let to = vec![debtor(case, data.referral, data.deadline, facts)?];
            let matter = Matter::Escalated { deadline: data.deadline, level: data.level };
            Concern::new(matter, to).of(data.referral).due(Some(data.due_on))
        }
        Payload::FeedbackSubmitted(data) => {
            let matter = Matter::FeedbackSubmitted { outcome: data.outcome };
            Concern::new(matter, vec![reporter]).of(data.referral).due(owed(case, data.referral, facts))
        }
        Payload::FeedbackRejected(data) => {
            let feedback = case.feedback.iter().find(|feedback| feedback.id == data.feedback)?;
            let referral = referral(case, feedback.referral)?;
            let to = vec![referral.addressee];
            Concern::new(Matter::FeedbackRejected, to).of(referral.id).due(due(Some(referral)))
        }
        Payload::CaseReopened(_) => {
            let own = case.referrals.iter().rev().find(|referral| owed(case, referral.id, facts).is_some());
            Concern::new(Matter::Reopened, participants(case)).due(due(own))
        }
        _ => return concern_of_whole_case(event, payload, case, authority),
    })
}

/// What happens to the case and not to one referral.
fn concern_of_whole_case(event: &Event, payload: &Payload, case: &CaseState, authority: AgencyCode) -> Option<Concern> {
    let lead = case.lead().map(|lead| lead.addressee);
    let with_lead = |mut to: Vec<AgencyCode>| {
        to.extend(lead);
        to
    };
    Some(match payload {
        Payload::RectificationOrdered(data) => {
            let concern = Concern::new(Matter::RectificationDue, vec![event.source.agency]);
            Concern { not_before: Some(data.due_on), ..concern.of(data.referral).due(Some(data.due_on)) }
        }
        Payload::RectificationReinspected(data) if data.passed => {
            Concern::new(Matter::RectificationPassed, vec![case.reporter])
        }
        Payload::RectificationReinspected(_) => {
            Concern::new(Matter::RectificationFailed, with_lead(vec![case.reporter]))
        }
        Payload::ViolationRetracted(_) => {
            let stood = case.referrals.iter().filter(|referral| referral.status != ReferralStatus::Replaced);
            Concern::new(Matter::Retracted, stood.map(|referral| referral.addressee).collect())
        }
        Payload::CaseClosed(data) => Concern::new(Matter::Closed { ground: data.ground }, participants(case)),
        Payload::ObjectionFiled(_) => Concern::new(Matter::ObjectionFiled, with_lead(vec![authority, case.reporter])),
        Payload::ObjectionDecided(data) => {
            let matter = Matter::ObjectionDecided { decision: data.decision };
            Concern::new(matter, with_lead(vec![case.reporter]))
        }
        _ => return None,
    })
}

fn issued(id: ReferralId, data: &ReferralIssued, case: &CaseState, facts: &Facts<'_>) -> Concern {
    let matter = Matter::Issued { role: data.role, basis: data.basis };
    Concern::new(matter, vec![data.addressee]).of(id).due(owed(case, id, facts))
}

fn referral(case: &CaseState, id: ReferralId) -> Option<&Referral> {
    case.referral_index(id).map(|index| &case.referrals[index])
}

/// By when the agency that asks owes something under a referral.
fn owed(case: &CaseState, id: ReferralId, facts: &Facts<'_>) -> Option<Date> {
    let slot = Slot::Referral(case.referral_index(id)?);
    let pending = case.pending_deadline(slot, &facts.registry.authority)?;
    (pending.agency == facts.agency).then_some(pending.due.date)
}

/// Who owes what a term is about.
fn debtor(case: &CaseState, id: ReferralId, deadline: DeadlineKind, facts: &Facts<'_>) -> Option<AgencyCode> {
    let addressee = referral(case, id)?.addressee;
    Some(match deadline {
        DeadlineKind::Acknowledge | DeadlineKind::Feedback => addressee,
        DeadlineKind::Designate => facts.registry.authority,
        DeadlineKind::Confirm => case.reporter,
        DeadlineKind::Rectify => case.rectification.as_ref().map_or(addressee, |order| order.by),
    })
}

/// The reporter, and whoever has a referral that was not passed on or taken back.
fn participants(case: &CaseState) -> Vec<AgencyCode> {
    let stands =
        |referral: &&Referral| !matches!(referral.status, ReferralStatus::Replaced | ReferralStatus::Withdrawn);
    let addressees = case.referrals.iter().filter(stands).map(|referral| referral.addressee);
    std::iter::once(case.reporter).chain(addressees).collect()
}
