//! Why a node could not do something.

use std::path::PathBuf;

use fengsui_event::EnvelopeError;
use fengsui_log::jetstream::BrokerError;
use fengsui_log::{AppendError, ReadError, StorageError};
use fengsui_projector::{Cause, ModelError, Rejection};

use super::OutOfReach;
use crate::desk::PlanError;
use crate::folder::FolderError;
use crate::keys::KeyFileError;
use crate::outbox::OutboxError;
use crate::reading::storage_of;

/// Why a node could not do something.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A database file.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The outbox.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// Appending to the log.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Reading the log.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The read model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An event could not be written.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// What was commanded is durable in the outbox, but could not be put on the log yet.
    #[error(
        "accepted: it is durable in the outbox and goes on the log by itself when that can be written again; \
         do not repeat it ({})",
        reason_of(.0)
    )]
    AcceptedNotPublished(Box<NodeError>),
    /// The log is a stream that cannot be reached now.
    #[error(transparent)]
    OutOfReach(#[from] OutOfReach),
    /// The broker.
    #[error(transparent)]
    Broker(#[from] Box<BrokerError>),
    /// The stream did not take what was published.
    #[error(transparent)]
    Publish(#[from] Box<fengsui_log::jetstream::PublishError>),
    /// Following the stream.
    #[error(transparent)]
    Tail(#[from] fengsui_log::jetstream::TailError),
    /// The way to the broker is not set up.
    #[error(transparent)]
    Connection(#[from] crate::broker::ConnectionError),
    /// The tables are not up to the copy.
    #[error(
        "the running node is still bringing its tables up ({applied} of {head}): nothing was done; try again in a moment"
    )]
    TablesBehind {
        /// Last position of the tables.
        applied: u64,
        /// Last position of the copy.
        head: u64,
    },
    /// A node on its own file is not run.
    #[error(
        "the node in {root} keeps its log in its own file, so there is nothing to run: commands do all at once; \
             for a node on a broker, see `fengsui init --help`"
    )]
    NoBroker {
        /// The folder.
        root: PathBuf,
    },
    /// The log holds events of this node that its outbox does not know.
    #[error(
        "the log holds later events of {source_name} than the outbox {path} knows, so a new one would take a number that is taken: \
         the outbox was put back from an older backup; put its newest copy back; where there is none, make a node with a new number in a new \
         folder (`fengsui init --node`)"
    )]
    OutboxBehind {
        /// The outbox.
        path: PathBuf,
        /// The source whose chain has gone on.
        source_name: String,
    },
    /// A command becomes no event.
    #[error(transparent)]
    Plan(PlanError),
    /// A command's event would have no effect.
    #[error("{}", .0.message(fengsui_event::Language::En))]
    Refused(Cause),
}

impl From<PlanError> for NodeError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Model(error) => Self::Model(error),
            other => Self::Plan(other),
        }
    }
}

impl From<BrokerError> for NodeError {
    fn from(error: BrokerError) -> Self {
        Self::Broker(Box::new(error))
    }
}

impl NodeError {
    /// Why authority or state do not allow a command, when that is the reason.
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Plan(PlanError::Rejected(rejection)) | Self::Refused(Cause::Rejected(rejection)) => Some(rejection),
            _ => None,
        }
    }
}

/// Why events could not be put on the log, without the advice that holds for what was not accepted.
fn reason_of(error: &NodeError) -> String {
    match storage_of(error) {
        Some(StorageError::DiskFull { path }) => format!("there is no room on the disk of {}", path.display()),
        _ => error.to_string(),
    }
}
