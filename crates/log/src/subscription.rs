//! Following a log as it grows.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::{EventLog, Position, ReadError, Stored};

/// How many records a subscription reads ahead at most.
pub const READ_AHEAD_RECORDS_MAX: usize = 256;

/// How long a subscription waits before it looks at its stop flag again.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// Ends subscriptions from another thread or a signal handler. Clones share the flag; once raised it stays so.
#[derive(Clone, Default, Debug)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// A flag that is not raised.
    pub fn new() -> StopFlag {
        StopFlag::default()
    }

    /// Asks whoever holds a clone to stop.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether [`stop`](StopFlag::stop) was called.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The records of `log` from position `from` on, without end: the iterator blocks at the head until there is more or `stop` is raised.
pub fn subscribe<Log: EventLog + ?Sized>(log: &Log, from: Position, stop: StopFlag) -> Subscription<'_, Log> {
    Subscription { log, next: from, ahead: VecDeque::new(), stop, failed: false }
}

/// See [`subscribe`]. Ends when stopped, or after it has yielded an error; to go on after one, subscribe again from
/// [`next_position`](Subscription::next_position).
#[derive(Debug)]
pub struct Subscription<'log, Log: EventLog + ?Sized> {
    log: &'log Log,
    next: Position,
    ahead: VecDeque<Stored>,
    stop: StopFlag,
    failed: bool,
}

impl<Log: EventLog + ?Sized> Subscription<'_, Log> {
    /// The position of the record that comes next.
    pub fn next_position(&self) -> Position {
        self.next
    }

    fn fill(&mut self) -> Result<(), ReadError> {
        while self.ahead.is_empty() && !self.stop.is_stopped() {
            self.ahead = self.log.read(self.next, READ_AHEAD_RECORDS_MAX)?.into();
            if self.ahead.is_empty() {
                let before = Position::new(self.next.get() - 1);
                self.log.wait(before, STOP_CHECK_INTERVAL)?;
            }
        }
        Ok(())
    }
}

impl<Log: EventLog + ?Sized> Iterator for Subscription<'_, Log> {
    type Item = Result<Stored, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if let Err(error) = self.fill() {
            self.failed = true;
            return Some(Err(error));
        }
        if self.stop.is_stopped() {
            return None;
        }
        let stored = self.ahead.pop_front()?;
        self.next = stored.position.next();
        Some(Ok(stored))
    }
}
