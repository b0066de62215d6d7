//! An agency's own book against the log.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::peer::PeerArguments;

/// What to hold against the log, or which settling commands to run.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["against", "apply", "peer"]))]
pub struct ReconcileArguments {
    /// The agency's own book: CSV, XLSX or XLS; nothing of it is changed
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// Which column holds what; the agency's saved map, else the built-in one when absent
    #[arg(long, value_name = "MAP.toml", requires = "against")]
    pub map: Option<PathBuf>,
    /// Keep the map for this agency's next book
    #[arg(long, requires = "map")]
    pub save_map: bool,
    /// Encoding of a CSV file; found out when absent
    #[arg(long, requires = "against")]
    pub encoding: Option<String>,
    /// The sheet of a workbook; all that fit when absent
    #[arg(long, requires = "against")]
    pub sheet: Option<String>,
    /// Write the commands that would settle what was found
    #[arg(long, value_name = "OUT", requires = "against", conflicts_with = "dry_run")]
    pub propose: Option<PathBuf>,
    /// Compare only: record nothing on the log
    #[arg(long, requires = "against")]
    pub dry_run: bool,
    /// Show at most so many rows and cases; the balance counts all
    #[arg(long, value_name = "N", requires = "against")]
    pub limit: Option<usize>,
    /// Run settling commands from a file that --propose wrote: shown first, and run with --yes
    #[arg(long, value_name = "OUT")]
    pub apply: Option<PathBuf>,
    /// With --apply: run them
    #[arg(long, requires = "apply")]
    pub yes: bool,
    /// One log against another.
    #[command(flatten)]
    pub peer: PeerArguments,
}
