//! From text to entries: each entry is read on its own, so that one bad entry does not hide the next.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error, ValueDeserializer};

use crate::document::{Calendar, CalendarTable, Document};
use crate::located::Located;
use crate::problem::Problems;

/// The keys of a rulebook, for the message about an unknown one.
const KEYS: &str = "schema, version, name_zh, name_en, authority, calendar, agency, category, responsibility, competent, \
                    deadline, opening, deduction, repetition, late, restoration, counting or grades";

/// What was read, and under which keys something could not be: what is missing there is no second problem.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) document: Document,
    unreadable: BTreeSet<String>,
}

impl Reading {
    /// Whether all that the text has under the key was read.
    pub(crate) fn is_complete(&self, key: &str) -> bool {
        !self.unreadable.contains(key)
    }
}

/// Reads the entries; `None` if the text is not TOML, because guesses about the rest would mislead.
pub(crate) fn read(text: &str, problems: &mut Problems<'_>) -> Option<Reading> {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        report(problems, error, 0..0, "TOML 1.1");
    }
    if !errors.is_empty() {
        return None;
    }
    let mut reading = Reading::default();
    for (key, value) in root.into_inner() {
        let known_problems = problems.count();
        read_key(&key, value, &mut reading.document, problems);
        if problems.count() > known_problems {
            reading.unreadable.insert(key.into_inner().into_owned());
        }
    }
    Some(reading)
}

/// Reads the notices of a calendar that is a text of its own.
pub(crate) fn read_calendar(text: &str, problems: &mut Problems<'_>) -> CalendarTable {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        report(problems, error, 0..0, "TOML 1.1");
    }
    let span = root.span();
    calendar_table(root.into_inner(), span, problems)
}

fn read_key(
    key: &Spanned<toml::de::DeString<'_>>,
    value: Spanned<DeValue<'_>>,
    document: &mut Document,
    problems: &mut Problems<'_>,
) {
    match key.get_ref().as_ref() {
        "schema" => document.schema = one(value, problems),
        "version" => document.version = one(value, problems),
        "name_zh" => document.name_zh = one(value, problems),
        "name_en" => document.name_en = one(value, problems),
        "authority" => document.authority = one(value, problems),
        "calendar" => document.calendar = calendar(value, problems),
        "agency" => document.agency = many(value, problems),
        "category" => document.category = many(value, problems),
        "responsibility" => document.responsibility = many(value, problems),
        "competent" => document.competent = many(value, problems),
        "deadline" => document.deadline = many(value, problems),
        "opening" => document.opening = one(value, problems),
        "deduction" => document.deduction = many(value, problems),
        "repetition" => document.repetition = many(value, problems),
        "late" => document.late = many(value, problems),
        "restoration" => document.restoration = many(value, problems),
        "counting" => document.counting = many(value, problems),
        "grades" => document.grades = one(value, problems),
        unknown => problems.report(
            key.span(),
            format!("`{unknown}` is no key of a rulebook"),
            KEYS,
            "correct the key or remove it; docs/rulebook.md describes each",
        ),
    }
}

fn one<'text, T: Deserialize<'text>>(value: Spanned<DeValue<'text>>, problems: &mut Problems<'_>) -> Option<T> {
    let span = value.span();
    match T::deserialize(ValueDeserializer::from(value)) {
        Ok(read) => Some(read),
        Err(error) => {
            report(problems, &error, span, "the shape that docs/rulebook.md describes");
            None
        }
    }
}

/// The entries that could be read.
fn many<'text, T: Deserialize<'text>>(value: Spanned<DeValue<'text>>, problems: &mut Problems<'_>) -> Vec<T> {
    let span = value.span();
    let DeValue::Array(array) = value.into_inner() else {
        let expected = "entries headed `[[...]]`";
        problems.report(span, "a single value stands where a list is", expected, "double the brackets");
        return Vec::new();
    };
    array.into_iter().filter_map(|entry| one(entry, problems)).collect()
}

fn calendar(value: Spanned<DeValue<'_>>, problems: &mut Problems<'_>) -> Option<Calendar> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Table(table) => Some(Calendar::Own(calendar_table(table, span, problems))),
        other => one::<Located<String>>(Spanned::new(span, other), problems).map(Calendar::BuiltIn),
    }
}

fn calendar_table(table: DeTable<'_>, span: Range<usize>, problems: &mut Problems<'_>) -> CalendarTable {
    let known_problems = problems.count();
    let mut calendar = CalendarTable::default();
    for (key, value) in table {
        if key.get_ref() == "notice" {
            calendar.notice = many(value, problems);
        } else {
            let found = format!("`{}` is no key of a calendar", key.get_ref());
            problems.report(key.span(), found, "[[calendar.notice]]", "remove the key");
        }
    }
    if calendar.notice.is_empty() && problems.count() == known_problems {
        problems.report(
            span,
            "the calendar has no notice",
            "at least one notice",
            "name a built-in calendar or add notices",
        );
    }
    calendar
}

fn report(problems: &mut Problems<'_>, error: &Error, fallback: Range<usize>, expected: &str) {
    let span = error.span().unwrap_or(fallback);
    problems.report(span, error.message(), expected, "correct the entry");
}
