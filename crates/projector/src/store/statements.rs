//! The statements that write the rows of cases and accounts.

use fengsui_event::{AgencyCode, CaseId, Date, ReferralRole, SupervisionLevel, UnitId};
use rusqlite::{CachedStatement, Connection, params};

use super::Changed;
use crate::state::{AccountState, CaseState, LedgerEntry, Slot};

/// The slot of the rectification order in the table of deadlines.
const RECTIFICATION_SLOT: i64 = -1;

const CASE_SQL: &str =
    "INSERT INTO cases (id, unit, unit_name, reporter, lead, category, severity, status, region, reference,
                            found_on, recorded_on, closed_on, incomplete, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT DO UPDATE SET lead = excluded.lead, category = excluded.category, severity = excluded.severity,
             status = excluded.status, region = excluded.region, found_on = excluded.found_on,
             closed_on = excluded.closed_on, incomplete = excluded.incomplete, state = excluded.state";

const REFERRAL_SQL: &str =
    "INSERT INTO referrals (case_id, slot, id, issuer, addressee, role, status, issued_on, reminders, supervised)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT DO UPDATE SET status = excluded.status, reminders = excluded.reminders,
             supervised = excluded.supervised";

const DEADLINE_SQL: &str =
    "REPLACE INTO deadlines (case_id, slot, kind, agency, due_on, provisional, reminded_on, city_on, province_on)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const FEEDBACK_SQL: &str =
    "INSERT INTO feedback (case_id, slot, id, referral, agency, outcome, handled_on, submitted_on, late, status)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT DO UPDATE SET status = excluded.status";

const ACCOUNT_SQL: &str =
    "INSERT INTO accounts (unit, name, region, trade, total, entries, cases, open_cases, registered, incomplete, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT DO UPDATE SET name = excluded.name, region = excluded.region, trade = excluded.trade,
             total = excluded.total, entries = excluded.entries, cases = excluded.cases,
             open_cases = excluded.open_cases, registered = excluded.registered, incomplete = excluded.incomplete,
             state = excluded.state";

const ENTRY_SQL: &str = "INSERT INTO entries (unit, number, position, cause, case_id, kind, rule, rulebook, points, effective_on, counted_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

/// Whoever keeps only the fold's state leaves the columns empty that people's questions are about.
const CASE_STATE_SQL: &str =
    "INSERT INTO cases (id, unit, unit_name, reporter, category, severity, status, region, found_on, recorded_on,
                            incomplete, state)
         VALUES (?1, '', '', '', '', '', '', '', '', '', 0, ?2)
         ON CONFLICT DO UPDATE SET state = excluded.state";

const ACCOUNT_STATE_SQL: &str =
    "INSERT INTO accounts (unit, name, region, total, entries, cases, open_cases, registered, incomplete, state)
         VALUES (?1, '', '', 0, 0, 0, 0, 0, 0, ?2)
         ON CONFLICT DO UPDATE SET state = excluded.state";

/// The statements that are executed for each row, looked up once for a whole flush.
pub(super) struct Statements<'c> {
    case: CachedStatement<'c>,
    referral: CachedStatement<'c>,
    feedback: CachedStatement<'c>,
    end_deadline: CachedStatement<'c>,
    deadline: CachedStatement<'c>,
    account: CachedStatement<'c>,
    entry: CachedStatement<'c>,
    case_state: CachedStatement<'c>,
    account_state: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            case: connection.prepare_cached(CASE_SQL)?,
            referral: connection.prepare_cached(REFERRAL_SQL)?,
            feedback: connection.prepare_cached(FEEDBACK_SQL)?,
            end_deadline: connection.prepare_cached("DELETE FROM deadlines WHERE case_id = ?1 AND slot = ?2")?,
            deadline: connection.prepare_cached(DEADLINE_SQL)?,
            account: connection.prepare_cached(ACCOUNT_SQL)?,
            entry: connection.prepare_cached(ENTRY_SQL)?,
            case_state: connection.prepare_cached(CASE_STATE_SQL)?,
            account_state: connection.prepare_cached(ACCOUNT_STATE_SQL)?,
        })
    }

    /// The state of a case and nothing beside it.
    pub(super) fn case_state(&mut self, id: CaseId, state: &[u8]) -> rusqlite::Result<()> {
        self.case_state.execute(params![id.to_bytes(), state]).map(|_| ())
    }

    /// The state of an account and nothing beside it.
    pub(super) fn account_state(&mut self, unit: &UnitId, state: &[u8]) -> rusqlite::Result<()> {
        self.account_state.execute(params![unit.to_string(), state]).map(|_| ())
    }

    pub(super) fn case(
        &mut self,
        case: &CaseState,
        changed: &Changed,
        authority: &AgencyCode,
        state: &[u8],
    ) -> rusqlite::Result<()> {
        let lead = case.lead().map(|lead| lead.addressee.to_string());
        let closed_on = case.closing.as_ref().map(|closing| text(closing.closed_on));
        self.case.execute(params![
            case.id.to_bytes(),
            case.unit.to_string(),
            case.unit_name,
            case.reporter.to_string(),
            lead,
            case.category.to_string(),
            case.severity.code(),
            case.status.code(),
            case.place.region.to_string(),
            case.reference,
            text(case.found_on),
            text(case.recorded_on),
            closed_on,
            case.incomplete,
            state,
        ])?;
        for &index in &changed.referrals {
            self.referral(case, index)?;
        }
        for &index in &changed.feedback {
            self.feedback(case, index)?;
        }
        self.deadlines(case, changed, authority)
    }

    fn referral(&mut self, case: &CaseState, index: usize) -> rusqlite::Result<()> {
        let Some(referral) = case.referrals.get(index) else { return Ok(()) };
        self.referral
            .execute(params![
                case.id.to_bytes(),
                slot(index),
                referral.id.to_bytes(),
                referral.issuer.to_string(),
                referral.addressee.to_string(),
                referral.role.code(),
                referral.status.code(),
                text(referral.issued_on),
                referral.reminders,
                referral.supervised.map(SupervisionLevel::code),
            ])
            .map(|_| ())
    }

    /// Terms run, change and end with the referral that they hang on, and the rectification's with the case itself.
    fn deadlines(&mut self, case: &CaseState, changed: &Changed, authority: &AgencyCode) -> rusqlite::Result<()> {
        for &index in &changed.referrals {
            if case.referrals.get(index).is_some_and(|referral| referral.role != ReferralRole::Informed) {
                self.deadline(case, slot(index), Slot::Referral(index), authority)?;
            }
        }
        if case.rectification.is_some() {
            self.deadline(case, RECTIFICATION_SLOT, Slot::Rectification, authority)?;
        }
        Ok(())
    }

    fn deadline(&mut self, case: &CaseState, slot: i64, place: Slot, authority: &AgencyCode) -> rusqlite::Result<()> {
        let id = case.id.to_bytes();
        let changed = match case.pending_deadline(place, authority) {
            None => self.end_deadline.execute(params![id, slot]),
            Some(deadline) => {
                let step = |level| {
                    let Slot::Referral(index) = place else { return None };
                    let referral = case.referrals.get(index)?;
                    referral.overdue_step(deadline.kind, deadline.due.date, level).map(|step| text(step.on))
                };
                self.deadline.execute(params![
                    id,
                    slot,
                    deadline.kind.code(),
                    deadline.agency.to_string(),
                    text(deadline.due.date),
                    deadline.due.provisional,
                    step(None),
                    step(Some(SupervisionLevel::City)),
                    step(Some(SupervisionLevel::Province)),
                ])
            }
        };
        changed.map(|_| ())
    }

    fn feedback(&mut self, case: &CaseState, index: usize) -> rusqlite::Result<()> {
        let Some(feedback) = case.feedback.get(index) else { return Ok(()) };
        self.feedback
            .execute(params![
                case.id.to_bytes(),
                slot(index),
                feedback.id.to_bytes(),
                feedback.referral.to_bytes(),
                feedback.by.to_string(),
                feedback.outcome.code(),
                text(feedback.handled_on),
                text(feedback.submitted_on),
                feedback.late,
                feedback.status.code(),
            ])
            .map(|_| ())
    }

    pub(super) fn account(&mut self, account: &AccountState, state: &[u8]) -> rusqlite::Result<()> {
        self.account
            .execute(params![
                account.unit.to_string(),
                account.name,
                account.place.region.to_string(),
                account.trade.map(|trade| trade.to_string()),
                account.total.0,
                account.entries,
                account.cases,
                account.open_cases,
                account.registered,
                account.incomplete,
                state,
            ])
            .map(|_| ())
    }

    pub(super) fn entries(&mut self, entries: &[LedgerEntry]) -> rusqlite::Result<()> {
        let mut current: Option<(&UnitId, String)> = None;
        for entry in entries {
            if current.as_ref().is_none_or(|(unit, _)| *unit != &entry.unit) {
                current = Some((&entry.unit, entry.unit.to_string()));
            }
            let unit = current.as_ref().map(|(_, text)| text);
            self.entry.execute(params![
                unit,
                entry.number,
                entry.position.cast_signed(),
                entry.cause.to_bytes(),
                entry.case.map(CaseId::to_bytes),
                entry.kind.code(),
                entry.rule,
                entry.rulebook,
                entry.points.0,
                text(entry.effective_on),
                entry.counted_until.map(text),
            ])?;
        }
        Ok(())
    }
}

fn text(date: Date) -> String {
    date.to_string()
}

pub(super) fn slot(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
