//! The short texts of proofs: proof files, verifier keys, origins, names of tiles, hashes.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use fengsui_proof::{Hash, Origin, ProofFile, TilePath, leaf_hash, parse_verifier_key};

/// What is accepted has no other form.
fn check<T: FromStr + Display + Debug>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    assert_eq!(value.to_string(), text);
    Some(value)
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    check::<Hash>(text);
    check::<Origin>(text);
    check::<TilePath>(text);
    if let Some(proof) = check::<ProofFile>(text) {
        let _ = proof.verify(leaf_hash(b"no entry of any log"));
    }
    let _ = parse_verifier_key(text);
});
