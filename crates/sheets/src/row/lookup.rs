//! Finds a field's word in a row through the field's sources, and collects what is wrong on the way.

use crate::cell::{Cell, ColumnPlace};
use crate::date::DateFormat;
use crate::map::{BoundSource, Field, Source};
use crate::problem::{CellProblem, Reason};
use crate::read::RawRow;
use crate::record::{Note, NoteKind};
use crate::sheet_plan::SheetPlan;
use crate::text::value_form;

use super::value::{ValueFault, check_word};

const SEPARATOR: &str = " - ";

/// A field's word.
pub(crate) struct Word<'a> {
    /// The text to be understood.
    pub text: String,
    /// The cell, when it is to be understood itself and not what a map says of it.
    pub cell: Option<&'a Cell>,
    /// The column; `None` for a constant.
    pub column: Option<usize>,
    /// Where it came from.
    pub source: &'a Source,
}

/// A row under its sheet's plan.
pub(crate) struct RowView<'a> {
    pub plan: &'a SheetPlan,
    row: &'a RawRow,
    problems: Vec<CellProblem>,
    notes: Vec<Note>,
    /// Fields whose word was asked for before, so that a problem is told once.
    told: Vec<Field>,
}

impl<'a> RowView<'a> {
    pub(crate) fn new(plan: &'a SheetPlan, row: &'a RawRow) -> Self {
        Self { plan, row, problems: Vec::new(), notes: Vec::new(), told: Vec::new() }
    }

    pub(crate) fn finish(self) -> (Vec<CellProblem>, Vec<Note>) {
        (self.problems, self.notes)
    }

    /// What is wrong with the row so far.
    pub(crate) fn take_problems(&mut self) -> Vec<CellProblem> {
        std::mem::take(&mut self.problems)
    }

    pub(crate) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    pub(crate) fn cell(&self, column: usize) -> &'a Cell {
        const EMPTY: &Cell = &Cell::Empty;
        self.row.cells.get(column).unwrap_or(EMPTY)
    }

    /// The field's word, or `None` when it has none; a missing or unknown one that is needed becomes a problem.
    pub(crate) fn word(&mut self, field: Field) -> Option<Word<'a>> {
        let is_first = !self.told.contains(&field);
        self.told.push(field);
        let plan = self.plan;
        let sources = plan.bound().of(field);
        let mut unknown = None;
        for source in sources {
            match self.look(field, source) {
                Look::Found(word) => return Some(word),
                Look::Blank => {}
                Look::Unknown(column) if source.source.ignore_unknown => {
                    if is_first {
                        self.note_at(column, NoteKind::WordPassedOver);
                    }
                }
                Look::Unknown(column) => unknown = unknown.or(Some((column, source))),
                Look::Error(column) => {
                    if is_first {
                        self.problem(
                            Some(column),
                            ValueFault::new(Reason::CellError, "单元格是公式错误", "the cell holds a formula's error"),
                        );
                    }
                    return None;
                }
            }
        }
        if is_first {
            self.tell_absent(field, unknown, sources);
        }
        None
    }

    fn tell_absent(&mut self, field: Field, unknown: Option<(usize, &BoundSource)>, sources: &[BoundSource]) {
        if let Some((column, source)) = unknown {
            self.problem(Some(column), unknown_value(&source.source));
        } else if self.plan.purpose().needs(field) {
            let column = sources.iter().find_map(|source| source.columns.first().copied());
            let zh = format!("缺少{}", field.name_zh());
            self.problem(column, ValueFault::new(Reason::Missing, zh, format!("{} is missing", field.code())));
        }
    }

    fn look(&self, field: Field, bound: &'a BoundSource) -> Look<'a> {
        let source = &bound.source;
        if let Some(constant) = &source.constant {
            return Look::Found(Word { text: constant.clone(), cell: None, column: None, source });
        }
        let filled: Vec<usize> =
            bound.columns.iter().copied().filter(|column| !self.cell(*column).is_blank()).collect();
        let Some(column) = filled.first().copied() else {
            return Look::Blank;
        };
        if let Some(error) = filled.iter().find(|column| matches!(self.cell(**column), Cell::Error(_))) {
            return Look::Error(*error);
        }
        let separator = source.separator.as_deref().unwrap_or(SEPARATOR);
        let texts: Vec<String> = filled.iter().map(|column| self.cell(*column).text().trim().to_owned()).collect();
        let text = texts.join(separator);
        let word = |text, cell| Look::Found(Word { text, cell, column: Some(column), source });
        if bound.words.is_empty() {
            return word(text, Some(self.cell(column)));
        }
        if let Some(meaning) = bound.words.get(&value_form(&text)).or(source.fallback.as_ref()) {
            return word(meaning.clone(), None);
        }
        if source.codes && check_word(field, self.plan.scheme(), source, &text).is_ok() {
            return word(text, Some(self.cell(column)));
        }
        Look::Unknown(column)
    }

    /// Adds a problem of a word.
    pub(crate) fn refuse(&mut self, word: &Word, fault: ValueFault) {
        self.problem(word.column, fault);
    }

    pub(crate) fn problem(&mut self, column: Option<usize>, fault: ValueFault) {
        let cell = fault
            .masked
            .unwrap_or_else(|| column.map(|column| self.cell(column).text().into_owned()).unwrap_or_default());
        self.problems.push(CellProblem {
            column: column.map(|column| self.column_place(column)),
            cell,
            reason: fault.reason,
            message_zh: fault.zh,
            message_en: fault.en,
        });
    }

    /// Adds a note on a word that came from a column.
    pub(crate) fn note(&mut self, word: &Word, kind: NoteKind) {
        if let Some(column) = word.column {
            self.note_at(column, kind);
        }
    }

    fn note_at(&mut self, column: usize, kind: NoteKind) {
        let cell = self.cell(column).text().into_owned();
        self.notes.push(Note { column: self.column_place(column), kind, cell });
    }

    /// Notes each cell that says something about the closing of a row that is open.
    pub(crate) fn note_closing_passed_over(&mut self) {
        let plan = self.plan;
        let closing = Field::ALL
            .iter()
            .filter(|field| field.is_of_closing() && !matches!(field, Field::Status | Field::ClosedOn));
        let mut columns: Vec<usize> = closing
            .flat_map(|field| plan.bound().of(*field))
            .flat_map(|source| source.columns.iter().copied())
            .collect();
        columns.sort_unstable();
        columns.dedup();
        for column in columns {
            if !self.cell(column).is_blank() {
                self.note_at(column, NoteKind::ClosingPassedOver);
            }
        }
    }

    /// Notes what stands to the right of the header.
    pub(crate) fn note_cells_beyond_header(&mut self) {
        for column in self.plan.headers().len()..self.row.cells.len() {
            if !self.cell(column).is_blank() {
                self.note_at(column, NoteKind::CellBeyondHeader);
            }
        }
    }

    /// A replacement character is what is left of text that an earlier conversion could not read.
    pub(crate) fn refuse_lost_text(&mut self) {
        for (column, cell) in self.row.cells.iter().enumerate() {
            if matches!(cell, Cell::Text(text) if text.contains(char::REPLACEMENT_CHARACTER)) {
                let fault = ValueFault::new(
                    Reason::LostText,
                    "含有“\u{FFFD}”：文字在先前的转换中已丢失，请从原件恢复",
                    "holds `\u{FFFD}`: text was lost in an earlier conversion; restore it from the source",
                );
                self.problem(Some(column), fault);
            }
        }
    }

    fn column_place(&self, index: usize) -> ColumnPlace {
        ColumnPlace { index, header: self.plan.headers().get(index).cloned().unwrap_or_default() }
    }
}

enum Look<'a> {
    Found(Word<'a>),
    Blank,
    Unknown(usize),
    Error(usize),
}

fn unknown_value(source: &Source) -> ValueFault {
    /// A message is read by people; a list of hundreds is not.
    const WORDS_SHOWN_MAX: usize = 12;
    let shown: Vec<&str> = source.values.keys().take(WORDS_SHOWN_MAX).map(String::as_str).collect();
    let more = if source.values.len() > shown.len() { ", ..." } else { "" };
    ValueFault::new(
        Reason::UnknownValue,
        format!("映射中没有这个值；可用：{}{more}", shown.join("、")),
        format!("the map does not list this value; it has: {}{more}", shown.join(", ")),
    )
}

/// Columns whose bare numbers the map declares to be days; in text they are written as days, because a number in text has
/// no base to count from.
pub(crate) fn serial_columns(sources: &[BoundSource]) -> impl Iterator<Item = usize> + '_ {
    sources
        .iter()
        .filter(|source| source.source.date == DateFormat::Serial)
        .flat_map(|source| source.columns.iter().copied())
}
