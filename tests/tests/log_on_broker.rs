//! The log of an exchange on a broker, read at a node that runs and at one that does not, and what `doctor` says of it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdout};

use fengsui_log::jetstream::Broker;
use fengsui_node::broker::options;
use fengsui_node::connection_key::ConnectionKey;
use fengsui_node::folder::Folder as NodeFolder;
use fengsui_tests::{City, DATA, Folder, OFFICE, STREAM, interrupt};
use serde_json::{Value, json};

/// Reports a violation at the tourism bureau's desk: three events, the first time with the unit's.
fn report(city: &City, day: u32) {
    let line = format!(
        "violation report --unit 91350602MA0000015U --name 瑞和宾馆 --region 350602 --trade H61 --category fire.60-3 \
         --facts 疏散通道堵塞 --found-on 2026-11-{day:02}"
    );
    city.line("tourism", &line).ok();
}

/// `log tail --follow` as a process. It is killed when this is dropped.
struct Following {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Following {
    /// From the last event on, which it has shown when this returns.
    fn start(folder: &Folder, more: &[&str]) -> Self {
        let words = ["log", "tail", "-n", "1", "--follow", "--json"];
        let mut child = folder.spawn(words.iter().chain(more));
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut following = Self { child, lines };
        following.positions(1);
        following
    }

    /// The positions of the next events. Waits for them; the test runner's own limit ends a wait in vain.
    fn positions(&mut self, count: usize) -> Vec<u64> {
        let mut position = || {
            let mut line = String::new();
            self.lines.read_line(&mut line).unwrap();
            let row: Value = serde_json::from_str(&line).unwrap();
            row["event"]["position"].as_u64().unwrap()
        };
        (0..count).map(|_| position()).collect()
    }

    /// Ends it as people do, and gives its exit code.
    fn end(mut self) -> Option<i32> {
        interrupt(&self.child);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn url(city: &City) -> String {
    format!("nats://{}", city.broker_address())
}

/// The last position that a node's `log head` shows.
fn head_at(city: &City, more: &[&str]) -> u64 {
    let words: Vec<&str> = ["log", "head", "--json"].iter().chain(more).copied().collect();
    city.desk("fire", words).ok().json()["position"].as_u64().unwrap()
}

#[test]
fn a_node_that_does_not_run_reads_the_stream_through_its_copy() {
    let city = City::prepared(&["fire", "tourism"]);
    report(&city, 20);
    let head = city.stream_head().unwrap();
    assert_eq!(head_at(&city, &[]), head);
    report(&city, 21);
    let now = city.stream_head().unwrap();
    assert!(now > head);
    assert_eq!(head_at(&city, &["--from", DATA]), head, "a folder that is named is read as it is");
    assert_eq!(head_at(&city, &["--from", &url(&city)]), now);
    assert_eq!(head_at(&city, &["--as-of", "3"]), 3);
    city.desk("fire", ["log", "show", &now.to_string()]).ok();

    report(&city, 22);
    let now = city.stream_head().unwrap();
    let digest = city.folder("fire").digest();
    assert_eq!(city.folder("tourism").digest(), digest);
    assert_eq!(head_at(&city, &["--from", DATA]), now, "a replay brings the copy up to date");
    // The folder's own key lets this in.
    city.desk("fire", ["replay", "--from", &url(&city), "--into", "elsewhere"]).ok().shows(&[&digest]);
    city.desk("fire", ["log", "copy", "--from", &url(&city), "--to", "copy.sqlite"]).ok();
    assert_eq!(city.desk("fire", ["replay", "--from", "copy.sqlite", "--into", "elsewhere"]).ok().digest(), digest);

    let broker = url(&city);
    city.stop_broker();
    let alone = city.desk("fire", ["log", "head", "--json"]).ok().says(&["the stream is out of reach"]);
    assert_eq!(alone.json()["position"].as_u64(), Some(now));
    city.desk("fire", ["log", "head", "--from", &broker]).exits(6).says(&["no broker answers"]);
    assert_eq!(city.folder("fire").digest(), digest);
}

#[test]
fn the_end_of_the_log_is_followed_at_a_node_that_runs_and_at_one_that_does_not() {
    let city = City::prepared(&["fire", "tourism"]);
    report(&city, 1);
    city.start_node("fire");
    let before = city.await_settled();
    let mut beside = Following::start(city.folder("fire"), &[]);
    let mut alone = Following::start(city.folder("tourism"), &[]);
    let mut named = Following::start(city.folder("tourism"), &["--from", &url(&city)]);
    report(&city, 2);
    let after = city.stream_head().unwrap();
    let count = usize::try_from(after - before).unwrap();
    let expected: Vec<u64> = (before + 1..=after).collect();
    for following in [&mut beside, &mut alone, &mut named] {
        assert_eq!(following.positions(count), expected);
    }
    // The node ends, the broker is away for a while: whoever follows goes on.
    city.stop_node("fire");
    city.kill_broker();
    city.start_broker();
    report(&city, 3);
    let last = city.stream_head().unwrap();
    for following in [&mut beside, &mut alone, &mut named] {
        assert_eq!(following.positions(usize::try_from(last - after).unwrap()), (after + 1..=last).collect::<Vec<_>>());
    }
    for following in [beside, alone, named] {
        assert_eq!(following.end(), Some(130));
    }
}

/// What `doctor` finds at a node: state, check, text, advice.
fn findings(city: &City, agency: &str, exit: i32) -> Vec<[String; 4]> {
    let found = city.desk(agency, ["doctor", "--json"]).exits(exit).json();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let findings = found["findings"].as_array().unwrap().iter();
    findings.map(|finding| ["state", "check", "text", "advice"].map(|name| text(finding, name))).collect()
}

/// Of one check.
#[track_caller]
fn finding(found: &[[String; 4]], check: &str) -> [String; 4] {
    found.iter().find(|finding| finding[1] == check).unwrap_or_else(|| panic!("no {check} in {found:#?}")).clone()
}

#[test]
fn doctor_looks_at_the_broker_and_says_what_mends_it() {
    let city = City::prepared(&["fire", "tourism"]);
    report(&city, 1);
    city.desk("fire", ["log", "head"]).ok();
    let found = findings(&city, "fire", 0);
    for check in ["connection", "stream", "server_clock", "positions", "copy", "outbox"] {
        assert_eq!(finding(&found, check)[0], "good", "{found:#?}");
    }
    report(&city, 2);
    let [state, _, text, advice] = finding(&findings(&city, "fire", 0), "copy");
    assert_eq!((&*state, &*advice), ("warning", "fengsui log head"));
    assert!(text.ends_with("2 positions behind"), "{text}");

    // Somebody has changed the stream.
    let office = NodeFolder::open(city.folder(OFFICE).path().join(DATA)).unwrap();
    let broker = Broker::connect(options(&office).unwrap()).unwrap();
    let ask = |operation: &str, question: &Value| -> Value {
        let subject = format!("$JS.API.STREAM.{operation}.{STREAM}");
        let answer = broker.runtime().block_on(broker.client().request(subject, question.to_string().into())).unwrap();
        serde_json::from_slice(&answer.payload).unwrap()
    };
    let mut config = ask("INFO", &json!({}))["config"].clone();
    config["duplicate_window"] = json!(60_000_000_000_u64);
    assert!(ask("UPDATE", &config).get("error").is_none());
    let [state, _, text, advice] = finding(&findings(&city, "fire", 1), "stream");
    assert_eq!((&*state, &*text), ("broken", "duplicate_window is 60000000000, expected 600000000000"));
    assert!(advice.contains(r#""duplicate_window": 600000000000"#), "{advice}");

    city.stop_broker();
    let found = findings(&city, "fire", 1);
    assert_eq!(finding(&found, "connection")[0], "broken");
    city.desk("fire", ["doctor", "--lang", "zh"]).exits(1).shows(&["故障\tconnection\t无法使用消息服务器"]);
    // What waits is told with its age.
    let line =
        "violation report --unit 91350602MA0000015U --category fire.60-3 --facts 疏散通道堵塞 --found-on 2026-11-03";
    city.line("tourism", line).exits(6);
    let [state, _, text, _] = finding(&findings(&city, "tourism", 1), "outbox");
    assert_eq!(state, "warning");
    assert!(text.starts_with("2 events wait to be published, the first recorded at 20"), "{text}");
    // A key that others can read is not used.
    let key = city.folder("fire").data("keys/fire.connection.seed");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let [state, _, text, _] = finding(&findings(&city, "fire", 1), "connection");
    assert!(state == "broken" && text.contains("can be read by others"), "{text}");
}

#[test]
fn a_stream_that_is_gone_is_filled_again_from_a_copy_by_a_key_that_may() {
    let city = City::prepared(&["fire", "tourism"]);
    report(&city, 1);
    report(&city, 2);
    let (digest, head) = (city.folder("fire").digest(), city.stream_head().unwrap());
    city.stop_broker();
    let office = city.folder(OFFICE);
    fs::remove_dir_all(office.data("broker/jetstream")).unwrap();

    // As docs/log.md says: for a while, a key may sign in to the account that holds the stream.
    let key = ConnectionKey::generate().unwrap();
    key.save(&office.path().join("copier.seed")).unwrap();
    let accounts = fs::read_to_string(office.data("broker/accounts.conf")).unwrap();
    let line = "    jetstream: enabled\n";
    let opened = accounts.replacen(line, &format!("{line}    users: [ {{ nkey: {} }} ]\n", key.public()), 1);
    assert_ne!(opened, accounts);
    fs::write(office.data("broker/accounts.conf"), opened).unwrap();
    city.start_broker();
    let from = city.folder("fire").data("log.sqlite").to_str().unwrap().to_owned();
    let broker = url(&city);
    let copy = |until: &str| {
        let words = ["log", "copy", "--from", &from, "--to", &broker, "--connection-key", "copier.seed"];
        city.desk(OFFICE, words.into_iter().chain(["--until", until])).ok()
    };
    copy("3");
    let [state, _, text, advice] = finding(&findings(&city, "fire", 1), "copy");
    assert_eq!((&*state, &*advice), ("broken", "fengsui node run"));
    assert!(text.starts_with("the stream ends at position 3, "), "{text}");
    copy(&head.to_string());
    // The node of an agency may not do that.
    let own = ["log", "copy", "--from", &from, "--to", &broker, "--dry-run"];
    city.desk("fire", own).ok().shows(&["would be copied\t0"]);

    city.desk(OFFICE, ["broker", "accounts"]).ok();
    assert_eq!(fs::read_to_string(office.data("broker/accounts.conf")).unwrap(), accounts);
    city.reload();
    city.desk(OFFICE, ["log", "head", "--from", &broker, "--connection-key", "copier.seed"]).exits(7);
    report(&city, 3);
    assert!(city.stream_head().unwrap() > head);
    let found = findings(&city, "fire", 0);
    assert_eq!((finding(&found, "positions")[0].as_str(), finding(&found, "copy")[0].as_str()), ("good", "warning"));
    let words = ["replay", "--from", &broker, "--into", "elsewhere", "--until", &head.to_string()];
    assert_eq!(city.desk("fire", words).ok().digest(), digest);
}

#[test]
fn what_a_stream_has_lost_for_good_is_named_with_the_command_that_shows_it() {
    let city = City::prepared(&["fire"]);
    let id = "01KDZ5T0000000000000000000";
    let aside = city.folder("fire").data("set-aside/20260105T010000Z");
    fs::create_dir_all(&aside).unwrap();
    let lost = json!({
        "found": "2026-01-05T01:00:00Z", "old_head": 9, "new_head": 8,
        "lost": [{"position": 9, "id": id, "source": "/regions/350600/agencies/urban/nodes/1"}],
    });
    fs::write(aside.join("lost.json"), lost.to_string()).unwrap();
    let [state, _, text, advice] = finding(&findings(&city, "fire", 0), "lost");
    assert!(state == "warning" && text.contains("1 of them (positions 9 of the old copy)"), "{text}");
    assert!(advice.starts_with("fengsui log show 9 --from "), "{advice}");
    assert!(advice.ends_with("set-aside/20260105T010000Z/log.sqlite"), "{advice}");
}
