//! What an agency runs: its folder, keys, outbox, and the desk at which commands become events.
//!
//! It asks the projector for state and never reads the read model's tables itself.

pub mod as_of;
pub mod broker;
pub mod broker_accounts;
pub mod broker_server;
pub mod certificates;
pub mod checkpoints;
pub mod connection_key;
pub mod deadlines;
pub mod demo;
pub mod desk;
pub mod evidence;
pub mod folder;
pub mod import;
pub mod join;
pub mod keys;
pub mod node;
pub mod notify;
pub mod outbox;
pub mod peer;
pub mod reading;
pub mod reconcile;
pub mod reporters;
pub mod rotation;
pub mod source;
pub mod station;
pub mod wake;

pub use node::{Accepted, Batch, Node, NodeError, Receipt};
