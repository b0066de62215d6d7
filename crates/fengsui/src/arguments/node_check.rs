//! When a monitoring system is told.

use std::str::FromStr;

use clap::Args;

/// From which value on somebody is warned, and from which on it is critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// From here on it is a warning.
    pub warning: u64,
    /// From here on it is critical.
    pub critical: u64,
}

impl FromStr for Thresholds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once(',').and_then(|(warning, critical)| {
            Some(Self { warning: warning.trim().parse().ok()?, critical: critical.trim().parse().ok()? })
        });
        parsed.ok_or_else(|| "expected two whole numbers such as 1000,10000: warning, then critical".to_owned())
    }
}

/// When a monitoring system is told.
#[derive(Clone, Copy, Debug, Args)]
pub struct NodeCheckArguments {
    /// Positions by which the tables may be behind the stream: from WARN on it is a warning, from CRIT on critical
    #[arg(long, value_name = "WARN,CRIT", default_value = "1000,10000")]
    pub lag: Thresholds,
    /// Seconds that the oldest event may have waited in the outbox
    #[arg(long, value_name = "WARN,CRIT", default_value = "300,3600")]
    pub pending_age: Thresholds,
    /// Events that no checkpoint with enough cosignatures covers
    #[arg(long, value_name = "WARN,CRIT", default_value = "5000,50000")]
    pub unwitnessed: Thresholds,
    /// MiB that are to be free on the folder's disk: below WARN it is a warning, below CRIT critical
    #[arg(long, value_name = "WARN,CRIT", default_value = "512,128")]
    pub disk: Thresholds,
}
