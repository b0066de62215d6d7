//! One log against another.

use clap::Args;
use fengsui_node::source::LogSource;

use super::source::AccessArguments;

/// Which logs are compared.
#[derive(Debug, Args)]
pub struct PeerArguments {
    /// Compare the node's own log with this one, or these two with each other: a log file, a node's folder, nats://HOST:PORT or tls://HOST:PORT
    #[arg(long, value_name = "LOG", num_args = 1..=2)]
    pub peer: Vec<LogSource>,
    /// Hash every event anew, and do not rely on trees that were drawn before
    #[arg(long, requires = "peer")]
    pub anew: bool,
    /// How many differing ranges a table shows; --json has all
    #[arg(long, value_name = "N", default_value_t = 20, requires = "peer")]
    pub ranges: usize,
    /// How a broker lets this program in.
    #[command(flatten)]
    pub access: AccessArguments,
}
