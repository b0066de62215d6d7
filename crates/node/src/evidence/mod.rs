//! Evidence: photos and documents. Their hashes travel in events; the files themselves lie beside the node, and travel through the broker's
//! object store to those who may see the case (docs/evidence.md).
//!
//! - `media` and `access` decide, from values: what may be evidence, and who may see it.
//! - [`EvidenceStore`] holds the files, [`EvidenceLedger`] which are named where and who has got them.
//! - [`EvidenceSharing`] moves them. Only it and `bucket` know the broker.

mod access;
mod bucket;
mod ledger;
mod media;
mod schema;
mod sharing;
mod store;

use std::io;
use std::path::{Path, PathBuf};

use fengsui_event::Digest;
use fengsui_log::{ReadError, StorageError};
use fengsui_projector::ModelError;
use serde::{Deserialize, Serialize};

pub use access::{may_see, named_in};
pub use bucket::{CHUNK_BYTES, bucket_name, bucket_stream};
pub use ledger::{Counts, EvidenceLedger, Mention, Refusal};
pub use media::{MediaType, UnknownMediaType};
pub use schema::EVIDENCE_FILE;
pub use sharing::{CollectReport, EvidenceSharing, Fetched, ShareReport, fetch};
pub use store::{Damage, EvidenceStore, Kept, Verification};

/// Which files may be evidence, and with whom they are shared. Kept in `node.toml` as `[evidence]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvidenceConfig {
    /// Size of the largest file, in bytes.
    pub bytes_max: u64,
    /// Kinds of files.
    pub media_types: Vec<MediaType>,
    /// Whether evidence of the own agency is put into its own bucket as well, for other nodes of the same agency.
    pub share_with_own: bool,
}

impl Default for EvidenceConfig {
    fn default() -> Self {
        Self { bytes_max: 20 << 20, media_types: MediaType::ALL.to_vec(), share_with_own: false }
    }
}

/// The list of evidence in a node's folder.
pub fn ledger_file(root: &Path) -> PathBuf {
    root.join("evidence.sqlite")
}

/// What can go wrong with evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A file of many megabytes.
    #[error(
        "{name} has {bytes} bytes, and evidence may have {bytes_max}: make it smaller, or raise bytes_max under [evidence] in node.toml \
         at every node of the exchange"
    )]
    TooLarge {
        /// What was to be kept.
        name: String,
        /// Its size.
        bytes: u64,
        /// The largest that is taken.
        bytes_max: u64,
    },
    /// A file without content.
    #[error("{name} is empty: it shows nothing")]
    Empty {
        /// What was to be kept.
        name: String,
    },
    /// A program, an archive, or something unknown.
    #[error(
        "{name} cannot be evidence: its content is {}; expected one of {}",
        found.unwrap_or("of no known kind, whatever its name says"), media::names(allowed)
    )]
    Kind {
        /// What was to be kept.
        name: String,
        /// What it is.
        found: Option<&'static str>,
        /// What is taken.
        allowed: Vec<MediaType>,
    },
    /// A content that was fetched under a name that is not its own.
    #[error("what came as evidence {expected} has SHA-256 {found}: it was refused and not kept")]
    WrongContent {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// A file of the store was changed.
    #[error(
        "{path} was changed: its content has SHA-256 {found}; remove it, and get it again with `fengsui evidence get` \
         or from whoever took it"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SHA-256 of its content.
        found: Digest,
    },
    /// The broker could not be asked, or refused.
    #[error("{doing}: {detail}")]
    Broker {
        /// What was being done.
        doing: String,
        /// What was said.
        detail: String,
        /// Whether to try again later is all that is to be done.
        is_out_of_reach: bool,
    },
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The list of evidence.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The log.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The read model.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl EvidenceError {
    /// Whether the broker cannot be reached now, so that trying again later is all that is to be done.
    pub fn is_out_of_reach(&self) -> bool {
        matches!(self, Self::Broker { is_out_of_reach: true, .. })
    }
}
