//! Terms of referrals that have passed, with what was done about them.

use fengsui_event::{AgencyCode, CaseId, CategoryCode, Date, DeadlineKind, ReferralId, Severity};
use rusqlite::Row;
use serde::Serialize;

use super::{View, limit, parsed, parsed_option};
use crate::store::ModelError;

/// Terms of one agency, from the index of what it owes by when. Those of rectification orders (slot -1) are the
/// unit's, which nobody reminds by an event.
pub const OVERDUE_SQL: &str =
    "SELECT d.case_id, d.slot, r.id, d.kind, d.agency, d.due_on, c.reporter, c.category, c.severity,
        d.reminded_on, d.city_on, d.province_on
     FROM deadlines d
     CROSS JOIN cases c ON c.id = d.case_id
     CROSS JOIN referrals r ON r.case_id = d.case_id AND r.slot = d.slot
     WHERE d.agency = ?1 AND d.due_on < ?2 AND d.slot >= 0 AND (d.due_on, d.case_id, d.slot) > (?3, ?4, ?5)
         AND d.province_on IS NULL AND (?6 IS NULL OR (c.reporter = ?6 AND d.reminded_on IS NULL))
     ORDER BY d.due_on, d.case_id, d.slot LIMIT ?7";

/// Which terms that have passed. Those that the province supervises are left out: no further step follows.
#[derive(Clone, Copy, Debug)]
pub struct Overdue {
    /// Who owes.
    pub owed_by: AgencyCode,
    /// Due before this day.
    pub on: Date,
    /// Only of cases that this agency reported, and of which nobody has reminded yet.
    pub unreminded_of: Option<AgencyCode>,
    /// Only behind this place in the order of the answer.
    pub after: Option<TermPlace>,
    /// At most so many.
    pub limit: u64,
}

/// Where a term stands in the order of one agency's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermPlace {
    /// When it is due.
    pub due_on: Date,
    /// The case.
    pub case: CaseId,
    /// The referral's place in it.
    pub slot: i64,
}

/// A term of a referral that has passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OverdueTerm {
    /// The case.
    pub case: CaseId,
    /// The referral's place in it.
    pub slot: i64,
    /// The referral.
    pub referral: ReferralId,
    /// What is owed.
    pub kind: DeadlineKind,
    /// By whom.
    pub owed_by: AgencyCode,
    /// When it was due.
    pub due_on: Date,
    /// Who found the violation.
    pub reporter: AgencyCode,
    /// Kind of violation.
    pub category: CategoryCode,
    /// Gravity.
    pub severity: Severity,
    /// The recorded day of the first reminder.
    pub reminded_on: Option<Date>,
    /// From when the city supervises it.
    pub city_on: Option<Date>,
    /// From when the province does.
    pub province_on: Option<Date>,
}

impl OverdueTerm {
    /// Its place, to read on from.
    #[must_use]
    pub const fn place(&self) -> TermPlace {
        TermPlace { due_on: self.due_on, case: self.case, slot: self.slot }
    }
}

impl View<'_> {
    /// What an agency owes and is late with, the longest overdue first.
    pub fn overdue_terms(&self, overdue: Overdue) -> Result<Vec<OverdueTerm>, ModelError> {
        let Overdue { owed_by, on, unreminded_of, after, limit: most } = overdue;
        let (due_on, case, slot) = after.map_or((String::new(), Vec::new(), -1), |place| {
            (place.due_on.to_string(), place.case.to_bytes().to_vec(), place.slot)
        });
        let reporter = unreminded_of.map(|agency| agency.to_string());
        let values =
            rusqlite::params![owed_by.to_string(), on.to_string(), due_on, case, slot, reporter, limit(Some(most))];
        self.all(OVERDUE_SQL, values, overdue_term)
    }
}

fn overdue_term(row: &Row<'_>) -> rusqlite::Result<OverdueTerm> {
    Ok(OverdueTerm {
        case: CaseId::from_bytes(row.get(0)?),
        slot: row.get(1)?,
        referral: ReferralId::from_bytes(row.get(2)?),
        kind: parsed(row, 3)?,
        owed_by: parsed(row, 4)?,
        due_on: parsed(row, 5)?,
        reporter: parsed(row, 6)?,
        category: parsed(row, 7)?,
        severity: parsed(row, 8)?,
        reminded_on: parsed_option(row, 9)?,
        city_on: parsed_option(row, 10)?,
        province_on: parsed_option(row, 11)?,
    })
}
