//! The first 4 KiB of a snapshot: what it is, of what, and how to tell whether the rest is whole.

use std::path::Path;

use fengsui_event::{Digest, RegionCode};
use fengsui_proof::hash::Hash;
use fengsui_proof::tree::Frontier;
use serde::{Deserialize, Serialize};

use super::SnapshotError;
use crate::store::{FORMAT as STATE_FORMAT, Progress, decode_foreign, encode};

/// How a snapshot begins.
const MAGIC: &[u8; 8] = b"FENGSNAP";
/// Format of the file; that of the values within is the store's own.
const FORMAT: u32 = 1;
/// The header takes up this much, whatever it holds, so that it can be written last.
pub(super) const HEADER_BYTES: usize = 4096;
const CHECKSUM_AT: usize = HEADER_BYTES - 32;
/// Magic, format, format of the state, length of what follows.
const FIXED_BYTES: usize = 8 + 4 + 4 + 4;

/// What a snapshot says of itself. Nothing of it is believed for being said: see [`super::load`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Region of the exchange.
    pub region: RegionCode,
    /// Up to where the log was folded, and with what result.
    pub progress: Progress,
    /// Digest of the state.
    pub digest: Digest,
    /// The log's tree at that position.
    pub frontier: Frontier,
    /// Length of the body in bytes.
    pub body_bytes: u64,
    /// SHA-256 of the body.
    pub body_sha256: Digest,
}

/// The header as it is stored, in plain numbers.
#[derive(Serialize, Deserialize)]
struct Stored {
    region: String,
    position: u64,
    effective: u64,
    without_effect: u64,
    duplicates: u64,
    digest: [u8; 32],
    root: [u8; 32],
    frontier: Vec<[u8; 32]>,
    body_bytes: u64,
    body_sha256: [u8; 32],
}

impl Header {
    /// Root of the log's tree at the position.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Length of the whole file in bytes.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.body_bytes.saturating_add(HEADER_BYTES as u64)
    }

    /// The header as 4 KiB.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, SnapshotError> {
        let Progress { position, effective, without_effect, duplicates } = self.progress;
        let stored = Stored {
            region: self.region.to_string(),
            position,
            effective,
            without_effect,
            duplicates,
            digest: self.digest.0,
            root: *self.root().as_bytes(),
            frontier: self.frontier.hashes().iter().map(|hash| *hash.as_bytes()).collect(),
            body_bytes: self.body_bytes,
            body_sha256: self.body_sha256.0,
        };
        let too_long = |bytes| SnapshotError::TooLong { what: "the header", bytes };
        let mut content = Vec::new();
        encode(&stored, &mut content).map_err(|_| too_long(HEADER_BYTES))?;
        let length = u32::try_from(content.len()).map_err(|_| too_long(content.len()))?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&u32::from(STATE_FORMAT).to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&content);
        if bytes.len() > CHECKSUM_AT {
            return Err(too_long(bytes.len()));
        }
        bytes.resize(CHECKSUM_AT, 0);
        let checksum = Digest::of(&bytes);
        bytes.extend_from_slice(&checksum.0);
        Ok(bytes)
    }

    /// Reads the first 4 KiB of a file, or what there is of them.
    pub(super) fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let path = || path.to_owned();
        if !bytes.starts_with(MAGIC) {
            return Err(SnapshotError::NotASnapshot { path: path() });
        }
        let Some((fixed, rest)) = bytes.split_at_checked(FIXED_BYTES).filter(|_| bytes.len() == HEADER_BYTES) else {
            let (expected, found) = (HEADER_BYTES as u64, bytes.len() as u64);
            return Err(SnapshotError::Length { path: path(), expected, found });
        };
        let number = |at: usize| fixed[at..at + 4].iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        let (found, expected) = ((number(8), number(12)), (FORMAT, u32::from(STATE_FORMAT)));
        if found != expected {
            let text = |(file, state): (u32, u32)| format!("{file}.{state}");
            return Err(SnapshotError::OtherFormat { path: path(), found: text(found), expected: text(expected) });
        }
        if Digest::of(&bytes[..CHECKSUM_AT]).0 != bytes[CHECKSUM_AT..] {
            return Err(SnapshotError::Checksum { path: path(), part: "header" });
        }
        let content = usize::try_from(number(16)).ok().and_then(|length| rest.get(..length));
        let stored = content.and_then(|content| decode_foreign(content).ok());
        stored.and_then(Self::of_stored).ok_or_else(|| SnapshotError::Unreadable {
            path: path(),
            number: 0,
            reason: "the header's values do not fit each other".to_owned(),
        })
    }

    fn of_stored(stored: Stored) -> Option<Self> {
        let Stored { position, effective, without_effect, duplicates, .. } = stored;
        let hashes = stored.frontier.into_iter().map(Hash::from_bytes).collect();
        let frontier = Frontier::from_parts(position, hashes).ok()?;
        let counts = effective.checked_add(without_effect)? == position && duplicates <= without_effect;
        let same_root = *frontier.root().as_bytes() == stored.root;
        (counts && same_root && position > 0).then_some(())?;
        Some(Self {
            region: stored.region.parse().ok()?,
            progress: Progress { position, effective, without_effect, duplicates },
            digest: Digest(stored.digest),
            frontier,
            body_bytes: stored.body_bytes,
            body_sha256: Digest(stored.body_sha256),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn header() -> Header {
        let mut frontier = Frontier::new();
        for leaf in 0..7_u8 {
            frontier.push(fengsui_proof::hash::leaf_hash(&[leaf]));
        }
        Header {
            region: "350600".parse().unwrap(),
            progress: Progress { position: 7, effective: 5, without_effect: 2, duplicates: 1 },
            digest: Digest::of(b"state"),
            frontier,
            body_bytes: 12,
            body_sha256: Digest::of(b"body"),
        }
    }

    fn read(bytes: &[u8]) -> Result<Header, &'static str> {
        Header::from_bytes(Path::new("s"), bytes).map_err(|error| error.code())
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let bytes = header().to_bytes().unwrap();
        assert_eq!(bytes.len(), HEADER_BYTES);
        assert_eq!(read(&bytes), Ok(header()));
    }

    /// As somebody would write it who can compute checksums.
    fn altered(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = header().to_bytes().unwrap();
        bytes.truncate(CHECKSUM_AT);
        change(&mut bytes);
        let checksum = Digest::of(&bytes);
        bytes.extend_from_slice(&checksum.0);
        bytes
    }

    #[test]
    fn what_is_no_header_is_refused_by_name() {
        let bytes = header().to_bytes().unwrap();
        assert_eq!(read(b""), Err("not_a_snapshot"));
        assert_eq!(read(b"SQLite format 3\0"), Err("not_a_snapshot"));
        assert_eq!(read(&bytes[..4000]), Err("snapshot_length"));
        assert_eq!(read(&altered(|bytes| bytes[8] = 2)), Err("snapshot_format"));
        assert_eq!(read(&altered(|bytes| bytes[12] ^= 0x80)), Err("snapshot_format"));
        let longer_than_the_header = altered(|bytes| bytes[16..20].copy_from_slice(&[0xFF; 4]));
        assert_eq!(read(&longer_than_the_header), Err("snapshot_unreadable"));
        // After the format byte comes the length of the region's text: 0xFD says that eight bytes of length follow.
        let length_at = FIXED_BYTES + 1;
        let a_text_without_end = altered(|bytes| bytes[length_at..length_at + 9].fill(0xFD));
        assert_eq!(read(&a_text_without_end), Err("snapshot_unreadable"));
        // Then the text, the position, and how many events had an effect.
        let effective_at = length_at + 1 + 6 + 1;
        assert_eq!(read(&altered(|bytes| bytes[effective_at] = 6)), Err("snapshot_unreadable"));
    }

    #[test]
    fn no_flipped_bit_of_a_header_passes() {
        let bytes = header().to_bytes().unwrap();
        for index in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[index / 8] ^= 1 << (index % 8);
            assert!(read(&flipped).is_err(), "bit {index}");
        }
    }
}
