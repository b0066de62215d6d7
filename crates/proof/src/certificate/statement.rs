//! What the issuer signs.

use fengsui_event::{
    AgencyCode, CaseId, CertificateId, Date, Digest, EventId, KeyId, Points, RegionCode, Signature, UnitId,
};
use serde::{Deserialize, Serialize};

use super::Notice;
use crate::tree::Hash;

/// The format and its version, as the first member of every statement. It keeps a statement from being taken for an event or the other way round.
pub const FORMAT: &str = "fengsui-certificate/1";

/// What the issuer states, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// [`FORMAT`].
    pub format: String,
    /// The certificate's id, as in its `certificate.issued` event.
    pub id: CertificateId,
    /// Region of the exchange.
    pub region: RegionCode,
    /// The unit.
    pub unit: UnitId,
    /// Its name.
    pub name: String,
    /// Last position of the log that it takes into account. The checkpoint covers it.
    pub position: u64,
    /// The day of the balance, and the first on which the certificate is valid.
    pub date: Date,
    /// The last day on which the certificate is valid.
    pub valid_until: Date,
    /// The balance on that day: the sum of the entries.
    pub balance: Points,
    /// The grade that follows from the balance by the rulebook.
    pub grade: String,
    /// The rulebook that was in force on that day.
    pub rulebook: RulebookReference,
    /// Who states this.
    pub issuer: AgencyCode,
    /// The key with which it is signed.
    pub keyid: KeyId,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The unit's consent to hand it out: the document and its date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    /// What it proves and what not.
    pub notice: Notice,
    /// Every entry that counts on that day, by number.
    pub entries: Vec<CertifiedEntry>,
    /// A checkpoint with its cosignatures: a signed note (C2SP tlog-checkpoint, tlog-cosignature).
    pub checkpoint: String,
    /// The events that it rests on, by position, each once: causes of the entries, the rulebook, registrations of agencies and keys.
    pub events: Vec<ProvenEvent>,
}

/// A rulebook by its event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulebookReference {
    /// Its version.
    pub version: String,
    /// SHA-256 of its text.
    pub sha256: Digest,
    /// Position of the event that published it.
    pub position: u64,
}

/// A line of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertifiedEntry {
    /// Its number in the account, from 1.
    pub number: u32,
    /// Signed points.
    pub points: Points,
    /// Why points moved: `opening`, `deduction` and so on.
    pub kind: String,
    /// The rule.
    pub rule: String,
    /// Version of the rulebook that decided it.
    pub rulebook: String,
    /// First day on which it counts.
    pub effective_on: Date,
    /// First day on which it no longer counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_until: Option<Date>,
    /// The case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// Id of the event that caused it.
    pub cause: EventId,
    /// Position of that event.
    pub cause_position: u64,
}

/// An event with its place in the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenEvent {
    /// Its position.
    pub position: u64,
    /// The exact bytes, which are JSON text.
    pub bytes: String,
    /// Signature over these bytes, in base64.
    #[serde(with = "signature_text")]
    pub signature: Signature,
    /// The inclusion proof's hashes (RFC 6962, section 2.1.1), from the leaf up.
    pub hashes: Vec<Hash>,
}

/// Signatures as standard base64.
pub(super) mod signature_text {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use fengsui_event::Signature;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(signature: &Signature, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(signature))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Signature, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
        bytes.try_into().map_err(|_| serde::de::Error::custom("a signature has 64 bytes"))
    }
}
