//! The authority signs a checkpoint, and everybody's signatures go out as events.

use fengsui_event::{AgencyCode, Digest, EventId, Signer as _, Timestamp};
use fengsui_log::{EventLog, Position};
use fengsui_projector::fold::CheckpointFault;
use fengsui_projector::{Cause, Rejection, Watcher};
use fengsui_proof::checkpoint::{Checkpoint, Origin, SignedCheckpoint};
use fengsui_proof::tree::{Frontier, Hash};

use super::due::is_checkpoint;
use super::{CheckpointError, CheckpointLedger, LastSigned, LedgerError, LogTree, edge_of, notes};
use crate::desk::{Command, DerivedIds, IdSource, PlanError};
use crate::folder::Folder;
use crate::keys::SigningKey;
use crate::node::{Accepted, Node, NodeError};
use crate::outbox::OutboxError;

/// A signature that is durable and on its way onto the log.
#[derive(Debug)]
pub struct Sent {
    /// Who has signed.
    pub agency: AgencyCode,
    /// How many positions the checkpoint covers.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
    /// The digest of the tables, where it is stated.
    pub digest: Option<Digest>,
    /// The event that carries it.
    pub event: EventId,
    /// Why it is not on the log yet; nothing when it is.
    pub waits: Option<NodeError>,
}

/// What a checkpoint is to state beside the root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stating {
    /// Nothing.
    Root,
    /// The digest of the tables as they are when it is signed.
    Digest,
    /// The digest of the tables at a position, which was drawn before: the checkpoint covers the log up to there.
    DrawnDigest(u64, Digest),
}

/// Signs a checkpoint of the log as it is now; see [`sign_stating`].
pub fn sign(
    node: &mut Node,
    with_digest: bool,
    now: Timestamp,
    watcher: &mut dyn Watcher,
) -> Result<Option<Sent>, CheckpointError> {
    sign_stating(node, if with_digest { Stating::Digest } else { Stating::Root }, now, watcher)
}

/// Signs a checkpoint of the log as it is now, for the authority, and publishes it with the authority's own cosignature. Nothing when there
/// are no events but checkpoints since the last one.
///
/// What was signed is kept before it leaves (`checkpoints.sqlite`). A run that was cut off in between is finished by the next one, which sends
/// the same note in the same event.
///
/// Errors: [`CheckpointError::NotConsistent`] when the log is not the one that was signed last.
pub fn sign_stating(
    node: &mut Node,
    stating: Stating,
    now: Timestamp,
    watcher: &mut dyn Watcher,
) -> Result<Option<Sent>, CheckpointError> {
    let exchange = node.folder().exchange();
    let (authority, origin) = (exchange.authority, Origin::of(exchange.region));
    let key = SigningKey::load(&node.folder().key(authority))?;
    let mut ledger = CheckpointLedger::open(&CheckpointLedger::path(node.folder().root()))?;
    let (log_name, name) = (origin.to_string(), origin.cosigner_name(authority));
    if let Some(sent) = finish(node, &mut ledger, authority, &log_name, now, watcher)? {
        return Ok(Some(sent));
    }
    let before = signed_before(node, &ledger, &log_name)?;
    let size = match stating {
        // Another node of the authority may have signed meanwhile.
        Stating::DrawnDigest(position, _) if before.is_some_and(|(signed, _)| signed >= position) => return Ok(None),
        Stating::DrawnDigest(position, _) => position,
        Stating::Root | Stating::Digest => node.progress().position,
    };
    let tree = consistent_tree(node, &log_name, before, size, watcher)?;
    let was_refused = ledger.last(&log_name)?.is_some_and(|last| last.refused.is_some());
    if !was_refused && !has_news(node.log(), before.map_or(0, |(size, _)| size), size)? {
        return Ok(None);
    }
    let digest = match stating {
        Stating::Root => None,
        Stating::Digest => Some(node.projector().digest().map_err(NodeError::from)?),
        Stating::DrawnDigest(_, digest) => Some(digest),
    };
    let mut note = SignedCheckpoint::sign(Checkpoint::new(origin, size, tree.root(), digest), &key);
    cosign_note(&mut note, &name, now, &key)?;
    let event = event_id(node.folder(), authority, size, ledger.forgotten_at(&log_name)?, &key);
    let signed = |name: &str| LastSigned {
        name: name.to_owned(),
        tree: tree.clone(),
        note: note.to_string(),
        event: Some(event),
        refused: None,
    };
    let (as_log, as_cosigner) = (signed(&log_name), signed(&name));
    ledger.keep(&[as_log.clone(), as_cosigner])?;
    deliver(node, &mut ledger, authority, &as_log, now)
}

/// What the authority has signed last, as far as this folder remembers it or the log tells.
fn signed_before(node: &Node, ledger: &CheckpointLedger, name: &str) -> Result<Option<(u64, Hash)>, CheckpointError> {
    let kept = ledger.last(name)?.map(|last| (last.tree.size(), last.tree.root()));
    // The log knows what another node of the authority has signed, or what this one has forgotten. Told to forget it, it doesn't ask the log.
    let told = if ledger.forgotten_at(name)?.is_some() { None } else { node.view().latest_checkpoint()? };
    let told = told.map(|row| (row.size, row.root));
    Ok(match (kept, told) {
        (Some(kept), Some(told)) if told.0 > kept.0 => Some(told),
        (None, told) => told,
        (kept, _) => kept,
    })
}

/// Whether there are events other than checkpoints after a position.
fn has_news<L: EventLog + ?Sized>(log: &L, after: u64, until: u64) -> Result<bool, CheckpointError> {
    let range = Position::new(after + 1).zip(Position::new(until)).filter(|(first, last)| first <= last);
    let Some((first, last)) = range else { return Ok(false) };
    let mut found = false;
    log.scan(first, Some(last), &mut |_, record| {
        found = !is_checkpoint(record.subject);
        if found { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
    })?;
    Ok(found)
}

/// The right edge of the log's tree at `size`, which must begin with what was signed before.
fn consistent_tree(
    node: &Node,
    name: &str,
    before: Option<(u64, Hash)>,
    size: u64,
    watcher: &mut dyn Watcher,
) -> Result<Frontier, CheckpointError> {
    let log = node.log();
    let mut tree = LogTree::open(node.folder().root(), log, watcher)?;
    let Some((signed_size, signed)) = before else { return tree.edge_at(size, log, watcher) };
    if signed_size > size {
        return Err(CheckpointError::Shorter { name: name.to_owned(), size: signed_size, head: size });
    }
    if tree.root_at(signed_size, log, watcher)? != signed {
        // The tree is derived; the log itself decides.
        let found = edge_of(log, Frontier::new(), signed_size, watcher)?.root();
        if found != signed {
            return Err(CheckpointError::NotConsistent { name: name.to_owned(), size: signed_size, signed, found });
        }
        tree.redraw(log, watcher)?;
    }
    tree.edge_at(size, log, watcher)
}

/// Adds a cosignature of this time.
pub(super) fn cosign_note(
    note: &mut SignedCheckpoint,
    name: &str,
    now: Timestamp,
    key: &SigningKey,
) -> Result<(), CheckpointError> {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    note.cosign(name, seconds, key).map_err(|source| CheckpointError::Note { what: name.to_owned(), source })
}

/// The id of the event with which a node's agency signs a tree of this size: always the same, and nobody else can foretell it
/// (docs/adr/0027-derived-ids-of-reminders.md). So one size never has two events of one node, whatever crashes.
pub(super) fn event_id(
    folder: &Folder,
    agency: AgencyCode,
    size: u64,
    forgotten_at: Option<Timestamp>,
    key: &SigningKey,
) -> EventId {
    let forgotten_at = forgotten_at.map_or_else(String::new, |time| time.to_string());
    let (region, node) = (folder.exchange().region.to_string(), folder.node().node.to_string());
    let parts = ["checkpoint", &region, agency.as_str(), &node, &size.to_string(), &forgotten_at];
    let secret = key.secret_for("ids of checkpoints");
    DerivedIds::at(&parts, Timestamp::UNIX_EPOCH).keyed(&secret).next(Timestamp::UNIX_EPOCH)
}

/// An id that is known already.
struct Given(EventId);

impl IdSource for Given {
    fn next(&mut self, _: Timestamp) -> EventId {
        self.0
    }
}

/// Sends what a name has signed last and a run that was cut off has not sent, provided that it is still true of this log.
pub(super) fn finish(
    node: &mut Node,
    ledger: &mut CheckpointLedger,
    agency: AgencyCode,
    name: &str,
    now: Timestamp,
    watcher: &mut dyn Watcher,
) -> Result<Option<Sent>, CheckpointError> {
    let Some(last) = ledger.last(name)? else { return Ok(None) };
    if !is_pending(node, &last)? {
        return Ok(None);
    }
    let head = node.progress().position;
    consistent_tree(node, name, Some((last.tree.size(), last.tree.root())), head, watcher)?;
    deliver(node, ledger, agency, &last, now)
}

/// Whether what was signed is still to be sent.
fn is_pending(node: &Node, last: &LastSigned) -> Result<bool, CheckpointError> {
    let Some(event) = last.event.filter(|_| last.refused.is_none()) else { return Ok(false) };
    Ok(!node.outbox().contains(event).map_err(NodeError::from)?)
}

/// Sends what a name has signed last, unless that was done. An event that has no effect is remembered as such and not sent again.
pub(super) fn deliver(
    node: &mut Node,
    ledger: &mut CheckpointLedger,
    agency: AgencyCode,
    last: &LastSigned,
    now: Timestamp,
) -> Result<Option<Sent>, CheckpointError> {
    let Some(event) = last.event else { return Ok(None) };
    if !is_pending(node, last)? {
        return Ok(None);
    }
    let note = notes::parse(&last.name, &last.note)?;
    let command = Command::CosignCheckpoint { note: last.note.clone() };
    let accepted = node.accept::<_, NodeError>(|batch| batch.submit(agency, command, &mut Given(event), now).map(drop));
    let waits = match accepted {
        Ok(Accepted { waits, .. }) => waits,
        // Another process of this folder was quicker.
        Err(NodeError::Outbox(OutboxError::DuplicateEvent { .. })) => return Ok(None),
        Err(error) => {
            let Some(is_known) = refusal(&error) else { return Err(error.into()) };
            ledger.note_refused(&last.name, &error.to_string())?;
            return if is_known { Ok(None) } else { Err(error.into()) };
        }
    };
    let checkpoint = note.checkpoint();
    let (size, root, digest) = (checkpoint.size, checkpoint.root, checkpoint.digest);
    Ok(Some(Sent { agency, size, root, digest, event, waits }))
}

/// Whether the fold refuses the event for ever, and whether only because the same is on the log already.
fn refusal(error: &NodeError) -> Option<bool> {
    match error {
        NodeError::Refused(Cause::Rejected(rejection)) | NodeError::Plan(PlanError::Rejected(rejection)) => {
            Some(matches!(rejection, Rejection::Checkpoint(CheckpointFault::AlreadyCosigned { .. })))
        }
        NodeError::Refused(_) => Some(false),
        _ => None,
    }
}

/// Has a folder's agency begin again with signing: for the time after the log was restored from an older state and people know why. What was
/// signed stays on record with the reason. Returns what was forgotten.
///
/// Errors: when a name never signed anything nothing is to be done, and the answer is empty.
pub fn forget(
    folder: &Folder,
    agency: AgencyCode,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<LastSigned>, LedgerError> {
    let exchange = folder.exchange();
    let origin = Origin::of(exchange.region);
    let mut ledger = CheckpointLedger::open(&CheckpointLedger::path(folder.root()))?;
    let mut names = vec![origin.cosigner_name(agency)];
    if agency == exchange.authority {
        names.push(origin.to_string());
    }
    let mut forgotten = Vec::new();
    for name in names {
        forgotten.extend(ledger.forget(&name, reason, now)?);
    }
    Ok(forgotten)
}

/// The public key with which an agency of a folder signs.
pub fn key_of(folder: &Folder, agency: AgencyCode) -> Result<fengsui_event::KeyId, CheckpointError> {
    Ok(SigningKey::load(&folder.key(agency))?.keyid())
}
