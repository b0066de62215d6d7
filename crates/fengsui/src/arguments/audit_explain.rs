//! What is to be explained.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use fengsui_event::{EventId, UnitIdError};

use super::value::TypedUnit;

/// What to explain, and how to show it.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// A case (or a referral or feedback of it), a unit, or one entry of a unit's ledger
    #[arg(value_name = "CASE|UNIT|UNIT/NUMBER")]
    pub what: Explained,
    /// Write a printable page to this file as well
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// What people name for an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explained {
    /// A case, or something of it.
    Id(EventId),
    /// A unit.
    Unit(TypedUnit),
    /// An entry of a unit's ledger, by its number.
    Entry(TypedUnit, u32),
}

/// A text that names nothing that can be explained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExplainedError {
    /// What stands for the unit is none.
    #[error(transparent)]
    Unit(#[from] UnitIdError),
    /// What stands behind the slash is no number.
    #[error(
        "{found:?} is no number of a ledger entry: expected a whole number from 1, as `fengsui unit ledger` shows it"
    )]
    Number {
        /// The text.
        found: String,
    },
}

impl FromStr for Explained {
    type Err = ExplainedError;

    fn from_str(text: &str) -> Result<Self, ExplainedError> {
        if let Some((unit, number)) = text.rsplit_once('/') {
            let read = number.parse().ok().filter(|number| *number > 0);
            let number = read.ok_or_else(|| ExplainedError::Number { found: number.to_owned() })?;
            return Ok(Self::Entry(unit.parse()?, number));
        }
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => Ok(Self::Unit(text.parse()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_id_a_unit_and_an_entry_are_told_apart() {
        let id = "01KDZ5T0000000000000000000";
        assert_eq!(id.parse::<Explained>().unwrap(), Explained::Id(id.parse().unwrap()));
        let unit: TypedUnit = "91110000600037341L".parse().unwrap();
        assert_eq!("91110000600037341L".parse::<Explained>().unwrap(), Explained::Unit(unit.clone()));
        assert_eq!("91110000600037341L/12".parse::<Explained>().unwrap(), Explained::Entry(unit, 12));
        assert_eq!(
            "local.book:1/2".parse::<Explained>().unwrap(),
            Explained::Entry("local.book:1".parse().unwrap(), 2)
        );
        for text in ["91110000600037341L/0", "91110000600037341L/-1", "91110000600037341L/x", "91110000600037341L/"] {
            assert!(matches!(text.parse::<Explained>(), Err(ExplainedError::Number { .. })), "{text}");
        }
        assert!(matches!("111111111111111111".parse::<Explained>(), Err(ExplainedError::Unit(_))));
    }
}
