//! When a running node signs, cosigns and raises the alarm.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// What `node run` does about checkpoints. Kept in `node.toml` as `[checkpoints]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointsConfig {
    /// Whether it signs (the authority) and cosigns (everybody else) by itself. The alarms are raised in either case.
    pub automatic: bool,
    /// After how many events that no checkpoint covers the authority signs the next one.
    pub every_events: NonZeroU32,
    /// After how many minutes it does so, however few events there are. With none it never does.
    pub every_minutes: u32,
    /// After how many hours a checkpoint states the digest of the tables as well; 0 means never. Whoever cosigns such a one folds the whole
    /// log again.
    pub digest_every_hours: u32,
    /// After how many minutes in which events came and no checkpoint reached its quorum the alarm `checkpoint_lag` is raised; 0 means never.
    pub alarm_after_minutes: u32,
}

impl Default for CheckpointsConfig {
    fn default() -> Self {
        Self {
            automatic: true,
            every_events: NonZeroU32::MIN.saturating_add(999),
            every_minutes: 10,
            digest_every_hours: 24,
            alarm_after_minutes: 60,
        }
    }
}
