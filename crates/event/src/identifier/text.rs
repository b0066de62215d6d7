//! What all textual identifiers share: inline storage, the serde and schema plumbing, and the normalising of typed text.

use std::fmt;

/// A short ASCII text stored in place, so that identifiers are `Copy` and cost no allocation in the fold.
///
/// Bytes beyond the text are zero, which sorts before every character an identifier may hold: comparing the whole
/// array therefore orders like the text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct InlineText<const CAPACITY: usize>([u8; CAPACITY]);

impl<const CAPACITY: usize> InlineText<CAPACITY> {
    /// Stores `text`, or nothing if it does not fit or is not plain ASCII without NUL.
    pub(super) fn new(text: &str) -> Option<Self> {
        let fits = text.len() <= CAPACITY && text.bytes().all(|byte| byte.is_ascii() && byte != 0);
        let mut bytes = [0; CAPACITY];
        bytes.get_mut(..text.len()).filter(|_| fits)?.copy_from_slice(text.as_bytes());
        Some(Self(bytes))
    }

    pub(super) fn as_str(&self) -> &str {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(CAPACITY);
        // Only ASCII is ever stored, so the fallback is unreachable.
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

impl<const CAPACITY: usize> fmt::Debug for InlineText<CAPACITY> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

/// A value read from text that people typed, with what had to be changed to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalised<T> {
    /// The value in its canonical form.
    pub value: T,
    /// What was changed, in the order in which it was changed; empty if the text was canonical.
    pub notes: Vec<NormalisationNote>,
}

/// One harmless change that normalising made to a typed identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NormalisationNote {
    /// Blanks, a byte order mark or a spreadsheet's leading apostrophe were removed at the ends.
    Trimmed,
    /// Full-width characters (`９`, `Ａ`) became half-width ones.
    FullWidth,
    /// Lower-case letters became upper-case ones.
    LowerCase,
    /// Blanks or hyphens between the characters were removed.
    Separators,
}

impl fmt::Display for NormalisationNote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Trimmed => "blanks around the code were removed",
            Self::FullWidth => "full-width characters became half-width",
            Self::LowerCase => "lower-case letters became upper-case",
            Self::Separators => "blanks or hyphens within the code were removed",
        })
    }
}

/// Brings typed text into the form that codes have: half-width, upper-case, without blanks or hyphens.
pub(super) fn normalise_code(typed: &str) -> Normalised<String> {
    let mut notes = Vec::new();
    let trimmed = typed.trim_matches(is_padding);
    if trimmed != typed {
        notes.push(NormalisationNote::Trimmed);
    }
    let half_width: String = trimmed.chars().map(to_half_width).collect();
    if half_width != trimmed {
        notes.push(NormalisationNote::FullWidth);
    }
    let upper = half_width.to_ascii_uppercase();
    if upper != half_width {
        notes.push(NormalisationNote::LowerCase);
    }
    let value: String = upper.chars().filter(|&character| !is_separator(character)).collect();
    // A spreadsheet's exponent keeps its sign: without it "9.1E-5" would pass for other damage.
    if value.len() == upper.len() || looks_like_spreadsheet_number(&upper) {
        return Normalised { value: upper, notes };
    }
    notes.push(NormalisationNote::Separators);
    Normalised { value, notes }
}

/// Whether the text is a number in exponent form, as a spreadsheet shows a long code that it took for a number.
pub(super) fn looks_like_spreadsheet_number(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let digits = exponent.strip_prefix(['+', '-']);
    let has_sign = digits.is_some();
    let digits = digits.unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    (has_sign || mantissa.contains('.'))
        && !whole.is_empty()
        && !digits.is_empty()
        && all_digits(whole)
        && all_digits(fraction)
        && all_digits(digits)
}

/// Whether the character belongs to the full-width forms that input methods produce for ASCII.
pub(super) fn is_full_width(character: char) -> bool {
    ('\u{FF01}'..='\u{FF5E}').contains(&character)
}

fn to_half_width(character: char) -> char {
    if !is_full_width(character) {
        return character;
    }
    char::from_u32(u32::from(character) - 0xFEE0).unwrap_or(character)
}

fn is_padding(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{FEFF}' | '\u{200B}' | '\'' | '`')
}

fn is_separator(character: char) -> bool {
    character.is_whitespace() || matches!(character, '-' | '\u{200B}')
}

/// Gives a type with `parse(&str)` and `Display` its conversions, serde as text, and its JSON Schema.
///
/// A `stored` type holds its text (`as_str`), a `composed` one puts it together on display.
macro_rules! text_identifier {
    (@serialize stored $self:ident $serializer:ident) => {
        $serializer.serialize_str($self.as_str())
    };
    (@serialize composed $self:ident $serializer:ident) => {
        $serializer.collect_str($self)
    };
    (
        $storage:ident $type:ident, $error:ident, pattern: $pattern:literal, length_max: $length_max:literal, description: $description:literal) => {
        impl std::str::FromStr for $type {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl TryFrom<&str> for $type {
            type Error = $error;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                text_identifier!(@serialize $storage self serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str($crate::identifier::text::ParsingVisitor::new(
                    $description,
                    Self::parse,
                ))
            }
        }

        text_schema!($type, pattern: $pattern, length_max: $length_max, description: $description);
    };
}

/// Gives a type the JSON Schema of a string with a pattern.
macro_rules! text_schema {
    ($type:ident, pattern: $pattern:literal, length_max: $length_max:literal, description: $description:literal) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": $pattern,
                    "maxLength": $length_max,
                    "description": $description,
                })
            }
        }
    };
}

/// Deserialises a value through its own parser, borrowing the text where the format allows.
pub(super) struct ParsingVisitor<F> {
    expected: &'static str,
    parse: F,
}

impl<F> ParsingVisitor<F> {
    pub(super) fn new(expected: &'static str, parse: F) -> Self {
        Self { expected, parse }
    }
}

impl<T, E, F> serde::de::Visitor<'_> for ParsingVisitor<F>
where
    F: FnOnce(&str) -> Result<T, E>,
    E: fmt::Display,
{
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<Error: serde::de::Error>(self, text: &str) -> Result<T, Error> {
        (self.parse)(text).map_err(Error::custom)
    }
}
