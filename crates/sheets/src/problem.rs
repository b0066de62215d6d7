//! What is wrong with a row, cell by cell, in words that the person who keeps the table can act on.

use std::fmt;

use fengsui_event::Language;

use crate::cell::{CellPlace, ColumnPlace};

/// Declares the reasons with their codes.
macro_rules! reasons {
    ($($(#[$meta:meta])* $variant:ident $code:literal;)+) => {
        /// Why a cell or row is refused. The code is stable: scripts may rely on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$meta])* $variant,)+ }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable code, as written in the refused file.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }
    };
}

reasons! {
    /// A needed value is absent.
    Missing "missing";
    /// A word that the map does not list.
    UnknownValue "unknown_value";
    /// No known form of a date.
    DateUnreadable "date_unreadable";
    /// The calendar has no such day.
    DateImpossible "date_impossible";
    /// Day and month cannot be told apart.
    DateAmbiguous "date_ambiguous";
    /// The century is missing.
    DateTwoDigitYear "date_two_digit_year";
    /// A serial number without a date style.
    DateSerialNumber "date_serial_number";
    /// 29 February 1900.
    DatePhantom "date_phantom";
    /// Outside the years 1900 to 2199.
    DateOutOfRange "date_out_of_range";
    /// A time or a length of time.
    DateIsTime "date_is_time";
    /// Not 18 characters.
    UsccLength "uscc_length";
    /// A 15-digit registration number where only the unified code may stand.
    UsccLegacyNumber "uscc_legacy_number";
    /// A citizen's identity number.
    UsccCitizenId "uscc_citizen_id";
    /// A number whose last digits a spreadsheet has lost.
    UsccSpreadsheetNumber "uscc_spreadsheet_number";
    /// One of the letters I, O, Z, S, V.
    UsccForbiddenLetter "uscc_forbidden_letter";
    /// Another character that the code does not use.
    UsccForbiddenCharacter "uscc_forbidden_character";
    /// The first character is no registration authority.
    UsccAuthority "uscc_authority";
    /// The second character is no category of that authority.
    UsccCategory "uscc_category";
    /// Characters 3 to 8 are no region.
    UsccRegion "uscc_region";
    /// Character 17 does not check.
    UsccOrganisationCheck "uscc_organisation_check";
    /// Character 18 does not check.
    UsccCheckCharacter "uscc_check_character";
    /// Not an organisation code of GB 11714.
    OrganisationCode "organisation_code";
    /// Not a 15-digit registration number.
    LegacyNumber "legacy_number";
    /// Not a value of the book's own numbering.
    LocalNumber "local_number";
    /// Not a region of GB/T 2260.
    RegionUnknown "region_unknown";
    /// Not a trade of GB/T 4754-2017.
    TradeUnknown "trade_unknown";
    /// Not a category code.
    CategoryInvalid "category_invalid";
    /// Not a sum of money.
    MoneyUnreadable "money_unreadable";
    /// The closing day lies before the day on which the violation was found.
    ClosedBeforeFound "closed_before_found";
    /// Said to be closed, without a day.
    ClosedWithoutDate "closed_without_date";
    /// Said to be open, with a closing day.
    OpenWithClosingDate "open_with_closing_date";
    /// More or fewer cells than the header.
    RaggedRow "ragged_row";
    /// A NUL byte.
    NulByte "nul_byte";
    /// Bytes that are no text.
    InvalidBytes "invalid_bytes";
    /// The replacement character: text that an earlier conversion lost.
    LostText "lost_text";
    /// A number whose last digits a spreadsheet has lost.
    NumberLostDigits "number_lost_digits";
    /// Not the id of a case.
    CaseIdInvalid "case_id_invalid";
    /// A quotation mark that is never closed.
    UnclosedQuote "unclosed_quote";
    /// A formula's error.
    CellError "cell_error";
    /// A key that an earlier row has.
    DuplicateKey "duplicate_key";
    /// The exchange's rules do not allow it.
    RefusedByExchange "refused_by_exchange";
    /// The log holds the row with other values.
    DiffersFromLog "differs_from_log";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// What is wrong with one cell, or with the row when there is no column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellProblem {
    /// The column; `None` when the whole row is at fault.
    pub column: Option<ColumnPlace>,
    /// The cell's text. A citizen's identity number is masked here.
    pub cell: String,
    /// Why.
    pub reason: Reason,
    /// What is wrong and what to do, in Chinese.
    pub message_zh: String,
    /// What is wrong and what to do, in English.
    pub message_en: String,
}

impl CellProblem {
    pub(crate) fn of_row(reason: Reason, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { column: None, cell: String::new(), reason, message_zh: zh.into(), message_en: en.into() }
    }

    /// The message in a language.
    pub fn message(&self, language: Language) -> &str {
        language.pick(&self.message_zh, &self.message_en)
    }
}

/// A row that was not accepted. The rest of the file goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// Where it stands.
    pub at: CellPlace,
    /// Its cells as text, in the columns of [`ViolationReader::columns`](crate::ViolationReader::columns); a row with more or fewer cells than
    /// the header keeps them so.
    pub cells: Vec<String>,
    /// Everything that is wrong with it, not only the first.
    pub problems: Vec<CellProblem>,
}

impl RefusedRow {
    /// The row's place and problems on one line.
    pub fn describe(&self, language: Language) -> String {
        let row = language.pick("行", "row");
        let place = match &self.at.sheet {
            Some(sheet) => format!("{sheet} {row} {}", self.at.row),
            None => format!("{row} {}", self.at.row),
        };
        let problems: Vec<String> = self.problems.iter().map(|problem| describe_problem(problem, language)).collect();
        format!("{place}: {}", problems.join("; "))
    }
}

fn describe_problem(problem: &CellProblem, language: Language) -> String {
    let message = problem.message(language);
    match &problem.column {
        Some(column) => format!("{column} `{}`: {} ({message})", problem.cell, problem.reason),
        None => format!("{} ({message})", problem.reason),
    }
}
