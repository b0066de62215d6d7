//! Cosignatures of checkpoints that stand on the log.

use fengsui_event::{AgencyCode, Digest, KeyId};
use fengsui_proof::Hash;
use serde::{Deserialize, Serialize};

/// An agency's word that it has checked a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cosignature {
    /// Position of the event, whose payload has the note.
    pub position: u64,
    /// Who cosigned.
    pub agency: AgencyCode,
    /// With which key.
    pub keyid: KeyId,
    /// How many positions the checkpoint covers.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
    /// The state digest at that position, where the checkpoint names one.
    pub digest: Option<Digest>,
    /// When it was cosigned, in seconds since 1970.
    pub time_seconds: u64,
}

impl Cosignature {
    /// Whether both are of one checkpoint.
    #[must_use]
    pub fn is_of_the_same(&self, other: &Self) -> bool {
        self.size == other.size && self.root == other.root && self.digest == other.digest
    }

    /// Whether both cannot be true: one size, but two roots or two states.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        let two_states = self.digest.zip(other.digest).is_some_and(|(one, other)| one != other);
        self.size == other.size && (self.root != other.root || two_states)
    }
}

/// The largest checkpoint that an agency has cosigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargestCosigned {
    /// How many positions it covers.
    pub size: u64,
    /// Position of the event in which the agency cosigned it first.
    pub position: u64,
}
