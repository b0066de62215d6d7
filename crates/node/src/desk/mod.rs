//! The desk: what an agency's officer can do, and the events that it becomes.
//!
//! [`plan`] is pure: a command, what the desk sees, the time and a source of ids give drafts of events. Whether they
//! would have their effect is then tried on the projector's own fold, so that there is one set of guards.

mod command;
mod ids;
mod plan;

pub use command::{Addressed, Command, ReportCommand};
pub use ids::{DerivedIds, IdSource, RandomIds};
pub use plan::{PlanError, Planned, Sight, plan};
