//! `cargo xtask bench`: builds the benchmarks in release mode and runs them. They are a feature of this crate, so that
//! the everyday tasks build without the whole program.

#[cfg(feature = "bench")]
mod audit;
#[cfg(feature = "bench")]
mod city_log;
#[cfg(feature = "bench")]
mod eight_nodes;
#[cfg(feature = "bench")]
mod exchange;
#[cfg(feature = "bench")]
mod limits;
#[cfg(feature = "bench")]
mod measure;
#[cfg(feature = "bench")]
mod nodes;
#[cfg(feature = "bench")]
mod program;
#[cfg(feature = "bench")]
mod questions;
#[cfg(feature = "bench")]
mod raw_stream;
#[cfg(feature = "bench")]
mod reconciling;
#[cfg(feature = "bench")]
mod replaying;
#[cfg(feature = "bench")]
mod report;
#[cfg(feature = "bench")]
mod suite;
#[cfg(feature = "bench")]
mod tree;

use clap::Args;

/// As in the program itself: events are made on one thread and dropped on another, which the system's allocator is slow at.
#[cfg(feature = "bench")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use crate::failure::Failure;

/// What to measure.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Options {
    /// Events of the large log
    #[arg(long, default_value_t = 1_000_000)]
    pub events: u64,
    /// Units of the large log
    #[arg(long, default_value_t = 200_000)]
    pub units: u32,
    /// Violations that wait in an outbox
    #[arg(long, default_value_t = 25_000)]
    pub waiting: u64,
    /// Violations that eight agencies handle
    #[arg(long, default_value_t = 50_000)]
    pub violations: u64,
    /// Leaves of the tree that proofs are made from
    #[arg(long, default_value_t = 10_000_000)]
    pub leaves: u64,
    /// Measure only nodes on a broker, and print the table
    #[arg(long, conflicts_with = "only_audit")]
    pub only_broker: bool,
    /// Measure only audits, archives, snapshots and proofs, and print the table
    #[arg(long)]
    pub only_audit: bool,
    /// Rows of a book, and as many cases
    #[arg(long, default_value_t = 1_000_000)]
    pub rows: u64,
    /// Measure only a book against its cases, and print the table
    #[arg(long, conflicts_with_all = ["only_broker", "only_audit"])]
    pub only_reconcile: bool,
    /// Print the table and leave docs/benchmarks.md as it is
    #[arg(long)]
    pub no_write: bool,
    /// Hold a book of so many rows against as many cases: one measurement in a process of its own
    #[arg(long, hide = true, value_name = "ROWS")]
    pub reconcile: Option<u64>,
    /// Replay this folder's log once and print what it took: one measurement in a process of its own
    #[arg(long, hide = true, value_names = ["FOLDER", "CHECK", "UNTIL"], num_args = 3)]
    pub replay: Option<Vec<String>>,
}

/// Runs the benchmarks.
#[cfg(feature = "bench")]
pub fn run(options: &Options) -> Result<(), Failure> {
    suite::run(options)
}

/// Builds this program with the benchmarks, in release mode, and hands over to it.
#[cfg(not(feature = "bench"))]
pub fn run(_: &Options) -> Result<(), Failure> {
    let mut command = crate::workspace::cargo();
    command.args(["run", "--release", "--package", "xtask", "--features", "bench", "--"]);
    crate::step::run("the benchmarks", command.args(std::env::args().skip(1)))
}
