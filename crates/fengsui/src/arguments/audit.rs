//! Checking everything, and handing it on to be checked.

use clap::Subcommand;

use super::audit_explain::ExplainArguments;
use super::audit_export::AuditExportArguments;
use super::audit_verify::AuditVerifyArguments;

/// What to do with the whole log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check bytes, signatures, keys, chains, tree, checkpoints, cosignatures and tables
    #[command(
        after_help = "Example:\n  fengsui audit verify\n  fengsui audit verify log.sqlite --exchange exchange.toml --work audit\n  fengsui audit verify city.zip --exchange exchange.toml --quorum 3"
    )]
    Verify(AuditVerifyArguments),
    /// Write the log, or a part of it, as an archive that anybody can check without this program
    #[command(
        after_help = "Example:\n  fengsui audit export --out city.zip\n  fengsui audit export --from-log backup.sqlite --exchange exchange.toml --out city/ --to 10000"
    )]
    Export(AuditExportArguments),
    /// Show where points come from, back to signed bytes: of a case, of a unit, of one ledger entry
    #[command(
        after_help = "Example:\n  fengsui audit explain 91110000600037341L/2\n  fengsui audit explain 01KDZ5T0000000000000000000 --html case.html"
    )]
    Explain(ExplainArguments),
}
