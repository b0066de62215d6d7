//! Credit certificates that stand on the log.

use fengsui_event::{AgencyCode, CertificateId, Date, Digest, UnitId};
use serde::{Deserialize, Serialize};

use super::stored_date;

/// A certificate as its events have it. The certificate itself is a file elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateState {
    /// Its identifier.
    pub id: CertificateId,
    /// Whose credit.
    pub unit: UnitId,
    /// Who issued it.
    pub issuer: AgencyCode,
    /// Position of the event that issued it.
    pub issued_at: u64,
    /// As of which position it shows the credit.
    pub position: u64,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// The day that it bears.
    #[serde(with = "stored_date")]
    pub issued_on: Date,
    /// The last day on which it is good.
    #[serde(with = "stored_date")]
    pub valid_until: Date,
    /// What it is for.
    pub purpose: Option<String>,
    /// Where the unit's consent is on file.
    pub consent: Option<String>,
    /// That it is good no longer.
    pub revocation: Option<Revocation>,
}

/// How a certificate was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Position of the event.
    pub position: u64,
    /// Who revoked it.
    pub by: AgencyCode,
    /// The day on which that was recorded.
    #[serde(with = "stored_date")]
    pub on: Date,
    /// Why.
    pub reason: String,
}
