//! What events say, with the parts that a test does not care about filled in.

use fengsui_event::payload::{
    AgencyKey, AgencyRegistered, CaseClosed, CaseReopened, CreditAdjusted, FeedbackConfirmed, FeedbackRejected,
    FeedbackSubmitted, ObjectionDecided, ObjectionFiled, Penalty, Place, RectificationOrdered,
    RectificationReinspected, ReferralAcknowledged, ReferralEscalated, ReferralIssued, ReferralReminded,
    ReferralReturned, ReferralTransferred, ReferralWithdrawn, RoutingAnswer, RoutingDecision, RulebookPublished,
    UnitRegistered, ViolationReported, ViolationRetracted,
};
use fengsui_event::{
    ClosingGround, DeadlineKind, Digest, EventId, Fen, FindingMethod, KeyAlgorithm, KeyId, ObjectionDecision, Outcome,
    Payload, PenaltyKind, Points, ReferralBasis, ReferralId, ReferralRole, Severity, SupervisionLevel, UnitId,
};
use fengsui_rulebook::Rulebook;

use super::{agency, category, date, hotel, region};

/// Version of the default rulebook.
pub const RULEBOOK: &str = "pilot-2026.1";

pub fn agency_registered(code: &str, keys: &[KeyId]) -> Payload {
    let key = |keyid: &KeyId| AgencyKey { keyid: *keyid, algorithm: KeyAlgorithm::Ed25519 };
    AgencyRegistered {
        agency: agency(code),
        name: format!("{code} of Zhangzhou"),
        region: region("350600"),
        keys: keys.iter().map(key).collect(),
    }
    .into()
}

pub fn rulebook_published(text: &str) -> Payload {
    RulebookPublished {
        version: Rulebook::from_toml(text).unwrap().version().to_owned(),
        effective_from: date("2020-01-01"),
        sha256: Digest::of(text.as_bytes()),
        text: text.to_owned(),
    }
    .into()
}

pub fn place() -> Place {
    Place { region: region("350602"), address: "新华东路1号".to_owned() }
}

pub fn unit_registered(unit: &UnitId) -> UnitRegistered {
    UnitRegistered { unit: unit.clone(), name: "城关旅社".to_owned(), place: place(), trade: None, parent: None }
}

/// A violation as it is reported.
#[derive(Clone)]
pub struct Report {
    pub unit: UnitId,
    pub category: &'static str,
    pub severity: Severity,
    pub found_on: String,
    pub region: &'static str,
    pub routing: RoutingAnswer,
}

impl Report {
    /// Fire equipment not in working order (article 60(1)), which is the fire brigade's.
    pub fn equipment(found_on: &str) -> Self {
        Self {
            unit: hotel(),
            category: "fire.60-1",
            severity: Severity::Considerable,
            found_on: found_on.to_owned(),
            region: "350602",
            routing: assigned("fire", &[], &[]),
        }
    }

    /// Another category and severity.
    pub fn of(self, category: &'static str, severity: Severity) -> Self {
        Self { category, severity, ..self }
    }

    pub fn routed(self, routing: RoutingAnswer) -> Self {
        Self { routing, ..self }
    }

    pub fn by(self, unit: UnitId) -> Self {
        Self { unit, ..self }
    }

    pub fn reported(self) -> ViolationReported {
        ViolationReported {
            unit: self.unit,
            unit_name: "城关旅社".to_owned(),
            place: Place { region: region(self.region), address: "新华东路1号".to_owned() },
            trade: None,
            category: category(self.category),
            severity: self.severity,
            facts: "三楼消火栓无水".to_owned(),
            legal_basis: vec!["消防法第六十条第一款第一项".to_owned()],
            found_on: date(&self.found_on),
            method: FindingMethod::Inspection,
            evidence: Vec::new(),
            reference: None,
            public_report: None,
            routing: RoutingDecision { rulebook: RULEBOOK.to_owned(), answer: self.routing },
        }
    }

    pub fn payload(self) -> Payload {
        self.reported().into()
    }
}

pub fn assigned(lead: &str, assisting: &[&str], informed: &[&str]) -> RoutingAnswer {
    let all = |codes: &[&str]| codes.iter().map(|code| agency(code)).collect();
    RoutingAnswer::Assigned {
        rule: "fire-60".to_owned(),
        lead: agency(lead),
        assisting: all(assisting),
        informed: all(informed),
    }
}

pub fn unresolved() -> RoutingAnswer {
    RoutingAnswer::Unresolved { reason: "no rule names an agency".to_owned() }
}

pub fn overlap(candidates: &[&str]) -> RoutingAnswer {
    RoutingAnswer::Overlap {
        rules: candidates.iter().map(|code| format!("rule-{code}")).collect(),
        candidates: candidates.iter().map(|code| agency(code)).collect(),
    }
}

pub fn issued(addressee: &str, role: ReferralRole, basis: ReferralBasis) -> ReferralIssued {
    ReferralIssued {
        addressee: agency(addressee),
        role,
        basis,
        rulebook: RULEBOOK.to_owned(),
        rule: None,
        replaces: None,
        note: None,
    }
}

pub fn by_rule(addressee: &str, role: ReferralRole) -> ReferralIssued {
    ReferralIssued { rule: Some("fire-60".to_owned()), ..issued(addressee, role, ReferralBasis::Rule) }
}

/// The authority names a lead in the place of another referral.
pub fn designated(addressee: &str, replaces: Option<ReferralId>) -> ReferralIssued {
    ReferralIssued { replaces, ..issued(addressee, ReferralRole::Lead, ReferralBasis::Designation) }
}

/// The referral that follows a transfer.
pub fn passed_on(addressee: &str, role: ReferralRole, replaces: ReferralId) -> ReferralIssued {
    ReferralIssued { replaces: Some(replaces), ..issued(addressee, role, ReferralBasis::Transfer) }
}

pub fn acknowledged(referral: ReferralId) -> ReferralAcknowledged {
    ReferralAcknowledged { referral }
}

pub fn returned(referral: ReferralId, suggested: &str) -> ReferralReturned {
    ReferralReturned { referral, reason: "不属于本部门职责".to_owned(), suggested: agency(suggested) }
}

pub fn transferred(referral: ReferralId, to: &str) -> ReferralTransferred {
    ReferralTransferred { referral, to: agency(to), reason: "属于贵部门职责".to_owned() }
}

pub fn withdrawn(referral: ReferralId) -> ReferralWithdrawn {
    ReferralWithdrawn { referral, reason: "误送".to_owned() }
}

pub fn reminded(referral: ReferralId, deadline: DeadlineKind, due_on: &str) -> ReferralReminded {
    ReferralReminded { referral, deadline, due_on: date(due_on) }
}

pub fn escalated(
    referral: ReferralId,
    deadline: DeadlineKind,
    due_on: &str,
    level: SupervisionLevel,
) -> ReferralEscalated {
    ReferralEscalated { referral, deadline, due_on: date(due_on), level }
}

pub fn feedback(referral: ReferralId, outcome: Outcome, handled_on: &str) -> FeedbackSubmitted {
    FeedbackSubmitted {
        referral,
        outcome,
        handled_on: date(handled_on),
        summary: "已处理".to_owned(),
        penalty: (outcome == Outcome::Penalised).then(|| fine(handled_on)),
        evidence: Vec::new(),
    }
}

pub fn fine(decided_on: &str) -> Penalty {
    Penalty {
        kinds: vec![PenaltyKind::Fine],
        fine: Fen::new(500_000).unwrap(),
        confiscated: Fen::ZERO,
        decision_number: None,
        decided_on: date(decided_on),
    }
}

pub fn confirmed(feedback: EventId) -> FeedbackConfirmed {
    FeedbackConfirmed { feedback }
}

pub fn rejected(feedback: EventId) -> FeedbackRejected {
    FeedbackRejected { feedback, reason: "照片看不清".to_owned() }
}

pub fn ordered(referral: ReferralId, ordered_on: &str, due_on: &str) -> RectificationOrdered {
    RectificationOrdered {
        referral,
        ordered_on: date(ordered_on),
        plan: "更换消火栓阀门".to_owned(),
        person: "安全主管".to_owned(),
        funds: Fen::new(300_000).unwrap(),
        due_on: date(due_on),
        emergency_plan: "每层增设灭火器并安排巡查".to_owned(),
        order_number: None,
    }
}

pub fn reinspected(inspected_on: &str, passed: bool) -> RectificationReinspected {
    RectificationReinspected { inspected_on: date(inspected_on), passed, findings: "现场查看".to_owned() }
}

pub fn closed(ground: ClosingGround, closed_on: &str) -> CaseClosed {
    CaseClosed { ground, closed_on: date(closed_on), duplicate_of: None, note: None }
}

pub fn reopened() -> CaseReopened {
    CaseReopened { reason: "隐患再次出现".to_owned() }
}

pub fn retracted() -> ViolationRetracted {
    ViolationRetracted { reason: "误报".to_owned() }
}

pub fn objected(filed_on: &str) -> ObjectionFiled {
    ObjectionFiled { grounds: "不是本单位".to_owned(), filed_on: date(filed_on) }
}

pub fn decided(objection: EventId, decision: ObjectionDecision, decided_on: &str) -> ObjectionDecided {
    ObjectionDecided { objection, decision, reasons: "经核查".to_owned(), decided_on: date(decided_on) }
}

pub fn adjusted(points: i32, effective_on: &str) -> CreditAdjusted {
    CreditAdjusted {
        points: Points(points),
        reason: "表彰".to_owned(),
        legal_basis: "联席会议纪要〔2025〕1号".to_owned(),
        effective_on: date(effective_on),
    }
}
