//! Running commands: say what runs, run it, say how it ended.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Says on standard error what happens now.
pub fn announce(text: &str) {
    eprintln!("\n==> {text}");
}

/// Runs a command whose output people should see. `step` is what it is for.
pub fn run(step: &'static str, command: &mut Command) -> Result<(), Failure> {
    let line = command_line(command);
    eprintln!("    {line}");
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|cause| Failure::NotStarted { program: program(command), cause })?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Refused { step, command: line, status: status.to_string(), code: status.code() })
    }
}

/// Whether a command runs and succeeds; shows nothing. For looking whether a tool is there.
pub fn answers(command: &mut Command) -> bool {
    let silenced = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silenced.status().is_ok_and(|status| status.success())
}

/// A named step and how long it took.
pub struct Timed {
    /// What it was.
    pub name: &'static str,
    /// How long it took.
    pub duration: Duration,
    /// Whether it passed.
    pub passed: bool,
}

/// Runs a named step and keeps the time.
pub fn timed(name: &'static str, work: impl FnOnce() -> Result<(), Failure>) -> (Timed, Result<(), Failure>) {
    announce(name);
    let start = Instant::now();
    let result = work();
    (Timed { name, duration: start.elapsed(), passed: result.is_ok() }, result)
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn command_line(command: &Command) -> String {
    let mut line = program(command);
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
