//! What time asks of a node: pure, the time is an argument.

use fengsui_event::Timestamp;

use super::CheckpointsConfig;

/// Events other than checkpoints that a checkpoint does not cover.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Uncovered {
    /// How many.
    pub events: u64,
    /// Since when there are any; nothing when there is none.
    pub since: Option<Timestamp>,
}

/// Whether the subject that a record was published under is that of a checkpoint. Those never ask for another one: each would lead to the
/// next for ever.
pub fn is_checkpoint(subject: &str) -> bool {
    subject.ends_with(".checkpoint.cosigned")
}

/// Whether the authority should sign now.
pub fn is_signing_due(config: &CheckpointsConfig, uncovered: Uncovered, now: Timestamp) -> bool {
    uncovered.events >= u64::from(config.every_events.get())
        || has_passed(uncovered.since, u64::from(config.every_minutes) * 60, now)
}

/// Whether the next checkpoint should state the digest of the tables. `last` is the time of the last one that does.
pub fn is_digest_due(config: &CheckpointsConfig, last: Option<Timestamp>, now: Timestamp) -> bool {
    let seconds = u64::from(config.digest_every_hours) * 3_600;
    seconds > 0 && last.is_none_or(|last| has_passed(Some(last), seconds, now))
}

/// Whether events have waited for too long for a checkpoint that enough agencies have cosigned.
pub fn is_late(config: &CheckpointsConfig, uncovered: Uncovered, now: Timestamp) -> bool {
    let seconds = u64::from(config.alarm_after_minutes) * 60;
    seconds > 0 && has_passed(uncovered.since, seconds, now)
}

fn has_passed(since: Option<Timestamp>, seconds: u64, now: Timestamp) -> bool {
    since.is_some_and(|since| u64::try_from(now.duration_since(since).as_secs()).is_ok_and(|passed| passed >= seconds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn uncovered(events: u64) -> Uncovered {
        Uncovered { events, since: (events > 0).then(|| at(0)) }
    }

    #[test]
    fn a_checkpoint_is_due_after_so_many_events_or_so_many_minutes_and_never_for_nothing() {
        let config = CheckpointsConfig::default();
        let due = |events, seconds| is_signing_due(&config, uncovered(events), at(seconds));
        assert!(!due(0, 1_000_000));
        assert!(!due(1, 599) && due(1, 600));
        assert!(!due(999, 0) && due(1_000, 0));
        assert!(!due(1, -5), "an event from a clock that is ahead is not due before its time");
    }

    #[test]
    fn the_digest_is_stated_at_first_then_once_a_day_and_not_at_all_when_switched_off() {
        let mut config = CheckpointsConfig::default();
        assert!(is_digest_due(&config, None, at(0)));
        assert!(!is_digest_due(&config, Some(at(0)), at(86_399)) && is_digest_due(&config, Some(at(0)), at(86_400)));
        config.digest_every_hours = 0;
        assert!(!is_digest_due(&config, None, at(0)));
    }

    #[test]
    fn lag_is_told_only_while_events_wait() {
        let mut config = CheckpointsConfig::default();
        assert!(!is_late(&config, uncovered(0), at(1_000_000)));
        assert!(!is_late(&config, uncovered(1), at(3_599)) && is_late(&config, uncovered(1), at(3_600)));
        config.alarm_after_minutes = 0;
        assert!(!is_late(&config, uncovered(1), at(1_000_000)));
    }

    #[test]
    fn checkpoints_are_told_from_other_events_by_their_subject() {
        assert!(is_checkpoint("fengsui.350600.fire.checkpoint.cosigned"));
        assert!(!is_checkpoint("fengsui.350600.fire.violation.reported"));
    }
}
