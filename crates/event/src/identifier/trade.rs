//! Trades: the industry classification of GB/T 4754-2017.

use std::fmt;
use std::sync::LazyLock;

use super::text::InlineText;

const DIGITS_MIN: usize = 2;
const DIGITS_MAX: usize = 4;

/// Sections and divisions: one row a code, sorted by code. See `data/README.md`.
static TABLE: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let lines = include_str!("../../data/trades.csv").lines().skip(1);
    let mut rows: Vec<_> = lines.filter_map(|line| line.split_once(',')).collect();
    rows.sort_unstable();
    rows
});

/// A trade (国民经济行业) of GB/T 4754-2017: a section's letter, alone or with two to four digits (`H`, `H61`, `H6110`).
///
/// The letter and the division (the first two digits) are checked against the standard; groups and classes below the
/// division are not, as amendments add to them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TradeCode(InlineText<{ 1 + DIGITS_MAX }>);

/// Why a text is not a trade code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TradeCodeError {
    /// Nothing was given.
    #[error(
        "the trade code is empty; write a letter A to T of GB/T 4754-2017, alone or with two to four digits, such as H61"
    )]
    Empty,
    /// The first character is no section.
    #[error(
        "trade code {input:?} begins with {found:?} where a section's letter A to T is expected; put the section before the digits, such as H61"
    )]
    Section {
        /// The text as given.
        input: String,
        /// Its first character.
        found: char,
    },
    /// Something other than two to four digits after the letter.
    #[error("trade code {input:?} has {rest:?} after its letter where nothing or two to four digits are expected")]
    Digits {
        /// The text as given.
        input: String,
        /// What stands after the letter.
        rest: String,
    },
    /// The division is not one of the section's.
    #[error(
        "trade code {input:?} has division {division:02}, but section {section} has {first:02} to {last:02}; mend the letter or the digits"
    )]
    Division {
        /// The text as given.
        input: String,
        /// The section's letter.
        section: char,
        /// The division that was given.
        division: u8,
        /// The section's first division.
        first: u8,
        /// The section's last division.
        last: u8,
    },
}

impl TradeCode {
    /// Reads a trade code.
    pub fn parse(text: &str) -> Result<Self, TradeCodeError> {
        let first = text.chars().next().ok_or(TradeCodeError::Empty)?;
        let input = || text.to_owned();
        let (first_division, last_division) =
            divisions(first).ok_or_else(|| TradeCodeError::Section { input: input(), found: first })?;
        let digits = &text[first.len_utf8()..];
        let digits_error = || TradeCodeError::Digits { input: input(), rest: digits.to_owned() };
        let code = InlineText::new(text).map(Self).ok_or_else(digits_error)?;
        if digits.is_empty() {
            return Ok(code);
        }
        if digits.len() < DIGITS_MIN || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(digits_error());
        }
        let division = code.division().ok_or_else(digits_error)?;
        if !(first_division..=last_division).contains(&division) {
            return Err(TradeCodeError::Division {
                input: input(),
                section: first,
                division,
                first: first_division,
                last: last_division,
            });
        }
        Ok(code)
    }

    /// The sections (20) and divisions (97) of the standard in ascending order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().filter_map(|(code, _)| Self::parse(code).ok())
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The section's letter (门类).
    pub fn section(&self) -> char {
        self.as_str().chars().next().unwrap_or_default()
    }

    /// The division (大类), 1 to 97, unless the code is a section alone.
    pub fn division(&self) -> Option<u8> {
        self.as_str().get(1..=DIGITS_MIN).and_then(|digits| digits.parse().ok())
    }

    /// Whether `other` is this trade or a part of it, by prefix: `H` contains `H61`, which contains `H6110`.
    pub fn contains(&self, other: &Self) -> bool {
        other.as_str().starts_with(self.as_str())
    }

    /// The section's Chinese name, such as `住宿和餐饮业`.
    pub fn section_name_zh(&self) -> &'static str {
        name(&self.as_str()[..1])
    }

    /// The division's Chinese name, such as `住宿业`, unless the code is a section alone.
    pub fn division_name_zh(&self) -> Option<&'static str> {
        self.as_str().get(..=DIGITS_MIN).map(name)
    }
}

/// The first and last division of each section.
const fn divisions(section: char) -> Option<(u8, u8)> {
    Some(match section {
        'A' => (1, 5),
        'B' => (6, 12),
        'C' => (13, 43),
        'D' => (44, 46),
        'E' => (47, 50),
        'F' => (51, 52),
        'G' => (53, 60),
        'H' => (61, 62),
        'I' => (63, 65),
        'J' => (66, 69),
        'K' => (70, 70),
        'L' => (71, 72),
        'M' => (73, 75),
        'N' => (76, 79),
        'O' => (80, 82),
        'P' => (83, 83),
        'Q' => (84, 85),
        'R' => (86, 90),
        'S' => (91, 96),
        'T' => (97, 97),
        _ => return None,
    })
}

fn name(code: &str) -> &'static str {
    let table = &*TABLE;
    table.binary_search_by_key(&code, |row| row.0).ok().and_then(|index| table.get(index)).map_or("", |row| row.1)
}

impl fmt::Display for TradeCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl fmt::Debug for TradeCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TradeCode({})", self.as_str())
    }
}

text_identifier!(
    stored TradeCode, TradeCodeError,
    pattern: "^[A-T]([0-9]{2,4})?$",
    length_max: 5,
    description: "a trade of GB/T 4754-2017: a section's letter, alone or with two to four digits, such as H61"
);
