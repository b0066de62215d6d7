//! Reading members from a ZIP file or a folder. Nothing is taken on trust, and nothing is ever written anywhere.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use flate2::read::DeflateDecoder;

use super::zip_form::{Directory, ENDING_BYTES_MAX, Entry, Method, next_entry};
use super::{ArchiveError, MEMBERS_MAX, Member, RATIO_MAX};

/// The deepest folder that a member lies in, with room for tiles of any tree.
const DEPTH_MAX: usize = 12;
/// A directory's header is at most as long as this.
const HEADER_BYTES_MAX: u64 = 256;
/// Deflated members that are shorter than this may unpack to a multiple of [`RATIO_MAX`].
const RATIO_FREE_BYTES: u64 = 64 * 1024;

/// Where members are read from.
#[derive(Debug)]
pub struct Unpacker {
    path: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Zip { file: Mutex<File>, entries: Vec<(Member, Entry)> },
    Folder { members: Vec<Member> },
}

impl Unpacker {
    /// Opens a ZIP file or folder and reads which members it has, which are then in the archive's order.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let found = fs::metadata(path).map_err(ArchiveError::io(path))?;
        let place = if found.is_dir() {
            let mut members = Vec::new();
            walk(path, "", 0, &mut members)?;
            members.sort();
            Place::Folder { members }
        } else {
            let mut file = File::open(path).map_err(ArchiveError::io(path))?;
            let mut magic = [0; 4];
            if !found.is_file() || file.read_exact(&mut magic).is_err() || magic != *b"PK\x03\x04" {
                let reason = "it does not begin as a ZIP file does".to_owned();
                return Err(ArchiveError::NotAnArchive { path: path.to_owned(), reason });
            }
            let entries = directory(&mut file, path, found.len())?;
            Place::Zip { file: Mutex::new(file), entries }
        };
        Ok(Self { path: path.to_owned(), place })
    }

    /// Where the archive is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The members that are there, in the archive's order.
    pub fn members(&self) -> Vec<&Member> {
        match &self.place {
            Place::Zip { entries, .. } => entries.iter().map(|(member, _)| member).collect(),
            Place::Folder { members } => members.iter().collect(),
        }
    }

    /// Reads a member whole. It is not checked yet, except that it is not larger than it may be.
    pub fn read(&self, member: &Member) -> Result<Vec<u8>, ArchiveError> {
        match &self.place {
            Place::Folder { members } => {
                let bytes_max = super::bytes_max(member, members.len() as u64);
                read_file(&self.path.join(member.to_string()), member, bytes_max)
            }
            Place::Zip { file, entries } => {
                let missing = || ArchiveError::Missing { name: member.to_string() };
                let at = entries.binary_search_by(|(found, _)| found.cmp(member)).map_err(|_| missing())?;
                let (_, entry) = entries.get(at).ok_or_else(missing)?;
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                read_entry(&mut file, &self.path, member, entry)
            }
        }
    }
}

fn read_file(path: &Path, member: &Member, bytes_max: u64) -> Result<Vec<u8>, ArchiveError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ArchiveError::Missing { name: member.to_string() });
        }
        opened => opened.map_err(ArchiveError::io(path))?,
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(ArchiveError::io(path))?;
    if bytes.len() as u64 > bytes_max { Err(bomb(member, bytes_max)) } else { Ok(bytes) }
}

fn bomb(member: &Member, bytes_max: u64) -> ArchiveError {
    ArchiveError::Bomb { name: member.to_string(), bound: format!("the bound of {bytes_max} bytes") }
}

fn read_entry(file: &mut File, path: &Path, member: &Member, entry: &Entry) -> Result<Vec<u8>, ArchiveError> {
    let form = |offset, reason: &str| ArchiveError::Form { offset, reason: format!("{member}: {reason}") };
    file.seek(SeekFrom::Start(entry.offset)).map_err(ArchiveError::io(path))?;
    let expected = entry.local_header();
    let mut header = vec![0; expected.len()];
    file.read_exact(&mut header).map_err(ArchiveError::io(path))?;
    if header != expected {
        return Err(form(entry.offset, "its header is not the one that its directory entry gives"));
    }
    // The directory was held against the bounds, so that nothing large is made on its word.
    let mut bytes = Vec::new();
    let kept = u64::from(entry.kept_bytes);
    match entry.method {
        Method::Stored => {
            file.take(kept).read_to_end(&mut bytes).map_err(ArchiveError::io(path))?;
        }
        Method::Deflated => {
            let mut decoder = DeflateDecoder::new(BufReader::new(file.take(kept)));
            let unpacked = decoder.by_ref().take(u64::from(entry.bytes) + 1).read_to_end(&mut bytes);
            unpacked.map_err(|error| form(entry.content(), &format!("cannot be unpacked: {error}")))?;
            if bytes.len() as u64 > u64::from(entry.bytes) {
                let bound = format!("the {} bytes of its header", entry.bytes);
                return Err(ArchiveError::Bomb { name: member.to_string(), bound });
            }
            if decoder.total_in() != kept {
                return Err(form(entry.content(), "has bytes behind its end"));
            }
        }
    }
    if bytes.len() as u64 != u64::from(entry.bytes) || crc32fast::hash(&bytes) != entry.crc {
        return Err(form(entry.content(), "its size or CRC-32 is not that of its header"));
    }
    Ok(bytes)
}

/// The members of a ZIP file, each held against the bounds and the form.
fn directory(file: &mut File, path: &Path, file_bytes: u64) -> Result<Vec<(Member, Entry)>, ArchiveError> {
    let tail_bytes = file_bytes.min(ENDING_BYTES_MAX);
    let tail = read_at(file, path, file_bytes - tail_bytes, tail_bytes)?;
    let found = Directory::find(&tail, file_bytes)?;
    if found.members > MEMBERS_MAX || found.bytes > MEMBERS_MAX * HEADER_BYTES_MAX {
        return Err(ArchiveError::TooMany { what: "members", max: MEMBERS_MAX });
    }
    let headers = read_at(file, path, found.offset, found.bytes)?;
    let mut rest = headers.as_slice();
    let mut entries: Vec<(Member, Entry)> = Vec::new();
    let mut offset = 0;
    while !rest.is_empty() {
        let at = found.offset + (headers.len() - rest.len()) as u64;
        let (entry, behind) = next_entry(rest, offset, at)?;
        let member: Member = entry.name.parse()?;
        if entries.last().is_some_and(|(last, _)| *last >= member) {
            return Err(ArchiveError::Repeated { name: entry.name });
        }
        refuse_bomb(&member, &entry, super::bytes_max(&member, found.members))?;
        offset = entry.end();
        entries.push((member, entry));
        rest = behind;
    }
    if entries.len() as u64 != found.members || offset != found.offset {
        let reason = "its directory does not follow its members, or counts others".to_owned();
        return Err(ArchiveError::Form { offset: found.offset, reason });
    }
    Ok(entries)
}

fn refuse_bomb(member: &Member, entry: &Entry, bytes_max: u64) -> Result<(), ArchiveError> {
    let (kept, bytes) = (u64::from(entry.kept_bytes), u64::from(entry.bytes));
    if bytes > bytes_max || kept > bytes_max {
        return Err(bomb(member, bytes_max));
    }
    if bytes > RATIO_FREE_BYTES && bytes / RATIO_MAX > kept {
        let bound = format!("{RATIO_MAX} times its packed size");
        return Err(ArchiveError::Bomb { name: member.to_string(), bound });
    }
    Ok(())
}

fn read_at(file: &mut File, path: &Path, offset: u64, bytes: u64) -> Result<Vec<u8>, ArchiveError> {
    file.seek(SeekFrom::Start(offset)).map_err(ArchiveError::io(path))?;
    let mut read = Vec::new();
    file.take(bytes).read_to_end(&mut read).map_err(ArchiveError::io(path))?;
    Ok(read)
}

/// Collects the names below a folder. Whatever is neither a folder nor a regular file, links above all, is refused.
fn walk(root: &Path, within: &str, depth: usize, members: &mut Vec<Member>) -> Result<(), ArchiveError> {
    let folder = root.join(within);
    let mut is_empty = true;
    for entry in fs::read_dir(&folder).map_err(ArchiveError::io(&folder))? {
        is_empty = false;
        let entry = entry.map_err(ArchiveError::io(&folder))?;
        let kind = entry.file_type().map_err(ArchiveError::io(&folder))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { return Err(ArchiveError::name(name.as_encoded_bytes())) };
        let name = if within.is_empty() { name.to_owned() } else { format!("{within}/{name}") };
        if kind.is_dir() && depth < DEPTH_MAX {
            walk(root, &name, depth + 1, members)?;
        } else if kind.is_file() {
            members.push(name.parse()?);
        } else {
            return Err(ArchiveError::name(name.as_bytes()));
        }
        if members.len() as u64 > MEMBERS_MAX {
            return Err(ArchiveError::TooMany { what: "members", max: MEMBERS_MAX });
        }
    }
    // An empty folder is no member, so it is too many.
    if is_empty && depth > 0 { Err(ArchiveError::name(within.as_bytes())) } else { Ok(()) }
}
