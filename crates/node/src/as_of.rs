//! The past: what the tables said at a position of the log, or on a day.
//!
//! Tables are a pure function of the log, so the past needs no history of its own: the log is folded again up to that
//! position, into a file that is gone afterwards.

use std::io;
use std::num::ParseIntError;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use fengsui_event::date::day_of;
use fengsui_event::{Date, Digest, Event};
use fengsui_log::{EventLog, Position, ReadError};
use fengsui_projector::query::{Reader, View};
use fengsui_projector::replay::rebuild;
use fengsui_projector::state::SimulatedRulebook;
use fengsui_projector::{FollowOptions, ModelError, Projector, Registry, Watcher};
use rand::RngCore as _;

use crate::folder::Exchange;
use crate::node::{NodeError, genesis};

/// The file of the tables in their folder.
const MODEL_FILE: &str = "model.sqlite";

/// A point in the past as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// After the event at this position.
    Position(Position),
    /// At the end of this day.
    Date(Date),
}

/// A text that names no point in the past.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is neither a position of the log (a whole number from 1) nor a date such as 2026-11-24")]
pub struct InvalidAsOf {
    /// The text.
    pub found: String,
}

impl FromStr for AsOf {
    type Err = InvalidAsOf;

    fn from_str(text: &str) -> Result<Self, InvalidAsOf> {
        let invalid = || InvalidAsOf { found: text.to_owned() };
        let number: Result<u64, ParseIntError> = text.parse();
        if let Ok(number) = number {
            return Position::new(number).map(Self::Position).ok_or_else(invalid);
        }
        // Only the plain form of a day: with a time of day it would promise more than a day can keep.
        let is_plain = text.len() == 10 && text.is_ascii();
        text.parse().ok().filter(|_| is_plain).map(Self::Date).ok_or_else(invalid)
    }
}

/// A point of the log, and the day against which terms and expiries are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Moment {
    /// Last position that counts; 0 before the first event.
    pub position: u64,
    /// The day.
    pub date: Date,
}

/// Why a point in the past cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum AsOfError {
    /// The log does not reach so far.
    #[error("position {asked} is not on the log yet: its last position is {head}")]
    BeyondHead {
        /// The position asked for.
        asked: u64,
        /// The log's last position.
        head: u64,
    },
    /// There is no place for the file.
    #[error("no temporary folder can be made at {path} ({source}): make room, or name another place with TMPDIR")]
    Temporary {
        /// Where it was tried.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Log or tables.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl From<ModelError> for AsOfError {
    fn from(error: ModelError) -> Self {
        Self::Node(error.into())
    }
}

impl From<ReadError> for AsOfError {
    fn from(error: ReadError) -> Self {
        Self::Node(error.into())
    }
}

/// The position and the day that are meant. `view` are the present tables, `head` the position up to which they go.
pub fn resolve<L: EventLog + ?Sized>(as_of: AsOf, log: &L, view: View<'_>, head: u64) -> Result<Moment, AsOfError> {
    match as_of {
        AsOf::Date(date) => Ok(Moment { position: view.position_on(date)?, date }),
        AsOf::Position(position) if position.get() > head => Err(AsOfError::BeyondHead { asked: position.get(), head }),
        AsOf::Position(position) => Ok(Moment { position: position.get(), date: day_recorded(log, position)? }),
    }
}

/// The day on which the event at a position was recorded; what is no event has the day of the event before it.
fn day_recorded<L: EventLog + ?Sized>(log: &L, position: Position) -> Result<Date, ReadError> {
    let mut at = Some(position);
    while let Some(position) = at {
        let event = log.read(position, 1)?.first().and_then(|stored| Event::parse(&stored.record.bytes).ok());
        if let Some(event) = event {
            return Ok(event.recorded_on());
        }
        at = Position::new(position.get() - 1);
    }
    Ok(day_of(fengsui_event::Timestamp::UNIX_EPOCH))
}

/// The tables as they were. Their file is removed when this is dropped.
pub struct Past {
    // Closed before its folder goes: fields are dropped in their order.
    model: Reader,
    registry: Registry,
    place: TemporaryFolder,
}

impl Past {
    /// Folds the log up to a position, 0 for the time before the first event.
    pub fn draw<L: EventLog + ?Sized>(
        exchange: &Exchange,
        log: &L,
        position: u64,
        watcher: &mut dyn Watcher,
    ) -> Result<Self, AsOfError> {
        Self::draw_from(&genesis(exchange), log, position, watcher)
    }

    /// The same under another rulebook of points.
    pub fn draw_simulated<L: EventLog + ?Sized>(
        exchange: &Exchange,
        simulated: SimulatedRulebook,
        log: &L,
        position: u64,
        watcher: &mut dyn Watcher,
    ) -> Result<Self, AsOfError> {
        let genesis = Registry { simulated: Some(simulated), ..genesis(exchange) };
        Self::draw_from(&genesis, log, position, watcher)
    }

    fn draw_from<L: EventLog + ?Sized>(
        genesis: &Registry,
        log: &L,
        position: u64,
        watcher: &mut dyn Watcher,
    ) -> Result<Self, AsOfError> {
        let place = TemporaryFolder::new()?;
        let path = place.0.join(MODEL_FILE);
        match Position::new(position) {
            Some(until) => {
                let options = FollowOptions { until: Some(until), ..FollowOptions::default() };
                rebuild(&path, genesis.clone(), log, options, watcher)?;
            }
            None => drop(Projector::open(&path, genesis.clone())?),
        }
        let model = Reader::open(&path)?;
        let (_, registry) = model.view().progress()?;
        let registry = registry.unwrap_or_else(|| genesis.clone());
        Ok(Self { model, registry, place })
    }

    /// The tables.
    pub fn view(&self) -> View<'_> {
        self.model.view()
    }

    /// The tables with the fold's own state.
    pub fn projector(&self) -> Result<Projector, AsOfError> {
        Ok(Projector::open_reader(&self.place.0.join(MODEL_FILE), &self.registry)?)
    }

    /// The digest of the state there.
    pub fn digest(&self) -> Result<Digest, AsOfError> {
        Ok(self.projector()?.digest()?)
    }

    /// Agencies, keys, rulebooks.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

/// A folder of its own that only this user can enter. It is removed when this is dropped.
#[derive(Debug)]
pub struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it, for this user alone.
    pub fn new() -> Result<Self, AsOfError> {
        let name = format!("fengsui-as-of-{}-{:016x}", std::process::id(), rand::rngs::OsRng.next_u64());
        let path = std::env::temp_dir().join(name);
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|source| AsOfError::Temporary { path: path.clone(), source })?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // Nothing that counts is in it; the system clears its temporary folder in the end.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::used_underscore_binding)]
    use fengsui_event::payload::{AgencyKey, AgencyRegistered, RulebookPublished};
    use fengsui_event::{KeyAlgorithm, Signer};
    use fengsui_projector::Unwatched;
    use fengsui_rulebook::Rulebook;
    use tempfile::TempDir;

    use super::*;
    use crate::desk::{Command, DerivedIds};
    use crate::folder::NodeConfig;
    use crate::keys::SigningKey;
    use crate::node::Node;

    /// A folder with the authority (recorded on 5 January 2026) and its rulebook (on the 7th).
    pub(crate) fn pilot(root: &Path) -> Node {
        let (region, authority) = ("350600".parse().unwrap(), "joint-office".parse().unwrap());
        let key = SigningKey::from_seed_bytes([7; 32]).unwrap();
        let keys = vec![AgencyKey { keyid: key.keyid(), algorithm: KeyAlgorithm::Ed25519 }];
        let exchange = Exchange { region, authority, authority_keys: vec![key.keyid()], servers: Vec::new() };
        let mut node = Node::create(root, NodeConfig::new(region, authority, 1), exchange).unwrap();
        node.add_key(authority, key).unwrap();
        let mut ids = DerivedIds::new(&["test"]);
        let registered = AgencyRegistered { agency: authority, name: "联席会议办公室".to_owned(), region, keys };
        let at = |text: &str| text.parse().unwrap();
        node.submit(authority, Command::RegisterAgency(registered), &mut ids, at("2026-01-05T01:00:00Z")).unwrap();
        let text = Rulebook::default_toml().to_owned();
        let published = RulebookPublished {
            version: Rulebook::from_toml(&text).unwrap().version().to_owned(),
            effective_from: "2026-01-07".parse().unwrap(),
            sha256: Digest::of(text.as_bytes()),
            text,
        };
        node.submit(authority, Command::PublishRulebook(published), &mut ids, at("2026-01-07T01:00:00Z")).unwrap();
        node
    }

    #[test]
    fn a_position_or_a_plain_day_is_meant_and_nothing_else() {
        assert_eq!("12".parse(), Ok(AsOf::Position(Position::new(12).unwrap())));
        assert_eq!("2026-11-24".parse(), Ok(AsOf::Date("2026-11-24".parse().unwrap())));
        for text in ["", "0", "-1", "2026-11", "2026-02-29", "2026-11-24T08:00", "20261124T08", "yesterday", "1.5"] {
            assert_eq!(text.parse::<AsOf>(), Err(InvalidAsOf { found: text.to_owned() }), "{text}");
        }
    }

    #[test]
    fn a_day_means_its_last_position_and_a_position_means_its_recorded_day() {
        let place = TempDir::new().unwrap();
        let node = pilot(place.path());
        let check = |as_of: &str, position: u64, date: &str| {
            let found = resolve(as_of.parse().unwrap(), node.log(), node.view(), 2).unwrap();
            assert_eq!(found, Moment { position, date: date.parse().unwrap() }, "{as_of}");
        };
        check("1", 1, "2026-01-05");
        check("2", 2, "2026-01-07");
        check("2026-01-04", 0, "2026-01-04");
        check("2026-01-05", 1, "2026-01-05");
        check("2026-01-06", 1, "2026-01-06");
        check("2030-01-01", 2, "2030-01-01");
        let beyond = resolve("3".parse().unwrap(), node.log(), node.view(), 2);
        assert!(matches!(beyond, Err(AsOfError::BeyondHead { asked: 3, head: 2 })));
    }

    #[test]
    fn the_past_is_what_the_log_said_then_and_leaves_no_file() {
        let place = TempDir::new().unwrap();
        let node = pilot(place.path());
        let draw = |position| Past::draw(node.folder().exchange(), node.log(), position, &mut Unwatched).unwrap();
        let counts = |past: &Past| (past.registry().agencies.len(), past.registry().rulebooks.len());
        assert_eq!(counts(&draw(0)), (0, 0));
        assert_eq!(counts(&draw(1)), (1, 0));
        let past = draw(2);
        assert_eq!(counts(&past), (1, 1));
        let folder = past.place.0.clone();
        assert!(folder.exists());
        drop(past);
        assert!(!folder.exists());
    }
}
