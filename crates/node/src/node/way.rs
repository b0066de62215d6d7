//! How what a node decides gets onto the log, and the log into the node's tables.

use std::time::{Duration, Instant};

use fengsui_log::jetstream::{Broker, BrokerError, Stream, TailError};
use fengsui_log::{Embedded, EventLog as _, Position, StorageError};
use fengsui_projector::{FollowOptions, Projector, Unwatched, Watcher};

use fengsui_event::Timestamp;

use super::batch::Keyring;
use super::{Node, NodeError, genesis, open_log, open_outbox};
use crate::folder::Folder;
use crate::outbox::{DRAIN_BATCH, Outbox, drain};
use crate::station::copy::{Difference, catch_up, compare_at_start};
use crate::station::publisher::{PublishingError, Round, publish_some, settle};
use crate::station::redraw;
use crate::station::status::Status;
use crate::wake::wake;

/// How long a command waits for the running node to publish and fold it. What it has done is durable long before.
pub(super) const PUBLISHING_PATIENCE: Duration = Duration::from_secs(5);

/// How long a command waits for the running node's tables to reach the end of its copy.
const TABLES_PATIENCE: Duration = Duration::from_secs(10);

/// Between looks at how far the running node is.
const LOOK_INTERVAL: Duration = Duration::from_millis(3);

/// Between looks at whether the node is still running.
const KEEPER_INTERVAL: Duration = Duration::from_millis(200);

/// How long a command, for which a person waits, tries to reach the broker.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// The way of a node's events.
pub(super) enum Way {
    /// The log is the node's own file.
    OwnFile(Embedded),
    /// The log is a stream, and this the node's copy of it, which this process keeps for a while.
    Stream(Embedded, Stream),
    /// The log is a stream that cannot be reached now; this is the node's copy of it.
    Cut(Embedded, OutOfReach),
    /// Another process runs the node: it publishes from the outbox, and keeps this copy and the tables.
    Beside(Embedded),
}

/// Why the stream cannot be reached now.
#[derive(Debug, thiserror::Error)]
pub enum OutOfReach {
    /// The broker cannot be reached or does not serve this node.
    #[error(transparent)]
    Broker(#[from] Box<BrokerError>),
    /// The running node says that the stream cannot be reached.
    #[error("the running node does not reach the stream: {0}")]
    Cut(String),
    /// The running node says that the broker does not let it publish.
    #[error("{0}")]
    NotPermitted(String),
    /// The running node has not published it in time.
    #[error("the running node has not published it within {} s", PUBLISHING_PATIENCE.as_secs())]
    Slow,
    /// Copy and stream differ.
    #[error("the stream is not what this node's copy holds: run `fengsui node run`, which sees to it")]
    Different,
    /// The copy is being changed.
    #[error("the node's copy is being drawn again")]
    Changing,
    /// What stood before it on the stream was lost and is not back yet.
    #[error("others bring back first what the stream has lost; `fengsui node run` publishes it after that")]
    Held,
}

impl Way {
    pub(super) fn log(&self) -> &Embedded {
        match self {
            Way::OwnFile(log) | Way::Stream(log, _) | Way::Cut(log, _) | Way::Beside(log) => log,
        }
    }

    pub(super) fn out_of_reach(&self) -> Option<&OutOfReach> {
        match self {
            Way::Cut(_, reason) => Some(reason),
            Way::OwnFile(_) | Way::Stream(..) | Way::Beside(_) => None,
        }
    }

    pub(super) fn close(self) -> Result<(), NodeError> {
        match self {
            Way::OwnFile(log) | Way::Stream(log, _) | Way::Cut(log, _) | Way::Beside(log) => Ok(log.close()?),
        }
    }
}

impl Node {
    /// Opens the node of an exchange on a broker.
    pub(super) fn on_stream(folder: Folder, watcher: &mut dyn Watcher) -> Result<Self, NodeError> {
        redraw::mend(&folder)?;
        let log = match open_log(&folder) {
            Err(StorageError::SecondWriter { .. }) => return Self::beside(folder),
            opened => opened?,
        };
        let outbox = open_outbox(&folder, &log)?;
        let mut node = Self::keeping(folder, outbox, log, watcher)?;
        if node.out_of_reach().is_some() {
            return Ok(node);
        }
        match node.publish_itself() {
            Ok(()) => Ok(node),
            // What waits and is refused stays in the outbox, and the next command is told when it publishes.
            Err(NodeError::Publish(error)) if !error.is_out_of_reach() => Ok(node),
            Err(error) => node.cut(OutOfReach::from_error(error)?),
        }
    }

    /// Goes on without the stream, which went away after it had been reached.
    fn cut(mut self, reason: OutOfReach) -> Result<Self, NodeError> {
        self.projector.follow(self.way.log(), FollowOptions::default(), &mut Unwatched)?;
        let way = match self.way {
            Way::Stream(log, _) => Way::Cut(log, reason),
            other => other,
        };
        Ok(Self { way, ..self })
    }

    /// Takes the copy and the tables for as long as this process runs, and brings them up to the stream if it can be reached.
    fn keeping(
        folder: Folder,
        outbox: Outbox,
        mut log: Embedded,
        watcher: &mut dyn Watcher,
    ) -> Result<Self, NodeError> {
        redraw::complete(&folder, &log)?;
        let mut projector = Projector::open(&folder.model(), genesis(folder.exchange()))?;
        let reached = reach_and_bring_up(&folder, &mut log, watcher)?;
        projector.follow(&log, FollowOptions::default(), watcher)?;
        let way = match reached {
            Ok(stream) => Way::Stream(log, stream),
            Err(reason) => Way::Cut(log, reason),
        };
        Ok(Self {
            folder,
            keys: Keyring::default(),
            outbox,
            way,
            projector,
            mended: None,
            patience: PUBLISHING_PATIENCE,
        })
    }

    fn beside(folder: Folder) -> Result<Self, NodeError> {
        let outbox = Outbox::open_writer(folder.outbox())?;
        let log = Embedded::open_reader(folder.log())?;
        let mut projector = Projector::open_reader(&folder.model(), &genesis(folder.exchange()))?;
        // What is decided by tables that are far behind, as while they are drawn anew, is decided wrongly.
        let head = log.head()?.map_or(0, Position::get);
        let started = Instant::now();
        while projector.refresh(&genesis(folder.exchange()))?.position < head {
            if started.elapsed() > TABLES_PATIENCE {
                let applied = projector.progress().position;
                return Err(NodeError::TablesBehind { applied, head });
            }
            projector.let_go()?;
            std::thread::sleep(LOOK_INTERVAL);
        }
        Ok(Self {
            folder,
            keys: Keyring::default(),
            outbox,
            way: Way::Beside(log),
            projector,
            mended: None,
            patience: PUBLISHING_PATIENCE,
        })
    }

    /// Publishes what the outbox holds and folds it, or has it done.
    pub(super) fn publish(&mut self) -> Result<(), NodeError> {
        match &mut self.way {
            Way::OwnFile(log) => {
                drain(&mut self.outbox, log, DRAIN_BATCH)?;
                self.projector.follow(log, FollowOptions::default(), &mut Unwatched)?;
                Ok(())
            }
            Way::Stream(..) => self.publish_itself(),
            Way::Cut(_, reason) => Err(NodeError::OutOfReach(reason.again())),
            Way::Beside(_) => self.await_keeper(),
        }
    }

    /// Publishes from this process. The copy is brought up to the head before, so that nothing goes twice, and after.
    fn publish_itself(&mut self) -> Result<(), NodeError> {
        let Way::Stream(log, stream) = &mut self.way else { return Ok(()) };
        // What is published onto a stream that has lost something would come before what was lost.
        if bring_up(log, stream, &mut Unwatched)?.is_some() {
            return Err(OutOfReach::Different.into());
        }
        let recovery = redraw::recovery(&self.folder, log)?;
        settle(&mut self.outbox, log)?;
        let is_held = loop {
            match publish_some(&mut self.outbox, stream, &recovery, Timestamp::now()) {
                Ok(Round::Published(_)) => {}
                Ok(round) => break round == Round::Held,
                Err(PublishingError::Node(error)) => return Err(error),
                Err(PublishingError::Publish(error)) => return Err(NodeError::Publish(Box::new(error))),
            }
        };
        if bring_up(log, stream, &mut Unwatched)?.is_some() {
            return Err(OutOfReach::Different.into());
        }
        self.projector.follow(log, FollowOptions::default(), &mut Unwatched)?;
        if is_held { Err(OutOfReach::Held.into()) } else { Ok(()) }
    }

    /// Waits until the running node has published and folded what was put into the outbox. Should it have ended, this process does it.
    fn await_keeper(&mut self) -> Result<(), NodeError> {
        wake(self.folder.root());
        let genesis = genesis(self.folder.exchange());
        let (began, started) = (Timestamp::now(), Instant::now());
        let mut looked = started;
        loop {
            let progress = self.projector.refresh(&genesis)?;
            if self.outbox.is_within(progress.position)? {
                self.patience = PUBLISHING_PATIENCE;
                return Ok(());
            }
            self.projector.let_go()?;
            if looked.elapsed() > KEEPER_INTERVAL {
                looked = Instant::now();
                if let Ok(log) = Embedded::open_writer(self.folder.log()) {
                    return self.take_over(log);
                }
                let status = Status::read(self.folder.root());
                if let Some(reason) = status.and_then(|status| OutOfReach::told_by(&status, began)) {
                    self.patience = Duration::ZERO;
                    return Err(NodeError::OutOfReach(reason));
                }
            }
            if started.elapsed() > self.patience {
                self.patience = Duration::ZERO;
                return Err(NodeError::OutOfReach(OutOfReach::Slow));
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    fn take_over(&mut self, mut log: Embedded) -> Result<(), NodeError> {
        redraw::complete(&self.folder, &log)?;
        self.projector = Projector::open(&self.folder.model(), genesis(self.folder.exchange()))?;
        match reach_and_bring_up(&self.folder, &mut log, &mut Unwatched)? {
            Ok(stream) => {
                self.way = Way::Stream(log, stream);
                self.publish_itself()
            }
            Err(reason) => {
                let error = NodeError::OutOfReach(reason.again());
                self.way = Way::Cut(log, reason);
                Err(error)
            }
        }
    }
}

impl OutOfReach {
    /// Why the stream is out of reach, by what went wrong with the broker.
    ///
    /// Errors: what is no matter of reach, such as a damaged file, or a stream that does not promise what it must.
    fn from_error(error: NodeError) -> Result<OutOfReach, NodeError> {
        match error {
            NodeError::Broker(error) if !matches!(*error, BrokerError::Guarantees { .. }) => {
                Ok(OutOfReach::Broker(error))
            }
            NodeError::Tail(TailError::Broker(error)) => Ok(OutOfReach::Broker(error)),
            NodeError::Publish(error) if error.is_out_of_reach() => Ok(OutOfReach::Cut(error.to_string())),
            NodeError::OutOfReach(reason) => Ok(reason),
            other => Err(other),
        }
    }

    /// What a running node says of itself, to somebody who has waited since `began`.
    fn told_by(status: &Status, began: Timestamp) -> Option<OutOfReach> {
        let now = Timestamp::now();
        let cut = status.cut_off(now).map(OutOfReach::Cut);
        cut.or_else(|| status.denied(began, now).map(OutOfReach::NotPermitted))
    }

    /// The same once more, for the next command that waits.
    fn again(&self) -> OutOfReach {
        match self {
            OutOfReach::Broker(error) => OutOfReach::Cut(error.to_string()),
            OutOfReach::Cut(reason) => OutOfReach::Cut(reason.clone()),
            OutOfReach::NotPermitted(reason) => OutOfReach::NotPermitted(reason.clone()),
            OutOfReach::Slow => OutOfReach::Slow,
            OutOfReach::Different => OutOfReach::Different,
            OutOfReach::Changing => OutOfReach::Changing,
            OutOfReach::Held => OutOfReach::Held,
        }
    }
}

/// Connects and opens the region's stream, for a command.
fn reach(folder: &Folder) -> Result<Stream, NodeError> {
    let mut options = crate::broker::options(folder)?;
    options.connect_timeout = CONNECT_PATIENCE;
    let broker = Broker::connect(options)?;
    Ok(reach_stream(folder, &broker)?)
}

/// Opens the region's stream. The authority's node makes it when there is none.
pub fn reach_stream(folder: &Folder, broker: &Broker) -> Result<Stream, BrokerError> {
    let exchange = folder.exchange();
    match Stream::open(broker, exchange.region) {
        Err(BrokerError::NoStream { .. }) if folder.node().agency == exchange.authority => {
            Stream::create(broker, exchange.region, replicas(broker))
        }
        opened => opened,
    }
}

/// On how many servers a message is kept: three of a cluster, or the only one.
pub fn replicas(broker: &Broker) -> usize {
    let is_clustered = broker.client().try_server_info().is_some_and(|server| server.cluster.is_some());
    if is_clustered { 3 } else { 1 }
}

/// The stream with the copy brought up to it, or why it is out of reach.
fn reach_and_bring_up(
    folder: &Folder,
    copy: &mut Embedded,
    watcher: &mut dyn Watcher,
) -> Result<Result<Stream, OutOfReach>, NodeError> {
    let brought = reach(folder).and_then(|stream| Ok((bring_up(copy, &stream, watcher)?, stream)));
    Ok(match brought {
        Ok((None, stream)) => Ok(stream),
        Ok((Some(_), _)) => Err(OutOfReach::Different),
        Err(error) => Err(OutOfReach::from_error(error)?),
    })
}

/// Brings a copy up to the stream's head, or says that they differ.
fn bring_up(copy: &mut Embedded, stream: &Stream, watcher: &mut dyn Watcher) -> Result<Option<Difference>, NodeError> {
    let difference = compare_at_start(copy, stream)?;
    if difference.is_none() {
        catch_up(copy, stream, &mut |at, last| watcher.reached(at, last))?;
    }
    Ok(difference)
}

/// Whether another process keeps the node's copy and tables.
pub(crate) fn is_kept(log: &std::path::Path) -> bool {
    matches!(Embedded::open_writer(log), Err(StorageError::SecondWriter { .. }))
}
