//! How what a node decides gets onto the log, and the log into the node's tables.

use std::path::Path;
use std::time::{Duration, Instant};

use fengsui_log::{Embedded, StorageError};
use fengsui_projector::{FollowOptions, Projector, Unwatched, Watcher};

use super::batch::Keyring;
use super::{Node, NodeError, genesis, open_log, open_outbox};
use crate::folder::Folder;
use crate::outbox::{DRAIN_BATCH, Outbox, drain};
use crate::wake::wake;

/// How long a command waits for the running node to publish and fold it. What it has done is durable long before.
const PUBLISHING_PATIENCE: Duration = Duration::from_secs(5);

/// Between looks at how far the running node is.
const LOOK_INTERVAL: Duration = Duration::from_millis(3);

/// Between looks at whether the node is still running.
const KEEPER_INTERVAL: Duration = Duration::from_millis(200);

/// The way of a node's events.
pub(super) enum Way {
    /// The log is the node's own file.
    OwnFile(Embedded),
    /// The log is a stream that cannot be reached now; this is the node's copy of it.
    Cut(Embedded, OutOfReach),
    /// Another process runs the node: it publishes from the outbox, and keeps this copy and the tables.
    Beside(Embedded),
}

/// Why the stream cannot be reached now.
#[derive(Debug, thiserror::Error)]
pub enum OutOfReach {
    /// The running node has not published it in time.
    #[error("the running node has not published it within {} s", PUBLISHING_PATIENCE.as_secs())]
    Slow,
}

impl Way {
    pub(super) fn log(&self) -> &Embedded {
        match self {
            Way::OwnFile(log) | Way::Cut(log, _) | Way::Beside(log) => log,
        }
    }

    pub(super) fn out_of_reach(&self) -> Option<&OutOfReach> {
        match self {
            Way::Cut(_, reason) => Some(reason),
            Way::OwnFile(_) | Way::Beside(_) => None,
        }
    }

    pub(super) fn close(self) -> Result<(), NodeError> {
        match self {
            Way::OwnFile(log) | Way::Cut(log, _) | Way::Beside(log) => Ok(log.close()?),
        }
    }
}

impl Node {
    /// Opens the node of an exchange on a broker.
    pub(super) fn on_stream(folder: Folder, watcher: &mut dyn Watcher) -> Result<Self, NodeError> {
        let log = match open_log(&folder) {
            Err(StorageError::SecondWriter { .. }) => return Self::beside(folder),
            opened => opened?,
        };
        let outbox = open_outbox(&folder, &log)?;
        let mut projector = Projector::open(&folder.model(), genesis(folder.exchange()))?;
        projector.follow(&log, FollowOptions::default(), watcher)?;
        let way = Way::Cut(log, OutOfReach::Slow);
        Ok(Self { folder, keys: Keyring::default(), outbox, way, projector, mended: None })
    }

    fn beside(folder: Folder) -> Result<Self, NodeError> {
        let outbox = Outbox::open_writer(folder.outbox())?;
        let log = Embedded::open_reader(folder.log())?;
        let projector = Projector::open_reader(&folder.model(), &genesis(folder.exchange()))?;
        Ok(Self { folder, keys: Keyring::default(), outbox, way: Way::Beside(log), projector, mended: None })
    }

    /// Publishes what the outbox holds and folds it, or has it done.
    pub(super) fn publish(&mut self) -> Result<(), NodeError> {
        match &mut self.way {
            Way::OwnFile(log) => {
                drain(&mut self.outbox, log, DRAIN_BATCH)?;
                self.projector.follow(log, FollowOptions::default(), &mut Unwatched)?;
                Ok(())
            }
            Way::Cut(..) => Ok(()),
            Way::Beside(_) => self.await_keeper(),
        }
    }

    /// Waits until the running node has published and folded what was put into the outbox.
    fn await_keeper(&mut self) -> Result<(), NodeError> {
        wake(self.folder.root());
        let genesis = genesis(self.folder.exchange());
        let started = Instant::now();
        loop {
            let progress = self.projector.refresh(&genesis)?;
            if self.outbox.is_within(progress.position)? {
                return Ok(());
            }
            if started.elapsed() > PUBLISHING_PATIENCE {
                return Err(NodeError::OutOfReach(OutOfReach::Slow));
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }
}

/// Whether another process keeps the node's copy and tables.
pub(crate) fn is_kept(log: &Path) -> bool {
    matches!(Embedded::open_writer(log), Err(StorageError::SecondWriter { .. }))
}
