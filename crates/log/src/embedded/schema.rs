//! What the file looks like.

use crate::storage::FileKind;

/// The kind of file that an embedded log is.
pub const LOG_FILE: FileKind = FileKind {
    noun: "event log",
    // "FsLg".
    application_id: 0x4673_4c67,
    version: 1,
    schema: SCHEMA,
    when_missing: "name the right folder with --data; if this node had a log, put a backup or another node's copy of it in its place",
    when_damaged: "put a backup or another node's copy of it in its place, then run `fengsui replay`",
};

/// Columns:
/// - `position`: from 1, without gaps; the order of events.
/// - `id`: the event's ULID, 16 bytes. Not unique: the copy of a broker's stream holds a message that was delivered to the stream twice
///   at both its positions. An ordinary append never makes such a pair.
/// - `subject`: what the event is published under.
/// - `signature`: over `bytes`.
/// - `bytes`: the event as published. Last, so that what stands before is read without following a long row's further pages.
///
/// The triggers keep other programs from changing the log by accident; whoever means to can remove them, and is found out by
/// signatures and chains.
const SCHEMA: &str = "
CREATE TABLE events (
  position  INTEGER PRIMARY KEY CHECK (position > 0),
  id        BLOB NOT NULL CHECK (length(id) = 16),
  subject   TEXT NOT NULL,
  signature BLOB NOT NULL,
  bytes     BLOB NOT NULL
) STRICT;

CREATE INDEX events_by_id ON events (id);

-- Also stops INSERT OR REPLACE, which removes the old row without a word to the trigger against removing.
CREATE TRIGGER events_only_grow_at_the_end BEFORE INSERT ON events
WHEN new.position IS NOT coalesce((SELECT max(position) FROM events), 0) + 1
BEGIN
  SELECT raise(ABORT, 'the log grows only at its end, without gaps');
END;

CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN
  SELECT raise(ABORT, 'the log is append-only: publish a correcting event instead');
END;

CREATE TRIGGER events_never_vanish BEFORE DELETE ON events
BEGIN
  SELECT raise(ABORT, 'the log is append-only: publish a correcting event instead');
END;
";
