//! The checkpoints that travel on the log: collected while records pass, put together with all their cosignatures at the end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use fengsui_event::{AgencyCode, Event, Payload};

use super::{ArchiveError, ArchiveKey, ContentRef};
use crate::checkpoint::{NOTE_BYTES_MAX, Origin, SignedCheckpoint};
use crate::hash::Hash;
use crate::tiles::{TileSource, root};

/// How the subjects of events with checkpoints end.
const SUBJECT_END: &str = ".checkpoint.cosigned";

/// Notes as they came, in a file of their own, so that memory holds only where they are.
#[derive(Debug)]
pub struct Notes {
    origin: Origin,
    path: PathBuf,
    file: File,
    bytes: u64,
    /// By the size that they cover, in the order of the log.
    places: BTreeMap<u64, Vec<NotePlace>>,
}

#[derive(Clone, Copy, Debug)]
struct NotePlace {
    position: u64,
    agency: AgencyCode,
    offset: u64,
    bytes: u32,
}

impl Notes {
    /// None yet; they are kept in a file in this folder.
    pub fn new(origin: Origin, folder: &Path) -> Result<Self, ArchiveError> {
        let path = folder.join("notes");
        let options = File::options().read(true).write(true).create_new(true).open(&path);
        let file = options.map_err(ArchiveError::io(&path))?;
        Ok(Self { origin, path, file, bytes: 0, places: BTreeMap::new() })
    }

    /// Takes the note of an event that brings one. What is none is passed over: the event itself is kept in any case.
    pub fn take(&mut self, position: u64, content: ContentRef<'_>) -> Result<(), ArchiveError> {
        if !content.subject.ends_with(SUBJECT_END) {
            return Ok(());
        }
        let Ok(event) = Event::parse(content.bytes) else { return Ok(()) };
        let Some(Payload::CheckpointCosigned(data)) = event.payload() else { return Ok(()) };
        let Ok(signed) = data.note.parse::<SignedCheckpoint>() else { return Ok(()) };
        let size = signed.checkpoint().size;
        if signed.checkpoint().origin != self.origin || size == 0 || size >= position {
            return Ok(());
        }
        self.file.write_all(data.note.as_bytes()).map_err(ArchiveError::io(&self.path))?;
        let bytes = u32::try_from(data.note.len()).unwrap_or(u32::MAX);
        let place = NotePlace { position, agency: event.source.agency, offset: self.bytes, bytes };
        self.places.entry(size).or_default().push(place);
        self.bytes += u64::from(bytes);
        Ok(())
    }

    /// The sizes for which there are notes, from the smallest on.
    pub fn sizes(&self) -> Vec<u64> {
        self.places.keys().copied().collect()
    }

    /// The checkpoint of this size with every signature on it that is good, if the authority has signed one with the root that these
    /// tiles have: the first such text on the log.
    pub fn merged(
        &mut self,
        size: u64,
        authority: AgencyCode,
        keys: &[ArchiveKey],
        tiles: &impl TileSource,
    ) -> Result<Option<SignedCheckpoint>, ArchiveError> {
        let expected = root(tiles, size).map_err(|error| ArchiveError::content(&"the tree", &error))?;
        let mut merged: Option<SignedCheckpoint> = None;
        for place in self.places.get(&size).cloned().unwrap_or_default() {
            let note = self.read(place)?;
            let Some((log, cosigners)) = good_lines(&note, place, expected, authority, keys) else { continue };
            let merged = merged.get_or_insert(log);
            for cosigner in &cosigners {
                // Another text with the same root, or no room for more lines: the events hold them all the same.
                let _ = merged.merge(cosigner);
            }
        }
        Ok(merged)
    }

    fn read(&mut self, place: NotePlace) -> Result<String, ArchiveError> {
        let mut note = String::new();
        self.file.seek(SeekFrom::Start(place.offset)).map_err(ArchiveError::io(&self.path))?;
        let mut limited = (&self.file).take(u64::from(place.bytes).min(NOTE_BYTES_MAX as u64));
        limited.read_to_string(&mut note).map_err(ArchiveError::io(&self.path))?;
        Ok(note)
    }
}

/// The note once for each line that verifies: first that of the log, by a key that the authority has had, then those of the cosigner, by
/// keys that the agency of the event had at that position. Nothing without a line of the log.
fn good_lines(
    note: &str,
    place: NotePlace,
    root: Hash,
    authority: AgencyCode,
    keys: &[ArchiveKey],
) -> Option<(SignedCheckpoint, Vec<SignedCheckpoint>)> {
    let signed: SignedCheckpoint = note.parse().ok()?;
    if signed.checkpoint().root != root {
        return None;
    }
    let name = signed.checkpoint().origin.cosigner_name(place.agency);
    let of_log = || keys.iter().filter(|key| key.agency == authority && key.since < place.position);
    let of_agency = || keys.iter().filter(|key| key.agency == place.agency && key.is_good_at(place.position));
    let mut log = None;
    let mut cosigners = Vec::new();
    for line in note.get(signed.text().len() + 1..)?.lines() {
        let alone: SignedCheckpoint = format!("{}\n{line}\n", signed.text()).parse().ok()?;
        if log.is_none() && of_log().any(|key| alone.is_signed_by(key.keyid)) {
            log = Some(alone);
        } else if of_agency().any(|key| alone.cosignature(&name, key.keyid).is_some()) {
            cosigners.push(alone);
        }
    }
    Some((log?, cosigners))
}
