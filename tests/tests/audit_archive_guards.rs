//! Genuine events that the fold refuses: they are on the log and change nothing, neither for the program nor for the independent one. An
//! agency that could end another's key in the eyes of one of them could make an honest log look forged.

#![allow(clippy::unwrap_used)]

mod archived;

use std::ops::ControlFlow;

use archived::{Archived, event};
use fengsui_event::payload::{
    AgencyKey, AgencyKeyRevoked, AgencyKeyRotated, AgencyRegistered, AgencySuspended, CheckpointCosigned,
};
use fengsui_event::{
    AgencyCode, ChainLink, Digest, Draft, Event, EventId, KeyAlgorithm, KeyId, Payload, Signer as _, Source, Subject,
};
use fengsui_node::keys::SigningKey;
use fengsui_proof::archive::{ArchiveContent, ArchiveKey, ArchiveRange, ArchiveRecord, ArchiveWriter, Packing};
use fengsui_proof::{Checkpoint, Frontier, Origin, SignedCheckpoint, leaf_hash};

const AUTHORITY: &str = "joint-office";

fn code(agency: &str) -> AgencyCode {
    AgencyCode::parse(agency).unwrap()
}

/// Adds an event of an agency's first node to a log.
fn publish(made: &Archived, records: &mut Vec<ArchiveRecord>, agency: &str, about: &str, payload: Payload) {
    sign(&made.key(agency), records, agency, Subject::Agency(code(about)), payload);
}

fn sign(key: &SigningKey, records: &mut Vec<ArchiveRecord>, agency: &str, subject: Subject, payload: Payload) {
    let position = records.len() as u64 + 1;
    let source = Source { region: "350600".parse().unwrap(), agency: code(agency), node: 1 };
    let mine = |record: &&ArchiveRecord| event(record).source == source;
    let last = records.iter().rfind(mine).map(|record| (event(record), record.content.clone().unwrap().bytes));
    let link = match last {
        None => ChainLink { sequence: 1, previous: None },
        Some((Event { sequence, .. }, bytes)) => {
            ChainLink { sequence: sequence + 1, previous: Some(Digest::of(&bytes)) }
        }
    };
    let time = records.iter().map(|record| event(record).time).max().unwrap();
    let mut id = [7; 16];
    id[0] = 1;
    id[8..].copy_from_slice(&position.to_be_bytes());
    let draft =
        Draft { id: EventId::from_bytes(id), source, subject, time, correlation: None, causation: None, payload };
    let signed = draft.sign(link, key).unwrap();
    let (id, subject) = (draft.id, draft.stream_subject());
    let content = ArchiveContent { id, subject, signature: signed.signature.to_vec(), bytes: signed.bytes };
    records.push(ArchiveRecord { position, content: Some(content) });
}

fn ed25519(keyid: KeyId) -> AgencyKey {
    AgencyKey { keyid, algorithm: KeyAlgorithm::Ed25519 }
}

fn revoked(agency: &str, keyid: KeyId, reason: &str) -> Payload {
    Payload::AgencyKeyRevoked(AgencyKeyRevoked { agency: code(agency), keyid, reason: reason.to_owned() })
}

fn rotated(agency: &str, old: KeyId, new: KeyId) -> Payload {
    Payload::AgencyKeyRotated(AgencyKeyRotated { agency: code(agency), old, new: ed25519(new) })
}

fn registered(agency: &str, keys: &[KeyId]) -> Payload {
    let keys = keys.iter().copied().map(ed25519).collect();
    let region = "350600".parse().unwrap();
    Payload::AgencyRegistered(AgencyRegistered { agency: code(agency), name: "部门".to_owned(), region, keys })
}

fn suspended(agency: &str) -> Payload {
    Payload::AgencySuspended(AgencySuspended { agency: code(agency), reason: "撤并".to_owned() })
}

#[test]
fn what_the_fold_refuses_ends_nobodys_key() {
    let made = Archived::new();
    let good = made.records();
    let key = |agency: &str| made.key(agency).keyid();
    let (fire, housing, tourism) = (key("fire"), key("housing"), key("tourism"));
    let office = key(AUTHORITY);
    let fresh = SigningKey::generate().unwrap().keyid();
    let refused: &[(&str, &str, &str, Payload)] = &[
        ("revokes-anothers", "fire", "fire", revoked("fire", housing, "x")),
        ("revokes-for-another", "fire", "housing", revoked("housing", housing, "x")),
        ("revokes-without-reason", "housing", "housing", revoked("housing", housing, " ")),
        ("revokes-its-last", AUTHORITY, AUTHORITY, revoked(AUTHORITY, office, "x")),
        ("rotates-anothers", "fire", "fire", rotated("fire", housing, fresh)),
        ("rotates-to-a-taken-one", "housing", "housing", rotated("housing", housing, tourism)),
        ("rotates-what-is-not-held", AUTHORITY, "fire", rotated("fire", housing, fresh)),
        ("registers-again", AUTHORITY, "fire", registered("fire", &[fresh])),
        ("registers-a-taken-key", AUTHORITY, "water", registered("water", &[fresh, fire])),
        ("registers-no-key", AUTHORITY, "water", registered("water", &[])),
        ("registers-under-another", AUTHORITY, "fire", registered("water", &[fresh])),
        ("registers-itself", "fire", "water", registered("water", &[fresh])),
        ("suspends-itself", AUTHORITY, AUTHORITY, suspended(AUTHORITY)),
        ("suspends-nobody", AUTHORITY, "water", suspended("water")),
        ("suspends-another", "fire", "housing", suspended("housing")),
    ];
    // Whoever believed them would find fault with what these sign afterwards.
    let speak = |records: &mut Vec<ArchiveRecord>| {
        for agency in ["housing", AUTHORITY] {
            publish(&made, records, agency, agency, suspended("water"));
        }
    };
    let mut all = good.clone();
    for (name, agency, about, payload) in refused {
        let mut records = good.clone();
        publish(&made, &mut records, agency, about, payload.clone());
        speak(&mut records);
        let zip = format!("{name}.zip");
        made.forge(&zip, &records);
        made.python(&zip, 0);
        publish(&made, &mut all, agency, about, payload.clone());
    }
    speak(&mut all);
    made.forge("all.zip", &all);
    made.audit("all.zip", 0);
    made.python("all.zip", 0);
}

#[test]
fn what_the_fold_accepts_ends_a_key_in_both() {
    let made = Archived::new();
    let housing = made.key("housing").keyid();
    let fresh = SigningKey::generate().unwrap().keyid();
    let accepted: &[(&str, &str, &str, Payload, &str)] = &[
        ("revoked", "housing", "housing", revoked("housing", housing, "x"), "ended_key"),
        // A registration alone names its subject's agency by rule.
        ("revoked-elsewhere", "housing", "fire", revoked("housing", housing, "x"), "ended_key"),
        ("rotated", "housing", "housing", rotated("housing", housing, fresh), "ended_key"),
        ("rotated-by-office", AUTHORITY, "housing", rotated("housing", housing, fresh), "ended_key"),
        ("suspended", AUTHORITY, "housing", suspended("housing"), "suspended_agency"),
    ];
    for (name, agency, about, payload, code) in accepted {
        let mut records = made.records();
        publish(&made, &mut records, agency, about, payload.clone());
        publish(&made, &mut records, "housing", "housing", suspended("water"));
        let zip = format!("{name}.zip");
        made.forge(&zip, &records);
        made.refused(&zip, code, "ended_key");
    }
}

/// Writes a part of a log that never was: what stands before it is anything, and keys are what the forger says.
fn forge_part(made: &Archived, name: &str, records: &[ArchiveRecord], more: &[ArchiveKey]) {
    let exchange = made.good().exchange().unwrap();
    let mut keys: Vec<ArchiveKey> = more.to_vec();
    let first = |keyid: &KeyId| ArchiveKey { agency: exchange.authority, keyid: *keyid, since: 0, until: None };
    keys.extend(exchange.authority_keys.iter().map(first));
    let range = ArchiveRange {
        region: exchange.region,
        authority: exchange.authority,
        authority_keys: exchange.authority_keys,
        first: 4,
        last: records.len() as u64,
        keys,
        rulebooks: std::collections::BTreeMap::new(),
    };
    let mut writer = ArchiveWriter::begin(&made.path(name), Packing::Stored, true, range).unwrap();
    for (position, record) in (1..).zip(records) {
        writer.take(position, record.content.as_ref().map(ArchiveContent::as_ref)).unwrap();
    }
    writer.finish(&mut |_, _| ControlFlow::Continue(())).unwrap();
}

#[test]
fn a_part_with_keys_of_the_forgers_own_is_refused() {
    let made = Archived::new();
    let (office, fire) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let stated = |agency: &str, key: &SigningKey, since| ArchiveKey {
        agency: code(agency),
        keyid: key.keyid(),
        since,
        until: None,
    };
    let mut records: Vec<ArchiveRecord> = made.records().into_iter().take(3).collect();
    records.retain(|record| event(record).source.agency == code(AUTHORITY));
    records.resize_with(3, || made.records()[0].clone());
    let unit = Subject::Agency(code("fire"));
    for _ in 0..2 {
        sign(&fire, &mut records, "fire", unit.clone(), suspended("water"));
    }
    // Nobody's log, nobody's keys, and the genuine exchange file: all signatures are good.
    forge_part(&made, "alone.zip", &records, &[stated("fire", &fire, 1)]);
    made.refused("alone.zip", "stated_keys", "stated_keys");
    let ran = made.folder.run(["audit", "verify", "alone.zip", "--lang", "zh"]).exits(5);
    ran.shows(&["从位置 4 开始", "任何人都可伪造"]);
    // And with a checkpoint that a key has signed which the archive says to be the authority's.
    let leaves = records.iter().map(|record| leaf_hash(&record.content.as_ref().unwrap().bytes));
    let mut tree = Frontier::new();
    leaves.for_each(|leaf| tree.push(leaf));
    let origin = Origin::of("350600".parse().unwrap());
    let checkpoint = Checkpoint::new(origin, tree.size(), tree.root(), None);
    let mut note = SignedCheckpoint::sign(checkpoint, &office);
    note.cosign(&origin.cosigner_name(code("fire")), 1_780_000_000, &fire).unwrap();
    let payload = Payload::CheckpointCosigned(CheckpointCosigned { note: note.to_string() });
    sign(&fire, &mut records, "fire", Subject::Region("350600".parse().unwrap()), payload);
    forge_part(&made, "signed.zip", &records, &[stated("fire", &fire, 1), stated(AUTHORITY, &office, 2)]);
    made.refused("signed.zip", "stated_keys", "checkpoint");
}
