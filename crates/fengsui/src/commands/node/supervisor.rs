//! What a running node tells the service manager that started it (sd_notify(3)): ready, alive, ending.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fengsui_event::Timestamp;
use fengsui_node::station::status::Status;

/// Between messages while the tables are brought up to the copy.
const CATCHING_UP_INTERVAL: Duration = Duration::from_secs(5);
/// How much longer the manager is asked to wait for a node that is catching up.
const CATCHING_UP_PATIENCE: Duration = Duration::from_mins(1);

/// What the service manager was told so far. Without one every message goes nowhere.
#[derive(Default)]
pub struct Supervisor(Mutex<Told>);

#[derive(Default)]
struct Told {
    ready: bool,
    line: String,
    catching_up: Option<Instant>,
}

impl Supervisor {
    /// The tables are being brought up to the copy: the manager is to wait longer than its usual time.
    pub fn catching_up(&self, position: u64, last: u64) {
        let mut told = self.told();
        if told.catching_up.is_some_and(|told| told.elapsed() < CATCHING_UP_INTERVAL) {
            return;
        }
        told.catching_up = Some(Instant::now());
        let patience = u32::try_from(CATCHING_UP_PATIENCE.as_micros()).unwrap_or(u32::MAX);
        let line = format!("bringing the tables up to the copy: position {position} of {last}");
        notify(&[Message::ExtendTimeout(patience), Message::Status(line)]);
    }

    /// The node runs and is as its status says. A node that is not well keeps silent towards the watchdog, which then starts it again.
    pub fn observe(&self, status: &Status, now: Timestamp) {
        notify(&self.told().messages(status, now));
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    /// What is to be told now, by what was told before.
    fn messages(&mut self, status: &Status, now: Timestamp) -> Vec<Message> {
        let mut messages = Vec::new();
        if !self.ready {
            messages.push(Message::Ready);
            self.ready = true;
        }
        let line = line_of(status);
        if self.line != line {
            messages.push(Message::Status(line.clone()));
            self.line = line;
        }
        if status.health(now).is_none() {
            messages.push(Message::Watchdog);
        }
        messages
    }
}

/// The node is about to end.
pub fn stopping() {
    notify(&[Message::Stopping]);
}

/// One line for `systemctl status`.
fn line_of(status: &Status) -> String {
    let Status { broker, log, outbox, alarms, .. } = status;
    let link = match (&broker.error, broker.connected) {
        (_, true) => format!("at position {} of {}", log.applied, log.stream),
        (Some(error), false) => format!("the stream is out of reach ({})", crate::output::one_line(error)),
        (None, false) => "connecting".to_owned(),
    };
    let codes: Vec<&str> = alarms.iter().map(|alarm| alarm.code.as_str()).collect();
    let alarms = if codes.is_empty() { String::new() } else { format!("; alarms: {}", codes.join(", ")) };
    format!("{link}; {} pending{alarms}", outbox.pending)
}

/// A message to the service manager.
#[cfg_attr(not(unix), expect(dead_code, reason = "there is nobody to tell"))]
#[derive(Debug, PartialEq, Eq)]
enum Message {
    Ready,
    Stopping,
    Watchdog,
    Status(String),
    ExtendTimeout(u32),
}

#[cfg(unix)]
fn notify(messages: &[Message]) {
    use sd_notify::NotifyState;

    let states: Vec<NotifyState<'_>> = messages
        .iter()
        .map(|message| match message {
            Message::Ready => NotifyState::Ready,
            Message::Stopping => NotifyState::Stopping,
            Message::Watchdog => NotifyState::Watchdog,
            Message::Status(line) => NotifyState::Status(line),
            Message::ExtendTimeout(microseconds) => NotifyState::ExtendTimeoutUsec(*microseconds),
        })
        .collect();
    if states.is_empty() {
        return;
    }
    if let Err(error) = sd_notify::notify(&states) {
        tracing::warn!(%error, "the service manager cannot be told how the node is");
    }
}

#[cfg(not(unix))]
fn notify(_: &[Message]) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::node::example;

    #[test]
    fn ready_is_told_once_a_change_when_it_comes_and_alive_only_while_it_is_well() {
        let (mut status, now) = example();
        let mut told = Told::default();
        let line = line_of(&status);
        assert_eq!(told.messages(&status, now), [Message::Ready, Message::Status(line), Message::Watchdog]);
        assert_eq!(told.messages(&status, now), [Message::Watchdog], "nothing has changed");
        status.log.stalled_ms = 30_001;
        assert_eq!(told.messages(&status, now), []);
        status.log.stalled_ms = 0;
        status.outbox.pending = 5;
        assert_eq!(told.messages(&status, now), [Message::Status(line_of(&status)), Message::Watchdog]);
    }

    #[test]
    fn one_line_says_how_the_node_is() {
        let mut status = example().0;
        let line = "the stream is out of reach (no server answers); 4 pending; alarms: missing";
        assert_eq!(line_of(&status), line);
        status.broker.connected = true;
        status.alarms.clear();
        assert_eq!(line_of(&status), "at position 117 of 120; 4 pending");
        status.broker.connected = false;
        status.broker.error = None;
        assert_eq!(line_of(&status), "connecting; 4 pending");
    }
}
