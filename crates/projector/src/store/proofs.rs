//! What stands on the log for those who check it: cosignatures of checkpoints, and certificates.
//!
//! Both are plain rows without fold state of their own: the columns say everything.

use fengsui_event::{AgencyCode, CertificateId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::write::execute;
use super::{ModelError, Store, Unsaved};
use crate::query::{parsed, parsed_option};
use crate::state::{CertificateState, Cosignature, LargestCosigned, Revocation};

/// What was cosigned of one size, by primary key.
pub const COSIGNED_AT_SQL: &str = "SELECT size, position, agency, keyid, root, digest, time_seconds FROM cosignatures
    WHERE size = ?1 ORDER BY position";
/// An agency's largest checkpoint, by index.
pub const LARGEST_COSIGNED_SQL: &str =
    "SELECT size, position FROM cosignatures WHERE agency = ?1 ORDER BY size DESC, position LIMIT 1";
/// One certificate, by primary key.
pub const CERTIFICATE_SQL: &str =
    "SELECT id, unit, issuer, issued_at, position, sha256, issued_on, valid_until, purpose,
    consent, revoked_at, revoked_by, revoked_on, reason FROM certificates WHERE id = ?1";

impl Store {
    pub(super) fn cosignatures_of(&self, size: u64) -> Result<Vec<Cosignature>, ModelError> {
        let stored = self.connection().prepare_cached(COSIGNED_AT_SQL).and_then(|mut statement| {
            statement.query_map([size.cast_signed()], cosignature_row)?.collect::<rusqlite::Result<Vec<_>>>()
        });
        let mut all = stored.map_err(|error| self.fault(error))?;
        all.extend(self.unsaved.cosignatures.get(&size).into_iter().flatten().cloned());
        Ok(all)
    }

    pub(super) fn largest_cosignature(&mut self, agency: &AgencyCode) -> Result<Option<LargestCosigned>, ModelError> {
        if let Some(known) = self.largest_cosigned.get(agency) {
            return Ok(*known);
        }
        let row = |row: &Row<'_>| Ok(LargestCosigned { size: position(row, 0)?, position: position(row, 1)? });
        let stored = self
            .connection()
            .prepare_cached(LARGEST_COSIGNED_SQL)
            .and_then(|mut statement| statement.query_row([agency.to_string()], row).optional())
            .map_err(|error| self.fault(error))?;
        self.largest_cosigned.insert(*agency, stored);
        Ok(stored)
    }

    pub(super) fn enter_cosignature(&mut self, cosignature: Cosignature) -> Result<(), ModelError> {
        let Cosignature { agency, size, position, .. } = cosignature;
        let largest = self.largest_cosignature(&agency)?.filter(|largest| largest.size >= size);
        self.largest_cosigned.insert(agency, largest.or(Some(LargestCosigned { size, position })));
        self.unsaved.cosignatures.entry(size).or_default().push(cosignature);
        Ok(())
    }

    pub(crate) fn certificate_state(&self, id: CertificateId) -> Result<Option<Box<CertificateState>>, ModelError> {
        if let Some(certificate) = self.unsaved.certificates.get(&id) {
            return Ok(Some(certificate.clone()));
        }
        self.connection()
            .prepare_cached(CERTIFICATE_SQL)
            .and_then(|mut statement| statement.query_row([id.to_bytes()], certificate_row).optional())
            .map(|certificate| certificate.map(Box::new))
            .map_err(|error| self.fault(error))
    }
}

/// Writes what was cosigned and certified.
pub(super) fn write(connection: &Connection, unsaved: &Unsaved) -> rusqlite::Result<()> {
    for cosignature in unsaved.cosignatures.values().flatten() {
        let Cosignature { position, agency, keyid, size, root, digest, time_seconds } = cosignature;
        execute(
            connection,
            "INSERT INTO cosignatures (size, position, agency, keyid, root, digest, time_seconds)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                size.cast_signed(),
                position.cast_signed(),
                agency.to_string(),
                keyid.as_str(),
                root.to_string(),
                digest.map(|digest| digest.to_string()),
                time_seconds.cast_signed(),
            ],
        )?;
    }
    unsaved.certificates.values().try_for_each(|certificate| write_certificate(connection, certificate))
}

fn write_certificate(connection: &Connection, certificate: &CertificateState) -> rusqlite::Result<()> {
    let revocation = certificate.revocation.as_ref();
    execute(
        connection,
        "REPLACE INTO certificates (id, unit, issuer, issued_at, position, sha256, issued_on, valid_until, purpose, consent,
             revoked_at, revoked_by, revoked_on, reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            certificate.id.to_bytes(),
            certificate.unit.to_string(),
            certificate.issuer.to_string(),
            certificate.issued_at.cast_signed(),
            certificate.position.cast_signed(),
            certificate.sha256.to_string(),
            certificate.issued_on.to_string(),
            certificate.valid_until.to_string(),
            certificate.purpose,
            certificate.consent,
            revocation.map(|it| it.position.cast_signed()),
            revocation.map(|it| it.by.to_string()),
            revocation.map(|it| it.on.to_string()),
            revocation.map(|it| it.reason.as_str()),
        ],
    )
}

/// Reads a row of [`COSIGNED_AT_SQL`]'s columns.
pub(crate) fn cosignature_row(row: &Row<'_>) -> rusqlite::Result<Cosignature> {
    Ok(Cosignature {
        size: position(row, 0)?,
        position: position(row, 1)?,
        agency: parsed(row, 2)?,
        keyid: parsed(row, 3)?,
        root: parsed(row, 4)?,
        digest: parsed_option(row, 5)?,
        time_seconds: position(row, 6)?,
    })
}

/// Reads a row of [`CERTIFICATE_SQL`]'s columns.
pub(crate) fn certificate_row(row: &Row<'_>) -> rusqlite::Result<CertificateState> {
    let revocation = |at: i64| {
        Ok::<_, rusqlite::Error>(Revocation {
            position: at.cast_unsigned(),
            by: parsed(row, 11)?,
            on: parsed(row, 12)?,
            reason: row.get(13)?,
        })
    };
    Ok(CertificateState {
        id: CertificateId::from_bytes(row.get(0)?),
        unit: parsed(row, 1)?,
        issuer: parsed(row, 2)?,
        issued_at: position(row, 3)?,
        position: position(row, 4)?,
        sha256: parsed(row, 5)?,
        issued_on: parsed(row, 6)?,
        valid_until: parsed(row, 7)?,
        purpose: row.get(8)?,
        consent: row.get(9)?,
        revocation: row.get::<_, Option<i64>>(10)?.map(revocation).transpose()?,
    })
}

fn position(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(i64::cast_unsigned)
}
