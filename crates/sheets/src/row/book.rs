//! One row of a book that is held against the log.

use fengsui_event::CaseId;

use super::lookup::RowView;
use super::value::{self, ValueFault};
use super::{date, parsed, text, unit};
use crate::book::BookRecord;
use crate::cell::CellPlace;
use crate::map::Field;
use crate::problem::{CellProblem, Reason};
use crate::text::to_half_width;

/// Reads what a row says, and everything that is wrong with it. What could be read stands even when something is wrong.
pub(crate) fn read_book_row(mut row: RowView<'_>, at: CellPlace, sheet: usize) -> (BookRecord, Vec<CellProblem>) {
    row.refuse_lost_text();
    let row = &mut row;
    let mut record = BookRecord {
        case: parsed(row, Field::CaseId, |word| case_id(&word.text)),
        decision: number(row, Field::DecisionNumber),
        reference: number(row, Field::Reference),
        unit: unit(row),
        unit_name: text(row, Field::UnitName),
        region: parsed(row, Field::Region, |word| value::region(&word.text)),
        address: text(row, Field::Address),
        trade: parsed(row, Field::Trade, |word| value::trade(&word.text)),
        category: parsed(row, Field::Category, |word| value::category(&word.text)),
        severity: parsed(row, Field::Severity, |word| value::severity(&word.text)),
        found_on: date(row, Field::FoundOn),
        method: parsed(row, Field::Method, |word| value::method(&word.text)),
        facts: text(row, Field::Facts),
        outcome: parsed(row, Field::Outcome, |word| value::outcome(&word.text)),
        closing_text: text(row, Field::ClosingText),
        fine: parsed(row, Field::Penalty, |word| value::penalty(&word.text, word.source)),
        closed: parsed(row, Field::Status, |word| value::status(&word.text)),
        updated_on: date(row, Field::UpdatedOn),
        ..BookRecord::empty(at, sheet)
    };
    // Some books keep the case's id in the column of their own numbers.
    record.case = record.case.or_else(|| record.reference.as_deref().and_then(|text| text.parse().ok()));
    let closed_on = date(row, Field::ClosedOn);
    record.handled_on = date(row, Field::HandledOn).or(closed_on);
    record.closed = record.closed.or(closed_on.map(|_| true));
    check_order(row, &record);
    check_found(row, &record);
    (record, row.take_problems())
}

/// A row whose two days stand in each other's place would find the wrong case, or none.
fn check_order(row: &mut RowView<'_>, record: &BookRecord) {
    let (Some(found_on), Some(handled_on)) = (record.found_on, record.handled_on) else { return };
    if handled_on >= found_on {
        return;
    }
    let fault = ValueFault::new(
        Reason::ClosedBeforeFound,
        format!("办理日期 {handled_on} 早于发现日期 {found_on}"),
        format!("dealt with on {handled_on}, before it was found on {found_on}; mend one of the two days"),
    );
    let column = row.word(Field::HandledOn).or_else(|| row.word(Field::ClosedOn)).and_then(|word| word.column);
    row.problem(column, fault);
}

/// A row must say something by which its case can be found.
fn check_found(row: &mut RowView<'_>, record: &BookRecord) {
    let has_key = record.case.is_some() || record.decision.is_some() || record.reference.is_some();
    if has_key || (record.unit.is_some() && record.found_on.is_some()) || row.has_problems() {
        return;
    }
    row.problem(
        None,
        ValueFault::new(
            Reason::Missing,
            "没有文号、案件编号，也没有单位和发现日期，无法查找对应案件",
            "no number, no case id, and not both unit and day of finding: nothing to find its case by",
        ),
    );
}

fn number(row: &mut RowView<'_>, field: Field) -> Option<String> {
    parsed(row, field, |word| {
        let text = word.text.trim();
        if is_scientific(&to_half_width(text)) {
            return Err(ValueFault::new(
                Reason::NumberLostDigits,
                "表格软件已把编号变成数字，末尾数字已丢失；请将该列设为文本，从原件重新录入",
                "a spreadsheet made a number of it and lost its last digits; set the column to text and enter it again",
            ));
        }
        Ok(text.to_owned())
    })
}

fn is_scientific(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.split_once(['E', 'e'])
        .and_then(|(mantissa, exponent)| Some((mantissa, exponent.strip_prefix('+')?)))
        .is_some_and(|(mantissa, exponent)| digits(mantissa) && digits(exponent))
}

fn case_id(word: &str) -> Result<CaseId, ValueFault> {
    to_half_width(word).trim().to_ascii_uppercase().parse().map_err(|_| {
        ValueFault::new(Reason::CaseIdInvalid, "不是案件编号（26 位）", "not the id of a case (26 characters)")
    })
}
