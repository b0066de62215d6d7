//! An archive as something to audit.

use std::ops::ControlFlow;

use fengsui_event::Digest;
use fengsui_log::{Record, RecordRef};
use fengsui_proof::archive::{Archive, ArchiveError, ArchiveKey, ArchiveRecord};

use super::finding::{Check, Fault, Finding, Severity};
use super::outcome::Outcome;
use super::source::{Beside, Records, RecordsError};
use super::{AuditError, AuditOptions, audit, part};
use crate::projector::Watcher;
use crate::state::Registry;

/// Audits an archive, whose parts fit each other ([`Archive::check`] has said so): its events like those of a log, and then what it states of
/// keys and rulebooks against what the events give. What begins later than position 1 is audited as far as that goes.
pub fn audit_archive(
    archive: &Archive,
    beside: &Beside,
    options: &AuditOptions,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, AuditError> {
    if archive.manifest().first > 1 {
        return part::audit_part(archive, beside, options, watcher);
    }
    let mut outcome = audit(&ArchiveRecords(archive), beside, options, watcher)?;
    if outcome.position == archive.manifest().last {
        let found = stated(archive, &outcome.registry).map_err(RecordsError::from)?;
        let finding = |what| Finding::new(Check::Keys, Severity::Integrity, None, Fault::StatedDiffers { what });
        outcome.add(found.map(finding));
    }
    Ok(outcome)
}

/// The first thing that the archive states of keys and rulebooks and its events do not give, or the other way round.
fn stated(archive: &Archive, registry: &Registry) -> Result<Option<String>, ArchiveError> {
    let given = registry.keys.iter().map(|(keyid, key)| ArchiveKey {
        agency: key.agency,
        keyid: *keyid,
        since: key.since,
        until: key.until,
    });
    let mut given: Vec<ArchiveKey> = given.collect();
    given.sort();
    let stated = archive.keys()?;
    let differs = |key: &&ArchiveKey| given.binary_search(key).is_err() || stated.binary_search(key).is_err();
    if let Some(key) = stated.iter().chain(&given).find(differs) {
        return Ok(Some(format!("keys.jsonl, {}", key.keyid)));
    }
    let mut published = registry.rulebooks.iter().map(|published| (published.position, published.sha256));
    for rulebook in archive.rulebooks() {
        let (position, text) = rulebook?;
        if published.next() != Some((position, Digest::of(text.as_bytes()))) {
            return Ok(Some(format!("rulebooks/, position {position}")));
        }
    }
    Ok(published.next().map(|(position, _)| format!("rulebooks/, position {position}")))
}

/// The records of an archive that begins at position 1.
pub struct ArchiveRecords<'a>(
    /// The archive.
    pub &'a Archive,
);

impl From<ArchiveError> for RecordsError {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(Box::new(error))
    }
}

impl Records for ArchiveRecords<'_> {
    fn last(&self) -> Result<u64, RecordsError> {
        Ok(self.0.manifest().last)
    }

    fn scan(
        &self,
        from: u64,
        until: u64,
        visit: &mut dyn FnMut(u64, RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), RecordsError> {
        let missing = Record::missing();
        for record in self.0.records(from) {
            let ArchiveRecord { position, content } = record?;
            if position > until {
                break;
            }
            let view = match &content {
                None => missing.as_ref(),
                Some(content) => RecordRef {
                    id: content.id,
                    subject: &content.subject,
                    bytes: &content.bytes,
                    signature: &content.signature,
                },
            };
            if visit(position, view).is_break() {
                break;
            }
        }
        Ok(())
    }
}
