//! `kill -9` at random points: nothing that was acknowledged is lost, nothing is there twice, and the next run goes on.
//!
//! A point is a number of bytes that the process has read and written, as the system counts them: it grows with every step of
//! the work, and no clock is in it. Where it lies follows from a seed.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod faults;

use std::fs::{self, File};
use std::process::Stdio;

use faults::{Dice, EXAMPLE_ROWS, acknowledged, copy_tree, events_of, import_words, importer, summary_of, tables_of};
use fengsui_tests::{DATA, Folder};

/// What a process that may have been killed left behind.
struct Ended {
    killed: bool,
    stdout: String,
    /// Bytes read and written when it was last looked at.
    moved_bytes: u64,
}

/// Starts the program and kills it once it has moved so many bytes; or lets it end, if it ends before.
fn kill_at(folder: &Folder, words: &[&str], point_bytes: u64) -> Ended {
    let (stdout, stderr) = (folder.path().join("stdout"), folder.path().join("stderr"));
    let mut command = folder.command(words);
    command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap()).stdin(Stdio::null());
    let mut child = command.spawn().unwrap();
    let counts = format!("/proc/{}/io", child.id());
    let mut moved_bytes = 0;
    let killed = loop {
        moved_bytes = moved_bytes.max(moved(&counts));
        if moved_bytes >= point_bytes {
            child.kill().unwrap();
            break std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()) == Some(9);
        }
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        std::thread::yield_now();
    };
    let stderr = fs::read_to_string(stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{words:?} at {point_bytes}: {stderr}");
    Ended { killed, stdout: fs::read_to_string(stdout).unwrap(), moved_bytes }
}

/// Bytes read and written by a process so far; 0 when it has ended.
fn moved(counts: &str) -> u64 {
    let text = fs::read_to_string(counts).unwrap_or_default();
    let numbers = text.lines().filter(|line| line.starts_with("rchar:") || line.starts_with("wchar:"));
    numbers.map(|line| line[6..].trim().parse::<u64>().unwrap()).sum()
}

/// Bytes that an undisturbed run moves.
fn whole_run(folder: &Folder, words: &[&str]) -> u64 {
    let ended = kill_at(folder, words, u64::MAX);
    assert!(!ended.killed && ended.moved_bytes > 0);
    ended.moved_bytes
}

/// A copy of a prepared folder.
fn copy_of(prepared: &Folder) -> Folder {
    let copy = Folder::new();
    copy_tree(prepared.path(), copy.path());
    copy
}

/// Kills runs of the program, each in a copy of the folder, until so many kills have hit; says the number of the kill to `after`.
fn kill_often(prepared: &Folder, words: &[&str], kills: u32, seed: u64, mut after: impl FnMut(&Folder, &Ended)) {
    let whole_bytes = whole_run(&copy_of(prepared), words);
    let mut dice = Dice(seed);
    let mut hits = 0;
    for round in 0..3 * kills {
        let folder = copy_of(prepared);
        let ended = kill_at(&folder, words, dice.below(whole_bytes));
        hits += u32::from(ended.killed);
        // What heals a kill must bear one itself.
        if round % 3 == 0 {
            let again = kill_at(&folder, words, dice.below(whole_bytes));
            hits += u32::from(again.killed);
            // A killed run may have printed half a line.
            let whole_lines = ended.stdout.rsplit_once('\n').map_or("", |(lines, _)| lines);
            after(&folder, &Ended { stdout: format!("{whole_lines}\n{}", again.stdout), ..again });
        } else {
            after(&folder, &ended);
        }
        if hits >= kills {
            return;
        }
    }
    panic!("only {hits} of {kills} kills hit a running process");
}

#[test]
fn an_import_that_is_killed_goes_on_and_has_lost_nothing() {
    import_killed(26, 1);
}

/// The same at other points; two tests, so that two cores share the work.
#[test]
fn an_import_that_is_killed_elsewhere_goes_on_as_well() {
    import_killed(26, 11);
}

fn import_killed(kills: u32, seed: u64) {
    const TIMES: u32 = 2;
    let prepared = importer(TIMES);
    let words = import_words();
    let whole = copy_of(&prepared);
    let summary = summary_of(&whole.run(&words).exits(3));
    assert_eq!((summary["new_cases"].as_u64(), summary["refused"].as_u64()), (Some(1_088), Some(2)));
    let (events, tables) = (events_of(&whole.data("log.sqlite")), tables_of(&whole));
    assert!(events.values().all(|count| *count == 1));
    kill_often(&prepared, &words, kills, seed, |folder, ended| {
        let done = acknowledged(&ended.stdout);
        // Looking is enough for what waits in the outbox to go on the log.
        folder.run(["case", "list", "--limit", "1"]).ok();
        let on_log = events_of(&folder.data("log.sqlite"));
        for case in &done {
            assert_eq!(on_log.get(case), Some(&1), "the acknowledged case {case}");
        }
        // The events of a row follow from the row, so those of another run must be the same.
        assert!(
            on_log.iter().all(|(id, count)| *count == 1 && events.contains_key(id)),
            "no event twice, none strange"
        );
        let copy = copy_of(folder);
        let summary = summary_of(&copy.run(&words).exits(3));
        let number = |name: &str| summary[name].as_u64().unwrap();
        assert_eq!(number("new_cases") + number("already"), u64::from(TIMES) * (EXAMPLE_ROWS - 1));
        assert!(number("already") >= done.len() as u64);
        assert_eq!(events_of(&copy.data("log.sqlite")), events);
        assert_eq!(tables_of(&copy), tables);
    });
}

#[test]
fn a_replay_that_is_killed_leaves_tables_that_answer_and_the_log_as_it_was() {
    let prepared = Folder::new();
    let made = prepared.run(["demo", "--units", "40", "--violations", "200"]).ok();
    let log = fs::read(prepared.data("log.sqlite")).unwrap();
    let units = prepared.run(["--json", "unit", "list", "--as-of", "2026-06-30"]).ok().stdout;
    kill_often(&prepared, &["replay"], 50, 2, |folder, ended| {
        let now = folder.run(["--json", "unit", "list", "--as-of", "2026-06-30"]).ok().stdout;
        assert_eq!(now, units);
        let whole = copy_of(folder);
        assert_eq!(whole.digest(), made.digest());
        if !ended.killed {
            assert!(ended.stdout.contains(&made.digest()));
        }
        let names = fs::read_dir(whole.path().join(DATA)).unwrap();
        let left: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(!left.iter().any(|name| name.contains("rebuild")), "{left:?}");
        assert!(fs::read(whole.data("log.sqlite")).unwrap() == log, "a replay writes nothing to the log");
    });
}

#[test]
fn tables_that_are_killed_while_they_follow_the_log_go_on() {
    let prepared = Folder::new();
    let made = prepared.run(["demo", "--units", "40", "--violations", "200"]).ok();
    fs::remove_file(prepared.data("model.sqlite")).unwrap();
    kill_often(&prepared, &["case", "list"], 15, 3, |folder, _| {
        let whole = copy_of(folder);
        assert_eq!(whole.run(["demo", "--units", "40", "--violations", "200"]).ok().digest(), made.digest());
        assert_eq!(whole.digest(), made.digest());
    });
}

#[test]
fn a_demonstration_that_is_killed_is_made_again_and_is_the_same() {
    let words = ["demo", "--units", "20", "--violations", "120"];
    let digest = Folder::new().run(words).ok().digest();
    kill_often(&Folder::new(), &words, 10, 4, |folder, _| {
        let whole = copy_of(folder);
        assert_eq!(whole.run(words).ok().digest(), digest);
        assert_eq!(whole.digest(), digest);
    });
}

#[test]
fn a_node_whose_making_is_killed_is_made_by_the_next_run() {
    let words = ["--agency", "joint-office", "init", "--region", "350600", "--authority"];
    kill_often(&Folder::new(), &words, 25, 5, |folder, _| {
        let whole = copy_of(folder);
        whole.run(words).ok();
        let agencies = whole.run(["--json", "agency", "list"]).ok().json();
        assert_eq!(agencies["agencies"].as_array().unwrap().len(), 1, "{agencies}");
        assert_eq!(events_of(&whole.data("log.sqlite")).len(), 2, "the authority and its rulebook, once");
        whole.run(["--agency", "health", "init", "--region", "350600"]).ok();
    });
}

#[test]
fn a_command_that_is_killed_has_happened_whole_or_not_at_all() {
    let prepared = importer(1);
    let before = events_of(&prepared.data("log.sqlite")).len();
    let words: Vec<&str> = "--agency health --json violation report --unit local.book:7 --name 店 --region 350602 \
        --category food.handling --facts 生熟不分 --found-on 2026-03-02 --method inspection"
        .split_whitespace()
        .collect();
    copy_of(&prepared).run(&words).ok();
    kill_often(&prepared, &words, 25, 6, |folder, ended| {
        let cases = folder.run(["--json", "case", "list"]).ok().json();
        let cases = cases["cases"].as_array().unwrap();
        let on_log = events_of(&folder.data("log.sqlite")).len() - before;
        // The unit is registered by the first report; each report has its referral.
        assert_eq!(on_log, if cases.is_empty() { 0 } else { 1 + 2 * cases.len() });
        assert!(!ended.stdout.contains("\"case\"") || !cases.is_empty(), "it was acknowledged: {}", ended.stdout);
        folder.digest();
    });
}

/// Old tables, new ones or none: in each case the next command answers as a replay does, and loading again goes through.
#[test]
fn a_snapshot_whose_loading_is_killed_leaves_tables_that_answer() {
    let prepared = Folder::small_demo();
    prepared.run(["checkpoint", "sign", "--digest"]).ok();
    prepared.run(["checkpoint", "cosign"]).ok();
    prepared.run(["snapshot", "write", "--out", "city.snapshot"]).ok();
    let exchange = prepared.data("exchange.toml");
    let exchange = exchange.to_str().unwrap();
    prepared.run(["--data", "new", "--agency", "health", "init", "--region", "350600", "--exchange", exchange]).ok();
    prepared.run(["log", "copy", "--from", DATA, "--to", "new/log.sqlite"]).ok();
    let digest = prepared.digest();
    let words = ["--data", "new", "snapshot", "load", "city.snapshot"];
    kill_often(&prepared, &words, 20, 7, |folder, _| {
        copy_of(folder).run(["--data", "new", "case", "list", "--limit", "1"]).ok();
        folder.run(words).ok();
        assert_eq!(folder.run(["--data", "new", "replay", "--into", "replayed"]).ok().digest(), digest);
        let kept = fs::read_dir(folder.path().join("new")).unwrap();
        let kept: Vec<_> = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(!kept.iter().any(|name| name.contains("rebuild")), "{kept:?}");
        assert_eq!(folder.run(["--data", "new", "snapshot", "write", "--out", "again.snapshot"]).ok().code, Some(0));
        let (again, first) = (folder.path().join("again.snapshot"), folder.path().join("city.snapshot"));
        assert!(fs::read(again).unwrap() == fs::read(first).unwrap());
    });
}
