//! An agency's own book held against the log (对账).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::{AgencyCode, EventId, ReconciliationClass};

/// An agency's own book was held against the log. Events that settle a difference name this one as their cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconciliationRecorded {
    /// Whose book.
    pub agency: AgencyCode,
    /// SHA-256 of the book's file.
    pub sha256: Digest,
    /// Up to which position of the log; before that of this event.
    pub position: u64,
    /// Rows of the book that hold something.
    pub rows: u64,
    /// Cases of the log that concern the agency.
    pub cases: u64,
    /// How many of each class; classes without any are left out. They add up to `rows` and `cases`.
    pub classes: Vec<ClassCount>,
    /// SHA-256 of the list of differences, which stays at the node.
    pub differences: Digest,
    /// The agency's reconciliation before this one, where the node knows of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<EventId>,
}

/// How many rows and cases are of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassCount {
    /// The class.
    pub class: ReconciliationClass,
    /// Rows of the book.
    pub rows: u64,
    /// Cases of the log.
    pub cases: u64,
}
