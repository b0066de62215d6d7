//! The parts of unit identifiers other than the unified social credit code.

use std::fmt;

use super::text::InlineText;
use super::unit::UnitIdError;

/// The number of digits of a registration number.
pub(super) const LEGACY_LENGTH: usize = 15;

/// What the scheme of a local numbering begins with.
pub(super) const LOCAL_PREFIX: &str = "local.";

const LOCAL_NAME_LENGTH_MAX: usize = 32;
const LOCAL_VALUE_LENGTH_MAX: usize = 64;

/// A registration number (注册号) of 15 digits, as business licences had before 2015.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegacyNumber(InlineText<LEGACY_LENGTH>);

/// The scheme of a book's own numbering: `local.` and the book's name, such as `local.sf-inspection`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalScheme(Box<str>);

/// A unit's number in a book's own numbering: 1 to 64 of letters, digits, `.`, `_` and `-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalValue(Box<str>);

impl LegacyNumber {
    /// Reads 15 digits. Their check digit is not tested: numbers given out before 2007 have none.
    pub fn parse(text: &str) -> Result<Self, UnitIdError> {
        let error = || UnitIdError::Legacy { input: text.to_owned() };
        let is_number = text.len() == LEGACY_LENGTH && text.bytes().all(|byte| byte.is_ascii_digit());
        InlineText::new(text).filter(|_| is_number).map(Self).ok_or_else(error)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl LocalScheme {
    /// Reads a scheme with its prefix: `local.` and a lower-case letter, then at most 31 lower-case letters, digits, hyphens.
    pub fn parse(text: &str) -> Result<Self, UnitIdError> {
        let is_name = |name: &str| {
            (1..=LOCAL_NAME_LENGTH_MAX).contains(&name.len())
                && name.starts_with(|first: char| first.is_ascii_lowercase())
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if !text.strip_prefix(LOCAL_PREFIX).is_some_and(is_name) {
            return Err(UnitIdError::Scheme { scheme: text.to_owned() });
        }
        Ok(Self(text.into()))
    }

    /// The scheme with its prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The book's name, without the prefix.
    pub fn name(&self) -> &str {
        self.0.strip_prefix(LOCAL_PREFIX).unwrap_or_default()
    }
}

impl LocalValue {
    /// Reads a number of a book's own.
    pub fn parse(text: &str) -> Result<Self, UnitIdError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !(1..=LOCAL_VALUE_LENGTH_MAX).contains(&text.len()) || !text.bytes().all(is_allowed) {
            return Err(UnitIdError::LocalValue { value: text.to_owned() });
        }
        Ok(Self(text.into()))
    }

    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Gives a part its text forms.
macro_rules! part_text {
    ($($type:ident),*) => {
        $(
            impl fmt::Display for $type {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    formatter.pad(self.as_str())
                }
            }

            impl fmt::Debug for $type {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(formatter, concat!(stringify!($type), "({})"), self.as_str())
                }
            }
        )*
    };
}

part_text!(LegacyNumber, LocalScheme, LocalValue);
