//! One cell as the file holds it, and where it stands.

use std::borrow::Cow;
use std::fmt;

/// From which day a workbook counts its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DateBase {
    /// Serial 1 is 1900-01-01, and serial 60 is the 29 February 1900 that never was.
    #[default]
    Year1900,
    /// Serial 0 is 1904-01-01 (workbooks that began on old Macintosh computers).
    Year1904,
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// Text; in a CSV file everything is text.
    Text(String),
    /// A number without a date style.
    Number(f64),
    /// A number with a date style: days since the workbook's base.
    Date {
        /// Days, with the time of day as fraction.
        serial: f64,
        /// The workbook's base.
        base: DateBase,
    },
    /// A length of time, which is no date.
    Duration(f64),
    /// TRUE or FALSE.
    Bool(bool),
    /// A formula's error, such as `#N/A`.
    Error(String),
}

/// From this size on a spreadsheet shows scientific notation and has kept only 15 digits.
const DIGITS_LOST_FROM: f64 = 1e15;

impl Cell {
    /// Whether nothing but white space is in the cell.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// The cell as text that means the same when it is read from a CSV file: dates in ISO 8601, whole numbers
    /// without a point, numbers of 16 digits and more in scientific notation because their last digits are lost.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) | Self::Error(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number_text(*number)),
            Self::Date { serial, base } => Cow::Owned(crate::date::serial_text(*serial, *base)),
            Self::Duration(days) => Cow::Owned(format!("{} d", number_text(*days))),
            Self::Bool(value) => Cow::Borrowed(if *value { "TRUE" } else { "FALSE" }),
        }
    }
}

fn number_text(number: f64) -> String {
    if number.abs() < DIGITS_LOST_FROM {
        return format!("{number}");
    }
    let text = format!("{number:E}");
    if text.contains("E-") { text } else { text.replace('E', "E+") }
}

/// Where a row stands in the file it was read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellPlace {
    /// The sheet's name; `None` for CSV.
    pub sheet: Option<String>,
    /// Row as a spreadsheet program numbers it: from 1, headers and blank rows counted.
    pub row: u64,
}

impl fmt::Display for CellPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sheet {
            Some(sheet) => write!(f, "{sheet}!{}", self.row),
            None => write!(f, "{}", self.row),
        }
    }
}

/// Which column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPlace {
    /// Position from 0.
    pub index: usize,
    /// The header's text.
    pub header: String,
}

impl ColumnPlace {
    /// The letter that a spreadsheet program shows above the column.
    pub fn letter(&self) -> String {
        column_letter(self.index)
    }
}

impl fmt::Display for ColumnPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.letter(), self.header)
    }
}

/// The letter of a column counted from 0: 0 is `A`, 25 is `Z`, 26 is `AA`.
pub fn column_letter(index: usize) -> String {
    let mut rest = index;
    let mut letters = Vec::new();
    loop {
        letters.push(b'A' + u8::try_from(rest % 26).unwrap_or(0));
        match (rest / 26).checked_sub(1) {
            Some(next) => rest = next,
            None => break,
        }
    }
    letters.reverse();
    String::from_utf8(letters).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_lettered_as_in_a_spreadsheet() {
        for (index, letter) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")]
        {
            assert_eq!(column_letter(index), letter);
        }
    }

    #[test]
    fn numbers_whose_last_digits_are_lost_show_it() {
        let check = |number: f64, text: &str| assert_eq!(Cell::Number(number).text(), text);
        check(350_602.0, "350602");
        check(350_600_100_012_345.0, "350600100012345");
        check(5000.5, "5000.5");
        check(-3.0, "-3");
        check(913_500_000_000_000_000.0, "9.135E+17");
        check(0.1, "0.1");
    }
}
