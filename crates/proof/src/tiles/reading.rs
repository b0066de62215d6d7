//! Roots and proofs from tiles.
//!
//! Trust goes from the root down: the tiles at the right edge lead to the root or are refused together; every other tile is checked
//! against its hash in the tile above, which was checked before. Each tile is read once and each of its nodes hashed once.

use super::subtree::Subtree;
use super::{LEVEL_MAX, SIZE_MAX, TILE_HEIGHT, TILE_WIDTH, TileError, TilePath, TileSource, hashes_at, read_hashes};
use crate::hash::{Hash, empty_root};
use crate::tree::{Consistency, Frontier, Inclusion, fold_right};

/// The open tiles of a tree, one a level, from level 0; empty where the last tile is full.
pub(super) struct Edge {
    size: u64,
    levels: Vec<Subtree>,
}

/// The tiles on the way from a leaf up to the right edge, checked; by level, from level 0.
struct Way {
    index: u64,
    edge: Edge,
    tiles: Vec<Subtree>,
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
    let index = match from.checked_sub(1) {
        None => return Ok(Frontier::new()),
        Some(_) if from == to => return Ok(edge.frontier()),
        Some(index) => index,
    };
    let way = Way::read(tiles, edge, index, from.trailing_zeros())?;
    let heights = (0..u64::BITS).rev().filter(|height| from >> height & 1 == 1);
    let hashes = heights.map(|height| way.node(height, (from >> height) - 1)).collect::<Result<_, _>>()?;
    Ok(Frontier::from_parts(from, hashes).unwrap_or_default())
}

fn checked_pair(tiles: &(impl TileSource + ?Sized), from: u64, to: u64, to_root: Hash) -> Result<Edge, TileError> {
    if from > to { Err(TileError::Backwards { from, to }) } else { Edge::checked(tiles, to, to_root) }
}

fn read_tile(tiles: &(impl TileSource + ?Sized), path: TilePath) -> Result<Subtree, TileError> {
    let bytes = tiles.tile(path)?;
    if bytes.len() == path.bytes() {
        Ok(Subtree::above(read_hashes(&bytes)))
    } else {
        Err(TileError::WrongLength { path, expected: path.bytes(), found: bytes.len() })
    }
}

impl Edge {
    /// The open tiles of the tree of `size` leaves, unchecked.
    pub(super) fn read(tiles: &(impl TileSource + ?Sized), size: u64) -> Result<Self, TileError> {
        if size > SIZE_MAX {
            return Err(TileError::TooLarge { size });
        }
        let levels = Self::paths(size).map(|path| path.map_or(Ok(Subtree::default()), |path| read_tile(tiles, path)));
        Ok(Self { size, levels: levels.collect::<Result<_, _>>()? })
    }

    fn checked(tiles: &(impl TileSource + ?Sized), size: u64, root: Hash) -> Result<Self, TileError> {
        let edge = Self::read(tiles, size)?;
        let found = edge.root();
        if found == root {
            return Ok(edge);
        }
        Err(TileError::WrongRoot { size, expected: root, found, tiles: Self::paths(size).flatten().collect() })
    }

    /// The open tile of each level, if it is not empty.
    fn paths(size: u64) -> impl Iterator<Item = Option<TilePath>> {
        let levels = (0..=LEVEL_MAX).take_while(move |level| hashes_at(u32::from(*level), size) > 0);
        levels.map(move |level| TilePath::in_tree(level, hashes_at(u32::from(level) + 1, size), size))
    }

    pub(super) fn levels(&self) -> &[Subtree] {
        &self.levels
    }

    /// The roots of the complete subtrees of the tree, widest first.
    fn peaks(&self) -> Vec<Hash> {
        self.levels.iter().rev().flat_map(Subtree::peaks).collect()
    }

    fn root(&self) -> Hash {
        fold_right(&self.peaks()).unwrap_or_else(empty_root)
    }

    pub(super) fn frontier(&self) -> Frontier {
        // There is a peak for each one in the binary form of the size, so the parts always fit.
        Frontier::from_parts(self.size, self.peaks()).unwrap_or_default()
    }
}

impl Way {
    /// The tiles on the way of a leaf of the tree, from the one with its subtree of this height up to the right edge.
    fn read(tiles: &(impl TileSource + ?Sized), edge: Edge, index: u64, height: u32) -> Result<Self, TileError> {
        let mut way = Self { index, tiles: edge.levels.clone(), edge };
        let lowest = u8::try_from(height / TILE_HEIGHT).unwrap_or_default();
        // Where the leaf lies below the open tile of a level, that one is on its way already.
        let below_open = |level: &u8| {
            let above = u32::from(*level) + 1;
            hashes_at(above, way.index) < hashes_at(above, way.edge.size)
        };
        let closed: Vec<u8> = (lowest..=LEVEL_MAX).take_while(below_open).collect();
        for level in closed.into_iter().rev() {
            let tile = way.read_closed(tiles, level)?;
            if let Some(place) = way.tiles.get_mut(usize::from(level)) {
                *place = tile;
            }
        }
        Ok(way)
    }

    /// The full tile of a level on the way, checked against the one above it.
    fn read_closed(&self, tiles: &(impl TileSource + ?Sized), level: u8) -> Result<Subtree, TileError> {
        let number = hashes_at(u32::from(level) + 1, self.index);
        let above = self.tiles.get(usize::from(level) + 1).and_then(|above| above.node(0, number));
        let path = TilePath::new(level, number, TILE_WIDTH);
        let (Some(expected), Some(path)) = (above, path) else { return Err(self.outside()) };
        let tile = read_tile(tiles, path)?;
        match tile.root() {
            Some(found) if found == expected => Ok(tile),
            found => Err(TileError::Altered { path, expected, found: found.unwrap_or_else(empty_root) }),
        }
    }

    /// The hashes beside the way, from the leaf's subtree of this height up to the root.
    fn beside(&self, height: u32) -> Result<Vec<Hash>, TileError> {
        let peak = self.peak_height();
        let mut hashes = Vec::new();
        for height in height..peak {
            hashes.push(self.node(height, self.index >> height ^ 1)?);
        }
        let peaks = self.edge.peaks();
        // Peaks that are wider than the leaf's stand left of it.
        let left = (self.edge.size >> peak >> 1).count_ones() as usize;
        let (left, right) = peaks.split_at(left.min(peaks.len()));
        hashes.extend(fold_right(right.get(1..).unwrap_or_default()));
        hashes.extend(left.iter().rev());
        Ok(hashes)
    }

    /// The root of the complete subtree of this height and number, which must be on the way, beside it, or a peak.
    fn node(&self, height: u32, number: u64) -> Result<Hash, TileError> {
        // Above the leaf's own peak there are only peaks, and these are in the open tiles.
        let tiles = if height > self.peak_height() { &self.edge.levels } else { &self.tiles };
        let tile = tiles.get((height / TILE_HEIGHT) as usize);
        tile.and_then(|tile| tile.node(height % TILE_HEIGHT, number)).ok_or_else(|| self.outside())
    }

    /// The height of the complete subtree at the right edge that the leaf lies in.
    fn peak_height(&self) -> u32 {
        // The highest binary digit in which the two differ is a one of the size, since the leaf is in the tree.
        (self.index ^ self.edge.size).checked_ilog2().unwrap_or_default()
    }

    fn outside(&self) -> TileError {
        TileError::OutsideTree { index: self.index, size: self.edge.size }
    }
}
