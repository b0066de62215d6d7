//! How runs end: the published exit codes, errors as text and as JSON, readers that go away.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use fengsui_tests::{Folder, Ran, closed_case, program};

/// An error is one line of JSON on stderr under `--json`, a text with the language's own word for it without; stdout has nothing.
fn fails(folder: &Folder, words: &[&str], exit: i32, code: &str) {
    let json = folder.run(words.iter().chain(&["--json", "--lang", "en"])).exits(exit);
    let error = json.json_error();
    assert_eq!(json.stderr.lines().count(), 1, "{json}");
    assert_eq!((error["type"].as_str(), error["exit"].as_i64()), (Some("error"), Some(exit.into())), "{json}");
    assert_eq!(error["code"], code, "{json}");
    assert!(!error["message"].as_str().unwrap().is_empty(), "{json}");
    let en = folder.run(words.iter().chain(&["--lang", "en"])).exits(exit).says(&["error: "]);
    let zh = folder.run(words.iter().chain(&["--lang", "zh"])).exits(exit).says(&["错误："]);
    for ran in [&json, &en, &zh] {
        assert!(ran.stdout.is_empty(), "{ran}");
    }
}

#[test]
fn a_command_line_that_is_wrong_ends_with_2() {
    let folder = Folder::small_demo();
    let lines: [&[&str]; 13] = [
        &["nonsense"],
        &["case", "nonsense"],
        &["case", "list", "--nonsense"],
        &["case", "list", "--limit", "many"],
        &["case", "list", "--status", "half-open"],
        &["case", "show"],
        &["case", "show", "not-an-id"],
        &["unit", "show", "111111111111111111"],
        &["referral", "list", "--inbox", "--sent"],
        &["violation", "report", "--category", "fire.60-1"],
        &["init", "--region", "999999", "--agency", "fire"],
        &["log", "show", "forty"],
        &["demo", "--units", "0"],
    ];
    for words in lines {
        fails(&folder, words, 2, "usage");
    }
    fails(&folder, &["export", "cases", "--out", "cases.pdf"], 2, "sheet");
    folder.run::<&str>([]).exits(2).says(&["Usage"]);
    folder.run(["case"]).exits(2).says(&["Usage", "reopen"]);
    folder.run(["nonsense"]).exits(2).says(&["--help"]);
    let help = folder.run(["--help"]).ok().shows(&["Usage: fengsui", "Global options:"]);
    assert!(help.stderr.is_empty(), "{help}");
}

#[test]
fn what_fails_ends_with_1() {
    let demo = Folder::small_demo();
    let case = closed_case(&demo).0;
    fails(&demo, &["case", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"], 1, "no_such_id");
    fails(&demo, &["unit", "show", "local.nowhere:1"], 1, "no_such_unit");
    fails(&demo, &["log", "show", "99999"], 1, "no_such_event");
    fails(&demo, &["case", "list", "--as-of", "99999"], 1, "beyond_head");
    fails(&demo, &["replay", "--into", "x", "--until", "99999"], 1, "beyond_head");
    fails(&demo, &["anomaly", "show", "1"], 1, "no_such_anomaly");
    fails(&demo, &["import", "absent.csv"], 1, "sheet");
    fails(&demo, &["import", "absent.csv", "--agency", "fire"], 1, "sheet");
    fails(&demo, &["rulebook", "check", "absent.toml"], 1, "file");
    fails(&demo, &["export", "cases", "--out", "no/such/folder/cases.csv"], 1, "sheet");
    fails(&demo, &["case", "reopen", &case, "--reason", "x", "--agency", "police"], 7, "no_key");
    let nothing = Folder::new();
    for words in [&["unit", "list"][..], &["replay"], &["case", "close", &case, "--ground", "rectified"]] {
        fails(&nothing, words, 1, "not_initialised");
    }
    assert_eq!(fs::read_dir(nothing.path()).unwrap().count(), 0, "looking makes no folder");
}

#[test]
fn done_in_part_ends_with_3() {
    let folder = Folder::exchange(&["fire"]);
    folder.write("table.csv", fengsui_tests::long_table(2).replace("2024-03-03", "2024-02-30"));
    let words = ["--agency", "fire", "import", "table.csv"];
    folder.run(words).exits(3).shows(&["refused because\tdate_impossible 1"]);
    folder.run(words.iter().chain(&["--lang", "zh"])).exits(3).shows(&["date_impossible"]);
    let lines = folder.run(words.iter().chain(&["--json"])).exits(3).json_lines();
    assert_eq!(lines.last().unwrap()["import"]["refused"], 1);
}

#[test]
fn a_log_that_was_edited_ends_with_5() {
    let folder = Folder::small_demo();
    let log = rusqlite::Connection::open(folder.data("log.sqlite")).unwrap();
    let tables: Vec<String> = {
        let mut names = log.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for trigger in tables {
        log.execute_batch(&format!("DROP TRIGGER \"{trigger}\"")).unwrap();
    }
    assert_eq!(log.execute("DELETE FROM events WHERE position = 500", []).unwrap(), 1);
    drop(log);
    fails(&folder, &["replay"], 5, "log");
    folder.run(["replay"]).exits(5).says(&["500"]);
    fs::remove_file(folder.data("model.sqlite")).unwrap();
    fails(&folder, &["unit", "list"], 5, "log");
}

#[test]
fn what_is_not_allowed_ends_with_7() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    let words = ["violation", "report", "--unit", "91350602MA0000015U", "--name", "瑞和宾馆", "--region", "350602"];
    let more = ["--category", "fire.60-1", "--facts", "灭火器过期"];
    let case = folder.desk("tourism", words.iter().chain(&more)).ok().cell("case");
    fails(&folder, &["referral", "acknowledge", &case, "--agency", "tourism"], 7, "wrong_actor");
    fails(&folder, &["referral", "acknowledge", &case, "--agency", "urban"], 7, "no_key");
    fails(&folder, &["violation", "retract", &case, "--reason", "x", "--agency", "fire"], 7, "wrong_actor");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = Folder::small_demo();
    for words in [&["log", "tail", "-n", "1000"][..], &["case", "list"], &["rulebook", "show", "--text"], &["--help"]] {
        let mut child = folder.command(words).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::with_capacity(16, child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        drop(stdout);
        let ran = Ran::ended(&folder.command(words), child.wait_with_output().unwrap()).ok();
        assert!(!line.is_empty() && ran.stderr.is_empty(), "{ran}");
    }
    let line = format!("'{}' log tail -n 1000 | head -n 1; '{0}' case list --json | head -c 1", program().display());
    let shell = Ran::of(Command::new("sh").args(["-c", &line]).current_dir(folder.path())).ok();
    assert!(shell.stderr.is_empty() && shell.stdout.starts_with("position\t"), "{shell}");
    // Results that cannot be written are a failure: a script must not take half a list for the whole.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = Ran::of(folder.command(["case", "list"]).stdout(full)).exits(1);
    ran.says(&["the results cannot be written"]);
}

#[test]
fn remarks_are_on_stderr_and_quiet_leaves_them_out() {
    let folder = Folder::exchange(&["fire"]);
    folder.write("table.csv", fengsui_tests::long_table(3));
    let loud = folder.run(["--agency", "fire", "import", "table.csv"]).ok();
    assert!(!loud.stderr.is_empty() && !loud.stdout.contains("encoding"), "{loud}");
    let quiet = folder.run(["--agency", "fire", "import", "table.csv", "--quiet"]).ok();
    assert!(quiet.stderr.is_empty(), "{quiet}");
    assert!(folder.run(["unit", "list", "-q", "--as-of", "2026-01-01"]).ok().stderr.is_empty());
    let error = folder.run(["-q", "case", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]).exits(1);
    assert!(error.stderr.contains("there is no case"), "an error is no remark\n{error}");
}
