//! Organisation codes (组织机构代码) of GB 11714: units' codes before 2015, and positions 9 to 17 of a USCC since.

use std::fmt;

use super::text::InlineText;

const LENGTH: usize = 9;
const WEIGHTS: [u32; LENGTH - 1] = [3, 7, 9, 10, 5, 8, 4, 2];

/// An organisation code of nine characters with its check character, written without a hyphen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganisationCode(InlineText<LENGTH>);

/// Why a text is not an organisation code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganisationCodeError {
    /// Not nine characters.
    #[error(
        "organisation code {input:?} has {found} characters where 9 are expected; write it whole and without a hyphen"
    )]
    Length {
        /// The text as given.
        input: String,
        /// Its number of characters.
        found: usize,
    },
    /// A character other than a digit or an upper-case letter.
    #[error(
        "organisation code {input:?} has {character:?} at position {position} where a digit or upper-case letter is expected"
    )]
    Character {
        /// The text as given.
        input: String,
        /// The first character that may not stand there.
        character: char,
        /// Its place, from 1.
        position: usize,
    },
    /// The ninth character does not follow from the first eight.
    #[error(
        "organisation code {input:?} ends with {found:?}, but its first eight characters give {expected:?} by GB 11714; compare it with the certificate"
    )]
    CheckCharacter {
        /// The text as given.
        input: String,
        /// The check character that the first eight give.
        expected: char,
        /// The ninth character.
        found: char,
    },
}

impl OrganisationCode {
    /// Reads nine characters and checks the last.
    pub fn parse(text: &str) -> Result<Self, OrganisationCodeError> {
        let input = || text.to_owned();
        let characters = || text.chars().enumerate();
        if let Some((index, character)) = characters().find(|&(_, character)| !is_allowed(character)) {
            return Err(OrganisationCodeError::Character { input: input(), character, position: index + 1 });
        }
        let length_error = || OrganisationCodeError::Length { input: input(), found: text.chars().count() };
        let (body, found) = text.split_at_checked(LENGTH - 1).ok_or_else(length_error)?;
        let code = InlineText::new(text).map(Self).ok_or_else(length_error)?;
        let expected = organisation_check_character(body).ok_or_else(length_error)?;
        let found = found.chars().next().ok_or_else(length_error)?;
        if expected != found {
            return Err(OrganisationCodeError::CheckCharacter { input: input(), expected, found });
        }
        Ok(code)
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// The check character that GB 11714 gives to eight characters; none if they are not eight digits or upper-case letters.
pub fn organisation_check_character(body: &str) -> Option<char> {
    if body.len() != LENGTH - 1 {
        return None;
    }
    let values = body.chars().map(|character| is_allowed(character).then(|| character.to_digit(36)).flatten());
    let sum = values.zip(WEIGHTS).try_fold(0, |sum, (value, weight)| Some(sum + value? * weight))?;
    match 11 - sum % 11 {
        11 => Some('0'),
        10 => Some('X'),
        check => char::from_digit(check, 10),
    }
}

/// Whether the nine characters are an organisation code with a right check character.
pub fn organisation_code_check(text: &str) -> bool {
    OrganisationCode::parse(text).is_ok()
}

const fn is_allowed(character: char) -> bool {
    character.is_ascii_digit() || character.is_ascii_uppercase()
}

impl fmt::Display for OrganisationCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl fmt::Debug for OrganisationCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OrganisationCode({})", self.as_str())
    }
}

text_identifier!(
    stored OrganisationCode, OrganisationCodeError,
    pattern: "^[0-9A-Z]{8}[0-9X]$",
    length_max: 9,
    description: "an organisation code of GB 11714: nine characters without a hyphen"
);
