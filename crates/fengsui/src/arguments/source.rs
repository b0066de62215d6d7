//! Logs other than the node's own, and how their brokers let this program in.

use std::path::PathBuf;

use clap::Args;
use fengsui_event::RegionCode;
use fengsui_log::Position;
use fengsui_node::source::LogSource;

/// A log other than the node's own.
#[derive(Debug, Args)]
pub struct OtherLog {
    /// Another log than the node's own: a log file, a node's folder, nats://HOST:PORT or tls://HOST:PORT
    #[arg(long, value_name = "LOG")]
    pub from: Option<LogSource>,
    /// How a broker lets this program in.
    #[command(flatten)]
    pub access: AccessArguments,
}

/// How a broker lets this program in.
#[derive(Debug, Args)]
pub struct AccessArguments {
    /// Region of a broker's stream; that of the node's exchange when absent
    #[arg(long, value_name = "CODE")]
    pub region: Option<RegionCode>,
    /// Seed file of the key with which to sign in at a broker; the node's own when absent
    #[arg(long, value_name = "FILE")]
    pub connection_key: Option<PathBuf>,
    /// Certificates that a broker's is checked against (PEM); those of the node when absent
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Certificate with which to connect to a broker (PEM); the node's own when absent
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub certificate: Option<PathBuf>,
    /// Key of that certificate (PEM), mode 0600
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub client_key: Option<PathBuf>,
}

/// What is copied where.
#[derive(Debug, Args)]
pub struct CopyArguments {
    /// The log that is copied: a log file, a node's folder, nats://HOST:PORT or tls://HOST:PORT
    #[arg(long, value_name = "LOG")]
    pub from: LogSource,
    /// Where to; what is missing there is made: a log file, or a broker's stream
    #[arg(long, value_name = "LOG")]
    pub to: LogSource,
    /// Last position to copy
    #[arg(long, value_name = "POSITION")]
    pub until: Option<Position>,
    /// Compare only, and say what would be copied
    #[arg(long)]
    pub dry_run: bool,
    /// How a broker lets this program in.
    #[command(flatten)]
    pub access: AccessArguments,
}
