//! Developers' own tasks. `cargo xtask test` is the one that the README names; it does all of its own set-up.
//!
//! To add a task: a module with a `run`, a variant of [`Task`] and a line in [`perform`].

mod bench;
mod ci;
mod deny;
mod doc_tests;
mod failure;
mod fuzz;
mod nats_server;
mod python_peers;
mod schemas;
mod step;
mod test_run;
mod tool;
mod wheel;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Developers' own tasks for fengsui.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Get the test runner, the broker and the Python packages when they are missing, then run every test of the workspace
    Test(test_run::Options),
    /// What a submission must pass: format, lints, schemas, dependencies, tests
    Ci,
    /// Write schemas/ from the code
    Schemas(schemas::Options),
    /// Measure, against limits measured in the same run, and write docs/benchmarks.md
    Bench(bench::Options),
    /// Fuzz every parser of foreign bytes, from the inputs kept in tests/fuzz/corpus
    Fuzz(fuzz::Options),
    /// Get nats-server when it is missing, and print where it is
    NatsServer,
    /// Get the Python packages that proofs are compared with, and print where they are
    PythonPeers,
    /// Check licences, duplicates, sources and advisories of the dependencies
    Deny,
}

fn main() -> ExitCode {
    match perform(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            failure.exit_code()
        }
    }
}

fn perform(task: Task) -> Result<(), Failure> {
    match task {
        Task::Test(options) => test_run::run(&options),
        Task::Ci => ci::run(),
        Task::Schemas(options) => schemas::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::NatsServer => nats_server::run(),
        Task::PythonPeers => python_peers::run(),
        Task::Deny => deny::run(),
    }
}
