//! Following a log: records in order of position, prepared on all cores, folded on one.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use fengsui_event::EventId;
use fengsui_log::{EventLog, Position, RecordRef};
use rayon::prelude::*;

use crate::fold::Cause;
use crate::fold::admission::{Prepared, RawRecord, SignatureCheck, VerifierCache, prepare};
use crate::fold::driver::fold;
use crate::state::Registry;
use crate::store::{ModelError, Outcome, Progress, Store};

/// Records that are prepared together.
const CHUNK_RECORDS: usize = 1024;
/// Chunks that may wait between reading and folding.
const CHUNKS_WAITING: usize = 4;
/// Events after which a following projector makes its state durable.
const COMMIT_EVENTS: u64 = 10_000;

/// How to follow.
#[derive(Clone, Copy, Debug)]
pub struct FollowOptions {
    /// Whether signatures are verified.
    pub check: SignatureCheck,
    /// Last position to fold; the head when absent.
    pub until: Option<Position>,
    /// Events after which the state is written.
    pub commit_events: u64,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self { check: SignatureCheck::Verify, until: None, commit_events: COMMIT_EVENTS }
    }
}

/// Told how far a long run is; answers whether to go on.
pub trait Watcher: Send {
    /// Called after each chunk with the position reached and the last one to reach.
    fn reached(&mut self, position: u64, last: u64) -> ControlFlow<()>;
}

/// Nobody watches.
pub struct Unwatched;

impl Watcher for Unwatched {
    fn reached(&mut self, _: u64, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// The read model and the registry that belongs to it.
pub struct Projector {
    /// Agencies, keys, rulebooks and chains as of the last position.
    pub(crate) registry: Registry,
    /// The read model.
    pub(crate) store: Store,
}

impl Projector {
    /// Opens the read model, making it when there is none. `genesis` is the registry of the exchange file.
    pub fn open(path: &Path, genesis: Registry) -> Result<Self, ModelError> {
        let (store, registry) = Store::open(path, genesis)?;
        Ok(Self { registry, store })
    }

    /// Opens the read model beside its writer: to look at, and to try events on. It stays at its position until [`Self::refresh`].
    pub fn open_reader(path: &Path, genesis: &Registry) -> Result<Self, ModelError> {
        let (store, registry) = Store::open_reader(path, genesis)?;
        Ok(Self { registry, store })
    }

    /// Brings a projector that stands beside the writer to what that one has committed.
    pub fn refresh(&mut self, genesis: &Registry) -> Result<Progress, ModelError> {
        if let Some(registry) = self.store.refresh(genesis)? {
            self.registry = registry;
        }
        Ok(self.progress())
    }

    /// Lets the writer go on meanwhile, whose file grows as long as an old state of it is held. To be called by whoever waits, with
    /// [`Self::refresh`] after it.
    pub fn let_go(&mut self) -> Result<(), ModelError> {
        self.store.let_go()
    }

    /// The registry as of the last position.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The read model.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Keeps fewer or more cases and accounts in memory; see [`Store::bound_caches`].
    pub fn bound_caches(&mut self, bound: usize) {
        self.store.bound_caches(bound);
    }

    /// How far the log was folded.
    pub fn progress(&self) -> Progress {
        self.store.progress()
    }

    /// Folds what the log holds beyond the last position. On an error nothing of the last, unwritten batch stands;
    /// open the read model again to go on.
    pub fn follow<L: EventLog + ?Sized>(
        &mut self,
        log: &L,
        options: FollowOptions,
        watcher: &mut dyn Watcher,
    ) -> Result<Progress, ModelError> {
        let position = self.progress().position;
        let head = log.head()?.map_or(0, Position::get);
        if position > head {
            return Err(ModelError::Ahead { model: position, log: head });
        }
        let last = options.until.map_or(head, |until| until.get().min(head));
        let Some((from, until)) = Position::new(position + 1).zip(Position::new(last)).filter(|(from, to)| from <= to)
        else {
            return Ok(self.progress());
        };
        // Folding goes to another thread, not reading: a log is for one thread only, while the read model may move.
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(CHUNKS_WAITING);
            let folding = scope.spawn(|| self.fold_chunks(receiver, last, options, watcher));
            let read = read(log, from, until, options.check, &sender);
            drop(sender);
            folding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            read
        })?;
        self.store.commit(&self.registry)?;
        Ok(self.progress())
    }

    fn fold_chunks(
        &mut self,
        chunks: Receiver<Vec<Prepared>>,
        last: u64,
        options: FollowOptions,
        watcher: &mut dyn Watcher,
    ) -> Result<(), ModelError> {
        let mut committed = self.progress().position;
        for chunk in chunks {
            for prepared in chunk {
                self.fold_one(prepared)?;
                let position = self.progress().position;
                if position - committed >= options.commit_events || self.store.is_full() {
                    self.store.commit(&self.registry)?;
                    committed = position;
                }
            }
            let position = self.progress().position;
            if watcher.reached(position, last).is_break() {
                self.store.commit(&self.registry)?;
                return Err(ModelError::Interrupted { position });
            }
        }
        Ok(())
    }

    /// Writes what is not yet in the file.
    pub(crate) fn commit(&mut self) -> Result<(), ModelError> {
        self.store.commit(&self.registry)
    }

    /// Folds one record, which must be the next one.
    pub(crate) fn fold_one(&mut self, prepared: Prepared) -> Result<(), ModelError> {
        let (position, expected) = (prepared.position, self.progress().position + 1);
        if position != expected {
            return Err(ModelError::PositionGap { expected, found: position });
        }
        let recorded_on = prepared.event.as_ref().map(|event| event.recorded_on());
        if let Some(event) = &prepared.event {
            self.store.chain_moved(event);
        }
        let cause = fold(&mut self.registry, &mut self.store, prepared)?;
        let outcome = match cause {
            None => Outcome::Effective,
            Some(Cause::Duplicate { .. }) => Outcome::Duplicate,
            Some(_) => Outcome::WithoutEffect,
        };
        self.store.advance(position, recorded_on, outcome);
        Ok(())
    }
}

/// A record copied out of the log's buffer.
struct Copied {
    position: u64,
    id: EventId,
    subject: String,
    bytes: Vec<u8>,
    signature: Vec<u8>,
}

impl Copied {
    fn of(position: Position, record: RecordRef<'_>) -> Self {
        Self {
            position: position.get(),
            id: record.id,
            subject: record.subject.to_owned(),
            bytes: record.bytes.to_vec(),
            signature: record.signature.to_vec(),
        }
    }

    fn as_raw(&self) -> RawRecord<'_> {
        let Self { position, id, subject, bytes, signature } = self;
        RawRecord { position: *position, id: *id, subject, bytes, signature }
    }
}

/// Reads and prepares; ends early when the other side has hung up.
fn read<L: EventLog + ?Sized>(
    log: &L,
    from: Position,
    until: Position,
    check: SignatureCheck,
    sender: &SyncSender<Vec<Prepared>>,
) -> Result<(), ModelError> {
    let mut batch = Batch { check, copied: Vec::new(), prepared: Vec::new(), keys: VerifierCache::default() };
    log.scan(from, Some(until), &mut |position, record| {
        batch.push(position, record);
        if batch.len() < CHUNK_RECORDS || sender.send(batch.take()).is_ok() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    if batch.len() > 0 {
        // A closed channel means that folding has failed, and that error is the one to tell.
        let _ = sender.send(batch.take());
    }
    Ok(())
}

/// Verification is worth all cores; without it, copying a record to another thread costs more than reading it here.
struct Batch {
    check: SignatureCheck,
    copied: Vec<Copied>,
    prepared: Vec<Prepared>,
    keys: VerifierCache,
}

impl Batch {
    fn push(&mut self, position: Position, record: RecordRef<'_>) {
        match self.check {
            SignatureCheck::Verify => self.copied.push(Copied::of(position, record)),
            SignatureCheck::Trust => {
                let RecordRef { id, subject, bytes, signature } = record;
                let raw = RawRecord { position: position.get(), id, subject, bytes, signature };
                self.prepared.push(prepare(raw, self.check, &mut self.keys));
            }
        }
    }

    fn len(&self) -> usize {
        self.copied.len() + self.prepared.len()
    }

    fn take(&mut self) -> Vec<Prepared> {
        let check = self.check;
        if check == SignatureCheck::Verify {
            let verify = |keys: &mut VerifierCache, record: &Copied| prepare(record.as_raw(), check, keys);
            self.prepared = self.copied.par_iter().with_min_len(16).map_init(VerifierCache::default, verify).collect();
            self.copied.clear();
        }
        std::mem::replace(&mut self.prepared, Vec::with_capacity(CHUNK_RECORDS))
    }
}
