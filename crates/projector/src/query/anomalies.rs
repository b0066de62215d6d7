//! Anomalies by number and by filter.

use fengsui_event::{AgencyCode, CaseId, EventId, UnitId};
use rusqlite::{Row, ToSql};
use serde::Serialize;

use super::{View, limit, parsed_option};
use crate::fold::Cause;
use crate::store::ModelError;

/// Which anomalies to list.
#[derive(Clone, Debug, Default)]
pub struct AnomalyFilter {
    /// With this code.
    pub code: Option<String>,
    /// From this agency.
    pub agency: Option<AgencyCode>,
    /// Of this case.
    pub case: Option<CaseId>,
    /// At most so many.
    pub limit: Option<u64>,
}

/// An anomaly as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnomalyRow {
    /// Its number.
    pub number: u64,
    /// Position of the record.
    pub position: u64,
    /// Id of the record.
    pub id: EventId,
    /// Its code.
    pub code: String,
    /// Whether the event had its effect all the same.
    pub notice: bool,
    /// Who published it.
    pub agency: Option<AgencyCode>,
    /// Its type.
    #[serde(rename = "type")]
    pub type_text: Option<String>,
    /// The case it names.
    pub case: Option<CaseId>,
    /// The unit it names.
    pub unit: Option<UnitId>,
    /// Why.
    pub cause: Cause,
}

const COLUMNS: &str = "number, position, id, code, notice, agency, type, case_id, unit, cause";

impl View<'_> {
    /// Anomalies in order of position.
    pub fn anomalies(&self, filter: &AnomalyFilter) -> Result<Vec<AnomalyRow>, ModelError> {
        let mut found = Vec::new();
        self.each_anomaly(filter, |row| {
            found.push(row);
            Ok(())
        })?;
        Ok(found)
    }

    /// The same one by one.
    pub fn each_anomaly(
        &self,
        filter: &AnomalyFilter,
        visit: impl FnMut(AnomalyRow) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let AnomalyFilter { code, agency, case, limit: most } = filter;
        let (agency, case) = (agency.map(|agency| agency.to_string()), case.map(CaseId::to_bytes));
        let given: [(&str, Option<&dyn ToSql>); 3] = [
            ("code", code.as_ref().map(|value| value as &dyn ToSql)),
            ("agency", agency.as_ref().map(|value| value as &dyn ToSql)),
            ("case_id", case.as_ref().map(|value| value as &dyn ToSql)),
        ];
        let mut values = Vec::new();
        let mut clauses = Vec::new();
        for (column, value) in given.into_iter().filter_map(|(column, value)| value.map(|value| (column, value))) {
            values.push(value);
            clauses.push(format!("{column} = ?{}", values.len()));
        }
        let condition = if clauses.is_empty() { String::new() } else { format!("WHERE {}", clauses.join(" AND ")) };
        let sql = format!("SELECT {COLUMNS} FROM anomalies {condition} ORDER BY number LIMIT {}", limit(*most));
        self.each(&sql, values.as_slice(), anomaly_row, visit)
    }

    /// One anomaly.
    pub fn anomaly(&self, number: u64) -> Result<Option<AnomalyRow>, ModelError> {
        let sql = format!("SELECT {COLUMNS} FROM anomalies WHERE number = ?1");
        self.one(&sql, [number.cast_signed()], anomaly_row)
    }

    /// The anomalies of the records from position `first` to `last`, in order.
    pub fn anomalies_between(&self, first: u64, last: u64) -> Result<Vec<AnomalyRow>, ModelError> {
        let sql = format!("SELECT {COLUMNS} FROM anomalies WHERE position BETWEEN ?1 AND ?2 ORDER BY number");
        self.all(&sql, [first.cast_signed(), last.cast_signed()], anomaly_row)
    }

    /// How many anomalies there are of each code, notices apart.
    pub fn anomaly_counts(&self) -> Result<Vec<(String, bool, u64)>, ModelError> {
        let sql = "SELECT code, notice, count(*) FROM anomalies GROUP BY code, notice ORDER BY code, notice";
        self.all(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.cast_unsigned())))
    }
}

fn anomaly_row(row: &Row<'_>) -> rusqlite::Result<AnomalyRow> {
    let cause: String = row.get(9)?;
    Ok(AnomalyRow {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        position: row.get::<_, i64>(1)?.cast_unsigned(),
        id: EventId::from_bytes(row.get(2)?),
        code: row.get(3)?,
        notice: row.get(4)?,
        agency: parsed_option(row, 5)?,
        type_text: row.get(6)?,
        case: row.get::<_, Option<[u8; 16]>>(7)?.map(CaseId::from_bytes),
        unit: parsed_option(row, 8)?,
        cause: serde_json::from_str(&cause).unwrap_or_else(|error| Cause::Envelope(format!("{cause} ({error})"))),
    })
}
