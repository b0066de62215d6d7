//! Days as people write them. A day is read or refused; it is never guessed.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, DateBase};
use crate::text::to_half_width;

/// The years that a ledger may plausibly hold; a compact number such as a region code must not become a day.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2199;
const SECONDS_PER_DAY: f64 = 86_400.0;

/// What a date column may hold besides real date cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DateFormat {
    /// Year first: 2023-10-12, 2023/10/12, 2023.10.12, 20231012, 2023年10月12日, each with or without a time of day.
    #[default]
    Standard,
    /// As standard, and also numbers in cells without a date style, counted from the workbook's own base. Only in workbooks.
    Serial,
    /// As standard, and also day first: 12/10/2023 is 12 October.
    DayMonthYear,
    /// As standard, and also month first: 12/10/2023 is 10 December.
    MonthDayYear,
}

/// Why a text or cell is not a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DateFault {
    /// No known form.
    #[error("not a date; write it as 2023-10-12")]
    Unreadable,
    /// The calendar has no such day.
    #[error("the calendar has no such day")]
    Impossible,
    /// Day first or month first, the text does not say.
    #[error("day and month cannot be told apart; write it as 2023-10-12, or say in the map which comes first")]
    Ambiguous,
    /// The century is missing.
    #[error("a year of two digits; write it as 2023-10-12")]
    TwoDigitYear,
    /// A serial number in a cell without a date style.
    #[error("a number without a date style; give the cell a date format, or write `date = \"serial\"` in the map")]
    SerialNumber,
    /// Serial number 60 of the 1900 base.
    #[error("29 February 1900, which never was")]
    PhantomLeapDay,
    /// Outside the years 1900 to 2199, or a serial number before the base.
    #[error("outside the years 1900 to 2199")]
    OutOfRange,
    /// A length of time or a time of day.
    #[error("a time, not a day")]
    NotADay,
}

/// Reads a day from a cell.
///
/// # Errors
/// [`DateFault`] for everything that is not exactly one day.
pub fn date_of_cell(cell: &Cell, format: DateFormat, base: DateBase) -> Result<Date, DateFault> {
    match cell {
        Cell::Text(text) => parse_date(text, format),
        Cell::Date { serial, base } => date_of_serial(*serial, *base),
        Cell::Number(number) => match compact_number(*number) {
            Some(text) => parse_compact(&text),
            None if format == DateFormat::Serial => date_of_serial(*number, base),
            None => Err(DateFault::SerialNumber),
        },
        Cell::Duration(_) => Err(DateFault::NotADay),
        Cell::Empty | Cell::Bool(_) | Cell::Error(_) => Err(DateFault::Unreadable),
    }
}

/// Reads a day from text; a time of day behind it is dropped.
///
/// # Errors
/// [`DateFault`]; a serial number in text is always refused, because text does not say from which base it counts.
pub fn parse_date(text: &str, format: DateFormat) -> Result<Date, DateFault> {
    let text = to_half_width(text.trim());
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return match text.len() {
            8 => parse_compact(text),
            4..=6 => Err(DateFault::SerialNumber),
            _ => Err(DateFault::Unreadable),
        };
    }
    let (day, time) = split_time(text);
    if !time.is_empty() && !is_time_of_day(time) {
        return Err(DateFault::Unreadable);
    }
    if !time.is_empty() && day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()) {
        return parse_compact(day);
    }
    parse_parts(day, format)
}

/// The day of a serial number.
///
/// # Errors
/// [`DateFault::PhantomLeapDay`] for 60 in the 1900 base, [`DateFault::NotADay`] for a bare time of day,
/// [`DateFault::OutOfRange`].
pub fn date_of_serial(serial: f64, base: DateBase) -> Result<Date, DateFault> {
    let days = whole_days(serial).ok_or(DateFault::OutOfRange)?;
    let (origin, days) = match base {
        DateBase::Year1900 if days < 1 => return Err(DateFault::NotADay),
        DateBase::Year1900 if days == 60 => return Err(DateFault::PhantomLeapDay),
        DateBase::Year1900 if days < 60 => (jiff::civil::date(1899, 12, 31), days),
        DateBase::Year1900 => (jiff::civil::date(1899, 12, 30), days),
        DateBase::Year1904 if days < 0 => return Err(DateFault::OutOfRange),
        DateBase::Year1904 => (jiff::civil::date(1904, 1, 1), days),
    };
    let date = origin.checked_add(jiff::Span::new().try_days(days).map_err(|_| DateFault::OutOfRange)?);
    date.ok().filter(|date| YEARS.contains(&date.year())).ok_or(DateFault::OutOfRange)
}

/// A date cell as text that reads back as the same day, or is refused for the same reason.
pub(crate) fn serial_text(serial: f64, base: DateBase) -> String {
    let time = time_of_day(serial);
    match date_of_serial(serial, base) {
        Ok(date) if time == "00:00:00" => date.to_string(),
        Ok(date) => format!("{date} {time}"),
        Err(DateFault::PhantomLeapDay) => "1900-02-29".to_owned(),
        Err(DateFault::NotADay) => time,
        Err(_) => format!("{serial}"),
    }
}

/// Whole days, rounded to the second first: spreadsheets store times with errors in the last digits.
fn whole_days(serial: f64) -> Option<i64> {
    let days = ((serial * SECONDS_PER_DAY).round() / SECONDS_PER_DAY).floor();
    (days.is_finite() && days.abs() < 1e7).then(|| format!("{days:.0}").parse().ok()).flatten()
}

fn time_of_day(serial: f64) -> String {
    let seconds = (serial * SECONDS_PER_DAY).round().rem_euclid(SECONDS_PER_DAY);
    let seconds: u32 = format!("{seconds:.0}").parse().unwrap_or(0);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A number typed as 20231012 lies far above every serial number that a spreadsheet knows.
fn compact_number(number: f64) -> Option<String> {
    ((10_000_000.0..100_000_000.0).contains(&number) && number.fract() == 0.0).then(|| format!("{number:.0}"))
}

fn parse_compact(text: &str) -> Result<Date, DateFault> {
    let part = |range: std::ops::Range<usize>| text.get(range).ok_or(DateFault::Unreadable);
    day_of(part(0..4)?, part(4..6)?, part(6..8)?)
}

/// Splits at the first white space or the `T` of ISO 8601, or behind `日`.
fn split_time(text: &str) -> (&str, &str) {
    if let Some((day, time)) = text.split_once('日') {
        let end = day.len() + '日'.len_utf8();
        return (text.get(..end).unwrap_or(text), time.trim());
    }
    match text.split_once(|c: char| c == 'T' || c.is_whitespace()) {
        Some((day, time)) => (day, time.trim()),
        None => (text, ""),
    }
}

/// `8:05`, `08:05:09`, `08:05:09.000`, `8时05分`; never with a zone, which could move the day.
fn is_time_of_day(text: &str) -> bool {
    let parts_min = if text.contains(['时', '点']) { 1 } else { 2 };
    let text = text.strip_suffix(['时', '点', '分', '秒']).unwrap_or(text).replace(['时', '点', '分'], ":");
    let bounds = [24, 60, 60];
    let mut count = 0;
    for (part, bound) in text.split(':').zip(bounds) {
        let whole = if count == 2 { part.split_once('.').map_or(part, |(whole, _)| whole) } else { part };
        let in_range = whole.len() <= 2 && whole.parse::<u32>().is_ok_and(|value| value < bound);
        let digits = part.bytes().all(|byte| byte.is_ascii_digit() || (count == 2 && byte == b'.'));
        if !in_range || !digits {
            return false;
        }
        count += 1;
    }
    count >= parts_min && text.split(':').count() == count
}

fn parse_parts(text: &str, format: DateFormat) -> Result<Date, DateFault> {
    let parts = split_parts(text).ok_or(DateFault::Unreadable)?;
    if parts.iter().any(|part| part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(DateFault::Unreadable);
    }
    let short = |part: &str| part.len() <= 2;
    match parts {
        [year, month, day] if year.len() == 4 && short(month) && short(day) => day_of(year, month, day),
        [first, second, year] if year.len() == 4 && short(first) && short(second) => match format {
            DateFormat::DayMonthYear => day_of(year, second, first),
            DateFormat::MonthDayYear => day_of(year, first, second),
            DateFormat::Standard | DateFormat::Serial => Err(DateFault::Ambiguous),
        },
        [first, second, third] if short(first) && short(second) && short(third) => Err(DateFault::TwoDigitYear),
        _ => Err(DateFault::Unreadable),
    }
}

/// Three parts with the same separator twice, or `年月日`.
fn split_parts(text: &str) -> Option<[&str; 3]> {
    if let Some((year, rest)) = text.split_once('年') {
        let (month, rest) = rest.split_once('月')?;
        let day = rest.strip_suffix(['日', '号']).unwrap_or(rest);
        return Some([year.trim(), month.trim(), day.trim()]);
    }
    let separator = text.chars().find(|c| matches!(c, '-' | '/' | '.'))?;
    let mut parts = text.split(separator);
    let found = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(found)
}

fn day_of(year: &str, month: &str, day: &str) -> Result<Date, DateFault> {
    let year: i16 = year.parse().map_err(|_| DateFault::Unreadable)?;
    let month: i8 = month.parse().map_err(|_| DateFault::Unreadable)?;
    let day: i8 = day.parse().map_err(|_| DateFault::Unreadable)?;
    if !YEARS.contains(&year) {
        return Err(DateFault::OutOfRange);
    }
    Date::new(year, month, day).map_err(|_| DateFault::Impossible)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(i16, i8, i8), DateFault>) {
        let expected = expected.map(|(year, month, day)| jiff::civil::date(year, month, day));
        assert_eq!(parse_date(text, DateFormat::Standard), expected, "{text}");
    }

    #[test]
    fn year_first_forms_are_read() {
        for text in [
            "2023-10-12",
            "2023/10/12",
            "2023.10.12",
            "20231012",
            "2023年10月12日",
            "2023年10月12号",
            " 2023-10-12 ",
            "２０２３－１０－１２",
            "２０２３年１０月１２日",
            "2023-10-12 0:00",
            "2023-10-12 00:00:00",
            "2023-10-12T08:30:00.000",
            "2023/10/12 23:59",
            "20231012 08:30",
            "2023年10月12日 8时30分",
            "2023年10月12日8:30",
        ] {
            check(text, Ok((2023, 10, 12)));
        }
        check("2012-01-03 0:00", Ok((2012, 1, 3)));
        check("2023-1-2", Ok((2023, 1, 2)));
        check("2024-02-29", Ok((2024, 2, 29)));
    }

    #[test]
    fn days_that_never_were_are_refused() {
        check("2022-09-31", Err(DateFault::Impossible));
        check("2023-02-29", Err(DateFault::Impossible));
        check("2023年13月1日", Err(DateFault::Impossible));
        check("20231301", Err(DateFault::Impossible));
        check("1900-02-29", Err(DateFault::Impossible));
        check("2023-00-10", Err(DateFault::Impossible));
    }

    #[test]
    fn nothing_is_guessed() {
        check("03/04/2023", Err(DateFault::Ambiguous));
        check("25/12/2023", Err(DateFault::Ambiguous));
        check("23-10-12", Err(DateFault::TwoDigitYear));
        check("23年10月12日", Err(DateFault::TwoDigitYear));
        check("45211", Err(DateFault::SerialNumber));
        check("35060210", Err(DateFault::OutOfRange));
        for text in [
            "",
            "2023-10",
            "2023/10-12",
            "2023-10-12 25:00",
            "2023-10-12T16:00:00Z",
            "2023-10-12 8:00 PM",
            "2023-10-12-13",
            "二〇二三年十月十二日",
            "2023-+1-12",
            "2023年10月",
            "昨天",
            "2023-10-12 8:",
            "202310121",
        ] {
            check(text, Err(DateFault::Unreadable));
        }
    }

    #[test]
    fn a_map_says_which_comes_first() {
        let day_first = parse_date("03/04/2023", DateFormat::DayMonthYear);
        assert_eq!(day_first, Ok(jiff::civil::date(2023, 4, 3)));
        let month_first = parse_date("03/04/2023", DateFormat::MonthDayYear);
        assert_eq!(month_first, Ok(jiff::civil::date(2023, 3, 4)));
        assert_eq!(parse_date("13/04/2023", DateFormat::MonthDayYear), Err(DateFault::Impossible));
        assert_eq!(parse_date("03/04/23", DateFormat::MonthDayYear), Err(DateFault::TwoDigitYear));
    }

    /// ECMA-376 part 1, 18.17.4.1: the 1900 base counts a 29 February 1900, the 1904 base does not.
    #[test]
    fn serial_numbers_follow_the_workbooks_base() {
        let day = jiff::civil::date;
        for (serial, base, expected) in [
            (1.0, DateBase::Year1900, Ok(day(1900, 1, 1))),
            (59.0, DateBase::Year1900, Ok(day(1900, 2, 28))),
            (60.0, DateBase::Year1900, Err(DateFault::PhantomLeapDay)),
            (61.0, DateBase::Year1900, Ok(day(1900, 3, 1))),
            (45_211.0, DateBase::Year1900, Ok(day(2023, 10, 12))),
            (45_211.75, DateBase::Year1900, Ok(day(2023, 10, 12))),
            (45_210.999_999_999_99, DateBase::Year1900, Ok(day(2023, 10, 12))),
            (0.5, DateBase::Year1900, Err(DateFault::NotADay)),
            (0.0, DateBase::Year1904, Ok(day(1904, 1, 1))),
            (43_749.0, DateBase::Year1904, Ok(day(2023, 10, 12))),
            (-1.0, DateBase::Year1904, Err(DateFault::OutOfRange)),
            (20_231_012.0, DateBase::Year1900, Err(DateFault::OutOfRange)),
            (f64::NAN, DateBase::Year1900, Err(DateFault::OutOfRange)),
        ] {
            assert_eq!(date_of_serial(serial, base), expected, "{serial} {base:?}");
        }
    }

    #[test]
    fn a_bare_number_needs_the_maps_permission() {
        let cell = Cell::Number(45_211.0);
        let base = DateBase::Year1900;
        assert_eq!(date_of_cell(&cell, DateFormat::Standard, base), Err(DateFault::SerialNumber));
        assert_eq!(date_of_cell(&cell, DateFormat::Serial, base), Ok(jiff::civil::date(2023, 10, 12)));
        let typed = Cell::Number(20_231_012.0);
        assert_eq!(date_of_cell(&typed, DateFormat::Standard, base), Ok(jiff::civil::date(2023, 10, 12)));
        assert_eq!(date_of_cell(&Cell::Duration(1.5), DateFormat::Serial, base), Err(DateFault::NotADay));
    }

    #[test]
    fn a_date_cells_text_reads_back() {
        assert_eq!(serial_text(45_211.0, DateBase::Year1900), "2023-10-12");
        assert_eq!(serial_text(45_211.5, DateBase::Year1900), "2023-10-12 12:00:00");
        assert_eq!(serial_text(60.0, DateBase::Year1900), "1900-02-29");
        assert_eq!(serial_text(0.25, DateBase::Year1900), "06:00:00");
    }
}
