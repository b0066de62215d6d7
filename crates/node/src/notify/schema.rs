//! What the file of notices looks like.

use fengsui_log::storage::FileKind;

/// The kind of file that holds what was told and what waits to be told.
pub static NOTICES_FILE: FileKind = FileKind {
    noun: "file of notices",
    // "FsNt".
    application_id: 0x4673_4e74,
    version: 1,
    schema: SCHEMA,
    when_missing: "it is made when notifications are switched on; notices then begin with the next event",
    when_damaged: "move it away: notices then begin with the next event, and what waited in it is on the desk (`fengsui referral list --inbox`)",
};

/// `cursor`: how far the log was read.
/// - `position`: the last position that was read.
/// - `since_ms`: when notifications were first switched on.
///
/// `marks`: which event stood at some of the positions that were read, so that a log that was drawn anew is noticed and read again
/// from where it differs. Few are kept of long ago, more of late: sixteen of each `level`, which is how often 2 divides `number`.
///
/// `notices`: what an event means for the agency, once for ever.
/// - `number`: the order in which they were found.
/// - `event`, `kind`: its id.
/// - `case_id`: the case.
/// - `content`: the notice as JSON; empty where it was told together with another one.
///
/// `deliveries`: one notice to one channel.
/// - `state`: `queued` (waits, perhaps for another attempt), `sending`, `sent`, `failed` (given up), `unknown` (perhaps sent;
///   not sent again), `lapsed` (no longer true before it was told).
/// - `next_ms`: not before this instant.
/// - `changed_ms`: when the state last changed.
const SCHEMA: &str = "
CREATE TABLE cursor (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  position INTEGER NOT NULL CHECK (position >= 0),
  since_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE marks (
  number   INTEGER PRIMARY KEY,
  level    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  event    BLOB NOT NULL CHECK (length(event) = 16)
) STRICT;

CREATE INDEX marks_level ON marks (level, number);

CREATE TABLE notices (
  number  INTEGER PRIMARY KEY,
  event   BLOB NOT NULL CHECK (length(event) = 16),
  kind    TEXT NOT NULL,
  case_id BLOB CHECK (length(case_id) = 16),
  content TEXT NOT NULL,
  UNIQUE (event, kind)
) STRICT;

CREATE INDEX notices_case ON notices (case_id, kind) WHERE case_id IS NOT NULL;

CREATE TABLE deliveries (
  channel    TEXT NOT NULL,
  notice     INTEGER NOT NULL REFERENCES notices (number),
  state      TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'unknown', 'lapsed')),
  attempts   INTEGER NOT NULL DEFAULT 0,
  next_ms    INTEGER NOT NULL,
  changed_ms INTEGER,
  last_error TEXT,
  PRIMARY KEY (channel, notice)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_queued ON deliveries (channel, next_ms, notice) WHERE state = 'queued';
CREATE INDEX deliveries_state ON deliveries (state, channel) WHERE state <> 'sent';

CREATE TRIGGER notices_never_vanish BEFORE DELETE ON notices
BEGIN
  SELECT raise(ABORT, 'what was told once is remembered for ever');
END;

CREATE TRIGGER deliveries_never_vanish BEFORE DELETE ON deliveries
BEGIN
  SELECT raise(ABORT, 'what was told once is remembered for ever');
END;

CREATE TRIGGER deliveries_end_once BEFORE UPDATE OF state ON deliveries
WHEN OLD.state NOT IN ('queued', 'sending') OR (NEW.state = 'sent' AND OLD.state <> 'sending')
BEGIN
  SELECT raise(ABORT, 'a notice is sent once');
END;
";
