//! A disk that is full, and one that cannot be written: a small file system in memory, mounted for the test.
//!
//! Mounting needs root, or a system that gives users name spaces of their own. Where neither is to be had these tests fail and say why:
//! a fault that nobody tried is not covered.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod faults;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use faults::{
    Dice, TABLE, acknowledged, copy_tree, events_of, fire_reports, import_words, importer, killed_while_writing,
    summary_of, tables_of,
};
use fengsui_tests::{DATA, Folder, Ran};

/// Set for a test that runs in a name space of its own.
const OWN_NAME_SPACE: &str = "FENGSUI_TEST_OWN_NAME_SPACE";
const PLENTY_KIB: u64 = 256 << 10;
/// What a page of the small file system holds.
const PAGE_BYTES: u64 = 4_096;

/// A small file system in memory.
struct Disk {
    place: PathBuf,
}

impl Disk {
    fn mount(place: &Path, kib: u64) -> Result<Self, String> {
        let size = format!("size={kib}k,mode=0755");
        mount(&["-t", "tmpfs", "-o", &size, "tmpfs", place.to_str().unwrap()])?;
        Ok(Self { place: place.to_owned() })
    }

    fn remount(&self, options: &str) {
        // The options that it was mounted with may name users who are strangers in a name space of its own.
        let words = ["--options-mode", "ignore", "-o", &format!("remount,{options}"), self.place.to_str().unwrap()];
        mount(&words).unwrap();
    }

    fn make_room(&self) {
        self.remount(&format!("size={PLENTY_KIB}k"));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.place).output();
    }
}

fn mount(words: &[&str]) -> Result<(), String> {
    let output = Command::new("mount").args(words).output().map_err(|error| format!("mount: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Runs the body where file systems can be mounted: here, or in a name space of the test's own.
fn where_mounting_works(test: &str, body: impl FnOnce()) {
    let place = tempfile::tempdir().unwrap();
    let Err(reason) = Disk::mount(place.path(), 64).map(drop) else { return body() };
    assert!(std::env::var_os(OWN_NAME_SPACE).is_none(), "a small disk cannot be mounted, not even here: {reason}");
    let again = Command::new("unshare")
        .args(["--map-root-user", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(OWN_NAME_SPACE, "1")
        .output();
    let again = again.unwrap_or_else(|error| panic!("a small disk needs root ({reason}) or unshare ({error})"));
    let told = [again.stdout, again.stderr].concat();
    assert!(
        again.status.success(),
        "a small disk needs root ({reason}) or unshare:\n{}",
        String::from_utf8_lossy(&told)
    );
}

/// A copy of a node on a disk that has so much room beyond it, in a folder from which the program runs.
fn on_disk(prepared: &Folder, room_kib: u64) -> (Disk, Folder) {
    let folder = Folder::new();
    copy_tree(prepared.path(), folder.path());
    let data = folder.path().join(DATA);
    let files = copied_kib(&data);
    let aside = folder.path().join("aside");
    fs::rename(&data, &aside).unwrap();
    fs::create_dir(&data).unwrap();
    let disk = Disk::mount(&data, files + room_kib).unwrap();
    copy_tree(&aside, &data);
    fs::remove_dir_all(aside).unwrap();
    (disk, folder)
}

/// Room that a folder's files take, in whole pages.
fn copied_kib(folder: &Path) -> u64 {
    let pages = |path: PathBuf| {
        if path.is_dir() { copied_kib(&path) } else { path.metadata().unwrap().len().div_ceil(PAGE_BYTES) * 4 }
    };
    fs::read_dir(folder).unwrap().map(|entry| pages(entry.unwrap().path())).sum()
}

/// The run ended because there was no room, and said so.
#[track_caller]
fn had_no_room(ran: &Ran) {
    assert!(!ran.stderr.contains("panicked"), "{ran}");
    assert!(ran.code == Some(1) || ran.code == Some(6), "{ran}");
    assert!(ran.stderr.contains("no room on the disk of"), "{ran}");
    let accepted = ran.stderr.contains("accepted: it is durable in the outbox");
    assert_eq!(ran.code == Some(6), accepted, "{ran}");
}

#[test]
fn an_import_on_a_full_disk_loses_nothing_and_goes_on_when_there_is_room() {
    where_mounting_works("an_import_on_a_full_disk_loses_nothing_and_goes_on_when_there_is_room", || {
        let prepared = importer(1);
        let whole = Folder::new();
        copy_tree(prepared.path(), whole.path());
        let words = import_words();
        whole.run(&words).exits(3);
        let (events, tables) = (events_of(&whole.data("log.sqlite")), tables_of(&whole));
        let mut dice = Dice(7);
        let (mut refused, mut accepted) = (0, 0);
        // From no room at all to nearly enough: 40 bytes of log, outbox and tables for each that the table has.
        for step in 0..16 {
            let (disk, folder) = on_disk(&prepared, step * 700 + dice.below(600));
            let full = folder.run(&words);
            if full.code != Some(3) {
                had_no_room(&full);
                if full.code == Some(6) {
                    full.clone().says(&["run the same import again"]);
                }
                refused += u32::from(full.code == Some(1));
                accepted += u32::from(full.code == Some(6));
                // What can still be read is shown, and what cannot is told.
                let looked = folder.run(["--json", "case", "list"]);
                if looked.code != Some(0) {
                    had_no_room(&looked);
                }
            }
            disk.make_room();
            folder.run(["case", "list", "--limit", "1"]).ok();
            let on_log = events_of(&folder.data("log.sqlite"));
            assert!(acknowledged(&full.stdout).iter().all(|case| on_log.contains_key(case)), "step {step}");
            assert!(full.code != Some(6) || on_log.len() > 1_000, "step {step}: what was accepted goes on the log");
            assert_eq!(summary_of(&folder.run(&words).exits(3))["rows"], 545);
            assert_eq!(events_of(&folder.data("log.sqlite")), events, "step {step}");
            assert_eq!(tables_of(&folder), tables, "step {step}");
            let doctor = folder.run(["doctor"]).ok();
            assert!(!doctor.stdout.contains("broken"), "{doctor}");
        }
        assert!(refused >= 2 && accepted >= 2, "{refused} refused, {accepted} accepted: both must have been tried");
    });
}

#[test]
fn a_node_is_made_once_there_is_room_for_it() {
    where_mounting_works("a_node_is_made_once_there_is_room_for_it", || {
        let empty = Folder::new();
        fs::create_dir(empty.path().join(DATA)).unwrap();
        let words = ["--agency", "joint-office", "init", "--region", "350600", "--authority"];
        let mut failed = 0;
        for room_kib in (4..=400).step_by(36) {
            let (disk, folder) = on_disk(&empty, room_kib);
            let full = folder.run(words);
            if full.code != Some(0) {
                failed += 1;
                // Some files are written by the system's own means, whose words differ.
                assert!(
                    full.stderr.contains("no room on the disk of") || full.stderr.contains("No space left"),
                    "{full}"
                );
                full.says(&[DATA]);
            }
            disk.make_room();
            folder.run(words).ok();
            assert_eq!(events_of(&folder.data("log.sqlite")).len(), 2);
        }
        assert!(failed >= 5);
    });
}

#[test]
fn a_replay_on_a_full_disk_leaves_the_old_tables_and_no_rubbish() {
    where_mounting_works("a_replay_on_a_full_disk_leaves_the_old_tables_and_no_rubbish", || {
        let prepared = Folder::new();
        let digest = prepared.run(["demo", "--units", "40", "--violations", "200"]).ok().digest();
        let units = prepared.run(["--json", "unit", "list"]).ok().stdout;
        let model = fs::read(prepared.data("model.sqlite")).unwrap();
        // 80 KiB are what it takes to open the files at all.
        for room_kib in [0, 12, 80, 200, 480, 760] {
            let (disk, folder) = on_disk(&prepared, room_kib);
            let full = folder.run(["replay"]).exits(1);
            had_no_room(&full);
            let names: Vec<_> =
                fs::read_dir(folder.path().join(DATA)).unwrap().map(|it| it.unwrap().file_name()).collect();
            assert!(!names.iter().any(|name| name.to_str().unwrap().contains("rebuild")), "{names:?}");
            assert!(fs::read(folder.data("model.sqlite")).unwrap() == model);
            disk.make_room();
            assert_eq!(folder.run(["--json", "unit", "list"]).ok().stdout, units);
            assert_eq!(folder.digest(), digest);
        }
    });
}

#[test]
fn a_look_at_the_past_needs_room_and_leaves_none_of_it_behind() {
    where_mounting_works("a_look_at_the_past_needs_room_and_leaves_none_of_it_behind", || {
        let folder = Folder::small_demo();
        let place = tempfile::tempdir().unwrap();
        let disk = Disk::mount(place.path(), 120).unwrap();
        let look = || Ran::of(folder.command(["unit", "list", "--as-of", "200"]).env("TMPDIR", place.path()));
        had_no_room(&look().exits(1));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        disk.make_room();
        look().ok();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    });
}

#[test]
fn an_export_without_room_leaves_the_older_one_whole() {
    where_mounting_works("an_export_without_room_leaves_the_older_one_whole", || {
        let folder = Folder::new();
        folder.run(["demo", "--units", "40", "--violations", "400"]).ok();
        for name in ["cases.csv", "cases.xlsx", "ledger.csv"] {
            let what = name.split('.').next().unwrap();
            folder.run(["export", what, "--out", name]).ok();
            let whole_bytes = folder.path().join(name).metadata().unwrap().len();
            let mut failed = 0;
            for room_kib in (8..400).step_by(48) {
                let place = tempfile::tempdir().unwrap();
                let disk = Disk::mount(place.path(), room_kib).unwrap();
                let out = place.path().join(name);
                fs::write(&out, "an older export").unwrap();
                let words = ["export", what, "--out", out.to_str().unwrap()];
                let full = folder.run(words);
                if full.code != Some(0) {
                    failed += 1;
                    full.exits(1).says(&[name, "o space left"]);
                    assert_eq!(fs::read_to_string(&out).unwrap(), "an older export");
                    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "no half-written file");
                    disk.make_room();
                    folder.run(words).ok();
                }
                // A workbook holds the time at which it was made, packed.
                assert!(out.metadata().unwrap().len().abs_diff(whole_bytes) < 64, "{name} with {room_kib} KiB");
            }
            assert!(failed >= 1, "{name} was never without room");
        }
    });
}

#[test]
fn refused_rows_without_room_are_written_by_the_next_import() {
    where_mounting_works("refused_rows_without_room_are_written_by_the_next_import", || {
        let folder = importer(1);
        let place = tempfile::tempdir().unwrap();
        let table = folder.path().join(TABLE);
        let disk = Disk::mount(place.path(), table.metadata().unwrap().len().div_ceil(PAGE_BYTES) * 4).unwrap();
        let moved = place.path().join(TABLE);
        fs::copy(&table, &moved).unwrap();
        let mut words = import_words();
        words[4] = moved.to_str().unwrap();
        folder.run(&words).exits(1).says(&["violations.csv.refused.csv", "No space left"]);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        disk.make_room();
        let summary = summary_of(&folder.run(&words).exits(3));
        assert_eq!((summary["already"].as_u64(), summary["refused"].as_u64()), (Some(544), Some(1)));
        assert!(place.path().join("violations.csv.refused.csv").exists());
    });
}

#[test]
fn results_that_cannot_be_written_are_told() {
    let folder = importer(1);
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for words in [vec!["agency", "list"], vec!["--json", "unit", "list"], vec!["replay"], import_words()] {
        let ran = Ran::of(folder.command(&words).stdout(full())).exits(1);
        ran.says(&["No space left"]);
    }
    // The import whose results nobody could read has happened, and says so when it is run again.
    assert_eq!(summary_of(&folder.run(import_words()).exits(3))["new_cases"], 45);
}

#[test]
fn read_only_media_are_read_and_a_writer_is_told() {
    where_mounting_works("read_only_media_are_read_and_a_writer_is_told", || {
        let prepared = Folder::small_demo();
        let words = ["--json", "unit", "list", "--as-of", "2026-06-30"];
        let units = prepared.run(words).ok().stdout;
        let (disk, folder) = on_disk(&prepared, PLENTY_KIB);
        disk.remount("ro");
        assert_eq!(folder.run(words).ok().stdout, units);
        folder.run(["log", "head"]).ok();
        folder.run(["anomaly", "list"]).ok();
        let refused = folder.run(fire_reports());
        refused.exits(1).says(&["cannot be written", "read-only"]);
        folder.run(["replay"]).exits(1).says(&["cannot be written"]);
        assert_eq!(folder.run(["replay", "--into", "elsewhere"]).ok().digest(), prepared.digest());
    });
}

#[test]
fn an_unfinished_write_ahead_file_on_read_only_media_gives_the_command_that_helps() {
    where_mounting_works("an_unfinished_write_ahead_file_on_read_only_media_gives_the_command_that_helps", || {
        let prepared = killed_while_writing();
        // With its index the write-ahead file can be read where it is; without, only elsewhere.
        let (disk, folder) = on_disk(&prepared, PLENTY_KIB);
        disk.remount("ro");
        let head = folder.run(["log", "head"]).ok().cell("position");
        disk.remount("rw");
        fs::remove_file(folder.data("log.sqlite-shm")).unwrap();
        disk.remount("ro");
        let told =
            folder.run(["log", "head"]).exits(1).says(&["its last events are still in", "log.sqlite-wal", "cp "]);
        // The hint is a command that can be run as it stands.
        let hint = told.stderr.split("for example: ").nth(1).unwrap().trim().to_owned();
        let ran = Command::new("sh").current_dir(folder.path()).args(["-c", &hint]).status().unwrap();
        assert!(ran.success(), "{hint}");
        let copied = events_of(&folder.path().join("copy/log.sqlite"));
        assert_eq!(copied.len().to_string(), head);
        assert_eq!(copied, events_of(&prepared.data("log.sqlite")));
    });
}
