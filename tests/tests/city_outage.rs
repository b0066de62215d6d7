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
    city.desk(at, ["unit", "ledger", UNIT, "--json"]).ok().json()["lines"].as_array().unwrap().clone()
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

const PENALISED: [&str; 9] = [
    "--outcome",
    "penalised",
    "--penalty",
    "warning",
    "--decision-number",
    "漳消行罚决字〔2026〕1号",
    "--summary",
    "警告",
    "--json",
];

/// A case that the fire brigade has on its desk.
fn acknowledged(city: &City) -> String {
    let case = case(&city.desk("tourism", report("疏散通道堆放杂物")).ok());
    until("the case at the fire brigade", || {
        (city.desk("fire", ["referral", "acknowledge", &case]).code == Some(0)).then_some(())
    });
    case
}

/// The words with which the fire brigade answers: points fall.
fn answer(case: &str) -> Vec<&str> {
    ["feedback", "submit", case].into_iter().chain(PENALISED).collect()
}

/// Makes the broker forget every id that it has seen, as it does when the duplicate window has passed. No node runs meanwhile.
fn forget_ids(city: &City) {
    let set_window = |window: Duration| {
        let office = client(city, OFFICE);
        office.runtime().block_on(async {
            let stream = office.context().get_stream(STREAM).await.unwrap();
            let mut config = stream.cached_info().config.clone();
            config.duplicate_window = window;
            office.context().update_stream(config).await.unwrap();
        });
    };
    set_window(Duration::from_millis(100));
    // A server that starts remembers only the ids within the window.
    city.stop_broker();
    city.start_broker();
    set_window(Duration::from_mins(10));
}

#[test]
fn what_is_published_again_after_the_duplicate_window_counts_once_and_shows() {
    let city = City::found(&["fire", "tourism"]);
    city.desk("fire", answer(&acknowledged(&city))).ok();
    let head = city.await_settled();
    let (ledger_before, first) = (ledger(&city, "fire"), records(&city, "tourism"));
    assert_eq!(ledger_before.len(), 2, "the opening and one deduction: {ledger_before:?}");
    for name in city.names() {
        city.stop_node(name);
    }
    forget_ids(&city);
    let twice: Vec<Record> =
        first.iter().filter(|record| record.subject.starts_with("fengsui.350600.fire.")).cloned().collect();
    let fire = client(&city, "fire");
    let positions = Stream::open(&fire, REGION.parse().unwrap()).unwrap().publish(&twice).unwrap();
    let expected: Vec<u64> = (head + 1..).take(twice.len()).collect();
    assert_eq!(
        positions.iter().map(|position| position.get()).collect::<Vec<_>>(),
        expected,
        "the broker stores them again"
    );

    city.start_all();
    assert_eq!(city.await_settled(), head + twice.len() as u64);
    assert_eq!(ledger(&city, "fire"), ledger_before);
    for name in city.names() {
        let shown: Vec<_> =
            city.anomalies(name).iter().map(|anomaly| (anomaly["code"].clone(), anomaly["position"].clone())).collect();
        let wanted: Vec<_> =
            expected.iter().map(|position| (Value::from("duplicate"), Value::from(*position))).collect();
        assert_eq!(shown, wanted, "{name}");
        let status = city.await_status(name, "a status", |_| true);
        assert_eq!(status.log.without_effect, twice.len() as u64);
    }
    city.same_digest();
    city.desk("tourism", report("其后")).ok();
}

#[test]
fn an_outbox_that_did_not_note_what_it_had_published_does_not_publish_it_again() {
    let city = City::found(&["fire", "tourism"]);
    city.desk("tourism", report("疏散通道堆放杂物")).ok();
    let head = city.await_settled();
    for name in city.names() {
        city.stop_node(name);
    }
    // As after a power failure that the stream survived and the note of where everything is did not.
    let outbox = rusqlite::Connection::open(city.folder("tourism").data("outbox.sqlite")).unwrap();
    assert!(outbox.execute("UPDATE outgoing SET position = NULL", ()).unwrap() > 0);
    outbox.close().unwrap();
    forget_ids(&city);
    city.start_all();
    assert_eq!(city.await_settled(), head);
    assert!(city.log_ids("fire").values().all(|count| *count == 1));
    // The same for a command that does it itself.
    city.stop_node("tourism");
    let outbox = rusqlite::Connection::open(city.folder("tourism").data("outbox.sqlite")).unwrap();
    outbox.execute("UPDATE outgoing SET position = NULL", ()).unwrap();
    outbox.close().unwrap();
    let made = events(&city.desk("tourism", report("其后")).ok()).len() as u64;
    city.start_all();
    assert_eq!(city.await_settled(), head + made);
    assert!(city.anomalies("fire").is_empty());
}

#[test]
fn an_acknowledgement_that_comes_too_late_makes_one_row() {
    let city = City::found(&["fire", "tourism"]);
    let case = acknowledged(&city);
    let before = city.await_settled();
    city.freeze_broker();
    let ran = city.desk("fire", answer(&case)).exits(6).says(&["accepted_not_published"]);
    // The node has given up waiting; what it sent lies before a server that does nothing.
    city.await_status("fire", "a doubt", |status| status.broker.error.is_some());
    city.thaw_broker();
    let made = events(&ran);
    assert_eq!(city.await_settled(), before + made.len() as u64);
    assert_eq!(order(&city, "tourism", "fire")[1..], made);
    let entries = ledger(&city, "tourism");
    assert_eq!(entries, ledger(&city, "fire"));
    let deductions = entries.iter().filter(|entry| entry["case"] == case.as_str()).count();
    assert_eq!(deductions, 1, "{entries:?}");
    assert!(city.anomalies("fire").is_empty());
}

#[test]
fn a_table_that_is_imported_while_the_broker_is_away_comes_whole() {
    const ROWS: usize = 2_000;
    let city = City::found(&["fire", "tourism"]);
    let before = city.await_settled();
    city.kill_broker();
    city.folder("fire").write("long.csv", long_table(ROWS));
    let ran = city.desk("fire", ["import", "long.csv", "--json"]).exits(6).says(&["accepted_not_published"]);
    let summary = ran.json_lines().pop().unwrap();
    assert_eq!(summary["import"]["new_cases"], ROWS, "{summary}");
    city.start_broker();
    let head = city.await_settled();
    let rows: BTreeMap<String, u32> = (1..=ROWS).map(|row| (format!("第{row}号"), 1)).collect();
    assert_eq!(reported(&city, "tourism"), rows);
    // The unit, and of each row the report with its referral.
    assert_eq!(head, before + 1 + 2 * ROWS as u64);
    assert_eq!(order(&city, "tourism", "fire").len(), 1 + 2 * ROWS);
    city.same_digest();
    assert!(city.anomalies("tourism").is_empty());
}

/// How many events wait at a node.
fn pending(city: &City, name: &str) -> u64 {
    Outbox::open_reader(city.folder(name).data("outbox.sqlite")).unwrap().counts().unwrap().pending
}

#[test]
fn commands_at_once_on_one_folder_take_turns() {
    let city = City::found(&["fire", "tourism"]);
    let (running, by_themselves) = (at_once(&city, 0), {
        city.stop_node("tourism");
        at_once(&city, 100)
    });
    city.start_node("tourism");
    city.await_settled();
    let mut made: Vec<EventId> = running.into_iter().chain(by_themselves).collect();
    let mut on_log = order(&city, "fire", "tourism");
    made.sort_unstable();
    on_log.sort_unstable();
    assert_eq!(on_log, made);
    assert!(reported(&city, "fire").values().all(|count| *count == 1));
    assert!(city.anomalies("fire").is_empty());
}

/// Reports four violations at the same time; each is done.
fn at_once(city: &City, from: u32) -> Vec<EventId> {
    std::thread::scope(|scope| {
        let report = |number: u32| city.desk("tourism", report(&format!("第{number}号"))).ok();
        let running: Vec<_> = (from..from + 4).map(|number| scope.spawn(move || events(&report(number)))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_command_publishes_itself_when_the_node_ends_while_it_waits() {
    let city = City::found(&["fire", "tourism"]);
    let before = city.await_settled();
    // A node that hangs publishes nothing, so the command waits.
    signal(city.node_process("tourism"), "STOP");
    let child = city.folder("tourism").spawn(report("疏散通道堆放杂物"));
    until("something that waits", || (pending(&city, "tourism") > 0).then_some(()));
    city.kill_node("tourism");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let made = told["events"].as_array().unwrap().len() as u64;
    assert_eq!(city.stream_head(), Some(before + made), "no node has done it");
    assert_eq!(pending(&city, "tourism"), 0);
    city.start_node("tourism");
    assert_eq!(city.await_settled(), before + made);
    city.same_digest();
}
