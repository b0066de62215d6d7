//! A proof that one entry is in the log, in one text that can be checked anywhere: C2SP tlog-proof.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{CheckpointError, SignedCheckpoint, parse_decimal};
use crate::hash::Hash;
use crate::note::NOTE_BYTES_MAX;
use crate::tree::{Inclusion, ProofError};

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The most bytes of extra data; in base 64 it is a third longer.
pub const EXTRA_BYTES_MAX: usize = 1 << 20;

/// The longest proof that is read: the extra data, a path of 64 hashes and a checkpoint.
pub const PROOF_FILE_BYTES_MAX: usize = EXTRA_BYTES_MAX / 3 * 4 + NOTE_BYTES_MAX + 8 * 1024;

/// The most hashes that an inclusion proof can have.
const HASHES_MAX: usize = 64;

/// That an entry is in a log whose checkpoint others have seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// Anything; no signature covers it.
    pub extra: Option<Vec<u8>>,
    /// The place of the entry in the checkpoint's tree.
    pub inclusion: Inclusion,
    /// The checkpoint with its signatures, which are the reader's to check.
    pub checkpoint: SignedCheckpoint,
}

/// Why a text is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileError {
    /// Longer than any proof has reason to be.
    #[error("the proof has {found} bytes; at most {PROOF_FILE_BYTES_MAX} are read")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// Another file.
    #[error("the first line is {0:?}; expected {HEADER}")]
    NotAProof(String),
    /// A line that cannot stand there.
    #[error("line {line} of the proof is {found:?}; expected {expected}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What it is, shortened.
        found: String,
        /// What should be there.
        expected: &'static str,
    },
    /// The checkpoint is none.
    #[error("the proof's checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
}

impl ProofFile {
    /// Checks that the leaf of this hash is where the proof says. The checkpoint's signatures are checked apart, by
    /// [`Quorum::check`](crate::policy::Quorum::check).
    pub fn verify(&self, leaf: Hash) -> Result<(), ProofError> {
        let checkpoint = self.checkpoint.checkpoint();
        // The size is the signed one, whoever filled in the fields.
        let inclusion = Inclusion { size: checkpoint.size, ..self.inclusion.clone() };
        inclusion.verify(leaf, checkpoint.root)
    }
}

impl FromStr for ProofFile {
    type Err = ProofFileError;

    fn from_str(text: &str) -> Result<Self, ProofFileError> {
        if text.len() > PROOF_FILE_BYTES_MAX {
            return Err(ProofFileError::TooLong { found: text.len() });
        }
        let (head, checkpoint) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = (1..).zip(head.split('\n')).peekable();
        let header = lines.next().map_or("", |(_, line)| line);
        if header != HEADER {
            return Err(ProofFileError::NotAProof(shown(header)));
        }
        let refuse = |line, found: &str, expected| ProofFileError::Line { line, found: shown(found), expected };
        let extra = match lines.next_if(|(_, line)| line.starts_with("extra ")) {
            None => None,
            Some((number, line)) => {
                let bytes = line.strip_prefix("extra ").and_then(|line| STANDARD.decode(line).ok());
                let bytes = bytes.filter(|bytes| bytes.len() <= EXTRA_BYTES_MAX);
                Some(bytes.ok_or_else(|| refuse(number, line, "extra data in base 64, at most 1 MiB"))?)
            }
        };
        let (number, line) = lines.next().unwrap_or((2, ""));
        let index = line.strip_prefix("index ").and_then(parse_decimal);
        let index = index.ok_or_else(|| refuse(number, line, "index and the entry's number, from 0"))?;
        let mut hashes: Vec<Hash> = Vec::new();
        for (number, line) in lines {
            let hash = line.parse().ok().filter(|_| hashes.len() < HASHES_MAX);
            hashes.push(
                hash.ok_or_else(|| refuse(number, line, "a hash in base 64, at most 64 of them, then an empty line"))?,
            );
        }
        let checkpoint: SignedCheckpoint = checkpoint.parse()?;
        let size = checkpoint.checkpoint().size;
        Ok(Self { extra, inclusion: Inclusion { index, size, hashes }, checkpoint })
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.inclusion.index)?;
        self.inclusion.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
