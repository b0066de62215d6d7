//! The contract that every log fulfils.

use std::ops::ControlFlow;
use std::time::Duration;

use fengsui_event::EventId;

use crate::{AppendError, Appended, Position, ReadError, Record, RecordRef, Stored};

/// An append-only sequence of records with one order.
///
/// The methods block, and appending takes batches. That is on purpose: what stands above the log (commands, the fold, the audit)
/// is plain sequential code that wants nothing from an asynchronous runtime, and what stands below it pays per write to disk
/// and per round trip, not per record. A log behind a broker keeps its runtime inside itself.
///
/// What every implementation promises:
/// - positions run from 1 without gaps, in the order of appending, and a position once given never changes its record;
/// - a record that was answered with a position survives the crash of the process and of the machine;
/// - a batch is stored whole or not at all; on a broker that holds for up to [`ATOMIC_BATCH_MAX`] records and
///   [`ATOMIC_BATCH_BYTES_MAX`] bytes, and a larger one is stored in parts of that size, in order, of which the first ones may be stored
///   when a later one fails: appending the whole batch again goes on where it stopped;
/// - a record comes back with exactly the bytes, signature and subject that it was given.
///
/// [`ATOMIC_BATCH_MAX`]: crate::jetstream::ATOMIC_BATCH_MAX
/// [`ATOMIC_BATCH_BYTES_MAX`]: crate::jetstream::ATOMIC_BATCH_BYTES_MAX
pub trait EventLog {
    /// Adds the records of `batch` in their order, all or none, and answers each with its position.
    ///
    /// A record whose id, subject, bytes and signature are all known already is a success at its old position: so whoever
    /// does not know how an append ended just does it again.
    ///
    /// Errors: [`AppendError::Conflict`] if an id is known with other content; nothing of the batch is stored then.
    /// After [`crate::StorageError::DiskFull`] the log is as it was, and a later append works once there is room.
    fn append(&mut self, batch: &[Record]) -> Result<Vec<Appended>, AppendError>;

    /// At most `limit` records from position `from` on, in order. Empty when `from` lies past the head.
    fn read(&self, from: Position, limit: usize) -> Result<Vec<Stored>, ReadError>;

    /// Shows the records from `from` to `until` (or to the head as it is at the call) to `visit`, in order and without copying them, until it
    /// breaks. Returns the last position that was shown. Memory does not grow with the length of the log.
    ///
    /// Errors: [`ReadError::Gap`] where a position is missing; `visit` has seen everything before it.
    fn scan(
        &self,
        from: Position,
        until: Option<Position>,
        visit: &mut dyn FnMut(Position, RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Position>, ReadError>;

    /// The last position, or `None` while the log is empty.
    fn head(&self) -> Result<Option<Position>, ReadError>;

    /// Every position that holds a record with this id, in order: none or one, or more in the copy of a log into which a record
    /// was delivered twice.
    fn find(&self, id: EventId) -> Result<Vec<Position>, ReadError>;

    /// Blocks until the head lies after `after` and returns it, or returns `None` when `timeout` has passed first.
    fn wait(&self, after: Option<Position>, timeout: Duration) -> Result<Option<Position>, ReadError>;
}
