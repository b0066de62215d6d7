//! Evidence, and the people who reported.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use fengsui_event::{Digest, EventId};
use fengsui_node::reporters::{OfficerKey, PublicReference};

/// Evidence.
#[derive(Debug, Subcommand)]
pub enum EvidenceCommand {
    /// List the photos and documents of the cases that the agency may see
    #[command(after_help = "Example:\n  fengsui evidence list --case 01KDZ5T0000000000000000000")]
    List {
        /// Of this case
        #[arg(long, value_name = "ID")]
        case: Option<EventId>,
    },
    /// Write a photo or document to a file; it is fetched from the broker when it is not here yet
    #[command(
        after_help = "Example:\n  fengsui evidence get ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad --out photo.jpg"
    )]
    Get {
        /// Its SHA-256
        sha256: Digest,
        /// The file to write; one that is there is not replaced
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Read every file of evidence again and compare it with its hash
    #[command(after_help = "Example:\n  fengsui evidence verify --json")]
    Verify,
    /// Put everything that the agency named into the others' buckets again, after the broker has lost them
    #[command(after_help = "Example:\n  fengsui evidence share-again")]
    ShareAgain,
}

/// The people who reported.
#[derive(Debug, Subcommand)]
pub enum ReporterCommand {
    /// List public reports: references and dates, nobody's name
    #[command(after_help = "Example:\n  fengsui --agency fire reporter list")]
    List,
    /// Show who made a public report, as an officer of the agency that received it; it is recorded first
    #[command(
        after_help = "Example:\n  fengsui reporter show 3V5N-8WKQ-0R2D-7XHC-M4TE-9ABZ-1GR --identity li.officer --reason 回访核实"
    )]
    Show(ShowArguments),
    /// List who opened what, when and why, refused attempts included
    #[command(after_help = "Example:\n  fengsui reporter openings")]
    Openings {
        /// Of this report
        #[arg(long)]
        reference: Option<PublicReference>,
    },
    /// The officers who may learn who reported
    #[command(subcommand, after_help = "Example:\n  fengsui reporter officer list")]
    Officer(OfficerCommand),
}

/// Whose identity is shown to whom.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// The report's reference
    pub reference: PublicReference,
    /// The officer's identity file
    #[arg(long, value_name = "FILE")]
    pub identity: PathBuf,
    /// Why the reporter's name must be known; it is recorded
    #[arg(long)]
    pub reason: String,
}

/// Officers.
#[derive(Debug, Subcommand)]
pub enum OfficerCommand {
    /// Register an officer; what is reported from then on is sealed to him
    #[command(
        after_help = "Example:\n  fengsui --agency fire reporter officer add li --out li.officer\n  fengsui --agency fire reporter officer add wang --out wang.officer \\\n    --reseal-with li.officer --reason 增设接报人员",
        group = ArgGroup::new("officer_key").required(true).args(["out", "key"])
    )]
    Add(AddArguments),
    /// Take an officer off the list and erase what is sealed to him
    #[command(after_help = "Example:\n  fengsui --agency fire reporter officer remove li")]
    Remove {
        /// His name
        name: String,
    },
    /// List the officers of the agency
    #[command(after_help = "Example:\n  fengsui --agency fire reporter officer list")]
    List,
    /// Seal what one officer can open to all the others; each report counts as opened
    #[command(
        after_help = "Example:\n  fengsui --agency fire reporter officer reseal --identity li.officer --reason 增设接报人员"
    )]
    Reseal {
        /// The identity file of the officer who can open it
        #[arg(long, value_name = "FILE")]
        identity: PathBuf,
        /// Why; it is recorded
        #[arg(long)]
        reason: String,
    },
}

/// A new officer.
#[derive(Debug, Args)]
pub struct AddArguments {
    /// His name or post
    pub name: String,
    /// Make his identity and write it to this file, which he keeps
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The public key of an identity that he made himself
    #[arg(long, value_name = "KEY")]
    pub key: Option<OfficerKey>,
    /// The identity file of another officer, to seal earlier reports to the new one as well
    #[arg(long, value_name = "FILE", requires = "reason")]
    pub reseal_with: Option<PathBuf>,
    /// With --reseal-with: why; it is recorded
    #[arg(long, requires = "reseal_with")]
    pub reason: Option<String>,
}
