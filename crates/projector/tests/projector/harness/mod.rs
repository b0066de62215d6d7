//! Given, when, then: a small exchange whose events are signed and chained as nodes do it, folded in memory, and
//! compared with the real read model and with the invariants when a test ends.

pub mod history;
mod invariants;
mod memory;
mod memory_log;
mod model;
pub mod payloads;
pub mod proofs;
mod scene;
mod world;

pub use invariants::check_states;
pub use memory::Memory;
pub use memory_log::MemoryLog;
pub use model::{Model, columns, number, text};
pub use scene::Scene;
pub use world::{Key, Publication, World};

use fengsui_event::{AgencyCode, CategoryCode, Date, RegionCode, UnitId};

/// The joint-conference office.
pub const AUTHORITY: &str = "joint-office";
/// Every other agency of the small exchange.
pub const AGENCIES: [&str; 8] = ["fire", "housing", "tourism", "commerce", "education", "culture", "quality", "urban"];

pub fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

pub fn category(code: &str) -> CategoryCode {
    code.parse().unwrap()
}

pub fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn region(code: &str) -> RegionCode {
    code.parse().unwrap()
}

pub fn unit(text: &str) -> UnitId {
    text.parse().unwrap()
}

/// A hotel with a code in use.
pub fn hotel() -> UnitId {
    unit("91350100M000100Y43")
}

/// A school that its inspectorate knows by a number of its own.
pub fn school() -> UnitId {
    unit("local.education:school-17")
}
