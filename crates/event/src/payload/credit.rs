//! Credit beyond what the fold computes by itself: adjustments, repair, measures, publication.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::date::{self, Date};
use crate::{EventId, Points};

/// The authority enters points by decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditAdjusted {
    /// Points to add; negative takes off.
    pub points: Points,
    /// Why.
    pub reason: String,
    /// The provision that allows it.
    pub legal_basis: String,
    /// From which day it counts.
    #[schemars(with = "date::IsoDate")]
    pub effective_on: Date,
}

/// The authority grants credit repair (信用修复) of one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditRepaired {
    /// The event that caused the entry.
    pub entry_cause: EventId,
    /// Why.
    pub reason: String,
    /// From which day it counts.
    #[schemars(with = "date::IsoDate")]
    pub effective_on: Date,
}

/// A measure follows from the grade (守信激励, 失信惩戒).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasureImposed {
    /// Kind of measure, a code of the rulebook.
    pub measure: String,
    /// Why.
    pub reason: String,
    /// From which day.
    #[schemars(with = "date::IsoDate")]
    pub from: Date,
    /// Until which day, where there is an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<date::IsoDate>")]
    pub until: Option<Date>,
}

/// A measure is lifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasureLifted {
    /// The event that imposed it.
    pub imposed_by: EventId,
    /// Why.
    pub reason: String,
}

/// Something is published (公示).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublicationIssued {
    /// The events that are published.
    pub items: Vec<EventId>,
    /// From which day.
    #[schemars(with = "date::IsoDate")]
    pub from: Date,
    /// Until which day.
    #[schemars(with = "date::IsoDate")]
    pub until: Date,
}

/// A publication is taken down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublicationWithdrawn {
    /// The event that issued it.
    pub publication: EventId,
    /// Why.
    pub reason: String,
}
