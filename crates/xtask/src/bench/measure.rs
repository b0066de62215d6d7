//! Time, processor time and memory of a process, as Linux counts them.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Clock ticks a second in /proc, which Linux fixes at 100 for programs.
const TICKS_PER_SECOND: u64 = 100;

/// What some work took.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// By the clock on the wall.
    pub wall: Duration,
    /// On all cores together, user and system.
    pub processor: Duration,
}

impl Taken {
    /// How many of something a second and core.
    pub fn per_core_second(self, count: u64) -> f64 {
        rate(count, self.processor)
    }

    /// How many cores were busy on average.
    pub fn cores(self) -> f64 {
        self.processor.as_secs_f64() / self.wall.as_secs_f64()
    }
}

/// How many of something a second.
pub fn rate(count: u64, time: Duration) -> f64 {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    f64::from(count) / time.as_secs_f64().max(0.001)
}

/// Measures some work of this process.
pub fn taken<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<(T, Taken), Failure> {
    let (start, before) = (Instant::now(), processor_time()?);
    let value = work()?;
    Ok((value, Taken { wall: start.elapsed(), processor: processor_time()?.saturating_sub(before) }))
}

/// Processor time of this process and of the children that it has waited for.
pub fn processor_time() -> Result<Duration, Failure> {
    let text = std::fs::read_to_string("/proc/self/stat").map_err(Failure::file("/proc/self/stat"))?;
    // The name in parentheses may hold blanks; the numbers begin behind it, with field 3.
    let numbers = text.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).into_iter().flatten();
    let ticks: u64 = numbers.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// The most memory that this process ever held, in MiB.
pub fn peak_memory_mib() -> Result<u64, Failure> {
    peak_memory_of(std::process::id())
}

/// The most memory that a running process ever held, in MiB.
pub fn peak_memory_of(process: u32) -> Result<u64, Failure> {
    let path = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&path).map_err(Failure::file(path))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")).and_then(|kib| kib.trim().parse::<u64>().ok());
    kib.map(|kib| kib / 1024).ok_or_else(|| Failure::Bench { what: "memory", reason: "no VmHWM".to_owned() })
}
