//! A tree that grows and is written as tiles.

use super::reading::Edge;
use super::{SIZE_MAX, TILE_HEIGHT, TILE_WIDTH, TileError, TileFolder, TilePath, hashes_at};
use crate::hash::Hash;
use crate::tree::Frontier;

/// Adds leaves to a tree whose tiles lie in a folder.
///
/// A full tile is written as it fills; the open ones, one a level, are in memory until [`seal`](Self::seal) writes them too.
/// Each node of the tree is hashed once.
#[derive(Debug)]
pub struct TreeWriter {
    folder: TileFolder,
    frontier: Frontier,
    /// The hashes of the open tile of each level, from level 0: at most 255.
    open: Vec<Vec<Hash>>,
    is_abandoned: bool,
}

impl TreeWriter {
    /// Goes on with the tree of `size` leaves, the size that was sealed last or an earlier one; 0 deletes all tiles and begins anew.
    ///
    /// Reads only the tiles at the right edge. Whether they are the right ones shows in [`root`](Self::root), which the caller
    /// compares with a root that it knows, and begins anew if they differ.
    pub fn open(folder: TileFolder, size: u64) -> Result<Self, TileError> {
        if size == 0 {
            folder.clear()?;
        }
        let edge = Edge::read(&folder, size)?;
        let open = edge.levels().iter().map(|level| level.hashes().to_vec()).collect();
        Ok(Self { folder, frontier: edge.frontier(), open, is_abandoned: false })
    }

    /// The number of leaves.
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The right edge of the tree.
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Where the tiles lie.
    pub const fn folder(&self) -> &TileFolder {
        &self.folder
    }

    /// Adds a leaf by its hash.
    ///
    /// Errors: when a full tile cannot be written. The writer then is of no more use; its folder is opened anew.
    pub fn push(&mut self, leaf: Hash) -> Result<(), TileError> {
        if self.is_abandoned {
            return Err(TileError::Abandoned);
        }
        if self.size() >= SIZE_MAX {
            return Err(TileError::TooLarge { size: self.size() + 1 });
        }
        let mut next = Some(leaf);
        let mut tile_roots = Vec::new();
        self.frontier.push_noting(leaf, |height, hash| {
            if height.is_multiple_of(TILE_HEIGHT) {
                tile_roots.push(hash);
            }
        });
        let mut tile_roots = tile_roots.into_iter();
        for level in 0_u8.. {
            let Some(hash) = next.take() else { break };
            if self.open.len() <= usize::from(level) {
                self.open.push(Vec::with_capacity(usize::from(TILE_WIDTH)));
            }
            let Some(open) = self.open.get_mut(usize::from(level)) else { break };
            open.push(hash);
            next = tile_roots.next();
            if next.is_some() {
                self.write_full(level).inspect_err(|_| self.is_abandoned = true)?;
            }
        }
        Ok(())
    }

    /// Writes the open tiles, so that every proof about the tree of this size can be made from the folder, and deletes narrower
    /// ones in their places.
    pub fn seal(&mut self) -> Result<(), TileError> {
        if self.is_abandoned {
            return Err(TileError::Abandoned);
        }
        for (level, hashes) in (0_u8..).zip(&self.open) {
            let index = hashes_at(u32::from(level) + 1, self.size());
            if let Some(path) = TilePath::in_tree(level, index, self.size()) {
                self.folder.write(path, &bytes_of(hashes))?;
                self.folder.remove_partial(path, Some(path.width()))?;
            }
        }
        Ok(())
    }

    fn write_full(&mut self, level: u8) -> Result<(), TileError> {
        let tiles = hashes_at(u32::from(level) + 1, self.size());
        let path = tiles.checked_sub(1).and_then(|index| TilePath::new(level, index, TILE_WIDTH));
        if let (Some(path), Some(open)) = (path, self.open.get_mut(usize::from(level))) {
            self.folder.write(path, &bytes_of(open))?;
            self.folder.remove_partial(path, None)?;
            open.clear();
        }
        Ok(())
    }
}

fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(Hash::as_bytes).copied().collect()
}
