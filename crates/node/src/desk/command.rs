//! What an officer can do.

use fengsui_event::payload::{
    AgencyKeyRevoked, AgencyKeyRotated, AgencyRegistered, AgencySuspended, CaseClosed, CertificateIssued, Evidence,
    ObjectionFiled, Penalty, Place, ReconciliationRecorded, ReferralEscalated, ReferralReminded, RulebookPublished,
    UnitRegistered, ViolationAmended,
};
use fengsui_event::{
    AgencyCode, CaseId, CategoryCode, CertificateId, Date, EventId, Fen, FindingMethod, ObjectionDecision, Outcome,
    ReferralId, ReferralRole, Severity, TradeCode, UnitId,
};

/// A violation to report. What is left out is taken from the unit's account or the rulebook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportCommand {
    /// The unit.
    pub unit: UnitId,
    /// Its name; must be given for a unit without an account.
    pub unit_name: Option<String>,
    /// Where it was found.
    pub place: Place,
    /// The unit's trade.
    pub trade: Option<TradeCode>,
    /// Kind.
    pub category: CategoryCode,
    /// Gravity; the category's own when absent.
    pub severity: Option<Severity>,
    /// What was seen.
    pub facts: String,
    /// Provisions.
    pub legal_basis: Vec<String>,
    /// When it was found.
    pub found_on: Date,
    /// How it was found.
    pub method: FindingMethod,
    /// Photos and documents.
    pub evidence: Vec<Evidence>,
    /// The agency's own number.
    pub reference: Option<String>,
    /// Reference of the public report that it rests on, as the receiving agency's store of reporters gave it.
    pub public_report: Option<crate::reporters::PublicReference>,
    /// The book shows that the reporter dealt with it itself already: it is not forwarded.
    pub historical: bool,
}

/// A referral by its id, or by its case: then the actor's own one is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addressed {
    /// The case.
    pub case: CaseId,
    /// The referral; the actor's own when absent.
    pub referral: Option<ReferralId>,
}

/// What an officer can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Enter a unit in the register.
    RegisterUnit(UnitRegistered),
    /// Report a violation; it is forwarded in the same transaction.
    Report(Box<ReportCommand>),
    /// Correct a report.
    Amend {
        /// The case.
        case: CaseId,
        /// The corrections.
        amendment: Box<ViolationAmended>,
    },
    /// Take a report back.
    Retract {
        /// The case.
        case: CaseId,
        /// Why.
        reason: String,
    },
    /// Acknowledge a referral.
    Acknowledge(Addressed),
    /// Return a referral.
    Return {
        /// Which.
        of: Addressed,
        /// Why.
        reason: String,
        /// Who is responsible.
        suggested: AgencyCode,
    },
    /// Pass a referral on.
    Transfer {
        /// Which.
        of: Addressed,
        /// To whom.
        to: AgencyCode,
        /// Why.
        reason: String,
    },
    /// Withdraw a referral.
    Withdraw {
        /// Which.
        of: Addressed,
        /// Why.
        reason: String,
    },
    /// Remind the agency that is late (催办).
    Remind {
        /// The case.
        case: CaseId,
        /// Of which term.
        reminder: ReferralReminded,
    },
    /// Have the city or the province supervise a term that is still not kept (督办).
    Escalate {
        /// The case.
        case: CaseId,
        /// Which term, and who supervises.
        escalation: ReferralEscalated,
    },
    /// The authority names who handles a case (指定管辖).
    Assign {
        /// The case.
        case: CaseId,
        /// To whom.
        to: AgencyCode,
        /// In which role.
        role: ReferralRole,
        /// Why.
        reason: String,
    },
    /// Feed back.
    SubmitFeedback {
        /// Which referral it answers.
        of: Addressed,
        /// The result.
        outcome: Outcome,
        /// When.
        handled_on: Date,
        /// In words.
        summary: String,
        /// The penalty.
        penalty: Option<Penalty>,
        /// Photos and documents.
        evidence: Vec<Evidence>,
    },
    /// Take feedback.
    ConfirmFeedback {
        /// The case.
        case: CaseId,
        /// The feedback; the one that waits when absent.
        feedback: Option<EventId>,
    },
    /// Refuse feedback.
    RejectFeedback {
        /// The case.
        case: CaseId,
        /// The feedback; the one that waits when absent.
        feedback: Option<EventId>,
        /// Why.
        reason: String,
    },
    /// Order rectification.
    OrderRectification {
        /// Under which referral.
        of: Addressed,
        /// When.
        ordered_on: Date,
        /// 整改方案
        plan: String,
        /// 责任人
        person: String,
        /// 资金, in fen.
        funds: Fen,
        /// 期限; the rulebook's term from the order on when absent.
        due_on: Option<Date>,
        /// 应急预案
        emergency_plan: String,
        /// Number of the order.
        order_number: Option<String>,
    },
    /// Inspect again.
    Reinspect {
        /// The case.
        case: CaseId,
        /// When.
        inspected_on: Date,
        /// Whether the hazard is gone.
        passed: bool,
        /// What was seen.
        findings: String,
    },
    /// Close a case.
    Close {
        /// The case.
        case: CaseId,
        /// How.
        closing: CaseClosed,
    },
    /// Take a case up again.
    Reopen {
        /// The case.
        case: CaseId,
        /// Why.
        reason: String,
    },
    /// Enter an objection of the unit.
    FileObjection {
        /// The case.
        case: CaseId,
        /// The objection.
        objection: ObjectionFiled,
    },
    /// Decide an objection.
    DecideObjection {
        /// The case.
        case: CaseId,
        /// Which; the one that is open when absent.
        objection: Option<EventId>,
        /// The decision.
        decision: ObjectionDecision,
        /// Its reasons.
        reasons: String,
        /// When.
        decided_on: Date,
    },
    /// Register an agency.
    RegisterAgency(AgencyRegistered),
    /// Replace a key (密钥更换). One's own is replaced by an event that the old key signs.
    RotateKey(AgencyKeyRotated),
    /// End a key at once (密钥吊销), one's own or, as the authority, anybody's.
    RevokeKey(AgencyKeyRevoked),
    /// As the authority, let an agency write nothing more (暂停).
    SuspendAgency(AgencySuspended),
    /// Publish a rulebook.
    PublishRulebook(RulebookPublished),
    /// Put a checkpoint on the log that this agency has checked and cosigned (检查点会签).
    CosignCheckpoint {
        /// The signed note, with the log's signature and this agency's cosignature.
        note: String,
    },
    /// Record that a book was held against the log (对账).
    RecordReconciliation(ReconciliationRecorded),
    /// Enter a certificate of a unit's credit (开具信用证明).
    IssueCertificate(CertificateIssued),
    /// Revoke a certificate, one's own or, as the authority, anybody's (撤销信用证明).
    RevokeCertificate {
        /// Which.
        certificate: CertificateId,
        /// Why.
        reason: String,
    },
}
