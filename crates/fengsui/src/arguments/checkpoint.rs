//! Checkpoints of the log.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fengsui_log::Position;
use fengsui_proof::policy::{Cosigner, parse_verifier_key};

/// Checkpoints of the log.
#[derive(Debug, Subcommand)]
pub enum CheckpointCommand {
    /// Sign a checkpoint of the log as it is now (the authority)
    #[command(after_help = "Example:\n  fengsui --data pilot checkpoint sign --digest")]
    Sign {
        /// State the digest of the tables as well; whoever cosigns compares it
        #[arg(long)]
        digest: bool,
    },
    /// Check the newest checkpoint against the own log and cosign it, for each agency of the folder
    #[command(
        after_help = "Example:\n  fengsui --data fire checkpoint cosign\n  fengsui --data copy checkpoint cosign latest.note --key supervisor.seed --name supervisor.example/office --out cosigned.note"
    )]
    Cosign(CosignArguments),
    /// List checkpoints and who has cosigned them
    #[command(after_help = "Example:\n  fengsui checkpoint list --limit 5")]
    List {
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show a checkpoint with all its signatures
    #[command(after_help = "Example:\n  fengsui checkpoint show latest --note > latest.note")]
    Show {
        /// How many positions it covers, or `latest`
        #[arg(value_name = "SIZE|latest", default_value = "latest")]
        size: CheckpointSize,
        /// Only the signed note, to hand on
        #[arg(long)]
        note: bool,
    },
    /// Hold a checkpoint or a proof from elsewhere against this log, or check a proof offline
    #[command(
        after_help = "Example:\n  fengsui checkpoint check from-fire.note\n  fengsui checkpoint check 40.tlog-proof --event 40.json --exchange exchange.toml"
    )]
    Check(CheckArguments),
    /// Write the proof that the event at a position is in the log
    #[command(after_help = "Example:\n  fengsui checkpoint prove 40 --out 40.tlog-proof")]
    Prove {
        /// The event's position
        position: Position,
        /// The file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Make a supervisor's key, or show the public part of one
    #[command(after_help = "Example:\n  fengsui checkpoint key supervisor.seed --name supervisor.example/office")]
    Key {
        /// The seed file; it is made when there is none
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The name under which it cosigns, without spaces and plus signs
        #[arg(long)]
        name: String,
    },
    /// Begin again with signing, after the log was restored from an older state and it is known why
    #[command(
        after_help = "Example:\n  fengsui checkpoint forget --reason \"stream restored on 3 March, see minutes 12\""
    )]
    Forget {
        /// Why; it stays on record
        #[arg(long)]
        reason: String,
    },
}

/// Which checkpoint is cosigned, and for whom.
#[derive(Debug, Args)]
pub struct CosignArguments {
    /// A checkpoint in a file; the newest on the log when absent
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Cosign with this seed file instead, as a supervisor who is no agency of the exchange
    #[arg(long, value_name = "FILE", requires_all = ["name", "out"])]
    pub key: Option<PathBuf>,
    /// The supervisor's name
    #[arg(long, requires = "key")]
    pub name: Option<String>,
    /// Where the cosigned note is written
    #[arg(long, value_name = "FILE", requires = "key")]
    pub out: Option<PathBuf>,
}

/// What is checked, and whom to trust.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// A checkpoint (signed note), or a proof (tlog-proof)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The exact bytes of the event that a proof is about, as `fengsui log show POSITION --raw` gives them
    #[arg(long, value_name = "FILE")]
    pub event: Option<PathBuf>,
    /// Check without a node's folder, trusting the authority's keys in this file alone
    #[arg(long, value_name = "FILE")]
    pub exchange: Option<PathBuf>,
    /// Public key of a cosigner. May be repeated
    #[arg(long, value_name = "VKEY", value_parser = parse_verifier_key)]
    pub cosigner: Vec<Cosigner>,
    /// How many must have cosigned beside the authority
    #[arg(long, value_name = "N")]
    pub quorum: Option<usize>,
}

/// Which checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointSize {
    /// The newest.
    Latest,
    /// The one that covers so many positions.
    Of(u64),
}

impl std::str::FromStr for CheckpointSize {
    type Err = fengsui_log::InvalidPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "latest" { Ok(Self::Latest) } else { text.parse::<Position>().map(|size| Self::Of(size.get())) }
    }
}
