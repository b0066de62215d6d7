//! One event of the log: its bytes, who signed them, whether that is good, and what it did.

use fengsui_event::{AgencyCode, CaseId, Date, Digest, Event, EventId, KeyId, Source, Timestamp};
use fengsui_log::{EventLog, Position, Record};
use serde::Serialize;

use super::Change;
use crate::fold::Cause;
use crate::fold::admission::{RawRecord, SignatureCheck, VerifierCache, check_key, prepare};
use crate::state::Registry;
use crate::store::ModelError;

/// An event, verified now from the log's bytes.
#[derive(Clone, Debug, Serialize)]
pub struct TracedEvent {
    /// Its position.
    pub position: u64,
    /// The id under which it is filed.
    pub event: EventId,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// Their number.
    pub bytes: usize,
    /// Its CloudEvents `type`.
    #[serde(rename = "type")]
    pub type_text: Option<String>,
    /// Who published it.
    pub agency: Option<AgencyCode>,
    /// Which node.
    pub source: Option<Source>,
    /// Its number in its source's chain.
    pub sequence: Option<u64>,
    /// SHA-256 of the event before it in that chain.
    pub previous: Option<Digest>,
    /// When it was recorded.
    pub time: Option<Timestamp>,
    /// The day of that in the region's zone.
    pub recorded_on: Option<Date>,
    /// The key that signed it.
    pub key: Option<TracedKey>,
    /// The case to which it belongs.
    pub case: Option<CaseId>,
    /// The event that led to it.
    pub causation: Option<EventId>,
    /// Where that stands.
    pub caused_by: Option<u64>,
    /// Whether bytes, signature, key, id and subject are good.
    pub genuine: bool,
    /// What is not.
    pub fault: Option<Cause>,
    /// What it changed.
    pub effect: Vec<Change>,
    /// Why it had no effect, where it had none.
    pub without_effect: Option<Cause>,
    /// What is to be noted although it had its effect.
    pub notices: Vec<Cause>,
    /// The event as it was read.
    #[serde(skip)]
    pub parsed: Option<Box<Event>>,
}

/// A key as the log registered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TracedKey {
    /// The key.
    pub keyid: KeyId,
    /// Whose it is; nobody's where it was never registered.
    pub agency: Option<AgencyCode>,
    /// Position from which it is good; 0 for a key of the exchange file.
    pub since: Option<u64>,
    /// Position after which it was good no longer, as known at the event's position.
    pub until: Option<u64>,
}

/// Reads and verifies the record at a position against the register as it stood there.
pub(super) fn trace<L: EventLog + ?Sized>(
    log: &L,
    registry: &Registry,
    position: u64,
    keys: &mut VerifierCache,
) -> Result<TracedEvent, ModelError> {
    let found = Position::new(position).map(|position| log.read(position, 1)).transpose().map_err(ModelError::Log)?;
    let record = found.unwrap_or_default().into_iter().next().map_or_else(Record::missing, |stored| stored.record);
    let Record { id, subject, bytes, signature } = &record;
    let raw = RawRecord { position, id: *id, subject, bytes, signature };
    let prepared = prepare(raw, SignatureCheck::Verify, keys);
    let parsed = prepared.event;
    let key_fault = parsed.as_deref().and_then(|event| check_key(registry, position, event).err());
    let fault = prepared.fault.map(|fault| *fault).or(key_fault);
    let event = parsed.as_deref();
    Ok(TracedEvent {
        position,
        event: *id,
        sha256: prepared.digest,
        bytes: bytes.len(),
        type_text: event.map(|event| event.type_text.clone()),
        agency: event.map(|event| event.source.agency),
        source: event.map(|event| event.source.clone()),
        sequence: event.map(|event| event.sequence),
        previous: event.and_then(|event| event.previous),
        time: event.map(|event| event.time),
        recorded_on: event.map(Event::recorded_on),
        key: event.map(|event| traced_key(registry, event.keyid)),
        case: event.and_then(|event| event.correlation),
        causation: event.and_then(|event| event.causation),
        caused_by: None,
        genuine: fault.is_none(),
        fault,
        effect: Vec::new(),
        without_effect: None,
        notices: Vec::new(),
        parsed,
    })
}

fn traced_key(registry: &Registry, keyid: KeyId) -> TracedKey {
    let held = registry.keys.get(&keyid);
    TracedKey {
        keyid,
        agency: held.map(|key| key.agency),
        since: held.map(|key| key.since),
        until: held.and_then(|key| key.until),
    }
}
