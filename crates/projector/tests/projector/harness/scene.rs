//! A history in the making: given what was published, when one more event comes, then this follows.

use fengsui_event::{CaseId, EventId, Payload, ReferralId, Subject, UnitId};
use fengsui_log::Record;
use fengsui_projector::fold::admission::{RawRecord, SignatureCheck, VerifierCache, prepare};
use fengsui_projector::fold::driver::fold;
use fengsui_projector::query::CheckpointRow;
use fengsui_projector::state::{AccountState, CaseState, Cosignature, LedgerEntry, Referral};
use fengsui_projector::{Cause, Registry, Rejection};
use fengsui_rulebook::Rulebook;

use super::{AGENCIES, AUTHORITY, Memory, MemoryLog, Model, Publication, World, agency, check_states, hotel, payloads};

pub struct Scene {
    pub world: World,
    pub genesis: Registry,
    pub registry: Registry,
    pub memory: Memory,
    pub log: MemoryLog,
    keys: VerifierCache,
    /// The case that actions are about.
    pub case: Option<CaseId>,
    /// The unit that actions are about.
    pub unit: UnitId,
}

impl Scene {
    /// An exchange with the authority alone: nothing was published.
    pub fn empty() -> Self {
        let mut world = World::new("2025-01-02");
        let genesis = world.genesis();
        Self {
            registry: genesis.clone(),
            genesis,
            world,
            memory: Memory::default(),
            log: MemoryLog::default(),
            keys: VerifierCache::default(),
            case: None,
            unit: hotel(),
        }
    }

    /// Agencies registered and the default rulebook in force.
    pub fn new() -> Self {
        Self::with_rulebook(Rulebook::default_toml())
    }

    pub fn with_rulebook(text: &str) -> Self {
        let mut scene = Self::empty();
        for code in [AUTHORITY].into_iter().chain(AGENCIES) {
            scene.register(code);
        }
        scene.publish_rulebook(text);
        scene
    }

    pub fn register(&mut self, code: &str) {
        let keyid = self.world.keyid(code);
        let payload = payloads::agency_registered(code, &[keyid]);
        self.publishes(AUTHORITY, Subject::Agency(agency(code)), payload);
    }

    pub fn publish_rulebook(&mut self, text: &str) {
        let payload = payloads::rulebook_published(text);
        let Payload::RulebookPublished(data) = &payload else { unreachable!() };
        self.publishes(AUTHORITY, Subject::Rulebook(data.version.clone()), payload);
    }

    /// Given: the day on which everything further is recorded.
    pub fn on(&mut self, day: &str) -> &mut Self {
        self.world.set_day(super::date(day));
        self
    }

    /// A record comes. Answers why it had no effect.
    pub fn record(&mut self, record: Record) -> Option<Cause> {
        let raw = RawRecord {
            position: self.log.records.len() as u64 + 1,
            id: record.id,
            subject: &record.subject,
            bytes: &record.bytes,
            signature: &record.signature,
        };
        let prepared = prepare(raw, SignatureCheck::Verify, &mut self.keys);
        self.log.push(record);
        fold(&mut self.registry, &mut self.memory, prepared).unwrap_or_else(|never| match never {})
    }

    /// Position of the last record.
    pub fn position(&self) -> u64 {
        self.log.records.len() as u64
    }

    pub fn about_case(&self, payload: Payload) -> Publication {
        Publication { subject: Subject::Unit(self.unit.clone()), correlation: self.case, causation: None, payload }
    }

    /// When: an agency does something about the case. Then: it has its effect.
    pub fn does(&mut self, code: &str, payload: impl Into<Payload>) -> EventId {
        let publication = self.about_case(payload.into());
        self.effective(code, publication)
    }

    /// The same about any subject, outside a case.
    pub fn publishes(&mut self, code: &str, subject: Subject, payload: impl Into<Payload>) -> EventId {
        self.effective(code, Publication { subject, correlation: None, causation: None, payload: payload.into() })
    }

    pub fn effective(&mut self, code: &str, publication: Publication) -> EventId {
        let record = self.world.sign(code, publication);
        let id = record.id;
        let cause = self.record(record);
        assert_eq!(cause, None, "expected an effect");
        id
    }

    /// When: an agency does something about the case. Then: it is refused and nothing has changed.
    pub fn refused(&mut self, code: &str, payload: impl Into<Payload>) -> Rejection {
        let publication = self.about_case(payload.into());
        self.refuses(code, publication)
    }

    pub fn refuses(&mut self, code: &str, publication: Publication) -> Rejection {
        let record = self.world.sign(code, publication);
        match self.without_effect(record) {
            Cause::Rejected(rejection) => rejection,
            other => panic!("expected a rejection, found {other:?}"),
        }
    }

    /// When: a record comes. Then: it has no effect but an anomaly at its position.
    pub fn without_effect(&mut self, record: Record) -> Cause {
        let (cases, accounts, entries) =
            (self.memory.cases.clone(), self.memory.accounts.clone(), self.memory.entries.len());
        let (cosignatures, certificates) = (self.memory.cosignatures.len(), self.memory.certificates.clone());
        let anomalies = self.memory.anomalies.len();
        let cause = self.record(record).expect("expected no effect");
        let incomplete = matches!(cause, Cause::UnknownType | Cause::MalformedPayload(_));
        if !incomplete {
            assert_eq!(self.memory.cases, cases, "{cause:?}");
            assert_eq!(self.memory.accounts, accounts, "{cause:?}");
        }
        assert_eq!(self.memory.entries.len(), entries, "{cause:?}");
        assert_eq!(self.memory.cosignatures.len(), cosignatures, "{cause:?}");
        assert_eq!(self.memory.certificates, certificates, "{cause:?}");
        assert_eq!(self.memory.anomalies.len(), anomalies + 1, "{cause:?}");
        let anomaly = self.memory.anomalies.last().unwrap();
        assert_eq!((anomaly.position, &anomaly.cause), (self.position(), &cause));
        assert!(!cause.is_notice());
        cause
    }

    /// Given: an agency reports a violation, which becomes the case that actions are about.
    pub fn reports(&mut self, code: &str, report: payloads::Report) -> CaseId {
        let record = self.report_record(code, report);
        let id = CaseId::of(record.id);
        assert_eq!(self.record(record), None, "expected an effect");
        self.case = Some(id);
        id
    }

    pub fn report_record(&mut self, code: &str, report: payloads::Report) -> Record {
        self.unit = report.unit.clone();
        let id = self.world.next_id();
        self.case = Some(CaseId::of(id));
        let publication = self.about_case(report.payload());
        self.world.sign_as(code, id, publication)
    }

    /// Given: the reporter refers the case by rule.
    pub fn refers(&mut self, code: &str, addressee: &str, role: fengsui_event::ReferralRole) -> ReferralId {
        ReferralId::of(self.does(code, payloads::by_rule(addressee, role)))
    }

    pub fn state(&self) -> &CaseState {
        &self.memory.cases[&self.case.unwrap()]
    }

    pub fn account(&self) -> &AccountState {
        &self.memory.accounts[&self.unit]
    }

    pub fn balance(&self) -> i32 {
        self.account().total.0
    }

    pub fn referral(&self, id: ReferralId) -> &Referral {
        let case = self.state();
        &case.referrals[case.referral_index(id).unwrap()]
    }

    /// The entries of the account that actions are about: kind, points, rule.
    pub fn ledger(&self) -> Vec<(&'static str, i32, String)> {
        let line = |entry: &&LedgerEntry| (entry.kind.code(), entry.points.0, entry.rule.clone());
        self.memory.entries_of(&self.unit).iter().map(line).collect()
    }

    pub fn last_entry(&self) -> LedgerEntry {
        (*self.memory.entries_of(&self.unit).last().unwrap()).clone()
    }

    /// Codes of the anomalies so far, in order.
    pub fn anomalies(&self) -> Vec<(u64, &'static str)> {
        self.memory.anomalies.iter().map(|anomaly| (anomaly.position, anomaly.cause.code())).collect()
    }
}

/// Whatever a test did, the invariants hold and the real read model says the same as plain maps.
impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        check_states(&self.registry, &self.memory);
        // Opened again, so that every state comes out of the file and not out of a cache.
        let (model, projector) = Model::of(&self.genesis, &self.log);
        drop(projector);
        let projector = model.open();
        for (id, case) in &self.memory.cases {
            assert_eq!(projector.store().case(*id).unwrap().as_ref(), Some(case));
        }
        for (unit, account) in &self.memory.accounts {
            assert_eq!(projector.store().account(unit).unwrap().as_ref(), Some(account));
        }
        let view = projector.store().view();
        for (id, certificate) in &self.memory.certificates {
            assert_eq!(view.certificate(*id).unwrap().as_ref(), Some(&**certificate));
        }
        let mut cosigned: Vec<Cosignature> =
            view.checkpoints(None).unwrap().into_iter().flat_map(cosignatures).collect();
        cosigned.sort_unstable_by_key(|it| it.position);
        assert_eq!(cosigned, self.memory.cosignatures);
        let connection = projector.store().connection();
        let count =
            |table: &str| usize::try_from(super::number(connection, &format!("SELECT count(*) FROM {table}"))).unwrap();
        assert_eq!(count("cases"), self.memory.cases.len());
        assert_eq!(count("accounts"), self.memory.accounts.len());
        assert_eq!(count("entries"), self.memory.entries.len());
        assert_eq!(count("certificates"), self.memory.certificates.len());
        assert_eq!(count("anomalies"), self.memory.anomalies.len());
        assert_eq!(count("event_ids"), self.memory.ids.len());
    }
}

/// A checkpoint of the tables taken apart again.
fn cosignatures(row: CheckpointRow) -> Vec<Cosignature> {
    let CheckpointRow { size, root, digest, cosigners } = row;
    let one = |it: fengsui_projector::query::CosignerRow| Cosignature {
        position: it.position,
        agency: it.agency,
        keyid: it.keyid,
        size,
        root,
        digest,
        time_seconds: it.time_seconds,
    };
    cosigners.into_iter().map(one).collect()
}
