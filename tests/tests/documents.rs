//! What the documents tell people to type works as it stands.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use fengsui_tests::{Folder, Ran, program, project};

#[test]
fn every_command_of_the_quickstart_runs_as_it_stands() {
    let text = fs::read_to_string(project().join("docs/quickstart.md")).unwrap();
    let blocks = shell_blocks(&text);
    assert!(blocks.len() >= 8, "{blocks:?}");
    let (set_up, blocks) = blocks.split_first().unwrap();
    assert!(set_up.starts_with("cargo build --release\nexport PATH="), "{set_up}");
    // The program is built already; the rest of the set-up is the page's own.
    let enter = set_up.lines().nth(2).unwrap();
    let folder = Folder::new();
    let example = folder.path().join("docs/examples/sf-health");
    fs::create_dir_all(&example).unwrap();
    for file in fs::read_dir(project().join("docs/examples/sf-health")).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, example.join(path.file_name().unwrap())).unwrap();
    }
    let script = format!("set -eu\n{enter}\n{}", blocks.concat());
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(folder.path()).env_clear().env("LANG", "C.UTF-8");
    command.env("PATH", format!("{}:{path}", program().parent().unwrap().display()));
    let ran = Ran::of(&mut command).ok();

    let exits: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("exit ")).collect();
    assert_eq!(exits, ["exit 7", "exit 3", "exit 3", "exit 3"], "{ran}");
    let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].contains("only fire may act"), "{errors:#?}");
    let digests: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("digest sha256:")).collect();
    assert_eq!(digests.len(), 3, "the demonstration, and two replays");
    assert_eq!(digests[1], digests[2], "it does not change");
    for shown in ["new cases\t544", "closed\t428", "already there\t544", "restoration\t3\t91"] {
        assert!(ran.stdout.contains(shown), "{shown} is missing in\n{ran}");
    }
}

fn shell_blocks(text: &str) -> Vec<String> {
    let parts = text.split("```sh\n").skip(1);
    parts.map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_command_that_a_document_names_is_there() {
    let known = command_tree();
    let mut named = 0;
    let mut unknown = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for call in calls(&text) {
            let mut words = call.iter().map(String::as_str);
            let Some(noun) = words.next() else { continue };
            named += 1;
            let is_there = known.get(noun).is_some_and(|verbs| {
                verbs.is_empty() || words.next().is_none_or(|verb| !is_name(verb) || verbs.contains(verb))
            });
            if !is_there {
                unknown.push(format!("{}: fengsui {}", path.display(), call.join(" ")));
            }
        }
    }
    assert!(unknown.is_empty(), "\n{}", unknown.join("\n"));
    assert!(named > 60, "only {named} calls were found");
}

/// Every command with its verbs, as the program's help lists them.
fn command_tree() -> BTreeMap<String, BTreeSet<String>> {
    let folder = Folder::new();
    let listed = |words: &[&str]| -> BTreeSet<String> {
        let help = folder.run(words.iter().chain(&["--help"])).ok().stdout;
        let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        named.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    };
    listed(&[]).into_iter().map(|noun| (noun.clone(), listed(&[&noun]))).collect()
}

/// The documents for people, apart from decisions and the changelog, which may name what is planned or gone.
fn documents() -> Vec<std::path::PathBuf> {
    let in_folder = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect::<Vec<_>>()
    };
    let mut paths = vec![project().join("README.md"), project().join("docs/examples/sf-health/README.md")];
    paths.extend(in_folder(&project().join("docs")));
    paths.extend(in_folder(&project().join("deploy")));
    paths
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !word.starts_with('-')
}

/// The words after `fengsui` wherever it stands in code, without the options that may stand before the command.
fn calls(text: &str) -> Vec<Vec<String>> {
    let code = text.split('`').skip(1).step_by(2).flat_map(str::lines);
    let blocks = text.split("```").skip(1).step_by(2).flat_map(str::lines);
    let mut found = Vec::new();
    for line in code.chain(blocks) {
        let line = line.trim_start().strip_prefix("$ ").unwrap_or(line.trim_start());
        for part in line.split(['|', ';', '(']) {
            let words: Vec<&str> = part.split_whitespace().collect();
            let Some(program) = words.iter().rposition(|word| *word == "fengsui") else { continue };
            let mut words = words[program + 1..].iter().copied();
            let mut call: Vec<String> = Vec::new();
            while let Some(word) = words.next() {
                match word {
                    "--agency" | "--data" | "--lang" | "--as-of" if call.is_empty() => drop(words.next()),
                    _ if call.is_empty() && !is_name(word) => break,
                    _ => call.push(word.trim_end_matches(['.', ',', '`']).to_owned()),
                }
            }
            if !call.is_empty() {
                found.push(call);
            }
        }
    }
    found
}
