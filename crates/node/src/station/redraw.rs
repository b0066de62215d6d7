//! Drawing the copy anew from a stream that is no longer what it was, and keeping the old one as evidence.
//!
//! The stream decides the order that all nodes see, so all of them draw from it again and have the same tables. The old copy is the
//! only proof of what was lost: it is set aside whole, with a list of the events that the stream does not hold, and is never removed by the program.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fengsui_event::{Event, Timestamp};
use fengsui_log::storage::WriterLock;
use fengsui_log::{Embedded, EventLog as _, Position, StorageError};
use fengsui_projector::replay::rebuild;
use fengsui_projector::{FollowOptions, Unwatched};
use serde::{Deserialize, Serialize};

use super::publisher::note_all_anew;
use super::recovery::{LostEvent, Recovery};
use crate::folder::{Folder, FolderError, write_atomically};
use crate::node::{NodeError, genesis};
use crate::outbox::Outbox;

/// What is kept beside a copy that was set aside.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Loss {
    /// When the difference was found.
    pub found: Timestamp,
    /// Last position of the old copy.
    pub old_head: u64,
    /// Last position of the new one when it was drawn.
    pub new_head: u64,
    /// The events that the old copy held and the new one does not, by their old positions.
    pub lost: Vec<LostEvent>,
}

/// The folder of copies that were set aside.
pub fn set_aside_folder(folder: &Folder) -> PathBuf {
    folder.root().join("set-aside")
}

fn redrawn(folder: &Folder) -> PathBuf {
    folder.root().join("log.redrawn.sqlite")
}

/// Lies in the folder while the tables and the outbox may still speak of the copy that was set aside.
fn unfinished(folder: &Folder) -> PathBuf {
    folder.root().join("redraw.unfinished")
}

/// An empty file for the new copy. What an earlier attempt left is removed.
pub fn begin(folder: &Folder) -> Result<Embedded, NodeError> {
    give_up(folder)?;
    Ok(Embedded::create(redrawn(folder))?)
}

/// Removes a new copy that was not finished: it may take just the room that is missing.
pub fn give_up(folder: &Folder) -> Result<(), NodeError> {
    let path = redrawn(folder);
    ["", "-wal", "-shm", "-journal"].iter().try_for_each(|suffix| remove(&beside(&path, suffix)))
}

/// Puts the new copy in the old one's place and sets that aside. Both are closed. What remains to be done is done by [`complete`].
///
/// | step | cut off after it |
/// | --- | --- |
/// | list of what is lost | the old copy stands; the change begins anew and makes another list, which counts together with this one |
/// | mark of the unfinished change | the same; the tables are drawn from the old copy once more |
/// | old copy set aside | [`mend`] puts the new one in its place |
/// | new copy in its place | [`complete`], as whoever takes the copy next does first |
pub fn finish(folder: &Folder, old: Embedded, new: Embedded, found: Timestamp) -> Result<Loss, NodeError> {
    let loss = loss(&old, &new, found)?;
    old.close()?;
    new.close()?;
    let name = found.strftime("%Y%m%dT%H%M%SZ").to_string();
    let aside = unused(&set_aside_folder(folder), &name);
    fs::create_dir_all(&aside).map_err(io(&aside))?;
    let list = serde_json::to_vec_pretty(&loss).map_err(|error| io(&aside)(std::io::Error::other(error)))?;
    let path = aside.join("lost.json");
    write_atomically(&path, &list).map_err(io(&path))?;
    let _lock = WriterLock::acquire(&fengsui_log::embedded::LOG_FILE, &folder.log())?;
    let mark = unfinished(folder);
    write_atomically(&mark, b"").map_err(io(&mark))?;
    let log = folder.log();
    for suffix in ["-wal", "-shm"] {
        rename_if_present(&beside(&log, suffix), &aside.join(format!("log.sqlite{suffix}")))?;
    }
    rename_if_present(&log, &aside.join("log.sqlite"))?;
    take_place(folder)?;
    Ok(loss)
}

/// Finishes a change of copies that was cut off between the two renamings.
pub fn mend(folder: &Folder) -> Result<(), NodeError> {
    if folder.log().exists() || !redrawn(folder).exists() || !set_aside_folder(folder).exists() {
        return Ok(());
    }
    let _lock = WriterLock::acquire(&fengsui_log::embedded::LOG_FILE, &folder.log())?;
    take_place(folder)
}

/// Draws the tables from a copy that has taken the place of another, and notes in the outbox where events are in it. Nothing is to be done when
/// that was done already. To be called by whoever takes the copy, before the tables are opened: those of another copy are wrong, or end beyond
/// this one.
pub fn complete(folder: &Folder, copy: &Embedded) -> Result<(), NodeError> {
    let mark = unfinished(folder);
    if !mark.exists() {
        return Ok(());
    }
    // The old tables serve the desk until the new ones are whole.
    rebuild(&folder.model(), genesis(folder.exchange()), copy, FollowOptions::default(), &mut Unwatched)?;
    note_all_anew(&mut Outbox::open_publisher(folder.outbox())?, copy)?;
    remove(&mark)?;
    crate::folder::sync_parent(&mark).map_err(io(&mark))
}

fn take_place(folder: &Folder) -> Result<(), NodeError> {
    let (from, to) = (redrawn(folder), folder.log());
    // The tree is that of the old copy. It goes first, so that it is never found beside the new one.
    crate::checkpoints::discard_tree(folder.root()).map_err(io(&crate::checkpoints::tree_folder(folder.root())))?;
    rename_if_present(&from, &to)?;
    remove(&beside(&from, ".lock"))?;
    crate::folder::sync_parent(&to).map_err(io(&to))
}

/// The losses of a folder, oldest first. A list that cannot be read is passed over: the copy beside it is the evidence.
pub fn losses(folder: &Folder) -> Vec<Loss> {
    let entries = fs::read_dir(set_aside_folder(folder)).into_iter().flatten().flatten();
    let read = |entry: fs::DirEntry| serde_json::from_slice(&fs::read(entry.path().join("lost.json")).ok()?).ok();
    let mut losses: Vec<Loss> = entries.filter_map(read).collect();
    losses.sort_by_key(|loss| loss.found);
    losses
}

/// What of all losses is not back on the stream, as far as `copy` tells.
pub fn recovery(folder: &Folder, copy: &Embedded) -> Result<Recovery, NodeError> {
    let losses = losses(folder);
    let (Some(found), Some(broker)) = (losses.last().map(|loss| loss.found), &folder.node().broker) else {
        return Ok(Recovery::default());
    };
    let lost: Vec<_> = losses.into_iter().flat_map(|loss| loss.lost).collect();
    let ids: Vec<_> = lost.iter().map(|lost| lost.id).collect();
    let outbox = Outbox::open_reader(folder.outbox())?;
    let mut own = BTreeSet::new();
    for lost in &lost {
        if outbox.contains(lost.id)? {
            own.insert(lost.source.clone());
        }
    }
    let mut recovery = Recovery::begin(lost, found, broker.recovery_patience(), |source| own.contains(source));
    for id in ids {
        if !copy.find(id)?.is_empty() {
            recovery.returned(id);
        }
    }
    Ok(recovery)
}

fn loss(old: &Embedded, new: &Embedded, found: Timestamp) -> Result<Loss, NodeError> {
    let mut lost = Vec::new();
    let mut failed = None;
    old.scan(Position::FIRST, None, &mut |position, record| {
        let is_placeholder = record.to_record().is_missing();
        match new.find(record.id) {
            Ok(positions) if positions.is_empty() && !is_placeholder => {
                let source = Event::parse(record.bytes).map(|event| event.source.to_string()).unwrap_or_default();
                lost.push(LostEvent { position: position.get(), id: record.id, source });
                ControlFlow::Continue(())
            }
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let head = |log: &Embedded| Ok::<u64, NodeError>(log.head()?.map_or(0, Position::get));
    Ok(Loss { found, old_head: head(old)?, new_head: head(new)?, lost })
}

fn unused(folder: &Path, name: &str) -> PathBuf {
    let plain = folder.join(name);
    let numbered = (2..).map(|number: u32| folder.join(format!("{name}-{number}")));
    std::iter::once(plain).chain(numbered).find(|path| !path.exists()).unwrap_or_else(|| folder.join(name))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn rename_if_present(from: &Path, to: &Path) -> Result<(), NodeError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(from)(error)),
        _ => Ok(()),
    }
}

fn remove(path: &Path) -> Result<(), NodeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(NodeError::Storage(StorageError::io(path, error)))
        }
        _ => Ok(()),
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> NodeError {
    let path = path.to_owned();
    move |source| NodeError::Folder(FolderError::Io { path, source })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fengsui_log::Stored;
    use fengsui_projector::Projector;
    use tempfile::TempDir;

    use super::*;
    use crate::as_of::tests::pilot;

    fn found() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    /// A node whose stream was put back to its first event, and whose copies have just changed places when the power failed.
    fn changed(place: &TempDir) -> (Folder, Vec<Stored>) {
        pilot(place.path()).close().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let old = Embedded::open_writer(folder.log()).unwrap();
        let records = old.read(Position::FIRST, 10).unwrap();
        assert_eq!(records.len(), 2);
        let mut new = begin(&folder).unwrap();
        new.append_copy(&records[..1]).unwrap();
        let loss = finish(&folder, old, new, found()).unwrap();
        assert_eq!((loss.old_head, loss.new_head, loss.lost.len()), (2, 1, 1));
        (folder, records)
    }

    #[test]
    fn tables_and_outbox_follow_a_change_of_copies_that_a_crash_cut_off() {
        let place = TempDir::new().unwrap();
        let (folder, records) = changed(&place);
        let copy = Embedded::open_writer(folder.log()).unwrap();
        complete(&folder, &copy).unwrap();
        let mut tables = Projector::open(&folder.model(), genesis(folder.exchange())).unwrap();
        assert_eq!(tables.follow(&copy, FollowOptions::default(), &mut Unwatched).unwrap().position, 1);
        let pending = Outbox::open_reader(folder.outbox()).unwrap().pending(10).unwrap();
        let ids: Vec<_> = pending.iter().map(|event| event.record.id).collect();
        assert_eq!(ids, [records[1].record.id], "it goes on the stream again");
    }

    #[test]
    fn a_change_that_was_cut_off_between_the_copies_is_taken_up_again() {
        let place = TempDir::new().unwrap();
        let (folder, _) = changed(&place);
        fs::rename(folder.log(), redrawn(&folder)).unwrap();
        mend(&folder).unwrap();
        let copy = Embedded::open_writer(folder.log()).unwrap();
        complete(&folder, &copy).unwrap();
        let mut tables = Projector::open(&folder.model(), genesis(folder.exchange())).unwrap();
        assert_eq!(tables.follow(&copy, FollowOptions::default(), &mut Unwatched).unwrap().position, 1);
    }

    #[test]
    fn a_change_that_is_complete_is_not_done_again() {
        let place = TempDir::new().unwrap();
        let (folder, records) = changed(&place);
        let mut copy = Embedded::open_writer(folder.log()).unwrap();
        complete(&folder, &copy).unwrap();
        copy.append_copy(&records[1..]).unwrap();
        fs::remove_file(folder.model()).unwrap();
        complete(&folder, &copy).unwrap();
        assert!(!folder.model().exists());
    }
}
