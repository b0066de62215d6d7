//! What people see: help, refusals, and one case from import to closing, in both languages.
//!
//! After a wanted change, `TRYCMD=overwrite cargo nextest run -p fengsui-tests --test transcripts` writes what the program says now. Read the
//! difference, and put `[..]` again where ids, keys, days and backslashes stood (trycmd takes those for parts of a path).

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use fengsui_tests::{Folder, program};

fn check(language: &str, locale: &str) {
    let cases = trycmd::TestCases::new();
    cases.register_bin("fengsui", program());
    // Whatever the tester's shell says, help is as wide and the folder is the same.
    for (name, value) in [("LC_ALL", locale), ("COLUMNS", "100"), ("FENGSUI_DATA", "fengsui-data")] {
        cases.env(name, value);
    }
    cases.case(format!("transcripts/{language}/*.trycmd")).run();
}

#[test]
fn in_english() {
    check("en", "C.UTF-8");
}

#[test]
fn in_chinese() {
    check("zh", "zh_CN.UTF-8");
}

#[test]
fn every_command_has_its_help_among_the_transcripts() {
    let help = Folder::new().run(["--help"]).ok().stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let transcripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut count = 0;
    for command in commands.map(|line| line.split_whitespace().next().unwrap()) {
        for language in ["en", "zh"] {
            let path = transcripts.join(language).join(format!("help-{command}.trycmd"));
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(text.contains(&format!("$ fengsui {command} --help\n")), "{}", path.display());
        }
        count += 1;
    }
    assert!(count >= 20, "{help}");
}
