//! A small exchange, a unit with three entries, and a certificate of it.

use fengsui_event::payload::{
    AgencyKey, AgencyKeyRevoked, AgencyKeyRotated, AgencyRegistered, AgencySuspended, CreditAdjusted, Place,
    RulebookPublished, UnitRegistered,
};
use fengsui_event::{
    AgencyCode, CertificateId, ChainLink, Date, Digest, Draft, Event, EventId, KeyAlgorithm, KeyId, Payload, Points,
    RegionCode, Signature, SignedEvent, Signer, Source, Subject, Timestamp, UnitId,
};
use fengsui_proof::certificate::{
    Certificate, CertifiedEntry, FORMAT, Notice, ProvenEvent, RulebookReference, Statement, Trust,
};
use fengsui_proof::tiles::{self, TileFolder, TreeWriter};
use fengsui_proof::tree::{Hash, leaf_hash};
use fengsui_proof::{Checkpoint, Origin, SignedCheckpoint};

pub const RULEBOOK: &str = "version = \"2026.1\"\n";
pub const UNIT: &str = "91350100M000100Y43";
pub const OTHER_UNIT: &str = "91110000802100433B";
/// 2026-11-24 at 10:00 in the region's zone.
const NOW_SECONDS: i64 = 1_795_485_600;

#[derive(Clone)]
pub struct Key(pub ed25519_dalek::SigningKey);

impl Key {
    pub fn new(seed: u8) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
    }
}

impl Signer for Key {
    fn keyid(&self) -> KeyId {
        KeyId::from_raw(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        ed25519_dalek::Signer::sign(&self.0, bytes).to_bytes()
    }
}

pub fn region() -> RegionCode {
    "350600".parse().unwrap()
}

pub fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

pub fn unit(code: &str) -> UnitId {
    code.parse().unwrap()
}

pub fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// Events on their way to a tree.
pub struct Scene {
    pub authority: Key,
    pub fire: Key,
    pub fire_new: Key,
    pub urban: Key,
    pub events: Vec<SignedEvent>,
    pub statement: Statement,
}

impl Scene {
    pub fn new() -> Self {
        let mut scene = Self::with_events();
        scene.draw();
        scene
    }

    /// The events alone; positions are 1 to 12.
    pub fn with_events() -> Self {
        let [authority, fire, fire_new, urban, tourism] = [1, 2, 3, 4, 5].map(Key::new);
        let mut scene =
            Self { authority: authority.clone(), fire, fire_new, urban, events: Vec::new(), statement: blank() };
        let (fire, fire_new, urban) = (scene.fire.clone(), scene.fire_new.clone(), scene.urban.clone());
        for (code, key) in [("joint-office", &authority), ("fire", &fire), ("urban", &urban), ("tourism", &tourism)] {
            scene.push("joint-office", &authority, Subject::Agency(agency(code)), registered(code, key));
        }
        scene.push("joint-office", &authority, Subject::Rulebook("2026.1".to_owned()), rulebook());
        scene.push("fire", &fire, Subject::Unit(unit(UNIT)), unit_registered(UNIT));
        scene.push("joint-office", &authority, Subject::Unit(unit(UNIT)), adjusted(-5));
        scene.push("fire", &fire, Subject::Unit(unit(OTHER_UNIT)), unit_registered(OTHER_UNIT));
        scene.push("fire", &fire, Subject::Agency(agency("fire")), rotated("fire", &fire, &fire_new));
        scene.push("joint-office", &authority, Subject::Unit(unit(UNIT)), adjusted(-3));
        scene.push("joint-office", &authority, Subject::Unit(unit(OTHER_UNIT)), adjusted(-3));
        scene.push("fire", &fire_new, Subject::Unit(unit("91440300708461136T")), unit_registered("91440300708461136T"));
        scene
    }

    pub fn push(&mut self, code: &str, key: &Key, subject: Subject, payload: impl Into<Payload>) {
        let number = u64::try_from(self.events.len()).unwrap() + 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&number.to_be_bytes());
        let draft = Draft {
            id: EventId::from_parts(1_795_485_600_000, random),
            source: Source { region: region(), agency: agency(code), node: 1 },
            subject,
            time: Timestamp::from_second(NOW_SECONDS).unwrap(),
            correlation: None,
            causation: None,
            payload: payload.into(),
        };
        self.events.push(draft.sign(ChainLink::FIRST, key).unwrap());
    }

    /// The tree over all events: root and the inclusion proof of each.
    fn tree(&self) -> (Hash, Vec<Vec<Hash>>) {
        let place = tempfile::tempdir().unwrap();
        let mut writer = TreeWriter::open(TileFolder::create(place.path()).unwrap(), 0).unwrap();
        self.events.iter().for_each(|event| writer.push(leaf_hash(&event.bytes)).unwrap());
        writer.seal().unwrap();
        let (root, size) = (writer.root(), writer.size());
        let folder = TileFolder::open(place.path()).unwrap();
        let proof = |index| tiles::inclusion(&folder, index, size, root).unwrap().hashes;
        (root, (0..size).map(proof).collect())
    }

    pub fn checkpoint(&self) -> SignedCheckpoint {
        let size = u64::try_from(self.events.len()).unwrap();
        let origin = Origin::of(region());
        self.cosigned(Checkpoint::new(origin, size, self.tree().0, None))
    }

    pub fn cosigned(&self, checkpoint: Checkpoint) -> SignedCheckpoint {
        let origin = Origin::of(region());
        let mut signed = SignedCheckpoint::sign(checkpoint, &self.authority);
        let time = u64::try_from(NOW_SECONDS).unwrap();
        signed.cosign(&origin.cosigner_name(agency("fire")), time, &self.fire_new).unwrap();
        signed.cosign(&origin.cosigner_name(agency("urban")), time, &self.urban).unwrap();
        signed
    }

    /// An event with its proof in the present tree.
    pub fn proven(&self, position: u64) -> ProvenEvent {
        let index = usize::try_from(position).unwrap() - 1;
        let SignedEvent { bytes, signature } = self.events[index].clone();
        let hashes = self.tree().1[index].clone();
        ProvenEvent { position, bytes: String::from_utf8(bytes).unwrap(), signature, hashes }
    }

    pub fn id(&self, position: u64) -> EventId {
        Event::parse(self.proven(position).bytes.as_bytes()).unwrap().id
    }

    fn entry(&self, number: u32, kind: &str, points: i32, position: u64) -> CertifiedEntry {
        CertifiedEntry {
            number,
            points: Points(points),
            kind: kind.to_owned(),
            rule: kind.to_owned(),
            rulebook: "2026.1".to_owned(),
            effective_on: day("2026-11-24"),
            counted_until: None,
            case: None,
            cause: self.id(position),
            cause_position: position,
        }
    }

    /// Writes what an honest issuer writes of the present events.
    pub fn draw(&mut self) {
        let entries = vec![
            self.entry(1, "opening", 100, 6),
            self.entry(2, "adjustment", -5, 7),
            self.entry(3, "adjustment", -3, 10),
        ];
        self.statement = Statement {
            position: u64::try_from(self.events.len()).unwrap(),
            keyid: self.fire_new.keyid(),
            entries,
            checkpoint: self.checkpoint().to_string(),
            events: [1, 2, 3, 4, 5, 6, 7, 9, 10].map(|position| self.proven(position)).to_vec(),
            ..blank()
        };
    }

    pub fn certificate(&self) -> Certificate {
        Certificate::sign(self.statement.clone(), &self.fire_new).unwrap()
    }

    pub fn trust(&self) -> Trust {
        Trust {
            region: region(),
            authority: agency("joint-office"),
            authority_keys: vec![self.authority.keyid()],
            cosigners: Vec::new(),
            needed: None,
        }
    }
}

fn blank() -> Statement {
    Statement {
        format: FORMAT.to_owned(),
        id: "01KDZ5T0000000000000000000".parse::<CertificateId>().unwrap(),
        region: region(),
        unit: unit(UNIT),
        name: "海滨酒店".to_owned(),
        position: 0,
        date: day("2026-11-24"),
        valid_until: day("2026-12-24"),
        balance: Points(92),
        grade: "B".to_owned(),
        rulebook: RulebookReference {
            version: "2026.1".to_owned(),
            sha256: Digest::of(RULEBOOK.as_bytes()),
            position: 5,
        },
        issuer: agency("fire"),
        keyid: Key::new(3).keyid(),
        purpose: Some("贷款".to_owned()),
        consent: Some("授权书 2026-17".to_owned()),
        notice: Notice::standard(),
        entries: Vec::new(),
        checkpoint: String::new(),
        events: Vec::new(),
    }
}

fn agency_key(key: &Key) -> AgencyKey {
    AgencyKey { keyid: key.keyid(), algorithm: KeyAlgorithm::Ed25519 }
}

pub fn registered(code: &str, key: &Key) -> AgencyRegistered {
    AgencyRegistered { agency: agency(code), name: code.to_owned(), region: region(), keys: vec![agency_key(key)] }
}

pub fn rotated(code: &str, old: &Key, new: &Key) -> AgencyKeyRotated {
    AgencyKeyRotated { agency: agency(code), old: old.keyid(), new: agency_key(new) }
}

pub fn revoked(code: &str, key: &Key) -> AgencyKeyRevoked {
    AgencyKeyRevoked { agency: agency(code), keyid: key.keyid(), reason: "lost".to_owned() }
}

pub fn suspended(code: &str) -> AgencySuspended {
    AgencySuspended { agency: agency(code), reason: "merged".to_owned() }
}

fn rulebook() -> RulebookPublished {
    RulebookPublished {
        version: "2026.1".to_owned(),
        effective_from: day("2026-01-01"),
        sha256: Digest::of(RULEBOOK.as_bytes()),
        text: RULEBOOK.to_owned(),
    }
}

fn unit_registered(code: &str) -> UnitRegistered {
    let place = Place { region: region(), address: "海滨路 1 号".to_owned() };
    UnitRegistered { unit: unit(code), name: "海滨酒店".to_owned(), place, trade: None, parent: None }
}

pub fn adjusted(points: i32) -> CreditAdjusted {
    CreditAdjusted {
        points: Points(points),
        reason: "by decision".to_owned(),
        legal_basis: "第十条".to_owned(),
        effective_on: day("2026-11-24"),
    }
}
