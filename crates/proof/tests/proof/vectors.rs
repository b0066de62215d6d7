//! The published vectors of Certificate Transparency: a tree of eight leaves.

use fengsui_proof::{Consistency, Frontier, Hash, Inclusion, leaf_hash, tiles};

use crate::definition::Definition;
use crate::memory::Memory;

const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/// Nodes of the tree, by the leaves from and below which they stand.
const LEAF_0: &str = ROOTS[1];
const LEAF_1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const LEAF_4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const NODE_2_4: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const NODE_4_6: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const NODE_6_8: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const NODE_4_8: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";

fn hash(text: &str) -> Hash {
    Hash::from_bytes(hex::decode(text).unwrap().try_into().unwrap())
}

fn hashes(texts: &[&str]) -> Vec<Hash> {
    texts.iter().map(|text| hash(text)).collect()
}

fn leaves() -> Vec<Hash> {
    LEAVES.iter().map(|text| leaf_hash(&hex::decode(text).unwrap())).collect()
}

#[test]
fn roots() {
    let mut frontier = Frontier::new();
    let definition = Definition::of_leaves(leaves());
    assert_eq!(frontier.root(), hash(ROOTS[0]));
    for (leaf, size) in leaves().into_iter().zip(1..) {
        frontier.push(leaf);
        assert_eq!(frontier.root(), hash(ROOTS[size]));
        assert_eq!(definition.root(size as u64), hash(ROOTS[size]));
    }
    assert_eq!(frontier.root().to_hex(), ROOTS[8]);
    assert_eq!(frontier.root().to_string(), "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=");
}

#[test]
fn inclusion_proofs() {
    let leaves = leaves();
    let tiles = Memory::of(leaves.clone());
    let vectors: [(u64, u64, &[&str]); 6] = [
        (0, 1, &[]),
        (0, 8, &[LEAF_1, NODE_2_4, NODE_4_8]),
        (5, 8, &[LEAF_4, NODE_6_8, ROOTS[4]]),
        (2, 3, &[ROOTS[2]]),
        (1, 5, &[LEAF_0, NODE_2_4, LEAF_4]),
        (4, 5, &[ROOTS[4]]),
    ];
    for (index, size, expected) in vectors {
        let proof = Inclusion { index, size, hashes: hashes(expected) };
        let root = hash(ROOTS[size as usize]);
        assert_eq!(tiles::inclusion(&tiles, index, size, root).unwrap(), proof);
        proof.verify(leaves[index as usize], root).unwrap();
    }
}

#[test]
fn consistency_proofs() {
    let tiles = Memory::of(leaves());
    let vectors: [(u64, u64, &[&str]); 5] = [
        (1, 1, &[]),
        (1, 8, &[LEAF_1, NODE_2_4, NODE_4_8]),
        (6, 8, &[NODE_4_6, NODE_6_8, ROOTS[4]]),
        (2, 5, &[NODE_2_4, LEAF_4]),
        (2, 8, &[NODE_2_4, NODE_4_8]),
    ];
    for (from, to, expected) in vectors {
        let proof = Consistency { from, to, hashes: hashes(expected) };
        let (from_root, to_root) = (hash(ROOTS[from as usize]), hash(ROOTS[to as usize]));
        assert_eq!(tiles::consistency(&tiles, from, to, to_root).unwrap(), proof);
        proof.verify(from_root, to_root).unwrap();
    }
}
