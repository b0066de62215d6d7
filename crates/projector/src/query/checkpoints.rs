//! Checkpoints and who cosigned them.

use fengsui_event::{AgencyCode, Digest, KeyId};
use fengsui_proof::Hash;
use serde::Serialize;

use super::{View, limit};
use crate::state::Cosignature;
use crate::store::{COSIGNED_AT_SQL, LARGEST_COSIGNED_SQL, ModelError, cosignature_row};

/// Cosignatures of the largest sizes.
const NEWEST_SQL: &str = "SELECT size, position, agency, keyid, root, digest, time_seconds FROM cosignatures
    WHERE size IN (SELECT DISTINCT size FROM cosignatures ORDER BY size DESC LIMIT ?1) ORDER BY size DESC, position";
/// The same of sizes with a state digest.
const NEWEST_WITH_DIGEST_SQL: &str =
    "SELECT size, position, agency, keyid, root, digest, time_seconds FROM cosignatures
    WHERE digest IS NOT NULL AND size IN (
        SELECT DISTINCT size FROM cosignatures WHERE digest IS NOT NULL ORDER BY size DESC LIMIT ?1
    ) ORDER BY size DESC, position";
/// One cosignature of an agency.
const COSIGNED_BY_SQL: &str = "SELECT size, position, agency, keyid, root, digest, time_seconds FROM cosignatures
    WHERE size = ?1 AND position = ?2";

/// A checkpoint, with everybody who cosigned it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckpointRow {
    /// How many positions it covers.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
    /// The state digest at that position, where the checkpoint names one.
    pub digest: Option<Digest>,
    /// Who cosigned it, in order of position.
    pub cosigners: Vec<CosignerRow>,
}

/// Who cosigned a checkpoint, and where. The note is the payload of the event at that position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CosignerRow {
    /// The agency.
    pub agency: AgencyCode,
    /// Its key.
    pub keyid: KeyId,
    /// When, in seconds since 1970.
    pub time_seconds: u64,
    /// Position of the event.
    pub position: u64,
}

impl View<'_> {
    /// Checkpoints, the largest first, those of one size in order of position; at most so many.
    pub fn checkpoints(&self, most: Option<u64>) -> Result<Vec<CheckpointRow>, ModelError> {
        let found = self.all(NEWEST_SQL, [limit(most)], cosignature_row)?;
        let mut rows = grouped(found);
        // One size may have several checkpoints.
        rows.truncate(most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX)));
        Ok(rows)
    }

    /// Checkpoints that name the state digest, the largest first; those of so many sizes.
    pub fn checkpoints_with_digest(&self, sizes: u64) -> Result<Vec<CheckpointRow>, ModelError> {
        Ok(grouped(self.all(NEWEST_WITH_DIGEST_SQL, [limit(Some(sizes))], cosignature_row)?))
    }

    /// Every checkpoint of one size: more than one only if the authority has signed contradictions, or one with and one
    /// without a digest.
    pub fn checkpoints_at(&self, size: u64) -> Result<Vec<CheckpointRow>, ModelError> {
        Ok(grouped(self.all(COSIGNED_AT_SQL, [size.cast_signed()], cosignature_row)?))
    }

    /// The largest checkpoint, whether or not enough have cosigned it.
    pub fn latest_checkpoint(&self) -> Result<Option<CheckpointRow>, ModelError> {
        Ok(self.checkpoints(Some(1))?.into_iter().next())
    }

    /// The largest checkpoint that an agency has cosigned.
    pub fn cosigned_by(&self, agency: AgencyCode) -> Result<Option<Cosignature>, ModelError> {
        let place = self.one(LARGEST_COSIGNED_SQL, [agency.to_string()], |row| {
            Ok([row.get::<_, i64>(0)?, row.get::<_, i64>(1)?])
        })?;
        Ok(place.map(|place| self.one(COSIGNED_BY_SQL, place, cosignature_row)).transpose()?.flatten())
    }
}

/// Puts cosignatures of one checkpoint together; those of one size stand beside each other.
fn grouped(cosignatures: Vec<Cosignature>) -> Vec<CheckpointRow> {
    let mut rows: Vec<CheckpointRow> = Vec::new();
    for Cosignature { position, agency, keyid, size, root, digest, time_seconds } in cosignatures {
        let cosigner = CosignerRow { agency, keyid, time_seconds, position };
        let of_size = rows.iter_mut().rev().take_while(|row| row.size == size);
        match of_size.into_iter().find(|row| row.root == root && row.digest == digest) {
            Some(row) => row.cosigners.push(cosigner),
            None => rows.push(CheckpointRow { size, root, digest, cosigners: vec![cosigner] }),
        }
    }
    rows
}
