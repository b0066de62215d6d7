//! An agency's keys and its right to write.

use clap::Args;
use fengsui_event::{AgencyCode, KeyId};

/// Which key is replaced.
#[derive(Debug, Args)]
pub struct RotateArguments {
    /// As the authority: whose key
    #[arg(long, value_name = "CODE", requires_all = ["old", "new"])]
    pub of: Option<AgencyCode>,
    /// The public key that ends, or has ended
    #[arg(long, value_name = "KEY", requires = "of")]
    pub old: Option<KeyId>,
    /// The public key that begins, as `fengsui agency rotate-key` printed it there
    #[arg(long, value_name = "KEY", requires = "of")]
    pub new: Option<KeyId>,
}

/// Which key ends.
#[derive(Debug, Args)]
pub struct RevokeArguments {
    /// The public key
    pub key: KeyId,
    /// Why
    #[arg(long)]
    pub reason: String,
}

/// Who writes nothing more.
#[derive(Debug, Args)]
pub struct SuspendArguments {
    /// Code of the agency
    pub code: AgencyCode,
    /// Why
    #[arg(long)]
    pub reason: String,
}
