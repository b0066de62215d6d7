//! Registry events: agencies, keys, rulebooks. Only the authority writes them, except that an agency may replace or
//! revoke its own keys.

use std::sync::Arc;

use fengsui_event::payload::{
    AgencyKey, AgencyKeyRevoked, AgencyKeyRotated, AgencyRegistered, AgencySuspended, RulebookPublished,
};
use fengsui_event::{AgencyCode, Digest, Event, KeyId, Payload, Subject};
use fengsui_rulebook::Rulebook;

use super::{Missing, Rejection, is_interpreted, require_subject, require_text};
use crate::state::{Agency, Key, PublishedRulebook, Registry};

/// Applies an event of the registry. On `Err` the registry is as it was.
pub fn apply_to_registry(
    registry: &mut Registry,
    position: u64,
    event: &Event,
    payload: &Payload,
) -> Result<(), Rejection> {
    let actor = &event.source.agency;
    match payload {
        Payload::AgencyRegistered(data) => registered(registry, position, event, data),
        Payload::AgencyKeyRotated(data) => rotated(registry, position, event, data),
        Payload::AgencyKeyRevoked(data) => revoked(registry, position, actor, data),
        Payload::AgencySuspended(data) => suspended(registry, position, actor, data),
        Payload::RulebookPublished(data) => published(registry, position, event, data),
        payload if !is_interpreted(payload) => Err(Rejection::NotInterpreted),
        _ => Err(Rejection::Incoherent {
            found: event.subject.to_string(),
            expected: "a unit as the subject".to_owned(),
        }),
    }
}

fn only_authority(registry: &Registry, actor: &AgencyCode) -> Result<(), Rejection> {
    if *actor == registry.authority {
        return Ok(());
    }
    Err(Rejection::WrongActor { actor: *actor, may: vec![registry.authority], state: "registry".to_owned() })
}

fn registered(registry: &mut Registry, position: u64, event: &Event, data: &AgencyRegistered) -> Result<(), Rejection> {
    only_authority(registry, &event.source.agency)?;
    require_subject(event, &Subject::Agency(data.agency))?;
    require_text("name", &data.name)?;
    if data.keys.is_empty() {
        return Err(Rejection::Empty { field: "keys".to_owned() });
    }
    if registry.agencies.contains_key(&data.agency) {
        return Err(Rejection::Exists { what: format!("agency {}", data.agency) });
    }
    for key in &data.keys {
        // The authority's own first keys stand in the exchange file already.
        let held = registry.keys.get(&key.keyid);
        if held.is_some_and(|held| held.agency != data.agency || held.until.is_some()) {
            return Err(Rejection::Exists { what: format!("key {}", key.keyid) });
        }
        usable(key)?;
    }
    for key in &data.keys {
        let fresh = Key { agency: data.agency, since: position, until: None };
        registry.keys.entry(key.keyid).or_insert(fresh);
    }
    let agency = Agency { name: data.name.clone(), region: data.region, registered_at: position, suspended_at: None };
    registry.agencies.insert(data.agency, agency);
    Ok(())
}

fn usable(key: &AgencyKey) -> Result<(), Rejection> {
    key.keyid
        .verifier()
        .map(|_| ())
        .map_err(|error| Rejection::Incoherent { found: error.to_string(), expected: "a valid Ed25519 key".to_owned() })
}

/// An agency replaces its key by what that key itself signs, so that whoever holds another of its keys cannot. The
/// authority replaces anybody's, one that has ended as well: else an agency could never return after a revocation.
fn rotated(registry: &mut Registry, position: u64, event: &Event, data: &AgencyKeyRotated) -> Result<(), Rejection> {
    let actor = &event.source.agency;
    if *actor == registry.authority {
        require_held(registry, &data.agency, data.old)?;
    } else {
        if *actor != data.agency {
            only_authority(registry, actor)?;
        }
        require_key(registry, &data.agency, data.old)?;
        if event.keyid != data.old {
            return Err(Rejection::Incoherent {
                found: format!("a signature by {}", event.keyid),
                expected: format!("one by the key that ends, {}", data.old),
            });
        }
    }
    usable(&data.new)?;
    if registry.keys.contains_key(&data.new.keyid) {
        return Err(Rejection::Exists { what: format!("key {}", data.new.keyid) });
    }
    end_key(registry, data.old, position);
    let key = Key { agency: data.agency, since: position, until: None };
    registry.keys.insert(data.new.keyid, key);
    Ok(())
}

/// An agency that fears for its key need not wait for the authority.
fn revoked(
    registry: &mut Registry,
    position: u64,
    actor: &AgencyCode,
    data: &AgencyKeyRevoked,
) -> Result<(), Rejection> {
    if *actor != data.agency {
        only_authority(registry, actor)?;
    }
    require_text("reason", &data.reason)?;
    require_key(registry, &data.agency, data.keyid)?;
    let good = registry.keys.values().filter(|key| key.agency == registry.authority && key.until.is_none());
    if data.agency == registry.authority && good.count() == 1 {
        let expected = "a key of the authority beside its last one, which can only be rotated".to_owned();
        return Err(Rejection::Incoherent { found: data.keyid.to_string(), expected });
    }
    end_key(registry, data.keyid, position);
    Ok(())
}

fn require_held(registry: &Registry, agency: &AgencyCode, keyid: KeyId) -> Result<(), Rejection> {
    let held = registry.keys.get(&keyid).filter(|key| key.agency == *agency);
    held.map(|_| ()).ok_or(Rejection::Missing(Missing::Key(keyid)))
}

fn require_key(registry: &Registry, agency: &AgencyCode, keyid: KeyId) -> Result<(), Rejection> {
    let held = registry.keys.get(&keyid).filter(|key| key.agency == *agency && key.until.is_none());
    held.map(|_| ()).ok_or(Rejection::Missing(Missing::Key(keyid)))
}

fn end_key(registry: &mut Registry, keyid: KeyId, position: u64) {
    if let Some(key) = registry.keys.get_mut(&keyid) {
        key.until.get_or_insert(position);
    }
}

fn suspended(
    registry: &mut Registry,
    position: u64,
    actor: &AgencyCode,
    data: &AgencySuspended,
) -> Result<(), Rejection> {
    only_authority(registry, actor)?;
    require_text("reason", &data.reason)?;
    if data.agency == registry.authority {
        let expected = "an agency other than the authority".to_owned();
        return Err(Rejection::Incoherent { found: data.agency.to_string(), expected });
    }
    let missing = || Rejection::Missing(Missing::Agency(data.agency));
    let agency = registry.agencies.get_mut(&data.agency).ok_or_else(missing)?;
    agency.suspended_at.get_or_insert(position);
    Ok(())
}

fn published(registry: &mut Registry, position: u64, event: &Event, data: &RulebookPublished) -> Result<(), Rejection> {
    only_authority(registry, &event.source.agency)?;
    if registry.rulebooks.iter().any(|published| published.book.version() == data.version) {
        return Err(Rejection::Exists { what: format!("rulebook {}", data.version) });
    }
    let computed = Digest::of(data.text.as_bytes());
    if computed != data.sha256 {
        return Err(Rejection::Incoherent { found: computed.to_string(), expected: data.sha256.to_string() });
    }
    let book = Rulebook::from_toml(&data.text).map_err(|error| Rejection::BadRulebook { reason: error.to_string() })?;
    if book.version() != data.version {
        return Err(Rejection::Incoherent { found: book.version().to_owned(), expected: data.version.clone() });
    }
    if *book.authority() != registry.authority {
        let expected = registry.authority.to_string();
        return Err(Rejection::Incoherent { found: format!("the authority {}", book.authority()), expected });
    }
    registry.rulebooks.push(PublishedRulebook {
        position,
        effective_from: data.effective_from,
        sha256: data.sha256,
        text: data.text.as_str().into(),
        book: Arc::new(book),
    });
    Ok(())
}
