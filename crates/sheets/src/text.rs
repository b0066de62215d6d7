//! The small differences in writing that carry no meaning: width, outer white space, case of Latin letters.

/// Full-width Latin letters, digits, signs and space in their half-width form.
pub(crate) fn to_half_width(text: &str) -> String {
    text.chars().map(half_width).collect()
}

fn half_width(c: char) -> char {
    const OFFSET: u32 = 0xFEE0;
    match c {
        '\u{3000}' | '\u{00A0}' => ' ',
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - OFFSET).unwrap_or(c),
        _ => c,
    }
}

/// A header as it is compared: no white space, half width, lower case, without the `*` that marks a required column.
pub(crate) fn header_form(text: &str) -> String {
    to_half_width(text)
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '*' && *c != '\u{FEFF}')
        .collect::<String>()
        .to_lowercase()
}

/// A value as it is compared with a value map: outer white space off, inner white space single, half width.
pub(crate) fn value_form(text: &str) -> String {
    to_half_width(text).split_whitespace().collect::<Vec<_>>().join(" ")
}
