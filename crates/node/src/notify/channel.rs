//! Ways out of the node: what every channel answers when it is given notices, and standard output.

use std::io::Write;

use fengsui_event::{Language, Timestamp};
use jiff::SignedDuration;

use super::Notice;

/// The channel of standard output.
pub(super) const STDOUT: &str = "stdout";

/// What became of notices that a channel was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// They were taken.
    Sent {
        /// What was not as it should be all the same.
        remark: Option<String>,
    },
    /// They were certainly not taken, and may be later.
    Retry {
        /// Why.
        reason: String,
        /// How long the receiver asks to wait.
        asked: Option<SignedDuration>,
        /// Whether others would fare no better now.
        channel_is_down: bool,
    },
    /// They were certainly not taken, and never will be.
    Failed {
        /// Why.
        reason: String,
    },
    /// Nobody knows whether they were taken, and a repetition could not be told from a second notice.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl Answer {
    /// The whole channel is out of reach.
    pub(super) fn down(reason: impl Into<String>) -> Self {
        Self::Retry { reason: reason.into(), asked: None, channel_is_down: true }
    }
}

/// A way out of the node.
pub(super) trait Channel: Send {
    /// Its name in the status, stable for ever: it is part of what "told once" means.
    fn name(&self) -> &str;

    /// How many notices go out together at most.
    fn batch_max(&self) -> usize {
        1
    }

    /// Sends notices, at least one. Blocks, but not without end.
    fn send(&mut self, notices: &[Notice], now: Timestamp) -> Answer;

    /// Nothing more is to be sent for a while.
    fn rest(&mut self) {}
}

/// Whether a channel's receivers tell a repetition from a second notice, so that what was cut off may be sent again.
pub(super) fn may_repeat(channel: &str) -> bool {
    channel.starts_with(super::webhook::PREFIX)
}

/// Lines on standard output, or wherever a test looks.
pub(super) struct Lines {
    pub(super) output: Box<dyn Write + Send>,
    pub(super) json: bool,
    pub(super) language: Language,
}

impl Lines {
    fn line(&self, notice: &Notice) -> String {
        if self.json {
            let object = serde_json::json!({ "type": "notice", "notice": notice });
            return format!("{object}\n");
        }
        let Notice { id, subject, .. } = notice;
        let id = self.language.pick(format!("（{id}）"), format!(" ({id})"));
        format!("{subject}{id}\n")
    }
}

impl Channel for Lines {
    fn name(&self) -> &str {
        STDOUT
    }

    fn send(&mut self, notices: &[Notice], _: Timestamp) -> Answer {
        let lines = notices.iter().map(|notice| self.line(notice)).collect::<Vec<_>>().concat();
        match self.output.write_all(lines.as_bytes()).and_then(|()| self.output.flush()) {
            Ok(()) => Answer::Sent { remark: None },
            Err(error) => Answer::down(format!("standard output cannot be written: {error}")),
        }
    }
}
