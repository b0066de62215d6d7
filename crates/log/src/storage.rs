//! SQLite files that must not be lost: opened by one rule, for every kind of file that a node keeps.
//!
//! - A file comes into being only through [`Database::create`], whole or not at all; opening never makes one, so a mistyped path
//!   is an error and not an empty log.
//! - A file of another kind, of another program or of a newer version is refused, and so are truncated ones.
//! - One writer: a second process is refused, readers are not.
//! - What is committed is on the disk (`synchronous=FULL`, write-ahead log).
//!
//! The main file is never opened past SQLite while it may be in use: closing any descriptor of it would drop SQLite's locks on
//! it for the whole process.

mod fault;
mod header;
mod lock;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

pub use fault::StorageError;
pub use lock::WriterLock;

/// How long a statement waits for another process's lock. Writers have a lock file of their own, so only checkpoints make one wait.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// After how many pages of 4 KiB the write-ahead log is copied back into the file: 4 MiB.
const CHECKPOINT_PAGES: i64 = 1_000;

/// To how many bytes the write-ahead file is cut back after it has grown beyond them.
const WAL_BYTES_KEPT: i64 = 16 << 20;

/// From which size on the write-ahead file is reported: some reader keeps it from being copied back.
const WAL_BYTES_WARNING: u64 = 256 << 20;

/// What a file is for, and how one tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileKind {
    /// What people call it, such as `event log`.
    pub noun: &'static str,
    /// SQLite's `application_id`, unlike that of any other kind.
    pub application_id: i32,
    /// The version that this program writes, from 1; kept as `user_version`.
    pub version: i32,
    /// The statements that make version [`version`](FileKind::version) in an empty file.
    pub schema: &'static str,
    /// What to do when the file is missing.
    pub when_missing: &'static str,
    /// What to do when the file is damaged.
    pub when_damaged: &'static str,
}

/// An open file of a known kind, and the right to write it if it was opened so.
#[derive(Debug)]
pub struct Database {
    // Closed before the lock is released: fields are dropped in their order.
    connection: Connection,
    lock: Option<WriterLock>,
    kind: &'static FileKind,
    path: PathBuf,
    wal: PathBuf,
    wal_warned_at_bytes: u64,
}

impl Database {
    /// Makes the file and opens it for writing. The file is there whole or, after a crash, not at all.
    ///
    /// Errors: [`StorageError::AlreadyExists`]; [`StorageError::StaleWal`] when a write-ahead file of a former database lies
    /// where the new one's would.
    pub fn create(kind: &'static FileKind, path: &Path) -> Result<Database, StorageError> {
        let lock = WriterLock::acquire(kind, path)?;
        refuse_to_overwrite(kind, path)?;
        let unfinished = companion(path, ".creating");
        for leftover in [companion(&unfinished, "-journal"), companion(&unfinished, "-wal"), unfinished.clone()] {
            remove_if_present(&leftover)?;
        }
        let made = fill_new(kind, &unfinished)
            .and_then(|()| fs::rename(&unfinished, path).map_err(|source| StorageError::io(path, source)));
        if let Err(error) = made {
            // What is half made would only take room, which may be just what is missing. The next creation removes it as well.
            for leftover in [companion(&unfinished, "-journal"), companion(&unfinished, "-wal"), unfinished] {
                let _ = remove_if_present(&leftover);
            }
            return Err(error);
        }
        sync_folder_of(path)?;
        let connection = open_checked(kind, path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        Database::assemble(kind, path, connection, Some(lock))
    }

    /// Opens an existing file for writing; whoever else tries is refused until this value is dropped.
    pub fn open_writer(kind: &'static FileKind, path: &Path) -> Result<Database, StorageError> {
        let connection = match open_checked(kind, path, OpenFlags::SQLITE_OPEN_READ_WRITE) {
            // On read-only media the lock file knows a better reason than SQLite's.
            Err(error @ StorageError::CannotOpen { .. }) => {
                return Err(WriterLock::acquire(kind, path).err().unwrap_or(error));
            }
            opened => opened?,
        };
        let lock = WriterLock::acquire(kind, path)?;
        if connection.is_readonly("main").map_err(|error| StorageError::sqlite(kind, path, error))? {
            return Err(StorageError::not_writable(path, std::io::ErrorKind::PermissionDenied.into()));
        }
        Database::assemble(kind, path, connection, Some(lock))
    }

    /// Opens an existing file to write beside the holder of its lock. Only for what may change at any time without breaking what
    /// that one knows of the file; SQLite keeps the two apart for the length of a transaction.
    pub fn open_companion(kind: &'static FileKind, path: &Path) -> Result<Database, StorageError> {
        let connection = open_checked(kind, path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let mut database = Database::assemble(kind, path, connection, None)?;
        writer_settings(&database.connection).map_err(|error| database.fault(error))?;
        database.connection.set_transaction_behavior(rusqlite::TransactionBehavior::Immediate);
        Ok(database)
    }

    /// Opens an existing file for reading, beside its writer if there is one. On read-only media, where SQLite cannot keep its index
    /// of the write-ahead file, the file is read as unchanging, provided that it holds everything.
    ///
    /// Errors: [`StorageError::UnfinishedOnReadOnly`] when part of the content is still in a write-ahead file.
    pub fn open_reader(kind: &'static FileKind, path: &Path) -> Result<Database, StorageError> {
        let connection = match open_checked(kind, path, OpenFlags::SQLITE_OPEN_READ_ONLY) {
            Err(StorageError::CannotOpen { .. }) => open_unchanging(kind, path)?,
            opened => opened?,
        };
        Database::assemble(kind, path, connection, None)
    }

    /// The file's path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this value may write.
    pub fn is_writer(&self) -> bool {
        self.lock.is_some()
    }

    /// The connection, for reading.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, for transactions. They are immediate unless asked otherwise: one that starts by reading and writes
    /// later may fail as busy whatever the time-out.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Does all of `work` or, when it fails, nothing.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StorageError> {
        let result = self.connection.transaction().and_then(|transaction| {
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        });
        result.map_err(|error| self.fault(error))
    }

    /// Says what an error of this file's connection means.
    pub fn fault(&self, error: rusqlite::Error) -> StorageError {
        StorageError::sqlite(self.kind, &self.path, error)
    }

    /// Size of the write-ahead file in bytes. To be called after writing: it warns, once per doubling, when the file grows without being copied back.
    pub fn watch_wal(&mut self) -> u64 {
        let bytes = file_bytes(&self.wal);
        if bytes >= WAL_BYTES_WARNING.max(self.wal_warned_at_bytes.saturating_mul(2)) {
            self.wal_warned_at_bytes = bytes;
            tracing::warn!(
                file = %self.wal.display(),
                bytes,
                "the write-ahead file keeps growing: a reader holds an old state open; end long-running readers of this file"
            );
        }
        bytes
    }

    /// Reads every page of the file and checks that its structure holds. Takes as long as reading the file does.
    ///
    /// Errors: [`StorageError::Corrupt`] with the first thing that does not fit.
    pub fn quick_check(&self) -> Result<(), StorageError> {
        let found: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
            .map_err(|error| self.fault(error))?;
        if found == "ok" {
            return Ok(());
        }
        let FileKind { noun, when_damaged, .. } = *self.kind;
        Err(StorageError::Corrupt { noun, path: self.path.clone(), detail: found, advice: when_damaged })
    }

    /// Copies the write-ahead file back as far as readers allow and closes the file. Dropping does the same but cannot tell of errors.
    pub fn close(self) -> Result<(), StorageError> {
        let Database { connection, lock, kind, path, .. } = self;
        if lock.is_some() {
            checkpoint(&connection).map_err(|error| StorageError::sqlite(kind, &path, error))?;
        }
        connection.close().map_err(|(_, error)| StorageError::sqlite(kind, &path, error))
    }

    fn assemble(
        kind: &'static FileKind,
        path: &Path,
        mut connection: Connection,
        lock: Option<WriterLock>,
    ) -> Result<Database, StorageError> {
        if lock.is_some() {
            writer_settings(&connection).map_err(|error| StorageError::sqlite(kind, path, error))?;
            connection.set_transaction_behavior(rusqlite::TransactionBehavior::Immediate);
        }
        let wal = companion(&resolved(path), "-wal");
        Ok(Database { connection, lock, kind, path: path.to_owned(), wal, wal_warned_at_bytes: 0 })
    }
}

fn refuse_to_overwrite(kind: &'static FileKind, path: &Path) -> Result<(), StorageError> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(StorageError::AlreadyExists { noun: kind.noun, path: path.to_owned() });
    }
    // SQLite would take the frames of the old file for changes of the new one.
    for suffix in ["-wal", "-journal"] {
        let stale = companion(path, suffix);
        if fs::symlink_metadata(&stale).is_ok() {
            return Err(StorageError::StaleWal { noun: kind.noun, path: path.to_owned(), stale });
        }
    }
    remove_if_present(&companion(path, "-shm"))
}

fn fill_new(kind: &'static FileKind, path: &Path) -> Result<(), StorageError> {
    let fill = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(&format!("BEGIN IMMEDIATE; {} COMMIT;", kind.schema))?;
        connection.pragma_update(None, "application_id", kind.application_id)?;
        connection.pragma_update(None, "user_version", kind.version)?;
        // Last, and alone: from here on the file says of itself that it has a write-ahead log, which closing empties and removes.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.close().map_err(|(_, error)| error)
    };
    fill().map_err(|error| StorageError::sqlite(kind, path, error))
}

/// Opens a file that exists and makes sure that it is what it should be, before anything is written.
fn open_checked(kind: &'static FileKind, path: &Path, access: OpenFlags) -> Result<Connection, StorageError> {
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => StorageError::missing(kind, path),
        _ => StorageError::io(path, source),
    })?;
    if metadata.is_dir() {
        return Err(StorageError::IsFolder { noun: kind.noun, path: path.to_owned() });
    }
    if metadata.len() == 0 {
        return Err(StorageError::EmptyFile { noun: kind.noun, path: path.to_owned(), advice: kind.when_damaged });
    }
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| StorageError::sqlite(kind, path, error))?;
    check_content(kind, path, connection)
}

fn open_unchanging(kind: &'static FileKind, path: &Path) -> Result<Connection, StorageError> {
    let real = resolved(path);
    let wal = companion(&real, "-wal");
    if file_bytes(&wal) > 0 {
        return Err(StorageError::UnfinishedOnReadOnly { noun: kind.noun, path: path.to_owned(), wal });
    }
    let Some(name) = real.to_str() else {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, "the path is not UTF-8");
        return Err(StorageError::io(path, source));
    };
    let name = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)
        .map_err(|error| StorageError::sqlite(kind, path, error))?;
    check_content(kind, path, connection)
}

fn check_content(kind: &'static FileKind, path: &Path, connection: Connection) -> Result<Connection, StorageError> {
    match header::read(&connection) {
        Ok(found) => {
            found.check(kind, path)?;
            Ok(connection)
        }
        Err(error) => {
            // The connection goes first, so that looking at the raw file disturbs no lock of its own.
            drop(connection);
            Err(header::explain(kind, path, error))
        }
    }
}

fn writer_settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)
}

/// What every connection gets: nothing in a file's schema is trusted, and cells are checked against their page.
fn guard_settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))
}

fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// SQLite keeps companions beside the file that a link leads to, not beside the link.
fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn file_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn remove_if_present(path: &Path) -> Result<(), StorageError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(StorageError::io(path, source)),
        _ => Ok(()),
    }
}

/// A new name is durable only once its folder is.
fn sync_folder_of(path: &Path) -> Result<(), StorageError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if cfg!(unix) {
        fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| StorageError::io(folder, source))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
