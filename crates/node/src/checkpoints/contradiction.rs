//! Evidence that the authority has signed another history than this copy of the log holds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use fengsui_log::Embedded;
use fengsui_projector::Watcher;
use fengsui_projector::query::View;
use fengsui_proof::checkpoint::SignedCheckpoint;
use fengsui_proof::tree::{Consistency, Hash};

use super::{CheckpointError, LogTree, notes};
use crate::folder::{make_folder, write_atomically};

/// Own checkpoints that are looked through for one that speaks against another.
const OWN_ROWS: u64 = 1_000;

/// A checkpoint that contradicts this copy of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contradiction {
    /// The checkpoint, with its signatures.
    pub stated: SignedCheckpoint,
    /// The root of the copy's first positions, as many as the checkpoint covers.
    pub own_root: Hash,
    /// A checkpoint of this history, by which the authority contradicts itself.
    pub own: Option<OwnWitness>,
}

/// A checkpoint that agrees with this copy, and the proof that it covers the copy's history at the other one's size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnWitness {
    /// The checkpoint, with its signatures.
    pub note: SignedCheckpoint,
    /// That its tree begins with the copy's positions.
    pub consistency: Consistency,
}

/// Where evidence of split views lies in a node's folder.
pub fn evidence_folder(root: &Path) -> PathBuf {
    root.join("split-views")
}

impl Contradiction {
    /// Gathers what this copy has against a checkpoint: the smallest of its own checkpoints that is at least as large and agrees with it.
    pub fn gather(
        stated: &SignedCheckpoint,
        own_root: Hash,
        root: &Path,
        log: &Embedded,
        view: &View<'_>,
        watcher: &mut dyn Watcher,
    ) -> Result<Self, CheckpointError> {
        let size = stated.checkpoint().size;
        let mut tree = LogTree::open(root, log, watcher)?;
        let (_, registry) = view.progress()?;
        let mut own = None;
        for row in view.checkpoints(Some(OWN_ROWS))? {
            // Newest first: the last one that fits is the smallest.
            let fits = row.size >= size && row.size <= tree.size();
            let Some(registry) = registry.as_ref().filter(|_| fits) else { continue };
            if tree.root_at(row.size, log, watcher)? == row.root {
                let consistency = tree.consistency(size, row.size, row.root, log, watcher)?;
                own = Some(OwnWitness { note: notes::note_of(&row, registry, log)?, consistency });
            }
        }
        Ok(Self { stated: stated.clone(), own_root, own })
    }

    /// Keeps the evidence in a node's folder. The name follows from the content, so that it is kept once.
    pub fn keep(&self, root: &Path) -> Result<PathBuf, CheckpointError> {
        let folder = evidence_folder(root);
        make_folder(&folder, 0o750).map_err(|error| CheckpointError::Node(error.into()))?;
        let checkpoint = self.stated.checkpoint();
        let name = checkpoint.root.to_hex();
        let path = folder.join(format!("{}-{}.txt", checkpoint.size, name.get(..16).unwrap_or(&name)));
        write_atomically(&path, self.text().as_bytes())
            .map_err(|source| CheckpointError::Io { path: path.clone(), source })?;
        Ok(path)
    }

    /// The evidence as a text that others can check by themselves.
    pub fn text(&self) -> String {
        let checkpoint = self.stated.checkpoint();
        let (size, stated, own) = (checkpoint.size, checkpoint.root, self.own_root);
        let mut text = format!(
            "Two histories of one log (split view) / 同一日志的两份历史\n\n\
             log: {}\npositions: {size}\nroot of the checkpoint: {stated}\nroot of this copy: {own}\n\n\
             ==== the checkpoint that contradicts this copy / 与本复制件矛盾的检查点\n{}",
            checkpoint.origin, self.stated
        );
        if let Some(OwnWitness { note, consistency }) = &self.own {
            let covered = note.checkpoint().size;
            // Writing to a text does not fail.
            let _ = write!(text, "\n==== a checkpoint of this copy's history / 本复制件历史的检查点\n{note}");
            let _ = write!(
                text,
                "\n==== consistency proof (RFC 6962, 2.1.2) from {size} positions with this copy's root to those {covered} / 一致性证明\n"
            );
            for hash in &consistency.hashes {
                let _ = writeln!(text, "{hash}");
            }
        }
        text
    }
}
