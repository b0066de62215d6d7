//! What the file of sealed identities looks like.

use fengsui_log::storage::FileKind;

/// The kind of file that the store of sealed identities is.
pub const REPORTERS_FILE: FileKind = FileKind {
    noun: "store of reporters",
    // "FsRp".
    application_id: 0x4673_5270,
    version: 1,
    schema: SCHEMA,
    when_missing: "register an officer with `fengsui reporter officer add NAME`, which makes it; \
                   if the node had one, restore it from a backup",
    when_damaged: "restore it from a backup: it holds identities that stand nowhere else",
};

/// `officers`: who may open. A removed officer stays, so that the list of openings can be read.
/// - `key`: the public key.
/// - `agency`, `name`: whose officer, under which name or post.
/// - `added_at`, `removed_at`: when, ISO 8601 in UTC.
///
/// `reports`: public reports that this node took in.
/// - `reference`: the random number that stands in the event.
/// - `agency`: who received it.
/// - `anonymous`: whether no identity was given.
/// - `case_id`: the case that it became, once that is known.
///
/// `sealed`: the identity of a report, once for each officer who may open it.
/// - `sender`: public half of the key that was used for this box alone.
/// - `box`: the sealed bytes.
///
/// `openings`: every time that an identity was opened, or somebody tried.
/// - `officer`: name of the officer; null when the key is nobody's.
/// - `purpose`: `show`, or `reseal` for another officer.
/// - `outcome`: `opened` or `refused`.
const SCHEMA: &str = "
CREATE TABLE officers (
  key        TEXT PRIMARY KEY,
  agency     TEXT NOT NULL,
  name       TEXT NOT NULL,
  added_at   TEXT NOT NULL,
  removed_at TEXT
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX officers_name ON officers (agency, name) WHERE removed_at IS NULL;

CREATE TABLE reports (
  reference   BLOB PRIMARY KEY CHECK (length(reference) = 16),
  agency      TEXT NOT NULL,
  received_at TEXT NOT NULL,
  anonymous   INTEGER NOT NULL CHECK (anonymous IN (0, 1)),
  case_id     BLOB CHECK (length(case_id) = 16)
) STRICT, WITHOUT ROWID;

CREATE INDEX reports_received ON reports (received_at, reference);

CREATE TABLE sealed (
  reference BLOB NOT NULL REFERENCES reports (reference),
  key       TEXT NOT NULL REFERENCES officers (key),
  sender    TEXT NOT NULL,
  box       BLOB NOT NULL,
  PRIMARY KEY (reference, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX sealed_key ON sealed (key);

CREATE TABLE openings (
  number    INTEGER PRIMARY KEY,
  at        TEXT NOT NULL,
  reference BLOB NOT NULL CHECK (length(reference) = 16),
  agency    TEXT NOT NULL,
  officer   TEXT,
  key       TEXT NOT NULL,
  purpose   TEXT NOT NULL CHECK (purpose IN ('show', 'reseal')),
  outcome   TEXT NOT NULL CHECK (outcome IN ('opened', 'refused')),
  reason    TEXT NOT NULL
) STRICT;

CREATE INDEX openings_reference ON openings (reference);

CREATE TRIGGER openings_never_change BEFORE UPDATE ON openings
BEGIN
  SELECT raise(ABORT, 'an opening is never rewritten');
END;

CREATE TRIGGER openings_never_vanish BEFORE DELETE ON openings
BEGIN
  SELECT raise(ABORT, 'an opening is never removed');
END;
";
