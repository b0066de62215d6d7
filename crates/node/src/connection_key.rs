//! The key with which a node signs in at the broker.
//!
//! It is never one that signs events: at sign-in the server chooses what is signed, and a false server could choose an event. So this
//! type signs nothing here; it only hands its seed to the client of the broker.

use std::path::Path;

use fengsui_event::{KeyId, Signer as _};
use zeroize::Zeroizing;

use crate::keys::{KeyFileError, SigningKey};

/// A node's key at the broker: an NKeys user, in a file of its own. Its secret is wiped from memory when it is dropped.
#[derive(Debug)]
pub struct ConnectionKey(SigningKey);

impl ConnectionKey {
    /// A new key from the system's random numbers.
    pub fn generate() -> Result<ConnectionKey, KeyFileError> {
        SigningKey::generate().map(ConnectionKey)
    }

    /// Reads a seed file.
    ///
    /// Errors: [`KeyFileError::OpenToOthers`] when its mode lets group or others do anything with it.
    pub fn load(path: &Path) -> Result<ConnectionKey, KeyFileError> {
        SigningKey::load(path).map(ConnectionKey)
    }

    /// Writes the seed to a new file with mode 0600, whole or not at all.
    ///
    /// Errors: [`KeyFileError::AlreadyExists`]; a key is never replaced.
    pub fn save(&self, path: &Path) -> Result<(), KeyFileError> {
        self.0.save(path)
    }

    /// The public key, by which the broker knows the node.
    pub fn public(&self) -> KeyId {
        self.0.keyid()
    }

    /// The secret, for the client of the broker only.
    pub fn seed(&self) -> Result<Zeroizing<String>, KeyFileError> {
        self.0.seed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_saved_key_is_the_same_when_loaded_and_its_seed_is_that_of_its_public_key() {
        let place = tempfile::TempDir::new().unwrap();
        let path = place.path().join("fire.connection.seed");
        let key = ConnectionKey::generate().unwrap();
        key.save(&path).unwrap();
        let loaded = ConnectionKey::load(&path).unwrap();
        assert_eq!(loaded.public(), key.public());
        let pair = nkeys::KeyPair::from_seed(&loaded.seed().unwrap()).unwrap();
        assert_eq!(pair.public_key(), key.public().to_string());
        assert!(matches!(key.save(&path), Err(KeyFileError::AlreadyExists { .. })));
    }

    #[test]
    fn no_text_shows_the_seed() {
        let key = ConnectionKey::generate().unwrap();
        let debug = format!("{key:?}");
        assert!(debug.contains(key.public().as_str()) && !debug.contains(key.seed().unwrap().as_str()), "{debug}");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::TempDir::new().unwrap();
        let path = place.path().join("fire.connection.seed");
        ConnectionKey::generate().unwrap().save(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = ConnectionKey::load(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}
