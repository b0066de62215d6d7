//! Checkpoints that agencies have cosigned. Whether a root is that of this log is not decided here: whoever cosigns has
//! checked it against a copy, and `audit verify` does so again. The fold keeps who said what, and names contradictions.

use fengsui_event::payload::CheckpointCosigned;
use fengsui_event::{Event, Subject};
use fengsui_proof::{Checkpoint, Origin, SignedCheckpoint};

use super::{Cause, CheckpointFault, Rejection, require_earlier, require_subject};
use crate::state::{Cosignature, LargestCosigned, Registry};

/// How far the time of a cosignature may lie after that of its event, in seconds: two clocks may differ.
const CLOCK_TOLERANCE_SECONDS: i64 = 5 * 60;

/// How many different checkpoints of one size are kept. Two show that the authority has told two stories; whoever signs more wants only to
/// make everybody's work grow with the square of their number.
const OF_SIZE_MAX: usize = 16;

/// How the first signature line of a signed note begins, after the empty line.
const SIGNATURES_BEGIN: &str = "\n\n\u{2014} ";

/// Reads what an event says of a checkpoint, as far as that needs nothing but the registry.
pub(super) fn cosigned(
    registry: &Registry,
    position: u64,
    event: &Event,
    data: &CheckpointCosigned,
) -> Result<Cosignature, Rejection> {
    require_subject(event, &Subject::Region(registry.region))?;
    // A text without signatures was never a checkpoint. Logs from before there were any name it so.
    if !data.note.contains(SIGNATURES_BEGIN) {
        return Err(Rejection::NotInterpreted);
    }
    let fault = Rejection::Checkpoint;
    let note = data.note.parse::<SignedCheckpoint>().map_err(|_| fault(CheckpointFault::BadNote))?;
    let (checkpoint, origin) = (note.checkpoint(), Origin::of(registry.region));
    if checkpoint.origin != origin {
        let (found, expected) = (checkpoint.origin.to_string(), origin.to_string());
        return Err(fault(CheckpointFault::ForeignOrigin { found, expected }));
    }
    require_earlier(position, checkpoint.size)?;
    let is_authoritys = |keyid| note.is_signed_by(keyid);
    let mut keys = registry.keys_valid_at(position).filter(|(agency, _)| *agency == registry.authority);
    if !keys.any(|(_, keyid)| is_authoritys(keyid)) {
        return Err(fault(CheckpointFault::NotSignedByAuthority { size: checkpoint.size }));
    }
    let name = origin.cosigner_name(event.source.agency);
    let time_seconds = note.cosignature(&name, event.keyid);
    let time_seconds = time_seconds.ok_or_else(|| fault(CheckpointFault::NotCosigned { name }))?;
    not_later(time_seconds, event)?;
    let Checkpoint { size, root, digest, .. } = *checkpoint;
    let (agency, keyid) = (event.source.agency, event.keyid);
    Ok(Cosignature { position, agency, keyid, size, root, digest, time_seconds })
}

fn not_later(time_seconds: u64, event: &Event) -> Result<(), Rejection> {
    let recorded = u64::try_from(event.time.as_second().saturating_add(CLOCK_TOLERANCE_SECONDS)).unwrap_or_default();
    if time_seconds <= recorded {
        return Ok(());
    }
    let seconds = time_seconds.saturating_sub(u64::try_from(event.time.as_second()).unwrap_or_default());
    Err(Rejection::Checkpoint(CheckpointFault::CosignedLater { seconds }))
}

/// What a cosignature is beside those that stand already: of the same size, and the agency's own largest. Answers what
/// is to be noted of it.
pub(super) fn placed(
    cosignature: &Cosignature,
    of_size: &[Cosignature],
    largest: Option<LargestCosigned>,
) -> Result<Vec<Cause>, Rejection> {
    let same = || of_size.iter().filter(|other| other.is_of_the_same(cosignature));
    let Cosignature { size, agency, .. } = *cosignature;
    if let Some(own) = same().find(|other| other.agency == agency) {
        let fault = CheckpointFault::AlreadyCosigned { size, position: own.position };
        return Err(Rejection::Checkpoint(fault));
    }
    if same().next().is_none() && different(of_size) >= OF_SIZE_MAX {
        return Err(Rejection::Checkpoint(CheckpointFault::TooManyOfSize { size, kept: OF_SIZE_MAX as u64 }));
    }
    // One notice for each history: whoever cosigns one that is known adds nothing to what was told.
    let contradicted = of_size.iter().find(|other| other.contradicts(cosignature));
    let split = contradicted.filter(|_| same().next().is_none());
    let split = split.map(|other| Cause::SplitView { size, first: other.position });
    let larger = largest.filter(|largest| largest.size > size);
    let rollback = larger.map(|it| Cause::Rollback { size, before: it.size, first: it.position });
    Ok(split.into_iter().chain(rollback).collect())
}

/// How many different checkpoints there are among cosignatures of one size.
fn different(of_size: &[Cosignature]) -> usize {
    let is_first = |(index, one): &(usize, &Cosignature)| !of_size.iter().take(*index).any(|it| it.is_of_the_same(one));
    of_size.iter().enumerate().filter(is_first).count()
}
