//! The name by which an entry or a referral says which rule decided it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const LENGTH_MAX: usize = 160;

/// Names one rule of a rulebook, such as `points/fire.60-3/serious` or `responsibility/fire-60`.
///
/// Parts are separated by `/`: the kind of rule, then what the rule is about. Together with the rulebook's version it
/// says for ever why an agency was asked or points fell. Lower-case letters, digits and `. - _ * /`, at most 160.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct RuleId(String);

/// Why a text is not a rule's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{input:?} does not name a rule; expected parts such as points/fire.60-3/serious; copy the name from the ledger"
)]
pub struct RuleIdError {
    /// The text as given.
    pub input: String,
}

impl RuleId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Joins parts that are known to be made of the permitted characters.
    pub(crate) fn of(parts: &[&str]) -> Self {
        Self(parts.join("/"))
    }
}

impl TryFrom<String> for RuleId {
    type Error = RuleIdError;

    fn try_from(input: String) -> Result<Self, RuleIdError> {
        let permitted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"./-_*".contains(&byte);
        let parts_are_filled = input.split('/').all(|part| !part.is_empty());
        if input.len() > LENGTH_MAX || !parts_are_filled || !input.bytes().all(permitted) {
            return Err(RuleIdError { input });
        }
        Ok(Self(input))
    }
}

impl std::str::FromStr for RuleId {
    type Err = RuleIdError;

    fn from_str(text: &str) -> Result<Self, RuleIdError> {
        Self::try_from(text.to_owned())
    }
}

impl From<RuleId> for String {
    fn from(rule: RuleId) -> Self {
        rule.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_parts_of_plain_characters() {
        for name in
            ["points/fire.60-3/serious", "points/*/major_hazard", "responsibility/fire-60", "repetition/fire.60-*/2"]
        {
            assert_eq!(name.parse::<RuleId>().unwrap().as_str(), name);
        }
        for name in ["", "/", "points//serious", "points/", "Points/x", "points/fire 60", "points/消防"] {
            assert!(name.parse::<RuleId>().is_err(), "{name}");
        }
        assert!("a".repeat(LENGTH_MAX + 1).parse::<RuleId>().is_err());
    }
}
