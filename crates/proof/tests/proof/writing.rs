//! A tree in a folder: what is written, and what a reader finds whenever it looks.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use fengsui_proof::{TileError, TileFolder, TilePath, TileSource as _, TreeWriter, tiles};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::definition::{Definition, leaf};
use crate::memory::Memory;

fn writer(folder: &TempDir, size: u64) -> TreeWriter {
    TreeWriter::open(TileFolder::create(folder.path()).unwrap(), size).unwrap()
}

fn grow(writer: &mut TreeWriter, to: u64) {
    for number in writer.size()..to {
        writer.push(leaf(number)).unwrap();
    }
}

/// Every file below a folder, by its path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn collect(folder: &Path, root: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, root, files);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(folder, folder, &mut found);
    found
}

/// The tiles that the standard wants for a size, and no other files.
fn expected(size: u64) -> BTreeMap<String, Vec<u8>> {
    let memory = Memory::of((0..size).map(leaf).collect());
    TilePath::all_in_tree(size).map(|path| (path.to_string(), memory.bytes(path).unwrap())).collect()
}

#[test]
fn a_sealed_folder_holds_exactly_the_tiles_of_the_standard() {
    let folder = TempDir::new().unwrap();
    let mut writer = writer(&folder, 0);
    for size in [0, 1, 5, 255, 256, 257, 600, 1_024, 66_000] {
        grow(&mut writer, size);
        writer.seal().unwrap();
        assert_eq!(files(folder.path()), expected(size), "{size} leaves");
        assert_eq!(writer.root(), tiles::root(writer.folder(), size).unwrap());
    }
    assert_eq!(writer.root(), Definition::of(66_000).root(66_000));
}

#[test]
fn sealing_twice_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let mut writer = writer(&folder, 0);
    grow(&mut writer, 300);
    writer.seal().unwrap();
    writer.seal().unwrap();
    assert_eq!(files(folder.path()), expected(300));
}

#[test]
fn earlier_sizes_stay_provable_when_their_partial_tiles_are_gone() {
    let folder = TempDir::new().unwrap();
    let mut writer = writer(&folder, 0);
    let definition = Definition::of(700);
    for size in [3, 255, 256, 300, 511, 600, 700] {
        grow(&mut writer, size);
        writer.seal().unwrap();
        for earlier in (1..=size).step_by(37) {
            let root = definition.root(earlier);
            let proof = tiles::inclusion(writer.folder(), earlier / 2, earlier, root).unwrap();
            proof.verify(leaf(earlier / 2), root).unwrap();
            assert_eq!(tiles::root(writer.folder(), earlier).unwrap(), root);
        }
    }
}

#[test]
fn what_was_pushed_and_not_sealed_is_pushed_again_after_a_crash() {
    let folder = TempDir::new().unwrap();
    let mut first = writer(&folder, 0);
    grow(&mut first, 250);
    first.seal().unwrap();
    grow(&mut first, 700);
    drop(first);
    // The partial tile of 250 gave way to a full one, which has its hashes.
    let mut second = writer(&folder, 250);
    assert_eq!(second.root(), Definition::of(250).root(250));
    grow(&mut second, 700);
    second.seal().unwrap();
    assert_eq!(files(folder.path()), expected(700));
}

#[test]
fn opening_at_nothing_begins_anew() {
    let folder = TempDir::new().unwrap();
    let mut first = writer(&folder, 0);
    grow(&mut first, 700);
    first.seal().unwrap();
    fs::write(folder.path().join("checkpoint"), "kept").unwrap();
    let again = writer(&folder, 0);
    assert_eq!(again.size(), 0);
    assert_eq!(files(folder.path()).into_keys().collect::<Vec<_>>(), ["checkpoint"], "only tiles are deleted");
}

#[test]
fn a_size_that_was_never_sealed_is_refused() {
    let folder = TempDir::new().unwrap();
    let mut first = writer(&folder, 0);
    grow(&mut first, 10);
    first.seal().unwrap();
    let error = TreeWriter::open(TileFolder::open(folder.path()).unwrap(), 11).unwrap_err();
    assert!(matches!(error, TileError::Missing { .. }), "{error}");
    assert!(error.to_string().contains("tile/0/000.p/11"), "{error}");
    TileFolder::open(&folder.path().join("missing")).unwrap_err();
}

#[test]
fn a_file_that_was_cut_or_got_longer_is_named() {
    let folder = TempDir::new().unwrap();
    let mut writer = writer(&folder, 0);
    grow(&mut writer, 600);
    writer.seal().unwrap();
    for (name, length) in [("tile/0/001", 8_191), ("tile/0/001", 8_193), ("tile/0/001", 0)] {
        let file = fs::File::options().write(true).open(folder.path().join(name)).unwrap();
        file.set_len(length).unwrap();
        let error = tiles::inclusion(writer.folder(), 300, 600, writer.root()).unwrap_err();
        assert!(matches!(error, TileError::WrongLength { expected: 8_192, .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    assert!(tiles::inclusion(writer.folder(), 3, 600, writer.root()).is_ok(), "other leaves are not concerned");
}

#[test]
fn after_a_write_that_failed_the_writer_is_of_no_more_use() {
    let folder = TempDir::new().unwrap();
    let mut writer = writer(&folder, 0);
    grow(&mut writer, 255);
    // A file where the folder of the tiles should be.
    fs::write(folder.path().join("tile"), "").unwrap();
    assert!(matches!(writer.push(leaf(255)), Err(TileError::Io { .. })));
    assert!(matches!(writer.push(leaf(256)), Err(TileError::Abandoned)));
    assert!(matches!(writer.seal(), Err(TileError::Abandoned)));
}

#[test]
fn leftovers_of_a_killed_writer_disturb_nobody() {
    let folder = TempDir::new().unwrap();
    let mut first = writer(&folder, 0);
    grow(&mut first, 300);
    first.seal().unwrap();
    fs::write(folder.path().join("tile/0/001.p/60.new"), "half").unwrap();
    let source = first.folder();
    let path = TilePath::new(0, 1, 30).unwrap();
    assert_eq!(source.tile(path).unwrap(), expected(286)["tile/0/001.p/30"]);
    grow(&mut first, 600);
    first.seal().unwrap();
    assert_eq!(files(folder.path()), expected(600), "the folder of the partial tiles went with them");
}

#[test]
fn readers_find_every_sealed_size_while_the_tree_grows() {
    const SIZE_MAX: u64 = 800;
    let folder = TempDir::new().unwrap();
    let mut writer = writer(&folder, 0);
    let definition = Definition::of(SIZE_MAX);
    let roots: Vec<_> = (0..=SIZE_MAX).map(|size| definition.root(size)).collect();
    let sealed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let growing = scope.spawn(|| {
            for size in 1..=SIZE_MAX {
                grow(&mut writer, size);
                writer.seal().unwrap();
                sealed.store(size, Ordering::Release);
            }
        });
        // What was sealed a moment ago is what is about to give way.
        let source = TileFolder::open(folder.path()).unwrap();
        let mut is_last = false;
        while !is_last {
            is_last = growing.is_finished();
            let size = sealed.load(Ordering::Acquire);
            for earlier in size.saturating_sub(2)..=size {
                assert_eq!(tiles::root(&source, earlier).unwrap(), roots[usize::try_from(earlier).unwrap()]);
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn however_often_it_is_opened_again_the_tree_is_the_same(steps in prop::collection::vec(1..400_u64, 1..6)) {
        let folder = TempDir::new().unwrap();
        let mut size = 0;
        for step in steps {
            let mut writer = writer(&folder, size);
            size += step;
            grow(&mut writer, size);
            writer.seal().unwrap();
        }
        prop_assert_eq!(files(folder.path()), expected(size));
    }
}
