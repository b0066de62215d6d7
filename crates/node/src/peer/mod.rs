//! One log against another: node against node, stream against copy, file against file (docs/peer.md).
//!
//! First by digest: both logs' trees are compared from the root down, so that what is equal is not read. Then by key: the records at the
//! positions that differ are matched by their ids. The tree covers each event's exact bytes; signatures are `audit verify`'s.

mod counted;
mod descent;
mod differences;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use fengsui_log::EventLog;
use fengsui_projector::Watcher;
use fengsui_proof::tiles;
use fengsui_proof::tree::Hash;

use self::counted::CountedLog;
use self::descent::{CountedTiles, WrongTile};
use crate::as_of::TemporaryFolder;
use crate::checkpoints::{CheckpointError, LogTree};

pub use self::descent::Which;
pub use self::differences::{Beyond, Found, Kind, OfSource, RANGES_MAX, Range};

/// One of two logs, with its tree.
pub struct Side<'a> {
    log: CountedLog<'a>,
    tree: LogTree,
    tiles_read: Cell<u64>,
    is_drawn_here: bool,
    _temporary: Option<TemporaryFolder>,
}

/// What it took to compare a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Cost {
    /// Records that were read.
    pub events_read: u64,
    /// Tiles that were read.
    pub tiles_read: u64,
    /// Whether its tree was drawn for this comparison from all its records.
    pub tree_drawn: bool,
}

/// What came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comparison {
    /// Last positions of both.
    pub sizes: [u64; 2],
    /// Positions from 1 that are equal without a break.
    pub equal_until: u64,
    /// The root over the positions that both have, if it is the same.
    pub root: Option<Hash>,
    /// What differs within those, in order; at most [`RANGES_MAX`].
    pub ranges: Vec<Range>,
    /// Ranges beyond those listed.
    pub unlisted: u64,
    /// Positions by how they differ.
    pub counts: BTreeMap<Kind, u64>,
    /// Whose events differ.
    pub sources: BTreeMap<String, OfSource>,
    /// What only the longer one has.
    pub beyond: Option<Beyond>,
    /// What it took.
    pub costs: [Cost; 2],
}

/// What two logs are to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The same.
    Equal,
    /// The first goes on where the second ends.
    HereLonger,
    /// The second goes on where the first ends.
    ThereLonger,
    /// They differ where both have positions.
    Contradiction,
}

impl Comparison {
    /// What the logs are to each other.
    pub fn verdict(&self) -> Verdict {
        match self.sizes {
            _ if self.root.is_none() => Verdict::Contradiction,
            [here, there] if here > there => Verdict::HereLonger,
            [here, there] if here < there => Verdict::ThereLonger,
            _ => Verdict::Equal,
        }
    }
}

impl<'a> Side<'a> {
    /// Brings up the tree of a log: the tiles in a node's folder `root`, or ones that are drawn from every record for this comparison alone.
    pub fn open(
        log: &'a dyn EventLog,
        root: Option<&Path>,
        watcher: &mut dyn Watcher,
    ) -> Result<Self, CheckpointError> {
        let log = CountedLog::new(log);
        let temporary = if root.is_none() { Some(TemporaryFolder::new()?) } else { None };
        let place = root.or(temporary.as_ref().map(TemporaryFolder::path));
        let tree = LogTree::open(place.unwrap_or(Path::new(".")), &log, watcher)?;
        let is_drawn_here = tree.size() > 1 && log.events_read() >= tree.size();
        Ok(Self { log, tree, tiles_read: Cell::new(0), is_drawn_here, _temporary: temporary })
    }

    /// Last position.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root of the first `size` positions, proven by the root of all.
    fn root_at(&self, size: u64) -> Result<Hash, tiles::TileError> {
        let tiles = CountedTiles::new(self.tree.tiles(), &self.tiles_read);
        let found = tiles::root(&tiles, size)?;
        let whole = self.tree.size();
        let proof = tiles::consistency(&tiles, size, whole, self.tree.root())?;
        let wrong = |_| tiles::TileError::WrongRoot { size, expected: self.tree.root(), found, tiles: Vec::new() };
        if size > 0 {
            proof.verify(found, self.tree.root()).map_err(wrong)?;
        }
        Ok(found)
    }

    fn redraw(&mut self, watcher: &mut dyn Watcher) -> Result<(), CheckpointError> {
        self.is_drawn_here = true;
        self.tree.redraw(&self.log, watcher)
    }

    fn cost(&self) -> Cost {
        Cost { events_read: self.log.events_read(), tiles_read: self.tiles_read.get(), tree_drawn: self.is_drawn_here }
    }
}

/// What the trees say.
type Roots = ([Hash; 2], Vec<(u64, u64)>);

/// Compares two logs. A tree with a wrong tile is drawn anew, once.
///
/// Errors: a log that cannot be read; an interruption.
pub fn compare(
    here: &mut Side<'_>,
    there: &mut Side<'_>,
    watcher: &mut dyn Watcher,
) -> Result<Comparison, CheckpointError> {
    let sizes = [here.size(), there.size()];
    let common = sizes[0].min(sizes[1]);
    let mut attempts = 0;
    let (roots, differing) = loop {
        match trees(here, there, common) {
            Ok(found) => break found,
            Err(WrongTile { which, error }) if attempts < 2 => {
                attempts += 1;
                tracing::warn!(%error, "the tree is drawn again from the log");
                match which {
                    Which::Here => here.redraw(watcher)?,
                    Which::There => there.redraw(watcher)?,
                }
            }
            Err(WrongTile { error, .. }) => return Err(error.into()),
        }
    };
    let ends = sizes.map(|size| (common + 1, size));
    let found = if differing.is_empty() {
        differences::Differences::default()
    } else {
        differences::look((&here.log, &there.log), &differing, ends, watcher)?
    };
    let beyond = match sizes {
        [ours, theirs] if ours > theirs => Some(differences::beyond(&here.log, Which::Here, ends[0], watcher)?),
        [ours, theirs] if ours < theirs => Some(differences::beyond(&there.log, Which::There, ends[1], watcher)?),
        _ => None,
    };
    Ok(Comparison {
        sizes,
        equal_until: differing.first().map_or(common, |range| range.0 - 1),
        root: (roots[0] == roots[1]).then_some(roots[0]),
        ranges: found.ranges,
        unlisted: found.unlisted,
        counts: found.counts,
        sources: found.sources,
        beyond,
        costs: [here.cost(), there.cost()],
    })
}

/// The roots over the positions that both have, and where they differ.
fn trees(here: &Side<'_>, there: &Side<'_>, common: u64) -> Result<Roots, WrongTile> {
    let of = |which, side: &Side<'_>| side.root_at(common).map_err(|error| WrongTile { which, error });
    let roots = [of(Which::Here, here)?, of(Which::There, there)?];
    if roots[0] == roots[1] {
        return Ok((roots, Vec::new()));
    }
    let ours = CountedTiles::new(here.tree.tiles(), &here.tiles_read);
    let theirs = CountedTiles::new(there.tree.tiles(), &there.tiles_read);
    Ok((roots, descent::differing(&ours, &theirs, common)?))
}

/// Whether two folders are one, which is compared with nothing.
pub fn is_same_place(here: &Path, there: &Path) -> bool {
    match (here.canonicalize(), there.canonicalize()) {
        (Ok(here), Ok(there)) => here == there,
        _ => here == there,
    }
}
