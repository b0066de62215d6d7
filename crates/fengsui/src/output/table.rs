//! Tables: the same columns for the terminal, for pipes, for JSON's neighbours and for spreadsheets.

use comfy_table::{CellAlignment, ContentArrangement, Table};
use fengsui_event::Language;
use fengsui_projector::ModelError;
use fengsui_sheets::{ColumnKind, Value};
use serde::Serialize;

use super::{Output, to_json};
use crate::exit::Failure;

/// Rows that are aligned together on a terminal, so that memory does not grow with the list.
const ROWS_ALIGNED: usize = 500;

/// A column of a table of `T`.
pub struct Column<T> {
    /// 标题
    pub zh: &'static str,
    /// Title
    pub en: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Its cell for a row.
    pub value: fn(&T, Language) -> Value,
}

impl<T> Column<T> {
    /// A column.
    pub const fn new(zh: &'static str, en: &'static str, kind: ColumnKind, value: fn(&T, Language) -> Value) -> Self {
        Self { zh, en, kind, value }
    }

    /// The title in a language.
    pub fn title(&self, language: Language) -> &'static str {
        language.pick(self.zh, self.en)
    }
}

/// A list that is shown row by row as it is read.
pub struct Listing<'a, T> {
    output: &'a Output,
    columns: &'a [Column<T>],
    waiting: Vec<Vec<String>>,
    rows: u64,
    failure: Option<Failure>,
}

impl<'a, T: Serialize> Listing<'a, T> {
    /// Begins a list. In JSON it is the array `name` of a document with `as_of` before it.
    pub fn begin(
        output: &'a Output,
        name: &str,
        as_of: Option<&dyn erased::Json>,
        columns: &'a [Column<T>],
    ) -> Result<Self, Failure> {
        if output.json() {
            let before = match as_of {
                Some(as_of) => format!("\"as_of\":{},", as_of.json()?),
                None => String::new(),
            };
            output.write(&format!("{{{before}\"{name}\":["))?;
        } else if !output.look().aligned {
            let titles: Vec<&str> = columns.iter().map(|column| column.title(output.language())).collect();
            output.line(&titles.join("\t"))?;
        }
        Ok(Self { output, columns, waiting: Vec::new(), rows: 0, failure: None })
    }

    /// Shows a row. Given to a query, it ends the query when it cannot; [`Self::end`] then tells why.
    pub fn visit(&mut self, row: &T) -> Result<(), ModelError> {
        self.row(row).map_err(|failure| {
            self.failure = Some(failure);
            ModelError::Interrupted { position: 0 }
        })
    }

    /// Shows a row.
    pub fn row(&mut self, row: &T) -> Result<(), Failure> {
        self.rows += 1;
        if self.output.json() {
            let comma = if self.rows > 1 { "," } else { "" };
            return self.output.write(&format!("{comma}\n{}", to_json(row, false)?));
        }
        let language = self.output.language();
        let cells = self.columns.iter().map(|column| one_line(&cell_text(&(column.value)(row, language)))).collect();
        if !self.output.look().aligned {
            let cells: Vec<String> = cells;
            return self.output.line(&cells.join("\t"));
        }
        self.waiting.push(cells);
        if self.waiting.len() == ROWS_ALIGNED { self.flush() } else { Ok(()) }
    }

    /// Ends the list with what the query answered; gives the number of rows.
    pub fn end(mut self, read: Result<(), ModelError>) -> Result<u64, Failure> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        read?;
        if self.output.json() {
            self.output.line(if self.rows > 0 { "\n]}" } else { "]}" })?;
        } else if self.output.look().aligned {
            self.flush()?;
        }
        Ok(self.rows)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let titles: Vec<String> =
            self.columns.iter().map(|column| column.title(self.output.language()).to_owned()).collect();
        let kinds: Vec<ColumnKind> = self.columns.iter().map(|column| column.kind).collect();
        let rows = std::mem::take(&mut self.waiting);
        self.output.write(&aligned(self.output, &titles, &kinds, rows))
    }
}

/// Shows rows that are at hand as a part of a text result.
pub fn show_rows<T>(output: &Output, columns: &[Column<T>], rows: &[T]) -> Result<(), Failure> {
    let language = output.language();
    let titles: Vec<String> = columns.iter().map(|column| column.title(language).to_owned()).collect();
    let kinds: Vec<ColumnKind> = columns.iter().map(|column| column.kind).collect();
    let cells = |row: &T| columns.iter().map(|column| one_line(&cell_text(&(column.value)(row, language)))).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    if output.look().aligned {
        return output.write(&aligned(output, &titles, &kinds, rows));
    }
    output.line(&titles.join("\t"))?;
    rows.iter().try_for_each(|row| output.line(&row.join("\t")))
}

fn aligned(output: &Output, titles: &[String], kinds: &[ColumnKind], rows: Vec<Vec<String>>) -> String {
    let text = plain_table(titles, kinds, rows);
    let mut lines = text.lines();
    let header = lines.next().map(|line| output.dim(line.trim_end())).unwrap_or_default();
    let body = lines.fold(String::new(), |text, line| text + line.trim_end() + "\n");
    format!("{header}\n{body}")
}

/// Columns side by side, wide characters counted as two, numbers to the right; no lines, nothing cut off.
fn plain_table(titles: &[String], kinds: &[ColumnKind], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(titles);
    table.add_rows(rows);
    let last = kinds.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 2 }));
        let number = matches!(kinds.get(index), Some(ColumnKind::Integer | ColumnKind::Money));
        column.set_cell_alignment(if number { CellAlignment::Right } else { CellAlignment::Left });
    }
    table.to_string()
}

/// A value as text: the same on the terminal, in pipes and, by its kind, in spreadsheets.
pub fn cell_text(value: &Value) -> String {
    match value {
        Value::Empty => String::new(),
        Value::Text(text) => text.clone(),
        Value::Date(date) => date.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Money(amount) => amount.yuan(),
    }
}

/// Text on one line without control characters: what an event holds must not move the cursor, break columns or turn the order of letters round.
pub fn one_line(text: &str) -> String {
    if !text.chars().any(is_unprintable) {
        return text.to_owned();
    }
    text.chars().map(|character| if is_unprintable(character) { ' ' } else { character }).collect()
}

/// Whether a character is one that commands whatever shows it: control characters, separators of lines and paragraphs, and those by which
/// Unicode's bidirectional algorithm (UAX #9) is told another order, so that a text looks like one that it is not.
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Any value that can be written as JSON.
pub mod erased {
    use serde::Serialize;

    use crate::exit::Failure;

    /// See the module.
    pub trait Json {
        /// The value as JSON.
        fn json(&self) -> Result<String, Failure>;
    }

    impl<T: Serialize> Json for T {
        fn json(&self) -> Result<String, Failure> {
            crate::output::to_json(self, false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_are_counted_as_two_columns() {
        let titles = ["单位".to_owned(), "balance".to_owned(), "x".to_owned()];
        let kinds = [ColumnKind::Text, ColumnKind::Integer, ColumnKind::Text];
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = vec![row(["瑞和宾馆", "100", "一"]), row(["ab", "-5", "b"])];
        let expected = "单位      balance  x \n瑞和宾馆      100  一\nab             -5  b ";
        assert_eq!(plain_table(&titles, &kinds, rows), expected);
    }

    #[test]
    fn control_characters_of_a_text_reach_no_terminal() {
        assert_eq!(one_line("a\tb\nc\u{1b}[31m"), "a b c [31m");
        assert_eq!(one_line("安全出口"), "安全出口");
        assert_eq!(one_line("a\u{202e}b\u{2067}c\u{2028}d\u{200f}e"), "a b c d e");
    }

    #[test]
    fn values_have_one_text() {
        assert_eq!(cell_text(&Value::Integer(-12)), "-12");
        assert_eq!(cell_text(&Value::Date(jiff::civil::date(2026, 1, 5))), "2026-01-05");
        assert_eq!(cell_text(&Value::Empty), "");
    }
}
