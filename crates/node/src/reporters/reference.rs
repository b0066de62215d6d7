//! The reference of a public report: the only thing about its reporter that travels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ReporterError;

/// Crockford's digits for base 32: no I, L, O or U, so that nothing is misread or misheard.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The characters of ISO/IEC 7064 MOD 37,36, by value.
const CHECK_CHARACTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Base-32 digits of 128 bits.
const DIGITS_LENGTH: usize = 26;
/// Characters between hyphens.
const GROUP: usize = 4;

/// A random number of 128 bits, written as 26 base-32 digits and a check character in groups: `7ZQ2-…-K4X`. It says nothing about the
/// reporter and cannot be guessed. A letter or digit that was mistyped, or two neighbours that changed places, are noticed
/// (ISO/IEC 7064, MOD 37,36).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicReference([u8; 16]);

/// A text that is not the reference of a public report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It has not the right number of characters.
    #[error("a reference has 27 letters and digits, in groups: {found} were found")]
    Length {
        /// How many were found.
        found: usize,
    },
    /// A character that no reference has.
    #[error("`{found}` is in no reference: expected digits and letters other than U")]
    Character {
        /// The character.
        found: char,
    },
    /// Something was mistyped.
    #[error("the check character does not fit, so a letter or digit is wrong: compare it with the original")]
    Check,
}

impl PublicReference {
    /// A new one from the system's random numbers.
    pub fn random() -> Result<Self, ReporterError> {
        use rand::RngCore as _;

        let mut bytes = [0; 16];
        rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(ReporterError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// The number.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The reference with this number.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    fn digits(self) -> [u8; DIGITS_LENGTH] {
        let mut number = u128::from_be_bytes(self.0);
        let mut digits = [0; DIGITS_LENGTH];
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[usize::from(number.to_le_bytes()[0] & 31)];
            number >>= 5;
        }
        digits
    }
}

impl fmt::Display for PublicReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        let check = check_character(&digits).ok_or(fmt::Error)?;
        for (index, character) in digits.into_iter().chain([check]).enumerate() {
            if index > 0 && index.is_multiple_of(GROUP) {
                f.write_str("-")?;
            }
            fmt::Write::write_char(f, char::from(character))?;
        }
        Ok(())
    }
}

impl fmt::Debug for PublicReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicReference({self})")
    }
}

impl FromStr for PublicReference {
    type Err = ReferenceError;

    /// Reads a reference as people write it down: in small letters, without hyphens, with O for 0 and I or L for 1.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let characters: Vec<char> =
            text.chars().filter(|character| !character.is_whitespace() && *character != '-').collect();
        if let Some(found) = characters.iter().copied().find(|character| !character.is_ascii_alphanumeric()) {
            return Err(ReferenceError::Character { found });
        }
        let [digits @ .., check] = characters.as_slice() else {
            return Err(ReferenceError::Length { found: 0 });
        };
        if digits.len() != DIGITS_LENGTH {
            return Err(ReferenceError::Length { found: characters.len() });
        }
        let mut canonical = [0; DIGITS_LENGTH];
        let mut number: u128 = 0;
        for (place, character) in canonical.iter_mut().zip(digits) {
            let value = digit_value(*character).ok_or(ReferenceError::Character { found: *character })?;
            *place = DIGITS[usize::from(value)];
            // The first of 26 digits holds three bits; what would not fit is no reference.
            number = number.checked_mul(32).ok_or(ReferenceError::Check)? + u128::from(value);
        }
        let expected = check_character(&canonical).map(char::from);
        if expected != Some(check.to_ascii_uppercase()) {
            return Err(ReferenceError::Check);
        }
        Ok(Self(number.to_be_bytes()))
    }
}

impl Serialize for PublicReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn digit_value(character: char) -> Option<u8> {
    let digit = match character.to_ascii_uppercase() {
        'O' => b'0',
        'I' | 'L' => b'1',
        other => u8::try_from(other).ok()?,
    };
    DIGITS.iter().position(|known| *known == digit).and_then(|value| u8::try_from(value).ok())
}

/// The check character of digits and capital letters by ISO/IEC 7064, MOD 37,36; none for other characters.
fn check_character(text: &[u8]) -> Option<u8> {
    let mut remainder = 36;
    for byte in text {
        let value = CHECK_CHARACTERS.iter().position(|known| known == byte)?;
        let sum = (remainder + value) % 36;
        remainder = (if sum == 0 { 36 } else { sum }) * 2 % 37;
    }
    CHECK_CHARACTERS.get((37 - remainder) % 36).copied()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    /// The examples of identifiers that use the same standard: GRid (IFPI) and ISAN (ISO 15706).
    #[test]
    fn the_check_character_is_that_of_the_standard() {
        assert_eq!(check_character(b"A12425GABC1234002"), Some(b'M'));
        assert_eq!(check_character(b"000000018CFA0000"), Some(b'I'));
        assert_eq!(check_character(b"000000018CFA000000000000"), Some(b'K'));
        assert_eq!(check_character(b"a"), None);
    }

    #[test]
    fn a_reference_is_read_as_it_is_written() {
        for bytes in [[0; 16], [0xff; 16], [0x5a; 16], *b"0123456789abcdef"] {
            let reference = PublicReference::from_bytes(bytes);
            let text = reference.to_string();
            assert_eq!(text.len(), 27 + 6, "{text}");
            assert_eq!(text.parse(), Ok(reference));
            assert_eq!(text.to_lowercase().replace('-', " ").parse(), Ok(reference), "{text}");
        }
        let zero = PublicReference::from_bytes([0; 16]).to_string();
        assert!(zero.starts_with("0000-0000-0000-0000-0000-0000-00"), "{zero}");
        assert_eq!(zero.replace("0000", "OoOo").parse(), Ok(PublicReference::from_bytes([0; 16])));
        assert!(PublicReference::from_bytes([0xff; 16]).to_string().starts_with("7ZZZ-"));
    }

    proptest::proptest! {
        #[test]
        fn every_number_is_read_as_it_is_written(bytes: [u8; 16]) {
            let reference = PublicReference::from_bytes(bytes);
            proptest::prop_assert_eq!(reference.to_string().parse(), Ok(reference));
        }

        #[test]
        fn no_text_breaks_the_reading(text in ".{0,60}") {
            if let Ok(reference) = text.parse::<PublicReference>() {
                proptest::prop_assert_eq!(reference.to_string().parse(), Ok(reference));
            }
        }
    }

    #[test]
    fn what_is_mistyped_is_noticed() {
        let text = PublicReference::from_bytes(*b"0123456789abcdef").to_string().replace('-', "");
        let characters: Vec<char> = text.chars().collect();
        for place in 0..characters.len() {
            let mut changed = characters.clone();
            for other in DIGITS.iter().map(|digit| char::from(*digit)).filter(|other| *other != characters[place]) {
                changed[place] = other;
                assert!(changed.iter().collect::<String>().parse::<PublicReference>().is_err(), "{place} {other}");
            }
            if place + 2 < characters.len() && characters[place] != characters[place + 1] {
                let mut swapped = characters.clone();
                swapped.swap(place, place + 1);
                assert_eq!(swapped.iter().collect::<String>().parse::<PublicReference>(), Err(ReferenceError::Check));
            }
        }
        assert_eq!("7ZZZ".parse::<PublicReference>(), Err(ReferenceError::Length { found: 4 }));
        assert_eq!("".parse::<PublicReference>(), Err(ReferenceError::Length { found: 0 }));
        assert_eq!("举报".parse::<PublicReference>(), Err(ReferenceError::Character { found: '举' }));
        assert!("ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZ0".parse::<PublicReference>().is_err());
    }

    #[test]
    fn references_differ() {
        let many: BTreeSet<_> = (0..1_000).map(|_| PublicReference::random().unwrap()).collect();
        assert_eq!(many.len(), 1_000);
    }
}
