//! Why a text is no unified social credit code: one reason a variant, each with what to do.

use super::region::RegionCode;
use super::uscc_registration::RegistrationAuthority;

/// Why a text is no unified social credit code of GB 32100-2015.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsccError {
    /// Nothing was given.
    #[error("the unified social credit code is empty; write the 18 characters that the unit's licence shows")]
    Empty,
    /// Not 18 characters, and none of the other kinds that are known by their length.
    #[error(
        "{input:?} has {found} characters where a unified social credit code has 18; compare it with the unit's licence"
    )]
    Length {
        /// The text as given.
        input: String,
        /// Its number of characters.
        found: usize,
    },
    /// Not the 17 characters from which a code is made.
    #[error("{input:?} has {found} characters where 17 are expected: the code without its check character")]
    PrefixLength {
        /// The text as given.
        input: String,
        /// Its number of characters.
        found: usize,
    },
    /// Fifteen digits: a registration number from before the codes were unified.
    #[error(
        "{input:?} is a 15-digit registration number from before 2015, not a unified social credit code; look the unit's new code up, or register it as legacy:{input}"
    )]
    LegacyRegistrationNumber {
        /// The text as given.
        input: String,
    },
    /// A citizen's identity number. Only the region is kept, as the number must not spread through messages and files.
    #[error(
        "{masked} is a citizen's identity number (GB 11643), not a unit's code; remove it from the file and write the code on the unit's licence"
    )]
    CitizenId {
        /// The number with all but the region hidden.
        masked: String,
    },
    /// A number in exponent form: a spreadsheet took the code for a number and lost its last digits.
    #[error(
        "{input:?} is what a spreadsheet made of the code: digits are lost and cannot be guessed; format the column as text and enter the code again from its source"
    )]
    SpreadsheetNumber {
        /// The text as given.
        input: String,
    },
    /// A lower-case letter in a text that must be canonical.
    #[error("{input:?} has the lower-case letter {character:?} at position {position}; write {input_upper}", input_upper = input.to_ascii_uppercase())]
    LowerCase {
        /// The text as given.
        input: String,
        /// The first lower-case letter.
        character: char,
        /// Its place, from 1.
        position: usize,
    },
    /// A full-width character in a text that must be canonical.
    #[error(
        "{input:?} has the full-width character {character:?} at position {position}; write half-width digits and letters"
    )]
    FullWidth {
        /// The text as given.
        input: String,
        /// The first full-width character.
        character: char,
        /// Its place, from 1.
        position: usize,
    },
    /// One of the five letters that the standard leaves out as they look like digits or other letters.
    #[error(
        "{input:?} has the letter {letter} at position {position}, which the code never uses (I, O, Z, S, V are left out); {hint}compare it with the unit's licence",
        hint = look_alike(*letter)
    )]
    ForbiddenLetter {
        /// The text as given.
        input: String,
        /// The letter.
        letter: char,
        /// Its place, from 1.
        position: usize,
    },
    /// A character that is neither digit nor letter, or a letter where only digits may stand.
    #[error("{input:?} has {character:?} at position {position} where {} is expected", if (3..=8).contains(position) { "a digit of the region" } else { "a digit or upper-case letter" })]
    ForbiddenCharacter {
        /// The text as given.
        input: String,
        /// The character.
        character: char,
        /// Its place, from 1.
        position: usize,
    },
    /// The first character names no registration authority.
    #[error(
        "{input:?} begins with {found:?}, which names no registration authority; expected one of {}",
        RegistrationAuthority::CHARACTERS
    )]
    UnknownRegistrationAuthority {
        /// The text as given.
        input: String,
        /// The first character.
        found: char,
    },
    /// The second character names no kind of unit under the first.
    #[error("{input:?} has the category {found:?} at position 2, but registration by {} has {}", authority.name_zh(), authority.categories())]
    UnknownCategory {
        /// The text as given.
        input: String,
        /// The authority that the first character names.
        authority: RegistrationAuthority,
        /// The second character.
        found: char,
    },
    /// Positions 3 to 8 lie in no region.
    #[error(
        "{input:?} has {region} at positions 3 to 8, which lies in no {} of GB/T 2260; compare it with the unit's licence",
        province.map_or_else(|| "province".to_owned(), |province| format!("prefecture of {province} {}", province.name_zh()))
    )]
    UnknownRegion {
        /// The text as given.
        input: String,
        /// The six digits.
        region: String,
        /// The province that the digits begin with, if there is one.
        province: Option<RegionCode>,
    },
    /// Position 17 does not follow from positions 9 to 16 (GB 11714).
    #[error(
        "{input:?} has {found:?} at position 17, but the organisation code at positions 9 to 16 gives {expected:?} by GB 11714; a character there is mistyped"
    )]
    OrganisationCheck {
        /// The text as given.
        input: String,
        /// The character that positions 9 to 16 give.
        expected: char,
        /// The character at position 17.
        found: char,
    },
    /// Position 18 does not follow from the first 17.
    #[error(
        "{input:?} ends with {found:?}, but the first 17 characters give {expected:?} by GB 32100-2015; a character is mistyped or two are exchanged, compare it with the unit's licence"
    )]
    CheckCharacter {
        /// The text as given.
        input: String,
        /// The character that the first 17 give.
        expected: char,
        /// The character at position 18.
        found: char,
    },
}

/// What the letter was probably meant to be; said in the message, never assumed.
const fn look_alike(letter: char) -> &'static str {
    match letter {
        'I' => "it may be a 1; ",
        'O' => "it may be a 0; ",
        'Z' => "it may be a 2; ",
        'S' => "it may be a 5; ",
        'V' => "it may be a U or Y; ",
        _ => "",
    }
}
