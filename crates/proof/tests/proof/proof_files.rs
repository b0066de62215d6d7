//! Proofs as one text.

use fengsui_proof::proof_file::PROOF_FILE_BYTES_MAX;
use fengsui_proof::{Checkpoint, Hash, ProofError, ProofFile, ProofFileError, SignedCheckpoint, tiles};
use proptest::prelude::*;

use crate::checkpoints::origin;
use crate::definition::{Definition, leaf};
use crate::keys::TestKey;
use crate::memory::Memory;

const SIZE: u64 = 300;

fn proof(index: u64, extra: Option<Vec<u8>>) -> ProofFile {
    let root = Definition::of(SIZE).root(SIZE);
    let source = Memory::of((0..SIZE).map(leaf).collect());
    let checkpoint = SignedCheckpoint::sign(Checkpoint::new(origin(), SIZE, root, None), &TestKey::new(1));
    ProofFile { extra, inclusion: tiles::inclusion(&source, index, SIZE, root).unwrap(), checkpoint }
}

#[test]
fn a_proof_is_read_as_it_was_written_and_verifies() {
    for extra in [None, Some(Vec::new()), Some(b"anything".to_vec())] {
        let proof = proof(123, extra);
        let text = proof.to_string();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\n"));
        let read: ProofFile = text.parse().unwrap();
        assert_eq!(read, proof);
        assert_eq!(read.to_string(), text);
        read.verify(leaf(123)).unwrap();
        read.verify(leaf(122)).unwrap_err();
    }
    assert!(proof(5, Some(b"anything".to_vec())).to_string().contains("\nextra YW55dGhpbmc=\nindex 5\n"));
}

#[test]
fn the_signed_size_counts_not_the_one_that_is_filled_in() {
    let mut proof = proof(123, None);
    proof.inclusion.size = 299;
    proof.verify(leaf(123)).unwrap();
    proof.inclusion.index = SIZE;
    assert_eq!(proof.verify(leaf(123)), Err(ProofError::OutsideTree { index: SIZE, size: SIZE }));
}

#[test]
fn the_form_of_the_standard_is_read() {
    // The lines of the example in C2SP tlog-proof, with a checkpoint of ours, since its own is abridged.
    let hashes = [
        "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=",
        "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=",
        "EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=",
        "RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=",
        "AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=",
    ];
    let checkpoint = proof(0, None).checkpoint;
    let text = format!("c2sp.org/tlog-proof@v1\nindex 73894\n{}\n\n{checkpoint}", hashes.join("\n"));
    let read: ProofFile = text.parse().unwrap();
    assert_eq!(read.inclusion.index, 73_894);
    assert_eq!(read.inclusion.hashes.iter().map(Hash::to_string).collect::<Vec<_>>(), hashes);
    assert_eq!(read.checkpoint, checkpoint);
}

#[test]
fn what_is_no_proof_is_refused_with_its_line() {
    let good = proof(123, Some(b"anything".to_vec())).to_string();
    let refusal = |from: &str, to: &str| good.replacen(from, to, 1).parse::<ProofFile>().unwrap_err();
    assert!(matches!(refusal("@v1", "@v2"), ProofFileError::NotAProof(_)));
    assert!(matches!("".parse::<ProofFile>(), Err(ProofFileError::NotAProof(_))));
    for (from, to, line) in [
        ("extra ", "extra  ", 2),
        ("extra YW55dGhpbmc=", "extra YW55dGhpbmd=", 2),
        ("extra ", "other ", 2),
        ("index 123", "index 0123", 3),
        ("index 123", "index", 3),
        ("index 123", "index -1", 3),
        ("index 123\n", "", 3),
        ("index 123\n", "index 123\nAAAA\n", 4),
        ("index 123\n", "index 123\nindex 123\n", 4),
    ] {
        let error = refusal(from, to);
        assert!(matches!(error, ProofFileError::Line { line: found, .. } if found == line), "{to}: {error}");
    }
    assert!(matches!(refusal("\n\nfengsui", "\n\nfengsai"), ProofFileError::Checkpoint(_)));
    assert!(matches!(refusal("\n\nfengsui", "\nfengsui"), ProofFileError::Line { .. }));
    let hash = leaf(0).to_string() + "\n";
    assert!(matches!(
        refusal("index 123\n", &format!("index 123\n{}", hash.repeat(65))),
        ProofFileError::Line { line: 68, .. }
    ));
    let long = "A".repeat(PROOF_FILE_BYTES_MAX + 1);
    assert_eq!(long.parse::<ProofFile>(), Err(ProofFileError::TooLong { found: PROOF_FILE_BYTES_MAX + 1 }));
}

proptest! {
    #[test]
    fn any_text_is_a_proof_or_refused(text in r"(c2sp.org/tlog-proof@v1\n)?(extra [A-Za-z0-9+/=]{0,9}\n)?(index [0-9]{0,30}\n)?([A-Za-z0-9+/]{43}=\n){0,3}\n{0,2}[a-z\n0-9— ]{0,40}") {
        if let Ok(proof) = text.parse::<ProofFile>() {
            prop_assert_eq!(proof.to_string(), text);
        }
    }
}
