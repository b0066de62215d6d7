//! Accounts: the balance on a day, and every line that makes it.

use fengsui_event::{CaseId, Date, EventId, Points, RegionCode, TradeCode, UnitId};
use rusqlite::Row;
use serde::Serialize;

use super::{View, limit, parsed, parsed_option};
use crate::state::AccountState;
use crate::store::{ModelError, decode};

/// One account, from the primary key.
pub const ACCOUNT_SQL: &str = "SELECT state FROM accounts WHERE unit = ?1";
/// A unit's entries, from the primary key.
pub const ENTRIES_SQL: &str = "SELECT number, position, cause, case_id, kind, rule, rulebook, points, effective_on,
    counted_until FROM entries WHERE unit = ?1 ORDER BY number";

/// Every account with its balance on a day: the sum of its entries less those that no longer count.
pub const ACCOUNTS_SQL: &str = "SELECT a.unit, a.name, a.region, a.trade, a.total - coalesce(x.points, 0), a.cases,
    a.open_cases, a.registered, a.incomplete
    FROM accounts a LEFT JOIN (
        SELECT unit, sum(points) AS points FROM entries
        WHERE counted_until IS NOT NULL AND counted_until <= ?1 GROUP BY unit
    ) x ON x.unit = a.unit ORDER BY a.unit LIMIT ?2";

/// A unit as a line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitRow {
    /// The unit.
    pub unit: UnitId,
    /// Its name.
    pub name: String,
    /// Region of its seat.
    pub region: RegionCode,
    /// Its trade.
    pub trade: Option<TradeCode>,
    /// Its balance on the day asked for.
    pub balance: Points,
    /// Cases ever reported.
    pub cases: u32,
    /// Cases that are open.
    pub open_cases: u32,
    /// Whether it was registered, or is known by a report alone.
    pub registered: bool,
    /// Whether events of it could not be read.
    pub incomplete: bool,
}

/// A line of a ledger as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerLine {
    /// Number of the entry (for an expiry: of the entry that expires).
    pub number: u32,
    /// Kind: an entry's kind, or `expiry`.
    pub kind: String,
    /// Signed points.
    pub points: Points,
    /// The balance after this line.
    pub balance: Points,
    /// From which day it counts.
    pub effective_on: Date,
    /// First day on which it no longer counts.
    pub counted_until: Option<Date>,
    /// The rule.
    pub rule: String,
    /// The rulebook's version.
    pub rulebook: String,
    /// The case.
    pub case: Option<CaseId>,
    /// The event that caused it.
    pub cause: EventId,
    /// Position of that event.
    pub position: u64,
}

impl View<'_> {
    /// An account's state.
    pub fn account(&self, unit: &UnitId) -> Result<Option<AccountState>, ModelError> {
        let bytes = self.one(ACCOUNT_SQL, [unit.to_string()], |row| row.get::<_, Vec<u8>>(0))?;
        bytes.map(|bytes| decode(&bytes)).transpose().map_err(|reason| self.unreadable("an account", reason))
    }

    /// An account's lines up to a day, in order of effect; their sum is the balance on that day.
    pub fn ledger(&self, unit: &UnitId, on: Date) -> Result<Vec<LedgerLine>, ModelError> {
        Ok(ledger_lines(self.entries(unit)?, on))
    }

    /// How many units have an account.
    pub fn unit_count(&self) -> Result<u64, ModelError> {
        let count = self.one("SELECT count(*) FROM accounts", [], |row| row.get::<_, i64>(0))?;
        Ok(count.unwrap_or_default().cast_unsigned())
    }

    /// A unit's entries as they were entered, in order of their numbers, without expiries and balances.
    pub fn entries(&self, unit: &UnitId) -> Result<Vec<LedgerLine>, ModelError> {
        self.all(ENTRIES_SQL, [unit.to_string()], ledger_line)
    }

    /// Accounts with their balances on a day, in order of the unit's identifier, one by one.
    pub fn each_unit(
        &self,
        on: Date,
        most: Option<u64>,
        visit: impl FnMut(UnitRow) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        self.each(ACCOUNTS_SQL, rusqlite::params![on.to_string(), limit(most)], unit_row, visit)
    }
}

/// Adds the expiries, orders by day, and runs the balance.
pub(crate) fn ledger_lines(entries: Vec<LedgerLine>, on: Date) -> Vec<LedgerLine> {
    let mut lines = Vec::with_capacity(entries.len());
    for entry in entries {
        if let Some(until) = entry.counted_until.filter(|until| *until <= on) {
            let points = Points(entry.points.0.saturating_neg());
            lines.push(LedgerLine { kind: "expiry".to_owned(), points, effective_on: until, ..entry.clone() });
        }
        lines.push(entry);
    }
    // Nothing comes before the opening, also where an old finding was entered afterwards.
    lines.sort_by_key(|line| (line.kind != "opening", line.effective_on, line.number, line.kind == "expiry"));
    let mut balance = Points::ZERO;
    for line in &mut lines {
        balance = Points(balance.0.saturating_add(line.points.0));
        line.balance = balance;
    }
    lines
}

fn ledger_line(row: &Row<'_>) -> rusqlite::Result<LedgerLine> {
    Ok(LedgerLine {
        number: row.get(0)?,
        position: row.get::<_, i64>(1)?.cast_unsigned(),
        cause: EventId::from_bytes(row.get(2)?),
        case: row.get::<_, Option<[u8; 16]>>(3)?.map(CaseId::from_bytes),
        kind: row.get(4)?,
        rule: row.get(5)?,
        rulebook: row.get(6)?,
        points: Points(row.get(7)?),
        effective_on: parsed(row, 8)?,
        counted_until: parsed_option(row, 9)?,
        balance: Points::ZERO,
    })
}

fn unit_row(row: &Row<'_>) -> rusqlite::Result<UnitRow> {
    Ok(UnitRow {
        unit: parsed(row, 0)?,
        name: row.get(1)?,
        region: parsed(row, 2)?,
        trade: parsed_option(row, 3)?,
        balance: Points(row.get(4)?),
        cases: row.get(5)?,
        open_cases: row.get(6)?,
        registered: row.get(7)?,
        incomplete: row.get(8)?,
    })
}
