//! A node: folder, keys, outbox, log and read model, and the way of a command through them.
//!
//! A command is tried on the projector's fold, signed, written to the outbox (durable: from here on it is
//! acknowledged), published to the log, and folded. A crash at any instant loses nothing that was acknowledged:
//! opening a node drains what the outbox still holds, and the read model goes on from its position.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fengsui_event::{AgencyCode, ChainLink, Draft, EnvelopeError, SignedEvent, Signer, Source, Timestamp};
use fengsui_log::{AppendError, Embedded, EventLog, ReadError, Record, StorageError};
use fengsui_projector::fold::{Touches, touches_of};
use fengsui_projector::overlay::Tried;
use fengsui_projector::query::View;
use fengsui_projector::{
    Cause, FollowOptions, ModelError, Overlay, Progress, Projector, Registry, Rejection, Unwatched, Watcher,
};

use crate::desk::{Command, IdSource, PlanError, Planned, plan};
use crate::folder::{Exchange, Folder, FolderError, NodeConfig};
use crate::keys::{KeyFileError, SigningKey};
use crate::outbox::{DRAIN_BATCH, LostEnd, Outbox, OutboxError, compare, drain, take_back};
use crate::reading::storage_of;

/// Why a node could not do something.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A database file.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The outbox.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// Appending to the log.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Reading the log.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The read model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An event could not be written.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// What was commanded is durable in the outbox, but could not be put on the log yet.
    #[error(
        "accepted: it is durable in the outbox and goes on the log by itself when that can be written again; \
         do not repeat it ({})",
        reason_of(.0)
    )]
    AcceptedNotPublished(Box<NodeError>),
    /// The log holds events of this node that its outbox does not know.
    #[error(
        "the log holds later events of {source_name} than the outbox {path} knows, so a new one would take a number that is taken: \
         the outbox was put back from an older backup; put its newest copy back"
    )]
    OutboxBehind {
        /// The outbox.
        path: PathBuf,
        /// The source whose chain has gone on.
        source_name: String,
    },
    /// A command becomes no event.
    #[error(transparent)]
    Plan(PlanError),
    /// A command's event would have no effect.
    #[error("{}", .0.message(fengsui_event::Language::En))]
    Refused(Cause),
}

impl From<PlanError> for NodeError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Model(error) => Self::Model(error),
            other => Self::Plan(other),
        }
    }
}

impl NodeError {
    /// Why authority or state do not allow a command, when that is the reason.
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Plan(PlanError::Rejected(rejection)) | Self::Refused(Cause::Rejected(rejection)) => Some(rejection),
            _ => None,
        }
    }
}

/// Why events could not be put on the log, without the advice that holds for what was not accepted.
fn reason_of(error: &NodeError) -> String {
    match storage_of(error) {
        Some(StorageError::DiskFull { path }) => format!("there is no room on the disk of {}", path.display()),
        _ => error.to_string(),
    }
}

/// The keys of a folder, loaded when first needed.
#[derive(Default)]
struct Keyring(BTreeMap<AgencyCode, SigningKey>);

impl Keyring {
    fn of(&mut self, folder: &Folder, agency: AgencyCode) -> Result<&SigningKey, KeyFileError> {
        match self.0.entry(agency) {
            std::collections::btree_map::Entry::Occupied(held) => Ok(held.into_mut()),
            std::collections::btree_map::Entry::Vacant(vacant) => {
                Ok(vacant.insert(SigningKey::load(&folder.key(agency))?))
            }
        }
    }
}

/// An open node; the only writer of its files.
pub struct Node {
    folder: Folder,
    keys: Keyring,
    outbox: Outbox,
    log: Embedded,
    projector: Projector,
    mended: Option<LostEnd>,
}

/// The events that a command became. They are durable and acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The events, in order.
    pub events: Vec<Planned>,
}

impl Node {
    /// Makes a node's folder with an empty log and outbox.
    pub fn create(root: &Path, config: NodeConfig, exchange: Exchange) -> Result<Self, NodeError> {
        Folder::create(root, config, exchange)?;
        Self::open(root)
    }

    /// Opens a node, publishes what its outbox still holds or the log has lost, and brings its read model up to the log's head.
    pub fn open(root: &Path) -> Result<Self, NodeError> {
        Self::open_watched(root, &mut Unwatched)
    }

    /// The same, told how far the read model is.
    pub fn open_watched(root: &Path, watcher: &mut dyn Watcher) -> Result<Self, NodeError> {
        let folder = Folder::open(root)?;
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
        Ok(Self { folder, keys: Keyring::default(), outbox, log, projector, mended })
    }

    /// What the log had lost when it was opened, and has again from the outbox.
    pub fn mended(&self) -> Option<LostEnd> {
        self.mended
    }

    /// The folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The log.
    pub fn log(&self) -> &Embedded {
        &self.log
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
    pub fn batch<T, E: From<NodeError>>(&mut self, work: impl FnOnce(&mut Batch<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut batch = Batch {
            folder: &self.folder,
            keys: &mut self.keys,
            outbox: &self.outbox,
            overlay: self.projector.overlay(),
            links: BTreeMap::new(),
            rows: Vec::new(),
        };
        let result = work(&mut batch)?;
        let rows = std::mem::take(&mut batch.rows);
        self.acknowledge(&rows).map_err(E::from)?;
        self.publish().map_err(|error| E::from(NodeError::AcceptedNotPublished(Box::new(error))))?;
        Ok(result)
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

    /// Publishes what the outbox holds and folds it.
    fn publish(&mut self) -> Result<(), NodeError> {
        drain(&mut self.outbox, &mut self.log, DRAIN_BATCH)?;
        self.projector.follow(&self.log, FollowOptions::default(), &mut Unwatched)?;
        Ok(())
    }

    /// Closes the files in good order.
    pub fn close(self) -> Result<(), NodeError> {
        self.outbox.close()?;
        self.log.close()?;
        Ok(())
    }
}

/// The registry before the first event of an exchange.
pub fn genesis(exchange: &Exchange) -> Registry {
    Registry::genesis(exchange.region, exchange.authority, &exchange.authority_keys)
}

/// Opens log and outbox. A folder whose creation was cut off before they were made gets them now; what once held
/// events is never made anew.
fn open_durable(folder: &Folder) -> Result<(Embedded, Outbox), NodeError> {
    let (log_path, outbox_path) = (folder.log(), folder.outbox());
    let log = if log_path.exists() || outbox_path.exists() {
        Embedded::open_writer(&log_path)?
    } else {
        Embedded::create(&log_path)?
    };
    let outbox = if !outbox_path.exists() && log.head()?.is_none() {
        Outbox::create(&outbox_path)?
    } else {
        Outbox::open_writer(&outbox_path)?
    };
    Ok((log, outbox))
}

/// A signed event on its way to the outbox.
struct Row {
    source: String,
    link: ChainLink,
    record: Record,
}

/// Commands that become one transaction of the outbox.
pub struct Batch<'a> {
    folder: &'a Folder,
    keys: &'a mut Keyring,
    outbox: &'a Outbox,
    overlay: Overlay<'a>,
    links: BTreeMap<String, ChainLink>,
    rows: Vec<Row>,
}

impl<'a> Batch<'a> {
    /// What the desk sees: the read model with this batch's commands.
    pub fn overlay(&self) -> &Overlay<'a> {
        &self.overlay
    }

    /// Does several commands whole or not at all.
    pub fn submit_all(
        &mut self,
        agency: AgencyCode,
        commands: Vec<Command>,
        ids: &mut dyn IdSource,
        now: Timestamp,
    ) -> Result<Receipt, NodeError> {
        let (links, rows) = (self.links.clone(), self.rows.len());
        self.overlay.begin();
        let mut events = Vec::new();
        for command in commands {
            match self.submit(agency, command, ids, now) {
                Ok(receipt) => events.extend(receipt.events),
                Err(error) => {
                    self.overlay.undo();
                    self.links = links;
                    self.rows.truncate(rows);
                    return Err(error);
                }
            }
        }
        self.overlay.keep();
        Ok(Receipt { events })
    }

    /// Plans, signs and tries one command.
    pub fn submit(
        &mut self,
        agency: AgencyCode,
        command: Command,
        ids: &mut dyn IdSource,
        now: Timestamp,
    ) -> Result<Receipt, NodeError> {
        let planned = plan(command, agency, &self.overlay, ids, now)?;
        let config = self.folder.node();
        let source = Source { region: self.folder.exchange().region, agency, node: config.node };
        let name = source.to_string();
        let mut link = self.next_link(&name)?;
        let key = self.keys.of(self.folder, agency)?;
        let mut signed = Vec::with_capacity(planned.len());
        for event in &planned {
            let event = sign(event, &source, link, key, now)?;
            let next = ChainLink::after(link.sequence, &event.event.bytes);
            signed.push((event, link));
            link = next;
        }
        let tried: Vec<Tried<'_>> = signed.iter().map(|(event, _)| event.as_tried(&source)).collect();
        match self.overlay.apply_all(&tried)? {
            None => {}
            Some(Cause::SequenceReused { .. } | Cause::ChainFork { .. }) => {
                return Err(NodeError::OutboxBehind { path: self.outbox.path().to_owned(), source_name: name });
            }
            Some(cause) => return Err(NodeError::Refused(cause)),
        }
        for (event, link) in signed {
            self.rows.push(Row { source: name.clone(), link, record: event.into_record() });
        }
        self.links.insert(name, link);
        Ok(Receipt { events: planned })
    }

    fn next_link(&self, source: &str) -> Result<ChainLink, NodeError> {
        if let Some(link) = self.links.get(source) {
            return Ok(*link);
        }
        let head = self.outbox.chain_head(source)?;
        let after =
            |head: crate::outbox::ChainHead| ChainLink { sequence: head.sequence + 1, previous: Some(head.digest) };
        Ok(head.map_or(ChainLink::FIRST, after))
    }
}

/// A signed event with what its trial needs.
struct Signed {
    id: fengsui_event::EventId,
    subject: String,
    event: SignedEvent,
    touches: Touches,
}

impl Signed {
    fn as_tried<'s>(&'s self, source: &'s Source) -> Tried<'s> {
        Tried { id: self.id, subject: &self.subject, event: &self.event, source, touches: &self.touches }
    }

    fn into_record(self) -> Record {
        let SignedEvent { bytes, signature } = self.event;
        Record { id: self.id, subject: self.subject, bytes, signature: signature.to_vec() }
    }
}

fn sign(
    planned: &Planned,
    source: &Source,
    link: ChainLink,
    key: &dyn Signer,
    now: Timestamp,
) -> Result<Signed, EnvelopeError> {
    let Planned { id, subject, correlation, causation, payload } = planned.clone();
    let touches = touches_of(&subject, correlation);
    let draft = Draft { id, source: source.clone(), subject, time: now, correlation, causation, payload };
    Ok(Signed { id, subject: draft.stream_subject(), event: draft.sign(link, key)?, touches })
}
