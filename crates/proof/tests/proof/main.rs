//! The tree, its tiles, and what is signed about it: against published vectors, the definition, and altered input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_possible_truncation)]

mod checkpoints;
mod definition;
mod documented;
mod frontier;
mod keys;
mod memory;
mod paths;
mod proof_files;
mod quorum;
mod reading;
mod vectors;
mod writing;
