//! The house rules that a program can check, so that reviews need not.
//!
//! Each test lists every place that breaks its rule. Needles are put together from parts, so that this file does not find itself.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

const TOP_LEVEL: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "crates",
    "deploy",
    "docs",
    "schemas",
    "tests",
];
/// Made by building and by trying the program; git ignores them.
const NOT_OURS: &[&str] = &["target", "fengsui-data"];
const SOURCE_LINES_MAX: usize = 600;
const TEST_LINES_MAX: usize = 700;
const TEXT_EXTENSIONS: &[&str] = &["rs", "toml", "md", "json", "service", "timer"];

#[test]
fn top_level_is_as_agreed() {
    let names = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut visible: Vec<String> =
        names.filter(|name| !name.starts_with('.') && !NOT_OURS.contains(&name.as_str())).collect();
    visible.retain(|name| !name.ends_with(".refused.csv"));
    visible.sort();
    assert_eq!(visible, TOP_LEVEL);
}

#[test]
fn files_are_short() {
    refuse(rust_files(), |file| {
        let lines = file.text.lines().count();
        let lines_max = if file.is_test() { TEST_LINES_MAX } else { SOURCE_LINES_MAX };
        (lines > lines_max).then(|| vec![(lines, format!("has {lines} lines, at most {lines_max}: split it by idea"))])
    });
}

#[test]
fn nothing_is_left_unfinished() {
    let needles = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("db", "g!("),
        concat!("#[ig", "nore"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ];
    refuse(rust_files(), |file| {
        let numbered = file.text.lines().zip(1..);
        let hits = numbered.filter_map(|(line, number)| {
            let needle = needles.iter().find(|needle| has_word(line, needle))?;
            Some((number, format!("holds `{needle}`: finish it, or open an issue")))
        });
        Some(hits.collect())
    });
}

#[test]
fn names_say_what_is_inside() {
    const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "manager", "common", "misc"];
    refuse(rust_files(), |file| {
        let parts = file.path.iter().map(|part| part.to_str().unwrap().trim_end_matches(".rs"));
        let empty = parts.into_iter().find(|part| EMPTY_NAMES.contains(part))?;
        Some(vec![(1, format!("is named `{empty}`, which says nothing"))])
    });
}

#[test]
fn every_crate_says_what_it_is_for() {
    let entries =
        rust_files().into_iter().filter(|file| file.path.ends_with("src/lib.rs") || file.path.ends_with("src/main.rs"));
    refuse(entries.collect(), |file| {
        (!file.text.starts_with("//! ")).then(|| vec![(1, "does not begin with a `//!` sentence".to_owned())])
    });
}

#[test]
fn every_crate_keeps_the_lints() {
    let workspace: toml::Table = read("Cargo.toml").parse().unwrap();
    assert_eq!(workspace["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    let manifests = files(&["toml"]).into_iter().filter(|file| file.path.ends_with("Cargo.toml"));
    let mut members = 0;
    refuse(manifests.collect(), |file| {
        let manifest: toml::Table = file.text.parse().unwrap();
        manifest.get("package")?;
        // The fuzz targets are a workspace of their own: libFuzzer's macro is not `unsafe`-free.
        if file.path == Path::new("tests/fuzz/Cargo.toml") {
            return None;
        }
        members += 1;
        let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        (inherits != Some(true)).then(|| vec![(1, "lacks `[lints] workspace = true`".to_owned())])
    });
    assert!(members >= 9, "only {members} manifests were found");
}

#[test]
fn links_in_documents_lead_somewhere() {
    refuse(files(&["md"]), |file| {
        let folder = root().join(file.path.parent().unwrap());
        let broken = links(&file.text).into_iter().filter(|(_, target)| !folder.join(target).exists());
        Some(broken.map(|(number, target)| (number, format!("links to `{target}`, which is not there"))).collect())
    });
}

#[test]
fn changelog_has_a_section_for_what_is_coming() {
    let text = read("CHANGELOG.md");
    let version = format!("## [{}]", env!("CARGO_PKG_VERSION"));
    assert!(text.contains("## [Unreleased]") || text.contains(&version), "no `## [Unreleased]` and no `{version}`");
}

#[test]
fn text_is_clean() {
    let mut texts = files(TEXT_EXTENSIONS);
    texts.push(TextFile { path: ".ci/run".into(), text: read(".ci/run") });
    refuse(texts, |file| {
        let mut faults = Vec::new();
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            faults.push((file.text.lines().count(), "does not end in a newline".to_owned()));
        }
        for (line, number) in file.text.split('\n').zip(1..) {
            if line.ends_with([' ', '\t', '\r']) {
                faults.push((number, "ends in white space".to_owned()));
            }
            if line.contains('\t') && file.path.extension().is_some_and(|extension| extension == "rs") {
                faults.push((number, "holds a tab".to_owned()));
            }
        }
        Some(faults)
    });
}

#[test]
fn a_term_has_one_chinese_word() {
    // The other word for what docs/glossary.md calls 会签.
    let other = concat!("联", "署");
    refuse(files(&["rs", "md", "txt", "py", "html"]), |file| {
        let numbered = file.text.lines().zip(1..);
        let hits = numbered.filter(|(line, _)| line.contains(other));
        Some(hits.map(|(_, number)| (number, format!("says {other}, elsewhere it is 会签"))).collect())
    });
}

#[test]
fn the_rules_find_what_they_look_for() {
    assert!(has_word("    // XYZ: later", "XYZ"));
    assert!(!has_word("WXYZ", "XYZ") && !has_word("XYZ_MAX", "XYZ"));
    let document = "see [a](b/c.md#d) and [e](https://example.org)\n```\n[f](g)\n```\n[h](#i) ![j](k.png \"l\")\n";
    assert_eq!(links(document), [(1, "b/c.md".to_owned()), (5, "k.png".to_owned())]);
    assert!(rust_files().len() > 50);
}

/// A file of the project as text, with its path below the root.
struct TextFile {
    path: PathBuf,
    text: String,
}

impl TextFile {
    fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.iter().any(|part| part == "tests")
    }
}

/// Fails with every fault (line, what is wrong) that the rule finds.
fn refuse(files: Vec<TextFile>, mut rule: impl FnMut(&TextFile) -> Option<Vec<(usize, String)>>) {
    let mut faults = Vec::new();
    for file in files {
        for (line, fault) in rule(&file).unwrap_or_default() {
            faults.push(format!("{}:{line}: {fault}", file.path.display()));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn rust_files() -> Vec<TextFile> {
    files(&["rs"])
}

/// Every file with one of the extensions, in the order of their paths.
fn files(extensions: &[&str]) -> Vec<TextFile> {
    let mut found = Vec::new();
    collect(root(), extensions, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<TextFile>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !NOT_OURS.contains(&name) && name != ".git" {
                collect(&path, extensions, found);
            }
        } else if path.extension().is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted)) {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            found.push(TextFile { path: path.strip_prefix(root()).unwrap().to_owned(), text });
        }
    }
}

/// Whether the line holds the needle, not as a part of a longer word.
fn has_word(line: &str, needle: &str) -> bool {
    let continues = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(needle).any(|(at, _)| {
        let is_macro = needle.ends_with('(');
        !continues(line[..at].chars().next_back()) && (is_macro || !continues(line[at + needle.len()..].chars().next()))
    })
}

/// Relative links of a Markdown text outside code, with their lines; without anchors and titles.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (line, number) in text.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for part in line.split("](").skip(1) {
            let target = part.split([')', '#', ' ']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                found.push((number, target.to_owned()));
            }
        }
    }
    found
}
