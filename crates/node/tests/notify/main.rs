//! Notifications from an event on a log to a real receiver: what is told to whom, once, and what happens when a receiver fails.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod collecting;
mod concerns;
mod crashes;
mod exchange;
mod mails;
mod post;
mod receiver;
mod webhooks;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use fengsui_event::Timestamp;
use fengsui_log::StopFlag;
use fengsui_node::notify::{ChannelStatus, DeliveryReport, Notifier, NotifyConfig};

use exchange::{Exchange, at, code};

/// When notifications are switched on in these tests.
const ON: &str = "2026-11-25T02:00:00Z";

/// What was written to standard output.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads a configuration as `node.toml` would hold it.
fn config(text: &str) -> NotifyConfig {
    toml::from_str(text).unwrap()
}

/// A notifier of an agency with a configuration.
fn open(exchange: &Exchange, agency: &str, text: &str) -> (Notifier, Output) {
    let output = Output::default();
    let opened =
        Notifier::open_with_output(exchange.root(), &config(text), code(agency), at(ON), Box::new(output.clone()));
    (opened.unwrap(), output)
}

fn collect(notifier: &mut Notifier, exchange: &Exchange) -> usize {
    notifier.collect(exchange.log(), exchange.view(), exchange.head()).unwrap()
}

fn deliver(notifier: &mut Notifier, now: impl Into<When>) -> DeliveryReport {
    notifier.deliver(now.into().0, &StopFlag::new()).unwrap()
}

/// An instant, written or computed.
struct When(Timestamp);

impl From<&str> for When {
    fn from(text: &str) -> Self {
        When(at(text))
    }
}

impl From<Option<Timestamp>> for When {
    fn from(instant: Option<Timestamp>) -> Self {
        When(instant.expect("something waits"))
    }
}

fn channel(notifier: &Notifier, name: &str) -> ChannelStatus {
    let status = notifier.status().unwrap();
    status.channels.into_iter().find(|channel| channel.channel == name).unwrap()
}

/// Writes a secret file with a mode.
fn write_secret(root: &Path, name: &str, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = root.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}
