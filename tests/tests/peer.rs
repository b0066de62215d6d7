//! One log against another: files, folders and a broker's stream; equal, shorter, contradicting, and what mends it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

use fengsui_log::conformance::loss::rebuild_without;
use fengsui_log::conformance::server::NatsServer;
use fengsui_log::jetstream::{Broker, BrokerOptions, Stream};
use fengsui_log::{Embedded, EventLog as _, Position, Record};
use fengsui_tests::{DATA, Folder, Ran};
use serde_json::{Value, json};

fn at(number: u64) -> Position {
    Position::new(number).unwrap()
}

fn records(path: &Path) -> Vec<Record> {
    let log = Embedded::open_reader(path).unwrap();
    log.read(Position::FIRST, usize::MAX).unwrap().into_iter().map(|stored| stored.record).collect()
}

fn log_of(path: &Path, records: &[Record]) {
    let mut log = Embedded::create(path).unwrap();
    log.append(records).unwrap();
    log.close().unwrap();
}

fn stream(server: &NatsServer) -> Stream {
    let options = BrokerOptions { servers: vec![server.url()], ..BrokerOptions::default() };
    Stream::open(&Broker::connect(options).unwrap(), "350600".parse().unwrap()).unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

fn peer(folder: &Folder, words: &[&str]) -> Ran {
    folder.run(["reconcile", "--peer"].iter().chain(words))
}

/// What the last line of JSON says.
#[track_caller]
fn summary(ran: &Ran) -> Value {
    let summary = ran.json_lines().pop().unwrap();
    assert_eq!(summary["type"], "summary", "{ran}");
    summary
}

/// The events that were read of both logs, and whether their trees were drawn for it.
fn costs(summary: &Value) -> [(u64, bool); 2] {
    ["here", "there"].map(|side| {
        let cost = &summary[side]["cost"];
        (cost["events_read"].as_u64().unwrap(), cost["tree_drawn"].as_bool().unwrap())
    })
}

#[test]
fn equal_folders_with_trees_are_equal_by_their_roots_alone() {
    let folder = Folder::small_demo();
    let count = records(&folder.data("log.sqlite")).len() as u64;
    copy_folder(&folder.data(""), &folder.path().join("peer"));
    assert_eq!(costs(&summary(&peer(&folder, &["peer", "--json"]).ok())), [(count, true); 2]);
    let second = summary(&peer(&folder, &["peer", "--json"]).ok());
    assert_eq!(costs(&second), [(1, false); 2]);
    assert_eq!((&second["result"], &second["equal_until"]), (&json!("equal"), &json!(count)));
    assert_eq!(costs(&summary(&peer(&folder, &["peer", "--anew", "--json"]).ok())), [(count, true); 2]);
    // The root is that of the audit, which draws a tree of its own.
    let verified = folder.run(["audit", "verify", "--no-digest"]).stdout;
    let root = second["root"].as_str().unwrap();
    assert!(verified.contains(&format!("{count} root {root}")), "{verified}");
    // A file has no tree: it is read once.
    let file = summary(&peer(&folder, &["peer/log.sqlite", "--json"]).ok());
    assert_eq!(costs(&file), [(1, false), (count, true)]);
    let shown = peer(&folder, &["peer/log.sqlite"]).ok();
    shown.clone().shows(&["equal", "its tree was drawn for this", root]);
    assert_eq!(shown.cell("equal up to position"), count.to_string());
    folder.run(["reconcile", "--peer", "peer", "--lang", "zh"]).ok().shows(&["完全一致", "一致至位置"]);
}

#[test]
fn a_shorter_log_is_brought_up_by_the_command_that_is_named() {
    let folder = Folder::small_demo();
    let count = records(&folder.data("log.sqlite")).len() as u64;
    folder.run(["log", "copy", "--from", DATA, "--to", "short.sqlite", "--until", "100"]).ok();
    let ran = peer(&folder, &["short.sqlite"]).exits(4);
    assert_eq!(ran.cell("only here"), format!("101 - {count}"));
    let command = format!("fengsui log copy --from ./{DATA} --to short.sqlite");
    let ran = ran.says(&["short.sqlite is the shorter one", &command]);
    ran.shows(&["equal, and longer here"]);
    let json = summary(&peer(&folder, &["short.sqlite", "--json"]).exits(4));
    assert_eq!((&json["result"], &json["equal_until"]), (&json!("here_longer"), &json!(100)));
    let beyond = &json["beyond"];
    assert_eq!((&beyond["longer"], &beyond["from"], &beyond["until"]), (&json!("here"), &json!(101), &json!(count)));
    let there = peer(&folder, &["short.sqlite", DATA, "--json"]).exits(4);
    assert_eq!(summary(&there)["result"], "there_longer");
    folder.run(command.split(' ').skip(1)).ok();
    peer(&folder, &["short.sqlite"]).ok();
}

#[test]
fn an_edit_and_a_left_out_event_are_told_with_their_events_and_sources() {
    let folder = Folder::small_demo();
    let mut records = records(&folder.data("log.sqlite"));
    let count = records.len() as u64;
    let (edited, other) = (folder.path().join("edited.sqlite"), folder.path().join("other.sqlite"));
    let id = records[59].id.to_string();
    let event: Value = serde_json::from_slice(&records[59].bytes).unwrap();
    records[59].bytes.push(b' ');
    log_of(&edited, &records);
    let ran = peer(&folder, &["edited.sqlite", "--json"]).exits(5);
    let row = &ran.json_lines()[0];
    assert_eq!((&row["from"], &row["until"], &row["difference"]), (&json!(60), &json!(60), &json!("edited")));
    assert_eq!((&row["here"]["id"], &row["there"]["id"]), (&json!(id), &json!(id)));
    assert_eq!((&row["here"]["source"], &row["here"]["type"]), (&event["source"], &event["type"]));
    let json = summary(&ran);
    assert_eq!((&json["result"], &json["equal_until"]), (&json!("contradiction"), &json!(59)));
    assert_eq!(json["differences"]["edited"], 1);
    peer(&folder, &["edited.sqlite"]).exits(5).says(&["keep both as evidence"]).shows(&[&id, "one event, two texts"]);

    records[59].bytes.pop();
    records.remove(59);
    log_of(&other, &records);
    let ran = peer(&folder, &["other.sqlite", "--json"]).exits(5);
    let json = summary(&ran);
    let source = event["source"].as_str().unwrap();
    assert_eq!((&json["equal_until"], &json["sources"][source]["only_here"]), (&json!(59), &json!(1)));
    let moved: u64 =
        json["sources"].as_object().unwrap().values().map(|counts| counts["moved"].as_u64().unwrap()).sum();
    assert_eq!(moved, count - 60);
    assert_eq!(ran.json_lines()[0]["here"]["elsewhere"], Value::Null);
    let zh = folder.run(["reconcile", "--peer", "other.sqlite", "--lang", "zh"]).exits(5);
    zh.says(&["留作证据"]).shows(&["相互矛盾", "双方均有，位置不同", source]);
}

#[test]
fn a_stream_is_held_against_a_copy_and_its_lost_positions_show() {
    let (folder, whole, mut holed) = (Folder::small_demo(), NatsServer::start(), NatsServer::start());
    let count = records(&folder.data("log.sqlite")).len() as u64;
    folder.run(["log", "copy", "--from", DATA, "--to", &whole.url()]).ok();
    let json = summary(&peer(&folder, &[&whole.url(), "--json"]).ok());
    assert_eq!((&json["result"], &json["there"]["positions"]), (&json!("equal"), &json!(count)));
    assert_eq!(costs(&json)[1], (count, true));
    rebuild_without(&stream(&whole), &mut holed, &[at(3), at(7), at(8), at(9)]);
    let ran = peer(&folder, &[&holed.url(), "--json"]).exits(5);
    let rows = ran.json_lines();
    let ranges: Vec<_> = rows.iter().filter(|row| row["type"] == "row").collect();
    assert_eq!(
        ranges.iter().map(|row| (&row["from"], &row["until"])).collect::<Vec<_>>(),
        [(&json!(3), &json!(3)), (&json!(7), &json!(9))]
    );
    assert!(ranges.iter().all(|row| row["difference"] == "missing_there"));
    assert_eq!(summary(&ran)["differences"]["missing_there"], 4);
    peer(&folder, &[&whole.url(), &holed.url()]).exits(5).shows(&["missing there"]);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = Folder::small_demo();
    peer(&folder, &[DATA]).exits(2).says(&["compared with itself"]);
    peer(&folder, &["--anew"]).exits(2);
    peer(&folder, &["nowhere.sqlite"]).exits(1).says(&["nowhere.sqlite"]);
    peer(&folder, &["nats://127.0.0.1:1"]).exits(6);
    folder.run(["reconcile", "--peer", "a.sqlite", "--against", "book.csv"]).exits(2);
    folder.run(["reconcile", "--peer", DATA, "--lang", "zh"]).exits(2).says(&["与自身比较没有意义"]);
}
