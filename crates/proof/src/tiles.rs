//! The tree as tiles of 256 hashes: C2SP tlog-tiles, without its entry bundles (events may be longer than these allow).
//!
//! Tiles are derived state: they can be deleted and drawn again from the log. Nothing that is read from them is believed before
//! it was hashed up to a root, so a wrong tile is found wherever it matters, and named.

mod error;
mod folder;
mod path;
mod reading;
mod subtree;
mod writer;

pub use error::TileError;
pub use folder::TileFolder;
pub use path::{TilePath, TilePathError};
pub use reading::{consistency, frontier, frontier_at, inclusion, root};
pub use writer::TreeWriter;

use std::sync::Arc;

use crate::hash::{HASH_BYTES, Hash};

/// Hashes in a full tile.
pub const TILE_WIDTH: u16 = 256;

/// Levels of the tree in a tile: 256 is 2 to the power of 8.
pub const TILE_HEIGHT: u32 = 8;

/// The largest tree that tiles are read or written for. A log of a million events a second reaches it in 146,000 years.
pub const SIZE_MAX: u64 = 1 << 62;

/// The highest level at which a tree of at most [`SIZE_MAX`] leaves has tiles.
const LEVEL_MAX: u8 = 7;

/// Where tiles are read from: a folder, an archive, memory.
pub trait TileSource {
    /// The tile's hashes one after the other, 32 bytes each: exactly as many as the path says.
    ///
    /// A source may no longer have a partial tile; it then answers with the first hashes of a wider one. What it answers is
    /// checked by whoever asks.
    fn tile(&self, path: TilePath) -> Result<Vec<u8>, TileError>;
}

impl<T: TileSource + ?Sized> TileSource for &T {
    fn tile(&self, path: TilePath) -> Result<Vec<u8>, TileError> {
        (**self).tile(path)
    }
}

impl<T: TileSource + ?Sized> TileSource for Arc<T> {
    fn tile(&self, path: TilePath) -> Result<Vec<u8>, TileError> {
        (**self).tile(path)
    }
}

/// How many hashes of a level a tree of `size` leaves has: the complete subtrees of 256 to the power of `level` leaves.
const fn hashes_at(level: u32, size: u64) -> u64 {
    match size.checked_shr(TILE_HEIGHT * level) {
        Some(count) => count,
        None => 0,
    }
}

/// The root of the complete subtree above some hashes; nothing if their number is no power of two.
pub(crate) fn subtree_root(hashes: &[Hash]) -> Option<Hash> {
    let mut row = hashes.len().is_power_of_two().then(|| hashes.to_vec())?;
    while row.len() > 1 {
        row = row.chunks_exact(2).map(|pair| crate::hash::node_hash(pair[0], pair[1])).collect();
    }
    row.first().copied()
}

/// The hashes in a tile's bytes; what is left over at the end is the caller's to refuse.
fn read_hashes(bytes: &[u8]) -> Vec<Hash> {
    let (hashes, _) = bytes.as_chunks::<HASH_BYTES>();
    hashes.iter().map(|hash| Hash::from_bytes(*hash)).collect()
}
