//! ZIP files and folders that somebody packed to do harm.

use std::ops::ControlFlow;
use std::path::Path;

use super::super::packing::Packer;
use super::super::unpacking::Unpacker;
use super::super::zip_form::{Directory, Entry, Method};
use super::*;

/// A ZIP file of these members, whose headers may say other than what is there.
fn pack(path: &Path, members: &[(&str, &[u8], u32)], method: Method) {
    let mut bytes = Vec::new();
    let mut entries = Vec::new();
    for (name, kept, size) in members {
        let entry = Entry {
            name: (*name).to_owned(),
            method,
            crc: crc32fast::hash(kept),
            kept_bytes: u32::try_from(kept.len()).unwrap(),
            bytes: *size,
            offset: bytes.len() as u64,
        };
        bytes.extend(entry.local_header());
        bytes.extend_from_slice(kept);
        entries.push(entry);
    }
    let offset = bytes.len() as u64;
    bytes.extend(entries.iter().flat_map(Entry::central_header));
    let directory = Directory { members: entries.len() as u64, offset, bytes: bytes.len() as u64 - offset };
    bytes.extend(directory.ending());
    fs::write(path, bytes).unwrap();
}

fn code_of(path: &Path) -> &'static str {
    let opened = Archive::open(path);
    opened.and_then(|archive| archive.check(&mut |_, _| ControlFlow::Continue(()))).unwrap_err().code()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;

    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("slip.zip");
    let names = [
        "../../etc/cron.d/x",
        "/etc/passwd",
        "events/../../exchange.toml",
        "events\\00000000000000000001.jsonl",
        "C:/exchange.toml",
        "exchange.toml/",
        "events/",
        "run-me.sh",
        "exchange.toml ",
    ];
    for name in names {
        pack(&path, &[(name, b"x", 1)], Method::Stored);
        assert_eq!(code_of(&path), "archive_name", "{name}");
    }
    pack(&path, &[("exchange.toml", b"x", 1), ("exchange.toml", b"y", 1)], Method::Stored);
    assert_eq!(code_of(&path), "archive_repeated");
    pack(&path, &[("keys.jsonl", b"x", 1), ("exchange.toml", b"y", 1)], Method::Stored);
    assert_eq!(code_of(&path), "archive_repeated");
    pack(&path, &[], Method::Stored);
    assert_eq!(code_of(&path), "not_an_archive");
    fs::write(&path, b"SQLite format 3\0").unwrap();
    assert_eq!(code_of(&path), "not_an_archive");
}

#[test]
fn bombs_are_not_unpacked() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("bomb.zip");
    let zeros = vec![0; 10 << 20];
    let packed = deflated(&zeros);
    // What the header admits is too much for so few bytes.
    pack(&path, &[("manifest.json", &packed, 10 << 20)], Method::Deflated);
    assert_eq!(code_of(&path), "archive_bomb");
    // What the header denies is never unpacked further than it says.
    pack(&path, &[("manifest.json", &packed, 1_000)], Method::Deflated);
    assert_eq!(code_of(&path), "archive_bomb");
    // What no archive holds is not even looked at.
    pack(&path, &[("exchange.toml", b"x", u32::MAX)], Method::Stored);
    assert_eq!(code_of(&path), "archive_bomb");
    // A list that is longer than what is there can make it, at a ratio that is harmless in itself.
    let list: Vec<u8> = (0..80_000_u32).flat_map(|number| format!("{number:x} {number:x}\n").into_bytes()).collect();
    let size = u32::try_from(list.len()).unwrap();
    for name in ["manifest.json", "SHA256SUMS"] {
        pack(&path, &[("exchange.toml", b"x", 1), (name, &deflated(&list), size)], Method::Deflated);
        assert_eq!(code_of(&path), "archive_bomb");
        let folder = place.path().join(name.to_lowercase());
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("manifest.json"), &list).unwrap();
        assert_eq!(code_of(&folder), "archive_bomb");
    }
    // More behind the end of the deflated bytes.
    let text = deflated(b"{}");
    pack(&path, &[("manifest.json", &[&text[..], b"hidden"].concat(), 2)], Method::Deflated);
    assert_eq!(code_of(&path), "archive_form");
    pack(&path, &[("manifest.json", b"\xff\xff\xff", 2)], Method::Deflated);
    assert_eq!(code_of(&path), "archive_form");
    // Sizes that do not add up.
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 10..end - 2].fill(0xff);
    fs::write(&path, bytes).unwrap();
    assert_eq!(code_of(&path), "archive_form");
}

#[test]
fn a_folder_has_files_alone() {
    let made = Made::small(Packing::Folder);
    let check = |expected: &str| assert_eq!(code_of(&made.path), expected);
    let put = |name: &str| made.path.join(name);
    fs::write(put("notes.txt"), "x").unwrap();
    check("archive_name");
    fs::remove_file(put("notes.txt")).unwrap();
    fs::create_dir(put("more")).unwrap();
    check("archive_name");
    fs::remove_dir(put("more")).unwrap();
    fs::rename(put("README.txt"), put("../README.txt")).unwrap();
    check("archive_missing");
    std::os::unix::fs::symlink("../README.txt", put("README.txt")).unwrap();
    check("archive_name");
    fs::remove_file(put("README.txt")).unwrap();
    fs::rename(put("../README.txt"), put("README.txt")).unwrap();
    fs::write(put("events/00000000000000000007.jsonl"), "").unwrap();
    check("archive_extra");
    fs::remove_file(put("events/00000000000000000007.jsonl")).unwrap();
    fs::remove_file(put("manifest.json")).unwrap();
    check("not_an_archive");
}

#[test]
fn more_members_than_sixteen_bits_can_count_are_told_in_sixty_four() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("many.zip");
    let mut packer = Packer::begin(&path, Packing::Stored, false).unwrap();
    let count = 65_600;
    for size in 1..=count {
        packer.add(&Member::CheckpointAt(size), &size.to_le_bytes()).unwrap();
    }
    packer.finish().unwrap();
    let unpacker = Unpacker::open(&path).unwrap();
    assert_eq!(unpacker.members().len() as u64, count);
    assert_eq!(unpacker.read(&Member::CheckpointAt(count)).unwrap(), count.to_le_bytes());
    // Another program reads the same.
    let script =
        "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nn = z.namelist()\nprint(len(n), z.read(n[-1]).hex())";
    let read = std::process::Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
    let expected = format!("{count} {}\n", hex::encode(count.to_le_bytes()));
    assert_eq!(String::from_utf8(read.stdout).unwrap(), expected, "{}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn offsets_beyond_thirty_two_bits_have_their_field() {
    let entry = |offset| Entry {
        name: "checkpoint".to_owned(),
        method: Method::Stored,
        crc: 1,
        kept_bytes: 2,
        bytes: 2,
        offset,
    };
    assert_eq!(entry(0xffff_fffe).central_header().len(), 46 + 10);
    let long = entry(0xffff_ffff).central_header();
    // APPNOTE 4.5.3: header id 1, eight bytes, the offset.
    assert_eq!(long[56..], [1, 0, 8, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    let (read, rest) = zip_form::next_entry(&long, 0xffff_ffff, 0).unwrap();
    assert_eq!((read, rest), (entry(0xffff_ffff), &[][..]));
    assert!(zip_form::next_entry(&long, 5, 0).is_err());
    let directory = Directory { members: 3, offset: 1 << 33, bytes: 200 };
    let ending = directory.ending();
    assert_eq!(Directory::find(&ending, (1 << 33) + 200 + ending.len() as u64).unwrap(), directory);
}
