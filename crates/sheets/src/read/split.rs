//! Splits decoded text into the records of a CSV file (RFC 4180 and its dialects).
//!
//! The project has its own splitter because three things must be exact that general readers leave open: the row number that
//! a spreadsheet program would show (blank lines count, line breaks inside quotes do not), the row of a NUL or undecodable byte,
//! and a bound on a record whose quotation mark is never closed.

use std::collections::VecDeque;

use super::{RawRow, RowFlaw};
use crate::cell::Cell;

/// Longest record, in bytes of UTF-8. A spreadsheet cell holds 32,767 characters; this is ten of them in Chinese.
pub(crate) const RECORD_BYTES_MAX: usize = 1024 * 1024;

enum State {
    /// Nothing of the field has been seen.
    FieldStart,
    /// Inside a field without quotation marks, or behind the closing one.
    Plain,
    /// Inside quotation marks.
    Quoted,
    /// A quotation mark inside quotation marks: the end, or the first of a pair.
    QuoteInQuoted,
}

/// The record outgrew [`RECORD_BYTES_MAX`].
#[derive(Debug)]
pub(crate) struct TooLong {
    /// Row at which it begins.
    pub row: u64,
}

/// Takes text in pieces of any size and gives rows.
pub(crate) struct Splitter {
    delimiter: char,
    state: State,
    after_carriage_return: bool,
    record_begun: bool,
    field: String,
    cells: Vec<Cell>,
    record_bytes: usize,
    row: u64,
    flaw: Option<RowFlaw>,
    rows: VecDeque<RawRow>,
}

impl Splitter {
    pub(crate) fn new(delimiter: char) -> Self {
        Self {
            delimiter,
            state: State::FieldStart,
            after_carriage_return: false,
            record_begun: false,
            field: String::new(),
            cells: Vec::new(),
            record_bytes: 0,
            row: 1,
            flaw: None,
            rows: VecDeque::new(),
        }
    }

    /// The next finished row.
    pub(crate) fn pop(&mut self) -> Option<RawRow> {
        self.rows.pop_front()
    }

    /// Takes the next piece of text.
    pub(crate) fn feed(&mut self, text: &str) -> Result<(), TooLong> {
        for c in text.chars() {
            self.push(c);
            if self.record_bytes > RECORD_BYTES_MAX {
                return Err(TooLong { row: self.row });
            }
        }
        Ok(())
    }

    /// Notes that bytes stood here which are no text.
    pub(crate) fn malformed(&mut self) {
        self.flaw = Some(RowFlaw::InvalidBytes);
        self.append(char::REPLACEMENT_CHARACTER);
    }

    /// Ends the last record, which may lack its line break.
    pub(crate) fn finish(&mut self) {
        if matches!(self.state, State::Quoted) {
            self.flaw = self.flaw.or(Some(RowFlaw::UnclosedQuote));
        }
        if self.record_begun {
            self.end_record();
        }
    }

    fn push(&mut self, c: char) {
        if std::mem::take(&mut self.after_carriage_return) && c == '\n' {
            return;
        }
        if c == '\0' {
            self.flaw = Some(RowFlaw::NulByte);
        }
        match self.state {
            State::Quoted if c == '"' => self.state = State::QuoteInQuoted,
            State::Quoted => self.append(c),
            State::QuoteInQuoted if c == '"' => {
                self.state = State::Quoted;
                self.append(c);
            }
            State::FieldStart if c == '"' => {
                self.record_begun = true;
                self.state = State::Quoted;
            }
            State::FieldStart | State::Plain | State::QuoteInQuoted => self.push_unquoted(c),
        }
    }

    fn push_unquoted(&mut self, c: char) {
        if c == self.delimiter {
            self.record_begun = true;
            self.end_field();
        } else if c == '\n' || c == '\r' {
            self.after_carriage_return = c == '\r';
            self.end_record();
        } else {
            self.state = State::Plain;
            self.append(c);
        }
    }

    fn append(&mut self, c: char) {
        self.record_begun = true;
        if matches!(self.state, State::FieldStart) {
            self.state = State::Plain;
        }
        self.field.push(c);
        self.record_bytes += c.len_utf8();
    }

    fn end_field(&mut self) {
        self.state = State::FieldStart;
        self.record_bytes += 1;
        let text = std::mem::take(&mut self.field);
        self.cells.push(if text.is_empty() { Cell::Empty } else { Cell::Text(text) });
    }

    fn end_record(&mut self) {
        if self.record_begun {
            self.end_field();
            let cells = std::mem::take(&mut self.cells);
            self.rows.push_back(RawRow { sheet: 0, number: self.row, cells, flaw: self.flaw.take() });
        }
        self.record_begun = false;
        self.record_bytes = 0;
        self.state = State::FieldStart;
        self.row += 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn split(text: &str) -> Vec<(u64, Vec<String>, Option<RowFlaw>)> {
        let mut splitter = Splitter::new(',');
        splitter.feed(text).unwrap();
        splitter.finish();
        std::iter::from_fn(|| splitter.pop())
            .map(|row| (row.number, row.cells.iter().map(|cell| cell.text().into_owned()).collect(), row.flaw))
            .collect()
    }

    #[test]
    fn rows_are_numbered_as_a_spreadsheet_shows_them() {
        let rows = split("a,b\r\n\r\n\"x\r\ny\",2\n\nlast,\r\n");
        let numbers: Vec<_> = rows.iter().map(|(number, cells, _)| (*number, cells.join("|"))).collect();
        assert_eq!(numbers, [(1, "a|b".to_owned()), (3, "x\r\ny|2".to_owned()), (5, "last|".to_owned())]);
    }

    #[test]
    fn quotation_marks_are_taken_off() {
        let cells = |text| split(text).remove(0).1;
        assert_eq!(cells("\"a\"\"b\",\"\",c\"d"), ["a\"b", "", "c\"d"]);
        assert_eq!(cells("\"ab\"c,d"), ["abc", "d"]);
        assert_eq!(cells("\"\""), [""]);
        assert_eq!(cells(","), ["", ""]);
        assert_eq!(split("").len(), 0);
    }

    #[test]
    fn old_macintosh_line_ends_count() {
        assert_eq!(split("a\rb\rc").iter().map(|row| row.0).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn flaws_name_their_row_and_no_other() {
        let rows = split("a\nb\0\nc\n\"open,\nd");
        let flaws: Vec<_> = rows.iter().map(|row| (row.0, row.2)).collect();
        assert_eq!(flaws, [(1, None), (2, Some(RowFlaw::NulByte)), (3, None), (4, Some(RowFlaw::UnclosedQuote))]);
    }

    #[test]
    fn an_endless_record_is_stopped() {
        let mut splitter = Splitter::new(',');
        let text = format!("a,b\n\"{}", "x\n".repeat(RECORD_BYTES_MAX));
        assert_eq!(splitter.feed(&text).unwrap_err().row, 2);
    }

    proptest::proptest! {
        /// The csv crate is the independent reader.
        #[test]
        fn agrees_with_another_reader(rows in proptest::collection::vec(proptest::collection::vec("[a-c,;\"\n\r 中]{0,6}", 2..5), 1..6)) {
            let mut writer = csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let ours: Vec<_> = split(&text).into_iter().map(|row| row.1).collect();
            proptest::prop_assert_eq!(&ours, &rows);
            let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
            let theirs: Vec<Vec<String>> = reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
            proptest::prop_assert_eq!(ours, theirs);
        }
    }
}
