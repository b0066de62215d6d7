//! Records read on one thread, verified on all cores, folded and hashed into the tree on one.

use std::ops::{ControlFlow, Range};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use fengsui_event::EventId;
use fengsui_log::{Record, RecordRef};
use fengsui_proof::hash::{Hash, leaf_hash};
use fengsui_proof::tiles::TreeWriter;
use rayon::prelude::*;

use super::AuditError;
use super::source::{Records, RecordsError};
use crate::fold::admission::{Prepared, RawRecord, SignatureCheck, VerifierCache, prepare};
use crate::projector::{Projector, Watcher};

/// Records and bytes that are verified together; an event may have a megabyte.
const CHUNK_RECORDS: usize = 1024;
const CHUNK_BYTES: usize = 4 * 1024 * 1024;
/// Chunks that may wait between two threads.
const CHUNKS_WAITING: usize = 2;
/// Records for one core at the least.
const RECORDS_PER_TASK_MIN: usize = 16;
/// Events after which the tables are written.
const COMMIT_EVENTS: u64 = 100_000;
/// Positions without a record that are passed over; a log with more of them is not worth reading on.
const MISSING_MAX: u64 = 100_000;

/// A run from one position to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// First position to read.
    pub from: u64,
    /// Last position to read.
    pub until: u64,
    /// Last position of the whole audit, for whoever watches.
    pub last: u64,
}

/// The first position that could not be read, with the reason.
pub(super) type Unreadable = Option<(u64, String)>;

/// Reads, verifies and folds a stretch. What was folded is written on every way out but a fault of the tables.
pub(super) fn run(
    projector: &mut Projector,
    tree: &mut TreeWriter,
    records: &dyn Records,
    stretch: Stretch,
    watcher: &mut dyn Watcher,
) -> Result<Unreadable, AuditError> {
    if stretch.from > stretch.until {
        return Ok(None);
    }
    let unreadable = std::thread::scope(|scope| {
        let (copied, to_verify) = sync_channel(CHUNKS_WAITING);
        let (verified, to_fold) = sync_channel(CHUNKS_WAITING);
        let (emptied, empty) = sync_channel(CHUNKS_WAITING);
        let folding = scope.spawn(|| fold(projector, tree, to_fold, stretch.last, watcher));
        let verifying = scope.spawn(move || verify(&to_verify, &verified, &emptied));
        let read = read(records, stretch, &copied, &empty);
        drop(copied);
        join(verifying);
        join(folding)?;
        read
    })?;
    let reached = projector.progress().position;
    if reached == stretch.until { Ok(unreadable) } else { Err(AuditError::Interrupted { position: reached }) }
}

fn join<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Where a record's parts lie in its chunk.
struct Slot {
    position: u64,
    id: EventId,
    subject: Range<usize>,
    bytes: Range<usize>,
    signature: Range<usize>,
}

/// Records copied out of the log's buffer, their bytes in one piece.
#[derive(Default)]
struct Chunk {
    slots: Vec<Slot>,
    bytes: Vec<u8>,
}

impl Chunk {
    fn push(&mut self, position: u64, record: RecordRef<'_>) {
        let mut copy = |bytes: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            start..self.bytes.len()
        };
        let (subject, bytes) = (copy(record.subject.as_bytes()), copy(record.bytes));
        let signature = copy(record.signature);
        self.slots.push(Slot { position, id: record.id, subject, bytes, signature });
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.bytes.clear();
    }

    fn is_full(&self) -> bool {
        self.slots.len() >= CHUNK_RECORDS || self.bytes.len() >= CHUNK_BYTES
    }

    fn raw(&self, slot: &Slot) -> RawRecord<'_> {
        let part = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        RawRecord {
            position: slot.position,
            id: slot.id,
            subject: std::str::from_utf8(part(&slot.subject)).unwrap_or_default(),
            bytes: part(&slot.bytes),
            signature: part(&slot.signature),
        }
    }
}

/// A record that was judged by itself, with its leaf of the tree.
struct Verified {
    prepared: Prepared,
    leaf: Hash,
}

/// Reads the stretch; positions without a record become holes.
fn read(
    records: &dyn Records,
    stretch: Stretch,
    sender: &SyncSender<Chunk>,
    empty: &Receiver<Chunk>,
) -> Result<Unreadable, AuditError> {
    let mut reading = Reading { next: stretch.from, chunk: Chunk::default(), sender, empty, is_open: true };
    let mut unreadable = None;
    let mut missing = 0;
    while reading.is_open && reading.next <= stretch.until {
        let before = reading.next;
        let scanned = records.scan(reading.next, stretch.until, &mut |position, record| reading.take(position, record));
        match scanned {
            Ok(()) if reading.next == before && reading.is_open => {
                return Err(AuditError::Ended { position: before, last: stretch.until });
            }
            Ok(()) => {}
            Err(RecordsError::Missing { first, last, reason }) => {
                let last = last.min(stretch.until);
                if first != reading.next || last < first {
                    return Err(AuditError::Ended { position: reading.next, last: stretch.until });
                }
                missing += last - first + 1;
                if missing > MISSING_MAX {
                    return Err(AuditError::TooMuchMissing { first, last });
                }
                unreadable.get_or_insert((first, reason));
                for position in first..=last {
                    let _ = reading.take(position, Record::missing().as_ref());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    reading.send();
    Ok(unreadable)
}

struct Reading<'a> {
    next: u64,
    chunk: Chunk,
    sender: &'a SyncSender<Chunk>,
    /// Chunks that were verified and emptied: their memory is used again.
    empty: &'a Receiver<Chunk>,
    /// Whether anybody still takes chunks.
    is_open: bool,
}

impl Reading<'_> {
    fn take(&mut self, position: u64, record: RecordRef<'_>) -> ControlFlow<()> {
        if position != self.next {
            return ControlFlow::Break(());
        }
        self.next += 1;
        self.chunk.push(position, record);
        if self.chunk.is_full() {
            self.send();
        }
        if self.is_open { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// A closed channel means that folding has ended; whoever folds tells why.
    fn send(&mut self) {
        let next = self.empty.try_recv().unwrap_or_default();
        let chunk = std::mem::replace(&mut self.chunk, next);
        if !chunk.slots.is_empty() {
            self.is_open = self.sender.send(chunk).is_ok();
        }
    }
}

/// Verifies chunk after chunk on all cores. Each core keeps the keys that it has unpacked.
fn verify(chunks: &Receiver<Chunk>, sender: &SyncSender<Vec<Verified>>, emptied: &SyncSender<Chunk>) {
    let keys: Vec<Mutex<VerifierCache>> = (0..rayon::current_num_threads().max(1)).map(|_| Mutex::default()).collect();
    for mut chunk in chunks {
        let one = |slot: &Slot| {
            let raw = chunk.raw(slot);
            let of_core = rayon::current_thread_index().and_then(|core| keys.get(core)).unwrap_or(&keys[0]);
            let mut keys = of_core.lock().unwrap_or_else(PoisonError::into_inner);
            Verified { prepared: prepare(raw, SignatureCheck::Verify, &mut keys), leaf: leaf_hash(raw.bytes) }
        };
        let verified = chunk.slots.par_iter().with_min_len(RECORDS_PER_TASK_MIN).map(one).collect();
        chunk.clear();
        // Should nobody want it, it is dropped.
        let _ = emptied.try_send(chunk);
        if sender.send(verified).is_err() {
            return;
        }
    }
}

/// Folds and hashes in order of position, until the chunks end or whoever watches wants to stop.
fn fold(
    projector: &mut Projector,
    tree: &mut TreeWriter,
    chunks: Receiver<Vec<Verified>>,
    last: u64,
    watcher: &mut dyn Watcher,
) -> Result<(), AuditError> {
    let mut committed = projector.progress().position;
    for chunk in chunks {
        for Verified { prepared, leaf } in chunk {
            projector.fold_one(prepared)?;
            tree.push(leaf)?;
            let position = projector.progress().position;
            if position - committed >= COMMIT_EVENTS || projector.store.is_full() {
                projector.commit()?;
                committed = position;
            }
        }
        if watcher.reached(projector.progress().position, last).is_break() {
            break;
        }
    }
    projector.commit()?;
    Ok(())
}
