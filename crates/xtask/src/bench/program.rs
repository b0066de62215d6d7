//! The released program, run as people run it, with what it took.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::measure::{Taken, peak_memory_of, processor_time};
use crate::failure::Failure;

/// Between looks at a running program's memory. Linux keeps the most that it ever held, so only what is taken in the last moment is missed.
const LOOK: Duration = Duration::from_millis(5);

/// What a run of the program took.
#[derive(Clone, Copy, Debug)]
pub struct Finished {
    /// Time, with that of starting and ending.
    pub taken: Taken,
    /// Most memory held, in MiB.
    pub peak_mib: u64,
}

/// Runs the program in a node's folder. It must end with 0.
pub fn run<I: AsRef<OsStr>>(program: &Path, folder: &Path, arguments: &[I]) -> Result<Finished, Failure> {
    let mut command = Command::new(program);
    command.arg("--data").arg(folder).args(["--lang", "en", "--no-progress"]).args(arguments);
    let (start, before) = (Instant::now(), processor_time()?);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(Failure::file(program))?;
    let mut peak_mib = 0;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(Failure::file(program))? {
            break status;
        }
        peak_mib = peak_memory_of(child.id()).unwrap_or_default().max(peak_mib);
        std::thread::sleep(LOOK);
    };
    let taken = Taken { wall: start.elapsed(), processor: processor_time()?.saturating_sub(before) };
    if status.success() {
        return Ok(Finished { taken, peak_mib });
    }
    let words: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect();
    Err(Failure::Bench { what: "the program", reason: format!("`{}` ended with {status}", words.join(" ")) })
}
