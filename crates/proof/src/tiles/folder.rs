//! Tiles as files.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::{TILE_WIDTH, TileError, TilePath, TileSource};
use crate::hash::HASH_BYTES;

/// The folder that all tiles lie in, after the first element of their paths.
const TILES: &str = "tile";

/// A partial tile may give way to a wider one while it is looked for; each time it is wider, so a few attempts suffice.
const ATTEMPTS_MAX: usize = 8;

/// A folder with tiles under the names of C2SP tlog-tiles, ready to be served by any web server.
///
/// One process writes; any number may read meanwhile, since each tile is written under another name and renamed. Nothing is synced
/// to the disk: after a power cut a tile may be short or wrong, which shows in its hash, and is drawn again.
#[derive(Clone, Debug)]
pub struct TileFolder {
    root: PathBuf,
}

impl TileFolder {
    /// The folder, made if it is not there yet.
    pub fn create(root: &Path) -> Result<Self, TileError> {
        fs::create_dir_all(root).map_err(|source| TileError::Io { file: root.to_owned(), source })?;
        Ok(Self { root: root.to_owned() })
    }

    /// The folder, which must be there.
    pub fn open(root: &Path) -> Result<Self, TileError> {
        let io = |source| TileError::Io { file: root.to_owned(), source };
        if fs::metadata(root).map_err(io)?.is_dir() {
            Ok(Self { root: root.to_owned() })
        } else {
            Err(io(io::Error::from(io::ErrorKind::NotADirectory)))
        }
    }

    /// Where the folder is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a tile lies or would lie.
    pub fn file(&self, path: TilePath) -> PathBuf {
        self.root.join(path.to_string())
    }

    /// Writes a tile whole: whoever reads meanwhile gets the tile before or the one after.
    pub(super) fn write(&self, path: TilePath, bytes: &[u8]) -> Result<(), TileError> {
        let file = self.file(path);
        let temporary = file.with_added_extension("new");
        let io = |source| TileError::Io { file: file.clone(), source };
        match fs::write(&temporary, bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = file.parent().unwrap_or(&self.root);
                fs::create_dir_all(parent).and_then(|()| fs::write(&temporary, bytes)).map_err(io)?;
            }
            result => result.map_err(io)?,
        }
        fs::rename(&temporary, &file).map_err(io)
    }

    /// Deletes the partial tiles in a place, except one of this width: a wider one says all that they say.
    pub(super) fn remove_partial(&self, path: TilePath, except: Option<u16>) -> Result<(), TileError> {
        let folder = self.partial_folder(path);
        let io = |source| TileError::Io { file: folder.clone(), source };
        let Some(except) = except else {
            return ignore_missing(fs::remove_dir_all(&folder)).map_err(io);
        };
        for width in self.widths(path)?.into_iter().filter(|width| *width != except) {
            ignore_missing(fs::remove_file(folder.join(width.to_string()))).map_err(io)?;
        }
        Ok(())
    }

    /// Deletes all tiles.
    pub(super) fn clear(&self) -> Result<(), TileError> {
        let folder = self.root.join(TILES);
        ignore_missing(fs::remove_dir_all(&folder)).map_err(|source| TileError::Io { file: folder, source })
    }

    fn partial_folder(&self, path: TilePath) -> PathBuf {
        self.file(path.full()).with_added_extension("p")
    }

    /// The widths of the partial tiles that lie in a place.
    fn widths(&self, path: TilePath) -> Result<Vec<u16>, TileError> {
        let folder = self.partial_folder(path);
        let io = |source| TileError::Io { file: folder.clone(), source };
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io)?,
        };
        let mut widths = Vec::new();
        for entry in entries {
            let name = entry.map_err(io)?.file_name();
            widths.extend(name.to_str().and_then(|name| name.parse::<u16>().ok()).filter(|width| *width < TILE_WIDTH));
        }
        widths.sort_unstable();
        Ok(widths)
    }

    /// The tile as its file has it, if there is a file.
    fn read(&self, path: TilePath) -> Result<Option<Vec<u8>>, TileError> {
        let file = self.file(path);
        let result = fs::File::open(&file).and_then(|open| {
            // One byte more than there may be tells a file that is too long from one that is not, whatever its length.
            let mut bytes = Vec::with_capacity(path.bytes() + 1);
            open.take(path.bytes() as u64 + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        match result {
            Ok(bytes) if bytes.len() == path.bytes() => Ok(Some(bytes)),
            Ok(bytes) => Err(TileError::WrongLength { path, expected: path.bytes(), found: bytes.len() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(TileError::Io { file, source }),
        }
    }
}

impl TileSource for TileFolder {
    fn tile(&self, path: TilePath) -> Result<Vec<u8>, TileError> {
        for _ in 0..ATTEMPTS_MAX {
            if let Some(bytes) = self.read(path)? {
                return Ok(bytes);
            }
            if !path.is_partial() {
                break;
            }
            let wider = self.widths(path)?.into_iter().find(|width| *width > path.width());
            let wider = wider.and_then(|width| TilePath::new(path.level(), path.index(), width));
            // The full tile is written before the last partial one goes, so it is looked for last.
            let wider_bytes = match wider.map(|wider| self.read(wider)).transpose()?.flatten() {
                None => self.read(path.full())?,
                found => found,
            };
            if let Some(mut bytes) = wider_bytes {
                bytes.truncate(usize::from(path.width()) * HASH_BYTES);
                return Ok(bytes);
            }
            if wider.is_none() {
                break;
            }
        }
        Err(TileError::Missing { path, place: self.root.display().to_string() })
    }
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
