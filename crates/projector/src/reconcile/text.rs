//! Texts in the form in which two of them are compared: differences of writing are no differences.

/// Half width, without white space and brackets' shapes, in upper case.
fn plain(text: &str) -> impl Iterator<Item = char> + '_ {
    const OFFSET: u32 = 0xFEE0;
    text.chars().filter(|c| !c.is_whitespace() && *c != '\u{FEFF}').flat_map(|c| {
        let half = match c {
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - OFFSET).unwrap_or(c),
            _ => c,
        };
        let same = match half {
            '[' | '\u{3014}' | '\u{3010}' | '\u{2768}' => '(',
            ']' | '\u{3015}' | '\u{3011}' | '\u{2769}' => ')',
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            other => other,
        };
        same.to_uppercase()
    })
}

/// A name or an address.
pub(super) fn text_form(text: &str) -> String {
    plain(text).filter(|c| !matches!(c, ',' | '.' | '\u{FF0C}' | '\u{3001}' | '\u{3002}')).collect()
}

/// A number of a decision or a case; `None` when a spreadsheet has lost its digits or nothing is left of it.
pub(super) fn number_form(text: &str) -> Option<String> {
    let form: String = plain(text).collect();
    (!form.is_empty() && !lost_digits(&form)).then_some(form)
}

/// Whether a text is a number in scientific notation, as a spreadsheet leaves it behind.
fn lost_digits(form: &str) -> bool {
    let Some((mantissa, exponent)) = form.split_once("E+") else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    digits(exponent) && digits(whole) && digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_alone_makes_no_difference() {
        assert_eq!(number_form("漳消行罚决字〔2026〕第0012号"), number_form(" 漳消行罚决字［2026］第0012号"));
        assert_eq!(text_form("新华西路１号，2栋"), text_form("新华西路1号 2栋"));
        assert_ne!(number_form("漳消行罚决字〔2026〕第0012号"), number_form("漳消行罚决字〔2026〕第0021号"));
        assert_ne!(text_form("新华西路1号"), text_form("新华西路11号"));
    }

    #[test]
    fn a_number_whose_digits_are_lost_is_none() {
        assert_eq!(number_form("3.50602E+17"), None);
        assert_eq!(number_form(" \u{3000}"), None);
        assert_eq!(number_form("E+5"), Some("E+5".to_owned()));
        assert_eq!(number_form("2026-12"), Some("2026-12".to_owned()));
    }
}
