//! The case as a whole: closing, major hazards, objections.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Evidence;
use crate::date::{self, Date};
use crate::{CaseId, ClosingGround, EventId, ObjectionDecision, SupervisionLevel};

/// The case is struck off the ledger of open items (销号, 销案).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseClosed {
    /// Why.
    pub ground: ClosingGround,
    /// The day on which the ground arose.
    #[schemars(with = "date::IsoDate")]
    pub closed_on: Date,
    /// The case that holds the same violation, when the ground is `duplicate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<CaseId>,
    /// A word on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The case is taken up again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseReopened {
    /// Why.
    pub reason: String,
}

/// The authority lists a major hazard for supervision (挂牌督办).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HazardListed {
    /// At which level.
    pub level: SupervisionLevel,
    /// By when it must be gone.
    #[schemars(with = "date::IsoDate")]
    pub due_on: Date,
    /// Why.
    pub reason: String,
}

/// The authority takes the hazard off the list (摘牌).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HazardDelisted {
    /// Why.
    pub reason: String,
    /// What shows that it is gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// The unit objects (异议). The event's id is the objection's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectionFiled {
    /// What the unit says.
    pub grounds: String,
    /// The day on which it was received.
    #[schemars(with = "date::IsoDate")]
    pub filed_on: Date,
}

/// The objection is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectionDecided {
    /// Which objection.
    pub objection: EventId,
    /// The decision.
    pub decision: ObjectionDecision,
    /// Its reasons.
    pub reasons: String,
    /// Day of the decision.
    #[schemars(with = "date::IsoDate")]
    pub decided_on: Date,
}
