//! A city whose broker goes away, hangs, or forgets what it has acknowledged; and commands beside nodes that come and go.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use fengsui_event::payload::ViolationReported;
use fengsui_event::{Decoded, Event, EventId, Payload};
use fengsui_log::jetstream::{Broker, Stream};
use fengsui_log::{Embedded, EventLog as _, Position, Record};
use fengsui_node::broker::options;
use fengsui_node::folder::Folder as NodeFolder;
use fengsui_node::outbox::Outbox;
use fengsui_tests::{City, DATA, OFFICE, REGION, Ran, STREAM, long_table, signal, until};
use serde_json::Value;

const UNIT: &str = "91350602MA0000015U";

/// The words of a report that goes to the fire brigade.
fn report(facts: &str) -> Vec<&str> {
    let words = "violation report --unit 91350602MA0000015U --name 瑞和宾馆 --region 350602 --category fire.60-3 --json --facts";
    words.split(' ').chain([facts]).collect()
}

/// The events that a command has told of.
fn events(ran: &Ran) -> Vec<EventId> {
    ran.json()["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["id"].as_str().unwrap().parse().unwrap())
        .collect()
}

fn case(ran: &Ran) -> String {
    ran.json()["case"].as_str().unwrap().to_owned()
}

/// The events of an agency in the order of a node's copy of the log.
fn order(city: &City, at: &str, agency: &str) -> Vec<EventId> {
    let prefix = format!("fengsui.{REGION}.{agency}.");
    city.log_of(at).into_iter().filter(|(_, _, subject)| subject.starts_with(&prefix)).map(|(_, id, _)| id).collect()
}

/// How often each fact was reported, by a node's copy of the log.
fn reported(city: &City, at: &str) -> BTreeMap<String, u32> {
    let mut reported = BTreeMap::new();
    for record in records(city, at) {
        if let Decoded::Known(Payload::ViolationReported(ViolationReported { facts, .. })) =
            Event::parse(&record.bytes).unwrap().data
        {
            *reported.entry(facts).or_default() += 1;
        }
    }
    reported
}

fn records(city: &City, at: &str) -> Vec<Record> {
    let copy = Embedded::open_reader(city.folder(at).data("log.sqlite")).unwrap();
    copy.read(Position::FIRST, usize::MAX).unwrap().into_iter().map(|stored| stored.record).collect()
}

/// A client of a node's own, with that node's key.
fn client(city: &City, name: &str) -> Broker {
    let folder = NodeFolder::open(city.folder(name).path().join(DATA)).unwrap();
    until("a connection", || Broker::connect(options(&folder).unwrap()).ok())
}

/// Entries of the ledger of the unit, as a node shows them.
fn ledger(city: &City, at: &str) -> Vec<Value> {
    city.desk(at, ["unit", "ledger", UNIT, "--json"]).ok().json()["entries"].as_array().unwrap().clone()
}

#[test]
fn what_is_decided_while_the_broker_is_away_comes_in_its_order_and_once() {
    let city = City::found(&["fire", "tourism"]);
    let first = city.desk("tourism", report("第0号")).ok();
    city.kill_broker();
    let mut accepted = events(&first);
    let mut cases = Vec::new();
    for number in 1..=3 {
        let ran = city.desk("tourism", report(&format!("第{number}号"))).exits(6).says(&["accepted_not_published"]);
        accepted.extend(events(&ran));
        cases.push(case(&ran));
    }
    // What waits counts for the desk that decided it.
    let amended =
        city.desk("tourism", ["violation", "amend", &cases[0], "--facts", "改", "--reason", "复核", "--json"]);
    accepted.extend(events(&amended.exits(6)));
    let pending = accepted.len() as u64 - events(&first).len() as u64;
    let status = city.desk("tourism", ["node", "status", "--json"]).exits(6).json();
    assert_eq!((status["pending"].as_u64(), status["trouble"].as_str()), (Some(pending), Some("disconnected")));
    assert!(status["oldest_pending"].is_string(), "{status}");
    // The desk of an agency whose node does not run either.
    city.kill_node("tourism");
    let ran = city.desk("tourism", report("第4号")).exits(6).says(&["accepted_not_published"]);
    accepted.extend(events(&ran));
    city.start_node("tourism");
    let acknowledged = events(&city.desk("fire", ["referral", "acknowledge", &case(&first), "--json"]).exits(6));

    city.start_broker();
    city.await_settled();
    assert_eq!(order(&city, "fire", "tourism"), accepted);
    assert_eq!(order(&city, "tourism", "fire"), acknowledged);
    assert_eq!(city.log_of("fire"), city.log_of("tourism"));
    assert!(city.log_ids(OFFICE).values().all(|count| *count == 1));
    city.same_digest();
    assert!(city.anomalies("fire").is_empty());
    let inbox = city.desk("fire", ["referral", "list", "--inbox", "--json"]).ok().json();
    assert_eq!(inbox["referrals"].as_array().unwrap().len(), 5, "{inbox}");
}
