//! What the authority decides, as data: who is responsible, by when, what it costs in points, which grade, which days
//! are worked. TOML in, pure functions out: no clock, no I/O, no randomness, and the same answer for the same question.
//!
//! A [`Rulebook`] exists only if its text passed every check, so its answers need no error paths. Whatever a rulebook
//! cannot answer is an outcome of its own ([`Routing::Unresolved`], [`Routing::Overlap`], `None`), never a silent
//! default. The text's keys are described in `docs/rulebook.md`.

mod calendar;
mod catalogue;
mod deadlines;
mod document;
mod excerpt;
mod grade;
mod located;
mod pattern;
mod points;
mod problem;
mod reading;
mod responsibility;
mod routing;
mod rule_id;
mod rulebook;

pub use calendar::DueDate;
pub use catalogue::{Agency, Category};
pub use deadlines::Deadlines;
pub use document::json_schema;
pub use excerpt::{Excerpt, Passage, excerpt};
pub use grade::{Grade, UnknownGrade};
pub use points::{Deduction, PointsFall};
pub use problem::{Problem, RulebookError};
pub use routing::{RouteQuery, Routing, UnresolvedReason};
pub use rule_id::{RuleId, RuleIdError};
pub use rulebook::Rulebook;
