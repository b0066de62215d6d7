//! Proofs from tiles, and tiles that were altered.

use fengsui_proof::tiles::{self, SIZE_MAX};
use fengsui_proof::{Frontier, TileError, TilePath, TileSource};
use proptest::prelude::*;

use crate::definition::{Definition, leaf};
use crate::memory::{Flipped, Memory, Uniform};

/// Beyond the first tile, so that two levels take part.
const SMALL: u64 = 300;

/// Beyond the first tile of the second level.
const LARGE: u64 = 66_000;

fn memory(size: u64) -> Memory {
    Memory::of((0..size).map(leaf).collect())
}

#[test]
fn every_inclusion_proof_is_that_of_the_definition() {
    let (definition, tiles) = (Definition::of(SMALL), memory(SMALL));
    for size in (0..40).chain([255, 256, 257, SMALL]) {
        let root = definition.root(size);
        assert_eq!(tiles::root(&tiles, size).unwrap(), root);
        for index in 0..size {
            let proof = tiles::inclusion(&tiles, index, size, root).unwrap();
            assert_eq!((proof.index, proof.size), (index, size));
            assert_eq!(proof.hashes, definition.path(index, size), "leaf {index} of {size}");
            proof.verify(leaf(index), root).unwrap();
        }
    }
}

#[test]
fn every_consistency_proof_is_that_of_the_definition() {
    let (definition, tiles) = (Definition::of(SMALL), memory(SMALL));
    for to in (0..40).chain([255, 256, 257, SMALL]) {
        let to_root = definition.root(to);
        for from in 0..=to {
            let proof = tiles::consistency(&tiles, from, to, to_root).unwrap();
            assert_eq!((proof.from, proof.to), (from, to));
            assert_eq!(proof.hashes, definition.proof(from, to), "{from} in {to}");
            proof.verify(definition.root(from), to_root).unwrap();
            let frontier = tiles::frontier_at(&tiles, from, to, to_root).unwrap();
            assert_eq!((frontier.size(), frontier.root()), (from, definition.root(from)));
        }
    }
}

#[test]
fn proofs_in_trees_of_three_levels_are_those_of_the_definition() {
    let (definition, tiles) = (Definition::of(LARGE), memory(LARGE));
    let numbers =
        [0, 1, 255, 256, 257, 511, 512, 4_095, 65_279, 65_280, 65_281, 65_535, 65_536, 65_537, 65_791, 65_793];
    for size in [65_535, 65_536, 65_537, 65_792, LARGE] {
        let root = definition.root(size);
        for number in numbers.into_iter().filter(|number| *number < size) {
            let inclusion = tiles::inclusion(&tiles, number, size, root).unwrap();
            assert_eq!(inclusion.hashes, definition.path(number, size), "leaf {number} of {size}");
            let consistency = tiles::consistency(&tiles, number, size, root).unwrap();
            assert_eq!(consistency.hashes, definition.proof(number, size), "{number} in {size}");
            let frontier = tiles::frontier_at(&tiles, number, size, root).unwrap();
            assert_eq!(frontier.root(), definition.root(number));
        }
        let mut frontier = tiles::frontier(&tiles, size, root).unwrap();
        frontier.push(leaf(size));
        let mut other = Frontier::from_parts(size, frontier_hashes(&definition, size)).unwrap();
        other.push(leaf(size));
        assert_eq!(frontier, other);
    }
}

/// The roots of the complete subtrees by the definition.
fn frontier_hashes(definition: &Definition, size: u64) -> Vec<fengsui_proof::Hash> {
    let mut from = 0;
    let mut hashes = Vec::new();
    for width in (0..64).rev().map(|bit| 1_u64 << bit).filter(|width| size & width != 0) {
        hashes.push(definition.hash(from as usize, (from + width) as usize));
        from += width;
    }
    hashes
}

#[test]
fn a_bit_turned_in_a_tile_is_found_and_the_tile_named() {
    let size = 66_000;
    let (definition, source) = (Definition::of(size), memory(size));
    let root = definition.root(size);
    for path in
        TilePath::all_in_tree(size).filter(|path| path.level() > 0 || path.index() % 40 == 7 || path.is_partial())
    {
        let altered = Flipped { source: &source, path, bit: usize::from(path.width()) * 256 - 3 };
        let index = (path.index() * 256) << (8 * path.level());
        let error = tiles::inclusion(&altered, index, size, root).unwrap_err();
        match error {
            TileError::Altered { path: named, .. } => assert_eq!(named, path),
            TileError::WrongRoot { ref tiles, .. } => {
                assert!(path.is_partial() && tiles.contains(&path), "{path}: {error}");
            }
            other => panic!("{path}: {other}"),
        }
        assert!(error.to_string().contains(&path.to_string()), "{error}");
    }
}

#[test]
fn a_tile_of_another_length_is_named() {
    struct Short(Memory);
    impl TileSource for Short {
        fn tile(&self, path: TilePath) -> Result<Vec<u8>, TileError> {
            let mut bytes = self.0.tile(path)?;
            bytes.pop();
            Ok(bytes)
        }
    }
    let error = tiles::root(&Short(memory(5)), 5).unwrap_err();
    assert!(matches!(error, TileError::WrongLength { expected: 160, found: 159, .. }), "{error}");
    assert!(error.to_string().contains("tile/0/000.p/5"), "{error}");
}

#[test]
fn questions_that_have_no_answer_are_refused() {
    let tiles = memory(10);
    let root = tiles::root(&tiles, 10).unwrap();
    assert!(matches!(tiles::inclusion(&tiles, 10, 10, root), Err(TileError::OutsideTree { index: 10, size: 10 })));
    assert!(matches!(tiles::inclusion(&tiles, 0, 0, root), Err(TileError::OutsideTree { index: 0, size: 0 })));
    assert!(matches!(tiles::consistency(&tiles, 10, 9, root), Err(TileError::Backwards { from: 10, to: 9 })));
    assert!(matches!(tiles::root(&tiles, SIZE_MAX + 1), Err(TileError::TooLarge { .. })));
    assert!(matches!(tiles::root(&tiles, 11), Err(TileError::Missing { .. })));
    assert!(matches!(tiles::inclusion(&tiles, 3, 9, root), Err(TileError::WrongRoot { size: 9, .. })));
}

#[test]
fn a_proof_from_ten_million_leaves_reads_few_tiles() {
    let source = Uniform::new();
    for size in [10_000_000, 10_000_001, 1 << 24, (1 << 24) + 70_000, SIZE_MAX - 1] {
        let root = tiles::root(&source, size).unwrap();
        for index in [0, 1, size / 3, size / 2, size - 2, size - 1] {
            source.reads.set(0);
            let proof = tiles::inclusion(&source, index, size, root).unwrap();
            let reads = source.reads.take();
            let levels = size.ilog2() as usize / 8 + 1;
            assert!(reads <= 2 * levels, "{reads} tiles for leaf {index} of {size}");
            assert!(reads <= 64);
            proof.verify(source.leaf(), root).unwrap();
            let consistency = tiles::consistency(&source, index, size, root).unwrap();
            assert!(source.reads.take() <= 2 * levels);
            let from_root = tiles::root(&source, index).unwrap();
            consistency.verify(from_root, root).unwrap();
        }
    }
}

#[test]
fn no_tile_is_read_twice_for_one_proof() {
    let tiles = memory(LARGE);
    let root = tiles::root(&tiles, LARGE).unwrap();
    tiles.reads.borrow_mut().clear();
    tiles::inclusion(&tiles, 12_345, LARGE, root).unwrap();
    let reads = tiles.reads.borrow();
    assert!(reads.values().all(|count| *count == 1), "{reads:?}");
    // Its own of level 0 and of level 1, and the three open ones.
    assert_eq!(reads.len(), 5, "{reads:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_two_sizes_and_any_leaf(size in 1..3_000_u64, index in any::<prop::sample::Index>(), from in any::<prop::sample::Index>()) {
        let tiles = memory(size);
        let mut frontier = Frontier::new();
        let (index, from) = (index.index(size as usize) as u64, from.index(size as usize + 1) as u64);
        let mut from_root = frontier.root();
        for number in 0..size {
            frontier.push(leaf(number));
            if number + 1 == from {
                from_root = frontier.root();
            }
        }
        let root = frontier.root();
        prop_assert_eq!(tiles::root(&tiles, size).unwrap(), root);
        tiles::inclusion(&tiles, index, size, root).unwrap().verify(leaf(index), root).unwrap();
        tiles::consistency(&tiles, from, size, root).unwrap().verify(from_root, root).unwrap();
        prop_assert_eq!(tiles::frontier_at(&tiles, from, size, root).unwrap().root(), from_root);
        prop_assert_eq!(tiles::frontier(&tiles, size, root).unwrap(), frontier);
    }
}
