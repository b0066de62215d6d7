//! An archive that may come from anyone.

use std::io;
use std::path::Path;

use fengsui_event::Digest;

use super::line::{read_keys, read_record};
use super::unpacking::Unpacker;
use super::writer::is_full;
use super::{ArchiveError, ArchiveExchange, ArchiveKey, ArchiveRecord, ListedFile, Manifest, Member};
use crate::checkpoint::{Origin, SignedCheckpoint};
use crate::tiles::{TileError, TilePath, TileSource};

/// An archive whose members are exactly those of its manifest. What is read from it is held against the manifest's digests; whether
/// the parts fit each other, [`Archive::check`] says.
#[derive(Debug)]
pub struct Archive {
    unpacker: Unpacker,
    manifest: Manifest,
    /// In order; those that the manifest lists are in the places of its list.
    members: Vec<Member>,
    /// The first positions of the files of events.
    files: Vec<u64>,
}

impl Archive {
    /// Opens a ZIP file or a folder.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let unpacker = Unpacker::open(path)?;
        let found = unpacker.members();
        if found.binary_search(&&Member::Manifest).is_err() {
            let reason = "it has no manifest.json".to_owned();
            return Err(ArchiveError::NotAnArchive { path: path.to_owned(), reason });
        }
        let manifest = Manifest::read(&unpacker.read(&Member::Manifest)?)?;
        let members = manifest.members()?;
        compare_members(&members, &found)?;
        require_whole(&manifest, &members)?;
        if unpacker.read(&Member::Sums)? != manifest.sums() {
            let reason = "it does not give the digests of the manifest, or not the manifest's own";
            return Err(ArchiveError::content(&Member::Sums, &reason));
        }
        let files =
            members.iter().filter_map(|member| if let Member::Events(first) = member { Some(*first) } else { None });
        let files: Vec<u64> = files.collect();
        if files.first() != Some(&manifest.first) || files.last().is_some_and(|last| *last > manifest.last) {
            return Err(ArchiveError::content(&Member::Manifest, "its files of events are not those of its positions"));
        }
        Ok(Self { unpacker, manifest, members, files })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.unpacker.path()
    }

    /// What it says to hold.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The log that it is of.
    pub fn origin(&self) -> Origin {
        Origin::of(self.manifest.region)
    }

    /// All members, in order.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// A member's bytes, which are those of the manifest.
    pub fn read(&self, member: &Member) -> Result<Vec<u8>, ArchiveError> {
        let place = self.members.binary_search(member);
        let listed: Option<&ListedFile> = place.ok().and_then(|place| self.manifest.files.get(place));
        let bytes = self.unpacker.read(member)?;
        let Some(listed) = listed else {
            // Manifest and sums were checked when the archive was opened.
            return Ok(bytes);
        };
        let (found, found_bytes) = (Digest::of(&bytes), bytes.len() as u64);
        if found == listed.sha256 && found_bytes == listed.bytes {
            return Ok(bytes);
        }
        Err(ArchiveError::Differs {
            name: member.to_string(),
            expected: listed.sha256,
            expected_bytes: listed.bytes,
            found,
            found_bytes,
        })
    }

    /// Whom it says that trust starts from.
    pub fn exchange(&self) -> Result<ArchiveExchange, ArchiveError> {
        let exchange = ArchiveExchange::read(&self.read(&Member::Exchange)?)?;
        if exchange.region == self.manifest.region && exchange.authority == self.manifest.authority {
            return Ok(exchange);
        }
        Err(ArchiveError::content(&Member::Exchange, "its region or authority is not that of the manifest"))
    }

    /// The keys that it states.
    pub fn keys(&self) -> Result<Vec<ArchiveKey>, ArchiveError> {
        let refuse = |(line, reason)| ArchiveError::Line { name: Member::Keys.to_string(), line, reason };
        read_keys(&self.read(&Member::Keys)?).map_err(refuse)
    }

    /// The newest checkpoint, if there is one. Its signatures are not checked yet.
    pub fn checkpoint(&self) -> Result<Option<SignedCheckpoint>, ArchiveError> {
        if self.members.binary_search(&Member::Checkpoint).is_err() {
            return Ok(None);
        }
        self.note(&Member::Checkpoint).map(Some)
    }

    /// The sizes of the trees that there are checkpoints of, from the smallest on.
    pub fn checkpoint_sizes(&self) -> impl Iterator<Item = u64> {
        self.members
            .iter()
            .filter_map(|member| if let Member::CheckpointAt(size) = member { Some(*size) } else { None })
    }

    /// The checkpoint of this size. Its signatures are not checked yet.
    pub fn checkpoint_at(&self, size: u64) -> Result<SignedCheckpoint, ArchiveError> {
        let member = Member::CheckpointAt(size);
        let signed = self.note(&member)?;
        let checkpoint = signed.checkpoint();
        if checkpoint.size == size && checkpoint.origin == self.origin() {
            return Ok(signed);
        }
        Err(ArchiveError::content(&member, "it is the checkpoint of another size or another log"))
    }

    /// The texts of the rulebooks, by the position of their publication.
    pub fn rulebooks(&self) -> impl Iterator<Item = Result<(u64, String), ArchiveError>> {
        let positions =
            self.members.iter().filter_map(|member| if let Member::Rulebook(at) = member { Some(*at) } else { None });
        positions.map(|position| {
            let member = Member::Rulebook(position);
            let text = String::from_utf8(self.read(&member)?);
            Ok((position, text.map_err(|error| ArchiveError::content(&member, &error))?))
        })
    }

    /// The records from a position on, in order. After an error there is nothing more.
    pub fn records(&self, from: u64) -> Records<'_> {
        let from = from.max(self.manifest.first);
        let file = self.files.partition_point(|first| *first <= from).saturating_sub(1);
        Records { archive: self, file, from, open: None, is_over: from > self.manifest.last }
    }

    fn note(&self, member: &Member) -> Result<SignedCheckpoint, ArchiveError> {
        let text = String::from_utf8(self.read(member)?).map_err(|error| ArchiveError::content(member, &error))?;
        let signed: SignedCheckpoint = text.parse().map_err(|error| ArchiveError::content(member, &error))?;
        Ok(signed)
    }
}

/// What is there against what the manifest lists: the first member that is too many or missing.
fn compare_members(expected: &[Member], found: &[&Member]) -> Result<(), ArchiveError> {
    if let Some(extra) = found.iter().find(|member| expected.binary_search(member).is_err()) {
        return Err(ArchiveError::Extra { name: extra.to_string() });
    }
    match expected.iter().find(|member| found.binary_search(member).is_err()) {
        Some(missing) => Err(ArchiveError::Missing { name: missing.to_string() }),
        None => Ok(()),
    }
}

/// What every archive of the manifest's positions has.
fn require_whole(manifest: &Manifest, members: &[Member]) -> Result<(), ArchiveError> {
    let always = [Member::Exchange, Member::Keys, Member::Readme];
    let missing = always.iter().find(|member| members.binary_search(member).is_err());
    if let Some(missing) = missing {
        return Err(ArchiveError::Missing { name: missing.to_string() });
    }
    if manifest.origin != Origin::of(manifest.region).to_string() {
        return Err(ArchiveError::content(&Member::Manifest, "its origin is not that of its region"));
    }
    let mut tiles = members.iter().filter(|member| matches!(member, Member::Tile(_)));
    for path in TilePath::all_in_tree(manifest.last) {
        match tiles.next() {
            Some(Member::Tile(found)) if *found == path => {}
            _ => return Err(ArchiveError::Missing { name: path.to_string() }),
        }
    }
    match tiles.next() {
        Some(extra) => Err(ArchiveError::Extra { name: extra.to_string() }),
        None => Ok(()),
    }
}

impl TileSource for Archive {
    fn tile(&self, path: TilePath) -> Result<Vec<u8>, TileError> {
        let held = TilePath::in_tree(path.level(), path.index(), self.manifest.last);
        let Some(held) = held.filter(|held| held.width() >= path.width()) else {
            return Err(TileError::Missing { path, place: self.path().display().to_string() });
        };
        let read = self.read(&Member::Tile(held));
        let io = |error| TileError::Io { file: self.path().to_owned(), source: io::Error::other(error) };
        let mut bytes = read.map_err(io)?;
        if bytes.len() != held.bytes() {
            return Err(TileError::WrongLength { path: held, expected: held.bytes(), found: bytes.len() });
        }
        bytes.truncate(path.bytes());
        Ok(bytes)
    }
}

/// Records in order, read file by file.
#[derive(Debug)]
pub struct Records<'a> {
    archive: &'a Archive,
    /// Place of the next file to open.
    file: usize,
    /// The first position that is wanted.
    from: u64,
    open: Option<OpenFile>,
    is_over: bool,
}

#[derive(Debug)]
struct OpenFile {
    first: u64,
    bytes: Vec<u8>,
    at: usize,
    /// Lines that were read.
    lines: u64,
}

impl Records<'_> {
    fn next_record(&mut self) -> Result<Option<ArchiveRecord>, ArchiveError> {
        loop {
            let Some(open) = self.open.as_mut() else {
                let first = self.archive.files.get(self.file).copied();
                let Some(first) = first else { return Ok(None) };
                let bytes = self.archive.read(&Member::Events(first))?;
                self.file += 1;
                self.open = Some(OpenFile { first, bytes, at: 0, lines: 0 });
                continue;
            };
            let position = open.first + open.lines;
            let rest = open.bytes.get(open.at..).unwrap_or_default();
            if rest.is_empty() {
                let ended = self.open.take();
                self.check_end(ended.as_ref(), position)?;
                continue;
            }
            let line_bytes = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            let line = rest.get(..line_bytes).unwrap_or_default();
            let refuse = |reason| ArchiveError::Line {
                name: Member::Events(open.first).to_string(),
                line: open.lines + 1,
                reason,
            };
            if position > self.archive.manifest.last || (open.lines > 0 && is_full(open.lines, open.at)) {
                return Err(refuse("it is one more than the file takes".to_owned()));
            }
            let record = if position < self.from { None } else { Some(read_record(line).map_err(refuse)?) };
            if let Some(record) = record.as_ref().filter(|record| record.position != position) {
                return Err(refuse(format!("position {position} is due, found {}", record.position)));
            }
            open.at += line_bytes;
            open.lines += 1;
            if record.is_some() {
                return Ok(record);
            }
        }
    }

    /// Whether a file ended where the next one begins, and full.
    fn check_end(&self, ended: Option<&OpenFile>, next: u64) -> Result<(), ArchiveError> {
        let Some(&OpenFile { first, at, lines, .. }) = ended else { return Ok(()) };
        let after = self.archive.files.get(self.file).copied();
        let is_good = match after {
            Some(after) => after == next && is_full(lines, at),
            None => next == self.archive.manifest.last + 1,
        };
        if is_good {
            return Ok(());
        }
        let due = after.unwrap_or(self.archive.manifest.last + 1);
        let reason = format!("it ends before position {next}, expected a full file that ends before position {due}");
        Err(ArchiveError::content(&Member::Events(first), &reason))
    }
}

impl Iterator for Records<'_> {
    type Item = Result<ArchiveRecord, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.next_record().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}
