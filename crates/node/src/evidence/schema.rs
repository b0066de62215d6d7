//! What the file of evidence's whereabouts looks like.

use fengsui_log::storage::FileKind;

/// The kind of file in which a node notes which evidence is named where and who has it.
pub const EVIDENCE_FILE: FileKind = FileKind {
    noun: "list of evidence",
    // "FsEv".
    application_id: 0x4673_4576,
    version: 1,
    schema: SCHEMA,
    when_missing: "it is drawn from the log by the next `fengsui evidence list`",
    when_damaged: "move it away together with its -wal and -shm files: it is drawn from the log again, and evidence is shared again",
};

/// `progress`: how far the log was read; `event_id` is that of the event there, by which another log is noticed.
///
/// `mentions`: evidence that an effective event names.
/// - `sha256`, `media_type`: as in the event.
/// - `case_id`, `event_id`, `position`: where; `agency`, `node`: who said so.
///
/// `shares`: evidence of this node that another agency may see.
/// - `object`: name of the upload, noted before it begins.
/// - `shared_at`: when it was done, ISO 8601 in UTC; null while it waits.
///
/// `wanted`: evidence that this node may see and has not got.
/// - `tries`, `next_at`: how often it was asked for, and from when on it is asked for again, in seconds since 1970.
///
/// `refusals`: objects in the own bucket that are not what their name says.
const SCHEMA: &str = "
CREATE TABLE progress (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  position INTEGER NOT NULL CHECK (position > 0),
  event_id BLOB NOT NULL CHECK (length(event_id) = 16)
) STRICT;

CREATE TABLE mentions (
  sha256     BLOB NOT NULL CHECK (length(sha256) = 32),
  case_id    BLOB NOT NULL CHECK (length(case_id) = 16),
  event_id   BLOB NOT NULL CHECK (length(event_id) = 16),
  position   INTEGER NOT NULL,
  agency     TEXT NOT NULL,
  node       INTEGER NOT NULL,
  media_type TEXT NOT NULL,
  PRIMARY KEY (sha256, case_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX mentions_case ON mentions (case_id);
CREATE INDEX mentions_position ON mentions (position);

CREATE TABLE shares (
  number    INTEGER PRIMARY KEY,
  sha256    BLOB NOT NULL CHECK (length(sha256) = 32),
  agency    TEXT NOT NULL,
  object    TEXT,
  shared_at TEXT,
  UNIQUE (sha256, agency)
) STRICT;

CREATE INDEX shares_waiting ON shares (number) WHERE shared_at IS NULL;

CREATE TABLE wanted (
  sha256  BLOB PRIMARY KEY CHECK (length(sha256) = 32),
  tries   INTEGER NOT NULL,
  next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX wanted_next ON wanted (next_at);

CREATE TABLE refusals (
  sha256     BLOB NOT NULL CHECK (length(sha256) = 32),
  object     TEXT NOT NULL,
  reason     TEXT NOT NULL,
  refused_at TEXT NOT NULL,
  PRIMARY KEY (sha256, object)
) STRICT, WITHOUT ROWID;
";
