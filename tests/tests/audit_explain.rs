//! `audit explain`: from a point back to signed bytes, through the built program.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use fengsui_tests::{Folder, Ran};
use serde_json::Value;

const UNIT: &str = "91350602MA0000015U";
/// A name and facts that would do harm where they are not treated as text.
const HOSTILE_NAME: &str = "<script>alert(1)</script>\"'&amp;";
const HOSTILE_FACTS: &str = "</dd><img src=x onerror=alert(2)>{{ frame.title }}";

/// A day so many days ago, by the calendar of the region as `date` knows it.
fn ago(days: u32) -> String {
    let output =
        Command::new("date").env("TZ", "Asia/Shanghai").args(["-d", &format!("{days} days ago"), "+%F"]).output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
}

/// Two blocked exits of one unit within a year, found by tourism and dealt with by fire on the spot.
fn twice_blocked() -> (Folder, Vec<String>) {
    let folder = Folder::exchange(&["fire", "tourism"]);
    let cases = [60, 30].map(|days| {
        let words = ["violation", "report", "--category", "fire.60-3", "--unit", UNIT, "--name", HOSTILE_NAME];
        let more = ["--region", "350602", "--facts", HOSTILE_FACTS, "--found-on", &ago(days), "--json"];
        let reported = folder.desk("tourism", words.iter().chain(&more)).ok();
        let case = find(&reported.json(), "case");
        folder.desk("fire", ["referral", "acknowledge", &case]).ok();
        let feedback = ["feedback", "submit", &case, "--outcome", "rectified_on_site", "--summary", "当场改正"];
        folder.desk("fire", feedback.iter().chain(&["--handled-on", &ago(days - 1)])).ok();
        folder.desk("tourism", ["feedback", "confirm", &case]).ok();
        case
    });
    (folder, cases.to_vec())
}

fn find(value: &Value, name: &str) -> String {
    match value {
        Value::Object(fields) => match fields.get(name) {
            Some(Value::String(text)) => text.clone(),
            _ => fields.values().map(|value| find(value, name)).find(|found| !found.is_empty()).unwrap_or_default(),
        },
        Value::Array(items) => {
            items.iter().map(|item| find(item, name)).find(|found| !found.is_empty()).unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn entry(folder: &Folder, number: u32, more: &[&str]) -> Ran {
    let what = format!("{UNIT}/{number}");
    folder.run(["audit", "explain", &what].into_iter().chain(more.iter().copied()))
}

fn by_position(explained: &Value, position: &Value) -> Value {
    explained["events"].as_array().unwrap().iter().find(|event| event["position"] == *position).unwrap().clone()
}

#[test]
fn a_point_is_traced_through_rule_and_events_to_the_bytes_on_the_log() {
    let (folder, cases) = twice_blocked();
    // fire.60-3 is serious: 12 off, 30 percent of that back (3.6, rounded down); the second within a year half as much more.
    let ledger = folder.run(["unit", "ledger", UNIT, "--json"]).ok().json();
    let points: Vec<i64> =
        ledger["lines"].as_array().unwrap().iter().map(|line| line["points"].as_i64().unwrap()).collect();
    assert_eq!(points, [100, -12, 3, -12, -6, 3]);

    let explained = entry(&folder, 5, &["--json"]).ok().json();
    assert_eq!((&explained["verdict"], &explained["balance"]), (&Value::from("agrees"), &Value::from(76)));
    assert_eq!(explained["grade"], "B", "75 and more, below 90");
    let repeated = &explained["entries"][0];
    let calculation = &repeated["calculation"];
    assert_eq!((&calculation["points"], &repeated["points"]), (&Value::from(-6), &Value::from(-6)));
    assert_eq!(calculation["basis"]["base"], 12);
    assert_eq!(calculation["basis"]["months"], 12);
    assert_eq!(calculation["basis"]["offences"], Value::from(vec![cases[0].clone()]));
    assert_eq!(calculation["rules"][0]["rule"], "repetition/*/1");
    let quoted = &calculation["rules"][0]["excerpt"];
    let book = folder.run(["rulebook", "show", "--text"]).ok().stdout;
    let lines: Vec<&str> = quoted["text"].as_str().unwrap().lines().collect();
    let line = usize::try_from(quoted["line"].as_u64().unwrap()).unwrap();
    let published: Vec<&str> = book.lines().skip(line - 1).take(lines.len()).collect();
    assert_eq!(lines, published, "the rulebook's own lines");

    let chain = repeated["chain"].as_array().unwrap();
    let kinds: Vec<String> = chain
        .iter()
        .map(|position| by_position(&explained, position)["type"].as_str().unwrap().replace("cn.fengsui.", ""))
        .collect();
    assert_eq!(
        kinds,
        ["violation.reported.v1", "referral.issued.v1", "referral.acknowledged.v1", "feedback.submitted.v1"]
    );
    for position in chain {
        let event = by_position(&explained, position);
        assert_eq!((&event["genuine"], &event["case"]), (&Value::from(true), &Value::from(cases[1].clone())));
        // The bytes that are named are those on the log, by a program that is not ours.
        let raw = folder.run(["log", "show", &position.to_string(), "--raw"]).ok().stdout;
        let file = folder.write("event.json", &raw);
        let summed = Command::new("sha256sum").arg(file).output().unwrap().stdout;
        assert_eq!(String::from_utf8(summed).unwrap().split(' ').next(), event["sha256"].as_str());
        assert_eq!(event["bytes"].as_u64().unwrap(), raw.len() as u64);
        assert_eq!(serde_json::from_str::<Value>(&raw).unwrap()["keyid"], event["key"]["keyid"]);
    }
    let issued = by_position(&explained, &chain[1]);
    assert_eq!(issued["caused_by"], chain[0]);
    let feedback = by_position(&explained, &chain[3]);
    let effects: Vec<(&Value, &Value)> =
        feedback["effect"].as_array().unwrap().iter().map(|change| (&change["what"], &change["to"])).collect();
    let entries: Vec<&Value> = effects.iter().filter(|(what, _)| *what == "entry").map(|(_, to)| *to).collect();
    assert_eq!(entries, ["-12", "-6"]);
    // Whoever acted has a key that the authority registered, and the authority's own stands in the exchange file.
    let register = explained["register"].as_array().unwrap();
    for event in explained["events"].as_array().unwrap() {
        assert!(register.iter().any(|registered| registered["position"] == event["key"]["since"]), "{event}");
    }
    assert!(register.iter().all(|registered| registered["key"]["since"] == 0 && registered["genuine"] == true));
}

#[test]
fn a_case_a_referral_and_a_unit_lead_to_the_same_entries() {
    let (folder, cases) = twice_blocked();
    let numbers = |what: &str| -> Vec<u64> {
        let explained = folder.run(["audit", "explain", what, "--json"]).ok().json();
        explained["entries"].as_array().unwrap().iter().map(|entry| entry["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers(&cases[0]), [2, 3]);
    assert_eq!(numbers(&cases[1]), [4, 5, 6]);
    let case = folder.run(["case", "show", &cases[1], "--json"]).ok().json();
    assert_eq!(numbers(case["case"]["referrals"][0]["id"].as_str().unwrap()), [4, 5, 6]);
    assert_eq!(numbers(UNIT), [1, 2, 3, 4, 5, 6]);
    // Before the second case there were three entries, and the balance was 91.
    let second = case["history"][0]["position"].as_u64().unwrap();
    let before = (second - 1).to_string();
    let explained = folder.run(["--as-of", &before, "audit", "explain", UNIT, "--json"]).ok().json();
    assert_eq!((&explained["balance"], explained["entries"].as_array().unwrap().len()), (&Value::from(91), 3));
    entry_of(&folder, &before).exits(1).says(&["has no entry 4", "unit ledger"]);
    folder.run(["audit", "explain", "local.none:1"]).exits(1).says(&["no account of local.none:1"]);
    folder.run(["audit", "explain", "01KDZ5T0000000000000000000"]).exits(1).says(&["there is no case"]);
    folder.run(["audit", "explain", &format!("{UNIT}/0")]).exits(2).says(&["no number of a ledger entry"]);
}

fn entry_of(folder: &Folder, as_of: &str) -> Ran {
    folder.run(["--as-of", as_of, "audit", "explain", &format!("{UNIT}/4")])
}

#[test]
fn people_read_rule_events_and_answer_in_both_languages() {
    let (folder, cases) = twice_blocked();
    let shown = folder.run(["--lang", "en", "audit", "explain", &cases[0]]).ok();
    let shown = shown.shows(&[
        "Entry 2: deduction −12",
        "points fall when it is determined; that gives −12 points",
        "category = \"fire.60-3\"",
        "responsibility/fire-60",
        "signature good, key good at this position",
        "of the exchange file",
        "Agrees: signature and key are good in",
    ]);
    assert!(!shown.stdout.contains('\u{1b}'), "{shown}");
    let shown = folder.run(["--lang", "zh", "audit", "explain", &cases[0]]).ok();
    shown.shows(&["第 2 笔：扣分 −12 分", "认定时扣分", "签名有效，密钥在该位置有效", "一致："]);
}

#[test]
fn the_page_stands_alone_and_takes_what_the_log_holds_for_text() {
    let (folder, _) = twice_blocked();
    for (language, tag, title) in [("zh", "zh-CN", "信用积分来源说明"), ("en", "en", "Where the points come from")]
    {
        let words = ["--lang", language, "audit", "explain", UNIT, "--html", "page.html", "--quiet"];
        folder.run(words).ok();
        let page = folder.read("page.html");
        assert!(page.starts_with(&format!("<!doctype html>\n<html lang=\"{tag}\">")), "{page}");
        assert!(page.contains(&format!("<title>{title}</title>")) && page.contains("@page { size: A4;"), "{page}");
        assert!(page.contains("prefers-color-scheme: dark") && page.contains("default-src 'none'"));
        for active in
            ["<script", "<img", "<link", "<iframe", "<object", "http://", "https://", " onerror=", "url(", "@import"]
        {
            let outside_of_text = page.replace("&#60;img src=x onerror=alert(2)&#62;", "");
            assert!(!outside_of_text.contains(active), "{active}");
        }
        assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;amp;"), "{page}");
        assert!(page.contains("&#60;/dd&#62;&#60;img src=x onerror=alert(2)&#62;{{ frame.title }}"), "{page}");
        assert_eq!(page.matches("<dl>").count(), page.matches("</dl>").count());
        assert_eq!(page.matches("<dd>").count(), page.matches("</dd>").count());
    }
    assert!(!folder.path().join("page.html.writing").exists());
    let json = folder.run(["audit", "explain", UNIT, "--html", "page.html", "--json"]).ok().json();
    assert_eq!(json["page"], "page.html");
    folder.run(["audit", "explain", UNIT, "--html", "no/such/folder.html"]).exits(1).says(&["no/such/folder.html"]);
}

#[test]
fn tables_that_were_changed_end_with_4_and_a_log_that_was_changed_with_5() {
    let (folder, _) = twice_blocked();
    let tables = rusqlite::Connection::open(folder.data("model.sqlite")).unwrap();
    let changed = tables.execute("UPDATE entries SET points = -2 WHERE unit = ?1 AND number = 2", [UNIT]).unwrap();
    assert_eq!(changed, 1);
    let explained = entry(&folder, 2, &["--json"]).exits(4).json();
    assert_eq!(explained["verdict"], "differs");
    let difference = serde_json::json!({"kind": "entry", "number": 2, "field": "points", "tables": "-2", "log": "-12"});
    assert_eq!(explained["differences"], Value::from(vec![difference]));
    entry(&folder, 2, &["--lang", "en"])
        .exits(4)
        .shows(&["entry 2, points: the tables say -2, the log gives -12", "Differs:"]);
    entry(&folder, 2, &["--lang", "zh"]).exits(4).shows(&["查询库为 -2，日志为 -12", "有出入："]);
    entry(&folder, 3, &["--json"]).ok();
    drop(tables);
    folder.run(["replay"]).ok();
    let position = entry(&folder, 2, &["--json"]).ok().json()["entries"][0]["position"].as_i64().unwrap();

    // One letter of what was fed back is another one; whoever does that has to go round the trigger.
    let log = rusqlite::Connection::open(folder.data("log.sqlite")).unwrap();
    log.execute_batch("DROP TRIGGER events_never_change").unwrap();
    let sql = "UPDATE events SET bytes = CAST(replace(CAST(bytes AS TEXT), '当场改正', '当场改好') AS BLOB) WHERE position = ?1";
    assert_eq!(log.execute(sql, [position]).unwrap(), 1);
    drop(log);
    let explained = entry(&folder, 2, &["--json"]).exits(5).json();
    assert_eq!(explained["verdict"], "broken");
    assert_eq!(explained["differences"][0]["kind"], "not_genuine");
    assert_eq!(explained["differences"][0]["position"].as_i64(), Some(position));
    assert_eq!(by_position(&explained, &Value::from(position))["genuine"], false);
    entry(&folder, 2, &["--lang", "en"]).exits(5).shows(&["NOT GOOD: the signature is not good", "Not to be trusted:"]);
    entry(&folder, 2, &["--lang", "zh"]).exits(5).shows(&["未通过：签名与内容或密钥不符", "不可信："]);
    // What was there before that event is not touched by it.
    entry(&folder, 1, &["--json"]).ok();
}

#[test]
fn a_log_that_is_not_the_one_that_was_signed_is_told_though_every_signature_in_it_is_good() {
    let (folder, _) = twice_blocked();
    assert_eq!(entry(&folder, 2, &["--json"]).ok().json()["checkpoint"], Value::Null);
    entry(&folder, 2, &["--lang", "zh"]).ok().shows(&["检查点\t日志上尚无检查点"]);
    let signed = folder.desk("joint-office", ["checkpoint", "sign", "--json"]).ok().json();
    for agency in ["fire", "tourism"] {
        folder.desk(agency, ["checkpoint", "cosign"]).ok();
    }
    let explained = entry(&folder, 2, &["--json"]).ok().json();
    let checkpoint = &explained["checkpoint"];
    assert_eq!((&checkpoint["holds"], &checkpoint["quorum"]), (&Value::from(true), &Value::from(true)));
    assert_eq!((&checkpoint["size"], &checkpoint["root"]), (&signed["size"], &signed["root"]));
    let cosigned: Vec<&str> =
        checkpoint["cosigned"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(cosigned.contains(&"fire") && cosigned.contains(&"tourism"), "{cosigned:?}");
    let chain = &explained["entries"][0]["chain"];
    let included = checkpoint["included"].as_array().unwrap();
    assert!(chain.as_array().unwrap().iter().all(|position| included.contains(position)), "{checkpoint}");
    assert_eq!(
        (&checkpoint["not_included"], &checkpoint["not_covered"]),
        (&Value::from(Vec::<u64>::new()), &Value::from(Vec::<u64>::new()))
    );
    entry(&folder, 2, &["--lang", "en"]).ok().shows(&["the proof holds", "cosigned by fire"]);

    // The registrations of fire and tourism change places: each is genuine where it stands now, and the tables are drawn from it.
    let log = rusqlite::Connection::open(folder.data("log.sqlite")).unwrap();
    log.execute_batch("DROP TRIGGER events_never_change").unwrap();
    let registrations: Vec<i64> = log
        .prepare("SELECT position FROM events WHERE subject LIKE '%.agency.registered' ORDER BY position DESC LIMIT 2")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for (from, to) in
        [(registrations[0], 1_000_000), (registrations[1], registrations[0]), (1_000_000, registrations[1])]
    {
        assert_eq!(log.execute("UPDATE events SET position = ?2 WHERE position = ?1", [from, to]).unwrap(), 1);
    }
    drop(log);
    folder.run(["replay"]);
    let explained = entry(&folder, 2, &["--json"]).exits(5).json();
    assert!(explained["events"].as_array().unwrap().iter().all(|event| event["genuine"] == true), "{explained}");
    assert_eq!(explained["verdict"], "broken");
    let mut moved = registrations.clone();
    moved.sort_unstable();
    let not_included = &explained["checkpoint"]["not_included"];
    assert_eq!(*not_included, Value::from(moved), "the old tiles do not hold what stands there now");
    // Without those tiles the tree is drawn from the log as it is, and has another root.
    std::fs::remove_dir_all(folder.data("tree")).unwrap();
    let explained = entry(&folder, 2, &["--json"]).exits(5).json();
    assert_eq!((&explained["verdict"], &explained["checkpoint"]["holds"]), (&"broken".into(), &false.into()));
    entry(&folder, 2, &["--lang", "en"]).exits(5).shows(&["the log is not the one that was signed as a checkpoint"]);
}
