//! What goes into the log and what comes out of it.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use fengsui_event::EventId;
use serde::{Deserialize, Serialize};

/// A place in the log: 1 for the first record, without gaps, never used twice. It is the only order that events have.
///
/// At most `i64::MAX`, because SQLite's keys are signed; a broker's sequence never gets there either.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Position(NonZeroU64);

impl Position {
    /// The position of the first record.
    pub const FIRST: Position = Position(NonZeroU64::MIN);

    /// `None` for 0 and for numbers above `i64::MAX`, which no record ever has.
    pub const fn new(number: u64) -> Option<Position> {
        if number > i64::MAX as u64 {
            return None;
        }
        match NonZeroU64::new(number) {
            Some(number) => Some(Position(number)),
            None => None,
        }
    }

    /// The number, from 1.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The position right after this one.
    #[must_use]
    pub const fn next(self) -> Position {
        Position(self.0.saturating_add(1))
    }

    /// The position that the next record gets in a log whose head is `head`.
    pub fn after(head: Option<Position>) -> Position {
        head.map_or(Position::FIRST, Position::next)
    }

    pub(crate) const fn to_sql(self) -> i64 {
        self.0.get().cast_signed()
    }

    pub(crate) fn from_sql(number: i64) -> Option<Position> {
        u64::try_from(number).ok().and_then(Position::new)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The text or number is no position.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{found:?} is not a position: expected a whole number from 1 to 9223372036854775807")]
pub struct InvalidPosition {
    /// What was given.
    pub found: String,
}

impl TryFrom<u64> for Position {
    type Error = InvalidPosition;

    fn try_from(number: u64) -> Result<Self, Self::Error> {
        Position::new(number).ok_or_else(|| InvalidPosition { found: number.to_string() })
    }
}

impl From<Position> for u64 {
    fn from(position: Position) -> Self {
        position.get()
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().ok().and_then(Position::new).ok_or_else(|| InvalidPosition { found: text.to_owned() })
    }
}

/// One signed event as it is published. The log keeps all four fields as they are and looks into none of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The event's id, by which an append is idempotent.
    pub id: EventId,
    /// The subject that the event is published under: `fengsui.{region}.{agency}.{entity}.{verb}`.
    pub subject: String,
    /// Exactly the bytes that were signed.
    pub bytes: Vec<u8>,
    /// The signature over `bytes`.
    pub signature: Vec<u8>,
}

/// The subject of [`Record::missing`]; nobody has permission to publish under it.
const MISSING_SUBJECT: &str = "fengsui.missing";

impl Record {
    /// What a copy holds at a position that its original has lost, so that the positions after it stay as they are: a nil id,
    /// the subject `fengsui.missing`, no bytes and no signature. It is no event and can be no event.
    pub fn missing() -> Record {
        let id = EventId::from_bytes([0; 16]);
        Record { id, subject: MISSING_SUBJECT.to_owned(), bytes: Vec::new(), signature: Vec::new() }
    }

    /// Whether this is [`Record::missing`].
    pub fn is_missing(&self) -> bool {
        self.as_ref().is_missing()
    }

    /// A view of this record that owns nothing.
    pub fn as_ref(&self) -> RecordRef<'_> {
        RecordRef { id: self.id, subject: &self.subject, bytes: &self.bytes, signature: &self.signature }
    }
}

/// A record that is still in the log's own buffer: what a scan hands out, so that a replay copies nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordRef<'log> {
    /// See [`Record::id`].
    pub id: EventId,
    /// See [`Record::subject`].
    pub subject: &'log str,
    /// See [`Record::bytes`].
    pub bytes: &'log [u8],
    /// See [`Record::signature`].
    pub signature: &'log [u8],
}

impl RecordRef<'_> {
    /// Whether this is [`Record::missing`].
    pub fn is_missing(self) -> bool {
        self.id.to_bytes() == [0; 16]
            && self.subject == MISSING_SUBJECT
            && self.bytes.is_empty()
            && self.signature.is_empty()
    }

    /// A copy that outlives the scan.
    pub fn to_record(self) -> Record {
        Record {
            id: self.id,
            subject: self.subject.to_owned(),
            bytes: self.bytes.to_vec(),
            signature: self.signature.to_vec(),
        }
    }
}

/// A record with its place in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Where it is.
    pub position: Position,
    /// What it is.
    pub record: Record,
}

/// The answer to one record of a batch that was appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// Where the record is now.
    pub position: Position,
    /// Whether this append put it there.
    pub outcome: Outcome,
}

/// Whether an append changed the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The record is new and durable.
    Stored,
    /// The same record, equal in every field, was there before; nothing was written for it.
    AlreadyPresent,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn positions_count_from_one_and_stay_within_sqlites_keys() {
        assert_eq!(Position::new(0), None);
        assert_eq!(Position::new(1), Some(Position::FIRST));
        assert_eq!(Position::new(i64::MAX as u64 + 1), None);
        assert_eq!(Position::after(None), Position::FIRST);
        assert_eq!(Position::after(Some(Position::FIRST)).get(), 2);
        assert_eq!(Position::from_sql(-1), None);
        assert_eq!(Position::from_sql(7).unwrap().to_sql(), 7);
    }

    #[test]
    fn positions_read_from_text_and_json_are_checked() {
        assert_eq!("12".parse::<Position>().unwrap().to_string(), "12");
        for text in ["", "0", "-1", "1.5", "twelve", "9223372036854775808"] {
            assert_eq!(text.parse::<Position>().unwrap_err().found, text);
        }
        assert_eq!(serde_json::to_string(&Position::new(12).unwrap()).unwrap(), "12");
        assert_eq!(serde_json::from_str::<Position>("12").unwrap().get(), 12);
        let error = serde_json::from_str::<Position>("0").unwrap_err().to_string();
        assert!(error.contains("expected a whole number from 1"), "{error}");
    }
}
