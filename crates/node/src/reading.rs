//! Reading a node's folder: without keeping its writer out, beside a writer, and on read-only media.
//!
//! What is shown should be current. So whoever reads a folder in which events wait (in the outbox, or on the log but
//! not yet in the tables) brings it up to date first, if it may. If another process is the writer, or the folder
//! cannot be written, the tables are read as they are, and [`Reading::lag`] says how far they are behind.

use std::path::Path;

use fengsui_event::Timestamp;
use fengsui_log::{Embedded, EventLog, Position, ReadError, StorageError};
use fengsui_projector::query::{Reader, View};
use fengsui_projector::{ModelError, Progress, Registry, Watcher};

use crate::folder::Folder;
use crate::node::{Node, NodeError, genesis, is_kept};
use crate::outbox::{LostEnd, Outbox, OutboxError, compare};
use crate::station::status::Status;

/// An open folder that is only read.
pub struct Reading {
    folder: Folder,
    log: Embedded,
    model: Reader,
    progress: Progress,
    registry: Registry,
    head: u64,
    kept_back: Option<NodeError>,
    mended: Option<LostEnd>,
    cut: Option<String>,
    waiting: u64,
}

impl Reading {
    /// Opens a folder, brought up to date if that is possible. `watcher` is told how far that is.
    ///
    /// Errors: what keeps even a reader out: a file that is missing, damaged, foreign or newer.
    pub fn open(root: &Path, watcher: &mut dyn Watcher) -> Result<Self, NodeError> {
        let folder = Folder::open(root)?;
        let on_broker = folder.node().broker.is_some();
        match Self::as_it_is(folder.clone(), None) {
            Ok(reading) if on_broker && is_kept(&folder.log()) => return reading.beside_keeper(),
            Ok(reading) if !on_broker && reading.is_current()? => return Ok(reading),
            Ok(_) => {}
            Err(error) if is_missing(&error) || is_ahead(&error) => {}
            Err(error) => return Err(error),
        }
        let (mended, cut, waiting, kept_back) = match Node::open_watched(root, watcher) {
            Ok(node) => {
                let (mended, waiting) = (node.mended(), node.waiting()?);
                let cut = node.out_of_reach().map(ToString::to_string);
                node.close()?;
                (mended, cut, waiting, None)
            }
            Err(error) if keeps_only_writers_out(&error) => (None, None, 0, Some(error)),
            Err(error) => return Err(error),
        };
        Ok(Self { mended, cut, waiting, ..Self::as_it_is(folder, kept_back)? })
    }

    /// Beside a running node, which knows whether the stream can be reached.
    fn beside_keeper(mut self) -> Result<Self, NodeError> {
        let now = Timestamp::now();
        self.cut = Status::read(self.folder.root()).and_then(|status| {
            let connecting = status.is_connecting(now).then(|| "the running node is just connecting".to_owned());
            status.cut_off(now).or(connecting)
        });
        self.waiting = Outbox::open_reader(self.folder.outbox())?.counts()?.pending;
        Ok(self)
    }

    /// Why the stream could not be reached, so that the tables may be behind it; nothing where the log is the node's own file.
    pub fn cut(&self) -> Option<&str> {
        self.cut.as_deref()
    }

    /// Events of this node that wait in the outbox and are not in the tables.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// The folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The log.
    pub fn log(&self) -> &Embedded {
        &self.log
    }

    /// The tables.
    pub fn view(&self) -> View<'_> {
        self.model.view()
    }

    /// Agencies, keys, rulebooks, as of the tables' position.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// How far the log is folded.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The log's last position; 0 while it is empty.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// Positions by which the tables are behind the log.
    pub fn lag(&self) -> u64 {
        self.head.saturating_sub(self.progress.position)
    }

    /// What the log had lost when it was opened, and has again from the outbox.
    pub fn mended(&self) -> Option<LostEnd> {
        self.mended
    }

    /// Why the tables could not be brought up to date, if they could not.
    pub fn kept_back(&self) -> Option<&NodeError> {
        self.kept_back.as_ref()
    }

    fn as_it_is(folder: Folder, kept_back: Option<NodeError>) -> Result<Self, NodeError> {
        let log = Embedded::open_reader(folder.log())?;
        let model = Reader::open(&folder.model())?;
        let (progress, registry) = model.view().progress()?;
        let head = log.head()?.map_or(0, Position::get);
        if progress.position > head {
            return Err(ModelError::Ahead { model: progress.position, log: head }.into());
        }
        let registry = registry.unwrap_or_else(|| genesis(folder.exchange()));
        Ok(Self { folder, log, model, progress, registry, head, kept_back, mended: None, cut: None, waiting: 0 })
    }

    fn is_current(&self) -> Result<bool, NodeError> {
        if self.lag() > 0 {
            return Ok(false);
        }
        match Outbox::open_reader(self.folder.outbox()) {
            Ok(outbox) => Ok(compare(&outbox, &self.log)?.is_none() && outbox.pending(1)?.is_empty()),
            // A folder that was copied to be read may come without an outbox.
            Err(OutboxError::Storage(StorageError::NotFound { .. })) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether a file is not there, which the writer may mend: the tables are drawn anew, a first log is made.
fn is_missing(error: &NodeError) -> bool {
    matches!(storage_of(error), Some(StorageError::NotFound { .. }))
}

/// Whether the tables know more than the log holds, which the writer may have in its outbox.
fn is_ahead(error: &NodeError) -> bool {
    matches!(error, NodeError::Model(ModelError::Ahead { .. }))
}

/// Whether an error keeps a writer out, but not a reader.
fn keeps_only_writers_out(error: &NodeError) -> bool {
    matches!(
        storage_of(error),
        Some(StorageError::SecondWriter { .. } | StorageError::NotWritable { .. } | StorageError::DiskFull { .. })
    )
}

/// The fault of a file in which an error has its cause.
pub fn storage_of(error: &NodeError) -> Option<&StorageError> {
    use fengsui_log::AppendError;

    match error {
        NodeError::Storage(fault)
        | NodeError::Read(ReadError::Storage(fault))
        | NodeError::Append(AppendError::Storage(fault) | AppendError::Read(ReadError::Storage(fault)))
        | NodeError::Model(ModelError::Storage(fault) | ModelError::Log(ReadError::Storage(fault)))
        | NodeError::Outbox(
            OutboxError::Storage(fault)
            | OutboxError::Append(AppendError::Storage(fault) | AppendError::Read(ReadError::Storage(fault))),
        ) => Some(fault),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tempfile::TempDir;

    use super::*;
    use crate::as_of::tests::pilot;
    use fengsui_projector::Unwatched;

    #[test]
    fn a_folder_is_read_beside_its_writer_and_without_keeping_it_out() {
        let place = TempDir::new().unwrap();
        let node = pilot(place.path());
        let reading = Reading::open(place.path(), &mut Unwatched).unwrap();
        assert_eq!((reading.head(), reading.lag()), (2, 0));
        assert!(reading.kept_back().is_none());
        drop(node);
        let _node = Node::open(place.path()).unwrap();
        drop(reading);
    }

    #[test]
    fn tables_that_are_missing_are_drawn_again_by_a_reader_that_may() {
        let place = TempDir::new().unwrap();
        pilot(place.path()).close().unwrap();
        std::fs::remove_file(place.path().join("model.sqlite")).unwrap();
        let reading = Reading::open(place.path(), &mut Unwatched).unwrap();
        assert_eq!(reading.progress().position, 2);
        assert_eq!(reading.registry().agencies.len(), 1);
    }

    #[test]
    fn tables_behind_the_log_are_shown_as_they_are_beside_a_writer() {
        let place = TempDir::new().unwrap();
        pilot(place.path()).close().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        std::fs::remove_file(folder.model()).unwrap();
        drop(fengsui_projector::Projector::open(&folder.model(), genesis(folder.exchange())).unwrap());
        let writer = Embedded::open_writer(folder.log()).unwrap();
        let reading = Reading::open(place.path(), &mut Unwatched).unwrap();
        assert_eq!((reading.progress().position, reading.lag()), (0, 2));
        assert!(matches!(storage_of(reading.kept_back().unwrap()), Some(StorageError::SecondWriter { .. })));
        drop(writer);
        drop(reading);
        assert_eq!(Reading::open(place.path(), &mut Unwatched).unwrap().lag(), 0);
    }
}
