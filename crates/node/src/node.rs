//! A node: folder, keys, outbox, log and read model, and the way of a command through them.
//!
//! A command is tried on the projector's fold, signed, written to the outbox (durable: from here on it is
//! acknowledged), published to the log, and folded. A crash at any instant loses nothing that was acknowledged:
//! opening a node drains what the outbox still holds, and the read model goes on from its position.

mod batch;
mod error;
mod way;

use std::path::Path;
use std::time::Duration;

use fengsui_event::{AgencyCode, CaseId, Timestamp};
use fengsui_log::{Embedded, EventLog, StorageError};
use fengsui_projector::query::View;
use fengsui_projector::state::CaseState;
use fengsui_projector::{FollowOptions, Overlay, Progress, Projector, Registry, Unwatched, Watcher};

use crate::desk::{Command, IdSource, Planned};
use crate::folder::{Exchange, Folder, NodeConfig};
use crate::keys::SigningKey;
use crate::outbox::{DRAIN_BATCH, LostEnd, Outbox, OutboxError, compare, drain, take_back};

pub use batch::Batch;
use batch::{Keyring, Row};
pub use error::NodeError;
pub(crate) use way::is_kept;
pub use way::{OutOfReach, reach_stream, replicas};
use way::{PUBLISHING_PATIENCE, Way};

/// An open node; the only one through which commands come into its outbox.
pub struct Node {
    folder: Folder,
    keys: Keyring,
    outbox: Outbox,
    way: Way,
    projector: Projector,
    mended: Option<LostEnd>,
    /// How long a running node beside this one is waited for. No longer at all once it has not come.
    patience: Duration,
}

/// The events that a command became. They are durable and acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The events, in order.
    pub events: Vec<Planned>,
}

/// What came of a batch. It is durable.
#[derive(Debug)]
pub struct Accepted<T> {
    /// What the batch answered.
    pub result: T,
    /// Why it is not on the log yet, as [`NodeError::AcceptedNotPublished`]; nothing when it is.
    pub waits: Option<NodeError>,
}

impl Node {
    /// Makes a node's folder with an empty log and outbox.
    pub fn create(root: &Path, config: NodeConfig, exchange: Exchange) -> Result<Self, NodeError> {
        Folder::create(root, config, exchange)?;
        Self::open(root)
    }

    /// Opens a node, publishes what its outbox still holds or the log has lost, and brings its read model up to the log's head. Where the
    /// log is a broker's stream and that is out of reach, all this waits, and commands are accepted all the same.
    pub fn open(root: &Path) -> Result<Self, NodeError> {
        Self::open_watched(root, &mut Unwatched)
    }

    /// The same, told how far the read model is.
    pub fn open_watched(root: &Path, watcher: &mut dyn Watcher) -> Result<Self, NodeError> {
        let folder = Folder::open(root)?;
        if folder.node().broker.is_some() {
            return Self::on_stream(folder, watcher);
        }
        let (mut log, mut outbox) = open_durable(&folder)?;
        let mended = compare(&outbox, &log)?;
        if let Some(lost) = mended {
            if !lost.is_whole {
                // What others had published in between stays lost, so positions will move and the tables speak of other ones.
                fengsui_projector::replay::discard(&folder.model())?;
            }
            take_back(&mut outbox, lost)?;
        }
        drain(&mut outbox, &mut log, DRAIN_BATCH)?;
        let mut projector = Projector::open(&folder.model(), genesis(folder.exchange()))?;
        projector.follow(&log, FollowOptions::default(), watcher)?;
        Ok(Self {
            folder,
            keys: Keyring::default(),
            outbox,
            way: Way::OwnFile(log),
            projector,
            mended,
            patience: PUBLISHING_PATIENCE,
        })
    }

    /// What the log had lost when it was opened, and has again from the outbox.
    pub fn mended(&self) -> Option<LostEnd> {
        self.mended
    }

    /// How many events wait in the outbox.
    pub fn waiting(&self) -> Result<u64, NodeError> {
        Ok(self.outbox.counts()?.pending)
    }

    /// Why what was accepted cannot be published now, if it cannot.
    pub fn out_of_reach(&self) -> Option<&OutOfReach> {
        self.way.out_of_reach()
    }

    /// The folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The log, or the node's copy of it.
    pub fn log(&self) -> &Embedded {
        self.way.log()
    }

    /// The outbox.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The projector.
    pub fn projector(&self) -> &Projector {
        &self.projector
    }

    /// Agencies, keys, rulebooks.
    pub fn registry(&self) -> &Registry {
        self.projector.registry()
    }

    /// The tables.
    pub fn view(&self) -> View<'_> {
        self.projector.store().view()
    }

    /// How far the log was folded.
    pub fn progress(&self) -> Progress {
        self.projector.progress()
    }

    /// A case as it will be once what waits in the outbox is on the log.
    pub fn case(&mut self, id: CaseId) -> Result<Option<Box<CaseState>>, NodeError> {
        Ok(self.overlay()?.case(id)?)
    }

    /// The cases that events touch which wait in the outbox, as they will be once those are on the log.
    pub fn waiting_cases(&mut self) -> Result<Vec<CaseState>, NodeError> {
        Ok(self.overlay()?.touched_cases().cloned().collect())
    }

    /// Makes a new key for an agency of this folder.
    pub fn add_key(&mut self, agency: AgencyCode, key: SigningKey) -> Result<(), NodeError> {
        key.save(&self.folder.key(agency))?;
        self.keys.0.insert(agency, key);
        Ok(())
    }

    /// Does one command for an agency.
    pub fn submit(
        &mut self,
        agency: AgencyCode,
        command: Command,
        ids: &mut dyn IdSource,
        now: Timestamp,
    ) -> Result<Receipt, NodeError> {
        self.batch(|batch| batch.submit(agency, command, ids, now))
    }

    /// Does several commands as one transaction of the outbox. A command that is refused leaves nothing, and the
    /// batch may go on; an error of the closure leaves nothing of the whole batch.
    ///
    /// Errors: [`NodeError::AcceptedNotPublished`] when all is done but for the log, which takes it later.
    pub fn batch<T, E: From<NodeError>>(&mut self, work: impl FnOnce(&mut Batch<'_>) -> Result<T, E>) -> Result<T, E> {
        let Accepted { result, waits } = self.accept(work)?;
        waits.map_or(Ok(result), |error| Err(E::from(error)))
    }

    /// The same for whoever wants to show what was accepted, whether it is published already or not.
    pub fn accept<T, E: From<NodeError>>(
        &mut self,
        work: impl FnOnce(&mut Batch<'_>) -> Result<T, E>,
    ) -> Result<Accepted<T>, E> {
        if matches!(self.way, Way::Beside(_)) {
            let genesis = genesis(self.folder.exchange());
            self.projector.refresh(&genesis).map_err(|error| E::from(error.into()))?;
        }
        let overlay = overlay(&mut self.projector, &self.outbox).map_err(E::from)?;
        let mut batch = Batch::new(&self.folder, &mut self.keys, &self.outbox, overlay);
        let result = work(&mut batch)?;
        let rows = batch.into_rows();
        if rows.is_empty() {
            return Ok(Accepted { result, waits: None });
        }
        self.acknowledge(&rows).map_err(E::from)?;
        let waits = self.publish().err().map(|error| NodeError::AcceptedNotPublished(Box::new(error)));
        Ok(Accepted { result, waits })
    }

    /// The tables with what waits in the outbox on top.
    fn overlay(&mut self) -> Result<Overlay<'_>, NodeError> {
        overlay(&mut self.projector, &self.outbox)
    }

    /// Writes events to the outbox. When this returns they are acknowledged.
    fn acknowledge(&mut self, rows: &[Row]) -> Result<(), NodeError> {
        self.outbox.transaction(|transaction| {
            for row in rows {
                transaction.push(&row.source, row.link, &row.record)?;
            }
            Ok::<(), OutboxError>(())
        })?;
        Ok(())
    }

    /// Closes the files in good order.
    pub fn close(self) -> Result<(), NodeError> {
        self.outbox.close()?;
        self.way.close()
    }
}

fn overlay<'a>(projector: &'a mut Projector, outbox: &Outbox) -> Result<Overlay<'a>, NodeError> {
    let position = projector.progress().position;
    let mut overlay = projector.overlay();
    for waiting in outbox.beyond(position)? {
        let record = &waiting.record;
        overlay.lay(record.id, &record.subject, &record.bytes, &record.signature)?;
    }
    Ok(overlay)
}

/// The registry before the first event of an exchange.
pub fn genesis(exchange: &Exchange) -> Registry {
    Registry::genesis(exchange.region, exchange.authority, &exchange.authority_keys)
}

/// Opens log and outbox. A folder whose creation was cut off before they were made gets them now; what once held
/// events is never made anew.
fn open_durable(folder: &Folder) -> Result<(Embedded, Outbox), NodeError> {
    let log = open_log(folder)?;
    let outbox = open_outbox(folder, &log)?;
    Ok((log, outbox))
}

pub(crate) fn open_log(folder: &Folder) -> Result<Embedded, StorageError> {
    let log = folder.log();
    if log.exists() || folder.outbox().exists() { Embedded::open_writer(&log) } else { Embedded::create(&log) }
}

fn open_outbox(folder: &Folder, log: &Embedded) -> Result<Outbox, NodeError> {
    let outbox = folder.outbox();
    if !outbox.exists() && log.head()?.is_none() {
        return Ok(Outbox::create(&outbox)?);
    }
    Ok(Outbox::open_writer(&outbox)?)
}
