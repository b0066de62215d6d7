//! A whole city: the authority, agencies with a node each, and their broker, all as processes of the built program on real files.
//!
//! Everything is made as docs/joining.md says: the server runs on exactly the files that the authority's folder holds.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fengsui_event::{EventId, Timestamp};
use fengsui_log::{Embedded, EventLog as _, Position};
use fengsui_node::node::genesis;
use fengsui_node::station::status::Status;
use fengsui_projector::Projector;
use serde_json::Value;

use crate::broker::{BrokerProcess, nats_server, signal, until};
use crate::{DATA, Folder, Ran};

/// The authority's agency, and the name of its node.
pub const OFFICE: &str = "joint-office";

/// The eight agencies of the pilot.
pub const PILOT: [&str; 8] = ["fire", "housing", "tourism", "commerce", "education", "culture", "quality", "urban"];

/// The city's region.
pub const REGION: &str = "350600";

/// The stream of that region.
pub const STREAM: &str = "FENGSUI_350600";

/// An exchange on a broker. Nodes are named by their agency, further ones of an agency as `fire-2`. Everything ends with this value.
#[derive(Debug)]
pub struct City {
    sites: BTreeMap<String, Site>,
    broker: Mutex<Option<BrokerProcess>>,
}

/// A node's machine: its folder, and its running node.
#[derive(Debug)]
struct Site {
    folder: Folder,
    node: Mutex<Option<RunningNode>>,
}

/// `fengsui node run` as a process. It is killed when this is dropped.
#[derive(Debug)]
struct RunningNode(Child);

impl Drop for RunningNode {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A lock that a failed assertion held is taken all the same, so that the test shows that one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port that is free, and whose monitoring port is. Both lie below those that the system gives to whoever connects (from 32768 on, Linux):
/// a port of that range can be taken while the broker is away, even by a node that tries to reach it there.
fn free_port() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut number = RandomState::new().hash_one(std::process::id());
    until("a free port", || {
        number = number.wrapping_add(1);
        let port = 10_000 + u16::try_from(number % 18_000).unwrap();
        (is_free(port) && is_free(port + 4_000)).then_some(port)
    })
}

impl City {
    /// A city in which everything runs and has settled.
    pub fn found(agencies: &[&str]) -> Self {
        let city = Self::prepared(agencies);
        city.start_all();
        city.await_settled();
        city
    }

    /// A city whose broker runs and knows every agency, and whose nodes do not run yet.
    pub fn prepared(agencies: &[&str]) -> Self {
        let mut city = Self { sites: BTreeMap::new(), broker: Mutex::default() };
        let office = Folder::new();
        let server = format!("nats://127.0.0.1:{}", free_port());
        office.run(["init", "--region", REGION, "--agency", OFFICE, "--authority", "--server", &server]).ok();
        office.without_checkpoints();
        city.sites.insert(OFFICE.to_owned(), Site::new(office));
        city.start_broker();
        // What waits in the authority's outbox goes out, and the stream is made for it.
        city.desk(OFFICE, ["agency", "list"]).ok();
        for agency in agencies {
            let folder = city.joining(agency, 1);
            city.desk(OFFICE, ["agency", "register", "--from", &join_request(&folder, agency)]).ok();
            city.sites.insert((*agency).to_owned(), Site::new(folder));
        }
        city.reload();
        city
    }

    /// Adds another node of an agency and starts it. Returns its name, such as `fire-2`.
    pub fn add_node(&mut self, agency: &str, number: u16) -> String {
        let folder = self.joining(agency, number);
        self.desk(OFFICE, ["broker", "member", "add", "--from", &join_request(&folder, agency)]).ok();
        self.reload();
        let name = format!("{agency}-{number}");
        self.sites.insert(name.clone(), Site::new(folder));
        name
    }

    /// A folder that asks to be let in. A further node of an agency has the agency's key.
    fn joining(&self, agency: &str, number: u16) -> Folder {
        let folder = Folder::new();
        fs::copy(self.folder(OFFICE).data("exchange.toml"), folder.path().join("exchange.toml")).unwrap();
        if number > 1 {
            let seed = format!("keys/{agency}.seed");
            fs::create_dir_all(folder.data("keys")).unwrap();
            // The mode, 0600, is copied as well.
            fs::copy(self.folder(agency).data(&seed), folder.data(&seed)).unwrap();
        }
        let number = number.to_string();
        let words = ["init", "--region", REGION, "--agency", agency, "--exchange", "exchange.toml", "--node", &number];
        folder.run(words).ok();
        folder
    }

    /// The names of all nodes.
    pub fn names(&self) -> Vec<&str> {
        self.sites.keys().map(String::as_str).collect()
    }

    #[track_caller]
    fn site(&self, name: &str) -> &Site {
        self.sites.get(name).unwrap_or_else(|| panic!("no node {name}"))
    }

    /// The folder in which a node's commands run; the node's own folder is [`DATA`] below it.
    pub fn folder(&self, name: &str) -> &Folder {
        &self.site(name).folder
    }

    /// Runs a command at a node.
    pub fn desk<'a>(&self, name: &str, arguments: impl IntoIterator<Item = &'a str>) -> Ran {
        self.folder(name).run(arguments)
    }

    /// Runs a command, given as one line, at a node. No word of it holds a space.
    pub fn line(&self, name: &str, line: &str) -> Ran {
        self.desk(name, line.split_whitespace())
    }

    /// Starts a node, and waits until it has taken its folder. Its log goes to the file `node.log`.
    pub fn start_node(&self, name: &str) {
        let process = self.launch_node(name);
        until(&format!("the node of {name}"), || {
            self.refuse_ended(name);
            self.status(name).filter(|status| status.pid == process)
        });
    }

    /// Starts a node without waiting for it. Returns its process.
    pub fn launch_node(&self, name: &str) -> u32 {
        let site = self.site(name);
        let mut node = lock(&site.node);
        assert!(node.is_none(), "the node of {name} runs already");
        let log = fs::File::options().create(true).append(true).open(site.folder.path().join("node.log")).unwrap();
        let child = site.folder.command(["node", "run"]).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        node.insert(RunningNode(child)).0.id()
    }

    /// Starts every node that does not run.
    pub fn start_all(&self) {
        let names: Vec<&String> = self.sites.keys().filter(|name| !self.is_started(name)).collect();
        for name in &names {
            self.launch_node(name);
        }
        for name in names {
            self.refuse_ended(name);
        }
    }

    fn is_started(&self, name: &str) -> bool {
        lock(&self.site(name).node).is_some()
    }

    /// Fails the test, with the node's log, when a node has ended by itself.
    #[track_caller]
    fn refuse_ended(&self, name: &str) {
        let site = self.site(name);
        let ended = lock(&site.node).as_mut().and_then(|node| node.0.try_wait().unwrap());
        if let Some(status) = ended {
            panic!("the node of {name} ended by itself, {status}:\n{}", self.node_log(name));
        }
    }

    /// What a node has logged.
    pub fn node_log(&self, name: &str) -> String {
        fs::read_to_string(self.folder(name).path().join("node.log")).unwrap_or_default()
    }

    /// The process of a running node.
    #[track_caller]
    pub fn node_process(&self, name: &str) -> u32 {
        lock(&self.site(name).node).as_ref().unwrap_or_else(|| panic!("the node of {name} does not run")).0.id()
    }

    /// Ends a node with `kill -9`. One that has ended by itself fails the test.
    pub fn kill_node(&self, name: &str) {
        self.refuse_ended(name);
        drop(lock(&self.site(name).node).take());
    }

    /// Ends a node in good order.
    pub fn stop_node(&self, name: &str) {
        self.refuse_ended(name);
        let Some(mut node) = lock(&self.site(name).node).take() else { panic!("the node of {name} does not run") };
        signal(node.0.id(), "TERM");
        let status = until(&format!("the end of the node of {name}"), || node.0.try_wait().unwrap());
        assert!(status.success(), "{status}:\n{}", self.node_log(name));
    }

    /// Starts the broker on the files of the authority's folder as they stand.
    pub fn start_broker(&self) {
        let office = self.folder(OFFICE);
        let mut command = Command::new(nats_server());
        command.arg("-c").arg(office.data("broker/nats-server.conf"));
        let mut broker = lock(&self.broker);
        assert!(broker.is_none(), "the broker runs already");
        *broker = Some(BrokerProcess::start(command, office.path()));
    }

    /// Ends the broker with `kill -9`.
    pub fn kill_broker(&self) {
        drop(lock(&self.broker).take());
    }

    /// Ends the broker in good order.
    pub fn stop_broker(&self) {
        if let Some(broker) = lock(&self.broker).take() {
            broker.stop();
        }
    }

    /// Does something with the running broker.
    #[track_caller]
    fn broker<T>(&self, ask: impl FnOnce(&BrokerProcess) -> T) -> T {
        ask(lock(&self.broker).as_ref().unwrap_or_else(|| panic!("the broker does not run")))
    }

    /// Where clients reach the broker.
    pub fn broker_address(&self) -> SocketAddr {
        self.broker(BrokerProcess::clients)
    }

    /// The broker hangs: it is there, and does and says nothing.
    pub fn freeze_broker(&self) {
        self.broker(|broker| signal(broker.process(), "STOP"));
    }

    /// The broker goes on where it was frozen.
    pub fn thaw_broker(&self) {
        self.broker(|broker| signal(broker.process(), "CONT"));
    }

    /// Has the broker read its accounts again, twice, as docs/joining.md says.
    pub fn reload(&self) {
        self.broker(|broker| {
            let loaded = || broker.monitor("/varz").map(|page| page["config_load_time"].clone());
            for _ in 0..2 {
                let before = until("the server's numbers", loaded);
                signal(broker.process(), "HUP");
                until("the reload", || loaded().filter(|now| *now != before));
            }
        });
    }

    /// The stream's last position, as the broker's monitoring tells it; nothing while there is no broker or no stream.
    pub fn stream_head(&self) -> Option<u64> {
        let page = lock(&self.broker).as_ref()?.monitor("/jsz?accounts=true&streams=true")?;
        let accounts = page["account_details"].as_array()?.iter();
        let mut streams = accounts.filter_map(|account| account["stream_detail"].as_array()).flatten();
        streams.find(|stream| stream["name"] == STREAM)?["state"]["last_seq"].as_u64()
    }

    /// What a node last said of itself.
    pub fn status(&self, name: &str) -> Option<Status> {
        Status::read(&self.folder(name).path().join(DATA))
    }

    /// Waits until what a node says of itself meets a condition. What it said before the call does not count.
    #[track_caller]
    pub fn await_status(&self, name: &str, what: &str, mut is_met: impl FnMut(&Status) -> bool) -> Status {
        let now = Timestamp::now();
        until(&format!("{what} at {name}"), || {
            self.refuse_ended(name);
            self.status(name).filter(|status| status.written > now && is_met(status))
        })
    }

    /// Waits until all that runs is connected, has nothing to publish, and has applied the whole stream. Returns its last position.
    #[track_caller]
    pub fn await_settled(&self) -> u64 {
        let begun = Timestamp::now();
        let mut seen = String::new();
        let running: Vec<&String> = self.sites.keys().filter(|name| self.is_started(name)).collect();
        let look = || {
            let mut unsettled = Vec::new();
            let head = self.stream_head();
            for name in &running {
                self.refuse_ended(name);
                let status = self.status(name);
                if !status.as_ref().is_some_and(|status| status.written > begun && is_settled(status, head)) {
                    unsettled.push(describe(name, status.as_ref()));
                }
            }
            (head, unsettled)
        };
        let start = std::time::Instant::now();
        loop {
            let (head, unsettled) = look();
            if unsettled.is_empty()
                && let Some(head) = head
                && self.stream_head() == Some(head)
            {
                return head;
            }
            seen.clear();
            seen.push_str(&unsettled.join("\n"));
            assert!(
                start.elapsed() < crate::broker::PATIENCE,
                "the city has not settled; the stream is at {head:?}\n{seen}"
            );
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// The digest of each node's tables, drawn anew from its own copy of the log. The nodes may go on running.
    pub fn digests(&self) -> BTreeMap<String, String> {
        self.sites.keys().map(|name| (name.clone(), self.replay(name).digest())).collect()
    }

    /// Draws a node's tables anew, elsewhere, from its own copy of the log. Ends with 0, or with 5 when the log tells of something grave.
    fn replay(&self, name: &str) -> Ran {
        let folder = self.folder(name);
        let into = tempfile::tempdir_in(folder.path()).unwrap();
        let ran = folder.run(["replay", "--into", into.path().to_str().unwrap()]);
        assert!(matches!(ran.code, Some(0 | 5)), "{ran}");
        ran
    }

    /// Asserts that every node has the same digest, and that its tables are what its log gives. Returns the digest.
    #[track_caller]
    pub fn same_digest(&self) -> String {
        let digests = self.digests();
        let first = digests.values().next().unwrap().clone();
        assert!(digests.values().all(|digest| *digest == first), "{digests:#?}");
        first
    }

    /// The digest of the tables that a node itself has drawn while it ran. It must have settled.
    pub fn table_digest(&self, name: &str) -> String {
        let folder = fengsui_node::folder::Folder::open(self.folder(name).path().join(DATA)).unwrap();
        let tables = Projector::open_reader(&folder.model(), &genesis(folder.exchange())).unwrap();
        format!("digest sha256:{}", tables.digest().unwrap())
    }

    /// The records of a node's copy of the log: position, event id, subject.
    pub fn log_of(&self, name: &str) -> Vec<(u64, EventId, String)> {
        let copy = Embedded::open_reader(self.folder(name).data("log.sqlite")).unwrap();
        let read = copy.read(Position::FIRST, usize::MAX).unwrap();
        read.into_iter().map(|stored| (stored.position.get(), stored.record.id, stored.record.subject)).collect()
    }

    /// How often each event is on a node's copy of the log.
    pub fn log_ids(&self, name: &str) -> BTreeMap<EventId, u64> {
        let mut ids = BTreeMap::new();
        for (_, id, _) in self.log_of(name) {
            *ids.entry(id).or_default() += 1;
        }
        ids
    }

    /// The anomalies that a node sees.
    pub fn anomalies(&self, name: &str) -> Vec<Value> {
        let listed = self.desk(name, ["anomaly", "list", "--json"]).ok().json();
        listed["anomalies"].as_array().unwrap_or_else(|| panic!("{listed}")).clone()
    }
}

impl Site {
    fn new(folder: Folder) -> Self {
        Self { folder, node: Mutex::default() }
    }
}

/// The file with which a folder asks to be let in.
fn join_request(folder: &Folder, agency: &str) -> String {
    folder.data(&format!("join-{agency}.json")).to_str().unwrap().to_owned()
}

fn is_settled(status: &Status, head: Option<u64>) -> bool {
    status.broker.connected && status.outbox.pending == 0 && head == Some(status.log.applied)
}

fn describe(name: &str, status: Option<&Status>) -> String {
    let Some(Status { written, broker, log, outbox, alarms, .. }) = status else { return format!("{name}: no status") };
    let (connected, error, pending) = (broker.connected, &broker.error, outbox.pending);
    format!("{name}: {written} connected {connected} {error:?}, pending {pending}, {log:?}, {alarms:?}")
}
