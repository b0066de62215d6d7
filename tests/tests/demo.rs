//! The demonstration: the same city every time, from the log alone, and every command works on it.

#![allow(clippy::unwrap_used)]

use std::fs;

use fengsui_tests::{Folder, Ran, reading_commands, run_with};

const SMALL: [&str; 5] = ["demo", "--units", "20", "--violations", "120"];

#[test]
fn the_same_seed_makes_the_same_city_and_another_seed_another() {
    let (one, other) = (Folder::new(), Folder::zh());
    let made = one.run(SMALL).ok();
    let digest = made.digest();
    assert_eq!(other.run(SMALL).ok().digest(), digest, "in another folder and another language");
    assert_eq!(one.run(SMALL).ok(), made, "the second run shows the city that is there");
    assert_eq!(one.digest(), digest, "drawn again from the log");
    assert_eq!(one.run(["replay", "--no-verify"]).ok().digest(), digest, "without checks of signatures");
    let seed = Folder::new();
    assert_ne!(seed.run(SMALL.into_iter().chain(["--seed", "2"])).ok().digest(), digest);
    for file in ["log.sqlite", "exchange.toml"] {
        assert!(one.data(file).is_file(), "{file}");
    }
    let log = |folder: &Folder| folder.run(["log", "tail", "-n", "5000", "--json", "--lang", "en"]).ok().stdout;
    assert!(log(&one) == log(&other), "the same events in the same order");
    assert!(log(&one) != log(&seed));
}

#[test]
fn tables_that_were_deleted_come_back_with_the_same_digest() {
    let folder = Folder::new();
    let digest = folder.run(SMALL).ok().digest();
    let units = folder.run(["unit", "list"]).ok().stdout;
    fs::remove_file(folder.data("model.sqlite")).unwrap();
    assert_eq!(folder.digest(), digest);
    fs::remove_file(folder.data("model.sqlite")).unwrap();
    assert_eq!(folder.run(["unit", "list"]).ok().stdout, units, "a reader draws them as well");
    assert_eq!(folder.run(SMALL).ok().digest(), digest);
}

#[test]
fn a_replay_elsewhere_or_up_to_a_position_leaves_the_folder_alone() {
    let folder = Folder::small_demo();
    let digest = folder.digest();
    let head = folder.run(["log", "head"]).ok().stdout;
    assert_eq!(folder.run(["replay", "--into", "elsewhere"]).ok().digest(), digest);
    assert!(folder.path().join("elsewhere/model.sqlite").is_file());
    let earlier = folder.run(["replay", "--into", "earlier", "--until", "500"]).ok();
    assert_ne!(earlier.digest(), digest);
    assert_eq!(earlier.digest(), folder.run(["replay", "--into", "again", "--until", "500"]).ok().digest());
    assert_eq!(folder.run(["log", "head"]).ok().stdout, head, "a replay publishes nothing");
    assert_eq!(folder.digest(), digest);
}

#[test]
fn the_text_shows_forwarding_in_both_directions_feedback_and_a_ledger() {
    let made = Folder::new().run(SMALL).ok().shows(&[
        "violations\t120\n",
        "anomalies\t0\n",
        "Forwarded by itself and fed back",
        "\tconfirmed\t",
        "What to try next",
    ]);
    let examples: Vec<Vec<&str>> = table(&made, "reporter").collect();
    assert!(examples.iter().any(|row| row[0] != "fire" && row[1] == "fire"), "from a trade department to fire\n{made}");
    assert!(examples.iter().any(|row| row[0] == "fire" && row[1] != "fire"), "from fire to a trade department\n{made}");
    let ledger: Vec<Vec<&str>> = table(&made, "number").collect();
    assert!(ledger.len() > 3 && ledger.iter().any(|row| row[1] == "deduction"), "{made}");
    let mut balance = None;
    for row in ledger {
        let (points, after): (i32, i32) = (row[2].parse().unwrap(), row[3].parse().unwrap());
        assert_eq!(balance.map_or(after, |before: i32| before + points), after, "{row:?}");
        balance = Some(after);
    }
    let agencies: Vec<String> = table(&made, "agency").map(|row| row[0].to_owned()).collect();
    let pilot = ["commerce", "culture", "education", "fire", "housing", "joint-office", "quality", "tourism", "urban"];
    assert_eq!(agencies, pilot);
}

#[test]
fn the_city_of_the_default_size_is_the_pilot() {
    let folder = Folder::new();
    let made = folder.run(["demo", "--json"]).ok();
    let lines = made.json_lines();
    let summary = &lines.last().unwrap()["demo"];
    let count = |name: &str| summary[name].as_u64().unwrap();
    assert_eq!(count("open") + count("closed") + count("retracted"), 2_000);
    let grades: u64 = summary["grades"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(grades, 300);
    assert_eq!(count("anomalies"), 0);
    for story in ["forwarded", "returned", "late", "objected", "repeated", "undecided", "retracted"] {
        assert!(count(story) > 0, "{story} does not happen: {summary}");
    }
    assert_eq!(summary["agencies"].as_object().unwrap().len(), 9, "eight agencies and the authority");
    let digest = lines.last().unwrap()["digest"].as_str().unwrap().to_owned();
    assert_eq!(folder.digest(), format!("digest {digest}"));
}

#[test]
fn every_reading_command_works_on_it_as_text_and_as_json_in_both_languages() {
    let folder = Folder::small_demo();
    for reads in reading_commands(&folder) {
        let [en, zh] = ["en", "zh"].map(|language| run_with(&folder, &reads, &["--lang", language]).ok());
        assert!(!en.stdout.is_empty() && !zh.stdout.is_empty(), "{en}");
        if !reads.one_language {
            assert_ne!(en.stdout, zh.stdout, "{} says the same in both languages", en.what);
        }
        assert!(!en.stdout.contains('\u{1b}') && !zh.stdout.contains('\u{1b}'), "{} has colour in a pipe", en.what);
        if reads.json {
            let document = run_with(&folder, &reads, &["--json"]).ok();
            assert!(document.json().is_object(), "{document}");
            let zh = run_with(&folder, &reads, &["--json", "--lang", "zh"]).ok().json();
            assert_eq!(document.json().as_object().unwrap().len(), zh.as_object().unwrap().len(), "{}", document.what);
        }
    }
}

#[test]
fn every_writer_of_tables_works_on_it() {
    let folder = Folder::small_demo();
    let exports = [("cases", "case"), ("ledger", "unit"), ("anomalies", "number")];
    for (what, first_column) in exports {
        for (extension, language) in [("csv", "en"), ("xlsx", "zh")] {
            let file = format!("{what}.{extension}");
            folder.run(["export", what, "--out", &file, "--lang", language]).ok().shows(&[&file]);
            let bytes = fs::read(folder.path().join(&file)).unwrap();
            let begins: &[u8] = if extension == "csv" { b"\xef\xbb\xbf" } else { b"PK\x03\x04" };
            assert!(bytes.starts_with(begins), "{file} begins with {:?}", &bytes[..4]);
        }
        let table = folder.read(&format!("{what}.csv"));
        assert!(table.starts_with(&format!("\u{feff}{first_column},")), "{table}");
    }
    assert_eq!(folder.read("cases.csv").lines().count(), 121, "a header and every case");
    let exported = folder.run(["export", "cases", "--out", "again.csv", "--json"]).ok().json();
    assert_eq!(exported["rows"], 120);
    for shell in ["bash", "zsh", "fish"] {
        folder.run(["completions", shell]).ok().shows(&["fengsui", "referral"]);
    }
    let pages = folder.run(["man", "pages"]).ok();
    assert!(pages.stdout.lines().count() > 40, "{pages}");
    for page in pages.stdout.lines() {
        assert!(folder.read(page).contains(".TH "), "{page}");
    }
}

#[test]
fn a_demonstration_touches_nothing_but_a_demonstration_of_its_size() {
    let folder = Folder::small_demo();
    let digest = folder.digest();
    folder
        .run(["demo", "--units", "21", "--violations", "120"])
        .exits(1)
        .says(&["--units 20 --violations 120 --seed 1"]);
    folder.run(["demo", "--units", "0"]).exits(2);
    let real = Folder::new();
    real.run(["init", "--region", "350600", "--agency", "joint-office", "--authority"]).ok();
    real.run(SMALL).exits(1).says(&["--data"]);
    real.run(SMALL.into_iter().chain(["--lang", "zh"])).exits(1).says(&["演示", "--data"]);
    assert_eq!(folder.digest(), digest);
}

/// The rows of the table whose header begins with a name.
fn table<'a>(ran: &'a Ran, first: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
    let rows = ran.stdout.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    rows.skip_while(move |row| row.len() < 2 || row[0] != first).skip(1).take_while(|row| row.len() > 1)
}
