//! A book of many rows against as many cases, in a process of its own, so that its memory is its own.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fengsui_event::{CaseId, Date, Fen, Language, Outcome};
use fengsui_node::reconcile::{BookOptions, read_book};
use fengsui_projector::reconcile::{Handled, LogCase, Standing, reconcile};
use fengsui_projector::state::CaseStatus;
use fengsui_sheets::{ColumnMap, ReadOptions};

use super::measure::{peak_memory_mib, taken};
use super::report::Line;
use crate::failure::Failure;

/// Of so many rows one has another fine, one no number, and one is not on the log.
const DAMAGE_EVERY: usize = 50;

/// Measures in a child.
pub fn measure(rows: u64) -> Result<Vec<Line>, Failure> {
    let program = std::env::current_exe().map_err(Failure::file("this program"))?;
    let mut command = Command::new(&program);
    command.arg("bench").arg("--reconcile").arg(rows.to_string());
    let output = command.output().map_err(Failure::file(program))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [reading, comparing, peak_mib] = numbers[..] else {
        let reason = format!("the child said {text:?} and {}", String::from_utf8_lossy(&output.stderr));
        return Err(Failure::Bench { what: "reconcile", reason });
    };
    let seconds = |milliseconds: u64| Duration::from_millis(milliseconds).as_secs_f64();
    let ratio = seconds(reading + comparing) / seconds(reading);
    Ok(vec![
        Line {
            what: "`reconcile --against`, a book against as many cases",
            figure: format!("{:.1} s for {rows} rows", seconds(reading + comparing)),
            against: format!("{:.1} s for reading the book alone", seconds(reading)),
            ratio: format!("{ratio:.2}"),
            goal: "at most 4",
            reached: ratio <= 4.0,
        },
        Line {
            what: "its memory, both sides held",
            figure: format!("{peak_mib} MiB"),
            against: "-".to_owned(),
            ratio: format!("{peak_mib} MiB"),
            goal: "under 1024 MiB",
            reached: peak_mib < 1024,
        },
    ])
}

/// The child: prints milliseconds for reading the book and for comparing, and MiB.
pub fn child(rows: u64) -> Result<(), Failure> {
    let folder = tempfile::tempdir_in(crate::workspace::target()).map_err(Failure::file("target"))?;
    let path = folder.path().join("book.csv");
    let count = usize::try_from(rows).map_err(Failure::bench("the number of rows"))?;
    write_book(&path, count).map_err(Failure::file("the book"))?;
    let options = BookOptions { reading: ReadOptions::default(), language: Language::En };
    let (book, reading) = taken(|| {
        read_book(&path, &options, &ColumnMap::builtin_book(), &mut |_, _| ControlFlow::Continue(()))
            .map_err(Failure::bench("the book"))
    })?;
    let cases: Vec<LogCase> = (0..count).map(case).collect::<Result<_, _>>()?;
    let (outcome, comparing) = taken(|| Ok(reconcile(&book.rows, &cases)))?;
    outcome.balance.check().map_err(Failure::bench("the balance"))?;
    println!("{} {} {}", reading.wall.as_millis(), comparing.wall.as_millis(), peak_memory_mib()?);
    Ok(())
}

fn day(number: usize, later: usize) -> Result<Date, Failure> {
    let (month, day) = (number / 28 % 12 + 1, number % 28 + 1);
    format!("{}-{month:02}-{day:02}", 2020 + number % 5 + later).parse().map_err(Failure::bench("a day"))
}

fn write_book(path: &Path, count: usize) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(
        file,
        "统一社会信用代码,单位名称,违法行为类型,发现日期,行政区划代码,地址,处罚决定书文号,办理日期,处理结果,罚款金额,状态"
    )?;
    for number in 0..count {
        let kind = number % DAMAGE_EVERY;
        let decision = match kind {
            1 => String::new(),
            2 => format!("另立〔2026〕{number}号"),
            _ => format!("漳消行罚决字〔2026〕第{number:07}号"),
        };
        let unit = if kind == 2 { count + number } else { number / 3 };
        let fine = if kind == 0 { 1 } else { 5_000 };
        let (found, handled) = (day(number, 0), day(number, 1));
        let (Ok(found), Ok(handled)) = (found, handled) else { continue };
        writeln!(
            file,
            "local.book:{unit},某某酒店有限公司{unit},fire.60-{},{found},350602,新华西路{unit}号,{decision},{handled},行政处罚,{fine},已办结",
            number % 3 + 1
        )?;
    }
    file.flush()
}

fn case(number: usize) -> Result<LogCase, Failure> {
    let unit = number / 3;
    let handled = Handled {
        own: true,
        on: day(number, 1)?,
        outcome: Outcome::Penalised,
        fine: Some(Fen::new(500_000).map_err(Failure::bench("a fine"))?),
        decision: Some(format!("漳消行罚决字〔2026〕第{number:07}号").into()),
        submitted_on: day(number, 1)?,
    };
    let (mut random, found_on) = ([0; 10], day(number, 0)?);
    random[2..].copy_from_slice(&(number as u64).to_be_bytes());
    Ok(LogCase {
        id: CaseId::from_parts(1, random),
        unit: format!("local.book:{unit}").parse().map_err(Failure::bench("a unit"))?,
        name: format!("某某酒店有限公司{unit}").into(),
        found_on,
        recorded_on: found_on,
        category: format!("fire.60-{}", number % 3 + 1).parse().map_err(Failure::bench("a category"))?,
        region: "350602".parse().map_err(Failure::bench("a region"))?,
        address: format!("新华西路{unit}号").into(),
        reference: Some(format!("tourism-2026-{number:07}").into()),
        reporter: "tourism".parse().map_err(Failure::bench("an agency"))?,
        is_reporter: false,
        status: CaseStatus::Closed,
        closed_on: Some(day(number, 1)?),
        handled: Some(Box::new(handled)),
        standing: Standing::default(),
    })
}
