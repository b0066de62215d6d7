//! Whether a certificate holds. Pure: today's date is an argument, and nothing is asked of anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fengsui_event::date::day_of;
use fengsui_event::{AgencyCode, Date, Digest, Event, KeyId, Payload, Points, RegionCode, Subject, Timestamp};
use serde::Serialize;

use super::keys::KeyTable;
use super::{Certificate, CertifiedEntry, Forgery, Notice, ProvenEvent, Statement};
use crate::checkpoint::{Origin, SignedCheckpoint};
use crate::policy::{Cosigned, Cosigner, Quorum, default_quorum};
use crate::tree::{Inclusion, leaf_hash};

/// What the verifier trusts: the exchange's first keys, and whom he asks for as witnesses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Region of the exchange.
    pub region: RegionCode,
    /// The authority.
    pub authority: AgencyCode,
    /// The authority's first keys, as in `exchange.toml`.
    pub authority_keys: Vec<KeyId>,
    /// Cosigners beside the registered agencies.
    pub cosigners: Vec<Cosigner>,
    /// How many must have cosigned; [`default_quorum`] of the agencies that the certificate shows when absent.
    pub needed: Option<usize>,
}

/// Whether the certificate is in force on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// In force.
    Valid,
    /// It begins later.
    NotYetValid,
    /// It has ended.
    Expired,
}

/// What a certificate that holds has shown.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Whether it is in force.
    pub validity: Validity,
    /// The checkpoint.
    pub checkpoint: SignedCheckpoint,
    /// Names under which the agencies were registered.
    pub names: BTreeMap<AgencyCode, String>,
    /// The authority's good keys at the certificate's position.
    pub authority: Vec<KeyId>,
    /// Who cosigned the checkpoint, each once.
    pub cosigned: Vec<Cosigned>,
    /// How many had to.
    pub needed: usize,
    /// Text of the rulebook by which the grade follows from the balance.
    pub rulebook_text: Arc<str>,
}

impl Verified {
    /// An agency: its code, and its name where it is shown to be registered.
    pub fn agency(&self, code: AgencyCode) -> String {
        self.names.get(&code).map_or_else(|| code.to_string(), |name| format!("{code} {name}"))
    }

    /// A cosigner: as its agency, or by its own name.
    pub fn witness(&self, name: &str) -> String {
        let agency = self.checkpoint.checkpoint().origin.agency_of(name);
        agency.map_or_else(|| name.to_owned(), |agency| self.agency(agency))
    }

    /// The day of the earliest cosignature that counts. What came to the log later is not in the certificate, whatever day it bears.
    pub fn witnessed_on(&self) -> Option<Date> {
        let earliest = self.cosigned.iter().map(|cosigned| cosigned.time_seconds).min()?;
        let instant = Timestamp::from_second(i64::try_from(earliest).ok()?).ok()?;
        Some(day_of(instant))
    }
}

/// Checks everything that a certificate shows: the issuer's signature, the keys back to the authority's first ones, the checkpoint and its
/// cosignatures, each event's bytes, signature and place in the tree, the entries and their sum.
///
/// Not checked: that the points follow from the events by the rulebook, and that no entry is missing, which takes the whole log.
/// Errors: the first thing that does not hold.
pub fn verify(certificate: &Certificate, trust: &Trust, on: Date) -> Result<Verified, Forgery> {
    let statement = certificate.statement();
    verify_issuer_signature(certificate)?;
    if statement.notice != Notice::standard() {
        return Err(Forgery::Notice);
    }
    if statement.region != trust.region {
        return Err(Forgery::Region { found: statement.region, expected: trust.region });
    }
    if statement.valid_until < statement.date {
        return Err(Forgery::Period);
    }
    let checkpoint: SignedCheckpoint =
        statement.checkpoint.parse().map_err(|error| Forgery::Checkpoint(format!("{error}")))?;
    verify_covers(&checkpoint, statement)?;
    let (keys, events) = verify_events(statement, &checkpoint, trust)?;
    if !keys.speaks_for(statement.keyid, statement.issuer) {
        return Err(Forgery::Key { keyid: statement.keyid, agency: statement.issuer, position: 0 });
    }
    let (cosigned, needed) = verify_quorum(&keys, &checkpoint, trust)?;
    verify_entries(statement, &events)?;
    let rulebook_text = verify_rulebook(statement, &events, trust)?;
    let validity = if on < statement.date {
        Validity::NotYetValid
    } else if on > statement.valid_until {
        Validity::Expired
    } else {
        Validity::Valid
    };
    let authority = keys.good_keys(trust.authority).collect();
    Ok(Verified { validity, checkpoint, names: keys.into_names(), authority, cosigned, needed, rulebook_text })
}

fn verify_issuer_signature(certificate: &Certificate) -> Result<(), Forgery> {
    let keyid = certificate.statement().keyid;
    let verifier = keyid.verifier().map_err(|_| Forgery::IssuerSignature(keyid))?;
    if verifier.verify(certificate.signed_bytes(), certificate.signature()) {
        return Ok(());
    }
    Err(Forgery::IssuerSignature(keyid))
}

fn verify_covers(checkpoint: &SignedCheckpoint, statement: &Statement) -> Result<(), Forgery> {
    let expected = Origin::of(statement.region);
    let found = checkpoint.checkpoint();
    if found.origin != expected {
        return Err(Forgery::Origin { found: found.origin.to_string(), expected: expected.to_string() });
    }
    if found.size < statement.position {
        return Err(Forgery::NotCovered { size: found.size, position: statement.position });
    }
    Ok(())
}

/// Checks each event by itself and against the keys that the events before it have registered.
fn verify_events(
    statement: &Statement,
    checkpoint: &SignedCheckpoint,
    trust: &Trust,
) -> Result<(KeyTable, BTreeMap<u64, Event>), Forgery> {
    let mut keys = KeyTable::genesis(trust);
    let mut events = BTreeMap::new();
    let mut last = 0;
    for proven in &statement.events {
        let position = proven.position;
        if position <= last || position > statement.position {
            return Err(Forgery::Order { position });
        }
        last = position;
        verify_inclusion(proven, checkpoint)?;
        let event = Event::parse(proven.bytes.as_bytes())
            .map_err(|error| Forgery::Event { position, reason: error.to_string() })?;
        if event.source.region != trust.region {
            return Err(Forgery::Region { found: event.source.region, expected: trust.region });
        }
        let agency = event.source.agency;
        if !keys.speaks_for(event.keyid, agency) {
            return Err(Forgery::Key { keyid: event.keyid, agency, position });
        }
        let verifier = event.keyid.verifier().map_err(|_| Forgery::EventSignature { position })?;
        if !verifier.verify(proven.bytes.as_bytes(), &proven.signature) {
            return Err(Forgery::EventSignature { position });
        }
        keys.apply(position, &event)?;
        events.insert(position, event);
    }
    Ok((keys, events))
}

fn verify_inclusion(proven: &ProvenEvent, checkpoint: &SignedCheckpoint) -> Result<(), Forgery> {
    let ProvenEvent { position, bytes, hashes, .. } = proven;
    let found = checkpoint.checkpoint();
    let proof = Inclusion { index: position - 1, size: found.size, hashes: hashes.clone() };
    proof
        .verify(leaf_hash(bytes.as_bytes()), found.root)
        .map_err(|error| Forgery::Inclusion { position: *position, reason: error.to_string() })
}

/// Counts those cosigners only whose keys the certificate shows to be registered, and those that the verifier named.
fn verify_quorum(
    keys: &KeyTable,
    checkpoint: &SignedCheckpoint,
    trust: &Trust,
) -> Result<(Vec<Cosigned>, usize), Forgery> {
    let origin = checkpoint.checkpoint().origin;
    let witnesses: Vec<AgencyCode> = keys.witnesses().collect();
    let needed = trust.needed.unwrap_or(default_quorum(witnesses.len()));
    let of_agency = |agency: AgencyCode| {
        let name = origin.cosigner_name(agency);
        keys.good_keys(agency).map(move |key| Cosigner { name: name.clone(), key })
    };
    let registered = witnesses.iter().flat_map(|agency| of_agency(*agency));
    let quorum = Quorum {
        origin,
        authority: keys.good_keys(trust.authority).collect(),
        cosigners: registered.chain(trust.cosigners.iter().cloned()).collect(),
        needed,
    };
    let cosigned = quorum.check(checkpoint).map_err(Forgery::Quorum)?;
    Ok((cosigned, needed))
}

fn verify_entries(statement: &Statement, events: &BTreeMap<u64, Event>) -> Result<(), Forgery> {
    let mut sum = 0_i64;
    let mut last = 0;
    let mut moved = BTreeSet::new();
    for entry in &statement.entries {
        let refuse = |reason: &str| Forgery::Entry {
            number: entry.number,
            position: entry.cause_position,
            reason: reason.to_owned(),
        };
        if entry.number <= last {
            return Err(refuse("entries must stand in order of their numbers"));
        }
        last = entry.number;
        let event = events.get(&entry.cause_position).ok_or_else(|| refuse("the event is not in the certificate"))?;
        if event.subject != Subject::Unit(statement.unit.clone()) {
            let found = event.subject.to_string();
            return Err(Forgery::OtherUnit { number: entry.number, found, expected: statement.unit.clone() });
        }
        if event.id != entry.cause {
            return Err(refuse("its id is another one"));
        }
        if entry.case.is_some() && entry.case != event.correlation {
            return Err(refuse("it belongs to another case"));
        }
        if entry.counted_until.is_some_and(|until| until <= statement.date) {
            return Err(refuse("the entry counts no longer on the certificate's day"));
        }
        // What one event moves by one rule it moves once, so that nothing good is counted twice.
        if !moved.insert((entry.cause_position, &entry.kind, &entry.rule)) {
            return Err(refuse("the same points stand there before"));
        }
        if !can_cause(event, entry) {
            return Err(refuse("an event of this type, or with these points, cannot cause it"));
        }
        sum = sum.saturating_add(i64::from(entry.points.0));
    }
    let Points(balance) = statement.balance;
    if sum == i64::from(balance) { Ok(()) } else { Err(Forgery::Sum { sum, balance: i64::from(balance) }) }
}

/// What an event of this type may cause at all. Which points follow is the rulebook's matter.
fn can_cause(event: &Event, entry: &CertifiedEntry) -> bool {
    match event.payload() {
        Some(Payload::CreditAdjusted(data)) => {
            entry.kind == "adjustment" && entry.points == data.points && entry.effective_on == data.effective_on
        }
        Some(Payload::UnitRegistered(_)) => entry.kind == "opening",
        Some(_) => entry.kind != "adjustment",
        None => false,
    }
}

fn verify_rulebook(statement: &Statement, events: &BTreeMap<u64, Event>, trust: &Trust) -> Result<Arc<str>, Forgery> {
    let reference = &statement.rulebook;
    let refuse = |reason: &str| Forgery::Rulebook {
        version: reference.version.clone(),
        position: reference.position,
        reason: reason.to_owned(),
    };
    let event = events.get(&reference.position).ok_or_else(|| refuse("the event is not in the certificate"))?;
    let Some(Payload::RulebookPublished(published)) = event.payload() else {
        return Err(refuse("the event publishes no rulebook"));
    };
    if event.source.agency != trust.authority {
        return Err(refuse("it was not published by the authority"));
    }
    if published.version != reference.version || event.subject != Subject::Rulebook(reference.version.clone()) {
        return Err(refuse("its version is another one"));
    }
    if published.sha256 != reference.sha256 || Digest::of(published.text.as_bytes()) != reference.sha256 {
        return Err(refuse("its SHA-256 is another one"));
    }
    if published.effective_from > statement.date {
        return Err(refuse("it is not in force yet on the certificate's day"));
    }
    Ok(published.text.as_str().into())
}
