//! Writing an archive from the records of a log, in one pass and in flat memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use fengsui_event::catalogue::TYPE_PREFIX;
use fengsui_event::{AgencyCode, Digest, KeyId, RegionCode, schema};
use serde::Deserialize;
use tempfile::TempDir;

use super::exchange::ArchiveExchange;
use super::line::{write_keys, write_record};
use super::notes::Notes;
use super::packing::Packer;
use super::readme::{Examples, is_plain, readme};
use super::{
    ArchiveError, ArchiveKey, ContentRef, FILE_BYTES_FULL, FILE_RECORDS_MAX, FORMAT, ListedFile, Manifest, Member,
    NewestCheckpoint, NotShown, Packing, VERSION,
};
use crate::checkpoint::{Origin, SignedCheckpoint};
use crate::hash::leaf_hash;
use crate::tiles::{TileFolder, TilePath, TileSource as _, TreeWriter};

/// Told how many members of how many are written; answers whether to go on.
pub type Watch<'a> = &'a mut dyn FnMut(u64, u64) -> ControlFlow<()>;

/// Which part of which log, and what is known of it besides its records.
#[derive(Clone, Debug)]
pub struct ArchiveRange {
    /// Region of the exchange.
    pub region: RegionCode,
    /// The agency that runs it.
    pub authority: AgencyCode,
    /// The authority's keys before the first event.
    pub authority_keys: Vec<KeyId>,
    /// The first position whose record is written.
    pub first: u64,
    /// The last position.
    pub last: u64,
    /// Keys as of `last`: what is registered or ended later is left out.
    pub keys: Vec<ArchiveKey>,
    /// Text of each rulebook that was in effect or became so, by the position of its publication; later ones are left out.
    pub rulebooks: BTreeMap<u64, String>,
}

/// Takes the records of a log from position 1 on, keeps those of the range, and writes the archive.
pub struct ArchiveWriter {
    range: ArchiveRange,
    output: Output,
    tree: TreeWriter,
    notes: Notes,
    schemas: BTreeMap<String, serde_json::Value>,
    types: BTreeSet<String>,
    /// Lines that are not written yet, the position of the first and how many they are.
    lines: Vec<u8>,
    lines_first: u64,
    lines_count: u64,
    next: u64,
    events: u64,
    example: Option<u64>,
    /// Tiles and notes until they are written; removed when this is dropped.
    _work: TempDir,
}

/// Members go out, and the list of them grows.
struct Output {
    packer: Packer,
    files: Vec<ListedFile>,
}

impl Output {
    fn add(&mut self, member: &Member, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.packer.add(member, bytes)?;
        let (name, size, sha256) = (member.to_string(), bytes.len() as u64, Digest::of(bytes));
        self.files.push(ListedFile { name, bytes: size, sha256 });
        Ok(())
    }
}

impl ArchiveWriter {
    /// Begins an archive at `target`. What is there already is replaced only if `replace` says so, and only at the end.
    pub fn begin(
        target: &Path,
        packing: Packing,
        replace: bool,
        mut range: ArchiveRange,
    ) -> Result<Self, ArchiveError> {
        let last = range.last;
        range.keys.retain(|key| key.since <= last);
        for key in &mut range.keys {
            key.until = key.until.filter(|until| *until <= last);
        }
        range.keys.sort();
        range.rulebooks.retain(|position, _| *position <= last);
        let packer = Packer::begin(target, packing, replace)?;
        let beside = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let work = tempfile::Builder::new().prefix(".fengsui-archive-").tempdir_in(beside);
        let work = work.map_err(ArchiveError::io(beside))?;
        let tree =
            TileFolder::create(work.path()).and_then(|folder| TreeWriter::open(folder, 0)).map_err(tile_error)?;
        let notes = Notes::new(Origin::of(range.region), work.path())?;
        let mut output = Output { packer, files: Vec::new() };
        let exchange = ArchiveExchange::new(range.region, range.authority, range.authority_keys.clone());
        output.add(&Member::Exchange, exchange.text().as_bytes())?;
        let schemas = schema::event_schemas();
        let schemas =
            schemas.into_iter().filter_map(|(file, schema)| Some((file.strip_suffix(".json")?.to_owned(), schema)));
        let lines_first = range.first;
        Ok(Self {
            output,
            tree,
            notes,
            schemas: schemas.collect(),
            types: BTreeSet::new(),
            lines: Vec::new(),
            lines_first,
            lines_count: 0,
            next: 1,
            events: 0,
            example: None,
            range,
            _work: work,
        })
    }

    /// Takes the next record, from position 1 on; `None` for a position that the log has lost.
    pub fn take(&mut self, position: u64, content: Option<ContentRef<'_>>) -> Result<(), ArchiveError> {
        if position != self.next || position > self.range.last {
            return Err(ArchiveError::Order { expected: self.next, found: position });
        }
        self.next += 1;
        self.tree.push(leaf_hash(content.map_or(&[], |content| content.bytes))).map_err(tile_error)?;
        // Cosignatures of later checkpoints of the part before are not looked for: they are not among the records.
        if position < self.range.first {
            return Ok(());
        }
        if let Some(content) = content {
            self.events += 1;
            self.notes.take(position, content)?;
            self.note_type(content.bytes);
            if self.example.is_none() && is_plain(content.bytes) {
                self.example = Some(position);
            }
        }
        write_record(&mut self.lines, position, content);
        self.lines_count += 1;
        if is_full(self.lines_count, self.lines.len()) { self.end_file() } else { Ok(()) }
    }

    /// Writes what is left, and the archive takes its name. Every position up to the last must have been taken.
    pub fn finish(mut self, watch: Watch<'_>) -> Result<Manifest, ArchiveError> {
        if self.next != self.range.last + 1 || self.range.first > self.range.last {
            return Err(ArchiveError::Order { expected: self.next, found: self.range.last + 1 });
        }
        self.end_file()?;
        self.tree.seal().map_err(tile_error)?;
        self.write_tiles(watch)?;
        let newest = self.write_checkpoints(watch)?;
        let Self { range, mut output, tree, schemas, types, events, example, .. } = self;
        write_known(&mut output, &range)?;
        for short in &types {
            if let Some(schema) = schemas.get(short) {
                let mut text = serde_json::to_vec_pretty(schema).unwrap_or_default();
                text.push(b'\n');
                output.add(&Member::Schema(short.clone()), &text)?;
            }
        }
        let ArchiveRange { first, last, .. } = range;
        let mut manifest = Manifest {
            format: FORMAT.to_owned(),
            version: VERSION,
            region: range.region,
            authority: range.authority,
            origin: Origin::of(range.region).to_string(),
            first,
            last,
            events,
            missing: last - first + 1 - events,
            root: tree.root(),
            checkpoint: newest.as_ref().map(NewestCheckpoint::of),
            not_shown: if first == 1 { Vec::new() } else { NotShown::ALL.to_vec() },
            files: Vec::new(),
        };
        let examples = Examples { position: example.unwrap_or(first), checkpoint: newest.as_ref(), keys: &range.keys };
        output.add(&Member::Readme, readme(&manifest, &examples).as_bytes())?;
        manifest.files = output.files;
        output.packer.add(&Member::Manifest, &manifest.text())?;
        output.packer.add(&Member::Sums, &manifest.sums())?;
        output.packer.finish()?;
        Ok(manifest)
    }

    fn note_type(&mut self, bytes: &[u8]) {
        #[derive(Deserialize)]
        struct Typed<'a> {
            #[serde(rename = "type", borrow)]
            type_text: std::borrow::Cow<'a, str>,
        }
        let typed: Option<Typed<'_>> = serde_json::from_slice(bytes).ok();
        let short = typed.as_ref().and_then(|typed| typed.type_text.strip_prefix(TYPE_PREFIX));
        if let Some(short) = short.filter(|short| self.schemas.contains_key(*short) && !self.types.contains(*short)) {
            self.types.insert(short.to_owned());
        }
    }

    fn end_file(&mut self) -> Result<(), ArchiveError> {
        if self.lines_count > 0 {
            self.output.add(&Member::Events(self.lines_first), &self.lines)?;
            self.lines.clear();
            self.lines_first += self.lines_count;
            self.lines_count = 0;
        }
        Ok(())
    }

    fn write_tiles(&mut self, watch: Watch<'_>) -> Result<(), ArchiveError> {
        let total = self.range.last.div_ceil(256);
        for path in TilePath::all_in_tree(self.range.last) {
            let done = if path.level() == 0 { path.index() } else { total };
            if watch(done, total).is_break() {
                return Err(ArchiveError::Interrupted);
            }
            let bytes = self.tree.folder().tile(path).map_err(tile_error)?;
            self.output.add(&Member::Tile(path), &bytes)?;
        }
        Ok(())
    }

    /// Writes the checkpoints; the newest one stands before the others.
    fn write_checkpoints(&mut self, watch: Watch<'_>) -> Result<Option<SignedCheckpoint>, ArchiveError> {
        let Self { range, output, tree, notes, .. } = self;
        let sizes = notes.sizes();
        let mut newest = None;
        for size in sizes.iter().rev() {
            newest = notes.merged(*size, range.authority, &range.keys, tree.folder())?;
            if newest.is_some() {
                break;
            }
        }
        let Some(newest) = newest else { return Ok(None) };
        output.add(&Member::Checkpoint, newest.to_string().as_bytes())?;
        for (done, size) in (0..).zip(&sizes) {
            if watch(done, sizes.len() as u64).is_break() {
                return Err(ArchiveError::Interrupted);
            }
            if let Some(signed) = notes.merged(*size, range.authority, &range.keys, tree.folder())? {
                output.add(&Member::CheckpointAt(*size), signed.to_string().as_bytes())?;
            }
        }
        Ok(Some(newest))
    }
}

/// Keys and rulebooks.
fn write_known(output: &mut Output, range: &ArchiveRange) -> Result<(), ArchiveError> {
    output.add(&Member::Keys, &write_keys(&range.keys))?;
    let pems: BTreeMap<KeyId, String> = range.keys.iter().map(|key| (key.keyid, key.pem())).collect();
    for (keyid, pem) in pems {
        output.add(&Member::Key(keyid), pem.as_bytes())?;
    }
    for (position, text) in &range.rulebooks {
        output.add(&Member::Rulebook(*position), text.as_bytes())?;
    }
    Ok(())
}

/// Whether a file of events with so many records and bytes takes no further one.
pub(super) fn is_full(records: u64, bytes: usize) -> bool {
    records >= FILE_RECORDS_MAX || bytes >= FILE_BYTES_FULL
}

pub(super) fn tile_error(error: crate::tiles::TileError) -> ArchiveError {
    use crate::tiles::TileError;
    match error {
        TileError::Io { file, source } => ArchiveError::Io { path: file, source },
        error => ArchiveError::content(&"the tree", &error),
    }
}

impl NewestCheckpoint {
    pub(super) fn of(signed: &SignedCheckpoint) -> Self {
        let checkpoint = signed.checkpoint();
        Self { size: checkpoint.size, root: checkpoint.root, digest: checkpoint.digest }
    }
}
