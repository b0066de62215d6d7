//! Public reports through the program: the reporter's identity is nowhere but in the sealed store, and every opening leaves a trace.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use fengsui_tests::{Folder, Ran};

const NAME: &str = "欧阳建国";
const PHONE: &str = "13905961234";
const MAIL: &str = "ouyang.jianguo@example.cn";
/// The name in GB 18030, as it stands in files of older systems; by the table of the standard.
const NAME_GBK: &[u8] = b"\xc5\xb7\xd1\xf4\xbd\xa8\xb9\xfa";

fn identity() -> String {
    format!(r#"{{"name": "{NAME}", "phone": "{PHONE}", "contact": "{MAIL}", "note": "夜间勿打"}}"#)
}

fn words<'a>(facts: &'a str, more: &'a [&'a str]) -> Vec<&'a str> {
    let all = ["violation", "report", "--from-public", "--unit", "91350602MA0000015U", "--name", "瑞和宾馆"];
    let place = ["--region", "350602", "--address", "新华西路1号", "--trade", "H61", "--category", "fire.60-3"];
    all.iter().chain(&place).chain(&["--facts", facts]).chain(more).copied().collect()
}

fn report(folder: &Folder, facts: &str, text: &str) -> Ran {
    let words = words(facts, &["--agency", "fire", "--reporter", "-"]);
    folder.run_stdin(words, text)
}

fn exchange() -> Folder {
    let folder = Folder::exchange(&["fire", "tourism"]);
    folder.desk("fire", ["reporter", "officer", "add", "li", "--out", "li.officer"]).ok();
    folder
}

fn show(folder: &Folder, reference: &str, identity: &str, reason: &str) -> Ran {
    folder.run(["reporter", "show", reference, "--identity", identity, "--reason", reason])
}

/// The three ways in which Base64 (RFC 4648) can hold some bytes within others, without the characters that depend on neighbours.
fn base64s(bytes: &[u8]) -> Vec<Vec<u8>> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let at = |shift: usize| {
        let padded = [vec![0; shift], bytes.to_vec()].concat();
        let whole = padded.len() / 3 * 3;
        let digits: Vec<u8> = padded[..whole]
            .chunks(3)
            .flat_map(|three| {
                let number = three.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
                [18, 12, 6, 0].map(|by| DIGITS[(number >> by & 63) as usize])
            })
            .collect();
        digits[(shift * 4).div_ceil(3)..].to_vec()
    };
    (0..3).map(at).collect()
}

/// Every form in which a text could have been written down.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let utf16: Vec<u16> = text.encode_utf16().collect();
    let mut forms = vec![
        text.as_bytes().to_vec(),
        utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
        utf16.iter().flat_map(|unit| format!("\\u{unit:04x}").into_bytes()).collect(),
        text.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
    ];
    forms.extend(base64s(text.as_bytes()));
    forms
}

fn all_forms() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [NAME, PHONE, MAIL].into_iter().flat_map(forms).collect();
    all.push(NAME_GBK.to_vec());
    all.extend(base64s(NAME_GBK));
    all
}

fn holds(bytes: &[u8], form: &[u8]) -> bool {
    bytes.windows(form.len()).any(|window| window == form)
}

#[track_caller]
fn assert_clean(what: &str, bytes: &[u8]) {
    for form in all_forms() {
        assert!(!holds(bytes, &form), "{what} holds {:?}", String::from_utf8_lossy(&form));
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// The forms are found where they are, or the tests below would say nothing. Base64 of "xx欧阳建国yy" by `base64(1)`.
#[test]
fn the_search_finds_what_is_there() {
    let name: Vec<Vec<u8>> = forms(NAME);
    assert!(holds("他是欧阳建国。".as_bytes(), &name[0]));
    assert!(name.iter().any(|form| holds(b"eHjmrKfpmLPlu7rlm715eQ==", form)));
    assert!(name.iter().any(|form| holds(b"5qyn6Ziz5bu65Zu9", form)));
    assert!(holds(b"\xb2\xbb\xca\xc7\xc5\xb7\xd1\xf4\xbd\xa8\xb9\xfa", NAME_GBK));
    assert!(forms(PHONE).iter().any(|form| holds(b"xMTM5MDU5NjEyMzQ=", form)));
}

#[test]
fn the_reporter_is_nowhere_but_in_the_sealed_store() {
    let folder = exchange();
    let reported = report(&folder, "疏散通道堆放杂物", &identity()).ok();
    let (case, reference) = (reported.cell("case"), reported.cell("public report"));
    folder.run(["log", "show", &case]).ok().shows(&[&reference, "public_report"]);
    folder.desk("fire", ["feedback", "submit", &case, "--outcome", "rectified_on_site", "--summary", "当场清除"]).ok();
    show(&folder, &reference, "li.officer", "回访核实").ok().shows(&[NAME, PHONE, MAIL, "夜间勿打"]);

    let mut outputs = vec![reported];
    for words in [
        vec!["violation", "show", &case, "--json"],
        vec!["case", "show", &case, "--json"],
        vec!["case", "show", &case],
        vec!["log", "tail", "-n", "100", "--json"],
        vec!["log", "show", &case, "--raw"],
        vec!["reporter", "list", "--agency", "fire", "--json"],
        vec!["reporter", "openings", "--json"],
        vec!["export", "cases", "--out", "cases.csv"],
        vec!["export", "cases", "--out", "cases.xlsx"],
        vec!["replay"],
        vec!["doctor"],
    ] {
        outputs.push(folder.run(words).ok());
    }
    // Failures of every kind, with the identity on stdin.
    outputs.push(report(&folder, &format!("{NAME}称通道被堵"), &identity()).exits(1));
    outputs.push(report(&folder, "通道被堵，回电139-0596-1234", &identity()).exits(1));
    outputs.push(report(&folder, "通道被堵", &identity()[..40]).exits(1));
    outputs.push(report(&folder, "通道被堵", &identity().replace("phone", NAME)).exits(1));
    outputs
        .push(folder.run_stdin(words("通道被堵", &["--agency", "tourism", "--reporter", "-"]), &identity()).exits(1));
    outputs
        .push(folder.run_stdin(words("通道被堵", &["--agency", "culture", "--reporter", "-"]), &identity()).exits(7));
    outputs.push(show(&folder, &reference, "li.officer", &format!("给{NAME}回电")).exits(1));
    for ran in &outputs {
        // What the test itself put on the command line is not the program's doing.
        assert_clean(&ran.what.replace(NAME, ""), format!("{}{}", ran.stdout, ran.stderr).as_bytes());
    }
    let mut found = Vec::new();
    files(folder.path(), &mut found);
    assert!(found.iter().any(|path| path.ends_with("reporters.sqlite")) && found.len() > 10, "{found:?}");
    for path in found {
        assert_clean(&path.display().to_string(), &fs::read(&path).unwrap());
    }
}

#[test]
fn a_wrong_identity_file_ends_with_7_and_is_recorded() {
    let folder = exchange();
    let reference = report(&folder, "疏散通道堆放杂物", &identity()).ok().cell("public report");
    folder.desk("tourism", ["reporter", "officer", "add", "chen", "--out", "chen.officer"]).ok();
    let refused = show(&folder, &reference, "chen.officer", "好奇").exits(7);
    refused.says(&["not that of an officer of fire", "the attempt was recorded"]);
    let zh =
        folder.run(["--lang", "zh", "reporter", "show", &reference, "--identity", "chen.officer", "--reason", "好奇"]);
    zh.exits(7).says(&["此次尝试已记录"]);
    show(&folder, &reference, "li.officer", "回访核实").ok();
    let openings = folder.run(["reporter", "openings", "--reference", &reference, "--json"]).ok().json();
    let told = openings["openings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["outcome"].as_str().unwrap(), row["officer"].as_str(), row["reason"].as_str().unwrap()));
    let expected = [("refused", None, "好奇"), ("refused", None, "好奇"), ("opened", Some("li"), "回访核实")];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    show(&folder, &reference, "li.officer", " ").exits(2).says(&["--reason"]);
    show(&folder, &reference, "none.officer", "回访").exits(1).says(&["there is no identity file"]);
    let mistyped = format!("{}0", &reference[..reference.len() - 1]);
    if mistyped != reference {
        show(&folder, &mistyped, "li.officer", "回访").exits(2).says(&["check character"]);
    }
}

#[cfg(unix)]
#[test]
fn an_identity_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = exchange();
    let reference = report(&folder, "疏散通道堆放杂物", &identity()).ok().cell("public report");
    let path = folder.path().join("li.officer");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    show(&folder, &reference, "li.officer", "回访").exits(1).says(&["chmod 600"]);
}

#[test]
fn officers_come_and_go_and_no_identity_is_lost() {
    let folder = exchange();
    let reference = report(&folder, "疏散通道堆放杂物", &identity()).ok().cell("public report");
    let officer = |words: &[&str]| folder.desk("fire", ["reporter", "officer"].iter().chain(words));
    officer(&["remove", "li"]).exits(1).says(&["the only officer"]);
    officer(&["add", "wang", "--out", "wang.officer"]).ok();
    show(&folder, &reference, "wang.officer", "回访").exits(7).says(&["not sealed to wang"]);
    officer(&["reseal", "--identity", "li.officer", "--reason", "增设人员"]).ok();
    show(&folder, &reference, "wang.officer", "回访").ok().shows(&[NAME]);
    officer(&["remove", "li"]).ok();
    show(&folder, &reference, "li.officer", "回访").exits(7);
    officer(&["add", "zhao", "--out", "zhao.officer", "--reseal-with", "wang.officer", "--reason", "增设人员"]).ok();
    show(&folder, &reference, "zhao.officer", "回访").ok().shows(&[PHONE]);
    officer(&["add", "zhao", "--out", "again.officer"]).exits(1).says(&["already"]);
    assert!(!folder.path().join("again.officer").exists(), "a file whose key is registered nowhere is of no use");
    let listed = officer(&["list", "--json"]).ok().json();
    let names: Vec<&str> =
        listed["officers"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["li", "wang", "zhao"]);
    officer(&["add", "sun"]).exits(2);
}

#[test]
fn anonymous_reports_need_no_officer_and_hold_nothing() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    let reported = folder.desk("tourism", words("疏散通道堆放杂物", &[])).ok();
    let reference = reported.cell("public report");
    let case = reported.cell("case");
    let shown = folder.run(["violation", "show", &case, "--json"]).ok().json();
    assert_eq!(shown["violation"]["method"], "public_report", "{shown}");
    assert_eq!(shown["violation"]["public_report"], reference.as_str(), "{shown}");
    let list = folder.desk("tourism", ["reporter", "list", "--json"]).ok().json();
    assert_eq!(list["reports"][0]["anonymous"], true);
    assert_eq!(list["reports"][0]["case"], case.as_str());
    // With a name, somebody must be able to open it; what is refused is not on the log.
    let head = folder.run(["log", "head"]).ok().stdout;
    report(&folder, "疏散通道堆放杂物", &identity()).exits(1).says(&["reporter officer add"]);
    assert_eq!(folder.run(["log", "head"]).ok().stdout, head);
}

#[test]
fn a_report_that_the_desk_refuses_keeps_nobodys_name() {
    let folder = exchange();
    // A unit that nobody knows needs a name.
    let words = ["violation", "report", "--from-public", "--unit", "local.book:7", "--region", "350602"];
    let what = ["--category", "fire.60-3", "--facts", "疏散通道堆放杂物", "--agency", "fire", "--reporter", "-"];
    let refused = folder.run_stdin(words.iter().chain(&what), &identity()).exits(1).says(&["--name"]);
    assert_clean("the refusal", format!("{}{}", refused.stdout, refused.stderr).as_bytes());
    let list = folder.desk("fire", ["reporter", "list", "--json"]).ok().json();
    assert_eq!(list["reports"].as_array().unwrap().len(), 0);
    // Nobody's box is left, so the officer can go.
    folder.desk("fire", ["reporter", "officer", "remove", "li"]).ok();
}

#[test]
fn identities_are_not_taken_from_flags_or_lists() {
    let folder = exchange();
    folder.run(["violation", "report", "--stdin", "--from-public"]).exits(2);
    folder.desk("fire", words("疏散", &["--reporter-name", NAME])).exits(2);
    let without = ["violation", "report", "--unit", "91350602MA0000015U", "--category", "fire.60-3", "--facts", "疏散"];
    folder.desk("fire", without.iter().chain(&["--reporter", "-"])).exits(2);
    folder.desk("fire", words("疏散", &["--method", "inspection"])).exits(2);
    let file = folder.write("reporter.json", identity());
    let reported = folder.desk("fire", words("疏散通道堆放杂物", &["--reporter", file.to_str().unwrap()])).ok();
    show(&folder, &reported.cell("public report"), "li.officer", "回访").ok().shows(&[NAME]);
}
