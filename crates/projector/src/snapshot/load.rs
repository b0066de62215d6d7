//! Drawing the tables from a snapshot, beside the old ones, so that they can be judged before they take their place.

use std::path::{Path, PathBuf};

use fengsui_event::{Digest, Source};
use fengsui_log::storage::WriterLock;
use fengsui_log::{EventLog, StorageError};
use fengsui_proof::hash::Hash;

use super::body::{BodyReader, Item};
use super::log_pass::LogPass;
use super::{Snapshot, SnapshotError};
use crate::digest::state_digest;
use crate::fold::driver::States as _;
use crate::projector::Watcher;
use crate::replay::{beside, finish, remove, remove_set, swap};
use crate::state::Registry;
use crate::store::{MODEL, ModelError, Progress, Store, same_exchange};

/// Values after which rows are written.
const COMMIT_VALUES: u64 = 50_000;

/// Tables that were drawn from a snapshot and the log, and are not yet anybody's. Dropped, they are gone.
///
/// They are right if [`Self::digest`] is the digest of the state at that position and [`Self::root`] the root of the log there.
/// Whoever keeps them must know both from somebody who is trusted: [`Self::keep`] does not ask.
pub struct Drawn {
    // The file is closed before it is removed, and removed before another process may write: fields are dropped in their order.
    store: Store,
    building: Building,
    lock: WriterLock,
    path: PathBuf,
    registry: Registry,
    digest: Digest,
    root: Hash,
}

/// A file that goes with this value unless it was kept.
struct Building(PathBuf);

impl Drop for Building {
    fn drop(&mut self) {
        // A half-built model is of no use to anybody; should it stay, the next rebuild removes it.
        let _ = remove_set(&self.0).and_then(|()| remove(&beside(&self.0, ".lock")));
    }
}

impl Drawn {
    /// Draws tables for `path` from a snapshot and the log that is at hand, which must reach its position. What stands at `path` is not
    /// touched. `watcher` is told of bytes while the snapshot is read, then of positions while the log is.
    pub fn draw<L: EventLog + ?Sized>(
        path: &Path,
        genesis: &Registry,
        log: &L,
        snapshot: &Snapshot,
        watcher: &mut dyn Watcher,
    ) -> Result<Self, SnapshotError> {
        snapshot.check_place(genesis, log)?;
        snapshot.check_body(watcher)?;
        if path.is_dir() {
            return Err(ModelError::from(StorageError::IsFolder { noun: MODEL.noun, path: path.to_owned() }).into());
        }
        let lock = WriterLock::acquire(&MODEL, path).map_err(ModelError::from)?;
        let building = Building(beside(path, ".rebuild"));
        remove_set(&building.0)?;
        let mut store = Store::for_rebuild(&building.0, genesis)?;
        let mut restored = Restored { snapshot, store: &mut store, registry: None, uncommitted: 0 };
        let (body, first) = restored.run(watcher)?;
        let registry = restored.registry.ok_or_else(|| body.unusable("there is no registry".to_owned()))?;
        let registry = same_exchange(registry, genesis)?;
        store.commit(&registry)?;
        let root = LogPass::new(snapshot, &mut store, &registry, body, first)?.run(log, watcher)?;
        let digest = state_digest(&store, &registry)?;
        Ok(Self { store, building, lock, path: path.to_owned(), registry, digest, root })
    }

    /// The digest of the state that was drawn, computed from the tables.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The root of the own log's tree at the snapshot's position, computed from the log.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Agencies, keys, rulebooks as the snapshot has them.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// How far the log is folded in them.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.store.progress()
    }

    /// Puts the tables in the place of the old ones. A crash leaves the old ones, the new ones or none, which are then drawn from the log.
    pub fn keep(self) -> Result<Progress, SnapshotError> {
        let Self { store, building, lock, path, .. } = self;
        let progress = store.progress();
        finish(store)?;
        swap(&building.0, &path)?;
        drop(building);
        drop(lock);
        Ok(progress)
    }
}

/// The state of a snapshot on its way into the tables.
struct Restored<'a> {
    snapshot: &'a Snapshot,
    store: &'a mut Store,
    registry: Option<Registry>,
    uncommitted: u64,
}

type Body = BodyReader<std::io::BufReader<std::fs::File>>;

impl Restored<'_> {
    /// Takes in everything up to the first anomaly, which is handed back with what follows it.
    fn run(&mut self, watcher: &mut dyn Watcher) -> Result<(Body, Option<Item>), SnapshotError> {
        let mut body = self.snapshot.body()?;
        let total = self.snapshot.header().body_bytes;
        loop {
            match body.next()? {
                None => return Ok((body, None)),
                Some(anomaly @ Item::Anomaly { .. }) => return Ok((body, Some(anomaly))),
                Some(item) => self.take_in(item, &body)?,
            }
            self.uncommitted += 1;
            if self.uncommitted < COMMIT_VALUES && !self.store.is_full() {
                continue;
            }
            if let Some(registry) = &self.registry {
                self.store.commit(registry)?;
                self.uncommitted = 0;
            }
            if watcher.reached(total - body.left(), total).is_break() {
                return Err(ModelError::Interrupted { position: 0 }.into());
            }
        }
    }

    fn take_in(&mut self, item: Item, body: &Body) -> Result<(), SnapshotError> {
        match item {
            Item::Registry(registry) => {
                let altered = registry.rulebooks.iter().find(|it| Digest::of(it.text.as_bytes()) != it.sha256);
                if altered.is_some() {
                    return Err(body.unusable("the text of a rulebook does not have the hash beside it".to_owned()));
                }
                self.registry = Some(registry);
            }
            Item::Chain { source, chain } => {
                let source: Source = source.parse().map_err(|error| body.unusable(format!("{error}")))?;
                let Some(registry) = &mut self.registry else {
                    return Err(body.unusable("it comes before the registry".to_owned()));
                };
                registry.chains.insert(source, chain);
                self.store.restore_registry(registry);
            }
            Item::Case(mut case) => {
                for referral in &mut case.referrals {
                    referral.overdue_steps.clear();
                }
                self.store.restore_case(case)?;
            }
            Item::Account(account) => self.store.restore_account(account)?,
            Item::Entry(entry) => self.store.restore_entry(entry),
            Item::Cosignature(cosignature) => self.store.cosign(cosignature)?,
            Item::Certificate(certificate) => self.store.restore_certificate(certificate)?,
            Item::Anomaly { .. } => return Err(body.unusable("anomalies come last".to_owned())),
        }
        Ok(())
    }
}
