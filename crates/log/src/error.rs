//! What can go wrong with a log, told so that the reader knows what to do.

use std::fmt;
use std::fmt::Write as _;
use std::path::PathBuf;

use fengsui_event::EventId;

use crate::jetstream::{BrokerError, PublishError, TailError};
use crate::{Position, StorageError};

/// Why a batch was not appended. Nothing of the batch is in the log then, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// An id is known with other content.
    #[error(transparent)]
    Conflict(#[from] Box<Conflict>),
    /// A subject that no broker could carry.
    #[error(
        "record {index} of the batch (event {id}) has the subject {subject:?}: expected words separated by single dots, \
         without spaces, `*` or `>`, such as fengsui.350600.fire.violation.reported"
    )]
    Subject {
        /// Place in the batch, from 0.
        index: usize,
        /// The record's id.
        id: EventId,
        /// The subject as given.
        subject: String,
    },
    /// A copy must keep the positions of its original, so it grows only at its end.
    #[error(
        "the copy {path} ends before position {expected}, but was given position {offered}: \
         copy the records from {expected} on first"
    )]
    NotContiguous {
        /// The file.
        path: PathBuf,
        /// The position that the copy needs next.
        expected: Position,
        /// The position that it was given.
        offered: Position,
    },
    /// Two logs hold different records at one position: one of them was changed, or they are not of the same origin.
    #[error(
        "position {position} of the copy {path} holds another record (event {stored}) than its original (event {offered}): \
         the two logs are not of one origin, or one of them was changed; keep both files as evidence and find out which one the other nodes have"
    )]
    CopyDiffers {
        /// The file.
        path: PathBuf,
        /// The position at which they differ.
        position: Position,
        /// The id in the copy.
        stored: EventId,
        /// The id in the original; the same as `stored` when only the content differs.
        offered: EventId,
    },
    /// The log was opened for reading.
    #[error("{path} was opened for reading: open it as its writer to append")]
    OpenedForReading {
        /// The file.
        path: PathBuf,
    },
    /// The log could not be read to compare.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file or the disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The broker that the log is on. With [`PublishError::Unknown`], and after the first part of a batch that is larger than one
    /// piece for the broker, records of the batch may be on the log.
    #[error(transparent)]
    Publish(#[from] Box<PublishError>),
}

impl AppendError {
    /// Whether the broker cannot be reached now, so that appending the same records again later is all that is to be done.
    pub fn is_out_of_reach(&self) -> bool {
        match self {
            AppendError::Publish(error) => error.is_out_of_reach(),
            AppendError::Read(error) => error.is_out_of_reach(),
            _ => false,
        }
    }

    /// Whether the broker does not let this node append.
    pub fn is_not_permitted(&self) -> bool {
        match self {
            AppendError::Publish(error) => error.is_not_permitted(),
            AppendError::Read(error) => error.is_not_permitted(),
            _ => false,
        }
    }

    /// Whether there was no room for the batch. It can be appended again, unchanged, once there is.
    pub fn is_disk_full(&self) -> bool {
        matches!(
            self,
            AppendError::Storage(StorageError::DiskFull { .. })
                | AppendError::Read(ReadError::Storage(StorageError::DiskFull { .. }))
        )
    }
}

/// One id, two contents: an error of the sender, or an attempt to replace a record. The stored one stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// The id that both have.
    pub id: EventId,
    /// Where the content stands that was there first.
    pub with: ConflictWith,
    /// The first field that differs, in the order bytes, signature, subject.
    pub field: Field,
    /// SHA-256 of that field as it was first.
    pub stored_sha256: [u8; 32],
    /// SHA-256 of that field as it is offered now.
    pub offered_sha256: [u8; 32],
}

/// Where a conflicting record stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConflictWith {
    /// In the log.
    Stored(Position),
    /// Earlier in the same batch, at this index from 0.
    SameBatch(usize),
}

/// A field of a record, as named in a [`Conflict`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// The published bytes.
    Bytes,
    /// The signature.
    Signature,
    /// The subject.
    Subject,
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Field::Bytes => "bytes",
            Field::Signature => "signature",
            Field::Subject => "subject",
        })
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conflict { id, with, field, stored_sha256, offered_sha256 } = self;
        write!(formatter, "event {id} exists with another {field} ")?;
        match with {
            ConflictWith::Stored(position) => write!(formatter, "at position {position}")?,
            ConflictWith::SameBatch(index) => {
                write!(formatter, "as record {index} of the same batch")?;
            }
        }
        write!(
            formatter,
            ": sha256 {} there, {} offered; nothing was stored. An id belongs to one event for ever: \
             keep both as evidence and publish the new content under an id of its own",
            hexadecimal(stored_sha256),
            hexadecimal(offered_sha256)
        )
    }
}

impl std::error::Error for Conflict {}

/// Why a log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A position between the first and the head holds nothing: the log was cut or edited.
    #[error(
        "{path} has no record at position {expected} (the next one is {found}): records were removed or the file is damaged; \
         keep it as evidence, put a backup or another node's copy of it in its place, then run `fengsui replay`"
    )]
    Gap {
        /// The file.
        path: PathBuf,
        /// The position that is missing.
        expected: Position,
        /// The position that was found instead.
        found: Position,
    },
    /// A row that this program never writes.
    #[error(
        "{path} holds a row at position {position} that fengsui never writes ({detail}): the file was edited or damaged; \
         keep it as evidence, put a backup or another node's copy of it in its place, then run `fengsui replay`"
    )]
    Row {
        /// The file.
        path: PathBuf,
        /// The row's key.
        position: i64,
        /// What is wrong with it.
        detail: String,
    },
    /// The file or the disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The broker that the log is on.
    #[error(transparent)]
    Broker(#[from] Box<BrokerError>),
    /// The stream is another one than it was.
    #[error(transparent)]
    Stream(#[from] Box<TailError>),
    /// The copy of a stream cannot take what the stream holds.
    #[error(transparent)]
    Copy(Box<AppendError>),
}

impl ReadError {
    /// Whether the broker cannot be reached now, so that reading again later is all that is to be done.
    pub fn is_out_of_reach(&self) -> bool {
        matches!(self, ReadError::Broker(error) if error.is_out_of_reach())
    }

    /// Whether the broker does not let this node read.
    pub fn is_not_permitted(&self) -> bool {
        matches!(self, ReadError::Broker(error) if error.is_not_permitted())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
