//! Every test of the workspace, from nothing but Rust, a C compiler and pip.

use clap::Args;

use crate::failure::Failure;
use crate::workspace::cargo;
use crate::{doc_tests, nats_server, python_peers, step, tool};

/// What to test.
#[derive(Args, Default)]
pub struct Options {
    /// Passed on to nextest: a filter, `--no-capture`, and so on
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    nextest: Vec<String>,
}

/// Runs all tests. Nextest comes last, so that its summary closes the output.
pub fn run(options: &Options) -> Result<(), Failure> {
    let nextest = tool::NEXTEST.find_or_get()?;
    let broker = nats_server::find_or_get()?;
    let peers = python_peers::find_or_get()?;

    step::announce("building the workspace (the first time takes several minutes)");
    // The end-to-end tests start the program itself, which a test build alone does not produce.
    step::run("build", cargo().args(["build", "--workspace", "--all-features", "--bins"]))?;

    if options.nextest.is_empty() {
        for package in doc_tests::packages()? {
            step::announce(&format!("examples in the documentation of {package}"));
            step::run("doc tests", cargo().args(["test", "--doc", "--all-features", "--package", &package]))?;
        }
    }

    step::announce("tests");
    let mut tests = nextest.command();
    tests.args(["run", "--workspace", "--all-features"]).args(&options.nextest);
    tests.env(nats_server::VARIABLE, broker).env(python_peers::VARIABLE, peers);
    step::run("tests", &mut tests)
}
