//! What is audited, and whom the audit trusts.

use std::path::PathBuf;

use clap::Args;
use fengsui_log::Position;
use fengsui_node::source::LogSource;
use fengsui_proof::policy::{Cosigner, parse_verifier_key};

use super::source::AccessArguments;

/// An audit.
#[derive(Debug, Args)]
pub struct AuditVerifyArguments {
    /// A log file, a node's folder, an archive (ZIP file or folder), nats://HOST:PORT or tls://HOST:PORT; the node's own folder when absent
    #[arg(value_name = "LOG|ARCHIVE")]
    pub log: Option<LogSource>,
    /// The exchange file that says whom to trust; without it that of the node, or what the log says of itself
    #[arg(long, value_name = "FILE")]
    pub exchange: Option<PathBuf>,
    /// A checkpoint that you have from elsewhere; the log must hold what it covers. May be repeated
    #[arg(long, value_name = "FILE")]
    pub trusted: Vec<PathBuf>,
    /// Public key of a cosigner that is no agency of the exchange, such as a supervisor. May be repeated
    #[arg(long, value_name = "VKEY", value_parser = parse_verifier_key)]
    pub cosigner: Vec<Cosigner>,
    /// How many must have cosigned beside the authority; more than half of the other agencies when absent
    #[arg(long, value_name = "N")]
    pub quorum: Option<usize>,
    /// Tables to compare with the log; those of the node's folder when absent
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Keep here what was verified; the next audit with the same folder goes on from there
    #[arg(long, value_name = "DIR")]
    pub work: Option<PathBuf>,
    /// With an empty --work: begin from this snapshot, if enough have cosigned the checkpoint of its state
    #[arg(long, value_name = "FILE", requires = "work")]
    pub snapshot: Option<PathBuf>,
    /// Last position to verify
    #[arg(long, value_name = "POSITION")]
    pub until: Option<Position>,
    /// Do not compute the state digest, whose cost grows with all cases and units
    #[arg(long, conflicts_with = "model")]
    pub no_digest: bool,
    /// How a broker lets this program in.
    #[command(flatten)]
    pub access: AccessArguments,
}
