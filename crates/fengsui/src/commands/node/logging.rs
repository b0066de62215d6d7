//! The log of a running node, on stderr: ids, codes, positions and counts, never the text of an event.

use std::io::{self, IsTerminal as _};

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
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colours);
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

#[cfg(test)]
mod tests {
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
    fn what_is_asked_for_counts_more_than_quiet() {
        assert_eq!(level_of(None, false), LevelFilter::INFO);
        assert_eq!(level_of(None, true), LevelFilter::WARN);
        assert_eq!(level_of(Some(LogLevel::Debug), true), LevelFilter::DEBUG);
    }
}
