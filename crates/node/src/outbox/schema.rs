//! What the file looks like.

use fengsui_log::storage::FileKind;

/// The kind of file that an outbox is.
pub const OUTBOX_FILE: FileKind = FileKind {
    noun: "outbox",
    // "FsOb".
    application_id: 0x4673_4f62,
    version: 1,
    schema: SCHEMA,
    when_missing: "make a node with `fengsui init` or `fengsui demo`, or name the right folder with --data; \
                   if the node had one, restore it from a backup",
    when_damaged: "restore it from a backup: it may hold events that are not on the log yet",
};

/// `chains`: the last event of each source.
/// - `source`: who publishes, such as `/regions/350600/agencies/fire/nodes/1`.
/// - `sequence`: number of its last event, from 1.
/// - `digest`: SHA-256 of that event's bytes.
///
/// `outgoing`: every event of this node.
/// - `number`: the order in which events were decided and are published.
/// - `id`, `subject`, `signature`, `bytes`: as on the log.
/// - `source`, `sequence`: its place in its source's chain.
/// - `position`: where it is on the log. Null means pending: so a row cannot say both that it is sent and that it is nowhere.
///
/// `meta`: small notes by name.
const SCHEMA: &str = "
CREATE TABLE chains (
  source   TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL CHECK (sequence > 0),
  digest   BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT, WITHOUT ROWID;

CREATE TABLE outgoing (
  number    INTEGER PRIMARY KEY,
  id        BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  source    TEXT NOT NULL,
  sequence  INTEGER NOT NULL CHECK (sequence > 0),
  subject   TEXT NOT NULL,
  position  INTEGER CHECK (position > 0),
  signature BLOB NOT NULL,
  bytes     BLOB NOT NULL,
  UNIQUE (source, sequence)
) STRICT;

CREATE INDEX outgoing_position ON outgoing (position);
CREATE INDEX outgoing_pending ON outgoing (number) WHERE position IS NULL;

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER outgoing_events_never_change BEFORE UPDATE OF number, id, source, sequence, subject, signature, bytes ON outgoing
BEGIN
  SELECT raise(ABORT, 'a signed event never changes');
END;

CREATE TRIGGER outgoing_events_never_vanish BEFORE DELETE ON outgoing
BEGIN
  SELECT raise(ABORT, 'the outbox keeps what it has published');
END;
";

/// The index of `outgoing` by position, for files that were made without it.
pub const POSITION_INDEX: &str = "CREATE INDEX IF NOT EXISTS outgoing_position ON outgoing (position)";
