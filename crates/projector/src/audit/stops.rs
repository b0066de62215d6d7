//! Where the audit pauses to take the state digest: at its end, where a checkpoint states one, and where the tables stand.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::checkpoints::note_of;
use super::outcome::Run;
use super::source::{Beside, Records, RecordsError};
use super::{AuditError, AuditOptions};

/// How far back from the end the log is searched for the newest checkpoint that states a digest.
const LOOK_BACK: u64 = 200_000;
/// The end of the subject under which checkpoints are published.
const CHECKPOINT_SUBJECT: &str = ".checkpoint.cosigned";

/// A position at which the audit pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub position: u64,
    /// Whether the state digest is wanted.
    pub digest: bool,
}

/// The stops, in order; the last one is the last position of the audit.
pub(super) fn of(
    records: &dyn Records,
    beside: &Beside,
    options: &AuditOptions,
    run: &Run<'_>,
) -> Result<Vec<Stop>, AuditError> {
    if !options.digest {
        return Ok(vec![Stop { position: run.until, digest: false }]);
    }
    let stated = beside.checkpoints.iter().map(|found| found.note.checkpoint());
    let newest = stated.filter(|one| one.digest.is_some()).map(|one| one.size).filter(|size| *size <= run.until).max();
    let on_log = newest_on_log(records, options, run)?;
    let mut positions: Vec<u64> = newest.into_iter().chain(on_log).chain(run.model_position()).collect();
    positions.retain(|position| run.begun_at < *position && *position <= run.until);
    positions.push(run.until);
    positions.sort_unstable();
    positions.dedup();
    Ok(positions.into_iter().map(|position| Stop { position, digest: true }).collect())
}

/// The size of the newest checkpoint near the end of the log that states a digest. Those that a key of the exchange file signed go first: who
/// forges one must not decide where the audit looks.
fn newest_on_log(records: &dyn Records, options: &AuditOptions, run: &Run<'_>) -> Result<Option<u64>, AuditError> {
    let from = (run.begun_at + 1).max(run.until.saturating_sub(LOOK_BACK - 1));
    let mut sizes: BTreeMap<bool, u64> = BTreeMap::new();
    let mut look = |position: u64, record: fengsui_log::RecordRef<'_>| {
        let note = record.subject.ends_with(CHECKPOINT_SUBJECT).then(|| note_of(record.bytes)).flatten();
        if let Some(note) = note.filter(|note| note.checkpoint().digest.is_some() && note.checkpoint().size < position)
        {
            let is_authoritys = options.genesis.keys.keys().any(|keyid| note.is_signed_by(*keyid));
            let size = sizes.entry(is_authoritys).or_default();
            *size = note.checkpoint().size.max(*size);
        }
        ControlFlow::Continue(())
    };
    let mut from = from;
    while from <= run.until {
        match records.scan(from, run.until, &mut look) {
            Ok(()) => break,
            Err(RecordsError::Missing { last, .. }) if last >= from => from = last + 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sizes.get(&true).or_else(|| sizes.get(&false)).copied())
}
