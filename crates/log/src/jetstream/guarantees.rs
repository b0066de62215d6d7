//! What a stream and its server must promise before they are trusted with the log. Pure: configuration in, what is missing out.

use std::fmt::{Debug, Display};
use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType};
use fengsui_event::RegionCode;
use fengsui_event::envelope::EVENT_BYTES_MAX;

use super::MissingGuarantee;

/// How long the broker must remember an id at least. Beyond it the copy of the log knows.
pub const DUPLICATE_WINDOW_MIN: Duration = Duration::from_mins(2);

/// How long the streams that this program makes remember an id: longer than a publisher waits between two tries.
pub const DUPLICATE_WINDOW: Duration = Duration::from_mins(10);

/// Replicas of a stream on a clustered server.
pub(super) const REPLICAS: usize = 3;

/// The largest message that the server must take, in bytes: the largest event and its headers.
const MAX_PAYLOAD_MIN: usize = EVENT_BYTES_MAX + 4_096;

/// The first version that writes an atomic batch to disk with one sync.
const VERSION_MIN: (u64, u64) = (2, 15);

/// What is known of the server that keeps the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server<'a> {
    /// As the server writes it: `2.15.1`.
    pub(super) version: &'a str,
    /// Whether it is one of several that replicate.
    pub(super) is_clustered: bool,
    /// The largest message that it takes, in bytes.
    pub(super) max_payload: usize,
}

/// The name of a region's stream.
pub fn stream_name(region: RegionCode) -> String {
    format!("FENGSUI_{region}")
}

/// The subjects of a region's stream.
pub fn subjects(region: RegionCode) -> String {
    format!("fengsui.{region}.>")
}

/// The configuration of a region's stream, with every guarantee.
pub(super) fn wanted(region: RegionCode, replicas: usize) -> Config {
    Config {
        name: stream_name(region),
        description: Some("fengsui: the log of a region; see docs/jetstream.md".to_owned()),
        subjects: vec![subjects(region)],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_bytes: -1,
        max_message_size: -1,
        max_consumers: -1,
        max_age: Duration::ZERO,
        num_replicas: replicas,
        duplicate_window: DUPLICATE_WINDOW,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        allow_atomic_publish: true,
        ..Config::default()
    }
}

/// Everything that `config` and `server` do not promise.
pub(super) fn missing(region: RegionCode, server: Server<'_>, config: &Config) -> Vec<MissingGuarantee> {
    let mut check = Check { stream: stream_name(region), missing: Vec::new() };
    check.server(server, config);
    check.keeps_everything(config);
    check.nothing_is_removed(config);
    check.takes_what_is_published(region, config);
    check.missing
}

struct Check {
    stream: String,
    missing: Vec<MissingGuarantee>,
}

impl Check {
    fn need(&mut self, holds: bool, what: &'static str, found: &dyn Display, expected: &dyn Display, mend: String) {
        if !holds {
            let (found, expected) = (found.to_string(), expected.to_string());
            self.missing.push(MissingGuarantee { what, found, expected, mend });
        }
    }

    /// A line of the stream's configuration that can be changed in place.
    fn line(&mut self, holds: bool, what: &'static str, found: &dyn Display, expected: &dyn Display) {
        let quoted = matches!(what, "discard" | "persist_mode");
        let value = if quoted { format!("\"{expected}\"") } else { expected.to_string() };
        let mend = format!(
            "\"{what}\": {value} in the configuration that `nats stream edit {} --config FILE` takes",
            self.stream
        );
        self.need(holds, what, found, expected, mend);
    }

    /// A property that a stream has for life.
    fn for_life(&mut self, holds: bool, what: &'static str, found: &dyn Display, expected: &dyn Display) {
        let mend = format!(
            "a new stream: copy this one into a file with `fengsui log copy`, remove it with `nats stream rm {}`, and copy the file back",
            self.stream
        );
        self.need(holds, what, found, expected, mend);
    }

    fn server(&mut self, server: Server<'_>, config: &Config) {
        let (major, minor) = VERSION_MIN;
        self.need(
            version(server.version).is_some_and(|found| found >= VERSION_MIN),
            "version of nats-server",
            &server.version,
            &format!("{major}.{minor} or newer"),
            format!("nats-server {major}.{minor} or newer on every server of the cluster"),
        );
        self.need(
            server.max_payload >= MAX_PAYLOAD_MIN,
            "max_payload",
            &server.max_payload,
            &format!("{MAX_PAYLOAD_MIN} or more"),
            format!("`max_payload: {MAX_PAYLOAD_MIN}` in the configuration of every nats-server, and `nats-server --signal reload`"),
        );
        if server.is_clustered {
            self.line(config.num_replicas >= REPLICAS, "num_replicas", &config.num_replicas, &REPLICAS);
        }
    }

    fn keeps_everything(&mut self, config: &Config) {
        self.for_life(config.storage == StorageType::File, "storage", &lower(&config.storage), &"file");
        self.for_life(config.retention == RetentionPolicy::Limits, "retention", &lower(&config.retention), &"limits");
        self.for_life(config.mirror.is_none(), "mirror", &"set", &"none");
        self.for_life(!config.sealed, "sealed", &config.sealed, &false);
        self.line(config.max_messages <= 0, "max_msgs", &config.max_messages, &-1);
        self.line(config.max_bytes <= 0, "max_bytes", &config.max_bytes, &-1);
        self.line(config.max_age.is_zero(), "max_age", &config.max_age.as_nanos(), &0);
        self.line(config.max_messages_per_subject <= 0, "max_msgs_per_subject", &config.max_messages_per_subject, &-1);
        self.line(config.max_consumers <= 0, "max_consumers", &config.max_consumers, &-1);
        self.line(config.max_message_size <= 0, "max_msg_size", &config.max_message_size, &-1);
        self.line(config.discard == DiscardPolicy::New, "discard", &lower(&config.discard), &"new");
        let first = config.first_sequence.unwrap_or(1).max(1);
        self.for_life(first == 1, "first_seq", &first, &1);
        let is_asynchronous = matches!(config.persist_mode, Some(PersistenceMode::Async));
        self.line(!is_asynchronous, "persist_mode", &"async", &"default");
    }

    fn nothing_is_removed(&mut self, config: &Config) {
        self.line(config.deny_delete, "deny_delete", &config.deny_delete, &true);
        self.line(config.deny_purge, "deny_purge", &config.deny_purge, &true);
        self.line(!config.allow_rollup, "allow_rollup_hdrs", &config.allow_rollup, &false);
        self.for_life(!config.allow_message_ttl, "allow_msg_ttl", &config.allow_message_ttl, &false);
        self.for_life(!config.allow_message_schedules, "allow_msg_schedules", &config.allow_message_schedules, &false);
        self.for_life(!config.allow_message_counter, "allow_msg_counter", &config.allow_message_counter, &false);
    }

    fn takes_what_is_published(&mut self, region: RegionCode, config: &Config) {
        let wanted = subjects(region);
        let found = config.subjects.join(", ");
        self.line(config.subjects == [wanted.clone()], "subjects", &format!("[{found:?}]"), &format!("[{wanted:?}]"));
        self.line(config.allow_atomic_publish, "allow_atomic", &config.allow_atomic_publish, &true);
        self.line(config.allow_direct, "allow_direct", &config.allow_direct, &true);
        self.line(!config.no_ack, "no_ack", &config.no_ack, &false);
        self.line(
            config.duplicate_window >= DUPLICATE_WINDOW_MIN,
            "duplicate_window",
            &config.duplicate_window.as_nanos(),
            &DUPLICATE_WINDOW.as_nanos(),
        );
        self.line(config.sources.as_ref().is_none_or(Vec::is_empty), "sources", &"set", &"null");
        self.line(config.republish.is_none(), "republish", &"set", &"null");
        self.line(config.subject_transform.is_none(), "subject_transform", &"set", &"null");
    }
}

/// Major and minor of `2.15.1` or `2.16.0-RC.1`.
fn version(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.trim_start_matches('v').split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}

fn lower(value: &impl Debug) -> String {
    format!("{value:?}").to_lowercase()
}
