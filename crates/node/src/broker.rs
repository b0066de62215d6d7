//! How the node of a folder connects to its broker.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use fengsui_log::jetstream::{BrokerOptions, TlsFiles};

use crate::broker_accounts::inbox_prefix;
use crate::connection_key::ConnectionKey;
use crate::folder::{BrokerConfig, Folder};
use crate::keys::{KeyFileError, refuse_if_open_to_others};

/// How long one attempt at a server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer is waited for.
const ACK_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a node has no way to a broker.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The folder's exchange has none.
    #[error("node.toml has no [broker]: this exchange's log is the node's own file")]
    NoBroker,
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
}

/// How the node of a folder connects: by its connection key, with its own inbox, with the certificates that `node.toml` names.
///
/// Errors: a key that is missing or open to others.
pub fn options(folder: &Folder) -> Result<BrokerOptions, ConnectionError> {
    let node = folder.node();
    let BrokerConfig { servers, ca, certificate, key, .. } = node.broker.as_ref().ok_or(ConnectionError::NoBroker)?;
    let seed = ConnectionKey::load(&folder.connection_key(node.agency))?.seed()?;
    let within = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| folder.root().join(path));
    let tls = TlsFiles { ca: within(ca), certificate: within(certificate), key: within(key) };
    if let Some(key) = &tls.key {
        check_key_of_certificate(key)?;
    }
    Ok(BrokerOptions {
        servers: servers.clone(),
        name: format!("fengsui/{}/{}", node.agency, node.node),
        seed: Some(seed),
        inbox_prefix: Some(inbox_prefix(node.agency)),
        tls,
        connect_timeout: CONNECT_TIMEOUT,
        ack_timeout: ACK_TIMEOUT,
    })
}

/// Refuses the key of a certificate that others can read. One that is not there yet is told when it is needed.
pub fn check_key_of_certificate(path: &Path) -> Result<(), KeyFileError> {
    match fs::metadata(path) {
        Ok(metadata) => refuse_if_open_to_others(path, &metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(KeyFileError::Io { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;
    use crate::folder::{Exchange, NodeConfig};

    fn folder(broker: Option<BrokerConfig>) -> (TempDir, Folder) {
        let place = TempDir::new().unwrap();
        let exchange = Exchange {
            region: "350600".parse().unwrap(),
            authority: "joint-office".parse().unwrap(),
            authority_keys: vec![ConnectionKey::generate().unwrap().public()],
            servers: Vec::new(),
        };
        let node = NodeConfig { broker, ..NodeConfig::new("350602".parse().unwrap(), "fire".parse().unwrap(), 2) };
        let folder = Folder::create(place.path().join("data"), node, exchange).unwrap();
        (place, folder)
    }

    fn broker(key: Option<PathBuf>) -> BrokerConfig {
        let certificate = key.as_ref().map(|_| PathBuf::from("/etc/fengsui/client.crt"));
        BrokerConfig {
            servers: vec!["tls://broker.example:4222".to_owned()],
            ca: Some("tls/ca.crt".into()),
            certificate,
            key,
            recovery_patience_seconds: None,
        }
    }

    #[test]
    fn a_node_connects_by_its_connection_key_and_its_own_inbox() {
        let (_place, folder) = folder(Some(broker(None)));
        assert!(matches!(options(&folder), Err(ConnectionError::Key(KeyFileError::NotFound { .. }))));
        let key = ConnectionKey::generate().unwrap();
        key.save(&folder.connection_key("fire".parse().unwrap())).unwrap();
        let options = options(&folder).unwrap();
        assert_eq!(options.servers, ["tls://broker.example:4222"]);
        assert_eq!((options.name.as_str(), options.inbox_prefix.as_deref()), ("fengsui/fire/2", Some("_INBOX_fire")));
        assert_eq!(options.seed.unwrap(), key.seed().unwrap());
        assert_eq!(options.tls.ca, Some(folder.root().join("tls/ca.crt")));
    }

    #[test]
    fn a_folder_without_a_broker_has_no_way_to_one() {
        let (_place, folder) = folder(None);
        assert!(matches!(options(&folder), Err(ConnectionError::NoBroker)));
    }

    #[cfg(unix)]
    #[test]
    fn keys_that_others_can_read_are_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let open_up = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        let (place, folder) = folder(Some(broker(Some("client.key".into()))));
        let path = folder.connection_key("fire".parse().unwrap());
        ConnectionKey::generate().unwrap().save(&path).unwrap();
        // Not there yet: the client says so when it connects.
        options(&folder).unwrap();
        let of_certificate = folder.root().join("client.key");
        fs::write(&of_certificate, "key").unwrap();
        open_up(&of_certificate);
        assert!(options(&folder).unwrap_err().to_string().contains("client.key can be read by others (mode 0644)"));
        fs::set_permissions(&of_certificate, fs::Permissions::from_mode(0o600)).unwrap();
        options(&folder).unwrap();
        open_up(&path);
        assert!(options(&folder).unwrap_err().to_string().contains("fire.connection.seed can be read by others"));
        drop(place);
    }
}
