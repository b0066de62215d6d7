//! One record through the whole fold: admission, the id that counts once for ever, state, effect or anomaly.

use fengsui_event::payload::CheckpointCosigned;
use fengsui_event::{AgencyCode, CaseId, CertificateId, Decoded, Digest, Event, EventId, Payload, Subject, UnitId};

use super::admission::{Prepared, admit, check_key};
use super::{Anomaly, Cause, Changes, Touched, Touches, apply, apply_to_registry, certificate, checkpoint, touches};
use crate::state::{AccountState, CaseState, CertificateState, Cosignature, LargestCosigned, Registry};

/// An event that was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its position.
    pub position: u64,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// Where the fold's state lies. `take` hands state out, `put` brings it back; between the two it is nowhere else.
pub trait States {
    /// Why state could not be read or written.
    type Error;

    /// Enters an id for ever, or tells who entered it first.
    fn remember(&mut self, id: EventId, seen: Seen) -> Result<Option<Seen>, Self::Error>;
    /// Looks an id up.
    fn seen(&mut self, id: EventId) -> Result<Option<Seen>, Self::Error>;
    /// Hands a case out.
    fn take_case(&mut self, id: CaseId) -> Result<Option<Box<CaseState>>, Self::Error>;
    /// Hands an account out.
    fn take_account(&mut self, unit: &UnitId) -> Result<Option<Box<AccountState>>, Self::Error>;
    /// A copy of a certificate.
    fn certificate(&mut self, id: CertificateId) -> Result<Option<Box<CertificateState>>, Self::Error>;
    /// Everything that was cosigned of one size, in order of position.
    fn cosigned_at(&mut self, size: u64) -> Result<Vec<Cosignature>, Self::Error>;
    /// The largest checkpoint that an agency has cosigned.
    fn largest_cosigned(&mut self, agency: &AgencyCode) -> Result<Option<LargestCosigned>, Self::Error>;
    /// Enters a cosignature.
    fn cosign(&mut self, cosignature: Cosignature) -> Result<(), Self::Error>;
    /// Brings state back; `changes` is absent when nothing changed.
    fn put(&mut self, touched: Touched, changes: Option<Changes>) -> Result<(), Self::Error>;
    /// Notes an anomaly.
    fn note(&mut self, anomaly: Anomaly) -> Result<(), Self::Error>;
    /// Told when agencies, keys or rulebooks changed.
    fn registry_changed(&mut self);
}

/// Folds one record. `Err` comes from the states alone: a bad record is an anomaly, never an error. Returns the
/// cause when the event had no effect.
pub fn fold<S: States>(registry: &mut Registry, states: &mut S, prepared: Prepared) -> Result<Option<Cause>, S::Error> {
    let Prepared { position, id, digest, event, fault } = prepared;
    let Some(event) = event else {
        let cause = fault.map_or_else(|| Cause::Envelope("unreadable".to_owned()), |fault| *fault);
        states.note(Anomaly {
            position,
            id,
            agency: None,
            type_text: None,
            case: None,
            unit: None,
            cause: cause.clone(),
        })?;
        return Ok(Some(cause));
    };
    let cause = match fault {
        Some(fault) => Some(*fault),
        None => effect(registry, states, position, &event, digest)?,
    };
    if let Some(cause) = &cause {
        states.note(anomaly(position, id, &event, cause.clone()))?;
        if marks_incomplete(cause) {
            mark_incomplete(states, &event)?;
        }
    }
    Ok(cause)
}

fn anomaly(position: u64, id: EventId, event: &Event, cause: Cause) -> Anomaly {
    Anomaly {
        position,
        id,
        agency: Some(event.source.agency),
        type_text: Some(event.type_text.clone()),
        case: event.correlation,
        unit: match &event.subject {
            Subject::Unit(unit) => Some(unit.clone()),
            Subject::Agency(_) | Subject::Rulebook(_) | Subject::Region(_) => None,
        },
        cause,
    }
}

/// Gives the event its effect, or says why it has none. A notice is noted here.
fn effect<S: States>(
    registry: &mut Registry,
    states: &mut S,
    position: u64,
    event: &Event,
    digest: Digest,
) -> Result<Option<Cause>, S::Error> {
    let seen = Seen { position, digest };
    if let Err(cause) = check_key(registry, position, event) {
        // A redelivered event is a duplicate even when its key has ended since. Other bytes under a known id are no
        // conflict here: whoever lacks a good key must not make it look as if the agency had told two stories.
        let first = states.seen(event.id)?.filter(|first| first.digest == digest);
        return Ok(Some(first.map_or(cause, |first| repeated(first, seen))));
    }
    if let Some(first) = states.remember(event.id, seen)? {
        return Ok(Some(repeated(first, seen)));
    }
    let chain = registry.chains.entry(event.source.clone()).or_default();
    match admit(chain, event, digest) {
        Err(cause) => return Ok(Some(cause)),
        Ok(Some(notice)) => states.note(anomaly(position, event.id, event, notice))?,
        Ok(None) => {}
    }
    let payload = match &event.data {
        Decoded::Known(payload) => payload,
        Decoded::Unknown => return Ok(Some(Cause::UnknownType)),
        Decoded::Malformed(reason) => return Ok(Some(Cause::MalformedPayload(reason.clone()))),
    };
    // About the log itself, whatever the subject says: its guard refuses a wrong one.
    if let Payload::CheckpointCosigned(data) = payload {
        return cosign(registry, states, position, event, data);
    }
    let touches = touches(event);
    if touches == Touches::Registry {
        let result = apply_to_registry(registry, position, event, payload);
        if result.is_ok() {
            states.registry_changed();
        }
        return Ok(result.err().map(Cause::Rejected));
    }
    let mut touched = load(states, &touches)?;
    if let Some(id) = certificate::named(payload) {
        touched.certificate = states.certificate(id)?;
    }
    match apply(registry, &mut touched, position, event, payload) {
        Ok(changes) => states.put(touched, Some(changes)).map(|()| None),
        Err(rejection) => states.put(touched, None).map(|()| Some(Cause::Rejected(rejection))),
    }
}

fn cosign<S: States>(
    registry: &Registry,
    states: &mut S,
    position: u64,
    event: &Event,
    data: &CheckpointCosigned,
) -> Result<Option<Cause>, S::Error> {
    let cosignature = match checkpoint::cosigned(registry, position, event, data) {
        Ok(cosignature) => cosignature,
        Err(rejection) => return Ok(Some(Cause::Rejected(rejection))),
    };
    let of_size = states.cosigned_at(cosignature.size)?;
    let largest = states.largest_cosigned(&cosignature.agency)?;
    match checkpoint::placed(&cosignature, &of_size, largest) {
        Err(rejection) => Ok(Some(Cause::Rejected(rejection))),
        Ok(notices) => {
            for notice in notices {
                states.note(anomaly(position, event.id, event, notice))?;
            }
            states.cosign(cosignature)?;
            Ok(None)
        }
    }
}

fn repeated(first: Seen, again: Seen) -> Cause {
    if first.digest == again.digest {
        Cause::Duplicate { first: first.position }
    } else {
        Cause::Conflict { first: first.position }
    }
}

fn load<S: States>(states: &mut S, touches: &Touches) -> Result<Touched, S::Error> {
    match touches {
        Touches::Case { case, unit } => {
            Ok(Touched { case: states.take_case(*case)?, account: states.take_account(unit)?, certificate: None })
        }
        Touches::Account { unit } => Ok(Touched { account: states.take_account(unit)?, ..Touched::default() }),
        Touches::Registry | Touches::Nothing => Ok(Touched::default()),
    }
}

/// What cannot be read may have meant something for its case.
const fn marks_incomplete(cause: &Cause) -> bool {
    matches!(cause, Cause::UnknownType | Cause::MalformedPayload(_))
}

fn mark_incomplete<S: States>(states: &mut S, event: &Event) -> Result<(), S::Error> {
    let mut touched = load(states, &touches(event))?;
    match &mut touched {
        Touched { case: Some(case), .. } => case.incomplete = true,
        Touched { case: None, account: Some(account), .. } => account.incomplete = true,
        Touched { case: None, account: None, .. } => return Ok(()),
    }
    states.put(touched, Some(Changes { account: true, ..Changes::default() }))
}
