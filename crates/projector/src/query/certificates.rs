//! Certificates by identifier and by unit.

use fengsui_event::{CertificateId, UnitId};

use super::{View, limit};
use crate::state::CertificateState;
use crate::store::{CERTIFICATE_SQL, ModelError, certificate_row};

/// A unit's certificates, the latest first, by index.
pub const CERTIFICATES_OF_SQL: &str =
    "SELECT id, unit, issuer, issued_at, position, sha256, issued_on, valid_until, purpose,
    consent, revoked_at, revoked_by, revoked_on, reason FROM certificates WHERE unit = ?1 ORDER BY issued_at DESC";

/// Certificates of all units, the latest first.
const CERTIFICATES_SQL: &str = "SELECT id, unit, issuer, issued_at, position, sha256, issued_on, valid_until, purpose,
    consent, revoked_at, revoked_by, revoked_on, reason FROM certificates ORDER BY issued_at DESC LIMIT ?1";

impl View<'_> {
    /// The certificates of all units, the latest first; at most so many.
    pub fn certificates(&self, most: Option<u64>) -> Result<Vec<CertificateState>, ModelError> {
        self.all(CERTIFICATES_SQL, [limit(most)], certificate_row)
    }

    /// One certificate.
    pub fn certificate(&self, id: CertificateId) -> Result<Option<CertificateState>, ModelError> {
        self.one(CERTIFICATE_SQL, [id.to_bytes()], certificate_row)
    }

    /// Every certificate of a unit, the latest first.
    pub fn certificates_of(&self, unit: &UnitId) -> Result<Vec<CertificateState>, ModelError> {
        self.all(CERTIFICATES_OF_SQL, [unit.to_string()], certificate_row)
    }
}
