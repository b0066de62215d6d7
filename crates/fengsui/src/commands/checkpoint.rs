//! Checkpoints of the log: signed by the authority, checked and cosigned by everybody else.

mod check;
mod show;
mod sign;

use std::path::Path;

use fengsui_node::checkpoints::{CheckpointError, LedgerError};

use crate::arguments::checkpoint::CheckpointCommand;
use crate::exit::{Exit, Failure};
use crate::output::Bar;
use crate::session::Session;

/// Checkpoints.
pub fn run(session: &Session, command: CheckpointCommand) -> Result<Exit, Failure> {
    match command {
        CheckpointCommand::List { limit } => show::list(session, limit),
        CheckpointCommand::Show { size, note } => show::show(session, size, note),
        present => {
            session.refuse_as_of()?;
            match present {
                CheckpointCommand::Sign { digest } => sign::sign(session, digest),
                CheckpointCommand::Cosign(arguments) => sign::cosign(session, &arguments),
                CheckpointCommand::Check(arguments) => check::check(session, &arguments),
                CheckpointCommand::Prove { position, out } => check::prove(session, position, &out),
                CheckpointCommand::Key { file, name } => sign::key(session, &file, &name),
                CheckpointCommand::Forget { reason } => sign::forget(session, &reason),
                CheckpointCommand::List { .. } | CheckpointCommand::Show { .. } => Ok(Exit::Done),
            }
        }
    }
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        use fengsui_event::Language::{En, Zh};
        match error {
            CheckpointError::Node(error) => Self::Node(error),
            CheckpointError::AsOf(error) => Self::AsOf(error),
            CheckpointError::Ledger(LedgerError::Storage(fault)) => fault.into(),
            CheckpointError::Io { path, source } => Self::File { path, source },
            error if error.is_integrity() => {
                Self::Integrity { code: error.code(), zh: error.message(Zh), en: error.message(En) }
            }
            error => Self::failed(error.code(), error.message(Zh), error.message(En)),
        }
    }
}

/// How far the log is hashed. From here on Ctrl-C ends the work at the next safe point.
fn bar(session: &Session) -> Bar {
    crate::interrupt::watch();
    Bar::new(session.output.look(), "计算日志的哈希树", "Hashing the log")
}

/// The longest text that is read: a proof with its extra data.
const TEXT_BYTES_MAX: usize = 2 << 20;

/// Reads a text that somebody hands over; of a longer one than `most` bytes only the beginning, which then is nothing that fits.
pub(super) fn read_text(path: &Path, most: usize) -> Result<String, Failure> {
    use std::io::Read as _;
    let mut text = String::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = std::fs::File::open(path).and_then(|file| file.take(most).read_to_string(&mut text));
    read.map_err(Failure::file(path))?;
    Ok(text)
}
