//! `fengsui`: the command line of the exchange. It reads what is asked, has it done by the crates below, and shows
//! what they say.

mod arguments;
mod columns;
mod commands;
mod describe;
mod exit;
mod help;
mod help_zh;
mod interrupt;
mod output;
mod pages;
mod session;
mod start;
mod text;

use std::process::ExitCode;

/// Events are made on one thread and dropped on another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The thread of the broker's client.
const BROKER_THREAD: &str = "broker";

fn main() -> ExitCode {
    quiet_broker_thread();
    start::run(std::env::args_os().collect()).into()
}

/// A message with a carriage return in its headers ends a task of the broker's client (async-nats 0.51), which is then made anew and reads
/// that message in another way. Anybody can publish one, so it goes to the log and not before the officer's eyes.
fn quiet_broker_thread() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some(BROKER_THREAD) {
            tracing::debug!(%panic, "a task of the broker's client has ended");
        } else {
            usual(panic);
        }
    }));
}
