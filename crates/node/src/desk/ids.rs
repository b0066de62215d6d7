//! Event ids: random for what people do, derived for what must be the same each time it is made.

use fengsui_event::{Digest, EventId, Timestamp};
use rand::RngCore;

/// Gives ids to events.
pub trait IdSource {
    /// The next id, for an event recorded at a time.
    fn next(&mut self, time: Timestamp) -> EventId;
}

/// Random ids from the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    fn next(&mut self, time: Timestamp) -> EventId {
        let mut random = [0; 10];
        rand::rngs::OsRng.fill_bytes(&mut random);
        EventId::from_parts(milliseconds(time), random)
    }
}

/// Ids that follow from a seed and a counter alone: importing a row again gives the ids that it had.
#[derive(Clone, Debug)]
pub struct DerivedIds {
    seed: Digest,
    time_ms: Option<u64>,
    counter: u64,
}

impl DerivedIds {
    /// Ids whose time part is that of each event.
    pub fn new(seed: &[&str]) -> Self {
        Self { seed: seed_of(seed), time_ms: None, counter: 0 }
    }

    /// Ids whose time part is fixed as well, so that they do not depend on when they are made.
    pub fn at(seed: &[&str], time: Timestamp) -> Self {
        Self { seed: seed_of(seed), time_ms: Some(milliseconds(time)), counter: 0 }
    }
}

impl DerivedIds {
    /// The same ids for whoever holds the secret, and no others for anybody else: an id that can be foretold can be taken.
    #[must_use]
    pub fn keyed(self, secret: &Digest) -> Self {
        let mut bytes = secret.0.to_vec();
        bytes.extend_from_slice(&self.seed.0);
        Self { seed: Digest::of(&bytes), ..self }
    }
}

/// Parts are told apart by their lengths, so that no two lists of parts give one seed.
fn seed_of(parts: &[&str]) -> Digest {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    Digest::of(&bytes)
}

impl IdSource for DerivedIds {
    fn next(&mut self, time: Timestamp) -> EventId {
        let mut bytes = self.seed.0.to_vec();
        bytes.extend_from_slice(&self.counter.to_be_bytes());
        self.counter += 1;
        let digest = Digest::of(&bytes);
        let mut random = [0; 10];
        random.copy_from_slice(&digest.0[..10]);
        EventId::from_parts(self.time_ms.unwrap_or_else(|| milliseconds(time)), random)
    }
}

fn milliseconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_millisecond()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_are_the_same_each_time_and_differ_by_seed_and_order() {
        let time = Timestamp::UNIX_EPOCH;
        let ids = |seed: &[&str]| {
            let mut source = DerivedIds::at(seed, time);
            [source.next(time), source.next(Timestamp::MAX)]
        };
        assert_eq!(ids(&["fire", "1"]), ids(&["fire", "1"]));
        assert_ne!(ids(&["fire", "1"])[0], ids(&["fire", "1"])[1]);
        assert_ne!(ids(&["fire", "1"])[0], ids(&["fir", "e1"])[0]);
        let keyed = |secret: &[u8]| DerivedIds::at(&["fire", "1"], time).keyed(&Digest::of(secret)).next(time);
        assert_eq!(keyed(b"a"), keyed(b"a"));
        assert_ne!(keyed(b"a"), keyed(b"b"));
        assert_ne!(keyed(b"a"), ids(&["fire", "1"])[0]);
    }
}
