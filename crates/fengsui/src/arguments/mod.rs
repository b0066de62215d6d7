//! The command line: noun, then verb.

pub mod anomaly;
pub mod audit;
pub mod audit_explain;
pub mod audit_export;
pub mod audit_verify;
pub mod broker;
pub mod case;
pub mod certificate;
pub mod checkpoint;
pub mod desk;
pub mod evidence;
pub mod keys;
pub mod many;
pub mod node;
pub mod node_check;
pub mod peer;
pub mod read;
pub mod reconcile;
pub mod snapshot;
pub mod source;
pub mod value;
pub mod work;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use fengsui_event::{AgencyCode, Language};
use fengsui_node::as_of::AsOf;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "fengsui",
    version,
    about = "The exchange between agencies: violations, forwarding, feedback, credit points",
    after_help = "Example:\n  fengsui --data pilot demo\n  fengsui --data pilot referral list --inbox --agency fire",
    disable_help_flag = true,
    disable_help_subcommand = true,
    disable_version_flag = true,
    subcommand_required = true,
    arg_required_else_help = true,
    propagate_version = true,
    max_term_width = 100
)]
pub struct CommandLine {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The node's folder
    #[arg(long, global = true, value_name = "DIR", env = "FENGSUI_DATA", default_value = "./fengsui-data")]
    pub data: PathBuf,
    /// Which desk acts: an agency whose key the folder holds; the folder's own when absent
    #[arg(long, global = true, value_name = "CODE")]
    pub agency: Option<AgencyCode>,
    /// Show what was known at a position of the log, or at the end of a day
    #[arg(long, global = true, value_name = "POSITION|DATE")]
    pub as_of: Option<AsOf>,
    /// JSON for scripts
    #[arg(long, global = true)]
    pub json: bool,
    /// Language of texts; from the locale when absent
    #[arg(long, global = true, value_name = "zh|en", value_parser = value::LanguageParser)]
    pub lang: Option<Language>,
    /// No remarks on stderr
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// No progress bars
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Show this help
    #[arg(long, short, global = true, action = ArgAction::Help)]
    pub help: Option<bool>,
    /// Show the version
    #[arg(long, short = 'V', global = true, action = ArgAction::Version)]
    pub version: Option<bool>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the pilot city with its eight agencies and two years of violations
    #[command(after_help = "Example:\n  fengsui --data pilot demo --units 300 --violations 2000 --seed 1")]
    Demo(work::DemoArguments),
    /// Make a node's folder, or add a desk to one that holds the authority's key
    #[command(
        after_help = "Example:\n  fengsui --data pilot init --region 350600 --agency joint-office --authority\n  fengsui --data pilot init --region 350600 --agency fire\n  fengsui --data fire init --region 350600 --agency fire --exchange exchange.toml"
    )]
    Init(work::InitArguments),
    /// Violations: report, list, show, amend, retract
    #[command(subcommand, after_help = "Example:\n  fengsui violation list --category fire.60-3")]
    Violation(desk::ViolationCommand),
    /// Referrals: the agency's desk
    #[command(subcommand, after_help = "Example:\n  fengsui referral list --inbox")]
    Referral(desk::ReferralCommand),
    /// Feedback: what was done, and whether the reporter takes it
    #[command(subcommand, after_help = "Example:\n  fengsui feedback confirm 01KDZ5T0000000000000000000")]
    Feedback(desk::FeedbackCommand),
    /// Rectification: order it, inspect again
    #[command(subcommand, after_help = "Example:\n  fengsui rectification order --help")]
    Rectification(case::RectificationCommand),
    /// Case files with their whole history
    #[command(subcommand, after_help = "Example:\n  fengsui case show 01KDZ5T0000000000000000000")]
    Case(case::CaseCommand),
    /// Objections of units
    #[command(subcommand, after_help = "Example:\n  fengsui objection file --help")]
    Objection(case::ObjectionCommand),
    /// Units and their credit accounts
    #[command(subcommand, after_help = "Example:\n  fengsui unit ledger 91350602MA2XK3TF2N")]
    Unit(read::UnitCommand),
    /// Credit certificates: issue, check, list, revoke
    #[command(subcommand, after_help = "Example:\n  fengsui certificate verify credit.json --exchange exchange.toml")]
    Certificate(certificate::CertificateCommand),
    /// Report the violations of a CSV or XLSX table
    #[command(after_help = "Example:\n  fengsui import ledger.xlsx --map map.toml --dry-run")]
    Import(work::ImportArguments),
    /// Hold an agency's own book, or another log, against this one; say what settles it
    #[command(
        after_help = "Example:\n  fengsui --agency fire reconcile --against fire.xlsx --propose settle.txt\n  fengsui --agency fire reconcile --apply settle.txt --yes\n  fengsui reconcile --peer tls://broker.example:4222\n  fengsui reconcile --peer fire/log.sqlite urban/log.sqlite"
    )]
    Reconcile(reconcile::ReconcileArguments),
    /// Write a table for people
    #[command(after_help = "Example:\n  fengsui export cases --out cases.xlsx --as-of 2026-06-30")]
    Export(work::ExportArguments),
    /// The log itself
    #[command(subcommand, after_help = "Example:\n  fengsui log tail -n 20 --follow")]
    Log(read::LogCommand),
    /// Draw every table from the log again, as it is or as it was
    #[command(
        after_help = "Example:\n  fengsui replay\n  fengsui replay --into elsewhere --as-of 2026-06-30\n  fengsui replay --diff 2026-06-01 2026-06-30 --agency fire"
    )]
    Replay(work::ReplayArguments),
    /// The whole log: check it, hand it on, show where points come from
    #[command(subcommand, after_help = "Example:\n  fengsui audit verify")]
    Audit(audit::AuditCommand),
    /// Snapshots of the tables: write, show, load
    #[command(subcommand, after_help = "Example:\n  fengsui snapshot load city.snapshot")]
    Snapshot(snapshot::SnapshotCommand),
    /// Records that were not as they should be
    #[command(subcommand, after_help = "Example:\n  fengsui anomaly list --code wrong_actor")]
    Anomaly(anomaly::AnomalyCommand),
    /// Checkpoints of the log: signed, cosigned, compared, proven from
    #[command(subcommand, after_help = "Example:\n  fengsui checkpoint list")]
    Checkpoint(checkpoint::CheckpointCommand),
    /// Agencies of the exchange
    #[command(subcommand, after_help = "Example:\n  fengsui agency list")]
    Agency(read::AgencyCommand),
    /// The broker's configuration, in the authority's folder: accounts, members, server
    #[command(subcommand, after_help = "Example:\n  fengsui broker member list")]
    Broker(broker::BrokerCommand),
    /// The running node: run it, look at it
    #[command(subcommand, after_help = "Example:\n  fengsui --data fire node status")]
    Node(node::NodeCommand),
    /// Photos and documents of cases
    #[command(subcommand, after_help = "Example:\n  fengsui evidence list")]
    Evidence(evidence::EvidenceCommand),
    /// The people who reported: kept sealed, opened by officers alone
    #[command(subcommand, after_help = "Example:\n  fengsui reporter list")]
    Reporter(evidence::ReporterCommand),
    /// The rulebook: responsibility, terms, points, grades
    #[command(subcommand, after_help = "Example:\n  fengsui rulebook categories")]
    Rulebook(read::RulebookCommand),
    /// Look whether everything is in order, and say what mends it
    #[command(after_help = "Example:\n  fengsui --data pilot doctor")]
    Doctor,
    /// Print a shell's completions
    #[command(after_help = "Example:\n  fengsui completions bash > /etc/bash_completion.d/fengsui")]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    #[command(after_help = "Example:\n  fengsui man /usr/local/share/man/man1")]
    Man {
        /// Folder for the pages; it is made when there is none
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Show the program's version
    #[command(after_help = "Example:\n  fengsui version --json")]
    Version,
}
