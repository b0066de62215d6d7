//! The logs that are replayed: the demonstration city, as large as is asked for. Made once and kept under target/.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fengsui_log::{Embedded, EventLog};
use fengsui_node::demo::{DemoOptions, run};
use fengsui_projector::query::Reader;

use crate::failure::Failure;
use crate::workspace;

/// Events that a violation brings forth in the city, in tenths, as measured; only the size of the log hangs on it.
const EVENTS_PER_VIOLATION_TENTHS: u64 = 75;

/// A folder whose log has at least so many events over so many units.
pub fn folder(events: u64, units: u32) -> Result<PathBuf, Failure> {
    let folder = workspace::target().join(format!("bench/city-{events}-{units}"));
    let by_violations = events.saturating_sub(u64::from(units)) * 10 / EVENTS_PER_VIOLATION_TENTHS;
    let violations = u32::try_from(by_violations + by_violations / 20).unwrap_or(u32::MAX);
    eprintln!("    the city of {units} units and {violations} violations in {}", folder.display());
    let mut told = 0;
    let mut watch = |progress: fengsui_node::demo::DemoProgress| {
        if progress.events - told >= 100_000 {
            told = progress.events;
            eprintln!("    {told} events");
        }
        ControlFlow::Continue(())
    };
    discard_older_tables(&folder)?;
    let options = DemoOptions { units, violations, seed: 1 };
    run(&folder, options, &mut watch).map_err(Failure::bench("the city"))?;
    let head = head(&folder)?;
    if head < events {
        let reason = format!("its log has {head} events, fewer than {events}");
        return Err(Failure::Bench { what: "the city", reason });
    }
    Ok(folder)
}

/// A city that an earlier version of the program made keeps its log; the tables are drawn anew.
fn discard_older_tables(folder: &Path) -> Result<(), Failure> {
    let model = folder.join("model.sqlite");
    if model.exists() && Reader::open(&model).is_err() {
        fengsui_projector::replay::discard(&model).map_err(Failure::bench("the read model"))?;
    }
    Ok(())
}

fn head(folder: &Path) -> Result<u64, Failure> {
    let log = Embedded::open_reader(folder.join("log.sqlite")).map_err(Failure::bench("the log"))?;
    let head = log.head().map_err(Failure::bench("the log"))?;
    Ok(head.map_or(0, fengsui_log::Position::get))
}
