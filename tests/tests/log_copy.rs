//! Logs go from files to a broker's stream and back, byte for byte, through every interruption, and are read where they lie.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fengsui_log::conformance::loss::rebuild_without;
use fengsui_log::conformance::server::NatsServer;
use fengsui_log::jetstream::{Broker, BrokerOptions, Stream, StreamState};
use fengsui_log::{Embedded, EventLog as _, Position, Stored};
use fengsui_node::connection_key::ConnectionKey;
use fengsui_node::keys::SigningKey;
use fengsui_tests::{DATA, Folder, Ran, interrupt, until};
use serde_json::Value;

fn at(number: u64) -> Position {
    Position::new(number).unwrap()
}

/// Every record of a log file.
fn records(path: &Path) -> Vec<Stored> {
    Embedded::open_reader(path).unwrap().read(Position::FIRST, usize::MAX).unwrap()
}

fn stream(server: &NatsServer) -> Stream {
    let options = BrokerOptions { servers: vec![server.url()], ..BrokerOptions::default() };
    Stream::open(&Broker::connect(options).unwrap(), "350600".parse().unwrap()).unwrap()
}

fn state(server: &NatsServer) -> StreamState {
    stream(server).state().unwrap()
}

/// Copies a log; both ends as the command line names them.
fn copy(folder: &Folder, from: &str, to: &str, more: &[&str]) -> Ran {
    folder.run(["log", "copy", "--from", from, "--to", to].iter().chain(more))
}

/// What a copy says that it did: compared, copied, last position.
#[track_caller]
fn done(ran: &Ran) -> (u64, u64, u64) {
    let lines = ran.json_lines();
    let summary = lines.last().unwrap();
    assert_eq!(summary["type"], "summary", "{ran}");
    let number = |name: &str| summary[name].as_u64().unwrap();
    (number("compared"), number("copied"), number("position"))
}

#[test]
fn a_city_goes_to_a_stream_and_back_byte_for_byte() {
    let (folder, server) = (Folder::small_demo(), NatsServer::start());
    let original = records(&folder.data("log.sqlite"));
    let count = original.len() as u64;
    let url = server.url();

    let there = copy(&folder, DATA, &url, &["--json"]).ok();
    assert_eq!(done(&there), (0, count, count));
    let on_stream = state(&server);
    assert_eq!((on_stream.messages, on_stream.missing, on_stream.last), (count, 0, Some(at(count))));
    assert_eq!(done(&copy(&folder, &url, "back.sqlite", &["--json"]).ok()), (0, count, count));
    assert_eq!(records(&folder.path().join("back.sqlite")), original);
    assert_eq!(done(&copy(&folder, DATA, "backup.sqlite", &["--json"]).ok()), (0, count, count));
    assert_eq!(records(&folder.path().join("backup.sqlite")), original);

    // A second time nothing changes, whichever way.
    for (from, to) in [(DATA, &*url), (&url, "back.sqlite"), ("back.sqlite", &url), ("backup.sqlite", "back.sqlite")] {
        assert_eq!(done(&copy(&folder, from, to, &["--json"]).ok()), (count, 0, count), "{from} {to}");
    }
    assert_eq!(state(&server), on_stream);

    let digest = folder.digest();
    for from in [&*url, "back.sqlite", "backup.sqlite"] {
        assert_eq!(folder.run(["replay", "--from", from, "--into", "elsewhere"]).ok().digest(), digest, "{from}");
    }
    // What is shown of the stream is what is shown of the file.
    let id = original[39].record.id.to_string();
    for words in [vec!["head"], vec!["show", "40"], vec!["show", &id, "--raw"], vec!["tail", "-n", "300"]] {
        let words: Vec<&str> = ["log"].into_iter().chain(words).collect();
        let own = folder.run(&words).ok().stdout;
        assert_eq!(folder.run(words.iter().chain(&["--from", &url])).ok().stdout, own, "{words:?}");
    }
}

#[test]
fn what_both_have_is_told() {
    let (folder, server) = (Folder::small_demo(), NatsServer::start());
    let last = records(&folder.data("log.sqlite")).pop().unwrap();
    let digest = fengsui_event::Digest::of(&last.record.bytes).to_string();
    let (position, id) = (last.position.to_string(), last.record.id.to_string());
    let ran = copy(&folder, DATA, &server.url(), &[]).ok();
    assert_eq!(
        [ran.cell("copied"), ran.cell("position"), ran.cell("event"), ran.cell("sha256")],
        [position.clone(), position.clone(), id, digest]
    );
    let ran = copy(&folder, DATA, &server.url(), &["--lang", "zh"]).ok();
    assert_eq!((ran.cell("已有且相同"), ran.cell("已复制")), (position, "0".to_owned()));
}

#[test]
fn a_part_is_copied_and_the_rest_later_and_a_trial_makes_nothing() {
    let (folder, server) = (Folder::small_demo(), NatsServer::start());
    let count = records(&folder.data("log.sqlite")).len() as u64;
    let url = server.url();
    assert_eq!(done(&copy(&folder, DATA, &url, &["--json", "--dry-run"]).ok()), (0, count, count));
    assert_eq!(done(&copy(&folder, DATA, "trial.sqlite", &["--json", "--dry-run"]).ok()), (0, count, count));
    assert!(!folder.path().join("trial.sqlite").exists());
    folder.run(["log", "head", "--from", &url]).exits(1).says(&["no stream FENGSUI_350600"]);

    assert_eq!(done(&copy(&folder, DATA, &url, &["--json", "--until", "100"]).ok()), (0, 100, 100));
    assert_eq!(done(&copy(&folder, DATA, &url, &["--json", "--dry-run"]).ok()), (100, count - 100, count));
    assert_eq!(state(&server).messages, 100);
    assert_eq!(done(&copy(&folder, DATA, &url, &["--json"]).ok()), (100, count - 100, count));
    // What the other place has beyond is not touched.
    let ran = copy(&folder, DATA, &url, &["--until", "100"]).ok();
    let beyond = (count - 100).to_string();
    ran.says(&["goes on for", &beyond]);
    copy(&folder, DATA, &url, &["--until", "999999"]).exits(1).says(&["999999", &count.to_string()]);
}

/// A city whose log is several of the broker's batches long.
fn larger_city() -> Folder {
    let folder = Folder::new();
    folder.run(["demo", "--units", "40", "--violations", "600"]).ok();
    folder
}

/// How many bytes go towards a server, and back from it, before a line breaks.
#[derive(Clone, Copy)]
struct Width {
    there: u64,
    back: u64,
}

/// A way to a server that carries so many bytes and then no more. Says when it is full.
fn narrow_way(server: &NatsServer, width: Width) -> (String, Arc<AtomicBool>) {
    let (listener, port) = (TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), server.port());
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let full = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&full);
    thread::spawn(move || {
        for near in listener.incoming() {
            let (near, far) = (near.unwrap(), TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
            let (near_again, far_again) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            carry(near, far, width.there, &told);
            carry(far_again, near_again, width.back, &told);
        }
    });
    (url, full)
}

/// Carries so many bytes one way. Both ends stay open, as on a broken wire.
fn carry(from: TcpStream, to: TcpStream, bytes: u64, full: &Arc<AtomicBool>) {
    let full = Arc::clone(full);
    thread::spawn(move || {
        let carried = std::io::copy(&mut (&from).take(bytes), &mut &to).unwrap_or_default();
        if carried == bytes {
            full.store(true, Ordering::SeqCst);
            thread::park();
        }
    });
}

/// Copies over a line that breaks in the middle, and kills the copy there.
fn kill_in_the_middle(folder: &Folder, server: &NatsServer, width: Width, ends: impl Fn(&str) -> [String; 2]) {
    let (url, full) = narrow_way(server, width);
    let [from, to] = ends(&url);
    let mut child = folder.spawn(["log", "copy", "--from", &from, "--to", &to]);
    until("a copy in its middle", || full.load(Ordering::SeqCst).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
}

const ANY: u64 = u64::MAX;

#[test]
fn a_copy_onto_a_stream_that_is_killed_anywhere_goes_on_where_it_was() {
    let (folder, server) = (larger_city(), NatsServer::start());
    let original = records(&folder.data("log.sqlite"));
    let count = original.len() as u64;
    copy(&folder, DATA, &server.url(), &["--until", "10"]).ok();
    let mut heads = vec![10];
    for width in [(2_000, ANY), (400_000, ANY), (2_000_000, ANY), (ANY, 1_000_000)] {
        let width = Width { there: width.0, back: width.1 };
        kill_in_the_middle(&folder, &server, width, |url| [DATA.to_owned(), url.to_owned()]);
        // A server stores what it has got, also when the sender is gone.
        let now = state(&server);
        assert_eq!((now.missing, now.last), (0, Some(at(now.messages))));
        heads.push(now.messages);
    }
    let last = *heads.last().unwrap();
    assert!(heads.is_sorted() && last > 10 && last < count, "{heads:?} of {count}");
    let rest = done(&copy(&folder, DATA, &server.url(), &["--json"]).ok());
    // What was on its way when the last state was asked for may have been stored after it.
    assert!(rest.0 >= last && rest.0 + rest.1 == count, "{rest:?}, {last}");
    copy(&folder, &server.url(), "back.sqlite", &[]).ok();
    assert_eq!(records(&folder.path().join("back.sqlite")), original);
}

#[test]
fn a_copy_into_a_file_that_is_killed_anywhere_goes_on_where_it_was() {
    let (folder, server) = (larger_city(), NatsServer::start());
    let original = records(&folder.data("log.sqlite"));
    copy(&folder, DATA, &server.url(), &[]).ok();
    let back = folder.path().join("back.sqlite");
    let mut heads = vec![];
    for bytes in [20_000, 1_500_000, 3_000_000] {
        let width = Width { there: ANY, back: bytes };
        kill_in_the_middle(&folder, &server, width, |url| [url.to_owned(), "back.sqlite".to_owned()]);
        heads.push(records(&back).len());
    }
    let last = *heads.last().unwrap();
    assert!(heads.is_sorted() && last > 0 && last < original.len(), "{heads:?} of {}", original.len());
    copy(&folder, &server.url(), "back.sqlite", &[]).ok();
    assert_eq!(records(&back), original);
}

#[test]
fn a_copy_that_somebody_interrupts_keeps_what_is_done() {
    let (folder, server) = (larger_city(), NatsServer::start());
    let (url, full) = narrow_way(&server, Width { there: 1_500_000, back: ANY });
    let mut child = folder.spawn(["log", "copy", "--from", DATA, "--to", &url]);
    until("a copy in its middle", || full.load(Ordering::SeqCst).then_some(()));
    interrupt(&child);
    interrupt_until_it_ends(&mut child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let now = state(&server).messages;
    assert!(now > 0, "{now}");
    assert!(done(&copy(&folder, DATA, &server.url(), &["--json"]).ok()).0 >= now);
}

/// The first Ctrl-C asks the work to stop at a safe point; another one, while a broken line is waited for, ends it at once.
fn interrupt_until_it_ends(child: &mut std::process::Child) {
    until("the end of a copy", || {
        let ended = child.try_wait().unwrap();
        if ended.is_none() {
            interrupt(child);
        }
        ended
    });
}

#[test]
fn a_place_that_holds_something_else_is_refused_by_name_and_left_as_it_is() {
    let (folder, other, server) = (Folder::small_demo(), Folder::new(), NatsServer::start());
    other.run(["demo", "--units", "20", "--violations", "120", "--seed", "2"]).ok();
    let count = records(&folder.data("log.sqlite")).len();
    copy(&folder, DATA, &server.url(), &[]).ok();
    copy(&folder, DATA, "back.sqlite", &[]).ok();
    let before = state(&server);

    let differs = |ran: Ran, target: &str| ran.exits(5).says(&[target, "position 1 ", "another record"]);
    let back = folder.path().join("back.sqlite");
    differs(copy(&other, DATA, &server.url(), &[]), "FENGSUI_350600");
    differs(copy(&other, DATA, back.to_str().unwrap(), &[]), "back.sqlite");
    differs(copy(&other, DATA, &server.url(), &["--dry-run"]), "FENGSUI_350600");
    copy(&other, DATA, &server.url(), &["--lang", "zh"]).exits(5).says(&["FENGSUI_350600", "位置 1 ", "另一条记录"]);
    let error = copy(&other, DATA, &server.url(), &["--json"]).exits(5).json_error();
    assert_eq!(error["code"], "log_differs");
    assert_eq!((state(&server), records(&back).len()), (before, count));
}

#[test]
fn positions_that_a_stream_has_lost_are_named_and_go_to_no_other_stream() {
    let (folder, whole, mut holed) = (Folder::small_demo(), NatsServer::start(), NatsServer::start());
    let original = records(&folder.data("log.sqlite"));
    copy(&folder, DATA, &whole.url(), &[]).ok();
    rebuild_without(&stream(&whole), &mut holed, &[at(3), at(7), at(8), at(9)]);

    let ran = copy(&folder, &holed.url(), "rest.sqlite", &[]).exits(3).says(&["lacks positions 3, 7-9"]);
    assert_eq!(ran.cell("missing positions"), "3, 7-9");
    let ran = copy(&folder, &holed.url(), "rest.sqlite", &["--json"]).exits(3);
    let missing: Vec<Value> = serde_json::from_str(r#"[{"first":3,"last":3},{"first":7,"last":9}]"#).unwrap();
    assert_eq!(ran.json_lines().last().unwrap()["missing"].as_array(), Some(&missing));
    for (stored, original) in records(&folder.path().join("rest.sqlite")).iter().zip(&original) {
        let is_lost = [3, 7, 8, 9].contains(&stored.position.get());
        assert_eq!(stored.record.is_missing(), is_lost);
        assert!(is_lost || stored == original);
    }

    // A file that has them is not a copy of this stream, and a stream cannot hold a gap.
    copy(&folder, &holed.url(), DATA, &[]).exits(5).says(&["position 3 "]);
    let empty = NatsServer::start();
    copy(&folder, "rest.sqlite", &empty.url(), &[]).exits(5).says(&["position 3", "another node's copy"]);
    copy(&folder, "rest.sqlite", &whole.url(), &[]).exits(5).says(&["position 3 "]);
    assert_eq!(state(&whole).messages, original.len() as u64);
}

/// A server that knows two keys: one for the fire brigade's own prefix, one for everything.
fn guarded(folder: &Folder) -> NatsServer {
    let key = |name: &str| {
        let key = ConnectionKey::generate().unwrap();
        key.save(&folder.path().join(name)).unwrap();
        key.public()
    };
    let (fire, all) = (key("fire.seed"), key("all.seed"));
    NatsServer::start_with_config(&format!(
        r#"authorization {{ users = [
            {{ nkey: {fire}, permissions: {{ publish: ["$JS.API.>", "fengsui.350600.fire.>"], subscribe: "_INBOX_fire.>" }} }}
            {{ nkey: {all}, permissions: {{ publish: ">", subscribe: ["_INBOX.>", "_INBOX_joint-office.>"] }} }}
        ] }}"#
    ))
}

#[test]
fn only_who_may_publish_under_every_prefix_can_fill_a_stream() {
    let folder = Folder::small_demo();
    let server = guarded(&folder);
    let url = server.url();
    let denied = copy(&folder, DATA, &url, &["--connection-key", "fire.seed", "--agency", "fire"]);
    denied.exits(7).says(&["not permitted to publish under fengsui.350600.joint-office.>"]);
    let stranger = SigningKey::generate().unwrap();
    stranger.save(&folder.path().join("stranger.seed")).unwrap();
    let unknown = copy(&folder, DATA, &url, &["--connection-key", "stranger.seed", "--json"]).exits(7).json_error();
    assert_eq!(unknown["code"], "not_permitted");
    copy(&folder, DATA, &url, &[]).exits(7);

    copy(&folder, DATA, &url, &["--connection-key", "all.seed"]).ok();
    // Reading is what the fire brigade may.
    copy(&folder, &url, "audit.sqlite", &["--connection-key", "fire.seed", "--agency", "fire"]).ok();
    assert_eq!(records(&folder.path().join("audit.sqlite")), records(&folder.data("log.sqlite")));
}

#[test]
fn a_broker_that_is_away_is_told_and_nothing_is_lost() {
    let (folder, mut server) = (Folder::small_demo(), NatsServer::start());
    copy(&folder, DATA, &server.url(), &["--until", "20"]).ok();
    server.kill();
    let url = server.url();
    for words in [
        vec!["log", "copy", "--from", DATA, "--to", &url],
        vec!["log", "copy", "--from", &url, "--to", "back.sqlite"],
        vec!["log", "head", "--from", &url],
        vec!["replay", "--from", &url, "--into", "elsewhere"],
    ] {
        folder.run(&words).exits(6).says(&["no broker answers", &url]);
        folder.run(words.iter().chain(&["--lang", "zh"])).exits(6).says(&["无法使用消息服务器"]);
    }
    assert!(!folder.path().join("back.sqlite").exists());
    server.restart();
    copy(&folder, DATA, &url, &[]).ok();
}

#[test]
fn what_is_no_log_is_told() {
    let folder = Folder::small_demo();
    fs::create_dir(folder.path().join("empty")).unwrap();
    folder.write("notes.txt", "no log");
    copy(&folder, "absent.sqlite", "x.sqlite", &[]).exits(1).says(&["absent.sqlite"]);
    copy(&folder, "empty", "x.sqlite", &[]).exits(1).says(&["there is no node in empty"]);
    copy(&folder, "notes.txt", "x.sqlite", &[]).exits(1).says(&["notes.txt"]);
    copy(&folder, DATA, "notes.txt", &[]).exits(1).says(&["notes.txt"]);
    copy(&folder, "http://broker", "x.sqlite", &[]).exits(2).says(&["nats:// or tls://"]);
    copy(&folder, "http://broker", "x.sqlite", &["--lang", "zh"]).exits(2).says(&["应为日志文件"]);
    folder.run(["--data", "empty", "log", "head", "--from", "nats://127.0.0.1:1"]).exits(2).says(&["--region"]);
    folder.run(["replay", "--from", DATA]).exits(2).says(&["--into"]);
    folder.run(["log", "head", "--from", DATA, "--as-of", "2026-01-01"]).exits(2).says(&["name a position"]);
    assert!(!folder.path().join("x.sqlite").exists());
    assert_eq!(folder.read("notes.txt"), "no log");
}

#[test]
fn an_auditor_replays_a_copy_by_the_exchange_file_alone() {
    let (city, auditor) = (Folder::small_demo(), Folder::new());
    fs::copy(city.data("exchange.toml"), auditor.path().join("exchange.toml")).unwrap();
    copy(&auditor, city.data("").to_str().unwrap(), "audit.sqlite", &[]).ok();
    let replay = ["replay", "--from", "audit.sqlite", "--into", "tables"];
    auditor.run(replay).exits(1).says(&["there is no node"]);
    let ran = auditor.run(replay.iter().chain(&["--exchange", "exchange.toml"])).ok();
    assert_eq!(ran.digest(), city.digest());
}
