//! A city whose stream is kept by three servers: commands go on while one of them is lost, cut off or restarted.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use fengsui_event::EventId;
use fengsui_log::{Embedded, EventLog as _, Position};
use fengsui_tests::{Cluster, DATA, Folder, OFFICE, REGION, Ran, RunningNode, SERVERS, STREAM, signal, until};
use serde_json::Value;

const AGENCIES: [&str; 3] = ["fire", "housing", "tourism"];

/// An exchange on a cluster. Every command is the program's.
struct City {
    cluster: Cluster,
    /// By agency. The authority is one of them.
    sites: Sites,
}

type Sites = BTreeMap<&'static str, Site>;

/// The node ends before its folder is removed.
struct Site {
    node: RunningNode,
    folder: Folder,
}

/// The configuration of a node without HTTP, started.
fn site(folder: Folder) -> Site {
    Site { node: RunningNode::start_plain(&folder), folder }
}

impl City {
    /// Sets the exchange up as docs/joining.md says, with the servers reading the authority's own file.
    fn found() -> Self {
        let office = Folder::new();
        let cluster = Cluster::start_for(|servers| {
            let words = ["init", "--region", REGION, "--agency", OFFICE, "--authority"].map(str::to_owned);
            let servers = servers.iter().flat_map(|server| ["--server".to_owned(), server.clone()]);
            office.run(words.into_iter().chain(servers)).ok();
            // The server takes every path of an `include` from the folder of its own configuration.
            let beside = office.path().file_name().unwrap().to_str().unwrap();
            format!("include \"../../{beside}/{DATA}/broker/accounts.conf\"\n")
        });
        // Who keeps the list of streams is elected when the servers are healthy; the stream is made by the authority's first command.
        until("the stream", || (office.run(["agency", "list"]).code == Some(0) && has_stream(&cluster)).then_some(()));
        let folders: Vec<_> = AGENCIES.iter().map(|agency| (*agency, joined(&office, agency))).collect();
        reload(&cluster);
        let sites = folders.into_iter().chain([(OFFICE, office)]).map(|(agency, folder)| (agency, site(folder)));
        let city = Self { cluster, sites: sites.collect() };
        city.await_settled();
        city
    }

    fn desk(&self, agency: &str, words: &[&str]) -> Ran {
        self.sites[agency].folder.run(words)
    }

    /// Waits until all replicas are in step and every node has all that the stream holds. Gives the stream's last position.
    fn await_settled(&self) -> u64 {
        self.cluster.wait_until_healthy();
        self.cluster.wait_until_in_step(STREAM);
        until("nodes that have settled", || {
            let head = head(&self.cluster, None);
            let is_settled = |site: &Site| {
                let status = site.node.status();
                status["outbox"]["pending"] == 0
                    && status["broker"]["connected"] == true
                    && head == status["log"]["applied"]
            };
            (self.sites.values().all(is_settled) && head == self::head(&self.cluster, None)).then(|| head.as_u64())?
        })
    }

    /// Asserts that the log holds what was acknowledged, once, and that all nodes have the same copy and draw the same tables from it.
    fn assert_whole(&self, work: &Work) {
        let head = self.await_settled();
        let copies: Vec<Vec<EventId>> = self.sites.values().map(|site| ids(&site.folder.data("log.sqlite"))).collect();
        assert_eq!(copies[0].len() as u64, head);
        let once: BTreeSet<EventId> = copies[0].iter().copied().collect();
        assert_eq!(once.len(), copies[0].len(), "an event is on the log more than once");
        let acknowledged = work.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        let lost: Vec<_> = acknowledged.iter().filter(|id| !once.contains(id)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let mut digests = BTreeSet::new();
        for ((agency, site), copy) in self.sites.iter().zip(&copies) {
            assert_eq!(*copy, copies[0], "the log of {agency}");
            // Tables drawn by the running node, and tables drawn anew elsewhere, are compared through the log.
            let into = tempfile::tempdir().unwrap();
            digests.insert(self.desk(agency, &["replay", "--into", into.path().to_str().unwrap()]).ok().digest());
            let anomalies = self.desk(agency, &["anomaly", "list", "--json"]).ok().json();
            assert_eq!(anomalies["anomalies"], Value::Array(Vec::new()), "{agency}");
            assert_eq!(site.node.status()["alarms"], Value::Array(Vec::new()), "{agency}");
            assert!(
                !site.folder.data("set-aside").exists(),
                "{agency} took the stream for another one\n{}",
                site.node.log()
            );
        }
        assert_eq!(digests.len(), 1, "{digests:?}");
    }
}

/// A test that fails shows what the nodes said.
impl Drop for City {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (agency, site) in &self.sites {
                println!("--- {agency}: {}\n{}", site.node.status(), site.node.log());
            }
        }
    }
}

/// An agency's folder whose keys the authority has registered.
fn joined(office: &Folder, agency: &str) -> Folder {
    let folder = Folder::new();
    std::fs::copy(office.data("exchange.toml"), folder.path().join("exchange.toml")).unwrap();
    folder.run(["init", "--region", REGION, "--agency", agency, "--exchange", "exchange.toml"]).ok();
    let request = folder.data(&format!("join-{agency}.json"));
    office.run(["agency", "register", "--from", request.to_str().unwrap()]).ok();
    folder
}

/// Every server reads the accounts again, twice.
fn reload(cluster: &Cluster) {
    for server in (0..SERVERS).chain(0..SERVERS) {
        let loaded = || cluster.monitor(server, "/varz").map(|page| page["config_load_time"].clone());
        let before = until("a server's numbers", loaded);
        signal(cluster.process(server).unwrap(), "HUP");
        until("the reload", || loaded().filter(|now| *now != before));
    }
}

fn has_stream(cluster: &Cluster) -> bool {
    cluster.leader_except(STREAM, None).is_some()
}

/// The stream's last position, as its leader says it; nothing while there is none. One server may be left out, because it does not
/// know yet that it leads nobody.
fn head(cluster: &Cluster, except: Option<usize>) -> Value {
    let Some(leader) = cluster.leader_except(STREAM, except) else { return Value::Null };
    let page = cluster.monitor(leader, "/jsz?accounts=true&streams=true").unwrap_or_default();
    let accounts = page["account_details"].as_array().into_iter().flatten();
    let mut streams = accounts.filter_map(|account| account["stream_detail"].as_array()).flatten();
    streams.find(|stream| stream["name"] == STREAM).map_or(Value::Null, |stream| stream["state"]["last_seq"].clone())
}

fn ids(log: &Path) -> Vec<EventId> {
    let copy = Embedded::open_reader(log).unwrap();
    let read = copy.read(Position::FIRST, usize::MAX).unwrap();
    read.into_iter().map(|stored| stored.record.id).collect()
}

/// What the agencies do meanwhile.
#[derive(Default)]
struct Work {
    over: AtomicBool,
    acknowledged: Mutex<BTreeSet<EventId>>,
    /// Cases that the fire brigade has not taken up.
    waiting: Mutex<Vec<String>>,
    /// Commands that ended with their events on the log.
    published: AtomicU64,
    /// Commands that ended with their events kept for later.
    kept: AtomicU64,
}

impl Work {
    /// Lets every agency work while `harm` is done to the cluster.
    fn during<T>(&self, city: &mut City, harm: impl FnOnce(&Work, &mut Cluster, &Sites) -> T) -> T {
        let City { cluster, sites } = city;
        std::thread::scope(|scope| {
            for agency in ["housing", "tourism"] {
                let folder = &sites[agency].folder;
                scope.spawn(move || self.until_over(|number| self.report(agency, folder, number)));
            }
            let folder = &sites["fire"].folder;
            scope.spawn(move || self.until_over(|_| self.take_up(folder)));
            let _ending = Ending(self);
            harm(self, cluster, sites)
        })
    }

    fn until_over(&self, mut command: impl FnMut(u64)) {
        let failing = Ending(self);
        let mut number = 0;
        while !self.over.load(Ordering::Acquire) {
            number += 1;
            command(number);
        }
        drop(failing);
    }

    /// An agency reports to the fire brigade.
    fn report(&self, agency: &str, folder: &Folder, number: u64) {
        let (unit, facts) = (format!("local.{agency}:{}", number % 4), format!("第{number}号"));
        let words = ["violation", "report", "--unit", &unit, "--name", "店", "--region", "350602", "--json"];
        let words = words.into_iter().chain(["--category", "fire.60-3", "--facts", &facts]);
        let case = self.note(&folder.run(words)).expect("a report is never refused");
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(case);
    }

    /// The fire brigade takes up a case, as soon as it has arrived.
    fn take_up(&self, folder: &Folder) {
        let Some(case) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop() else {
            std::thread::yield_now();
            return;
        };
        let ran = folder.run(["referral", "acknowledge", &case, "--json"]);
        if self.note(&ran).is_none() {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(0, case);
        }
    }

    /// Notes what a command has told. Nothing when it was refused because the case has not arrived yet.
    fn note(&self, ran: &Ran) -> Option<String> {
        match ran.code {
            Some(0) => self.published.fetch_add(1, Ordering::AcqRel),
            Some(6) => self.kept.fetch_add(1, Ordering::AcqRel),
            _ => {
                let refusal = ran.json_error();
                assert!(["no_such_id", "missing"].iter().any(|code| refusal["code"] == *code), "{ran}");
                return None;
            }
        };
        let told = ran.json();
        let events = told["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["id"].as_str().unwrap().parse::<EventId>().unwrap());
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).extend(events);
        Some(told["case"].as_str().unwrap().to_owned())
    }

    /// Waits until so many commands more have brought their events onto the log.
    fn await_published(&self, count: u64) {
        let goal = self.published.load(Ordering::Acquire) + count;
        until("commands that are published", || {
            assert!(!self.over.load(Ordering::Acquire), "an agency's work has failed");
            (self.published.load(Ordering::Acquire) >= goal).then_some(())
        });
    }
}

/// Ends all work when it is dropped: also when whoever holds it fails.
struct Ending<'a>(&'a Work);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
    }
}

#[test]
fn a_server_that_loses_its_disk_costs_nothing_that_was_acknowledged() {
    let mut city = City::found();
    let work = Work::default();
    work.during(&mut city, |work, cluster, _| {
        work.await_published(10);
        let lost = cluster.leader_of(STREAM);
        cluster.kill(lost);
        cluster.wipe_store(lost);
        work.await_published(20);
        cluster.restart(lost);
        cluster.wait_until_in_step(STREAM);
        // What was filled again can stand in for another one.
        let other = (lost + 1) % SERVERS;
        cluster.kill(other);
        work.await_published(10);
        cluster.restart(other);
        work.await_published(10);
    });
    city.assert_whole(&work);
}

#[test]
fn a_leader_that_is_cut_off_from_its_peers_gives_way_and_commands_go_on() {
    let mut city = City::found();
    let work = Work::default();
    work.during(&mut city, |work, cluster, sites| {
        let former = cluster.leader_of(STREAM);
        all_connect_to(cluster, former, sites.len());
        work.await_published(10);
        // The nodes still reach it, and it leads nobody.
        cluster.silence_from_peers(former);
        let leader = until("another leader", || cluster.leader_except(STREAM, Some(former)));
        assert_ne!(leader, former);
        work.await_published(20);
        let begun = head(cluster, Some(former)).as_u64().unwrap();
        for (agency, site) in sites {
            site.node.await_status(&format!("{agency} following the new leader"), |status| {
                status["log"]["applied"].as_u64() >= Some(begun)
            });
        }
        cluster.heal(former);
        work.await_published(10);
    });
    city.assert_whole(&work);
}

/// Moves all nodes to one server.
fn all_connect_to(cluster: &Cluster, server: usize, nodes: usize) {
    let others = || (0..SERVERS).filter(|other| *other != server);
    others().for_each(|other| cluster.cut_from_clients(other));
    until("every node at one server", || {
        let page = cluster.monitor(server, "/connz")?;
        let names = page["connections"].as_array()?.iter().filter_map(|connection| connection["name"].as_str());
        let connected: BTreeSet<&str> = names.filter(|name| name.starts_with("fengsui/")).collect();
        (connected.len() == nodes).then_some(())
    });
    others().for_each(|other| cluster.heal(other));
    cluster.wait_until_healthy();
}

#[test]
fn an_upgrade_of_one_server_after_another_goes_by_without_loss() {
    let mut city = City::found();
    let work = Work::default();
    work.during(&mut city, |work, cluster, _| {
        work.await_published(10);
        cluster.rolling_restart();
        work.await_published(20);
    });
    city.assert_whole(&work);
    let reconnects =
        city.sites.values().filter_map(|site| site.node.status()["broker"]["reconnects"].as_u64()).sum::<u64>();
    assert!(reconnects > 0, "every node stands on some server, and each server was restarted");
}
