//! One row of a sheet to one violation, or to everything that is wrong with it.

mod book;
mod key;
mod lookup;
pub(crate) mod value;

pub(crate) use book::read_book_row;
pub(crate) use key::{KeyPlan, RowKey};
pub(crate) use lookup::{RowView, serial_columns};

use fengsui_event::{Date, NormalisationNote, UnitId};

use crate::cell::CellPlace;
use crate::date::{date_of_cell, parse_date};
use crate::map::Field;
use crate::problem::{CellProblem, Reason};
use crate::record::{ClosedRecord, NoteKind, ViolationRecord};
use lookup::Word;
use value::ValueFault;

/// What reading one row gives: the record is there exactly when there are no problems.
pub(crate) struct RowReading {
    pub record: Option<ViolationRecord>,
    pub key: RowKey,
    pub problems: Vec<CellProblem>,
}

/// Reads one row; the key of the record is still to be made unique.
pub(crate) fn read_row(mut row: RowView<'_>, at: CellPlace) -> RowReading {
    row.note_cells_beyond_header();
    row.refuse_lost_text();
    let record = record(&mut row, at);
    let key = match row.plan.key_plan() {
        KeyPlan::Columns(columns) => row.column_key(columns),
        KeyPlan::Contents => record.as_ref().map_or(RowKey::Unknown, |record| row.contents_key(record)),
    };
    let (problems, notes) = row.finish();
    let record = record.filter(|_| problems.is_empty()).map(|record| ViolationRecord { notes, ..record });
    RowReading { record, key, problems }
}

/// Every field is read before the first missing one ends it, so that all problems are told at once.
fn record(row: &mut RowView<'_>, at: CellPlace) -> Option<ViolationRecord> {
    let unit = unit(row);
    let unit_name = text(row, Field::UnitName);
    let region = parsed(row, Field::Region, |word| value::region(&word.text));
    let address = text(row, Field::Address).unwrap_or_default();
    let trade = parsed(row, Field::Trade, |word| value::trade(&word.text));
    let category = parsed(row, Field::Category, |word| value::category(&word.text));
    let severity = parsed(row, Field::Severity, |word| value::severity(&word.text));
    let found_on = date(row, Field::FoundOn);
    let method = parsed(row, Field::Method, |word| value::method(&word.text));
    let facts = text(row, Field::Facts);
    let legal_basis = text(row, Field::LegalBasis).map(|text| provisions(&text)).unwrap_or_default();
    let reference = text(row, Field::Reference);
    let closed = closed(row, found_on);
    Some(ViolationRecord {
        at,
        key: String::new(),
        unit: unit?,
        unit_name,
        region: region?,
        address,
        trade,
        category: category?,
        severity,
        found_on: found_on?,
        method: method?,
        facts: facts?,
        legal_basis,
        reference,
        closed,
        notes: Vec::new(),
        cells: Vec::new(),
    })
}

fn parsed<T>(row: &mut RowView<'_>, field: Field, parse: impl FnOnce(&Word) -> Result<T, ValueFault>) -> Option<T> {
    let word = row.word(field)?;
    match parse(&word) {
        Ok(value) => Some(value),
        Err(fault) => {
            row.refuse(&word, fault);
            None
        }
    }
}

fn text(row: &mut RowView<'_>, field: Field) -> Option<String> {
    row.word(field).map(|word| word.text.trim().to_owned())
}

fn unit(row: &mut RowView<'_>) -> Option<UnitId> {
    let word = row.word(Field::Unit)?;
    match value::unit(&word.text, row.plan.scheme()) {
        Ok(unit) => {
            let is_changed = unit.notes.iter().any(|note| *note != NormalisationNote::Trimmed);
            if is_changed {
                row.note(&word, NoteKind::UnitNormalised);
            }
            match unit.value {
                UnitId::Legacy(_) => row.note(&word, NoteKind::LegacyNumber),
                UnitId::Organisation(_) => row.note(&word, NoteKind::OrganisationCode),
                UnitId::Uscc(_) | UnitId::Local { .. } => {}
            }
            Some(unit.value)
        }
        Err(fault) => {
            row.refuse(&word, fault);
            None
        }
    }
}

fn date(row: &mut RowView<'_>, field: Field) -> Option<Date> {
    let base = row.plan.base();
    parsed(row, field, |word| {
        let format = word.source.date;
        match &word.cell {
            Some(cell) => date_of_cell(cell, format, base),
            None => parse_date(&word.text, format),
        }
        .map_err(value::date_fault)
    })
}

/// Provisions are parted by semicolons or line breaks; `、` stands inside them.
fn provisions(text: &str) -> Vec<String> {
    text.split(['；', ';', '\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn closed(row: &mut RowView<'_>, found_on: Option<Date>) -> Option<ClosedRecord> {
    let status_word = row.word(Field::Status);
    let status = parsed(row, Field::Status, |word| value::status(&word.text));
    let day_word = row.word(Field::ClosedOn);
    match (status, day_word) {
        (Some(false), Some(day)) => {
            row.refuse(
                &day,
                ValueFault::new(
                    Reason::OpenWithClosingDate,
                    "状态为未办结，却有办结日期",
                    "the row says that it is open, yet it has a closing day",
                ),
            );
            None
        }
        (Some(true), None) => {
            if let Some(word) = status_word {
                row.refuse(
                    &word,
                    ValueFault::new(
                        Reason::ClosedWithoutDate,
                        "状态为已办结，却没有办结日期",
                        "the row says that it is closed, yet it has no closing day",
                    ),
                );
            }
            None
        }
        (_, None) => {
            row.note_closing_passed_over();
            None
        }
        (_, Some(day)) => closing(row, &day, found_on),
    }
}

fn closing(row: &mut RowView<'_>, day: &Word, found_on: Option<Date>) -> Option<ClosedRecord> {
    let closed_on = date(row, Field::ClosedOn);
    let outcome = parsed(row, Field::Outcome, |word| value::outcome(&word.text));
    let text = text(row, Field::ClosingText);
    let decision_number = self::text(row, Field::DecisionNumber);
    let penalty = parsed(row, Field::Penalty, |word| value::penalty(&word.text, word.source));
    let closed_on = closed_on?;
    if let Some(found_on) = found_on.filter(|found_on| closed_on < *found_on) {
        row.refuse(
            day,
            ValueFault::new(
                Reason::ClosedBeforeFound,
                format!("办结日期 {closed_on} 早于发现日期 {found_on}"),
                format!("closed on {closed_on}, before it was found on {found_on}; mend one of the two days"),
            ),
        );
    }
    Some(ClosedRecord { closed_on, outcome, text, decision_number, penalty })
}
