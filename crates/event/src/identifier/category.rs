//! The code of a kind of violation.

use std::fmt;

const LENGTH_MAX: usize = 64;

/// A kind of violation or hazard (违法行为类别), such as `fire.60-3` or `sanitation.refuse`: names a row of the
/// rulebook's catalogue.
///
/// Dotted lower-case text, `[a-z][a-z0-9-]*(\.[a-z0-9-]+)*`, at most 64 characters; what stands before a dot is the
/// wider kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CategoryCode(Box<str>);

/// Why a text is not a category code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CategoryCodeError {
    /// Nothing was given.
    #[error("the category code is empty; write one of the rulebook's, such as fire.60-3")]
    Empty,
    /// Longer than 64 characters.
    #[error("category code {input:?} has {found} characters where at most 64 are expected; shorten it")]
    Length {
        /// The text as given.
        input: String,
        /// Its number of characters.
        found: usize,
    },
    /// A part between dots holds nothing.
    #[error("category code {input:?} has an empty part; put letters or digits on both sides of each dot")]
    EmptyPart {
        /// The text as given.
        input: String,
    },
    /// A character outside the alphabet, or a first character that is no letter.
    #[error(
        "category code {input:?} has {character:?} at position {position}; write a lower-case letter first, then lower-case letters, digits, hyphens and single dots"
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

impl CategoryCode {
    /// Reads a category code.
    pub fn parse(text: &str) -> Result<Self, CategoryCodeError> {
        if text.is_empty() {
            return Err(CategoryCodeError::Empty);
        }
        if let Some((index, character)) =
            text.chars().enumerate().find(|&(index, character)| !may_stand(index, character))
        {
            return Err(CategoryCodeError::Character { input: text.to_owned(), character, position: index + 1 });
        }
        if text.len() > LENGTH_MAX {
            return Err(CategoryCodeError::Length { input: text.to_owned(), found: text.len() });
        }
        if text.split('.').any(str::is_empty) {
            return Err(CategoryCodeError::EmptyPart { input: text.to_owned() });
        }
        Ok(Self(text.into()))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this kind or a narrower one: `fire` contains `fire.60-3`, but not `fires` or `firework.1`.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.strip_prefix(&*self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

fn may_stand(index: usize, character: char) -> bool {
    character.is_ascii_lowercase() || (index > 0 && (character.is_ascii_digit() || matches!(character, '-' | '.')))
}

impl fmt::Display for CategoryCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for CategoryCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CategoryCode({})", self.0)
    }
}

text_identifier!(
    stored CategoryCode, CategoryCodeError,
    pattern: r"^[a-z][a-z0-9-]*(\.[a-z0-9-]+)*$",
    length_max: 64,
    description: "a category code: dotted lower-case text such as fire.60-3, at most 64 characters"
);
