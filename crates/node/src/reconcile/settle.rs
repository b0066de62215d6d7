//! Doing what settles a difference, each line at most once.

use fengsui_event::{AgencyCode, EventId, Timestamp};

use crate::desk::{Command, DerivedIds, IdSource};
use crate::node::{Accepted, Node, NodeError};

/// A line of settling commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The reconciliation from which it comes.
    pub reconciliation: EventId,
    /// Its number, which stays when the text of the line is edited.
    pub number: u32,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was done now.
    Done(EventId),
    /// It was done before.
    Already(EventId),
}

impl Line {
    /// The ids of its events follow from the reconciliation and the number alone.
    fn ids(&self) -> DerivedIds {
        let time = i64::try_from(self.reconciliation.timestamp_ms()).ok();
        let time = time.and_then(|it| Timestamp::from_millisecond(it).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
        DerivedIds::at(&["reconciliation", &self.reconciliation.to_string(), &self.number.to_string()], time)
    }

    fn first_id(&self, now: Timestamp) -> EventId {
        self.ids().next(now)
    }
}

/// Whether a line was done before.
///
/// # Errors
/// [`NodeError`] when the tables cannot be read.
pub fn already_done(node: &mut Node, line: &Line, now: Timestamp) -> Result<bool, NodeError> {
    let id = line.first_id(now);
    node.accept(|batch| batch.is_known(id)).map(|accepted| accepted.result)
}

/// Does a line, unless it was done before.
///
/// # Errors
/// [`NodeError`] as for every command.
pub fn settle(
    node: &mut Node,
    agency: AgencyCode,
    line: &Line,
    command: Command,
    now: Timestamp,
) -> Result<Accepted<Settled>, NodeError> {
    let id = line.first_id(now);
    node.accept(|batch| {
        if batch.is_known(id)? {
            return Ok::<_, NodeError>(Settled::Already(id));
        }
        batch.submit_caused(agency, command, line.reconciliation, &mut line.ids(), now)?;
        Ok(Settled::Done(id))
    })
}
