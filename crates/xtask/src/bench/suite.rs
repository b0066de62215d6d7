//! All measurements, in one run on one machine.

use std::path::{Path, PathBuf};

use super::limits::{Durability, rows_into_sqlite, signatures};
use super::measure::{Taken, rate};
use super::replaying::{Replayed, child, replay};
use super::report::{Line, table};
use super::{Options, audit, city_log, eight_nodes, nodes, questions, reconciling};
use crate::failure::Failure;
use crate::step::announce;
use crate::workspace;

const MARK: &str = "<!-- The table below is written by `cargo xtask bench`. -->";
/// The share of the large log that the small one is.
const SMALL_SHARE: u64 = 10;

pub fn run(options: &Options) -> Result<(), Failure> {
    if let Some(arguments) = &options.replay {
        return child(arguments);
    }
    if let Some(rows) = options.reconcile {
        return reconciling::child(rows);
    }
    let is_whole = !options.only_broker && !options.only_audit && !options.only_reconcile;
    let books = || {
        announce("a book against its cases");
        reconciling::measure(options.rows)
    };
    if options.only_reconcile {
        println!("{}", table(&books()?));
        return Ok(());
    }
    let program = build()?;
    let mut lines = Vec::new();
    if is_whole {
        lines.extend(replays(options, &program)?);
        lines.extend(books()?);
    }
    if is_whole || options.only_audit {
        lines.extend(audit::measure(&program, options)?);
    }
    if is_whole || options.only_broker {
        announce("nodes on a broker");
        lines.extend(nodes::measure(&program, options.waiting)?);
        announce("eight agencies");
        lines.extend(eight_nodes::measure(&program, options.violations)?);
    }
    let text = table(&lines);
    println!("{text}");
    if options.no_write || !is_whole { Ok(()) } else { write(options, &text) }
}

/// The program itself, as it is shipped.
fn build() -> Result<PathBuf, Failure> {
    let mut build = workspace::cargo();
    crate::step::run("the program", build.args(["build", "--release", "--package", "fengsui"]))?;
    Ok(workspace::target().join("release/fengsui"))
}

/// What does not need a broker.
fn replays(options: &Options, program: &Path) -> Result<Vec<Line>, Failure> {
    announce("making the logs");
    let large = city_log::folder(options.events, options.units)?;
    // The same city, a tenth as large in everything; and one with as few units as fit the caches.
    let tenth = city_log::folder(options.events / SMALL_SHARE, options.units / 10)?;
    let few_units = city_log::folder(options.events / SMALL_SHARE, options.units / 100)?;
    announce("what the machine can do");
    let raw = rows_into_sqlite(options.events, Durability::None)?;
    let durable = rows_into_sqlite(options.events, Durability::Full)?;
    let (count, verified) = signatures(&large)?;
    let signature_rate = rate(count, verified.processor);
    announce("replays");
    let trusted = replay(&large, false, options.events)?;
    let checked = replay(&large, true, options.events)?;
    let small = replay(&tenth, false, options.events / SMALL_SHARE)?;
    let few = replay(&few_units, false, options.events / SMALL_SHARE)?;
    announce("questions");
    let (ledger, show) = questions::ledger_and_case(program, &large)?;
    Ok(vec![
        against_rows("replay without signature checks", trusted, options.events, raw, "rows without journal or sync"),
        against_rows(
            "the same, against durable rows",
            trusted,
            options.events,
            durable,
            "rows in a synced write-ahead log",
        ),
        against_signatures(checked, signature_rate),
        memory(trusted, few),
        growth(trusted, small),
        question("`unit ledger`, the whole command", ledger),
        question("`case show`, the whole command", show),
    ])
}

fn against_rows(what: &'static str, replayed: Replayed, rows: u64, raw: Taken, name: &str) -> Line {
    let (own, limit) = (replayed.taken.per_core_second(replayed.events), raw.per_core_second(rows));
    Line {
        what,
        figure: format!("{own:.0} events/s per core used ({:.2} cores)", replayed.taken.cores()),
        against: format!("{limit:.0} {name}/s per core used"),
        ratio: format!("{:.2}", own / limit),
        goal: "at least 0.35",
        reached: own / limit >= 0.35,
    }
}

fn against_signatures(replayed: Replayed, signature_rate: f64) -> Line {
    let own = rate(replayed.events, replayed.taken.wall);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let limit = signature_rate * f64::from(u32::try_from(cores).unwrap_or(1));
    Line {
        what: "replay with signature checks",
        figure: format!("{own:.0} events/s on {cores} cores"),
        against: format!("{signature_rate:.0} strict verifications/s on one core, times {cores}"),
        ratio: format!("{:.2}", own / limit),
        goal: "at least 0.8",
        reached: own / limit >= 0.8,
    }
}

fn memory(large: Replayed, few: Replayed) -> Line {
    Line {
        what: "memory of a replay",
        figure: format!("{} MiB", large.peak_mib),
        against: format!("{} MiB with a hundredth of the units and a tenth of the events", few.peak_mib),
        ratio: format!("{} MiB", large.peak_mib),
        goal: "under 300 MiB",
        reached: large.peak_mib < 300,
    }
}

fn growth(large: Replayed, small: Replayed) -> Line {
    let cost = |replayed: Replayed| {
        replayed.taken.processor.as_secs_f64() * 1e6 / rate(replayed.events, std::time::Duration::from_secs(1))
    };
    let ratio = cost(large) / cost(small);
    Line {
        what: "cost per event as the log grows tenfold",
        figure: format!("{:.2} µs an event", cost(large)),
        against: format!("{:.2} µs an event in a city a tenth as large", cost(small)),
        ratio: format!("{ratio:.2}"),
        goal: "at most 1.5",
        reached: ratio <= 1.5,
    }
}

fn question(what: &'static str, time: std::time::Duration) -> Line {
    let milliseconds = time.as_secs_f64() * 1e3;
    Line {
        what,
        figure: format!("{milliseconds:.1} ms of CPU"),
        against: "-".to_owned(),
        ratio: format!("{milliseconds:.1} ms"),
        goal: "under 20 ms",
        reached: milliseconds < 20.0,
    }
}

/// Replaces what stands below the mark; what people wrote above it stays.
fn write(options: &Options, table: &str) -> Result<(), Failure> {
    let path = workspace::root().join("docs/benchmarks.md");
    let before = std::fs::read_to_string(&path).unwrap_or_else(|_| "# Benchmarks\n\n".to_owned());
    let kept = before.split(MARK).next().unwrap_or_default();
    let Options { events, units, waiting, violations, .. } = options;
    let text = format!(
        "{kept}{MARK}\n\n{events} events over {units} units; {waiting} violations in each of two outboxes; \
         {violations} violations at nine nodes.\n\n{table}"
    );
    std::fs::write(&path, text).map_err(Failure::file(path))
}
