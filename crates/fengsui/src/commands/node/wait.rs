//! When a node that is waited for has caught up with everything that was there when the waiting began.

use fengsui_event::Timestamp;
use fengsui_node::station::status::Status;

/// Waiting for a node. What comes after the beginning is not waited for, so that it ends in a busy exchange as well.
pub struct Settling {
    since: Timestamp,
    /// When all that had waited was seen to be published.
    published: Option<Timestamp>,
    /// Where the stream ended when the node looked after that.
    end: Option<u64>,
}

impl Settling {
    /// Begins at a moment.
    pub fn since(since: Timestamp) -> Self {
        Self { since, published: None, end: None }
    }

    /// Whether it is over, by what the running node says, when the first event that waits was recorded, and what time it is.
    pub fn is_over(&mut self, status: Option<&Status>, oldest_pending: Option<Timestamp>, now: Timestamp) -> bool {
        if self.published.is_none() && oldest_pending.is_none_or(|oldest| oldest >= self.since) {
            self.published = Some(now);
        }
        let (Some(log), Some(published)) = (status.map(|status| status.log), self.published) else { return false };
        if self.end.is_none() && log.looked.is_some_and(|looked| looked >= published) {
            self.end = Some(log.stream);
        }
        self.end.is_some_and(|end| log.applied >= end)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::commands::node::example;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    /// A node that looked at some second, when the stream ended there and the tables were so far.
    fn status(looked: Option<i64>, stream: u64, applied: u64) -> Status {
        let (mut status, _) = example();
        status.log.looked = looked.map(at);
        (status.log.stream, status.log.applied) = (stream, applied);
        status
    }

    #[test]
    fn what_a_node_saw_before_the_waiting_began_does_not_count() {
        let mut settling = Settling::since(at(10));
        assert!(!settling.is_over(None, None, at(10)));
        assert!(!settling.is_over(Some(&status(None, 0, 0)), None, at(11)));
        assert!(!settling.is_over(Some(&status(Some(9), 5, 5)), None, at(12)));
        assert!(settling.is_over(Some(&status(Some(10), 5, 5)), None, at(13)));
    }

    #[test]
    fn what_comes_later_is_not_waited_for() {
        let mut settling = Settling::since(at(10));
        assert!(!settling.is_over(None, Some(at(10)), at(10)), "what waits was decided later");
        assert!(!settling.is_over(Some(&status(Some(11), 7, 5)), Some(at(10)), at(11)));
        assert!(!settling.is_over(Some(&status(Some(12), 20, 6)), None, at(12)));
        assert!(settling.is_over(Some(&status(Some(13), 40, 7)), None, at(13)));
    }

    #[test]
    fn what_waited_in_the_outbox_must_be_out_and_in_the_tables() {
        let mut settling = Settling::since(at(10));
        assert!(!settling.is_over(Some(&status(Some(11), 7, 7)), Some(at(9)), at(11)));
        // Published meanwhile, and the node has not looked at the stream again.
        assert!(!settling.is_over(Some(&status(Some(11), 7, 7)), None, at(12)));
        assert!(!settling.is_over(Some(&status(Some(12), 8, 7)), None, at(13)));
        assert!(settling.is_over(Some(&status(Some(12), 8, 8)), None, at(14)));
    }
}
