//! Checking everything: bytes, signatures, keys, chains, tree, checkpoints, cosignatures, tiles, and the tables drawn from it all.
//!
//! The guards are the fold's own ([`crate::fold::admission`]): what has no effect on the tables is what an audit finds. Beside the fold the
//! leaves of the Merkle tree are hashed in the same pass. Nothing that lies beside the records is trusted: tiles, tables and checkpoints are
//! compared with what is computed. `docs/audit.md` tells what each finding means.

mod anomalies;
mod archive;
mod begin;
mod checkpoints;
mod finding;
mod outcome;
mod part;
mod pipeline;
mod source;
mod stops;
mod stored_tiles;
mod work;

use std::path::PathBuf;

use fengsui_log::{ReadError, StorageError};
use fengsui_proof::policy::Cosigner;
use fengsui_proof::tiles::TileError;

pub use archive::{ArchiveRecords, audit_archive};
pub use begin::{BeginError, begin_from_snapshot};
pub use checkpoints::Covered;
pub use finding::{Check, Fault, Finding, Severity};
pub use outcome::{Checked, Outcome, Skipped};
pub use source::{Beside, FoundCheckpoint, LogRecords, Records, RecordsError};

use crate::projector::Watcher;
use crate::state::Registry;
use crate::store::ModelError;
use outcome::{Model, Run};
use pipeline::Stretch;
use work::Work;

/// What is to be audited, and how.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// Whom to trust from the start.
    pub genesis: Registry,
    /// Last position to look at; the head when absent.
    pub until: Option<u64>,
    /// Where the audit keeps its own tables and tree.
    pub work: PathBuf,
    /// Whether the next audit goes on from there.
    pub keep: bool,
    /// Cosigners beside the registered agencies.
    pub cosigners: Vec<Cosigner>,
    /// How many cosignatures are needed; more than half of the other agencies when absent.
    pub quorum: Option<usize>,
    /// Whether the state digest is computed and compared. Its cost grows with the whole state, not with what is new.
    pub digest: bool,
}

/// Why an audit could not be brought to its end.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The records.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The audit's own tables.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The audit's own folder.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The audit's own tree.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// The folder holds the audit of another exchange.
    #[error(
        "{folder} holds an audit that trusted another exchange file: name another folder with --work, or the exchange file of that audit"
    )]
    OtherTrust {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds something that no audit has put there.
    #[error("{folder} holds {found}, so it is no audit's own folder: name an empty or a new one with --work")]
    NotOwnFolder {
        /// The folder.
        folder: PathBuf,
        /// What lies in it.
        found: String,
    },
    /// The note of what was verified cannot be written.
    #[error("what was verified cannot be written down: {0}")]
    Note(String),
    /// Reading ended before the last position.
    #[error(
        "reading stopped at position {position}, before the last one, {last}: the log changed while it was read; run the audit again"
    )]
    Ended {
        /// The position that did not come.
        position: u64,
        /// The last position.
        last: u64,
    },
    /// So many positions hold nothing that it is no use to go on.
    #[error("positions {first} to {last} and many others hold no record: this is no whole log; look for another copy")]
    TooMuchMissing {
        /// First of the last hole.
        first: u64,
        /// Last of it.
        last: u64,
    },
    /// Somebody asked to stop.
    #[error("interrupted at position {position}")]
    Interrupted {
        /// Last position that was verified.
        position: u64,
    },
}

impl From<ReadError> for AuditError {
    fn from(error: ReadError) -> Self {
        Self::Records(error.into())
    }
}

/// Audits records with what lies beside them.
///
/// A finding is a value, never an error. Errors: what could not be read or written, and [`AuditError::Interrupted`]; what was verified
/// up to there is kept where `options.keep` says so.
pub fn audit(
    records: &dyn Records,
    beside: &Beside,
    options: &AuditOptions,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, AuditError> {
    let model = Model::read(beside, options);
    let head = records.last()?;
    let mut work = Work::open(&options.work, &options.genesis, options.keep, model.asks_for())?;
    let mut run = Run::new(options, head, &work);
    if let Some(broken) = work.broken_continuity(records, head)? {
        run.findings.add(broken);
        return Ok(run.into_outcome(&work));
    }
    run.take_model(model);
    let mut unreadable = None;
    for stop in stops::of(records, beside, options, &run)? {
        let from = work.projector.progress().position + 1;
        let stretch = Stretch { from, until: stop.position, last: run.until };
        match pipeline::run(&mut work.projector, &mut work.tree, records, stretch, watcher) {
            Ok(found) => unreadable = unreadable.or(found),
            Err(error @ AuditError::Interrupted { .. }) => {
                work.settle()?;
                let kept = run.kept_findings(&work);
                work.close(kept)?;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        if stop.digest {
            run.note_state(&work.projector)?;
        }
    }
    work.settle()?;
    run.judge(records, beside, &work, unreadable)?;
    let kept = run.kept_findings(&work);
    let outcome = run.into_outcome(&work);
    work.close(kept)?;
    Ok(outcome)
}
