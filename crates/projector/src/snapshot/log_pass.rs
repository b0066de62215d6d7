//! One pass over the own copy of the log beside a snapshot's anomalies: what the state digest does not cover is drawn from there.
//!
//! Which events had an effect, and which ids count, follows from the anomalies, which the digest covers; what stands at a position
//! comes from the log. Signatures are not verified: whether the anomalies are right is what the digest is compared for.

use std::io::Read;
use std::ops::ControlFlow;

use fengsui_event::{Decoded, Digest, Event, EventId, Payload, ReferralId, Subject};
use fengsui_log::{EventLog, Position, Record};
use fengsui_proof::hash::{Hash, leaf_hash};
use fengsui_proof::tree::Frontier;
use rayon::prelude::*;

use super::body::{BodyReader, Item};
use super::{Snapshot, SnapshotError};
use crate::fold::driver::{Seen, States};
use crate::fold::{Anomaly, Cause, Changes, Touched};
use crate::projector::Watcher;
use crate::state::{OverdueStep, Registry};
use crate::store::{ModelError, Outcome, Store};

/// Records that are read and hashed together.
const CHUNK_RECORDS: usize = 1024;
/// Positions after which rows are written.
const COMMIT_EVENTS: u64 = 50_000;

/// An anomaly as the snapshot has it.
struct Stated {
    position: u64,
    id: EventId,
    cause: Cause,
}

/// A record as far as it was read on all cores.
struct ReadRecord {
    position: u64,
    id: EventId,
    digest: Digest,
    leaf: Hash,
    event: Option<Box<Event>>,
}

impl ReadRecord {
    fn of((position, record): &(Position, Record)) -> Self {
        Self {
            position: position.get(),
            id: record.id,
            digest: Digest::of(&record.bytes),
            leaf: leaf_hash(&record.bytes),
            event: Event::parse(&record.bytes).ok().map(Box::new),
        }
    }
}

/// The pass.
pub(super) struct LogPass<'a, R> {
    snapshot: &'a Snapshot,
    store: &'a mut Store,
    registry: &'a Registry,
    body: BodyReader<R>,
    next: Option<Stated>,
    frontier: Frontier,
    committed: u64,
}

impl<'a, R: Read> LogPass<'a, R> {
    /// Begins the pass. `first` is the body's first anomaly, `body` holds those that follow.
    pub(super) fn new(
        snapshot: &'a Snapshot,
        store: &'a mut Store,
        registry: &'a Registry,
        body: BodyReader<R>,
        first: Option<Item>,
    ) -> Result<Self, SnapshotError> {
        let frontier = Frontier::new();
        let mut pass = Self { snapshot, store, registry, body, next: None, frontier, committed: 0 };
        pass.next = first.map(|item| pass.stated(item)).transpose()?;
        Ok(pass)
    }

    /// Goes through the log up to the snapshot's position. Returns the log's root there.
    pub(super) fn run<L: EventLog + ?Sized>(
        mut self,
        log: &L,
        watcher: &mut dyn Watcher,
    ) -> Result<Hash, SnapshotError> {
        let last = self.snapshot.header().progress.position;
        let until = Position::new(last).ok_or(SnapshotError::Empty)?;
        let mut chunk: Vec<(Position, Record)> = Vec::with_capacity(CHUNK_RECORDS);
        let mut failed: Option<SnapshotError> = None;
        let reached = log.scan(Position::FIRST, Some(until), &mut |position, record| {
            chunk.push((position, record.to_record()));
            if chunk.len() < CHUNK_RECORDS {
                return ControlFlow::Continue(());
            }
            let result = self.take_in(&mut chunk).and_then(|()| match watcher.reached(position.get(), last) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(ModelError::Interrupted { position: 0 }.into()),
            });
            failed = result.err();
            if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.take_in(&mut chunk)?;
        if reached != Some(until) {
            let head = reached.map_or(0, Position::get);
            return Err(SnapshotError::BeyondLog { path: self.snapshot.path().to_owned(), position: last, head });
        }
        if let Some(stated) = &self.next {
            return Err(self.differs(stated.position, "it has an anomaly beyond its own position"));
        }
        if self.store.progress() != self.snapshot.header().progress {
            return Err(self.differs(last, "its counts are not those that follow from its anomalies"));
        }
        self.store.commit(self.registry)?;
        Ok(self.frontier.root())
    }

    fn take_in(&mut self, chunk: &mut Vec<(Position, Record)>) -> Result<(), SnapshotError> {
        let records: Vec<ReadRecord> = chunk.par_iter().with_min_len(16).map(ReadRecord::of).collect();
        chunk.clear();
        for record in records {
            let position = record.position;
            self.frontier.push(record.leaf);
            self.record(record)?;
            if position - self.committed >= COMMIT_EVENTS || self.store.is_full() {
                self.store.commit(self.registry)?;
                self.committed = position;
            }
        }
        Ok(())
    }

    fn record(&mut self, record: ReadRecord) -> Result<(), SnapshotError> {
        let ReadRecord { position, id, digest, event, .. } = record;
        let mut ending: Option<Cause> = None;
        while let Some(stated) = self.stated_of(position)? {
            if stated.id != id {
                return Err(self.differs(position, "it names another id there"));
            }
            if !stated.cause.is_notice() && ending.replace(stated.cause.clone()).is_some() {
                return Err(self.differs(position, "it has two reasons for one event without effect"));
            }
            self.store.note(anomaly(stated, event.as_deref()))?;
        }
        if ending.as_ref().is_none_or(enters_id) {
            if event.as_ref().is_none_or(|event| event.id != id) {
                return Err(self.differs(position, "it has let pass what is no event"));
            }
            if let Some(first) = self.store.remember(id, Seen { position, digest })? {
                let reason = format!("it has let pass what stands at position {} already", first.position);
                return Err(self.differs(position, &reason));
            }
        }
        if let Some(event) = event.as_deref().filter(|_| ending.is_none()) {
            self.restore_step(event)?;
        }
        let outcome = match ending {
            None => Outcome::Effective,
            Some(Cause::Duplicate { .. }) => Outcome::Duplicate,
            Some(_) => Outcome::WithoutEffect,
        };
        self.store.advance(position, event.map(|event| event.recorded_on()), outcome);
        Ok(())
    }

    /// What was done about a term that has passed is not in the snapshot: it is what the reminders with an effect say.
    fn restore_step(&mut self, event: &Event) -> Result<(), SnapshotError> {
        let Decoded::Known(payload) = &event.data else { return Ok(()) };
        let (referral, deadline, due_on, level) = match payload {
            Payload::ReferralReminded(data) => (data.referral, data.deadline, data.due_on, None),
            Payload::ReferralEscalated(data) => (data.referral, data.deadline, data.due_on, Some(data.level)),
            _ => return Ok(()),
        };
        let step = OverdueStep { deadline, due_on, level, on: event.recorded_on(), by: event.source.clone() };
        self.put_step(event, referral, &step)
    }

    fn put_step(&mut self, event: &Event, referral: ReferralId, step: &OverdueStep) -> Result<(), SnapshotError> {
        let case = event.correlation.map(|case| self.store.take_case(case)).transpose()?.flatten();
        let mut touched = Touched { case, ..Touched::default() };
        let referrals = touched.case.iter_mut().flat_map(|case| case.referrals.iter_mut().enumerate());
        let mut changes = Changes::default();
        for (index, found) in referrals.filter(|(_, found)| found.id == referral) {
            changes.referrals.insert(index);
            if found.overdue_step(step.deadline, step.due_on, step.level).is_none() {
                found.overdue_steps.push(step.clone());
            }
        }
        Ok(self.store.put(touched, Some(changes))?)
    }

    /// The next anomaly if it is of this position.
    fn stated_of(&mut self, position: u64) -> Result<Option<Stated>, SnapshotError> {
        if self.next.as_ref().is_none_or(|stated| stated.position > position) {
            return Ok(None);
        }
        let following = self.body.next()?.map(|item| self.stated(item)).transpose()?;
        let stated = std::mem::replace(&mut self.next, following);
        if stated.as_ref().is_some_and(|stated| stated.position < position) {
            return Err(self.differs(position, "it has an anomaly before the first position"));
        }
        Ok(stated)
    }

    fn stated(&self, item: Item) -> Result<Stated, SnapshotError> {
        let Item::Anomaly { position, id, cause: text } = item else {
            return Err(self.body.unusable("it stands among the anomalies".to_owned()));
        };
        let cause: Cause = serde_json::from_str(&text).map_err(|error| self.body.unusable(error.to_string()))?;
        // What is written to the tables is this text again, or the digest would not be that of the file.
        if serde_json::to_string(&cause).ok().as_ref() != Some(&text) {
            return Err(self.body.unusable("its cause is not written as this program writes it".to_owned()));
        }
        Ok(Stated { position, id, cause })
    }

    fn differs(&self, position: u64, reason: &str) -> SnapshotError {
        SnapshotError::LogDiffers { path: self.snapshot.path().to_owned(), position, reason: reason.to_owned() }
    }
}

/// The anomaly with what people see of it, which comes from the event.
fn anomaly(stated: Stated, event: Option<&Event>) -> Anomaly {
    let Stated { position, id, cause } = stated;
    let unit = |event: &Event| match &event.subject {
        Subject::Unit(unit) => Some(unit.clone()),
        Subject::Agency(_) | Subject::Rulebook(_) | Subject::Region(_) => None,
    };
    Anomaly {
        position,
        id,
        agency: event.map(|event| event.source.agency),
        type_text: event.map(|event| event.type_text.clone()),
        case: event.and_then(|event| event.correlation),
        unit: event.and_then(unit),
        cause,
    }
}

/// Whether an event that had no effect for this cause has taken its id for ever all the same: whatever came with a good key has.
const fn enters_id(cause: &Cause) -> bool {
    !matches!(
        cause,
        Cause::Envelope(_)
            | Cause::Lost
            | Cause::IdMismatch { .. }
            | Cause::WrongSubject { .. }
            | Cause::BadSignature
            | Cause::UnknownKey(_)
            | Cause::ForeignKey { .. }
            | Cause::EndedKey { .. }
            | Cause::SuspendedAgency { .. }
            | Cause::ForeignRegion
            | Cause::Duplicate { .. }
            | Cause::Conflict { .. }
    )
}
