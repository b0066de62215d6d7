//! Cases by id, by referral, by filter.

use fengsui_event::{AgencyCode, CaseId, CategoryCode, Date, EventId, ReferralId, RegionCode, UnitId};
use rusqlite::{Row, params_from_iter};
use serde::Serialize;

use super::{View, limit, parsed, parsed_option};
use crate::state::{CaseState, CaseStatus};
use crate::store::{ModelError, decode};

/// One case, from the primary key.
pub const CASE_SQL: &str = "SELECT state FROM cases WHERE id = ?1";
/// The case of a referral, from its index.
pub const CASE_OF_REFERRAL_SQL: &str = "SELECT case_id FROM referrals WHERE id = ?1";
/// The case of a feedback, from its index.
pub const CASE_OF_FEEDBACK_SQL: &str = "SELECT case_id FROM feedback WHERE id = ?1";

/// Which cases to list. Every condition that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct CaseFilter {
    /// Of this unit.
    pub unit: Option<UnitId>,
    /// In this state.
    pub status: Option<CaseStatus>,
    /// Found by this agency.
    pub reporter: Option<AgencyCode>,
    /// Handled by this agency.
    pub lead: Option<AgencyCode>,
    /// Of this category.
    pub category: Option<CategoryCode>,
    /// Whose lead the authority must still name.
    pub undecided: bool,
    /// At most so many.
    pub limit: Option<u64>,
}

/// A case as a line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseRow {
    /// The case.
    pub case: CaseId,
    /// The unit.
    pub unit: UnitId,
    /// Its name as reported.
    pub unit_name: String,
    /// Who found it.
    pub reporter: AgencyCode,
    /// Who handles it.
    pub lead: Option<AgencyCode>,
    /// Kind.
    pub category: CategoryCode,
    /// Gravity.
    pub severity: String,
    /// Where it stands.
    pub status: String,
    /// Where it was found.
    pub region: RegionCode,
    /// The reporter's own number.
    pub reference: Option<String>,
    /// When it was found.
    pub found_on: Date,
    /// When it was recorded.
    pub recorded_on: Date,
    /// When it was closed.
    pub closed_on: Option<Date>,
    /// Whether events of it could not be read.
    pub incomplete: bool,
}

fn case_row(row: &Row<'_>) -> rusqlite::Result<CaseRow> {
    Ok(CaseRow {
        case: CaseId::from_bytes(row.get(0)?),
        unit: parsed(row, 1)?,
        unit_name: row.get(2)?,
        reporter: parsed(row, 3)?,
        lead: parsed_option(row, 4)?,
        category: parsed(row, 5)?,
        severity: row.get(6)?,
        status: row.get(7)?,
        region: parsed(row, 8)?,
        reference: row.get(9)?,
        found_on: parsed(row, 10)?,
        recorded_on: parsed(row, 11)?,
        closed_on: parsed_option(row, 12)?,
        incomplete: row.get(13)?,
    })
}

const COLUMNS: &str = "id, unit, unit_name, reporter, lead, category, severity, status, region, reference, found_on,
                       recorded_on, closed_on, incomplete";

impl View<'_> {
    /// Cases in order of their ids: imported rows first, then in order of reporting.
    pub fn cases(&self, filter: &CaseFilter) -> Result<Vec<CaseRow>, ModelError> {
        let mut found = Vec::new();
        self.each_case(filter, |row| {
            found.push(row);
            Ok(())
        })?;
        Ok(found)
    }

    /// The same one by one, for exports that must not hold them all.
    pub fn each_case(
        &self,
        filter: &CaseFilter,
        visit: impl FnMut(CaseRow) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        self.each_of(COLUMNS, filter, case_row, visit)
    }

    /// Every case's state in order of ids, one by one.
    pub fn each_case_state(
        &self,
        filter: &CaseFilter,
        mut visit: impl FnMut(CaseState) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let read = |row: &Row<'_>| row.get::<_, Vec<u8>>(0);
        self.each_of("state", filter, read, |bytes| {
            visit(decode(&bytes).map_err(|reason| self.unreadable("a case", reason))?)
        })
    }

    fn each_of<T>(
        &self,
        columns: &str,
        filter: &CaseFilter,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
        visit: impl FnMut(T) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let (conditions, values) = conditions(filter);
        let sql = format!("SELECT {columns} FROM cases {conditions} ORDER BY id LIMIT {}", limit(filter.limit));
        self.each(&sql, params_from_iter(values), read, visit)
    }

    /// One case, whole.
    pub fn case(&self, id: CaseId) -> Result<Option<CaseState>, ModelError> {
        let bytes = self.one(CASE_SQL, [id.to_bytes()], |row| row.get::<_, Vec<u8>>(0))?;
        bytes.map(|bytes| decode(&bytes)).transpose().map_err(|reason| self.unreadable("a case", reason))
    }

    /// The case to which a referral belongs.
    pub fn case_of_referral(&self, id: ReferralId) -> Result<Option<CaseId>, ModelError> {
        self.one(CASE_OF_REFERRAL_SQL, [id.to_bytes()], |row| row.get(0).map(CaseId::from_bytes))
    }

    /// The case to which a feedback belongs.
    pub fn case_of_feedback(&self, id: EventId) -> Result<Option<CaseId>, ModelError> {
        self.one(CASE_OF_FEEDBACK_SQL, [id.to_bytes()], |row| row.get(0).map(CaseId::from_bytes))
    }

    pub(super) fn unreadable(&self, what: &str, reason: crate::store::CodecError) -> ModelError {
        ModelError::State { path: self.path.to_owned(), what: what.to_owned(), reason }
    }
}

fn conditions(filter: &CaseFilter) -> (String, Vec<String>) {
    let CaseFilter { unit, status, reporter, lead, category, undecided, limit: _ } = filter;
    let given = [
        ("unit", unit.as_ref().map(ToString::to_string)),
        ("status", status.map(|status| status.code().to_owned())),
        ("reporter", reporter.map(|agency| agency.to_string())),
        ("lead", lead.map(|agency| agency.to_string())),
        ("category", category.as_ref().map(ToString::to_string)),
    ];
    let mut clauses = Vec::new();
    let mut values = Vec::new();
    for (column, value) in given.into_iter().filter_map(|(column, value)| value.map(|value| (column, value))) {
        values.push(value);
        // A unit has few cases. Without statistics SQLite might rather look through all that are open.
        let kept_off_index = if unit.is_some() && column != "unit" { "+" } else { "" };
        clauses.push(format!("{kept_off_index}{column} = ?{}", values.len()));
    }
    if *undecided {
        clauses.push("lead IS NULL AND status = 'open'".to_owned());
    }
    if clauses.is_empty() { (String::new(), values) } else { (format!("WHERE {}", clauses.join(" AND ")), values) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn cases_of_a_unit_are_found_by_the_unit() {
        let unit = Some("local.book:1".parse().unwrap());
        let filter = CaseFilter { unit, status: Some(CaseStatus::Open), ..CaseFilter::default() };
        let (sql, values) = conditions(&filter);
        assert_eq!(sql, "WHERE unit = ?1 AND +status = ?2");
        assert_eq!(values, ["local.book:1", "open"]);
        let filter = CaseFilter { status: Some(CaseStatus::Open), undecided: true, ..CaseFilter::default() };
        assert_eq!(conditions(&filter).0, "WHERE status = ?1 AND lead IS NULL AND status = 'open'");
    }
}
