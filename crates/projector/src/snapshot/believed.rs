//! Loading a snapshot that enough stand behind: the only way in which one comes into the place of the tables.

use std::path::Path;

use fengsui_event::Digest;
use fengsui_log::EventLog;
use fengsui_proof::{Cosigner, Hash, SignedCheckpoint};

use super::{Asked, Drawn, Endorsement, EndorsementError, Snapshot, SnapshotError, endorsement};
use crate::projector::Watcher;
use crate::state::Registry;
use crate::store::Progress;

/// Whose word is enough beside what stands on the log; see [`Asked`].
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// A checkpoint that came another way than on the log.
    pub given: Option<SignedCheckpoint>,
    /// Cosigners that are no agencies of the exchange.
    pub cosigners: Vec<Cosigner>,
    /// How many cosignatures it takes.
    pub needed: Option<usize>,
}

/// A snapshot that took the place of the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// How far the log is folded in it.
    pub progress: Progress,
    /// Who stands behind it.
    pub endorsement: Endorsement,
}

/// Why a snapshot was not loaded. The tables are as they were.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The snapshot itself.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Nobody stands behind it, or not enough do.
    #[error(transparent)]
    Endorsement(#[from] EndorsementError),
    /// The state is another.
    #[error(
        "the state of the snapshot has the digest sha256:{found}, and the checkpoint that was cosigned says sha256:{expected}: the snapshot was altered, or it is of another log; fetch it from somebody else"
    )]
    OtherState {
        /// What was drawn.
        found: Digest,
        /// What the checkpoint says.
        expected: Digest,
    },
    /// The own log is another.
    #[error(
        "this copy of the log has the root {found} at position {position}, and the checkpoint that was cosigned says {expected}: the copy is not the log that the others have; run `fengsui audit verify`"
    )]
    OtherLog {
        /// The position.
        position: u64,
        /// Root of the copy.
        found: Hash,
        /// What the checkpoint says.
        expected: Hash,
    },
}

impl LoadError {
    /// A stable code for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Snapshot(error) => error.code(),
            Self::Endorsement(error) => error.code(),
            Self::OtherState { .. } => "snapshot_digest",
            Self::OtherLog { .. } => "snapshot_root",
        }
    }

    /// Whether it speaks of bytes or words that are not what they should be.
    #[must_use]
    pub const fn is_integrity(&self) -> bool {
        match self {
            Self::Snapshot(error) => error.is_integrity(),
            Self::Endorsement(error) => error.is_integrity(),
            Self::OtherState { .. } | Self::OtherLog { .. } => true,
        }
    }
}

/// Draws the tables at `path` from a snapshot, if enough stand behind its state and behind the log that is at hand.
///
/// What the snapshot says of itself is compared with the checkpoint first, since that is cheap; what counts is what was drawn.
pub fn load<L: EventLog + ?Sized>(
    path: &Path,
    genesis: &Registry,
    log: &L,
    snapshot: &Snapshot,
    trust: &Trust,
    watcher: &mut dyn Watcher,
) -> Result<Loaded, LoadError> {
    let header = snapshot.header();
    let position = header.progress.position;
    snapshot.check_place(genesis, log)?;
    let asked = Asked { position, given: trust.given.as_ref(), cosigners: &trust.cosigners, needed: trust.needed };
    let endorsement = endorsement(log, genesis, asked, watcher)?;
    same_state(header.digest, &endorsement)?;
    let drawn = Drawn::draw(path, genesis, log, snapshot, watcher)?;
    same_state(drawn.digest(), &endorsement)?;
    if drawn.root() != endorsement.root {
        return Err(LoadError::OtherLog { position, found: drawn.root(), expected: endorsement.root });
    }
    let progress = drawn.keep()?;
    Ok(Loaded { progress, endorsement })
}

fn same_state(found: Digest, endorsement: &Endorsement) -> Result<(), LoadError> {
    let expected = endorsement.digest;
    if found == expected { Ok(()) } else { Err(LoadError::OtherState { found, expected }) }
}
