//! What the log means: the pure fold, the `SQLite` read model drawn from it, replay and the state digest.
//!
//! Only this crate knows what an event does. It has no network, no clock and no policy of its own: rules come from
//! the rulebook on the log, and time comes from events and from the dates of queries.

pub mod audit;
mod canonical;
pub mod changes;
pub mod digest;
pub mod explain;
pub mod fold;
pub mod leaves;
pub mod overlay;
pub mod projector;
pub mod query;
pub mod reconcile;
pub mod replay;
pub mod simulate;
pub mod snapshot;
pub mod state;
pub mod store;
mod tables;

pub use fold::{Anomaly, Cause, Rejection};
pub use overlay::Overlay;
pub use projector::{FollowOptions, Projector, Unwatched, Watcher};
pub use state::Registry;
pub use store::{ModelError, Progress, Store};

use fengsui_event::Digest;

impl Projector {
    /// Tentative events on top of the state.
    pub fn overlay(&mut self) -> Overlay<'_> {
        Overlay::new(&mut self.store, &self.registry)
    }

    /// The digest of the state; see [`digest`].
    pub fn digest(&self) -> Result<Digest, ModelError> {
        digest::state_digest(&self.store, &self.registry)
    }

    /// The lines that the digest is taken over; see [`digest::canonical_lines`].
    pub fn canonical_lines<E: From<ModelError>>(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        digest::canonical_lines(&self.store, &self.registry, visit)
    }
}
