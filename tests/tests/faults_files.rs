//! Files that are truncated, damaged, foreign or newer, at every place where the program reads one: a clear error that names the file and
//! what to do, the right exit code, never a panic, and no other file touched.

#![allow(clippy::unwrap_used)]

mod faults;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use faults::{Dice, TABLE, copy_tree, events_of, fire_reports, import_words, importer};
use fengsui_tests::{DATA, Folder, Ran};
use rusqlite::Connection;

/// The beginning of a picture.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\0\0\0\x02\0\x08\x06\0\0\0\xf4x\xd4\xfa\0\0\0\x04gAMA";

/// What may lie where a file should be: a name, and the file made of the good one.
type Strange = (&'static str, fn(&[u8]) -> Vec<u8>);

const ANY: &[Strange] = &[
    ("empty", |_| Vec::new()),
    ("text", |_| "这不是它。not at all\n".repeat(40).into_bytes()),
    ("a picture", |_| PICTURE.repeat(30)),
    ("zeros", |_| vec![0; 8_192]),
];

const DATABASES: &[Strange] = &[
    ("another program's database", |_| another_database()),
    ("half", |good| good[..good.len() / 2].to_vec()),
    ("short by a little", |good| good[..good.len() - 100].to_vec()),
    ("half a header", |good| good[..50].to_vec()),
    ("one byte", |good| good[..1].to_vec()),
    ("another beginning", |good| changed(good, 3)),
    ("another page size", |good| changed(good, 16)),
    ("nothing but a header", |good| good[..4_096].iter().copied().chain(vec![0; good.len() - 4_096]).collect()),
];

const TEXTS: &[Strange] = &[
    ("half", |good| good[..good.len() / 2].to_vec()),
    ("GBK", |_| b"name = \"\xcf\xfb\xb7\xc0\"\n".to_vec()),
    ("a database", |_| another_database()),
];

fn changed(good: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = good.to_vec();
    bytes[at] ^= 0x55;
    bytes
}

fn another_database() -> Vec<u8> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("other.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE music (title TEXT); INSERT INTO music VALUES ('a')")
        .unwrap();
    fs::read(path).unwrap()
}

/// A copy of the small city.
fn copy_of(prepared: &Folder) -> Folder {
    let copy = Folder::new();
    copy_tree(prepared.path(), copy.path());
    copy
}

/// Every file of the node but locks and the index of write-ahead files, which hold nothing.
fn contents(folder: &Folder) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.path().join(DATA)];
    while let Some(place) = folders.pop() {
        for path in fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|kind| kind != "lock") && !name.ends_with("-shm") {
                let bytes = fs::read(&path).unwrap();
                // An empty write-ahead file says as much as none.
                if !(name.ends_with("-wal") && bytes.is_empty()) {
                    found.insert(path, bytes);
                }
            }
        }
    }
    found
}

/// Runs a command that must fail, and must have changed nothing.
#[track_caller]
fn fails(folder: &Folder, words: &[&str], code: i32, texts: &[&str], what: &str) -> Ran {
    let before = contents(folder);
    let ran = folder.run(words);
    assert!(!ran.stderr.contains("panicked"), "{what}: {ran}");
    assert_eq!(ran.code, Some(code), "{what}: {ran}");
    for text in texts {
        assert!(ran.stderr.contains(text), "{what} lacks `{text}`: {ran}");
    }
    assert!(contents(folder) == before, "{what}: a file was touched by {ran}");
    ran
}

/// The message says what to do.
#[track_caller]
fn advises(ran: &Ran, advice: &[&str]) {
    assert!(advice.iter().any(|advice| ran.stderr.contains(advice)), "none of {advice:?} in {ran}");
}

#[test]
fn a_bad_log_is_told_by_every_command_and_nothing_is_touched() {
    let prepared = Folder::small_demo();
    for (what, make) in ANY.iter().chain(DATABASES) {
        let folder = copy_of(&prepared);
        let log = folder.data("log.sqlite");
        fs::write(&log, make(&fs::read(&log).unwrap())).unwrap();
        for words in [vec!["case", "list"], vec!["log", "head"], vec!["replay"], fire_reports()] {
            let ran = fails(&folder, &words, 1, &["log.sqlite"], what);
            advises(&ran, &["put a backup or another node's copy of it in its place"]);
        }
        let doctor = folder.run(["doctor"]).exits(1);
        assert!(doctor.stdout.contains("broken\tlog\t"), "{what}: {doctor}");
    }
}

#[test]
fn a_bad_outbox_keeps_commands_from_happening_but_not_the_log_from_being_read() {
    let prepared = Folder::small_demo();
    let digest = prepared.digest();
    for (what, make) in ANY.iter().chain(DATABASES) {
        let folder = copy_of(&prepared);
        let outbox = folder.data("outbox.sqlite");
        fs::write(&outbox, make(&fs::read(&outbox).unwrap())).unwrap();
        for words in [vec!["case", "list"], fire_reports()] {
            let ran = fails(&folder, &words, 1, &["outbox.sqlite"], what);
            advises(&ran, &["restore it from a backup"]);
        }
        let doctor = folder.run(["doctor"]).exits(1);
        assert!(doctor.stdout.contains("broken\toutbox\t"), "{what}: {doctor}");
        assert_eq!(folder.digest(), digest, "{what}");
    }
    let folder = copy_of(&prepared);
    fs::remove_file(folder.data("outbox.sqlite")).unwrap();
    let ran = fails(&folder, &fire_reports(), 1, &["outbox.sqlite", "restore it from a backup"], "missing");
    assert!(ran.stderr.contains("there is no outbox"), "{ran}");
}

#[test]
fn a_bad_read_model_is_mended_by_a_replay() {
    let prepared = Folder::small_demo();
    let digest = prepared.digest();
    let cases = prepared.run(["case", "list"]).ok().stdout;
    for (what, make) in ANY.iter().chain(DATABASES) {
        let folder = copy_of(&prepared);
        let model = folder.data("model.sqlite");
        fs::write(&model, make(&fs::read(&model).unwrap())).unwrap();
        for words in [vec!["case", "list"], fire_reports()] {
            let ran = fails(&folder, &words, 1, &["model.sqlite"], what);
            advises(&ran, &["run `fengsui replay`"]);
        }
        let doctor = folder.run(["doctor"]).exits(1);
        assert!(doctor.stdout.contains("broken\tmodel\t"), "{what}: {doctor}");
        assert_eq!(folder.digest(), digest, "{what}");
        assert_eq!(folder.run(["case", "list"]).ok().stdout, cases, "{what}");
    }
    let folder = copy_of(&prepared);
    fs::remove_file(folder.data("model.sqlite")).unwrap();
    assert_eq!(folder.run(["case", "list"]).ok().stdout, cases);
    assert_eq!(folder.digest(), digest);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_told() {
    let prepared = Folder::small_demo();
    for (file, words) in
        [("log.sqlite", vec!["replay"]), ("outbox.sqlite", fire_reports()), ("model.sqlite", vec!["case", "list"])]
    {
        let folder = copy_of(&prepared);
        fs::remove_file(folder.data(file)).unwrap();
        fs::create_dir(folder.data(file)).unwrap();
        fails(&folder, &words, 1, &[file, "is a folder", "move the folder away"], file);
    }
    let folder = copy_of(&prepared);
    fs::remove_file(folder.data("model.sqlite")).unwrap();
    fs::create_dir(folder.data("model.sqlite")).unwrap();
    fails(&folder, &["replay"], 1, &["model.sqlite", "is a folder"], "replay");
}

#[test]
fn files_of_a_newer_program_are_told() {
    let prepared = Folder::small_demo();
    for (file, format) in [("log.sqlite", 1), ("outbox.sqlite", 1), ("model.sqlite", 3)] {
        let folder = copy_of(&prepared);
        Connection::open(folder.data(file)).unwrap().pragma_update(None, "user_version", 7).unwrap();
        let known = format!("knows formats up to {format}");
        fails(&folder, &fire_reports(), 1, &[file, "has format 7", &known, "newer fengsui"], file);
        fails(&folder, &["--json", "case", "list"], 1, &[file, "\"newer_version\""], file);
    }
    // What stands in a newer read model stands on the log as well.
    let folder = copy_of(&prepared);
    Connection::open(folder.data("model.sqlite")).unwrap().pragma_update(None, "user_version", 7).unwrap();
    assert_eq!(folder.digest(), prepared.digest());
}

/// Damage anywhere: the program answers or says what is wrong, but never panics, and no damage of what it folds goes by in silence.
#[test]
fn no_damage_makes_the_program_panic_or_goes_by_in_silence() {
    let prepared = Folder::small_demo();
    let digest = prepared.digest();
    let mut noticed = 0;
    for (file, seed) in [("log.sqlite", 0), ("outbox.sqlite", 100), ("model.sqlite", 200)] {
        for round in 0..12 {
            let mut dice = Dice(seed + round);
            let folder = copy_of(&prepared);
            let path = folder.data(file);
            let mut bytes = fs::read(&path).unwrap();
            let length = bytes.len() as u64;
            if round % 3 == 0 {
                // Whole pages.
                let page = usize::try_from(dice.below(length / 4_096) * 4_096).unwrap();
                bytes[page..page + 4_096].fill_with(|| dice.below(256).to_le_bytes()[0]);
            } else {
                for _ in 0..=dice.below(1 << (round + 1)) {
                    bytes[usize::try_from(dice.below(length)).unwrap()] ^= 1 << dice.below(8);
                }
            }
            fs::write(&path, bytes).unwrap();
            let what = format!("{file}, round {round}");
            for words in
                [vec!["doctor"], vec!["case", "list"], vec!["unit", "list"], vec!["anomaly", "list"], vec!["replay"]]
            {
                let ran = folder.run(&words);
                assert!(!ran.stderr.contains("panicked"), "{what}: {ran}");
                assert!(matches!(ran.code, Some(0 | 1 | 5)), "{what}: {ran}");
                let told = ran.stderr.contains(file) || ran.stdout.contains(file) || ran.stderr.contains("the log");
                assert!(ran.code == Some(0) || told, "{what}: {ran}");
                if words == ["replay"] {
                    let same = ran.code == Some(0) && ran.digest() == digest;
                    noticed += u32::from(!same);
                    assert!(file == "log.sqlite" || same, "{what}: {ran}");
                    assert!(same || ran.code != Some(0) || ran.stdout.contains("Anomalies"), "{what}: {ran}");
                }
            }
        }
    }
    assert!(noticed > 6, "only {noticed} of 12 damaged logs differed");
}

#[test]
fn a_bad_configuration_names_file_and_remedy() {
    let prepared = Folder::small_demo();
    for file in ["node.toml", "exchange.toml"] {
        for (what, make) in ANY.iter().chain(TEXTS) {
            let folder = copy_of(&prepared);
            fs::write(folder.data(file), make(&fs::read(folder.data(file)).unwrap())).unwrap();
            for words in [vec!["case", "list"], vec!["replay"], fire_reports()] {
                let ran = fails(&folder, &words, 1, &[file], &format!("{file}: {what}"));
                advises(&ran, &["restore it from a backup", "restore the file from a backup"]);
            }
        }
    }
    let folder = copy_of(&prepared);
    fs::remove_file(folder.data("exchange.toml")).unwrap();
    fails(&folder, &["case", "list"], 1, &["exchange.toml is missing", "ask the exchange's authority"], "missing");
    fs::remove_file(folder.data("node.toml")).unwrap();
    fails(&folder, &["case", "list"], 1, &["there is no node in", "--data", "init --region"], "no node");
    for (what, make) in ANY.iter().chain(TEXTS) {
        let folder = copy_of(&prepared);
        fs::write(folder.data("demo.toml"), make(b"complete = true\n[options]\nunits = 20\n")).unwrap();
        fails(&folder, &["demo", "--units", "20", "--violations", "120"], 1, &["demo.toml"], what);
    }
}

#[test]
fn a_bad_key_signs_nothing() {
    use std::os::unix::fs::PermissionsExt as _;

    let prepared = Folder::small_demo();
    let key = prepared.data("keys/fire.seed");
    let seed = fs::read_to_string(&key).unwrap();
    for (what, make) in ANY.iter().chain(TEXTS) {
        let folder = copy_of(&prepared);
        fs::write(folder.data("keys/fire.seed"), make(seed.as_bytes())).unwrap();
        let ran = fails(&folder, &fire_reports(), 1, &["fire.seed", "expected one line of 58 characters"], what);
        assert!(!ran.stderr.contains(&seed[..20]), "no part of a secret is shown");
        let doctor = folder.run(["doctor"]).exits(1);
        assert!(doctor.stdout.contains("broken\tkey\t"), "{what}: {doctor}");
    }
    for mode in [0o644, 0o640, 0o604, 0o666] {
        let folder = copy_of(&prepared);
        let key = folder.data("keys/fire.seed");
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let ran = fails(&folder, &fire_reports(), 1, &[&format!("mode {mode:04o}")], "mode");
        // The advice is a command that can be run as it stands.
        let command = ran.stderr.split('`').nth(1).unwrap().to_owned();
        assert!(command.starts_with("chmod 600 "), "{command}");
        assert!(
            std::process::Command::new("sh")
                .current_dir(folder.path())
                .args(["-c", &command])
                .status()
                .unwrap()
                .success()
        );
        folder.run(fire_reports()).ok();
    }
    // Another agency's key, and none.
    let folder = copy_of(&prepared);
    fs::copy(folder.data("keys/urban.seed"), folder.data("keys/fire.seed")).unwrap();
    fails(&folder, &fire_reports(), 7, &["urban"], "the key of another");
    fs::remove_file(folder.data("keys/fire.seed")).unwrap();
    fails(&folder, &fire_reports(), 7, &["holds no key of fire"], "no key");
}

#[test]
fn a_bad_table_or_map_imports_nothing() {
    let prepared = importer(1);
    prepared.run(["export", "cases", "--out", "book.xlsx"]).ok();
    let words = import_words();
    let check = |file: &str, words: &[&str], strange: &[Strange]| {
        for (what, make) in strange {
            let folder = copy_of(&prepared);
            let path = folder.path().join(file);
            fs::write(&path, make(&fs::read(&path).unwrap())).unwrap();
            fails(&folder, words, 1, &[file], &format!("{file}: {what}"));
            assert!(!folder.path().join(format!("{file}.refused.csv")).exists());
        }
        let folder = copy_of(&prepared);
        fs::remove_file(folder.path().join(file)).unwrap();
        fails(&folder, words, 1, &[file, "No such file"], "missing");
        fs::create_dir(folder.path().join(file)).unwrap();
        fails(&folder, words, 1, &[file, "Is a directory"], "a folder");
    };
    let not_half: Vec<Strange> = ANY.iter().chain(&TEXTS[1..]).copied().collect();
    check("map.toml", &words, &[ANY, TEXTS].concat());
    check(TABLE, &words, &not_half);
    let book: Vec<&str> = words.iter().map(|word| if *word == TABLE { "book.xlsx" } else { word }).collect();
    check("book.xlsx", &book, &[ANY, TEXTS].concat());
    // A table that lost its end is a shorter table; only its last, half row can be told.
    let folder = copy_of(&prepared);
    let table = folder.read(TABLE);
    folder.write(TABLE, table.rsplit_once(',').unwrap().0);
    folder.run(&words).exits(3);
    // The first bytes decide, not the name.
    folder.write(TABLE, "%PDF-1.7\n1 0 obj\n");
    fails(&folder, &words, 1, &[TABLE, "PDF", "table"], "a PDF");
}

#[test]
fn a_bad_rulebook_is_refused_with_its_file() {
    let prepared = Folder::small_demo();
    let good = prepared.run(["rulebook", "show", "--text"]).ok().stdout;
    prepared.write("rules.toml", &good);
    prepared.run(["rulebook", "check", "rules.toml"]).ok();
    for (what, make) in ANY.iter().chain(TEXTS) {
        prepared.write("rules.toml", make(good.as_bytes()));
        fails(&prepared, &["rulebook", "check", "rules.toml"], 1, &["rules.toml"], what);
        fails(&prepared, &["--json", "rulebook", "check", "rules.toml"], 1, &["rules.toml", "\"error\""], what);
    }
    prepared.write("rules.toml", good.replacen("authority = \"joint-office\"", "authority = \"nobody\"", 1));
    fails(
        &prepared,
        &["rulebook", "check", "rules.toml"],
        1,
        &["rules.toml", "nobody"],
        "an authority that is no agency",
    );
}

/// cases.md 15, and a rebuild beside somebody who still reads the old tables.
#[test]
fn a_write_ahead_file_of_another_life_is_never_taken_for_the_tables_own() {
    let prepared = Folder::small_demo();
    let digest = prepared.digest();
    let cases = prepared.run(["case", "list"]).ok().stdout;
    let (wal, shm) = stale_write_ahead(&prepared);

    // The main file was deleted, its companions were not.
    let folder = copy_of(&prepared);
    fs::remove_file(folder.data("model.sqlite")).unwrap();
    fs::write(folder.data("model.sqlite-wal"), &wal).unwrap();
    fs::write(folder.data("model.sqlite-shm"), &shm).unwrap();
    assert_eq!(folder.run(["case", "list"]).ok().stdout, cases);
    assert_eq!(folder.digest(), digest);

    // They lie beside the old tables, and beside what a former replay left.
    let folder = copy_of(&prepared);
    for name in ["model.sqlite", "model.sqlite.rebuild", "model.sqlite.rebuild.creating"] {
        fs::write(folder.data(&format!("{name}-wal")), &wal).unwrap();
        fs::write(folder.data(&format!("{name}-shm")), &shm).unwrap();
    }
    assert_eq!(folder.digest(), digest);
    assert_eq!(folder.run(["case", "list"]).ok().stdout, cases);

    // Somebody reads the old tables while the new ones take their place.
    let reader = Connection::open(folder.data("model.sqlite")).unwrap();
    let count = "SELECT count(*) FROM cases";
    reader.execute_batch("BEGIN").unwrap();
    let before: i64 = reader.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(folder.digest(), digest);
    assert_eq!(reader.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(), before);
    drop(reader);
    assert_eq!(folder.run(["case", "list"]).ok().stdout, cases);

    // Of log and outbox nothing is ever made anew beside what may hold events.
    for file in ["log.sqlite", "outbox.sqlite"] {
        fs::rename(folder.data(file), folder.data(&format!("{file}.away"))).unwrap();
    }
    fs::write(folder.data("log.sqlite-wal"), &wal).unwrap();
    fails(
        &folder,
        &fire_reports(),
        1,
        &["log.sqlite-wal is left from a former event log", "bring"],
        "the log's write-ahead file",
    );
}

/// A write-ahead file with content, and its index, of tables that say something else.
fn stale_write_ahead(prepared: &Folder) -> (Vec<u8>, Vec<u8>) {
    let folder = copy_of(prepared);
    let path = folder.data("model.sqlite");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA wal_autocheckpoint = 0; DELETE FROM cases; DELETE FROM accounts;").unwrap();
    let companion = |suffix: &str| fs::read(folder.data(&format!("model.sqlite{suffix}"))).unwrap();
    let found = (companion("-wal"), companion("-shm"));
    assert!(found.0.len() > 4_096);
    found
}

#[test]
fn a_log_that_was_put_back_from_a_backup_is_completed_by_the_outbox() {
    let folder = Folder::small_demo();
    let backup = fs::read(folder.data("log.sqlite")).unwrap();
    folder.run(fire_reports()).ok();
    let (cases, digest) = (folder.run(["case", "list"]).ok().stdout, folder.digest());
    let events = events_of(&folder.data("log.sqlite"));
    let put_back = || {
        fs::write(folder.data("log.sqlite"), &backup).unwrap();
        let doctor = folder.run(["doctor"]);
        assert!(doctor.stdout.contains("warning\toutbox\t"), "{doctor}");
    };
    put_back();
    let looked = folder.run(["case", "list"]).ok();
    assert_eq!(looked.stdout, cases);
    looked.says(&["what was missing of it is on the log again"]);
    assert!(events_of(&folder.data("log.sqlite")) == events, "each event once, none lost");
    assert_eq!(folder.digest(), digest);
    // A command does the same before it goes on, and its chain has no gap.
    put_back();
    folder.run(fire_reports()).ok().says(&["what was missing of it is on the log again"]);
    assert_eq!(events_of(&folder.data("log.sqlite")).len(), events.len() + 2, "a report with its referral");
    assert_eq!(folder.run(["--json", "anomaly", "list"]).ok().json()["anomalies"], serde_json::json!([]));
    // Without its outbox a node cannot tell, and says so.
    fs::write(folder.data("log.sqlite"), &backup).unwrap();
    fs::remove_file(folder.data("outbox.sqlite")).unwrap();
    let ran = folder.run(["case", "list"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    ran.says(&["outbox"]);
}

#[test]
fn another_log_and_an_older_outbox_are_refused() {
    let folder = Folder::small_demo();
    let other = Folder::new();
    other.run(["demo", "--units", "20", "--violations", "120", "--seed", "2"]).ok();
    let (log, outbox) = (folder.data("log.sqlite"), folder.data("outbox.sqlite"));
    let older = fs::read(&outbox).unwrap();
    folder.run(fire_reports()).ok();

    let good = fs::read(&log).unwrap();
    fs::copy(other.data("log.sqlite"), &log).unwrap();
    for words in [vec!["case", "list"], fire_reports()] {
        fails(
            &folder,
            &words,
            5,
            &["is not the one that this outbox has published to", "put the node's own log back"],
            "other",
        );
    }
    fs::write(&log, good).unwrap();

    let newest = fs::read(&outbox).unwrap();
    fs::write(&outbox, older).unwrap();
    fails(&folder, &fire_reports(), 5, &["outbox.sqlite", "older backup", "put its newest copy back"], "older outbox");
    fs::write(&outbox, newest).unwrap();
    folder.run(fire_reports()).ok();
}
