//! The leaves of a log's Merkle tree in their order, for whoever draws the tree or its right edge.

use std::ops::ControlFlow;

use fengsui_log::{EventLog, Position, ReadError};
use fengsui_proof::hash::{Hash, leaf_hash};

use crate::projector::Watcher;
use crate::store::ModelError;

/// Positions between two looks at whether to go on.
pub const LOOK_EVERY: u64 = 4_096;

/// Shows the leaves of the positions after `from` up to `until`, in order; fewer where the log ends before. `watcher` is told of positions.
///
/// Errors: what `visit` answers; reading; [`ModelError::Interrupted`] when the watcher breaks.
pub fn each_leaf<L, E>(
    log: &L,
    from: u64,
    until: u64,
    watcher: &mut dyn Watcher,
    visit: &mut dyn FnMut(Hash) -> Result<(), E>,
) -> Result<(), E>
where
    L: EventLog + ?Sized,
    E: From<ReadError> + From<ModelError>,
{
    let range = Position::new(from + 1).zip(Position::new(until));
    let Some((first, last)) = range.filter(|(first, last)| first <= last) else { return Ok(()) };
    let mut failed = None;
    log.scan(first, Some(last), &mut |position, record| {
        let position = position.get();
        failed = visit(leaf_hash(record.bytes)).err();
        if failed.is_none() && position.is_multiple_of(LOOK_EVERY) && watcher.reached(position, until).is_break() {
            failed = Some(ModelError::Interrupted { position }.into());
        }
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failed.map_or(Ok(()), Err)
}
