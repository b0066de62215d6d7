//! Grades that follow from a balance.

use std::fmt;

use fengsui_event::Points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::filled;
use crate::document::GradesTable;
use crate::problem::Problems;

/// A unit's grade (信用等级), the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Grade {
    /// The best.
    A,
    /// Good.
    B,
    /// Under watch.
    C,
    /// The worst; below every threshold.
    D,
}

/// A text that is not a grade.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{input:?} is not a grade; expected A, B, C or D")]
pub struct UnknownGrade {
    /// The text as given.
    pub input: String,
}

impl Grade {
    /// Every grade, the best first.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];

    /// The letter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl std::str::FromStr for Grade {
    type Err = UnknownGrade;

    fn from_str(text: &str) -> Result<Self, UnknownGrade> {
        let same = |grade: &Self| grade.as_str() == text;
        Self::ALL.into_iter().find(same).ok_or_else(|| UnknownGrade { input: text.to_owned() })
    }
}

/// The least balance of each grade but the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thresholds([(Grade, Points); 3]);

impl Thresholds {
    pub(crate) fn build(table: &GradesTable, problems: &mut Problems<'_>) -> Self {
        filled(&table.source, "source", problems);
        for (upper, lower, names) in [(&table.a, &table.b, "B below A"), (&table.b, &table.c, "C below B")] {
            if **lower >= **upper {
                problems.report(
                    lower.span(),
                    format!("the threshold {} is not below {}", **lower, **upper),
                    format!("descending thresholds, {names}"),
                    "lower this threshold or raise the one before it",
                );
            }
        }
        Self([(Grade::A, Points(*table.a)), (Grade::B, Points(*table.b)), (Grade::C, Points(*table.c))])
    }

    pub(crate) fn grade(&self, balance: Points) -> Grade {
        self.0.iter().find(|(_, least)| balance >= *least).map_or(Grade::D, |(grade, _)| *grade)
    }
}
