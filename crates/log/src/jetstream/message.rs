//! Records as messages, and messages as records. Whatever is on the stream becomes a record: nothing may stop the reader.

use async_nats::{HeaderMap, HeaderName};
use fengsui_event::EventId;

use crate::{Position, Record, Stored};

/// Holds the event's id. The broker's own header, so that it drops what is sent twice.
pub(super) const HEADER_ID: &str = "Nats-Msg-Id";
/// Holds the signature in hexadecimal.
pub(super) const HEADER_SIGNATURE: &str = "Fengsui-Signature";
const HEADER_CONTENT_TYPE: &str = "content-type";
/// CloudEvents 1.0, JSON format, structured mode.
const CONTENT_TYPE: &str = "application/cloudevents+json";

/// One position of the stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamMessage {
    /// Where it is.
    pub position: Position,
    /// What is there; none when the stream does not hold this position any more.
    pub record: Option<Record>,
    /// What is wrong with the message that is there. The record has a nil id or an empty signature in its place.
    pub defects: Vec<Defect>,
}

/// What a message of this program never lacks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Defect {
    /// No header with an id.
    NoId,
    /// An id that is no ULID.
    UnusableId(String),
    /// No header with a signature. A signature may be empty only so.
    NoSignature,
    /// A signature that is no hexadecimal text.
    UnusableSignature(String),
}

impl StreamMessage {
    /// A position that the stream does not hold any more.
    pub(super) fn missing(position: Position) -> StreamMessage {
        StreamMessage { position, record: None, defects: Vec::new() }
    }

    /// Reads a message. `header` gives the value of a header.
    pub(super) fn read(
        position: Position,
        subject: &str,
        bytes: Vec<u8>,
        header: impl Fn(&'static str) -> Option<String>,
    ) -> StreamMessage {
        let mut defects = Vec::new();
        let id = match header(HEADER_ID) {
            None => Err(Defect::NoId),
            Some(text) => EventId::parse(&text).map_err(|_| Defect::UnusableId(text)),
        };
        let id = id.unwrap_or_else(|defect| {
            defects.push(defect);
            EventId::from_bytes([0; 16])
        });
        let signature = match header(HEADER_SIGNATURE) {
            None => Err(Defect::NoSignature),
            Some(text) => hex::decode(&text).map_err(|_| Defect::UnusableSignature(text)),
        };
        let signature = signature.unwrap_or_else(|defect| {
            defects.push(defect);
            Vec::new()
        });
        let record = Record { id, subject: subject.to_owned(), bytes, signature };
        StreamMessage { position, record: Some(record), defects }
    }

    /// The record for a copy of the log: the placeholder where the stream holds nothing.
    pub fn into_stored(self) -> Stored {
        Stored { position: self.position, record: self.record.unwrap_or_else(Record::missing) }
    }
}

/// The headers of a record's message.
pub(super) fn headers(record: &Record) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(HEADER_ID), record.id.to_string());
    headers.insert(HeaderName::from_static(HEADER_CONTENT_TYPE), CONTENT_TYPE);
    if !record.signature.is_empty() {
        headers.insert(HeaderName::from_static(HEADER_SIGNATURE), hex::encode(&record.signature));
    }
    headers
}

/// Size of the message on the wire as the server counts it against `max_payload`: headers and payload, in bytes.
pub(super) fn size(record: &Record) -> usize {
    let fixed = "NATS/1.0\r\n\r\n".len();
    let line = |name: &str, value: usize| name.len() + ": \r\n".len() + value;
    let mut size = fixed + line(HEADER_ID, 26) + line(HEADER_CONTENT_TYPE, CONTENT_TYPE.len());
    if !record.signature.is_empty() {
        size += line(HEADER_SIGNATURE, record.signature.len() * 2);
    }
    // The batch's own three headers, at their longest.
    size + line("Nats-Batch-Id", 64)
        + line("Nats-Batch-Sequence", 4)
        + line("Nats-Batch-Commit", 1)
        + record.bytes.len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::conformance::record;

    fn read(headers: &[(&str, &str)]) -> StreamMessage {
        let header =
            |name: &'static str| headers.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned());
        StreamMessage::read(Position::FIRST, "fengsui.350600.fire.case.closed", b"{}".to_vec(), header)
    }

    #[test]
    fn a_record_comes_back_from_its_own_headers() {
        let sent = record(1);
        let headers = headers(&sent);
        let read = StreamMessage::read(Position::FIRST, &sent.subject, sent.bytes.clone(), |name| {
            headers.get(name).map(ToString::to_string)
        });
        assert_eq!((read.record, read.defects), (Some(sent), vec![]));
    }

    #[test]
    fn what_is_malformed_has_a_nil_id_or_no_signature() {
        let id = record(1).id.to_string();
        let cases = [
            (vec![], vec![Defect::NoId, Defect::NoSignature]),
            (vec![(HEADER_ID, "x"), (HEADER_SIGNATURE, "00ff")], vec![Defect::UnusableId("x".to_owned())]),
            (vec![(HEADER_ID, &*id), (HEADER_SIGNATURE, "xyz")], vec![Defect::UnusableSignature("xyz".to_owned())]),
        ];
        for (headers, defects) in cases {
            let message = read(&headers);
            let record = message.record.unwrap();
            assert_eq!(record.id.to_bytes() == [0; 16], !headers.iter().any(|(_, value)| *value == id), "{headers:?}");
            assert_eq!(record.signature.is_empty(), !headers.contains(&(HEADER_SIGNATURE, "00ff")), "{headers:?}");
            assert_eq!((message.defects, &*record.bytes), (defects, &b"{}"[..]));
        }
    }

    #[test]
    fn a_hole_becomes_the_placeholder() {
        let stored = StreamMessage::missing(Position::FIRST).into_stored();
        assert!(stored.record.is_missing() && !record(1).is_missing());
    }
}
