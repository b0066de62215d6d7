//! A payload of every type of the catalogue, with the free parts filled in at random.

use fengsui_event::payload as p;
use fengsui_event::{
    AgencyCode, CaseId, CategoryCode, CertificateId, ClosingGround, Date, DeadlineKind, Digest, EventId, EventType,
    Fen, FindingMethod, KeyAlgorithm, ObjectionDecision, Outcome, Payload, PenaltyKind, Points, ReconciliationClass,
    ReferralBasis, ReferralId, ReferralRole, RegionCode, Severity, Signer, SupervisionLevel, TradeCode, UnitId,
};
use proptest::prelude::*;

/// The random parts, from which a payload of any type is made.
#[derive(Clone, Debug)]
pub struct Parts {
    pub words: String,
    pub other: String,
    pub id: EventId,
    pub date: Date,
    pub number: u32,
    pub points: i32,
    pub some: bool,
}

pub fn parts() -> impl Strategy<Value = Parts> {
    let id = (any::<u64>(), any::<[u8; 10]>()).prop_map(|(time, random)| EventId::from_parts(time, random));
    let date = (1900_i16..2200, 1_i8..13, 1_i8..29).prop_map(|(year, month, day)| Date::new(year, month, day).unwrap());
    ("\\PC{1,40}", "[\\PC\\n\\t\"\\\\/]{0,40}", id, date, any::<u32>(), any::<i32>(), any::<bool>()).prop_map(
        |(words, other, id, date, number, points, some)| Parts { words, other, id, date, number, points, some },
    )
}

fn choose<T: Copy>(from: &[T], number: u32) -> T {
    from[number as usize % from.len()]
}

impl Parts {
    fn agency(&self) -> AgencyCode {
        choose(&["fire", "joint-office", "a0", "urban-2"], self.number).parse().unwrap()
    }

    pub fn unit(&self) -> UnitId {
        let units =
            ["91350100M000100Y43", "legacy:350600100012345", "organisation:802100433", "local.sf-inspection:261019"];
        choose(&units, self.number).parse().unwrap()
    }

    fn region(&self) -> RegionCode {
        choose(&["350000", "350600", "350602"], self.number).parse().unwrap()
    }

    fn place(&self) -> p::Place {
        p::Place { region: self.region(), address: self.other.clone() }
    }

    fn category(&self) -> CategoryCode {
        choose(&["fire.60-3", "sanitation.refuse", "a"], self.number).parse().unwrap()
    }

    fn trade(&self) -> Option<TradeCode> {
        self.some.then(|| choose(&["H", "H61", "H6110"], self.number).parse().unwrap())
    }

    fn words(&self) -> Option<String> {
        self.some.then(|| self.words.clone())
    }

    fn digest(&self) -> Digest {
        Digest::of(self.words.as_bytes())
    }

    fn evidence(&self) -> Vec<p::Evidence> {
        let one = p::Evidence { sha256: self.digest(), media_type: "image/jpeg".to_owned(), title: self.words() };
        vec![one; self.number as usize % 3]
    }

    fn fen(&self) -> Fen {
        Fen::new(i64::from(self.number)).unwrap()
    }

    fn penalty(&self) -> Option<p::Penalty> {
        self.some.then(|| p::Penalty {
            kinds: vec![choose(PenaltyKind::ALL, self.number)],
            fine: self.fen(),
            confiscated: Fen::ZERO,
            decision_number: self.words(),
            decided_on: self.date,
        })
    }

    fn key(&self) -> p::AgencyKey {
        p::AgencyKey {
            keyid: crate::Key::numbered(self.number.to_le_bytes()[0]).keyid(),
            algorithm: KeyAlgorithm::Ed25519,
        }
    }

    fn answer(&self) -> p::RoutingAnswer {
        match self.number % 4 {
            0 => p::RoutingAnswer::Assigned {
                rule: self.words.clone(),
                lead: self.agency(),
                assisting: vec![self.agency(); usize::from(self.some)],
                informed: Vec::new(),
            },
            1 => p::RoutingAnswer::Unresolved { reason: self.words.clone() },
            2 => p::RoutingAnswer::Overlap { rules: vec![self.words.clone()], candidates: vec![self.agency()] },
            _ => p::RoutingAnswer::Historical,
        }
    }

    fn reported(&self) -> p::ViolationReported {
        p::ViolationReported {
            unit: self.unit(),
            unit_name: self.words.clone(),
            place: self.place(),
            trade: self.trade(),
            category: self.category(),
            severity: choose(Severity::ALL, self.number),
            facts: self.other.clone(),
            legal_basis: vec![self.words.clone(); usize::from(self.some)],
            found_on: self.date,
            method: choose(FindingMethod::ALL, self.number),
            evidence: self.evidence(),
            reference: self.words(),
            public_report: self.words(),
            routing: p::RoutingDecision { rulebook: self.words.clone(), answer: self.answer() },
        }
    }

    fn amended(&self) -> p::ViolationAmended {
        p::ViolationAmended {
            place: self.some.then(|| self.place()),
            trade: self.trade(),
            category: Some(self.category()),
            severity: None,
            facts: self.words(),
            legal_basis: self.some.then(Vec::new),
            found_on: Some(self.date),
            reason: self.words.clone(),
        }
    }

    fn ordered(&self) -> p::RectificationOrdered {
        p::RectificationOrdered {
            referral: ReferralId::of(self.id),
            ordered_on: self.date,
            plan: self.words.clone(),
            person: self.words.clone(),
            funds: self.fen(),
            due_on: self.date,
            emergency_plan: self.other.clone(),
            order_number: self.words(),
        }
    }

    fn issued(&self) -> p::ReferralIssued {
        p::ReferralIssued {
            addressee: self.agency(),
            role: choose(ReferralRole::ALL, self.number),
            basis: choose(ReferralBasis::ALL, self.number),
            rulebook: self.words.clone(),
            rule: self.words(),
            replaces: self.some.then(|| ReferralId::of(self.id)),
            note: self.words(),
        }
    }

    fn feedback(&self) -> p::FeedbackSubmitted {
        p::FeedbackSubmitted {
            referral: ReferralId::of(self.id),
            outcome: choose(Outcome::ALL, self.number),
            handled_on: self.date,
            summary: self.other.clone(),
            penalty: self.penalty(),
            evidence: self.evidence(),
        }
    }

    /// A payload of the given type. A type of the catalogue without an example here fails every test.
    pub fn payload(&self, event_type: EventType) -> Payload {
        let (id, date, agency) = (self.id, self.date, self.agency());
        let (referral, case, reason) = (ReferralId::of(id), CaseId::of(id), self.words.clone());
        match event_type {
            EventType::ViolationReported => self.reported().into(),
            EventType::ViolationAmended => self.amended().into(),
            EventType::ViolationRetracted => p::ViolationRetracted { reason }.into(),
            EventType::ReferralIssued => self.issued().into(),
            EventType::ReferralAcknowledged => p::ReferralAcknowledged { referral }.into(),
            EventType::ReferralReturned => p::ReferralReturned { referral, reason, suggested: agency }.into(),
            EventType::ReferralTransferred => p::ReferralTransferred { referral, to: agency, reason }.into(),
            EventType::ReferralWithdrawn => p::ReferralWithdrawn { referral, reason }.into(),
            EventType::ReferralReminded => {
                let deadline = choose(DeadlineKind::ALL, self.number);
                p::ReferralReminded { referral, deadline, due_on: date }.into()
            }
            EventType::ReferralEscalated => {
                let deadline = choose(DeadlineKind::ALL, self.number);
                p::ReferralEscalated { referral, deadline, due_on: date, level: SupervisionLevel::City }.into()
            }
            EventType::FeedbackSubmitted => self.feedback().into(),
            EventType::FeedbackConfirmed => p::FeedbackConfirmed { feedback: id }.into(),
            EventType::FeedbackRejected => p::FeedbackRejected { feedback: id, reason }.into(),
            EventType::RectificationOrdered => self.ordered().into(),
            EventType::RectificationReinspected => {
                p::RectificationReinspected { inspected_on: date, passed: self.some, findings: reason }.into()
            }
            EventType::CaseClosed => p::CaseClosed {
                ground: choose(ClosingGround::ALL, self.number),
                closed_on: date,
                duplicate_of: self.some.then_some(case),
                note: self.words(),
            }
            .into(),
            EventType::CaseReopened => p::CaseReopened { reason }.into(),
            EventType::HazardListed => {
                p::HazardListed { level: SupervisionLevel::Province, due_on: date, reason }.into()
            }
            EventType::HazardDelisted => p::HazardDelisted { reason, evidence: self.evidence() }.into(),
            EventType::ObjectionFiled => p::ObjectionFiled { grounds: reason, filed_on: date }.into(),
            EventType::ObjectionDecided => p::ObjectionDecided {
                objection: id,
                decision: choose(ObjectionDecision::ALL, self.number),
                reasons: reason,
                decided_on: date,
            }
            .into(),
            _ => self.rare_payload(event_type),
        }
    }

    fn rare_payload(&self, event_type: EventType) -> Payload {
        let (id, date, agency) = (self.id, self.date, self.agency());
        let (case, reason, unit) = (CaseId::of(id), self.words.clone(), self.unit());
        match event_type {
            EventType::CreditAdjusted => p::CreditAdjusted {
                points: Points(self.points),
                reason,
                legal_basis: self.other.clone(),
                effective_on: date,
            }
            .into(),
            EventType::CreditRepaired => p::CreditRepaired { entry_cause: id, reason, effective_on: date }.into(),
            EventType::MeasureImposed => {
                p::MeasureImposed { measure: reason.clone(), reason, from: date, until: self.some.then_some(date) }
                    .into()
            }
            EventType::MeasureLifted => p::MeasureLifted { imposed_by: id, reason }.into(),
            EventType::UnitRegistered => p::UnitRegistered {
                unit: unit.clone(),
                name: reason,
                place: self.place(),
                trade: self.trade(),
                parent: self.some.then_some(unit),
            }
            .into(),
            EventType::UnitRenamed => p::UnitRenamed { name: reason, effective_on: date }.into(),
            EventType::UnitMerged => p::UnitMerged { into: unit, effective_on: date, reason }.into(),
            EventType::AgencyRegistered => {
                p::AgencyRegistered { agency, name: reason, region: self.region(), keys: vec![self.key()] }.into()
            }
            EventType::AgencyKeyRotated => {
                p::AgencyKeyRotated { agency, old: self.key().keyid, new: self.key() }.into()
            }
            EventType::AgencyKeyRevoked => p::AgencyKeyRevoked { agency, keyid: self.key().keyid, reason }.into(),
            EventType::AgencySuspended => p::AgencySuspended { agency, reason }.into(),
            EventType::RulebookPublished => p::RulebookPublished {
                version: reason,
                effective_from: date,
                sha256: self.digest(),
                text: self.other.clone(),
            }
            .into(),
            EventType::PublicationIssued => p::PublicationIssued { items: vec![id; 2], from: date, until: date }.into(),
            EventType::PublicationWithdrawn => p::PublicationWithdrawn { publication: id, reason }.into(),
            EventType::MeetingConvened => {
                p::MeetingConvened { title: reason, held_on: date, members: vec![agency], agenda: vec![case] }.into()
            }
            EventType::MeetingResolved => p::MeetingResolved {
                meeting: id,
                case: self.some.then_some(case),
                lead: self.some.then_some(agency),
                resolution: reason,
            }
            .into(),
            EventType::OperationOpened => p::OperationOpened { title: reason, from: date, units: vec![unit] }.into(),
            EventType::OperationJoined => p::OperationJoined { operation: id }.into(),
            EventType::OperationConcluded => {
                p::OperationConcluded { operation: id, cases: vec![case], summary: reason }.into()
            }
            EventType::InspectionDrawn => {
                p::InspectionDrawn { seed: self.digest(), units: vec![unit], inspectors: vec![reason] }.into()
            }
            EventType::CheckpointCosigned => p::CheckpointCosigned { note: self.other.clone() }.into(),
            EventType::CertificateIssued => p::CertificateIssued {
                certificate: CertificateId::from_bytes(self.id.to_bytes()),
                unit,
                position: u64::from(self.number),
                sha256: self.digest(),
                issued_on: self.date,
                valid_until: self.date,
                purpose: self.words(),
                consent: self.words(),
            }
            .into(),
            EventType::CertificateRevoked => {
                let certificate = CertificateId::from_bytes(self.id.to_bytes());
                p::CertificateRevoked { certificate, unit, reason }.into()
            }
            EventType::ReconciliationRecorded => {
                let class = choose(ReconciliationClass::ALL, self.number);
                let classes = vec![p::ClassCount { class, rows: u64::from(self.number), cases: 1 }];
                p::ReconciliationRecorded {
                    agency: self.agency(),
                    sha256: self.digest(),
                    position: u64::from(self.number),
                    rows: u64::from(self.number),
                    cases: 1,
                    classes,
                    differences: self.digest(),
                    previous: Some(self.id),
                }
                .into()
            }
            other => panic!("{other} has no example"),
        }
    }
}
