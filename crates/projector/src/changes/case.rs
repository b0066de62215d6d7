//! What became of a case.

use fengsui_event::{AgencyCode, CaseId, CategoryCode, Severity, UnitId};
use serde::Serialize;

use crate::state::{CaseState, CaseStatus};

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseChanged {
    /// It was not there before, and is being dealt with.
    Opened,
    /// It is closed now.
    Closed,
    /// It was taken back.
    Retracted,
    /// It was closed, and is being dealt with again.
    Reopened,
    /// Somebody else handles it.
    Reassigned,
    /// It went on, and stands as it stood.
    Continued,
}

impl CaseChanged {
    /// The text used in JSON and tables.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Retracted => "retracted",
            Self::Reopened => "reopened",
            Self::Reassigned => "reassigned",
            Self::Continued => "continued",
        }
    }
}

/// Where a case stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseStanding {
    /// Its status.
    pub status: CaseStatus,
    /// Who handles it.
    pub lead: Option<AgencyCode>,
    /// Kind.
    pub category: CategoryCode,
    /// Gravity.
    pub severity: Severity,
}

impl CaseStanding {
    fn of(case: &CaseState) -> Self {
        let lead = case.lead().map(|lead| lead.addressee);
        Self { status: case.status, lead, category: case.category.clone(), severity: case.severity }
    }
}

/// A case that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseChange {
    /// What became of it.
    pub what: CaseChanged,
    /// The case.
    pub case: CaseId,
    /// The unit.
    pub unit: UnitId,
    /// Its name as reported.
    pub unit_name: String,
    /// Who found it.
    pub reporter: AgencyCode,
    /// Where it stood; absent where it was not there.
    pub from: Option<CaseStanding>,
    /// Where it stands.
    pub to: CaseStanding,
    /// Positions of the events that came.
    pub events: Vec<u64>,
}

/// What became of a case of which events came after a position.
pub(super) fn change(before: Option<&CaseState>, after: &CaseState, position: u64) -> CaseChange {
    let (from, to) = (before.map(CaseStanding::of), CaseStanding::of(after));
    let was = from.as_ref().map(|from| from.status);
    let what = match (was, to.status) {
        (None, CaseStatus::Open) => CaseChanged::Opened,
        (was, CaseStatus::Closed) if was != Some(CaseStatus::Closed) => CaseChanged::Closed,
        (was, CaseStatus::Retracted) if was != Some(CaseStatus::Retracted) => CaseChanged::Retracted,
        (Some(CaseStatus::Closed | CaseStatus::Retracted), CaseStatus::Open) => CaseChanged::Reopened,
        _ if from.as_ref().is_some_and(|from| from.lead != to.lead) => CaseChanged::Reassigned,
        _ => CaseChanged::Continued,
    };
    CaseChange {
        what,
        case: after.id,
        unit: after.unit.clone(),
        unit_name: after.unit_name.clone(),
        reporter: after.reporter,
        from,
        to,
        events: after.history.iter().copied().filter(|event| *event > position).collect(),
    }
}
