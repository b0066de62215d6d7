//! An agency's own book against the log, through the program: small books by hand, and what settles them.

#![allow(clippy::unwrap_used)]

use fengsui_tests::{Folder, Ran};
use serde_json::Value;

const HEADER: &str = "统一社会信用代码,单位名称,违法行为类型,发现日期,行政区划代码,地址,文号,处罚决定书文号,平台编号,办理日期,\
                      处理结果,罚款金额,状态,更新日期";
const UNIT: &str = "91350100M000100Y43";
/// Cases that concern the fire brigade.
const CASES: u64 = 8;

/// An exchange with eight cases of one hotel, each of which stands otherwise.
struct City {
    folder: Folder,
    cases: Vec<String>,
}

impl City {
    fn new() -> Self {
        let folder = Folder::exchange(&["fire", "tourism", "urban"]);
        folder.without_checkpoints();
        let mut city = Self { folder, cases: Vec::new() };
        city.report("tourism", "fire.60-3", "2026-03-02", "LY-1");
        let penalised = city.report("tourism", "fire.60-1", "2026-03-05", "LY-2");
        let confirmed = city.report("tourism", "fire.60-4", "2026-04-05", "LY-3");
        let returned = city.report("tourism", "fire.60-5", "2026-05-05", "LY-4");
        city.report("fire", "licence.lodging", "2026-06-05", "XF-5");
        let closed = city.report("fire", "fire.60-2", "2026-07-05", "XF-6");
        let retracted = city.report("tourism", "fire.60-6", "2026-08-05", "LY-7");
        city.report("urban", "fire.60-3", "2026-03-02", "CG-8");
        for case in [&penalised, &confirmed] {
            city.act("fire", &["referral", "acknowledge", case]);
        }
        let feed_back = |case: &str, more: &[&str]| {
            city.act("fire", &[&["feedback", "submit", case, "--summary", "已办"], more].concat());
        };
        feed_back(
            &penalised,
            &[
                "--outcome",
                "penalised",
                "--fine",
                "5000",
                "--decision-number",
                "漳消罚〔2026〕2号",
                "--handled-on",
                "2026-03-15",
            ],
        );
        feed_back(&confirmed, &["--outcome", "rectified_on_site", "--handled-on", "2026-04-10"]);
        city.act("tourism", &["feedback", "confirm", &confirmed]);
        city.act("fire", &["referral", "return", &returned, "--suggested", "urban", "--reason", "属城管职责"]);
        feed_back(&closed, &["--outcome", "rectified_on_site", "--handled-on", "2026-07-09"]);
        city.act("fire", &["case", "close", &closed, "--ground", "rectified", "--closed-on", "2026-07-09"]);
        city.act("tourism", &["violation", "retract", &retracted, "--reason", "误报"]);
        city
    }

    fn act(&self, agency: &str, command: &[&str]) -> Ran {
        self.folder.run([&["--json", "--agency", agency], command].concat()).ok()
    }

    fn report(&mut self, agency: &str, category: &str, found_on: &str, reference: &str) -> String {
        let place = ["--name", "瑞和宾馆", "--region", "350602", "--address", "新华西路1号", "--trade", "H61"];
        let what =
            ["--category", category, "--found-on", found_on, "--reference", reference, "--facts", "现场检查发现"];
        let report = self.act(agency, &[&["violation", "report", "--unit", UNIT], &place[..], &what].concat());
        self.cases.push(report.json()["case"].as_str().unwrap().to_owned());
        self.cases.last().unwrap().clone()
    }

    /// Writes a book; `{c1}` is the first case's id.
    fn book(&self, lines: &[&str]) {
        let mut text = [&[HEADER], lines].concat().join("\n");
        for (at, case) in self.cases.iter().enumerate() {
            text = text.replace(&format!("{{c{}}}", at + 1), case);
        }
        self.folder.write("book.csv", text + "\n");
    }

    fn reconcile(&self, more: &[&str]) -> Ran {
        let line = ["--json", "--agency", "fire", "reconcile", "--against", "book.csv"];
        self.folder.run([&line[..], more].concat())
    }

    /// Checks the class of each row of a book, the fields that differ, and that the balance holds.
    fn check(&self, name: &str, exit: i32, rows: &[(&str, &str)]) {
        let lines: Vec<String> = rows
            .iter()
            .map(|(line, _)| if line.starts_with(',') { (*line).to_owned() } else { format!("{UNIT},{line}") })
            .collect();
        self.book(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let found = self.reconcile(&["--dry-run"]).exits(exit).json_lines();
        let of_row = |number: usize| {
            let line = found.iter().find(|line| line["row"]["row"] == number);
            line.map_or_else(|| "matched".to_owned(), class)
        };
        let own: Vec<String> = (0..rows.len()).map(|at| of_row(at + 2)).collect();
        let expected: Vec<&str> = rows.iter().map(|(_, class)| *class).collect();
        assert_eq!(own, expected, "{name}");
        let balance = &found.last().unwrap()["balance"];
        assert_eq!((&balance["rows"], &balance["cases"]), (&Value::from(rows.len()), &Value::from(CASES)), "{name}");
        for side in ["rows", "cases"] {
            let classes = balance["classes"].as_array().unwrap();
            let sum: u64 = classes.iter().map(|class| class[side].as_u64().unwrap()).sum();
            assert_eq!(balance[side], sum, "{name}");
        }
    }
}

/// The class of a line, with the fields that differ.
fn class(line: &Value) -> String {
    let class = line["class"].as_str().unwrap();
    let differences = line["findings"].as_array().unwrap().iter().filter_map(|it| it["differences"].as_array());
    let fields: Vec<&str> = differences.flatten().map(|it| it["field"].as_str().unwrap()).collect();
    if fields.is_empty() { class.to_owned() } else { format!("{class}: {}", fields.join(" ")) }
}

const CLOSED: &str = "瑞和宾馆,fire.60-2,2026-07-05,350602,新华西路1号,XF-6,,,2026-07-09,当场改正,,已办结,";
const PENALISED: &str =
    "瑞和宾馆,fire.60-1,2026-03-05,350602,新华西路1号,,漳消罚〔2026〕2号,,2026-03-15,行政处罚,5000,,";

#[test]
fn small_books_by_hand() {
    let city = City::new();
    let check = |name: &str, exit: i32, rows: &[(&str, &str)]| city.check(name, exit, rows);
    check("nothing", 4, &[]);
    check(
        "another's number and the unit",
        4,
        &[("瑞和宾馆,fire.60-3,2026-03-02,350602,新华西路1号,LY-1,,,,,,,", "matched")],
    );
    check(
        "handled, the log has no feedback",
        4,
        &[(
            "瑞和宾馆,fire.60-3,2026-03-02,350602,新华西路1号,LY-1,,,2026-03-20,责令限期改正,,,",
            "handled_not_fed_back",
        )],
    );
    check("fed back", 4, &[(PENALISED, "fed_back_not_confirmed")]);
    check("another fine", 4, &[(&PENALISED.replace("5000", "6000"), "different: penalty")]);
    check("the decision's number alone", 4, &[(",,,,,,,漳消罚[2026]2号,,,,,,", "fed_back_not_confirmed")]);
    check("confirmed", 4, &[(",,,,,,,,{c3},2026-04-10,当场改正,,,", "confirmed_still_open")]);
    check("returned", 4, &[("瑞和宾馆,fire.60-5,2026-05-05,350602,新华西路1号,LY-4,,,,,,,", "returned_unassigned")]);
    check("closed", 4, &[(CLOSED, "matched")]);
    check("the id alone", 4, &[(",,,,,,,,{c6},,,,,", "matched")]);
    check("the id among the agency's own numbers", 4, &[(",,,,,,{c6},,,,,,,", "different: reference")]);
    check("no number", 4, &[(&CLOSED.replace("XF-6", ""), "matched")]);
    check(
        "no number, another day",
        4,
        &[(&CLOSED.replace("XF-6", "").replace("2026-07-05", "2026-07-03"), "different: found_on")],
    );
    check(
        "no number, another month",
        4,
        &[(&CLOSED.replace("XF-6", "").replace("2026-07-05", "2026-05-20"), "missing_here")],
    );
    check(
        "written otherwise",
        4,
        &[(&CLOSED.replace("XF-6", "ＸＦ－６").replace("新华西路1号", "新华西路 １ 号"), "matched")],
    );
    check("twice", 4, &[(CLOSED, "matched"), (CLOSED, "duplicate_row")]);
    check(
        "twice without a number",
        4,
        &[(&CLOSED.replace("XF-6", ""), "matched"), (&CLOSED.replace("XF-6", ""), "duplicate_row")],
    );
}

#[test]
fn small_books_with_something_wrong() {
    let city = City::new();
    let check = |name: &str, exit: i32, rows: &[(&str, &str)]| city.check(name, exit, rows);
    check("another kind", 4, &[(&CLOSED.replace("fire.60-2", "fire.60-6"), "different: category")]);
    check(
        "another name and place",
        4,
        &[(&CLOSED.replace("瑞和宾馆", "瑞和大酒店").replace("350602", "350603"), "different: region unit_name")],
    );
    check("number against id", 4, &[(&CLOSED.replace("XF-6,,,", "XF-6,,{c5},"), "ambiguous")]);
    check(
        "one number, two stories",
        4,
        &[(CLOSED, "ambiguous"), (&CLOSED.replace("当场改正", "查无实据"), "ambiguous")],
    );
    check(
        "two violations under one decision, one of them on the log",
        4,
        &[
            (PENALISED, "fed_back_not_confirmed"),
            (&PENALISED.replace("fire.60-1", "fire.66-gas").replace("2026-03-05", "2026-03-06"), "missing_here"),
        ],
    );
    check(
        "another's number, another unit",
        4,
        &[(",海滨酒店,fire.60-3,2026-03-02,350602,,LY-1,,,,,,,", "missing_here")],
    );
    check("still open in the book", 4, &[(&CLOSED.replace("已办结", "未办结"), "different: status")]);
    check("closed in the book alone", 4, &[(",,,,,,XF-5,,,,,,已办结,", "different: status")]);
    check("retracted", 4, &[(",,,,,,,,{c7},,,,,", "matched")]);
    check("retracted, open in the book", 4, &[(",,,,,,,,{c7},,,,未办结,", "different: status")]);
    check("a code in scientific notation", 3, &[(",,,,,,XF-6,3.50602E+17,,,,,,", "refused")]);
    check("no id", 3, &[(",,,,,,XF-6,,12,,,,,", "refused")]);
    check("no such day", 3, &[(&CLOSED.replace("2026-07-05", "2026-06-31"), "refused")]);
    check("days in each other's place", 3, &[(&CLOSED.replace("2026-07-05", "2026-07-10"), "refused")]);
    check("nothing to find it by", 3, &[("瑞和宾馆,fire.60-2,,,,,,,,,,,", "refused")]);
}

#[test]
fn of_two_cases_of_one_violation_the_later_is_told() {
    let city = City::new();
    city.book(&[]);
    let found = city.reconcile(&["--dry-run"]).exits(4).json_lines();
    let of = |case: usize| found.iter().find(|line| line["case"] == city.cases[case].as_str()).unwrap();
    assert_eq!(of(0)["class"], "missing_there");
    assert_eq!(of(7)["findings"][0]["of"], city.cases[0].as_str());
    assert_eq!(of(7)["class"], "duplicate_case");
    assert_eq!(of(3)["class"], "returned_unassigned");
    // Retracted: not looked for in the book.
    assert!(found.iter().all(|line| line["case"] != city.cases[6].as_str()));
}

#[test]
fn a_term_that_has_passed_is_late() {
    let city = City::new();
    city.book(&[&format!("{UNIT},瑞和宾馆,fire.60-3,2026-03-02,350602,新华西路1号,LY-1,,,,,,,")]);
    let later =
        ["--as-of", "2090-01-01", "--json", "--agency", "fire", "reconcile", "--against", "book.csv", "--dry-run"];
    let found = city.folder.run(later).exits(4).json_lines();
    let line = found.iter().find(|line| line["row"]["row"] == 2).unwrap();
    assert_eq!((&line["class"], &line["findings"][0]["owed"]), (&"late".into(), &"acknowledge".into()));
}

#[test]
fn what_settles_is_run_once_and_names_its_cause() {
    let city = City::new();
    city.book(&[
        &format!("{UNIT},瑞和宾馆,fire.60-3,2026-03-02,350602,新华西路1号,LY-1,,,2026-03-20,责令限期改正,,,"),
        &format!("{UNIT},{PENALISED}"),
        &format!("{UNIT},{}", CLOSED.replace("XF-6", "XF-9").replace("2026-07-05", "2026-01-05")),
    ]);
    let found = city.reconcile(&["--propose", "settle.txt"]).exits(4).json_lines();
    let event = found.last().unwrap()["reconciliation"].as_str().unwrap().to_owned();
    let text = city.folder.read("settle.txt");
    let commands: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(commands.len(), 3, "{text}");
    assert!(commands[0].starts_with(&format!("1 referral acknowledge {}", city.cases[0])), "{text}");
    assert!(
        commands[1].starts_with(&format!("2 feedback submit {} --outcome rectification_ordered", city.cases[0])),
        "{text}"
    );
    // Confirmed and not known to be gone, or in the book without its facts: told, with no command.
    assert!(commands[2].contains("case close"), "{text}");

    let head = || city.folder.run(["--json", "log", "head"]).ok().json()["position"].as_u64().unwrap();
    let before = head();
    let apply = |more: &[&str]| {
        let line = ["--json", "reconcile", "--apply", "settle.txt"];
        city.folder.run([&line[..], more].concat()).ok().json_lines().pop().unwrap()
    };
    assert_eq!(apply(&[])["would_run"], 3);
    assert_eq!(head(), before);
    let done = apply(&["--yes"]);
    assert_eq!((&done["done"], &done["already"], &done["refused"]), (&3.into(), &0.into(), &0.into()), "{done}");
    assert_eq!(head(), before + 3);
    let last = city.folder.run(["log", "show", &head().to_string()]).ok();
    assert!(last.stdout.contains(&event), "{}", last.stdout);
    // Edited or not, a number is run once.
    city.folder.write("settle.txt", text.replace("rectification_ordered", "penalised"));
    assert_eq!(apply(&["--yes"])["already"], 3);
    assert_eq!(head(), before + 3);

    let again = city.reconcile(&[]).exits(4).json_lines();
    let since = &again.last().unwrap()["since"];
    assert_eq!(since["settled"]["confirmed_still_open"], Value::Null, "{since}");
    assert_eq!(since["moved"][0], serde_json::json!(["handled_not_fed_back", "fed_back_not_confirmed", 1]), "{since}");
    // The same once more is not recorded once more.
    let end = head();
    let same = city.reconcile(&[]).exits(4).json_lines();
    assert_eq!((&same.last().unwrap()["recorded"], head()), (&false.into(), end));
}

#[test]
fn one_wrong_line_and_nothing_is_run() {
    let city = City::new();
    let begin = "# reconciliation: 01KDZ5T0000000000000000000\n# agency: fire\n";
    for (line, reason) in [
        ("1 referral acknowledge", "line 4"),
        ("referral acknowledge 01KDZ5T0000000000000000000", "its number"),
        ("1 log head", "no settling command"),
        ("1 'open", "not closed"),
        ("2 feedback confirm 01KDZ5T0000000000000000000", "stands twice"),
    ] {
        let text = format!("{begin}2 referral acknowledge {}\n{line}\n", city.cases[0]);
        city.folder.write("settle.txt", text);
        city.folder.run(["reconcile", "--apply", "settle.txt", "--yes"]).exits(2).says(&[reason, "nothing was run"]);
    }
    city.folder.write("settle.txt", "1 referral acknowledge x\n");
    city.folder.run(["reconcile", "--apply", "settle.txt"]).exits(2).says(&["# reconciliation:"]);
    // A line that the exchange refuses is told, and the others are run.
    let text = format!("{begin}1 feedback confirm {}\n2 referral acknowledge {}\n", city.cases[0], city.cases[0]);
    city.folder.write("settle.txt", text);
    let done = city.folder.run(["--json", "reconcile", "--apply", "settle.txt", "--yes"]).exits(3).json_lines();
    assert_eq!((&done[0]["result"], &done[1]["result"]), (&"refused".into(), &"done".into()));
}

#[test]
fn a_map_is_kept_for_the_next_book() {
    let city = City::new();
    let map = "name = \"fire-book\"\n[[field.reference]]\nheaders = [\"编号\"]\n[[field.status]]\nheaders = [\"结否\"]\nvalues = { Y = \"closed\" }\n";
    city.folder.write("map.toml", map);
    city.folder.write("book.csv", "编号,结否\nXF-6,Y\n");
    city.reconcile(&["--dry-run"]).exits(1);
    city.reconcile(&["--dry-run", "--map", "map.toml", "--save-map"]).exits(4);
    let found = city.reconcile(&["--dry-run"]).exits(4).json_lines();
    let summary = found.last().unwrap();
    assert_eq!(
        (&summary["map"], &summary["balance"]["classes"][3]["class"]),
        (&"fire-book".into(), &"released".into()),
        "{summary}"
    );
    assert!(city.folder.data("maps/fire.toml").is_file());
}
