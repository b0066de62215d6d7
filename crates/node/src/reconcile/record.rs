//! Recording a reconciliation on the log, and remembering its differences for the next one.

use std::path::PathBuf;

use fengsui_event::payload::ReconciliationRecorded;
use fengsui_event::{AgencyCode, Digest, EventId, Timestamp};
use fengsui_projector::reconcile::{Balance, Known, Since, since};
use serde::{Deserialize, Serialize};

use crate::desk::{Command, RandomIds};
use crate::folder::{Folder, write_atomically};
use crate::node::{Accepted, Node, NodeError};

/// The folder of remembered reconciliations within the node's folder.
const RECONCILIATIONS: &str = "reconciliations";

/// The last reconciliation of an agency, as the node remembers it. The log has its counts and the digest of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// Its event.
    pub event: EventId,
    /// SHA-256 of the book's file.
    pub sha256: Digest,
    /// The differences.
    pub differences: Vec<Known>,
}

impl Remembered {
    fn path(folder: &Folder, agency: AgencyCode) -> PathBuf {
        folder.root().join(RECONCILIATIONS).join(format!("{agency}.json"))
    }

    /// The last one of an agency. What cannot be read is as good as none: it only serves to tell what changed.
    #[must_use]
    pub fn load(folder: &Folder, agency: AgencyCode) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(Self::path(folder, agency)).ok()?).ok()
    }

    fn save(&self, folder: &Folder, agency: AgencyCode) -> std::io::Result<()> {
        std::fs::create_dir_all(folder.root().join(RECONCILIATIONS))?;
        write_atomically(&Self::path(folder, agency), &serde_json::to_vec(self)?)
    }
}

/// What recording has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The event that stands for this reconciliation.
    pub event: EventId,
    /// Whether it is new; the same book with the same result is recorded once.
    pub is_new: bool,
    /// What changed since the one before, when the node remembers it.
    pub since: Option<Since>,
    /// Why it could not be remembered for the next one, if so.
    pub forgotten: Option<String>,
}

/// Records a reconciliation.
///
/// # Errors
/// [`NodeError`] as for every command.
pub fn record(
    node: &mut Node,
    agency: AgencyCode,
    sha256: Digest,
    balance: &Balance,
    differences: Vec<Known>,
    now: Timestamp,
) -> Result<Accepted<Recorded>, NodeError> {
    let remembered = Remembered::load(node.folder(), agency);
    let position = node.progress().position;
    let digest = Known::digest(&differences);
    let Accepted { result: (event, is_new, previous), waits } = node.accept(|batch| {
        let previous = match remembered {
            Some(it) if batch.is_known(it.event)? => Some(it),
            _ => None,
        };
        if let Some(same) = previous.as_ref().filter(|it| it.sha256 == sha256 && it.differences == differences) {
            return Ok::<_, NodeError>((same.event, false, previous));
        }
        let data = ReconciliationRecorded {
            agency,
            sha256,
            position,
            rows: balance.rows,
            cases: balance.cases,
            classes: balance.classes.clone(),
            differences: digest,
            previous: previous.as_ref().map(|it| it.event),
        };
        let receipt = batch.submit(agency, Command::RecordReconciliation(data), &mut RandomIds, now)?;
        let event = receipt.events.first().map_or_else(|| EventId::from_parts(0, [0; 10]), |event| event.id);
        Ok((event, true, previous))
    })?;
    let since = previous.map(|previous| since(&previous.differences, &differences));
    let remembered = Remembered { event, sha256, differences };
    let saved = if is_new { remembered.save(node.folder(), agency) } else { Ok(()) };
    let forgotten = saved.err().map(|error| error.to_string());
    Ok(Accepted { result: Recorded { event, is_new, since, forgotten }, waits })
}
