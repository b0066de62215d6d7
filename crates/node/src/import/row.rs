//! One row of an agency's table: what it becomes, and what of it is on the log already.

use fengsui_event::payload::{CaseClosed, Penalty, Place};
use fengsui_event::{
    AgencyCode, CaseId, ClosingGround, Fen, Language, Outcome, PenaltyKind, Severity, Timestamp, UnitId,
};
use fengsui_projector::state::{CaseState, CaseStatus, ReferralStatus};
use fengsui_sheets::{ClosedRecord, Reason, RefusedRow, ViolationRecord};
use serde::Serialize;

use crate::desk::{Addressed, Command, DerivedIds, IdSource, PlanError, ReportCommand};
use crate::node::{Batch, NodeError};

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowResult {
    /// It became a case.
    New {
        /// The case.
        case: CaseId,
        /// Who must handle it; absent while the authority must decide.
        lead: Option<AgencyCode>,
        /// Whether it is closed.
        closed: bool,
    },
    /// It was imported before, with the same values.
    Already {
        /// The case.
        case: CaseId,
        /// The book has closed it since, and so was the case now.
        closed_now: bool,
        /// The book has closed it since, but another agency handles the case.
        closing_left: bool,
    },
    /// It is in the file of refused rows.
    Refused {
        /// Codes of the reasons.
        reasons: Vec<String>,
    },
}

/// Ids of a row's events. They follow from the row's identity alone.
fn ids(agency: AgencyCode, book_name: &str, key: &str, part: &str) -> DerivedIds {
    DerivedIds::at(&["import", agency.as_str(), book_name, key, part], Timestamp::UNIX_EPOCH)
}

pub(super) fn case_of(agency: AgencyCode, book_name: &str, key: &str) -> CaseId {
    CaseId::of(ids(agency, book_name, key, "report").next(Timestamp::UNIX_EPOCH))
}

/// Does a row. The outer error ends the import; the inner one is the row's own.
pub(super) fn import_row(
    batch: &mut Batch<'_>,
    agency: AgencyCode,
    book_name: &str,
    record: ViolationRecord,
    now: Timestamp,
) -> Result<Result<RowResult, RefusedRow>, NodeError> {
    let case = case_of(agency, book_name, &record.key);
    match batch.overlay().case(case)? {
        Some(known) => known_row(batch, agency, book_name, record, &known, now),
        None => new_row(batch, agency, book_name, record, case, now),
    }
}

fn new_row(
    batch: &mut Batch<'_>,
    agency: AgencyCode,
    book_name: &str,
    record: ViolationRecord,
    case: CaseId,
    now: Timestamp,
) -> Result<Result<RowResult, RefusedRow>, NodeError> {
    let steps = match record.closed.as_ref().map(|closed| closing_steps(case, closed)) {
        Some(Err((zh, en))) => return Ok(Err(record.refuse(Reason::RefusedByExchange, zh.to_owned(), en.to_owned()))),
        Some(Ok(steps)) => steps,
        None => Vec::new(),
    };
    let closed = !steps.is_empty();
    // A row becomes a case whole or not at all: its steps are tried as one.
    let mut commands = vec![Command::Report(Box::new(report(&record, closed)))];
    commands.extend(steps);
    let mut source = ids(agency, book_name, &record.key, "report");
    match batch.submit_all(agency, commands, &mut source, now) {
        Ok(_) => {
            let lead = batch.overlay().case(case)?.and_then(|case| case.lead().map(|lead| lead.addressee));
            Ok(Ok(RowResult::New { case, lead, closed }))
        }
        Err(error) => own_fault(error).map(|(zh, en)| Err(record.refuse(Reason::RefusedByExchange, zh, en))),
    }
}

/// The reason in both languages when the row is at fault; an error that ends the import otherwise.
fn own_fault(error: NodeError) -> Result<(String, String), NodeError> {
    match error {
        NodeError::Refused(cause) => Ok((cause.message(Language::Zh), cause.message(Language::En))),
        NodeError::Plan(PlanError::Rejected(rejection)) => {
            Ok((rejection.message(Language::Zh), rejection.message(Language::En)))
        }
        other => Err(other),
    }
}

fn report(record: &ViolationRecord, historical: bool) -> ReportCommand {
    ReportCommand {
        unit: record.unit.clone(),
        unit_name: Some(record.unit_name.clone().unwrap_or_else(|| stand_in_name(&record.unit))),
        place: Place { region: record.region, address: record.address.clone() },
        trade: record.trade,
        category: record.category.clone(),
        severity: record.severity,
        facts: record.facts.clone(),
        legal_basis: record.legal_basis.clone(),
        found_on: record.found_on,
        method: record.method,
        evidence: Vec::new(),
        reference: record.reference.clone().or_else(|| Some(record.key.clone())),
        public_report: None,
        historical,
    }
}

/// A unit whose name the table does not hold is called by its identifier.
fn stand_in_name(unit: &UnitId) -> String {
    unit.to_string()
}

type Messages = (&'static str, &'static str);

/// The commands that close a case as the agency's own book tells it.
fn closing_steps(case: CaseId, closed: &ClosedRecord) -> Result<Vec<Command>, Messages> {
    let outcome = closed.outcome.ok_or((
        "已办结但没有处理结果；请在对照表中映射处理结果列或给出常量",
        "closed, but nothing says how: map a column to `outcome` or give a constant in the map",
    ))?;
    let ground = match outcome {
        Outcome::RectifiedOnSite | Outcome::RectificationOrdered | Outcome::Penalised => ClosingGround::Rectified,
        Outcome::NoViolation => ClosingGround::NoViolation,
        Outcome::MovedToJudiciary => ClosingGround::MovedToJudiciary,
        Outcome::CaseFiled => {
            return Err((
                "立案不是办结结果；请填写最终处理结果",
                "a filed case is no final result: give the result with which it was closed",
            ));
        }
    };
    let closed_on = closed.closed_on;
    let summary = closed.text.clone().unwrap_or_else(|| outcome.name_zh().to_owned());
    let feedback = Command::SubmitFeedback {
        of: Addressed { case, referral: None },
        outcome,
        handled_on: closed_on,
        summary: summary.clone(),
        penalty: penalty(outcome, closed)?,
        evidence: Vec::new(),
    };
    let mut steps = vec![feedback];
    if matches!(outcome, Outcome::RectificationOrdered | Outcome::Penalised) {
        steps.push(Command::Reinspect { case, inspected_on: closed_on, passed: true, findings: summary });
    }
    let closing = CaseClosed { ground, closed_on, duplicate_of: None, note: None };
    steps.push(Command::Close { case, closing });
    Ok(steps)
}

fn penalty(outcome: Outcome, closed: &ClosedRecord) -> Result<Option<Penalty>, Messages> {
    if outcome != Outcome::Penalised {
        return Ok(None);
    }
    let fine = closed
        .penalty
        .ok_or(("行政处罚缺少罚款金额；没有罚款的填 0", "a penalty without its fine: give the sum, or 0 for none"))?;
    let kind = if fine == Fen::ZERO { PenaltyKind::Warning } else { PenaltyKind::Fine };
    Ok(Some(Penalty {
        kinds: vec![kind],
        fine,
        confiscated: Fen::ZERO,
        decision_number: closed.decision_number.clone(),
        decided_on: closed.closed_on,
    }))
}

/// A row that is on the log: the same, closed since, or changed.
fn known_row(
    batch: &mut Batch<'_>,
    agency: AgencyCode,
    book_name: &str,
    record: ViolationRecord,
    known: &CaseState,
    now: Timestamp,
) -> Result<Result<RowResult, RefusedRow>, NodeError> {
    let differing = differences(known, &record);
    if !differing.is_empty() {
        let fields = differing.join(", ");
        let zh = format!(
            "该行曾以不同内容导入为案件 {}（不同字段：{fields}）；请用 `fengsui violation amend` 更正",
            known.id
        );
        let en = format!(
            "imported before as case {} with other values ({fields}): correct it with `fengsui violation amend`",
            known.id
        );
        return Ok(Err(record.refuse(Reason::DiffersFromLog, zh, en)));
    }
    let already = |closed_now, closing_left| Ok(Ok(RowResult::Already { case: known.id, closed_now, closing_left }));
    let Some(closed) = record.closed.as_ref().filter(|_| known.status == CaseStatus::Open) else {
        return already(false, false);
    };
    let own = known.lead().is_some_and(|lead| lead.addressee == agency && lead.status == ReferralStatus::Acknowledged);
    let Some(Ok(steps)) = own.then(|| closing_steps(known.id, closed)) else { return already(false, true) };
    let mut source = ids(agency, book_name, &record.key, "closing");
    match batch.submit_all(agency, steps, &mut source, now) {
        Ok(_) => already(true, false),
        Err(error) => own_fault(error).map(|(zh, en)| Err(record.refuse(Reason::RefusedByExchange, zh, en))),
    }
}

/// Names of the fields that the log holds otherwise. What the table leaves out is not compared.
fn differences(known: &CaseState, record: &ViolationRecord) -> Vec<&'static str> {
    let same_severity = |severity: Severity| severity == known.severity;
    let checks = [
        ("unit", known.unit == record.unit),
        ("region", known.place.region == record.region),
        ("address", known.place.address == record.address),
        ("category", known.category == record.category),
        ("severity", record.severity.is_none_or(same_severity)),
        ("facts", known.facts == record.facts),
        ("found_on", known.found_on == record.found_on),
        ("method", known.method == record.method),
        ("reference", record.reference.is_none() || known.reference == record.reference),
    ];
    checks.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}
