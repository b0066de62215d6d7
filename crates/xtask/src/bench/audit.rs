//! Audits of a city whose log has cosigned checkpoints, by the released program, against strict verification of the very same signatures.

use std::path::{Path, PathBuf};

use fengsui_log::{Embedded, EventLog, Position};
use fengsui_projector::query::{CaseFilter, Reader};

use super::limits::signatures_on_all_cores;
use super::measure::{Taken, rate};
use super::program::{Finished, run};
use super::report::Line;
use super::{Options, city_log, tree};
use crate::failure::Failure;
use crate::step::announce;
use crate::workspace;

/// Certificates that are issued and verified.
const CERTIFICATES: u32 = 5;

/// The log that is audited.
struct City {
    folder: PathBuf,
    log: PathBuf,
    exchange: PathBuf,
    head: u64,
}

/// Strict verification on all cores.
#[derive(Clone, Copy)]
struct Limit {
    per_second: f64,
    processor_microseconds: f64,
}

impl Limit {
    /// The mean of what was measured before the audits and after them: others may have been at work.
    fn between(before: (u64, Taken), after: (u64, Taken)) -> Self {
        let per_second = |(count, taken): (u64, Taken)| rate(count, taken.wall);
        let each = |(count, taken): (u64, Taken)| 1e6 / rate(count, taken.processor);
        Self {
            per_second: f64::midpoint(per_second(before), per_second(after)),
            processor_microseconds: f64::midpoint(each(before), each(after)),
        }
    }
}

/// All lines about audits and proofs.
pub fn measure(program: &Path, options: &Options) -> Result<Vec<Line>, Failure> {
    announce("the audited city");
    let city = city(program, options)?;
    announce("what the machine can do");
    let before = signatures_on_all_cores(&city.folder)?;
    announce("audits");
    let (full, without_digest) = (audit(program, &city, &[])?, audit(program, &city, &["--no-digest"])?);
    let tables = run(program, &city.folder, &["audit", "verify", "--exchange", text(&city.exchange)])?;
    let tenth = (city.head / 10).to_string();
    let small = audit(program, &city, &["--no-digest", "--until", &tenth])?;
    let after = signatures_on_all_cores(&city.folder)?;
    let limit = Limit::between(before, after);
    let head = city.head;
    let mut lines = vec![
        against_limit("audit of a log file, with digest", full, head, limit, Some(0.85)),
        against_limit("the same without the state digest", without_digest, head, limit, None),
        against_limit("audit of a node's folder, with its tables", tables, head, limit, None),
        memory(full, tables, small),
    ];
    announce("going on");
    lines.extend(going_on(program, &city)?);
    announce("archive");
    lines.extend(archive(program, &city, limit)?);
    announce("snapshot and certificates");
    lines.extend(snapshot(program, &city)?);
    lines.extend(certificates(program, &city)?);
    announce("proofs");
    lines.extend(tree::measure(options.leaves)?);
    Ok(lines)
}

/// The city with a checkpoint that states the digest, cosigned by everybody. Made once, as the city itself.
fn city(program: &Path, options: &Options) -> Result<City, Failure> {
    let folder = city_log::folder(options.events, options.units)?;
    let view = Reader::open(&folder.join("model.sqlite")).map_err(Failure::bench("the read model"))?;
    let signed = view.view().checkpoints(Some(1)).map_err(Failure::bench("the read model"))?;
    drop(view);
    if signed.is_empty() {
        run(program, &folder, &["checkpoint", "sign", "--digest"])?;
        run(program, &folder, &["checkpoint", "cosign"])?;
    }
    let (log, exchange) = (folder.join("log.sqlite"), folder.join("exchange.toml"));
    let reader = Embedded::open_reader(&log).map_err(Failure::bench("the log"))?;
    let head = reader.head().map_err(Failure::bench("the log"))?.map_or(0, Position::get);
    Ok(City { folder, log, exchange, head })
}

fn audit(program: &Path, city: &City, more: &[&str]) -> Result<Finished, Failure> {
    let mut arguments = vec!["audit", "verify", text(&city.log), "--exchange", text(&city.exchange)];
    // What is before the checkpoint is not covered by a quorum, which is no success.
    if more.contains(&"--until") {
        arguments.extend(["--quorum", "0"]);
    }
    arguments.extend(more);
    run(program, &city.folder, &arguments)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

fn against_limit(what: &'static str, finished: Finished, events: u64, limit: Limit, goal: Option<f64>) -> Line {
    let own = rate(events, finished.taken.wall);
    let cores = finished.taken.cores();
    let each = 1e6 / rate(events, finished.taken.processor);
    let Limit { per_second, processor_microseconds } = limit;
    let ratio = own / per_second;
    Line {
        what,
        figure: format!("{own:.0} events/s ({cores:.2} cores, {each:.1} µs of CPU an event)"),
        against: format!("{per_second:.0} strict verifications/s on all cores ({processor_microseconds:.1} µs each)"),
        ratio: format!("{ratio:.2} ({:.2} by CPU)", processor_microseconds / each),
        goal: if goal.is_some() { "at least 0.85" } else { "none" },
        reached: goal.is_none_or(|goal| ratio >= goal),
    }
}

fn memory(full: Finished, tables: Finished, small: Finished) -> Line {
    let peak = full.peak_mib.max(tables.peak_mib);
    Line {
        what: "most memory of an audit",
        figure: format!("{peak} MiB"),
        against: format!("{} MiB for the first tenth", small.peak_mib),
        ratio: format!("{peak} MiB"),
        goal: "under 200 MiB",
        reached: peak < 200,
    }
}

/// The first half, then 1 % more; then nearly all, and 1 % more again.
fn going_on(program: &Path, city: &City) -> Result<[Line; 2], Failure> {
    let folder = tempfile::tempdir_in(workspace::target()).map_err(Failure::file("target"))?;
    let step = city.head / 100;
    let until = |position: u64| {
        let position = position.to_string();
        audit(program, city, &["--no-digest", "--work", text(folder.path()), "--until", &position])
    };
    let seconds = |finished: Finished| finished.taken.processor.as_secs_f64();
    let first = seconds(until(city.head / 2)?);
    let after_half = seconds(until(city.head / 2 + step)?);
    let rest = seconds(until(city.head - step)?);
    let at_end = seconds(until(city.head)?);
    let ratio = at_end / ((first + after_half + rest + at_end) * 0.01);
    let growth = at_end / after_half;
    Ok([
        Line {
            what: "going on after 1 % more events",
            figure: format!("{at_end:.2} s of CPU"),
            against: format!("{:.2} s for a hundredth of an audit from the first event on", at_end / ratio),
            ratio: format!("{ratio:.2}"),
            goal: "at most 2",
            reached: ratio <= 2.0,
        },
        Line {
            what: "going on, where twice as much lies before",
            figure: format!("{at_end:.2} s of CPU"),
            against: format!("{after_half:.2} s for as many events in the middle of the log"),
            ratio: format!("{growth:.2}"),
            goal: "at most 1.25",
            reached: growth <= 1.25,
        },
    ])
}

fn archive(program: &Path, city: &City, limit: Limit) -> Result<[Line; 2], Failure> {
    let folder = tempfile::tempdir_in(workspace::target()).map_err(Failure::file("target"))?;
    let out = folder.path().join("city.zip");
    let exported = run(program, &city.folder, &["audit", "export", "--out", text(&out)])?;
    let arguments = ["audit", "verify", text(&out), "--exchange", text(&city.exchange)];
    let verified = run(program, &city.folder, &arguments)?;
    Ok([
        against_limit("audit export, one ZIP file", exported, city.head, limit, None),
        against_limit("audit of that archive", verified, city.head, limit, None),
    ])
}

fn snapshot(program: &Path, city: &City) -> Result<[Line; 2], Failure> {
    let folder = tempfile::tempdir_in(workspace::target()).map_err(Failure::file("target"))?;
    let file = folder.path().join("city.snapshot");
    let size = checkpoint_size(city)?;
    let written = run(program, &city.folder, &["snapshot", "write", "--out", text(&file)])?;
    // A node that has tables up to there keeps them: the one that loads has none.
    for name in ["model.sqlite", "model.sqlite-wal", "model.sqlite-shm"] {
        match std::fs::remove_file(city.folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Failure::file(name)(error)),
            _ => {}
        }
    }
    let loaded = run(program, &city.folder, &["snapshot", "load", text(&file)])?;
    let replayed = run(program, &city.folder, &["replay"])?;
    let seconds = |finished: Finished| finished.taken.wall.as_secs_f64();
    let line = |what, finished| {
        let ratio = seconds(finished) / seconds(replayed);
        Line {
            what,
            figure: format!("{:.1} s, {} MiB", seconds(finished), finished.peak_mib),
            against: format!("{:.1} s for a replay with signatures", seconds(replayed)),
            ratio: format!("{ratio:.2}"),
            goal: "none",
            reached: true,
        }
    };
    eprintln!("    the snapshot is of position {size}");
    Ok([line("snapshot write", written), line("snapshot load, and what came after it", loaded)])
}

fn checkpoint_size(city: &City) -> Result<u64, Failure> {
    let reader = Reader::open(&city.folder.join("model.sqlite")).map_err(Failure::bench("the read model"))?;
    let newest = reader.view().checkpoints(Some(1)).map_err(Failure::bench("the read model"))?;
    Ok(newest.first().map_or(0, |checkpoint| checkpoint.size))
}

fn certificates(program: &Path, city: &City) -> Result<[Line; 2], Failure> {
    let folder = tempfile::tempdir_in(workspace::target()).map_err(Failure::file("target"))?;
    let reader = Reader::open(&city.folder.join("model.sqlite")).map_err(Failure::bench("the read model"))?;
    let filter = CaseFilter { limit: Some(1_000), ..CaseFilter::default() };
    let cases = reader.view().cases(&filter).map_err(Failure::bench("the read model"))?;
    drop(reader);
    let unit = cases.last().map(|case| case.unit.to_string()).unwrap_or_default();
    let (mut issued, mut verified) = (std::time::Duration::ZERO, std::time::Duration::ZERO);
    for number in 0..CERTIFICATES {
        let file = folder.path().join(format!("{number}.json"));
        let issue = ["--agency", "fire", "certificate", "issue", &unit, "--out", text(&file)];
        issued += run(program, &city.folder, &issue)?.taken.processor;
        let verify = ["certificate", "verify", text(&file), "--exchange", text(&city.exchange)];
        verified += run(program, &city.folder, &verify)?.taken.processor;
    }
    let line = |what, time: std::time::Duration| {
        let milliseconds = time.as_secs_f64() * 1e3 / f64::from(CERTIFICATES);
        Line {
            what,
            figure: format!("{milliseconds:.0} ms of CPU"),
            against: "-".to_owned(),
            ratio: format!("{milliseconds:.0} ms"),
            goal: "none",
            reached: true,
        }
    };
    Ok([
        line("`certificate issue`, the whole command", issued),
        line("`certificate verify`, the whole command", verified),
    ])
}
