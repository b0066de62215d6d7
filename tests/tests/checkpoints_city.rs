//! Checkpoints of a city on a broker: its nodes sign and cosign them by themselves, whatever is killed meanwhile, and tell of a contradiction.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use fengsui_event::{Decoded, Event, Payload, Timestamp};
use fengsui_log::{Embedded, EventLog as _, Position};
use fengsui_node::Node;
use fengsui_node::desk::{Command, RandomIds};
use fengsui_node::keys::SigningKey;
use fengsui_node::station::status::CheckpointStatus;
use fengsui_proof::checkpoint::{Checkpoint, Origin, SignedCheckpoint};
use fengsui_proof::tree::leaf_hash;
use fengsui_tests::{City, DATA, OFFICE, REGION, Ran};

const AGENCIES: [&str; 3] = ["fire", "housing", "tourism"];

/// A city that signs a checkpoint whenever something has happened.
fn signing_city() -> City {
    let city = City::prepared(&AGENCIES);
    // The harness has the authority sign nothing by itself.
    let path = city.folder(OFFICE).data("node.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("automatic = false"), "{text}");
    fs::write(path, text.replace("automatic = false", "every_events = 1")).unwrap();
    city.start_all();
    city
}

fn report(city: &City, facts: &str) -> Ran {
    let words = "violation report --unit 91350602MA0000015U --name 瑞和宾馆 --region 350602 --category fire.60-3 --json --facts";
    city.desk("tourism", words.split(' ').chain([facts])).ok()
}

/// Waits until a checkpoint covers everything, and every agency has cosigned the newest.
fn await_covered(city: &City) -> CheckpointStatus {
    let mut last = CheckpointStatus::default();
    for name in city.names() {
        let status = city.await_status(name, "checkpoints that cover everything", |status| {
            let it = status.checkpoints;
            it.newest > 0 && it.unwitnessed == 0 && it.cosigned == AGENCIES.len() as u64 && status.outbox.pending == 0
        });
        assert_eq!(status.alarms, [], "{name}");
        last = status.checkpoints;
    }
    last
}

/// The sizes of the checkpoints that each agency has put on the log, in order.
fn cosigned(city: &City, at: &str) -> BTreeMap<String, Vec<u64>> {
    let copy = Embedded::open_reader(city.folder(at).data("log.sqlite")).unwrap();
    let mut sizes: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for stored in copy.read(Position::FIRST, usize::MAX).unwrap() {
        let event = Event::parse(&stored.record.bytes).unwrap();
        if let Decoded::Known(Payload::CheckpointCosigned(data)) = event.data {
            let note: SignedCheckpoint = data.note.parse().unwrap();
            sizes.entry(event.source.agency.to_string()).or_default().push(note.checkpoint().size);
        }
    }
    sizes
}

#[test]
fn nodes_sign_and_cosign_by_themselves_and_kills_double_nothing() {
    let city = signing_city();
    let began = await_covered(&city);
    assert_eq!((began.needed, began.uncovered), (2, 0));
    // Checkpoints alone lead to no further one: everything is quiet now.
    let head = city.await_settled();
    for name in city.names() {
        city.await_status(name, "another look", |_| true);
    }
    assert_eq!(city.await_settled(), head);

    for (round, pause_ms) in [0, 40, 120, 300, 600].into_iter().enumerate() {
        report(&city, &format!("第{round}号"));
        std::thread::sleep(Duration::from_millis(pause_ms));
        let victim = ["fire", "housing", OFFICE][round % 3];
        city.kill_node(victim);
        city.launch_node(victim);
    }
    city.await_settled();
    let covered = await_covered(&city);
    assert!(covered.newest > began.newest);
    for name in city.names() {
        assert_eq!(city.anomalies(name), Vec::<serde_json::Value>::new(), "{name}");
        for (agency, sizes) in cosigned(&city, name) {
            assert!(sizes.is_sorted_by(|one, other| one < other), "{agency} at {name}: {sizes:?}");
        }
    }
    let listed = city.line("fire", "checkpoint list --json").ok().json();
    assert_eq!(listed["checkpoints"][0]["quorum"], true, "{listed}");
    let digests = listed["checkpoints"].as_array().unwrap().iter().filter(|row| !row["digest"].is_null()).count();
    assert_eq!(digests, 1, "the first states the digest, the next one a day later: {listed}");
    // What one node hands on another one finds in its own log.
    let note = city.line("fire", "checkpoint show --note").ok().stdout;
    let path = city.folder("housing").write("from-fire.note", note);
    let checked = city.desk("housing", ["checkpoint", "check", path.to_str().unwrap(), "--quorum", "3", "--json"]).ok();
    assert_eq!(checked.json()["result"], "older");
    city.same_digest();
}

#[test]
fn traffic_goes_on_without_the_authority_and_a_contradiction_is_told() {
    let city = signing_city();
    let before = await_covered(&city);
    city.stop_node(OFFICE);
    report(&city, "安全出口上锁");
    city.await_settled();
    let away = city.await_status("housing", "what no checkpoint covers", |status| status.checkpoints.uncovered > 0);
    assert_eq!((away.checkpoints.newest, away.alarms), (before.newest, Vec::new()));
    let inbox = city.line("fire", "referral list --inbox --json").ok().json();
    assert_eq!(inbox["referrals"].as_array().map(Vec::len), Some(1), "{inbox}");

    // Somebody with the authority's key signs another history, and it comes onto the log.
    let folder = city.folder(OFFICE).path().join(DATA);
    let mut office = Node::open(&folder).unwrap();
    let key = SigningKey::load(&folder.join("keys/joint-office.seed")).unwrap();
    let origin = Origin::of(REGION.parse().unwrap());
    let size = office.progress().position;
    let mut forged = SignedCheckpoint::sign(Checkpoint::new(origin, size, leaf_hash(b"another history"), None), &key);
    let now = Timestamp::now();
    let agency = OFFICE.parse().unwrap();
    forged.cosign(&origin.cosigner_name(agency), u64::try_from(now.as_second()).unwrap(), &key).unwrap();
    let command = Command::CosignCheckpoint { note: forged.to_string() };
    office.submit(agency, command, &mut RandomIds, now).unwrap();
    drop(office);

    let told = city.await_status("fire", "the alarm", |status| !status.alarms.is_empty());
    assert_eq!(told.alarms[0].code, "split_view");
    assert_eq!((told.checkpoints.newest, told.checkpoints.cosigned), (size, 0));
    assert!(told.checkpoints.own < size, "nobody cosigns it");
    let evidence: Vec<_> = fs::read_dir(city.folder("fire").data("split-views")).unwrap().flatten().collect();
    assert_eq!(evidence.len(), 1);
    let text = fs::read_to_string(evidence[0].path()).unwrap();
    assert!(text.contains(&forged.checkpoint().root.to_string()), "{text}");
    let refused = city.line("fire", "checkpoint cosign --json").exits(5);
    assert_eq!(refused.json_error()["code"], "split_view");
    city.line("fire", "doctor").exits(1).shows(&["broken\tsplit_view", "broken\tcheckpoints"]);
    // Traffic is not held up by it, and the alarm ends when people have moved the evidence away.
    report(&city, "灭火器过期");
    city.await_settled();
    fs::remove_dir_all(city.folder("fire").data("split-views")).unwrap();
    city.await_status("fire", "the end of the alarm", |status| status.alarms.is_empty());
    assert_eq!(cosigned(&city, "fire")["fire"].last(), Some(&before.own));
}
