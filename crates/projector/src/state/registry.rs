//! Who may write and which rules stand: agencies, keys, rulebooks, and each source's chain.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use fengsui_event::{AgencyCode, Date, Digest, KeyId, RegionCode, Source};
use fengsui_rulebook::Rulebook;
use serde::{Deserialize, Serialize};

use super::{Chain, stored_date};

/// A registered agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agency {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: RegionCode,
    /// Position of its registration.
    pub registered_at: u64,
    /// Position of its suspension.
    pub suspended_at: Option<u64>,
}

/// A registered key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Whose.
    pub agency: AgencyCode,
    /// Position from which it is good; 0 for a key of the exchange file.
    pub since: u64,
    /// Position after which it is good no longer.
    pub until: Option<u64>,
}

/// A rulebook that the authority published.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "StoredRulebook", into = "StoredRulebook")]
pub struct PublishedRulebook {
    /// Position of its publication.
    pub position: u64,
    /// From which recorded day it decides.
    pub effective_from: Date,
    /// SHA-256 of its text.
    pub sha256: Digest,
    /// The text.
    pub text: Arc<str>,
    /// The rules.
    pub book: Arc<Rulebook>,
}

#[derive(Serialize, Deserialize)]
struct StoredRulebook {
    position: u64,
    #[serde(with = "stored_date")]
    effective_from: Date,
    sha256: Digest,
    text: String,
}

impl TryFrom<StoredRulebook> for PublishedRulebook {
    type Error = String;

    fn try_from(stored: StoredRulebook) -> Result<Self, String> {
        let StoredRulebook { position, effective_from, sha256, text } = stored;
        let book = parsed(&text)?;
        Ok(Self { position, effective_from, sha256, text: text.into(), book })
    }
}

/// Rulebooks that are kept parsed: those that an exchange has in use.
const PARSED_MAX: usize = 8;

/// The rulebook of a text. A registry is read again whenever tables have moved, and parsing takes milliseconds; one text always gives one
/// rulebook, so those parsed last are remembered.
fn parsed(text: &str) -> Result<Arc<Rulebook>, String> {
    static LATEST: Mutex<Vec<(String, Arc<Rulebook>)>> = Mutex::new(Vec::new());
    let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, book)) = latest.iter().find(|(known, _)| known == text) {
        return Ok(Arc::clone(book));
    }
    let book = Arc::new(Rulebook::from_toml(text).map_err(|error| error.to_string())?);
    if latest.len() == PARSED_MAX {
        latest.remove(0);
    }
    latest.push((text.to_owned(), Arc::clone(&book)));
    Ok(book)
}

impl From<PublishedRulebook> for StoredRulebook {
    fn from(published: PublishedRulebook) -> Self {
        let PublishedRulebook { position, effective_from, sha256, text, book: _ } = published;
        Self { position, effective_from, sha256, text: text.to_string() }
    }
}

/// Everything that decides whether an event may have an effect.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registry {
    /// Region of the exchange.
    pub region: RegionCode,
    /// The joint-conference office.
    pub authority: AgencyCode,
    /// Registered agencies.
    pub agencies: BTreeMap<AgencyCode, Agency>,
    /// Registered keys, ended ones included.
    pub keys: BTreeMap<KeyId, Key>,
    /// Published rulebooks, by position.
    pub rulebooks: Vec<PublishedRulebook>,
    /// Each source's chain. Kept in rows of its own, since it moves with every event.
    #[serde(skip)]
    pub chains: BTreeMap<Source, Chain>,
    /// In a simulation, another rulebook for points. Never kept.
    #[serde(skip)]
    pub simulated: Option<SimulatedRulebook>,
}

/// A rulebook that takes the place of the published ones where points are concerned: what a violation costs, what comes on top or back,
/// how long it counts, with which balance an account opens. Whatever was decided or ran by the published ones stays.
#[derive(Clone, Debug)]
pub struct SimulatedRulebook {
    /// From which recorded day on.
    pub from: Date,
    /// The rules.
    pub book: Arc<Rulebook>,
}

/// Why no rulebook answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The authority has published none that is in force.
    #[error("no rulebook is in force on {0}; the authority must publish one")]
    NoRulebook(Date),
}

impl Registry {
    /// The registry before the first event: the authority with the keys of the exchange file.
    #[must_use]
    pub fn genesis(region: RegionCode, authority: AgencyCode, keys: &[KeyId]) -> Self {
        let key = |keyid: &KeyId| (*keyid, Key { agency: authority, since: 0, until: None });
        Self {
            region,
            keys: keys.iter().map(key).collect(),
            authority,
            agencies: BTreeMap::new(),
            rulebooks: Vec::new(),
            chains: BTreeMap::new(),
            simulated: None,
        }
    }

    /// The rulebook that decides what is recorded on a day: the one published last among those in force.
    pub fn rulebook(&self, recorded_on: Date) -> Result<&Arc<Rulebook>, RegistryError> {
        self.rulebooks
            .iter()
            .rev()
            .find(|published| published.effective_from <= recorded_on)
            .map(|published| &published.book)
            .ok_or(RegistryError::NoRulebook(recorded_on))
    }

    /// The rulebook that says what something costs that was recorded on a day: the one in force, but in a simulation.
    pub fn points_rulebook(&self, recorded_on: Date) -> Result<&Arc<Rulebook>, RegistryError> {
        let in_force = self.rulebook(recorded_on)?;
        let simulated = self.simulated.as_ref().filter(|simulated| simulated.from <= recorded_on);
        Ok(simulated.map_or(in_force, |simulated| &simulated.book))
    }

    /// The keys that are good for an event at a position, with their agencies, in order of the keys: registered before it,
    /// not ended before it, and of no agency that was suspended before it. The position may be one long past.
    pub fn keys_valid_at(&self, position: u64) -> impl Iterator<Item = (AgencyCode, KeyId)> {
        let good = move |key: &Key| key.since < position && key.until.is_none_or(|until| until >= position);
        let keys = self.keys.iter().filter(move |(_, key)| good(key) && !self.is_suspended_at(&key.agency, position));
        keys.map(|(keyid, key)| (key.agency, *keyid))
    }

    /// The agencies that may write at a position, in order of their codes: registered before it and not suspended
    /// before it. The position may be one long past.
    pub fn agencies_active_at(&self, position: u64) -> impl Iterator<Item = AgencyCode> {
        let registered = self.agencies.iter().filter(move |(_, agency)| agency.registered_at < position);
        registered.map(|(code, _)| *code).filter(move |code| !self.is_suspended_at(code, position))
    }

    /// The agencies whose word on a checkpoint of that size counts: those that could write right after its last position, the authority
    /// apart. Who is registered later does not count, or an authority could make up a quorum of agencies of its own.
    pub fn witnesses_of(&self, size: u64) -> BTreeSet<AgencyCode> {
        self.agencies_active_at(size.saturating_add(1)).filter(|agency| *agency != self.authority).collect()
    }

    fn is_suspended_at(&self, agency: &AgencyCode, position: u64) -> bool {
        let suspended_at = self.agencies.get(agency).and_then(|agency| agency.suspended_at);
        suspended_at.is_some_and(|since| since < position)
    }

    /// Whether an agency may write: registered and not suspended.
    #[must_use]
    pub fn is_active(&self, agency: &AgencyCode) -> bool {
        self.agencies.get(agency).is_some_and(|agency| agency.suspended_at.is_none())
    }
}
