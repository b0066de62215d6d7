//! Checkpoints as they stand on the log: which there are, and the notes in the events that carry them.

use fengsui_event::{AgencyCode, Decoded, Event, KeyId, Payload};
use fengsui_log::{EventLog, Position};
use fengsui_projector::Registry;
use fengsui_projector::query::{CheckpointRow, View};
use fengsui_proof::checkpoint::{Origin, SignedCheckpoint};
use fengsui_proof::default_quorum;

use super::CheckpointError;

/// The checkpoint with most positions that is on the log.
pub fn newest(view: &View<'_>) -> Result<CheckpointRow, CheckpointError> {
    view.latest_checkpoint()?.ok_or(CheckpointError::NoCheckpoint)
}

/// A checkpoint's note with every signature that is on the log, so that it can be handed on.
///
/// Of each event only the line of the log and that of its own source are taken, once they are verified: an agency that puts bad lines
/// into its own event must not spoil or crowd out what others signed.
pub fn note_of<L: EventLog + ?Sized>(
    row: &CheckpointRow,
    registry: &Registry,
    log: &L,
) -> Result<SignedCheckpoint, CheckpointError> {
    let log_keys = keys_of_authority(registry, true);
    let mut merged: Option<SignedCheckpoint> = None;
    for cosigner in &row.cosigners {
        let Some(note) = note_at(log, cosigner.position)? else { continue };
        let name = note.checkpoint().origin.cosigner_name(cosigner.agency);
        let Some(note) = note.only_of(&name, cosigner.keyid, &log_keys) else { continue };
        match &mut merged {
            None => merged = Some(note),
            // Lines of ours beyond the notes' bound are left out: what is there is enough for any quorum.
            Some(merged) => drop(merged.merge(&note)),
        }
    }
    merged.ok_or(CheckpointError::NoSuchCheckpoint { size: row.size })
}

/// The note that an event carries; nothing where another record is.
fn note_at<L: EventLog + ?Sized>(log: &L, position: u64) -> Result<Option<SignedCheckpoint>, CheckpointError> {
    let Some(position) = Position::new(position) else { return Ok(None) };
    let Some(stored) = log.read(position, 1)?.pop() else { return Ok(None) };
    let event = Event::parse(&stored.record.bytes).ok();
    let Some(Decoded::Known(Payload::CheckpointCosigned(data))) = event.map(|event| event.data) else {
        return Ok(None);
    };
    Ok(data.note.parse().ok())
}

/// The same note with the signature lines of these names alone: what one event carries of it.
pub fn with_lines_of(note: &SignedCheckpoint, names: &[&str]) -> Result<SignedCheckpoint, CheckpointError> {
    let text = note.to_string();
    let is_wanted = |line: &&str| names.iter().any(|name| line.starts_with(&format!("\u{2014} {name} ")));
    let lines: String = text
        .strip_prefix(note.text())
        .unwrap_or_default()
        .lines()
        .filter(is_wanted)
        .fold(String::new(), |lines, line| lines + line + "\n");
    parse("the note", &format!("{}\n{lines}", note.text()))
}

/// Reads a checkpoint that came from somewhere.
pub fn parse(what: &str, text: &str) -> Result<SignedCheckpoint, CheckpointError> {
    text.parse().map_err(|source| CheckpointError::Note { what: what.to_owned(), source })
}

/// Keys of the authority: those that are good now, or all that it ever had.
pub fn keys_of_authority(registry: &Registry, with_ended: bool) -> Vec<KeyId> {
    let keys = registry.keys.iter().filter(|(_, key)| key.agency == registry.authority);
    keys.filter(|(_, key)| with_ended || key.until.is_none()).map(|(keyid, _)| *keyid).collect()
}

/// Refuses a note that is not of this log, or that none of these keys has signed as the log.
pub fn refuse_strange(note: &SignedCheckpoint, registry: &Registry, keys: &[KeyId]) -> Result<(), CheckpointError> {
    let (checkpoint, expected) = (note.checkpoint(), Origin::of(registry.region));
    if checkpoint.origin != expected {
        let (found, expected) = (checkpoint.origin.to_string(), expected.to_string());
        return Err(CheckpointError::OtherLog { found, expected });
    }
    if !keys.iter().any(|key| note.is_signed_by(*key)) {
        let authority = registry.authority.to_string();
        return Err(CheckpointError::NotSigned { size: checkpoint.size, authority });
    }
    Ok(())
}

/// How many have cosigned a checkpoint, and how many it takes.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Standing {
    /// Agencies other than the authority that have cosigned it.
    pub cosigned: Vec<AgencyCode>,
    /// Agencies other than the authority that could and have not.
    pub missing: Vec<AgencyCode>,
    /// How many of them it takes: more than half.
    pub needed: usize,
}

impl Standing {
    /// Where a checkpoint stands by the registry: agencies that could write right after its last position count.
    pub fn of(row: &CheckpointRow, registry: &Registry) -> Self {
        let witnesses = registry.witnesses_of(row.size);
        let needed = default_quorum(witnesses.len());
        let has_cosigned = |agency: &AgencyCode| row.cosigners.iter().any(|cosigner| cosigner.agency == *agency);
        let (cosigned, missing) = witnesses.into_iter().partition(has_cosigned);
        Self { cosigned, missing, needed }
    }

    /// Whether enough have cosigned it.
    pub fn has_quorum(&self) -> bool {
        self.cosigned.len() >= self.needed
    }
}
