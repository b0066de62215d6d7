//! What the file of signed checkpoints looks like.

use fengsui_log::storage::FileKind;

/// The kind of file in which a signer of checkpoints remembers what it has signed.
pub const CHECKPOINTS_FILE: FileKind = FileKind {
    noun: "memory of signed checkpoints",
    // "FsCk".
    application_id: 0x4673_436b,
    version: 1,
    schema: SCHEMA,
    when_missing: "it is made by the next `fengsui checkpoint sign` or `fengsui checkpoint cosign`",
    when_damaged: "restore it from a backup; where there is none, move it away together with its -wal and -shm files: what was signed is \
                   taken from the log then",
};

/// `signed`: the last checkpoint that each name has signed.
/// - `name`: the origin for the log's own signature, else the name of the cosigner.
/// - `size`, `root`: of the tree.
/// - `edge`: the right edge of that tree, 32 bytes a hash: from it the next root follows without what lies before.
/// - `note`: the signed note, with the signatures of this name's making; it is kept before it is shown to anybody.
/// - `event`: id of the event that carries it; null for a note that goes into a file.
/// - `refused`: why that event had no effect, if so; it is not sent again then.
///
/// `forgotten`: what people had a name forget, and why: after the log was restored from an older state.
const SCHEMA: &str = "
CREATE TABLE signed (
  name    TEXT PRIMARY KEY,
  size    INTEGER NOT NULL CHECK (size > 0),
  root    BLOB NOT NULL CHECK (length(root) = 32),
  edge    BLOB NOT NULL CHECK (length(edge) % 32 = 0),
  note    TEXT NOT NULL,
  event   BLOB CHECK (length(event) = 16),
  refused TEXT
) STRICT, WITHOUT ROWID;

CREATE TRIGGER signed_sizes_never_shrink BEFORE UPDATE OF size ON signed WHEN new.size < old.size
BEGIN
  SELECT raise(ABORT, 'a signer of checkpoints never goes back');
END;

CREATE TABLE forgotten (
  number       INTEGER PRIMARY KEY,
  name         TEXT NOT NULL,
  size         INTEGER NOT NULL,
  root         BLOB NOT NULL,
  note         TEXT NOT NULL,
  reason       TEXT NOT NULL,
  forgotten_at TEXT NOT NULL
) STRICT;
";
