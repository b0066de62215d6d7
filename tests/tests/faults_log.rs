//! A log that somebody has edited, and what a log promises to those who draw tables from it.

#![allow(clippy::unwrap_used)]

mod faults;

use std::collections::BTreeSet;
use std::fs;

use faults::{copy_tree, events_of, import_words, importer};
use fengsui_log::{Embedded, EventLog as _, Position, Stored};
use fengsui_tests::Folder;
use rusqlite::{Connection, params};
use serde_json::Value;

/// The tables and the anomalies after a replay of an edited log.
struct Drawn {
    cases: Vec<Value>,
    units: Vec<Value>,
    anomalies: Vec<Value>,
}

/// A folder whose log may be edited, and what it says when nobody has.
struct City {
    prepared: Folder,
    records: Vec<Stored>,
    cases: Vec<Value>,
    units: Vec<Value>,
}

impl City {
    fn new() -> Self {
        let prepared = Folder::small_demo();
        let log = Embedded::open_reader(prepared.data("log.sqlite")).unwrap();
        let records = log.read(Position::FIRST, usize::MAX).unwrap();
        let Drawn { cases, units, anomalies } = drawn(&prepared);
        assert_eq!(anomalies, [] as [Value; 0]);
        Self { prepared, records, cases, units }
    }

    /// Edits a copy of the log as somebody would who knows SQL, replays, which ends with `status`, and says what is told.
    fn edited(&self, status: i32, edit: impl FnOnce(&Connection)) -> (Folder, Drawn) {
        let folder = Folder::new();
        copy_tree(self.prepared.path(), folder.path());
        let connection = Connection::open(folder.data("log.sqlite")).unwrap();
        let triggers = ["events_only_grow_at_the_end", "events_never_change", "events_never_vanish"];
        for name in triggers {
            connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
        }
        edit(&connection);
        drop(connection);
        folder.run(["replay"]).exits(status);
        let drawn = drawn(&folder);
        (folder, drawn)
    }

    /// The event at a position.
    fn event(&self, position: u32) -> Value {
        let index = usize::try_from(position - 1).unwrap();
        serde_json::from_slice(&self.records[index].record.bytes).unwrap()
    }

    /// Positions of events of a type.
    fn positions(&self, kind: &str) -> Vec<u32> {
        let all = 1..=u32::try_from(self.records.len()).unwrap();
        all.filter(|position| self.event(*position)["type"].as_str().unwrap().contains(kind)).collect()
    }

    /// Everything but one case and its unit is as it was.
    #[track_caller]
    fn others_are_as_they_were(&self, drawn: &Drawn, case: &Value, unit: &Value) {
        let others = |rows: &[Value], name: &str, but: &Value| -> Vec<Value> {
            rows.iter().filter(|row| row[name] != *but).cloned().collect()
        };
        assert_eq!(others(&drawn.cases, "case", case), others(&self.cases, "case", case));
        assert_eq!(others(&drawn.units, "unit", unit), others(&self.units, "unit", unit));
    }
}

fn drawn(folder: &Folder) -> Drawn {
    let rows = |words: [&str; 3]| {
        folder.run(words).ok().json()[format!("{}s", words[1]).replace("ys", "ies")].as_array().unwrap().clone()
    };
    Drawn {
        cases: rows(["--json", "case", "list"]),
        units: rows(["--json", "unit", "list"]),
        anomalies: rows(["--json", "anomaly", "list"]),
    }
}

fn at(anomalies: &[Value], position: u32) -> Vec<&str> {
    let here = anomalies.iter().filter(|anomaly| anomaly["position"] == position);
    here.map(|anomaly| anomaly["code"].as_str().unwrap()).collect()
}

#[test]
fn an_event_that_was_changed_has_no_effect_and_is_named_while_the_others_stand() {
    let city = City::new();
    let reported = city.positions("violation.reported");
    for position in [reported[3], reported[reported.len() / 2]] {
        let event = city.event(position);
        let (case, unit) = (&event["id"], &event["data"]["unit"]);
        let bytes =
            String::from_utf8(city.records[usize::try_from(position - 1).unwrap()].record.bytes.clone()).unwrap();
        // A day in another year: the event is well-formed as before.
        let found_on = event["data"]["found_on"].as_str().unwrap();
        let forged = bytes.replacen(
            &format!("\"found_on\":\"{found_on}\""),
            &format!("\"found_on\":\"2019{}\"", &found_on[4..]),
            1,
        );
        assert!(forged != bytes && forged.len() == bytes.len());
        let change = "UPDATE events SET bytes = ?2 WHERE position = ?1";
        let (folder, drawn) =
            city.edited(5, |log| assert_eq!(log.execute(change, params![position, forged.as_bytes()]).unwrap(), 1));
        assert_eq!(at(&drawn.anomalies, position), ["bad_signature"]);
        city.others_are_as_they_were(&drawn, case, unit);
        assert!(!drawn.cases.iter().any(|row| row["case"] == *case), "a report that nobody signed makes no case");
        // Whatever else is told is of that case, or of the chain that the event was part of.
        for anomaly in &drawn.anomalies {
            let code = anomaly["code"].as_str().unwrap();
            assert!(code == "bad_signature" || code.starts_with("chain_") || anomaly["case"] == *case, "{anomaly}");
        }
        folder.run(["replay"]).exits(5).says(&["tampered with", "bad_signature", "anomaly list"]);
    }
}

#[test]
fn a_record_that_is_no_event_is_passed_over_and_named() {
    let city = City::new();
    let position = city.positions("violation.reported")[5];
    let event = city.event(position);
    for garbage in [&b"\x00\xff\x13\x37 not an event"[..], b"", b"{}", b"[1,2"] {
        let change = "UPDATE events SET bytes = ?2 WHERE position = ?1";
        let (folder, drawn) =
            city.edited(5, |log| assert_eq!(log.execute(change, params![position, garbage]).unwrap(), 1));
        assert_eq!(at(&drawn.anomalies, position), ["malformed_envelope"]);
        city.others_are_as_they_were(&drawn, &event["id"], &event["data"]["unit"]);
        let shown = folder.run(["log", "show", &position.to_string()]);
        assert!(matches!(shown.code, Some(0)) && !shown.stderr.contains("panicked"), "{shown}");
        folder.run(["log", "tail", "-n", "1000"]).ok();
    }
}

#[test]
fn events_that_changed_places_are_noticed_by_their_chain() {
    let city = City::new();
    // Two neighbours of one source, of which neither depends on the other.
    let source = |position: u32| city.event(position)["source"].clone();
    let case = |position: u32| city.event(position)["correlation"].clone();
    let reported = city.positions("violation.reported");
    let (first, second) = reported
        .windows(2)
        .map(|pair| (pair[0], pair[1]))
        .find(|(first, second)| source(*first) == source(*second) && case(*first) != case(*second))
        .unwrap();
    let (folder, drawn) = city.edited(5, |log| {
        let columns = "id, subject, signature, bytes";
        log.execute_batch(&format!(
            "CREATE TEMP TABLE held AS SELECT * FROM events WHERE position IN ({first}, {second});
             UPDATE events SET ({columns}) = (SELECT {columns} FROM held WHERE held.position = {second}) WHERE position = {first};
             UPDATE events SET ({columns}) = (SELECT {columns} FROM held WHERE held.position = {first}) WHERE position = {second};"
        ))
        .unwrap();
    });
    assert!(at(&drawn.anomalies, first).contains(&"chain_gap"), "{:?}", drawn.anomalies);
    folder.run(["replay"]).exits(5).says(&["tampered with", "chain_gap"]);
    // A record under another's id is found out as well.
    let (_, drawn) = city.edited(5, |log| {
        let id = "UPDATE events SET id = (SELECT id FROM events WHERE position = ?2) WHERE position = ?1";
        log.execute(id, [first, second]).unwrap();
    });
    assert_eq!(at(&drawn.anomalies, first), ["id_mismatch"]);
}

#[test]
fn a_record_that_was_taken_out_stops_the_replay_with_its_position() {
    let city = City::new();
    let folder = Folder::new();
    copy_tree(city.prepared.path(), folder.path());
    let digest = folder.digest();
    let connection = Connection::open(folder.data("log.sqlite")).unwrap();
    connection.execute_batch("DROP TRIGGER events_never_vanish; DELETE FROM events WHERE position = 17;").unwrap();
    drop(connection);
    folder.run(["replay"]).exits(5).says(&["no record at position 17", "log.sqlite", "another node's copy"]);
    folder.run(["replay", "--until", "16"]).ok();
    // A good copy mends it.
    fs::copy(city.prepared.data("log.sqlite"), folder.data("log.sqlite")).unwrap();
    assert_eq!(folder.digest(), digest);
}

/// cases.md 1: a record that the log holds twice counts once, and is told.
#[test]
fn a_record_that_is_there_twice_counts_once() {
    let city = City::new();
    let position = city.positions("case.closed")[0];
    let again = "INSERT INTO events SELECT (SELECT max(position) FROM events) + 1, id, subject, signature, bytes \
                 FROM events WHERE position = ?1";
    let (folder, drawn) = city.edited(0, |log| assert_eq!(log.execute(again, [position]).unwrap(), 1));
    assert_eq!(at(&drawn.anomalies, u32::try_from(city.records.len()).unwrap() + 1), ["duplicate"]);
    assert_eq!((drawn.cases, drawn.units), (city.cases.clone(), city.units.clone()));
    let summary = folder.run(["--json", "replay"]).ok().json_lines().pop().unwrap();
    assert_eq!(summary["duplicates"], 1);
}

/// cases.md 11.
#[test]
fn a_replay_writes_nothing_to_log_or_outbox() {
    let folder = Folder::small_demo();
    let files = ["log.sqlite", "outbox.sqlite", "exchange.toml", "node.toml"];
    let read = || files.map(|file| fs::read(folder.data(file)).unwrap());
    let (before, head) = (read(), folder.run(["log", "head"]).ok().stdout);
    let digest = folder.digest();
    for words in [&["replay"][..], &["replay", "--no-verify"], &["replay", "--into", "elsewhere"]] {
        assert_eq!(folder.run(words).ok().digest(), digest);
    }
    folder.run(["replay", "--until", "20", "--into", "early"]).ok();
    assert!(read() == before, "a replay has nothing to write with");
    assert_eq!(folder.run(["log", "head"]).ok().stdout, head);
}

/// cases.md 12.
#[test]
fn a_replay_of_an_empty_log_ends_at_once_and_so_does_the_second() {
    let authority = Folder::new();
    authority.run(["--agency", "joint-office", "init", "--region", "350600", "--authority"]).ok();
    let folder = Folder::new();
    fs::copy(authority.data("exchange.toml"), folder.path().join("exchange.toml")).unwrap();
    folder.run(["--agency", "fire", "init", "--region", "350600", "--exchange", "exchange.toml"]).ok();
    let digests: BTreeSet<String> =
        (0..3).map(|_| folder.run(["replay"]).ok().shows(&["events\t0"]).digest()).collect();
    assert_eq!(digests.len(), 1);
    assert_eq!(folder.run(["--json", "case", "list"]).ok().json()["cases"], Value::Array(vec![]));
    let once = authority.digest();
    assert_eq!(authority.digest(), once);
}

/// cases.md 13: write-ahead files are copied back while the work goes on, and are gone when it ends.
#[test]
fn write_ahead_files_stay_small_and_go_away() {
    // What is copied back at 4 MiB can grow by one transaction of 500 rows until then.
    const WAL_BYTES_MAX: u64 = 16 << 20;
    let folder = importer(5);
    let files = ["log", "outbox", "model"].map(|name| folder.data(&format!("{name}.sqlite-wal")));
    let size = |path: &std::path::PathBuf| fs::metadata(path).map_or(0, |file| file.len());
    let mut child = folder.command(import_words()).stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut largest = [0; 3];
    while child.try_wait().unwrap().is_none() {
        for (largest, file) in largest.iter_mut().zip(&files) {
            *largest = size(file).max(*largest);
        }
        std::thread::yield_now();
    }
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let log_bytes = fs::metadata(folder.data("log.sqlite")).unwrap().len();
    assert!(largest[0] > 0 && largest.iter().all(|bytes| *bytes < WAL_BYTES_MAX), "{largest:?}");
    assert!(log_bytes > 8 << 20, "the log has outgrown its write-ahead file: {log_bytes}");
    // Many small commands leave nothing behind either.
    for number in 0..10 {
        let unit = format!("local.book:{number}");
        let words = [
            "violation",
            "report",
            "--unit",
            &unit,
            "--name",
            "A",
            "--region",
            "350602",
            "--category",
            "food.handling",
            "--facts",
            "x",
            "--found-on",
            "2026-03-02",
            "--method",
            "inspection",
        ];
        folder.desk("health", words).ok();
    }
    assert_eq!(files.each_ref().map(size), [0; 3]);
    assert!(events_of(&folder.data("log.sqlite")).values().all(|count| *count == 1));
}
