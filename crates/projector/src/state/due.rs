//! The day by which something is due, as it is kept.

use fengsui_event::Date;
use fengsui_rulebook::DueDate;
use serde::{Deserialize, Serialize};

use super::stored_date;

/// The day by which something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The day.
    #[serde(with = "stored_date")]
    pub date: Date,
    /// Whether the calendar of that year was not known and weekdays were taken for working days.
    pub provisional: bool,
}

impl From<DueDate> for Due {
    fn from(due: DueDate) -> Self {
        Self { date: due.date, provisional: due.provisional }
    }
}
