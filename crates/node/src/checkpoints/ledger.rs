//! What has been signed: kept durably before a signature leaves, so that nobody ever signs two trees of one size, or a smaller one later.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fengsui_event::{EventId, Timestamp};
use fengsui_log::StorageError;
use fengsui_log::storage::Database;
use fengsui_proof::tree::{Frontier, HASH_BYTES, Hash};
use rusqlite::{OptionalExtension as _, Row, params};

use super::CHECKPOINTS_FILE;

/// How long a signer waits for another process that is just signing.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between tries.
const RETRY: Duration = Duration::from_millis(50);

/// The memory of a folder's signers, or of a supervisor's key. Whoever has it open is the only one who signs.
#[derive(Debug)]
pub struct CheckpointLedger {
    database: Database,
}

/// The last checkpoint that a name has signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastSigned {
    /// The origin for the log's own signature, else the name of the cosigner.
    pub name: String,
    /// Leaves of the tree, and their right edge.
    pub tree: Frontier,
    /// The note with the signatures of this name's making.
    pub note: String,
    /// The event that carries it; nothing for a note that goes into a file.
    pub event: Option<EventId>,
    /// Why that event had no effect, if so.
    pub refused: Option<String>,
}

/// What can go wrong with the memory of signed checkpoints.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another tree of the same size, or a smaller one.
    #[error(
        "{name} has signed a checkpoint of size {last} already and signs no other one of that size and no smaller one: nothing was signed"
    )]
    WouldGoBack {
        /// Who.
        name: String,
        /// Size of the last one.
        last: u64,
    },
    /// A row that this program never writes.
    #[error("{path} holds a row that fengsui never writes ({detail}): restore it from a backup")]
    Row {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The file or the disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl CheckpointLedger {
    /// Where a node's file is.
    pub fn path(root: &Path) -> PathBuf {
        root.join("checkpoints.sqlite")
    }

    /// Where the file of a supervisor's key is: beside it, since it must not be used without.
    pub fn path_of_key(key: &Path) -> PathBuf {
        let mut name = key.as_os_str().to_owned();
        name.push(".checkpoints.sqlite");
        PathBuf::from(name)
    }

    /// Opens the file to sign, making it when there is none. Waits a while for another process that is just signing.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let began = Instant::now();
        loop {
            let opened = match Database::open_writer(&CHECKPOINTS_FILE, path) {
                Err(StorageError::NotFound { .. }) => Database::create(&CHECKPOINTS_FILE, path),
                opened => opened,
            };
            match opened {
                Err(StorageError::SecondWriter { .. } | StorageError::AlreadyExists { .. })
                    if began.elapsed() < PATIENCE =>
                {
                    std::thread::sleep(RETRY);
                }
                opened => return Ok(Self { database: opened? }),
            }
        }
    }

    /// Opens the file to look at, beside whoever signs; nothing when nobody has signed yet.
    pub fn open_reader(path: &Path) -> Result<Option<Self>, LedgerError> {
        match Database::open_reader(&CHECKPOINTS_FILE, path) {
            Ok(database) => Ok(Some(Self { database })),
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The last checkpoint that a name has signed.
    pub fn last(&self, name: &str) -> Result<Option<LastSigned>, LedgerError> {
        let found = self
            .database
            .connection()
            .query_row("SELECT name, size, root, edge, note, event, refused FROM signed WHERE name = ?1", [name], row)
            .optional()
            .map_err(|error| self.database.fault(error))?;
        found.map(|found| found.checked().map_err(|detail| self.malformed(&detail))).transpose()
    }

    /// Keeps what is about to be signed, all or nothing. Until this returns nothing may leave.
    ///
    /// Errors: [`LedgerError::WouldGoBack`] when a name would sign a smaller tree, or another one of a size, or this one in other words, unless
    /// those had no effect.
    pub fn keep(&mut self, signed: &[LastSigned]) -> Result<(), LedgerError> {
        for new in signed {
            let Some(last) = self.last(&new.name)? else { continue };
            // One that had no effect may be signed again, as with another key: it is the same tree.
            let is_again = *new == last || last.refused.is_some() && new.tree == last.tree;
            if new.tree.size() <= last.tree.size() && !is_again {
                return Err(LedgerError::WouldGoBack { name: new.name.clone(), last: last.tree.size() });
            }
        }
        self.database.transaction(|transaction| {
            let mut statement = transaction.prepare(
                "INSERT INTO signed (name, size, root, edge, note, event) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (name) DO UPDATE SET size = excluded.size, root = excluded.root, edge = excluded.edge, note = excluded.note,
                   event = excluded.event, refused = NULL",
            )?;
            for LastSigned { name, tree, note, event, refused: _ } in signed {
                let edge: Vec<u8> = tree.hashes().iter().flat_map(|hash| *hash.as_bytes()).collect();
                let (size, root) = (tree.size().cast_signed(), *tree.root().as_bytes());
                statement.execute(params![name, size, root, edge, note, event.map(EventId::to_bytes)])?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Notes that the event of a name's last checkpoint had no effect, so that it is not sent again and again.
    pub fn note_refused(&mut self, name: &str, reason: &str) -> Result<(), LedgerError> {
        self.database.transaction(|transaction| {
            transaction.execute("UPDATE signed SET refused = ?2 WHERE name = ?1", params![name, reason]).map(drop)
        })?;
        Ok(())
    }

    /// Has a name forget what it has signed last, which stays on record with the reason. Returns what it was.
    pub fn forget(&mut self, name: &str, reason: &str, now: Timestamp) -> Result<Option<LastSigned>, LedgerError> {
        let last = self.last(name)?;
        if let Some(LastSigned { tree, note, .. }) = &last {
            let (size, root) = (tree.size().cast_signed(), *tree.root().as_bytes());
            self.database.transaction(|transaction| {
                transaction.execute(
                    "INSERT INTO forgotten (name, size, root, note, reason, forgotten_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![name, size, root, note, reason, now.to_string()],
                )?;
                transaction.execute("DELETE FROM signed WHERE name = ?1", [name]).map(drop)
            })?;
        }
        Ok(last)
    }

    /// The time up to which a name was told to forget, if it was.
    pub fn forgotten_at(&self, name: &str) -> Result<Option<Timestamp>, LedgerError> {
        let found: Option<String> = self
            .database
            .connection()
            .query_row(
                "SELECT forgotten_at FROM forgotten WHERE name = ?1 ORDER BY number DESC LIMIT 1",
                [name],
                |row| row.get(0),
            )
            .optional()
            .map_err(|error| self.database.fault(error))?;
        found.map(|text| text.parse().map_err(|error| self.malformed(&format!("{error}")))).transpose()
    }

    fn malformed(&self, detail: &str) -> LedgerError {
        LedgerError::Row { path: self.database.path().to_owned(), detail: detail.to_owned() }
    }
}

/// A row as it stands in the file.
struct Raw {
    name: String,
    size: i64,
    root: [u8; HASH_BYTES],
    edge: Vec<u8>,
    note: String,
    event: Option<[u8; 16]>,
    refused: Option<String>,
}

fn row(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        name: row.get(0)?,
        size: row.get(1)?,
        root: row.get(2)?,
        edge: row.get(3)?,
        note: row.get(4)?,
        event: row.get(5)?,
        refused: row.get(6)?,
    })
}

impl Raw {
    fn checked(self) -> Result<LastSigned, String> {
        let Self { name, size, root, edge, note, event, refused } = self;
        let hashes = edge.chunks_exact(HASH_BYTES).map(|bytes| bytes.try_into().map(Hash::from_bytes));
        let hashes: Vec<Hash> = hashes.collect::<Result<_, _>>().map_err(|error| format!("{error}"))?;
        let tree = Frontier::from_parts(size.cast_unsigned(), hashes).map_err(|error| error.to_string())?;
        if tree.root() != Hash::from_bytes(root) {
            return Err(format!("the right edge of {name} does not lead to its root"));
        }
        Ok(LastSigned { name, tree, note, event: event.map(EventId::from_bytes), refused })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fengsui_proof::tree::leaf_hash;
    use tempfile::TempDir;

    use super::*;

    fn signed(name: &str, leaves: &[&str], note: &str) -> LastSigned {
        let mut tree = Frontier::new();
        for leaf in leaves {
            tree.push(leaf_hash(leaf.as_bytes()));
        }
        let event = Some(EventId::from_bytes([7; 16]));
        LastSigned { name: name.to_owned(), tree, note: note.to_owned(), event, refused: None }
    }

    #[test]
    fn what_is_kept_is_there_again_and_never_goes_back() {
        let place = TempDir::new().unwrap();
        let path = CheckpointLedger::path(place.path());
        assert!(CheckpointLedger::open_reader(&path).unwrap().is_none());
        let mut ledger = CheckpointLedger::open(&path).unwrap();
        assert_eq!(ledger.last("fire").unwrap(), None);
        let three = signed("fire", &["a", "b", "c"], "three");
        ledger.keep(&[three.clone(), signed("log", &["a"], "one")]).unwrap();
        // The same once more is no other one.
        ledger.keep(std::slice::from_ref(&three)).unwrap();
        drop(ledger);
        let mut ledger = CheckpointLedger::open(&path).unwrap();
        assert_eq!(ledger.last("fire").unwrap(), Some(three.clone()));
        for other in [
            signed("fire", &["a", "b"], "two"),
            signed("fire", &["a", "b", "x"], "another tree"),
            signed("fire", &["a", "b", "c"], "other words"),
        ] {
            // What stands with it is not kept either.
            let error = ledger.keep(&[signed("log", &["a", "b"], "two"), other]).unwrap_err();
            assert!(matches!(error, LedgerError::WouldGoBack { last: 3, .. }), "{error:?}");
            assert_eq!(ledger.last("fire").unwrap(), Some(three.clone()));
            assert_eq!(ledger.last("log").unwrap().unwrap().tree.size(), 1);
        }
        ledger.note_refused("fire", "the key has ended").unwrap();
        assert_eq!(ledger.last("fire").unwrap().unwrap().refused.as_deref(), Some("the key has ended"));
        assert!(ledger.keep(&[signed("fire", &["a", "b", "x"], "another tree")]).is_err());
        ledger.keep(&[signed("fire", &["a", "b", "c"], "three, with another key")]).unwrap();
        ledger.keep(&[signed("fire", &["a", "b", "c", "d"], "four")]).unwrap();
        assert_eq!(ledger.last("fire").unwrap().unwrap().refused, None);
    }

    #[test]
    fn what_is_forgotten_stays_on_record() {
        let place = TempDir::new().unwrap();
        let mut ledger = CheckpointLedger::open(&CheckpointLedger::path(place.path())).unwrap();
        let now = "2026-03-01T00:00:00Z".parse().unwrap();
        assert_eq!(ledger.forget("fire", "nothing", now).unwrap(), None);
        assert_eq!(ledger.forgotten_at("fire").unwrap(), None);
        let three = signed("fire", &["a", "b", "c"], "three");
        ledger.keep(std::slice::from_ref(&three)).unwrap();
        assert_eq!(ledger.forget("fire", "the stream was restored", now).unwrap(), Some(three));
        assert_eq!((ledger.last("fire").unwrap(), ledger.forgotten_at("fire").unwrap()), (None, Some(now)));
        ledger.keep(&[signed("fire", &["x"], "one")]).unwrap();
    }

    #[test]
    fn only_one_process_signs_and_others_may_look() {
        let place = TempDir::new().unwrap();
        let path = CheckpointLedger::path(place.path());
        let mut ledger = CheckpointLedger::open(&path).unwrap();
        ledger.keep(&[signed("fire", &["a"], "one")]).unwrap();
        let beside = CheckpointLedger::open_reader(&path).unwrap().unwrap();
        assert_eq!(beside.last("fire").unwrap().unwrap().note, "one");
        assert!(matches!(Database::open_writer(&CHECKPOINTS_FILE, &path), Err(StorageError::SecondWriter { .. })));
    }

    #[test]
    fn a_row_that_was_altered_is_refused() {
        let place = TempDir::new().unwrap();
        let path = CheckpointLedger::path(place.path());
        let mut ledger = CheckpointLedger::open(&path).unwrap();
        ledger.keep(&[signed("fire", &["a", "b"], "two")]).unwrap();
        let alter = |transaction: &rusqlite::Transaction<'_>| transaction.execute("UPDATE signed SET size = 3", ());
        ledger.database.transaction(alter).unwrap();
        assert!(matches!(ledger.last("fire"), Err(LedgerError::Row { .. })));
    }
}
