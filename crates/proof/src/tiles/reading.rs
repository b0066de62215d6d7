//! Roots and proofs from tiles.
//!
//! Trust goes from the root down: the tiles at the right edge lead to the root or are refused together; every other tile is checked
//! against its hash in the tile above, which was checked before.

use super::{SIZE_MAX, TILE_HEIGHT, TILE_WIDTH, TileError, TilePath, TileSource};
use super::{hashes_at, read_hashes, subtree_root};
use crate::hash::{Hash, empty_root};
use crate::tree::{Consistency, Frontier, Inclusion, fold_right};

/// The open tiles of a tree, one a level, from level 0; empty where the last tile is full.
struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

/// The tiles on the way from a leaf up to the right edge, checked; by level, from level 0.
struct Way {
    index: u64,
    edge: Edge,
    tiles: Vec<Vec<Hash>>,
}

/// The root of the tree of `size` leaves as the tiles have it. It is not checked: compare it with one that is known.
pub fn root(tiles: &(impl TileSource + ?Sized), size: u64) -> Result<Hash, TileError> {
    Ok(Edge::read(tiles, size)?.root())
}

/// The proof that leaf number `index` (from 0) is in the tree of `size` leaves with this root.
pub fn inclusion(
    tiles: &(impl TileSource + ?Sized),
    index: u64,
    size: u64,
    root: Hash,
) -> Result<Inclusion, TileError> {
    if index >= size {
        return Err(TileError::OutsideTree { index, size });
    }
    let way = Way::read(tiles, Edge::checked(tiles, size, root)?, index, 0)?;
    Ok(Inclusion { index, size, hashes: way.beside(0)? })
}

/// The proof that the tree of `to` leaves with this root begins with the tree of `from` leaves.
pub fn consistency(
    tiles: &(impl TileSource + ?Sized),
    from: u64,
    to: u64,
    to_root: Hash,
) -> Result<Consistency, TileError> {
    let edge = checked_pair(tiles, from, to, to_root)?;
    let Some(index) = from.checked_sub(1).filter(|_| from < to) else {
        return Ok(Consistency { from, to, hashes: Vec::new() });
    };
    let height = from.trailing_zeros();
    let way = Way::read(tiles, edge, index, height)?;
    let mut hashes = way.beside(height)?;
    if !from.is_power_of_two() {
        hashes.insert(0, way.node(height, index >> height)?);
    }
    Ok(Consistency { from, to, hashes })
}

/// The right edge of the tree of `size` leaves with this root.
pub fn frontier(tiles: &(impl TileSource + ?Sized), size: u64, root: Hash) -> Result<Frontier, TileError> {
    frontier_at(tiles, size, size, root)
}

/// The right edge that the tree of `to` leaves with this root had when it had `from` leaves. Its root is proven by `to_root`.
pub fn frontier_at(
    tiles: &(impl TileSource + ?Sized),
    from: u64,
    to: u64,
    to_root: Hash,
) -> Result<Frontier, TileError> {
    let edge = checked_pair(tiles, from, to, to_root)?;
    let Some(index) = from.checked_sub(1).filter(|_| from < to) else {
        let hashes = if from == 0 { Vec::new() } else { peaks_of(&edge.levels) };
        return Ok(Frontier::from_parts(from, hashes).unwrap_or_default());
    };
    let way = Way::read(tiles, edge, index, from.trailing_zeros())?;
    let heights = (0..u64::BITS).rev().filter(|height| from >> height & 1 == 1);
    let hashes = heights.map(|height| way.node(height, (from >> height) - 1)).collect::<Result<_, _>>()?;
    Ok(Frontier::from_parts(from, hashes).unwrap_or_default())
}

fn checked_pair(tiles: &(impl TileSource + ?Sized), from: u64, to: u64, to_root: Hash) -> Result<Edge, TileError> {
    if from > to { Err(TileError::Backwards { from, to }) } else { Edge::checked(tiles, to, to_root) }
}

/// The roots of the complete subtrees at the right edge from its open tiles, widest first.
pub(super) fn peaks_of(levels: &[Vec<Hash>]) -> Vec<Hash> {
    let mut peaks = Vec::new();
    for hashes in levels.iter().rev() {
        let mut rest = hashes.as_slice();
        while let Some(height) = rest.len().checked_ilog2() {
            let (complete, narrower) = rest.split_at(1 << height);
            peaks.extend(subtree_root(complete));
            rest = narrower;
        }
    }
    peaks
}

fn read_tile(tiles: &(impl TileSource + ?Sized), path: TilePath) -> Result<Vec<Hash>, TileError> {
    let bytes = tiles.tile(path)?;
    if bytes.len() == path.bytes() {
        Ok(read_hashes(&bytes))
    } else {
        Err(TileError::WrongLength { path, expected: path.bytes(), found: bytes.len() })
    }
}

/// The open tile of a level in a tree of `size` leaves, if it is not empty.
fn open_tile(level: u8, size: u64) -> Option<TilePath> {
    TilePath::in_tree(level, hashes_at(u32::from(level) + 1, size), size)
}

impl Edge {
    fn read(tiles: &(impl TileSource + ?Sized), size: u64) -> Result<Self, TileError> {
        if size > SIZE_MAX {
            return Err(TileError::TooLarge { size });
        }
        let levels = (0_u8..).take_while(|level| hashes_at(u32::from(*level), size) > 0);
        let read = |level| open_tile(level, size).map_or(Ok(Vec::new()), |path| read_tile(tiles, path));
        Ok(Self { size, levels: levels.map(read).collect::<Result<_, _>>()? })
    }

    fn checked(tiles: &(impl TileSource + ?Sized), size: u64, root: Hash) -> Result<Self, TileError> {
        let edge = Self::read(tiles, size)?;
        let found = edge.root();
        if found == root {
            return Ok(edge);
        }
        let paths = (0_u8..).zip(&edge.levels).filter_map(|(level, _)| open_tile(level, size)).collect();
        Err(TileError::WrongRoot { size, expected: root, found, tiles: paths })
    }

    fn root(&self) -> Hash {
        fold_right(&peaks_of(&self.levels)).unwrap_or_else(empty_root)
    }
}

impl Way {
    /// The tiles on the way of a leaf of the tree, from the one with its subtree of this height up to the right edge.
    fn read(tiles: &(impl TileSource + ?Sized), edge: Edge, index: u64, height: u32) -> Result<Self, TileError> {
        let mut way = Self { index, tiles: vec![Vec::new(); edge.levels.len()], edge };
        let lowest = usize::try_from(height / TILE_HEIGHT).unwrap_or_default();
        for level in (lowest..way.tiles.len()).rev() {
            way.tiles[level] = way.read_level(tiles, level)?;
        }
        Ok(way)
    }

    fn read_level(&self, tiles: &(impl TileSource + ?Sized), level: usize) -> Result<Vec<Hash>, TileError> {
        let level_number = u8::try_from(level).unwrap_or(u8::MAX);
        let number = hashes_at(u32::from(level_number) + 1, self.index);
        if number == hashes_at(u32::from(level_number) + 1, self.edge.size) {
            return Ok(self.edge.levels[level].clone());
        }
        let Some(path) = TilePath::new(level_number, number, TILE_WIDTH) else {
            return Err(TileError::TooLarge { size: self.edge.size });
        };
        let expected = self.tiles.get(level + 1).and_then(|above| above.get(place_in_tile(number)));
        let hashes = read_tile(tiles, path)?;
        match (expected, subtree_root(&hashes)) {
            (Some(expected), Some(found)) if *expected == found => Ok(hashes),
            (expected, found) => Err(TileError::Altered {
                path,
                expected: expected.copied().unwrap_or_else(empty_root),
                found: found.unwrap_or_else(empty_root),
            }),
        }
    }

    /// The hashes beside the way, from the leaf's subtree of this height up to the root.
    fn beside(&self, height: u32) -> Result<Vec<Hash>, TileError> {
        let peak = peak_height(self.index, self.edge.size);
        let mut hashes = Vec::new();
        for height in height..peak {
            hashes.push(self.node(height, self.index >> height ^ 1)?);
        }
        let peaks = peaks_of(&self.edge.levels);
        // Peaks that are wider than the leaf's stand left of it.
        let left = (self.edge.size >> peak >> 1).count_ones() as usize;
        let (left, right) = peaks.split_at(left.min(peaks.len()));
        hashes.extend(fold_right(right.get(1..).unwrap_or_default()));
        hashes.extend(left.iter().rev());
        Ok(hashes)
    }

    /// The root of the complete subtree of this height and number, which must be on the way, beside it, or a peak.
    fn node(&self, height: u32, number: u64) -> Result<Hash, TileError> {
        let level = usize::try_from(height / TILE_HEIGHT).unwrap_or_default();
        let in_tile = height % TILE_HEIGHT;
        let first = place_in_tile(number << in_tile);
        let hashes = |tiles: &[Vec<Hash>]| {
            let tile = tiles.get(level)?.get(first..first + (1 << in_tile))?;
            subtree_root(tile)
        };
        // Above the leaf's own peak there are only peaks, and these are in the open tiles.
        let tiles = if height > peak_height(self.index, self.edge.size) { &self.edge.levels } else { &self.tiles };
        hashes(tiles).ok_or(TileError::OutsideTree { index: self.index, size: self.edge.size })
    }
}

/// The place of a hash in its tile.
fn place_in_tile(number: u64) -> usize {
    usize::try_from(number % u64::from(TILE_WIDTH)).unwrap_or_default()
}

/// The height of the complete subtree at the right edge that a leaf lies in.
fn peak_height(index: u64, size: u64) -> u32 {
    // The highest binary digit in which the two differ is a one of the size, since the leaf is in the tree.
    (index ^ size).checked_ilog2().unwrap_or_default()
}
