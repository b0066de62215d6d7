//! A stream that is no longer what it was: restored from an older backup, with messages missing in the middle, emptied, or another
//! one. What was acknowledged is back in the end, in its old order, at every node.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exchange;

use std::collections::BTreeMap;
use std::fs;

use exchange::{Exchange, OFFICE, STREAM, alarm, api, counted, kind, records};
use fengsui_event::EventId;
use fengsui_log::conformance::loss::rebuild_without;
use fengsui_log::conformance::server::NatsServer;
use fengsui_log::{Position, Stored};
use fengsui_node::station::redraw::Loss;
use fengsui_tests::{Folder, long_table};
use serde_json::Value;

/// The copies that a node has set aside, once there are any, with the list of what was lost.
#[track_caller]
fn set_aside(exchange: &Exchange, name: &str) -> (Vec<Stored>, Loss) {
    let entries = exchange.await_set_aside(name);
    assert_eq!(entries.len(), 1, "one loss is set aside once: {entries:?}");
    let list = fs::read(entries[0].join("lost.json")).unwrap();
    (records(&entries[0].join("log.sqlite")), serde_json::from_slice(&list).unwrap())
}

/// The ids in the order of their first position.
fn order_of(records: &[Stored], wanted: &BTreeMap<EventId, u64>) -> Vec<EventId> {
    let mut ids = Vec::new();
    for stored in records {
        if wanted.contains_key(&stored.record.id) && !ids.contains(&stored.record.id) {
            ids.push(stored.record.id);
        }
    }
    ids
}

/// An exchange whose broker was backed up, which then went on. Its backup, and what was published since.
struct GoneOn {
    exchange: Exchange,
    backup: tempfile::TempDir,
    since: Vec<Stored>,
    known: BTreeMap<String, String>,
    /// A case of tourism that fire has acknowledged, all since the backup.
    case: String,
}

fn gone_on(patience_seconds: u32) -> GoneOn {
    let mut exchange = Exchange::found(&["fire", "housing", "tourism"], patience_seconds);
    exchange.report("tourism", "fire.60-3");
    let before = exchange.await_settled();
    let backup = exchange.back_up();
    exchange.await_settled();
    let case = exchange.report("tourism", "fire.60-3");
    exchange.await_settled();
    exchange.line("fire", &format!("referral acknowledge {case}")).ok();
    let housings = exchange.report("housing", "fire.60-1");
    exchange.await_settled();
    exchange.line("fire", &format!("referral acknowledge {housings}")).ok();
    exchange.report("fire", "fire.60-3");
    exchange.report("tourism", "fire.60-1");
    exchange.await_settled();
    let since: Vec<Stored> = exchange.on_stream().split_off(usize::try_from(before).unwrap());
    let kinds: Vec<String> = since.iter().map(|stored| kind(&stored.record)).collect();
    assert_eq!(kinds.first().map(String::as_str), Some("tourism reported"));
    assert!(kinds.contains(&"fire acknowledged".to_owned()) && kinds.len() >= 10, "{kinds:?}");
    let known = exchange.known(OFFICE);
    GoneOn { exchange, backup, since, known, case }
}

#[test]
fn a_stream_from_an_older_backup_gets_everything_back_in_its_old_order() {
    let GoneOn { mut exchange, backup, since, known, .. } = gone_on(600);
    let old = exchange.copy("fire");
    for name in ["housing", "tourism"] {
        exchange.stop(name);
    }
    exchange.put_back(Some(backup.path()));
    // Fire is there first. Its acknowledgement stood after tourism's referral, and waits for it.
    let (aside, loss) = set_aside(&exchange, "fire");
    assert_eq!(aside, old);
    let head = exchange.await_settled_but(&["fire"]);
    let lost: Vec<(u64, EventId)> = since.iter().map(|stored| (stored.position.get(), stored.record.id)).collect();
    assert_eq!(loss.lost.iter().map(|lost| (lost.position, lost.id)).collect::<Vec<_>>(), lost);
    assert_eq!((loss.old_head, loss.new_head), (old.len() as u64, head));
    let waits = exchange.node("fire").await_status("a node that waits for others", |status| {
        status["broker"]["connected"] == true && alarm(status, "recovering").is_some()
    });
    let told = alarm(&waits, "recovering").unwrap();
    let (first, last) = (lost[0].0, lost[lost.len() - 1].0);
    assert!(told.contains(&format!("{first}-{last}")) && told.contains("agencies/tourism"), "{told}");
    assert!(waits["outbox"]["pending"].as_u64() >= Some(3), "{waits}");
    let status = exchange.line("fire", "node status").exits(1);
    status.shows(&["copies set aside in", &format!("{}, at {first}-{last}", lost.len()), "recovering"]);
    // Commands are accepted all the same, and come after everything that was lost.
    let newest = exchange.reports("fire", "fire.60-3").exits(6).cell("case");
    assert_eq!(exchange.on_stream().len() as u64, head, "nothing goes before what stood before it");

    exchange.start("tourism");
    exchange.start("housing");
    exchange.await_settled();
    let lost: BTreeMap<EventId, u64> = counted(&since);
    let now = exchange.on_stream();
    assert!(counted(&now).values().all(|times| *times == 1), "every event is there once");
    assert_eq!(order_of(&now, &lost), order_of(&since, &lost), "in the order that they had");
    assert!(now.len() as u64 > old.len() as u64);
    exchange.same_digest();
    for name in exchange.names() {
        assert_eq!(exchange.anomalies(&name), [], "{name}");
        exchange.await_all_clear(&name);
        let mut knows = exchange.known(&name);
        let case = format!("case {newest}");
        assert_eq!(knows.remove(&case).as_deref(), Some("open"));
        knows.retain(|id, _| known.contains_key(id));
        assert_eq!(knows, known, "{name}");
        assert_eq!(set_aside(&exchange, &name).0, old, "{name}");
    }
}

#[test]
fn what_nobody_brings_back_is_told_by_position_and_source_until_it_comes() {
    let GoneOn { mut exchange, backup, since, case, .. } = gone_on(3);
    exchange.stop("tourism");
    exchange.put_back(Some(backup.path()));
    let of_tourism: Vec<u64> = since
        .iter()
        .filter(|stored| kind(&stored.record).starts_with("tourism "))
        .map(|stored| stored.position.get())
        .collect();
    let positions = fengsui_node::station::recovery::ranges(of_tourism.iter().copied());
    for name in [OFFICE, "fire", "housing"] {
        let told = exchange.await_alarm(name, "missing");
        let source = "/regions/350600/agencies/tourism/nodes/1";
        assert!(told.contains(&format!("old positions {positions} (of {source})")), "{name}: {told}");
        assert!(told.contains("set-aside"), "{name}: {told}");
    }
    // The others have not waited for ever: what is their own is there.
    exchange.await_settled();
    let present = counted(&exchange.on_stream());
    for stored in &since {
        let is_there = !kind(&stored.record).starts_with("tourism ");
        assert_eq!(present.contains_key(&stored.record.id), is_there, "{}", stored.position);
    }
    // Fire acknowledged what is not there.
    assert!(!exchange.anomalies(OFFICE).is_empty());

    exchange.start("tourism");
    exchange.await_settled();
    let present = counted(&exchange.on_stream());
    assert!(since.iter().all(|stored| present.get(&stored.record.id) == Some(&1)));
    for name in exchange.names() {
        exchange.await_all_clear(&name);
    }
    exchange.same_digest();
    // Late is better than never: the case is there again, and fire can acknowledge it again.
    exchange.line("fire", &format!("referral acknowledge {case}")).ok();
    exchange.await_settled();
    exchange.same_digest();
}

/// A city with more events than are compared when a node connects.
fn long_city() -> (Exchange, String) {
    let mut exchange = Exchange::found(&["fire", "tourism"], 600);
    exchange.join("housing");
    let case = exchange.report("tourism", "fire.60-3");
    exchange.await_settled();
    exchange.line("fire", &format!("referral acknowledge {case}")).ok();
    exchange.await_settled();
    let table = exchange.folder("fire").write("table.csv", long_table(600));
    exchange.desk("fire", &["import", table.to_str().unwrap()]).ok();
    exchange.await_settled();
    (exchange, case)
}

/// Takes messages away from the stream, as a broker that loses them does: the stream has every guarantee, and nodes find it at the
/// same address.
fn lose(exchange: &mut Exchange, lost: &[Position]) {
    let mut other = NatsServer::start();
    rebuild_without(&exchange.stream(), &mut other, lost);
    other.stop();
    let store = other.store();
    exchange.put_back(Some(&store));
}

#[test]
fn messages_that_are_missing_in_the_middle_are_found_while_nothing_happens_and_come_back() {
    let (mut exchange, case) = long_city();
    let known = exchange.known(OFFICE);
    let old = exchange.on_stream();
    assert!(old.len() > 1_100, "{}", old.len());
    let acknowledged = old.iter().find(|stored| kind(&stored.record) == "fire acknowledged").unwrap();
    // Early, so that no node looks at them when it connects, and nothing builds on them: one is the registration of an agency that
    // has not begun.
    let office = old.iter().rfind(|stored| kind(&stored.record).starts_with("joint-office ")).unwrap();
    let lost = [office.position, acknowledged.position];
    assert!(lost.iter().all(|position| position.get() > 1 && position.get() + 1_000 < old.len() as u64), "{lost:?}");
    let mut sorted = lost.map(Position::get);
    sorted.sort_unstable();
    lose(&mut exchange, &lost);
    for name in [OFFICE, "fire", "tourism"] {
        let (aside, loss) = set_aside(&exchange, name);
        // Perhaps with what another one has brought back already.
        assert!(aside.starts_with(&old), "{name}");
        let told: Vec<u64> = loss.lost.iter().map(|lost| lost.position).collect();
        // What another one has found and brought back before is no loss here.
        assert!(told.iter().all(|position| sorted.contains(position)), "{name}: {told:?}");
        for (owner, record) in [(OFFICE, office), ("fire", acknowledged)] {
            assert!(name != owner || told.contains(&record.position.get()), "{name}: {told:?}");
        }
    }
    let head = exchange.await_settled();
    assert_eq!(head, old.len() as u64 + 2);
    let now = exchange.on_stream();
    let ids = counted(&now);
    assert!(lost.iter().all(|position| now[usize::try_from(position.get() - 1).unwrap()].record.is_missing()));
    assert_eq!((ids.get(&acknowledged.record.id), ids.get(&office.record.id)), (Some(&1), Some(&1)));

    // Somebody who has never seen what was lost sees the same as those who have.
    exchange.start("housing");
    exchange.await_settled();
    for name in exchange.names() {
        let anomalies = exchange.anomalies(&name);
        for position in sorted {
            assert!(anomalies.contains(&(position, "lost".to_owned())), "{name}: {anomalies:?}");
        }
        exchange.await_all_clear(&name);
        let knows = exchange.known(&name);
        let differs: Vec<_> = knows.iter().filter(|(id, status)| known.get(*id) != Some(status)).collect();
        assert!(differs.is_empty() && knows.len() == known.len(), "{name}: {differs:?}");
    }
    exchange.same_digest();
    exchange.line("fire", &format!("case show {case}")).ok().shows(&["referral.acknowledged.v1"]);
}

#[test]
fn a_node_refuses_a_stream_that_does_not_keep_everything() {
    let server = NatsServer::start();
    let office = Folder::new();
    let url = server.url();
    office.run(["init", "--region", "350600", "--agency", OFFICE, "--authority", "--server", &url]).ok();
    let options = fengsui_log::jetstream::BrokerOptions { servers: vec![url], ..Default::default() };
    let broker = fengsui_log::jetstream::Broker::connect(options).unwrap();
    let ask = |operation: &str, question: &Value| api(&broker, &format!("{operation}.{STREAM}"), question);
    // What the authority has made, made again without two of its promises.
    let mut config = ask("STREAM.INFO", &Value::Null)["config"].clone();
    assert_eq!(ask("STREAM.DELETE", &Value::Null)["success"], true);
    config["deny_delete"] = false.into();
    config["max_msgs"] = 1_000.into();
    let made = ask("STREAM.CREATE", &config);
    assert_eq!(made["config"]["deny_delete"], false, "{made}");
    let ended = office.run(["node", "run"]).exits(1);
    let lines = [
        "does not promise what the log needs",
        "deny_delete is false, expected true",
        "max_msgs is 1000",
        "nats stream edit",
    ];
    ended.says(&lines);
    // Nor does a command write there.
    office.run(["agency", "suspend", "fire", "--reason", "x"]).exits(1).says(&["deny_delete"]);
    assert_eq!(ask("STREAM.INFO", &Value::Null)["state"]["messages"], 0);
}

/// The store of another exchange's broker.
fn foreign_store() -> tempfile::TempDir {
    let mut other = Exchange::found(&["fire"], 600);
    other.report("fire", "fire.60-3");
    other.await_settled();
    other.back_up()
}

#[test]
fn nothing_is_published_to_another_exchanges_stream_and_all_goes_on_with_the_right_one() {
    let mut exchange = Exchange::found(&["fire", "tourism"], 600);
    exchange.report("tourism", "fire.60-3");
    exchange.await_settled();
    let own = exchange.back_up();
    exchange.await_settled();
    let before = exchange.on_stream();
    let foreign = foreign_store();
    exchange.put_back(Some(foreign.path()));
    let theirs = exchange.on_stream();
    for name in exchange.names() {
        let told = exchange.await_alarm(&name, "other_stream");
        assert!(told.contains("nothing in common"), "{told}");
    }
    exchange.reports("tourism", "fire.60-1").exits(6).says(&["accepted"]);
    let tourism = exchange.line("tourism", "node status").exits(1);
    tourism.shows(&["other_stream"]);
    assert_eq!(exchange.on_stream(), theirs, "nobody publishes where he does not belong");
    for name in exchange.names() {
        assert!(exchange.copy(&name).starts_with(&before) || before.starts_with(&exchange.copy(&name)), "{name}");
        assert!(!exchange.folder(&name).data("set-aside").exists(), "{name}");
    }
    exchange.put_back(Some(own.path()));
    exchange.await_settled();
    let now = exchange.on_stream();
    assert_eq!(now[..before.len()], before);
    assert!(now.len() >= before.len() + 2);
    for name in exchange.names() {
        exchange.await_all_clear(&name);
        assert_eq!(exchange.anomalies(&name), []);
    }
    exchange.same_digest();
}

#[test]
fn an_emptied_stream_is_filled_again_from_a_nodes_copy() {
    let mut exchange = Exchange::found(&["fire", "tourism"], 600);
    exchange.report("tourism", "fire.60-3");
    exchange.await_settled();
    let before = exchange.on_stream();
    exchange.put_back(None);
    for name in exchange.names() {
        // The authority's node has made an empty stream by then.
        exchange.await_alarm(&name, "other_stream");
    }
    exchange.reports("tourism", "fire.60-1").exits(6);
    assert_eq!(exchange.stream().head().unwrap(), None);
    let (from, url) = (exchange.folder(OFFICE).data(""), exchange.server.url());
    exchange.desk(OFFICE, &["log", "copy", "--from", from.to_str().unwrap(), "--to", &url]).ok();
    exchange.await_settled();
    let now = exchange.on_stream();
    assert_eq!(now[..before.len()], before);
    assert!(now.len() >= before.len() + 2);
    for name in exchange.names() {
        exchange.await_all_clear(&name);
        assert_eq!(exchange.anomalies(&name), []);
    }
    exchange.same_digest();
}
