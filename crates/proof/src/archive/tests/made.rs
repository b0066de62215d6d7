//! Small archives with fixed keys and times.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer as _, SigningKey};
use fengsui_event::payload::{AgencyKey, AgencyRegistered, CheckpointCosigned};
use fengsui_event::{
    AgencyCode, ChainLink, Draft, EventId, KeyAlgorithm, KeyId, Payload, Signature, Signer, Source, Subject,
};
use tempfile::TempDir;

use super::super::*;
use crate::checkpoint::{Checkpoint, Origin, SignedCheckpoint};
use crate::hash::leaf_hash;
use crate::tree::Frontier;

/// A key that is made of one number.
pub struct Key(SigningKey);

impl Key {
    pub fn new(number: u8) -> Self {
        Self(SigningKey::from_bytes(&[number; 32]))
    }
}

impl Signer for Key {
    fn keyid(&self) -> KeyId {
        KeyId::from_raw(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.0.sign(bytes).to_bytes()
    }
}

/// An archive in a folder of its own.
pub struct Made {
    _place: TempDir,
    pub path: PathBuf,
    pub records: Vec<ArchiveRecord>,
    pub keys: Vec<ArchiveKey>,
    pub range: ArchiveRange,
    pub manifest: Manifest,
}

impl Made {
    /// Two registrations, a lost position, two events that cosign a checkpoint, and bytes that are no text.
    pub fn small(packing: Packing) -> Self {
        Self::of(packing, 1, 6)
    }

    /// A part of that.
    pub fn of(packing: Packing, first: u64, last: u64) -> Self {
        Self::with(packing, records(), first, last)
    }

    /// So many short records that are no events.
    pub fn many(count: u64) -> Self {
        let record = |position: u64| ArchiveRecord { position, content: Some(content(format!("{position}").into())) };
        Self::with(Packing::Stored, (1..=count).map(record).collect(), 1, count)
    }

    fn with(packing: Packing, records: Vec<ArchiveRecord>, first: u64, last: u64) -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("archive");
        let key = |agency: &str, number, since| ArchiveKey {
            agency: code(agency),
            keyid: Key::new(number).keyid(),
            since,
            until: None,
        };
        let keys = vec![key("fire", 2, 2), key("office", 1, 0)];
        let range = ArchiveRange {
            region: "350600".parse().unwrap(),
            authority: code("office"),
            authority_keys: vec![Key::new(1).keyid()],
            first,
            last,
            keys: keys.clone(),
            rulebooks: BTreeMap::new(),
        };
        let made = Self { _place: place, path, records, keys, range, manifest: empty_manifest() };
        let manifest = made.write(&made.path, packing, false).unwrap();
        Self { manifest, ..made }
    }

    /// The same archive at another place.
    pub fn write(&self, path: &Path, packing: Packing, replace: bool) -> Result<Manifest, ArchiveError> {
        let mut writer = ArchiveWriter::begin(path, packing, replace, self.range.clone())?;
        for ArchiveRecord { position, content } in &self.records {
            writer.take(*position, content.as_ref().map(ArchiveContent::as_ref))?;
        }
        writer.finish(&mut |_, _| ControlFlow::Continue(()))
    }

    /// A writer that has all records.
    pub fn filled(&self, path: &Path, packing: Packing) -> ArchiveWriter {
        let mut writer = ArchiveWriter::begin(path, packing, false, self.range.clone()).unwrap();
        for ArchiveRecord { position, content } in &self.records {
            writer.take(*position, content.as_ref().map(ArchiveContent::as_ref)).unwrap();
        }
        writer
    }
}

pub fn read_all(archive: &Archive) -> Vec<ArchiveRecord> {
    archive.records(1).map(Result::unwrap).collect()
}

fn empty_manifest() -> Manifest {
    Manifest {
        format: String::new(),
        version: 0,
        region: "350600".parse().unwrap(),
        authority: code("office"),
        origin: String::new(),
        first: 0,
        last: 0,
        events: 0,
        missing: 0,
        root: crate::hash::empty_root(),
        checkpoint: None,
        not_shown: Vec::new(),
        files: Vec::new(),
    }
}

fn code(text: &str) -> AgencyCode {
    text.parse().unwrap()
}

fn content(bytes: Vec<u8>) -> ArchiveContent {
    let id = EventId::from_parts(1_700_000_000_000, [7; 10]);
    ArchiveContent { id, subject: "fengsui.350600.fire.x.y".to_owned(), signature: vec![1, 2, 3], bytes }
}

fn signed(agency: &str, key: &Key, sequence: u64, subject: Subject, payload: Payload) -> ArchiveContent {
    let source = Source { region: "350600".parse().unwrap(), agency: code(agency), node: 1 };
    let draft = Draft {
        id: EventId::from_parts(1_700_000_000_000 + sequence, [key.keyid().raw()[0]; 10]),
        source,
        subject,
        time: "2026-03-01T01:02:03Z".parse().unwrap(),
        correlation: None,
        causation: None,
        payload,
    };
    let link = ChainLink { sequence, previous: (sequence > 1).then(|| fengsui_event::Digest::of(b"before")) };
    let event = draft.sign(link, key).unwrap();
    ArchiveContent {
        id: draft.id,
        subject: draft.stream_subject(),
        signature: event.signature.to_vec(),
        bytes: event.bytes,
    }
}

fn registered(agency: &str, name: &str, key: &Key, sequence: u64) -> ArchiveContent {
    let keys = vec![AgencyKey { keyid: key.keyid(), algorithm: KeyAlgorithm::Ed25519 }];
    let (agency, name) = (code(agency), name.to_owned());
    let data = AgencyRegistered { agency, name, region: "350600".parse().unwrap(), keys };
    signed("office", &Key::new(1), sequence, Subject::Agency(agency), Payload::AgencyRegistered(data))
}

fn records() -> Vec<ArchiveRecord> {
    let office = Key::new(1);
    let fire = Key::new(2);
    let first = registered("office", "联席会议办公室", &office, 1);
    let second = registered("fire", "消防支队", &fire, 2);
    let mut frontier = Frontier::new();
    for bytes in [first.bytes.as_slice(), &second.bytes, &[]] {
        frontier.push(leaf_hash(bytes));
    }
    let origin = Origin::of("350600".parse().unwrap());
    let note = SignedCheckpoint::sign(Checkpoint::new(origin, 3, frontier.root(), None), &office);
    let cosigned = |agency: &str, key: &Key, sequence| {
        let mut note = note.clone();
        note.cosign(&origin.cosigner_name(code(agency)), 1_772_000_000, key).unwrap();
        // A line under a foreign name, which must not travel on.
        note.cosign(&origin.cosigner_name(code("tourism")), 1_772_000_000, key).unwrap();
        let data = CheckpointCosigned { note: note.to_string() };
        signed(agency, key, sequence, Subject::Region("350600".parse().unwrap()), Payload::CheckpointCosigned(data))
    };
    let contents = [
        Some(first),
        Some(second),
        None,
        Some(cosigned("office", &office, 3)),
        Some(cosigned("fire", &fire, 1)),
        Some(content(b"\xff\x00 no event".to_vec())),
    ];
    (1..).zip(contents).map(|(position, content)| ArchiveRecord { position, content }).collect()
}
