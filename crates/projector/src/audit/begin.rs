//! Beginning an audit where a cosigned checkpoint stands, from a snapshot of the state there.
//!
//! The word of those who have cosigned takes the place of verifying what lies before. The log's own records are hashed up to the checkpoint's
//! root all the same, and the state is believed only if its digest is that of the checkpoint.

use fengsui_log::EventLog;

use super::work::{self, Work};
use super::{AuditError, AuditOptions};
use crate::leaves::each_leaf;
use crate::projector::Watcher;
use crate::snapshot::{LoadError, Loaded, Snapshot, Trust, load};

/// Why an audit could not begin from a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The snapshot is not believed, or cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The audit's own folder.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// Fills an audit's folder from a snapshot, so that [`super::audit`] goes on from its position. Nothing when the folder holds an audit already.
///
/// Errors: too few have cosigned a checkpoint that states the snapshot's digest, or the log is not the one that they have.
pub fn begin_from_snapshot(
    log: &dyn EventLog,
    snapshot: &Snapshot,
    trust: &Trust,
    options: &AuditOptions,
    watcher: &mut dyn Watcher,
) -> Result<Option<Loaded>, BeginError> {
    if Work::holds_audit(&options.work, &options.genesis)? {
        return Ok(None);
    }
    let model = work::prepare_empty(&options.work)?;
    let loaded = load(&model, &options.genesis, log, snapshot, trust, watcher)?;
    let position = loaded.progress.position;
    let mut tree = work::empty_tree(&options.work)?;
    each_leaf(log, 0, position, watcher, &mut |leaf| Ok::<_, AuditError>(tree.push(leaf)?))?;
    tree.seal().map_err(AuditError::from)?;
    let (expected, found) = (loaded.endorsement.root, tree.root());
    if found != expected {
        return Err(LoadError::OtherLog { position, found, expected }.into());
    }
    work::write_note(&options.work, &options.genesis, position, found, Vec::new())?;
    Ok(Some(loaded))
}
