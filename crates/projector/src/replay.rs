//! Replay: every table drawn from the log again, from zero, into a new file that takes the old one's place whole.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use fengsui_log::{EventLog, StorageError};

use crate::projector::{FollowOptions, Projector, Watcher};
use crate::state::Registry;
use crate::store::{MODEL, ModelError, Progress, Store, create_indexes};

/// Events after which a rebuild writes its state: rarer than when following, since a rebuild that dies starts again.
const REBUILD_COMMIT_EVENTS: u64 = 100_000;

/// Draws the read model at `path` from the log, from zero. The old file serves until the new one is whole.
///
/// Errors leave the old file as it is.
pub fn rebuild<L: EventLog + ?Sized>(
    path: &Path,
    genesis: Registry,
    log: &L,
    options: FollowOptions,
    watcher: &mut dyn Watcher,
) -> Result<Progress, ModelError> {
    if path.is_dir() {
        return Err(StorageError::IsFolder { noun: MODEL.noun, path: path.to_owned() }.into());
    }
    let _lock = fengsui_log::storage::WriterLock::acquire(&MODEL, path)?;
    let building = beside(path, ".rebuild");
    remove_set(&building)?;
    let finished = fill(&building, genesis, log, options, watcher).and_then(|progress| {
        swap(&building, path)?;
        Ok(progress)
    });
    if finished.is_err() {
        // A half-built model is of no use to anybody; should it stay, the next rebuild removes it.
        let _ = remove_set(&building).and_then(|()| remove(&beside(&building, ".lock")));
    }
    finished
}

fn fill<L: EventLog + ?Sized>(
    building: &Path,
    genesis: Registry,
    log: &L,
    options: FollowOptions,
    watcher: &mut dyn Watcher,
) -> Result<Progress, ModelError> {
    let store = Store::for_rebuild(building, &genesis)?;
    let mut projector = Projector { registry: genesis, store };
    let options = FollowOptions { commit_events: REBUILD_COMMIT_EVENTS, ..options };
    let progress = projector.follow(log, options, watcher)?;
    projector.store.commit(&projector.registry)?;
    finish(projector.store)?;
    Ok(progress)
}

/// Removes the read model at `path`, because it is not that of the log. The next opening draws it anew.
pub fn discard(path: &Path) -> Result<(), ModelError> {
    let _lock = fengsui_log::storage::WriterLock::acquire(&MODEL, path)?;
    remove_set(path)
}

/// Makes the indexes and gives the file the properties of one that is followed.
pub(crate) fn finish(store: Store) -> Result<(), ModelError> {
    let database = store.into_database();
    let fault = |error| ModelError::Storage(database.fault(error));
    create_indexes(database.connection()).map_err(fault)?;
    let settle = "PRAGMA analysis_limit = 1000; ANALYZE; PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL;";
    database.connection().execute_batch(settle).map_err(fault)?;
    let path = database.path().to_owned();
    database.close()?;
    let file = std::fs::File::open(&path).map_err(|error| StorageError::io(&path, error))?;
    file.sync_all().map_err(|error| StorageError::io(&path, error))?;
    Ok(())
}

/// Puts the new file in the old one's place. The old main file goes first, so that at no instant a write-ahead file
/// lies beside a main file that is not its own; a crash in between leaves no model, which the next start draws again.
pub(crate) fn swap(building: &Path, path: &Path) -> Result<(), ModelError> {
    remove_set(path)?;
    std::fs::rename(building, path).map_err(|error| StorageError::io(path, error))?;
    let lock = beside(building, ".lock");
    remove(&lock)
}

pub(crate) fn remove_set(path: &Path) -> Result<(), ModelError> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        remove(&beside(path, suffix))?;
    }
    Ok(())
}

pub(crate) fn remove(path: &Path) -> Result<(), ModelError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StorageError::io(path, error).into()),
        _ => Ok(()),
    }
}

pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
