//! Folders that may not be written, or not now: readers still answer, writers say why not.

#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use fengsui_tests::{DATA, Folder, Ran, closed_case, long_table, program, reading_commands, run_with};

/// A user that every system has and that owns nothing.
const NOBODY: u32 = 65_534;

#[test]
fn beside_a_running_import_readers_answer_and_writers_are_told_who_writes() {
    let folder = Folder::small_demo();
    folder.write("table.csv", long_table(1_100));
    let case = closed_case(&folder).0;
    let mut import = folder.spawn(["--agency", "fire", "import", "table.csv", "--json"]);
    // Its rows fill the pipe, and it waits for a reader with the folder in its hand.
    let mut stdout = BufReader::with_capacity(64, import.stdout.take().unwrap());
    let mut lines = String::new();
    stdout.read_line(&mut lines).unwrap();

    for words in [vec!["unit", "list"], vec!["case", "show", &case], vec!["log", "head"], vec!["log", "tail"]] {
        folder.run(words).ok();
    }
    let pid = import.id().to_string();
    let acknowledge = ["referral", "acknowledge", &case];
    folder.run(acknowledge).exits(1).says(&[&pid, "log"]);
    folder.run(acknowledge.iter().chain(&["--lang", "zh"])).exits(1).says(&[&pid, "另一进程正在写入"]);
    let error = folder.run(["import", "table.csv", "--json"]).exits(1).json_error();
    assert_eq!(error["code"], "second_writer");
    assert!(error["message"].as_str().unwrap().contains(&pid), "{error}");

    stdout.read_to_string(&mut lines).unwrap();
    assert!(import.wait().unwrap().success());
    assert_eq!(lines.matches(r#""result":"new""#).count(), 1_100);
    folder.run(["demo", "--units", "20", "--violations", "120"]).ok();
    assert_eq!(folder.run(["case", "list", "--json"]).ok().json()["cases"].as_array().unwrap().len(), 1_220);
}

#[test]
fn a_folder_that_may_only_be_read_is_read() {
    let folder = Folder::small_demo();
    let commands = reading_commands(&folder);
    let texts: Vec<Ran> = commands.iter().map(|reads| run_with(&folder, reads, &[])).collect();
    let digest = folder.digest();
    let guest = Guest::of(&folder);
    for (reads, text) in commands.iter().zip(&texts) {
        let words: Vec<&str> = reads.words.iter().map(String::as_str).collect();
        let ran = guest.run(&words);
        if words == ["doctor"] {
            // A guest cannot see the keys, and is told so; nothing else is wrong.
            assert!(ran.stdout.lines().all(|line| !line.starts_with("broken") || line.contains("key")), "{ran}");
            continue;
        }
        // Nor which desks the folder holds.
        let plain = |text: &str| text.replace("\tyes\t", "\t\t");
        assert_eq!((ran.code, plain(&ran.stdout)), (text.code, plain(&text.stdout)), "{ran}");
    }
    guest.run(&["case", "list", "--as-of", "500"]).ok();
    guest.run(&["export", "cases", "--out", "elsewhere/cases.csv"]).ok();
    assert_eq!(guest.run(&["replay", "--into", "elsewhere"]).ok().digest(), digest);
    let case = closed_case(&folder).0;
    for words in [vec!["referral", "acknowledge", &case], vec!["replay"], vec!["import", "table.csv"]] {
        guest.run(&words).exits(1).says(&["cannot be written"]);
        guest.run(&words.iter().copied().chain(["--lang", "zh"]).collect::<Vec<_>>()).exits(1).says(&["不可写"]);
    }
    drop(guest);
    assert_eq!(folder.digest(), digest);
}

/// Somebody who may read a folder, and write nothing but its subfolder `elsewhere`.
struct Guest<'a> {
    folder: &'a Folder,
    is_root: bool,
}

impl<'a> Guest<'a> {
    fn of(folder: &'a Folder) -> Self {
        let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
        let elsewhere = folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::set_permissions(&elsewhere, Permissions::from_mode(0o777)).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        folder.write("table.csv", long_table(1));
        // The built program may lie where only its builder may look.
        fs::copy(program(), folder.path().join("fengsui")).unwrap();
        set_modes(&folder.data(""), 0o555, 0o444);
        Self { folder, is_root }
    }

    fn run(&self, words: &[&str]) -> Ran {
        let mut command = Command::new(self.folder.path().join("fengsui"));
        command.current_dir(self.folder.path()).env_clear().env("LANG", "C.UTF-8").args(words);
        // What its mode forbids binds everybody but root.
        if self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        Ran::of(&mut command)
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        set_modes(&self.folder.path().join(DATA), 0o755, 0o644);
    }
}

/// Sets the mode of a folder and of the files in it; keys stay as they are, since nobody else may see them.
fn set_modes(folder: &Path, of_folder: u32, of_files: u32) {
    let writable = Permissions::from_mode(0o755);
    fs::set_permissions(folder, writable).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::set_permissions(&path, Permissions::from_mode(of_files)).unwrap();
        }
    }
    fs::set_permissions(folder, Permissions::from_mode(of_folder)).unwrap();
}
