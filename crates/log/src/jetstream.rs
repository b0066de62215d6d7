//! The log on NATS JetStream: one stream per region, replicated by the broker, read by every node.
//!
//! | part | what it does |
//! | --- | --- |
//! | [`Broker`] | one connection and the runtime that it lives in, shared by everything in the process that talks to the broker |
//! | [`Stream`] | one region's stream: made or checked, published to in atomic batches, read |
//! | [`Tail`] | the stream's messages in order, without end, through every kind of interruption |
//! | [`JetStream`] | the [`EventLog`](crate::EventLog) made of a stream and a copy of it |
//!
//! Everything blocks; the asynchronous client stays inside. None of it may be called from within an asynchronous task.
//!
//! What a broker promises is not enough (docs/adr/0023-jetstream-log.md): it forgets ids after a while, it has lost acknowledged
//! records, and whoever runs it can remove some. So ids are looked up in a copy that holds all of them, and a position that the stream does not
//! hold any more is told by its number and never passed over.

mod broker;
mod elsewhere;
mod error;
mod event_log;
mod feed;
mod guarantees;
mod lookup;
mod message;
mod publish;
mod signals;
mod stream;
mod tail;

pub use broker::{Broker, BrokerOptions, TlsFiles};
pub use error::{BrokerError, MissingGuarantee, PublishError};
pub use event_log::JetStream;
pub use message::{Defect, StreamMessage};
pub use publish::{ATOMIC_BATCH_BYTES_MAX, ATOMIC_BATCH_MAX};
pub use stream::{DUPLICATE_WINDOW, DUPLICATE_WINDOW_MIN, Replica, Stream, StreamState, stream_name, subjects};
pub use tail::{Tail, TailError, WATCHDOG};

#[cfg(test)]
mod tests;
