//! What the handling agency did, and whether the reporter takes it; rectification and re-inspection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Evidence;
use crate::date::{self, Date};
use crate::{EventId, Fen, Outcome, PenaltyKind, ReferralId};

/// The addressee tells the reporter what was done (反馈). The event's id is the feedback's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackSubmitted {
    /// Which referral it answers.
    pub referral: ReferralId,
    /// The result.
    pub outcome: Outcome,
    /// The day on which it was done or determined.
    #[schemars(with = "date::IsoDate")]
    pub handled_on: Date,
    /// What was done, in words.
    pub summary: String,
    /// The penalty, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalty: Option<Penalty>,
    /// Photos and documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// An administrative penalty (行政处罚). Kept in fold state as well, so no field of it may be left out when written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Penalty {
    /// Kinds, at least one.
    pub kinds: Vec<PenaltyKind>,
    /// Fine, in fen; 0 when none.
    pub fine: Fen,
    /// Unlawful gains and goods confiscated, in fen; 0 when none.
    pub confiscated: Fen,
    /// Number of the decision (行政处罚决定书文号).
    #[serde(default)]
    pub decision_number: Option<String>,
    /// Day of the decision.
    #[schemars(with = "date::IsoDate")]
    pub decided_on: Date,
}

/// The reporter takes the feedback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackConfirmed {
    /// Which feedback.
    pub feedback: EventId,
}

/// The reporter does not take the feedback; the handler must act again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackRejected {
    /// Which feedback.
    pub feedback: EventId,
    /// Why.
    pub reason: String,
}

/// The lead orders rectification, with the five musts (五落实).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RectificationOrdered {
    /// The referral under which the lead acts.
    pub referral: ReferralId,
    /// Day of the order.
    #[schemars(with = "date::IsoDate")]
    pub ordered_on: Date,
    /// 整改方案: what is to be done.
    pub plan: String,
    /// 责任人: who answers for it, by post, not by private name.
    pub person: String,
    /// 资金: what it costs, in fen.
    pub funds: Fen,
    /// 期限: the day by which it must be done.
    #[schemars(with = "date::IsoDate")]
    pub due_on: Date,
    /// 应急预案: what keeps people safe until then.
    pub emergency_plan: String,
    /// Number of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
}

/// The site was inspected again (复查).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RectificationReinspected {
    /// Day of the inspection.
    #[schemars(with = "date::IsoDate")]
    pub inspected_on: Date,
    /// Whether the hazard is gone.
    pub passed: bool,
    /// What was seen.
    pub findings: String,
}
