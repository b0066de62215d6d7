//! The lines of a rulebook's text in which a rule stands, for people who ask why.

use std::ops::Range;

use fengsui_event::Severity;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::rule_id::RuleId;

/// What is looked up in a rulebook's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage<'a> {
    /// The entry from which a rule comes.
    Rule(&'a RuleId),
    /// The balance with which an account opens.
    Opening,
    /// The least balance of each grade.
    Grades,
    /// For how long entries of a severity count.
    Counting(Severity),
}

/// Lines of a rulebook's text.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Excerpt {
    /// Number of the first line, from 1.
    pub line: usize,
    /// The lines as they stand, with line feeds between them.
    pub text: String,
}

/// The lines of a passage; `None` where the text does not have it, or is no TOML.
///
/// The text must be that of a rulebook that was accepted, so each rule is named by one entry.
pub fn excerpt(text: &str, passage: Passage<'_>) -> Option<Excerpt> {
    let root = DeTable::parse(text).ok()?;
    let root = root.get_ref();
    let place = match passage {
        Passage::Opening => table(root, "opening")?.get("points")?.span(),
        Passage::Grades => table(root, "grades")?.get("A")?.span(),
        Passage::Counting(severity) => entry(root, "counting", |entry| {
            let named = entry.get("severity")?;
            let severities = named.get_ref().as_array()?;
            severities.iter().any(|text| text.get_ref().as_str() == Some(severity.code())).then(|| named.span())
        })?,
        Passage::Rule(rule) => rule_place(root, rule)?,
    };
    lines_around(text, place)
}

fn rule_place(root: &DeTable<'_>, rule: &RuleId) -> Option<Range<usize>> {
    let (kind, rest) = rule.as_str().split_once('/')?;
    let (key, field, wanted) = match kind {
        "responsibility" => ("responsibility", "id", rest),
        "points" => ("deduction", "category", rest.rsplit_once('/')?.0),
        "repetition" | "late" | "restoration" => (kind, "category", rest.rsplit_once('/')?.0),
        _ => return None,
    };
    entry(root, key, |entry| {
        let value = entry.get(field)?;
        (value.get_ref().as_str() == Some(wanted)).then(|| value.span())
    })
}

fn table<'a, 'text>(root: &'a DeTable<'text>, key: &str) -> Option<&'a DeTable<'text>> {
    root.get(key)?.get_ref().as_table()
}

/// The first entry of a list of tables that has what is wanted, by the place of it.
fn entry<'text>(
    root: &DeTable<'text>,
    key: &str,
    place: impl Fn(&DeTable<'text>) -> Option<Range<usize>>,
) -> Option<Range<usize>> {
    let entries: &[Spanned<DeValue<'_>>] = root.get(key)?.get_ref().as_array()?;
    entries.iter().filter_map(|entry| entry.get_ref().as_table()).find_map(place)
}

/// The lines from the header of the table in which the place lies to its last line that says something. Above the first header tables are
/// written inline: there, the lines of the place alone.
fn lines_around(text: &str, place: Range<usize>) -> Option<Excerpt> {
    let before = text.get(..place.start)?;
    let at = before.matches('\n').count();
    let lines: Vec<&str> = text.lines().collect();
    let is_header = |line: &str| line.trim_start().starts_with('[');
    let (first, end) = match (0..=at).rev().find(|index| is_header(lines[*index])) {
        Some(header) => {
            let next = (at + 1..lines.len()).find(|index| is_header(lines[*index])).unwrap_or(lines.len());
            (header, next)
        }
        None => (at, at + 1 + text.get(place)?.matches('\n').count()),
    };
    let says_something = |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let kept = lines.get(first..end)?;
    let trailing = kept.iter().rev().take_while(|line| !says_something(line)).count();
    let text = kept.get(..kept.len() - trailing)?.join("\n");
    Some(Excerpt { line: first + 1, text })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Rulebook;

    fn check(passage: Passage<'_>, first: &str, last: &str) {
        let text = Rulebook::default_toml();
        let found = excerpt(text, passage).unwrap();
        let lines: Vec<&str> = found.text.lines().collect();
        assert_eq!((lines[0], *lines.last().unwrap()), (first, last), "{}", found.text);
        assert_eq!(text.lines().nth(found.line - 1), Some(first));
    }

    #[test]
    fn a_rule_is_shown_with_the_whole_entry_that_it_comes_from() {
        let rule = |name: &str| name.parse::<RuleId>().unwrap();
        check(
            Passage::Rule(&rule("points/fire.60-3/serious")),
            "[[deduction]]",
            "source = \"pilot；消防法第六十条第一款第三项\"",
        );
        let found = excerpt(Rulebook::default_toml(), Passage::Rule(&rule("points/fire.60-3/serious"))).unwrap();
        assert_eq!(
            found.text.lines().collect::<Vec<_>>()[1..4],
            ["category = \"fire.60-3\"", "serious = 12", "grave = 24"]
        );
        check(Passage::Rule(&rule("repetition/*/2")), "[[repetition]]", "source = \"pilot\"");
        check(
            Passage::Rule(&rule("restoration/*/serious")),
            "[[restoration]]",
            "source = \"pilot；行政处罚法第三十二条：主动消除或者减轻危害后果的从轻\"",
        );
        check(Passage::Opening, "[opening]", "source = \"pilot：每单位年初100分\"");
        check(Passage::Grades, "[grades]", "source = \"pilot：以100分为基准\"");
        let counting = excerpt(Rulebook::default_toml(), Passage::Counting(Severity::Serious)).unwrap();
        assert!(counting.text.contains("months = 36"), "{}", counting.text);
    }

    #[test]
    fn every_rule_that_has_a_source_has_an_excerpt_that_quotes_it() {
        let text = Rulebook::default_toml();
        let book = Rulebook::from_toml(text).unwrap();
        let mut count = 0;
        for category in book.categories() {
            for severity in Severity::ALL {
                let Some(deduction) = book.deduction(&category.code, *severity) else { continue };
                let found = excerpt(text, Passage::Rule(&deduction.rule)).unwrap();
                assert!(
                    found.text.contains(book.source(&deduction.rule).unwrap()),
                    "{}: {}",
                    deduction.rule,
                    found.text
                );
                count += 1;
            }
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn entries_that_are_written_inline_are_shown_by_their_lines() {
        let text = "late = [\n  { category = \"*\", general = 1 },\n  { category = \"fire.*\", general = 2 },\n]\n";
        let found = excerpt(text, Passage::Rule(&"late/fire.*/general".parse().unwrap())).unwrap();
        assert_eq!((found.line, found.text.as_str()), (3, "  { category = \"fire.*\", general = 2 },"));
        assert_eq!(excerpt(text, Passage::Rule(&"late/other.*/general".parse().unwrap())), None);
        assert_eq!(excerpt("not toml", Passage::Opening), None);
    }
}
