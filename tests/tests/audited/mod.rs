//! A city whose log was signed and cosigned, and the means of whoever holds its files to forge them.

#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fengsui_event::{AgencyCode, CaseId, Event, EventId, Payload, Signer, Subject, Timestamp};
use fengsui_event::{ChainLink, Digest, envelope::Draft};
use fengsui_node::desk::{Command, RandomIds};
use fengsui_node::keys::SigningKey;
use fengsui_node::node::Node;
use fengsui_proof::archive::{Archive, ArchiveRange, ArchiveWriter, ContentRef, Packing};
use fengsui_proof::checkpoint::{Checkpoint, Origin, SignedCheckpoint};
use fengsui_proof::hash::{Hash, leaf_hash};
use fengsui_proof::tree::Frontier;
use fengsui_tests::{DATA, Folder, Ran};
use rusqlite::{Connection, params};
use serde_json::Value;

/// The authority of the demonstration city.
pub const OFFICE: &str = "joint-office";
/// Five of its eight other agencies: the smallest majority.
pub const MAJORITY: [&str; 5] = ["fire", "tourism", "urban", "housing", "commerce"];

/// A small city with a checkpoint that a majority has cosigned on the log, and the log alone in a file.
pub struct Audited {
    pub folder: Folder,
    /// How many events the checkpoint covers.
    pub size: u64,
}

/// A record as it stands in a log's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub position: u64,
    pub id: Vec<u8>,
    pub subject: String,
    pub signature: Vec<u8>,
    pub bytes: Vec<u8>,
}

impl Audited {
    /// The city.
    pub fn new() -> Self {
        let folder = Folder::small_demo();
        let mut audited = Self { folder, size: 0 };
        let note = audited.checkpoint(None);
        audited.size = note.checkpoint().size;
        audited.cosign(&note, &[&[OFFICE], &MAJORITY[..]].concat());
        audited.folder.write("good.note", audited.cosigned(&note, &MAJORITY).to_string());
        audited.folder.run(["log", "copy", "--from", DATA, "--to", "log.sqlite"]).ok();
        audited
    }

    /// An agency's key.
    pub fn key(&self, agency: &str) -> SigningKey {
        SigningKey::load(&self.folder.data(&format!("keys/{agency}.seed"))).unwrap()
    }

    /// A checkpoint over everything that the node's log holds, signed by the authority.
    pub fn checkpoint(&self, digest: Option<Digest>) -> SignedCheckpoint {
        let rows = rows(&self.folder.data("log.sqlite"));
        let (size, root) = (rows.len() as u64, root(&rows));
        SignedCheckpoint::sign(Checkpoint::new(origin(), size, root, digest), &self.key(OFFICE))
    }

    /// The same checkpoint with cosignatures.
    pub fn cosigned(&self, note: &SignedCheckpoint, agencies: &[&str]) -> SignedCheckpoint {
        let mut note = note.clone();
        for agency in agencies {
            let name = origin().cosigner_name(agency.parse().unwrap());
            note.cosign(&name, 1_800_000_000, &self.key(agency)).unwrap();
        }
        note
    }

    /// Puts cosignatures on the log.
    pub fn cosign(&self, note: &SignedCheckpoint, agencies: &[&str]) {
        let mut node = Node::open(&self.folder.path().join(DATA)).unwrap();
        for agency in agencies {
            let code: AgencyCode = agency.parse().unwrap();
            let mut note = note.clone();
            let now = Timestamp::now();
            let seconds = u64::try_from(now.as_second()).unwrap();
            note.cosign(&origin().cosigner_name(code), seconds, &self.key(agency)).unwrap();
            node.submit(code, Command::CosignCheckpoint { note: note.to_string() }, &mut RandomIds, now).unwrap();
        }
    }

    /// Another copy of the log, whose triggers are gone.
    pub fn copy(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::copy(self.folder.path().join("log.sqlite"), &path).unwrap();
        without_triggers(&path);
        path
    }

    /// Audits a log; gives the findings by code.
    #[track_caller]
    pub fn audit(&self, exit: i32, words: &[&str]) -> Found {
        let first = ["audit", "verify", "--json", "--exchange", "fengsui-data/exchange.toml"];
        Found::of(self.folder.run(first.iter().chain(words)).exits(exit))
    }

    /// Forges a copy of the log and audits it.
    #[track_caller]
    pub fn forged(&self, exit: i32, words: &[&str], forge: impl FnOnce(&Connection)) -> Found {
        let path = self.copy("forged.sqlite");
        forge(&Connection::open(&path).unwrap());
        let found = self.audit(exit, &[&["forged.sqlite"], words].concat());
        std::fs::remove_file(path).unwrap();
        found
    }

    /// These rows as a log file, whatever holds between them.
    pub fn as_log(&self, name: &str, rows: &[Row]) {
        let log = Connection::open(self.copy(name)).unwrap();
        log.execute_batch("BEGIN; DELETE FROM events").unwrap();
        rows.iter().filter(|row| !row.is_hole()).for_each(|row| put(&log, row));
        log.execute_batch("COMMIT").unwrap();
    }

    /// These rows as an archive, made with the program's own writer: tree, digests and lists are those of these rows.
    pub fn as_archive(&self, name: &str, rows: &[Row]) {
        if !self.folder.path().join("good.zip").exists() {
            self.folder.run(["audit", "export", "--from-log", "log.sqlite", "--out", "good.zip"]).ok();
        }
        let good = Archive::open(&self.folder.path().join("good.zip")).unwrap();
        let exchange = good.exchange().unwrap();
        let range = ArchiveRange {
            region: exchange.region,
            authority: exchange.authority,
            authority_keys: exchange.authority_keys,
            first: 1,
            last: rows.len() as u64,
            keys: good.keys().unwrap(),
            rulebooks: good.rulebooks().map(Result::unwrap).collect(),
        };
        let path = self.folder.path().join(name);
        let mut writer = ArchiveWriter::begin(&path, Packing::Stored, true, range).unwrap();
        for row in rows {
            let Row { position, subject, signature, bytes, .. } = row;
            let id = (!row.is_hole()).then(|| EventId::from_bytes(row.id.as_slice().try_into().unwrap()));
            writer.take(*position, id.map(|id| ContentRef { id, subject, signature, bytes })).unwrap();
        }
        writer.finish(&mut |_, _| ControlFlow::Continue(())).unwrap();
    }
}

impl Row {
    /// What stands where nothing is left.
    pub fn hole(position: u64) -> Self {
        Self { position, id: Vec::new(), subject: String::new(), signature: Vec::new(), bytes: Vec::new() }
    }

    fn is_hole(&self) -> bool {
        self.id.is_empty()
    }
}

/// What an audit found.
#[derive(Debug)]
pub struct Found {
    findings: BTreeMap<String, Value>,
    /// The summary.
    pub summary: Value,
    ran: Ran,
}

impl Found {
    fn of(ran: Ran) -> Self {
        let lines = ran.json_lines();
        let is = |kind: &'static str| move |line: &&Value| line["type"] == kind;
        let findings = lines.iter().filter(is("finding"));
        let findings = findings.map(|line| (line["code"].as_str().unwrap().to_owned(), line.clone())).collect();
        let summary = lines.iter().find(is("summary")).unwrap().clone();
        Self { findings, summary, ran }
    }

    /// Asserts that a finding names the position.
    #[track_caller]
    pub fn at(self, code: &str, position: u64) -> Self {
        let finding = self.findings.get(code).unwrap_or_else(|| panic!("no {code} in\n{}", self.ran));
        assert_eq!(finding["position"], position, "{code} in\n{}", self.ran);
        self
    }

    /// Asserts that a finding names a range that holds the position, and ends at or before `last`.
    #[track_caller]
    pub fn around(self, code: &str, position: u64, last: u64) -> Self {
        let finding = self.findings.get(code).unwrap_or_else(|| panic!("no {code} in\n{}", self.ran));
        let (from, until) = (finding["position"].as_u64().unwrap(), finding["until"].as_u64().unwrap());
        assert!(from <= position && position <= until && until <= last, "{code} in\n{}", self.ran);
        self
    }

    /// Asserts that these are all the codes that were found.
    #[track_caller]
    pub fn only(self, codes: &[&str]) -> Self {
        let mut expected = codes.to_vec();
        expected.sort_unstable();
        assert_eq!(self.findings.keys().collect::<Vec<_>>(), expected, "{}", self.ran);
        self
    }

    /// The positions that findings name.
    pub fn positions(&self) -> Vec<u64> {
        self.findings.values().filter_map(|finding| finding["position"].as_u64()).collect()
    }

    /// How one check went.
    pub fn check(&self, code: &str) -> &Value {
        let checks = self.summary["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == code).unwrap()
    }
}

/// The origin of the city's log.
pub fn origin() -> Origin {
    Origin::of("350600".parse().unwrap())
}

/// The root over rows, by their bytes.
pub fn root(rows: &[Row]) -> Hash {
    let mut tree = Frontier::new();
    for row in rows {
        tree.push(leaf_hash(&row.bytes));
    }
    tree.root()
}

/// The rows of a log's file.
pub fn rows(path: &Path) -> Vec<Row> {
    let log = Connection::open(path).unwrap();
    let sql = "SELECT position, id, subject, signature, bytes FROM events ORDER BY position";
    let mut statement = log.prepare(sql).unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        let position = row.get::<_, i64>(0)?.cast_unsigned();
        Ok(Row { position, id: row.get(1)?, subject: row.get(2)?, signature: row.get(3)?, bytes: row.get(4)? })
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// Takes a log's triggers away.
pub fn without_triggers(path: &Path) {
    let log = Connection::open(path).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
    let names: Vec<String> =
        log.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for name in names {
        log.execute_batch(&format!("DROP TRIGGER \"{name}\"")).unwrap();
    }
}

/// Replaces a row, or adds it.
pub fn put(log: &Connection, row: &Row) {
    let Row { position, id, subject, signature, bytes } = row;
    let sql = "REPLACE INTO events (position, id, subject, signature, bytes) VALUES (?1, ?2, ?3, ?4, ?5)";
    log.execute(sql, params![position.cast_signed(), id, subject, signature, bytes]).unwrap();
}

/// Moves what stands at a position and after it by so many positions.
pub fn shift(log: &Connection, from: u64, by: i64) {
    // Out of the way first: a position must never be taken twice.
    let away = 1_000_000;
    let sql = "UPDATE events SET position = position + ?1 WHERE position >= ?2";
    log.execute(sql, [away + by, from.cast_signed()]).unwrap();
    log.execute(sql, [-away, away]).unwrap();
}

/// The event in a row.
pub fn event(row: &Row) -> Event {
    Event::parse(&row.bytes).unwrap()
}

/// The row of an event that a key signs in an agency's name, next in its chain.
pub fn signed(rows: &[Row], agency: &str, signer: &SigningKey, subject: Subject, payload: Payload) -> Row {
    let agency: AgencyCode = agency.parse().unwrap();
    let last = rows.iter().rev().find(|row| event(row).source.agency == agency).unwrap();
    let before = event(last);
    let time = Timestamp::now();
    let mut ids = RandomIds;
    let id: EventId = fengsui_node::desk::IdSource::next(&mut ids, time);
    let correlation: Option<CaseId> = None;
    let draft = Draft { id, source: before.source, subject, time, correlation, causation: None, payload };
    let made = draft.sign(ChainLink::after(before.sequence, &last.bytes), signer).unwrap();
    let position = rows.last().unwrap().position + 1;
    let (id, subject) = (id.to_bytes().to_vec(), draft.stream_subject());
    Row { position, id, subject, signature: made.signature.to_vec(), bytes: made.bytes }
}

/// Changes a row's text and has a key sign it again.
pub fn resigned(row: &Row, change: &[(&str, &str)], signer: &SigningKey) -> Row {
    let text = change.iter().fold(String::from_utf8(row.bytes.clone()).unwrap(), |text, (from, to)| {
        assert!(text.contains(from), "{from} in {text}");
        text.replacen(from, to, 1)
    });
    let signature = signer.sign(text.as_bytes()).to_vec();
    Row { signature, bytes: text.into_bytes(), ..row.clone() }
}
