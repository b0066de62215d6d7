//! The tree over the node's own log or copy, as tiles in the node's folder.
//!
//! It is derived state: whatever is odd about it, it is drawn again from the log, and deleting it costs time only. What is read from it is
//! checked against the root.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fengsui_log::{EventLog, Position, ReadError};
use fengsui_projector::leaves::each_leaf;
use fengsui_projector::{ModelError, Watcher};
use fengsui_proof::tiles::{self, TileError, TileFolder, TreeWriter};
use fengsui_proof::tree::{Consistency, Frontier, Hash, Inclusion, leaf_hash};
use serde::{Deserialize, Serialize};

use super::CheckpointError;
use crate::as_of::TemporaryFolder;
use crate::folder::write_atomically;

/// Between looks at whether another process is done with the tree.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// The tree over a log, brought up to its head. Whoever has it is the only one who draws it.
#[derive(Debug)]
pub struct LogTree {
    tiles: TileFolder,
    size: u64,
    root: Hash,
    place: PathBuf,
    _lock: Option<File>,
    _temporary: Option<TemporaryFolder>,
}

/// How far the tree was drawn, kept beside the tiles.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Drawn {
    /// Leaves.
    size: u64,
    /// The root.
    root: Hash,
    /// The last leaf: the record at position `size`. In a copy that was drawn anew another one stands there.
    last: Hash,
}

/// Where a node's tiles are.
pub fn tree_folder(root: &Path) -> PathBuf {
    root.join("tree")
}

/// Removes a node's tree, since the log has become another one. It is drawn anew when it is needed.
pub fn discard_tree(root: &Path) -> io::Result<()> {
    match fs::remove_dir_all(tree_folder(root)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The right edge of a log's tree at `size`, going on from the edge of a smaller one. It trusts nothing but the log itself.
///
/// Errors: [`CheckpointError::Ahead`] when the log is shorter.
pub fn edge_of<L: EventLog + ?Sized>(
    log: &L,
    from: Frontier,
    size: u64,
    watcher: &mut dyn Watcher,
) -> Result<Frontier, CheckpointError> {
    let head = log.head()?.map_or(0, Position::get);
    if size > head {
        return Err(CheckpointError::Ahead { size, head });
    }
    let mut edge = from;
    each_leaf(log, edge.size(), size, watcher, &mut |leaf| {
        edge.push(leaf);
        Ok::<_, CheckpointError>(())
    })?;
    Ok(edge)
}

impl LogTree {
    /// Opens a node's tree and brings it up to the head of its log. Where the folder cannot be written it is drawn elsewhere for a while.
    pub fn open(root: &Path, log: &dyn EventLog, watcher: &mut dyn Watcher) -> Result<Self, CheckpointError> {
        let place = tree_folder(root);
        let lock = match lock(root, watcher) {
            Err(CheckpointError::Io { source, .. }) if is_read_only(&source) => {
                let temporary = TemporaryFolder::new()?;
                let place = temporary.path().join("tree");
                let (tiles, drawn) = bring_up(&place, log, watcher)?;
                return Ok(Self::of(tiles, drawn, place, None, Some(temporary)));
            }
            locked => locked?,
        };
        let (tiles, drawn) = bring_up(&place, log, watcher)?;
        Ok(Self::of(tiles, drawn, place, Some(lock), None))
    }

    fn of(
        tiles: TileFolder,
        drawn: (u64, Hash),
        place: PathBuf,
        lock: Option<File>,
        temporary: Option<TemporaryFolder>,
    ) -> Self {
        let (size, root) = drawn;
        Self { tiles, size, root, place, _lock: lock, _temporary: temporary }
    }

    /// Leaves: the log's last position.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all of them.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The tiles. What is read from them is to be checked against the root.
    pub fn tiles(&self) -> &TileFolder {
        &self.tiles
    }

    /// Draws the tree anew, whatever is there.
    pub fn redraw(&mut self, log: &dyn EventLog, watcher: &mut dyn Watcher) -> Result<(), CheckpointError> {
        let writer = anew(&self.place)?;
        let (tiles, (size, root)) = go_on(writer, &self.place, log, watcher)?;
        (self.tiles, self.size, self.root) = (tiles, size, root);
        Ok(())
    }

    /// The root over the first `size` leaves.
    pub fn root_at(
        &mut self,
        size: u64,
        log: &dyn EventLog,
        watcher: &mut dyn Watcher,
    ) -> Result<Hash, CheckpointError> {
        Ok(self.edge_at(size, log, watcher)?.root())
    }

    /// The right edge of the first `size` leaves.
    pub fn edge_at(
        &mut self,
        size: u64,
        log: &dyn EventLog,
        watcher: &mut dyn Watcher,
    ) -> Result<Frontier, CheckpointError> {
        self.refuse_beyond(size)?;
        self.answer(log, watcher, |tiles, whole, root| {
            let found = tiles::root(tiles, size)?;
            tiles::consistency(tiles, size, whole, root)?;
            tiles::frontier(tiles, size, found)
        })
    }

    /// That the record at a position is in the tree of the first `size` leaves, which has this root.
    pub fn inclusion(
        &mut self,
        position: u64,
        size: u64,
        root: Hash,
        log: &dyn EventLog,
        watcher: &mut dyn Watcher,
    ) -> Result<Inclusion, CheckpointError> {
        self.refuse_beyond(size)?;
        self.answer(log, watcher, |tiles, _, _| tiles::inclusion(tiles, position.saturating_sub(1), size, root))
    }

    /// That the tree of the first `to` leaves, which has this root, begins with that of the first `from`.
    pub fn consistency(
        &mut self,
        from: u64,
        to: u64,
        to_root: Hash,
        log: &dyn EventLog,
        watcher: &mut dyn Watcher,
    ) -> Result<Consistency, CheckpointError> {
        self.refuse_beyond(to)?;
        self.answer(log, watcher, |tiles, _, _| tiles::consistency(tiles, from, to, to_root))
    }

    fn refuse_beyond(&self, size: u64) -> Result<(), CheckpointError> {
        if size > self.size { Err(CheckpointError::Ahead { size, head: self.size }) } else { Ok(()) }
    }

    /// Asks the tiles. Where one of them is wrong the tree is drawn anew, once.
    fn answer<T>(
        &mut self,
        log: &dyn EventLog,
        watcher: &mut dyn Watcher,
        question: impl Fn(&TileFolder, u64, Hash) -> Result<T, TileError>,
    ) -> Result<T, CheckpointError> {
        match question(&self.tiles, self.size, self.root) {
            Ok(answer) => return Ok(answer),
            Err(error) => tracing::warn!(%error, "the tree is drawn again from the log"),
        }
        self.redraw(log, watcher)?;
        Ok(question(&self.tiles, self.size, self.root)?)
    }
}

/// Waits for whoever is just drawing the tree.
fn lock(root: &Path, watcher: &mut dyn Watcher) -> Result<File, CheckpointError> {
    let path = root.join("tree.lock");
    let io = |source| CheckpointError::Io { path: path.clone(), source };
    let file = File::options().write(true).create(true).truncate(false).open(&path).map_err(io)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if watcher.reached(0, 1).is_break() => {
                return Err(ModelError::Interrupted { position: 0 }.into());
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_INTERVAL),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

fn bring_up(
    place: &Path,
    log: &dyn EventLog,
    watcher: &mut dyn Watcher,
) -> Result<(TileFolder, (u64, Hash)), CheckpointError> {
    let writer = match resumed(place, log)? {
        Some(writer) => writer,
        None => anew(place)?,
    };
    go_on(writer, place, log, watcher)
}

/// The tree as it was left, if all that can be seen without drawing it speaks for it.
fn resumed(place: &Path, log: &dyn EventLog) -> Result<Option<TreeWriter>, ReadError> {
    let Some(drawn) = Drawn::read(place) else { return Ok(None) };
    let Some(position) = Position::new(drawn.size) else { return Ok(None) };
    let last = log.read(position, 1)?.pop();
    if last.is_none_or(|stored| leaf_hash(&stored.record.bytes) != drawn.last) {
        return Ok(None);
    }
    let writer = TileFolder::open(place).and_then(|tiles| TreeWriter::open(tiles, drawn.size));
    Ok(writer.ok().filter(|writer| writer.root() == drawn.root))
}

fn anew(place: &Path) -> Result<TreeWriter, CheckpointError> {
    let io = |source| CheckpointError::Io { path: place.to_owned(), source };
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    fs::create_dir_all(place).map_err(io)?;
    Ok(TreeWriter::open(TileFolder::create(place)?, 0)?)
}

/// Adds what the log has beyond the tree. When it is interrupted, what was drawn stays.
fn go_on(
    mut writer: TreeWriter,
    place: &Path,
    log: &dyn EventLog,
    watcher: &mut dyn Watcher,
) -> Result<(TileFolder, (u64, Hash)), CheckpointError> {
    let head = log.head()?.map_or(0, Position::get);
    let mut last = None;
    if writer.size() < head {
        let pushed = each_leaf(log, writer.size(), head, watcher, &mut |leaf| {
            last = Some(leaf);
            Ok::<_, CheckpointError>(writer.push(leaf)?)
        });
        writer.seal()?;
        if let Some(last) = last {
            Drawn { size: writer.size(), root: writer.root(), last }.write(place)?;
        }
        pushed?;
    }
    let drawn = (writer.size(), writer.root());
    Ok((TileFolder::open(place)?, drawn))
}

impl Drawn {
    fn path(place: &Path) -> PathBuf {
        place.join("drawn.json")
    }

    fn read(place: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(place)).ok()?).ok()
    }

    fn write(self, place: &Path) -> Result<(), CheckpointError> {
        let path = Self::path(place);
        let written = serde_json::to_vec(&self).map_err(io::Error::other);
        written.and_then(|bytes| write_atomically(&path, &bytes)).map_err(|source| CheckpointError::Io { path, source })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fengsui_event::EventId;
    use fengsui_log::{Embedded, Record};
    use fengsui_projector::Unwatched;
    use fengsui_proof::tree::node_hash;
    use tempfile::TempDir;

    use std::ops::ControlFlow;

    use super::*;
    use fengsui_projector::leaves::LOOK_EVERY;

    fn record(number: u64, text: &str) -> Record {
        let mut id = [1; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        let (id, subject) = (EventId::from_bytes(id), "fengsui.350600.fire.case.closed".to_owned());
        Record { id, subject, bytes: text.as_bytes().to_vec(), signature: vec![0; 64] }
    }

    /// A log of so many records, each with the text that its number gets.
    fn log(place: &Path, count: u64, text: impl Fn(u64) -> String) -> Embedded {
        let mut log = Embedded::create(place.join("log.sqlite")).unwrap();
        let records: Vec<Record> = (1..=count).map(|number| record(number, &text(number))).collect();
        log.append(&records).unwrap();
        log
    }

    fn plain(number: u64) -> String {
        format!("{{\"event\":{number}}}")
    }

    /// RFC 6962, section 2.1, word for word.
    fn definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => fengsui_proof::tree::empty_root(),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(definition(&leaves[..split]), definition(&leaves[split..]))
            }
        }
    }

    fn expected(count: u64, text: impl Fn(u64) -> String) -> Hash {
        let leaves: Vec<Hash> = (1..=count).map(|number| leaf_hash(text(number).as_bytes())).collect();
        definition(&leaves)
    }

    #[test]
    fn the_tree_is_that_of_the_logs_bytes_and_grows_with_it() {
        let place = TempDir::new().unwrap();
        let mut log = log(place.path(), 300, plain);
        let mut tree = LogTree::open(place.path(), &log, &mut Unwatched).unwrap();
        assert_eq!((tree.size(), tree.root()), (300, expected(300, plain)));
        for size in [0, 1, 2, 255, 256, 257, 299, 300] {
            assert_eq!(tree.root_at(size, &log, &mut Unwatched).unwrap(), expected(size, plain), "{size}");
            let edge = edge_of(&log, Frontier::new(), size, &mut Unwatched).unwrap();
            assert_eq!((edge.size(), edge.root()), (size, expected(size, plain)));
        }
        let beyond = tree.root_at(301, &log, &mut Unwatched);
        assert!(matches!(beyond, Err(CheckpointError::Ahead { size: 301, head: 300 })));
        drop(tree);
        log.append(&(301..=700).map(|number| record(number, &plain(number))).collect::<Vec<_>>()).unwrap();
        let mut tree = LogTree::open(place.path(), &log, &mut Unwatched).unwrap();
        assert_eq!((tree.size(), tree.root()), (700, expected(700, plain)));
        let root = tree.root_at(650, &log, &mut Unwatched).unwrap();
        let proof = tree.inclusion(123, 650, root, &log, &mut Unwatched).unwrap();
        proof.verify(leaf_hash(plain(123).as_bytes()), root).unwrap();
        let proof = tree.consistency(300, 650, root, &log, &mut Unwatched).unwrap();
        proof.verify(expected(300, plain), root).unwrap();
    }

    #[test]
    fn the_edge_goes_on_where_it_was_left() {
        let place = TempDir::new().unwrap();
        let log = log(place.path(), 20, plain);
        let seven = edge_of(&log, Frontier::new(), 7, &mut Unwatched).unwrap();
        let edge = edge_of(&log, seven, 20, &mut Unwatched).unwrap();
        assert_eq!(edge.root(), expected(20, plain));
    }

    #[test]
    fn a_hole_is_a_leaf_of_no_bytes() {
        let place = TempDir::new().unwrap();
        let mut log = Embedded::create(place.path().join("log.sqlite")).unwrap();
        let stored = |position, record| fengsui_log::Stored { position: Position::new(position).unwrap(), record };
        log.append_copy(&[stored(1, record(1, "{}")), stored(2, Record::missing())]).unwrap();
        let tree = LogTree::open(place.path(), &log, &mut Unwatched).unwrap();
        assert_eq!(tree.root(), node_hash(leaf_hash(b"{}"), leaf_hash(b"")));
    }

    #[test]
    fn the_tree_of_another_log_and_a_spoilt_one_are_drawn_again() {
        let place = TempDir::new().unwrap();
        let first = log(place.path(), 300, plain);
        drop(LogTree::open(place.path(), &first, &mut Unwatched).unwrap());
        let elsewhere = TempDir::new().unwrap();
        let other = |number: u64| if number == 300 { "other".to_owned() } else { plain(number) };
        let second = log(elsewhere.path(), 300, other);
        assert_eq!(LogTree::open(place.path(), &second, &mut Unwatched).unwrap().root(), expected(300, other));
        let shorter = TempDir::new().unwrap();
        let short = log(shorter.path(), 10, plain);
        assert_eq!(LogTree::open(place.path(), &short, &mut Unwatched).unwrap().root(), expected(10, plain));

        drop(LogTree::open(place.path(), &first, &mut Unwatched).unwrap());
        let tile = tree_folder(place.path()).join("tile/0/000");
        let mut bytes = fs::read(&tile).unwrap();
        bytes[32 * 7] ^= 1;
        fs::write(&tile, bytes).unwrap();
        // The right edge does not show it; the proof does, and mends it.
        let mut tree = LogTree::open(place.path(), &first, &mut Unwatched).unwrap();
        let root = tree.root();
        let proof = tree.inclusion(7, 300, root, &first, &mut Unwatched).unwrap();
        proof.verify(leaf_hash(plain(7).as_bytes()), expected(300, plain)).unwrap();
        discard_tree(place.path()).unwrap();
        discard_tree(place.path()).unwrap();
        drop(tree);
        assert_eq!(LogTree::open(place.path(), &first, &mut Unwatched).unwrap().root(), expected(300, plain));
    }

    /// Interrupts at the first look.
    struct Impatient;

    impl Watcher for Impatient {
        fn reached(&mut self, _: u64, _: u64) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }

    #[test]
    fn a_drawing_that_was_interrupted_goes_on() {
        let place = TempDir::new().unwrap();
        let log = log(place.path(), LOOK_EVERY + 100, plain);
        let interrupted = LogTree::open(place.path(), &log, &mut Impatient);
        assert!(interrupted.is_err());
        assert_eq!(Drawn::read(&tree_folder(place.path())).unwrap().size, LOOK_EVERY);
        let tree = LogTree::open(place.path(), &log, &mut Unwatched).unwrap();
        assert_eq!(tree.size(), LOOK_EVERY + 100);
        let edge = edge_of(&log, Frontier::new(), tree.size(), &mut Unwatched).unwrap();
        assert_eq!(edge.root(), tree.root());
    }
}
