//! A cluster of three nats-servers that a test can hurt: kill, wipe, cut off, restart.
//!
//! Every line between two servers, and between clients and a server, goes through a [`Cable`], and no server tells anyone the way around
//! it. Nothing here needs root.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::broker::{BrokerProcess, nats_server, until};
use crate::cable::Cable;

/// Servers of a cluster: the least of which one may fail.
pub const SERVERS: usize = 3;

/// Three servers with JetStream, each with a store of its own. All end when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    servers: Vec<Server>,
    /// `routes[from][to]`: the line by which one server calls another.
    routes: Vec<Vec<Cable>>,
    /// The line by which clients reach each server.
    clients: Vec<Cable>,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts a cluster that lets everybody in, and waits until it has elected who keeps its streams' list.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// As [`Cluster::start`], with more lines at the end of each server's configuration: `authorization`, limits.
    pub fn start_with(more: &str) -> Self {
        Self::start_for(|_| more.to_owned())
    }

    /// As [`Cluster::start_with`], where the lines depend on where clients will reach the servers.
    pub fn start_for(more: impl FnOnce(&[String]) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cables = || (0..SERVERS).map(|_| Cable::new()).collect::<Vec<_>>();
        let routes: Vec<Vec<Cable>> = (0..SERVERS).map(|_| cables()).collect();
        let clients = cables();
        let more = more(&clients.iter().map(|cable| format!("nats://{}", cable.address())).collect::<Vec<_>>());
        let servers = routes.iter().zip(["a", "b", "c"]).map(|(routes, name)| {
            let others = routes.iter().map(Cable::address).collect::<Vec<_>>();
            Server::prepare(&folder.path().join(name), name, &others, &more)
        });
        let mut cluster = Self { servers: servers.collect(), routes, clients, folder };
        for server in 0..SERVERS {
            cluster.launch(server);
        }
        cluster.wait_until_healthy();
        cluster
    }

    /// Where clients reach the three servers.
    pub fn urls(&self) -> Vec<String> {
        (0..SERVERS).map(|server| self.url(server)).collect()
    }

    /// Where clients reach one server.
    pub fn url(&self, server: usize) -> String {
        format!("nats://{}", self.clients[server].address())
    }

    /// Its name in the cluster's own reports.
    pub fn name(&self, server: usize) -> &str {
        &self.servers[server].name
    }

    /// Its process, while it runs.
    pub fn process(&self, server: usize) -> Option<u32> {
        self.servers[server].running.as_ref().map(BrokerProcess::process)
    }

    /// Ends a server as a power cut would: `kill -9`.
    pub fn kill(&mut self, server: usize) {
        self.servers[server].running = None;
    }

    /// Ends a server in good order.
    pub fn stop(&mut self, server: usize) {
        if let Some(running) = self.servers[server].running.take() {
            running.stop();
        }
    }

    /// Deletes all that a server that does not run has on its disk.
    pub fn wipe_store(&mut self, server: usize) {
        let Server { folder, running, name, .. } = &self.servers[server];
        assert!(running.is_none(), "server {name} runs: kill it first");
        fs::remove_dir_all(folder.join("store")).unwrap();
    }

    /// Starts a server again, on the store that it left; one that runs is ended in good order before.
    pub fn restart(&mut self, server: usize) {
        if let Some(running) = self.servers[server].running.take() {
            running.stop();
        }
        self.launch(server);
    }

    /// Restarts one server after another, as an upgrade does; each is in step before the next one's turn.
    pub fn rolling_restart(&mut self) {
        for server in 0..SERVERS {
            self.restart(server);
            self.wait_until_healthy();
        }
    }

    /// Ends every line of a server: to its peers and to clients.
    pub fn isolate(&self, server: usize) {
        self.cut_from_peers(server);
        self.clients[server].cut();
    }

    /// Ends a server's lines to its peers. Clients still reach it, and it does not know yet that it leads nobody.
    pub fn cut_from_peers(&self, server: usize) {
        self.peer_lines(server).for_each(Cable::cut);
    }

    /// As [`Cluster::cut_from_peers`], but nobody is told: nothing arrives any more.
    pub fn silence_from_peers(&self, server: usize) {
        self.peer_lines(server).for_each(Cable::silence);
    }

    /// Ends a server's lines to clients, and takes no new ones.
    pub fn cut_from_clients(&self, server: usize) {
        self.clients[server].cut();
    }

    /// Makes every line of a server whole.
    pub fn heal(&self, server: usize) {
        self.peer_lines(server).for_each(Cable::mend);
        self.clients[server].mend();
    }

    /// The server that leads a stream, by what the servers other than `except` say; nothing while there is no leader.
    pub fn leader_except(&self, stream: &str, except: Option<usize>) -> Option<usize> {
        (0..SERVERS).filter(|server| Some(*server) != except).find(|server| {
            let state = self.stream(*server, stream).unwrap_or_default();
            state["cluster"]["leader"] == self.name(*server)
        })
    }

    /// The server that leads a stream, after the time that an election takes.
    pub fn leader_of(&self, stream: &str) -> usize {
        until("a leader of the stream", || self.leader_except(stream, None))
    }

    /// Waits until a stream has a leader, and every replica has all that the leader has.
    pub fn wait_until_in_step(&self, stream: &str) {
        until("every replica in step", || {
            let state = self.stream(self.leader_except(stream, None)?, stream)?;
            let replicas = state["cluster"]["replicas"].as_array()?;
            let in_step = |replica: &Value| replica["current"] == true && replica["lag"].as_u64().unwrap_or(0) == 0;
            (replicas.len() == SERVERS - 1 && replicas.iter().all(in_step)).then_some(())
        });
    }

    /// Waits until every server that runs says that it is healthy: connected, and in step with its streams.
    pub fn wait_until_healthy(&self) {
        for server in &self.servers {
            if server.running.is_some() {
                until(&format!("server {} healthy", server.name), || {
                    (server.monitor("/healthz")?["status"] == "ok").then_some(())
                });
            }
        }
    }

    /// A page of a server's own monitoring, which needs no line: `/varz`, `/jsz?streams=true`, `/routez`.
    pub fn monitor(&self, server: usize, page: &str) -> Option<Value> {
        self.servers[server].monitor(page)
    }

    /// What a server's log says, for messages of tests that fail.
    pub fn log(&self, server: usize) -> String {
        fs::read_to_string(self.servers[server].folder.join("log")).unwrap_or_default()
    }

    /// Where the servers' files are: `a`, `b`, `c`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn peer_lines(&self, server: usize) -> impl Iterator<Item = &Cable> {
        let inwards = self.routes.iter().map(move |lines| &lines[server]);
        self.routes[server].iter().chain(inwards)
    }

    /// What one server says about a stream.
    fn stream(&self, server: usize, stream: &str) -> Option<Value> {
        let report = self.servers[server].monitor("/jsz?accounts=true&streams=true")?;
        let accounts = report["account_details"].as_array()?;
        let mut streams = accounts.iter().filter_map(|account| account["stream_detail"].as_array()).flatten();
        streams.find(|state| state["name"] == stream).cloned()
    }

    fn launch(&mut self, server: usize) {
        let running = self.servers[server].launch();
        self.clients[server].lead_to(running.clients());
        for lines in &self.routes {
            lines[server].lead_to(running.routes().unwrap());
        }
    }
}

#[derive(Debug)]
struct Server {
    name: String,
    folder: PathBuf,
    running: Option<BrokerProcess>,
}

impl Server {
    fn prepare(folder: &Path, name: &str, routes: &[SocketAddr], more: &str) -> Self {
        fs::create_dir(folder).unwrap();
        let urls = routes.iter().map(|address| format!("\"nats://{address}\"")).collect::<Vec<_>>().join(", ");
        let place = folder.display();
        // Peers are told of a port where nobody listens, so that none finds a way around the cables.
        let text = format!(
            "server_name: {name}\nlisten: \"127.0.0.1:-1\"\nhttp: \"127.0.0.1:-1\"\n\
             log_file: \"{place}/log\"\njetstream {{ store_dir: \"{place}/store\", sync_interval: always }}\n\
             cluster {{ name: tests, listen: \"127.0.0.1:-1\", no_advertise: true, advertise: \"127.0.0.1:9\", routes: [{urls}] }}\n\
             {more}\n"
        );
        fs::write(folder.join("server.conf"), text).unwrap();
        Self { name: name.to_owned(), folder: folder.to_owned(), running: None }
    }

    fn launch(&mut self) -> &BrokerProcess {
        let mut command = Command::new(nats_server());
        command.arg("--config").arg(self.folder.join("server.conf"));
        self.running.insert(BrokerProcess::start(command, &self.folder))
    }

    fn monitor(&self, page: &str) -> Option<Value> {
        self.running.as_ref()?.monitor(page)
    }
}
