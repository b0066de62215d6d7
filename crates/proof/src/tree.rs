//! A growing Merkle tree and the proofs about it (RFC 6962, section 2.1; RFC 9162, sections 2.1.3 and 2.1.4).

use serde::{Deserialize, Serialize};

pub use crate::hash::{HASH_BYTES, Hash, HashError, empty_root, leaf_hash, node_hash};

/// The right edge of a growing tree: the roots of its complete subtrees from the widest to the narrowest, at most 64 hashes.
///
/// It is all that is needed to go on and to know the root, so memory stays flat however long the log is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

/// That one leaf is in a tree: the hashes beside the way from the leaf to the root, lowest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// The leaf's number, from 0.
    pub index: u64,
    /// The number of leaves of the tree.
    pub size: u64,
    /// The audit path of RFC 6962, section 2.1.1.
    pub hashes: Vec<Hash>,
}

/// That a tree begins with all leaves of a smaller one, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// The number of leaves of the smaller tree.
    pub from: u64,
    /// The number of leaves of the larger tree.
    pub to: u64,
    /// The proof of RFC 6962, section 2.1.2; empty for two trees of one size, and from the tree without leaves.
    pub hashes: Vec<Hash>,
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
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
    /// More or fewer hashes than a proof of this kind has.
    #[error("the proof has {found} hashes where {expected} are expected; it was cut or made for another tree")]
    WrongLength {
        /// As many as there must be.
        expected: usize,
        /// As many as there are.
        found: usize,
    },
    /// What the proof leads to is not what it should lead to.
    #[error(
        "the proof leads to the root {found} where {expected} is expected for {size} leaves; the leaf, the proof or the tree was altered"
    )]
    WrongRoot {
        /// The leaves of the tree whose root is meant.
        size: u64,
        /// The root as given.
        expected: Hash,
        /// The root as computed.
        found: Hash,
    },
    /// The hashes are no right edge of a tree of that size.
    #[error("the right edge of a tree of {size} leaves has {expected} hashes, not {found}")]
    NotAFrontier {
        /// The tree's number of leaves.
        size: u64,
        /// As many as there must be.
        expected: usize,
        /// As many as there are.
        found: usize,
    },
}

impl Frontier {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The right edge of a tree of `size` leaves from the hashes that [`hashes`](Self::hashes) gave.
    ///
    /// Errors: [`ProofError::NotAFrontier`]. Whether the hashes are the right ones shows only in [`root`](Self::root).
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Result<Self, ProofError> {
        let expected = size.count_ones() as usize;
        if hashes.len() != expected {
            return Err(ProofError::NotAFrontier { size, expected, found: hashes.len() });
        }
        Ok(Self { size, hashes })
    }

    /// The number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, widest first: as many as the size has ones in binary.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Adds a leaf by its [`leaf_hash`].
    pub fn push(&mut self, leaf: Hash) {
        self.push_noting(leaf, |_, _| ());
    }

    /// Adds a leaf and tells of every complete subtree that it completes, by height, from 1 up.
    pub(crate) fn push_noting(&mut self, leaf: Hash, mut note: impl FnMut(u32, Hash)) {
        let mut hash = leaf;
        for height in 1..=self.size.trailing_ones() {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(left, hash);
            note(height, hash);
        }
        self.hashes.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// The root of the tree: the hash of nothing while it has no leaves.
    pub fn root(&self) -> Hash {
        fold_right(&self.hashes).unwrap_or_else(empty_root)
    }
}

/// The root above complete subtrees that stand side by side and get narrower to the right.
pub(crate) fn fold_right(hashes: &[Hash]) -> Option<Hash> {
    let (last, left) = hashes.split_last()?;
    Some(left.iter().rev().fold(*last, |right, left| node_hash(*left, right)))
}

impl Inclusion {
    /// Checks that the leaf of this hash is number `index` of the tree with this root (RFC 9162, section 2.1.3.2).
    pub fn verify(&self, leaf: Hash, root: Hash) -> Result<(), ProofError> {
        if self.index >= self.size {
            return Err(ProofError::OutsideTree { index: self.index, size: self.size });
        }
        let last = self.size - 1;
        // Below this height the leaf and the last leaf go different ways; above it only left neighbours are left.
        let inner = u64::BITS - (self.index ^ last).leading_zeros();
        let outer = self.index.checked_shr(inner).unwrap_or(0).count_ones();
        self.expect_length((inner + outer) as usize)?;
        let found = self.hashes.iter().zip(0_u32..).fold(leaf, |below, (beside, height)| {
            let is_right = height >= inner || self.index >> height & 1 == 1;
            if is_right { node_hash(*beside, below) } else { node_hash(below, *beside) }
        });
        same_root(self.size, root, found)
    }

    fn expect_length(&self, expected: usize) -> Result<(), ProofError> {
        let found = self.hashes.len();
        if found == expected { Ok(()) } else { Err(ProofError::WrongLength { expected, found }) }
    }
}

impl Consistency {
    /// Checks that the tree with `to_root` begins with the one with `from_root` (RFC 9162, section 2.1.4.2).
    ///
    /// The RFC leaves the tree without leaves undefined; here every tree begins with it, if `from_root` is its root.
    pub fn verify(&self, from_root: Hash, to_root: Hash) -> Result<(), ProofError> {
        let Self { from, to, ref hashes } = *self;
        if from > to {
            return Err(ProofError::Backwards { from, to });
        }
        if from == 0 || from == to {
            self.expect_length(0)?;
            return same_root(from, from_root, if from == 0 { empty_root() } else { to_root });
        }
        let completed = from.trailing_zeros();
        let index = (from - 1) >> completed;
        let last = (to - 1) >> completed;
        let inner = u64::BITS - (index ^ last).leading_zeros();
        let outer = index.checked_shr(inner).unwrap_or(0).count_ones();
        // A complete tree is itself the first step, so the proof does not repeat it.
        let is_complete = from.is_power_of_two();
        self.expect_length((inner + outer) as usize + usize::from(!is_complete))?;
        let (first, beside) = match hashes.split_first() {
            Some((first, beside)) if !is_complete => (*first, beside),
            _ => (from_root, hashes.as_slice()),
        };
        let (mut old, mut new) = (first, first);
        for (beside, height) in beside.iter().zip(0_u32..) {
            if height >= inner || index >> height & 1 == 1 {
                old = node_hash(*beside, old);
                new = node_hash(*beside, new);
            } else {
                new = node_hash(new, *beside);
            }
        }
        same_root(from, from_root, old)?;
        same_root(to, to_root, new)
    }

    fn expect_length(&self, expected: usize) -> Result<(), ProofError> {
        let found = self.hashes.len();
        if found == expected { Ok(()) } else { Err(ProofError::WrongLength { expected, found }) }
    }
}

fn same_root(size: u64, expected: Hash, found: Hash) -> Result<(), ProofError> {
    if expected == found { Ok(()) } else { Err(ProofError::WrongRoot { size, expected, found }) }
}
