//! Any day as it was, and what changed in between: `replay --as-of` and `replay --diff` through the built program.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use fengsui_tests::{Folder, Ran};
use serde_json::Value;

fn digest_in(ran: &Ran) -> String {
    let last = ran.stdout.lines().last().unwrap();
    last.strip_prefix("digest ").unwrap_or_else(|| panic!("{ran}")).to_owned()
}

fn balances(folder: &Folder, as_of: &str) -> BTreeMap<String, (i64, String)> {
    let listed = folder.run(["--as-of", as_of, "unit", "list", "--json"]).ok().json();
    let row = |unit: &Value| {
        let grade = unit["grade"].as_str().unwrap_or("-").to_owned();
        (unit["unit"].as_str().unwrap().to_owned(), (unit["balance"].as_i64().unwrap(), grade))
    };
    listed["units"].as_array().unwrap().iter().map(row).collect()
}

fn statuses(folder: &Folder, as_of: &str) -> BTreeMap<String, String> {
    let listed = folder.run(["--as-of", as_of, "case", "list", "--json"]).ok().json();
    let text = |case: &Value, name: &str| case[name].as_str().unwrap().to_owned();
    listed["cases"].as_array().unwrap().iter().map(|case| (text(case, "case"), text(case, "status"))).collect()
}

fn rows(changes: &[Value], of: &str) -> Vec<Value> {
    changes.iter().filter(|change| change["type"] == "row" && change["of"] == of).cloned().collect()
}

#[test]
fn tables_as_of_a_day_have_the_digest_of_a_replay_up_to_its_last_position() {
    let folder = Folder::small_demo();
    let now = folder.run(["replay"]).ok();
    let now = digest_in(&now);
    let past = folder.run(["--as-of", "2025-06-30", "replay"]).ok();
    let json = folder.run(["--as-of", "2025-06-30", "replay", "--json"]).ok().json_lines();
    let summary = json.last().unwrap();
    assert_eq!(summary["as_of"]["date"], "2025-06-30");
    let position = summary["as_of"]["position"].as_u64().unwrap();
    assert_eq!(
        (summary["events"].as_u64(), summary["digest"].as_str()),
        (Some(position), Some(digest_in(&past).as_str()))
    );
    let until = folder.run(["replay", "--into", "until", "--until", &position.to_string()]).ok();
    assert_eq!(digest_in(&past), digest_in(&until));
    let into = folder.run(["--as-of", &position.to_string(), "replay", "--into", "then", "--lines", "then.lines"]).ok();
    assert_eq!(digest_in(&into), digest_in(&past));
    assert!(folder.path().join("then/model.sqlite").is_file());
    let lines = fengsui_event::Digest::of(folder.read("then.lines").as_bytes());
    assert_eq!(format!("sha256:{lines}"), digest_in(&past));
    // Looking at the past leaves the present alone.
    assert_eq!(folder.run(["log", "head", "--json"]).ok().json()["position"], rows_folded(&folder));
    assert_eq!(digest_in(&folder.run(["replay"]).ok()), now);
    // Before the first event there is nothing, and that is drawn as well.
    let before = folder.run(["--as-of", "2020-01-01", "replay", "--into", "nothing"]).ok();
    before.shows(&["as of\t2020-01-01 (position 0)", "events\t0"]);
    folder.run(["--as-of", "99999999", "replay"]).exits(1).says(&["is not on the log yet"]);
    folder.run(["--as-of", "5", "replay", "--until", "4"]).exits(2).says(&["cannot be used together"]);
    folder
        .run(["--as-of", "2025-06-30", "replay", "--from", "fengsui-data", "--into", "x"])
        .exits(2)
        .says(&["takes a position"]);
    let other = ["--as-of", &position.to_string(), "replay", "--from", "fengsui-data", "--into", "x"];
    assert_eq!(digest_in(&folder.run(other).ok()), digest_in(&past));
}

/// The position up to which the tables of the folder are drawn.
fn rows_folded(folder: &Folder) -> Value {
    let tables = rusqlite::Connection::open(folder.data("model.sqlite")).unwrap();
    tables.query_row("SELECT position FROM progress", [], |row| row.get::<_, i64>(0)).unwrap().into()
}

#[test]
fn a_difference_is_that_of_the_lists_of_both_days() {
    let folder = Folder::small_demo();
    let (from, to) = ("2025-03-31", "2025-09-30");
    let changes = folder.run(["replay", "--diff", from, to, "--json"]).ok().json_lines();
    let summary = changes.last().unwrap();
    assert_eq!(
        (&summary["type"], &summary["from"]["date"], &summary["to"]["date"]),
        (&"summary".into(), &from.into(), &to.into())
    );

    let (before, after) = (balances(&folder, from), balances(&folder, to));
    let mut differing: BTreeMap<String, _> = after.clone();
    differing.retain(|unit, standing| before.get(unit) != Some(standing));
    let found: BTreeMap<String, (i64, String)> = rows(&changes, "unit")
        .iter()
        .filter(|row| row["from"] != row["to"])
        .map(|row| {
            let grade = row["to"]["grade"].as_str().unwrap().to_owned();
            (row["unit"].as_str().unwrap().to_owned(), (row["to"]["balance"].as_i64().unwrap(), grade))
        })
        .collect();
    assert!(!differing.is_empty());
    assert_eq!(found, differing);
    for row in rows(&changes, "unit") {
        let points: i64 = row["lines"].as_array().unwrap().iter().map(|line| line["points"].as_i64().unwrap()).sum();
        assert_eq!(
            row["from"]["balance"].as_i64().unwrap_or(0) + points,
            row["to"]["balance"].as_i64().unwrap(),
            "{row}"
        );
    }

    let (before, after) = (statuses(&folder, from), statuses(&folder, to));
    let became = |what: &str| rows(&changes, "case").iter().filter(|row| row["what"] == what).count();
    let is_closed =
        |cases: &BTreeMap<String, String>, case: &String| cases.get(case).is_some_and(|status| status == "closed");
    let closed = after.keys().filter(|case| is_closed(&after, case) && !is_closed(&before, case)).count();
    let opened = after.iter().filter(|(case, status)| *status == "open" && !before.contains_key(*case)).count();
    assert!(closed > 0 && opened > 0);
    assert_eq!((became("closed"), became("opened")), (closed, opened));
    assert_eq!(
        (summary["cases"]["closed"].as_u64(), summary["cases"]["opened"].as_u64()),
        (Some(closed as u64), Some(opened as u64))
    );
    let text = folder.run(["--as-of", to, "replay"]).ok();
    assert_eq!(summary["digest"].as_str().unwrap(), digest_in(&text));

    let unit = rows(&changes, "unit")[0]["unit"].as_str().unwrap().to_owned();
    let of_unit = folder.run(["replay", "--diff", from, to, "--unit", &unit, "--json"]).ok().json_lines();
    assert_eq!(rows(&of_unit, "unit"), rows(&changes, "unit")[..1]);
    assert!(rows(&of_unit, "case").iter().all(|row| row["unit"] == *unit));
    let of_agency = folder.run(["replay", "--diff", from, to, "--agency", "tourism", "--json"]).ok().json_lines();
    let is_of = |row: &Value| {
        row["reporter"] == "tourism" || row["from"]["lead"] == "tourism" || row["to"]["lead"] == "tourism"
    };
    let expected: Vec<Value> = rows(&changes, "case").into_iter().filter(is_of).collect();
    assert_eq!(rows(&of_agency, "case"), expected);
}

#[test]
fn an_empty_difference_says_so_and_a_wrong_one_is_refused() {
    let folder = Folder::exchange(&["fire"]);
    let (head, first) = (folder.run(["log", "head", "--json"]).ok().json()["position"].to_string(), "1");
    let same = folder.run(["replay", "--diff", &head, &head]).ok();
    same.clone().shows(&["changes\tnone"]);
    assert_eq!(digest_in(&same), digest_in(&folder.run(["replay"]).ok()));
    folder.run(["--lang", "zh", "replay", "--diff", &head, &head]).ok().shows(&["变化\t无"]);
    let registered = folder.run(["replay", "--diff", first, &head]).ok();
    registered.shows(&["agency_registered\tfire\tfire", "key_registered\t", "agencies registered\t1"]);
    folder.run(["replay", "--diff", &head, first]).exits(2).says(&["must not be later"]);
    folder.run(["replay", "--diff", first]).exits(2);
    folder.run(["--as-of", "1", "replay", "--diff", first, &head]).exits(2).says(&["--as-of is for looking"]);
    folder.run(["replay", "--diff", first, "99999"]).exits(1).says(&["is not on the log yet"]);
    folder.run(["replay", "--diff", first, &head, "--into", "x"]).exits(2);
}
