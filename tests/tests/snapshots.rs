//! A new node starts from a snapshot, through the program: what it takes, what it refuses, and that the tables are those of a replay.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use fengsui_tests::{City, Folder, OFFICE, Ran};
use rusqlite::Connection;
use rusqlite::types::Value;

/// A city whose agencies have all cosigned its state, with a snapshot of it.
fn witnessed() -> Folder {
    let city = Folder::small_demo();
    city.run(["checkpoint", "sign", "--digest"]).ok();
    city.run(["checkpoint", "cosign"]).ok();
    city.run(["snapshot", "write", "--out", "city.snapshot"]).ok();
    city
}

/// A folder beside the city's for a node that has the log and nothing else.
fn new_node(city: &Folder) {
    let exchange = city.data("exchange.toml");
    let exchange = exchange.to_str().unwrap();
    city.run(["--data", "new", "--agency", "health", "init", "--region", "350600", "--exchange", exchange]).ok();
    city.run(["log", "copy", "--from", "fengsui-data", "--to", "new/log.sqlite"]).ok();
}

fn load(city: &Folder, more: &[&str]) -> Ran {
    city.run([&["--data", "new", "--json", "snapshot", "load", "city.snapshot"], more].concat())
}

fn summary(ran: &Ran) -> serde_json::Value {
    ran.json_lines().last().unwrap().clone()
}

/// Every table with every row and column.
fn tables(model: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let connection = Connection::open(model).unwrap();
    let list = |sql: &str| {
        let mut statement = connection.prepare(sql).unwrap();
        let width = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..width).map(|index| row.get(index)).collect();
        statement.query_map([], row).unwrap().map(Result::unwrap).collect::<Vec<Vec<Value>>>()
    };
    let names = list("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name");
    let name = |row: Vec<Value>| match row.into_iter().next() {
        Some(Value::Text(name)) => name,
        other => panic!("{other:?}"),
    };
    let names = names.into_iter().map(name);
    names.map(|name| (name.clone(), list(&format!("SELECT * FROM {name} ORDER BY 1, 2")))).collect()
}

#[test]
fn a_new_node_starts_from_a_snapshot_and_goes_on_as_if_it_had_folded_everything() {
    let city = witnessed();
    new_node(&city);
    let shown = city.run(["--json", "snapshot", "show", "city.snapshot"]).ok().json();
    let ran = load(&city, &[]).ok();
    let summary = summary(&ran);
    assert_eq!(summary["loaded"], true, "{ran}");
    assert_eq!((&summary["position"], &summary["digest"]), (&shown["position"], &shown["digest"]));
    // Seven agencies beside the authority have joined the pilot; the authority's own word does not count.
    let (cosigned, needed) = (&summary["endorsed"]["cosigned"], summary["endorsed"]["needed"].as_u64().unwrap());
    let others = city.run(["--json", "agency", "list"]).ok().json()["agencies"].as_array().unwrap().len() - 1;
    assert_eq!((cosigned.as_array().unwrap().len(), needed), (others, others as u64 / 2 + 1));
    // The cosignatures themselves stand behind the snapshot's position.
    assert!(summary["tables"].as_u64() > summary["position"].as_u64(), "{summary}");
    city.run(["replay", "--into", "replayed"]).ok();
    let same = || {
        let (loaded, replayed) =
            (tables(&city.path().join("new/model.sqlite")), tables(&city.path().join("replayed/model.sqlite")));
        for ((name, loaded), (other, replayed)) in loaded.iter().zip(&replayed) {
            assert_eq!(name, other);
            assert!(loaded == replayed, "{name}");
        }
        assert!(loaded.len() > 12 && loaded.len() == replayed.len());
    };
    same();
    // The city goes on, and the new node with it.
    let words = "--agency fire violation report --unit local.book:7 --name 店 --region 350602 --category fire.60-3 \
        --facts 占用疏散通道 --found-on 2026-06-01 --method inspection";
    city.run(words.split_whitespace()).ok();
    city.run(["log", "copy", "--from", "fengsui-data", "--to", "new/log.sqlite"]).ok();
    city.run(["--data", "new", "case", "list", "--limit", "1"]).ok();
    city.run(["replay", "--into", "replayed"]).ok();
    same();
    // Once more is nothing more.
    let again = load(&city, &[]).ok().says(&["nothing was changed"]);
    assert_eq!(self::summary(&again)["loaded"], false);
}

#[test]
fn without_enough_who_stand_behind_it_nothing_is_loaded() {
    let city = Folder::small_demo();
    city.run(["snapshot", "write", "--out", "city.snapshot"]).ok().says(&["no other node will load it yet"]);
    new_node(&city);
    let before = fs::read(city.path().join("new/model.sqlite")).unwrap();
    load(&city, &[]).exits(1).says(&["no checkpoint of position", "fengsui checkpoint sign --digest"]);
    city.run(["checkpoint", "sign", "--digest"]).ok();
    city.run(["log", "copy", "--from", "fengsui-data", "--to", "new/log.sqlite"]).ok();
    load(&city, &[]).exits(1).says(&["\"code\":\"no_quorum\"", "0 of the"]);
    city.desk("fire", ["checkpoint", "cosign"]).ok();
    city.run(["log", "copy", "--from", "fengsui-data", "--to", "new/log.sqlite"]).ok();
    load(&city, &[]).exits(1).says(&["1 of the", "agencies/fire"]);
    assert!(fs::read(city.path().join("new/model.sqlite")).unwrap() == before);
    load(&city, &["--quorum", "1"]).ok();
}

#[test]
fn a_checkpoint_and_a_supervisor_from_elsewhere_count() {
    let city = Folder::small_demo();
    city.run(["checkpoint", "sign", "--digest"]).ok();
    let note = city.run(["checkpoint", "show", "latest", "--note"]).ok().stdout;
    let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
    city.run(["--as-of", &size.to_string(), "snapshot", "write", "--out", "city.snapshot"]).ok();
    city.write("latest.note", &note);
    let key = city.run(["--json", "checkpoint", "key", "supervisor.seed", "--name", "supervisor.example/office"]).ok();
    let key = key.json()["vkey"].as_str().unwrap().to_owned();
    let words =
        "checkpoint cosign latest.note --key supervisor.seed --name supervisor.example/office --out cosigned.note";
    city.run(words.split_whitespace()).ok();
    new_node(&city);
    let with_note = ["--checkpoint", "cosigned.note", "--quorum", "1"];
    load(&city, &with_note).exits(1).says(&["no_quorum"]);
    load(&city, &[&with_note[..], &["--cosigner", &key]].concat()).ok();
    load(&city, &["--checkpoint", "city.snapshot"]).exits(1).says(&["not_a_checkpoint"]);
}

#[test]
fn nothing_but_an_older_snapshot_is_replaced() {
    let city = witnessed();
    city.run(["snapshot", "write", "--out", "city.snapshot"]).ok();
    for file in ["diary.txt", "empty"] {
        city.write(file, if file == "empty" { "" } else { "mine" });
        city.run(["snapshot", "write", "--out", file, "--lang", "en"]).exits(1).says(&["is no snapshot"]);
        city.run(["snapshot", "write", "--out", file, "--lang", "zh"]).exits(1).says(&["不是快照"]);
    }
    assert_eq!(city.read("diary.txt"), "mine");
    city.run(["snapshot", "write", "--out", ".", "--json"]).exits(1).says(&["\"exists\""]);
}

#[test]
fn snapshots_that_are_none_are_refused_in_both_languages() {
    let city = witnessed();
    new_node(&city);
    let whole = fs::read(city.path().join("city.snapshot")).unwrap();
    let check = |change: &dyn Fn(&mut Vec<u8>), exit: i32, code: &str, texts: [&str; 2]| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        fs::write(city.path().join("city.snapshot"), bytes).unwrap();
        load(&city, &[]).exits(exit).says(&[&format!("\"code\":\"{code}\"")]);
        for (language, text) in ["zh", "en"].into_iter().zip(texts) {
            city.run(["--data", "new", "--lang", language, "snapshot", "load", "city.snapshot"])
                .exits(exit)
                .says(&[text]);
        }
    };
    check(&|bytes| bytes.truncate(0), 1, "not_a_snapshot", ["不是", "is not a snapshot"]);
    check(&|bytes| bytes.truncate(9_000), 1, "snapshot_length", ["请重新取得", "fetch it again"]);
    check(&|bytes| bytes[8] = 7, 1, "snapshot_format", ["快照格式", "is a snapshot of format 7."]);
    check(&|bytes| bytes[9_000] ^= 1, 5, "snapshot_checksum", ["校验和不符", "the body of"]);
    fs::write(city.path().join("city.snapshot"), &whole).unwrap();
    city.run(["snapshot", "show", "nowhere"]).exits(1).says(&["nowhere"]);
    // A copy that is too short.
    let exchange = city.data("exchange.toml");
    let exchange = exchange.to_str().unwrap();
    city.run(["--data", "short", "--agency", "health", "init", "--region", "350600", "--exchange", exchange]).ok();
    city.run(["log", "copy", "--from", "fengsui-data", "--to", "short/log.sqlite", "--until", "100"]).ok();
    let short = city.run(["--data", "short", "--json", "snapshot", "load", "city.snapshot"]).exits(1);
    short.says(&["snapshot_beyond_log", "fengsui log copy"]);
}

/// An agency that joins late: its node copies the stream, takes the tables from a snapshot, and goes on from there.
#[test]
fn a_node_on_a_broker_starts_from_a_snapshot_and_runs_on() {
    let city = City::prepared(&["fire", "housing"]);
    city.start_node(OFFICE);
    city.start_node("fire");
    city.await_settled();
    let report =
        "violation report --unit 91350602MA0000015U --name 瑞和宾馆 --region 350602 --category fire.60-3 --facts 堵塞";
    city.line("fire", report).ok();
    city.await_settled();
    city.desk(OFFICE, ["checkpoint", "sign", "--digest"]).ok();
    city.await_settled();
    city.desk("fire", ["checkpoint", "cosign"]).ok();
    city.await_settled();
    city.desk("fire", ["snapshot", "write", "--out", "city.snapshot"]).ok();
    let snapshot = city.folder("fire").path().join("city.snapshot");
    let late = |words: &[&str]| city.desk("housing", words.iter().copied());
    let stream = format!("nats://{}", city.broker_address());
    late(&["log", "copy", "--from", &stream, "--to", "fengsui-data/log.sqlite"]).ok();
    let load = ["--json", "snapshot", "load", snapshot.to_str().unwrap()];
    // Two of two would have to cosign, and one of them has just joined.
    late(&load).exits(1).says(&["no_quorum"]);
    let loaded = late(&[&load[..], &["--quorum", "1"]].concat()).ok();
    assert_eq!(summary(&loaded)["loaded"], true, "{loaded}");
    city.start_node("housing");
    city.await_settled();
    city.line("housing", &report.replace("堵塞", "占用")).ok();
    city.await_settled();
    assert_eq!(city.table_digest("housing"), city.table_digest("fire"));
    city.same_digest();
    // While it runs, the tables are its own.
    late(&load).ok().says(&["nothing was changed"]);
}
