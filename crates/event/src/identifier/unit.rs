//! What names a supervised unit: its unified social credit code, or one of the identifiers that stand in for it.

use std::fmt;

use super::organisation::{OrganisationCode, OrganisationCodeError};
use super::text::{Normalised, looks_like_spreadsheet_number, normalise_code};
use super::unit_parts::{LEGACY_LENGTH, LegacyNumber, LocalScheme, LocalValue};
use super::uscc::Uscc;
use super::uscc_error::UsccError;

const USCC_SCHEME: &str = "uscc";
const LEGACY_SCHEME: &str = "legacy";
const ORGANISATION_SCHEME: &str = "organisation";
const ORGANISATION_LENGTH: usize = 9;

/// A supervised unit's identifier (单位标识).
///
/// Text is the unified social credit code bare, or `scheme:value` for the others. Order is that of the schemes as
/// declared here, then that of the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnitId {
    /// A unified social credit code: `91350100M000100Y43`.
    Uscc(Uscc),
    /// A registration number from before 2015: `legacy:350600100012345`.
    Legacy(LegacyNumber),
    /// An organisation code alone: `organisation:802100433`.
    Organisation(OrganisationCode),
    /// A number of a book's own, for units whose code the book does not have: `local.sf-inspection:261019`.
    Local {
        /// `local.` and the book's name.
        scheme: LocalScheme,
        /// The unit's number in that book.
        value: LocalValue,
    },
}

/// Why a text is not a unit's identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitIdError {
    /// No scheme was given, so a unified social credit code was expected.
    #[error(transparent)]
    Uscc(#[from] UsccError),
    /// The value after `organisation:`.
    #[error(transparent)]
    Organisation(#[from] OrganisationCodeError),
    /// The value after `legacy:`.
    #[error("registration number {input:?} is not 15 digits; copy it from the old licence")]
    Legacy {
        /// The text as given.
        input: String,
    },
    /// A scheme that does not exist.
    #[error(
        "{scheme:?} is no scheme of unit identifiers; write a unified social credit code bare, or legacy:, organisation: or local.<book>: with a lower-case name before the value"
    )]
    Scheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// The value after a local scheme.
    #[error(
        "{value:?} is no number of a book's own; 1 to 64 letters, digits, dots, underscores and hyphens are expected"
    )]
    LocalValue {
        /// What stands after the colon.
        value: String,
    },
}

impl UnitId {
    /// Reads an identifier in its canonical form.
    pub fn parse(text: &str) -> Result<Self, UnitIdError> {
        let Some((scheme, value)) = text.split_once(':') else {
            return Ok(Self::Uscc(Uscc::parse(text)?));
        };
        match scheme {
            LEGACY_SCHEME => LegacyNumber::parse(value).map(Self::Legacy),
            ORGANISATION_SCHEME => Ok(Self::Organisation(OrganisationCode::parse(value)?)),
            _ => Self::local(scheme, value),
        }
    }

    /// Reads an identifier as people write it without naming its kind: a unified social credit code, a registration
    /// number of 15 digits or an organisation code (`80210043-3`), with the mending that [`Uscc::normalise`] does.
    ///
    /// Text with a colon must be canonical, but for blanks around it.
    pub fn normalise(text: &str) -> Result<Normalised<Self>, UnitIdError> {
        if text.contains(':') {
            return Self::parse(text.trim()).map(|value| Normalised { value, notes: Vec::new() });
        }
        let Normalised { value: code, notes } = normalise_code(text);
        let is_number = code.bytes().all(|byte| byte.is_ascii_digit());
        let value = match code.len() {
            LEGACY_LENGTH if is_number => Self::Legacy(LegacyNumber::parse(&code)?),
            ORGANISATION_LENGTH if !looks_like_spreadsheet_number(&code) => {
                Self::Organisation(OrganisationCode::parse(&code)?)
            }
            _ => Self::Uscc(Uscc::parse(&code)?),
        };
        Ok(Normalised { value, notes })
    }

    /// An identifier of a book's own numbering; `scheme` with its prefix, such as `local.sf-inspection`.
    pub fn local(scheme: &str, value: &str) -> Result<Self, UnitIdError> {
        Ok(Self::Local { scheme: LocalScheme::parse(scheme)?, value: LocalValue::parse(value)? })
    }

    /// The scheme: `uscc`, `legacy`, `organisation`, or `local.` and the book's name.
    pub fn scheme(&self) -> &str {
        match self {
            Self::Uscc(_) => USCC_SCHEME,
            Self::Legacy(_) => LEGACY_SCHEME,
            Self::Organisation(_) => ORGANISATION_SCHEME,
            Self::Local { scheme, .. } => scheme.as_str(),
        }
    }

    /// The identifier without its scheme.
    pub fn value(&self) -> &str {
        match self {
            Self::Uscc(code) => code.as_str(),
            Self::Legacy(number) => number.as_str(),
            Self::Organisation(code) => code.as_str(),
            Self::Local { value, .. } => value.as_str(),
        }
    }

    /// The unified social credit code, if that is what it is.
    pub const fn uscc(&self) -> Option<Uscc> {
        match self {
            Self::Uscc(code) => Some(*code),
            _ => None,
        }
    }
}

impl From<Uscc> for UnitId {
    fn from(code: Uscc) -> Self {
        Self::Uscc(code)
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uscc(code) => fmt::Display::fmt(code, formatter),
            _ if formatter.width().is_none() => {
                write!(formatter, "{}:{}", self.scheme(), self.value())
            }
            _ => formatter.pad(&format!("{}:{}", self.scheme(), self.value())),
        }
    }
}

text_identifier!(
    composed UnitId, UnitIdError,
    pattern: r"^([1-9ANY][1-59][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}|legacy:[0-9]{15}|organisation:[0-9A-Z]{8}[0-9X]|local\.[a-z][a-z0-9-]{0,31}:[A-Za-z0-9._-]{1,64})$",
    length_max: 103,
    description: "a unit's identifier: a unified social credit code, or legacy:, organisation: or local.<book>: and a value"
);
