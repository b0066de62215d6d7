//! Credit certificates.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fengsui_event::CertificateId;
use fengsui_proof::{Cosigner, parse_verifier_key};

use super::value::TypedUnit;

/// Credit certificates.
#[derive(Debug, Subcommand)]
pub enum CertificateCommand {
    /// Issue a certificate of a unit's credit, which anybody can check without a network
    #[command(
        after_help = "Example:\n  fengsui --agency fire certificate issue 91110000600037341L --purpose loan --consent \"letter of 2026-11-20\" --out credit.json --html credit.html --pdf credit.pdf"
    )]
    Issue(IssueArguments),
    /// Check a certificate, or the text of its QR code
    #[command(
        after_help = "Example:\n  fengsui certificate verify credit.json --exchange exchange.toml\n  fengsui certificate verify credit.json --against /srv/copy/log.sqlite --exchange exchange.toml\n  fengsui certificate verify --qr 'fengsui-certificate/1;...' --exchange exchange.toml"
    )]
    Verify(VerifyArguments),
    /// List the certificates that were issued, the latest first
    #[command(after_help = "Example:\n  fengsui certificate list 91110000600037341L")]
    List {
        /// The unit; every unit when absent
        unit: Option<TypedUnit>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Revoke a certificate: one's own or, as the authority, anybody's
    #[command(
        after_help = "Example:\n  fengsui --agency fire certificate revoke 01KDZ5T0000000000000000000 --reason \"issued for the wrong unit\""
    )]
    Revoke {
        /// The certificate's id
        certificate: CertificateId,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// Which certificate is issued.
#[derive(Debug, Args)]
pub struct IssueArguments {
    /// The unit's identifier
    pub unit: TypedUnit,
    /// For how many days after today it is valid
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub days: u32,
    /// What it is for; holds no personal data
    #[arg(long, value_name = "TEXT")]
    pub purpose: Option<String>,
    /// Where the unit's consent is on file; holds no personal data
    #[arg(long, value_name = "TEXT")]
    pub consent: Option<String>,
    /// File for the certificate; a file that is there is not replaced
    #[arg(long, value_name = "FILE.json")]
    pub out: PathBuf,
    /// File for a page with the QR code
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// File for the same as PDF
    #[arg(long, value_name = "FILE")]
    pub pdf: Option<PathBuf>,
}

/// What is checked, and against what.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The certificate's file
    #[arg(required_unless_present = "qr")]
    pub file: Option<PathBuf>,
    /// Text of the QR code; with a file as well, whether it belongs to it
    #[arg(long, value_name = "TEXT")]
    pub qr: Option<String>,
    /// The exchange file, which says whom to trust; the one of the node's folder when absent
    #[arg(long, value_name = "FILE")]
    pub exchange: Option<PathBuf>,
    /// How many agencies besides the authority must have cosigned; more than half of those registered when absent
    #[arg(long, value_name = "N")]
    pub quorum: Option<usize>,
    /// Public key of a cosigner that is no agency of the exchange, such as a supervisor; repeatable
    #[arg(long, value_name = "VKEY", value_parser = parse_verifier_key)]
    pub cosigner: Vec<Cosigner>,
    /// A log, a node's folder, an archive or a newer checkpoint to compare with: whether it was revoked, or the account has changed
    #[arg(long, value_name = "LOG|ARCHIVE|CHECKPOINT")]
    pub against: Option<PathBuf>,
}
