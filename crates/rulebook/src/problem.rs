//! What is wrong with a rulebook's text, where, what was expected and what to do.

use std::fmt;
use std::ops::Range;

/// Everything that keeps a text from being a rulebook, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RulebookError {
    problems: Vec<Problem>,
}

/// One thing to mend in a rulebook's text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, with the input that failed.
    pub found: String,
    /// What would have been right.
    pub expected: String,
    /// What to do about it.
    pub advice: String,
}

impl RulebookError {
    /// The problems, at least one, in the order of the text.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for RulebookError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the rulebook is refused; to mend: {}", self.problems.len())?;
        self.problems.iter().try_for_each(|problem| write!(formatter, "\n{problem}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, found, expected, advice } = self;
        write!(formatter, "line {line}, column {column}: {found}; expected {expected}; {advice}")
    }
}

/// Collects problems while a text is read and checked.
#[derive(Debug)]
pub(crate) struct Problems<'text> {
    text: &'text str,
    found: Vec<Problem>,
}

impl<'text> Problems<'text> {
    pub(crate) fn new(text: &'text str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Notes a problem at a byte range of the text.
    pub(crate) fn report(
        &mut self,
        span: Range<usize>,
        found: impl Into<String>,
        expected: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let (line, column) = place(self.text, span.start);
        self.found.push(Problem {
            line,
            column,
            found: found.into(),
            expected: expected.into(),
            advice: advice.into(),
        });
    }

    /// How many were noted so far.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// The value if nothing was wrong, otherwise all that was.
    pub(crate) fn settle<T>(mut self, value: Option<T>) -> Result<T, RulebookError> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => {
                self.found.sort();
                self.found.dedup();
                Err(RulebookError { problems: self.found })
            }
        }
    }
}

fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}
