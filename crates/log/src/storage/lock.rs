//! The right to write a file, held by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::{FileKind, StorageError, companion, resolved};

/// An exclusive lock on `<file>.lock`, released by the operating system when the process ends in whatever way.
///
/// SQLite's own locks are held only during a transaction; two writers that take turns would still break what a writer
/// knows of the file between its transactions. The lock file is never removed: whoever waits for it would be left with a file that
/// nobody else can see.
#[derive(Debug)]
pub struct WriterLock {
    file: File,
}

impl WriterLock {
    /// Takes the lock for the file at `path`, or says who has it.
    pub fn acquire(kind: &FileKind, path: &Path) -> Result<WriterLock, StorageError> {
        let lock_path = companion(&resolved(path), ".lock");
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&lock_path).map_err(
                |source| match source.kind() {
                    ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                        StorageError::not_writable(&lock_path, source)
                    }
                    _ => StorageError::io(&lock_path, source),
                },
            )?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = read_pid(&mut file);
                return Err(StorageError::SecondWriter { noun: kind.noun, path: path.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(StorageError::io(&lock_path, source)),
        }
        // Only for the message above; a full disk must not keep a writer from making room.
        let _ = write_pid(&mut file);
        Ok(WriterLock { file })
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // So that no message ever names a process that has long ended. If it fails, only that message suffers.
        let _ = self.file.set_len(0);
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())?;
    file.flush()
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
