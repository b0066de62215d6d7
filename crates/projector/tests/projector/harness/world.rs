//! Who signs: keys, chains and clocks of the small exchange.

use std::collections::BTreeMap;

use fengsui_event::{
    CaseId, ChainLink, Date, Draft, EventId, KeyId, Payload, Signature, Signer, Source, Subject, Timestamp,
};
use fengsui_log::Record;
use fengsui_projector::Registry;
use nkeys::{KeyPair, KeyPairType};

use super::{AUTHORITY, agency, region};

/// A key whose seed is a number, so that every run signs the same bytes.
pub struct Key(KeyPair);

impl Key {
    pub fn numbered(number: u8) -> Self {
        Self(KeyPair::new_from_raw(KeyPairType::User, [number; 32]).unwrap())
    }
}

impl Signer for Key {
    fn keyid(&self) -> KeyId {
        self.0.public_key().parse().unwrap()
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.0.sign(bytes).unwrap().try_into().unwrap()
    }
}

/// What to publish, beside who publishes it.
#[derive(Clone, Debug)]
pub struct Publication {
    pub subject: Subject,
    pub correlation: Option<CaseId>,
    pub causation: Option<EventId>,
    pub payload: Payload,
}

/// Keys, chains and the common clock.
pub struct World {
    keys: BTreeMap<String, Key>,
    links: BTreeMap<Source, ChainLink>,
    now: Timestamp,
    ids: u64,
}

impl World {
    pub fn new(first_day: &str) -> Self {
        let mut world = Self { keys: BTreeMap::new(), links: BTreeMap::new(), now: Timestamp::UNIX_EPOCH, ids: 0 };
        world.set_day(super::date(first_day));
        world
    }

    /// The key with which an agency signs; made at first use.
    pub fn key(&mut self, code: &str) -> &Key {
        let number = u8::try_from(self.keys.len() + 1).unwrap();
        self.keys.entry(code.to_owned()).or_insert_with(|| Key::numbered(number))
    }

    /// From now on an agency signs with another key.
    pub fn change_key(&mut self, code: &str, number: u8) -> KeyId {
        let key = Key::numbered(number);
        let keyid = key.keyid();
        self.keys.insert(code.to_owned(), key);
        keyid
    }

    pub fn keyid(&mut self, code: &str) -> KeyId {
        self.key(code).keyid()
    }

    pub fn genesis(&mut self) -> Registry {
        let keyid = self.keyid(AUTHORITY);
        Registry::genesis(region("350600"), agency(AUTHORITY), &[keyid])
    }

    /// Every clock shows nine in the morning of a day in the region's zone.
    pub fn set_day(&mut self, day: Date) {
        self.now = fengsui_event::date::start_of(day).unwrap() + jiff::SignedDuration::from_hours(9);
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    pub fn next_id(&mut self) -> EventId {
        self.ids += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.ids.to_be_bytes());
        EventId::from_parts(1_735_689_600_000, random)
    }

    pub fn source(code: &str, node: u16) -> Source {
        Source { region: region("350600"), agency: agency(code), node }
    }

    /// The place that an agency's next event takes in its chain.
    pub fn link(&self, code: &str) -> ChainLink {
        self.links.get(&Self::source(code, 1)).copied().unwrap_or(ChainLink::FIRST)
    }

    /// Signs an agency's next event.
    pub fn sign(&mut self, code: &str, publication: Publication) -> Record {
        let id = self.next_id();
        self.sign_as(code, id, publication)
    }

    /// The same under a given id.
    pub fn sign_as(&mut self, code: &str, id: EventId, publication: Publication) -> Record {
        let record = self.sign_at(code, self.link(code), id, publication);
        self.advance(code, &record.bytes);
        record
    }

    /// An agency's chain goes on from these bytes, and every clock by a second.
    pub fn advance(&mut self, code: &str, bytes: &[u8]) {
        self.links.insert(Self::source(code, 1), ChainLink::after(self.link(code).sequence, bytes));
        self.now += jiff::SignedDuration::from_secs(1);
    }

    /// Signs at any place of the chain, which stays as it is.
    pub fn sign_at(&mut self, code: &str, link: ChainLink, id: EventId, publication: Publication) -> Record {
        let draft = self.draft(code, id, publication);
        let signed = draft.sign(link, self.key(code)).unwrap();
        record(&draft, signed.bytes, signed.signature)
    }

    pub fn draft(&self, code: &str, id: EventId, publication: Publication) -> Draft {
        let Publication { subject, correlation, causation, payload } = publication;
        Draft { id, source: Self::source(code, 1), subject, time: self.now, correlation, causation, payload }
    }
}

pub fn record(draft: &Draft, bytes: Vec<u8>, signature: Signature) -> Record {
    Record { id: draft.id, subject: draft.stream_subject(), bytes, signature: signature.to_vec() }
}
