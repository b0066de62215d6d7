//! What the tests of faults share: seeded chance, a node that imports, and the log as it is on the disk.

#![allow(dead_code, reason = "each file of tests uses another part")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Stdio;

use fengsui_log::{Embedded, EventLog as _, Position};
use fengsui_tests::{Folder, Ran, project};
use serde_json::Value;

/// The table that is imported, and its map.
pub const TABLE: &str = "violations.csv";
const MAP: &str = "map.toml";
const EXAMPLE: &str = "docs/examples/sf-health/sf-health-violations-2012.csv";
/// Rows of the example; one of them is closed before it was found, and refused.
pub const EXAMPLE_ROWS: u64 = 545;

/// A violation that the fire brigade reports: a command that writes.
const VIOLATION: &[&str] = &[
    "violation",
    "report",
    "--unit",
    "local.book:1",
    "--name",
    "A",
    "--region",
    "350602",
    "--category",
    "fire.60-3",
    "--facts",
    "x",
    "--found-on",
    "2026-03-02",
    "--method",
    "inspection",
];

/// The words of that command, at the fire brigade's desk.
pub fn fire_reports() -> Vec<&'static str> {
    ["--agency", "fire"].iter().chain(VIOLATION).copied().collect()
}

/// Numbers that look random and are the same on every run (Steele, Lea and Flood's SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, and without, `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// A folder whose node may import, with a table that holds the example so many times, each row under a key of its own.
pub fn importer(times: u32) -> Folder {
    let folder = Folder::new();
    folder.run(["--agency", "joint-office", "init", "--region", "350600", "--authority"]).ok();
    folder.run(["--agency", "health", "init", "--region", "350600"]).ok();
    folder.take("docs/examples/sf-health/map.toml");
    let example = fs::read_to_string(project().join(EXAMPLE)).unwrap();
    let (header, rows) = example.split_once('\n').unwrap();
    // The key is the first column: a digit in front makes another row of it.
    let again = |time: u32| rows.lines().map(move |row| format!("{time}{row}\n"));
    let table: String = std::iter::once(format!("{header}\n")).chain((1..=times).flat_map(again)).collect();
    folder.write(TABLE, table);
    folder
}

/// The words that import the table.
pub fn import_words() -> Vec<&'static str> {
    vec!["--agency", "health", "--json", "import", TABLE, "--map", MAP]
}

/// The cases that an import has acknowledged in what it has printed.
pub fn acknowledged(stdout: &str) -> BTreeSet<String> {
    // Whoever is killed may have printed half a line.
    let whole = stdout.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().filter(|line| !line.is_empty());
    let rows = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter_map(|row| row["case"].as_str().map(str::to_owned)).collect()
}

/// How often each event is on the log. Fails if positions are missing.
pub fn events_of(log: &Path) -> BTreeMap<String, u32> {
    let log = Embedded::open_reader(log).unwrap();
    let mut events = BTreeMap::new();
    for stored in log.read(Position::FIRST, usize::MAX).unwrap() {
        *events.entry(stored.record.id.to_string()).or_default() += 1;
    }
    events
}

/// What the tables say of every case and every unit, without the days on which it was recorded.
pub fn tables_of(folder: &Folder) -> (Vec<Value>, Vec<Value>) {
    let cases = folder.run(["--json", "case", "list"]).ok().json();
    let mut cases = cases["cases"].as_array().unwrap().clone();
    for case in &mut cases {
        let case = case.as_object_mut().unwrap();
        case.retain(|name, _| name != "recorded_on" && name != "closed_on");
    }
    let units = folder.run(["--json", "unit", "list"]).ok().json();
    (cases, units["units"].as_array().unwrap().clone())
}

/// The last line of an import that came to its end.
#[track_caller]
pub fn summary_of(import: &Ran) -> Value {
    let lines = import.json_lines();
    let last = lines.last().unwrap();
    assert_eq!(last["type"], "summary", "{import}");
    last["import"].clone()
}

/// Copies a folder with all that is in it.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
    // Keys are refused when others can read them or their folder.
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
}

/// A node that was killed while part of its log was still in the write-ahead file only.
pub fn killed_while_writing() -> Folder {
    let folder = importer(1);
    let (log, wal) = (folder.data("log.sqlite"), folder.data("log.sqlite-wal"));
    let mut child = folder.command(import_words()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Some frames are there as soon as the first batch is on the log.
    while fs::metadata(&wal).map_or(0, |wal| wal.len()) < 100_000 {
        assert!(child.try_wait().unwrap().is_none(), "the import ended before its log was seen to grow");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(log.is_file() && fs::metadata(&wal).unwrap().len() > 0);
    folder
}
