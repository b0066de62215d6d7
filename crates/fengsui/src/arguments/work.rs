//! Long work: demonstration, folders, tables in and out, replay.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fengsui_event::RegionCode;
use fengsui_log::Position;
use fengsui_node::as_of::AsOf;
use fengsui_node::broker_server::ServerUrl;

use super::source::OtherLog;
use super::value::TypedUnit;

/// The size of the pilot city.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Supervised units
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub units: u32,
    /// Violations over two years
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub violations: u32,
    /// What everything follows from; the same seed gives the same city
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// A node's folder.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// The agency's region (GB/T 2260)
    #[arg(long)]
    pub region: RegionCode,
    /// The agency is the authority: begin a new exchange
    #[arg(long, conflicts_with = "exchange")]
    pub authority: bool,
    /// The exchange file that the authority handed out
    #[arg(long, value_name = "FILE")]
    pub exchange: Option<PathBuf>,
    /// The agency's name; that of the rulebook when absent
    #[arg(long)]
    pub name: Option<String>,
    /// Number of this node among those of the agency
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub node: u16,
    /// Where the exchange's broker is reached; may be repeated. From the exchange file when absent
    #[arg(long, value_name = "URL")]
    pub server: Vec<ServerUrl>,
    /// Certificates that the broker's certificate is checked against (PEM); the system's when absent
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// This node's own certificate for the broker (PEM)
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub certificate: Option<PathBuf>,
    /// The key of that certificate (PEM), mode 0600
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub client_key: Option<PathBuf>,
}

/// A table to import.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// CSV or XLSX
    pub file: PathBuf,
    /// Which column holds what; the built-in maps when absent
    #[arg(long)]
    pub map: Option<PathBuf>,
    /// Encoding of a CSV file; found out when absent
    #[arg(long)]
    pub encoding: Option<String>,
    /// The sheet of a workbook; every fitting one when absent
    #[arg(long)]
    pub sheet: Option<String>,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// A table to export.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// What to write
    #[arg(value_enum)]
    pub what: ExportKind,
    /// The file; its name ends in .csv or .xlsx
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// What to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportKind {
    /// Every case
    Cases,
    /// Every line of every account
    Ledger,
    /// Every anomaly
    Anomalies,
}

/// A replay.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// Draw the tables into another folder
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
    /// With --from: the exchange file that says whom to trust; that of the node when absent
    #[arg(long, value_name = "FILE", requires = "from")]
    pub exchange: Option<PathBuf>,
    /// Last position to fold
    #[arg(long, value_name = "POSITION")]
    pub until: Option<Position>,
    /// Draw nothing; say what changed between two positions or days, such as 2026-06-01 2026-06-30
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["into", "until", "no_verify", "lines", "from"])]
    pub diff: Option<Vec<AsOf>>,
    /// With --diff: only what concerns this unit. An agency is named with --agency
    #[arg(long, requires = "diff")]
    pub unit: Option<TypedUnit>,
    /// Do not verify signatures
    #[arg(long)]
    pub no_verify: bool,
    /// Write the lines that the digest is taken over; `sha256sum` of the file gives it
    #[arg(long, value_name = "FILE")]
    pub lines: Option<PathBuf>,
    /// Whose log.
    #[command(flatten)]
    pub log: OtherLog,
}
