//! Messages that should not be on the stream: forged, repeated, out of order, malformed, of keys that are not good. Each becomes an
//! anomaly with its code at every node, has no effect, and stops nothing. And what a node itself may not or cannot publish.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exchange;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use exchange::{Exchange, HOTEL, OFFICE, REGION, alarm};
use fengsui_event::envelope::EVENT_BYTES_MAX;
use fengsui_event::payload::{Place, UnitRegistered};
use fengsui_event::{ChainLink, Digest, Draft, Event, EventId, Payload, Signer as _, Source, Subject, Timestamp};
use fengsui_log::{Position, Record};
use fengsui_node::connection_key::ConnectionKey;
use fengsui_node::keys::SigningKey;
use fengsui_tests::{Ran, until};
use serde_json::Value;

/// Somebody who has an agency's key and the stream, and no scruples. What he publishes is a chain of the agency's node 9.
struct Forger {
    key: SigningKey,
    source: Source,
    link: ChainLink,
    number: u32,
}

impl Forger {
    /// With the key of an agency's node.
    fn with_key_of(exchange: &Exchange, agency: &str) -> Self {
        Self::new(SigningKey::load(&exchange.folder(agency).data(&format!("keys/{agency}.seed"))).unwrap(), agency)
    }

    fn new(key: SigningKey, agency: &str) -> Self {
        let source = Source { region: REGION.parse().unwrap(), agency: agency.parse().unwrap(), node: 9 };
        Self { key, source, link: ChainLink::FIRST, number: 0 }
    }

    /// The registration of a unit that nobody has registered.
    fn draft(&mut self) -> Draft {
        self.number += 1;
        let unit: fengsui_event::UnitId = format!("local.book:{}", self.number).parse().unwrap();
        let place = Place { region: "350602".parse().unwrap(), address: "1号".to_owned() };
        let payload = UnitRegistered { unit: unit.clone(), name: "A".to_owned(), place, trade: None, parent: None };
        Draft {
            id: EventId::from_parts(Timestamp::now().as_millisecond().unsigned_abs(), rand_bytes()),
            source: self.source.clone(),
            subject: Subject::Unit(unit),
            time: Timestamp::now(),
            correlation: None,
            causation: None,
            payload: Payload::UnitRegistered(payload),
        }
    }

    fn sign(&self, draft: &Draft, link: ChainLink) -> Record {
        let signed = draft.sign(link, &self.key).unwrap();
        let signature = signed.signature.to_vec();
        Record { id: draft.id, subject: draft.stream_subject(), bytes: signed.bytes, signature }
    }

    /// An event as it should be, at the end of the chain, which it does not lengthen.
    fn next(&mut self) -> Record {
        let draft = self.draft();
        self.sign(&draft, self.link)
    }

    /// Takes a record as the last of the chain.
    fn goes_on(&mut self, record: &Record) {
        self.link = ChainLink::after(self.link.sequence, &record.bytes);
    }

    /// The next event with its text changed before it is signed.
    fn rewritten(&mut self, subject: &str, change: impl FnOnce(&mut Value)) -> Record {
        let record = self.next();
        let mut json: Value = serde_json::from_slice(&record.bytes).unwrap();
        change(&mut json);
        let bytes = serde_json::to_vec(&json).unwrap();
        let signature = self.key.sign(&bytes).to_vec();
        Record { bytes, signature, subject: format!("fengsui.{REGION}.{subject}"), ..record }
    }
}

/// Different on every call; nothing depends on what they are.
fn rand_bytes() -> [u8; 10] {
    use std::hash::{BuildHasher as _, RandomState};
    let random = RandomState::new().hash_one(0).to_be_bytes();
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&random);
    bytes
}

/// What was put onto the stream, and the codes that every node must tell for it.
#[derive(Default)]
struct Expected(Vec<(u64, String)>);

impl Expected {
    fn add(&mut self, position: u64, codes: &[&str]) {
        self.0.extend(codes.iter().map(|code| (position, (*code).to_owned())));
    }
}

/// Every node tells exactly what is expected, all have the same tables, and everybody works on.
#[track_caller]
fn all_told_and_nothing_stops(exchange: &Exchange, mut expected: Expected) {
    exchange.await_settled();
    expected.0.sort();
    for name in exchange.names() {
        assert_eq!(exchange.anomalies(&name), expected.0, "{name}");
        exchange.await_all_clear(&name);
    }
    exchange.same_digest();
    let case = exchange.report("tourism", "fire.60-3");
    exchange.await_settled();
    exchange.line("fire", &format!("referral acknowledge {case}")).ok();
    exchange.await_settled();
    for name in exchange.names() {
        assert_eq!(exchange.anomalies(&name), expected.0, "{name}");
    }
    exchange.same_digest();
}

#[test]
fn forged_and_disordered_events_are_told_by_their_code_and_stop_nothing() {
    let exchange = Exchange::found(&["fire", "housing", "tourism"], 600);
    let mut fire = Forger::with_key_of(&exchange, "fire");
    let housing: Source = Source { agency: "housing".parse().unwrap(), ..fire.source.clone() };
    let mut expected = Expected::default();
    let mut put = |record: &Record, codes: &[&str]| expected.add(exchange.smuggle(record), codes);

    let first = fire.next();
    put(&first, &[]);
    fire.goes_on(&first);
    let mut bad = fire.next();
    bad.signature[7] ^= 1;
    put(&bad, &["bad_signature"]);
    let mut changed = fire.next();
    changed.bytes = String::from_utf8(changed.bytes).unwrap().replace("\"A\"", "\"B\"").into_bytes();
    put(&changed, &["bad_signature"]);
    let unsigned = Record { signature: Vec::new(), ..fire.next() };
    put(&unsigned, &["bad_signature"]);
    // The source of another agency under one's own subject, and under that agency's; one's own source under theirs.
    for (subject, code) in [("housing", "foreign_key"), ("fire", "wrong_subject")] {
        let theirs = Draft { source: housing.clone(), ..fire.draft() };
        let theirs = fire.sign(&theirs, ChainLink::FIRST);
        put(&Record { subject: format!("fengsui.{REGION}.{subject}.unit.registered"), ..theirs }, &[code]);
    }
    put(&Record { subject: format!("fengsui.{REGION}.housing.unit.registered"), ..fire.next() }, &["wrong_subject"]);
    put(&Record { subject: format!("fengsui.{REGION}.fire.case.closed"), ..fire.next() }, &["wrong_subject"]);
    // An old event in new clothes.
    put(&Record { id: fire.draft().id, ..first.clone() }, &["id_mismatch"]);
    let fork = fire.draft();
    put(&fire.sign(&fork, ChainLink { previous: Some(Digest::of(b"x")), ..fire.link }), &["chain_fork"]);
    let second = fire.next();
    put(&second, &[]);
    put(&fire.next(), &["sequence_reused"]);
    fire.goes_on(&second);
    fire.link = ChainLink { sequence: 5, previous: Some(Digest::of(b"y")) };
    let gap = fire.next();
    put(&gap, &["chain_gap"]);
    fire.goes_on(&gap);
    let now = Timestamp::now();
    let yesterday = Draft { time: Timestamp::from_second(now.as_second() - 24 * 60 * 60).unwrap(), ..fire.draft() };
    let late = fire.sign(&yesterday, fire.link);
    // No rulebook was in force the day before.
    put(&late, &["clock_went_back", "no_rulebook"]);
    fire.goes_on(&late);
    let unknown = fire.rewritten("fire.drone.sighted", |event| event["type"] = "cn.fengsui.drone.sighted.v1".into());
    put(&unknown, &["unknown_type"]);
    fire.goes_on(&unknown);
    let spoilt = fire.rewritten("fire.unit.registered", |event| event["data"] = Value::Null);
    put(&spoilt, &["malformed_payload"]);
    fire.goes_on(&spoilt);
    let abroad = fire.rewritten("fire.unit.registered", |event| {
        event["source"] = "/regions/350500/agencies/fire/nodes/9".into();
    });
    put(&abroad, &["wrong_subject"]);
    let long = fire.rewritten("fire.unit.registered", |event| {
        event["data"]["name"] = "长".repeat(EVENT_BYTES_MAX / 3).into();
    });
    assert!(long.bytes.len() > EVENT_BYTES_MAX);
    put(&long, &["malformed_envelope"]);
    let mut nobody = Forger::new(SigningKey::generate().unwrap(), "fire");
    put(&nobody.next(), &["unknown_key"]);
    all_told_and_nothing_stops(&exchange, expected);
}

#[test]
fn an_id_that_comes_again_counts_once_and_other_bytes_under_it_are_a_conflict() {
    let exchange = Exchange::found(&["fire", "tourism"], 600);
    let mut fire = Forger::with_key_of(&exchange, "fire");
    let first = fire.next();
    let at = exchange.smuggle(&first);
    fire.goes_on(&first);
    let own = exchange.on_stream().into_iter().find(|stored| stored.record.subject.contains("joint-office")).unwrap();
    let stream = exchange.stream();
    let again = Draft { id: first.id, ..fire.draft() };
    let other = fire.sign(&again, fire.link);
    // Within the broker's memory for ids, it keeps them away itself.
    for record in [&first, &other] {
        assert!(matches!(
            stream.publish(std::slice::from_ref(record)),
            Err(fengsui_log::jetstream::PublishError::Duplicate)
        ));
    }
    forget(&exchange, 100);
    let mut expected = Expected::default();
    for (record, code) in [(&first, "duplicate"), (&other, "conflict"), (&own.record, "duplicate")] {
        let put = || stream.publish(std::slice::from_ref(record)).ok();
        let position = until("a broker that has forgotten", put)[0];
        assert!(position.get() > at);
        expected.add(position.get(), &[code]);
    }
    forget(&exchange, 600_000);
    all_told_and_nothing_stops(&exchange, expected);
    let shown = exchange.line("tourism", "anomaly list").ok();
    shown.shows(&["duplicate", "conflict", &first.id.to_string()]);
}

/// Sets for how long the broker remembers ids.
fn forget(exchange: &Exchange, window_ms: u64) {
    exchange.reconfigure(|config| config["duplicate_window"] = (window_ms * 1_000_000).into());
}

/// A message as another vendor's program, or an attacker, may write it: headers of any bytes.
fn send_raw(exchange: &Exchange, headers: &[u8], payload: &[u8]) {
    let mut socket = TcpStream::connect(("127.0.0.1", exchange.server.port())).unwrap();
    let mut lines = BufReader::new(socket.try_clone().unwrap());
    socket.write_all(b"CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n").unwrap();
    let (subject, total) = (format!("fengsui.{REGION}.fire.unit.registered"), headers.len() + payload.len());
    if headers.is_empty() {
        write!(socket, "PUB {subject} {total}\r\n").unwrap();
    } else {
        write!(socket, "HPUB {subject} {} {total}\r\n", headers.len()).unwrap();
    }
    socket.write_all(&[headers, payload, b"\r\nPING\r\n"].concat()).unwrap();
    let mut line = String::new();
    while !line.starts_with("PONG") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0 && !line.starts_with("-ERR"), "{line}");
    }
}

#[test]
fn malformed_messages_of_every_kind_are_quarantined_and_stop_nobody() {
    let exchange = Exchange::found(&["fire", "tourism"], 600);
    let mut fire = Forger::with_key_of(&exchange, "fire");
    let stream = exchange.stream();
    let mut expected = Expected::default();
    let id = fire.draft().id;
    let (deep, binary) = ("[".repeat(100_000), (0..=255).cycle().take(4_096).collect::<Vec<u8>>());
    let good = fire.next();
    // The server takes 64 KiB of headers at most.
    let many = format!("NATS/1.0\r\n{}\r\n", "A:1\r\n".repeat(10_000));
    let named = |id: &str, signature: &str| {
        format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\nFengsui-Signature: {signature}\r\n\r\n").into_bytes()
    };
    let (envelope, mismatch) = ("malformed_envelope", "id_mismatch");
    let messages: Vec<(Vec<u8>, &[u8], &str)> = vec![
        (vec![], b"no JSON", envelope),
        (vec![], b"", envelope),
        (vec![], &binary, envelope),
        (vec![], deep.as_bytes(), envelope),
        (vec![], b"null", envelope),
        (vec![], b"{\"specversion\":\"1.0\"}", envelope),
        // A good event that nobody can find by its id.
        (vec![], &good.bytes, mismatch),
        (named("not-a-ulid", "xyz"), b"{}", envelope),
        (named(&id.to_string(), ""), b"{}", envelope),
        (many.into_bytes(), b"{}", envelope),
        (b"NATS/1.0\r\nno colon\r\n\r\n".to_vec(), b"{}", envelope),
        (b"NATS/1.0\r\nA: \xff\xfe\r\n\r\n".to_vec(), b"{}", envelope),
        // What looks like a word of the broker itself.
        (b"NATS/1.0 503\r\n\r\n".to_vec(), b"", envelope),
        (b"NATS/1.0 409 Consumer Deleted\r\n\r\n".to_vec(), b"", envelope),
        // What ends the tasks of the client that reads it (async-nats 0.51).
        (b"NATS/1.0\r\nA: b\rc\r\n\r\n".to_vec(), b"{}", envelope),
        (vec![], b"the last one", envelope),
    ];
    for (headers, payload, code) in messages {
        let head = stream.head().unwrap().map_or(0, Position::get);
        send_raw(&exchange, &headers, payload);
        let shown: String = String::from_utf8_lossy(&headers).chars().take(80).collect();
        let position = until(&format!("the message {shown:?} on the stream"), || {
            stream.head().unwrap().map(Position::get).filter(|position| *position > head)
        });
        expected.add(position, &[code]);
    }
    all_told_and_nothing_stops(&exchange, expected);
    // Whoever comes later reads the same.
    let mut exchange = exchange;
    exchange.join("housing");
    exchange.start("housing");
    exchange.await_settled();
    exchange.same_digest();
    assert_eq!(exchange.anomalies("housing"), exchange.anomalies("fire"));
}

#[test]
fn keys_that_are_not_good_have_no_effect_from_their_end_on() {
    let exchange = Exchange::found(&["fire", "housing", "tourism"], 600);
    let mut fire = Forger::with_key_of(&exchange, "fire");
    let mut housing = Forger::with_key_of(&exchange, "housing");
    let mut expected = Expected::default();
    for forger in [&mut fire, &mut housing] {
        let first = forger.next();
        expected.add(exchange.smuggle(&first), &[]);
        forger.goes_on(&first);
    }
    exchange.await_settled();
    // Fire has a new key. Somebody still has the old one.
    exchange.line("fire", "agency rotate-key").ok();
    exchange.await_settled();
    expected.add(exchange.smuggle(&fire.next()), &["ended_key"]);
    // Housing is suspended, and does not hear of it.
    exchange.line(OFFICE, "agency suspend housing --reason x").ok();
    let mut position = exchange.await_settled();
    expected.add(exchange.smuggle(&housing.next()), &["suspended_agency"]);
    exchange.await_settled();
    let refused = exchange.reports("housing", "fire.60-1").exits(7);
    refused.says(&["suspended"]);
    position += 1;
    assert_eq!(exchange.stream().head().unwrap().map(Position::get), Some(position), "nothing came of it");
    all_told_and_nothing_stops(&exchange, expected);
}

/// A report on stdin with facts of so many bytes.
fn reports_at_length(exchange: &Exchange, bytes: usize) -> Ran {
    let facts = "火".repeat(bytes / 3);
    let report = serde_json::json!({
        "unit": HOTEL, "name": "瑞和宾馆", "region": "350602", "address": "1号", "category": "fire.60-3", "facts": facts,
    });
    let mut command = exchange.folder("fire").command(["violation", "report", "--stdin"]);
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(report.to_string().as_bytes()).unwrap();
    Ran::ended(&command, child.wait_with_output().unwrap())
}

#[test]
fn what_is_too_large_for_the_stream_is_refused_at_the_desk_and_blocks_nothing() {
    let exchange = Exchange::found(&["fire", "tourism"], 600);
    let before = exchange.await_settled();
    let sequence = exchange.node("fire").status()["outbox"]["sequence"].clone();
    let refused = reports_at_length(&exchange, 2 << 20).exits(1);
    refused.says(&["bytes", &format!("at most {EVENT_BYTES_MAX}")]);
    assert_eq!(exchange.await_settled(), before);
    assert_eq!(exchange.node("fire").status()["outbox"]["sequence"], sequence, "nothing is in the outbox");
    // The longest that is taken goes through.
    reports_at_length(&exchange, EVENT_BYTES_MAX - 4_096).ok();
    let stored = exchange.on_stream();
    let longest = stored.iter().map(|stored| stored.record.bytes.len()).max().unwrap();
    assert!(longest > EVENT_BYTES_MAX - 4_096 && longest <= EVENT_BYTES_MAX, "{longest}");
    assert!(stored.iter().all(|stored| Event::parse(&stored.record.bytes).is_ok()));
    all_told_and_nothing_stops(&exchange, Expected::default());
}

/// The configuration of a server that knows these users: everything is permitted to the authority; fire publishes under `prefix`.
fn users(exchange: &Exchange, prefix: &str) -> String {
    let key = |agency: &str| {
        let path = exchange.folder(agency).data(&format!("keys/{agency}.connection.seed"));
        ConnectionKey::load(&path).unwrap().public()
    };
    let publish = format!("publish: {{ allow: [\"fengsui.{REGION}.{prefix}.>\", \"$JS.>\", \"$O.>\"] }}");
    format!(
        "authorization {{ users = [\n  {{ nkey: {} }}\n  {{ nkey: {}, permissions: {{ {publish}, subscribe: {{ allow: [\"_INBOX_fire.>\"] }} }} }}\n] }}\n",
        key(OFFICE),
        key("fire")
    )
}

#[test]
fn whoever_may_not_publish_is_told_so_and_nothing_is_lost() {
    let mut exchange = Exchange::found(&["fire"], 600);
    exchange.report("fire", "fire.60-3");
    let before = exchange.await_settled();
    exchange.server.set_config(&users(&exchange, "housing"));
    exchange.server.restart();
    exchange.node("fire").await_status("a node that is connected again", |status| {
        status["broker"]["connected"] == true && status["broker"]["reconnects"].as_u64() > Some(0)
    });
    let denied = format!("not permitted to publish under fengsui.{REGION}.fire.>");
    let told = exchange.reports("fire", "fire.60-1").exits(7);
    told.says(&["accepted", &denied]);
    let told = exchange.await_alarm("fire", "not_permitted");
    assert!(told.contains(&denied), "{told}");
    let status = exchange.line("fire", "node status").exits(1);
    status.shows(&["not_permitted", &denied]);
    let status = exchange.node("fire").status();
    assert_eq!(status["broker"]["connected"], true);
    assert!(status["outbox"]["pending"].as_u64() >= Some(2), "{status}");
    // Without a running node, the command finds out itself.
    exchange.stop("fire");
    let error = exchange.reports("fire", "fire.60-3").exits(7);
    error.says(&["accepted", &denied]);
    let json = exchange.line(
        "fire",
        "violation report --json --unit local.book:1 --name A --region 350602 --category fire.60-3 --facts x",
    );
    assert_eq!(json.clone().exits(7).json_error()["code"], "not_permitted", "{json}");
    exchange.start("fire");
    exchange.await_alarm("fire", "not_permitted");

    exchange.server.set_config("");
    exchange.server.restart();
    let head = exchange.await_settled();
    assert!(head >= before + 6, "{head}");
    exchange.await_all_clear("fire");
    assert!(alarm(&exchange.node("fire").status(), "not_permitted").is_none());
    for name in exchange.names() {
        assert_eq!(exchange.anomalies(&name), []);
        assert_eq!(exchange.known(&name).keys().filter(|id| id.starts_with("case ")).count(), 4, "{name}");
    }
    exchange.same_digest();
}
