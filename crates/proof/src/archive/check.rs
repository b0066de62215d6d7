//! Whether the parts of an archive fit each other: everything that needs neither policy nor a state.

use std::collections::{BTreeMap, BTreeSet};

use fengsui_event::{Event, Payload};

use super::readme::{Examples, is_plain, readme};
use super::{Archive, ArchiveError, ArchiveKey, ArchiveRecord, Member, NewestCheckpoint, writer::Watch};
use crate::checkpoint::SignedCheckpoint;
use crate::hash::{HASH_BYTES, Hash, leaf_hash};
use crate::tiles::{TILE_WIDTH, TilePath, subtree_root};
use crate::tree::Frontier;

/// What was checked, and how much of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Checked {
    /// Members, each held against its digest.
    pub members: u64,
    /// Records.
    pub events: u64,
    /// Positions that the log has lost.
    pub missing: u64,
    /// Tiles, each held against the events or the tiles below it.
    pub tiles: u64,
    /// Checkpoints, each held against the tree.
    pub checkpoints: u64,
}

impl Archive {
    /// Reads every member and holds it against its digest, and whatever follows from the events against the events: tiles, the root,
    /// the roots of checkpoints, rulebooks, the files of keys, the text for people. Memory stays flat.
    ///
    /// What is left to whoever knows the rules: signatures of events, who may sign what at which position, chains, cosignatures.
    /// The error is the first thing that does not fit.
    pub fn check(&self, watch: Watch<'_>) -> Result<Checked, ArchiveError> {
        let mut checked = Checked { members: self.members().len() as u64, ..Checked::default() };
        let keys = self.check_keys()?;
        let mut pass = Pass::new(self)?;
        pass.read_earlier(watch)?;
        for record in self.records(self.manifest().first) {
            let record = record?;
            if watch(record.position, self.manifest().last).is_break() {
                return Err(ArchiveError::Interrupted);
            }
            pass.take(&record)?;
        }
        (checked.events, checked.missing) = (pass.events, pass.missing);
        let example = pass.example.unwrap_or(self.manifest().first);
        let roots = pass.finish()?;
        checked.tiles = TilePath::all_in_tree(self.manifest().last).count() as u64;
        let newest = self.check_checkpoints(&roots, &keys)?;
        checked.checkpoints = roots.len() as u64;
        let examples = Examples { position: example, checkpoint: newest.as_ref(), keys: &keys };
        if self.read(&Member::Readme)? != readme(self.manifest(), &examples).as_bytes() {
            let reason = "its text is not that of the format: do not run what it says";
            return Err(ArchiveError::contradiction(&Member::Readme, &reason));
        }
        self.check_others()?;
        Ok(checked)
    }

    fn check_keys(&self) -> Result<Vec<ArchiveKey>, ArchiveError> {
        let exchange = self.exchange()?;
        let keys = self.keys()?;
        let first: BTreeSet<_> = keys.iter().filter(|key| key.since == 0).map(|key| (key.agency, key.keyid)).collect();
        let stated: BTreeSet<_> = exchange.authority_keys.iter().map(|key| (exchange.authority, *key)).collect();
        if first != stated {
            let reason = "the keys that are good from the start are not those of exchange.toml";
            return Err(ArchiveError::contradiction(&Member::Keys, &reason));
        }
        let late = |key: &&ArchiveKey| key.since.max(key.until.unwrap_or_default()) > self.manifest().last;
        if let Some(key) = keys.iter().find(late) {
            let reason = format!("it tells of {} what came after the last position", key.keyid);
            return Err(ArchiveError::contradiction(&Member::Keys, &reason));
        }
        let pems: BTreeMap<Member, String> = keys.iter().map(|key| (Member::Key(key.keyid), key.pem())).collect();
        let files: Vec<&Member> = self.members().iter().filter(|member| matches!(member, Member::Key(_))).collect();
        if !files.iter().copied().eq(pems.keys()) {
            let reason = "its keys and the files in keys/ are not the same";
            return Err(ArchiveError::contradiction(&Member::Keys, &reason));
        }
        for (member, pem) in &pems {
            if self.read(member)? != pem.as_bytes() {
                return Err(ArchiveError::contradiction(member, "it is not the key of its name"));
            }
        }
        Ok(keys)
    }

    /// What no event of the archive tells anything about: schemas, and rulebooks from before its first position.
    fn check_others(&self) -> Result<(), ArchiveError> {
        for member in self.members() {
            match member {
                Member::Rulebook(position) if *position == 0 || *position > self.manifest().last => {
                    return Err(ArchiveError::contradiction(member, "there is no such position"));
                }
                Member::Rulebook(position) if *position < self.manifest().first => drop(self.read(member)?),
                Member::Schema(_) => drop(self.read(member)?),
                _ => {}
            }
        }
        Ok(())
    }

    /// The roots are those of the tree. Whether the authority's keys were good for it is not decided here, but it must have signed.
    fn check_checkpoints(
        &self,
        roots: &BTreeMap<u64, Hash>,
        keys: &[ArchiveKey],
    ) -> Result<Option<SignedCheckpoint>, ArchiveError> {
        let of_authority = || keys.iter().filter(|key| key.agency == self.manifest().authority);
        let mut last = None;
        for (size, root) in roots {
            let signed = self.checkpoint_at(*size)?;
            if signed.checkpoint().root != *root {
                let reason =
                    format!("the tree over {size} positions has the root {root}, not {}", signed.checkpoint().root);
                return Err(ArchiveError::contradiction(&Member::CheckpointAt(*size), &reason));
            }
            if !of_authority().any(|key| signed.is_signed_by(key.keyid)) {
                let reason = "no key of the authority has signed it";
                return Err(ArchiveError::contradiction(&Member::CheckpointAt(*size), reason));
            }
            last = Some(signed);
        }
        let newest = self.checkpoint()?;
        if newest != last {
            return Err(ArchiveError::contradiction(&Member::Checkpoint, "it is not the newest one of checkpoints/"));
        }
        if newest.as_ref().map(NewestCheckpoint::of) != self.manifest().checkpoint {
            return Err(ArchiveError::contradiction(&Member::Manifest, "its checkpoint is not the newest one"));
        }
        Ok(newest)
    }
}

/// One pass over all leaves.
struct Pass<'a> {
    archive: &'a Archive,
    frontier: Frontier,
    /// Leaves of the tile that is not full yet.
    open: Vec<Hash>,
    /// Roots of the full tiles of leaves.
    above: Vec<Hash>,
    /// Sizes of checkpoints that are still to come, the next one last.
    sizes: Vec<u64>,
    roots: BTreeMap<u64, Hash>,
    events: u64,
    missing: u64,
    example: Option<u64>,
}

impl<'a> Pass<'a> {
    fn new(archive: &'a Archive) -> Result<Self, ArchiveError> {
        let mut sizes: Vec<u64> = archive.checkpoint_sizes().collect();
        sizes.reverse();
        if let Some(size) = sizes.first().filter(|size| **size >= archive.manifest().last) {
            let reason = "the event that brings it would come after the last position";
            return Err(ArchiveError::contradiction(&Member::CheckpointAt(*size), &reason));
        }
        Ok(Self {
            archive,
            frontier: Frontier::new(),
            open: Vec::with_capacity(usize::from(TILE_WIDTH)),
            above: Vec::new(),
            sizes,
            roots: BTreeMap::new(),
            events: 0,
            missing: 0,
            example: None,
        })
    }

    /// Before the first record there is only what the tiles say.
    fn read_earlier(&mut self, watch: Watch<'_>) -> Result<(), ArchiveError> {
        let earlier = self.archive.manifest().first - 1;
        let width = u64::from(TILE_WIDTH);
        for index in 0..earlier.div_ceil(width) {
            if watch(index * width, self.archive.manifest().last).is_break() {
                return Err(ArchiveError::Interrupted);
            }
            let bytes = self.tile(TilePath::in_tree(0, index, self.archive.manifest().last))?;
            let wanted = usize::try_from(earlier - index * width).unwrap_or(usize::MAX);
            for hash in bytes.as_chunks::<HASH_BYTES>().0.iter().take(wanted) {
                self.push(Hash::from_bytes(*hash))?;
            }
        }
        Ok(())
    }

    fn take(&mut self, record: &ArchiveRecord) -> Result<(), ArchiveError> {
        let position = record.position;
        let bytes = record.content.as_ref().map_or(&[][..], |content| &content.bytes);
        match &record.content {
            Some(_) => self.events += 1,
            None => self.missing += 1,
        }
        if self.example.is_none() && is_plain(bytes) {
            self.example = Some(position);
        }
        let rulebook = Member::Rulebook(position);
        if self.archive.members().binary_search(&rulebook).is_ok() {
            let event = Event::parse(bytes).ok();
            let text = match event.as_ref().and_then(Event::payload) {
                Some(Payload::RulebookPublished(data)) => data.text.as_bytes(),
                _ => &[],
            };
            if self.archive.read(&rulebook)? != text {
                return Err(ArchiveError::contradiction(
                    &rulebook,
                    "the event at that position published another text",
                ));
            }
        }
        self.push(leaf_hash(bytes))
    }

    fn push(&mut self, leaf: Hash) -> Result<(), ArchiveError> {
        self.frontier.push(leaf);
        self.open.push(leaf);
        if self.sizes.last() == Some(&self.frontier.size()) {
            self.sizes.pop();
            self.roots.insert(self.frontier.size(), self.frontier.root());
        }
        if self.open.len() == usize::from(TILE_WIDTH) {
            let index = self.frontier.size() / u64::from(TILE_WIDTH) - 1;
            self.compare(0, index, &self.open)?;
            self.above.extend(subtree_root(&self.open));
            self.open.clear();
        }
        Ok(())
    }

    /// Compares the tiles that are left, and the root. Answers the roots at the sizes of the checkpoints.
    fn finish(self) -> Result<BTreeMap<u64, Hash>, ArchiveError> {
        let manifest = self.archive.manifest();
        let width = usize::from(TILE_WIDTH);
        if !self.open.is_empty() {
            self.compare(0, self.frontier.size() / u64::from(TILE_WIDTH), &self.open)?;
        }
        let mut hashes = self.above.clone();
        for level in 1_u8.. {
            if hashes.is_empty() {
                break;
            }
            for (index, tile) in (0..).zip(hashes.chunks(width)) {
                self.compare(level, index, tile)?;
            }
            hashes = hashes.chunks_exact(width).filter_map(subtree_root).collect();
        }
        let found = self.frontier.root();
        if found != manifest.root {
            let reason = format!("its root is {}, that of its events is {found}", manifest.root);
            return Err(ArchiveError::contradiction(&Member::Manifest, &reason));
        }
        if (self.events, self.missing) != (manifest.events, manifest.missing) {
            let reason = format!("it counts other events than there are: {} and {} missing", self.events, self.missing);
            return Err(ArchiveError::contradiction(&Member::Manifest, &reason));
        }
        Ok(self.roots)
    }

    fn compare(&self, level: u8, index: u64, hashes: &[Hash]) -> Result<(), ArchiveError> {
        let path = TilePath::in_tree(level, index, self.archive.manifest().last);
        let found = self.tile(path)?;
        let differs =
            found.as_chunks::<HASH_BYTES>().0.iter().zip(hashes).position(|(found, hash)| found != hash.as_bytes());
        let name = path.map(|path| path.to_string()).unwrap_or_default();
        match differs {
            Some(place) => {
                let reason = format!("hash {} of {} is another one", place + 1, hashes.len());
                Err(ArchiveError::contradiction(&name, &reason))
            }
            None if found.len() == hashes.len() * HASH_BYTES => Ok(()),
            None => Err(ArchiveError::contradiction(&name, &format!("it has {} bytes", found.len()))),
        }
    }

    fn tile(&self, path: Option<TilePath>) -> Result<Vec<u8>, ArchiveError> {
        path.map_or(Ok(Vec::new()), |path| self.archive.read(&Member::Tile(path)))
    }
}
