//! Notifications: an agency is told what it must look at, on standard output, over HTTP and by mail.
//!
//! [`notices`] decides, and is pure. [`Notifier`] reads the node's copy of the log, keeps what waits in `notices.sqlite`, and sends
//! it. What is told once for an event is never told again: the id of a notice is the event's id and the kind, and it is remembered
//! for ever, whatever happens to the log's copy or the tables.
//!
//! What a notice never holds: free text of an event, a reporter's identity, anything of a person.

mod channel;
mod concern;
mod config;
mod kind;
mod mail;
mod notice;
mod notifier;
mod schedule;
mod schema;
mod secret;
mod status;
mod store;
mod trust;
mod webhook;
mod wording;

use std::path::PathBuf;

use fengsui_log::{ReadError, StorageError};
use fengsui_projector::ModelError;

pub use concern::{Facts, anomaly_notice, is_told_anomaly, notices};
pub use config::{MailConfig, NotifyConfig, WebhookConfig};
pub use kind::{NoticeKind, UnknownKind};
pub use notice::{Notice, NoticeId};
pub use notifier::{DeliveryReport, Notifier};
pub use schedule::ATTEMPTS_MAX;
pub use schema::NOTICES_FILE;
pub use secret::SecretFileError;
pub use status::{ChannelStatus, NotifyStatus, Trouble, status_of};

/// Why notifications cannot go on. That a receiver is out of reach is no error; it is in the status.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The section `[notify]` of `node.toml` asks for what cannot be.
    #[error("{what}, under [notify] in node.toml: {reason}")]
    Configuration {
        /// The setting.
        what: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// A secret of a channel.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// A row that this program never writes.
    #[error(
        "{path} holds a row that fengsui never writes ({detail}): move it away; notices then begin with the next event"
    )]
    Row {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The file of notices.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Reading the log.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The read model.
    #[error(transparent)]
    Model(#[from] ModelError),
}
