//! RFC 6962, section 2.1, word by word and without regard to cost: what everything else is compared with.

use std::cell::RefCell;
use std::collections::HashMap;

use fengsui_proof::{Hash, empty_root, leaf_hash, node_hash};

/// Leaves, with the hashes of ranges that were asked for before.
pub struct Definition {
    leaves: Vec<Hash>,
    known: RefCell<HashMap<(usize, usize), Hash>>,
}

/// The hash of the leaf with this number in every tree of these tests.
pub fn leaf(number: u64) -> Hash {
    leaf_hash(format!("leaf {number}").as_bytes())
}

/// The largest power of two smaller than `n`, for n > 1.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

impl Definition {
    pub fn of(size: u64) -> Self {
        Self::of_leaves((0..size).map(leaf).collect())
    }

    pub fn of_leaves(leaves: Vec<Hash>) -> Self {
        Self { leaves, known: RefCell::default() }
    }

    /// MTH(D[from:to]).
    pub fn hash(&self, from: usize, to: usize) -> Hash {
        match to - from {
            0 => empty_root(),
            1 => self.leaves[from],
            n => {
                if let Some(known) = self.known.borrow().get(&(from, to)) {
                    return *known;
                }
                let k = from + split(n);
                let hash = node_hash(self.hash(from, k), self.hash(k, to));
                self.known.borrow_mut().insert((from, to), hash);
                hash
            }
        }
    }

    pub fn root(&self, size: u64) -> Hash {
        self.hash(0, size as usize)
    }

    /// PATH(m, D[0:n]), the audit path.
    pub fn path(&self, m: u64, n: u64) -> Vec<Hash> {
        self.path_in(m as usize, 0, n as usize)
    }

    fn path_in(&self, m: usize, from: usize, to: usize) -> Vec<Hash> {
        if to - from == 1 {
            return Vec::new();
        }
        let k = from + split(to - from);
        let (mut path, beside) = if m < k {
            (self.path_in(m, from, k), self.hash(k, to))
        } else {
            (self.path_in(m, k, to), self.hash(from, k))
        };
        path.push(beside);
        path
    }

    /// PROOF(m, D[0:n]), the consistency proof.
    pub fn proof(&self, m: u64, n: u64) -> Vec<Hash> {
        if m == 0 { Vec::new() } else { self.subproof(m as usize, 0, n as usize, true) }
    }

    fn subproof(&self, m: usize, from: usize, to: usize, is_whole: bool) -> Vec<Hash> {
        if m == to {
            return if is_whole { Vec::new() } else { vec![self.hash(from, to)] };
        }
        let k = from + split(to - from);
        let (mut proof, beside) = if m <= k {
            (self.subproof(m, from, k, is_whole), self.hash(k, to))
        } else {
            (self.subproof(m, k, to, false), self.hash(from, k))
        };
        proof.push(beside);
        proof
    }
}
