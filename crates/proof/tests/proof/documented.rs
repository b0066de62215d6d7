//! The worked example in docs/proofs.md is what this program computes.

use std::fs;
use std::path::Path;

use fengsui_event::{AgencyCode, Digest, RegionCode, Signer as _};
use fengsui_proof::{
    Checkpoint, Origin, ProofFile, SignatureKind, SignedCheckpoint, TileFolder, TreeWriter, leaf_hash, node_hash,
    tiles, verifier_key,
};
use tempfile::TempDir;

use crate::keys::TestKey;

/// The bytes at the positions 1 to 3; nothing came at position 3.
const EVENTS: [&[u8]; 3] = [br#"{"id":"first"}"#, br#"{"id":"second"}"#, b""];

/// POSIX seconds of the cosignature.
const TIME: u64 = 1_790_000_000;

/// Every block of the example, in its order.
fn blocks() -> Vec<String> {
    let (authority, fire) = (TestKey::new(1), TestKey::new(2));
    let origin = Origin::of(RegionCode::parse("350600").unwrap());
    let cosigner = origin.cosigner_name(AgencyCode::parse("fire").unwrap());

    let leaves = EVENTS.map(leaf_hash);
    let node = node_hash(leaves[0], leaves[1]);
    let root = node_hash(node, leaves[2]);
    let hashes = format!(
        "leaf 0  {}\nleaf 1  {}\nleaf 2  {}\nnode    {}\nroot    {}\n",
        leaves[0].to_hex(),
        leaves[1].to_hex(),
        leaves[2].to_hex(),
        node.to_hex(),
        root.to_hex()
    );

    let folder = TempDir::new().unwrap();
    let mut writer = TreeWriter::open(TileFolder::create(folder.path()).unwrap(), 0).unwrap();
    for leaf in leaves {
        writer.push(leaf).unwrap();
    }
    writer.seal().unwrap();
    assert_eq!(writer.root(), root);
    let tile = fs::read(folder.path().join("tile/0/000.p/3")).unwrap();
    assert_eq!(tile, leaves.iter().flat_map(|leaf| *leaf.as_bytes()).collect::<Vec<u8>>());

    let checkpoint = Checkpoint::new(origin, 3, root, Some(Digest::of(b"")));
    let mut signed = SignedCheckpoint::sign(checkpoint, &authority);
    signed.cosign(&cosigner, TIME, &fire).unwrap();
    let keys = format!(
        "{}\n{}\n",
        verifier_key(&origin.to_string(), authority.keyid(), SignatureKind::Log),
        verifier_key(&cosigner, fire.keyid(), SignatureKind::Cosignature)
    );
    let message = format!("cosignature/v1\ntime {TIME}\n{}", signed.text());
    let inclusion = tiles::inclusion(writer.folder(), 1, 3, root).unwrap();
    let proof = ProofFile { extra: None, inclusion, checkpoint: signed.clone() };
    vec![hashes, signed.to_string(), message, keys, proof.to_string()]
}

#[test]
fn the_example_is_what_this_program_computes() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/proofs.md");
    let page = fs::read_to_string(page).unwrap();
    for block in blocks() {
        assert!(page.contains(&format!("```\n{block}```\n")), "docs/proofs.md lacks this block:\n{block}");
    }
}
