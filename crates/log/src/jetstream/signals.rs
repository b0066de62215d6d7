//! What the connection says of itself: connected, lost, denied. The broker tells a denial only there, never to the publisher, so
//! whoever waits for an answer listens here as well.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{ClientError, Event, ServerError};
use tokio::sync::{Notify, broadcast};

/// How many signals a slow listener may lag behind; older ones are dropped, and the listener goes on with the newest.
const SIGNALS_MAX: usize = 256;

/// One thing that happened to the connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Signal {
    /// The server let a message to this subject, or a subscription of it, fall.
    Denied { subject: String },
    /// The connection is gone. It comes back by itself, but what was asked before is not answered any more.
    Disconnected,
}

/// Collects the events of one connection.
#[derive(Debug)]
pub(super) struct Signals {
    sender: broadcast::Sender<Signal>,
    history: Mutex<History>,
    has_ended: AtomicBool,
    ended: Notify,
    /// Number of the client that these signals are of.
    generation: AtomicU64,
}

/// Held by a client's own tasks: dropped with them, whatever ended them.
#[derive(Debug)]
pub(super) struct LifeLine {
    signals: Arc<Signals>,
    generation: u64,
}

impl LifeLine {
    /// For the next client, whose end alone counts from now on.
    pub(super) fn new(signals: &Arc<Signals>) -> LifeLine {
        let generation = signals.generation.fetch_add(1, Ordering::AcqRel) + 1;
        LifeLine { signals: Arc::clone(signals), generation }
    }

    pub(super) fn note(&self, event: &Event) {
        self.signals.note(event);
    }
}

impl Drop for LifeLine {
    fn drop(&mut self) {
        if self.signals.generation.load(Ordering::Acquire) == self.generation {
            self.signals.has_ended.store(true, Ordering::Release);
            let _ = self.signals.sender.send(Signal::Disconnected);
            self.signals.ended.notify_one();
        }
    }
}

#[derive(Default, Debug)]
struct History {
    connections: u64,
    last_error: Option<String>,
}

impl Signals {
    pub(super) fn new() -> Signals {
        Signals {
            sender: broadcast::channel(SIGNALS_MAX).0,
            history: Mutex::default(),
            has_ended: AtomicBool::new(false),
            ended: Notify::new(),
            generation: AtomicU64::new(0),
        }
    }

    /// Whether the client's tasks have ended, after which it never connects again by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Waits for the end of the client's tasks.
    pub(super) async fn end(&self) {
        self.ended.notified().await;
    }

    /// A new client has taken the place of the one that ended.
    pub(super) fn begin_again(&self) {
        self.has_ended.store(false, Ordering::Release);
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Signal> {
        self.sender.subscribe()
    }

    /// How often the connection was made.
    pub(super) fn connections(&self) -> u64 {
        self.history().connections
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.history().last_error.clone()
    }

    pub(super) fn note(&self, event: &Event) {
        let signal = match event {
            Event::Connected => {
                let mut history = self.history();
                history.connections += 1;
                history.last_error = None;
                None
            }
            Event::Disconnected | Event::Closed => Some(Signal::Disconnected),
            Event::ServerError(ServerError::Other(text)) => {
                self.keep(text);
                denied_subject(text).map(|subject| Signal::Denied { subject })
            }
            Event::ServerError(error) => {
                self.keep(&error.to_string());
                None
            }
            Event::ClientError(ClientError::Other(text)) => {
                self.keep(text);
                None
            }
            Event::ClientError(error) => {
                self.keep(&error.to_string());
                None
            }
            Event::LameDuckMode | Event::Draining | Event::SlowConsumer(_) => None,
        };
        if let Some(signal) = signal {
            // An error only says that nobody listens.
            let _ = self.sender.send(signal);
        }
    }

    fn keep(&self, text: &str) {
        tracing::warn!(error = text, "the broker or the connection to it reports an error");
        self.history().last_error = Some(text.to_owned());
    }

    fn history(&self) -> MutexGuard<'_, History> {
        // What a panicking thread left is still a number and a text.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The subject in `Permissions Violation for Publish to "a.b"` or `... for Subscription to "a.b"`.
fn denied_subject(text: &str) -> Option<String> {
    let start = "permissions violation for ";
    if !text.get(..start.len())?.eq_ignore_ascii_case(start) {
        return None;
    }
    text.split('"').nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_its_subject() {
        let cases = [
            (
                r#"Permissions Violation for Publish to "fengsui.350600.fire.case.closed""#,
                Some("fengsui.350600.fire.case.closed"),
            ),
            (r#"Permissions Violation for Subscription to "fengsui.>""#, Some("fengsui.>")),
            (r#"Permissions Violation for Subscription to "a.>" using queue "q""#, Some("a.>")),
            ("Stale Connection", None),
            ("消防", None),
        ];
        for (text, subject) in cases {
            assert_eq!(denied_subject(text).as_deref(), subject, "{text}");
        }
    }

    #[tokio::test]
    async fn listeners_learn_of_denials_and_of_the_end() {
        let signals = Signals::new();
        let mut listener = signals.listen();
        signals.note(&Event::Connected);
        signals
            .note(&Event::ServerError(ServerError::Other(r#"Permissions Violation for Publish to "a.b""#.to_owned())));
        signals.note(&Event::Disconnected);
        assert_eq!(listener.recv().await, Ok(Signal::Denied { subject: "a.b".to_owned() }));
        assert_eq!(listener.recv().await, Ok(Signal::Disconnected));
        assert!(signals.last_error().is_some_and(|text| text.contains("a.b")));
        signals.note(&Event::Connected);
        assert_eq!((signals.connections(), signals.last_error()), (2, None));
    }
}
