//! Anomalies: list, show, explain, do again.

use clap::{ArgGroup, Args, Subcommand};
use fengsui_event::{AgencyCode, EventId};
use fengsui_log::Position;

/// Anomalies.
#[derive(Debug, Subcommand)]
pub enum AnomalyCommand {
    /// List records that had no effect, or had it with a reservation
    #[command(after_help = "Example:\n  fengsui anomaly list --from urban --code case_state")]
    List {
        /// With this code
        #[arg(long)]
        code: Option<String>,
        /// Published by this agency
        #[arg(long, value_name = "CODE")]
        from: Option<AgencyCode>,
        /// Of this case
        #[arg(long)]
        case: Option<EventId>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show one anomaly
    #[command(after_help = "Example:\n  fengsui anomaly show 1")]
    Show {
        /// Its number in the list
        number: u64,
    },
    /// Say in plain words what was wrong, against which state, and what to do now
    #[command(
        after_help = "Example:\n  fengsui anomaly explain 1\n  fengsui anomaly explain --position 42",
        group = ArgGroup::new("which").required(true).args(["number", "position"])
    )]
    Explain {
        /// Its number in the list
        number: Option<u64>,
        /// Instead of a number: everything that was wrong with the record at this position
        #[arg(long)]
        position: Option<Position>,
    },
    /// Do again, as new events of the same desk, what failed for want of a state that is there now; each at most once
    #[command(after_help = "Example:\n  fengsui anomaly retry 3 5\n  fengsui anomaly retry --code not_closable --yes")]
    Retry(RetryArguments),
}

/// What to do again.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("retried").required(true).args(["numbers", "code"]))]
pub struct RetryArguments {
    /// Numbers in the list
    pub numbers: Vec<u64>,
    /// Instead of numbers: all with this code
    #[arg(long)]
    pub code: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u64,
    /// Do it; without this it is only shown
    #[arg(long)]
    pub yes: bool,
}
