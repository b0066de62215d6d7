//! What a node that joins an exchange sends to the authority: its public keys, as a file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fengsui_event::{AgencyCode, KeyId, RegionCode};
use serde::{Deserialize, Serialize};

use crate::folder::write_atomically;

/// More than any request has; what is longer is another file.
const REQUEST_BYTES_MAX: u64 = 64 * 1_024;

/// The request of a node to be let in. It holds no secret; what it says, the authority asks the agency by another way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// The agency.
    pub agency: AgencyCode,
    /// Its name, where it is not to be that of the rulebook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its region.
    pub region: RegionCode,
    /// Which of its nodes, from 1.
    pub node: u16,
    /// The public key that signs its events.
    pub key: KeyId,
    /// The public key with which the node signs in at the broker.
    pub connection_key: KeyId,
}

/// Why a request could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JoinRequestError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It is another file.
    #[error(
        "{path} is no request to join: {message}; expected the file join-AGENCY.json that `fengsui init --exchange` wrote"
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// What was found.
        message: String,
    },
}

impl JoinRequest {
    /// What the file is called.
    pub fn file_name(agency: AgencyCode) -> String {
        format!("join-{agency}.json")
    }

    /// Reads a request.
    pub fn load(path: &Path) -> Result<JoinRequest, JoinRequestError> {
        let io = |source| JoinRequestError::Io { path: path.to_owned(), source };
        let content = |message: String| JoinRequestError::Content { path: path.to_owned(), message };
        let bytes = fs::metadata(path).map_err(io)?.len();
        if bytes > REQUEST_BYTES_MAX {
            return Err(content(format!("it has {bytes} bytes")));
        }
        let text = fs::read(path).map_err(io)?;
        let request: JoinRequest = serde_json::from_slice(&text).map_err(|error| content(error.to_string()))?;
        if request.node == 0 {
            return Err(content("node 0, but nodes are numbered from 1".to_owned()));
        }
        if request.key == request.connection_key {
            return Err(content("one key for both purposes".to_owned()));
        }
        Ok(request)
    }

    /// Writes the request, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<(), JoinRequestError> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| JoinRequestError::Content { path: path.to_owned(), message: error.to_string() })?;
        text.push('\n');
        write_atomically(path, text.as_bytes()).map_err(|source| JoinRequestError::Io { path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::connection_key::ConnectionKey;

    #[test]
    fn a_request_is_read_as_it_was_written_and_other_files_are_refused() {
        let place = tempfile::TempDir::new().unwrap();
        let path = place.path().join(JoinRequest::file_name("fire".parse().unwrap()));
        let key = || ConnectionKey::generate().unwrap().public();
        let request = JoinRequest {
            agency: "fire".parse().unwrap(),
            name: None,
            region: "350602".parse().unwrap(),
            node: 1,
            key: key(),
            connection_key: key(),
        };
        request.save(&path).unwrap();
        assert!(path.ends_with("join-fire.json"));
        assert_eq!(JoinRequest::load(&path).unwrap(), request);
        let refused = |text: &str| {
            fs::write(&path, text).unwrap();
            JoinRequest::load(&path).unwrap_err().to_string()
        };
        let text = serde_json::to_string(&request).unwrap();
        for (wrong, expected) in [
            ("{}".to_owned(), "missing field"),
            (text.replace("\"node\":1", "\"node\":0"), "numbered from 1"),
            (text.replace("\"node\"", "\"seed\":\"SU\",\"node\""), "unknown field"),
            (text.replace("fire", "Fire"), "lower-case"),
            (text.replace(request.connection_key.as_str(), request.key.as_str()), "one key for both"),
            (" ".repeat(70_000), "70000 bytes"),
        ] {
            let error = refused(&wrong);
            assert!(error.contains(expected) && error.contains("no request to join"), "{error}");
        }
        assert!(matches!(JoinRequest::load(Path::new("/none")), Err(JoinRequestError::Io { .. })));
    }
}
