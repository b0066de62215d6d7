//! The keys that an agency signs with: Ed25519 (RFC 8032), kept as NKeys user seeds in files that only their owner can read.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::Signer as _;
use fengsui_event::{Digest, KeyId, Signature, Signer};
use nkeys::{KeyPair, KeyPairType};
use rand::RngCore as _;
use zeroize::{Zeroize as _, Zeroizing};

/// More than any seed file has; what is longer is another file.
const SEED_FILE_BYTES_MAX: u64 = 1_024;

/// What an NKeys seed of a user begins with.
const USER_SEED_PREFIX: &str = "SU";

/// A key that signs events. Its secret is wiped from memory when it is dropped and is never shown.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    keyid: KeyId,
}

/// Why a key could not be made, read or written. No message contains any part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no such file.
    #[error(
        "there is no key at {path}: copy the agency's seed file there (mode 0600), or make a node with a new key by `fengsui init`"
    )]
    NotFound {
        /// Where it should be.
        path: PathBuf,
    },
    /// A key would replace another.
    #[error(
        "{path} exists already, and a key is never replaced: move it away first if its agency has registered another one"
    )]
    AlreadyExists {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner can read the file, so the key may be known to them.
    #[error(
        "{path} can be read by others (mode {mode:04o}): run `chmod 600 {path}`, and register a new key if anyone else may have read it"
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds something else.
    #[error(
        "{path} holds no signing key ({reason}): expected one line of 58 characters that begins with SU, an NKeys user seed"
    )]
    NotASeed {
        /// The file.
        path: PathBuf,
        /// What is wrong, without the content.
        reason: &'static str,
    },
    /// The system's random numbers are not to be had.
    #[error("the system gives no random numbers for a new key: {0}")]
    NoRandomness(rand::Error),
    /// The key could not be written as text.
    #[error("the key cannot be written in NKeys form: {0}")]
    Encoding(String),
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl SigningKey {
    /// A new key from the system's random numbers.
    pub fn generate() -> Result<SigningKey, KeyFileError> {
        let mut seed = Zeroizing::new([0; 32]);
        rand::rngs::OsRng.try_fill_bytes(&mut *seed).map_err(KeyFileError::NoRandomness)?;
        SigningKey::from_seed_bytes(*seed)
    }

    /// The key of these 32 bytes, always the same: for demonstrations, whose keys are no secret.
    pub fn from_seed_bytes(mut seed: [u8; 32]) -> Result<SigningKey, KeyFileError> {
        let encoding = |error: &dyn fmt::Display| KeyFileError::Encoding(error.to_string());
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        let pair = KeyPair::new_from_raw(KeyPairType::User, seed);
        seed.zeroize();
        let keyid = pair.map_err(|error| encoding(&error))?.public_key().parse().map_err(|error| encoding(&error))?;
        Ok(SigningKey { key, keyid })
    }

    /// Reads a seed file.
    ///
    /// Errors: [`KeyFileError::OpenToOthers`] when its mode lets group or others do anything with it.
    pub fn load(path: &Path) -> Result<SigningKey, KeyFileError> {
        let io = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => KeyFileError::NotFound { path: path.to_owned() },
            _ => KeyFileError::Io { path: path.to_owned(), source },
        };
        let file = File::open(path).map_err(io)?;
        refuse_if_open_to_others(path, &file.metadata().map_err(io)?)?;
        let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(SEED_FILE_BYTES_MAX).unwrap_or_default()));
        file.take(SEED_FILE_BYTES_MAX).read_to_end(&mut text).map_err(io)?;
        let seed = decode(&text).map_err(|reason| KeyFileError::NotASeed { path: path.to_owned(), reason })?;
        SigningKey::from_seed_bytes(*seed)
    }

    /// Writes the seed to a new file with mode 0600. The file is on the disk when this returns; after a crash it is there whole or
    /// not at all, because half a key would keep its agency from ever getting another one.
    ///
    /// Errors: [`KeyFileError::AlreadyExists`]; a key is never replaced.
    pub fn save(&self, path: &Path) -> Result<(), KeyFileError> {
        save_secret(path, &self.seed()?)
    }

    /// The public key as NKeys text (`U...`), which is also the `keyid` of the events that it signs.
    pub fn public(&self) -> String {
        self.keyid.to_string()
    }

    /// The seed as NKeys text (`SU...`).
    /// A secret of whoever holds this key, for what others must not be able to foretell. It is the digest of a signature (which RFC 8032 makes
    /// the same each time) over a text that is no event, and is never shown.
    pub fn secret_for(&self, purpose: &str) -> Digest {
        let text = format!("fengsui secret for {purpose}");
        Digest::of(&self.key.sign(text.as_bytes()).to_bytes())
    }

    pub(crate) fn seed(&self) -> Result<Zeroizing<String>, KeyFileError> {
        KeyPair::new_from_raw(KeyPairType::User, self.key.to_bytes())
            .and_then(|pair| pair.seed())
            .map(Zeroizing::new)
            .map_err(|error| KeyFileError::Encoding(error.to_string()))
    }
}

impl Signer for SigningKey {
    fn keyid(&self) -> KeyId {
        self.keyid
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.key.sign(bytes).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("keyid", &self.keyid).finish_non_exhaustive()
    }
}

/// Writes a secret text as the one line of a new file with mode 0600. The file is on the disk when this returns; after a crash it is
/// there whole or not at all.
///
/// Errors: [`KeyFileError::AlreadyExists`]; a secret is never replaced.
pub(crate) fn save_secret(path: &Path, secret: &str) -> Result<(), KeyFileError> {
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::AlreadyExists { path: path.to_owned() },
        _ => KeyFileError::Io { path: path.to_owned(), source },
    };
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".writing");
    let unfinished = PathBuf::from(unfinished);
    remove_if_present(&unfinished).map_err(io)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished).map_err(io)?;
    file.write_all(secret.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(io)?;
    file.sync_all().map_err(io)?;
    // Unlike a renaming, a link never replaces what is there.
    let linked = std::fs::hard_link(&unfinished, path);
    remove_if_present(&unfinished).map_err(io)?;
    linked.and_then(|()| crate::folder::sync_parent(path)).map_err(io)
}

fn remove_if_present(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Refuses a secret's file that group or others can do anything with, and what is no file.
pub(crate) fn refuse_if_open_to_others(path: &Path, metadata: &std::fs::Metadata) -> Result<(), KeyFileError> {
    if !metadata.is_file() {
        return Err(KeyFileError::NotASeed { path: path.to_owned(), reason: "it is not a file" });
    }
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::OpenToOthers { path: path.to_owned(), mode });
        }
    }
    Ok(())
}

fn decode(text: &[u8]) -> Result<Zeroizing<[u8; 32]>, &'static str> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not text")?.trim();
    match text {
        "" => return Err("it is empty"),
        text if text.starts_with('U') => return Err("it holds a public key, not the seed"),
        text if !text.starts_with('S') => return Err("it does not begin with SU"),
        text if !text.starts_with(USER_SEED_PREFIX) => return Err("it holds a seed of another kind than a user's"),
        _ => {}
    }
    // The library's own message may quote what it could not read.
    nkeys::decode_seed(text).map(|(_, seed)| Zeroizing::new(seed)).map_err(|_| "its length or its checksum is wrong")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn saved() -> (TempDir, PathBuf, SigningKey) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("fire.seed");
        let key = SigningKey::generate().unwrap();
        key.save(&path).unwrap();
        (folder, path, key)
    }

    #[cfg(unix)]
    fn set_mode(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// RFC 8032, section 7.1, test 2.
    #[test]
    fn signatures_are_those_of_the_standard() {
        let bytes = |text| <[u8; 32]>::try_from(hex::decode(text).unwrap()).unwrap();
        let seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let public = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let key = SigningKey::from_seed_bytes(seed).unwrap();
        assert_eq!(nkeys::from_public_key(&key.public()).unwrap().1, public);
        let signature = key.sign(&[0x72]);
        assert_eq!(
            hex::encode(signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        assert!(key.keyid().verifier().unwrap().verify(&[0x72], &signature));
        assert!(!key.keyid().verifier().unwrap().verify(&[0x73], &signature));
    }

    #[test]
    fn a_saved_key_is_the_same_when_loaded_and_readable_by_other_tools() {
        let (_folder, path, key) = saved();
        let loaded = SigningKey::load(&path).unwrap();
        assert_eq!(loaded.public(), key.public());
        assert_eq!(loaded.sign(b"event"), key.sign(b"event"));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("SU") && text.len() == 59);
        assert_eq!(KeyPair::from_seed(text.trim()).unwrap().public_key(), key.public());
        assert!(key.public().starts_with('U') && key.public().len() == 56);
    }

    #[test]
    fn new_keys_differ_and_demonstration_keys_do_not() {
        assert_ne!(SigningKey::generate().unwrap().public(), SigningKey::generate().unwrap().public());
        let demo = |byte| SigningKey::from_seed_bytes([byte; 32]).unwrap().public();
        assert_eq!(demo(7), demo(7));
        assert_ne!(demo(7), demo(8));
    }

    #[test]
    fn no_text_shows_the_seed() {
        let (_folder, path, key) = saved();
        let seed = fs::read_to_string(&path).unwrap();
        let debug = format!("{key:?}");
        assert!(debug.contains(&key.public()) && !debug.contains(seed.trim()), "{debug}");
        assert!(!debug.contains(&hex::encode(key.key.to_bytes())) && !debug.contains("key: "), "{debug}");

        let other = if seed.trim().ends_with('A') { 'B' } else { 'A' };
        let broken = format!("{}{other}", &seed.trim()[..57]);
        fs::write(&path, &broken).unwrap();
        let error = SigningKey::load(&path).unwrap_err();
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains(&broken[..20]), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_command_that_mends_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, path, _) = saved();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        for mode in [0o640, 0o604, 0o660, 0o644, 0o610] {
            set_mode(&path, mode);
            let error = SigningKey::load(&path).unwrap_err();
            assert!(matches!(error, KeyFileError::OpenToOthers { mode: found, .. } if found == mode), "{error:?}");
            assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())), "{error}");
        }
        set_mode(&path, 0o400);
        SigningKey::load(&path).unwrap();
    }

    #[test]
    fn a_key_is_never_replaced() {
        let (_folder, path, key) = saved();
        let error = SigningKey::generate().unwrap().save(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::AlreadyExists { .. }), "{error:?}");
        assert_eq!(SigningKey::load(&path).unwrap().public(), key.public());
    }

    #[test]
    fn other_files_are_refused_with_the_reason() {
        let (folder, path, key) = saved();
        let account = KeyPair::new_account().seed().unwrap();
        for (content, expected) in [
            (String::new(), "it is empty"),
            (key.public(), "it holds a public key"),
            (account, "a seed of another kind"),
            ("-----BEGIN PRIVATE KEY-----".to_owned(), "does not begin with SU"),
            ("SUAAA".to_owned(), "length or its checksum"),
            ("x".repeat(5_000), "does not begin with SU"),
        ] {
            fs::write(&path, content).unwrap();
            let error = SigningKey::load(&path).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("begins with SU"), "{error}");
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(SigningKey::load(&path).unwrap_err().to_string().contains("not text"));
        assert!(SigningKey::load(folder.path()).unwrap_err().to_string().contains("not a file"));
        let missing = SigningKey::load(&folder.path().join("none.seed")).unwrap_err();
        assert!(matches!(missing, KeyFileError::NotFound { .. }), "{missing:?}");
    }
}
