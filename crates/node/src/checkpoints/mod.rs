//! Checkpoints: the log's tree, signed by the authority, checked and cosigned by everybody else (docs/checkpoints.md).
//!
//! - [`LogTree`] is the tree over the node's own log or copy, as tiles; [`edge_of`] its root from the log's bytes alone.
//! - [`sign`] and [`Cosigning`] sign; [`CheckpointLedger`] remembers what was signed before it leaves.
//! - [`Ground::compare`] holds a checkpoint from elsewhere against the log; what contradicts is kept by `contradiction`.
//! - [`notes`] reads checkpoints off the log; `due` decides when something is to be done.
//!
//! `node run` does all this by itself (`crate::station::duties`), off the way of events: none of it can keep an event from being
//! published or folded.

mod comparing;
mod config;
mod contradiction;
mod cosigning;
mod due;
mod duty;
mod error;
mod ledger;
pub mod notes;
mod schema;
mod signing;
#[cfg(test)]
mod tests;
mod tree;

pub use comparing::{Agreement, Ground};
pub use config::CheckpointsConfig;
pub use contradiction::{Contradiction, OwnWitness, evidence_folder};
pub use cosigning::{Cosigning, Examined, witness};
pub use due::{Uncovered, is_checkpoint, is_digest_due, is_late, is_signing_due};
pub use duty::CheckpointDuty;
pub use error::CheckpointError;
pub use ledger::{CheckpointLedger, LastSigned, LedgerError};
pub use schema::CHECKPOINTS_FILE;
pub use signing::{Sent, Stating, forget, key_of, sign, sign_stating};
pub use tree::{LogTree, discard_tree, edge_of, tree_folder};
