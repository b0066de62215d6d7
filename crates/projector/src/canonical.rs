//! Canonical JSON as the state digest takes it: keys in order, no white space, members that are absent or empty left out
//! (`docs/state-digest.md`). Written straight from values, since an audit writes millions of lines.

use std::fmt::Display;

use serde::ser::{self, Impossible, Serialize, Serializer};

/// A value that has no canonical form: a float, or a key that is no text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotCanonical(String);

impl ser::Error for NotCanonical {
    fn custom<T: Display>(reason: T) -> Self {
        Self(reason.to_string())
    }
}

/// Writes a value at the end of `line`. A field with the name `left_out` is left out of every struct, at every depth.
///
/// Answers whether nothing is left of the value once what is absent or empty within it is left out; then its owner leaves it out.
pub(crate) fn write<T: Serialize + ?Sized>(
    value: &T,
    left_out: Option<&'static str>,
    line: &mut Vec<u8>,
) -> Result<bool, NotCanonical> {
    value.serialize(Writer { line, left_out })
}

struct Writer<'a> {
    line: &'a mut Vec<u8>,
    left_out: Option<&'static str>,
}

impl Writer<'_> {
    fn text(&mut self, text: &str) -> Result<(), NotCanonical> {
        serde_json::to_writer(&mut *self.line, text).map_err(ser::Error::custom)
    }

    fn plain<T: Display>(self, value: T) -> Result<bool, NotCanonical> {
        use std::io::Write as _;
        write!(self.line, "{value}").map_err(ser::Error::custom)?;
        Ok(false)
    }
}

fn no_float() -> NotCanonical {
    NotCanonical("state holds no fractions".to_owned())
}

impl<'a> Serializer for Writer<'a> {
    type Ok = bool;
    type Error = NotCanonical;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Impossible<bool, NotCanonical>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Variant<'a>;

    fn serialize_bool(self, value: bool) -> Result<bool, NotCanonical> {
        self.plain(value)
    }

    fn serialize_i8(self, value: i8) -> Result<bool, NotCanonical> {
        self.plain(value)
    }

    fn serialize_i16(self, value: i16) -> Result<bool, NotCanonical> {
        self.plain(value)
    }

    fn serialize_i32(self, value: i32) -> Result<bool, NotCanonical> {
        self.plain(value)
    }

    fn serialize_i64(self, value: i64) -> Result<bool, NotCanonical> {
        self.plain(value)
    }

    fn serialize_u8(self, value: u8) -> Result<bool, NotCanonical> {
        self.plain(value)
    }

    fn serialize_u16(self, value: u16) -> Result<bool, NotCanonical> {
        self.plain(value)
    }

    fn serialize_u32(self, value: u32) -> Result<bool, NotCanonical> {
        self.plain(value)
    }

    fn serialize_u64(self, value: u64) -> Result<bool, NotCanonical> {
        self.plain(value)
    }

    fn serialize_f32(self, _: f32) -> Result<bool, NotCanonical> {
        Err(no_float())
    }

    fn serialize_f64(self, _: f64) -> Result<bool, NotCanonical> {
        Err(no_float())
    }

    fn serialize_char(self, value: char) -> Result<bool, NotCanonical> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(mut self, value: &str) -> Result<bool, NotCanonical> {
        self.text(value).map(|()| false)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<bool, NotCanonical> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<bool, NotCanonical> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<bool, NotCanonical> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<bool, NotCanonical> {
        self.line.extend_from_slice(b"null");
        Ok(true)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<bool, NotCanonical> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<bool, NotCanonical> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<bool, NotCanonical> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<bool, NotCanonical> {
        let mut members = Members::new(self);
        members.member(variant, value)?;
        Ok(members.finish())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, NotCanonical> {
        self.line.push(b'[');
        Ok(Items { line: self.line, left_out: self.left_out, is_empty: true })
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'a>, NotCanonical> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items<'a>, NotCanonical> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Impossible<bool, NotCanonical>, NotCanonical> {
        Err(NotCanonical(format!("{name}::{variant} has several values without names")))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, NotCanonical> {
        Ok(Members::new(self))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a>, NotCanonical> {
        Ok(Members::new(self))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Variant<'a>, NotCanonical> {
        let Self { line, left_out } = self;
        let start = line.len();
        line.push(b'{');
        Writer { line: &mut *line, left_out }.text(variant)?;
        line.push(b':');
        Ok(Variant { start, members: Members::new(Writer { line, left_out }) })
    }
}

/// An array on its way. Its items stay in their places, empty ones too.
struct Items<'a> {
    line: &'a mut Vec<u8>,
    left_out: Option<&'static str>,
    is_empty: bool,
}

impl Items<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.line.push(b',');
        }
        write(value, self.left_out, self.line).map(|_| ())
    }

    fn finish(self) -> bool {
        self.line.push(b']');
        self.is_empty
    }
}

impl ser::SerializeSeq for Items<'_> {
    type Ok = bool;
    type Error = NotCanonical;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        self.item(value)
    }

    fn end(self) -> Result<bool, NotCanonical> {
        Ok(self.finish())
    }
}

impl ser::SerializeTuple for Items<'_> {
    type Ok = bool;
    type Error = NotCanonical;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        self.item(value)
    }

    fn end(self) -> Result<bool, NotCanonical> {
        Ok(self.finish())
    }
}

impl ser::SerializeTupleStruct for Items<'_> {
    type Ok = bool;
    type Error = NotCanonical;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        self.item(value)
    }

    fn end(self) -> Result<bool, NotCanonical> {
        Ok(self.finish())
    }
}

/// A member that was written: its text is `line[start..end]`, with its key in quotes, which is `line[start..key_end]`.
struct Member {
    start: usize,
    key_end: usize,
    end: usize,
}

/// An object on its way: its members in the order in which they come, which [`Members::finish`] mends.
struct Members<'a> {
    line: &'a mut Vec<u8>,
    left_out: Option<&'static str>,
    start: usize,
    written: Vec<Member>,
    /// Start of a map's key that has no value yet.
    key: Option<usize>,
}

impl<'a> Members<'a> {
    fn new(writer: Writer<'a>) -> Self {
        let Writer { line, left_out } = writer;
        let start = line.len();
        line.push(b'{');
        Self { line, left_out, start, written: Vec::new(), key: None }
    }

    fn member<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), NotCanonical> {
        if self.left_out == Some(key) {
            return Ok(());
        }
        let before = self.line.len();
        if !self.written.is_empty() {
            self.line.push(b',');
        }
        let start = self.line.len();
        Writer { line: self.line, left_out: None }.text(key)?;
        self.value(before, start, value)
    }

    fn value<T: Serialize + ?Sized>(&mut self, before: usize, start: usize, value: &T) -> Result<(), NotCanonical> {
        let key_end = self.line.len();
        self.line.push(b':');
        if write(value, self.left_out, self.line)? {
            self.line.truncate(before);
        } else {
            self.written.push(Member { start, key_end, end: self.line.len() });
        }
        Ok(())
    }

    fn finish(self) -> bool {
        let Self { line, start, written: mut members, .. } = self;
        let key = |line: &[u8], member: &Member| line.get(member.start + 1..member.key_end - 1).map(<[u8]>::to_vec);
        let in_order = members.windows(2).all(|pair| match pair {
            [one, other] => line.get(one.start + 1..one.key_end - 1) < line.get(other.start + 1..other.key_end - 1),
            _ => true,
        });
        if !in_order {
            members.sort_by_cached_key(|member| key(line, member));
            let mut sorted = Vec::with_capacity(line.len() - start);
            for Member { start, end, .. } in &members {
                sorted.push(b',');
                sorted.extend_from_slice(line.get(*start..*end).unwrap_or_default());
            }
            line.truncate(start + 1);
            line.extend_from_slice(sorted.get(1..).unwrap_or_default());
        }
        line.push(b'}');
        members.is_empty()
    }
}

impl ser::SerializeStruct for Members<'_> {
    type Ok = bool;
    type Error = NotCanonical;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), NotCanonical> {
        self.member(key, value)
    }

    fn end(self) -> Result<bool, NotCanonical> {
        Ok(self.finish())
    }
}

impl ser::SerializeMap for Members<'_> {
    type Ok = bool;
    type Error = NotCanonical;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NotCanonical> {
        let before = self.line.len();
        if !self.written.is_empty() {
            self.line.push(b',');
        }
        let start = self.line.len();
        write(key, None, self.line)?;
        if self.line.get(start) != Some(&b'"') {
            return Err(NotCanonical("a key is no text".to_owned()));
        }
        self.key = Some(before);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        let before = self.key.take().ok_or_else(|| NotCanonical("a value without a key".to_owned()))?;
        let start = if self.written.is_empty() { before } else { before + 1 };
        self.value(before, start, value)
    }

    fn end(self) -> Result<bool, NotCanonical> {
        Ok(self.finish())
    }
}

/// `{"variant":{…}}` on its way.
struct Variant<'a> {
    start: usize,
    members: Members<'a>,
}

impl ser::SerializeStructVariant for Variant<'_> {
    type Ok = bool;
    type Error = NotCanonical;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), NotCanonical> {
        self.members.member(key, value)
    }

    fn end(self) -> Result<bool, NotCanonical> {
        let Self { start, members: Members { line, left_out, start: inner, written, key } } = self;
        let is_empty = Members { line: &mut *line, left_out, start: inner, written, key }.finish();
        if is_empty {
            // Of an object whose only member is empty nothing is left but its braces.
            line.truncate(start + 1);
        }
        line.push(b'}');
        Ok(is_empty)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use serde::Serialize;
    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        Plain,
        One(Option<u8>),
        Named { z: Vec<u8>, a: u64 },
        Hollow { none: Option<u8> },
    }

    #[derive(Serialize)]
    struct Outer {
        zeta: i64,
        alpha: Vec<Choice>,
        empty: BTreeMap<String, u8>,
        hollow: Choice,
        later: Vec<u8>,
        beta: Option<&'static str>,
        map: BTreeMap<&'static str, Option<bool>>,
        text: &'static str,
    }

    fn line<T: Serialize>(value: &T) -> String {
        let mut line = Vec::new();
        write(value, Some("later"), &mut line).unwrap();
        String::from_utf8(line).unwrap()
    }

    /// By hand from the rules of docs/state-digest.md.
    #[test]
    fn keys_are_in_order_and_what_is_empty_is_left_out_but_in_arrays() {
        let named = Choice::Named { z: vec![1, 2], a: u64::MAX };
        let hollow = || Choice::Hollow { none: None };
        let outer = Outer {
            zeta: -1,
            alpha: vec![Choice::Plain, Choice::One(None), Choice::One(Some(3)), named, hollow()],
            empty: BTreeMap::new(),
            hollow: hollow(),
            later: vec![9],
            beta: Some(""),
            map: BTreeMap::from([("no", None), ("yes", Some(false))]),
            text: "校\"\n\u{1}",
        };
        let expected = r#"{"alpha":["plain",{},{"one":3},{"named":{"a":18446744073709551615,"z":[1,2]}},{}],"beta":"","map":{"yes":false},"text":"校\"\n\u0001","zeta":-1}"#;
        assert_eq!(line(&outer), expected);
    }

    #[test]
    fn a_json_value_gives_the_same_line_whatever_its_order() {
        let value = json!({"b": [null, {}, []], "a": {"d": {}, "c": {"e": null}}, "1": [1]});
        assert_eq!(line(&value), r#"{"1":[1],"b":[null,{},[]]}"#);
    }

    #[test]
    fn fractions_are_refused() {
        assert!(write(&1.5, None, &mut Vec::new()).is_err());
    }
}
