//! Ctrl-C during long work: the work ends at the next safe point, and what was done is kept.
//!
//! Short commands leave the signal to the system: a command is one transaction, done or not done.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use fengsui_log::StopFlag;

static WANTED: AtomicBool = AtomicBool::new(false);
static STOP: OnceLock<StopFlag> = OnceLock::new();

/// From here on Ctrl-C (and the terminating signals) ask the work to stop; a second one ends the process at once.
pub fn watch() {
    watch_and(|| ());
}

/// The same; `also` is done at the first signal, for whoever must hear of it before the work has ended.
pub fn watch_and(also: impl Fn() + Send + 'static) {
    // Without a handler the signal simply ends the process, which is as safe.
    let _ = ctrlc::set_handler(move || {
        if WANTED.swap(true, Ordering::SeqCst) {
            std::process::exit(crate::exit::Exit::Interrupted as i32);
        }
        stop_flag().stop();
        also();
    });
}

/// Whether somebody asked to stop.
pub fn wanted() -> bool {
    WANTED.load(Ordering::SeqCst)
}

/// The flag that ends subscriptions when somebody asks to stop.
pub fn stop_flag() -> StopFlag {
    STOP.get_or_init(StopFlag::new).clone()
}
