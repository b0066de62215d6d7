//! Why anyone may believe the log: Merkle tree, tiles, checkpoints, cosignatures and proofs.
//!
//! The tree is the one of RFC 6962 with SHA-256; what leaves this crate has the C2SP formats (tlog-tiles, tlog-checkpoint,
//! signed-note, tlog-cosignature, tlog-proof), so that other programs read it. The formats, with an example, are in
//! docs/proofs.md. This crate knows no policy, no network and no clock, and what it reads may come from anyone: nothing that
//! it is given makes it panic or take more than a bounded amount of memory. Only [`tiles::TileFolder`] touches files.

pub mod archive;
pub mod certificate;
pub mod checkpoint;
pub mod hash;
mod note;
pub mod policy;
pub mod proof_file;
pub mod tiles;
pub mod tree;

pub use checkpoint::{Checkpoint, CheckpointError, Origin, SignatureKind, SignedCheckpoint};
pub use hash::{Hash, empty_root, leaf_hash, node_hash};
pub use policy::{Cosigned, Cosigner, Quorum, QuorumError, default_quorum, parse_verifier_key, verifier_key};
pub use proof_file::{ProofFile, ProofFileError};
pub use tiles::{TileError, TileFolder, TilePath, TileSource, TreeWriter};
pub use tree::{Consistency, Frontier, Inclusion, ProofError};
