//! The running node.

use std::net::SocketAddr;

use clap::{Args, Subcommand, ValueEnum};

use super::node_check::NodeCheckArguments;

/// The running node.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum NodeCommand {
    /// Run the node in the foreground: publish, follow the stream, see to what is due
    #[command(
        after_help = "Example:\n  fengsui --data fire node run\n  fengsui --data fire node run --listen 127.0.0.1:9464 --log-format json"
    )]
    Run(NodeRunArguments),
    /// Show how the running node is: connection, positions, outbox, alarms
    #[command(
        after_help = "Example:\n  fengsui --data fire node status --json\n  fengsui --data fire node status --wait 30"
    )]
    Status(NodeStatusArguments),
    /// Say in one line whether the node is well, for Nagios and its kin: ends with 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN)
    #[command(
        after_help = "Example:\n  fengsui --data fire node check\n  fengsui --data fire node check --lag 500,5000 --disk 2048,512"
    )]
    Check(NodeCheckArguments),
}

/// How a node runs.
#[derive(Clone, Copy, Debug, Args)]
pub struct NodeRunArguments {
    /// Address for /healthz, /readyz, /metrics and /status; that of node.toml when absent
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// How the log on stderr is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// What is logged: this and everything graver; `info` when absent, `warn` with --quiet
    #[arg(long, value_enum, env = "FENGSUI_LOG", hide_env_values = true)]
    pub log_level: Option<LogLevel>,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, Args)]
pub struct NodeStatusArguments {
    /// Wait until the node is ready, what waited is published and what was on the stream is in the tables, but no longer than this
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub wait: Option<u64>,
}

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// How grave what is logged must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What somebody must see to
    Error,
    /// What is not as it should be
    Warn,
    /// What happens seldom
    Info,
    /// Every batch
    Debug,
    /// Everything
    Trace,
}
