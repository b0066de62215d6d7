#![allow(clippy::unwrap_used, clippy::expect_used)]

use tempfile::TempDir;

use super::*;

static NOTES: FileKind = FileKind {
    noun: "notebook",
    application_id: 0x4e6f_7465,
    version: 2,
    schema: "CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;",
    when_missing: "write one",
    when_damaged: "restore the notebook",
};

const ROWS: i64 = 2_000;

fn insert_rows(connection: &Connection) {
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
               INSERT INTO notes SELECT i, hex(zeroblob(100)) FROM n";
    connection.execute(sql, [ROWS]).unwrap();
}

fn count(database: &Database) -> Result<i64, StorageError> {
    let count = database.connection().query_row("SELECT count(text) FROM notes WHERE text <> ''", (), |row| row.get(0));
    count.map_err(|error| database.fault(error))
}

/// A closed file with [`ROWS`] rows.
fn filled() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.sqlite");
    let database = Database::create(&NOTES, &path).unwrap();
    insert_rows(database.connection());
    database.close().unwrap();
    (folder, path)
}

/// Both ways of opening must fail alike; the message must name the path and what to do.
#[track_caller]
fn refused(path: &Path, advice: &str) -> StorageError {
    let writer = Database::open_writer(&NOTES, path).map(drop).unwrap_err();
    let reader = Database::open_reader(&NOTES, path).map(drop).unwrap_err();
    assert_eq!(writer.to_string(), reader.to_string());
    let text = reader.to_string();
    assert!(text.contains(&*path.to_string_lossy()), "{text}");
    assert!(text.contains(advice), "{text}");
    reader
}

#[test]
fn a_new_file_is_marked_durable_and_guarded() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.sqlite");
    let mut database = Database::create(&NOTES, &path).unwrap();
    assert!(database.is_writer());
    let number = |pragma| database.connection().pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("application_id"), i64::from(NOTES.application_id));
    assert_eq!(number("user_version"), 2);
    assert_eq!(number("synchronous"), 2, "FULL");
    assert_eq!(number("trusted_schema"), 0);
    assert_eq!(number("wal_autocheckpoint"), CHECKPOINT_PAGES);
    let mode: String = database.connection().pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");

    let transaction = database.connection_mut().transaction().unwrap();
    let state = transaction.transaction_state(Some("main")).unwrap();
    assert_eq!(state, rusqlite::TransactionState::Write, "a transaction of a writer is immediate");
}

#[test]
fn opening_never_makes_a_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.sqlite");
    assert!(matches!(refused(&path, "write one"), StorageError::NotFound { .. }));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn creating_never_replaces_a_file_or_joins_a_leftover() {
    let (folder, path) = filled();
    assert!(matches!(Database::create(&NOTES, &path), Err(StorageError::AlreadyExists { .. })));
    assert_eq!(count(&Database::open_reader(&NOTES, &path).unwrap()).unwrap(), ROWS);

    let other = folder.path().join("other.sqlite");
    let wal = folder.path().join("other.sqlite-wal");
    fs::write(&wal, "frames of a lost file").unwrap();
    let error = Database::create(&NOTES, &other).unwrap_err();
    assert!(matches!(&error, StorageError::StaleWal { stale, .. } if *stale == wal), "{error:?}");
    assert!(!other.exists() && wal.exists());
}

#[test]
fn a_creation_that_was_cut_off_leaves_nothing_that_counts() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.sqlite");
    fs::write(folder.path().join("notes.sqlite.creating"), "half a file").unwrap();
    assert!(matches!(Database::open_writer(&NOTES, &path), Err(StorageError::NotFound { .. })));
    let database = Database::create(&NOTES, &path).unwrap();
    assert_eq!(count(&database).unwrap(), 0);
    assert!(!folder.path().join("notes.sqlite.creating").exists());
}

#[test]
fn folders_and_empty_files_are_no_database() {
    let folder = TempDir::new().unwrap();
    assert!(matches!(
        refused(folder.path(), "name the notebook file inside it, or move the folder away"),
        StorageError::IsFolder { .. }
    ));
    let empty = folder.path().join("empty.sqlite");
    fs::write(&empty, "").unwrap();
    assert!(matches!(refused(&empty, "restore the notebook"), StorageError::EmptyFile { .. }));
    assert_eq!(fs::metadata(&empty).unwrap().len(), 0);
}

#[test]
fn other_files_are_no_database() {
    let folder = TempDir::new().unwrap();
    for (name, content) in [
        ("byte", vec![b'x']),
        ("line", b"unit,points".to_vec()),
        ("table.csv", b"unit,points\n".repeat(900)),
        ("random", (0..=255).cycle().take(9_000).collect()),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, &content).unwrap();
        assert!(matches!(refused(&path, "name the right file"), StorageError::NotADatabase { .. }), "{name}");
        assert_eq!(fs::read(&path).unwrap(), content, "{name} was changed");
    }
}

#[test]
fn an_sqlite_file_of_another_kind_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("foreign.sqlite");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE notes (number, text); INSERT INTO notes VALUES (1, 'mine')")
        .unwrap();
    let before = fs::read(&path).unwrap();
    let error = refused(&path, "name the right file");
    assert!(matches!(error, StorageError::ForeignFile { found: 0, expected: 0x4e6f_7465, .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_newer_format_is_refused() {
    let (_folder, path) = filled();
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 3).unwrap();
    let error = refused(&path, "use the newer fengsui");
    assert!(matches!(error, StorageError::NewerVersion { found: 3, known: 2, .. }), "{error:?}");
}

#[test]
fn a_truncated_file_is_refused_whatever_was_cut_off() {
    let (_folder, path) = filled();
    let whole = fs::read(&path).unwrap();
    for kept in [60, 1_000, 4_096, 5_000, whole.len() / 2, whole.len() - 4_096, whole.len() - 100, whole.len() - 1] {
        fs::write(&path, &whole[..kept]).unwrap();
        let error = refused(&path, "restore the notebook");
        match error {
            StorageError::Truncated { expected_bytes, found_bytes, .. } => {
                assert_eq!(found_bytes, kept as u64);
                assert_eq!(expected_bytes, if kept < 100 { 100 } else { whole.len() as u64 });
            }
            other => panic!("{kept} bytes kept: {other:?}"),
        }
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(count(&Database::open_reader(&NOTES, &path).unwrap()).unwrap(), ROWS);
}

#[test]
fn a_broken_page_is_told_when_it_is_read() {
    let (_folder, path) = filled();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4_096 * 4_096;
    bytes[middle..middle + 4_096].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let database = Database::open_reader(&NOTES, &path).unwrap();
    let error = count(&database).unwrap_err();
    assert!(matches!(error, StorageError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("restore the notebook"), "{error}");
}

#[test]
fn a_broken_first_page_is_refused_at_once() {
    let (_folder, path) = filled();
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..4_096].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let error = refused(&path, "restore the notebook");
    assert!(matches!(error, StorageError::Corrupt { .. }), "{error:?}");
}

/// A link that leads nowhere in the place of SQLite's index file stands for media that cannot be written, and works for
/// every user, root too.
#[cfg(unix)]
fn block_index(path: &Path) {
    std::os::unix::fs::symlink("/nowhere/index", companion(path, "-shm")).unwrap();
}

#[cfg(unix)]
#[test]
fn a_finished_file_is_read_where_nothing_can_be_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("100% #1?.sqlite");
    let database = Database::create(&NOTES, &path).unwrap();
    insert_rows(database.connection());
    database.close().unwrap();
    block_index(&path);
    let database = Database::open_reader(&NOTES, &path).unwrap();
    assert_eq!(count(&database).unwrap(), ROWS);
    assert!(!database.is_writer());
    assert!(matches!(Database::open_writer(&NOTES, &path), Err(StorageError::CannotOpen { .. })));
}

#[cfg(unix)]
#[test]
fn an_unfinished_file_where_nothing_can_be_written_gives_the_command() {
    let (folder, path) = filled();
    let copy = folder.path().join("copy.sqlite");
    let database = Database::open_writer(&NOTES, &path).unwrap();
    database.connection().execute("INSERT INTO notes VALUES (0, 'last')", ()).unwrap();
    fs::copy(&path, &copy).unwrap();
    fs::copy(companion(&path, "-wal"), companion(&copy, "-wal")).unwrap();
    block_index(&copy);
    let error = Database::open_reader(&NOTES, &copy).unwrap_err();
    assert!(matches!(error, StorageError::UnfinishedOnReadOnly { .. }), "{error:?}");
    let command = format!("cp {} {} copy/", copy.display(), companion(&copy, "-wal").display());
    assert!(error.to_string().contains(&command), "{error}");
}

#[test]
fn readers_stand_beside_a_writer_and_cannot_write() {
    let (_folder, path) = filled();
    let writer = Database::open_writer(&NOTES, &path).unwrap();
    let reader = Database::open_reader(&NOTES, &path).unwrap();
    writer.connection().execute("INSERT INTO notes VALUES (0, 'more')", ()).unwrap();
    assert_eq!(count(&reader).unwrap(), ROWS + 1);
    let error = reader.fault(reader.connection().execute("DELETE FROM notes", ()).unwrap_err());
    assert!(matches!(error, StorageError::NotWritable { .. }), "{error:?}");
    // The reader still holds the file: closing must neither wait for it nor fail.
    writer.close().unwrap();
    assert_eq!(count(&reader).unwrap(), ROWS + 1);
}

#[test]
fn the_lock_ends_with_its_holder_and_names_it_meanwhile() {
    let (_folder, path) = filled();
    let lock_file = companion(&path, ".lock");
    let writer = Database::open_writer(&NOTES, &path).unwrap();
    assert_eq!(fs::read_to_string(&lock_file).unwrap().trim(), std::process::id().to_string());
    let error = Database::open_writer(&NOTES, &path).unwrap_err();
    assert!(matches!(error, StorageError::SecondWriter { pid: Some(_), .. }), "{error:?}");
    drop(writer);
    assert_eq!(fs::read_to_string(&lock_file).unwrap(), "");
    Database::open_writer(&NOTES, &path).unwrap();
}

#[test]
fn a_missing_folder_is_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("nowhere/notes.sqlite");
    let error = Database::create(&NOTES, &path).unwrap_err();
    assert!(matches!(error, StorageError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn a_quick_check_finds_a_broken_page_that_opening_does_not() {
    let (_folder, path) = filled();
    Database::open_reader(&NOTES, &path).unwrap().quick_check().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let error = Database::open_reader(&NOTES, &path).unwrap().quick_check().unwrap_err();
    assert!(matches!(error, StorageError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("restore the notebook"), "{error}");
}
