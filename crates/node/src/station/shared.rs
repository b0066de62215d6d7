//! What the parts of a running node know of each other.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fengsui_event::Timestamp;
use fengsui_log::StopFlag;
use fengsui_log::jetstream::Stream;

use super::recovery::Recovery;
use super::status::{Alarm, BrokerStatus, CheckpointStatus, LogStatus};
use crate::folder::Folder;

/// The common knowledge of a running node's threads.
pub struct Shared {
    /// The node's folder.
    pub folder: Folder,
    /// Raised when the node is to end.
    pub stop: StopFlag,
    /// What was lost and is being put back.
    pub recovery: Mutex<Recovery>,
    far: Mutex<Far>,
    moved: Condvar,
    link: Mutex<Link>,
    alarms: Mutex<BTreeMap<&'static str, Alarm>>,
    checkpoints: Mutex<CheckpointStatus>,
    /// Counts the copies that were drawn: whoever has the file open opens it again when this moves.
    copies: AtomicU64,
}

/// How far everything is.
#[derive(Clone, Copy, Debug)]
pub struct Far {
    /// Last position of the stream, as last seen.
    pub stream: u64,
    /// Last position of the copy.
    pub copy: u64,
    /// Last position of the tables.
    pub applied: u64,
    /// Events without effect.
    pub without_effect: u64,
    /// When the stream was last asked where it ends.
    pub looked: Option<Timestamp>,
    /// When the tables last moved, or last had nothing to move for.
    pub moved: Instant,
}

/// The way to the stream.
#[derive(Default)]
struct Link {
    /// The stream while it can be reached and the copy follows it.
    stream: Option<Stream>,
    reconnects: u64,
    resubscribed: u64,
    error: Option<String>,
}

impl Shared {
    /// For a node that starts.
    pub fn new(folder: Folder, stop: StopFlag) -> Self {
        let far = Far { stream: 0, copy: 0, applied: 0, without_effect: 0, looked: None, moved: Instant::now() };
        Self {
            folder,
            stop,
            recovery: Mutex::default(),
            far: Mutex::new(far),
            moved: Condvar::new(),
            link: Mutex::default(),
            alarms: Mutex::default(),
            checkpoints: Mutex::default(),
            copies: AtomicU64::new(0),
        }
    }

    /// The copy's file.
    pub fn copy_path(&self) -> PathBuf {
        self.folder.log()
    }

    /// How far everything is.
    pub fn far(&self) -> Far {
        *lock(&self.far)
    }

    /// Notes how far something is, and wakes whoever waits for it.
    pub fn note_far(&self, change: impl FnOnce(&mut Far)) {
        let mut far = lock(&self.far);
        let before = *far;
        change(&mut far);
        if far.applied != before.applied || far.applied >= far.stream {
            far.moved = Instant::now();
        }
        self.moved.notify_all();
    }

    /// Waits until the tables have moved beyond `applied`, at most `timeout`.
    pub fn await_applied(&self, applied: u64, timeout: Duration) -> u64 {
        self.await_far(timeout, |far| far.applied > applied).applied
    }

    /// Waits `timeout`, or until the node is to end.
    pub fn await_stop(&self, timeout: Duration) {
        self.await_far(timeout, |_| false);
    }

    /// Waits until the copy holds `position`, at most `timeout`.
    pub fn await_copy(&self, position: u64, timeout: Duration) -> bool {
        self.await_far(timeout, |far| far.copy >= position).copy >= position
    }

    fn await_far(&self, timeout: Duration, is_there: impl Fn(&Far) -> bool) -> Far {
        let far = lock(&self.far);
        let waited = self.moved.wait_timeout_while(far, timeout, |far| !is_there(far) && !self.stop.is_stopped());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Wakes everybody, so that a stop is seen at once.
    pub fn wake_all(&self) {
        self.moved.notify_all();
        crate::wake::wake(self.folder.root());
    }

    /// The stream, while it can be reached and the copy follows it.
    pub fn stream(&self) -> Option<Stream> {
        lock(&self.link).stream.clone()
    }

    /// The copy follows the stream from now on.
    pub fn connected(&self, stream: Stream) {
        let mut link = lock(&self.link);
        link.error = None;
        link.stream = Some(stream);
        drop(link);
        self.wake_all();
    }

    /// The stream cannot be reached any more.
    pub fn disconnected(&self, reason: String) {
        let mut link = lock(&self.link);
        if link.error.as_ref() != Some(&reason) {
            tracing::warn!(reason, "the stream is out of reach; commands are accepted and wait in the outbox");
        }
        link.stream = None;
        link.error = Some(reason);
    }

    /// Something was refused, though the stream can be reached.
    pub fn note_error(&self, reason: Option<String>) {
        lock(&self.link).error = reason;
    }

    /// Counts connections and consumers that were made again.
    pub fn note_reconnects(&self, reconnects: u64, resubscribed: u64) {
        let mut link = lock(&self.link);
        link.reconnects = reconnects;
        link.resubscribed = resubscribed;
    }

    /// Sets an alarm; one that is set already keeps its time.
    pub fn alarm(&self, code: &'static str, now: Timestamp, message_zh: String, message_en: String) {
        let mut alarms = lock(&self.alarms);
        let since = alarms.get(code).map_or(now, |alarm| alarm.since);
        let known = alarms.get(code).is_some_and(|alarm| alarm.message_en == message_en);
        if !known {
            tracing::error!(code, message = message_en, "alarm");
        }
        alarms.insert(code, Alarm { code: code.to_owned(), since, message_zh, message_en });
    }

    /// Ends an alarm.
    pub fn all_clear(&self, code: &'static str) {
        if lock(&self.alarms).remove(code).is_some() {
            tracing::info!(code, "the alarm is over");
        }
    }

    /// Which copy is in use, counted from the start.
    pub fn copy_number(&self) -> u64 {
        self.copies.load(Ordering::Acquire)
    }

    /// Another copy is in use.
    pub fn copy_changed(&self) {
        self.copies.fetch_add(1, Ordering::AcqRel);
    }

    /// For the status: the way to the stream.
    pub fn broker_status(&self) -> BrokerStatus {
        let link = lock(&self.link);
        BrokerStatus {
            servers: self.folder.node().broker.as_ref().map(|broker| broker.servers.clone()).unwrap_or_default(),
            connected: link.stream.is_some(),
            reconnects: link.reconnects,
            resubscribed: link.resubscribed,
            error: link.error.clone(),
        }
    }

    /// For the status: how far everything is.
    pub fn log_status(&self) -> LogStatus {
        let far = self.far();
        let lag = far.stream.saturating_sub(far.applied);
        let stalled = if lag > 0 && self.stream().is_some() { far.moved.elapsed() } else { Duration::ZERO };
        LogStatus {
            stream: far.stream,
            copy: far.copy,
            applied: far.applied,
            lag,
            stalled_ms: u64::try_from(stalled.as_millis()).unwrap_or(u64::MAX),
            without_effect: far.without_effect,
            looked: far.looked,
        }
    }

    /// Notes how checkpoints stand.
    pub fn note_checkpoints(&self, status: CheckpointStatus) {
        *lock(&self.checkpoints) = status;
    }

    /// For the status: how checkpoints stand.
    pub fn checkpoint_status(&self) -> CheckpointStatus {
        *lock(&self.checkpoints)
    }

    /// For the status: the alarms, newest first.
    pub fn alarms(&self) -> Vec<Alarm> {
        let mut alarms: Vec<Alarm> = lock(&self.alarms).values().cloned().collect();
        alarms.sort_by_key(|alarm| std::cmp::Reverse(alarm.since));
        alarms
    }
}

/// A lock that a panicking thread held is taken all the same: every value behind one is whole at any time.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
