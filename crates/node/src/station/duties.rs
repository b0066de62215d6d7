//! What a running node does by itself: reminders and escalations, notices, evidence.
//!
//! Each duty has a thread, because a mail server that does not answer must not keep a reminder from being sent. None of them ends the
//! node: what a duty cannot do is told and tried again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fengsui_event::Timestamp;
use fengsui_event::date::day_of;
use fengsui_log::jetstream::Broker;
use fengsui_log::{Embedded, Position, StorageError};
use fengsui_projector::Registry;
use fengsui_projector::query::Reader;

use super::shared::Shared;
use super::source_of;
use crate::checkpoints::CheckpointDuty;
use crate::deadlines;
use crate::desk::PlanError;
use crate::evidence::{EvidenceError, EvidenceSharing};
use crate::keys::SigningKey;
use crate::node::{Accepted, Node, NodeError, genesis};
use crate::notify::{Notifier, NotifyError};
use crate::reading::storage_of;

/// Between rounds when nothing happens.
const INTERVAL: Duration = Duration::from_secs(2);
/// Between rounds however much happens: each reads the registry anew.
const PAUSE: Duration = Duration::from_millis(200);
/// Between looks at terms when nothing happens: they pass at midnight.
const TERMS_INTERVAL: Duration = Duration::from_secs(30);
/// Steps taken in one transaction.
const STEPS_MAX: usize = 256;

/// Runs `round` whenever the tables have moved, and now and then when they have not, until the node is to end.
fn whenever_applied(shared: &Shared, duty: &'static str, mut round: impl FnMut(u64) -> Result<(), String>) {
    let mut applied = 0;
    let mut last = None;
    while !shared.stop.is_stopped() {
        if let Err(reason) = round(applied)
            && last.as_ref() != Some(&reason)
        {
            tracing::warn!(duty, reason, "a duty could not be done and is tried again");
            last = Some(reason);
        }
        // Many small batches make one round.
        shared.await_stop(PAUSE);
        applied = shared.await_applied(applied, INTERVAL);
    }
}

/// Reminds and escalates.
pub fn deadlines(shared: &Shared) {
    let mut looked: Option<(u64, Instant)> = None;
    whenever_applied(shared, "deadlines", |applied| {
        let is_new = looked.is_none_or(|(at, when)| at != applied || when.elapsed() >= TERMS_INTERVAL);
        if !is_new || !is_in_step(shared) {
            return Ok(());
        }
        if take_steps(shared, Timestamp::now()).map_err(|error| error.to_string())? {
            looked = Some((applied, Instant::now()));
        }
        Ok(())
    });
}

/// Whether the tables show the present: what is done by them would else be done by what was long settled.
fn is_in_step(shared: &Shared) -> bool {
    let far = shared.far();
    shared.stream().is_some() && far.applied >= far.stream
}

/// Takes the steps that are due, unless a command is just using the outbox. Whether it could.
fn take_steps(shared: &Shared, now: Timestamp) -> Result<bool, NodeError> {
    let me = source_of(&shared.folder);
    let reader = Reader::open(&shared.folder.model())?;
    let (_, registry) = reader.view().progress()?;
    let Some(registry) = registry else { return Ok(true) };
    let steps = deadlines::due(&reader.view(), &registry, &me, day_of(now), STEPS_MAX)?;
    if steps.is_empty() {
        return Ok(true);
    }
    let mut node = match Node::open(shared.folder.root()) {
        Err(error) if matches!(storage_of(&error), Some(StorageError::SecondWriter { .. })) => return Ok(false),
        opened => opened?,
    };
    // Others know what a step is about; its id must not be theirs to take.
    let secret = SigningKey::load(&shared.folder.key(me.agency))?.secret_for("ids of reminders");
    let Accepted { result: taken, waits } = node.accept(|batch| {
        let mut taken = 0;
        for step in steps {
            match batch.submit(me.agency, step.command, &mut step.ids.keyed(&secret), now) {
                Ok(_) => taken += 1,
                // Done before, or settled meanwhile.
                Err(NodeError::Refused(_) | NodeError::Plan(PlanError::Rejected(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    })?;
    if taken > 0 {
        tracing::info!(taken, "reminders and escalations were issued");
    }
    if let Some(error) = waits {
        tracing::info!(%error, "they wait in the outbox");
    }
    node.close()?;
    Ok(true)
}

/// Tells the agency what it must look at.
pub fn notices(shared: &Shared) {
    let config = &shared.folder.node().notify;
    if !config.is_on() {
        return;
    }
    let mut notifier: Option<Notifier> = None;
    whenever_applied(shared, "notices", |_| {
        let open = || Notifier::open(shared.folder.root(), config, shared.folder.node().agency, Timestamp::now());
        let current = match notifier.take() {
            Some(current) => current,
            None => open().map_err(|error| error.to_string())?,
        };
        let current = notifier.insert(current);
        notify(shared, current).map_err(|error| error.to_string())
    });
}

fn notify(shared: &Shared, notifier: &mut Notifier) -> Result<(), NotifyError> {
    // The first time, everything up to the head is old.
    if is_in_step(shared) {
        let log = Embedded::open_reader(shared.copy_path())?;
        let reader = Reader::open(&shared.folder.model())?;
        if let Some(upto) = Position::new(shared.far().applied) {
            notifier.collect(&log, reader.view(), upto)?;
        }
    }
    let report = notifier.deliver(Timestamp::now(), &shared.stop)?;
    if report.failed > 0 {
        tracing::warn!(failed = report.failed, "notices could not be delivered");
    }
    Ok(())
}

/// Signs checkpoints as the authority, cosigns them as everybody else, and tells of contradictions.
pub fn checkpoints(shared: &Shared) {
    let mut duty = CheckpointDuty::default();
    whenever_applied(shared, "checkpoints", |_| {
        if !is_in_step(shared) {
            return Ok(());
        }
        match duty.round(shared, Timestamp::now()) {
            // What was begun goes on after the next start.
            Err(_) if shared.stop.is_stopped() => Ok(()),
            done => done.map_err(|error| error.to_string()),
        }
    });
}

/// Shares evidence with those who may see it, and fetches what this agency may see.
pub fn evidence(shared: &Shared, broker: &Broker) {
    let mut sharing: Option<EvidenceSharing> = None;
    whenever_applied(shared, "evidence", |_| {
        if !is_in_step(shared) {
            return Ok(());
        }
        let node = shared.folder.node();
        let open = || {
            Ok::<_, EvidenceError>(
                EvidenceSharing::open(shared.folder.root(), node.evidence.clone())?.of_node(node.node),
            )
        };
        let current = match sharing.take() {
            Some(current) => current,
            None => open().map_err(|error| error.to_string())?,
        };
        let current = sharing.insert(current);
        while exchange_evidence(shared, broker, current).map_err(|error| error.to_string())?
            && !shared.stop.is_stopped()
        {}
        Ok(())
    });
}

/// Moves a bounded number of files, and says whether there are more.
fn exchange_evidence(shared: &Shared, broker: &Broker, sharing: &mut EvidenceSharing) -> Result<bool, EvidenceError> {
    let log = Embedded::open_reader(shared.copy_path())?;
    let reader = Reader::open(&shared.folder.model())?;
    let view = reader.view();
    let registry: Registry = match view.progress()? {
        (_, Some(registry)) => registry,
        (_, None) => genesis(shared.folder.exchange()),
    };
    let own = BTreeSet::from([shared.folder.node().agency]);
    let now = Timestamp::now();
    let shared_now = sharing.share(view, &log, broker, &registry, &own, now)?;
    let fetched = sharing.collect(view, broker, &registry, &own, now)?;
    if shared_now.shared > 0 || !fetched.fetched.is_empty() {
        tracing::info!(shared = shared_now.shared, fetched = fetched.fetched.len(), "evidence was exchanged");
    }
    for (sha256, reason) in &fetched.refused {
        tracing::error!(%sha256, reason, "an object is not the evidence that it is named for");
    }
    if let Some(reason) = shared_now.waits.or(fetched.waits) {
        tracing::debug!(reason, "evidence waits");
        return Ok(false);
    }
    Ok(shared_now.is_more || fetched.is_more)
}
