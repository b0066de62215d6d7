//! The pilot city: eight agencies, their units and two years of violations with their handling, on the embedded log.
//!
//! Everything goes the way that real commands go. It is the same on every run: keys, ids, dates and decisions all
//! follow from the seed. The keys are therefore no secret, and a demonstration must never hold real data.

mod city;
mod ending;
mod story;
mod summary;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::folder::{Folder, FolderError, write_atomically};
use crate::keys::KeyFileError;
use crate::node::{Node, NodeError};
use city::City;
use story::Story;

pub use summary::{AgencyFigures, DemoSummary, Forwarding};

/// Commands that become one transaction of the outbox.
const BATCH_COMMANDS: usize = 500;
const MARK_FILE: &str = "demo.toml";

/// How large the city is. Kept in the folder, so that a second run knows what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoOptions {
    /// Supervised units.
    pub units: u32,
    /// Violations over two years.
    pub violations: u32,
    /// What everything follows from.
    pub seed: u64,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { units: 300, violations: 2_000, seed: 1 }
    }
}

/// How far the demonstration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoProgress {
    /// Violations reported so far.
    pub violations: u64,
    /// Violations in all.
    pub total: u64,
    /// Events on the log.
    pub events: u64,
}

/// Why the demonstration could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A node that is no demonstration.
    #[error(
        "{0} holds a node that is no demonstration, and nothing of it was touched: name another folder with --data"
    )]
    NotADemonstration(PathBuf),
    /// A demonstration of another size.
    #[error(
        "{root} holds the demonstration with --units {} --violations {} --seed {}: \
         ask for the same, or name another folder with --data",
        found.units, found.violations, found.seed
    )]
    OtherOptions {
        /// The folder.
        root: PathBuf,
        /// What it holds.
        found: DemoOptions,
    },
    /// The mark of a demonstration is damaged.
    #[error("{path} cannot be read ({reason}): name another folder with --data")]
    Mark {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A part of the demonstration itself is wrong.
    #[error("the demonstration is defective: `{what}`: {reason}; please report it")]
    Defect {
        /// Which part.
        what: String,
        /// Why.
        reason: String,
    },
    /// There must be somebody to offend.
    #[error("--units must be at least 1 and at most 10,000,000, not {0}")]
    Units(u32),
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        source: std::io::Error,
    },
    /// Somebody asked to stop. The next run begins again.
    #[error("interrupted; the next run begins again")]
    Interrupted,
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl From<FolderError> for DemoError {
    fn from(error: FolderError) -> Self {
        Self::Node(error.into())
    }
}

impl From<KeyFileError> for DemoError {
    fn from(error: KeyFileError) -> Self {
        Self::Node(error.into())
    }
}

/// The mark that a folder holds a demonstration.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    options: DemoOptions,
    complete: bool,
}

/// Makes the pilot city in a folder, or finds it there. Returns the open node and what happened.
pub fn run(
    root: &Path,
    options: DemoOptions,
    watch: &mut dyn FnMut(DemoProgress) -> ControlFlow<()>,
) -> Result<(Node, DemoSummary), DemoError> {
    if !(1..=10_000_000).contains(&options.units) {
        return Err(DemoError::Units(options.units));
    }
    let node = match find(root, options)? {
        Found::Complete => Node::open(root)?,
        Found::Nothing => make(root, options, watch)?,
        Found::CutOff => {
            remove(root)?;
            make(root, options, watch)?
        }
    };
    let summary = summary::summarise(&node, story::last_day())?;
    Ok((node, summary))
}

enum Found {
    Nothing,
    CutOff,
    Complete,
}

fn find(root: &Path, options: DemoOptions) -> Result<Found, DemoError> {
    let path = root.join(MARK_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let is_node = Folder::is_initialised(root) || root.join("log.sqlite").exists();
            return if is_node { Err(DemoError::NotADemonstration(root.to_owned())) } else { Ok(Found::Nothing) };
        }
        Err(source) => return Err(DemoError::Io { path, source }),
    };
    let mark: Mark = toml::from_str(&text).map_err(|error| DemoError::Mark { path, reason: error.to_string() })?;
    match mark {
        Mark { complete: false, .. } => Ok(Found::CutOff),
        Mark { options: found, complete: true } if found == options => Ok(Found::Complete),
        Mark { options: found, complete: true } => Err(DemoError::OtherOptions { root: root.to_owned(), found }),
    }
}

fn mark(root: &Path, options: DemoOptions, complete: bool) -> Result<(), DemoError> {
    let path = root.join(MARK_FILE);
    let text = toml::to_string(&Mark { options, complete })
        .map_err(|error| DemoError::Mark { path: path.clone(), reason: error.to_string() })?;
    std::fs::create_dir_all(root).map_err(|source| DemoError::Io { path: root.to_owned(), source })?;
    write_atomically(&path, text.as_bytes()).map_err(|source| DemoError::Io { path, source })
}

/// Removes a demonstration that was cut off: only the files that a node has, and only behind its mark.
fn remove(root: &Path) -> Result<(), DemoError> {
    let names = ["node.toml", "exchange.toml", "log.sqlite", "outbox.sqlite", "model.sqlite"];
    for name in names {
        for suffix in ["", "-wal", "-shm", ".lock", ".writing", ".creating"] {
            let path = root.join(format!("{name}{suffix}"));
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(DemoError::Io { path, source });
                }
                _ => {}
            }
        }
    }
    let keys = root.join("keys");
    match std::fs::remove_dir_all(&keys) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(DemoError::Io { path: keys, source }),
        _ => Ok(()),
    }
}

fn make(
    root: &Path,
    options: DemoOptions,
    watch: &mut dyn FnMut(DemoProgress) -> ControlFlow<()>,
) -> Result<Node, DemoError> {
    mark(root, options, false)?;
    let city = City::new(options)?;
    let mut node = city.found(root, story::founding()?, story::first_day())?;
    let mut story = Story::new(&city, options)?;
    while !story.is_over() {
        node.batch(|batch| {
            for _ in 0..BATCH_COMMANDS {
                story.act(batch)?;
            }
            Ok::<(), DemoError>(())
        })?;
        let progress = DemoProgress {
            violations: story.reported(),
            total: u64::from(options.violations),
            events: node.progress().position,
        };
        if watch(progress).is_break() {
            return Err(DemoError::Interrupted);
        }
    }
    mark(root, options, true)?;
    Ok(node)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tempfile::TempDir;

    use super::*;

    const SMALL: DemoOptions = DemoOptions { units: 20, violations: 150, seed: 7 };

    fn watch(_: DemoProgress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    #[test]
    fn the_same_seed_tells_the_same_story_and_nothing_of_it_is_an_anomaly() {
        let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (_node, first) = run(one.path(), SMALL, &mut watch).unwrap();
        let (node, second) = run(other.path(), SMALL, &mut watch).unwrap();
        assert_eq!(first, second);
        drop(node);
        let (_node, again) = run(other.path(), SMALL, &mut watch).unwrap();
        assert_eq!(first, again);
        assert_eq!(first.anomalies, 0);
        assert_eq!(first.open + first.closed + first.retracted, 150);
        let different = DemoOptions { seed: 8, ..SMALL };
        let (_node, third) = run(TempDir::new().unwrap().path(), different, &mut watch).unwrap();
        assert_ne!(first.digest, third.digest);
    }

    #[test]
    fn a_demonstration_that_was_cut_off_begins_again() {
        let (cut, whole) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let mut stop = |_: DemoProgress| ControlFlow::Break(());
        assert!(matches!(run(cut.path(), SMALL, &mut stop), Err(DemoError::Interrupted)));
        let (_node, again) = run(cut.path(), SMALL, &mut watch).unwrap();
        let (_node, once) = run(whole.path(), SMALL, &mut watch).unwrap();
        assert_eq!(again.digest, once.digest);
    }

    #[test]
    fn nothing_but_a_demonstration_of_this_size_is_touched() {
        let folder = TempDir::new().unwrap();
        run(folder.path(), SMALL, &mut watch).unwrap();
        let larger = DemoOptions { units: 21, ..SMALL };
        assert!(matches!(run(folder.path(), larger, &mut watch), Err(DemoError::OtherOptions { found: SMALL, .. })));
        std::fs::remove_file(folder.path().join(MARK_FILE)).unwrap();
        assert!(matches!(run(folder.path(), SMALL, &mut watch), Err(DemoError::NotADemonstration(_))));
    }
}
