//! One violation with everything that happened to it.

use fengsui_event::payload::{Penalty, Place, RoutingDecision};
use fengsui_event::{
    AgencyCode, CaseId, CategoryCode, ClosingGround, Date, DeadlineKind, EventId, FindingMethod, ObjectionDecision,
    Outcome, Points, ReferralBasis, ReferralId, ReferralRole, Severity, Source, SupervisionLevel, TradeCode, UnitId,
};
use serde::{Deserialize, Serialize};

use super::{Due, EntryKind, stored_date};

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseStatus {
    /// Being dealt with.
    Open,
    /// Struck off the ledger of open items.
    Closed,
    /// Taken back by the reporter.
    Retracted,
}

impl CaseStatus {
    /// The text used in JSON and tables.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Retracted => "retracted",
        }
    }
}

/// The one state in which a referral is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferralStatus {
    /// On the addressee's desk, not yet acknowledged.
    Issued,
    /// The addressee has it and must feed back.
    Acknowledged,
    /// The addressee says it is not responsible; the authority must decide.
    Returned,
    /// Another referral took its place.
    Replaced,
    /// Taken back.
    Withdrawn,
    /// Fed back; the reporter must confirm.
    FedBack,
    /// The reporter took the feedback.
    Confirmed,
    /// For information only: nothing is owed.
    Informed,
    /// The authority has named a lead.
    Decided,
    /// The case ended before it was answered.
    Lapsed,
}

impl ReferralStatus {
    /// The text used in JSON and tables.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Acknowledged => "acknowledged",
            Self::Returned => "returned",
            Self::Replaced => "replaced",
            Self::Withdrawn => "withdrawn",
            Self::FedBack => "fed_back",
            Self::Confirmed => "confirmed",
            Self::Informed => "informed",
            Self::Decided => "decided",
            Self::Lapsed => "lapsed",
        }
    }

    /// Whether somebody still owes something.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Issued | Self::Acknowledged | Self::Returned | Self::FedBack)
    }
}

/// A referral of the case to one agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referral {
    /// Its id.
    pub id: ReferralId,
    /// Who issued it.
    pub issuer: AgencyCode,
    /// To whom.
    pub addressee: AgencyCode,
    /// In which role.
    pub role: ReferralRole,
    /// Why to this agency.
    pub basis: ReferralBasis,
    /// The rule that named it.
    pub rule: Option<String>,
    /// The referral that it took the place of.
    pub replaces: Option<ReferralId>,
    /// Its state.
    pub status: ReferralStatus,
    /// The day on which it was issued.
    #[serde(with = "stored_date")]
    pub issued_on: Date,
    /// By when it must be acknowledged (for the authority: decided).
    pub acknowledge_due: Option<Due>,
    /// By when it must be fed back.
    pub feedback_due: Option<Due>,
    /// By when the authority must decide, once returned.
    pub designate_due: Option<Due>,
    /// When it was acknowledged.
    #[serde(with = "stored_date::option")]
    pub acknowledged_on: Option<Date>,
    /// To whom the addressee passed it on.
    pub passed_to: Option<AgencyCode>,
    /// The last return, if there was one.
    pub returned: Option<Returned>,
    /// When feedback was last submitted.
    #[serde(with = "stored_date::option")]
    pub fed_back_on: Option<Date>,
    /// How often the addressee was reminded.
    pub reminders: u32,
    /// The level at which it is supervised.
    pub supervised: Option<SupervisionLevel>,
    /// What was done about its terms that have passed, each step once. Not part of the state digest, since older logs
    /// remind as well: what it decides shows in `reminders`, `supervised` and the anomalies.
    pub overdue_steps: Vec<OverdueStep>,
}

/// A reminder (催办) or supervision (督办) because a term has passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverdueStep {
    /// Which term.
    pub deadline: DeadlineKind,
    /// When it was due.
    #[serde(with = "stored_date")]
    pub due_on: Date,
    /// Who supervises; a reminder when absent.
    pub level: Option<SupervisionLevel>,
    /// The recorded day.
    #[serde(with = "stored_date")]
    pub on: Date,
    /// Which node published it.
    pub by: Source,
}

impl Referral {
    /// The first step of that kind about a term.
    #[must_use]
    pub fn overdue_step(
        &self,
        deadline: DeadlineKind,
        due_on: Date,
        level: Option<SupervisionLevel>,
    ) -> Option<&OverdueStep> {
        self.overdue_steps.iter().find(|step| step.deadline == deadline && step.due_on == due_on && step.level == level)
    }
}

/// Who said that it is not responsible, why, and who is in its view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// Who.
    pub by: AgencyCode,
    /// When.
    #[serde(with = "stored_date")]
    pub on: Date,
    /// Why.
    pub reason: String,
    /// Who is responsible, in its view.
    pub suggested: AgencyCode,
}

/// Where a feedback stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackStatus {
    /// Waiting for the reporter.
    Submitted,
    /// Taken.
    Confirmed,
    /// Not taken.
    Rejected {
        /// Why.
        reason: String,
    },
}

impl FeedbackStatus {
    /// The text used in JSON and tables.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Confirmed => "confirmed",
            Self::Rejected { .. } => "rejected",
        }
    }
}

/// What a handler fed back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// Its id.
    pub id: EventId,
    /// The referral it answers.
    pub referral: ReferralId,
    /// Who.
    pub by: AgencyCode,
    /// The result.
    pub outcome: Outcome,
    /// When it was done.
    #[serde(with = "stored_date")]
    pub handled_on: Date,
    /// When it was fed back.
    #[serde(with = "stored_date")]
    pub submitted_on: Date,
    /// Whether it came after its deadline.
    pub late: bool,
    /// In words.
    pub summary: String,
    /// The penalty.
    pub penalty: Option<Penalty>,
    /// Where it stands.
    pub status: FeedbackStatus,
    /// By when the reporter must confirm or reject.
    pub confirm_due: Option<Due>,
}

/// The rectification that was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rectification {
    /// Who ordered it.
    pub by: AgencyCode,
    /// When.
    #[serde(with = "stored_date")]
    pub ordered_on: Date,
    /// By when it must be done.
    #[serde(with = "stored_date")]
    pub due_on: Date,
    /// 整改方案
    pub plan: String,
    /// 责任人
    pub person: String,
    /// 资金, in fen.
    pub funds: fengsui_event::Fen,
    /// 应急预案
    pub emergency_plan: String,
    /// Number of the order.
    pub order_number: Option<String>,
    /// Re-inspections so far.
    pub inspections: u32,
    /// The day on which a re-inspection was passed.
    #[serde(with = "stored_date::option")]
    pub passed_on: Option<Date>,
}

/// An objection of the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// Its id.
    pub id: EventId,
    /// What the unit says.
    pub grounds: String,
    /// When it was received.
    #[serde(with = "stored_date")]
    pub filed_on: Date,
    /// Who entered it.
    pub entered_by: AgencyCode,
    /// What was decided.
    pub decision: Option<ObjectionDecision>,
    /// When.
    #[serde(with = "stored_date::option")]
    pub decided_on: Option<Date>,
    /// Its reasons.
    pub reasons: Option<String>,
}

/// How the case was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// Who closed it.
    pub by: AgencyCode,
    /// Why.
    pub ground: ClosingGround,
    /// When the ground arose.
    #[serde(with = "stored_date")]
    pub closed_on: Date,
    /// The case that holds the same violation.
    pub duplicate_of: Option<CaseId>,
    /// A word on it.
    pub note: Option<String>,
}

/// Points that this case cost or gave back, as needed to take them back exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// What kind of entry.
    pub kind: EntryKind,
    /// The entry's number in the unit's ledger.
    pub entry: u32,
    /// The rule.
    pub rule: String,
    /// Signed points.
    pub points: Points,
    /// First day on which it no longer counts.
    #[serde(with = "stored_date::option")]
    pub counted_until: Option<Date>,
    /// Whether a counter-entry took it back.
    pub reversed: bool,
}

/// A case: one violation with its referrals, feedback and rectification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseState {
    /// Its id.
    pub id: CaseId,
    /// The unit that offended.
    pub unit: UnitId,
    /// The unit's name as reported.
    pub unit_name: String,
    /// Who found it.
    pub reporter: AgencyCode,
    /// Where.
    pub place: Place,
    /// The unit's trade.
    pub trade: Option<TradeCode>,
    /// Kind.
    pub category: CategoryCode,
    /// Gravity.
    pub severity: Severity,
    /// What was seen.
    pub facts: String,
    /// Provisions.
    pub legal_basis: Vec<String>,
    /// When it was found.
    #[serde(with = "stored_date")]
    pub found_on: Date,
    /// When it was recorded.
    #[serde(with = "stored_date")]
    pub recorded_on: Date,
    /// How it was found.
    pub method: FindingMethod,
    /// The reporter's own number.
    pub reference: Option<String>,
    /// Random reference of a public report.
    pub public_report: Option<String>,
    /// The reporting node's routing decision.
    pub routing: RoutingDecision,
    /// Where it stands.
    pub status: CaseStatus,
    /// Its referrals, in order of issue.
    pub referrals: Vec<Referral>,
    /// Its feedback, in order of submission.
    pub feedback: Vec<Feedback>,
    /// The rectification order in force.
    pub rectification: Option<Rectification>,
    /// The day on which the hazard was gone.
    #[serde(with = "stored_date::option")]
    pub rectified_on: Option<Date>,
    /// The day on which the lead determined that the violation took place.
    #[serde(with = "stored_date::option")]
    pub determined_on: Option<Date>,
    /// Objections, in order.
    pub objections: Vec<Objection>,
    /// How it was closed.
    pub closing: Option<Closing>,
    /// How often it was taken up again.
    pub reopened: u32,
    /// Points that it moved.
    pub charges: Vec<Charge>,
    /// Whether events of this case could not be read.
    pub incomplete: bool,
    /// Positions of the events that belong to it, in order.
    pub history: Vec<u64>,
}

/// What in a case a deadline hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// The referral at this place.
    Referral(usize),
    /// The rectification order.
    Rectification,
}

/// A term that runs: who owes what by when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingDeadline {
    /// What is owed.
    pub kind: DeadlineKind,
    /// By whom; for a rectification the unit owes it, and the agency that ordered it watches.
    pub agency: AgencyCode,
    /// By when.
    pub due: Due,
}

impl CaseState {
    /// The place of a referral in the case.
    #[must_use]
    pub fn referral_index(&self, id: ReferralId) -> Option<usize> {
        self.referrals.iter().position(|referral| referral.id == id)
    }

    /// The referral under which the case is handled: the last lead that was not replaced, returned or withdrawn.
    #[must_use]
    pub fn lead(&self) -> Option<&Referral> {
        self.referrals.iter().rev().find(|referral| {
            referral.role == ReferralRole::Lead
                && !matches!(
                    referral.status,
                    ReferralStatus::Replaced | ReferralStatus::Returned | ReferralStatus::Withdrawn
                )
        })
    }

    /// Whether nobody handles it and the authority must name somebody.
    #[must_use]
    pub fn awaits_designation(&self) -> bool {
        self.status == CaseStatus::Open && self.lead().is_none()
    }

    /// The deadline that runs in a slot, if any.
    #[must_use]
    pub fn pending_deadline(&self, slot: Slot, authority: &AgencyCode) -> Option<PendingDeadline> {
        if self.status != CaseStatus::Open {
            return None;
        }
        match slot {
            Slot::Referral(index) => self.referral_deadline(self.referrals.get(index)?, authority),
            Slot::Rectification => {
                let order = self.rectification.as_ref().filter(|order| order.passed_on.is_none())?;
                let due = Due { date: order.due_on, provisional: false };
                Some(PendingDeadline { kind: DeadlineKind::Rectify, agency: order.by, due })
            }
        }
    }

    fn referral_deadline(&self, referral: &Referral, authority: &AgencyCode) -> Option<PendingDeadline> {
        let (kind, agency, due) = match referral.status {
            ReferralStatus::Issued if referral.role == ReferralRole::Deciding => {
                (DeadlineKind::Designate, &referral.addressee, referral.acknowledge_due)
            }
            ReferralStatus::Issued => (DeadlineKind::Acknowledge, &referral.addressee, referral.acknowledge_due),
            ReferralStatus::Acknowledged => (DeadlineKind::Feedback, &referral.addressee, referral.feedback_due),
            ReferralStatus::Returned => (DeadlineKind::Designate, authority, referral.designate_due),
            ReferralStatus::FedBack => {
                let answer = self.feedback.iter().rev().find(|feedback| feedback.referral == referral.id)?;
                (DeadlineKind::Confirm, &self.reporter, answer.confirm_due)
            }
            _ => return None,
        };
        Some(PendingDeadline { kind, agency: *agency, due: due? })
    }
}
