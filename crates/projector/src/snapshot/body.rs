//! The body of a snapshot: the fold's state, value by value, each behind its length, in the order of the state digest.

use std::io::{Read, Write};
use std::path::PathBuf;

use fengsui_event::{Digest, EventId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::SnapshotError;
use crate::state::{AccountState, CaseState, CertificateState, Chain, Cosignature, LedgerEntry, Registry};
use crate::store::{decode_foreign, encode};

/// The longest value: a registry holds the text of every rulebook ever published.
const VALUE_BYTES_MAX: usize = 64 << 20;

/// One value. Nothing is in it that the state digest does not cover.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Item {
    /// Agencies, keys, rulebooks.
    Registry(Registry),
    /// A source's chain.
    Chain { source: String, chain: Chain },
    /// A case, without the steps of reminding and supervising, which the digest does not cover.
    Case(Box<CaseState>),
    /// An account.
    Account(Box<AccountState>),
    /// A line of a ledger.
    Entry(LedgerEntry),
    /// Who has checked which checkpoint.
    Cosignature(Cosignature),
    /// A certificate that was issued.
    Certificate(Box<CertificateState>),
    /// What was not as it should be; the cause as JSON.
    Anomaly { position: u64, id: EventId, cause: String },
}

impl Item {
    /// What orders values: no two have the same but anomalies, of which one record may have several.
    fn key(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Registry(_) => (0, Vec::new()),
            Self::Chain { source, .. } => (1, source.clone().into_bytes()),
            Self::Case(case) => (2, case.id.to_bytes().to_vec()),
            Self::Account(account) => (3, account.unit.to_string().into_bytes()),
            Self::Entry(entry) => {
                let mut key = entry.unit.to_string().into_bytes();
                key.push(0);
                key.extend_from_slice(&entry.number.to_be_bytes());
                (4, key)
            }
            Self::Cosignature(cosignature) => {
                (5, [cosignature.size.to_be_bytes(), cosignature.position.to_be_bytes()].concat())
            }
            Self::Certificate(certificate) => (6, certificate.id.to_bytes().to_vec()),
            Self::Anomaly { position, .. } => (7, position.to_be_bytes().to_vec()),
        }
    }
}

/// Writes values one after the other, and hashes what it writes.
pub(super) struct BodyWriter<W> {
    output: W,
    hasher: Sha256,
    bytes: u64,
    buffer: Vec<u8>,
}

impl<W: Write> BodyWriter<W> {
    pub(super) fn new(output: W) -> Self {
        Self { output, hasher: Sha256::new(), bytes: 0, buffer: Vec::new() }
    }

    /// Adds a value. The inner result is that of the file.
    pub(super) fn push(&mut self, what: &'static str, item: &Item) -> Result<std::io::Result<()>, SnapshotError> {
        let too_long = |bytes| SnapshotError::TooLong { what, bytes };
        encode(item, &mut self.buffer).map_err(|_| too_long(VALUE_BYTES_MAX))?;
        let bytes = self.buffer.len();
        let length = u32::try_from(bytes).ok().filter(|_| bytes <= VALUE_BYTES_MAX).ok_or_else(|| too_long(bytes))?;
        self.bytes += u64::from(length) + 4;
        self.hasher.update(length.to_le_bytes());
        self.hasher.update(&self.buffer);
        Ok(self.output.write_all(&length.to_le_bytes()).and_then(|()| self.output.write_all(&self.buffer)))
    }

    /// The file, its length in bytes and its hash.
    pub(super) fn finish(self) -> (W, u64, Digest) {
        (self.output, self.bytes, Digest(self.hasher.finalize().into()))
    }
}

/// Reads values one after the other. Whatever the bytes, it takes bounded memory and tells what is wrong.
pub(super) struct BodyReader<R> {
    input: R,
    path: PathBuf,
    left: u64,
    number: u64,
    last: Option<(u8, Vec<u8>)>,
    buffer: Vec<u8>,
}

impl<R: Read> BodyReader<R> {
    /// A body of so many bytes. `path` is for what is told.
    pub(super) fn new(input: R, path: PathBuf, bytes: u64) -> Self {
        Self { input, path, left: bytes, number: 0, last: None, buffer: Vec::new() }
    }

    /// Bytes that were not read yet.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The next value; nothing after the last.
    pub(super) fn next(&mut self) -> Result<Option<Item>, SnapshotError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.number += 1;
        let mut length = [0; 4];
        self.take(4)?;
        self.input.read_exact(&mut length).map_err(SnapshotError::file(&self.path))?;
        let length = u32::from_le_bytes(length) as usize;
        if length > VALUE_BYTES_MAX {
            return Err(self.unusable(format!("it says that it takes {length} bytes")));
        }
        self.take(length as u64)?;
        self.buffer.resize(length, 0);
        self.input.read_exact(&mut self.buffer).map_err(SnapshotError::file(&self.path))?;
        let item: Item = decode_foreign(&self.buffer).map_err(|reason| self.unusable(reason.to_string()))?;
        let key = item.key();
        let many = matches!(item, Item::Anomaly { .. });
        if self.last.as_ref().is_some_and(|last| *last > key || (*last == key && !many)) {
            return Err(self.unusable("it is out of order".to_owned()));
        }
        self.last = Some(key);
        Ok(Some(item))
    }

    /// That the value read last cannot be used.
    pub(super) fn unusable(&self, reason: String) -> SnapshotError {
        SnapshotError::Unreadable { path: self.path.clone(), number: self.number, reason }
    }

    fn take(&mut self, bytes: u64) -> Result<(), SnapshotError> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| self.unusable("it ends beyond the body".to_owned()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn chain(source: &str) -> Item {
        Item::Chain { source: source.to_owned(), chain: Chain::default() }
    }

    fn written(items: &[Item]) -> Vec<u8> {
        let mut writer = BodyWriter::new(Vec::new());
        for item in items {
            writer.push("a value", item).unwrap().unwrap();
        }
        let (bytes, length, digest) = writer.finish();
        assert_eq!((length, digest), (bytes.len() as u64, Digest::of(&bytes)));
        bytes
    }

    fn read(bytes: &[u8]) -> Result<usize, String> {
        let mut reader = BodyReader::new(bytes, "s".into(), bytes.len() as u64);
        let mut count = 0;
        while reader.next().map_err(|error| error.to_string())?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn values_are_read_in_their_order() {
        let anomaly = |position| Item::Anomaly { position, id: EventId::from_bytes([1; 16]), cause: String::new() };
        assert_eq!(read(&written(&[])), Ok(0));
        assert_eq!(read(&written(&[chain("/a"), chain("/b"), anomaly(3), anomaly(3), anomaly(9)])), Ok(5));
        for items in [[chain("/b"), chain("/a")], [chain("/a"), chain("/a")], [anomaly(1), chain("/a")]] {
            assert!(read(&written(&items)).unwrap_err().contains("value 2 of s cannot be used (it is out of order)"));
        }
    }

    #[test]
    fn lengths_beyond_the_body_or_the_bound_are_refused() {
        let bytes = written(&[chain("/a")]);
        assert!(read(&bytes[..bytes.len() - 1]).unwrap_err().contains("it ends beyond the body"));
        assert!(read(&bytes[..3]).unwrap_err().contains("it ends beyond the body"));
        assert!(read(&[0xFF; 64]).unwrap_err().contains("it says that it takes 4294967295 bytes"));
        // A text that says it has 2^40 bytes, in a value of 20.
        let mut hostile = written(&[chain(&"a".repeat(12))]);
        let text_at = hostile.iter().position(|byte| *byte == 12).unwrap();
        hostile[text_at] = 0xFD;
        hostile[text_at + 1..text_at + 9].copy_from_slice(&(1_u64 << 40).to_le_bytes());
        assert!(read(&hostile).unwrap_err().contains("cannot be used"));
    }

    #[test]
    fn no_truncated_body_panics() {
        let bytes = written(&[chain("/a"), chain("/b")]);
        for length in 0..bytes.len() {
            let _ = read(&bytes[..length]);
        }
    }
}
