//! Secrets of channels: read from files that only their owner can read, and never shown.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::keys::{KeyFileError, refuse_if_open_to_others};

/// More than any secret of a channel has.
const SECRET_BYTES_MAX: u64 = 4_096;

/// Why a secret could not be read. No message holds any part of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// There is no such file.
    #[error("there is no secret at {path}: write it there with mode 0600, or correct the path in node.toml")]
    NotFound {
        /// Where it should be.
        path: PathBuf,
    },
    /// Others than the owner can read the file.
    #[error(
        "{path} can be read by others (mode {mode:04o}): run `chmod 600 {path}`, and change the secret if anyone else may have read it"
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds something else.
    #[error("{path} holds no secret: {reason}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong, without the content.
        reason: &'static str,
    },
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Reads the one line of a secret file.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => SecretFileError::NotFound { path: path.to_owned() },
        _ => SecretFileError::Io { path: path.to_owned(), source },
    };
    let unfit = |reason| SecretFileError::Unfit { path: path.to_owned(), reason };
    let file = File::open(path).map_err(io)?;
    match refuse_if_open_to_others(path, &file.metadata().map_err(io)?) {
        Ok(()) => {}
        Err(KeyFileError::OpenToOthers { path, mode }) => return Err(SecretFileError::OpenToOthers { path, mode }),
        Err(_) => return Err(unfit("it is not a file")),
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(SECRET_BYTES_MAX).unwrap_or_default()));
    file.take(SECRET_BYTES_MAX).read_to_end(&mut bytes).map_err(io)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| unfit("it is not text"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(unfit("it is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(unfit("it has more than one line"));
    }
    Ok(Zeroizing::new(text.to_owned()))
}
