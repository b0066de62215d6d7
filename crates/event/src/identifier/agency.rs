//! The short code by which an agency is known on the log.

use std::fmt;

use super::text::InlineText;

const LENGTH_MIN: usize = 2;
const LENGTH_MAX: usize = 32;

/// An agency's short code (部门代码), such as `fire` or `housing`: unique within a region, chosen by the authority.
///
/// It is part of log subjects and sources, hence the narrow alphabet: `[a-z][a-z0-9-]{1,31}`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgencyCode(InlineText<LENGTH_MAX>);

/// Why a text is not an agency code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgencyCodeError {
    /// Too short or too long.
    #[error(
        "agency code {input:?} has {found} characters where 2 to 32 are expected; use the code under which the agency was registered"
    )]
    Length {
        /// The text as given.
        input: String,
        /// Its number of characters.
        found: usize,
    },
    /// A character outside the alphabet, or a first character that is no letter.
    #[error(
        "agency code {input:?} has {character:?} at position {position}; write a lower-case letter first, then lower-case letters, digits or hyphens"
    )]
    Character {
        /// The text as given.
        input: String,
        /// The first character that may not stand there.
        character: char,
        /// Its place, from 1.
        position: usize,
    },
}

impl AgencyCode {
    /// Reads an agency code.
    pub fn parse(text: &str) -> Result<Self, AgencyCodeError> {
        if let Some((index, character)) =
            text.chars().enumerate().find(|&(index, character)| !may_stand(index, character))
        {
            return Err(AgencyCodeError::Character { input: text.to_owned(), character, position: index + 1 });
        }
        let length_error = || AgencyCodeError::Length { input: text.to_owned(), found: text.chars().count() };
        if text.len() < LENGTH_MIN {
            return Err(length_error());
        }
        InlineText::new(text).map(Self).ok_or_else(length_error)
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn may_stand(index: usize, character: char) -> bool {
    character.is_ascii_lowercase() || (index > 0 && (character.is_ascii_digit() || character == '-'))
}

impl fmt::Display for AgencyCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl fmt::Debug for AgencyCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AgencyCode({})", self.as_str())
    }
}

text_identifier!(
    stored AgencyCode, AgencyCodeError,
    pattern: "^[a-z][a-z0-9-]{1,31}$",
    length_max: 32,
    description: "an agency code: a lower-case letter, then 1 to 31 lower-case letters, digits or hyphens"
);
