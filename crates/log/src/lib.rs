//! Where events live.
//!
//! This crate keeps signed events in one order, for ever, and gives them back byte for byte. It knows nothing of what an event
//! means: a record is an id, a subject, the published bytes and the signature over them.
//!
//! - [`EventLog`] is the contract. [`Embedded`] fulfils it with one SQLite file, [`jetstream::JetStream`] with a broker, and
//!   one `conformance` suite (feature `conformance`) runs on both.
//! - [`Subscription`] follows a log as it grows.
//! - [`storage`] opens the SQLite files that a node must not lose (the log and the outbox) with the same care: never made by
//!   accident, never mistaken for another file, one writer each, and every fault told with the path and what mends it.
//!
//! What never happens here: a record is changed, removed, re-serialised or interpreted.

pub mod embedded;
pub mod jetstream;
pub mod storage;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

mod error;
mod event_log;
mod record;
mod subscription;

pub use embedded::Embedded;
pub use error::{AppendError, Conflict, ConflictWith, Field, ReadError};
pub use event_log::EventLog;
pub use record::{Appended, InvalidPosition, Outcome, Position, Record, RecordRef, Stored};
pub use storage::StorageError;
pub use subscription::{StopFlag, Subscription, subscribe};
