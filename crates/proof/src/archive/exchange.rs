//! `exchange.toml`: whom trust starts from.

use std::fmt::Write as _;

use fengsui_event::{AgencyCode, KeyId, RegionCode};
use serde::Deserialize;

use super::{ArchiveError, Member};

/// Region, authority and the authority's first keys: what an archive says that its log starts from. Whoever verifies an archive
/// takes these from elsewhere, and compares.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveExchange {
    /// Region of the exchange.
    pub region: RegionCode,
    /// The agency that runs it.
    pub authority: AgencyCode,
    /// The authority's keys before the first event, in ascending order.
    pub authority_keys: Vec<KeyId>,
}

impl ArchiveExchange {
    /// With its keys in order.
    pub fn new(region: RegionCode, authority: AgencyCode, mut authority_keys: Vec<KeyId>) -> Self {
        authority_keys.sort_unstable();
        authority_keys.dedup();
        Self { region, authority, authority_keys }
    }

    /// The text of `exchange.toml`; nodes read it as well.
    pub fn text(&self) -> String {
        let mut text =
            format!("region = \"{}\"\nauthority = \"{}\"\nauthority_keys = [\n", self.region, self.authority);
        for key in &self.authority_keys {
            // Writing to memory cannot fail.
            let _ = writeln!(text, "    \"{key}\",");
        }
        text + "]\n"
    }

    /// Reads `exchange.toml`.
    pub fn read(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let refuse = |reason: String| ArchiveError::content(&Member::Exchange, &reason);
        let text = std::str::from_utf8(bytes).map_err(|error| refuse(error.to_string()))?;
        let read: Self = toml::from_str(text).map_err(|error| refuse(error.message().to_owned()))?;
        let exchange = Self::new(read.region, read.authority, read.authority_keys);
        if exchange.authority_keys.is_empty() {
            return Err(refuse("it names no key of the authority".to_owned()));
        }
        if exchange.text() == text {
            Ok(exchange)
        } else {
            Err(refuse("it is not in the one form that it has".to_owned()))
        }
    }
}
