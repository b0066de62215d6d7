//! The agency's desk: what lies in its inbox, what it sent, what is overdue.

use fengsui_event::{AgencyCode, CaseId, CategoryCode, Date, ReferralId, UnitId};
use rusqlite::Row;
use serde::Serialize;

use super::{View, limit, parsed, parsed_option};
use crate::store::ModelError;

/// Which referrals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskBox {
    /// Where the agency owes something.
    Inbox,
    /// Which the agency sent to others.
    Sent,
    /// Whose term has passed, whoever owes it; with an agency, what that agency owes.
    Overdue,
    /// All.
    All,
}

/// Which desk, which box, as of which day.
#[derive(Clone, Copy, Debug)]
pub struct Inbox {
    /// The agency; every agency when absent.
    pub agency: Option<AgencyCode>,
    /// The box.
    pub kind: DeskBox,
    /// The day against which terms are held.
    pub today: Date,
    /// At most so many.
    pub limit: Option<u64>,
}

/// A referral as a line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReferralRow {
    /// The referral.
    pub referral: ReferralId,
    /// Its case.
    pub case: CaseId,
    /// The unit.
    pub unit: UnitId,
    /// Its name as reported.
    pub unit_name: String,
    /// Kind of violation.
    pub category: CategoryCode,
    /// Gravity.
    pub severity: String,
    /// Who issued it.
    pub issuer: AgencyCode,
    /// To whom.
    pub addressee: AgencyCode,
    /// In which role.
    pub role: String,
    /// Its state.
    pub status: String,
    /// When it was issued.
    pub issued_on: Date,
    /// What is owed next.
    pub owed: Option<String>,
    /// By whom.
    pub owed_by: Option<AgencyCode>,
    /// By when.
    pub due_on: Option<Date>,
    /// Whether that day has passed.
    pub overdue: bool,
    /// How often the addressee was reminded.
    pub reminders: u32,
    /// Who supervises it.
    pub supervised: Option<String>,
}

const COLUMNS: &str =
    "r.id, r.case_id, c.unit, c.unit_name, c.category, c.severity, r.issuer, r.addressee, r.role, r.status,
                       r.issued_on, d.kind, d.agency, d.due_on, r.reminders, r.supervised";
const JOIN: &str =
    "JOIN cases c ON c.id = r.case_id LEFT JOIN deadlines d ON d.case_id = r.case_id AND d.slot = r.slot";

impl View<'_> {
    /// Referrals of a box; the most urgent first.
    pub fn referrals(&self, inbox: Inbox) -> Result<Vec<ReferralRow>, ModelError> {
        let Inbox { agency, kind, today, limit: most } = inbox;
        let (source, condition) = match (kind, agency) {
            (DeskBox::Inbox | DeskBox::Overdue, Some(_)) => {
                ("deadlines o CROSS JOIN referrals r ON r.case_id = o.case_id AND r.slot = o.slot", "o.agency = ?1")
            }
            (DeskBox::Inbox | DeskBox::Overdue, None) => {
                ("deadlines o CROSS JOIN referrals r ON r.case_id = o.case_id AND r.slot = o.slot", "?1 IS NULL")
            }
            (DeskBox::Sent, Some(_)) => ("referrals r", "r.issuer = ?1 AND r.addressee <> ?1"),
            (DeskBox::Sent, None) => ("referrals r", "?1 IS NULL AND r.issuer <> r.addressee"),
            (DeskBox::All, Some(_)) => ("referrals r", "(r.addressee = ?1 OR r.issuer = ?1)"),
            (DeskBox::All, None) => ("referrals r", "?1 IS NULL"),
        };
        let overdue = if kind == DeskBox::Overdue { "AND o.due_on < ?2" } else { "AND ?2 IS NOT NULL" };
        let sql = format!(
            "SELECT {COLUMNS} FROM {source} {JOIN} WHERE {condition} {overdue}
             ORDER BY d.due_on IS NULL, d.due_on, r.id LIMIT {}",
            limit(most)
        );
        let agency = agency.map(|agency| agency.to_string());
        self.all(&sql, rusqlite::params![agency, today.to_string()], |row| referral_row(row, today))
    }
}

fn referral_row(row: &Row<'_>, today: Date) -> rusqlite::Result<ReferralRow> {
    let due_on: Option<Date> = parsed_option(row, 13)?;
    Ok(ReferralRow {
        referral: ReferralId::from_bytes(row.get(0)?),
        case: CaseId::from_bytes(row.get(1)?),
        unit: parsed(row, 2)?,
        unit_name: row.get(3)?,
        category: parsed(row, 4)?,
        severity: row.get(5)?,
        issuer: parsed(row, 6)?,
        addressee: parsed(row, 7)?,
        role: row.get(8)?,
        status: row.get(9)?,
        issued_on: parsed(row, 10)?,
        owed: row.get(11)?,
        owed_by: parsed_option(row, 12)?,
        due_on,
        overdue: due_on.is_some_and(|due| due < today),
        reminders: row.get(14)?,
        supervised: row.get(15)?,
    })
}
