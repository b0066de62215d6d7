//! Units, the log, agencies, the rulebook.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fengsui_event::{AgencyCode, Date, KeyId, RegionCode};
use fengsui_rulebook::Grade;

use super::keys::{RevokeArguments, RotateArguments, SuspendArguments};
use super::source::{CopyArguments, OtherLog};
use super::value::{TypedUnit, term};

/// Units and their accounts.
#[derive(Debug, Subcommand)]
pub enum UnitCommand {
    /// Show a unit: balance, grade, open cases
    #[command(after_help = "Example:\n  fengsui unit show 91110000600037341L")]
    Show {
        /// The unit's identifier
        unit: TypedUnit,
    },
    /// Show every line of a unit's account with event, rule, rulebook, dates and running balance
    #[command(after_help = "Example:\n  fengsui unit ledger 91110000600037341L --as-of 2026-06-30")]
    Ledger {
        /// The unit's identifier
        unit: TypedUnit,
    },
    /// List units with balance and grade
    #[command(after_help = "Example:\n  fengsui unit list --grade D")]
    List {
        /// With this grade
        #[arg(long, value_parser = term::<Grade>())]
        grade: Option<Grade>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
}

/// The log.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Show the last position
    #[command(after_help = "Example:\n  fengsui log head --json\n  fengsui log head --from tls://broker.example:4222")]
    Head(OtherLog),
    /// Show the event at a position, with its exact bytes
    #[command(after_help = "Example:\n  fengsui log show 12\n  fengsui log show 12 --raw | sha256sum")]
    Show {
        /// Position, or the event's id
        #[arg(value_name = "POSITION|ID")]
        event: String,
        /// Print the published bytes and nothing else
        #[arg(long, conflicts_with = "json")]
        raw: bool,
        /// Whose log.
        #[command(flatten)]
        log: OtherLog,
    },
    /// Show the last events
    #[command(after_help = "Example:\n  fengsui log tail -n 20 --follow")]
    Tail(TailArguments),
    /// Copy a log to another file or onto a broker's stream, record for record; begun again, it goes on
    #[command(
        after_help = "Example:\n  fengsui log copy --from fengsui-data --to backup.sqlite\n  fengsui log copy --from tls://broker.example:4222 --to audit.sqlite\n  fengsui log copy --from backup.sqlite --to nats://127.0.0.1:4222 --region 350600"
    )]
    Copy(CopyArguments),
}

/// Which events of the log's end.
#[derive(Debug, Args)]
pub struct TailArguments {
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub lines: usize,
    /// Go on as events come, until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,
    /// Whose log.
    #[command(flatten)]
    pub log: OtherLog,
}

/// Agencies.
#[derive(Debug, Subcommand)]
pub enum AgencyCommand {
    /// List the agencies of the exchange
    #[command(after_help = "Example:\n  fengsui agency list --json")]
    List,
    /// As the authority, register another agency by its public key
    #[command(
        after_help = "Example:\n  fengsui --agency joint-office agency register fire --region 350600 --key UBX3...\n  fengsui agency register --from join-fire.json"
    )]
    Register {
        /// Code of the agency
        #[arg(required_unless_present = "from")]
        code: Option<AgencyCode>,
        /// Its public key, as `fengsui init` printed it; may be repeated
        #[arg(long, required_unless_present = "from")]
        key: Vec<KeyId>,
        /// The public key with which its node signs in at the broker; may be repeated, for node 1, 2, ...
        #[arg(long, value_name = "KEY")]
        connection_key: Vec<KeyId>,
        /// The file that its `fengsui init` wrote, instead of code and keys
        #[arg(long, value_name = "FILE", conflicts_with_all = ["code", "key", "connection_key"])]
        from: Option<PathBuf>,
        /// Its region; that of the exchange when absent
        #[arg(long)]
        region: Option<RegionCode>,
        /// Its name; that of the rulebook when absent
        #[arg(long)]
        name: Option<String>,
    },
    /// Replace the desk's own key by a new one; as the authority with --of, that of another agency
    #[command(
        after_help = "Example:\n  fengsui --agency fire agency rotate-key\n  fengsui agency rotate-key --of fire --old UBX3... --new UDQF..."
    )]
    RotateKey(RotateArguments),
    /// End a key at once, one's own or, as the authority, anybody's
    #[command(after_help = "Example:\n  fengsui agency revoke-key UBX3... --reason stolen")]
    RevokeKey(RevokeArguments),
    /// As the authority, let an agency write nothing more
    #[command(after_help = "Example:\n  fengsui --agency joint-office agency suspend fire --reason merged")]
    Suspend(SuspendArguments),
}

/// The rulebook.
#[derive(Debug, Subcommand)]
pub enum RulebookCommand {
    /// Show the rulebook that is in force
    #[command(after_help = "Example:\n  fengsui rulebook show --text > rulebook.toml")]
    Show {
        /// Print its text as published
        #[arg(long, conflicts_with = "json")]
        text: bool,
    },
    /// List the kinds of violation with their points
    #[command(after_help = "Example:\n  fengsui rulebook categories")]
    Categories,
    /// Check a rulebook's text and say everything that is to be mended
    #[command(after_help = "Example:\n  fengsui rulebook check rulebook.toml")]
    Check {
        /// The TOML file
        file: PathBuf,
    },
    /// Fold the whole log under another rulebook's points and show who would stand otherwise, and how; nothing is changed
    #[command(
        after_help = "Example:\n  fengsui rulebook simulate dearer.toml\n  fengsui --json --as-of 2026-06-30 rulebook simulate dearer.toml --from 2026-01-01 > outcome.jsonl\n  fengsui --as-of 2026-06-30 rulebook simulate dearer.toml --from 2026-01-01 --expect outcome.jsonl"
    )]
    Simulate(SimulateArguments),
}

/// A rulebook to be tried.
#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// The TOML file
    pub file: PathBuf,
    /// From which recorded day its points count; from the first event when absent
    #[arg(long, value_name = "DATE")]
    pub from: Option<Date>,
    /// Compare with the JSON lines of an earlier run; 4 is the exit code when the outcome is another
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Show at most so many units; the sums are over all
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}
