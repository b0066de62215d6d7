//! Every command that only reads, as it is called on a folder with at least one case.

use crate::{Folder, Ran};

/// A way to read a folder.
#[derive(Clone, Debug)]
pub struct Reads {
    /// The words after the program's name.
    pub words: Vec<String>,
    /// Whether `--json` gives a document; else it means nothing here or is refused.
    pub json: bool,
    /// Whether the text is the same in both languages.
    pub one_language: bool,
}

impl Reads {
    fn of(line: &str) -> Self {
        let words = line.split(' ').map(str::to_owned).collect();
        Self { words, json: true, one_language: false }
    }

    fn verbatim(line: &str) -> Self {
        Self { json: false, one_language: true, ..Self::of(line) }
    }
}

/// A closed case of a folder, and the unit of that case.
pub fn closed_case(folder: &Folder) -> (String, String) {
    let listed = folder.run(["case", "list", "--status", "closed", "--limit", "1", "--json"]).ok().json();
    let cell = |name: &str| listed["cases"][0][name].as_str().unwrap().to_owned();
    (cell("case"), cell("unit"))
}

/// Every command that only reads.
pub fn reading_commands(folder: &Folder) -> Vec<Reads> {
    let (case, unit) = closed_case(folder);
    let lines = [
        "violation list".to_owned(),
        format!("violation show {case}"),
        "referral list --everyone".to_owned(),
        "referral list --sent --agency fire".to_owned(),
        "referral list --overdue --everyone --limit 5".to_owned(),
        "case list --status closed --lead fire --limit 5".to_owned(),
        "case list --status 在办".to_owned(),
        format!("case list --unit {unit}"),
        format!("case show {case}"),
        format!("unit show {unit}"),
        format!("unit ledger {unit}"),
        format!("audit explain {case}"),
        format!("audit explain {unit}/1"),
        "unit list".to_owned(),
        "log head".to_owned(),
        "log show 40".to_owned(),
        format!("log show {case}"),
        "log tail -n 20".to_owned(),
        "anomaly list".to_owned(),
        "agency list".to_owned(),
        "certificate list".to_owned(),
        "rulebook show".to_owned(),
        "rulebook categories".to_owned(),
        "doctor".to_owned(),
    ];
    let mut all: Vec<Reads> = lines.iter().map(|line| Reads::of(line)).collect();
    all.push(Reads { one_language: true, ..Reads::of("version") });
    all.extend(["log show 40 --raw", "rulebook show --text"].map(Reads::verbatim));
    all
}

/// Runs a command with more words behind it.
pub fn run_with(folder: &Folder, reads: &Reads, more: &[&str]) -> Ran {
    folder.run(reads.words.iter().map(String::as_str).chain(more.iter().copied()))
}
