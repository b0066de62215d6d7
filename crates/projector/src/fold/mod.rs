//! The pure fold: what each event means. No clock, no I/O, no floats, no order that depends on hashing.
//!
//! [`admission`] decides whether a record is genuine and in sequence; [`touches`] names what an event needs;
//! [`apply`] checks it against authority and state and moves the state, or says why it has no effect.

pub mod admission;
mod anomaly;
mod authority;
mod certificate;
mod checkpoint;
mod checkpoint_fault;
mod closing;
pub mod driver;
mod feedback;
mod ledger;
mod objection;
mod reconciliation;
mod rectification;
mod referral;
mod rejection;
mod unit;
mod violation;

use std::collections::BTreeSet;
use std::sync::Arc;

use fengsui_event::{AgencyCode, CaseId, Date, Event, Payload, Subject, UnitId};
use fengsui_rulebook::Rulebook;

pub use anomaly::{Anomaly, Cause};
pub use authority::apply_to_registry;
pub use checkpoint_fault::CheckpointFault;
pub use rejection::{Bound, Missing, Obstacle, Rejection};

use crate::state::{AccountState, CaseState, CaseStatus, CertificateState, LedgerEntry, Registry};

/// What an event needs to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touches {
    /// Agencies, keys, rulebooks.
    Registry,
    /// A case and its unit's account.
    Case {
        /// The case.
        case: CaseId,
        /// The unit.
        unit: UnitId,
    },
    /// An account alone.
    Account {
        /// The unit.
        unit: UnitId,
    },
    /// Nothing that this version interprets.
    Nothing,
}

/// Names the state that an event touches, from its envelope alone.
#[must_use]
pub fn touches(event: &Event) -> Touches {
    touches_of(&event.subject, event.correlation)
}

/// The same of an event that is not yet written.
#[must_use]
pub fn touches_of(subject: &Subject, correlation: Option<CaseId>) -> Touches {
    match (subject, correlation) {
        (Subject::Unit(unit), Some(case)) => Touches::Case { case, unit: unit.clone() },
        (Subject::Unit(unit), None) => Touches::Account { unit: unit.clone() },
        (Subject::Agency(_) | Subject::Rulebook(_), _) => Touches::Registry,
        (Subject::Region(_), _) => Touches::Nothing,
    }
}

/// The state that an event touches; absent when it is not there yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// The case.
    pub case: Option<Box<CaseState>>,
    /// The account.
    pub account: Option<Box<AccountState>>,
    /// The certificate that the event names.
    pub certificate: Option<Box<CertificateState>>,
}

/// What an event changed beside the touched state itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New ledger entries, in order.
    pub entries: Vec<LedgerEntry>,
    /// Places of the referrals that changed.
    pub referrals: BTreeSet<usize>,
    /// Places of the feedback that changed.
    pub feedback: BTreeSet<usize>,
    /// Whether the account changed.
    pub account: bool,
    /// Whether the certificate changed.
    pub certificate: bool,
}

/// One event on its way through the fold.
struct Step<'a> {
    registry: &'a Registry,
    position: u64,
    event: &'a Event,
    /// Who acts: the agency whose node published it.
    actor: &'a AgencyCode,
    /// The day on which it was recorded.
    on: Date,
    changes: Changes,
}

/// Applies an event of a case or an account. On `Err` the touched state is as it was.
pub fn apply(
    registry: &Registry,
    touched: &mut Touched,
    position: u64,
    event: &Event,
    payload: &Payload,
) -> Result<Changes, Rejection> {
    let mut step = Step {
        registry,
        position,
        event,
        actor: &event.source.agency,
        on: event.recorded_on(),
        changes: Changes::default(),
    };
    // Several entries may follow from one event; should a later one be refused, the earlier ones must not stand.
    let before = moves_points(payload).then(|| touched.clone());
    if let Err(rejection) = dispatch(&mut step, touched, payload) {
        if let Some(before) = before {
            *touched = before;
        }
        return Err(rejection);
    }
    step.changes.account = moves_account(payload) || !step.changes.entries.is_empty();
    if let Some(case) = &mut touched.case {
        case.history.push(position);
    }
    Ok(step.changes)
}

/// Whether an event may write ledger entries into an account that exists.
const fn moves_points(payload: &Payload) -> bool {
    matches!(
        payload,
        Payload::ViolationRetracted(_)
            | Payload::FeedbackSubmitted(_)
            | Payload::FeedbackConfirmed(_)
            | Payload::RectificationReinspected(_)
            | Payload::CaseClosed(_)
            | Payload::ObjectionDecided(_)
    )
}

/// Whether an event changes the account beside writing entries.
const fn moves_account(payload: &Payload) -> bool {
    matches!(
        payload,
        Payload::ViolationReported(_)
            | Payload::ViolationRetracted(_)
            | Payload::CaseClosed(_)
            | Payload::CaseReopened(_)
            | Payload::UnitRegistered(_)
            | Payload::UnitRenamed(_)
            | Payload::CreditAdjusted(_)
    )
}

/// Whether this version draws anything from events of this type.
const fn is_interpreted(payload: &Payload) -> bool {
    !matches!(
        payload,
        Payload::HazardListed(_)
            | Payload::HazardDelisted(_)
            | Payload::CreditRepaired(_)
            | Payload::MeasureImposed(_)
            | Payload::MeasureLifted(_)
            | Payload::UnitMerged(_)
            | Payload::PublicationIssued(_)
            | Payload::PublicationWithdrawn(_)
            | Payload::MeetingConvened(_)
            | Payload::MeetingResolved(_)
            | Payload::OperationOpened(_)
            | Payload::OperationJoined(_)
            | Payload::OperationConcluded(_)
            | Payload::InspectionDrawn(_)
    )
}

fn dispatch(step: &mut Step<'_>, touched: &mut Touched, payload: &Payload) -> Result<(), Rejection> {
    match payload {
        Payload::ViolationReported(data) => violation::reported(step, touched, data),
        Payload::UnitRegistered(data) => unit::registered(step, touched, data),
        Payload::UnitRenamed(data) => unit::renamed(step, touched, data),
        Payload::CreditAdjusted(data) => unit::adjusted(step, touched, data),
        Payload::CertificateIssued(data) => certificate::issued(step, touched, data),
        Payload::CertificateRevoked(data) => certificate::revoked(step, touched, data),
        Payload::ReconciliationRecorded(data) => reconciliation::recorded(step, data),
        payload if !is_interpreted(payload) => Err(Rejection::NotInterpreted),
        _ => apply_to_case(step, touched, payload),
    }
}

fn apply_to_case(step: &mut Step<'_>, touched: &mut Touched, payload: &Payload) -> Result<(), Rejection> {
    let (case, account) = step.case_and_account(touched)?;
    match payload {
        Payload::ViolationAmended(data) => violation::amended(step, case, data),
        Payload::ViolationRetracted(data) => violation::retracted(step, case, account, data),
        Payload::ReferralIssued(data) => referral::issued(step, case, data),
        Payload::ReferralAcknowledged(data) => referral::acknowledged(step, case, data),
        Payload::ReferralReturned(data) => referral::returned(step, case, data),
        Payload::ReferralTransferred(data) => referral::transferred(step, case, data),
        Payload::ReferralWithdrawn(data) => referral::withdrawn(step, case, data),
        Payload::ReferralReminded(data) => referral::reminded(step, case, data),
        Payload::ReferralEscalated(data) => referral::escalated(step, case, data),
        Payload::FeedbackSubmitted(data) => feedback::submitted(step, case, account, data),
        Payload::FeedbackConfirmed(data) => feedback::confirmed(step, case, account, data),
        Payload::FeedbackRejected(data) => feedback::rejected(step, case, data),
        Payload::RectificationOrdered(data) => rectification::ordered(step, case, data),
        Payload::RectificationReinspected(data) => rectification::reinspected(step, case, account, data),
        Payload::CaseClosed(data) => closing::closed(step, case, account, data),
        Payload::CaseReopened(data) => closing::reopened(step, case, account, data),
        Payload::ObjectionFiled(data) => objection::filed(step, case, data),
        Payload::ObjectionDecided(data) => objection::decided(step, case, account, data),
        // Agencies, keys and rulebooks, which no unit is the subject of.
        _ => Err(Rejection::Incoherent {
            found: step.event.subject.to_string(),
            expected: "an agency or a rulebook as the subject".to_owned(),
        }),
    }
}

impl<'a> Step<'a> {
    /// The case and its account; every event of a case but the first needs both.
    fn case_and_account<'t>(
        &self,
        touched: &'t mut Touched,
    ) -> Result<(&'t mut CaseState, &'t mut AccountState), Rejection> {
        let id = self.event.correlation.ok_or_else(|| Rejection::Incoherent {
            found: "no case".to_owned(),
            expected: "a case, by the attribute `correlation`".to_owned(),
        })?;
        let case = touched.case.as_deref_mut().ok_or(Rejection::Missing(Missing::Case(id)))?;
        let Subject::Unit(unit) = &self.event.subject else {
            return Err(Rejection::Incoherent {
                found: self.event.subject.to_string(),
                expected: case.unit.to_string(),
            });
        };
        if *unit != case.unit {
            return Err(Rejection::Incoherent { found: unit.to_string(), expected: case.unit.to_string() });
        }
        let account =
            touched.account.as_deref_mut().ok_or_else(|| Rejection::Missing(Missing::Unit(case.unit.clone())))?;
        Ok((case, account))
    }

    /// The rulebook in force when the event was recorded.
    fn rulebook(&self) -> Result<&'a Arc<Rulebook>, Rejection> {
        self.registry.rulebook(self.on).map_err(|_| Rejection::NoRulebook { on: self.on })
    }

    /// The rulebook that says what this costs: the one in force, but in a simulation.
    fn points_rulebook(&self) -> Result<&'a Arc<Rulebook>, Rejection> {
        self.registry.points_rulebook(self.on).map_err(|_| Rejection::NoRulebook { on: self.on })
    }

    /// Refuses when the actor is not one of those who may act.
    fn only(&self, may: &[&AgencyCode], state: &str) -> Result<(), Rejection> {
        if may.contains(&self.actor) {
            return Ok(());
        }
        let may: BTreeSet<AgencyCode> = may.iter().map(|&agency| *agency).collect();
        Err(Rejection::WrongActor { actor: *self.actor, may: may.into_iter().collect(), state: state.to_owned() })
    }

    /// Refuses when the actor is not the authority.
    fn only_authority(&self, state: &str) -> Result<(), Rejection> {
        self.only(&[&self.registry.authority], state)
    }

    /// Refuses a day before the finding or after the recording.
    fn within_case(&self, case: &CaseState, date: Date) -> Result<(), Rejection> {
        not_before(date, case.found_on, Bound::NotBeforeFound)?;
        self.not_after_recorded(date)
    }

    fn not_after_recorded(&self, date: Date) -> Result<(), Rejection> {
        if date > self.on {
            return Err(Rejection::DateOrder { date, limit: self.on, bound: Bound::NotAfterRecorded });
        }
        Ok(())
    }
}

fn not_before(date: Date, limit: Date, bound: Bound) -> Result<(), Rejection> {
    if date < limit { Err(Rejection::DateOrder { date, limit, bound }) } else { Ok(()) }
}

fn require_status(case: &CaseState, allowed: CaseStatus) -> Result<(), Rejection> {
    if case.status == allowed {
        Ok(())
    } else {
        Err(Rejection::CaseState { case: case.id, status: case.status, allowed })
    }
}

/// Refuses an event whose subject is not what its payload speaks of.
fn require_subject(event: &Event, expected: &Subject) -> Result<(), Rejection> {
    if event.subject == *expected {
        return Ok(());
    }
    Err(Rejection::Incoherent { found: event.subject.to_string(), expected: expected.to_string() })
}

fn require_text(field: &str, text: &str) -> Result<(), Rejection> {
    if text.trim().is_empty() { Err(Rejection::Empty { field: field.to_owned() }) } else { Ok(()) }
}

/// Refuses what speaks of a position that does not come before its own.
fn require_earlier(own: u64, found: u64) -> Result<(), Rejection> {
    let last = own.saturating_sub(1);
    if (1..=last).contains(&found) { Ok(()) } else { Err(Rejection::PositionRange { found, last }) }
}
