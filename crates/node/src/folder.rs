//! The folder in which a node keeps everything that is its own.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fengsui_event::{AgencyCode, KeyId, RegionCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::checkpoints::CheckpointsConfig;
use crate::evidence::EvidenceConfig;
use crate::notify::NotifyConfig;
use crate::reporters::ReportersConfig;

const NODE_FILE: &str = "node.toml";
const EXCHANGE_FILE: &str = "exchange.toml";

/// Who this node is. Kept in `node.toml`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Region of the node's agency.
    pub region: RegionCode,
    /// The agency whose desk this is: commands act for it unless told otherwise.
    pub agency: AgencyCode,
    /// Number of this node among those of its agency, from 1. Two nodes with one number would break each other's chain.
    #[serde(deserialize_with = "node_number")]
    pub node: u16,
    /// How the node reaches the exchange's stream. Without it the log is the node's own file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<BrokerConfig>,
    /// What `node run` shows of itself over HTTP.
    #[serde(default, skip_serializing_if = "is_default")]
    pub http: HttpConfig,
    /// Where `node run` tells the agency what it must look at.
    #[serde(default, skip_serializing_if = "is_default")]
    pub notify: NotifyConfig,
    /// Which files may be evidence.
    #[serde(default, skip_serializing_if = "is_default")]
    pub evidence: EvidenceConfig,
    /// Who may open the identity of those who report in public.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reporters: ReportersConfig,
    /// When `node run` signs and cosigns checkpoints.
    #[serde(default, skip_serializing_if = "is_default")]
    pub checkpoints: CheckpointsConfig,
}

impl NodeConfig {
    /// A node on its own file, with nothing else set.
    pub fn new(region: RegionCode, agency: AgencyCode, node: u16) -> NodeConfig {
        NodeConfig {
            region,
            agency,
            node,
            broker: None,
            http: HttpConfig::default(),
            notify: NotifyConfig::default(),
            evidence: EvidenceConfig::default(),
            reporters: ReportersConfig::default(),
            checkpoints: CheckpointsConfig::default(),
        }
    }
}

/// The way to the broker. Paths are relative to the node's folder. Kept in `node.toml` as `[broker]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerConfig {
    /// Servers to connect to, such as `tls://broker.example:4222`; any of them will do.
    #[serde(deserialize_with = "at_least_one_server")]
    pub servers: Vec<String>,
    /// Certificates of the authorities that the servers' certificates are checked against (PEM); the system's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The node's own certificate (PEM), where the servers ask for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The key of `certificate` (PEM), mode 0600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// How many seconds the node waits for others to bring back what the stream has lost, before it goes on without; 60 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_patience_seconds: Option<u32>,
}

/// See [`BrokerConfig::recovery_patience_seconds`].
const RECOVERY_PATIENCE_SECONDS: u32 = 60;

impl BrokerConfig {
    /// How long the node waits for others to bring back what the stream has lost.
    pub fn recovery_patience(&self) -> Duration {
        Duration::from_secs(self.recovery_patience_seconds.unwrap_or(RECOVERY_PATIENCE_SECONDS).into())
    }
}

/// Where `node run` answers for its health. Kept in `node.toml` as `[http]`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Address for `/healthz`, `/readyz` and `/metrics`, such as `127.0.0.1:9464`; port 0 takes a free one. Nothing listens when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a node trusts from the start, before it has read any event. Kept in `exchange.toml`, handed out by the authority.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Region of the exchange.
    pub region: RegionCode,
    /// The agency that runs the exchange (联席会议办公室).
    pub authority: AgencyCode,
    /// The authority's public keys at the start; later ones are registered on the log.
    #[serde(deserialize_with = "at_least_one_key")]
    pub authority_keys: Vec<KeyId>,
    /// Where the exchange's stream is to be reached, for nodes that join. Empty when there is no broker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<String>,
}

/// A node's folder that is initialised, with its configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Folder {
    root: PathBuf,
    node: NodeConfig,
    exchange: Exchange,
}

/// Why a folder could not be opened or made.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is no node in the folder.
    #[error(
        "there is no node in {root}: name the right folder with --data, or make a node with \
         `fengsui --data {root} init --region REGION --agency AGENCY`, or a whole city to try with `fengsui --data {root} demo`"
    )]
    NotInitialised {
        /// The folder.
        root: PathBuf,
    },
    /// There is a node in the folder already.
    #[error("there is a node in {root} already: use it, or name another folder with --data")]
    AlreadyInitialised {
        /// The folder.
        root: PathBuf,
    },
    /// A file that every node has is missing.
    #[error("{path} is missing: restore it from a backup, or ask the exchange's authority for it")]
    FileMissing {
        /// The file.
        path: PathBuf,
    },
    /// A configuration file is something else.
    #[error("{path} is no text in UTF-8, so it is no configuration: restore it from a backup")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// A configuration file is wrong.
    #[error("{path}, line {line}: {message}; correct it, or restore the file from a backup")]
    Configuration {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What was found and what was expected.
        message: String,
    },
    /// The node lies outside the exchange.
    #[error(
        "{path} says region {node}, which is not part of the exchange's region {exchange}: correct the region, or get the exchange file of the right region"
    )]
    OutsideExchange {
        /// The node's file.
        path: PathBuf,
        /// The node's region.
        node: RegionCode,
        /// The exchange's region.
        exchange: RegionCode,
    },
    /// A configuration could not be written as TOML.
    #[error("{path} cannot be written as TOML: {message}")]
    Encoding {
        /// The file.
        path: PathBuf,
        /// The reason.
        message: String,
    },
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl Folder {
    /// Opens a folder that has a node.
    pub fn open(root: impl Into<PathBuf>) -> Result<Folder, FolderError> {
        let root = root.into();
        if !Folder::is_initialised(&root) {
            return Err(FolderError::NotInitialised { root });
        }
        let node: NodeConfig = read_toml(&root.join(NODE_FILE))?;
        let exchange = Exchange::load(&root.join(EXCHANGE_FILE))?;
        Folder::checked(root, node, exchange)
    }

    /// Makes a node's folder with its configuration and an empty folder for keys. A creation that was cut off is begun again.
    ///
    /// Errors: [`FolderError::AlreadyInitialised`]; a node is never replaced.
    pub fn create(root: impl Into<PathBuf>, node: NodeConfig, exchange: Exchange) -> Result<Folder, FolderError> {
        let root = root.into();
        if Folder::is_initialised(&root) {
            return Err(FolderError::AlreadyInitialised { root });
        }
        let folder = Folder::checked(root, node, exchange)?;
        make_folder(&folder.root, 0o750)?;
        make_folder(&folder.keys(), 0o700)?;
        folder.exchange.save(&folder.root.join(EXCHANGE_FILE))?;
        // Last, for it is what makes the folder count as initialised.
        write_toml(&folder.root.join(NODE_FILE), NODE_HEADING, &folder.node)?;
        Ok(folder)
    }

    /// Whether there is a node in the folder `root`.
    pub fn is_initialised(root: &Path) -> bool {
        root.join(NODE_FILE).is_file()
    }

    /// Who this node is.
    pub fn node(&self) -> &NodeConfig {
        &self.node
    }

    /// The exchange that it belongs to.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of seed files.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The seed file of an agency's key.
    pub fn key(&self, agency: AgencyCode) -> PathBuf {
        self.keys().join(format!("{agency}.seed"))
    }

    /// The seed file of the key with which the node of an agency signs in at the broker. It is never one that signs events: a broker
    /// chooses what is signed at sign-in, and could choose an event.
    pub fn connection_key(&self, agency: AgencyCode) -> PathBuf {
        self.keys().join(format!("{agency}.connection.seed"))
    }

    /// Replaces `node.toml`, whole or not at all.
    pub fn reconfigure(&mut self, node: NodeConfig) -> Result<(), FolderError> {
        let changed = Folder::checked(self.root.clone(), node, self.exchange.clone())?;
        write_toml(&self.root.join(NODE_FILE), NODE_HEADING, &changed.node)?;
        *self = changed;
        Ok(())
    }

    /// The node's copy of the log, or the log itself when there is no broker.
    pub fn log(&self) -> PathBuf {
        self.root.join("log.sqlite")
    }

    /// Events that are on their way to the log. Not to be lost.
    pub fn outbox(&self) -> PathBuf {
        self.root.join("outbox.sqlite")
    }

    /// The tables that are drawn from the log. Can be deleted at any time.
    pub fn model(&self) -> PathBuf {
        self.root.join("model.sqlite")
    }

    fn checked(root: PathBuf, node: NodeConfig, exchange: Exchange) -> Result<Folder, FolderError> {
        if !exchange.region.contains(node.region) {
            let path = root.join(NODE_FILE);
            return Err(FolderError::OutsideExchange { path, node: node.region, exchange: exchange.region });
        }
        Ok(Folder { root, node, exchange })
    }
}

impl Exchange {
    /// Reads an exchange file, such as the one that the authority hands out.
    pub fn load(path: &Path) -> Result<Exchange, FolderError> {
        read_toml(path)
    }

    /// Writes an exchange file, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<(), FolderError> {
        write_toml(path, EXCHANGE_HEADING, self)
    }
}

/// Replaces a file so that after a crash there is either the old or the new content, whole.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".writing");
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&unfinished, path)?;
    sync_parent(path)
}

/// A new name in a folder is durable only once the folder is.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::File::open(parent)?.sync_all()
}

const NODE_HEADING: &str = "# Who this node is. Made by `fengsui init`.\n";
const EXCHANGE_HEADING: &str =
    "# What every node of the exchange trusts from the start. From the exchange's authority; the same at every node.\n";

pub(crate) fn make_folder(path: &Path, mode: u32) -> Result<(), FolderError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    #[cfg(not(unix))]
    let _ = mode;
    builder
        .create(path)
        .and_then(|()| sync_parent(path))
        .map_err(|source| FolderError::Io { path: path.to_owned(), source })
}

pub(crate) fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<T, FolderError> {
    let text = fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => FolderError::FileMissing { path: path.to_owned() },
        io::ErrorKind::InvalidData => FolderError::NotText { path: path.to_owned() },
        _ => FolderError::Io { path: path.to_owned(), source },
    })?;
    toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        FolderError::Configuration { path: path.to_owned(), line, message: error.message().to_owned() }
    })
}

pub(crate) fn write_toml<T: Serialize>(path: &Path, heading: &str, value: &T) -> Result<(), FolderError> {
    let body = toml::to_string(value)
        .map_err(|error| FolderError::Encoding { path: path.to_owned(), message: error.to_string() })?;
    write_atomically(path, format!("{heading}{body}").as_bytes())
        .map_err(|source| FolderError::Io { path: path.to_owned(), source })
}

fn node_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        0 => Err(serde::de::Error::custom("node 0: expected a number from 1 to 65535")),
        number => Ok(number),
    }
}

fn at_least_one_server<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let servers = Vec::<String>::deserialize(deserializer)?;
    if servers.is_empty() {
        return Err(serde::de::Error::custom(
            "no servers: expected at least one, such as \"tls://broker.example:4222\"",
        ));
    }
    Ok(servers)
}

fn at_least_one_key<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<KeyId>, D::Error> {
    let keys = Vec::<KeyId>::deserialize(deserializer)?;
    if keys.is_empty() {
        return Err(serde::de::Error::custom("no authority_keys: expected at least one public key that begins with U"));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tempfile::TempDir;

    use super::*;
    use crate::keys::SigningKey;

    fn node() -> NodeConfig {
        NodeConfig::new("350602".parse().unwrap(), "fire".parse().unwrap(), 1)
    }

    fn exchange() -> Exchange {
        let key = SigningKey::from_seed_bytes([1; 32]).unwrap().public();
        Exchange {
            region: "350600".parse().unwrap(),
            authority: "authority".parse().unwrap(),
            authority_keys: vec![key.parse().unwrap()],
            servers: Vec::new(),
        }
    }

    fn created() -> (TempDir, Folder) {
        let place = TempDir::new().unwrap();
        let folder = Folder::create(place.path().join("deep/data"), node(), exchange()).unwrap();
        (place, folder)
    }

    /// The error of opening a folder whose file `name` holds `content`.
    #[track_caller]
    fn spoilt(name: &str, content: &str) -> String {
        let (_place, folder) = created();
        fs::write(folder.root().join(name), content).unwrap();
        Folder::open(folder.root()).unwrap_err().to_string().replace(&*folder.root().to_string_lossy(), "DATA")
    }

    #[test]
    fn a_created_folder_opens_as_it_was_made() {
        let (_place, folder) = created();
        assert_eq!(Folder::open(folder.root()).unwrap(), folder);
        assert_eq!(folder.node(), &node());
        assert_eq!(folder.exchange(), &exchange());
        assert_eq!(folder.key("fire".parse().unwrap()), folder.root().join("keys/fire.seed"));
        assert!(folder.keys().is_dir());
        let text = fs::read_to_string(folder.root().join("node.toml")).unwrap();
        assert!(text.ends_with("region = \"350602\"\nagency = \"fire\"\nnode = 1\n"), "{text}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(folder.keys()).unwrap().permissions().mode() & 0o077, 0);
        }
    }

    #[test]
    fn a_folder_without_a_node_gives_the_commands_that_make_one() {
        let place = TempDir::new().unwrap();
        assert!(!Folder::is_initialised(place.path()));
        let text = Folder::open(place.path()).unwrap_err().to_string();
        let root = place.path().display();
        assert!(text.contains(&format!("fengsui --data {root} init --region")), "{text}");
        assert!(text.contains(&format!("fengsui --data {root} demo")), "{text}");
    }

    #[test]
    fn a_node_is_never_replaced_but_a_creation_that_was_cut_off_is_finished() {
        let (_place, folder) = created();
        let error = Folder::create(folder.root(), node(), exchange()).unwrap_err();
        assert!(matches!(error, FolderError::AlreadyInitialised { .. }), "{error:?}");
        fs::remove_file(folder.root().join("node.toml")).unwrap();
        fs::write(folder.root().join("node.toml.writing"), "region =").unwrap();
        assert!(matches!(Folder::open(folder.root()), Err(FolderError::NotInitialised { .. })));
        assert_eq!(Folder::create(folder.root(), node(), exchange()).unwrap(), folder);
    }

    #[test]
    fn a_wrong_configuration_names_file_line_and_what_was_expected() {
        let line_2 = spoilt("node.toml", "region = \"350602\"\nagency = \"Fire Brigade\"\nnode = 1\n");
        assert!(line_2.starts_with("DATA/node.toml, line 2: ") && line_2.contains("lower-case letter"), "{line_2}");
        let zero = spoilt("node.toml", "region = \"350602\"\nagency = \"fire\"\nnode = 0\n");
        assert!(zero.starts_with("DATA/node.toml, line 3: node 0: expected a number from 1"), "{zero}");
        let unknown = spoilt("node.toml", "region = \"350602\"\nagency = \"fire\"\nnode = 1\nnodes = 2\n");
        assert!(unknown.starts_with("DATA/node.toml, line 4: unknown field `nodes`, expected one of"), "{unknown}");
        let missing = spoilt("node.toml", "region = \"350602\"\nnode = 1\n");
        assert!(missing.contains("missing field `agency`"), "{missing}");
        let broken = spoilt("node.toml", "region = \"350602\"\nagency = fire\n");
        assert!(broken.starts_with("DATA/node.toml, line 2: "), "{broken}");
        let keyless = spoilt("exchange.toml", "region = \"350600\"\nauthority = \"authority\"\nauthority_keys = []\n");
        assert!(keyless.starts_with("DATA/exchange.toml, line 3: no authority_keys"), "{keyless}");
        let seed =
            spoilt("exchange.toml", "region = \"350600\"\nauthority = \"authority\"\nauthority_keys = [\"UABC\"]\n");
        assert!(seed.contains("line 3: ") && seed.contains("56 characters"), "{seed}");
    }

    #[test]
    fn the_way_to_the_broker_is_kept_and_checked() {
        let (_place, mut folder) = created();
        let toml = "region = \"350602\"\nagency = \"fire\"\nnode = 1\n\n[broker]\nservers = [\"tls://127.0.0.1:4222\"]\nca = \"keys/ca.pem\"\n\n[http]\nlisten = \"127.0.0.1:9464\"\n";
        let config: NodeConfig = toml::from_str(toml).unwrap();
        folder.reconfigure(config.clone()).unwrap();
        assert_eq!(Folder::open(folder.root()).unwrap().node(), &config);
        let none = spoilt("node.toml", "region = \"350602\"\nagency = \"fire\"\nnode = 1\n[broker]\nservers = []\n");
        assert!(none.starts_with("DATA/node.toml, line 5: no servers: expected at least one"), "{none}");
    }

    #[test]
    fn a_missing_exchange_file_and_a_foreign_region_are_told() {
        let (_place, folder) = created();
        fs::remove_file(folder.root().join("exchange.toml")).unwrap();
        assert!(matches!(Folder::open(folder.root()), Err(FolderError::FileMissing { .. })));

        let place = TempDir::new().unwrap();
        let elsewhere = NodeConfig { region: "440100".parse().unwrap(), ..node() };
        let error = Folder::create(place.path().join("data"), elsewhere, exchange()).unwrap_err();
        assert!(matches!(error, FolderError::OutsideExchange { .. }), "{error:?}");
        assert!(!place.path().join("data").exists());
    }

    #[test]
    fn an_atomic_write_replaces_all_and_leaves_nothing_behind() {
        let place = TempDir::new().unwrap();
        let path = place.path().join("exchange.toml");
        write_atomically(&path, b"old and long").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
