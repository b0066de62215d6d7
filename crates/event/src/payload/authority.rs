//! What the authority puts on the log: agencies, keys, rulebooks; and the cosignatures of checkpoints.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::date::{self, Date};
use crate::digest::Digest;
use crate::{AgencyCode, KeyAlgorithm, KeyId, RegionCode};

/// A public key of an agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgencyKey {
    /// The key: an NKeys public key, which is its id as well.
    pub keyid: KeyId,
    /// Its algorithm.
    pub algorithm: KeyAlgorithm,
}

/// The authority registers an agency with its first keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgencyRegistered {
    /// Code of the agency.
    pub agency: AgencyCode,
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: RegionCode,
    /// Its keys, at least one.
    pub keys: Vec<AgencyKey>,
}

/// An agency's key is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgencyKeyRotated {
    /// Whose.
    pub agency: AgencyCode,
    /// The key that ends.
    pub old: KeyId,
    /// The key that begins.
    pub new: AgencyKey,
}

/// A key is no longer trusted: what it signs after this position has no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgencyKeyRevoked {
    /// Whose.
    pub agency: AgencyCode,
    /// Which key.
    pub keyid: KeyId,
    /// Why.
    pub reason: String,
}

/// An agency may no longer write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgencySuspended {
    /// Which agency.
    pub agency: AgencyCode,
    /// Why.
    pub reason: String,
}

/// The authority publishes a rulebook, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RulebookPublished {
    /// Its version, as in its text.
    pub version: String,
    /// From which recorded day it decides.
    #[schemars(with = "date::IsoDate")]
    pub effective_from: Date,
    /// SHA-256 of the text.
    pub sha256: Digest,
    /// The TOML text.
    pub text: String,
}

/// An agency or supervisor has checked a checkpoint and signs it too (tlog-cosignature).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointCosigned {
    /// The checkpoint as a signed note (C2SP tlog-checkpoint), with the cosignature line.
    pub note: String,
}
