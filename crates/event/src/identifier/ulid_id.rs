//! ULIDs that name events, cases, referrals and certificates.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

use super::text::ParsingVisitor;

/// The number of characters of an identifier's text.
const TEXT_LENGTH: usize = 26;

/// The largest time a ULID holds: 48 bits of milliseconds, the year 10889.
const TIMESTAMP_MS_MAX: u64 = (1 << 48) - 1;

/// An event's identifier: a ULID, so that identifiers sort by the time at which they were made.
///
/// Text is 26 upper-case Crockford base-32 characters; formats that are not for people (bincode) hold 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Ulid);

/// A case's identifier: that of the `violation.reported` event that opened it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId(EventId);

/// A referral's identifier: that of the `referral.issued` event that made it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReferralId(EventId);

/// A certificate's identifier: a ULID of its own, since it stands in the certificate before that is entered on the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateId(EventId);

/// Why a text is not a ULID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UlidError {
    /// Not 26 characters.
    #[error("identifier {input:?} has {found} characters where 26 are expected; copy it whole")]
    Length {
        /// The text as given.
        input: String,
        /// Its number of characters.
        found: usize,
    },
    /// A character that Crockford's base 32 does not use.
    #[error(
        "identifier {input:?} has {character:?} at position {position}; only digits and upper-case letters other than I, L, O and U are used"
    )]
    Character {
        /// The text as given.
        input: String,
        /// The first character that may not stand there.
        character: char,
        /// Its place, from 1.
        position: usize,
    },
    /// More than 128 bits.
    #[error(
        "identifier {input:?} is larger than 7ZZZZZZZZZZZZZZZZZZZZZZZZZ, the largest there is; its first character is wrong"
    )]
    Overflow {
        /// The text as given.
        input: String,
    },
}

impl EventId {
    /// Makes an identifier of a time in milliseconds since 1970 and 80 random bits.
    ///
    /// Only the lower 48 bits of the time are kept, as the format has no more.
    pub const fn from_parts(timestamp_ms: u64, random: [u8; 10]) -> Self {
        let mut wide = [0; 16];
        let mut index = 0;
        while index < random.len() {
            wide[6 + index] = random[index];
            index += 1;
        }
        Self(Ulid::from_parts(timestamp_ms & TIMESTAMP_MS_MAX, u128::from_be_bytes(wide)))
    }

    /// Reads the 26 characters; lower case and look-alike letters are refused, so that one identifier has one text.
    pub fn parse(text: &str) -> Result<Self, UlidError> {
        let input = || text.to_owned();
        if let Some((index, character)) = text.chars().enumerate().find(|&(_, character)| !is_crockford(character)) {
            return Err(UlidError::Character { input: input(), character, position: index + 1 });
        }
        if text.len() != TEXT_LENGTH {
            return Err(UlidError::Length { input: input(), found: text.len() });
        }
        if !text.starts_with(|first: char| first <= '7') {
            return Err(UlidError::Overflow { input: input() });
        }
        Ulid::from_string(text).map(Self).map_err(|_| UlidError::Overflow { input: input() })
    }

    /// The identifier of these 16 bytes, most significant first.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Ulid::from_bytes(bytes))
    }

    /// The identifier's 16 bytes, most significant first; they sort as the text does.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_bytes()
    }

    /// The time at which the identifier was made by its maker's clock, in milliseconds since 1970.
    pub const fn timestamp_ms(self) -> u64 {
        self.0.timestamp_ms()
    }
}

fn is_crockford(character: char) -> bool {
    character.is_ascii_digit() || (character.is_ascii_uppercase() && !matches!(character, 'I' | 'L' | 'O' | 'U'))
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.0.array_to_str(&mut [0; TEXT_LENGTH]))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EventId({self})")
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(self.0.array_to_str(&mut [0; TEXT_LENGTH]));
        }
        self.to_bytes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer.deserialize_str(ParsingVisitor::new("a ULID of 26 characters", Self::parse));
        }
        <[u8; 16]>::deserialize(deserializer).map(Self::from_bytes)
    }
}

/// Gives an identifier that equals an event's its way from and to that.
macro_rules! event_id_alias {
    ($type:ident, $of:literal) => {
        impl $type {
            #[doc = concat!("The identifier of the ", $of, " that this event opened.")]
            pub const fn of(event: EventId) -> Self {
                Self(event)
            }

            /// The identifier of the event that opened it.
            pub const fn event_id(self) -> EventId {
                self.0
            }
        }

        impl From<EventId> for $type {
            fn from(event: EventId) -> Self {
                Self(event)
            }
        }

        impl From<$type> for EventId {
            fn from(value: $type) -> Self {
                value.0
            }
        }
    };
}

event_id_alias!(CaseId, "case");
event_id_alias!(ReferralId, "referral");

/// Gives another ULID everything else that an event's identifier has.
macro_rules! like_event_id {
    ($type:ident) => {
        impl $type {
            /// Makes an identifier as [`EventId::from_parts`] does.
            pub const fn from_parts(timestamp_ms: u64, random: [u8; 10]) -> Self {
                Self(EventId::from_parts(timestamp_ms, random))
            }

            /// Reads the 26 characters as [`EventId::parse`] does.
            pub fn parse(text: &str) -> Result<Self, UlidError> {
                EventId::parse(text).map(Self)
            }

            /// The identifier of these 16 bytes, most significant first.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(EventId::from_bytes(bytes))
            }

            /// The identifier's 16 bytes, most significant first; they sort as the text does.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// The time at which the identifier was made by its maker's clock, in milliseconds since 1970.
            pub const fn timestamp_ms(self) -> u64 {
                self.0.timestamp_ms()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($type), "({})"), self.0)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                EventId::deserialize(deserializer).map(Self)
            }
        }
    };
}

like_event_id!(CaseId);
like_event_id!(ReferralId);
like_event_id!(CertificateId);

/// Gives a ULID type its conversions from and to text.
macro_rules! ulid_text {
    ($type:ident, $description:literal) => {
        impl std::str::FromStr for $type {
            type Err = UlidError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = UlidError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }

        text_schema!($type, pattern: "^[0-7][0-9A-HJKMNP-TV-Z]{25}$", length_max: 26, description: $description);
    };
}

ulid_text!(EventId, "an event's identifier: a ULID of 26 characters");
ulid_text!(CaseId, "a case's identifier: the ULID of the event that reported the violation");
ulid_text!(ReferralId, "a referral's identifier: the ULID of the event that issued it");
ulid_text!(CertificateId, "a certificate's identifier: a ULID of 26 characters");
