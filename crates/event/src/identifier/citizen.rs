//! Citizens' identity numbers, known only in order to keep them out of the exchange.

use jiff::civil::Date;

use super::region::RegionCode;

const LENGTH: usize = 18;
const WEIGHTS: [u32; LENGTH - 1] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK_CHARACTERS: &[u8; 11] = b"10X98765432";

/// Whether the text is a citizen's identity number by GB 11643: a region of the table, a date, and the check character.
pub(super) fn is_citizen_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    let [digits @ .., check] = bytes else {
        return false;
    };
    digits.len() == LENGTH - 1
        && digits.iter().all(u8::is_ascii_digit)
        && RegionCode::parse(&text[..6]).is_ok()
        && is_birth_date(&text[6..14])
        && *check == check_character(digits)
}

/// The number with birthday and sequence hidden, fit for messages.
pub(super) fn mask(text: &str) -> String {
    format!("{}************", text.get(..6).unwrap_or_default())
}

fn is_birth_date(eight_digits: &str) -> bool {
    let number = |range: std::ops::Range<usize>| eight_digits.get(range).and_then(|digits| digits.parse::<i16>().ok());
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(4..6), number(6..8)) else {
        return false;
    };
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else {
        return false;
    };
    (1850..2100).contains(&year) && Date::new(year, month, day).is_ok()
}

fn check_character(digits: &[u8]) -> u8 {
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(&digit, weight)| u32::from(digit - b'0') * weight).sum();
    CHECK_CHARACTERS[(sum % 11) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_citizens_ids_by_region_date_and_check() {
        // The standard's own examples in its appendix.
        assert!(is_citizen_id("11010519491231002X"));
        assert!(is_citizen_id("440524188001010014"));
        // Wrong check, wrong date, unknown region, a letter, too short.
        assert!(!is_citizen_id("110105194912310021"));
        assert!(!is_citizen_id("11010519491331002X"));
        assert!(!is_citizen_id("99010519491231002X"));
        assert!(!is_citizen_id("1101051949123100AX"));
        assert!(!is_citizen_id("11010519491231002"));
    }

    #[test]
    fn masks_everything_but_the_region() {
        assert_eq!(mask("11010519491231002X"), "110105************");
    }
}
