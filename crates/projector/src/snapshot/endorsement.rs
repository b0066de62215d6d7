//! Who stands behind a state: the checkpoint of that position that the authority has signed and enough agencies have cosigned.
//!
//! Whose keys count is taken from the own copy of the log, from the events that register agencies and keys, each with its signature
//! verified; the trust root is the exchange file. Nothing of it is taken from a snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use fengsui_event::{AgencyCode, Decoded, Digest, Event, EventId, KeyId, Payload};
use fengsui_log::{EventLog, Position, ReadError, RecordRef};
use fengsui_proof::{Checkpoint, Cosigner, Hash, Origin, SignedCheckpoint, default_quorum};

use crate::fold::admission::{RawRecord, SignatureCheck, VerifierCache, check_key, prepare};
use crate::fold::apply_to_registry;
use crate::projector::Watcher;
use crate::state::Registry;

/// Positions between two reports of how far it is.
const TELL_EVERY: u64 = 1024;

/// Whose word is asked for, and how much of it is enough.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Up to which position the state goes: the size of the checkpoint.
    pub position: u64,
    /// A checkpoint that came another way than on the log.
    pub given: Option<&'a SignedCheckpoint>,
    /// Cosigners that are no agencies of the exchange.
    pub cosigners: &'a [Cosigner],
    /// How many cosignatures it takes; more than half of the agencies but the authority when absent.
    pub needed: Option<usize>,
}

/// A checkpoint that enough have cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorsement {
    /// How many positions it covers.
    pub size: u64,
    /// Root of the log's tree over them.
    pub root: Hash,
    /// Digest of the state there.
    pub digest: Digest,
    /// Names of those who cosigned it, without the authority, in their order.
    pub cosigned: Vec<String>,
    /// How many it takes.
    pub needed: usize,
}

/// Why nobody stands behind a state.
#[derive(Debug, thiserror::Error)]
pub enum EndorsementError {
    /// No checkpoint.
    #[error(
        "no checkpoint of position {position} names a state digest, on this copy of the log or beside it: `fengsui checkpoint sign --digest` makes one at the log's end, and `fengsui checkpoint list` shows those that there are"
    )]
    NoCheckpoint {
        /// Of which position one is needed.
        position: u64,
    },
    /// The checkpoint given is of another log.
    #[error("the checkpoint given is of the log {found}, not of {expected}")]
    OtherLog {
        /// Which it is.
        found: Origin,
        /// Which it should be.
        expected: Origin,
    },
    /// The checkpoint given is of another position.
    #[error("the checkpoint given covers {found} positions, and the snapshot {position}: they do not belong together")]
    OtherSize {
        /// Positions that the checkpoint covers.
        found: u64,
        /// Position of the snapshot.
        position: u64,
    },
    /// The checkpoint given says nothing of the state.
    #[error("the checkpoint given names no state digest, so it says nothing of tables: ask for one that does")]
    NoDigest,
    /// The authority did not sign the checkpoint given.
    #[error("no key of the authority that is good has signed the checkpoint given")]
    NotSigned,
    /// Two histories.
    #[error(
        "the authority has signed two different checkpoints of size {size}: one of them is a lie, and nothing of that position can be believed; run `fengsui audit verify` and ask the other agencies"
    )]
    SplitView {
        /// The size of both.
        size: u64,
    },
    /// Too few have cosigned.
    #[error(
        "{} of the {needed} agencies that it takes have cosigned the checkpoint of position {position} (those who have: {}): wait until more have, or name them with --cosigner; --quorum asks for fewer",
        cosigned.len(),
        if cosigned.is_empty() { "-".to_owned() } else { cosigned.join(", ") }
    )]
    TooFew {
        /// Of which position.
        position: u64,
        /// How many it takes.
        needed: usize,
        /// Who has.
        cosigned: Vec<String>,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// Somebody asked to stop.
    #[error("interrupted; nothing was changed")]
    Interrupted,
}

impl EndorsementError {
    /// A stable code for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoCheckpoint { .. } => "no_checkpoint",
            Self::OtherLog { .. } => "foreign_origin",
            Self::OtherSize { .. } => "checkpoint_size",
            Self::NoDigest => "no_state_digest",
            Self::NotSigned => "forged_checkpoint",
            Self::SplitView { .. } => "split_view",
            Self::TooFew { .. } => "no_quorum",
            Self::Log(_) => "log",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether it speaks of somebody who lies.
    #[must_use]
    pub const fn is_integrity(&self) -> bool {
        matches!(self, Self::NotSigned | Self::SplitView { .. } | Self::OtherLog { .. })
    }
}

/// Looks for the checkpoint of a position that enough have cosigned, on the whole copy of the log and in what was given.
///
/// A cosignature counts if it is by an agency's key that was good at the position of the event that brought it, or, of a checkpoint that
/// was given, by one that is good at the copy's end.
pub fn endorsement<L: EventLog + ?Sized>(
    log: &L,
    genesis: &Registry,
    asked: Asked<'_>,
    watcher: &mut dyn Watcher,
) -> Result<Endorsement, EndorsementError> {
    let origin = Origin::of(genesis.region);
    if let Some(given) = asked.given {
        check_given(given.checkpoint(), origin, asked.position)?;
    }
    let head = log.head()?.map_or(0, Position::get);
    let mut gathering = Gathering::new(genesis, origin, asked);
    let last = log.scan(Position::FIRST, None, &mut |position, record| {
        gathering.record(position.get(), record);
        let tell = position.get() % TELL_EVERY == 0;
        if tell { watcher.reached(position.get(), head) } else { ControlFlow::Continue(()) }
    })?;
    if last.map_or(0, Position::get) < head {
        return Err(EndorsementError::Interrupted);
    }
    gathering.finish(head)
}

fn check_given(checkpoint: &Checkpoint, expected: Origin, position: u64) -> Result<(), EndorsementError> {
    let Checkpoint { origin: found, size, digest, .. } = *checkpoint;
    if found != expected {
        return Err(EndorsementError::OtherLog { found, expected });
    }
    if size != position {
        return Err(EndorsementError::OtherSize { found: size, position });
    }
    digest.map(|_| ()).ok_or(EndorsementError::NoDigest)
}

/// What a checkpoint says of log and state.
type Said = (Hash, Option<Digest>);

/// What the log says of agencies, keys and the checkpoint asked for.
struct Gathering<'a> {
    origin: Origin,
    asked: Asked<'a>,
    registry: Registry,
    /// The agencies whose cosignatures count; known from the position asked for on.
    witnesses: BTreeSet<AgencyCode>,
    ids: BTreeSet<EventId>,
    keys: VerifierCache,
    /// Who has cosigned which checkpoint of that size.
    found: BTreeMap<Said, BTreeSet<String>>,
}

impl<'a> Gathering<'a> {
    fn new(genesis: &Registry, origin: Origin, asked: Asked<'a>) -> Self {
        let (registry, keys) = (genesis.clone(), VerifierCache::default());
        Self { origin, asked, registry, witnesses: BTreeSet::new(), ids: BTreeSet::new(), keys, found: BTreeMap::new() }
    }

    fn record(&mut self, position: u64, record: RecordRef<'_>) {
        // The subject is that of the type, or the event has no effect; so most records need not be read.
        if matches!(record.subject.split('.').nth(3), Some("agency" | "rulebook" | "checkpoint")) {
            self.event(position, record);
        }
        if position == self.asked.position {
            self.witnesses = self.registry.witnesses_of(position);
        }
    }

    fn event(&mut self, position: u64, record: RecordRef<'_>) {
        let RecordRef { id, subject, bytes, signature } = record;
        let Ok(event) = Event::parse(bytes) else { return };
        let Decoded::Known(payload) = &event.data else { return };
        let note = match payload {
            Payload::CheckpointCosigned(data) => match data.note.parse::<SignedCheckpoint>() {
                Ok(note) if note.checkpoint().size == self.asked.position => Some(note),
                _ => return,
            },
            _ => None,
        };
        let raw = RawRecord { position, id, subject, bytes, signature };
        if prepare(raw, SignatureCheck::Verify, &mut self.keys).fault.is_some()
            || check_key(&self.registry, position, &event).is_err()
        {
            return;
        }
        if let Some(note) = note {
            let authority: Vec<KeyId> = self.authority_keys(position).collect();
            let name = self.origin.cosigner_name(event.source.agency);
            let cosigner = Cosigner { name, key: event.keyid };
            self.count(&note, &authority, &[cosigner]);
        } else if self.ids.insert(id) {
            // What the guards refuse is refused here as it is in the fold.
            let _ = apply_to_registry(&mut self.registry, position, &event, payload);
        }
    }

    fn authority_keys(&self, position: u64) -> impl Iterator<Item = KeyId> {
        let authority = self.registry.authority;
        self.registry.keys_valid_at(position).filter(move |(agency, _)| *agency == authority).map(|(_, keyid)| keyid)
    }

    /// Counts the cosignatures of a checkpoint that the authority has signed; whether it has.
    fn count(&mut self, note: &SignedCheckpoint, authority: &[KeyId], cosigners: &[Cosigner]) -> bool {
        let Checkpoint { origin, root, digest, .. } = *note.checkpoint();
        if origin != self.origin || !authority.iter().any(|keyid| note.is_signed_by(*keyid)) {
            return false;
        }
        let own = self.origin.cosigner_name(self.registry.authority);
        let is_witness =
            |one: &&Cosigner| self.origin.agency_of(&one.name).is_some_and(|agency| self.witnesses.contains(&agency));
        let good = cosigners.iter().filter(is_witness).chain(self.asked.cosigners);
        let good = good.filter(|one| one.name != own && note.cosignature(&one.name, one.key).is_some());
        let names: Vec<String> = good.map(|one| one.name.clone()).collect();
        self.found.entry((root, digest)).or_default().extend(names);
        true
    }

    fn finish(mut self, head: u64) -> Result<Endorsement, EndorsementError> {
        let Asked { position, given, needed, .. } = self.asked;
        if let Some(given) = given {
            let authority: Vec<KeyId> = self.authority_keys(head + 1).collect();
            let agencies = self.registry.keys_valid_at(head + 1);
            let agencies = agencies.map(|(agency, key)| Cosigner { name: self.origin.cosigner_name(agency), key });
            let agencies: Vec<Cosigner> = agencies.collect();
            if !self.count(given, &authority, &agencies) {
                return Err(EndorsementError::NotSigned);
            }
        }
        let contradicts = |(one, of_one): &Said, (other, of_other): &Said| {
            one != other || of_one.zip(*of_other).is_some_and(|(one, other)| one != other)
        };
        let said: Vec<Said> = self.found.keys().copied().collect();
        if said.iter().any(|one| said.iter().any(|other| contradicts(one, other))) {
            return Err(EndorsementError::SplitView { size: position });
        }
        let with_digest = self.found.into_iter().find_map(|((root, digest), names)| Some((root, digest?, names)));
        let (root, digest, names) = with_digest.ok_or(EndorsementError::NoCheckpoint { position })?;
        let cosigned: Vec<String> = names.into_iter().collect();
        let needed = needed.unwrap_or(match self.witnesses.len() {
            0 => 0,
            witnesses => default_quorum(witnesses),
        });
        if cosigned.len() < needed {
            return Err(EndorsementError::TooFew { position, needed, cosigned });
        }
        Ok(Endorsement { size: position, root, digest, cosigned, needed })
    }
}
