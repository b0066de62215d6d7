//! Admission: is a record genuine, is its key good at this position, does it follow in its source's chain?
//!
//! [`prepare`] needs nothing but the record, so it runs on any core; [`admit`] goes in order of position.

use std::collections::HashMap;

use fengsui_event::envelope::stream_subject;
use fengsui_event::{ChainLink, Digest, Event, EventId, EventType, KeyId, Signature, Verifier};

use super::Cause;
use crate::state::{Chain, ChainBreak, Registry};

/// How far a source's clock may go back before it is told, in milliseconds.
const CLOCK_TOLERANCE_MS: i64 = 5 * 60 * 1000;

/// Whether signatures are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureCheck {
    /// Verify each one.
    Verify,
    /// Trust the log; for a copy that was verified before.
    Trust,
}

/// A record as the log holds it.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// Its position.
    pub position: u64,
    /// The id under which it is filed.
    pub id: EventId,
    /// The subject under which it was published.
    pub subject: &'a str,
    /// The exact bytes.
    pub bytes: &'a [u8],
    /// The signature over them.
    pub signature: &'a [u8],
}

impl RawRecord<'_> {
    /// Whether a copy holds it in the place of what its original has lost.
    fn is_lost(self) -> bool {
        let Self { id, subject, bytes, signature, .. } = self;
        fengsui_log::RecordRef { id, subject, bytes, signature }.is_missing()
    }
}

/// A record as far as it can be judged by itself.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Its position.
    pub position: u64,
    /// The id under which it is filed.
    pub id: EventId,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// The event, as far as it could be read.
    pub event: Option<Box<Event>>,
    /// What is wrong with it, if anything; rare, so kept apart.
    pub fault: Option<Box<Cause>>,
}

/// Keys that are ready to verify. One for each thread.
#[derive(Debug, Default)]
pub struct VerifierCache(HashMap<KeyId, Option<Verifier>>);

impl VerifierCache {
    /// Upper bound of kept keys: forged events may each name another one.
    const KEYS_MAX: usize = 4096;

    fn verify(&mut self, keyid: KeyId, bytes: &[u8], signature: &[u8]) -> bool {
        if self.0.len() >= Self::KEYS_MAX {
            self.0.clear();
        }
        let verifier = self.0.entry(keyid).or_insert_with(|| keyid.verifier().ok());
        let signature = Signature::try_from(signature).ok();
        verifier.as_ref().zip(signature).is_some_and(|(verifier, signature)| verifier.verify(bytes, &signature))
    }
}

/// Reads, hashes and verifies a record. Depends on nothing else.
pub fn prepare(record: RawRecord<'_>, check: SignatureCheck, keys: &mut VerifierCache) -> Prepared {
    let digest = Digest::of(record.bytes);
    let (event, fault) = match Event::parse(record.bytes) {
        Err(_) if record.is_lost() => (None, Some(Box::new(Cause::Lost))),
        Err(error) => (None, Some(Box::new(Cause::Envelope(error.to_string())))),
        Ok(event) => {
            let fault = fault(&record, &event, check, keys).map(Box::new);
            (Some(Box::new(event)), fault)
        }
    };
    Prepared { position: record.position, id: record.id, digest, event, fault }
}

fn fault(record: &RawRecord<'_>, event: &Event, check: SignatureCheck, keys: &mut VerifierCache) -> Option<Cause> {
    if event.id != record.id {
        return Some(Cause::IdMismatch { own: event.id });
    }
    if check == SignatureCheck::Verify && !keys.verify(event.keyid, record.bytes, record.signature) {
        return Some(Cause::BadSignature);
    }
    // Of an unknown type only the publisher's own prefix can be checked.
    let expected = EventType::from_type(&event.type_text).map_or_else(
        || format!("fengsui.{}.{}.", event.source.region, event.source.agency),
        |event_type| stream_subject(&event.source, event_type),
    );
    let fits = if expected.ends_with('.') { record.subject.starts_with(&expected) } else { record.subject == expected };
    (!fits).then(|| Cause::WrongSubject { found: record.subject.to_owned(), expected })
}

/// Whether the key that signed an event speaks for its source at this position.
pub fn check_key(registry: &Registry, position: u64, event: &Event) -> Result<(), Cause> {
    if event.source.region != registry.region {
        return Err(Cause::ForeignRegion);
    }
    let key = registry.keys.get(&event.keyid).ok_or(Cause::UnknownKey(event.keyid))?;
    if key.agency != event.source.agency {
        return Err(Cause::ForeignKey { owner: key.agency });
    }
    if let Some(until) = key.until.filter(|until| *until < position) {
        return Err(Cause::EndedKey { until });
    }
    match registry.agencies.get(&key.agency).and_then(|agency| agency.suspended_at) {
        Some(since) => Err(Cause::SuspendedAgency { since }),
        None => Ok(()),
    }
}

/// Places an event in its source's chain. `Ok` may carry a notice; `Err` means that it must have no effect.
pub fn admit(chain: &mut Chain, event: &Event, digest: Digest) -> Result<Option<Cause>, Cause> {
    let link = ChainLink { sequence: event.sequence, previous: event.previous };
    let extends = link.sequence > chain.sequence;
    let found = chain.admit(link, digest).map_err(cause)?;
    let time_ms = event.time.as_millisecond();
    let went_back = (chain.latest_ms - time_ms).max(0);
    if extends {
        chain.latest_ms = chain.latest_ms.max(time_ms);
    }
    if let Some(found) = found {
        return Ok(Some(cause(found)));
    }
    let seconds = u64::try_from(went_back / 1000).unwrap_or_default();
    Ok((extends && went_back > CLOCK_TOLERANCE_MS).then_some(Cause::ClockWentBack { seconds }))
}

fn cause(found: ChainBreak) -> Cause {
    match found {
        ChainBreak::Gap { first, last } => Cause::ChainGap { first, last },
        ChainBreak::Fork { sequence } => Cause::ChainFork { sequence },
        ChainBreak::Reused { sequence } => Cause::SequenceReused { sequence },
        ChainBreak::TooManyGaps => Cause::TooManyGaps,
    }
}
