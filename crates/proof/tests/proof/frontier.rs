//! A growing tree, and proofs that were altered.

use fengsui_proof::{Consistency, Frontier, Hash, Inclusion, ProofError, empty_root};
use proptest::prelude::*;

use crate::definition::{Definition, leaf};

const SIZE_MAX: u64 = 66;

#[test]
fn it_has_the_root_of_the_definition_at_every_size() {
    let definition = Definition::of(1_100);
    let mut frontier = Frontier::new();
    for size in 0..1_100 {
        assert_eq!(frontier.size(), size);
        assert_eq!(frontier.root(), definition.root(size));
        assert_eq!(frontier.hashes().len(), size.count_ones() as usize);
        let again = Frontier::from_parts(size, frontier.hashes().to_vec()).unwrap();
        assert_eq!(again, frontier);
        frontier.push(leaf(size));
    }
}

#[test]
fn hashes_of_another_size_are_no_frontier() {
    assert_eq!(
        Frontier::from_parts(5, vec![leaf(0)]),
        Err(ProofError::NotAFrontier { size: 5, expected: 2, found: 1 })
    );
    assert!(Frontier::from_parts(0, vec![leaf(0)]).is_err());
}

#[test]
fn every_proof_of_the_definition_verifies_and_no_neighbour_does() {
    let definition = Definition::of(SIZE_MAX);
    for size in 1..SIZE_MAX {
        let root = definition.root(size);
        for index in 0..size {
            let proof = Inclusion { index, size, hashes: definition.path(index, size) };
            proof.verify(leaf(index), root).unwrap();
            proof.verify(leaf(index + 1), root).unwrap_err();
            proof.verify(leaf(index), definition.root(size - 1)).unwrap_err();
            for other in (0..size + 2).filter(|other| *other != index) {
                Inclusion { index: other, ..proof.clone() }.verify(leaf(index), root).unwrap_err();
            }
        }
        for from in 0..=size {
            let proof = Consistency { from, to: size, hashes: definition.proof(from, size) };
            proof.verify(definition.root(from), root).unwrap();
            proof.verify(definition.root(from + 1), root).unwrap_err();
            if from > 0 {
                proof.verify(definition.root(from), definition.root(size + 1)).unwrap_err();
            }
            for other in (1..size + 2).filter(|other| *other != from) {
                Consistency { from: other, ..proof.clone() }.verify(definition.root(from), root).unwrap_err();
            }
        }
    }
}

#[test]
fn the_tree_without_leaves_begins_every_tree_and_only_with_its_root() {
    let definition = Definition::of(5);
    let proof = Consistency { from: 0, to: 5, hashes: Vec::new() };
    proof.verify(empty_root(), definition.root(5)).unwrap();
    proof.verify(leaf(0), definition.root(5)).unwrap_err();
    let longer = Consistency { hashes: vec![leaf(0)], ..proof };
    assert_eq!(longer.verify(empty_root(), definition.root(5)), Err(ProofError::WrongLength { expected: 0, found: 1 }));
    Consistency { from: 0, to: 0, hashes: Vec::new() }.verify(empty_root(), empty_root()).unwrap();
}

#[test]
fn refusals_say_what_is_wrong() {
    let outside = Inclusion { index: 7, size: 7, hashes: Vec::new() };
    assert_eq!(outside.verify(leaf(7), leaf(0)), Err(ProofError::OutsideTree { index: 7, size: 7 }));
    let backwards = Consistency { from: 8, to: 7, hashes: Vec::new() };
    assert_eq!(backwards.verify(leaf(7), leaf(0)), Err(ProofError::Backwards { from: 8, to: 7 }));
    let definition = Definition::of(8);
    let (expected, found) = (leaf(9), definition.root(8));
    let proof = Inclusion { index: 2, size: 8, hashes: definition.path(2, 8) };
    assert_eq!(proof.verify(leaf(2), expected), Err(ProofError::WrongRoot { size: 8, expected, found }));
}

fn any_hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from_bytes)
}

/// Sizes and numbers where overflow would show.
fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..70_u64, (0..64_u32).prop_map(|bit| 1 << bit), (u64::MAX - 3)..=u64::MAX]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_that_anyone_sends_is_believed_or_makes_it_panic(
        (first, second) in (any_number(), any_number()),
        hashes in prop::collection::vec(any_hash(), 0..130),
        (one, other) in (any_hash(), any_hash()),
    ) {
        let inclusion = Inclusion { index: first, size: second, hashes: hashes.clone() };
        prop_assert!(inclusion.verify(one, other).is_err());
        let consistency = Consistency { from: first, to: second, hashes };
        prop_assert!(consistency.verify(one, other).is_err());
    }

    #[test]
    fn a_proof_of_the_right_length_for_huge_trees_leads_to_one_root_only(
        index in any::<u64>(),
        size in any::<u64>(),
        hashes in prop::collection::vec(any_hash(), 64),
        turned in any::<prop::sample::Index>(),
        bit in 0..256_usize,
    ) {
        prop_assume!(index < size);
        let mut proof = Inclusion { index, size, hashes };
        let wrong = proof.verify(leaf(0), leaf(1)).unwrap_err();
        if let ProofError::WrongLength { expected, .. } = wrong {
            proof.hashes.truncate(expected);
        }
        let Err(ProofError::WrongRoot { found, .. }) = proof.verify(leaf(0), leaf(1)) else {
            return Err(TestCaseError::fail("a random proof has another root"));
        };
        proof.verify(leaf(0), found).unwrap();
        if !proof.hashes.is_empty() {
            let turned = turned.index(proof.hashes.len());
            let mut bytes = *proof.hashes[turned].as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            proof.hashes[turned] = Hash::from_bytes(bytes);
            prop_assert!(proof.verify(leaf(0), found).is_err());
        }
    }

    #[test]
    fn a_consistency_proof_with_one_bit_turned_verifies_nothing(
        (from, to) in (1..SIZE_MAX, 1..SIZE_MAX),
        turned in any::<prop::sample::Index>(),
        bit in 0..256_usize,
    ) {
        prop_assume!(from < to);
        let definition = Definition::of(to);
        let mut hashes = definition.proof(from, to);
        let turned = turned.index(hashes.len());
        let mut bytes = *hashes[turned].as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        hashes[turned] = Hash::from_bytes(bytes);
        let proof = Consistency { from, to, hashes };
        prop_assert!(proof.verify(definition.root(from), definition.root(to)).is_err());
    }
}

#[test]
fn hashes_and_proofs_are_json_as_others_would_write_them() {
    let definition = Definition::of(3);
    let proof = Inclusion { index: 2, size: 3, hashes: definition.path(2, 3) };
    let json = serde_json::to_string(&proof).unwrap();
    assert_eq!(json, format!(r#"{{"index":2,"size":3,"hashes":["{}"]}}"#, definition.root(2)));
    assert_eq!(serde_json::from_str::<Inclusion>(&json).unwrap(), proof);
    for wrong in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &"A".repeat(44), &leaf(0).to_hex()] {
        wrong.parse::<Hash>().unwrap_err();
    }
}
