//! The supervised unit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::date::{self, Date};
use crate::{RegionCode, TradeCode, UnitId};

/// A unit is entered in the register, which opens its account. Second version: the place is one value and a
/// branch names its parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitRegistered {
    /// Its identifier.
    pub unit: UnitId,
    /// Its name.
    pub name: String,
    /// Its seat.
    pub place: Place,
    /// Its trade, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade: Option<TradeCode>,
    /// The unit of which it is a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<UnitId>,
}

/// First version of [`UnitRegistered`]: region and address apart, no parent. Read for ever, written no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitRegisteredV1 {
    /// Its identifier.
    pub unit: UnitId,
    /// Its name.
    pub name: String,
    /// Region of its seat.
    pub region: RegionCode,
    /// Address of its seat.
    pub address: String,
    /// Its trade, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade: Option<TradeCode>,
}

/// A unit has a new name; its account goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitRenamed {
    /// The new name.
    pub name: String,
    /// From which day.
    #[schemars(with = "date::IsoDate")]
    pub effective_on: Date,
}

/// A unit is absorbed by another; the accounts are joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitMerged {
    /// The unit that goes on.
    pub into: UnitId,
    /// From which day.
    #[schemars(with = "date::IsoDate")]
    pub effective_on: Date,
    /// Why.
    pub reason: String,
}
