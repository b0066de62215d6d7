//! Where two trees of one size differ, found from their tiles: only what differs is gone down into.

use std::cell::Cell;

use fengsui_proof::tiles::{TILE_WIDTH, TileError, TilePath, TileSource};
use fengsui_proof::tree::{Hash, node_hash};

/// Bytes of a hash in a tile.
const HASH_BYTES: usize = 32;

/// The highest level of tiles of any tree.
const LEVEL_MAX: u8 = 7;

/// Which of two logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The first.
    Here,
    /// The second.
    There,
}

/// A tile that is wrong, and in whose tree.
#[derive(Debug)]
pub(super) struct WrongTile {
    pub which: Which,
    pub error: TileError,
}

/// Tiles that count how many of them are read.
pub(super) struct CountedTiles<'a> {
    tiles: &'a dyn TileSource,
    read: &'a Cell<u64>,
}

impl<'a> CountedTiles<'a> {
    pub fn new(tiles: &'a dyn TileSource, read: &'a Cell<u64>) -> Self {
        Self { tiles, read }
    }
}

impl TileSource for CountedTiles<'_> {
    fn tile(&self, path: TilePath) -> Result<Vec<u8>, TileError> {
        self.read.set(self.read.get() + 1);
        self.tiles.tile(path)
    }
}

/// Positions of the first `size` leaves (from 1) that differ, as ranges with both ends, in order. The tiles at the right edge of both must
/// have been checked against roots; every other tile is checked against the hash above it.
pub(super) fn differing(
    here: &dyn TileSource,
    there: &dyn TileSource,
    size: u64,
) -> Result<Vec<(u64, u64)>, WrongTile> {
    let mut descent = Descent { here, there, size, ranges: Vec::new() };
    for level in (0..=LEVEL_MAX).rev() {
        let hashes = size >> (8 * u32::from(level));
        // Full tiles have a hash in the level above, which leads to them.
        if !hashes.is_multiple_of(u64::from(TILE_WIDTH)) {
            descent.tile(level, hashes / u64::from(TILE_WIDTH), None)?;
        }
    }
    Ok(descent.ranges)
}

struct Descent<'a> {
    here: &'a dyn TileSource,
    there: &'a dyn TileSource,
    size: u64,
    ranges: Vec<(u64, u64)>,
}

impl Descent<'_> {
    /// Compares one tile of both, and what lies under its hashes that differ.
    fn tile(&mut self, level: u8, index: u64, above: Option<(Hash, Hash)>) -> Result<(), WrongTile> {
        let Some(path) = TilePath::in_tree(level, index, self.size) else { return Ok(()) };
        let here = checked(Which::Here, self.here, path, above.map(|above| above.0))?;
        let there = checked(Which::There, self.there, path, above.map(|above| above.1))?;
        let first = index * u64::from(TILE_WIDTH);
        for ((here, there), number) in here.into_iter().zip(there).zip(first..) {
            match level.checked_sub(1) {
                _ if here == there => {}
                None => self.leaf(number + 1),
                Some(below) => self.tile(below, number, Some((here, there)))?,
            }
        }
        Ok(())
    }

    fn leaf(&mut self, position: u64) {
        match self.ranges.last_mut() {
            Some((_, until)) if *until + 1 == position => *until = position,
            _ => self.ranges.push((position, position)),
        }
    }
}

/// A tile's hashes, if they are those under `above`.
fn checked(which: Which, tiles: &dyn TileSource, path: TilePath, above: Option<Hash>) -> Result<Vec<Hash>, WrongTile> {
    let bytes = tiles.tile(path).map_err(|error| WrongTile { which, error })?;
    let (parts, rest) = bytes.as_chunks::<HASH_BYTES>();
    let hashes: Vec<Hash> = parts.iter().map(|part| Hash::from_bytes(*part)).collect();
    let expected = usize::from(path.width()) * HASH_BYTES;
    if bytes.len() != expected || !rest.is_empty() {
        let error = TileError::WrongLength { path, expected, found: bytes.len() };
        return Err(WrongTile { which, error });
    }
    if let Some(expected) = above {
        let found = root_of_full(&hashes);
        if found != Some(expected) {
            let found = found.unwrap_or(expected);
            return Err(WrongTile { which, error: TileError::Altered { path, expected, found } });
        }
    }
    Ok(hashes)
}

/// The root above the hashes of a full tile.
fn root_of_full(hashes: &[Hash]) -> Option<Hash> {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.chunks(2).filter_map(|pair| Some(node_hash(*pair.first()?, *pair.get(1)?))).collect();
    }
    row.first().copied()
}
