//! A small exchange on a log of its own: agencies that publish whatever a test wants, forgeries too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fengsui_event::payload::{
    AgencyKey, AgencyRegistered, CaseClosed, CaseReopened, FeedbackRejected, FeedbackSubmitted, ObjectionDecided,
    ObjectionFiled, Place, RectificationOrdered, RectificationReinspected, ReferralAcknowledged, ReferralIssued,
    RoutingAnswer, RoutingDecision, RulebookPublished, ViolationReported,
};
use fengsui_event::{
    AgencyCode, CaseId, ChainLink, ClosingGround, Digest, Draft, EventId, Fen, FindingMethod, KeyAlgorithm,
    ObjectionDecision, Outcome, Payload, ReferralBasis, ReferralId, ReferralRole, Severity, SignedEvent, Signer as _,
    Source, Subject, Timestamp, UnitId,
};
use fengsui_log::{Embedded, EventLog as _, Position, Record, Stored};
use fengsui_node::keys::SigningKey;
use fengsui_projector::query::View;
use fengsui_projector::{FollowOptions, Projector, Registry, Unwatched};
use fengsui_rulebook::Rulebook;
use tempfile::TempDir;

pub const REGION: &str = "350600";
pub const OFFICE: &str = "joint-office";
pub const AGENCIES: [&str; 4] = ["fire", "housing", "tourism", "urban"];
pub const UNIT_NAME: &str = "瑞和宾馆";

/// When the first event of an exchange is recorded; each later one comes a second after the one before.
pub const BEGIN: &str = "2026-11-25T01:00:00Z";

/// What free text says in every event of [`Exchange`]: it must never be told on.
pub const FREE_TEXT: &str = "林小梅13800001234";

pub struct Exchange {
    folder: TempDir,
    log: Embedded,
    projector: Option<Projector>,
    genesis: Registry,
    links: BTreeMap<String, ChainLink>,
    seconds: i64,
}

pub fn code(text: &str) -> AgencyCode {
    text.parse().unwrap()
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn key(agency: &str) -> SigningKey {
    SigningKey::from_seed_bytes(Digest::of(agency.as_bytes()).0).unwrap()
}

pub fn public_key(name: &str) -> AgencyKey {
    AgencyKey { keyid: key(name).keyid(), algorithm: KeyAlgorithm::Ed25519 }
}

impl Exchange {
    /// The authority, four agencies and the default rulebook.
    pub fn found() -> Exchange {
        let folder = TempDir::new().unwrap();
        let log = Embedded::create(folder.path().join("log.sqlite")).unwrap();
        let genesis = Registry::genesis(REGION.parse().unwrap(), code(OFFICE), &[key(OFFICE).keyid()]);
        let projector = Projector::open(&folder.path().join("model.sqlite"), genesis.clone()).unwrap();
        let mut exchange =
            Exchange { folder, log, projector: Some(projector), genesis, links: BTreeMap::new(), seconds: 0 };
        for agency in [OFFICE].into_iter().chain(AGENCIES) {
            let registered = AgencyRegistered {
                agency: code(agency),
                name: format!("{agency} bureau"),
                region: REGION.parse().unwrap(),
                keys: vec![public_key(agency)],
            };
            exchange.publish(OFFICE, Subject::Agency(code(agency)), None, registered);
        }
        let text = Rulebook::default_toml().to_owned();
        let version = Rulebook::from_toml(&text).unwrap().version().to_owned();
        let (sha256, effective_from) = (Digest::of(text.as_bytes()), "2026-01-01".parse().unwrap());
        let published = RulebookPublished { version: version.clone(), effective_from, sha256, text };
        exchange.publish(OFFICE, Subject::Rulebook(version), None, published);
        exchange
    }

    /// The node's folder.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn log(&self) -> &Embedded {
        &self.log
    }

    pub fn head(&self) -> Position {
        self.log.head().unwrap().unwrap()
    }

    pub fn view(&self) -> View<'_> {
        self.projector.as_ref().unwrap().store().view()
    }

    pub fn registry(&self) -> &Registry {
        self.projector.as_ref().unwrap().registry()
    }

    /// Publishes an event in an agency's chain and folds it.
    pub fn publish(
        &mut self,
        agency: &str,
        subject: Subject,
        case: Option<CaseId>,
        payload: impl Into<Payload>,
    ) -> EventId {
        let record = self.sign(agency, agency, subject, case, payload.into());
        let id = record.id;
        self.append(&[Stored { position: self.head_or_first(), record }]);
        id
    }

    /// An event of an agency's source, signed with the key of `signer`. Only genuine ones move the chain.
    pub fn sign(
        &mut self,
        agency: &str,
        signer: &str,
        subject: Subject,
        case: Option<CaseId>,
        payload: Payload,
    ) -> Record {
        let (id, time) = self.coming_id(agency, signer);
        self.seconds += 1;
        let source = Source { region: REGION.parse().unwrap(), agency: code(agency), node: 1 };
        let name = source.to_string();
        let link = self.links.get(&name).copied().unwrap_or(ChainLink::FIRST);
        let draft = Draft { id, source, subject, time, correlation: case, causation: None, payload };
        let SignedEvent { bytes, signature } = draft.sign(link, &key(signer)).unwrap();
        if signer == agency {
            self.links.insert(name, ChainLink::after(link.sequence, &bytes));
        }
        Record { id, subject: draft.stream_subject(), bytes, signature: signature.to_vec() }
    }

    /// The id and the time that the next event gets.
    fn coming_id(&self, agency: &str, signer: &str) -> (EventId, Timestamp) {
        let second = self.seconds + 1;
        let time = at(BEGIN) + jiff::SignedDuration::from_secs(second);
        let random = Digest::of(format!("{agency} {signer} {second}").as_bytes()).0;
        let milliseconds = u64::try_from(time.as_millisecond()).unwrap();
        (EventId::from_parts(milliseconds, random[..10].try_into().unwrap()), time)
    }

    /// Puts records on the log as they are, a second time too, and folds them.
    pub fn append(&mut self, records: &[Stored]) {
        self.log.append_copy(records).unwrap();
        self.projector.as_mut().unwrap().follow(&self.log, FollowOptions::default(), &mut Unwatched).unwrap();
    }

    pub fn head_or_first(&self) -> Position {
        Position::after(self.log.head().unwrap())
    }

    /// Every record, as a broker would hand it out again.
    pub fn records(&self) -> Vec<Record> {
        self.log.read(Position::FIRST, 10_000).unwrap().into_iter().map(|stored| stored.record).collect()
    }

    /// Draws the log's copy anew from these records, and the tables from it.
    pub fn redraw(&mut self, records: Vec<Record>) {
        self.projector = None;
        let path = |number: u32| -> PathBuf { self.folder.path().join(format!("log-{number}.sqlite")) };
        let number = (1..=u32::MAX).find(|number| !path(*number).exists()).unwrap();
        self.log = Embedded::create(path(number)).unwrap();
        let stored = records.into_iter().zip(1..);
        let stored: Vec<Stored> =
            stored.map(|(record, number)| Stored { position: Position::new(number).unwrap(), record }).collect();
        self.log.append_copy(&stored).unwrap();
        self.rebuild();
    }

    /// Throws the tables away and draws them again.
    pub fn rebuild(&mut self) {
        self.projector = None;
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(self.folder.path().join(format!("model.sqlite{suffix}")));
        }
        let mut projector = Projector::open(&self.folder.path().join("model.sqlite"), self.genesis.clone()).unwrap();
        projector.follow(&self.log, FollowOptions::default(), &mut Unwatched).unwrap();
        self.projector = Some(projector);
    }

    /// Lets days go by before the next event.
    pub fn pass_days(&mut self, days: i64) {
        self.seconds += days * 86_400;
    }

    // What agencies do.

    /// A report whose lead, assisting and informed agencies the rulebook named.
    pub fn report(&mut self, reporter: &str, lead: &str, assisting: &[&str], informed: &[&str]) -> CaseId {
        let codes = |list: &[&str]| list.iter().map(|agency| code(agency)).collect();
        let answer = RoutingAnswer::Assigned {
            rule: "test.rule".to_owned(),
            lead: code(lead),
            assisting: codes(assisting),
            informed: codes(informed),
        };
        self.report_routed(reporter, answer)
    }

    pub fn report_routed(&mut self, reporter: &str, answer: RoutingAnswer) -> CaseId {
        let reported = ViolationReported {
            unit: unit_id(),
            unit_name: UNIT_NAME.to_owned(),
            place: Place { region: "350602".parse().unwrap(), address: FREE_TEXT.to_owned() },
            trade: None,
            category: "fire.58-4".parse().unwrap(),
            severity: Severity::Serious,
            facts: FREE_TEXT.to_owned(),
            legal_basis: Vec::new(),
            found_on: "2026-11-25".parse().unwrap(),
            method: FindingMethod::PublicReport,
            evidence: Vec::new(),
            reference: Some(FREE_TEXT.to_owned()),
            public_report: Some(FREE_TEXT.to_owned()),
            routing: RoutingDecision { rulebook: "pilot-2026.1".to_owned(), answer },
        };
        let case = CaseId::of(self.coming_id(reporter, reporter).0);
        assert_eq!(CaseId::of(self.do_in(reporter, case, reported)), case);
        case
    }

    pub fn refer(
        &mut self,
        issuer: &str,
        case: CaseId,
        addressee: &str,
        role: ReferralRole,
        basis: ReferralBasis,
        replaces: Option<ReferralId>,
    ) -> ReferralId {
        let issued = ReferralIssued {
            addressee: code(addressee),
            role,
            basis,
            rulebook: "pilot-2026.1".to_owned(),
            rule: None,
            replaces,
            note: Some(FREE_TEXT.to_owned()),
        };
        ReferralId::of(self.do_in(issuer, case, issued))
    }

    pub fn do_in(&mut self, agency: &str, case: CaseId, payload: impl Into<Payload>) -> EventId {
        self.publish(agency, unit(), Some(case), payload)
    }
}

pub fn unit_id() -> UnitId {
    "91350100M000100Y43".parse().unwrap()
}

pub fn unit() -> Subject {
    Subject::Unit(unit_id())
}

pub fn acknowledged(referral: ReferralId) -> ReferralAcknowledged {
    ReferralAcknowledged { referral }
}

pub fn feedback(referral: ReferralId) -> FeedbackSubmitted {
    FeedbackSubmitted {
        referral,
        outcome: Outcome::RectificationOrdered,
        handled_on: "2026-11-25".parse().unwrap(),
        summary: FREE_TEXT.to_owned(),
        penalty: None,
        evidence: Vec::new(),
    }
}

pub fn rejection(feedback: EventId) -> FeedbackRejected {
    FeedbackRejected { feedback, reason: FREE_TEXT.to_owned() }
}

pub fn order(referral: ReferralId, due_on: &str) -> RectificationOrdered {
    RectificationOrdered {
        referral,
        ordered_on: "2026-11-25".parse().unwrap(),
        plan: FREE_TEXT.to_owned(),
        person: FREE_TEXT.to_owned(),
        funds: Fen::ZERO,
        due_on: due_on.parse().unwrap(),
        emergency_plan: FREE_TEXT.to_owned(),
        order_number: None,
    }
}

pub fn reinspection(passed: bool) -> RectificationReinspected {
    RectificationReinspected { inspected_on: "2026-11-25".parse().unwrap(), passed, findings: FREE_TEXT.to_owned() }
}

pub fn closing(ground: ClosingGround) -> CaseClosed {
    CaseClosed {
        ground,
        closed_on: "2026-11-25".parse().unwrap(),
        duplicate_of: None,
        note: Some(FREE_TEXT.to_owned()),
    }
}

pub fn reopening() -> CaseReopened {
    CaseReopened { reason: FREE_TEXT.to_owned() }
}

pub fn objection() -> ObjectionFiled {
    ObjectionFiled { grounds: FREE_TEXT.to_owned(), filed_on: "2026-11-25".parse().unwrap() }
}

pub fn decision(objection: EventId) -> ObjectionDecided {
    ObjectionDecided {
        objection,
        decision: ObjectionDecision::Rejected,
        reasons: FREE_TEXT.to_owned(),
        decided_on: "2026-11-25".parse().unwrap(),
    }
}
