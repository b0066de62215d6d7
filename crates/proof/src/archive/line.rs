//! Lines of `events/*.jsonl` and `keys.jsonl`. Each value has one text: what does not come out as it went in is refused.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fengsui_event::{AgencyCode, EventId, KeyId};
use serde::{Deserialize, Serialize};

/// A record of the log, as an archive holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArchiveRecord {
    /// Its position in the log.
    pub position: u64,
    /// What stands there; `None` where the log has lost it.
    pub content: Option<ArchiveContent>,
}

/// What a log holds at a position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArchiveContent {
    /// The id under which it is filed.
    pub id: EventId,
    /// The subject under which it was published.
    pub subject: String,
    /// The signature beside the bytes.
    pub signature: Vec<u8>,
    /// The exact published bytes.
    pub bytes: Vec<u8>,
}

/// The same, still with whoever has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContentRef<'a> {
    /// See [`ArchiveContent::id`].
    pub id: EventId,
    /// See [`ArchiveContent::subject`].
    pub subject: &'a str,
    /// See [`ArchiveContent::signature`].
    pub signature: &'a [u8],
    /// See [`ArchiveContent::bytes`].
    pub bytes: &'a [u8],
}

impl ArchiveContent {
    /// A view of this that owns nothing.
    pub fn as_ref(&self) -> ContentRef<'_> {
        let Self { id, subject, signature, bytes } = self;
        ContentRef { id: *id, subject, signature, bytes }
    }
}

/// A line of `events/*.jsonl`. The order of the fields is the order in the text: what a person cuts out with `sed` stands last.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    position: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    missing: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<EventId>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    signature: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    bytes: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    bytes_base64: Option<Cow<'a, str>>,
}

/// Adds the line of a record to a text.
pub fn write_record(text: &mut Vec<u8>, position: u64, content: Option<ContentRef<'_>>) {
    let mut line = Line {
        position,
        missing: content.is_none(),
        id: None,
        subject: None,
        signature: None,
        bytes: None,
        bytes_base64: None,
    };
    if let Some(ContentRef { id, subject, signature, bytes }) = content {
        line.id = Some(id);
        line.subject = Some(subject.into());
        line.signature = Some(STANDARD.encode(signature).into());
        match std::str::from_utf8(bytes) {
            Ok(bytes) => line.bytes = Some(bytes.into()),
            Err(_) => line.bytes_base64 = Some(STANDARD.encode(bytes).into()),
        }
    }
    // Text and numbers always have a form in JSON, and memory takes every byte.
    let _ = serde_json::to_writer(&mut *text, &line);
    text.push(b'\n');
}

/// Reads a line with its line feed.
pub fn read_record(line: &[u8]) -> Result<ArchiveRecord, String> {
    let text = line.strip_suffix(b"\n").ok_or("it has no line feed at its end")?;
    let read: Line<'_> = serde_json::from_slice(text).map_err(|error| format!("no record: {error}"))?;
    let record = record_of(read)?;
    let mut again = Vec::with_capacity(line.len());
    write_record(&mut again, record.position, record.content.as_ref().map(ArchiveContent::as_ref));
    if again == line { Ok(record) } else { Err("it is not in the one form that a record has".to_owned()) }
}

fn record_of(line: Line<'_>) -> Result<ArchiveRecord, String> {
    let Line { position, missing, id, subject, signature, bytes, bytes_base64 } = line;
    if missing {
        return Ok(ArchiveRecord { position, content: None });
    }
    let bytes = match (bytes, bytes_base64) {
        (Some(text), None) => text.into_owned().into_bytes(),
        (None, Some(text)) => decode("bytes_base64", &text)?,
        _ => return Err("one of `bytes` and `bytes_base64` is expected".to_owned()),
    };
    let signature = decode("signature", &signature.ok_or("`signature` is absent")?)?;
    let id = id.ok_or("`id` is absent")?;
    let subject = subject.ok_or("`subject` is absent")?.into_owned();
    Ok(ArchiveRecord { position, content: Some(ArchiveContent { id, subject, signature, bytes }) })
}

fn decode(name: &str, text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| format!("`{name}` is no base 64: {error}"))
}

/// A key, whose it is and at which positions it is good: a line of `keys.jsonl`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveKey {
    /// The agency.
    pub agency: AgencyCode,
    /// The key.
    pub keyid: KeyId,
    /// Position of its registration; 0 for a key of the exchange file.
    pub since: u64,
    /// The last position at which it is good: that of the event that ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

impl ArchiveKey {
    /// Whether it is good for what stands at this position.
    pub fn is_good_at(&self, position: u64) -> bool {
        self.since <= position && self.until.is_none_or(|until| position <= until)
    }

    /// The key as PEM (SubjectPublicKeyInfo, RFC 8410), as openssl reads it.
    pub fn pem(&self) -> String {
        /// Everything before the 32 bytes: a sequence of the algorithm 1.3.101.112 and a bit string.
        const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let der = [PREFIX.as_slice(), &self.keyid.raw()].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    }
}

/// The text of `keys.jsonl`; the keys are in their order.
pub fn write_keys(keys: &[ArchiveKey]) -> Vec<u8> {
    let mut text = Vec::new();
    for key in keys {
        let _ = serde_json::to_writer(&mut text, key);
        text.push(b'\n');
    }
    text
}

/// Reads `keys.jsonl`. The error is the line, from 1, and what is wrong with it.
pub fn read_keys(text: &[u8]) -> Result<Vec<ArchiveKey>, (u64, String)> {
    let mut keys: Vec<ArchiveKey> = Vec::new();
    for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
        let key: ArchiveKey = serde_json::from_slice(line).map_err(|error| (number, format!("no key: {error}")))?;
        if write_keys(std::slice::from_ref(&key)) != line {
            return Err((number, "it is not in the one form that a key has".to_owned()));
        }
        if keys.last().is_some_and(|last| *last >= key) {
            return Err((number, "keys are in order of agency, key and position, each once".to_owned()));
        }
        keys.push(key);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(content: Option<ArchiveContent>, expected: &str) {
        let mut text = Vec::new();
        write_record(&mut text, 7, content.as_ref().map(ArchiveContent::as_ref));
        assert_eq!(String::from_utf8(text.clone()).unwrap(), expected);
        assert_eq!(read_record(&text).unwrap(), ArchiveRecord { position: 7, content });
    }

    #[allow(clippy::unnecessary_wraps)]
    fn content(bytes: &[u8]) -> Option<ArchiveContent> {
        let id = "01JGFJJZ000000000000000001".parse().unwrap();
        Some(ArchiveContent { id, subject: "fengsui.x".to_owned(), signature: vec![0xff, 0xfe], bytes: bytes.to_vec() })
    }

    #[test]
    fn a_record_has_one_line() {
        check(None, "{\"position\":7,\"missing\":true}\n");
        let head =
            "{\"position\":7,\"id\":\"01JGFJJZ000000000000000001\",\"subject\":\"fengsui.x\",\"signature\":\"//4=\"";
        check(
            content("{\"a\":\"\\n烽\"}".as_bytes()),
            &format!("{head},\"bytes\":\"{{\\\"a\\\":\\\"\\\\n烽\\\"}}\"}}\n"),
        );
        check(content(b"\x00\x1f\n/"), &format!("{head},\"bytes\":\"\\u0000\\u001f\\n/\"}}\n"));
        check(content(b"\xff"), &format!("{head},\"bytes_base64\":\"/w==\"}}\n"));
        check(content(b""), &format!("{head},\"bytes\":\"\"}}\n"));
    }

    #[test]
    fn another_form_is_refused() {
        let good = "{\"position\":7,\"id\":\"01JGFJJZ000000000000000001\",\"subject\":\"s\",\"signature\":\"//4=\",\"bytes\":\"/\"}\n";
        assert!(read_record(good.as_bytes()).is_ok());
        let others = [
            good.trim_end().to_owned(),
            good.replace("\"/\"", "\"\\/\""),
            good.replace("\"/\"", "\"\\u002f\""),
            good.replace(":7", ": 7"),
            good.replace(":7", ":7.0"),
            good.replace("//4=", "//4"),
            good.replace("//4=", "//5="),
            good.replace(",\"bytes\":\"/\"", ",\"bytes_base64\":\"Lw==\""),
            good.replace(",\"bytes\":\"/\"", ""),
            good.replace("\"s\"", "\"s\",\"more\":1"),
            good.replace("\"s\"", "\"s\",\"missing\":false"),
            good.replace("\"s\"", "\"s\",\"missing\":true"),
            good.replace("\"position\":7,", ""),
            "{\"position\":7}\n".to_owned(),
            "\n".to_owned(),
        ];
        for line in others {
            assert!(read_record(line.as_bytes()).is_err(), "{line}");
        }
    }
}
