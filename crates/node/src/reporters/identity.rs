//! Who reported: read without ever being quoted, sealed to one officer, wiped from memory when dropped.

use nkeys::XKey;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::{OfficerIdentity, OfficerKey, PublicReference, ReporterError};

/// More than any reporter says of himself.
pub const REPORTER_BYTES_MAX: usize = 16 << 10;

/// Sealed texts are filled up to a multiple of this many bytes, so that their length says nothing about a name.
const PADDING_BYTES: usize = 1 << 10;

/// Shorter values, such as a surname alone, occur in any text by chance.
const TELLING_CHARACTERS_MIN: usize = 2;

/// The identity of somebody who reported. It has no `Debug`, and its texts are wiped when it is dropped.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Reporter {
    /// Name (姓名).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Zeroizing<String>>,
    /// Telephone number (电话).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Zeroizing<String>>,
    /// Another way to reach him: mail, messenger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Zeroizing<String>>,
    /// Address (住址).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Zeroizing<String>>,
    /// Whatever else only the receiving officer may know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Zeroizing<String>>,
}

/// A reporter's identity as only one officer can read it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The one-time key with which it was sealed, public half.
    pub sender: String,
    /// NaCl box (X25519, XSalsa20, Poly1305) in the form of NKeys (`xkv1`).
    pub bytes: Vec<u8>,
}

/// What is sealed: the reference stands inside as well, so that two boxes cannot change places.
#[derive(Serialize)]
struct Content<'a> {
    reference: PublicReference,
    reporter: &'a Reporter,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenedContent {
    reference: PublicReference,
    reporter: Reporter,
}

impl Reporter {
    /// Reads an identity from JSON: an object with any of `name`, `phone`, `contact`, `address`, `note`.
    ///
    /// Errors: [`ReporterError::Form`], which quotes nothing of what was read.
    pub fn from_json(text: &[u8]) -> Result<Self, ReporterError> {
        let form = |line, column| ReporterError::Form { line, column };
        if text.len() > REPORTER_BYTES_MAX {
            return Err(ReporterError::TooLong);
        }
        // The library would take a list as well, in which nobody sees what is what.
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err(form(1, 1));
        }
        // Its own message may quote a name.
        let mut reporter: Self =
            serde_json::from_slice(text.trim_ascii_start()).map_err(|error| form(error.line(), error.column()))?;
        for (_, field) in reporter.fields_mut() {
            if field.as_ref().is_some_and(|value| value.trim().is_empty()) {
                *field = None;
            }
        }
        if reporter.fields().next().is_none() { Err(ReporterError::NothingSaid) } else { Ok(reporter) }
    }

    /// What is said, with the name of each field.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self { name, phone, contact, address, note } = self;
        [("name", name), ("phone", phone), ("contact", contact), ("address", address), ("note", note)]
            .into_iter()
            .filter_map(|(field, value)| value.as_ref().map(|value| (field, value.as_str())))
    }

    fn fields_mut(&mut self) -> [(&'static str, &mut Option<Zeroizing<String>>); 5] {
        let Self { name, phone, contact, address, note } = self;
        [("name", name), ("phone", phone), ("contact", contact), ("address", address), ("note", note)]
    }

    /// The field of the identity that a text gives away, if there is one: the text holds its value, blanks and hyphens apart.
    pub fn given_away_by(&self, text: &str) -> Option<&'static str> {
        let text = Zeroizing::new(plain(text));
        let telling = |value: &str| {
            let value = Zeroizing::new(plain(value));
            value.chars().count() >= TELLING_CHARACTERS_MIN && text.contains(value.as_str())
        };
        self.fields().filter(|(field, _)| *field != "note").find(|(_, value)| telling(value)).map(|(field, _)| field)
    }

    /// Seals the identity to one officer, with a key of its own that is thrown away.
    pub fn seal(&self, reference: PublicReference, officer: &OfficerKey) -> Result<Sealed, ReporterError> {
        let cannot = |_| ReporterError::Sealing("the identity could not be sealed");
        let content = Content { reference, reporter: self };
        // Room from the start, so that growing leaves no copy behind.
        let mut text = Zeroizing::new(Vec::with_capacity(2 * REPORTER_BYTES_MAX));
        serde_json::to_writer(&mut *text, &content)
            .map_err(|_| ReporterError::Sealing("the identity could not be written as JSON"))?;
        let padded = text.len().next_multiple_of(PADDING_BYTES);
        text.resize(padded, b' ');
        let mut once = Zeroizing::new([0; 32]);
        rand::RngCore::try_fill_bytes(&mut rand::rngs::OsRng, &mut *once).map_err(ReporterError::NoRandomness)?;
        let sender = XKey::new_from_raw(*once);
        let recipient = XKey::from_public_key(officer.as_str()).map_err(cannot)?;
        let bytes = sender.seal(&text, &recipient).map_err(cannot)?;
        Ok(Sealed { sender: sender.public_key(), bytes })
    }
}

impl Sealed {
    /// Opens what was sealed to this officer under this reference; none when it was not, or was altered.
    pub fn open(&self, reference: PublicReference, officer: &OfficerIdentity) -> Option<Reporter> {
        let sender = XKey::from_public_key(&self.sender).ok()?;
        let text = Zeroizing::new(officer.key().open(&self.bytes, &sender).ok()?);
        let OpenedContent { reference: inside, reporter } = serde_json::from_slice(&text).ok()?;
        (inside == reference).then_some(reporter)
    }
}

/// A text without what people put between letters and digits.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len() * 2);
    plain.extend(
        text.chars()
            .filter(|character| character.is_alphanumeric() || *character == '@' || *character == '.')
            .flat_map(char::to_lowercase),
    );
    plain
}

/// Reads all of a stream that is no longer than an identity, into memory that is wiped.
pub fn read_identity(stream: &mut dyn std::io::Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(vec![0; REPORTER_BYTES_MAX + 1]);
    let mut length = 0;
    while length < text.len() {
        match stream.read(&mut text[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                text.zeroize();
                return Err(error);
            }
        }
    }
    text.truncate(length);
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn zhang() -> Reporter {
        Reporter::from_json(r#"{"name": "张三丰", "phone": "139-0596-1234"}"#.as_bytes()).unwrap()
    }

    fn reference(byte: u8) -> PublicReference {
        PublicReference::from_bytes([byte; 16])
    }

    fn officer() -> OfficerIdentity {
        OfficerIdentity::generate().unwrap()
    }

    #[test]
    fn only_the_officer_to_whom_it_is_sealed_opens_it() {
        let (li, wang) = (officer(), officer());
        let sealed = zhang().seal(reference(1), li.public()).unwrap();
        let opened = sealed.open(reference(1), &li).unwrap();
        assert_eq!(opened.fields().collect::<Vec<_>>(), [("name", "张三丰"), ("phone", "139-0596-1234")]);
        assert!(sealed.open(reference(1), &wang).is_none());
        assert!(sealed.open(reference(2), &li).is_none(), "a box of another report");
        for place in [0, 4, 30, sealed.bytes.len() - 1] {
            let mut altered = sealed.clone();
            altered.bytes[place] ^= 1;
            assert!(altered.open(reference(1), &li).is_none(), "byte {place}");
        }
    }

    #[test]
    fn nothing_is_told_by_the_sealed_bytes() {
        let li = officer();
        let short = zhang().seal(reference(1), li.public()).unwrap();
        let long =
            Reporter::from_json(r#"{"name": "欧阳修文", "note": "every evening after eight"}"#.as_bytes()).unwrap();
        let long = long.seal(reference(1), li.public()).unwrap();
        assert_eq!(short.bytes.len(), long.bytes.len());
        let again = zhang().seal(reference(1), li.public()).unwrap();
        assert!(short.bytes != again.bytes && short.sender != again.sender);
        let holds = |text: &[u8]| short.bytes.windows(text.len()).any(|window| window == text);
        assert!(!holds("张三".as_bytes()) && !holds(b"1390596") && !holds(b"name"));
    }

    #[test]
    fn errors_quote_nothing() {
        for text in [
            r#"{"name": "张三丰", "telephone": "13905961234"}"#,
            r#"{"张三丰": 1}"#,
            r#"{"name": 13905961234}"#,
            r#"{"name": "张三丰"#,
            r#"["张三丰", "13905961234"]"#,
            r#"{"name": "张三丰"} 13905961234"#,
            "张三丰",
        ] {
            let Err(error) = Reporter::from_json(text.as_bytes()) else { panic!("{text} was read") };
            for shown in [error.to_string(), format!("{error:?}")] {
                assert!(!shown.contains('张') && !shown.contains("1390596") && !shown.contains("telephone"), "{shown}");
            }
        }
        assert!(matches!(Reporter::from_json(b"{}"), Err(ReporterError::NothingSaid)));
        assert!(matches!(Reporter::from_json(br#"{"name": "  "}"#), Err(ReporterError::NothingSaid)));
        assert!(matches!(Reporter::from_json(&vec![b' '; REPORTER_BYTES_MAX + 1]), Err(ReporterError::TooLong)));
    }

    #[test]
    fn texts_that_give_the_reporter_away_are_noticed() {
        let zhang = zhang();
        assert_eq!(zhang.given_away_by("住户张 三丰称疏散通道被锁"), Some("name"));
        assert_eq!(zhang.given_away_by("回电 139 0596 1234"), Some("phone"));
        assert_eq!(zhang.given_away_by("疏散通道被锁"), None);
        let short = Reporter::from_json(r#"{"name": "张", "note": "疏散"}"#.as_bytes()).unwrap();
        assert_eq!(short.given_away_by("张贴的疏散图"), None);
    }
}
