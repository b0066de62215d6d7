//! The broker's configuration, in the authority's folder.

use std::path::PathBuf;

use clap::Subcommand;
use fengsui_event::{AgencyCode, KeyId};

/// The broker.
#[derive(Debug, Subcommand)]
pub enum BrokerCommand {
    /// Write the accounts and permissions anew, from the members and the log
    #[command(
        after_help = "Example:\n  fengsui broker accounts\n  fengsui broker accounts --leaf fire --out fire-accounts.conf"
    )]
    Accounts {
        /// Write to this file; to the broker's own when absent
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Only the users of one agency, for a server at its own site
        #[arg(long, value_name = "CODE", requires = "out")]
        leaf: Option<AgencyCode>,
    },
    /// Nodes that may sign in at the broker: list, add, remove
    #[command(subcommand, after_help = "Example:\n  fengsui broker member list")]
    Member(MemberCommand),
    /// Print the configuration of a single server
    #[command(after_help = "Example:\n  fengsui broker config > nats-server.conf")]
    Config,
}

/// Nodes that may sign in.
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// List the nodes and whether they may sign in now
    #[command(after_help = "Example:\n  fengsui broker member list --json")]
    List,
    /// Let another node of a registered agency sign in
    #[command(
        after_help = "Example:\n  fengsui broker member add --from join-fire.json\n  fengsui broker member add fire --node 2 --connection-key UCNX..."
    )]
    Add {
        /// Code of the agency
        #[arg(required_unless_present = "from")]
        code: Option<AgencyCode>,
        /// Number of the node among those of the agency
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
        node: u16,
        /// The node's public connection key, as `fengsui init` printed it
        #[arg(long, value_name = "KEY", required_unless_present = "from")]
        connection_key: Option<KeyId>,
        /// The file that the node's `fengsui init` wrote
        #[arg(long, value_name = "FILE", conflicts_with_all = ["code", "node", "connection_key"])]
        from: Option<PathBuf>,
    },
    /// Let a node sign in no longer
    #[command(after_help = "Example:\n  fengsui broker member remove UCNX...")]
    Remove {
        /// Its public connection key
        #[arg(value_name = "KEY")]
        connection_key: KeyId,
    },
}
