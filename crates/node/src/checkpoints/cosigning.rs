//! An agency or a supervisor checks a checkpoint and signs it as well.
//!
//! A cosignature says: my own copy of the log has this root at this size, and it begins with everything that I have cosigned before. So the
//! root is computed from the copy's bytes, going on from the right edge of the tree that was cosigned last, and the tiles are not asked. With a
//! checkpoint that states the digest, once a day, the whole copy is read again: so no byte of it can be another one for long.

use std::path::Path;

use fengsui_event::{AgencyCode, Digest, Timestamp};
use fengsui_log::{EventLog as _, Position};
use fengsui_projector::Watcher;
use fengsui_proof::checkpoint::{Checkpoint, Origin, SignedCheckpoint};
use fengsui_proof::tree::{Frontier, Hash};

use super::signing::{Sent, cosign_note, deliver, event_id, finish};
use super::{CheckpointError, CheckpointLedger, Ground, LastSigned, edge_of, notes};
use crate::keys::SigningKey;
use crate::node::Node;

/// Cosigning for the agencies of a folder, which check against one log.
pub struct Cosigning<'n> {
    node: &'n mut Node,
    /// What was looked through last.
    examined: Option<Examined>,
}

/// What the whole log up to a position gives. It takes as long as reading and folding all of it, so a running node finds it out before it
/// takes its outbox to sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Examined {
    /// The position.
    pub size: u64,
    /// The root, from the log's bytes alone: whatever was cosigned before is hashed once more.
    pub root: Hash,
    /// The state digest.
    pub digest: Digest,
}

impl Examined {
    /// Looks through a log up to a position.
    pub fn of(ground: Ground<'_>, size: u64, watcher: &mut dyn Watcher) -> Result<Self, CheckpointError> {
        let root = edge_of(ground.log, Frontier::new(), size, watcher)?.root();
        Ok(Self { size, root, digest: ground.digest_at(size, watcher)? })
    }
}

impl<'n> Cosigning<'n> {
    /// For the agencies of an open node.
    pub fn new(node: &'n mut Node) -> Self {
        Self::knowing(node, None)
    }

    /// The same, where the log was looked through before.
    pub fn knowing(node: &'n mut Node, examined: Option<Examined>) -> Self {
        Self { node, examined }
    }

    /// Checks a checkpoint for an agency of the folder, cosigns it and publishes the cosignature. Nothing when it was cosigned before.
    ///
    /// The cosignature is kept before it leaves (`checkpoints.sqlite`). A run that was cut off in between is finished by the next one, which
    /// sends the same note in the same event.
    ///
    /// Errors: [`CheckpointError::SplitView`], [`CheckpointError::NotConsistent`], [`CheckpointError::DigestDiffers`] when it contradicts what
    /// this node knows; [`CheckpointError::Ahead`] and [`CheckpointError::Older`] when it is not the time for it. Nothing is signed then.
    pub fn cosign(
        &mut self,
        agency: AgencyCode,
        note: &SignedCheckpoint,
        now: Timestamp,
        watcher: &mut dyn Watcher,
    ) -> Result<Option<Sent>, CheckpointError> {
        let node = &mut *self.node;
        let origin = Origin::of(node.folder().exchange().region);
        let name = origin.cosigner_name(agency);
        let key = SigningKey::load(&node.folder().key(agency))?;
        let mut ledger = CheckpointLedger::open(&CheckpointLedger::path(node.folder().root()))?;
        let finished = finish(node, &mut ledger, agency, &name, now, watcher)?;
        let last = cosigned_before(node, &ledger, &name, agency)?;
        let checker = Checker { ground: Ground::of(node), name: &name, last: last.as_ref() };
        let Some(tree) = checker.check(note, &mut self.examined, watcher)? else { return Ok(finished) };
        let mut note = notes::with_lines_of(note, &[&origin.to_string()])?;
        cosign_note(&mut note, &name, now, &key)?;
        let event = event_id(node.folder(), agency, tree.size(), ledger.forgotten_at(&name)?, &key);
        let signed = LastSigned { name, tree, note: note.to_string(), event: Some(event), refused: None };
        ledger.keep(std::slice::from_ref(&signed))?;
        deliver(node, &mut ledger, agency, &signed, now)
    }
}

/// The same for a supervisor who has a key and a name and is no agency of the exchange: checks the checkpoint against the log of this folder,
/// and answers the note with the new cosignature. What was signed is kept beside the key.
pub fn witness(
    ground: Ground<'_>,
    key_file: &Path,
    name: &str,
    note: &SignedCheckpoint,
    now: Timestamp,
    watcher: &mut dyn Watcher,
) -> Result<SignedCheckpoint, CheckpointError> {
    let key = SigningKey::load(key_file)?;
    let mut ledger = CheckpointLedger::open(&CheckpointLedger::path_of_key(key_file))?;
    let last = ledger.last(name)?.map(Before::Kept);
    let checker = Checker { ground, name, last: last.as_ref() };
    let Some(tree) = checker.check(note, &mut None, watcher)? else {
        // The same once more: the very note that was made then, with what has come in since.
        let mut known = match &last {
            Some(Before::Kept(last)) => notes::parse(name, &last.note)?,
            _ => note.clone(),
        };
        drop(known.merge(note));
        return Ok(known);
    };
    let mut note = note.clone();
    cosign_note(&mut note, name, now, &key)?;
    let signed = LastSigned { name: name.to_owned(), tree, note: note.to_string(), event: None, refused: None };
    ledger.keep(std::slice::from_ref(&signed))?;
    Ok(note)
}

/// What a name has cosigned last.
enum Before {
    /// As this folder remembers it, with the tree's right edge.
    Kept(LastSigned),
    /// As the log tells: size and root.
    Told(u64, Hash),
}

impl Before {
    fn size(&self) -> u64 {
        match self {
            Self::Kept(last) => last.tree.size(),
            Self::Told(size, _) => *size,
        }
    }

    fn root(&self) -> Hash {
        match self {
            Self::Kept(last) => last.tree.root(),
            Self::Told(_, root) => *root,
        }
    }

    /// Whether it had no effect, so that it may be signed once more.
    fn was_refused(&self) -> bool {
        matches!(self, Self::Kept(last) if last.refused.is_some())
    }
}

/// What an agency has cosigned last, as far as this folder remembers it or the log tells.
fn cosigned_before(
    node: &Node,
    ledger: &CheckpointLedger,
    name: &str,
    agency: AgencyCode,
) -> Result<Option<Before>, CheckpointError> {
    let kept = ledger.last(name)?;
    // As with the authority's signatures: another node of the agency, or a memory that was lost.
    let told = if ledger.forgotten_at(name)?.is_some() { None } else { node.view().cosigned_by(agency)? };
    Ok(match (kept, told) {
        (Some(kept), Some(told)) if told.size > kept.tree.size() => Some(Before::Told(told.size, told.root)),
        (None, Some(told)) => Some(Before::Told(told.size, told.root)),
        (kept, _) => kept.map(Before::Kept),
    })
}

/// Holds a checkpoint against the log and against what was cosigned before.
struct Checker<'a> {
    ground: Ground<'a>,
    name: &'a str,
    last: Option<&'a Before>,
}

impl Checker<'_> {
    /// The right edge of the tree that may be cosigned; nothing when it was cosigned before.
    fn check(
        &self,
        note: &SignedCheckpoint,
        known: &mut Option<Examined>,
        watcher: &mut dyn Watcher,
    ) -> Result<Option<Frontier>, CheckpointError> {
        let Checkpoint { size, root, digest, .. } = *note.checkpoint();
        let Ground { log, registry, .. } = self.ground;
        notes::refuse_strange(note, registry, &notes::keys_of_authority(registry, true))?;
        if !notes::keys_of_authority(registry, false).iter().any(|key| note.is_signed_by(*key)) {
            return Err(CheckpointError::KeyEnded { size });
        }
        let head = log.head()?.map_or(0, Position::get);
        if size > head {
            return Err(CheckpointError::Ahead { size, head });
        }
        let last = self.last.map_or(0, Before::size);
        if size < last {
            return Err(CheckpointError::Older { name: self.name.to_owned(), size, last });
        }
        if self.last.is_some_and(|last| !last.was_refused() && (last.size(), last.root()) == (size, root)) {
            return Ok(None);
        }
        let tree = self.edge(size, root, watcher)?;
        if tree.root() != root {
            return Err(self.ground.contradicted(note, tree.root(), watcher)?);
        }
        if let Some(stated) = digest {
            let examined = match *known {
                Some(examined) if examined.size == size => examined,
                _ => *known.insert(Examined::of(self.ground, size, watcher)?),
            };
            if examined.root != root {
                return Err(self.altered(note, examined.root, watcher)?);
            }
            let found = examined.digest;
            if found != stated {
                return Err(CheckpointError::DigestDiffers { size, stated, found });
            }
        }
        Ok(Some(tree))
    }

    /// The log leads to another root than it did when it was cosigned before.
    fn altered(
        &self,
        note: &SignedCheckpoint,
        own: Hash,
        watcher: &mut dyn Watcher,
    ) -> Result<CheckpointError, CheckpointError> {
        let Some(last) = self.last else { return self.ground.contradicted(note, own, watcher) };
        let found = edge_of(self.ground.log, Frontier::new(), last.size(), watcher)?.root();
        let (name, size, signed) = (self.name.to_owned(), last.size(), last.root());
        Ok(CheckpointError::NotConsistent { name, size, signed, found })
    }

    /// The right edge of the own log at `size`, reached from what was cosigned last.
    fn edge(&self, size: u64, root: Hash, watcher: &mut dyn Watcher) -> Result<Frontier, CheckpointError> {
        let log = self.ground.log;
        let from = match self.last {
            None => Frontier::new(),
            Some(Before::Kept(last)) => last.tree.clone(),
            Some(Before::Told(told, expected)) => {
                let tree = edge_of(log, Frontier::new(), *told, watcher)?;
                if tree.root() != *expected && *told != size {
                    let (name, signed, found) = (self.name.to_owned(), *expected, tree.root());
                    return Err(CheckpointError::NotConsistent { name, size: *told, signed, found });
                }
                tree
            }
        };
        let tree = edge_of(log, from, size, watcher)?;
        if tree.root() == root {
            return Ok(tree);
        }
        // Either the checkpoint is of another history, or this log is no longer the one whose edge was kept.
        let whole = edge_of(log, Frontier::new(), size, watcher)?;
        match self.last {
            Some(last) if whole.root() == root => {
                let found = edge_of(log, Frontier::new(), last.size(), watcher)?.root();
                let (name, signed) = (self.name.to_owned(), last.root());
                Err(CheckpointError::NotConsistent { name, size: last.size(), signed, found })
            }
            _ => Ok(whole),
        }
    }
}
