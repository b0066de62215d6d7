//! Every way in which a file can fail, with the path and what mends it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi;

use super::FileKind;

/// A fault of a file or of the disk that it is on. Nothing that was acknowledged before is lost by any of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// There is no such file, and opening makes none.
    #[error("there is no {noun} at {path}: {advice}")]
    NotFound {
        /// What should be there.
        noun: &'static str,
        /// Where.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// A new file would replace one that is there.
    #[error("{path} exists already: open that {noun}, or move it away together with its -wal and -shm files")]
    AlreadyExists {
        /// What should be made.
        noun: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// The path is a folder.
    #[error(
        "{path} is a folder, where the {noun} should be a file: name the {noun} file inside it, or move the folder away"
    )]
    IsFolder {
        /// What was looked for.
        noun: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// The file has no content.
    #[error(
        "{path} is empty (0 bytes), so it is no {noun}: remove it if something else made it; if it was one, {advice}"
    )]
    EmptyFile {
        /// What was looked for.
        noun: &'static str,
        /// Where.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// The file is not SQLite's.
    #[error(
        "{path} is no {noun}: it is not an SQLite file, or its beginning was overwritten; name the right file, or {advice}"
    )]
    NotADatabase {
        /// What was looked for.
        noun: &'static str,
        /// Where.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// The file is SQLite's but another program's, or another kind of file of this one.
    #[error(
        "{path} is no {noun}: it is an SQLite file of another kind (application id {found:#010x}, expected {expected:#010x}); name the right file, or {advice}"
    )]
    ForeignFile {
        /// What was looked for.
        noun: &'static str,
        /// Where.
        path: PathBuf,
        /// The application id in the file.
        found: i32,
        /// The application id of the kind.
        expected: i32,
        /// What to do.
        advice: &'static str,
    },
    /// The file was written by a newer program.
    #[error(
        "the {noun} {path} has format {found}, and this program knows formats up to {known}: use the newer fengsui that wrote it"
    )]
    NewerVersion {
        /// What it is.
        noun: &'static str,
        /// Where.
        path: PathBuf,
        /// The format in the file.
        found: i32,
        /// The newest format known.
        known: i32,
    },
    /// The file is shorter than it says.
    #[error("the {noun} {path} is cut short: it should have {expected_bytes} bytes and has {found_bytes}; {advice}")]
    Truncated {
        /// What it is.
        noun: &'static str,
        /// Where.
        path: PathBuf,
        /// Bytes according to its own header.
        expected_bytes: u64,
        /// Bytes on the disk.
        found_bytes: u64,
        /// What to do.
        advice: &'static str,
    },
    /// A page of the file makes no sense.
    #[error("the {noun} {path} is damaged ({detail}): keep the file as it is, check the disk, and {advice}")]
    Corrupt {
        /// What it is.
        noun: &'static str,
        /// Where.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
        /// What to do.
        advice: &'static str,
    },
    /// A leftover of a former file would be taken for part of the new one.
    #[error(
        "{stale} is left from a former {noun} whose main file is gone, and may hold events of it: \
         bring {path} back beside it, or move {stale} away, then try again"
    )]
    StaleWal {
        /// What should be made.
        noun: &'static str,
        /// Where.
        path: PathBuf,
        /// The leftover.
        stale: PathBuf,
    },
    /// Another process writes the file.
    #[error("the {noun} {path} has a writer already{}: end that process first, or only read", pid.map_or(String::new(), |pid| format!(" (process {pid})")))]
    SecondWriter {
        /// What it is.
        noun: &'static str,
        /// Where.
        path: PathBuf,
        /// The writer's process id, if it could be read.
        pid: Option<u32>,
    },
    /// The file or its folder cannot be written.
    #[error(
        "{path} cannot be written: {source}; run as the user who owns it, or check that the disk is not mounted read-only"
    )]
    NotWritable {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// SQLite could not open the file or one of its companions.
    #[error("the {noun} {path} cannot be opened ({detail}): check that you may read it and its -wal and -shm files")]
    CannotOpen {
        /// What it is.
        noun: &'static str,
        /// Where.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// Read-only media hold a file whose last changes are only in the write-ahead file.
    #[error(
        "the {noun} {path} cannot be read where it is: its last events are still in {wal}, and reading them needs a folder that can be written; \
         copy both files, for example: mkdir copy && cp {path} {wal} copy/"
    )]
    UnfinishedOnReadOnly {
        /// What it is.
        noun: &'static str,
        /// Where.
        path: PathBuf,
        /// The write-ahead file.
        wal: PathBuf,
    },
    /// There is no room. The change was rolled back, and can be made again when there is.
    #[error(
        "there is no room on the disk of {path}: the change was undone, and what stood before still stands; make room and try again"
    )]
    DiskFull {
        /// Which file.
        path: PathBuf,
    },
    /// Another process held a lock for too long.
    #[error("the {noun} {path} was kept locked by another process for too long; try again")]
    Busy {
        /// What it is.
        noun: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// SQLite refused for a reason that has no name of its own here.
    #[error("the {noun} {path}: {source}")]
    Sqlite {
        /// What it is.
        noun: &'static str,
        /// Where.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
}

impl StorageError {
    /// Sorts an error of SQLite on the file at `path`.
    pub fn sqlite(kind: &FileKind, path: &Path, error: rusqlite::Error) -> StorageError {
        let (noun, path, advice) = (kind.noun, path.to_owned(), kind.when_damaged);
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StorageError::DiskFull { path },
            Some(ErrorCode::DatabaseCorrupt) => StorageError::Corrupt { noun, path, detail, advice },
            Some(ErrorCode::NotADatabase) => StorageError::NotADatabase { noun, path, advice },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageError::Busy { noun, path },
            Some(ErrorCode::CannotOpen) => StorageError::CannotOpen { noun, path, detail },
            Some(ErrorCode::ReadOnly) => StorageError::of_read_only(noun, path, &error),
            Some(ErrorCode::SystemIoFailure) => match error.sqlite_extended_error_code() {
                Some(ffi::SQLITE_IOERR_SHORT_READ | ffi::SQLITE_IOERR_CORRUPTFS) => {
                    StorageError::Corrupt { noun, path, detail, advice }
                }
                // The index of the write-ahead file could not grow.
                Some(ffi::SQLITE_IOERR_SHMSIZE) => StorageError::DiskFull { path },
                _ => StorageError::Sqlite { noun, path, source: error },
            },
            _ => StorageError::Sqlite { noun, path, source: error },
        }
    }

    /// An error of the operating system on the file at `path`.
    pub fn io(path: &Path, source: io::Error) -> StorageError {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StorageError::DiskFull { path: path.to_owned() }
            }
            _ => StorageError::Io { path: path.to_owned(), source },
        }
    }

    pub(super) fn missing(kind: &FileKind, path: &Path) -> StorageError {
        StorageError::NotFound { noun: kind.noun, path: path.to_owned(), advice: kind.when_missing }
    }

    pub(super) fn not_writable(path: &Path, source: io::Error) -> StorageError {
        StorageError::NotWritable { path: path.to_owned(), source }
    }

    /// SQLite says read-only both when it may not write a change and when it may not write the index that reading needs.
    fn of_read_only(noun: &'static str, path: PathBuf, error: &rusqlite::Error) -> StorageError {
        match error.sqlite_extended_error_code() {
            Some(ffi::SQLITE_READONLY_CANTINIT | ffi::SQLITE_READONLY_DIRECTORY | ffi::SQLITE_READONLY_CANTLOCK) => {
                StorageError::CannotOpen { noun, path, detail: error.to_string() }
            }
            _ => StorageError::NotWritable {
                path,
                source: io::Error::new(io::ErrorKind::ReadOnlyFilesystem, error.to_string()),
            },
        }
    }
}
