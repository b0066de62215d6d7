//! Inclusion proofs from a tree that is as large as is asked for. Its leaves are hashes of numbers: a proof doesn't see what they stand for.

use std::cell::Cell;

use fengsui_proof::hash::{Hash, leaf_hash};
use fengsui_proof::tiles::{TileError, TileFolder, TilePath, TileSource, TreeWriter, inclusion};

use super::measure::{rate, taken};
use super::report::Line;
use crate::failure::Failure;

const PROOFS: u64 = 1_000;

/// Counts the tiles that are read.
struct Counted<'a> {
    tiles: &'a TileFolder,
    reads: Cell<u64>,
}

impl TileSource for Counted<'_> {
    fn tile(&self, path: TilePath) -> Result<Vec<u8>, TileError> {
        self.reads.set(self.reads.get() + 1);
        self.tiles.tile(path)
    }
}

/// Makes the tree, and proofs from its tiles, each from files and each checked against the root.
pub fn measure(leaves: u64) -> Result<Vec<Line>, Failure> {
    let folder = tempfile::tempdir_in(crate::workspace::target()).map_err(Failure::file("target"))?;
    let tiles = TileFolder::create(folder.path()).map_err(Failure::bench("the tree"))?;
    let mut tree = TreeWriter::open(tiles, 0).map_err(Failure::bench("the tree"))?;
    let ((), grown) = taken(|| {
        for number in 0..leaves {
            tree.push(leaf(number)).map_err(Failure::bench("the tree"))?;
        }
        tree.seal().map_err(Failure::bench("the tree"))
    })?;
    let root = tree.root();
    let (mut reads_max, mut hashes_max) = (0, 0);
    let ((), proved) = taken(|| {
        for number in 0..PROOFS {
            // Far apart, so that no two proofs share more than the tiles at the top; the last leaf among them.
            let index = leaves - 1 - number * (leaves / PROOFS);
            let counted = Counted { tiles: tree.folder(), reads: Cell::new(0) };
            let proof = inclusion(&counted, index, leaves, root).map_err(Failure::bench("a proof"))?;
            proof.verify(leaf(index), root).map_err(Failure::bench("a proof"))?;
            reads_max = counted.reads.get().max(reads_max);
            hashes_max = proof.hashes.len().max(hashes_max);
        }
        Ok(())
    })?;
    let milliseconds = 1e3 / rate(PROOFS, proved.processor);
    let microseconds = 1e6 / rate(leaves, grown.processor);
    Ok(vec![
        Line {
            what: "an inclusion proof from tiles, made and checked",
            figure: format!("{milliseconds:.2} ms of CPU"),
            against: format!("a tree of {leaves} leaves; {hashes_max} hashes in a proof at the most"),
            ratio: format!("{milliseconds:.2} ms"),
            goal: "under 2 ms",
            reached: milliseconds < 2.0,
        },
        Line {
            what: "tiles read for it, at the most",
            figure: format!("{reads_max} tiles"),
            against: format!("{PROOFS} proofs; the tree took {microseconds:.2} µs of CPU a leaf"),
            ratio: format!("{reads_max}"),
            goal: "at most 64",
            reached: reads_max <= 64,
        },
    ])
}

fn leaf(number: u64) -> Hash {
    leaf_hash(&number.to_be_bytes())
}
