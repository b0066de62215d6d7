//! An archive's records as a log, so that whatever reads logs reads them.

use fengsui_log::{AppendError, Embedded, Position, Record, StorageError, Stored};
use fengsui_projector::{ModelError, Watcher};
use fengsui_proof::archive::{Archive, ArchiveContent, ArchiveError, ArchiveRecord};

use crate::as_of::{AsOfError, TemporaryFolder};

/// Records that are copied in one transaction.
const BATCH_RECORDS: usize = 1_000;

/// A copy of an archive's records in a file that is removed when this is dropped.
#[derive(Debug)]
pub struct ArchivedLog {
    // Closed before its folder goes: fields are dropped in their order.
    log: Embedded,
    _place: TemporaryFolder,
}

/// Why an archive's records are no log.
#[derive(Debug, thiserror::Error)]
pub enum ArchivedLogError {
    /// It begins later.
    #[error("the archive begins at position {first}; what an account was takes the log from position 1 on")]
    NotFromTheStart {
        /// Its first position.
        first: u64,
    },
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// No room for the copy.
    #[error(transparent)]
    Place(#[from] AsOfError),
    /// The copy.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The copy.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl ArchivedLog {
    /// Copies the records.
    pub fn open(archive: &Archive, watcher: &mut dyn Watcher) -> Result<Self, ArchivedLogError> {
        let (first, last) = (archive.manifest().first, archive.manifest().last);
        if first != 1 {
            return Err(ArchivedLogError::NotFromTheStart { first });
        }
        let place = TemporaryFolder::new()?;
        let mut log = Embedded::create(place.path().join("log.sqlite"))?;
        let mut batch = Vec::with_capacity(BATCH_RECORDS);
        for record in archive.records(first) {
            let ArchiveRecord { position, content } = record?;
            let Some(position) = Position::new(position) else { continue };
            batch.push(Stored { position, record: content.map_or_else(Record::missing, record_of) });
            if batch.len() == BATCH_RECORDS {
                log.append_copy(&batch)?;
                batch.clear();
                if watcher.reached(position.get(), last).is_break() {
                    let interrupted = ModelError::Interrupted { position: position.get() };
                    return Err(AsOfError::from(interrupted).into());
                }
            }
        }
        log.append_copy(&batch)?;
        Ok(Self { log, _place: place })
    }

    /// The log.
    pub fn log(&self) -> &Embedded {
        &self.log
    }
}

fn record_of(content: ArchiveContent) -> Record {
    let ArchiveContent { id, subject, signature, bytes } = content;
    Record { id, subject, bytes, signature }
}
