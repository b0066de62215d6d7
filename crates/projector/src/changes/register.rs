//! Agencies, keys and rulebooks that came, and those that ended.

use fengsui_event::{AgencyCode, Date, Digest};
use serde::Serialize;

use crate::state::Registry;

/// What became of something in the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterChanged {
    /// An agency was registered.
    AgencyRegistered,
    /// An agency may write no more.
    AgencySuspended,
    /// A key was registered.
    KeyRegistered,
    /// A key has ended.
    KeyEnded,
    /// A rulebook was published.
    RulebookPublished,
}

impl RegisterChanged {
    /// The text used in JSON and tables.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AgencyRegistered => "agency_registered",
            Self::AgencySuspended => "agency_suspended",
            Self::KeyRegistered => "key_registered",
            Self::KeyEnded => "key_ended",
            Self::RulebookPublished => "rulebook_published",
        }
    }
}

/// A change of the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RegisterChange {
    /// What happened.
    pub what: RegisterChanged,
    /// To which agency, key or rulebook: its code, its text, its version.
    pub name: String,
    /// Whose it is; the authority's for a rulebook.
    pub agency: AgencyCode,
    /// Position at which it happened.
    pub position: u64,
    /// First recorded day on which a rulebook decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Date>,
    /// SHA-256 of a rulebook's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
}

/// What changed, in order of position.
pub(super) fn changes(from: &Registry, to: &Registry, of: Option<AgencyCode>) -> Vec<RegisterChange> {
    let mut found = Vec::new();
    let mut note = |what, name: String, agency, position| {
        found.push(RegisterChange { what, name, agency, position, effective_from: None, sha256: None });
    };
    for (code, agency) in &to.agencies {
        let before = from.agencies.get(code);
        if before.is_none() {
            note(RegisterChanged::AgencyRegistered, code.to_string(), *code, agency.registered_at);
        }
        if let Some(position) = agency.suspended_at.filter(|_| before.is_none_or(|was| was.suspended_at.is_none())) {
            note(RegisterChanged::AgencySuspended, code.to_string(), *code, position);
        }
    }
    for (keyid, key) in &to.keys {
        let before = from.keys.get(keyid);
        if before.is_none() {
            note(RegisterChanged::KeyRegistered, keyid.to_string(), key.agency, key.since);
        }
        if let Some(position) = key.until.filter(|_| before.is_none_or(|was| was.until.is_none())) {
            note(RegisterChanged::KeyEnded, keyid.to_string(), key.agency, position);
        }
    }
    for published in &to.rulebooks {
        if !from.rulebooks.iter().any(|known| known.position == published.position) {
            found.push(RegisterChange {
                what: RegisterChanged::RulebookPublished,
                name: published.book.version().to_owned(),
                agency: to.authority,
                position: published.position,
                effective_from: Some(published.effective_from),
                sha256: Some(published.sha256),
            });
        }
    }
    found.retain(|change| of.is_none_or(|agency| change.agency == agency));
    found.sort_by(|one, other| (one.position, one.what, &one.name).cmp(&(other.position, other.what, &other.name)));
    found
}
