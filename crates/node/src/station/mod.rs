//! A running node: it publishes what waits in the outbox, follows the stream into its copy and tables, and does by itself what is due.
//!
//! | part | what it does |
//! | --- | --- |
//! | [`keeper`] | stream into copy and tables; comparing both; drawing the copy anew |
//! | [`publishing`], [`publisher`] | outbox onto the stream: when, and how |
//! | [`duties`] | reminders and escalations, notifications, evidence, checkpoints |
//! | [`status`] | what the node says of itself |
//!
//! Each part is a thread with its own connections to the node's files; what they know of each other is in [`shared`]. A part that fails
//! for good ends the node, so that whatever supervises it starts it again.

pub mod chain;
pub mod comparing;
pub mod copy;
pub mod duties;
pub mod keeper;
pub mod publisher;
pub mod publishing;
pub mod recovery;
pub mod redraw;
pub mod shared;
pub mod status;

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fengsui_event::{Source, Timestamp};
use fengsui_log::jetstream::Broker;
use fengsui_log::{Embedded, EventLog as _, StopFlag, StorageError};
use fengsui_projector::Watcher;

use crate::folder::Folder;
use crate::node::{NodeError, open_log};
use crate::outbox::{Outbox, OutboxError};
use crate::reading::storage_of;
use crate::wake::Waking;
use keeper::Keeper;
use shared::{Shared, lock};
use status::{OutboxStatus, Status};

/// Between statuses.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
/// Between tries after a failed one.
const RETRY: Duration = Duration::from_millis(200);
/// How long a node that starts waits for a command that is just using the folder.
const FOLDER_PATIENCE: Duration = Duration::from_secs(10);

/// Told what a running node says of itself, once a second: for its HTTP and for whatever supervises it.
pub trait Observer: Send + Sync {
    /// The latest status. The first one comes when the node is about to publish and to follow.
    fn observe(&self, status: &Status);

    /// How far the tables are brought up to the copy, before the first status.
    fn catching_up(&self, _position: u64, _last: u64) {}

    /// Where the node answers over HTTP, for its status.
    fn http(&self) -> Option<SocketAddr> {
        None
    }
}

/// Passes on how far the tables are until the node is to end.
struct CatchingUp<'a> {
    stop: StopFlag,
    observer: &'a dyn Observer,
}

impl Watcher for CatchingUp<'_> {
    fn reached(&mut self, position: u64, last: u64) -> ControlFlow<()> {
        self.observer.catching_up(position, last);
        if self.stop.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Runs the node of a folder until `stop` is raised, then ends it in good order.
///
/// Errors: [`NodeError::NoBroker`] for a node on its own file, which needs no running; what no waiting mends.
pub fn run(root: &Path, stop: StopFlag, observer: &dyn Observer) -> Result<(), NodeError> {
    let folder = Folder::open(root)?;
    if folder.node().broker.is_none() {
        return Err(NodeError::NoBroker { root: root.to_owned() });
    }
    redraw::mend(&folder)?;
    let copy = take_copy(&folder)?;
    if !folder.outbox().exists() && copy.head()?.is_none() {
        Outbox::create(folder.outbox())?.close()?;
    }
    // Makes what an older outbox lacks; a command that has it open just now does so too. One that is missing where there are events was lost, and
    // a new one would begin this node's chain again.
    match Outbox::open_writer(folder.outbox()) {
        Err(OutboxError::Storage(error @ StorageError::NotFound { .. })) => return Err(error.into()),
        opened => drop(opened),
    }
    let waking = Waking::listen(root).map_err(|source| StorageError::io(root, source))?;
    let broker = Broker::connect_in_background(crate::broker::options(&folder)?)?;
    let shared = Shared::new(folder, stop);
    let mut catching_up = CatchingUp { stop: shared.stop.clone(), observer };
    let mut keeper = Keeper::open(&shared, &broker, copy, &mut catching_up)?;
    let started = Timestamp::now();
    write_status(&shared, started, observer)?;
    tracing::info!(agency = %shared.folder.node().agency, "the node is running");
    let failure = Mutex::new(None);
    let part = |name: &'static str, result: Result<(), NodeError>| {
        if let Err(error) = result {
            tracing::error!(part = name, %error, "the node ends");
            lock(&failure).get_or_insert(error);
        }
        shared.stop.stop();
        shared.wake_all();
    };
    std::thread::scope(|scope| {
        scope.spawn(|| part("keeper", keeper.run()));
        scope.spawn(|| part("publisher", publishing::run(&shared, &waking)));
        scope.spawn(|| duties::deadlines(&shared));
        scope.spawn(|| duties::notices(&shared));
        scope.spawn(|| duties::checkpoints(&shared));
        scope.spawn(|| duties::evidence(&shared, &broker));
        part("status", report(&shared, started, observer));
    });
    write_status(&shared, started, observer)?;
    tracing::info!("the node has ended");
    match failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// The source under which a folder's node publishes.
pub fn source_of(folder: &Folder) -> Source {
    let node = folder.node();
    Source { region: folder.exchange().region, agency: node.agency, node: node.node }
}

/// The copy, once no command uses it. A second node on the folder is refused.
fn take_copy(folder: &Folder) -> Result<Embedded, NodeError> {
    let began = Instant::now();
    loop {
        match open_log(folder) {
            Err(StorageError::SecondWriter { pid, .. })
                // Whoever has just taken it may not have written down its number yet.
                if began.elapsed() < RETRY || began.elapsed() < FOLDER_PATIENCE && !is_node(folder, pid) =>
            {
                std::thread::sleep(RETRY);
            }
            opened => return Ok(opened?),
        }
    }
}

/// Whether the process that uses the folder is a running node. What a killed one has said last says nothing of a command.
fn is_node(folder: &Folder, user: Option<u32>) -> bool {
    let status = Status::read(folder.root());
    status.is_some_and(|status| user == Some(status.pid) && status.health(Timestamp::now()).is_none())
}

fn report(shared: &Shared, started: Timestamp, observer: &dyn Observer) -> Result<(), NodeError> {
    while !shared.stop.is_stopped() {
        match write_status(shared, started, observer) {
            Err(error) if is_for_a_while(&error) => tracing::warn!(%error, "the outbox cannot be looked at"),
            written => written?,
        }
        shared.await_applied(u64::MAX, STATUS_INTERVAL);
    }
    Ok(())
}

/// Whether a fault of the node's files is none that ends it.
fn is_for_a_while(error: &NodeError) -> bool {
    matches!(storage_of(error), Some(StorageError::DiskFull { .. } | StorageError::Busy { .. }))
}

fn write_status(shared: &Shared, started: Timestamp, observer: &dyn Observer) -> Result<(), NodeError> {
    let status = Status { http: observer.http(), ..status_of(shared, started)? };
    if let Err(error) = status.write(shared.folder.root()) {
        // A full disk must not end a node that could still publish.
        tracing::warn!(%error, "the status cannot be written");
    }
    observer.observe(&status);
    Ok(())
}

fn status_of(shared: &Shared, started: Timestamp) -> Result<Status, NodeError> {
    let outbox = Outbox::open_reader(shared.folder.outbox())?;
    let counts = outbox.counts()?;
    let source = source_of(&shared.folder).to_string();
    let head = outbox.chain_head(&source)?;
    let oldest = outbox.oldest_pending()?;
    Ok(Status {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        written: Timestamp::now(),
        region: shared.folder.exchange().region,
        agency: shared.folder.node().agency,
        source,
        broker: shared.broker_status(),
        log: shared.log_status(),
        outbox: OutboxStatus {
            pending: counts.pending,
            sent: counts.sent,
            sequence: head.map_or(0, |head| head.sequence),
            chain_head: head.map(|head| head.digest.to_string()),
            oldest,
        },
        http: None,
        alarms: shared.alarms(),
        checkpoints: shared.checkpoint_status(),
        memory_bytes: memory_bytes(),
    })
}

/// Resident memory, where `/proc` tells (proc(5): the second number of `statm`, in pages).
fn memory_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
