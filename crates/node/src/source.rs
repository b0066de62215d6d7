//! Where a log is, as people name it: a file, a node's folder, or a stream at a broker.

pub mod copying;
mod stream_log;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use fengsui_event::{AgencyCode, RegionCode};
use fengsui_log::jetstream::{Broker, BrokerOptions, Stream, TlsFiles};
use fengsui_log::{Embedded, EventLog};

use crate::broker::check_key_of_certificate;
use crate::broker_accounts::inbox_prefix;
use crate::broker_server::{ServerUrl, ServerUrlError};
use crate::connection_key::ConnectionKey;
use crate::folder::{Folder, FolderError};
use crate::keys::KeyFileError;
use crate::node::NodeError;

pub use stream_log::StreamLog;

/// How long one attempt at a server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer is waited for.
const ACK_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a log is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogSource {
    /// A log file of its own, such as a backup.
    File(PathBuf),
    /// The log of the node in a folder, or its copy of the stream.
    Folder(PathBuf),
    /// A region's stream; the servers are of one cluster.
    Stream(Vec<ServerUrl>),
}

/// A text that names no log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogSourceError {
    /// Nothing.
    #[error("no log is named: expected a log file, a node's folder, or a broker such as tls://broker.example:4222")]
    Empty,
    /// An address of another kind.
    #[error(
        "`{found}` is no log: expected a log file, a node's folder, or a broker's address that begins with nats:// or tls://"
    )]
    Scheme {
        /// The text as given, up to what might hold a password.
        found: String,
    },
    /// The address of a server.
    #[error(transparent)]
    Server(#[from] ServerUrlError),
}

impl FromStr for LogSource {
    type Err = LogSourceError;

    /// An address of a broker, or several with commas between them; else the path of a folder, if one is there, or of a file.
    fn from_str(text: &str) -> Result<LogSource, LogSourceError> {
        if text.trim().is_empty() {
            return Err(LogSourceError::Empty);
        }
        match text.split_once("://") {
            Some(("nats" | "tls", _)) => {
                let servers = text.split(',').map(|server| server.trim().parse()).collect::<Result<_, _>>()?;
                Ok(LogSource::Stream(servers))
            }
            Some((scheme, _)) => Err(LogSourceError::Scheme { found: format!("{scheme}://") }),
            None if Path::new(text).is_dir() => Ok(LogSource::Folder(text.into())),
            None => Ok(LogSource::File(text.into())),
        }
    }
}

impl fmt::Display for LogSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogSource::File(path) | LogSource::Folder(path) => path.display().fmt(formatter),
            LogSource::Stream(servers) => {
                let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
                formatter.write_str(&servers.join(","))
            }
        }
    }
}

/// Who signs in at a broker, and for the stream of which region.
#[derive(Clone, Default, Debug)]
pub struct StreamAccess {
    /// The region whose stream it is.
    pub region: Option<RegionCode>,
    /// The agency whose inbox the answers come to; the broker's common inbox when absent.
    pub agency: Option<AgencyCode>,
    /// Seed file of the connection key; nobody signs in when absent.
    pub connection_key: Option<PathBuf>,
    /// Files for TLS.
    pub tls: TlsFiles,
}

/// Why a stream cannot be reached as it was named.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A broker holds one stream for each region.
    #[error(
        "of which region? A broker holds one stream for each: name it with --region, or name a node's folder with --data"
    )]
    NoRegion,
    /// Everything else.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl StreamAccess {
    /// Takes what is not set from a node's folder: its region, its agency, its connection key, its files for TLS.
    #[must_use]
    pub fn completed_by(mut self, folder: &Folder) -> StreamAccess {
        let agency = *self.agency.get_or_insert(folder.node().agency);
        self.region.get_or_insert(folder.exchange().region);
        let key = folder.connection_key(agency);
        if self.connection_key.is_none() && key.exists() {
            self.connection_key = Some(key);
        }
        if let Some(broker) = &folder.node().broker {
            let within = |path: &Option<PathBuf>| path.as_ref().map(|path| folder.root().join(path));
            self.tls.ca = self.tls.ca.or_else(|| within(&broker.ca));
            if self.tls.certificate.is_none() && self.tls.key.is_none() {
                (self.tls.certificate, self.tls.key) = (within(&broker.certificate), within(&broker.key));
            }
        }
        self
    }

    /// Connects to a broker.
    fn connect(&self, servers: &[ServerUrl]) -> Result<Broker, NodeError> {
        Ok(Broker::connect(self.options(servers)?)?)
    }

    fn options(&self, servers: &[ServerUrl]) -> Result<BrokerOptions, KeyFileError> {
        let seed = self.connection_key.as_deref().map(|path| ConnectionKey::load(path)?.seed()).transpose()?;
        if let Some(key) = &self.tls.key {
            check_key_of_certificate(key)?;
        }
        // Only a user who signs in may be held to an inbox of its own.
        let inbox = self.agency.filter(|_| seed.is_some()).map(inbox_prefix);
        Ok(BrokerOptions {
            servers: servers.iter().map(ToString::to_string).collect(),
            name: self.agency.map_or_else(|| "fengsui".to_owned(), |agency| format!("fengsui/{agency}/log")),
            seed,
            inbox_prefix: inbox,
            tls: self.tls.clone(),
            connect_timeout: CONNECT_TIMEOUT,
            ack_timeout: ACK_TIMEOUT,
        })
    }

    fn region(&self) -> Result<RegionCode, SourceError> {
        self.region.ok_or(SourceError::NoRegion)
    }
}

impl LogSource {
    /// The log's file; none for a stream.
    ///
    /// Errors: a folder without a node.
    pub fn file(&self) -> Result<Option<PathBuf>, FolderError> {
        match self {
            LogSource::File(path) => Ok(Some(path.clone())),
            LogSource::Folder(path) => Ok(Some(Folder::open(path)?.log())),
            LogSource::Stream(_) => Ok(None),
        }
    }

    /// Opens the stream; none for a file.
    pub fn stream(&self, access: &StreamAccess) -> Result<Option<Stream>, SourceError> {
        let LogSource::Stream(servers) = self else { return Ok(None) };
        let region = access.region()?;
        Ok(Some(Stream::open(&access.connect(servers)?, region).map_err(NodeError::from)?))
    }

    /// Opens the log to read it. A stream is read as it is, without a copy: [`StreamLog`].
    ///
    /// Errors: a file or folder that is none; a broker that is out of reach, lets nobody in, or does not promise what the log needs.
    pub fn open(&self, access: &StreamAccess) -> Result<Box<dyn EventLog>, SourceError> {
        if let Some(stream) = self.stream(access)? {
            return Ok(Box::new(StreamLog::new(stream)));
        }
        let path = self.file().map_err(NodeError::from)?.unwrap_or_default();
        Ok(Box::new(Embedded::open_reader(path).map_err(NodeError::from)?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tempfile::TempDir;

    use super::*;
    use crate::folder::{BrokerConfig, Exchange, NodeConfig};

    #[test]
    fn an_address_a_folder_or_a_file_is_meant() {
        let place = TempDir::new().unwrap();
        let folder = place.path().to_str().unwrap();
        assert_eq!(folder.parse(), Ok(LogSource::Folder(folder.into())));
        let file = format!("{folder}/log.sqlite");
        assert_eq!(file.parse(), Ok(LogSource::File(file.clone().into())));
        let cluster: LogSource = "tls://a.example:4222, tls://b.example".parse().unwrap();
        assert_eq!(cluster.to_string(), "tls://a.example:4222,tls://b.example:4222");
    }

    #[test]
    fn what_is_no_log_is_refused_without_its_password() {
        let refused = |text: &str| text.parse::<LogSource>().unwrap_err();
        assert_eq!(refused(" "), LogSourceError::Empty);
        let error = refused("https://user:secret@example/log");
        assert!(matches!(error, LogSourceError::Scheme { .. }) && !error.to_string().contains("secret"), "{error}");
        assert!(matches!(refused("nats://a,b"), LogSourceError::Server(ServerUrlError::Scheme { .. })));
        assert!(matches!(refused("nats://a:0"), LogSourceError::Server(ServerUrlError::Port { .. })));
    }

    fn folder(place: &TempDir) -> Folder {
        let exchange = Exchange {
            region: "350600".parse().unwrap(),
            authority: "joint-office".parse().unwrap(),
            authority_keys: vec![ConnectionKey::generate().unwrap().public()],
            servers: Vec::new(),
        };
        let broker = BrokerConfig {
            servers: vec!["tls://broker.example:4222".to_owned()],
            ca: Some("tls/ca.crt".into()),
            certificate: Some("tls/client.crt".into()),
            key: Some("tls/client.key".into()),
            recovery_patience_seconds: None,
        };
        let node = NodeConfig::new("350602".parse().unwrap(), "fire".parse().unwrap(), 1);
        Folder::create(place.path().join("data"), NodeConfig { broker: Some(broker), ..node }, exchange).unwrap()
    }

    #[test]
    fn what_is_not_said_comes_from_the_folder() {
        let place = TempDir::new().unwrap();
        let folder = folder(&place);
        let access = StreamAccess::default().completed_by(&folder);
        assert_eq!((access.region, access.agency), ("350600".parse().ok(), "fire".parse().ok()));
        assert_eq!(access.connection_key, None);
        assert_eq!(access.tls.certificate, Some(folder.root().join("tls/client.crt")));
        let key = folder.connection_key("fire".parse().unwrap());
        ConnectionKey::generate().unwrap().save(&key).unwrap();
        assert_eq!(StreamAccess::default().completed_by(&folder).connection_key, Some(key));
    }

    #[test]
    fn what_is_said_stands() {
        let place = TempDir::new().unwrap();
        let tls = TlsFiles { ca: Some("other.crt".into()), certificate: None, key: None };
        let said = StreamAccess {
            region: "110000".parse().ok(),
            agency: "housing".parse().ok(),
            connection_key: Some("key.seed".into()),
            tls,
        };
        let access = said.clone().completed_by(&folder(&place));
        assert_eq!(
            (access.region, access.agency, access.connection_key),
            (said.region, said.agency, said.connection_key)
        );
        assert_eq!(access.tls.ca, Some("other.crt".into()));
    }

    #[test]
    fn who_signs_in_has_an_inbox_of_its_own() {
        let place = TempDir::new().unwrap();
        let key = place.path().join("key.seed");
        ConnectionKey::generate().unwrap().save(&key).unwrap();
        let server = ["nats://127.0.0.1:4222".parse().unwrap()];
        let mut access = StreamAccess { agency: "fire".parse().ok(), ..StreamAccess::default() };
        assert_eq!(access.options(&server).unwrap().inbox_prefix, None);
        access.connection_key = Some(key);
        let options = access.options(&server).unwrap();
        assert!(options.seed.is_some());
        assert_eq!(options.inbox_prefix.as_deref(), Some("_INBOX_fire"));
    }
}
