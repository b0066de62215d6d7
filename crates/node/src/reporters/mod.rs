//! Who reported a hazard, kept from everybody but the receiving agency's officers (对举报人给予保护; Personal Information Protection Law,
//! articles 6 and 51: no more than the purpose needs, encrypted, opened by few).
//!
//! A public report becomes an event like any other, with a random reference in place of its reporter. The identity stays in one local file,
//! sealed to each officer of the receiving agency; this program itself cannot open it. Each opening is on the disk before
//! anything is shown.

mod identity;
mod intake;
mod officer;
mod reference;
mod schema;
mod store;

use std::io;
use std::path::{Path, PathBuf};

use fengsui_event::AgencyCode;
use fengsui_log::StorageError;
use serde::{Deserialize, Serialize};

pub use identity::{REPORTER_BYTES_MAX, Reporter, Sealed, read_identity};
pub use intake::{IntakeError, TakenIn, take_in};
pub use officer::{OfficerIdentity, OfficerKey, OfficerKeyError};
pub use reference::{PublicReference, ReferenceError};
pub use schema::REPORTERS_FILE;
pub use store::{Officer, Opening, OpeningOutcome, OpeningPurpose, Removed, Report, ReporterStore};

use crate::keys::KeyFileError;

/// How a node keeps identities. Kept in `node.toml` as `[reporters]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportersConfig {
    /// How many officers an agency must have before it takes in an identity: with one, an identity is lost together with that officer's
    /// file.
    pub officers_min: u16,
}

impl Default for ReportersConfig {
    fn default() -> Self {
        Self { officers_min: 1 }
    }
}

/// The store of sealed identities in a node's folder.
pub fn store_file(root: &Path) -> PathBuf {
    root.join("reporters.sqlite")
}

/// What can go wrong with identities. No message holds any part of one.
#[derive(Debug, thiserror::Error)]
pub enum ReporterError {
    /// Nobody could ever open what would be sealed.
    #[error(
        "{agency} has {found} officers who may learn who reported, and needs {needed} before it takes an identity in: \
         register one with `fengsui --agency {agency} reporter officer add NAME --out FILE`; nothing was recorded"
    )]
    TooFewOfficers {
        /// The receiving agency.
        agency: AgencyCode,
        /// How many it has.
        found: usize,
        /// How many it must have.
        needed: u16,
    },
    /// A name that is in use.
    #[error("{agency} has an officer {name} already: remove that one first, or give another name")]
    OfficerExists {
        /// The agency.
        agency: AgencyCode,
        /// The name.
        name: String,
    },
    /// A key that is, or was, somebody's.
    #[error("this key was registered before, for {name}: make a new one for each officer")]
    KeyInUse {
        /// Whose.
        name: String,
    },
    /// Nobody of that name.
    #[error("{agency} has no officer {name}; see `fengsui reporter officer list`")]
    UnknownOfficer {
        /// The agency.
        agency: AgencyCode,
        /// The name.
        name: String,
    },
    /// With him the identities would be lost.
    #[error(
        "{name} is the only officer of {agency} who can open {reports} of its reports, and with him they would be lost: \
         register another one first, with --reseal-with and {name}'s identity file"
    )]
    OnlyOfficer {
        /// The agency.
        agency: AgencyCode,
        /// The officer.
        name: String,
        /// How many reports only he can open.
        reports: usize,
    },
    /// A name that cannot be written in a list.
    #[error("an officer's name has 1 to 64 characters and no line breaks or tabs")]
    OfficerName,
    /// No such report here.
    #[error("{reference} is no public report that this node took in; see `fengsui reporter list`")]
    UnknownReference {
        /// The reference.
        reference: PublicReference,
    },
    /// Nothing was ever sealed.
    #[error("the report {reference} was made without a name: there is nothing to open")]
    Anonymous {
        /// The reference.
        reference: PublicReference,
    },
    /// The identity file is that of nobody who may.
    #[error(
        "this identity file is not that of an officer of {agency}, which received the report {reference}: \
         nothing was shown, and the attempt was recorded"
    )]
    NotAnOfficer {
        /// The receiving agency.
        agency: AgencyCode,
        /// The reference.
        reference: PublicReference,
    },
    /// The officer came later.
    #[error(
        "the report {reference} is not sealed to {name}: another officer can seal it to him with \
         `fengsui reporter officer reseal --identity FILE`; the attempt was recorded"
    )]
    NotSealedTo {
        /// The reference.
        reference: PublicReference,
        /// The officer.
        name: String,
    },
    /// Why he must know.
    #[error("say with --reason why the identity must be known; it stands in the list of openings for good")]
    NoReason,
    /// The reporter's name would stand where others read it.
    #[error(
        "`{text}` holds the reporter's {field}, which must stay here: write it so that it does not say who reported; nothing was recorded"
    )]
    GivenAway {
        /// Which text.
        text: &'static str,
        /// Which field of the identity.
        field: &'static str,
    },
    /// The identity is not what it should be.
    #[error(
        "the reporter's identity is not as expected at line {line}, column {column}: expected one JSON object with texts \
         under any of \"name\", \"phone\", \"contact\", \"address\", \"note\"; nothing was recorded"
    )]
    Form {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// An identity without content.
    #[error("the reporter's identity says nothing: leave --reporter out for an anonymous report")]
    NothingSaid,
    /// An identity of many pages.
    #[error(
        "the reporter's identity has more than {} bytes: expected a name and ways to reach him",
        REPORTER_BYTES_MAX
    )]
    TooLong,
    /// There is no such file.
    #[error("there is no identity file at {path}: name that of the officer with --identity")]
    NoIdentityFile {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file holds something else.
    #[error("{path} holds no officer's identity ({reason}): expected one line of 58 characters that begins with SX")]
    NotAnIdentity {
        /// The file.
        path: PathBuf,
        /// What is wrong, without the content.
        reason: &'static str,
    },
    /// An identity file that may not be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A row that this program never writes.
    #[error("the store {path} holds a row that fengsui never writes ({detail}): restore it from a backup")]
    Row {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: &'static str,
    },
    /// The system's random numbers are not to be had.
    #[error("the system gives no random numbers: {0}")]
    NoRandomness(rand::Error),
    /// Encryption did not work.
    #[error("{0}; nothing was recorded")]
    Sealing(&'static str),
    /// The mode of the store could not be set.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file or the disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl ReporterError {
    /// Whether somebody asked for what he may not have.
    pub fn is_not_allowed(&self) -> bool {
        matches!(self, Self::NotAnOfficer { .. } | Self::NotSealedTo { .. })
    }
}
