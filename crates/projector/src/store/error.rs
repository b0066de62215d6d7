//! What can go wrong with the read model.

use std::path::PathBuf;

use fengsui_log::{ReadError, StorageError};

use super::codec::CodecError;

/// Why the read model could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The log that it is drawn from.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// Fold state that cannot be read.
    #[error(
        "the read model {path} holds {what} that cannot be read ({reason}): run `fengsui replay`, which draws it from the log again"
    )]
    State {
        /// The file.
        path: PathBuf,
        /// Which state.
        what: String,
        /// Why.
        reason: CodecError,
    },
    /// The log misses positions.
    #[error("the log misses positions {expected} to {}: compare it with another copy before going on", found - 1)]
    PositionGap {
        /// The position that should have come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// The read model was drawn from a longer log than this one.
    #[error(
        "the read model stands at position {model}, but the log ends at {log}: this is another or a shortened log; if it is the right one, run `fengsui replay`"
    )]
    Ahead {
        /// Position of the read model.
        model: u64,
        /// Head of the log.
        log: u64,
    },
    /// The read model belongs to another exchange.
    #[error("the read model belongs to the exchange of {found}, not to that of {expected}: run `fengsui replay`")]
    ForeignExchange {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// Somebody asked to stop.
    #[error("interrupted at position {position}; what was done is kept")]
    Interrupted {
        /// Where.
        position: u64,
    },
}
