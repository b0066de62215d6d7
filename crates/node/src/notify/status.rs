//! What was told and what waits, for the node's status.

use std::collections::BTreeMap;
use std::path::Path;

use fengsui_event::{EventId, Timestamp};
use rusqlite::Row;
use serde::Serialize;

use super::NotifyError;
use super::config::NotifyConfig;
use super::notifier::channel_names;
use super::store::Store;

/// How many deliveries that went wrong are shown, the latest first.
const TROUBLES_SHOWN_MAX: i64 = 20;

/// What was told and what waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NotifyStatus {
    /// The last position of the log that was read; `None` before the first.
    pub position: Option<u64>,
    /// Every channel that is or was switched on.
    pub channels: Vec<ChannelStatus>,
    /// Deliveries that ended badly, or were put off, the latest first.
    pub troubles: Vec<Trouble>,
}

/// What was told over one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChannelStatus {
    /// Its name: `stdout`, `webhook:NAME` or `mail`.
    pub channel: String,
    /// Whether it is switched on.
    pub on: bool,
    /// Waiting, the one being sent included.
    pub waiting: u64,
    /// Taken by the receiver.
    pub sent: u64,
    /// Given up.
    pub failed: u64,
    /// Perhaps taken; not sent again.
    pub unknown: u64,
    /// No longer true before it was told.
    pub lapsed: u64,
    /// When the first that waits may be tried.
    pub next_attempt: Option<Timestamp>,
}

/// A delivery that did not go as it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// The notice: `EVENT/KIND`.
    pub notice: String,
    /// The channel.
    pub channel: String,
    /// `queued`, `failed`, `unknown`, or `sent` where part of the recipients did not get it.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why.
    pub reason: String,
}

/// The status of a folder's notifications, read beside whoever writes them; `None` when they were never on.
pub fn status_of(root: &Path, config: &NotifyConfig) -> Result<Option<NotifyStatus>, NotifyError> {
    let names = channel_names(config);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Store::open_reader(root)?.map(|store| read(&store, &names)).transpose()
}

pub(super) fn read(store: &Store, on: &[&str]) -> Result<NotifyStatus, NotifyError> {
    let counted: Vec<(String, String, i64, i64)> = store.read(|connection| {
        let mut statement = connection
            .prepare_cached("SELECT channel, state, count(*), min(next_ms) FROM deliveries GROUP BY channel, state")?;
        statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?.collect()
    })?;
    let fresh = |name: &str| ChannelStatus { channel: name.to_owned(), on: on.contains(&name), ..Default::default() };
    let mut channels: BTreeMap<String, ChannelStatus> = on.iter().map(|&name| (name.to_owned(), fresh(name))).collect();
    for (name, state, count, next_ms) in counted {
        let channel = channels.entry(name.clone()).or_insert_with(|| fresh(&name));
        let count = count.unsigned_abs();
        match state.as_str() {
            "sent" => channel.sent = count,
            "failed" => channel.failed = count,
            "unknown" => channel.unknown = count,
            "lapsed" => channel.lapsed = count,
            "queued" => {
                channel.waiting += count;
                channel.next_attempt = Timestamp::from_millisecond(next_ms).ok();
            }
            _ => channel.waiting += count,
        }
    }
    let troubles = store.read(|connection| {
        let mut statement = connection.prepare_cached(
            "SELECT n.event, n.kind, d.channel, d.state, d.attempts, d.last_error
             FROM deliveries d JOIN notices n ON n.number = d.notice
             WHERE d.last_error IS NOT NULL ORDER BY d.changed_ms DESC, d.notice DESC LIMIT ?1",
        )?;
        statement.query_map([TROUBLES_SHOWN_MAX], trouble)?.collect()
    })?;
    let position = store.cursor()?.map(|cursor| cursor.position);
    Ok(NotifyStatus { position, channels: channels.into_values().collect(), troubles })
}

fn trouble(row: &Row<'_>) -> rusqlite::Result<Trouble> {
    let (event, kind): (_, String) = (EventId::from_bytes(row.get(0)?), row.get(1)?);
    Ok(Trouble {
        notice: format!("{event}/{kind}"),
        channel: row.get(2)?,
        state: row.get(3)?,
        attempts: row.get(4)?,
        reason: row.get(5)?,
    })
}
