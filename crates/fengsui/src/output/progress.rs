//! Progress of long work: a bar for people after a second, a line of JSON a second for scripts.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use fengsui_projector::Watcher;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::Look;
use crate::interrupt;

/// Work that is done by then needs no bar.
const QUIET_FOR: Duration = Duration::from_secs(1);
/// Between lines of JSON.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// How far long work is. It also carries the wish to stop.
pub struct Bar {
    look: Look,
    lines: bool,
    label: &'static str,
    started: Instant,
    told: Instant,
    shown: Option<ProgressBar>,
}

impl Bar {
    /// For work whose only output is a bar.
    pub fn new(look: Look, zh: &'static str, en: &'static str) -> Self {
        let now = Instant::now();
        Self { look, lines: false, label: look.language.pick(zh, en), started: now, told: now, shown: None }
    }

    /// For work that tells its progress in lines of JSON as well, on stdout.
    pub fn with_lines(look: Look, zh: &'static str, en: &'static str) -> Self {
        let mut bar = Self::new(look, zh, en);
        bar.lines = look.json;
        bar
    }

    /// Shows how far the work is; answers whether to go on.
    pub fn at(&mut self, done: u64, total: u64) -> ControlFlow<()> {
        if interrupt::wanted() {
            return ControlFlow::Break(());
        }
        if self.lines && self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            let line = json!({"type": "progress", "done": done, "total": total});
            print_line(&line.to_string());
        }
        if self.look.bars && self.started.elapsed() >= QUIET_FOR {
            let label = self.label;
            let bar = self.shown.get_or_insert_with(|| new_bar(label));
            bar.set_length(total);
            bar.set_position(done);
        }
        ControlFlow::Continue(())
    }

    /// Seconds since the work began.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

impl Watcher for Bar {
    fn reached(&mut self, position: u64, last: u64) -> ControlFlow<()> {
        self.at(position, last)
    }
}

fn new_bar(label: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {human_pos}/{human_len} {per_sec} {eta}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(label);
    bar
}

/// A progress line must not wait in a buffer; a reader that has gone is noticed with the results.
fn print_line(text: &str) {
    use std::io::Write as _;

    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}
