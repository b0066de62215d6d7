//! Attacks on a log, through the built program: each on a log file and on an archive that is perfect in itself, with what finds it and where. And
//! docs/attacks.md: whether the tests that it names are there.

#![allow(clippy::unwrap_used)]

mod audited;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use audited::{Audited, Found, MAJORITY, OFFICE, Row, event, origin, resigned, root, rows, signed};
use fengsui_event::payload::{AgencyKeyRevoked, CheckpointCosigned};
use fengsui_event::{Digest, Payload, Signer as _, Subject};
use fengsui_node::keys::SigningKey;
use fengsui_proof::checkpoint::{Checkpoint, SignedCheckpoint};
use fengsui_tests::{Folder, project};

/// What an attack must be found as.
#[derive(Clone, Copy)]
enum Expected {
    At(&'static str, u64),
    /// Between two checkpoints, around the position and before the last one that is named.
    Around(&'static str, u64, u64),
}

/// Holds the same rows against the program as a log file and as an archive.
#[track_caller]
fn attack(city: &Audited, name: &str, exit: i32, more: &[&str], rows: &[Row], expected: &[Expected]) {
    let renumbered: Vec<Row> = rows.iter().cloned().zip(1..).map(|(row, position)| Row { position, ..row }).collect();
    let (log, archive) = (format!("{name}.sqlite"), format!("{name}.zip"));
    city.as_log(&log, &renumbered);
    city.as_archive(&archive, &renumbered);
    for file in [log, archive] {
        let found = city.audit(exit, &[&[file.as_str()], more].concat());
        expected.iter().fold(found, |found: Found, expected| match *expected {
            Expected::At(code, position) => found.at(code, position),
            Expected::Around(code, position, last) => found.around(code, position, last),
        });
    }
}

/// A city, its rows, and the index of a report of the fire brigade that the checkpoint covers.
fn city() -> (Audited, Vec<Row>, usize) {
    let city = Audited::new();
    let rows = rows(&city.folder.path().join("log.sqlite"));
    let report = |row: &Row| row.position > 300 && row.subject.ends_with(".fire.violation.reported");
    let index = rows.iter().position(report).unwrap();
    (city, rows, index)
}

#[test]
fn changed_events_are_found_in_log_and_archive() {
    let (city, rows, index) = city();
    let (at, size) = (rows[index].position, city.size);
    let with = |row: Row| [&rows[..index], &[row], &rows[index + 1..]].concat();
    let own = resigned(&rows[index], &[("\"facts\":\"", "\"facts\":\"没有")], &city.key("fire"));
    let around = Expected::Around("root_differs", at, size);

    let edited = Row { signature: rows[index].signature.clone(), ..own.clone() };
    attack(&city, "edited", 5, &[], &with(edited), &[Expected::At("bad_signature", at), around]);

    // By the agency itself, which has its key but not its past.
    let source = event(&rows[index]).source;
    let next = rows[index + 1..].iter().find(|row| event(row).source == source).unwrap().position;
    attack(&city, "own", 5, &[], &with(own.clone()), &[Expected::At("chain_fork", next), around]);

    let keyid = |key: &SigningKey| format!("\"keyid\":\"{}\"", key.keyid());
    let by = |key: &SigningKey| resigned(&own, &[(&keyid(&city.key("fire")), &keyid(key))], key);
    let registered = by(&city.key("tourism"));
    attack(&city, "registered", 5, &[], &with(registered), &[Expected::At("foreign_key", at), around]);
    let stranger = by(&SigningKey::generate().unwrap());
    attack(&city, "stranger", 5, &[], &with(stranger), &[Expected::At("unknown_key", at), around]);
}

#[test]
fn moved_removed_and_added_events_are_found_in_log_and_archive() {
    let (city, rows, index) = city();
    let (at, size) = (rows[index].position, city.size);
    let around = Expected::Around("root_differs", at, size);

    let mut swapped = rows.clone();
    swapped.swap(index, index + 1);
    attack(&city, "swapped", 5, &[], &swapped, &[around]);

    // A hole that is left open, and one that is closed: then the next event of that source tells.
    let hole = [&rows[..index], &[Row::hole(at)], &rows[index + 1..]].concat();
    attack(&city, "hole", 5, &[], &hole, &[Expected::At("lost", at), around]);
    let source = event(&rows[index]).source;
    let next = rows[index + 1..].iter().find(|row| event(row).source == source).unwrap().position - 1;
    let closed = [&rows[..index], &rows[index + 1..]].concat();
    attack(&city, "closed", 5, &[], &closed, &[Expected::At("chain_gap", next), around]);

    // Something genuine once more, and something new by an agency that plays along.
    let again = [&rows[..index], &rows[index - 1..]].concat();
    attack(&city, "again", 5, &[], &again, &[around]);
    let payload = event(&rows[index]).payload().unwrap().clone();
    let new = signed(&rows[..index], "fire", &city.key("fire"), event(&rows[index]).subject, payload);
    let inserted = [&rows[..index], &[new], &rows[index..]].concat();
    attack(&city, "inserted", 5, &[], &inserted, &[Expected::At("sequence_reused", at + 1), around]);

    // What a checkpoint from elsewhere covers, and the log no longer holds.
    let short = usize::try_from(size).unwrap() - 5;
    attack(&city, "tail", 0, &[], &rows[..short], &[]);
    let dropped = [Expected::At("dropped_tail", size - 4)];
    attack(&city, "cut", 5, &["--trusted", "good.note"], &rows[..short], &dropped);
}

#[test]
fn a_key_that_was_revoked_signs_nothing_in_log_and_archive() {
    let (city, rows, index) = city();
    let (stolen, subject) = (city.key("fire"), event(&rows[index]).subject);
    let agency = "fire".parse().unwrap();
    let reason = "失窃".to_owned();
    let revoked = Payload::AgencyKeyRevoked(AgencyKeyRevoked { agency, keyid: stolen.keyid(), reason });
    let revoked = signed(&rows, OFFICE, &city.key(OFFICE), Subject::Agency(agency), revoked);
    let before = [&rows[..], &[revoked]].concat();
    let late = signed(&before, "fire", &stolen, subject, event(&rows[index]).payload().unwrap().clone());
    let at = late.position;
    let log = [&before[..], &[late]].concat();
    city.as_log("late.sqlite", &log);
    city.audit(5, &["late.sqlite"]).at("ended_key", at).only(&["ended_key"]);
    // The archive's list of keys cannot be honest and fit the forged event at once; with the honest one the event tells.
    city.as_archive("late.zip", &log);
    city.audit(5, &["late.zip"]).at("ended_key", at);
}

#[test]
fn an_older_log_is_good_in_itself_and_a_newer_checkpoint_shows_what_it_lacks() {
    let (city, old, _) = city();
    let report = "violation report --unit local.book:1 --name A --region 350602 --category fire.60-3 --facts x";
    city.folder.desk("fire", report.split(' ')).ok();
    let note = city.checkpoint(None);
    let size = note.checkpoint().size;
    city.folder.write("newer.note", city.cosigned(&note, &MAJORITY).to_string());
    assert!(size > old.len() as u64);
    attack(&city, "older", 0, &[], &old, &[]);
    let dropped = [Expected::At("dropped_tail", old.len() as u64 + 1)];
    attack(&city, "rolled-back", 5, &["--trusted", "newer.note"], &old, &dropped);

    // Whoever has verified the newer one needs no checkpoint to know.
    city.folder.run(["audit", "export", "--out", "newer.zip"]).ok();
    city.audit(0, &["newer.zip", "--work", "work"]);
    for older in ["older.sqlite", "older.zip"] {
        let found = city.audit(5, &[older, "--work", "work"]).at("rollback", old.len() as u64 + 1);
        assert_eq!(found.check("continuity")["failed"], 1, "{found:?}");
    }
}

#[test]
fn what_the_authority_signs_twice_or_others_sign_in_its_place_is_found_in_log_and_archive() {
    let (city, rows, _) = city();
    let size = city.size;
    let mut other = rows[..usize::try_from(size).unwrap()].to_vec();
    other.swap(300, 301);
    let note = |root, key: &SigningKey| SignedCheckpoint::sign(Checkpoint::new(origin(), size, root, None), key);
    let forked = note(root(&other), &city.key(OFFICE));
    city.folder.write("other.note", forked.to_string());
    let split = [Expected::At("split_view", size), Expected::Around("root_differs", 301, size)];
    attack(&city, "forked", 5, &["--trusted", "other.note"], &rows, &split);

    // An agency that is not the authority, on the log.
    let mut forged = note(root(&rows[..other.len()]), &city.key("fire"));
    forged.cosign(&origin().cosigner_name("fire".parse().unwrap()), 1_800_000_000, &city.key("fire")).unwrap();
    let payload = Payload::CheckpointCosigned(CheckpointCosigned { note: forged.to_string() });
    let row = signed(&rows, "fire", &city.key("fire"), Subject::Region(origin().region()), payload);
    let at = row.position;
    let on_log = [&rows[..], &[row]].concat();
    attack(&city, "forged", 5, &[], &on_log, &[Expected::At("forged_checkpoint", at)]);

    // The right tree, and a state that is not the one it gives.
    let stated = Checkpoint::new(origin(), size, root(&rows[..other.len()]), Some(Digest::of(b"another state")));
    city.folder.write("stated.note", SignedCheckpoint::sign(stated, &city.key(OFFICE)).to_string());
    let differs = [Expected::At("digest_differs", size)];
    attack(&city, "stated", 4, &["--trusted", "stated.note"], &rows, &differs);
}

#[test]
fn one_bit_turned_in_any_field_of_any_record_is_found_at_its_position() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    let city = Audited { folder, size: 0 };
    city.folder.run(["log", "copy", "--from", fengsui_tests::DATA, "--to", "log.sqlite"]).ok();
    let good = rows(&city.folder.path().join("log.sqlite"));
    assert!(good.len() >= 4);
    for (row, turn) in good.iter().zip(0_usize..) {
        let turned = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            // Another byte in each record.
            let place = (turn * 37 + 11) % bytes.len();
            bytes[place] ^= 1 << (turn % 8);
            bytes
        };
        let altered = [
            Row { id: turned(&row.id), ..row.clone() },
            Row { subject: format!("{}x", row.subject), ..row.clone() },
            Row { signature: turned(&row.signature), ..row.clone() },
            Row { bytes: turned(&row.bytes), ..row.clone() },
        ];
        for altered in altered {
            let found = city.forged(5, &[], |log| audited::put(log, &altered));
            assert!(found.positions().contains(&row.position), "{found:?}");
        }
    }
}

#[test]
fn one_bit_turned_anywhere_in_an_archive_is_refused() {
    let folder = Folder::exchange(&["fire"]);
    folder.run(["audit", "export", "--out", "good.zip"]).ok();
    let good = fs::read(folder.path().join("good.zip")).unwrap();
    let audit = || folder.run(["audit", "verify", "turned.zip", "--exchange", "fengsui-data/exchange.toml", "--json"]);
    folder.write("turned.zip", &good);
    audit().ok();
    // Every byte is turned in crates/proof; here the whole way is gone for some of them, in each part of the file.
    for place in (0..good.len()).step_by(good.len() / 60) {
        let mut bytes = good.clone();
        bytes[place] ^= 1 << (place % 8);
        folder.write("turned.zip", bytes);
        let ran = audit();
        assert!(matches!(ran.code, Some(1 | 5)), "byte {place}: {ran}");
        assert!(ran.code == Some(5) || place < 4 || ran.stderr.contains("archive_version"), "byte {place}: {ran}");
    }
}

/// The attacks that issue 5 names, as they stand in the first column of docs/attacks.md.
const NAMED: [&str; 16] = [
    "edited payload",
    "swapped events",
    "dropped tail",
    "dropped middle",
    "inserted event",
    "signed again with another registered key",
    "key used after its revocation",
    "split view",
    "rollback to an old checkpoint",
    "forged checkpoint",
    "stale certificate",
    "tampered tile",
    "archive with extra or missing files",
    "names that lead out of the archive",
    "decompression bomb",
    "one bit turned, at every byte",
];

#[test]
fn every_attack_has_tests_that_are_there_and_codes_that_the_program_has() {
    let page = fs::read_to_string(project().join("docs/attacks.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.ends_with(" |"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .filter(|cells: &Vec<&str>| cells.last().is_some_and(|tests| tests.contains(".rs`")))
        .collect();
    let found: BTreeSet<&str> = rows.iter().map(|cells| cells[0]).collect();
    for attack in NAMED {
        assert!(found.contains(attack), "docs/attacks.md has no row for: {attack}");
    }
    assert_eq!(found.len(), rows.len(), "an attack stands there twice");
    let sources = sources();
    let quoted = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    for cells in &rows {
        assert_eq!(cells.len(), 5, "{cells:?}");
        let tests = quoted(cells[4]);
        assert!(!tests.is_empty() && tests.len().is_multiple_of(2), "{cells:?}");
        for pair in tests.chunks(2) {
            let text =
                fs::read_to_string(project().join(&pair[0])).unwrap_or_else(|error| panic!("{}: {error}", pair[0]));
            let is_there = text.contains(&format!("fn {}()", pair[1])) || text.contains(&format!("fn {}(\n", pair[1]));
            assert!(is_there, "{}: no test {} in {}", cells[0], pair[1], pair[0]);
            for code in quoted(cells[3]) {
                assert!(sources.contains(&format!("\"{code}\"")), "{}: the program has no code {code}", cells[0]);
            }
        }
    }
}

/// Everything that the program's crates say in their own words.
fn sources() -> String {
    fn collect(folder: &Path, all: &mut String) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                collect(&path, all);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                all.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut all = String::new();
    for name in ["proof", "projector", "node", "fengsui"] {
        collect(&project().join("crates").join(name).join("src"), &mut all);
    }
    all
}

#[test]
fn every_fuzz_target_is_built_and_has_inputs_to_begin_with() {
    let fuzz = project().join("tests/fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let named = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let targets = named("targets");
    assert!(targets.len() >= 19, "{targets:?}");
    assert_eq!(targets, named("corpus"));
    for target in targets {
        assert!(manifest.contains(&format!("path = \"targets/{target}.rs\"")), "{target}");
        let inputs = fs::read_dir(fuzz.join("corpus").join(&target)).unwrap().count();
        assert!(inputs > 0, "{target} has no inputs");
    }
}
