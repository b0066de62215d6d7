//! Snapshots: writing, looking at and loading them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fengsui_proof::{Cosigner, parse_verifier_key};

/// Snapshots.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Write the state of a position, by default of the newest checkpoint that enough agencies have cosigned with its state digest
    #[command(
        after_help = "Example:\n  fengsui snapshot write --out city.snapshot\n  fengsui --as-of 120000 snapshot write --out city.snapshot"
    )]
    Write {
        /// The file; what stands there is replaced
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show what a snapshot says of itself, and whether its bytes are whole
    #[command(after_help = "Example:\n  fengsui snapshot show city.snapshot")]
    Show {
        /// The snapshot
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Draw the tables from a snapshot, if enough agencies have cosigned its state, and bring them up to the log's end
    #[command(
        after_help = "Example:\n  fengsui log copy --from tls://broker.example:4222 --to fengsui-data/log.sqlite\n  fengsui snapshot load city.snapshot\n  fengsui snapshot load city.snapshot --checkpoint newest.checkpoint --quorum 3"
    )]
    Load(LoadArguments),
}

/// A snapshot, and whose word is enough for it.
#[derive(Debug, Args)]
pub struct LoadArguments {
    /// The snapshot
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A checkpoint of the snapshot's position that you have from elsewhere; its cosignatures count beside those on the log
    #[arg(long, value_name = "NOTE")]
    pub checkpoint: Option<PathBuf>,
    /// Public key of a cosigner that is no agency of the exchange, such as a supervisor. May be repeated
    #[arg(long, value_name = "VKEY", value_parser = parse_verifier_key)]
    pub cosigner: Vec<Cosigner>,
    /// How many must have cosigned beside the authority; more than half of the other agencies when absent
    #[arg(long, value_name = "N")]
    pub quorum: Option<usize>,
}
