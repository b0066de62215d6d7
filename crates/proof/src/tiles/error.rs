//! What goes wrong with tiles.

use std::io;
use std::path::PathBuf;

use super::{SIZE_MAX, TilePath};
use crate::hash::Hash;

/// Why nothing can be said from tiles. Except for a leaf outside the tree, drawing the tiles again from the log mends it.
#[derive(Debug, thiserror::Error)]
pub enum TileError {
    /// The source has no such tile, nor a wider one.
    #[error("{path} is missing in {place}; the tiles can be drawn again from the log")]
    Missing {
        /// The tile.
        path: TilePath,
        /// Where it was looked for.
        place: String,
    },
    /// The tile has more or fewer bytes than its path says.
    #[error("{path} has {found} bytes where {expected} are expected; the tiles can be drawn again from the log")]
    WrongLength {
        /// The tile.
        path: TilePath,
        /// As many as there must be.
        expected: usize,
        /// As many as there are.
        found: usize,
    },
    /// The tile is not the one that the tile above it, which is right, was made from.
    #[error(
        "{path} is altered: its hash is {found} where the tile above it has {expected}; the tiles can be drawn again from the log"
    )]
    Altered {
        /// The tile.
        path: TilePath,
        /// Its hash according to the tile above.
        expected: Hash,
        /// Its hash.
        found: Hash,
    },
    /// The tiles at the tree's right edge do not lead to the root; one or more of them are wrong, or the root is another log's.
    #[error(
        "the tiles of {size} leaves have the root {found} where {expected} is expected; altered is one of {}, or the root belongs to another log",
        names(tiles)
    )]
    WrongRoot {
        /// The tree's number of leaves.
        size: u64,
        /// The root as given.
        expected: Hash,
        /// The root above the tiles.
        found: Hash,
        /// The tiles that it was computed from.
        tiles: Vec<TilePath>,
    },
    /// The leaf lies outside the tree.
    #[error("leaf {index} is not in a tree of {size} leaves; take a checkpoint of at least {index} + 1 leaves")]
    OutsideTree {
        /// The leaf's number, from 0.
        index: u64,
        /// The tree's number of leaves.
        size: u64,
    },
    /// The trees are named the wrong way round.
    #[error("a tree of {from} leaves cannot be the beginning of one of {to}; name the smaller one first")]
    Backwards {
        /// Leaves of the tree that should be the beginning.
        from: u64,
        /// Leaves of the other one.
        to: u64,
    },
    /// No log is that long.
    #[error("a tree of {size} leaves is larger than {SIZE_MAX}, the largest that there are tiles for")]
    TooLarge {
        /// The number of leaves.
        size: u64,
    },
    /// A write failed before, so the writer may not know any more what stands in its folder.
    #[error("an earlier write of tiles failed; open the folder anew at the size that was sealed last")]
    Abandoned,
    /// The operating system refused.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

fn names(tiles: &[TilePath]) -> String {
    tiles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
