//! The whole log under another rulebook, through the program.

#![allow(clippy::unwrap_used)]

use fengsui_tests::Folder;
use serde_json::Value;

const AS_OF: [&str; 2] = ["--as-of", "2026-06-30"];

/// A city, the rulebook that it has, and a dearer one.
fn city() -> Folder {
    let city = Folder::small_demo();
    let text = city.run(["rulebook", "show", "--text"]).ok().stdout;
    let dearer = text.replace("\nconsiderable = 5\n", "\nconsiderable = 10\n").replace("\nA = 90\n", "\nA = 95\n");
    assert_ne!(dearer, text);
    city.write("same.toml", &text);
    city.write("dearer.toml", &dearer);
    city
}

fn simulate(city: &Folder, more: &[&str]) -> fengsui_tests::Ran {
    city.run([&AS_OF[..], &["--json", "rulebook", "simulate"], more].concat())
}

fn rows(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["type"] == "row").collect()
}

#[test]
fn the_published_rulebook_changes_nothing_and_a_dearer_one_what_it_says() {
    let city = city();
    let before = city.digest();
    let same = simulate(&city, &["same.toml"]).ok().json_lines();
    let summary = same.last().unwrap();
    assert_eq!((same.len(), &summary["changed"], &summary["effects"]), (1, &Value::from(0), &Value::from(0)));
    let lines = simulate(&city, &["dearer.toml"]).ok().json_lines();
    let (found, summary) = (rows(&lines), lines.last().unwrap());
    assert!(!found.is_empty());
    assert_eq!(summary["changed"], found.len());
    for row in found {
        let unit = row["unit"].as_str().unwrap();
        let now = city.run([&AS_OF[..], &["--json", "unit", "show", unit]].concat()).ok().json();
        assert_eq!((&row["from"]["balance"], &row["from"]["grade"]), (&now["unit"]["balance"], &now["unit"]["grade"]));
        for entry in row["entries"].as_array().unwrap() {
            // Each deduction that is another is the one that was made dearer.
            if entry["kind"] == "deduction" {
                let (from, to) = (&entry["from"], &entry["to"]);
                assert_eq!((&from["points"], &to["points"]), (&Value::from(-5), &Value::from(-10)), "{entry}");
                assert_eq!(to["rule"], "points/*/considerable");
            }
        }
        let balance = row["to"]["balance"].as_i64().unwrap();
        let grade = match balance {
            95.. => "A",
            75..95 => "B",
            60..75 => "C",
            _ => "D",
        };
        assert_eq!(row["to"]["grade"], grade, "{balance}");
    }
    assert_eq!(city.digest(), before, "nothing was changed");
}

#[test]
fn an_outcome_is_held_against_an_earlier_one() {
    let city = city();
    let outcome = simulate(&city, &["dearer.toml", "--from", "2026-01-01"]).ok().stdout;
    city.write("outcome.jsonl", &outcome);
    let again = simulate(&city, &["dearer.toml", "--from", "2026-01-01", "--expect", "outcome.jsonl"]).ok();
    assert_eq!(again.json_lines().last().unwrap()["expected"]["same"], true);
    // Another day, another rulebook, one line that was edited, one that is missing.
    let other = |more: &[&str]| simulate(&city, &[more, &["--expect", "outcome.jsonl"]].concat()).exits(4);
    other(&["dearer.toml"]).says(&["the outcome is not the expected one"]);
    other(&["same.toml", "--from", "2026-01-01"]);
    city.write("outcome.jsonl", outcome.replacen("\"points\":-10", "\"points\":-11", 1));
    let edited = other(&["dearer.toml", "--from", "2026-01-01"]);
    assert_eq!(edited.json_lines().last().unwrap()["expected"]["units"], 1);
    city.write("outcome.jsonl", outcome.split_once('\n').unwrap().1);
    let shorter = other(&["dearer.toml", "--from", "2026-01-01"]);
    assert_eq!(shorter.json_lines().last().unwrap()["expected"]["units"], 1);
    // A limit limits what is shown, not what is summed.
    let limited = simulate(&city, &["dearer.toml", "--from", "2026-01-01", "--limit", "2"]).ok().json_lines();
    assert_eq!(rows(&limited).len(), 2);
    let whole: Vec<Value> = outcome.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(limited.last().unwrap()["changed"], whole.last().unwrap()["changed"]);
    city.write("outcome.jsonl", "{\"type\":\"other\"}\n");
    simulate(&city, &["dearer.toml", "--expect", "outcome.jsonl"]).exits(1).says(&["not_an_outcome", "line 1"]);
    city.write("outcome.jsonl", "");
    simulate(&city, &["dearer.toml", "--expect", "outcome.jsonl"]).exits(1).says(&["not_an_outcome"]);
}

#[test]
fn what_check_refuses_is_refused_and_text_says_what_stays() {
    let city = city();
    let broken = city.read("same.toml").replace("points = 100", "points = \"many\"");
    city.write("broken.toml", broken);
    let refused = city.run(["rulebook", "check", "broken.toml"]).exits(1).stderr;
    assert_eq!(city.run(["rulebook", "simulate", "broken.toml"]).exits(1).stderr, refused);
    city.run(["rulebook", "simulate", "nowhere.toml"]).exits(1).says(&["nowhere.toml"]);
    let text = city.run(["rulebook", "simulate", "same.toml"]).ok();
    text.shows(&["no unit would stand otherwise"])
        .says(&["what was decided (referrals, terms, findings) stays as it was"]);
    let zh = city.run(["--lang", "zh", "rulebook", "simulate", "dearer.toml", "--limit", "1"]).ok();
    zh.shows(&["模拟积分", "按违法行为类别", "按发现部门"]).says(&["已作出的决定"]);
}
