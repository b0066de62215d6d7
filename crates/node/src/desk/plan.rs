//! From a command to the events that it becomes.

use fengsui_event::payload::{
    CaseReopened, CertificateRevoked, CheckpointCosigned, FeedbackConfirmed, FeedbackRejected, FeedbackSubmitted,
    ObjectionDecided, RectificationOrdered, RectificationReinspected, ReferralAcknowledged, ReferralIssued,
    ReferralReturned, ReferralTransferred, ReferralWithdrawn, RoutingAnswer, RoutingDecision, UnitRegistered,
    ViolationReported, ViolationRetracted,
};
use fengsui_event::{
    AgencyCode, CaseId, CertificateId, Date, EventId, Payload, ReferralBasis, ReferralId, ReferralRole, Subject,
    Timestamp, UnitId,
};
use fengsui_projector::fold::Missing;
use fengsui_projector::state::{
    AccountState, CaseState, CertificateState, FeedbackStatus, Referral, ReferralStatus, RegistryError,
};
use fengsui_projector::{ModelError, Overlay, Registry, Rejection};
use fengsui_rulebook::{RouteQuery, Routing, Rulebook};

use super::{Addressed, Command, IdSource, ReportCommand};

/// What the desk sees.
pub trait Sight {
    /// Agencies, keys, rulebooks.
    fn registry(&self) -> &Registry;
    /// A case.
    fn case(&self, id: CaseId) -> Result<Option<Box<CaseState>>, ModelError>;
    /// An account.
    fn account(&self, unit: &UnitId) -> Result<Option<Box<AccountState>>, ModelError>;
    /// A certificate.
    fn certificate(&self, id: CertificateId) -> Result<Option<Box<CertificateState>>, ModelError>;
}

impl Sight for Overlay<'_> {
    fn registry(&self) -> &Registry {
        Overlay::registry(self)
    }

    fn case(&self, id: CaseId) -> Result<Option<Box<CaseState>>, ModelError> {
        Overlay::case(self, id)
    }

    fn account(&self, unit: &UnitId) -> Result<Option<Box<AccountState>>, ModelError> {
        Overlay::account(self, unit)
    }

    fn certificate(&self, id: CertificateId) -> Result<Option<Box<CertificateState>>, ModelError> {
        Overlay::certificate(self, id)
    }
}

/// An event that a command becomes, before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its id.
    pub id: EventId,
    /// What it is about.
    pub subject: Subject,
    /// The case.
    pub correlation: Option<CaseId>,
    /// The event that led to it.
    pub causation: Option<EventId>,
    /// What it says.
    pub payload: Payload,
}

/// Why a command becomes no event.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Authority or state do not allow it.
    #[error("{}", .0.message(fengsui_event::Language::En))]
    Rejected(Rejection),
    /// Several things could be meant.
    #[error("{what} could be meant: {}; name one by its id", candidates.join(", "))]
    Ambiguous {
        /// What.
        what: &'static str,
        /// Which.
        candidates: Vec<String>,
    },
    /// A unit without an account must be named.
    #[error("the unit {unit} is not known yet; give its name with --name")]
    NameMissing {
        /// The unit.
        unit: UnitId,
    },
    /// The read model could not be read.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl From<Rejection> for PlanError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<RegistryError> for PlanError {
    fn from(RegistryError::NoRulebook(on): RegistryError) -> Self {
        Self::Rejected(Rejection::NoRulebook { on })
    }
}

/// A command on its way to its events.
struct Planner<'a> {
    actor: AgencyCode,
    sight: &'a dyn Sight,
    ids: &'a mut dyn IdSource,
    now: Timestamp,
    today: Date,
    events: Vec<Planned>,
}

/// The events that a command becomes, in order. They are one transaction.
pub fn plan(
    command: Command,
    actor: AgencyCode,
    sight: &dyn Sight,
    ids: &mut dyn IdSource,
    now: Timestamp,
) -> Result<Vec<Planned>, PlanError> {
    let today = fengsui_event::date::day_of(now);
    let mut planner = Planner { actor, sight, ids, now, today, events: Vec::new() };
    planner.plan(command)?;
    Ok(planner.events)
}

impl Planner<'_> {
    fn plan(&mut self, command: Command) -> Result<(), PlanError> {
        match command {
            Command::RegisterUnit(data) => self.emit(Subject::Unit(data.unit.clone()), None, data),
            Command::RegisterAgency(data) => self.emit(Subject::Agency(data.agency), None, data),
            Command::RotateKey(data) => self.emit(Subject::Agency(data.agency), None, data),
            Command::RevokeKey(data) => self.emit(Subject::Agency(data.agency), None, data),
            Command::SuspendAgency(data) => self.emit(Subject::Agency(data.agency), None, data),
            Command::PublishRulebook(data) => self.emit(Subject::Rulebook(data.version.clone()), None, data),
            Command::CosignCheckpoint { note } => {
                let region = self.sight.registry().region;
                self.emit(Subject::Region(region), None, CheckpointCosigned { note });
            }
            Command::RecordReconciliation(data) => {
                self.emit(Subject::Region(self.sight.registry().region), None, data);
            }
            Command::IssueCertificate(data) => self.emit(Subject::Unit(data.unit.clone()), None, data),
            Command::RevokeCertificate { certificate, reason } => return self.revoke_certificate(certificate, reason),
            Command::Report(report) => return self.report(*report),
            Command::Amend { case, amendment } => return self.in_case(case, *amendment),
            Command::Retract { case, reason } => return self.in_case(case, ViolationRetracted { reason }),
            Command::Reopen { case, reason } => return self.in_case(case, CaseReopened { reason }),
            Command::Close { case, closing } => return self.in_case(case, closing),
            Command::FileObjection { case, objection } => return self.in_case(case, objection),
            Command::Remind { case, reminder } => return self.in_case(case, reminder),
            Command::Escalate { case, escalation } => return self.in_case(case, escalation),
            Command::Reinspect { case, inspected_on, passed, findings } => {
                return self.in_case(case, RectificationReinspected { inspected_on, passed, findings });
            }
            other => return self.on_referral(other),
        }
        Ok(())
    }

    fn revoke_certificate(&mut self, certificate: CertificateId, reason: String) -> Result<(), PlanError> {
        let known = self.sight.certificate(certificate)?;
        let unit = known.ok_or(Rejection::Missing(Missing::Certificate(certificate)))?.unit;
        self.emit(Subject::Unit(unit.clone()), None, CertificateRevoked { certificate, unit, reason });
        Ok(())
    }

    /// Commands that speak of a referral, a feedback or an objection within a case.
    fn on_referral(&mut self, command: Command) -> Result<(), PlanError> {
        match command {
            Command::Acknowledge(of) => {
                let (case, referral) = self.own(of, &[ReferralStatus::Issued])?;
                self.for_case(&case, ReferralAcknowledged { referral });
            }
            Command::Return { of, reason, suggested } => {
                let (case, referral) = self.own(of, &[ReferralStatus::Issued, ReferralStatus::Acknowledged])?;
                self.for_case(&case, ReferralReturned { referral, reason, suggested });
            }
            Command::Transfer { of, to, reason } => return self.transfer(of, to, reason),
            Command::Withdraw { of, reason } => {
                let (case, referral) = self.own(of, &[ReferralStatus::Issued, ReferralStatus::Acknowledged])?;
                self.for_case(&case, ReferralWithdrawn { referral, reason });
            }
            Command::Assign { case, to, role, reason } => return self.assign(case, to, role, reason),
            Command::SubmitFeedback { of, outcome, handled_on, summary, penalty, evidence } => {
                let (case, referral) = self.own(of, &[ReferralStatus::Acknowledged])?;
                self.for_case(&case, FeedbackSubmitted { referral, outcome, handled_on, summary, penalty, evidence });
            }
            Command::ConfirmFeedback { case, feedback } => {
                let case = self.case(case)?;
                let feedback = waiting_feedback(&case, feedback)?;
                self.for_case(&case, FeedbackConfirmed { feedback });
            }
            Command::RejectFeedback { case, feedback, reason } => {
                let case = self.case(case)?;
                let feedback = waiting_feedback(&case, feedback)?;
                self.for_case(&case, FeedbackRejected { feedback, reason });
            }
            Command::DecideObjection { case, objection, decision, reasons, decided_on } => {
                let case = self.case(case)?;
                let open = case.objections.iter().find(|objection| objection.decision.is_none());
                let objection = objection.or_else(|| open.map(|objection| objection.id));
                let objection = objection.ok_or(Rejection::Missing(Missing::Objection(case.id.event_id())))?;
                self.for_case(&case, ObjectionDecided { objection, decision, reasons, decided_on });
            }
            order => return self.order_rectification(order),
        }
        Ok(())
    }

    fn order_rectification(&mut self, command: Command) -> Result<(), PlanError> {
        let Command::OrderRectification { of, ordered_on, plan, person, funds, due_on, emergency_plan, order_number } =
            command
        else {
            return Ok(());
        };
        let handling = [ReferralStatus::Acknowledged, ReferralStatus::FedBack, ReferralStatus::Confirmed];
        let (case, referral) = self.own(of, &handling)?;
        let due_on = if let Some(due_on) = due_on {
            due_on
        } else {
            let book = self.sight.registry().rulebook(self.today)?;
            let term = book.deadlines(&case.category, case.severity).rectification;
            book.working_day_after(ordered_on, term).date
        };
        let order =
            RectificationOrdered { referral, ordered_on, plan, person, funds, due_on, emergency_plan, order_number };
        self.for_case(&case, order);
        Ok(())
    }

    fn transfer(&mut self, of: Addressed, to: AgencyCode, reason: String) -> Result<(), PlanError> {
        let (case, referral) = self.own(of, &[ReferralStatus::Issued, ReferralStatus::Acknowledged])?;
        let Some(former) = case.referral_index(referral).map(|index| &case.referrals[index]) else {
            return Err(Rejection::Missing(Missing::Referral(referral)).into());
        };
        let rulebook = self.sight.registry().rulebook(self.today)?.version().to_owned();
        let issued = ReferralIssued {
            addressee: to,
            role: former.role,
            basis: ReferralBasis::Transfer,
            rulebook,
            rule: None,
            replaces: Some(referral),
            note: Some(reason.clone()),
        };
        self.for_case(&case, ReferralTransferred { referral, to, reason });
        self.follow_up(&case, issued);
        Ok(())
    }

    fn assign(&mut self, case: CaseId, to: AgencyCode, role: ReferralRole, reason: String) -> Result<(), PlanError> {
        let case = self.case(case)?;
        let returned = |referral: &&Referral| referral.role == role && referral.status == ReferralStatus::Returned;
        let replaces = case.referrals.iter().rev().find(returned).map(|referral| referral.id);
        let rulebook = self.sight.registry().rulebook(self.today)?.version().to_owned();
        let basis = ReferralBasis::Designation;
        let issued = ReferralIssued { addressee: to, role, basis, rulebook, rule: None, replaces, note: Some(reason) };
        self.for_case(&case, issued);
        Ok(())
    }

    fn report(&mut self, report: ReportCommand) -> Result<(), PlanError> {
        let book = self.sight.registry().rulebook(self.today)?.clone();
        let account = self.sight.account(&report.unit)?;
        let known_name = account.as_ref().map(|account| account.name.clone());
        let unit_name = report.unit_name.clone().or(known_name);
        let unit_name = unit_name.ok_or_else(|| PlanError::NameMissing { unit: report.unit.clone() })?;
        let trade = report.trade.or_else(|| account.as_ref().and_then(|account| account.trade));
        let own_severity = book.category(&report.category).map(|category| category.severity);
        let severity = report.severity.or(own_severity).ok_or_else(|| Rejection::UnknownCategory {
            category: report.category.clone(),
            rulebook: book.version().to_owned(),
        })?;
        // The case's own id comes first, so that it does not depend on whether the unit was known.
        let case = self.ids.next(self.now);
        if account.is_none_or(|account| !account.registered) {
            let registered = UnitRegistered {
                unit: report.unit.clone(),
                name: unit_name.clone(),
                place: report.place.clone(),
                trade,
                parent: None,
            };
            self.emit(Subject::Unit(report.unit.clone()), None, registered);
        }
        self.report_as(case, report, unit_name, trade, severity, &book);
        Ok(())
    }

    fn report_as(
        &mut self,
        id: EventId,
        report: ReportCommand,
        unit_name: String,
        trade: Option<fengsui_event::TradeCode>,
        severity: fengsui_event::Severity,
        book: &Rulebook,
    ) {
        let ReportCommand { unit, place, category, facts, legal_basis, found_on, method, evidence, reference, .. } =
            report;
        let query =
            RouteQuery { category: category.clone(), severity, trade, region: place.region, reporter: self.actor };
        let answer = if report.historical { RoutingAnswer::Historical } else { self.answer(book.route(&query)) };
        let routing = RoutingDecision { rulebook: book.version().to_owned(), answer };
        let referrals = referrals(&routing, self.actor, self.sight.registry().authority);
        let case = CaseId::of(id);
        self.events.push(Planned {
            id,
            subject: Subject::Unit(unit.clone()),
            correlation: Some(case),
            causation: None,
            payload: ViolationReported {
                unit: unit.clone(),
                unit_name,
                place,
                trade,
                category,
                severity,
                facts,
                legal_basis,
                found_on,
                method,
                evidence,
                reference,
                public_report: report.public_report.map(|reference| reference.to_string()),
                routing,
            }
            .into(),
        });
        for referral in referrals {
            self.push(Subject::Unit(unit.clone()), Some(case), Some(id), referral);
        }
    }

    /// The rulebook's answer, as far as the exchange can carry it out: an agency that has not joined cannot lead,
    /// so the authority decides; where it should have helped or been told, the authority is told in its place.
    fn answer(&self, routing: Routing) -> RoutingAnswer {
        let registry = self.sight.registry();
        match routing {
            Routing::Assigned { rule, lead, .. } if !registry.is_active(&lead) => {
                RoutingAnswer::Unresolved { reason: format!("{rule} names {lead}, which has not joined the exchange") }
            }
            Routing::Assigned { rule, lead, mut assisting, mut informed } => {
                let named = assisting.len() + informed.len();
                assisting.retain(|agency| registry.is_active(agency));
                informed.retain(|agency| registry.is_active(agency));
                let authority = registry.authority;
                if assisting.len() + informed.len() < named && ![lead, self.actor].contains(&authority) {
                    informed.push(authority);
                    informed.sort_unstable();
                    informed.dedup();
                }
                RoutingAnswer::Assigned { rule: rule.to_string(), lead, assisting, informed }
            }
            Routing::Unresolved { reason } => RoutingAnswer::Unresolved { reason: reason.to_string() },
            Routing::Overlap { rules, candidates } => {
                let rules = rules.iter().map(ToString::to_string).collect();
                RoutingAnswer::Overlap { rules, candidates }
            }
        }
    }

    fn emit(&mut self, subject: Subject, correlation: Option<CaseId>, payload: impl Into<Payload>) {
        self.push(subject, correlation, None, payload);
    }

    fn push(
        &mut self,
        subject: Subject,
        correlation: Option<CaseId>,
        causation: Option<EventId>,
        payload: impl Into<Payload>,
    ) {
        let id = self.ids.next(self.now);
        self.events.push(Planned { id, subject, correlation, causation, payload: payload.into() });
    }

    fn for_case(&mut self, case: &CaseState, payload: impl Into<Payload>) {
        self.push(Subject::Unit(case.unit.clone()), Some(case.id), None, payload);
    }

    /// An event that follows from the one before it in the same transaction.
    fn follow_up(&mut self, case: &CaseState, payload: impl Into<Payload>) {
        let causation = self.events.last().map(|event| event.id);
        self.push(Subject::Unit(case.unit.clone()), Some(case.id), causation, payload);
    }

    fn in_case(&mut self, case: CaseId, payload: impl Into<Payload>) -> Result<(), PlanError> {
        let case = self.case(case)?;
        self.for_case(&case, payload);
        Ok(())
    }

    fn case(&self, id: CaseId) -> Result<Box<CaseState>, PlanError> {
        Ok(self.sight.case(id)?.ok_or(Rejection::Missing(Missing::Case(id)))?)
    }

    /// The referral that is meant. When only the case is named, it is the actor's own one; one whose state fits is
    /// preferred, so that the fold's guard speaks of the right one when none fits.
    fn own(&self, of: Addressed, fitting: &[ReferralStatus]) -> Result<(Box<CaseState>, ReferralId), PlanError> {
        let case = self.case(of.case)?;
        if let Some(referral) = of.referral {
            return Ok((case, referral));
        }
        let mine: Vec<&Referral> = case.referrals.iter().filter(|referral| referral.addressee == self.actor).collect();
        let fits: Vec<&&Referral> = mine.iter().filter(|referral| fitting.contains(&referral.status)).collect();
        let chosen = match (fits.as_slice(), mine.last(), case.lead().or_else(|| case.referrals.last())) {
            ([one], _, _) => one.id,
            ([], Some(mine), _) => mine.id,
            ([], None, _) if case.awaits_designation() => {
                let may = vec![self.sight.registry().authority];
                let state = "awaiting designation".to_owned();
                return Err(Rejection::WrongActor { actor: self.actor, may, state }.into());
            }
            ([], None, Some(other)) => other.id,
            ([], None, None) => {
                return Err(Rejection::Missing(Missing::Referral(ReferralId::of(case.id.event_id()))).into());
            }
            (several, _, _) => {
                let candidates = several.iter().map(|referral| referral.id.to_string()).collect();
                return Err(PlanError::Ambiguous { what: "several referrals", candidates });
            }
        };
        Ok((case, chosen))
    }
}

fn waiting_feedback(case: &CaseState, feedback: Option<EventId>) -> Result<EventId, PlanError> {
    if let Some(feedback) = feedback {
        return Ok(feedback);
    }
    let waiting: Vec<EventId> = case
        .feedback
        .iter()
        .filter(|feedback| feedback.status == FeedbackStatus::Submitted)
        .map(|feedback| feedback.id)
        .collect();
    match (waiting.as_slice(), case.feedback.last()) {
        ([one], _) => Ok(*one),
        ([], Some(last)) => Ok(last.id),
        ([], None) => Err(Rejection::Missing(Missing::Feedback(case.id.event_id())).into()),
        (several, _) => {
            let candidates = several.iter().map(ToString::to_string).collect();
            Err(PlanError::Ambiguous { what: "several feedbacks", candidates })
        }
    }
}

/// To whom a routing decision goes.
fn referrals(routing: &RoutingDecision, reporter: AgencyCode, authority: AgencyCode) -> Vec<ReferralIssued> {
    let issue = |addressee: AgencyCode, role, basis, rule: Option<&String>| ReferralIssued {
        addressee,
        role,
        basis,
        rulebook: routing.rulebook.clone(),
        rule: rule.cloned(),
        replaces: None,
        note: None,
    };
    match &routing.answer {
        RoutingAnswer::Assigned { rule, lead, assisting, informed } => {
            let by_rule = |agency: &AgencyCode, role| issue(*agency, role, ReferralBasis::Rule, Some(rule));
            let mut issued = vec![by_rule(lead, ReferralRole::Lead)];
            issued.extend(assisting.iter().map(|agency| by_rule(agency, ReferralRole::Assisting)));
            issued.extend(informed.iter().map(|agency| by_rule(agency, ReferralRole::Informed)));
            issued
        }
        RoutingAnswer::Historical => vec![issue(reporter, ReferralRole::Lead, ReferralBasis::Historical, None)],
        RoutingAnswer::Unresolved { .. } | RoutingAnswer::Overlap { .. } => {
            vec![issue(authority, ReferralRole::Deciding, ReferralBasis::Undecided, None)]
        }
    }
}
