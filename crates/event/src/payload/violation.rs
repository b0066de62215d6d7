//! A violation or hazard as an agency found it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Evidence, Place};
use crate::date::{self, Date};
use crate::{AgencyCode, CategoryCode, FindingMethod, Severity, TradeCode, UnitId};

/// A violation was found and entered (录入). The event's id is the case's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ViolationReported {
    /// The unit that offended.
    pub unit: UnitId,
    /// The unit's name as the inspector wrote it.
    pub unit_name: String,
    /// Where it was found.
    pub place: Place,
    /// The unit's trade, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade: Option<TradeCode>,
    /// Kind of violation, a category of the rulebook.
    pub category: CategoryCode,
    /// How grave it is.
    pub severity: Severity,
    /// What was seen.
    pub facts: String,
    /// The provisions that were violated, as quoted by the reporter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legal_basis: Vec<String>,
    /// The day on which it was found, in the region's zone.
    #[schemars(with = "date::IsoDate")]
    pub found_on: Date,
    /// How it was found.
    pub method: FindingMethod,
    /// Photos and documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// The agency's own number for it (案号, 文号).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Random reference of a public report; the reporter's identity never travels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_report: Option<String>,
    /// To whom it goes, as decided by the reporting node.
    pub routing: RoutingDecision,
}

/// The reporting node's routing, recorded so that later rules never rewrite it. Kept in fold state as well, so no field
/// of it may be left out when written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoutingDecision {
    /// Version of the rulebook that answered.
    pub rulebook: String,
    /// What it answered.
    pub answer: RoutingAnswer,
}

/// What the rulebook answered to "who is responsible?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RoutingAnswer {
    /// One rule names one lead.
    Assigned {
        /// The rule.
        rule: String,
        /// 主办
        lead: AgencyCode,
        /// 协办
        #[serde(default)]
        assisting: Vec<AgencyCode>,
        /// 知会
        #[serde(default)]
        informed: Vec<AgencyCode>,
    },
    /// No rule answers: the authority decides.
    Unresolved {
        /// Why no rule answers.
        reason: String,
    },
    /// Several equally specific rules name different leads: the authority decides.
    Overlap {
        /// The rules.
        rules: Vec<String>,
        /// The agencies they name.
        candidates: Vec<AgencyCode>,
    },
    /// The reporter's own book shows that it handled the matter itself before the exchange knew of it.
    Historical,
}

/// The reporter corrects what it reported. Fields left out stay as they were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ViolationAmended {
    /// Corrected place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Corrected trade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade: Option<TradeCode>,
    /// Corrected category; only until the violation is determined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryCode>,
    /// Corrected severity; only until the violation is determined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Corrected facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<String>,
    /// Corrected provisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<Vec<String>>,
    /// Corrected day of finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<date::IsoDate>")]
    pub found_on: Option<Date>,
    /// Why.
    pub reason: String,
}

impl ViolationAmended {
    /// Whether it corrects nothing.
    pub fn is_empty(&self) -> bool {
        let Self { place, trade, category, severity, facts, legal_basis, found_on, reason: _ } = self;
        place.is_none()
            && trade.is_none()
            && category.is_none()
            && severity.is_none()
            && facts.is_none()
            && legal_basis.is_none()
            && found_on.is_none()
    }
}

/// The reporter takes the report back; points that fell are given back by counter-entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ViolationRetracted {
    /// Why.
    pub reason: String,
}
