//! An exchange on a broker that lets anybody in, so that a test can put onto the stream what no permission would let through, and take
//! from the stream what no guarantee would let go. Everything is the built program and a real nats-server.

#![allow(dead_code, reason = "each file of tests uses another part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use fengsui_event::EventId;
use fengsui_log::conformance::server::NatsServer;
use fengsui_log::jetstream::{Broker, BrokerOptions, Stream};
use fengsui_log::{Embedded, EventLog as _, Position, Record, Stored};
use fengsui_node::folder::Folder as NodeFolder;
use fengsui_node::node::genesis;
use fengsui_projector::Projector;
use fengsui_tests::{DATA, Folder, Ran, RunningNode};
use serde_json::Value;

pub const OFFICE: &str = "joint-office";
pub const REGION: &str = "350600";
/// How long anything may take on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const STEP: Duration = Duration::from_millis(50);

pub const STREAM: &str = "FENGSUI_350600";
pub const HOTEL: &str = "91350602MA0000015U";

/// The authority, agencies with a folder and a running node each, and their broker.
pub struct Exchange {
    pub server: NatsServer,
    sites: BTreeMap<String, Site>,
    patience_seconds: u32,
}

struct Site {
    folder: Folder,
    node: Option<RunningNode>,
}

impl Exchange {
    /// An exchange in which every node runs and has settled. Nodes wait `patience_seconds` for others to bring back what was lost.
    pub fn found(agencies: &[&str], patience_seconds: u32) -> Self {
        let mut exchange = Self { server: NatsServer::start(), sites: BTreeMap::new(), patience_seconds };
        let office = Folder::new();
        let url = exchange.server.url();
        office.run(["init", "--region", REGION, "--agency", OFFICE, "--authority", "--server", &url]).ok();
        office.without_checkpoints();
        exchange.add(OFFICE, office);
        for agency in agencies {
            exchange.join(agency);
        }
        exchange.start_all();
        exchange.await_settled();
        exchange
    }

    /// Makes an agency's folder and registers it. Its node does not run yet.
    pub fn join(&mut self, agency: &str) {
        let folder = Folder::new();
        let exchange_file = self.folder(OFFICE).data("exchange.toml");
        let words = ["init", "--region", REGION, "--agency", agency, "--exchange", exchange_file.to_str().unwrap()];
        folder.run(words).ok();
        let request = folder.data(&format!("join-{agency}.json"));
        self.desk(OFFICE, &["agency", "register", "--from", request.to_str().unwrap()]).ok();
        self.add(agency, folder);
    }

    fn add(&mut self, name: &str, folder: Folder) {
        let path = folder.data("node.toml");
        let text = fs::read_to_string(&path).unwrap();
        let line = format!("[broker]\nrecovery_patience_seconds = {}\n", self.patience_seconds);
        assert!(text.contains("[broker]\n"), "{text}");
        fs::write(&path, text.replace("[broker]\n", &line)).unwrap();
        self.sites.insert(name.to_owned(), Site { folder, node: None });
    }

    pub fn names(&self) -> Vec<String> {
        self.sites.keys().cloned().collect()
    }

    #[track_caller]
    fn site(&self, name: &str) -> &Site {
        self.sites.get(name).unwrap_or_else(|| panic!("no node {name}"))
    }

    pub fn folder(&self, name: &str) -> &Folder {
        &self.site(name).folder
    }

    /// The running node of an agency.
    #[track_caller]
    pub fn node(&self, name: &str) -> &RunningNode {
        self.site(name).node.as_ref().unwrap_or_else(|| panic!("the node of {name} does not run"))
    }

    pub fn start(&mut self, name: &str) {
        let site = self.sites.get_mut(name).unwrap();
        assert!(site.node.is_none(), "the node of {name} runs already");
        site.node = Some(RunningNode::start(&site.folder));
    }

    /// Ends a node in good order.
    pub fn stop(&mut self, name: &str) {
        let mut node = self.sites.get_mut(name).unwrap().node.take().unwrap();
        assert_eq!(node.stop(), Some(0), "{}", node.log());
    }

    pub fn start_all(&mut self) {
        for name in self.names() {
            if self.site(&name).node.is_none() {
                self.start(&name);
            }
        }
    }

    /// Runs a command at a node's desk.
    pub fn desk(&self, name: &str, words: &[&str]) -> Ran {
        self.folder(name).run(words)
    }

    /// Runs a command, given as one line without spaces within a word.
    pub fn line(&self, name: &str, line: &str) -> Ran {
        self.folder(name).run(line.split_whitespace())
    }

    /// A violation that an agency reports; its case.
    pub fn report(&self, name: &str, category: &str) -> String {
        self.reports(name, category).ok().cell("case")
    }

    pub fn reports(&self, name: &str, category: &str) -> Ran {
        let place = format!("--unit {HOTEL} --name 瑞和宾馆 --region 350602 --address 新华西路1号 --trade H61");
        self.line(name, &format!("violation report {place} --category {category} --facts 检查发现"))
    }

    /// A connection of somebody who may do everything.
    pub fn broker(&self) -> Broker {
        Broker::connect(BrokerOptions { servers: vec![self.server.url()], ..BrokerOptions::default() }).unwrap()
    }

    pub fn stream(&self) -> Stream {
        Stream::open(&self.broker(), REGION.parse().unwrap()).unwrap()
    }

    /// Every position of the stream, with placeholders where it holds nothing.
    pub fn on_stream(&self) -> Vec<Stored> {
        let read = self.stream().read(Position::FIRST, usize::MAX).unwrap();
        read.into_iter().map(fengsui_log::jetstream::StreamMessage::into_stored).collect()
    }

    /// Asks JetStream's API something about the stream: `STREAM.INFO`, `CONSUMER.NAMES`.
    pub fn api(&self, operation: &str, question: &Value) -> Value {
        api(&self.broker(), &format!("{operation}.{STREAM}"), question)
    }

    /// Changes the stream's configuration, as nobody but who runs the broker can.
    pub fn reconfigure(&self, change: impl FnOnce(&mut Value)) {
        let mut config = self.api("STREAM.INFO", &Value::Null)["config"].clone();
        change(&mut config);
        let answer = self.api("STREAM.UPDATE", &config);
        assert!(answer.get("error").is_none(), "{answer}");
    }

    /// Puts a record onto the stream as it is. Returns its position.
    pub fn smuggle(&self, record: &Record) -> u64 {
        self.stream().publish(std::slice::from_ref(record)).unwrap()[0].get()
    }

    /// Waits until every running node is connected, has nothing to publish and has applied the whole stream, which does not grow any more.
    #[track_caller]
    pub fn await_settled(&self) -> u64 {
        self.await_settled_but(&[])
    }

    /// The same, but for these nodes.
    #[track_caller]
    pub fn await_settled_but(&self, but: &[&str]) -> u64 {
        let broker = self.broker();
        let stream = Stream::open(&broker, REGION.parse().unwrap()).unwrap();
        let running = || self.sites.iter().filter(|(name, site)| site.node.is_some() && !but.contains(&name.as_str()));
        let begun = fengsui_event::Timestamp::now();
        let is_settled = |node: &RunningNode, head: u64| {
            let status = node.status();
            let written = status["written"].as_str().and_then(|text| text.parse::<fengsui_event::Timestamp>().ok());
            written.is_some_and(|written| written > begun)
                && status["broker"]["connected"] == true
                && status["outbox"]["pending"] == 0
                && status["log"]["applied"] == head
                && status["log"]["stream"] == head
        };
        let what = || {
            let statuses = running().map(|(name, _)| format!("{name}: {}", self.node(name).status()));
            statuses.collect::<Vec<_>>().join("\n")
        };
        let start = Instant::now();
        loop {
            let head = stream.head().unwrap().map_or(0, Position::get);
            if running().all(|(name, _)| is_settled(self.node(name), head))
                && stream.head().unwrap().map_or(0, Position::get) == head
            {
                return head;
            }
            assert!(start.elapsed() < PATIENCE, "not settled; the stream is at {head}\n{}", what());
            thread::sleep(STEP);
        }
    }

    /// Asserts that every node's tables have one digest, which is that of the tables drawn anew from its copy. Returns it.
    #[track_caller]
    pub fn same_digest(&self) -> String {
        let mut all = BTreeMap::new();
        for (name, site) in &self.sites {
            let into = tempfile::tempdir_in(site.folder.path()).unwrap();
            let drawn = site.folder.run(["replay", "--into", into.path().to_str().unwrap()]);
            // 5: the log tells of something grave.
            assert!(matches!(drawn.code, Some(0 | 5)), "{drawn}");
            let folder = NodeFolder::open(site.folder.path().join(DATA)).unwrap();
            let own = Projector::open_reader(&folder.model(), &genesis(folder.exchange())).unwrap();
            let own = format!("digest sha256:{}", own.digest().unwrap());
            assert_eq!(own, drawn.digest(), "the tables of {name} are not what its copy gives");
            all.insert(name, own);
        }
        let first = all.values().next().unwrap().clone();
        assert!(all.values().all(|digest| *digest == first), "{all:#?}");
        first
    }

    /// A node's copy of the log.
    pub fn copy(&self, name: &str) -> Vec<Stored> {
        records(&self.folder(name).data("log.sqlite"))
    }

    /// Position and code of every anomaly that a node sees.
    pub fn anomalies(&self, name: &str) -> Vec<(u64, String)> {
        let listed = self.line(name, "anomaly list --json").ok().json();
        let row = |row: &Value| (row["position"].as_u64().unwrap(), row["code"].as_str().unwrap().to_owned());
        let mut rows: Vec<_> = listed["anomalies"].as_array().unwrap().iter().map(row).collect();
        rows.sort();
        rows
    }

    /// What the city knows, wherever it stands on the log: the status of every case and referral, by its id.
    pub fn known(&self, name: &str) -> BTreeMap<String, String> {
        let mut known = BTreeMap::new();
        for (words, list, key) in
            [("case list", "cases", "case"), ("referral list --everyone", "referrals", "referral")]
        {
            let listed = self.line(name, &format!("{words} --json")).ok().json();
            for row in listed[list].as_array().unwrap() {
                known.insert(
                    format!("{key} {}", row[key].as_str().unwrap()),
                    row["status"].as_str().unwrap().to_owned(),
                );
            }
        }
        known
    }

    /// Waits until a node's status has an alarm; gives its text.
    #[track_caller]
    pub fn await_alarm(&self, name: &str, code: &str) -> String {
        let what = format!("the alarm {code} at {name}");
        let found = |status: &Value| alarm(status, code);
        found(&self.node(name).await_status(&what, |status| found(status).is_some())).unwrap()
    }

    #[track_caller]
    pub fn await_all_clear(&self, name: &str) {
        self.node(name).await_status(&format!("no alarm at {name}"), |status| {
            status["alarms"].as_array().is_some_and(Vec::is_empty) && status["broker"]["connected"] == true
        });
    }

    /// The copies that a node has set aside, once there are any: their folders, oldest first.
    #[track_caller]
    pub fn await_set_aside(&self, name: &str) -> Vec<PathBuf> {
        let folder = self.folder(name).data("set-aside");
        let look = || {
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            let mut found: Vec<_> =
                entries.map(|entry| entry.path()).filter(|path| path.join("log.sqlite").exists()).collect();
            found.sort();
            found
        };
        let start = Instant::now();
        loop {
            let found = look();
            if !found.is_empty() {
                return found;
            }
            let node = self.node(name);
            assert!(start.elapsed() < PATIENCE, "{name} has found no loss: {}\n{}", node.status(), node.log());
            thread::sleep(STEP);
        }
    }

    /// The server's store as it is, with the server stopped meanwhile.
    pub fn back_up(&mut self) -> tempfile::TempDir {
        let backup = tempfile::tempdir().unwrap();
        self.server.stop();
        copy_folder(&self.server.store(), backup.path());
        self.server.restart();
        backup
    }

    /// Puts another store in the place of the server's own, which is stopped meanwhile. Without one the broker has lost everything.
    pub fn put_back(&mut self, store: Option<&Path>) {
        self.server.stop();
        fs::remove_dir_all(self.server.store()).unwrap();
        if let Some(store) = store {
            copy_folder(store, &self.server.store());
        }
        self.server.restart();
    }
}

/// Asks JetStream's API; null asks without a question.
pub fn api(broker: &Broker, operation: &str, question: &Value) -> Value {
    let question = if question.is_null() { String::new() } else { question.to_string() };
    let request = broker.client();
    let answer = broker.runtime().block_on(request.request(format!("$JS.API.{operation}"), question.into()));
    serde_json::from_slice(&answer.unwrap().payload).unwrap()
}

/// An alarm of a status, in English.
pub fn alarm(status: &Value, code: &str) -> Option<String> {
    let alarms = status["alarms"].as_array()?;
    let found = alarms.iter().find(|alarm| alarm["code"] == code)?;
    Some(found["message_en"].as_str()?.to_owned())
}

/// Every record of a log file.
pub fn records(path: &Path) -> Vec<Stored> {
    Embedded::open_reader(path).unwrap().read(Position::FIRST, usize::MAX).unwrap()
}

/// How often each event is there.
pub fn counted(records: &[Stored]) -> BTreeMap<EventId, u64> {
    let mut ids = BTreeMap::new();
    for stored in records {
        *ids.entry(stored.record.id).or_default() += 1;
    }
    ids
}

/// The last word of an event's type, and its agency: `fire acknowledged`.
pub fn kind(record: &Record) -> String {
    let words: Vec<&str> = record.subject.split('.').collect();
    format!("{} {}", words[2], words[4])
}

pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
