//! `audit export` and what anybody can do with an archive: read it, check it by hand, verify it with either program.

#![allow(clippy::unwrap_used)]

mod archived;

use std::fs;
use std::process::Command;

use archived::{Archived, report, verify_archive};
use fengsui_proof::archive::{Archive, Manifest};
use fengsui_tests::{DATA, Folder};

#[test]
fn both_programs_verify_each_form() {
    let made = Archived::new();
    made.folder.run(["audit", "export", "--out", "small.zip", "--compress"]).ok();
    made.folder.run(["audit", "export", "--out", "part.zip", "--from", "3"]).ok();
    let summary = made.folder.run(["audit", "verify", "--json"]).ok().json_lines().pop().unwrap();
    for name in ["good.zip", "good", "small.zip", "part.zip"] {
        let ran = made.audit(name, 0);
        let found = ran.json_lines().pop().unwrap();
        assert_eq!(found["root"], summary["root"], "{ran}");
        assert_eq!(found["covered"]["cosigners"].as_array().unwrap().len(), 3, "{ran}");
        let text = made.python(name, 0);
        assert!(text.contains("cosigned by 3 of 3, needed 2") && text.ends_with("verified\n"), "{text}");
    }
    let size = |name: &str| fs::metadata(made.path(name)).unwrap().len();
    assert!(size("small.zip") * 2 < size("good.zip"));
    let manifest = made.good().manifest().clone();
    assert_eq!((manifest.first, manifest.missing), (1, 0));
    assert_eq!(manifest.last, summary["position"].as_u64().unwrap());
    let whole = made.folder.run(["audit", "verify", "good.zip"]).ok();
    whole.shows(&["signatures", "verified"]);
    let part = made.folder.run(["audit", "verify", "part.zip", "--lang", "zh"]).ok();
    part.shows(&["首个位置\t3", "须有位置 1 起的日志"]);
}

#[test]
fn one_range_has_one_file_whoever_exports_it() {
    let made = Archived::new();
    let folder = &made.folder;
    folder.run(["log", "copy", "--from", DATA, "--to", "copy.sqlite"]).ok();
    let exchange = format!("{DATA}/exchange.toml");
    let last = made.good().manifest().last.to_string();
    report(folder, "housing", "91350602MA0000015U");
    let from = |log: &str, out: &str| {
        folder.run(["audit", "export", "--from-log", log, "--exchange", &exchange, "--to", &last, "--out", out]).ok();
        fs::read(folder.path().join(out)).unwrap()
    };
    let good = fs::read(made.path("good.zip")).unwrap();
    assert!(from("copy.sqlite", "copy.zip") == good);
    assert!(from(DATA, "again.zip") == good);
    folder.run(["audit", "export", "--to", &last, "--out", "own.zip"]).ok();
    assert!(fs::read(made.path("own.zip")).unwrap() == good);
    // Another program reads the ZIP file, and finds the files of the folder in it.
    let script = "import sys, zipfile, pathlib\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                  r = pathlib.Path(sys.argv[2])\nf = {p.relative_to(r).as_posix(): p.read_bytes() for p in r.rglob('*') if p.is_file()}\n\
                  assert f == {n: z.read(n) for n in z.namelist()}\nprint(len(f))";
    let python =
        Command::new("python3").args(["-c", script, "good.zip", "good"]).current_dir(folder.path()).output().unwrap();
    let count = Archive::open(&made.path("good")).unwrap().members().len();
    assert_eq!(
        String::from_utf8(python.stdout).unwrap(),
        format!("{count}\n"),
        "{}",
        String::from_utf8_lossy(&python.stderr)
    );
}

/// The commands of the README are run as they stand, and what they print is what it promises.
#[test]
fn the_readme_can_be_followed_literally() {
    let made = Archived::new();
    made.folder.run(["audit", "export", "--out", "part", "--from", "4"]).ok();
    for name in ["good", "part"] {
        let root = made.path(name);
        let text = fs::read_to_string(root.join("README.txt")).unwrap();
        let commands: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        let before = fs::read(root.join("SHA256SUMS")).unwrap();
        let ran = Command::new("sh").args(["-e", "-c", &commands.join("\n")]).current_dir(&root).output().unwrap();
        let said = String::from_utf8(ran.stdout).unwrap();
        assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
        let manifest = Manifest::read(&fs::read(root.join("manifest.json")).unwrap()).unwrap();
        assert_eq!(said.matches(": OK\n").count(), manifest.files.len() + 1, "{said}");
        assert_eq!(said.matches("Signature Verified Successfully").count(), 3, "{said}");
        let leaves: Vec<&str> = said.lines().filter(|line| line.len() == 64).collect();
        assert!(leaves.len() == 2 && leaves[0] == leaves[1], "{said}");
        assert_eq!(fs::read(root.join("SHA256SUMS")).unwrap(), before);
        // What they would find: another event under the same signature.
        let changed = fs::read_to_string(root.join("exchange.toml")).unwrap().replace("350600", "350500");
        fs::write(root.join("exchange.toml"), changed).unwrap();
        let ran = Command::new("sh").args(["-e", "-c", commands[0]]).current_dir(&root).output().unwrap();
        assert!(!ran.status.success() && String::from_utf8_lossy(&ran.stdout).contains("exchange.toml: FAILED"));
    }
}

#[test]
fn what_cannot_be_exported_is_said() {
    let folder = Folder::exchange(&["fire"]);
    folder.run(["audit", "export", "--out", "a.zip"]).ok().says(&["no checkpoint", "fengsui audit verify a.zip"]);
    folder.run(["audit", "export", "--out", "a.zip"]).exits(1).says(&["exists already", "--force"]);
    folder.run(["audit", "export", "--out", "a.zip", "--force", "--quiet"]).ok();
    folder.run(["audit", "export", "--out", "b", "--compress"]).exits(2).says(&[".zip"]);
    folder.run(["audit", "export", "--out", "b.zip", "--to", "99"]).exits(1).says(&["99"]);
    folder.run(["audit", "export", "--out", "b.zip", "--from", "99"]).exits(2).says(&["--from 99"]);
    folder.run(["audit", "export", "--out", "b.zip", "--from", "2", "--lang", "zh"]).ok().says(&["不从位置 1 开始"]);
    folder.run(["audit", "export", "--out", "c.zip", "--exchange", "x.toml"]).exits(2);
    let json = folder.run(["audit", "export", "--out", "d.zip", "--json"]).ok().json_lines().pop().unwrap();
    assert_eq!((json["type"].as_str(), json["first"].as_u64()), (Some("summary"), Some(1)));
    assert_eq!(json["sha256sums"].as_str().unwrap().len(), 64);
    folder.write("diary/diary.txt".split('/').next_back().unwrap(), "mine");
    folder.run(["audit", "verify", "diary.txt"]).exits(1);
    folder.write("no.zip", "no ZIP file");
    folder.run(["audit", "verify", "no.zip"]).exits(1).says(&["no archive"]);
    // The wrong exchange file: whoever trusts somebody else must not be told that all is well.
    let other = Folder::exchange(&["fire"]);
    let exchange = other.data("exchange.toml");
    let words = ["audit".as_ref(), "verify".as_ref(), "a.zip".as_ref(), "--exchange".as_ref(), exchange.as_os_str()];
    folder.run(words).exits(5).shows(&["unknown_key"]);
    let output = verify_archive(folder.path(), &["a.zip".as_ref(), "--exchange".as_ref(), exchange.as_os_str()]);
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8(output.stdout).unwrap().contains("exchange\texchange.toml"));
}
