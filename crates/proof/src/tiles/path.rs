//! Names of tiles, such as `tile/0/x001/x234/067.p/5`.

use std::fmt;
use std::str::FromStr;

use super::{LEVEL_MAX, SIZE_MAX, TILE_HEIGHT, TILE_WIDTH, hashes_at};
use crate::hash::HASH_BYTES;

/// Each element of a path stands for three decimal digits of the tile's number.
const ELEMENT_BASE: u64 = 1_000;

/// More than the longest path has.
const PATH_BYTES_MAX: usize = 64;

/// The name of a tile (C2SP tlog-tiles, section Merkle Tree): its level, its number within the level and its number of hashes.
///
/// A hash in a tile of level `l` is the root of 256 to the power of `l` leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    level: u8,
    index: u64,
    width: u16,
}

/// A text that names no tile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the path of a tile; expected one such as tile/0/x001/x234/067 or, for 5 hashes, tile/0/x001/x234/067.p/5"
)]
pub struct TilePathError(pub String);

impl TilePath {
    /// The tile of this level and number with this many hashes, 1 to 256, if a tree can have it.
    pub const fn new(level: u8, index: u64, width: u16) -> Option<Self> {
        if level > LEVEL_MAX || width == 0 || width > TILE_WIDTH {
            return None;
        }
        let height = TILE_HEIGHT * level as u32;
        let first_max = SIZE_MAX >> height;
        if index > first_max >> TILE_HEIGHT || (index << TILE_HEIGHT) + width as u64 > first_max {
            return None;
        }
        Some(Self { level, index, width })
    }

    /// The tile of this level and number as a tree of `size` leaves has it, if it has it.
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let hashes = hashes_at(u32::from(level), size.min(SIZE_MAX));
        let width = hashes.checked_sub(index.checked_mul(u64::from(TILE_WIDTH))?)?.min(u64::from(TILE_WIDTH));
        Self::new(level, index, u16::try_from(width).ok()?)
    }

    /// Every tile of a tree of `size` leaves, level by level.
    pub fn all_in_tree(size: u64) -> impl Iterator<Item = Self> {
        (0..=LEVEL_MAX).flat_map(move |level| {
            let tiles = hashes_at(u32::from(level), size.min(SIZE_MAX)).div_ceil(u64::from(TILE_WIDTH));
            (0..tiles).filter_map(move |index| Self::in_tree(level, index, size))
        })
    }

    /// The level, from 0 for the tiles of leaves.
    pub const fn level(self) -> u8 {
        self.level
    }

    /// The number within the level, from 0.
    pub const fn index(self) -> u64 {
        self.index
    }

    /// The number of hashes: 256, or fewer for a partial tile.
    pub const fn width(self) -> u16 {
        self.width
    }

    /// Whether the tile has fewer than 256 hashes.
    pub const fn is_partial(self) -> bool {
        self.width < TILE_WIDTH
    }

    /// The length of the tile in bytes.
    pub const fn bytes(self) -> usize {
        self.width as usize * HASH_BYTES
    }

    /// The tile in the same place with all its 256 hashes.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }

    fn parse(text: &str) -> Option<Self> {
        if text.len() > PATH_BYTES_MAX {
            return None;
        }
        let (level, rest) = text.strip_prefix("tile/")?.split_once('/')?;
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok().filter(|width| *width < TILE_WIDTH)?),
            None => (rest, TILE_WIDTH),
        };
        let index = number.split('/').try_fold(0_u64, |index, element| {
            let digits = element.strip_prefix('x').unwrap_or(element).parse().ok()?;
            index.checked_mul(ELEMENT_BASE)?.checked_add(digits)
        })?;
        // What does not come out as it went in was written in another way than the one that there is.
        Self::new(level.parse().ok()?, index, width).filter(|path| path.to_string() == text)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        let elements = self.index.max(1).ilog(ELEMENT_BASE);
        for place in (1..=elements).rev() {
            write!(f, "x{:03}/", self.index / ELEMENT_BASE.pow(place) % ELEMENT_BASE)?;
        }
        write!(f, "{:03}", self.index % ELEMENT_BASE)?;
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = TilePathError;

    fn from_str(text: &str) -> Result<Self, TilePathError> {
        Self::parse(text).ok_or_else(|| TilePathError(text.chars().take(PATH_BYTES_MAX).collect()))
    }
}
