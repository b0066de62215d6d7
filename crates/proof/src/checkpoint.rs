//! Checkpoints: what the log was at a size, signed by it and cosigned by those who checked it.
//!
//! C2SP tlog-checkpoint, with one extension line of our own, `digest sha256:<64 hex>`: the digest of the state that the fold
//! reaches at that position (docs/state-digest.md).

use std::fmt;
use std::str::FromStr;

use fengsui_event::{AgencyCode, Digest, KeyId, RegionCode, Signer};

use crate::hash::Hash;
use crate::note::{Found, Note, SignatureLine, cosigned_message, is_key_name};
pub use crate::note::{NOTE_BYTES_MAX, NOTE_LINES_MAX, NoteError, SignatureKind};

/// What stands before the region in an origin.
const ORIGIN_PREFIX: &str = "fengsui.cn/regions/";
/// What stands between an origin and an agency in the name of a cosigner.
const AGENCIES: &str = "/agencies/";
/// What the line with the state digest begins with.
const DIGEST_PREFIX: &str = "digest sha256:";

/// Which log: `fengsui.cn/regions/350600`. It is the first line of its checkpoints and the name of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(RegionCode);

/// What a log was at a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: Origin,
    /// The number of leaves, which is the last position covered.
    pub size: u64,
    /// The root of the tree of these leaves.
    pub root: Hash,
    /// The digest of the state after these positions, if it is stated.
    pub digest: Option<Digest>,
    /// Lines of others after ours, which mean nothing here.
    unknown: Vec<String>,
}

/// A checkpoint with its signatures: a signed note. What it was read from is what it is written as, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

/// Why a text is no checkpoint, or a signature cannot be added to one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not even a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The first line names no log of this kind.
    #[error("the checkpoint begins with {0:?}; expected the origin of a log, such as fengsui.cn/regions/350600")]
    NotAnOrigin(String),
    /// The second line is not a size.
    #[error(
        "the second line of the checkpoint is {0:?}; expected the number of leaves in decimal digits without leading zeros"
    )]
    NotASize(String),
    /// The third line is not a root.
    #[error("the third line of the checkpoint is {0:?}; expected 32 bytes in standard base 64")]
    NotARoot(String),
    /// A line after the third one is empty, or a second or broken state digest.
    #[error(
        "{0:?} cannot stand in a checkpoint; expected at most one line `digest sha256:` with 64 lower-case hexadecimal digits, and no empty line"
    )]
    NotAnExtension(String),
    /// The signatures belong to another checkpoint.
    #[error(
        "the signatures are of another checkpoint: of {found} leaves with the root {found_root}, not {expected} with {expected_root}"
    )]
    OtherCheckpoint {
        /// This one's size.
        expected: u64,
        /// This one's root.
        expected_root: Hash,
        /// The other one's size.
        found: u64,
        /// The other one's root.
        found_root: Hash,
    },
    /// A name that no key may have.
    #[error(
        "{0:?} cannot name a cosigner; expected a text without spaces and plus signs, such as fengsui.cn/regions/350600/agencies/fire"
    )]
    NotAName(String),
    /// A time that no cosignature may carry.
    #[error("a cosignature cannot carry the time {0}; expected POSIX seconds below 2 to the power of 63")]
    NotATime(u64),
}

impl Origin {
    /// The origin of a region's log.
    pub const fn of(region: RegionCode) -> Self {
        Self(region)
    }

    /// The region whose log it is.
    pub const fn region(self) -> RegionCode {
        self.0
    }

    /// The name under which an agency cosigns this log: `fengsui.cn/regions/350600/agencies/fire`.
    pub fn cosigner_name(self, agency: AgencyCode) -> String {
        format!("{self}{AGENCIES}{agency}")
    }

    /// The agency that cosigns this log under a name, if it is an agency's name.
    pub fn agency_of(self, cosigner_name: &str) -> Option<AgencyCode> {
        let rest = cosigner_name.strip_prefix(&self.to_string())?;
        AgencyCode::parse(rest.strip_prefix(AGENCIES)?).ok()
    }
}

impl Checkpoint {
    /// A checkpoint without lines of others.
    pub const fn new(origin: Origin, size: u64, root: Hash, digest: Option<Digest>) -> Self {
        Self { origin, size, root, digest, unknown: Vec::new() }
    }

    /// The extension lines that are none of ours, in their order. They are signed, and mean nothing here.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let mut next = || lines.next().unwrap_or_default();
        let origin = next().parse()?;
        let size = next();
        let size = parse_decimal(size).ok_or_else(|| CheckpointError::NotASize(shown(size)))?;
        let root = next();
        let root = root.parse().map_err(|_| CheckpointError::NotARoot(shown(root)))?;
        let mut checkpoint = Self::new(origin, size, root, None);
        for line in lines {
            let refuse = || CheckpointError::NotAnExtension(shown(line));
            match line.strip_prefix(DIGEST_PREFIX) {
                _ if line.is_empty() => return Err(refuse()),
                None => checkpoint.unknown.push(line.to_owned()),
                Some(_) if checkpoint.digest.is_some() => return Err(refuse()),
                Some(hex) => checkpoint.digest = Some(hex.parse().map_err(|_| refuse())?),
            }
        }
        Ok(checkpoint)
    }
}

/// Decimal digits without leading zeros.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok()).flatten()
}

/// As much of a text as an error shows.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

impl SignedCheckpoint {
    /// Signs a checkpoint as its log.
    pub fn sign(checkpoint: Checkpoint, signer: &(impl Signer + ?Sized)) -> Self {
        let text = checkpoint.to_string();
        let signature = signer.sign(text.as_bytes());
        let line = SignatureLine::of_log(&checkpoint.origin.to_string(), signer.keyid(), &signature);
        Self { checkpoint, note: Note::new(text, line) }
    }

    /// Adds a cosignature of this time, in POSIX seconds, under a name such as [`Origin::cosigner_name`] gives.
    ///
    /// Who cosigns has checked first that this tree begins with the one that it cosigned last. Errors:
    /// [`CheckpointError::NotAName`], [`CheckpointError::NotATime`], and [`NoteError::TooLong`] when there is no room.
    pub fn cosign(
        &mut self,
        name: &str,
        time_seconds: u64,
        signer: &(impl Signer + ?Sized),
    ) -> Result<(), CheckpointError> {
        if !is_key_name(name) {
            return Err(CheckpointError::NotAName(shown(name)));
        }
        let message =
            cosigned_message(time_seconds, self.note.text()).ok_or(CheckpointError::NotATime(time_seconds))?;
        let signature = signer.sign(message.as_bytes());
        Ok(self.note.add(SignatureLine::of_cosigner(name, signer.keyid(), time_seconds, &signature))?)
    }

    /// The checkpoint. It is worth nothing before its signatures were checked.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The text that is signed, with its last line feed.
    pub fn text(&self) -> &str {
        self.note.text()
    }

    /// Whether this key signed the checkpoint as the log that it names.
    pub fn is_signed_by(&self, key: KeyId) -> bool {
        self.log_signature(key) == Found::Good(())
    }

    /// When this key cosigned the checkpoint under this name, in POSIX seconds; the latest time, if more than once.
    ///
    /// Nothing without a good cosignature of that name and key.
    pub fn cosignature(&self, name: &str, key: KeyId) -> Option<u64> {
        match self.note.cosignature(name, key) {
            Found::Good(time_seconds) => Some(time_seconds),
            Found::None | Found::Bad => None,
        }
    }

    /// The same checkpoint with two lines: a good signature of the log by any of these keys, and the latest good cosignature of this name
    /// and key. Nothing if either is missing.
    ///
    /// To be called before notes of several hands are put together: none of them then brings in lines that only take up room.
    #[must_use]
    pub fn only_of(&self, name: &str, key: KeyId, log_keys: &[KeyId]) -> Option<Self> {
        let note = self.note.only_of((&self.checkpoint.origin.to_string(), log_keys), (name, key))?;
        Some(Self { checkpoint: self.checkpoint.clone(), note })
    }

    /// The names on the signature lines, in their order, checked or not.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.note.signatures().iter().map(SignatureLine::name)
    }

    /// Takes over the signatures of the same checkpoint that are not here yet.
    ///
    /// Errors: [`CheckpointError::OtherCheckpoint`], and [`NoteError::TooLong`] when there is no room; what fitted stays.
    pub fn merge(&mut self, other: &Self) -> Result<(), CheckpointError> {
        if self.note.text() != other.note.text() {
            return Err(CheckpointError::OtherCheckpoint {
                expected: self.checkpoint.size,
                expected_root: self.checkpoint.root,
                found: other.checkpoint.size,
                found_root: other.checkpoint.root,
            });
        }
        other.note.signatures().iter().try_for_each(|line| Ok(self.note.add(line.clone())?))
    }

    pub(crate) fn log_signature(&self, key: KeyId) -> Found<()> {
        self.note.log_signature(&self.checkpoint.origin.to_string(), key)
    }

    pub(crate) const fn note(&self) -> &Note {
        &self.note
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ORIGIN_PREFIX}{}", self.0)
    }
}

impl FromStr for Origin {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let region = text.strip_prefix(ORIGIN_PREFIX).and_then(|code| RegionCode::parse(code).ok());
        region.map(Self).ok_or_else(|| CheckpointError::NotAnOrigin(shown(text)))
    }
}

/// The text that is signed, with its last line feed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)?;
        if let Some(digest) = &self.digest {
            writeln!(f, "{DIGEST_PREFIX}{digest}")?;
        }
        self.unknown.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

impl FromStr for SignedCheckpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let note: Note = text.parse()?;
        Ok(Self { checkpoint: Checkpoint::parse(note.text())?, note })
    }
}
