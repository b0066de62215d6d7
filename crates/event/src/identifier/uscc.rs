//! The unified social credit code (统一社会信用代码) of GB 32100-2015.

use std::fmt;

use super::citizen;
use super::organisation::organisation_check_character;
use super::region::RegionCode;
use super::text::{InlineText, Normalised, is_full_width, looks_like_spreadsheet_number, normalise_code};
use super::unit_parts::LEGACY_LENGTH;
use super::uscc_error::UsccError;
use super::uscc_registration::{OrganisationKind, RegistrationAuthority};

const LENGTH: usize = 18;
const BODY_LENGTH: usize = LENGTH - 1;

/// The standard's characters in the order of their values 0 to 30.
const ALPHABET: &[u8; MODULUS] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const MODULUS: usize = 31;

/// 3^(position - 1) modulo 31.
const WEIGHTS: [usize; BODY_LENGTH] = weights();

/// A unit's unified social credit code: 18 characters of which every one was checked.
///
/// Registration authority and kind (positions 1 and 2), region (3 to 8), organisation code with its own check
/// character (9 to 17) and the check character over all (18). The region may lie in a development zone that has digits
/// of its own: see [`region`](Self::region).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uscc(InlineText<LENGTH>);

impl Uscc {
    /// Reads a code in its canonical form: 18 half-width digits and upper-case letters, nothing around them.
    pub fn parse(text: &str) -> Result<Self, UsccError> {
        check_form(text)?;
        let (body, check) = text.split_at(BODY_LENGTH);
        check_parts(text, body)?;
        let expected = check_character(body);
        match check.chars().next() {
            Some(found) if found == expected => {}
            found => {
                let found = found.unwrap_or_default();
                return Err(UsccError::CheckCharacter { input: text.to_owned(), expected, found });
            }
        }
        inline(text)
    }

    /// Reads a code as people write it: blanks around or within, hyphens, full-width characters and lower case are
    /// mended and noted. What was lost, such as a spreadsheet's digits, is never guessed.
    pub fn normalise(text: &str) -> Result<Normalised<Self>, UsccError> {
        let Normalised { value, notes } = normalise_code(text);
        Self::parse(&value).map(|value| Normalised { value, notes })
    }

    /// Makes a code of its first 17 characters, adding the check character.
    pub fn from_parts(prefix17: &str) -> Result<Self, UsccError> {
        if prefix17.chars().count() != BODY_LENGTH {
            return Err(UsccError::PrefixLength { input: prefix17.to_owned(), found: prefix17.chars().count() });
        }
        check_characters(prefix17)?;
        check_parts(prefix17, prefix17)?;
        let mut text = prefix17.to_owned();
        text.push(check_character(prefix17));
        Self::parse(&text)
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The authority with which the unit is registered.
    pub fn registration_authority(&self) -> RegistrationAuthority {
        RegistrationAuthority::of_character(self.byte(0)).unwrap_or(RegistrationAuthority::Other)
    }

    /// What the unit is registered as.
    pub fn organisation_kind(&self) -> OrganisationKind {
        OrganisationKind::of_character(self.registration_authority(), self.byte(1)).unwrap_or(OrganisationKind::Other)
    }

    /// The region whose authority registered the unit, which need not be where it works today.
    ///
    /// Authorities of development zones register under digits that GB/T 2260 does not list (320594 for Suzhou Industrial
    /// Park); for them this is the narrowest region that the digits lie in (320500 Suzhou). [`RegionCode::STATE`] stands
    /// for the central authorities.
    pub fn region(&self) -> RegionCode {
        self.region_digits().parse().ok().and_then(RegionCode::nearest).unwrap_or(RegionCode::STATE)
    }

    /// The six digits at positions 3 to 8, whether GB/T 2260 lists them or not.
    pub fn region_digits(&self) -> &str {
        self.as_str().get(2..8).unwrap_or_default()
    }

    /// The organisation code (GB 11714) at positions 9 to 17.
    pub fn organisation_code(&self) -> &str {
        self.as_str().get(8..BODY_LENGTH).unwrap_or_default()
    }

    fn byte(&self, index: usize) -> u8 {
        self.as_str().as_bytes().get(index).copied().unwrap_or_default()
    }
}

/// Checks length and characters, and tells the other things apart that people put in a code's place.
fn check_form(text: &str) -> Result<(), UsccError> {
    let input = || text.to_owned();
    if text.is_empty() {
        return Err(UsccError::Empty);
    }
    if looks_like_spreadsheet_number(text) {
        return Err(UsccError::SpreadsheetNumber { input: input() });
    }
    if text.len() == LEGACY_LENGTH && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UsccError::LegacyRegistrationNumber { input: input() });
    }
    // Before all else: a citizen's number may satisfy the check character by chance, and must not be repeated.
    if citizen::is_citizen_id(text) {
        return Err(UsccError::CitizenId { masked: citizen::mask(text) });
    }
    let found = text.chars().count();
    if found != LENGTH {
        return Err(UsccError::Length { input: input(), found });
    }
    check_characters(text)
}

fn check_characters(text: &str) -> Result<(), UsccError> {
    for (index, character) in text.chars().enumerate() {
        let input = || text.to_owned();
        let position = index + 1;
        let in_region = (3..=8).contains(&position);
        match character {
            '0'..='9' => {}
            'a'..='z' => {
                return Err(UsccError::LowerCase { input: input(), character, position });
            }
            'I' | 'O' | 'Z' | 'S' | 'V' => {
                return Err(UsccError::ForbiddenLetter { input: input(), letter: character, position });
            }
            'A'..='Z' if !in_region => {}
            _ if is_full_width(character) => {
                return Err(UsccError::FullWidth { input: input(), character, position });
            }
            _ => {
                return Err(UsccError::ForbiddenCharacter { input: input(), character, position });
            }
        }
    }
    Ok(())
}

/// Checks the meaning of the first 17 characters, whose form was checked before; `input` is what messages repeat.
fn check_parts(input: &str, body: &str) -> Result<(), UsccError> {
    let first = char_at(body, 0);
    let unknown_authority = || UsccError::UnknownRegistrationAuthority { input: input.to_owned(), found: first };
    let authority =
        u8::try_from(first).ok().and_then(RegistrationAuthority::of_character).ok_or_else(unknown_authority)?;
    let second = char_at(body, 1);
    if u8::try_from(second).ok().and_then(|byte| OrganisationKind::of_character(authority, byte)).is_none() {
        return Err(UsccError::UnknownCategory { input: input.to_owned(), authority, found: second });
    }
    check_region(input, body.get(2..8).unwrap_or_default())?;
    let organisation = body.get(8..16).unwrap_or_default();
    let found = char_at(body, 16);
    match organisation_check_character(organisation) {
        Some(expected) if expected != found => {
            Err(UsccError::OrganisationCheck { input: input.to_owned(), expected, found })
        }
        _ => Ok(()),
    }
}

/// Development zones have digits of their own below a prefecture, so the prefecture is enough; a municipality's
/// districts have no prefecture, so there the municipality is.
fn check_region(input: &str, digits: &str) -> Result<(), UsccError> {
    let number: Option<u32> = digits.parse().ok();
    let nearest = number.and_then(RegionCode::nearest);
    let is_exact = nearest.is_some() && nearest.map(RegionCode::number) == number;
    let is_below_prefecture = nearest.is_some_and(|region| region != region.province());
    if is_exact || is_below_prefecture {
        return Ok(());
    }
    let is_municipality = |region: RegionCode| matches!(region.number(), 110_000 | 120_000 | 310_000 | 500_000);
    match nearest {
        Some(region) if is_municipality(region) && !digits.ends_with("00") => Ok(()),
        province => Err(UsccError::UnknownRegion { input: input.to_owned(), region: digits.to_owned(), province }),
    }
}

/// The check character of 17 characters of the alphabet.
fn check_character(body: &str) -> char {
    let value = |byte: u8| ALPHABET.iter().position(|&letter| letter == byte).unwrap_or_default();
    let sum: usize = body.bytes().map(value).zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    // The outer remainder gives '0' where the sum is divisible: 31 itself has no character.
    char::from(ALPHABET[(MODULUS - sum % MODULUS) % MODULUS])
}

const fn weights() -> [usize; BODY_LENGTH] {
    let mut weights = [1; BODY_LENGTH];
    let mut index = 1;
    while index < BODY_LENGTH {
        weights[index] = weights[index - 1] * 3 % MODULUS;
        index += 1;
    }
    weights
}

fn char_at(text: &str, index: usize) -> char {
    text.as_bytes().get(index).copied().map(char::from).unwrap_or_default()
}

fn inline(text: &str) -> Result<Uscc, UsccError> {
    let length_error = || UsccError::Length { input: text.to_owned(), found: text.len() };
    InlineText::new(text).map(Uscc).ok_or_else(length_error)
}

impl fmt::Display for Uscc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl fmt::Debug for Uscc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Uscc({})", self.as_str())
    }
}

text_identifier!(
    stored Uscc, UsccError,
    pattern: "^[1-9ANY][1-59][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$",
    length_max: 18,
    description: "a unified social credit code of GB 32100-2015: 18 digits and upper-case letters"
);
