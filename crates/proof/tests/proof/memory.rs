//! Sources of tiles that are no folders.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use fengsui_proof::{Hash, TileError, TilePath, TileSource, leaf_hash, node_hash};

/// Tiles by the definition of C2SP tlog-tiles: hash `i` of tile `n` of level `l` is MTH(D[(256n + i) 256^l : (256n + i + 1) 256^l]).
pub struct Memory {
    levels: Vec<Vec<Hash>>,
    pub reads: RefCell<BTreeMap<TilePath, usize>>,
}

impl Memory {
    pub fn of(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|below| below.len() >= 256) {
            let mut hashes = below[..below.len() / 256 * 256].to_vec();
            for _ in 0..8 {
                hashes = hashes.chunks(2).map(|pair| node_hash(pair[0], pair[1])).collect();
            }
            levels.push(hashes);
        }
        Self { levels, reads: RefCell::default() }
    }

    pub fn bytes(&self, path: TilePath) -> Option<Vec<u8>> {
        let first = path.index() as usize * 256;
        let level = self.levels.get(usize::from(path.level()))?;
        let hashes = level.get(first..first + usize::from(path.width()))?;
        Some(hashes.iter().flat_map(Hash::as_bytes).copied().collect())
    }
}

impl TileSource for Memory {
    fn tile(&self, path: TilePath) -> Result<Vec<u8>, TileError> {
        *self.reads.borrow_mut().entry(path).or_default() += 1;
        self.bytes(path).ok_or(TileError::Missing { path, place: "memory".to_owned() })
    }
}

/// A tree of any size whose leaves are all the same, so that every tile can be told without the tree.
pub struct Uniform {
    /// The root of the complete subtree of each height.
    by_height: Vec<Hash>,
    pub reads: Cell<usize>,
}

impl Uniform {
    pub fn new() -> Self {
        let mut by_height = vec![leaf_hash(b"the same")];
        for height in 0..62 {
            by_height.push(node_hash(by_height[height], by_height[height]));
        }
        Self { by_height, reads: Cell::new(0) }
    }

    pub fn leaf(&self) -> Hash {
        self.by_height[0]
    }
}

impl TileSource for Uniform {
    fn tile(&self, path: TilePath) -> Result<Vec<u8>, TileError> {
        self.reads.set(self.reads.get() + 1);
        Ok(self.by_height[8 * usize::from(path.level())].as_bytes().repeat(usize::from(path.width())))
    }
}

/// Another source with one bit of one tile turned over.
pub struct Flipped<'a> {
    pub source: &'a Memory,
    pub path: TilePath,
    pub bit: usize,
}

impl TileSource for Flipped<'_> {
    fn tile(&self, path: TilePath) -> Result<Vec<u8>, TileError> {
        let mut bytes = self.source.tile(path)?;
        if path == self.path {
            bytes[self.bit / 8] ^= 1 << (self.bit % 8);
        }
        Ok(bytes)
    }
}
