//! A source's chain: every event names the one before it, so a missing, doubled or forged one shows.
//!
//! A node that finds its own events lost from the stream publishes them again, so an event may come after
//! its successors. A gap therefore stays open and remembers the hashes at both of its ends; what fills it must
//! fit both.

use fengsui_event::{ChainLink, Digest};
use serde::{Deserialize, Serialize};

/// Upper bound of open gaps per source; more mean that the source or the log is beyond trust.
pub const GAPS_MAX: usize = 1024;

/// Numbers that were never seen though later ones were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// First missing number.
    pub first: u64,
    /// Last missing number.
    pub last: u64,
    /// Hash of the event before the gap; none when the gap begins at 1.
    pub before: Option<Digest>,
    /// Hash of the last missing event, as its successor names it.
    pub after: Digest,
}

/// How far a source's chain is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Highest number seen.
    pub sequence: u64,
    /// Hash of the event with that number.
    pub head: Option<Digest>,
    /// Open gaps, in order.
    pub gaps: Vec<Gap>,
    /// Latest recorded time of its events, in milliseconds since 1970.
    pub latest_ms: i64,
}

/// How an event does not fit its source's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainBreak {
    /// Numbers before it are missing. The event itself is good.
    Gap {
        /// First missing number.
        first: u64,
        /// Last missing number.
        last: u64,
    },
    /// It names another predecessor than the one that was seen: the source has told two stories.
    Fork {
        /// Its number.
        sequence: u64,
    },
    /// Its number was used by another event.
    Reused {
        /// Its number.
        sequence: u64,
    },
    /// Too many gaps are open.
    TooManyGaps,
}

impl Chain {
    /// Places an event in the chain. `Ok(None)`: it fits. `Ok(Some(gap))`: it is good, but numbers before it are
    /// missing. `Err`: it must have no effect.
    pub fn admit(&mut self, link: ChainLink, digest: Digest) -> Result<Option<ChainBreak>, ChainBreak> {
        if link.sequence > self.sequence { self.extend(link, digest) } else { self.fill(link, digest).map(|()| None) }
    }

    fn extend(&mut self, link: ChainLink, digest: Digest) -> Result<Option<ChainBreak>, ChainBreak> {
        let expected = self.sequence + 1;
        let mut found = None;
        if link.sequence == expected {
            if link.previous != self.head {
                return Err(ChainBreak::Fork { sequence: link.sequence });
            }
        } else {
            if self.gaps.len() >= GAPS_MAX {
                return Err(ChainBreak::TooManyGaps);
            }
            let after = link.previous.ok_or(ChainBreak::Fork { sequence: link.sequence })?;
            let (first, last) = (expected, link.sequence - 1);
            self.gaps.push(Gap { first, last, before: self.head, after });
            found = Some(ChainBreak::Gap { first, last });
        }
        self.sequence = link.sequence;
        self.head = Some(digest);
        Ok(found)
    }

    fn fill(&mut self, link: ChainLink, digest: Digest) -> Result<(), ChainBreak> {
        let ChainLink { sequence, previous } = link;
        let index = self
            .gaps
            .iter()
            .position(|gap| gap.first <= sequence && sequence <= gap.last)
            .ok_or(ChainBreak::Reused { sequence })?;
        let gap = &self.gaps[index];
        let fits_before = sequence != gap.first || previous == gap.before;
        let fits_after = sequence != gap.last || digest == gap.after;
        if !fits_before || !fits_after {
            return Err(ChainBreak::Fork { sequence });
        }
        if gap.first < sequence && sequence < gap.last && self.gaps.len() >= GAPS_MAX {
            return Err(ChainBreak::TooManyGaps);
        }
        let gap = self.gaps.remove(index);
        if sequence < gap.last {
            self.gaps
                .insert(index, Gap { first: sequence + 1, last: gap.last, before: Some(digest), after: gap.after });
        }
        if let Some(after) = previous.filter(|_| gap.first < sequence) {
            self.gaps.insert(index, Gap { first: gap.first, last: sequence - 1, before: gap.before, after });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn digest(sequence: u64) -> Digest {
        Digest::of(&sequence.to_be_bytes())
    }

    fn link(sequence: u64) -> ChainLink {
        ChainLink { sequence, previous: (sequence > 1).then(|| digest(sequence - 1)) }
    }

    fn admit_all(order: &[u64]) -> (Chain, Vec<Result<Option<ChainBreak>, ChainBreak>>) {
        let mut chain = Chain::default();
        let results = order.iter().map(|&sequence| chain.admit(link(sequence), digest(sequence))).collect();
        (chain, results)
    }

    #[test]
    fn any_order_of_arrival_ends_in_the_same_chain() {
        let in_order = admit_all(&[1, 2, 3, 4, 5]).0;
        for order in [[5, 1, 2, 3, 4], [5, 4, 3, 2, 1], [1, 5, 3, 2, 4], [2, 4, 1, 5, 3], [3, 1, 2, 5, 4]] {
            let (chain, results) = admit_all(&order);
            assert!(results.iter().all(Result::is_ok), "{order:?}");
            assert_eq!(chain, in_order, "{order:?}");
        }
    }

    #[test]
    fn a_gap_is_named_by_its_numbers() {
        let (chain, results) = admit_all(&[1, 2, 6]);
        assert_eq!(results[2], Ok(Some(ChainBreak::Gap { first: 3, last: 5 })));
        assert_eq!(chain.gaps.len(), 1);
    }

    #[test]
    fn a_number_used_twice_has_no_effect() {
        let (mut chain, _) = admit_all(&[1, 2, 3]);
        let before = chain.clone();
        assert_eq!(chain.admit(link(2), Digest::of(b"other")), Err(ChainBreak::Reused { sequence: 2 }));
        assert_eq!(chain, before);
    }

    #[test]
    fn a_forged_predecessor_has_no_effect() {
        let (mut chain, _) = admit_all(&[1, 2]);
        let forged = ChainLink { sequence: 3, previous: Some(Digest::of(b"other")) };
        assert_eq!(chain.admit(forged, digest(3)), Err(ChainBreak::Fork { sequence: 3 }));
        assert_eq!(chain, admit_all(&[1, 2]).0);
    }

    #[test]
    fn what_fills_a_gap_must_fit_both_ends() {
        let (chain, _) = admit_all(&[1, 4]);
        let check = |sequence, previous, own| {
            let mut chain = chain.clone();
            assert_eq!(
                chain.admit(ChainLink { sequence, previous: Some(previous) }, own),
                Err(ChainBreak::Fork { sequence })
            );
        };
        check(2, Digest::of(b"other"), digest(2));
        check(3, digest(2), Digest::of(b"other"));
    }
}
