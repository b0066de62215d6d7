//! A small exchange whose log was cosigned, and the means of whoever wants to pass off another log as it.

#![allow(dead_code, clippy::unwrap_used)]

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fengsui_event::{Digest, Event};
use fengsui_node::keys::SigningKey;
use fengsui_proof::archive::{
    Archive, ArchiveContent, ArchiveRange, ArchiveRecord, ArchiveWriter, ListedFile, Manifest, Member, Packing,
};
use fengsui_tests::{Folder, Ran, project};

/// Agencies beside the authority; two of them are more than half.
pub const AGENCIES: [&str; 3] = ["fire", "tourism", "housing"];

/// The exchange, and its archive as `good.zip` and `good/`.
pub struct Archived {
    pub folder: Folder,
}

impl Archived {
    /// Registrations, a rulebook, reports, a rotated key, a checkpoint that all have cosigned, and a report after it.
    pub fn new() -> Self {
        let folder = Folder::exchange(&AGENCIES);
        report(&folder, "tourism", "91350602MA0000015U");
        report(&folder, "housing", "91350602MA0000015U");
        folder.desk("fire", ["agency", "rotate-key"]).ok();
        folder.run(["checkpoint", "sign"]).ok();
        for agency in AGENCIES {
            folder.desk(agency, ["checkpoint", "cosign"]).ok();
        }
        report(&folder, "fire", "91350602MA0000015U");
        folder.run(["audit", "export", "--out", "good.zip"]).ok();
        folder.run(["audit", "export", "--out", "good"]).ok();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn good(&self) -> Archive {
        Archive::open(&self.path("good.zip")).unwrap()
    }

    pub fn records(&self) -> Vec<ArchiveRecord> {
        self.good().records(1).map(Result::unwrap).collect()
    }

    /// The key of an agency, or the one that it had before.
    pub fn key(&self, agency: &str) -> SigningKey {
        SigningKey::load(&self.folder.data(&format!("keys/{agency}.seed"))).unwrap()
    }

    pub fn old_key(&self, agency: &str) -> SigningKey {
        let old = format!("{agency}.seed.old-");
        let mut files = fs::read_dir(self.folder.data("keys")).unwrap().map(|entry| entry.unwrap().path());
        let file = files.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&old)).unwrap();
        SigningKey::load(&file).unwrap()
    }

    /// Another log as an archive that is perfect in itself, made with the program's own writer.
    pub fn forge(&self, name: &str, records: &[ArchiveRecord]) {
        let good = self.good();
        let exchange = good.exchange().unwrap();
        let range = ArchiveRange {
            region: exchange.region,
            authority: exchange.authority,
            authority_keys: exchange.authority_keys,
            first: 1,
            last: records.len() as u64,
            keys: good.keys().unwrap(),
            rulebooks: good.rulebooks().map(Result::unwrap).collect(),
        };
        let mut writer = ArchiveWriter::begin(&self.path(name), Packing::Stored, true, range).unwrap();
        for (position, record) in (1..).zip(records) {
            writer.take(position, record.content.as_ref().map(ArchiveContent::as_ref)).unwrap();
        }
        writer.finish(&mut |_, _| ControlFlow::Continue(())).unwrap();
    }

    /// A copy of the unpacked archive to work on.
    pub fn copy(&self, name: &str) -> PathBuf {
        let target = self.path(name);
        copy_folder(&self.path("good"), &target);
        target
    }

    /// What the program says of an archive, whose exit must be this one.
    pub fn audit(&self, name: &str, exit: i32) -> Ran {
        self.folder.run(["audit", "verify", name, "--json", "--lang", "en", "--quorum", "2"]).exits(exit)
    }

    /// What the independent program says: standard output.
    pub fn python(&self, name: &str, exit: i32) -> String {
        let exchange = self.folder.data("exchange.toml");
        let words = [name.as_ref(), "--quorum".as_ref(), "2".as_ref(), "--exchange".as_ref(), exchange.as_os_str()];
        let output = verify_archive(self.folder.path(), &words);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{name}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// Both refuse an archive, and name these kinds.
    pub fn refused(&self, name: &str, code: &str, kind: &str) {
        let ran = self.audit(name, 5);
        let said = format!("\"code\":\"{code}\"");
        assert!(ran.stdout.contains(&said) || ran.stderr.contains(&said), "{name}: {said}: {ran}");
        let text = self.python(name, 5);
        assert!(text.lines().any(|line| line.starts_with(&format!("{kind}\t"))), "{name}: {kind}: {text}");
    }
}

/// Reports a violation.
pub fn report(folder: &Folder, agency: &str, unit: &str) {
    let words = ["violation", "report", "--unit", unit, "--name", "瑞和宾馆", "--region", "350602"];
    let more = ["--trade", "H6110", "--category", "fire.60-1", "--facts", "灭火器过期\t\"两具\" \\ 未检"];
    folder.desk(agency, words.iter().chain(&more)).ok();
}

/// Runs docs/examples/verify-archive.py.
pub fn verify_archive(place: &Path, words: &[&std::ffi::OsStr]) -> Output {
    let script = project().join("docs/examples/verify-archive.py");
    Command::new("python3").arg(script).args(words).current_dir(place).output().unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Replaces one member, or removes it, and has manifest and sums say that this is right.
pub fn reseal(root: &Path, member: &str, change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) {
    let mut manifest = Manifest::read(&fs::read(root.join("manifest.json")).unwrap()).unwrap();
    manifest.files.retain(|file| file.name != member);
    let path = root.join(member);
    match change(fs::read(&path).unwrap_or_default()) {
        None => {
            fs::remove_file(&path).unwrap();
            // An empty folder would be found for itself; others stay.
            let _ = fs::remove_dir(path.parent().unwrap());
        }
        Some(bytes) => {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
            let (name, size, sha256) = (member.to_owned(), bytes.len() as u64, Digest::of(&bytes));
            manifest.files.push(ListedFile { name, bytes: size, sha256 });
        }
    }
    manifest.files.sort_by_key(|file| file.name.parse::<Member>().unwrap());
    fs::write(root.join("manifest.json"), manifest.text()).unwrap();
    fs::write(root.join("SHA256SUMS"), manifest.sums()).unwrap();
}

/// The event of a record.
pub fn event(record: &ArchiveRecord) -> Event {
    Event::parse(&record.content.as_ref().unwrap().bytes).unwrap()
}
