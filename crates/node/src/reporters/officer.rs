//! The officers who may learn who reported: each has a key of his own, whose secret half lies in his own file.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::str::FromStr;

use nkeys::XKey;
use zeroize::Zeroizing;

use super::ReporterError;
use crate::keys::{KeyFileError, refuse_if_open_to_others, save_secret};

/// More than any identity file has; what is longer is another file.
const IDENTITY_FILE_BYTES_MAX: u64 = 1_024;

/// The public half of an officer's key: an NKeys curve key (X25519), 56 characters that begin with X.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OfficerKey(String);

/// The secret half. It is wiped from memory when it is dropped and is never shown.
pub struct OfficerIdentity {
    key: XKey,
    public: OfficerKey,
}

impl OfficerKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OfficerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not the public key of an officer. It is not quoted, for it may be a secret one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no officer's public key: expected 56 characters that begin with X, as `reporter officer add` printed them"
)]
pub struct OfficerKeyError;

impl FromStr for OfficerKey {
    type Err = OfficerKeyError;

    fn from_str(text: &str) -> Result<Self, OfficerKeyError> {
        let key = XKey::from_public_key(text.trim()).map_err(|_| OfficerKeyError)?;
        Ok(Self(key.public_key()))
    }
}

impl OfficerIdentity {
    /// A new identity from the system's random numbers.
    pub fn generate() -> Result<Self, ReporterError> {
        let mut seed = Zeroizing::new([0; 32]);
        rand::RngCore::try_fill_bytes(&mut rand::rngs::OsRng, &mut *seed).map_err(ReporterError::NoRandomness)?;
        Ok(Self::of(XKey::new_from_raw(*seed)))
    }

    /// Reads an identity file.
    ///
    /// Errors: [`KeyFileError::OpenToOthers`] when its mode lets group or others do anything with it;
    /// [`ReporterError::NotAnIdentity`] when it holds something else. Neither shows any part of it.
    pub fn load(path: &Path) -> Result<Self, ReporterError> {
        let io = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => ReporterError::NoIdentityFile { path: path.to_owned() },
            _ => KeyFileError::Io { path: path.to_owned(), source }.into(),
        };
        let not_one = |reason| ReporterError::NotAnIdentity { path: path.to_owned(), reason };
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(not_one("it is not a file"));
        }
        refuse_if_open_to_others(path, &metadata)?;
        let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(IDENTITY_FILE_BYTES_MAX).unwrap_or_default()));
        file.take(IDENTITY_FILE_BYTES_MAX).read_to_end(&mut text).map_err(io)?;
        let text = std::str::from_utf8(&text).map_err(|_| not_one("it is not text"))?.trim();
        if text.starts_with('X') {
            return Err(not_one("it holds a public key, not the secret one"));
        }
        if text.starts_with("SU") {
            return Err(not_one("it holds a key that signs events, not an officer's"));
        }
        let key = XKey::from_seed(text).map_err(|_| not_one("it does not begin with SX, or its checksum is wrong"))?;
        Ok(Self::of(key))
    }

    /// Writes the identity to a new file with mode 0600. It is never replaced.
    pub fn save(&self, path: &Path) -> Result<(), ReporterError> {
        let seed = self.key.seed().map(Zeroizing::new);
        let seed = seed.map_err(|_| ReporterError::Sealing("the identity could not be written in NKeys form"))?;
        Ok(save_secret(path, &seed)?)
    }

    /// The public half.
    pub fn public(&self) -> &OfficerKey {
        &self.public
    }

    pub(super) fn key(&self) -> &XKey {
        &self.key
    }

    fn of(key: XKey) -> Self {
        let public = OfficerKey(key.public_key());
        Self { key, public }
    }
}

impl fmt::Debug for OfficerIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OfficerIdentity").field("public", &self.public.0).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// The pair that the tests of NATS' Go library use.
    const SEED: &str = "SXAKIYZX2POLIHZ5W5YZEWVTH24NLEUETBW3TKIVYRSS3GNHFXO5D4JJZM";
    const PUBLIC: &str = "XBUJMZHVOPQ2SK5VD3TY4VNBPVU2YFGRLK6EFPEPSMVDUYEBSROWZCEA";

    #[cfg(unix)]
    fn write(path: &Path, text: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_saved_identity_is_the_same_when_loaded_and_never_replaced() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("li.officer");
        let identity = OfficerIdentity::generate().unwrap();
        identity.save(&path).unwrap();
        assert_eq!(OfficerIdentity::load(&path).unwrap().public(), identity.public());
        assert!(OfficerIdentity::generate().unwrap().save(&path).is_err());
        assert_eq!(identity.public().as_str().parse::<OfficerKey>().unwrap(), *identity.public());
        let seed = fs::read_to_string(&path).unwrap();
        assert!(seed.starts_with("SX") && !format!("{identity:?}").contains(seed.trim()));
    }

    #[cfg(unix)]
    #[test]
    fn identity_files_are_those_of_other_nats_tools_and_no_others_are_taken() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("li.officer");
        write(&path, &format!("{SEED}\n"), 0o600);
        assert_eq!(OfficerIdentity::load(&path).unwrap().public().as_str(), PUBLIC);
        write(&path, SEED, 0o640);
        let error = OfficerIdentity::load(&path).unwrap_err();
        assert!(matches!(error, ReporterError::KeyFile(KeyFileError::OpenToOthers { mode: 0o640, .. })), "{error:?}");
        for (text, reason) in [
            (PUBLIC, "public key"),
            ("SUAAAA", "signs events"),
            ("", "does not begin with SX"),
            ("SXAKIYZX2POLIHZ5W5YZEWVTH24NLEUETBW3TKIVYRSS3GNHFXO5D4JJZA", "checksum"),
        ] {
            write(&path, text, 0o600);
            let error = OfficerIdentity::load(&path).unwrap_err().to_string();
            assert!(error.contains(reason) && !error.contains("SXAK"), "{error}");
        }
        assert!(OfficerIdentity::load(folder.path()).unwrap_err().to_string().contains("not a file"));
        let missing = OfficerIdentity::load(&folder.path().join("none")).unwrap_err();
        assert!(matches!(missing, ReporterError::NoIdentityFile { .. }), "{missing:?}");
        assert!(SEED.parse::<OfficerKey>().is_err());
    }
}
