//! Consultation and joint work: meetings, operations, draws.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::date::{self, Date};
use crate::digest::Digest;
use crate::{AgencyCode, CaseId, EventId, UnitId};

/// A consultation is called (定期会商, 联席会议).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeetingConvened {
    /// Its title.
    pub title: String,
    /// When it is held.
    #[schemars(with = "date::IsoDate")]
    pub held_on: Date,
    /// Who is called.
    pub members: Vec<AgencyCode>,
    /// The cases on its agenda.
    pub agenda: Vec<CaseId>,
}

/// The consultation decided on one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeetingResolved {
    /// Which meeting.
    pub meeting: EventId,
    /// On which case, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// The lead that it names, where it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<AgencyCode>,
    /// What was decided.
    pub resolution: String,
}

/// A joint operation begins (联合执法).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationOpened {
    /// Its title.
    pub title: String,
    /// Its first day.
    #[schemars(with = "date::IsoDate")]
    pub from: Date,
    /// The units that will be visited.
    pub units: Vec<UnitId>,
}

/// An agency takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationJoined {
    /// Which operation.
    pub operation: EventId,
}

/// The operation is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationConcluded {
    /// Which operation.
    pub operation: EventId,
    /// The cases that it found.
    pub cases: Vec<CaseId>,
    /// In words.
    pub summary: String,
}

/// Units and inspectors were drawn by lot (双随机).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InspectionDrawn {
    /// Digest of the checkpoint that is the seed, so that nobody can choose the outcome.
    pub seed: Digest,
    /// The units drawn, in order.
    pub units: Vec<UnitId>,
    /// The inspectors drawn, by their staff numbers.
    pub inspectors: Vec<String>,
}
