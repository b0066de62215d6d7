//! A checkpoint from elsewhere, held against this node's log.

use fengsui_event::Digest;
use fengsui_log::{Embedded, EventLog as _, Position};
use fengsui_projector::query::View;
use fengsui_projector::{Projector, Registry, Watcher};
use fengsui_proof::checkpoint::SignedCheckpoint;
use fengsui_proof::tree::{Frontier, Hash};
use serde::Serialize;

use super::contradiction::Contradiction;
use super::{CheckpointError, LogTree, edge_of, notes};
use crate::as_of::Past;
use crate::folder::Folder;
use crate::node::{Node, genesis};
use crate::reading::Reading;

/// What this log says of a checkpoint that does not contradict it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// It covers exactly this log.
    Same,
    /// It covers the beginning of this log.
    Older,
    /// It covers more than this log has: nothing can be said yet, and nothing contradicts it.
    Ahead,
}

/// Where checkpoints are checked: a node's folder with its log and tables.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The folder.
    pub folder: &'a Folder,
    /// The log, or the node's copy of it.
    pub log: &'a Embedded,
    /// The tables.
    pub view: View<'a>,
    /// The registry of these tables.
    pub registry: &'a Registry,
}

impl<'a> Ground<'a> {
    /// An open node.
    pub fn of(node: &'a Node) -> Self {
        Self { folder: node.folder(), log: node.log(), view: node.view(), registry: node.registry() }
    }

    /// A folder that is only read.
    pub fn of_reading(reading: &'a Reading) -> Self {
        Self { folder: reading.folder(), log: reading.log(), view: reading.view(), registry: reading.registry() }
    }

    /// Compares a checkpoint with this log. One that contradicts it is kept as evidence.
    ///
    /// Errors: [`CheckpointError::OtherLog`], [`CheckpointError::NotSigned`]; [`CheckpointError::SplitView`].
    pub fn compare(&self, note: &SignedCheckpoint, watcher: &mut dyn Watcher) -> Result<Agreement, CheckpointError> {
        // A key that has ended may have signed it long ago; and what it signs wrongly now is worth knowing as well.
        notes::refuse_strange(note, self.registry, &notes::keys_of_authority(self.registry, true))?;
        let (size, stated) = (note.checkpoint().size, note.checkpoint().root);
        let head = self.log.head()?.map_or(0, Position::get);
        if size > head {
            return Ok(Agreement::Ahead);
        }
        let own = LogTree::open(self.folder.root(), self.log, watcher)?.root_at(size, self.log, watcher)?;
        if own != stated {
            // The tree is derived; the log itself decides.
            let own = edge_of(self.log, Frontier::new(), size, watcher)?.root();
            if own != stated {
                return Err(self.contradicted(note, own, watcher)?);
            }
            LogTree::open(self.folder.root(), self.log, watcher)?.redraw(self.log, watcher)?;
        }
        Ok(if size == head { Agreement::Same } else { Agreement::Older })
    }

    /// The digest of the tables at a position. Where the tables have gone on since, the log is folded again up to there.
    pub(super) fn digest_at(&self, position: u64, watcher: &mut dyn Watcher) -> Result<Digest, CheckpointError> {
        let exchange = self.folder.exchange();
        let present = Projector::open_reader(&self.folder.model(), &genesis(exchange))?;
        if present.progress().position == position {
            return Ok(present.digest()?);
        }
        drop(present);
        Ok(Past::draw(exchange, self.log, position, watcher)?.digest()?)
    }

    /// Keeps the evidence of a contradiction, and says where.
    pub(super) fn contradicted(
        &self,
        note: &SignedCheckpoint,
        own: Hash,
        watcher: &mut dyn Watcher,
    ) -> Result<CheckpointError, CheckpointError> {
        let root = self.folder.root();
        let evidence = Contradiction::gather(note, own, root, self.log, &self.view, watcher)?.keep(root);
        if let Err(error) = &evidence {
            tracing::warn!(%error, "the evidence of a split view cannot be kept");
        }
        let (size, stated) = (note.checkpoint().size, note.checkpoint().root);
        Ok(CheckpointError::SplitView { size, stated, own, evidence: evidence.ok() })
    }
}
