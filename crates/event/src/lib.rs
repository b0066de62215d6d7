//! The shared language of the exchange: identifiers, event payloads, the envelope, signing and chaining.
//!
//! This crate does no I/O, knows no policy and no clock. What it defines is read by other vendors' programs,
//! so its JSON is published as JSON Schema under `schemas/`.

pub mod catalogue;
pub mod date;
pub mod digest;
pub mod envelope;
pub mod identifier;
pub mod key;
pub mod language;
pub mod payload;
pub mod schema;
pub mod upcast;
pub mod vocabulary;

pub use catalogue::{EventType, Payload};
pub use date::{Date, Timestamp};
pub use digest::Digest;
pub use envelope::{ChainLink, Draft, EnvelopeError, Event, SignedEvent, Source, Subject};
pub use identifier::*;
pub use key::{KeyId, Signature, Signer, Verifier};
pub use language::Language;
pub use upcast::Decoded;
pub use vocabulary::*;
