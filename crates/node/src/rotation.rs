//! An agency's signing key is replaced (密钥更换), safe against a kill at any instant.
//!
//! 1. The new key is written under a pending name (`fire.seed.new`).
//! 2. The event that replaces the old key by it, signed by the old one, becomes durable in the outbox. Its id follows
//!    from both keys, so that it is never made twice.
//! 3. The old seed gets a second name (`fire.seed.old-UABCDEFGH`), then the new one takes the place of the first.
//!
//! A run that was cut off after any of these is finished by the next one, which finds the pending key. Where the old
//! key has ended already, the authority replaces it (`fengsui agency rotate-key --of`), and the next run puts the new
//! key in place.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fengsui_event::payload::{AgencyKey, AgencyKeyRotated};
use fengsui_event::{AgencyCode, KeyAlgorithm, KeyId, Signer as _, Timestamp};

use crate::desk::{Command, DerivedIds, IdSource as _};
use crate::folder::sync_parent;
use crate::keys::{KeyFileError, SigningKey};
use crate::{Node, NodeError};

/// So much of an old key's id stands in the name of its file.
const KEYID_CHARACTERS: usize = 9;

/// How a rotation has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// The new key signs from now on.
    Done {
        /// The key that has ended.
        old: KeyId,
        /// The key that begins.
        new: KeyId,
        /// Where the old seed is kept.
        kept: PathBuf,
        /// What keeps the event from the log as yet; it is durable in the outbox.
        waiting: Option<String>,
    },
    /// The old key has ended, so it cannot sign its own replacement: the authority must name the new one.
    NeedsAuthority {
        /// The key that has ended.
        old: KeyId,
        /// The key that waits under its pending name.
        new: KeyId,
    },
}

/// Replaces the key of an agency of this folder, or finishes what an earlier run began.
///
/// Errors: those of the desk, when the event would have no effect; the old key stays in place then.
pub fn rotate(node: &mut Node, agency: AgencyCode, now: Timestamp) -> Result<Rotated, NodeError> {
    let place = node.folder().key(agency);
    let current = SigningKey::load(&place)?.keyid();
    let new = pending(&place)?;
    let known = |keyid: KeyId| node.registry().keys.get(&keyid).filter(|key| key.agency == agency);
    let is_registered = known(new).is_some();
    if !is_registered && known(current).is_some_and(|key| key.until.is_some()) {
        return Ok(Rotated::NeedsAuthority { old: current, new });
    }
    let mut ids = ids(node, agency, current, new);
    let waiting = if is_registered || node.outbox().contains(ids.clone().next(now))? {
        None
    } else {
        let command = Command::RotateKey(rotation(agency, current, new));
        match node.submit(agency, command, &mut ids, now) {
            Ok(_) => None,
            Err(NodeError::AcceptedNotPublished(reason)) => Some(reason.to_string()),
            Err(error) => return Err(error),
        }
    };
    let kept = put_in_place(&place, current)?;
    Ok(Rotated::Done { old: current, new, kept, waiting })
}

/// What replaces one key by another.
#[must_use]
pub fn rotation(agency: AgencyCode, old: KeyId, new: KeyId) -> AgencyKeyRotated {
    AgencyKeyRotated { agency, old, new: AgencyKey { keyid: new, algorithm: KeyAlgorithm::Ed25519 } }
}

fn ids(node: &Node, agency: AgencyCode, old: KeyId, new: KeyId) -> DerivedIds {
    let (region, number) = (node.folder().exchange().region.to_string(), node.folder().node().node.to_string());
    let parts = ["key-rotation", &region, agency.as_str(), &number, old.as_str(), new.as_str()];
    DerivedIds::at(&parts, Timestamp::UNIX_EPOCH)
}

/// The key that waits to take the place of the present one; made when there is none.
fn pending(place: &Path) -> Result<KeyId, KeyFileError> {
    let path = beside(place, ".new");
    match SigningKey::load(&path) {
        Err(KeyFileError::NotFound { .. }) => {
            let key = SigningKey::generate()?;
            key.save(&path)?;
            Ok(key.keyid())
        }
        loaded => Ok(loaded?.keyid()),
    }
}

/// Keeps the old seed under another name and moves the new one to where keys are read from. At every instant there
/// is a whole key at that place, and no seed is lost.
fn put_in_place(place: &Path, old: KeyId) -> Result<PathBuf, KeyFileError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| KeyFileError::Io { path, source }
    };
    let prefix = old.as_str().get(..KEYID_CHARACTERS).unwrap_or(old.as_str());
    let kept = beside(place, &format!(".old-{prefix}"));
    match fs::hard_link(place, &kept) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if SigningKey::load(&kept)?.keyid() != old {
                return Err(KeyFileError::AlreadyExists { path: kept });
            }
        }
        linked => linked.map_err(io(&kept))?,
    }
    sync_parent(&kept).map_err(io(&kept))?;
    fs::rename(beside(place, ".new"), place).and_then(|()| sync_parent(place)).map_err(io(place))?;
    Ok(kept)
}

fn beside(place: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(place);
    name.push(ending);
    PathBuf::from(name)
}
