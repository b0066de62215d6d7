//! Credit certificates: what a bank, an insurer or a guarantor is shown (信用评级的重要参考依据).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::date::{self, Date};
use crate::digest::Digest;
use crate::{CertificateId, UnitId};

/// A certificate of a unit's credit is issued (开具信用证明). The certificate itself is a file; what stands here lets
/// anybody find out that it was issued, as which bytes, and that it was not revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateIssued {
    /// Its identifier, which stands in the certificate as well.
    pub certificate: CertificateId,
    /// Whose credit.
    pub unit: UnitId,
    /// As of which position of the log; before that of this event.
    pub position: u64,
    /// SHA-256 of the certificate's file.
    pub sha256: Digest,
    /// The day that it bears.
    #[schemars(with = "date::IsoDate")]
    pub issued_on: Date,
    /// The last day on which it is good.
    #[schemars(with = "date::IsoDate")]
    pub valid_until: Date,
    /// What it is for, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Where the unit's consent is on file, where it gave one; holds no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
}

/// A certificate is good no longer (撤销信用证明).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateRevoked {
    /// Which certificate.
    pub certificate: CertificateId,
    /// The unit of which it speaks.
    pub unit: UnitId,
    /// Why.
    pub reason: String,
}
