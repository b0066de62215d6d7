//! The log of a running node, on stderr: ids, codes, positions and counts, never the text of an event.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;

use crate::arguments::node::{LogFormat, LogLevel, NodeRunArguments};
use crate::session::Session;

/// Logs for as long as the process runs.
pub fn begin(session: &Session, arguments: &NodeRunArguments) {
    let quiet = session.output.look().quiet;
    let level = level_of(arguments.log_level, quiet);
    let filter = targets(level);
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // A log that nobody can write must not end a node: telling of it on stderr would panic.
    let lines = tracing_subscriber::fmt::layer()
        .log_internal_errors(false)
        .with_writer(|| Masked(io::stderr()))
        .with_ansi(colours);
    // Fails only where something logs already, and then that does.
    let _ = match arguments.log_format {
        LogFormat::Text => tracing::subscriber::set_global_default(registry().with(lines.with_filter(filter))),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            tracing::subscriber::set_global_default(registry().with(lines.with_filter(filter)))
        }
    };
}

fn level_of(asked: Option<LogLevel>, quiet: bool) -> LevelFilter {
    match asked.unwrap_or(if quiet { LogLevel::Warn } else { LogLevel::Info }) {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// Our own crates as asked; of others only what is wrong, since they do not know what in their messages is about people.
fn targets(level: LevelFilter) -> Targets {
    Targets::new().with_target("fengsui", level).with_default(level.min(LevelFilter::WARN))
}

/// Writes lines without what stands before an `@`: servers of mail repeat whose address they refuse, and an address may hold a password.
struct Masked<W>(W);

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) => self.0.write_all(masked(text).as_bytes())?,
            Err(_) => self.0.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn masked(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split('@').peekable();
    let mut whole = String::with_capacity(text.len());
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            whole.push_str(part);
            break;
        }
        let ends = |character: char| character.is_whitespace() || "/<>()[]\"'`,;=".contains(character);
        let begin = part.char_indices().rev().find(|(_, character)| ends(*character));
        let kept = begin.map_or(0, |(at, character)| at + character.len_utf8());
        whole.push_str(part.get(..kept).unwrap_or_default());
        whole.push_str("***@");
    }
    Cow::Owned(whole)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tracing::Level;

    use super::*;

    #[test]
    fn others_never_log_what_is_finer_than_a_warning() {
        let logged = targets(LevelFilter::TRACE);
        assert!(logged.would_enable("fengsui_node::station", &Level::TRACE));
        assert!(logged.would_enable("async_nats::connection", &Level::WARN));
        assert!(!logged.would_enable("async_nats::connection", &Level::INFO));
        assert!(!targets(LevelFilter::ERROR).would_enable("async_nats", &Level::WARN));
    }

    #[test]
    fn whose_address_it_is_and_passwords_are_left_out() {
        let check = |line: &str, expected: &str| {
            let mut written = Masked(Vec::new());
            written.write_all(line.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(written.0).unwrap(), expected);
        };
        check("published count=3\n", "published count=3\n");
        check(
            "reason=\"550 <zhang.san@fire.example>: rejected\" channel=office\n",
            "reason=\"550 <***@fire.example>: rejected\" channel=office\n",
        );
        check("nats://fire:geheim@broker.example:4222", "nats://***@broker.example:4222");
        check("张三@消防.example,b@c.example", "***@消防.example,***@c.example");
    }

    #[test]
    fn what_is_asked_for_counts_more_than_quiet() {
        assert_eq!(level_of(None, false), LevelFilter::INFO);
        assert_eq!(level_of(None, true), LevelFilter::WARN);
        assert_eq!(level_of(Some(LogLevel::Debug), true), LevelFilter::DEBUG);
    }
}
