//! Putting back what a stream has lost, in the order in which it stood.
//!
//! A stream that was restored from an older backup, or that lost messages in the middle, is drawn into a new copy; what the old copy
//! held beyond that is lost until its own source publishes it again. If each node did so at once, an acknowledgement could come before the
//! referral that it acknowledges and have no effect. So a node publishes a lost event of its own only when everything that stood before it
//! is back, or when those who hold that have not come for so long that waiting for them helps nobody. What nobody has brought back by then
//! is missing, and told by position.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fengsui_event::{EventId, Timestamp};
use serde::{Deserialize, Serialize};

/// An event that the copy held and the stream has lost.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LostEvent {
    /// Where it was in the old copy.
    pub position: u64,
    /// Its id; that of no event when the message had none.
    pub id: EventId,
    /// Who published it, as far as its bytes tell.
    pub source: String,
}

/// What was lost in one loss, and what of it has come back.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// In order of position.
    lost: Vec<LostEvent>,
    /// Place of each id in `lost`.
    places: BTreeMap<EventId, usize>,
    /// Places of what is not back yet and is for others to bring back.
    awaited: BTreeSet<usize>,
    /// Places of what is not back yet and is our own.
    own: BTreeSet<usize>,
    /// A clock that shows an earlier time than this was set back since the loss was found, and tells nothing of how long that is ago.
    from_ms: i64,
    /// Until when others are waited for.
    until_ms: i64,
    /// After which what is not back is missing. Others may have found the loss later, and wait as long.
    late_ms: i64,
}

impl Recovery {
    /// Begins when a loss was found. `lost` may name an event several times, the latest loss last. `ours` are the sources whose events this node publishes; for the others' it waits `patience`.
    pub fn begin(mut lost: Vec<LostEvent>, found: Timestamp, patience: Duration, ours: impl Fn(&str) -> bool) -> Self {
        // What was lost twice, or listed again after a crash, comes back once. Lists come oldest first, and the last one counts.
        let mut listed = BTreeSet::new();
        lost.reverse();
        lost.retain(|lost| listed.insert(lost.id));
        lost.sort_by_key(|lost| lost.position);
        let places = lost.iter().enumerate().map(|(place, lost)| (lost.id, place)).collect();
        let (own, awaited) = (0..lost.len()).partition(|place| ours(&lost[*place].source));
        let patience_ms = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
        let until_ms = found.as_millisecond().saturating_add(patience_ms);
        let from_ms = found.as_millisecond().saturating_sub(patience_ms);
        Self { lost, places, awaited, own, from_ms, until_ms, late_ms: until_ms.saturating_add(patience_ms / 2) }
    }

    /// Notes that an event is on the stream.
    pub fn returned(&mut self, id: EventId) {
        if let Some(place) = self.places.get(&id) {
            self.awaited.remove(place);
            self.own.remove(place);
        }
    }

    /// Whether an event of this node may be published now. What was lost goes in its old order; what is new comes after all that was lost.
    pub fn may_publish(&self, id: EventId, now: Timestamp) -> bool {
        let place = self.places.get(&id).copied().unwrap_or(self.lost.len());
        self.is_over(now) || self.awaited.first().is_none_or(|awaited| *awaited > place)
    }

    /// Whether waiting for others has ended.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.awaited.is_empty() || !(self.from_ms..self.until_ms).contains(&now.as_millisecond())
    }

    /// Whether the time is over in which everything should have come back.
    pub fn is_late(&self, now: Timestamp) -> bool {
        !(self.from_ms..self.late_ms).contains(&now.as_millisecond())
    }

    /// What is not on the stream, in order of its old position.
    pub fn missing(&self) -> impl Iterator<Item = &LostEvent> {
        let mut places: Vec<usize> = self.awaited.iter().chain(&self.own).copied().collect();
        places.sort_unstable();
        places.into_iter().map(|place| &self.lost[place])
    }

    /// Whether everything is back.
    pub fn is_whole(&self) -> bool {
        self.awaited.is_empty() && self.own.is_empty()
    }
}

/// Positions as people name them: `3, 7-12`.
pub fn ranges(positions: impl IntoIterator<Item = u64>) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for position in positions {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == position => *last = position,
            _ => runs.push((position, position)),
        }
    }
    let text = |(first, last): &(u64, u64)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    runs.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn id(number: u8) -> EventId {
        EventId::from_parts(1_700_000_000_000, [number; 10])
    }

    fn lost(position: u64, source: &str) -> LostEvent {
        LostEvent { position, id: id(u8::try_from(position).unwrap()), source: source.to_owned() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn fire_and_housing() -> Recovery {
        let lost = vec![lost(7, "fire"), lost(4, "fire"), lost(5, "housing"), lost(6, "fire")];
        Recovery::begin(lost, at(0), Duration::from_mins(1), |source| source == "fire")
    }

    #[test]
    fn lost_events_come_back_in_their_old_order() {
        let mut recovery = fire_and_housing();
        assert!(recovery.may_publish(id(4), at(0)), "nothing stood before it");
        assert!(!recovery.may_publish(id(6), at(0)), "housing's stood before it");
        assert!(!recovery.may_publish(id(99), at(0)), "what is new comes after all");
        recovery.returned(id(4));
        assert!(!recovery.may_publish(id(6), at(1)));
        recovery.returned(id(5));
        for number in [6, 7, 99] {
            assert!(recovery.may_publish(id(number), at(1)), "{number}");
        }
        assert!(!recovery.is_whole());
        recovery.returned(id(6));
        recovery.returned(id(7));
        assert!(recovery.is_whole());
    }

    #[test]
    fn whoever_does_not_come_is_not_waited_for_for_ever_and_is_named() {
        let mut recovery = fire_and_housing();
        assert!(!recovery.may_publish(id(6), at(59)));
        assert!(!recovery.is_late(at(89)) && recovery.is_late(at(90)));
        assert!(recovery.may_publish(id(6), at(60)));
        for number in [4, 6, 7] {
            recovery.returned(id(number));
        }
        assert_eq!(recovery.missing().map(|lost| lost.position).collect::<Vec<_>>(), [5]);
        assert!(!recovery.is_whole());
        // Late is better than never.
        recovery.returned(id(5));
        assert!(recovery.is_whole());
    }

    #[test]
    fn what_was_lost_twice_comes_back_once() {
        let twice =
            vec![lost(4, "fire"), lost(5, "housing"), LostEvent { position: 9, ..lost(4, "fire") }, lost(5, "housing")];
        let mut recovery = Recovery::begin(twice, at(0), Duration::from_mins(1), |source| source == "fire");
        assert_eq!(recovery.missing().map(|lost| lost.position).collect::<Vec<_>>(), [5, 9]);
        recovery.returned(id(4));
        recovery.returned(id(5));
        assert!(recovery.is_whole() && recovery.may_publish(id(99), at(0)));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_a_day() {
        let recovery = fire_and_housing();
        assert!(!recovery.may_publish(id(6), at(-60)) && !recovery.is_late(at(-60)));
        assert!(recovery.may_publish(id(6), at(-86_400)) && recovery.is_late(at(-86_400)));
    }

    #[test]
    fn a_node_that_has_lost_nothing_goes_on() {
        let recovery = Recovery::begin(Vec::new(), at(0), Duration::ZERO, |_| true);
        assert!(recovery.may_publish(id(1), at(0)) && recovery.is_whole() && recovery.is_over(at(0)));
    }

    #[test]
    fn positions_are_named_as_ranges() {
        assert_eq!(ranges([]), "");
        assert_eq!(ranges([3, 7, 8, 9, 11]), "3, 7-9, 11");
    }
}
