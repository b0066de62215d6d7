//! Archives written, read back, damaged and forged.

#![allow(clippy::unwrap_used, clippy::panic)]

mod containers;
mod flips;
mod made;
mod parts;

use std::fs;

use fengsui_event::Digest;
use made::{Made, read_all};

use super::*;
use crate::hash::leaf_hash;
use crate::tiles::TileSource as _;
use crate::tree::Frontier;

#[test]
fn what_was_written_is_read_back() {
    for packing in [Packing::Stored, Packing::Deflated, Packing::Folder] {
        let made = Made::small(packing);
        let archive = Archive::open(&made.path).unwrap();
        assert_eq!(*archive.manifest(), made.manifest);
        assert_eq!(read_all(&archive), made.records);
        let mut frontier = Frontier::new();
        for record in &made.records {
            frontier.push(leaf_hash(record.content.as_ref().map_or(&[], |content| &content.bytes)));
        }
        assert_eq!(archive.manifest().root, frontier.root());
        let checked = archive.check(&mut |_, _| std::ops::ControlFlow::Continue(())).unwrap();
        assert_eq!(checked, Checked { members: 13, events: 5, missing: 1, tiles: 1, checkpoints: 1 });
        assert_eq!(archive.records(3).count(), 4);
        assert_eq!(archive.records(7).count(), 0);
        let two = TilePathOf(0, 0, 2).path();
        assert_eq!(archive.tile(two).unwrap().len(), 64);
        assert_eq!(archive.keys().unwrap(), made.keys);
        let newest = archive.checkpoint().unwrap().unwrap();
        assert_eq!(newest, archive.checkpoint_at(3).unwrap());
        // The authority's line and one of each cosigner; what does not verify is left out.
        assert_eq!(newest.names().count(), 3);
    }
}

struct TilePathOf(u8, u64, u16);

impl TilePathOf {
    fn path(&self) -> crate::tiles::TilePath {
        crate::tiles::TilePath::new(self.0, self.1, self.2).unwrap()
    }
}

#[test]
fn the_same_records_give_the_same_bytes() {
    let one = Made::small(Packing::Stored);
    let other = Made::small(Packing::Stored);
    let bytes = fs::read(&one.path).unwrap();
    assert_eq!(bytes, fs::read(&other.path).unwrap());
    // The format of version 1. If this changes, archives of one range are no longer the same everywhere: it is another version then.
    let expected = "0db3b0114d68b7b92acb03c1abade7179f412e6574af5cb20f5baa75a8515f7d";
    assert_eq!(Digest::of(&bytes).to_string(), expected);
    let deflated = Made::small(Packing::Deflated);
    let folder = Made::small(Packing::Folder);
    assert_eq!(deflated.manifest, one.manifest);
    assert_eq!(folder.manifest, one.manifest);
    assert!(fs::metadata(&deflated.path).unwrap().len() < bytes.len() as u64);
}

#[test]
fn a_later_part_says_what_it_does_not_show() {
    let made = Made::of(Packing::Stored, 4, 6);
    let archive = Archive::open(&made.path).unwrap();
    assert_eq!(archive.manifest().not_shown, NotShown::ALL);
    assert_eq!(read_all(&archive), made.records[3..]);
    assert_eq!(archive.manifest().root, Made::small(Packing::Folder).manifest.root);
    archive.check(&mut |_, _| std::ops::ControlFlow::Continue(())).unwrap();
    let readme = String::from_utf8(archive.read(&Member::Readme).unwrap()).unwrap();
    assert!(readme.contains("begins at position 4") && readme.contains("本档案从位置 4 开始"), "{readme}");
}

#[test]
fn files_of_events_end_where_they_are_full() {
    let made = Made::many(20_001);
    let archive = Archive::open(&made.path).unwrap();
    let files: Vec<String> = archive
        .members()
        .iter()
        .filter(|member| matches!(member, Member::Events(_)))
        .map(ToString::to_string)
        .collect();
    let expected = [1, 10_001, 20_001].map(|first| format!("events/{first:020}.jsonl"));
    assert_eq!(files, expected);
    assert_eq!(archive.records(1).map(Result::unwrap).map(|record| record.position).sum::<u64>(), 20_001 * 20_002 / 2);
    assert_eq!(archive.records(10_001).next().unwrap().unwrap().position, 10_001);
    assert_eq!(archive.records(20_001).count(), 1);
    let checked = archive.check(&mut |_, _| std::ops::ControlFlow::Continue(())).unwrap();
    assert_eq!(checked.tiles, 79 + 1);
}

#[test]
fn nothing_is_replaced_or_left_behind_unasked() {
    let made = Made::small(Packing::Stored);
    let again = |packing, replace| made.write(&made.path, packing, replace);
    assert_eq!(again(Packing::Stored, false).unwrap_err().code(), "exists");
    assert_eq!(again(Packing::Folder, true).unwrap_err().code(), "exists");
    again(Packing::Stored, true).unwrap();
    let foreign = made.path.with_file_name("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("diary.txt"), "mine").unwrap();
    assert_eq!(made.write(&foreign, Packing::Folder, true).unwrap_err().code(), "foreign_folder");
    // Many a folder has a manifest.json; an archive of somebody's, with one file more, is not all ours either.
    fs::write(foreign.join("manifest.json"), "{}").unwrap();
    assert_eq!(made.write(&foreign, Packing::Folder, true).unwrap_err().code(), "foreign_folder");
    fs::remove_file(foreign.join("diary.txt")).unwrap();
    assert_eq!(made.write(&foreign, Packing::Folder, true).unwrap_err().code(), "foreign_folder");
    let folder = made.path.with_file_name("folder");
    made.write(&folder, Packing::Folder, false).unwrap();
    made.write(&folder, Packing::Folder, true).unwrap();
    fs::write(folder.join("diary.txt"), "mine").unwrap();
    assert_eq!(made.write(&folder, Packing::Folder, true).unwrap_err().code(), "foreign_folder");
    // Neither is what stands under the name that an archive has while it is written.
    fs::rename(&folder, made.path.with_file_name("other.writing")).unwrap();
    let other = made.path.with_file_name("other");
    assert_eq!(made.write(&other, Packing::Folder, false).unwrap_err().code(), "foreign_folder");
    fs::remove_dir_all(made.path.with_file_name("other.writing")).unwrap();
    let linked = made.path.with_file_name("linked.zip");
    std::os::unix::fs::symlink(foreign.join("manifest.json"), made.path.with_file_name("linked.zip.writing")).unwrap();
    made.write(&linked, Packing::Stored, false).unwrap();
    assert_eq!(fs::read(foreign.join("manifest.json")).unwrap(), b"{}");
    fs::remove_file(&linked).unwrap();
    // A run that ends early leaves nothing.
    let early = made.path.with_file_name("early.zip");
    let writer = ArchiveWriter::begin(&early, Packing::Stored, false, made.range.clone()).unwrap();
    drop(writer);
    let writer = made.filled(&early, Packing::Folder);
    assert_eq!(writer.finish(&mut |_, _| std::ops::ControlFlow::Break(())).unwrap_err().code(), "interrupted");
    let left = fs::read_dir(made.path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = left.map(|name| name.into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["archive", "foreign"]);
}

#[test]
fn records_are_taken_in_order_and_whole() {
    let made = Made::small(Packing::Stored);
    let begin = || ArchiveWriter::begin(&made.path, Packing::Stored, true, made.range.clone()).unwrap();
    let mut writer = begin();
    assert_eq!(writer.take(2, None).unwrap_err().code(), "archive_order");
    writer.take(1, None).unwrap();
    assert_eq!(writer.finish(&mut |_, _| std::ops::ControlFlow::Continue(())).unwrap_err().code(), "archive_order");
}
