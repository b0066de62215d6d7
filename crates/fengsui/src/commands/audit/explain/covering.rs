//! Whether the events of an explanation are in the tree that the authority signed and the agencies cosigned.

use fengsui_event::{AgencyCode, Digest, KeyId};
use fengsui_log::{EventLog as _, Position};
use fengsui_node::checkpoints::notes::{self, Standing};
use fengsui_node::checkpoints::{CheckpointError, LogTree};
use fengsui_projector::Watcher;
use fengsui_projector::explain::Explanation;
use fengsui_projector::query::CheckpointRow;
use fengsui_proof::Hash;
use fengsui_proof::checkpoint::SignedCheckpoint;
use fengsui_proof::tree::leaf_hash;
use serde::Serialize;

use crate::exit::Failure;
use crate::session::Tables;

/// Checkpoints among which the newest with a quorum is looked for.
const LOOKED_AT_MAX: u64 = 64;

/// What a checkpoint says of the events.
#[derive(Debug, Serialize)]
pub struct Covering {
    /// How many positions it covers.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
    /// The state digest that it names.
    pub digest: Option<Digest>,
    /// Whether more than half of the agencies have cosigned it.
    pub quorum: bool,
    /// Agencies whose cosignature is good.
    pub cosigned: Vec<AgencyCode>,
    /// Whether the authority's signature is good and the log's own tree has that root.
    pub holds: bool,
    /// Positions of events that are in that tree.
    pub included: Vec<u64>,
    /// Positions of events that it covers and that are not in it as they stand on the log.
    pub not_included: Vec<u64>,
    /// Positions of events that came after it.
    pub not_covered: Vec<u64>,
}

impl Covering {
    /// Whether the log is not the one that was signed.
    pub fn is_broken(&self) -> bool {
        !self.holds || !self.not_included.is_empty()
    }
}

/// Holds the events against the newest checkpoint that enough have cosigned, or else the newest; nothing while there is none.
pub fn covering(
    tables: &Tables,
    explanation: &Explanation,
    watcher: &mut dyn Watcher,
) -> Result<Option<Covering>, Failure> {
    let rows = tables.view().checkpoints(Some(LOOKED_AT_MAX))?;
    let has_quorum = |row: &&CheckpointRow| Standing::of(row, tables.registry()).has_quorum();
    let Some(row) = rows.iter().find(has_quorum).or_else(|| rows.first()) else { return Ok(None) };
    let mut covering = Covering {
        size: row.size,
        root: row.root,
        digest: row.digest,
        quorum: false,
        cosigned: Vec::new(),
        holds: false,
        included: Vec::new(),
        not_included: Vec::new(),
        not_covered: Vec::new(),
    };
    let events = explanation.register.iter().chain(&explanation.events);
    let mut positions: Vec<u64> = events.map(|traced| traced.position).collect();
    positions.sort_unstable();
    let covered = positions.partition_point(|position| *position <= row.size);
    covering.not_covered = positions.split_off(covered);
    let signed = signed(tables, row)?;
    if let Some(note) = &signed {
        covering.cosigned = cosigned(tables, row, note);
        let counted = CheckpointRow {
            cosigners: row.cosigners.iter().filter(|by| covering.cosigned.contains(&by.agency)).cloned().collect(),
            ..row.clone()
        };
        covering.quorum = Standing::of(&counted, tables.registry()).has_quorum();
    }
    let mut tree = LogTree::open(tables.folder().root(), tables.log(), watcher)?;
    let same_root = row.size <= tree.size() && tree.root_at(row.size, tables.log(), watcher)? == row.root;
    covering.holds = signed.is_some() && same_root;
    for position in positions {
        let included = same_root && is_included(tables, &mut tree, row, position, watcher)?;
        if included { covering.included.push(position) } else { covering.not_included.push(position) }
    }
    Ok(Some(covering))
}

/// The checkpoint's note from the log, if it says what the tables say and the authority has signed it.
fn signed(tables: &Tables, row: &CheckpointRow) -> Result<Option<SignedCheckpoint>, Failure> {
    let note = match notes::note_of(row, tables.registry(), tables.log()) {
        Ok(note) => note,
        Err(CheckpointError::NoSuchCheckpoint { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let says_the_same = note.checkpoint().size == row.size && note.checkpoint().root == row.root;
    let keys = notes::keys_of_authority(tables.registry(), true);
    let is_signed = notes::refuse_strange(&note, tables.registry(), &keys).is_ok();
    Ok((says_the_same && is_signed).then_some(note))
}

/// The agencies whose cosignature on the note is good.
fn cosigned(tables: &Tables, row: &CheckpointRow, note: &SignedCheckpoint) -> Vec<AgencyCode> {
    let origin = note.checkpoint().origin;
    let is_good = |agency: AgencyCode, keyid: KeyId| {
        let owner = tables.registry().keys.get(&keyid).map(|key| key.agency);
        owner == Some(agency) && note.cosignature(&origin.cosigner_name(agency), keyid).is_some()
    };
    let mut agencies: Vec<AgencyCode> =
        row.cosigners.iter().filter(|by| is_good(by.agency, by.keyid)).map(|by| by.agency).collect();
    agencies.sort_unstable();
    agencies.dedup();
    agencies
}

fn is_included(
    tables: &Tables,
    tree: &mut LogTree,
    row: &CheckpointRow,
    position: u64,
    watcher: &mut dyn Watcher,
) -> Result<bool, Failure> {
    let proof = tree.inclusion(position, row.size, row.root, tables.log(), watcher)?;
    let Some(position) = Position::new(position) else { return Ok(false) };
    let stored = tables.log().read(position, 1)?.pop();
    Ok(stored.is_some_and(|stored| proof.verify(leaf_hash(&stored.record.bytes), row.root).is_ok()))
}
