//! The audit's own folder: its tables, its tree, and a note of what was verified, from which the next audit goes on.
//!
//! The note is written last. Tables that stand elsewhere than the note says come from an audit that was killed; then everything
//! is verified anew.

use std::fs;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fengsui_event::{Digest, KeyId};
use fengsui_log::StorageError;
use fengsui_log::storage::WriterLock;
use fengsui_proof::hash::{Hash, leaf_hash};
use fengsui_proof::tiles::{TileFolder, TilePath, TileSource, TreeWriter};
use serde::{Deserialize, Serialize};

use super::AuditError;
use super::finding::{Check, Fault, Finding, Severity};
use super::source::{Records, RecordsError};
use crate::projector::Projector;
use crate::replay::{finish, remove_set};
use crate::state::Registry;
use crate::store::{Kept, MODEL, ModelError, Store};

const NOTE_FILE: &str = "audit.json";
const MODEL_FILE: &str = "model.sqlite";
const TREE_FOLDER: &str = "tree";
/// Cases and accounts kept in memory, each at most twice as many.
const CACHED: usize = 4_096;
/// Pages of the tables kept in memory.
const PAGES_KIB: i64 = 24 * 1024;
/// Goes up when an older note cannot be gone on from.
const NOTE_VERSION: u32 = 1;

/// What was verified. Kept in `audit.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verified {
    version: u32,
    /// SHA-256 of whom the audit trusted from the start.
    trust: Digest,
    /// Last position that was verified.
    pub position: u64,
    /// Root of the tree up to there.
    pub root: Hash,
    /// What was found beside the records, which the next audit does not look at again.
    pub findings: Vec<Finding>,
    /// Whether the tables hold what people are shown, or only the state that it is drawn from.
    #[serde(default)]
    columns: bool,
}

/// The folder, opened.
pub(super) struct Work {
    root: PathBuf,
    trust: Digest,
    /// Whether the next audit goes on from here.
    keep: bool,
    kept: Kept,
    pub projector: Projector,
    pub tree: TreeWriter,
    /// What an earlier audit has verified.
    pub verified: Option<Verified>,
}

impl Work {
    /// Whether a folder holds an audit that can be gone on from.
    pub fn holds_audit(root: &Path, genesis: &Registry) -> Result<bool, AuditError> {
        let trust = trust_of(genesis);
        match read_note(root) {
            Some(verified) if verified.trust != trust => Err(AuditError::OtherTrust { folder: root.to_owned() }),
            Some(verified) => Ok(go_on(root, genesis, &verified, Kept::StateOnly).is_some()),
            None => Ok(false),
        }
    }

    /// Opens the folder, or makes it. `keep` tells whether it is to be gone on from, `wanted` what is asked of its tables: those that do not have
    /// it are drawn anew.
    ///
    /// Errors: [`AuditError::OtherTrust`] for the folder of another exchange's audit.
    pub fn open(root: &Path, genesis: &Registry, keep: bool, wanted: Kept) -> Result<Self, AuditError> {
        fs::create_dir_all(root).map_err(|error| StorageError::io(root, error))?;
        refuse_foreign(root)?;
        let trust = trust_of(genesis);
        let verified = read_note(root);
        if verified.as_ref().is_some_and(|verified| verified.trust != trust) {
            return Err(AuditError::OtherTrust { folder: root.to_owned() });
        }
        if let Some(verified) = verified
            && (verified.columns || wanted == Kept::StateOnly)
            && let kept = if verified.columns { Kept::Everything } else { Kept::StateOnly }
            && let Some((projector, tree)) = go_on(root, genesis, &verified, kept)
        {
            return Ok(Self { root: root.to_owned(), trust, keep, kept, projector, tree, verified: Some(verified) });
        }
        let (projector, tree) = begin(root, genesis, wanted)?;
        Ok(Self { root: root.to_owned(), trust, keep, kept: wanted, projector, tree, verified: None })
    }

    /// Last position that an earlier audit has verified; 0 when there was none.
    pub fn begun_at(&self) -> u64 {
        self.verified.as_ref().map_or(0, |verified| verified.position)
    }

    /// Whether records still are those that were verified: the last of them is looked at.
    pub fn broken_continuity(&self, records: &dyn Records, head: u64) -> Result<Option<Finding>, AuditError> {
        let verified = self.begun_at();
        if verified == 0 {
            return Ok(None);
        }
        let broken = |fault, position| Finding::new(Check::Continuity, Severity::Integrity, Some(position), fault);
        if head < verified {
            return Ok(Some(broken(Fault::Rollback { verified, head }, head + 1)));
        }
        let mut found = None;
        let scanned = records.scan(verified, verified, &mut |_, record| {
            found = Some(leaf_hash(record.bytes));
            ControlFlow::Break(())
        });
        let found = match scanned {
            Ok(()) => found,
            Err(RecordsError::Missing { .. }) => Some(leaf_hash(&[])),
            Err(error) => return Err(error.into()),
        };
        let same = found == self.leaf(verified - 1);
        Ok((!same).then(|| broken(Fault::LogDiffers { verified }, verified)))
    }

    fn leaf(&self, index: u64) -> Option<Hash> {
        let path = TilePath::in_tree(0, index / 256, self.tree.size())?;
        let tile = self.tree.folder().tile(path).ok()?;
        let (hashes, _) = tile.as_chunks();
        hashes.get(usize::try_from(index % 256).ok()?).copied().map(Hash::from_bytes)
    }

    /// Makes what was verified up to now good for the next audit.
    pub fn settle(&mut self) -> Result<(), AuditError> {
        self.tree.seal()?;
        Ok(())
    }

    /// Writes the note and closes the tables.
    pub fn close(self, findings: Vec<Finding>) -> Result<(), AuditError> {
        if !self.keep {
            return Ok(());
        }
        let Self { root, trust, kept, projector, tree, verified, .. } = self;
        let (position, columns) = (projector.progress().position, kept == Kept::Everything);
        if verified.is_none() {
            finish(projector.store)?;
        }
        write(&root, &Verified { version: NOTE_VERSION, trust, position, root: tree.root(), findings, columns })
    }
}

/// Notes what was verified, for the next audit.
pub(super) fn write_note(
    folder: &Path,
    genesis: &Registry,
    position: u64,
    root: Hash,
    findings: Vec<Finding>,
) -> Result<(), AuditError> {
    let trust = trust_of(genesis);
    write(folder, &Verified { version: NOTE_VERSION, trust, position, root, findings, columns: true })
}

fn write(folder: &Path, note: &Verified) -> Result<(), AuditError> {
    let text = serde_json::to_string_pretty(note).map_err(|error| AuditError::Note(error.to_string()))?;
    let path = folder.join(NOTE_FILE);
    replace(&path, text.as_bytes()).map_err(|error| StorageError::io(&path, error))?;
    Ok(())
}

/// SHA-256 of the exchange as it was given: whoever trusts others from the start audits something else.
fn trust_of(genesis: &Registry) -> Digest {
    let Registry { region, authority, keys, .. } = genesis;
    let keys: Vec<&str> = keys.keys().map(KeyId::as_str).collect();
    Digest::of(format!("{region}\n{authority}\n{}\n", keys.join("\n")).as_bytes())
}

/// A note that cannot be read is no note: then everything is verified anew.
fn read_note(root: &Path) -> Option<Verified> {
    let text = fs::read_to_string(root.join(NOTE_FILE)).ok()?;
    serde_json::from_str(&text).ok().filter(|note: &Verified| note.version == NOTE_VERSION)
}

/// Opens what an earlier audit has left, if tables, tree and note belong together.
fn go_on(root: &Path, genesis: &Registry, verified: &Verified, kept: Kept) -> Option<(Projector, TreeWriter)> {
    let mut projector = Projector::open(&root.join(MODEL_FILE), genesis.clone()).ok()?;
    spare(&mut projector.store, kept).ok()?;
    let tree = TreeWriter::open(TileFolder::create(&root.join(TREE_FOLDER)).ok()?, verified.position).ok()?;
    (projector.progress().position == verified.position && tree.root() == verified.root).then_some((projector, tree))
}

/// What is found in the folder is removed when an audit begins anew, so it must be an audit's own: a node's folder has tables and a tree, too.
fn refuse_foreign(root: &Path) -> Result<(), AuditError> {
    let io = |error| StorageError::io(root, error);
    for entry in fs::read_dir(root).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        let name = name.to_string_lossy();
        if name != TREE_FOLDER && !name.starts_with(NOTE_FILE) && !name.starts_with(MODEL_FILE) {
            return Err(AuditError::NotOwnFolder { folder: root.to_owned(), found: name.into_owned() });
        }
    }
    Ok(())
}

fn begin(root: &Path, genesis: &Registry, kept: Kept) -> Result<(Projector, TreeWriter), AuditError> {
    let model = prepare_empty(root)?;
    let tree = empty_tree(root)?;
    let mut store = Store::for_rebuild(&model, genesis)?;
    spare(&mut store, kept)?;
    Ok((Projector { registry: genesis.clone(), store }, tree))
}

/// An audit's tables are asked for what people are shown only where there are others to compare, and its memory is bounded more tightly than a
/// node's.
fn spare(store: &mut Store, kept: Kept) -> Result<(), ModelError> {
    store.keep(kept);
    store.bound_caches(CACHED);
    let pages = store.connection().pragma_update(None, "cache_size", -PAGES_KIB);
    pages.map_err(|error| store.fault(error))
}

/// Makes the folder, or empties one that is an audit's own. Answers where its tables go.
pub(super) fn prepare_empty(root: &Path) -> Result<PathBuf, AuditError> {
    fs::create_dir_all(root).map_err(|error| StorageError::io(root, error))?;
    refuse_foreign(root)?;
    let (note, model) = (root.join(NOTE_FILE), root.join(MODEL_FILE));
    // Another audit may be at work here.
    drop(WriterLock::acquire(&MODEL, &model)?);
    if let Err(error) = fs::remove_file(&note)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(StorageError::io(&note, error).into());
    }
    remove_set(&model)?;
    Ok(model)
}

/// The folder's tree, with nothing in it.
pub(super) fn empty_tree(root: &Path) -> Result<TreeWriter, AuditError> {
    Ok(TreeWriter::open(TileFolder::create(&root.join(TREE_FOLDER))?, 0)?)
}

/// Replaces a file whole.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_added_extension("writing");
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}
