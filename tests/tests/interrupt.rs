//! Ctrl-C in the middle of long work: exit 130, what was done is kept, and the next run ends where an undisturbed one would have.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Output};

use fengsui_tests::{Folder, Ran, interrupt, long_table};

/// Waits until a process has made a file of a size; it must not have ended before.
fn wait_for(child: &mut Child, path: &Path, bytes_min: u64) {
    while fs::metadata(path).map_or(0, |file| file.len()) < bytes_min {
        assert!(child.try_wait().unwrap().is_none(), "it ended before {} was {bytes_min} bytes long", path.display());
        std::thread::yield_now();
    }
}

fn ended(folder: &Folder, words: &[&str], child: Child) -> Ran {
    Ran::ended(&folder.command(words), child.wait_with_output().unwrap())
}

#[test]
fn a_demonstration_that_was_interrupted_begins_again() {
    let words = ["demo", "--units", "30", "--violations", "500"];
    let folder = Folder::new();
    let mut child = folder.spawn(words);
    wait_for(&mut child, &folder.data("log.sqlite-wal"), 100_000);
    interrupt(&child);
    let stopped = ended(&folder, &words, child).exits(130).says(&["interrupted", "the next run begins it again"]);
    assert!(!stopped.stdout.contains("digest"), "{stopped}");
    let events: u64 = folder.run(["log", "head"]).ok().cell("position").parse().unwrap();
    assert!(events > 10, "what was done can be looked at");
    let again = folder.run(words).ok().digest();
    assert_eq!(again, Folder::new().run(words).ok().digest());
}

#[test]
fn a_replay_that_was_interrupted_leaves_the_old_tables_and_is_done_again() {
    let folder = Folder::new();
    let digest = folder.run(["demo", "--units", "30", "--violations", "500"]).ok().digest();
    let units = folder.run(["unit", "list"]).ok().stdout;
    let files = || {
        let names =
            fs::read_dir(folder.data("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.starts_with("model")).collect();
        // Readers leave SQLite's own files beside the tables, and a rebuild clears them away.
        names.retain(|name| name != "model.sqlite-wal" && name != "model.sqlite-shm");
        names.sort();
        names
    };
    let before = files();
    let mut child = folder.spawn(["replay"]);
    while files() == before {
        assert!(child.try_wait().unwrap().is_none(), "it ended without a new file");
        std::thread::yield_now();
    }
    interrupt(&child);
    ended(&folder, &["replay"], child).exits(130).says(&["interrupted at position"]);
    assert_eq!(folder.run(["unit", "list"]).ok().stdout, units);
    assert_eq!(folder.digest(), digest);
    assert_eq!(files(), before, "nothing half-built is left");
}

#[test]
fn an_import_that_was_interrupted_keeps_its_rows_and_goes_on() {
    let folder = Folder::exchange(&["fire"]);
    folder.write("table.csv", long_table(1_300));
    let words = ["--agency", "fire", "import", "table.csv", "--json"];
    let mut child = folder.spawn(words);
    // Rows are told in lines. Nobody reads more than one of them, so the import waits with the pipe full.
    let mut stdout = BufReader::with_capacity(64, child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    interrupt(&child);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    let ran = Ran { what: words.join(" "), code: status.code(), stdout: first + &rest, stderr }.exits(130);
    let lines = ran.json_lines();
    let summary = &lines.last().unwrap()["import"];
    assert_eq!(summary["interrupted"], true);
    let done = summary["new_cases"].as_u64().unwrap();
    assert!((1..1_300).contains(&done), "{summary}");
    let cases = |folder: &Folder| {
        let listed = folder.run(["case", "list", "--json"]).ok().json();
        let ids = listed["cases"].as_array().unwrap().iter().map(|row| row["case"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(cases(&folder).len() as u64, done, "what was told as done is there, and no more");

    let rest = folder.desk("fire", ["import", "table.csv"]).ok();
    let count = |name: &str| rest.cell(name).parse::<u64>().unwrap();
    assert_eq!((count("already there"), count("new cases")), (done, 1_300 - done));
    let whole = Folder::exchange(&["fire"]);
    whole.write("table.csv", long_table(1_300));
    whole.desk("fire", ["import", "table.csv"]).ok();
    assert!(cases(&folder) == cases(&whole));
    let ledger = |folder: &Folder| {
        let mut shown = folder.run(["unit", "show", "91350602MA0000015U", "--json"]).ok().json();
        shown["as_of"].take();
        shown
    };
    assert!(ledger(&folder) == ledger(&whole));
    let digest = folder.digest();
    folder.desk("fire", ["import", "table.csv"]).ok();
    assert_eq!(folder.digest(), digest);
}

#[test]
fn following_the_log_ends_with_ctrl_c() {
    let folder = Folder::small_demo();
    let head = folder.run(["log", "head"]).ok().cell("position");
    let words = ["log", "tail", "-n", "2", "--follow"];
    let mut child = folder.spawn(words);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines = String::new();
    while !lines.contains(&format!("{head}\t")) {
        assert!(stdout.read_line(&mut lines).unwrap() > 0, "it ended with {lines:?}");
    }
    interrupt(&child);
    stdout.read_to_string(&mut lines).unwrap();
    ended(&folder, &words, child).exits(130);
}
