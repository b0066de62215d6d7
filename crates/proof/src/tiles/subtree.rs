//! What a tile's hashes amount to: the nodes of the tree that stand above them within the tile.

use super::{TILE_HEIGHT, TILE_WIDTH};
use crate::hash::{Hash, node_hash};

/// The nodes above the hashes of one tile, each hashed once; of a partial tile only those whose subtree is complete.
#[derive(Clone, Debug, Default)]
pub(super) struct Subtree {
    /// The hashes themselves, then the nodes above pairs of them, and so on up.
    rows: Vec<Vec<Hash>>,
}

impl Subtree {
    pub(super) fn above(hashes: Vec<Hash>) -> Self {
        let mut rows = vec![hashes];
        for _ in 0..TILE_HEIGHT {
            let Some(below) = rows.last().filter(|below| below.len() > 1) else { break };
            let row = below.chunks_exact(2).map(|pair| node_hash(pair[0], pair[1])).collect();
            rows.push(row);
        }
        Self { rows }
    }

    /// The hashes of the tile itself.
    pub(super) fn hashes(&self) -> &[Hash] {
        self.rows.first().map_or(&[], Vec::as_slice)
    }

    /// The node of this height above the tile's hashes that has this number within the level of the tree.
    pub(super) fn node(&self, height: u32, number: u64) -> Option<Hash> {
        let in_row = u64::from(TILE_WIDTH) >> height;
        let place = usize::try_from(number.checked_rem(in_row)?).ok()?;
        self.rows.get(height as usize)?.get(place).copied()
    }

    /// The root, if the tile is full.
    pub(super) fn root(&self) -> Option<Hash> {
        self.node(TILE_HEIGHT, 0)
    }

    /// The roots of the complete subtrees that the tile's hashes make up, widest first.
    pub(super) fn peaks(&self) -> impl Iterator<Item = Hash> {
        let width = self.hashes().len();
        self.rows
            .iter()
            .enumerate()
            .rev()
            .filter(move |(height, _)| width >> height & 1 == 1)
            .filter_map(|(_, row)| row.last().copied())
    }
}
