//! How wide a text is in STSong-Light, and where its lines end.

/// Number of the space, the first of the proportional Latin characters of Adobe-GB1.
pub const PROPORTIONAL_FIRST_CID: u16 = 1;

/// Widths of the characters U+0020 to U+007E, in thousandths of the size, as the font's metrics have them.
pub const HALF_WIDTHS: [u16; 95] = [
    207, 270, 342, 467, 462, 797, 710, 239, 374, 374, 423, 605, 238, 375, 238, 334, 462, 462, 462, 462, 462, 462, 462,
    462, 462, 462, 238, 238, 605, 605, 605, 344, 748, 684, 560, 695, 739, 563, 511, 729, 793, 318, 312, 666, 526, 896,
    758, 772, 544, 772, 628, 465, 607, 753, 711, 972, 647, 620, 607, 374, 333, 374, 606, 500, 239, 417, 503, 427, 529,
    415, 264, 444, 518, 241, 230, 495, 228, 793, 527, 524, 524, 504, 338, 336, 277, 517, 450, 652, 466, 452, 407, 370,
    258, 370, 605,
];

/// All other characters are as wide as they are high.
const FULL_WIDTH: u16 = 1000;

/// Sums of widths are off by less than this, in points.
const ROUNDING: f32 = 0.01;

/// What no line begins with.
const CLOSING: &str = "，。；：、！？）》」』”’";

fn width_of(character: char) -> u16 {
    let index = u32::from(character).checked_sub(0x20).and_then(|index| usize::try_from(index).ok());
    index.and_then(|index| HALF_WIDTHS.get(index)).copied().unwrap_or(FULL_WIDTH)
}

/// Width of a text in points at a size in points.
pub fn width(text: &str, size: f32) -> f32 {
    text.chars().map(|character| f32::from(width_of(character))).sum::<f32>() * size / 1000.0
}

/// The lines of a text within a width in points: broken after a blank or between Chinese characters, else wherever the line is full.
pub fn wrapped(text: &str, room: f32, size: f32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for character in text.chars() {
        let fits = width(&line, size) + width(character.encode_utf8(&mut [0; 4]), size) <= room + ROUNDING;
        if !fits && !line.is_empty() && !CLOSING.contains(character) && character != ' ' {
            let rest = if is_within_word(&line, character) { after_last_break(&mut line) } else { String::new() };
            lines.push(std::mem::replace(&mut line, rest).trim_end().to_owned());
        }
        line.push(character);
    }
    lines.push(line);
    lines
}

/// Whether a break before this character would tear a Latin word.
fn is_within_word(line: &str, next: char) -> bool {
    next.is_ascii_graphic() && line.ends_with(|last: char| last.is_ascii_graphic())
}

/// Takes off what follows the last place where the line may end; nothing where there is none.
fn after_last_break(line: &mut String) -> String {
    let place = line.rfind(|character: char| !character.is_ascii_graphic());
    let next = place.and_then(|place| line[place..].chars().next().map(|character| place + character.len_utf8()));
    next.filter(|next| *next < line.len()).map_or_else(String::new, |next| line.split_off(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words_or_chinese_characters_and_never_begin_with_a_comma() {
        assert_eq!(wrapped("安全出口封闭，疏散", 60.0, 10.0), ["安全出口封闭，", "疏散"]);
        assert_eq!(wrapped("one two three", 35.0, 10.0), ["one two", "three"]);
        assert_eq!(wrapped("规则one", 30.0, 10.0), ["规则", "one"]);
        assert_eq!(wrapped("0123456789", 23.5, 10.0), ["01234", "56789"]);
        assert_eq!(wrapped("", 60.0, 10.0), [""]);
    }
}
