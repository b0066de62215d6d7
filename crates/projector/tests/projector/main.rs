//! What the log means, told as histories: given what was published, when one more event comes, then this follows.
//!
//! Right values come from the default rulebook and from the State Council's calendar, worked out by hand in the
//! comments beside them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_raw_string_hashes,
    clippy::too_many_lines,
    clippy::type_complexity,
    // Random numbers are cut to size and taken apart by remainder.
    clippy::cast_possible_truncation,
    clippy::manual_is_multiple_of
)]

mod harness;

mod admission;
mod authority;
mod certificate;
mod changes;
mod checkpoint;
mod closing;
mod deadlines;
mod endorsement;
mod explain;
mod faults;
mod feedback;
mod golden;
mod golden_proofs;
mod life;
mod not_interpreted;
mod objection;
mod plans;
mod points;
mod properties;
mod rebuilding;
mod reconciliation;
mod rectification;
mod referral;
mod simulate;
mod snapshot;
mod unit;
mod violation;
