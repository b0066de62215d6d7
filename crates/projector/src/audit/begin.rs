//! Beginning an audit where a cosigned checkpoint stands, from a snapshot of the state there.
//!
//! The word of those who have cosigned takes the place of verifying what lies before. The log's own records are hashed up to the checkpoint's
//! root all the same, and the state is believed only if its digest is that of the checkpoint.

use std::ops::ControlFlow;

use fengsui_log::{EventLog, Position};
use fengsui_proof::hash::{Hash, leaf_hash};
use fengsui_proof::tiles::{TileError, TreeWriter};

use super::work::{self, Work};
use super::{AuditError, AuditOptions};
use crate::projector::Watcher;
use crate::snapshot::{LoadError, Loaded, Snapshot, Trust, load};
use crate::store::ModelError;

/// Positions between two looks at whether to go on.
const LOOK_EVERY: u64 = 4_096;

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
    let tree = tree_of(log, work::empty_tree(&options.work)?, position, watcher)?;
    let (expected, found) = (loaded.endorsement.root, tree.root());
    if found != expected {
        return Err(LoadError::OtherLog { position, found, expected }.into());
    }
    work::write_note(&options.work, &options.genesis, position, found, Vec::new())?;
    Ok(Some(loaded))
}

/// The tree over the first positions of a log, sealed.
fn tree_of(
    log: &dyn EventLog,
    mut tree: TreeWriter,
    until: u64,
    watcher: &mut dyn Watcher,
) -> Result<TreeWriter, AuditError> {
    let Some(last) = Position::new(until) else { return Ok(tree) };
    let mut failed: Option<AuditError> = None;
    let mut push = |position: u64, leaf: Hash| -> Result<(), AuditError> {
        tree.push(leaf)?;
        let is_time = position.is_multiple_of(LOOK_EVERY);
        if is_time && watcher.reached(position, until).is_break() {
            return Err(ModelError::Interrupted { position }.into());
        }
        Ok(())
    };
    log.scan(Position::FIRST, Some(last), &mut |position, record| {
        failed = push(position.get(), leaf_hash(record.bytes)).err();
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .map_err(|error| AuditError::Records(error.into()))?;
    if let Some(error) = failed {
        return Err(error);
    }
    tree.seal().map_err(|error: TileError| AuditError::from(error))?;
    Ok(tree)
}
