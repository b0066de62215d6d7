//! What a running node says of itself: for `node status`, for its HTTP, and for commands beside it.
//!
//! Written once a second to `status.json` in the node's folder. No personal data and no secret is in it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use fengsui_event::{AgencyCode, RegionCode, Timestamp};
use serde::{Deserialize, Serialize};

use crate::folder::write_atomically;

/// Beyond this age a status is an old one: the node hangs, or has died.
pub const FRESH_MS: i64 = 5_000;

/// A running node at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The process.
    pub pid: u32,
    /// The program's version.
    pub version: String,
    /// When it was started.
    pub started: Timestamp,
    /// When this was written.
    pub written: Timestamp,
    /// Region of the exchange.
    pub region: RegionCode,
    /// Whose node it is.
    pub agency: AgencyCode,
    /// The source under which it publishes.
    pub source: String,
    /// The way to the stream.
    pub broker: BrokerStatus,
    /// How far stream, copy and tables are.
    pub log: LogStatus,
    /// What waits to be published.
    pub outbox: OutboxStatus,
    /// What somebody must see to, newest first.
    pub alarms: Vec<Alarm>,
    /// How checkpoints stand.
    #[serde(default)]
    pub checkpoints: CheckpointStatus,
    /// Bytes of memory that the process holds, where the system tells.
    pub memory_bytes: Option<u64>,
    /// Where the node answers over HTTP; nothing when it does not.
    #[serde(default)]
    pub http: Option<SocketAddr>,
}

/// The way to the stream.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct BrokerStatus {
    /// Where the stream is to be reached; empty when the log is the node's own file.
    pub servers: Vec<String>,
    /// Whether the stream can be reached.
    pub connected: bool,
    /// How often the connection was made again.
    pub reconnects: u64,
    /// How often a silent consumer was replaced.
    pub resubscribed: u64,
    /// Why it cannot be reached, or what was refused last.
    pub error: Option<String>,
}

/// How far stream, copy and tables are: last positions, 0 before the first.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct LogStatus {
    /// The stream, as last seen.
    pub stream: u64,
    /// The node's copy.
    pub copy: u64,
    /// The tables.
    pub applied: u64,
    /// Positions by which the tables are behind the stream.
    pub lag: u64,
    /// For how long they have been behind without moving, in milliseconds.
    pub stalled_ms: u64,
    /// Events without effect so far.
    pub without_effect: u64,
    /// When the stream was last asked where it ends; nothing before the first answer.
    #[serde(default)]
    pub looked: Option<Timestamp>,
}

/// What waits to be published.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct OutboxStatus {
    /// Events not known to be on the log.
    pub pending: u64,
    /// Events published.
    pub sent: u64,
    /// Number of the last event in the node's own chain; 0 before the first.
    pub sequence: u64,
    /// SHA-256 of that event.
    pub chain_head: Option<String>,
    /// When the first of the pending events was recorded.
    #[serde(default)]
    pub oldest: Option<Timestamp>,
}

/// How checkpoints stand: how many positions they cover, 0 while there is none.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct CheckpointStatus {
    /// The newest.
    pub newest: u64,
    /// The newest that more than half of the other agencies have cosigned.
    pub witnessed: u64,
    /// The newest that this node's agency has cosigned.
    pub own: u64,
    /// Events other than checkpoints that the newest does not cover.
    pub uncovered: u64,
    /// Events other than checkpoints that none with enough cosignatures covers.
    pub unwitnessed: u64,
    /// Agencies other than the authority that have cosigned the newest.
    pub cosigned: u64,
    /// How many it takes.
    pub needed: u64,
}

/// Something that somebody must see to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alarm {
    /// Stable code for scripts.
    pub code: String,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong and what to do, in Chinese.
    pub message_zh: String,
    /// The same in English.
    pub message_en: String,
}

/// Why a node is not well, or not ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// No status was written lately: the process hangs or has died.
    Silent,
    /// The tables do not move though the stream is ahead.
    Stalled,
    /// Somebody must see to something.
    Alarm,
    /// The stream cannot be reached.
    Disconnected,
    /// The tables are behind the stream.
    Behind,
}

impl Trouble {
    /// Stable code for scripts.
    pub fn code(self) -> &'static str {
        match self {
            Trouble::Silent => "silent",
            Trouble::Stalled => "stalled",
            Trouble::Alarm => "alarm",
            Trouble::Disconnected => "disconnected",
            Trouble::Behind => "behind",
        }
    }
}

/// Code of the alarm of a node that the broker does not let publish.
pub const NOT_PERMITTED: &str = "not_permitted";

/// For how long tables may stay behind a stream that can be reached before the node counts as stalled, in milliseconds.
pub const STALL_MS: u64 = 30_000;

/// By how many positions tables may be behind for a node that is ready.
pub const READY_LAG_MAX: u64 = 1_000;

impl Status {
    /// What ails the process itself, so that a supervisor of processes should start it again. A broker that is away is no such thing.
    pub fn health(&self, now: Timestamp) -> Option<Trouble> {
        if now.as_millisecond().saturating_sub(self.written.as_millisecond()) > FRESH_MS {
            return Some(Trouble::Silent);
        }
        (self.log.stalled_ms > STALL_MS).then_some(Trouble::Stalled)
    }

    /// Why the node should not be asked now: what it would answer is old, or somebody must see to it first.
    pub fn readiness(&self, now: Timestamp) -> Option<Trouble> {
        let on_broker = !self.broker.servers.is_empty();
        self.health(now)
            .or((!self.alarms.is_empty()).then_some(Trouble::Alarm))
            .or((on_broker && !self.broker.connected).then_some(Trouble::Disconnected))
            .or((self.log.lag > READY_LAG_MAX).then_some(Trouble::Behind))
    }

    /// Why a running node does not reach the stream, if it says so and still runs. One that has just been started does not know yet.
    pub fn cut_off(&self, now: Timestamp) -> Option<String> {
        let is_cut = self.health(now).is_none() && !self.broker.connected;
        self.broker.error.clone().filter(|_| is_cut)
    }

    /// Whether a running node has neither reached the stream yet nor failed to.
    pub fn is_connecting(&self, now: Timestamp) -> bool {
        self.health(now).is_none() && !self.broker.connected && self.broker.error.is_none()
    }

    /// Why a running node may not publish, if it has said so since `since` and still runs.
    pub fn denied(&self, since: Timestamp, now: Timestamp) -> Option<String> {
        let is_new = self.written > since && self.health(now).is_none();
        let alarm = self.alarms.iter().find(|alarm| is_new && alarm.code == NOT_PERMITTED)?;
        Some(self.broker.error.clone().unwrap_or_else(|| alarm.message_en.clone()))
    }

    /// The file in a node's folder.
    pub fn path(root: &Path) -> PathBuf {
        root.join("status.json")
    }

    /// What the node of a folder last said; nothing when it never ran or what it said cannot be read.
    pub fn read(root: &Path) -> Option<Status> {
        serde_json::from_slice(&std::fs::read(Status::path(root)).ok()?).ok()
    }

    /// Writes the file, whole or not at all.
    pub fn write(&self, root: &Path) -> std::io::Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?;
        bytes.push(b'\n');
        write_atomically(&Status::path(root), &bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tempfile::TempDir;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn well() -> Status {
        Status {
            pid: 7,
            version: "0.1.0".to_owned(),
            started: at(0),
            written: at(0),
            region: "350600".parse().unwrap(),
            agency: "fire".parse().unwrap(),
            source: "/regions/350600/agencies/fire/nodes/1".to_owned(),
            broker: BrokerStatus { servers: vec!["nats://b".to_owned()], connected: true, ..BrokerStatus::default() },
            log: LogStatus::default(),
            outbox: OutboxStatus::default(),
            alarms: Vec::new(),
            checkpoints: CheckpointStatus::default(),
            memory_bytes: None,
            http: None,
        }
    }

    #[test]
    fn a_broker_that_is_away_makes_a_node_unready_but_not_unwell() {
        let mut status = well();
        assert_eq!((status.health(at(1)), status.readiness(at(1))), (None, None));
        status.broker.connected = false;
        assert_eq!((status.health(at(1)), status.readiness(at(1))), (None, Some(Trouble::Disconnected)));
        assert_eq!((status.cut_off(at(1)), status.is_connecting(at(1))), (None, true));
        status.broker.error = Some("no server answers".to_owned());
        assert_eq!((status.cut_off(at(1)).as_deref(), status.is_connecting(at(1))), (Some("no server answers"), false));
        assert_eq!(status.cut_off(at(9)), None, "a node that says nothing any more says nothing of the stream");
        status.broker.servers.clear();
        assert_eq!(status.readiness(at(1)), None);
    }

    #[test]
    fn a_node_that_says_nothing_or_does_not_move_is_unwell() {
        let mut status = well();
        assert_eq!(status.health(at(5)), None);
        assert_eq!(status.health(at(6)), Some(Trouble::Silent));
        status.log.stalled_ms = STALL_MS + 1;
        assert_eq!(status.health(at(0)), Some(Trouble::Stalled));
    }

    #[test]
    fn lag_and_alarms_make_it_unready() {
        let mut status = well();
        status.log.lag = READY_LAG_MAX + 1;
        assert_eq!(status.readiness(at(0)), Some(Trouble::Behind));
        let (message_zh, message_en) = ("缺失".to_owned(), "lost".to_owned());
        status.alarms.push(Alarm { code: "lost".to_owned(), since: at(0), message_zh, message_en });
        assert_eq!((status.health(at(0)), status.readiness(at(0))), (None, Some(Trouble::Alarm)));
    }

    #[test]
    fn a_denial_counts_when_it_was_told_lately() {
        let mut status = well();
        assert_eq!(status.denied(at(-1), at(0)), None);
        let (message_zh, message_en) = ("无权".to_owned(), "denied".to_owned());
        status.alarms.push(Alarm { code: NOT_PERMITTED.to_owned(), since: at(0), message_zh, message_en });
        assert_eq!(status.denied(at(-1), at(0)).as_deref(), Some("denied"));
        status.broker.error = Some("not permitted".to_owned());
        assert_eq!(status.denied(at(-1), at(5)).as_deref(), Some("not permitted"));
        assert_eq!((status.denied(at(0), at(1)), status.denied(at(-1), at(6))), (None, None));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let place = TempDir::new().unwrap();
        assert_eq!(Status::read(place.path()), None);
        well().write(place.path()).unwrap();
        assert_eq!(Status::read(place.path()), Some(well()));
        std::fs::write(Status::path(place.path()), "{").unwrap();
        assert_eq!(Status::read(place.path()), None);
    }
}
