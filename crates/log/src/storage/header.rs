//! What a file says of itself.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::{FileKind, StorageError, companion, file_bytes, guard_settings, resolved};

const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";
const SQLITE_HEADER_BYTES: usize = 100;

/// The file's marks, read through SQLite, so that those in the write-ahead file count.
pub(super) struct Header {
    application_id: i32,
    version: i32,
    bytes: u64,
}

pub(super) fn read(connection: &Connection) -> rusqlite::Result<Header> {
    guard_settings(connection)?;
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    // Reading the schema touches the first page and the write-ahead file: what is broken there fails here.
    number("schema_version")?;
    let bytes = number("page_count")?.saturating_mul(number("page_size")?);
    let application_id = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(Header { application_id, version, bytes: bytes.unsigned_abs() })
}

impl Header {
    pub(super) fn check(&self, kind: &FileKind, path: &Path) -> Result<(), StorageError> {
        // SQLite takes a file of one byte for a new one.
        if self.bytes == 0 {
            return Err(StorageError::NotADatabase {
                noun: kind.noun,
                path: path.to_owned(),
                advice: kind.when_damaged,
            });
        }
        if self.application_id != kind.application_id {
            let (found, expected) = (self.application_id, kind.application_id);
            let (noun, path, advice) = (kind.noun, path.to_owned(), kind.when_damaged);
            return Err(StorageError::ForeignFile { noun, path, found, expected, advice });
        }
        if self.version > kind.version || self.version < 1 {
            let (found, known) = (self.version, kind.version);
            return Err(StorageError::NewerVersion { noun: kind.noun, path: path.to_owned(), found, known });
        }
        // SQLite itself only counts whole pages: a last page that lost its end would be read as zeros.
        // With changes in the write-ahead file the main file may rightly be shorter.
        let real = resolved(path);
        let found_bytes = file_bytes(&real);
        if found_bytes < self.bytes && file_bytes(&companion(&real, "-wal")) == 0 {
            return Err(truncated(kind, path, self.bytes, found_bytes));
        }
        Ok(())
    }
}

/// Finds out why a file could not be read: a file that lost its end is told apart from one with a broken page.
pub(super) fn explain(kind: &FileKind, path: &Path, error: rusqlite::Error) -> StorageError {
    let is_damage = matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase));
    if is_damage
        && let Some((expected_bytes, found_bytes)) = sizes(path)
        && found_bytes < expected_bytes
    {
        return truncated(kind, path, expected_bytes, found_bytes);
    }
    StorageError::sqlite(kind, path, error)
}

fn truncated(kind: &FileKind, path: &Path, expected_bytes: u64, found_bytes: u64) -> StorageError {
    StorageError::Truncated {
        noun: kind.noun,
        path: path.to_owned(),
        expected_bytes,
        found_bytes,
        advice: kind.when_damaged,
    }
}

/// The size that the header of an SQLite file claims, and the size that it has.
fn sizes(path: &Path) -> Option<(u64, u64)> {
    let mut start = Vec::new();
    fs::File::open(path).ok()?.take(SQLITE_HEADER_BYTES as u64).read_to_end(&mut start).ok()?;
    if !start.starts_with(SQLITE_MAGIC) {
        return None;
    }
    let found = file_bytes(path);
    let Some(header) = start.first_chunk::<SQLITE_HEADER_BYTES>() else {
        return Some((SQLITE_HEADER_BYTES as u64, found));
    };
    let page_size = match u16::from_be_bytes([header[16], header[17]]) {
        // The format writes 65536 as 1, for it does not fit.
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    Some((page_size * u64::from(pages), found))
}
