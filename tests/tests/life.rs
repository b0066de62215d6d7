//! The whole life of a violation by hand: agencies' desks in one folder, every step through the program, points by the default
//! rulebook as a clerk would add them up.

#![allow(clippy::unwrap_used)]

use fengsui_event::date::day_of;
use fengsui_event::{Date, Timestamp};
use fengsui_tests::{Folder, Ran};
use serde_json::Value;

const HOTEL: &str = "91350602MA0000015U";
const PLACE: [&str; 8] = ["--name", "瑞和宾馆", "--region", "350602", "--address", "新华西路1号", "--trade", "H61"];

/// A day that is so many days ago. Tests leave days between their steps, so that midnight may pass while they run.
fn ago(days: usize) -> String {
    let mut day: Date = day_of(Timestamp::now());
    for _ in 0..days {
        day = day.yesterday().unwrap();
    }
    day.to_string()
}

fn report(folder: &Folder, agency: &str, category: &str, more: &[&str]) -> Ran {
    let words = ["violation", "report", "--unit", HOTEL, "--category", category, "--facts", "检查发现"];
    folder.desk(agency, words.iter().chain(&PLACE).chain(more)).ok()
}

fn ledger(folder: &Folder) -> Value {
    folder.run(["unit", "ledger", HOTEL, "--json"]).ok().json()
}

/// Kind and points of every line, and the balance after the last one.
fn points(folder: &Folder) -> (Vec<(String, i64)>, i64) {
    let ledger = ledger(folder);
    let line = |line: &Value| (line["kind"].as_str().unwrap().to_owned(), line["points"].as_i64().unwrap());
    let lines: Vec<(String, i64)> = ledger["lines"].as_array().unwrap().iter().map(line).collect();
    let balance = ledger["balance"].as_i64().unwrap();
    assert_eq!(lines.iter().map(|(_, points)| points).sum::<i64>(), balance, "the balance is the sum of the lines");
    (lines, balance)
}

fn tail(folder: &Folder, count: usize) -> Vec<Value> {
    let events = folder.run(["log", "tail", "-n", &count.to_string(), "--json"]).ok().json();
    events["events"].as_array().unwrap().clone()
}

fn status(folder: &Folder, case: &str) -> String {
    let case = folder.run(["case", "show", case, "--json"]).ok().json();
    case["case"]["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_report_is_forwarded_in_the_same_transaction() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    let reported = report(&folder, "tourism", "fire.60-3", &[]).shows(&["lead fire by rule responsibility/fire-60"]);
    let case = reported.cell("case");
    reported.says(&[&format!("fengsui --agency fire referral acknowledge {case}")]);
    let events = tail(&folder, 3);
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let prefixed =
        ["unit.registered.v2", "violation.reported.v1", "referral.issued.v1"].map(|name| format!("cn.fengsui.{name}"));
    assert_eq!(types, prefixed);
    for event in &events {
        assert_eq!((&event["time"], &event["agency"]), (&events[0]["time"], &Value::from("tourism")), "{event}");
    }
    let bytes = |event: &Value| {
        let position = event["position"].to_string();
        folder.run(["log", "show", &position, "--raw"]).ok().json()
    };
    let [registered, reported, issued] = [bytes(&events[0]), bytes(&events[1]), bytes(&events[2])];
    assert_eq!(issued["causation"], reported["id"], "the referral follows from the report");
    assert_eq!(issued["correlation"], Value::from(case));
    assert_eq!(issued["data"]["addressee"], "fire");
    let sequence = |event: &Value| {
        event["sequence"].as_str().map_or_else(|| event["sequence"].as_u64().unwrap(), |it| it.parse().unwrap())
    };
    assert_eq!([sequence(&registered), sequence(&reported), sequence(&issued)], [1, 2, 3]);
    let inbox = folder.desk("fire", ["referral", "list", "--inbox", "--json"]).ok().json();
    assert_eq!(inbox["referrals"].as_array().unwrap().len(), 1);
    let sent = folder.desk("tourism", ["referral", "list", "--sent", "--json"]).ok().json();
    assert_eq!(sent["referrals"][0]["addressee"], "fire");
}

#[test]
fn from_tourism_to_fire_and_back_until_it_is_closed_and_reopened() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    let case = report(&folder, "tourism", "fire.60-3", &["--found-on", &ago(60)]).cell("case");
    let case = case.as_str();
    assert_eq!(points(&folder), (vec![("opening".into(), 100)], 100), "an allegation costs nothing yet");

    folder.desk("fire", ["referral", "acknowledge", case]).ok().shows(&["done\treferral.acknowledged.v1"]);
    folder.desk("fire", order(case, &ago(50), &ago(20)).iter()).ok();
    let penalty = ["--penalty", "fine", "--fine", "5000", "--decision-number", "漳消行罚决字〔2026〕1号"];
    let feedback =
        ["feedback", "submit", case, "--outcome", "penalised", "--handled-on", &ago(49), "--summary", "处罚"];
    folder.desk("fire", feedback.iter().chain(&penalty)).ok();
    // fire.60-3 is serious: 12 points.
    assert_eq!(points(&folder).1, 88);

    let close = ["case", "close", case, "--ground", "rectified"];
    folder.desk("fire", close).exits(1).says(&["not confirmed by the reporter"]);
    folder.desk("tourism", ["feedback", "confirm", case]).ok();
    folder.desk("fire", close).exits(1).says(&["no re-inspection was passed"]);
    folder.desk("fire", reinspect(case, "--passed", &ago(30)).iter()).ok();
    // In time: 30 percent of 12 come back, rounded down.
    let paid = vec![("opening".into(), 100), ("deduction".into(), -12), ("restoration".into(), 3)];
    assert_eq!(points(&folder), (paid, 91));
    folder.desk("fire", close).ok().shows(&["status\tclosed"]);
    assert_eq!(status(&folder, case), "closed");
    folder.desk("fire", close).exits(1).says(&["is closed", "needs a case that is open"]);

    folder.desk("tourism", ["case", "reopen", case, "--reason", "隐患复发"]).ok().shows(&["status\topen"]);
    folder.desk("fire", close).exits(1);
    assert_eq!(points(&folder).1, 91, "reopening moves no points");
    let shown = folder.run(["case", "show", case]).ok();
    let shown =
        shown.shows(&["reopened\t1", "5000.00", "漳消行罚决字〔2026〕1号", "clear the exit", "violation.reported.v1"]);
    assert!(shown.stdout.contains("case.closed.v1") && shown.stdout.contains("case.reopened.v1"), "{shown}");
    assert!(folder.run(["anomaly", "list", "--json"]).ok().json()["anomalies"].as_array().unwrap().is_empty());
}

#[test]
fn points_are_those_of_the_rulebook_for_repetition_lateness_and_a_mended_decision() {
    let folder = Folder::exchange(&["fire", "tourism", "housing"]);
    let expect = |lines: &[(&str, i64)], balance: i64| {
        let expected: Vec<(String, i64)> = lines.iter().map(|(kind, points)| ((*kind).to_owned(), *points)).collect();
        assert_eq!(points(&folder), (expected, balance));
    };
    let handled = |agency: &str, case: &str, outcome: &str, on: &str| {
        folder.desk(agency, ["referral", "acknowledge", case]).ok();
        if outcome == "rectification_ordered" {
            folder.desk(agency, order(case, on, &ago(40)).iter()).ok();
        }
        let words = ["feedback", "submit", case, "--outcome", outcome, "--handled-on", on, "--summary", "已查处"];
        folder.desk(agency, words).ok();
    };
    // The first offence was rectified on site: serious, 12 points, of which 30 percent (3.6) come back.
    let first = report(&folder, "tourism", "fire.60-3", &["--found-on", &ago(120)]).cell("case");
    handled("fire", &first, "rectified_on_site", &ago(110));
    folder.desk("tourism", ["feedback", "confirm", &first]).ok();
    let mut lines = vec![("opening", 100), ("deduction", -12), ("restoration", 3)];
    expect(&lines, 91);
    // The second within twelve months: half of the base on top.
    let second = report(&folder, "tourism", "fire.60-3", &["--found-on", &ago(60)]).cell("case");
    handled("fire", &second, "rectification_ordered", &ago(58));
    lines.extend([("deduction", -12), ("repetition", -6)]);
    expect(&lines, 73);
    // Rejected feedback and a failed inspection in time cost nothing; passing after the term costs 5 as serious.
    folder.desk("tourism", ["feedback", "reject", &second, "--reason", "现场仍未整改"]).ok();
    let again = ["feedback", "submit", &second, "--outcome", "rectification_ordered", "--summary", "再次责令"];
    folder.desk("fire", again).ok();
    folder.desk("tourism", ["feedback", "confirm", &second]).ok();
    folder.desk("fire", reinspect(&second, "--failed", &ago(45)).iter()).ok();
    expect(&lines, 73);
    folder.desk("fire", reinspect(&second, "--passed", &ago(30)).iter()).ok();
    lines.push(("late", -5));
    expect(&lines, 68);
    // Another kind, as general: 2 points by the rule for all, half of which comes back on site.
    let third = report(&folder, "fire", "fire.58-1", &["--found-on", &ago(20), "--severity", "general"]).cell("case");
    handled("housing", &third, "rectified_on_site", &ago(18));
    folder.desk("fire", ["feedback", "confirm", &third]).ok();
    lines.extend([("deduction", -2), ("restoration", 1)]);
    expect(&lines, 67);
    // Taken up again, it turns out that there was no violation: both lines are reversed, neither is erased.
    folder.desk("fire", ["case", "close", &third, "--ground", "rectified"]).ok();
    folder.desk("fire", ["case", "reopen", &third, "--reason", "复查"]).ok();
    folder.desk("housing", ["feedback", "submit", &third, "--outcome", "no_violation", "--summary", "查无实据"]).ok();
    lines.extend([("correction", 2), ("correction", -1)]);
    expect(&lines, 68);
    let unit = folder.run(["unit", "show", HOTEL, "--json"]).ok();
    // 60 or more and less than 75.
    assert_eq!(
        (unit.stdout.contains("\"grade\": \"C\""), unit.stdout.contains("\"balance\": 68")),
        (true, true),
        "{unit}"
    );
    let digest = folder.digest();
    std::fs::remove_file(folder.data("model.sqlite")).unwrap();
    assert_eq!(folder.digest(), digest);
    expect(&lines, 68);
}

#[test]
fn from_fire_to_housing_returned_assigned_and_passed_on() {
    let folder = Folder::exchange(&["fire", "tourism", "housing", "urban"]);
    let reported =
        report(&folder, "fire", "fire.58-1", &[]).shows(&["lead housing by rule responsibility/fire-58-review"]);
    let case = reported.cell("case");
    let case = case.as_str();
    // A lodging house's competent department is told.
    assert!(reported.stdout.contains("\ntourism\tinformed\t"), "{reported}");

    let words = ["referral", "return", case, "--suggested", "urban", "--reason", "违法建设由城管查处"];
    folder.desk("housing", words).ok().says(&[&format!("--agency joint-office referral assign {case} --to urban")]);
    assert_eq!(folder.run(["case", "list", "--undecided", "--json"]).ok().json()["cases"][0]["case"], case);
    // While nobody handles it, only the authority can go on; who was merely told is not held up as the one to act.
    let early = folder.desk("urban", ["referral", "acknowledge", case]).exits(7);
    early.says(&["awaiting designation", "only joint-office may act"]);
    let assign = ["referral", "assign", case, "--to", "urban", "--reason", "指定城管主办"];
    folder.desk("fire", assign).exits(7).says(&["awaiting designation", "only joint-office may act"]);
    folder.desk("joint-office", assign).ok().shows(&["lead\turban"]);
    folder.desk("joint-office", assign).exits(1);
    folder.desk("urban", ["referral", "acknowledge", case]).ok();
    let transfer = ["referral", "transfer", case, "--to", "housing", "--reason", "属房屋安全"];
    folder.desk("fire", transfer).exits(7).says(&["only urban may act"]);
    folder.desk("urban", transfer).ok().shows(&["lead\thousing"]);
    folder.desk("housing", ["referral", "acknowledge", case]).ok();

    let shown = folder.run(["case", "show", case]).ok();
    let shown = shown.shows(&["housing returned it: 违法建设由城管查处; suggests urban", "passed on to housing"]);
    let referrals = |role: &str| shown.stdout.lines().filter(|line| line.split('\t').nth(1) == Some(role)).count();
    assert_eq!((referrals("lead"), referrals("informed")), (3, 1), "history is kept\n{shown}");
    let no_key = folder.desk("culture", ["referral", "acknowledge", case]).exits(7);
    no_key.says(&["holds no key of culture", "fire, housing, joint-office, tourism, urban"]);
}

#[test]
fn what_no_rule_settles_goes_to_the_authority() {
    let folder = Folder::exchange(&["fire", "tourism", "commerce", "quality"]);
    // Smoking where it is forbidden is for the police, who are not on this exchange.
    let smoking = report(&folder, "tourism", "fire.63-2", &[]);
    let smoking =
        smoking.shows(&["no rule answers, the authority decides", "names police, which is not on the exchange"]);
    // A substandard product of a unit whose trade is neither making nor selling is claimed by two.
    let claimed = report(&folder, "tourism", "product.substandard", &[]);
    let claimed = claimed.shows(&["name commerce, quality; the authority decides"]);
    let case = claimed.cell("case");
    claimed.says(&[&format!("fengsui --agency joint-office referral assign {case} --to commerce")]);
    // A maker's product is for quality, and nobody has to decide.
    let words = ["violation", "report", "--unit", "local.register:7", "--name", "某厂", "--region", "350602"];
    let made = words.iter().chain(&["--trade", "C33", "--category", "product.substandard", "--facts", "抽检不合格"]);
    folder.desk("commerce", made).ok().shows(&["lead quality by rule responsibility/product-made"]);

    let inbox = folder.desk("joint-office", ["referral", "list", "--inbox", "--json"]).ok().json();
    let owed: Vec<(&str, &str)> = inbox["referrals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["role"].as_str().unwrap(), row["category"].as_str().unwrap()))
        .collect();
    // Serious is due in three working days and comes before considerable, due in five.
    assert_eq!(owed, [("deciding", "product.substandard"), ("deciding", "fire.63-2")]);
    let smoking = smoking.cell("case");
    folder.desk("joint-office", ["referral", "assign", &smoking, "--to", "fire", "--reason", "先行处置"]).ok();
    folder.desk("fire", ["referral", "acknowledge", &smoking]).ok();
    folder.desk("joint-office", ["referral", "assign", &case, "--to", "quality", "--reason", "属生产环节"]).ok();
    assert_eq!(folder.run(["case", "list", "--undecided", "--json"]).ok().json()["cases"], Value::Array(vec![]));
}

#[test]
fn who_may_not_act_is_told_the_state_and_who_may_in_both_languages() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    let case = report(&folder, "tourism", "fire.60-3", &[]).cell("case");
    let case = case.as_str();
    let feedback = ["feedback", "submit", case, "--outcome", "penalised", "--summary", "x"];
    let log = || folder.run(["log", "head"]).ok().stdout;
    let before = log();
    let check = |agency: &str, words: &[&str], exit: i32, en: &[&str], zh: &[&str]| {
        for (language, texts) in [("en", en), ("zh", zh)] {
            let ran = folder.desk(agency, words.iter().chain(&["--lang", language])).exits(exit).says(texts);
            assert!(ran.stdout.is_empty(), "{ran}");
        }
        let json = folder.desk(agency, words.iter().chain(&["--json"])).exits(exit).json_error();
        assert_eq!((&json["type"], &json["exit"]), (&Value::from("error"), &Value::from(exit)));
        assert!(json["code"].is_string() && json["message"].is_string(), "{json}");
    };
    check(
        "tourism",
        &feedback,
        7,
        &["tourism may not do this", "`issued`", "only fire may act"],
        &["tourism 无权办理", "待签收", "只有 fire 可以办理"],
    );
    check(
        "fire",
        &feedback,
        1,
        &["is `issued`; this needs `acknowledged`", "fire holds it"],
        &["待签收", "办理中", "fire"],
    );
    check(
        "tourism",
        &["case", "reopen", case, "--reason", "x"],
        1,
        &["is open; this needs a case that is closed"],
        &["在办", "已销案"],
    );
    check("fire", &["violation", "retract", case, "--reason", "x"], 7, &["only tourism may act"], &["tourism"]);
    check("fire", &["feedback", "confirm", case], 1, &["feedback"], &["反馈"]);
    check("culture", &feedback, 7, &["holds no key of culture"], &["culture", "密钥"]);
    assert_eq!(log(), before, "what was refused left nothing on the log");
}

#[test]
fn a_report_that_was_taken_back_gives_the_points_back() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    let case = report(&folder, "tourism", "fire.60-3", &["--found-on", &ago(20)]).cell("case");
    folder.desk("tourism", ["violation", "amend", &case, "--severity", "grave", "--reason", "复核后更正"]).ok();
    folder.desk("fire", ["referral", "acknowledge", &case]).ok();
    let words = ["feedback", "submit", &case, "--outcome", "penalised", "--handled-on", &ago(10), "--summary", "处罚"];
    folder.desk("fire", words.iter().chain(&["--penalty", "warning"])).ok();
    assert_eq!(points(&folder).1, 76, "as grave: 24 points");
    folder.desk("tourism", ["violation", "retract", &case, "--reason", "重复录入"]).ok().shows(&["status\tretracted"]);
    let (lines, balance) = points(&folder);
    assert_eq!((lines.last().unwrap(), balance), (&("correction".to_owned(), 24), 100));
    assert_eq!(lines.len(), 3, "nothing is erased");
}

#[test]
fn many_reports_from_stdin_are_each_forwarded_or_written_to_a_file_to_be_mended() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    let good = format!(
        r#"{{"unit":"{HOTEL}","name":"瑞和宾馆","region":"350602","category":"fire.60-1","facts":"灭火器过期"}}"#
    );
    let bad = r#"{"unit":"local.x:1","name":"某店","region":"350602","category":"fire.60-99","facts":"x"}"#;
    let words = ["--agency", "tourism", "violation", "report", "--stdin", "--refused", "refused.jsonl", "--json"];
    let ran = folder.run_stdin(words, &format!("{good}\n{bad}\n"));
    let ran = if ran.code == Some(2) { panic!("{ran}") } else { ran.exits(3) };
    assert!(folder.read("refused.jsonl").contains("fire.60-99"), "{ran}");
    let cases = folder.run(["case", "list", "--json"]).ok().json();
    assert_eq!(cases["cases"].as_array().unwrap().len(), 1);
    assert_eq!(cases["cases"][0]["lead"], "fire");
}

fn order<'a>(case: &'a str, on: &'a str, due: &'a str) -> [&'a str; 15] {
    [
        "rectification",
        "order",
        case,
        "--plan",
        "clear the exit",
        "--person",
        "manager",
        "--funds",
        "2000",
        "--emergency-plan",
        "a guard",
        "--ordered-on",
        on,
        "--due-on",
        due,
    ]
}

fn reinspect<'a>(case: &'a str, result: &'a str, on: &'a str) -> [&'a str; 8] {
    ["rectification", "reinspect", case, result, "--findings", "looked again", "--inspected-on", on]
}
