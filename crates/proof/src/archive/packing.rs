//! Writing members to a ZIP file or a folder, whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::unpacking::Unpacker;
use super::zip_form::{Directory, Entry, Method};
use super::{ArchiveError, MEMBER_BYTES_MAX, MEMBERS_MAX, Member};

/// Added to the name of what is being written.
const UNFINISHED: &str = "writing";

/// What an archive is written as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// A ZIP file whose members stand in it as they are: one range has one file, byte for byte.
    Stored,
    /// A ZIP file of deflated members. Smaller, but its bytes depend on the library that deflated them.
    Deflated,
    /// A folder with a file for each member.
    Folder,
}

/// Takes members in the archive's order.
pub struct Packer {
    target: PathBuf,
    unfinished: PathBuf,
    replace: bool,
    state: State,
}

enum State {
    Zip { file: BufWriter<File>, method: Method, entries: Vec<Entry> },
    Folder,
    Finished,
}

impl Packer {
    /// Begins. Nothing stands under the target's name before [`Packer::finish`].
    pub fn begin(target: &Path, packing: Packing, replace: bool) -> Result<Self, ArchiveError> {
        refuse_existing(target, packing, replace)?;
        let unfinished = target.with_added_extension(UNFINISHED);
        let io = || ArchiveError::io(&unfinished);
        let state = match packing {
            Packing::Folder => {
                if fs::symlink_metadata(&unfinished).is_ok() {
                    // Of an earlier run that was killed, unless there is anything else in it.
                    refuse_foreign(&unfinished)?;
                    fs::remove_dir_all(&unfinished).map_err(io())?;
                }
                fs::create_dir_all(&unfinished).map_err(io())?;
                State::Folder
            }
            Packing::Stored | Packing::Deflated => {
                let method = if packing == Packing::Stored { Method::Stored } else { Method::Deflated };
                // What an earlier run left goes; a link that somebody put there is not followed.
                if fs::symlink_metadata(&unfinished).is_ok() {
                    fs::remove_file(&unfinished).map_err(io())?;
                }
                let file = File::create_new(&unfinished).map_err(io())?;
                State::Zip { file: BufWriter::new(file), method, entries: Vec::new() }
            }
        };
        Ok(Self { target: target.to_owned(), unfinished, replace, state })
    }

    /// Adds a member.
    pub fn add(&mut self, member: &Member, bytes: &[u8]) -> Result<(), ArchiveError> {
        let name = member.to_string();
        let bytes_max = super::bytes_max(member, MEMBERS_MAX);
        if bytes.len() as u64 > bytes_max {
            let bound = format!("{bytes_max} bytes");
            return Err(ArchiveError::Bomb { name, bound });
        }
        match &mut self.state {
            State::Finished => Ok(()),
            State::Folder => {
                let path = self.unfinished.join(&name);
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent).map_err(ArchiveError::io(parent))?;
                }
                // Not synced: that takes hours for the tiles of a large log, and what a power cut leaves behind is found by its digests.
                let mut file = File::create_new(&path).map_err(ArchiveError::io(&path))?;
                file.write_all(bytes).map_err(ArchiveError::io(&path))
            }
            State::Zip { file, method, entries } => {
                let kept = match method {
                    Method::Stored => None,
                    Method::Deflated => Some(deflated(bytes).map_err(ArchiveError::io(&self.unfinished))?),
                };
                let kept = kept.as_deref().unwrap_or(bytes);
                let offset = entries.last().map_or(0, Entry::end);
                // The bound on a member's size leaves no room for more than 32 bits.
                let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                let crc = crc32fast::hash(bytes);
                let entry = Entry { name, method: *method, crc, kept_bytes: size(kept), bytes: size(bytes), offset };
                let written = file.write_all(&entry.local_header()).and_then(|()| file.write_all(kept));
                written.map_err(ArchiveError::io(&self.unfinished))?;
                entries.push(entry);
                Ok(())
            }
        }
    }

    /// Ends: what was written is synced and takes the target's name.
    pub fn finish(mut self) -> Result<(), ArchiveError> {
        match std::mem::replace(&mut self.state, State::Finished) {
            State::Finished => return Ok(()),
            State::Folder => {
                if self.replace && self.target.is_dir() {
                    fs::remove_dir_all(&self.target).map_err(ArchiveError::io(&self.target))?;
                }
            }
            State::Zip { file, entries, .. } => {
                end_zip(file, &entries).map_err(ArchiveError::io(&self.unfinished))?;
            }
        }
        fs::rename(&self.unfinished, &self.target).map_err(ArchiveError::io(&self.target))?;
        let parent = self.target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|folder| folder.sync_all()).map_err(ArchiveError::io(parent))
    }
}

impl Drop for Packer {
    fn drop(&mut self) {
        // What was begun and not finished is of no use to anybody.
        match self.state {
            State::Finished => {}
            State::Folder => drop(fs::remove_dir_all(&self.unfinished)),
            State::Zip { .. } => drop(fs::remove_file(&self.unfinished)),
        }
    }
}

fn refuse_existing(target: &Path, packing: Packing, replace: bool) -> Result<(), ArchiveError> {
    let path = || target.to_owned();
    let Ok(found) = fs::symlink_metadata(target) else { return Ok(()) };
    if !replace || found.is_dir() != (packing == Packing::Folder) {
        return Err(ArchiveError::Exists { path: path() });
    }
    if found.is_dir() { refuse_foreign(target) } else { Ok(()) }
}

/// Refuses to delete a folder that holds anything but members of an archive: a `manifest.json` alone many a folder has.
fn refuse_foreign(folder: &Path) -> Result<(), ArchiveError> {
    match Unpacker::open(folder) {
        Ok(unpacker) if unpacker.members().contains(&&Member::Exchange) => Ok(()),
        Ok(unpacker) if unpacker.members().is_empty() => Ok(()),
        Err(error @ ArchiveError::Io { .. }) => Err(error),
        _ => Err(ArchiveError::Foreign { path: folder.to_owned() }),
    }
}

fn deflated(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn end_zip(mut file: BufWriter<File>, entries: &[Entry]) -> std::io::Result<()> {
    let mut bytes = 0;
    for entry in entries {
        let header = entry.central_header();
        bytes += header.len() as u64;
        file.write_all(&header)?;
    }
    let offset = entries.last().map_or(0, Entry::end);
    file.write_all(&Directory { members: entries.len() as u64, offset, bytes }.ending())?;
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}

const _: () = assert!(MEMBER_BYTES_MAX < u32::MAX as u64);
