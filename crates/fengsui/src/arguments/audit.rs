//! Checking everything, and handing it on to be checked.

use clap::Subcommand;

use super::audit_verify::AuditVerifyArguments;

/// What to do with the whole log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check bytes, signatures, keys, chains, tree, checkpoints, cosignatures and tables
    #[command(
        after_help = "Example:\n  fengsui audit verify\n  fengsui audit verify log.sqlite --exchange exchange.toml --work audit\n  fengsui audit verify city.zip --exchange exchange.toml --quorum 3"
    )]
    Verify(AuditVerifyArguments),
}
