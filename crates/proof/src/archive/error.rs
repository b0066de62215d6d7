//! What can be wrong with an archive, told by member and line.

use std::io;
use std::path::{Path, PathBuf};

use fengsui_event::Digest;

/// Why an archive cannot be written or believed.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Something is there already.
    #[error("{path} exists already: name another place, or replace it with --force")]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// A folder that is to be replaced is none of ours.
    #[error("{path} holds something else than the files of an archive, so it is not replaced: name another place")]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// Neither a ZIP file nor a folder of the format.
    #[error(
        "{path} is no archive of `fengsui audit export`: {reason}; expected a ZIP file, or a folder with manifest.json"
    )]
    NotAnArchive {
        /// What was named.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The ZIP file's own structure is not exactly what `fengsui audit export` writes.
    #[error(
        "the ZIP file is not of the archive's form at byte {offset}: {reason}; it was changed, or packed by another program"
    )]
    Form {
        /// Where, from 0.
        offset: u64,
        /// What was found and expected.
        reason: String,
    },
    /// A name that the format does not have.
    #[error(
        "the archive holds {name:?}, which is no name of the format (or a link, or a folder without files): nothing is read from it"
    )]
    Name {
        /// The name as found, cut off where it is long.
        name: String,
    },
    /// One name twice, or out of order.
    #[error("the archive holds {name} twice or out of order")]
    Repeated {
        /// The member.
        name: String,
    },
    /// A member that the manifest does not list.
    #[error("the archive holds {name}, which its manifest does not list")]
    Extra {
        /// The member.
        name: String,
    },
    /// A member that the manifest lists.
    #[error("the archive lacks {name}: it was removed, or is of another range")]
    Missing {
        /// The member.
        name: String,
    },
    /// A member's bytes are not those of the manifest.
    #[error(
        "{name} is not what the manifest says: expected {expected_bytes} bytes with SHA-256 {expected}, found {found_bytes} with {found}"
    )]
    Differs {
        /// The member.
        name: String,
        /// SHA-256 by the manifest.
        expected: Digest,
        /// Size by the manifest, in bytes.
        expected_bytes: u64,
        /// SHA-256 of what is there.
        found: Digest,
        /// Size of what is there, in bytes.
        found_bytes: u64,
    },
    /// A member that unpacks to more than it may.
    #[error("{name} unpacks to more than {bound} allows: this may be a decompression bomb, so it is not read")]
    Bomb {
        /// The member.
        name: String,
        /// The bound, in words.
        bound: String,
    },
    /// More than an archive may hold.
    #[error("the archive has more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// At most.
        max: u64,
    },
    /// A format that this program does not know.
    #[error("the archive is of version {found} of its format; this program reads version {known}: use a newer one")]
    Version {
        /// By the manifest.
        found: u64,
        /// What is known.
        known: u64,
    },
    /// A line of a member.
    #[error("{name}, line {line}: {reason}")]
    Line {
        /// The member.
        name: String,
        /// Line, from 1.
        line: u64,
        /// What was found and expected.
        reason: String,
    },
    /// A member as a whole.
    #[error("{name}: {reason}")]
    Content {
        /// The member.
        name: String,
        /// What was found and expected.
        reason: String,
    },
    /// Two parts of the archive contradict each other.
    #[error("{name} is not what the events give: {reason}")]
    Contradiction {
        /// The member.
        name: String,
        /// What was found and expected.
        reason: String,
    },
    /// Records that were not given in their order.
    #[error("record {found} was given where {expected} is due")]
    Order {
        /// The position that is due.
        expected: u64,
        /// The position that was given.
        found: u64,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl ArchiveError {
    /// A stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "archive_io",
            Self::Exists { .. } => "exists",
            Self::Foreign { .. } => "foreign_folder",
            Self::NotAnArchive { .. } => "not_an_archive",
            Self::Form { .. } => "archive_form",
            Self::Name { .. } => "archive_name",
            Self::Repeated { .. } => "archive_repeated",
            Self::Extra { .. } => "archive_extra",
            Self::Missing { .. } => "archive_missing",
            Self::Differs { .. } => "archive_differs",
            Self::Bomb { .. } => "archive_bomb",
            Self::TooMany { .. } => "archive_too_many",
            Self::Version { .. } => "archive_version",
            Self::Line { .. } => "archive_line",
            Self::Content { .. } => "archive_content",
            Self::Contradiction { .. } => "archive_contradiction",
            Self::Order { .. } => "archive_order",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether the archive itself is damaged or was tampered with, as opposed to a fault of the machine or of the command.
    pub fn is_of_integrity(&self) -> bool {
        !matches!(
            self,
            Self::Io { .. }
                | Self::Exists { .. }
                | Self::Foreign { .. }
                | Self::NotAnArchive { .. }
                | Self::Version { .. }
                | Self::Order { .. }
                | Self::Interrupted
        )
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn content(name: &impl ToString, reason: &(impl ToString + ?Sized)) -> Self {
        Self::Content { name: name.to_string(), reason: reason.to_string() }
    }

    pub(super) fn contradiction(name: &impl ToString, reason: &(impl ToString + ?Sized)) -> Self {
        Self::Contradiction { name: name.to_string(), reason: reason.to_string() }
    }

    /// A name of foreign bytes, short enough to be shown.
    pub(super) fn name(bytes: &[u8]) -> Self {
        const SHOWN_CHARS_MAX: usize = 100;
        Self::Name { name: String::from_utf8_lossy(bytes).chars().take(SHOWN_CHARS_MAX).collect() }
    }
}
