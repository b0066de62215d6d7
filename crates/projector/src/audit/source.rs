//! What is audited: records in order of position, and what lies beside them.

use std::ops::ControlFlow;
use std::path::PathBuf;

use fengsui_log::{EventLog, Position, ReadError, RecordRef};
use fengsui_proof::archive::ArchiveError;
use fengsui_proof::checkpoint::SignedCheckpoint;
use fengsui_proof::tiles::TileSource;

/// Why records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// These positions hold nothing that can be read; what follows may still be read.
    #[error("positions {first} to {last} cannot be read: {reason}")]
    Missing {
        /// First of them.
        first: u64,
        /// Last of them.
        last: u64,
        /// What is wrong.
        reason: String,
    },
    /// A log that cannot be read any further.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// An archive that cannot be read any further.
    #[error(transparent)]
    Archive(#[from] Box<ArchiveError>),
}

/// Something that yields a log's records in order: a log, or an archive of one.
pub trait Records {
    /// The last position; 0 while there is none.
    fn last(&self) -> Result<u64, RecordsError>;

    /// Shows the records from `from` to `until`, both included, in order, until `visit` breaks.
    ///
    /// Errors: [`RecordsError::Missing`] where positions hold nothing; `visit` has seen everything before them.
    fn scan(
        &self,
        from: u64,
        until: u64,
        visit: &mut dyn FnMut(u64, RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), RecordsError>;
}

/// The records of a log.
pub struct LogRecords<'a>(
    /// The log.
    pub &'a dyn EventLog,
);

impl Records for LogRecords<'_> {
    fn last(&self) -> Result<u64, RecordsError> {
        Ok(self.0.head()?.map_or(0, Position::get))
    }

    fn scan(
        &self,
        from: u64,
        until: u64,
        visit: &mut dyn FnMut(u64, RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), RecordsError> {
        let (Some(first), Some(last)) = (Position::new(from), Position::new(until)) else { return Ok(()) };
        let scanned = self.0.scan(first, Some(last), &mut |position, record| visit(position.get(), record));
        match scanned {
            Ok(_) => Ok(()),
            Err(error) => Err(missing(error)),
        }
    }
}

/// A hole or a row that is no record spoils its own positions only.
fn missing(error: ReadError) -> RecordsError {
    let reason = error.to_string();
    match &error {
        ReadError::Gap { expected, found, .. } if found > expected => {
            RecordsError::Missing { first: expected.get(), last: found.get() - 1, reason }
        }
        ReadError::Row { position, .. } => match u64::try_from(*position) {
            Ok(position) if position > 0 => RecordsError::Missing { first: position, last: position, reason },
            _ => error.into(),
        },
        _ => error.into(),
    }
}

/// A checkpoint that is not read from the log itself.
#[derive(Clone, Debug)]
pub struct FoundCheckpoint {
    /// Where it is from: a file's name.
    pub place: String,
    /// The signed note.
    pub note: SignedCheckpoint,
}

/// What lies beside the records and is compared with them. None of it is trusted.
#[derive(Default)]
pub struct Beside {
    /// Checkpoints, in any order.
    pub checkpoints: Vec<FoundCheckpoint>,
    /// Stored tiles of the tree, and the size of the tree that they are complete for.
    pub tiles: Option<(Box<dyn TileSource>, u64)>,
    /// A read model that claims to be drawn from these records.
    pub model: Option<PathBuf>,
}
