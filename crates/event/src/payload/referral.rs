//! Forwarding: who must act, and what it answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::date::{self, Date};
use crate::{AgencyCode, DeadlineKind, ReferralBasis, ReferralId, ReferralRole, SupervisionLevel};

/// The case is forwarded to an agency (抄送, 移送). The event's id is the referral's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferralIssued {
    /// To whom.
    pub addressee: AgencyCode,
    /// In which role.
    pub role: ReferralRole,
    /// Why to this agency.
    pub basis: ReferralBasis,
    /// Version of the rulebook that was asked.
    pub rulebook: String,
    /// The rule that named the addressee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The referral that this one takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ReferralId>,
    /// A word to the addressee; the authority's reason when it designates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The addressee has it (签收).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferralAcknowledged {
    /// Which referral.
    pub referral: ReferralId,
}

/// The addressee says it is not responsible (退回); the authority decides who is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferralReturned {
    /// Which referral.
    pub referral: ReferralId,
    /// Why it is not responsible.
    pub reason: String,
    /// Who is, in its view.
    pub suggested: AgencyCode,
}

/// The addressee passes it on (转办). The new referral is issued in the same transaction and keeps the deadlines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferralTransferred {
    /// Which referral.
    pub referral: ReferralId,
    /// To whom.
    pub to: AgencyCode,
    /// Why.
    pub reason: String,
}

/// The issuer or the authority takes it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferralWithdrawn {
    /// Which referral.
    pub referral: ReferralId,
    /// Why.
    pub reason: String,
}

/// A deadline has passed and the agency is reminded (催办).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferralReminded {
    /// Which referral.
    pub referral: ReferralId,
    /// Which of its deadlines.
    pub deadline: DeadlineKind,
    /// When it was due.
    #[schemars(with = "date::IsoDate")]
    pub due_on: Date,
}

/// A deadline passed long ago and the case is supervised (督办).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferralEscalated {
    /// Which referral.
    pub referral: ReferralId,
    /// Which of its deadlines.
    pub deadline: DeadlineKind,
    /// When it was due.
    #[schemars(with = "date::IsoDate")]
    pub due_on: Date,
    /// Who supervises now.
    pub level: SupervisionLevel,
}
