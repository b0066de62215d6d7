//! Who may sign, as the registrations that a certificate shows make it. The same guards as those of the fold, as far as registrations alone
//! can tell: what the fold would have refused proves nothing here either.

use std::collections::BTreeMap;

use fengsui_event::payload::{AgencyKeyRevoked, AgencyKeyRotated, AgencyRegistered, AgencySuspended};
use fengsui_event::{AgencyCode, Event, KeyId, Payload, Subject};

use super::{Forgery, Trust};

#[derive(Clone, Copy, Debug)]
struct Key {
    agency: AgencyCode,
    is_good: bool,
}

/// Agencies and keys up to a position.
#[derive(Clone, Debug)]
pub(super) struct KeyTable {
    authority: AgencyCode,
    keys: BTreeMap<KeyId, Key>,
    /// Registered agencies, and whether they may still write.
    agencies: BTreeMap<AgencyCode, bool>,
    names: BTreeMap<AgencyCode, String>,
}

impl KeyTable {
    /// The keys of the exchange file.
    pub(super) fn genesis(trust: &Trust) -> Self {
        let key = |keyid: &KeyId| (*keyid, Key { agency: trust.authority, is_good: true });
        Self {
            authority: trust.authority,
            keys: trust.authority_keys.iter().map(key).collect(),
            agencies: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// Whether a key may sign for an agency now.
    pub(super) fn speaks_for(&self, keyid: KeyId, agency: AgencyCode) -> bool {
        let is_held = self.keys.get(&keyid).is_some_and(|key| key.agency == agency && key.is_good);
        is_held && self.agencies.get(&agency) != Some(&false)
    }

    /// Good keys of an agency.
    pub(super) fn good_keys(&self, agency: AgencyCode) -> impl Iterator<Item = KeyId> {
        let good = self.keys.iter().filter(move |(_, key)| key.agency == agency && key.is_good);
        good.map(|(keyid, _)| *keyid)
    }

    /// Agencies other than the authority that may write now: those whose cosignatures count.
    pub(super) fn witnesses(&self) -> impl Iterator<Item = AgencyCode> {
        let active = self.agencies.iter().filter(|(agency, is_active)| **is_active && **agency != self.authority);
        active.map(|(agency, _)| *agency)
    }

    /// Names under which agencies were registered.
    pub(super) fn into_names(self) -> BTreeMap<AgencyCode, String> {
        self.names
    }

    /// Takes over what an event of the registry says; other events change nothing. Its signature was checked before.
    pub(super) fn apply(&mut self, position: u64, event: &Event) -> Result<(), Forgery> {
        let applied = match event.payload() {
            Some(Payload::AgencyRegistered(data)) => self.registered(event, data),
            Some(Payload::AgencyKeyRotated(data)) => self.rotated(event, data),
            Some(Payload::AgencyKeyRevoked(data)) => self.revoked(event, data),
            Some(Payload::AgencySuspended(data)) => self.suspended(event, data),
            _ => Ok(()),
        };
        applied.map_err(|reason| Forgery::Registration { position, reason })
    }

    fn registered(&mut self, event: &Event, data: &AgencyRegistered) -> Result<(), String> {
        self.only_authority(event)?;
        // Of all these events the fold asks this of registrations only.
        if event.subject != Subject::Agency(data.agency) {
            return Err(format!("its subject is {}, not agencies/{}", event.subject, data.agency));
        }
        not_empty("name", &data.name)?;
        if self.agencies.contains_key(&data.agency) {
            return Err(format!("{} was registered before", data.agency));
        }
        if data.keys.is_empty() {
            return Err("it brings no key".to_owned());
        }
        data.keys.iter().try_for_each(|key| usable(key.keyid))?;
        let taken = |keyid: &KeyId| self.keys.get(keyid).is_some_and(|key| key.agency != data.agency || !key.is_good);
        if let Some(key) = data.keys.iter().find(|key| taken(&key.keyid)) {
            return Err(format!("the key {} was registered before", key.keyid));
        }
        for key in &data.keys {
            self.keys.entry(key.keyid).or_insert(Key { agency: data.agency, is_good: true });
        }
        self.names.insert(data.agency, data.name.clone());
        self.agencies.insert(data.agency, true);
        Ok(())
    }

    fn rotated(&mut self, event: &Event, data: &AgencyKeyRotated) -> Result<(), String> {
        let held = self.keys.get(&data.old).filter(|key| key.agency == data.agency);
        let held = held.ok_or_else(|| format!("{} is no key of {}", data.old, data.agency))?;
        let actor = event.source.agency;
        let is_own = actor == data.agency && event.keyid == data.old && held.is_good;
        if actor != self.authority && !is_own {
            return Err("an agency's key is replaced by what that key itself signs, or by the authority".to_owned());
        }
        usable(data.new.keyid)?;
        if self.keys.contains_key(&data.new.keyid) {
            return Err(format!("the key {} was registered before", data.new.keyid));
        }
        self.end(data.old);
        self.keys.insert(data.new.keyid, Key { agency: data.agency, is_good: true });
        Ok(())
    }

    fn revoked(&mut self, event: &Event, data: &AgencyKeyRevoked) -> Result<(), String> {
        if event.source.agency != data.agency {
            self.only_authority(event)?;
        }
        not_empty("reason", &data.reason)?;
        let held = self.keys.get(&data.keyid).filter(|key| key.agency == data.agency && key.is_good);
        held.ok_or_else(|| format!("{} is no good key of {}", data.keyid, data.agency))?;
        if data.agency == self.authority && self.good_keys(self.authority).count() == 1 {
            return Err("the authority's last key can only be rotated".to_owned());
        }
        self.end(data.keyid);
        Ok(())
    }

    fn suspended(&mut self, event: &Event, data: &AgencySuspended) -> Result<(), String> {
        self.only_authority(event)?;
        not_empty("reason", &data.reason)?;
        if data.agency == self.authority {
            return Err("the authority cannot be suspended".to_owned());
        }
        let agency = self.agencies.get_mut(&data.agency);
        *agency.ok_or_else(|| format!("{} is not registered", data.agency))? = false;
        Ok(())
    }

    fn end(&mut self, keyid: KeyId) {
        if let Some(key) = self.keys.get_mut(&keyid) {
            key.is_good = false;
        }
    }

    fn only_authority(&self, event: &Event) -> Result<(), String> {
        if event.source.agency == self.authority {
            return Ok(());
        }
        Err(format!("only {} may do this, and it is by {}", self.authority, event.source.agency))
    }
}

fn not_empty(field: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err(format!("its {field} is empty")) } else { Ok(()) }
}

fn usable(keyid: KeyId) -> Result<(), String> {
    keyid.verifier().map(drop).map_err(|error| error.to_string())
}
