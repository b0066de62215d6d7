//! Why a snapshot cannot be written, read or loaded. Whatever it is, the tables stay as they were.

use std::io;
use std::path::{Path, PathBuf};

use fengsui_event::RegionCode;
use fengsui_log::ReadError;

use crate::store::ModelError;

/// What can be done without a snapshot; closes most messages.
pub(super) const OTHERWISE: &str = "`fengsui replay` draws the tables from the log without a snapshot";

/// Why a snapshot is of no use here.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It does not begin as a snapshot does.
    #[error("{path} is not a snapshot: `fengsui snapshot write` makes one")]
    NotASnapshot {
        /// The file.
        path: PathBuf,
    },
    /// It was written by another version of the program.
    #[error("{path} is a snapshot of format {found}, and this program reads {expected}: {OTHERWISE}")]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The format found: that of the file, then that of the state within.
        found: String,
        /// The format that is read.
        expected: String,
    },
    /// It is shorter or longer than it says.
    #[error("{path} has {found} bytes where {expected} should be: fetch it again")]
    Length {
        /// The file.
        path: PathBuf,
        /// How long it should be, in bytes.
        expected: u64,
        /// How long it is.
        found: u64,
    },
    /// Its bytes are not those that were written.
    #[error("the {part} of {path} does not have the checksum that stands beside it: fetch it again")]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Header or body.
        part: &'static str,
    },
    /// It is of another exchange.
    #[error("{path} is a snapshot of the exchange of {found}, not of {expected}")]
    OtherRegion {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: RegionCode,
        /// Whose it should be.
        expected: RegionCode,
    },
    /// The log is shorter than what the snapshot was drawn from.
    #[error(
        "{path} was drawn from the log up to position {position}, and this copy ends at {head}: bring the copy up first (`fengsui log copy`)"
    )]
    BeyondLog {
        /// The file.
        path: PathBuf,
        /// The snapshot's position.
        position: u64,
        /// The copy's last position.
        head: u64,
    },
    /// Before the first event there is nothing to keep.
    #[error("there is nothing before the first event to make a snapshot of")]
    Empty,
    /// A value in it is none.
    #[error(
        "value {number} of {path} cannot be used ({reason}): it is no snapshot that this program wrote; {OTHERWISE}"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Which value of the body, from 1.
        number: u64,
        /// Why.
        reason: String,
    },
    /// What it says of a position is not so on the log.
    #[error("{path} says of position {position} what the log does not ({reason}): it is not of this log; {OTHERWISE}")]
    LogDiffers {
        /// The file.
        path: PathBuf,
        /// The position.
        position: u64,
        /// Why.
        reason: String,
    },
    /// A value of the tables is longer than a snapshot takes.
    #[error("{what} takes {bytes} bytes, more than a snapshot holds of one value")]
    TooLong {
        /// Which value.
        what: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// Tables or log.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl SnapshotError {
    /// The file, and why the system refuses it.
    pub(super) fn file(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), source }
    }

    /// A stable code for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::NotASnapshot { .. } => "not_a_snapshot",
            Self::OtherFormat { .. } => "snapshot_format",
            Self::Length { .. } => "snapshot_length",
            Self::Checksum { .. } => "snapshot_checksum",
            Self::OtherRegion { .. } => "snapshot_region",
            Self::BeyondLog { .. } => "snapshot_beyond_log",
            Self::Empty => "snapshot_empty",
            Self::Unreadable { .. } => "snapshot_unreadable",
            Self::LogDiffers { .. } => "snapshot_log_differs",
            Self::TooLong { .. } => "snapshot_too_long",
            Self::Model(_) => "model",
        }
    }

    /// Whether it speaks of bytes that are not what they should be.
    #[must_use]
    pub const fn is_integrity(&self) -> bool {
        matches!(self, Self::Checksum { .. } | Self::Unreadable { .. } | Self::LogDiffers { .. })
    }
}

impl From<ReadError> for SnapshotError {
    fn from(error: ReadError) -> Self {
        Self::Model(error.into())
    }
}
