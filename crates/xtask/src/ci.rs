//! What a submission must pass, cheap checks first. The first step that fails ends the run.

use std::time::Duration;

use crate::failure::Failure;
use crate::step::{self, Timed};
use crate::workspace::{cargo, root};
use crate::{deny, fuzz, schemas, test_run};

type Check = fn() -> Result<(), Failure>;

/// Runs every check, then the tests.
///
/// The table of durations stands before the tests, not after: nextest's summary has to be the last thing printed,
/// since that is where people and machines look for the result. It tells the tests' duration itself.
pub fn run() -> Result<(), Failure> {
    let checks: [(&'static str, Check); 6] = [
        ("format", format),
        ("digest", independent_digest),
        ("dependencies", deny::run),
        ("lints", lints),
        ("schemas", fresh_schemas),
        ("fuzzing", short_fuzzing),
    ];
    let mut done = Vec::new();
    for (name, check) in checks {
        let (timed, result) = step::timed(name, check);
        done.push(timed);
        if result.is_err() {
            print_table(&done, false);
            return result;
        }
    }
    print_table(&done, true);
    let (timed, result) = step::timed("tests", || test_run::run(&test_run::Options::default()));
    done.push(timed);
    if result.is_err() {
        print_table(&done, false);
    }
    result
}

fn format() -> Result<(), Failure> {
    step::run("format", cargo().args(["fmt", "--all", "--check"]))
}

fn lints() -> Result<(), Failure> {
    let clippy = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    step::run("lints", cargo().args(clippy))
}

/// The golden log and its state, checked by a program that shares no code with this one.
fn independent_digest() -> Result<(), Failure> {
    let mut python = std::process::Command::new("python3");
    step::run("the independent digest", python.arg("docs/examples/check-digest.py").current_dir(root()))
}

fn fresh_schemas() -> Result<(), Failure> {
    schemas::run(&schemas::Options { check: true })
}

fn short_fuzzing() -> Result<(), Failure> {
    fuzz::run(&fuzz::Options::for_ci())
}

fn print_table(done: &[Timed], tests_follow: bool) {
    eprintln!("\n    step          took       result");
    for Timed { name, duration, passed } in done {
        let result = if *passed { "passed" } else { "FAILED" };
        eprintln!("    {name:<12}  {:>9}  {result}", minutes(*duration));
    }
    if tests_follow {
        eprintln!("    {:<12}  {:>9}  now", "tests", "");
    }
}

fn minutes(duration: Duration) -> String {
    format!("{} min {:02} s", duration.as_secs() / 60, duration.as_secs() % 60)
}
