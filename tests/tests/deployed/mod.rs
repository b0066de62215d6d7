//! A city that is set up from what `deploy/` ships: certificates by its script, servers on its configuration files, nothing edited.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions};
use fengsui_event::RegionCode;
use fengsui_log::jetstream::{BrokerOptions, TlsFiles};
use fengsui_node::broker_accounts::{Member, accounts, inbox_prefix, leaf_users};
use fengsui_node::connection_key::ConnectionKey;
use fengsui_tests::{BrokerProcess, Ran, nats_server, project};

pub const REGION: &str = "350600";
pub const STREAM: &str = "FENGSUI_350600";
pub const AUTHORITY: &str = "joint-office";

/// The certificates and keys of a city with an authority and two agencies.
pub struct City {
    folder: tempfile::TempDir,
    keys: BTreeMap<&'static str, ConnectionKey>,
}

impl City {
    /// Runs the script for the authority, one server and the agencies' clients.
    pub fn new() -> Self {
        let keys = [AUTHORITY, "fire", "police"].map(|agency| (agency, ConnectionKey::generate().unwrap()));
        let city = Self { folder: tempfile::tempdir().unwrap(), keys: keys.into() };
        city.make(&["authority"]).ok();
        for agency in city.keys.keys() {
            city.make(&["client", agency]).ok();
        }
        city
    }

    /// Runs the script on the city's folder of certificates.
    pub fn make(&self, words: &[&str]) -> Ran {
        let mut command = Command::new(project().join("deploy/tls/make-certificates.sh"));
        Ran::of(command.arg(self.path("pki")).args(words))
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// The certificates of one server, made on the way.
    pub fn server_certificates(&self, name: &str) -> PathBuf {
        self.make(&["server", name, "localhost", "127.0.0.1"]).ok();
        self.path("pki/servers").join(name)
    }

    pub fn seed(&self, agency: &str) -> String {
        self.keys[agency].seed().unwrap().to_string()
    }

    /// One node of each agency.
    fn members(&self) -> Vec<Member> {
        let member = |(agency, key): (&&str, &ConnectionKey)| Member {
            agency: agency.parse().unwrap(),
            node: 1,
            connection_key: key.public(),
        };
        self.keys.iter().map(member).collect()
    }

    /// What the authority's node writes for the city's servers.
    pub fn accounts(&self) -> String {
        accounts(region(), AUTHORITY.parse().unwrap(), &self.members())
    }

    /// What it writes for the server at an agency's site.
    pub fn leaf_users(&self, agency: &str) -> String {
        leaf_users(region(), AUTHORITY.parse().unwrap(), agency.parse().unwrap(), &self.members())
    }

    /// A server's folder as docs/deploy.md fills `/etc/fengsui/nats`, with its certificates and accounts.
    pub fn etc(&self, name: &str, certificates: &Path, accounts: &str) -> PathBuf {
        let etc = self.path(name);
        fs::create_dir_all(etc.join("tls")).unwrap();
        for file in ["server.conf", "single.conf", "cluster.conf", "leaf.conf"] {
            fs::copy(project().join("deploy/nats").join(file), etc.join(file)).unwrap();
        }
        fs::write(etc.join("accounts.conf"), accounts).unwrap();
        for file in fs::read_dir(certificates).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), etc.join("tls").join(file.file_name())).unwrap();
        }
        etc
    }

    /// A command that starts a server in its folder: the environment is that of the example, with free ports and test folders.
    pub fn server(etc: &Path, configuration: &str, more: &[(&str, &str)]) -> Command {
        let mut command = Command::new(nats_server());
        command.arg("--config").arg(configuration).env_clear();
        command.envs(environment()).env("NATS_NAME", etc.file_name().unwrap());
        for variable in ["NATS_LISTEN", "NATS_LEAF_LISTEN", "NATS_MONITOR_LISTEN", "NATS_CLUSTER_LISTEN"] {
            command.env(variable, "127.0.0.1:-1");
        }
        command.env("NATS_STORE", etc.join("store")).env("NATS_STORE_MAX", "1GB").env("NATS_LOG", etc.join("log"));
        command.envs(more.iter().copied());
        command
    }

    /// One server of the kind that docs/deploy.md sets up first.
    pub fn single(&self) -> BrokerProcess {
        let etc = self.etc("nats-a", &self.server_certificates("nats-a"), &self.accounts());
        BrokerProcess::start(Self::server(&etc, "single.conf", &[]), &etc)
    }

    /// What an agency's node connects with: its certificate, its key, and replies under its own prefix.
    pub fn options(&self, agency: &str) -> ConnectOptions {
        self.options_with(agency, self.seed(agency))
    }

    /// The same for the log's own client, which a node uses.
    pub fn broker_options(&self, agency: &str, server: &BrokerProcess) -> BrokerOptions {
        let tls = self.path("pki/clients").join(agency);
        BrokerOptions {
            servers: vec![format!("tls://{}", server.clients())],
            name: agency.to_owned(),
            seed: Some(self.keys[agency].seed().unwrap()),
            inbox_prefix: Some(inbox_prefix(agency.parse().unwrap())),
            tls: TlsFiles {
                ca: Some(tls.join("ca.crt")),
                certificate: Some(tls.join("client.crt")),
                key: Some(tls.join("client.key")),
            },
            ..BrokerOptions::default()
        }
    }

    /// With an agency's certificate and another key.
    pub fn options_with(&self, agency: &str, seed: String) -> ConnectOptions {
        let tls = self.path("pki/clients").join(agency);
        anonymous(&tls.join("ca.crt"), seed)
            .add_client_certificate(tls.join("client.crt"), tls.join("client.key"))
            .custom_inbox_prefix(inbox_prefix(agency.parse().unwrap()))
    }
}

/// A key, but no certificate.
pub fn anonymous(authority: &Path, seed: String) -> ConnectOptions {
    ConnectOptions::with_nkey(seed)
        .require_tls(true)
        .add_root_certificates(authority.to_owned())
        .connection_timeout(Duration::from_secs(10))
}

pub async fn connect(options: ConnectOptions, server: &BrokerProcess) -> Result<Client, async_nats::ConnectError> {
    options.connect(format!("tls://{}", server.clients())).await
}

/// JetStream as a client sees it, answered within the time that a refusal may take to show.
pub fn context(client: &Client) -> Context {
    let mut context = jetstream::new(client.clone());
    context.set_timeout(Duration::from_secs(10));
    context
}

pub fn region() -> RegionCode {
    REGION.parse().unwrap()
}

/// The variables of `nats.env.example`.
pub fn environment() -> BTreeMap<String, String> {
    let text = read("deploy/nats/nats.env.example");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once('=').unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A file of the project.
pub fn read(file: &str) -> String {
    let path = project().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
