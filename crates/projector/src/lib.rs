//! What the log means: the pure fold, the SQLite read model drawn from it, replay and the state digest.
//!
//! Only this crate knows what an event does. It has no network, no clock and no policy of its own: rules come from
//! the rulebook on the log, and time comes from events and from the dates of queries.

pub mod fold;
pub mod state;
