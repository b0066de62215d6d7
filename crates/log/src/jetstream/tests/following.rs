//! Following a real stream through what interrupts it.

use async_nats::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::{EventLog as _, Stored};

const PATIENCE: Duration = Duration::from_mins(1);

/// Takes records until `count` have come.
fn take(tail: &mut Tail, count: usize) -> Vec<Stored> {
    let mut taken = Vec::new();
    let started = std::time::Instant::now();
    while taken.len() < count {
        match tail.next(count - taken.len(), Duration::from_secs(1)) {
            Ok(records) => taken.extend(records),
            Err(error) => assert!(error.is_out_of_reach(), "{error}"),
        }
        assert!(started.elapsed() < PATIENCE, "{} of {count} records came", taken.len());
    }
    taken
}

fn expected(numbers: std::ops::RangeInclusive<u64>) -> Vec<Stored> {
    numbers.map(|number| Stored { position: at(number), record: record(number) }).collect()
}

/// JetStream's API as the authority uses it.
fn ask(stream: &Stream, operation: &str, question: &Value) -> Value {
    let broker = stream.broker();
    broker.runtime().block_on(broker.ask("a test", operation, question)).unwrap()
}

fn consumers(stream: &Stream) -> Vec<String> {
    let answer = ask(stream, &format!("CONSUMER.NAMES.{}", stream.name()), &json!({}));
    answer["consumers"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// A stream without any guarantee, so that a test can remove messages.
fn weak_stream() -> (NatsServer, Stream) {
    let server = NatsServer::start();
    let broker = broker(&server);
    let name = stream_name(region());
    let config = json!({"name": name, "subjects": [subjects(region())], "retention": "limits", "storage": "file",
        "num_replicas": 1, "max_msgs": -1, "max_bytes": -1, "max_age": 0, "allow_atomic": true, "allow_direct": true});
    let operation = format!("STREAM.CREATE.{name}");
    let made = broker.ask::<Value>("a test", &operation, &config);
    broker.runtime().block_on(made).unwrap();
    let stream = Stream { broker, region: region(), name, duplicate_window: DUPLICATE_WINDOW };
    (server, stream)
}

fn remove(stream: &Stream, positions: &[u64]) {
    for position in positions {
        ask(stream, &format!("STREAM.MSG.DELETE.{}", stream.name()), &json!({"seq": position}));
    }
}

#[test]
fn old_and_new_records_come_in_order_byte_for_byte() {
    let (_server, stream) = stream();
    stream.publish(&records(1..=5_000)).unwrap();
    let mut tail = stream.tail(at(3));
    assert_eq!(take(&mut tail, 4_998), expected(3..=5_000));
    assert_eq!(tail.next(10, Duration::from_millis(1)).unwrap(), []);
    stream.publish(&records(5_001..=5_002)).unwrap();
    assert_eq!(take(&mut tail, 2), expected(5_001..=5_002));
    assert_eq!((tail.position(), tail.resubscribed()), (at(5_003), 0));
    let raw = Record { bytes: (0..=255).collect(), signature: vec![0, 255, 0], ..record(5_003) };
    stream.publish(std::slice::from_ref(&raw)).unwrap();
    assert_eq!(take(&mut tail, 1)[0].record, raw);
}

#[test]
fn a_read_is_a_range_up_to_the_head() {
    let (_server, stream) = stream();
    assert_eq!(stream.read(at(1), 10).unwrap(), []);
    stream.publish(&records(1..=30)).unwrap();
    let read = |from, limit| -> Vec<u64> {
        stream.read(at(from), limit).unwrap().iter().map(|message| message.position.get()).collect()
    };
    assert_eq!(read(1, 3), [1, 2, 3]);
    assert_eq!(read(9, 20), (9..=28).collect::<Vec<_>>());
    assert_eq!(read(19, usize::MAX), (19..=30).collect::<Vec<_>>());
    assert_eq!(read(29, 8), [29, 30]);
    assert_eq!(read(4, 0), [0; 0]);
    assert_eq!(read(31, 5), [0; 0]);
    assert_eq!(read(31, 500), [0; 0]);
    let one = stream.read(at(7), 1).unwrap().remove(0);
    assert_eq!((one.record, one.defects), (Some(record(7)), vec![]));
}

#[test]
fn a_server_that_ends_and_returns_loses_nothing_for_the_follower() {
    let (mut server, stream) = stream();
    stream.publish(&records(1..=100)).unwrap();
    let mut tail = stream.tail(at(1));
    assert_eq!(take(&mut tail, 60), expected(1..=60));
    server.kill();
    wait_for("the loss", || (!stream.broker().is_connected()).then_some(()));
    // What was sent ahead still comes.
    assert_eq!(take(&mut tail, 40), expected(61..=100));
    let error = tail.next(1, Duration::from_millis(1)).unwrap_err();
    assert!(error.is_out_of_reach(), "{error}");
    server.restart();
    wait_for("the connection", || stream.broker().is_connected().then_some(()));
    stream.publish(&records(101..=102)).unwrap();
    assert_eq!(take(&mut tail, 2), expected(101..=102));
    assert!(tail.resubscribed() >= 1);
}

#[test]
fn a_consumer_that_is_removed_is_replaced() {
    let (_server, stream) = stream();
    stream.publish(&records(1..=3)).unwrap();
    let mut tail = stream.tail(at(1));
    assert_eq!(take(&mut tail, 3), expected(1..=3));
    for name in consumers(&stream) {
        ask(&stream, &format!("CONSUMER.DELETE.{}.{name}", stream.name()), &json!({}));
    }
    stream.publish(&records(4..=5)).unwrap();
    assert_eq!(take(&mut tail, 2), expected(4..=5));
    assert_eq!(tail.resubscribed(), 1);
}

#[test]
fn a_consumer_that_goes_silent_is_found_out_by_the_watchdog() {
    let (_server, stream) = stream();
    stream.publish(&records(1..=3)).unwrap();
    let mut tail = stream.tail(at(1)).with_watchdog(Duration::from_millis(200));
    assert_eq!(take(&mut tail, 3), expected(1..=3));
    // A paused consumer delivers nothing and says nothing.
    let pause = json!({"pause_until": "2999-01-01T00:00:00Z"});
    let before = tail.resubscribed();
    for name in consumers(&stream) {
        // One that was replaced already may just be going.
        let operation = format!("CONSUMER.PAUSE.{}.{name}", stream.name());
        let _ = stream.broker().runtime().block_on(stream.broker().ask::<Value>("a test", &operation, &pause));
    }
    stream.publish(&records(4..=5)).unwrap();
    assert_eq!(take(&mut tail, 2), expected(4..=5));
    assert!(tail.resubscribed() > before);
    // Silence while there is nothing is none.
    let before = tail.resubscribed();
    for _ in 0..3 {
        assert_eq!(tail.next(1, Duration::from_millis(250)).unwrap(), []);
    }
    assert_eq!(tail.resubscribed(), before);
}

#[test]
fn positions_that_the_stream_does_not_hold_are_told_one_by_one() {
    let (_server, stream) = weak_stream();
    stream.publish(&records(1..=12)).unwrap();
    remove(&stream, &[1, 2, 5, 7, 8, 12]);
    let holes = [1, 2, 5, 7, 8, 12];
    let missing = |taken: &[Stored]| -> Vec<u64> {
        taken.iter().filter(|stored| stored.record.is_missing()).map(|stored| stored.position.get()).collect()
    };
    let mut tail = stream.tail(at(1)).with_watchdog(Duration::from_millis(200));
    let taken = take(&mut tail, 12);
    assert_eq!(taken.iter().map(|stored| stored.position.get()).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    assert_eq!(missing(&taken), holes);
    assert!(taken.iter().all(|stored| stored.record.is_missing() || stored.record == record(stored.position.get())));
    // One at a time, from within a gap.
    let mut tail = stream.tail(at(7));
    let one_by_one: Vec<_> = (0..3).flat_map(|_| take(&mut tail, 1)).collect();
    assert_eq!((missing(&one_by_one), one_by_one[2].record.clone()), (vec![7, 8], record(9)));
    assert_eq!(stream.read(at(4), 3).unwrap()[1].record, None);
    assert_eq!(stream.read(at(4), 99).unwrap().iter().filter(|message| message.record.is_none()).count(), 4);
    let state = stream.state().unwrap();
    assert_eq!((state.first, state.last, state.messages, state.missing), (Some(at(3)), Some(at(12)), 6, 6));

    let folder = tempfile::TempDir::new().unwrap();
    let copied = log(&stream, &folder).read(at(1), 99).unwrap();
    assert_eq!((copied.len(), missing(&copied)), (12, holes.to_vec()));
}

fn log(stream: &Stream, folder: &tempfile::TempDir) -> JetStream {
    JetStream::new(stream.clone(), crate::Embedded::create(folder.path().join("copy.sqlite")).unwrap()).unwrap()
}

#[test]
fn a_stream_with_every_guarantee_can_still_have_lost_messages() {
    let (_server, source) = stream();
    source.publish(&records(1..=6)).unwrap();
    let mut target = NatsServer::start();
    crate::conformance::loss::rebuild_without(&source, &mut target, &[at(2), at(5)]);
    let rebuilt = Stream::open(&broker(&target), region()).unwrap();
    let taken = take(&mut rebuilt.tail(at(1)), 6);
    let missing: Vec<_> =
        taken.iter().filter(|stored| stored.record.is_missing()).map(|stored| stored.position).collect();
    assert_eq!(missing, [at(2), at(5)]);
    assert_eq!(rebuilt.state().unwrap().missing, 2);
    // What was lost is published again, at the end.
    let folder = tempfile::TempDir::new().unwrap();
    let appended = log(&rebuilt, &folder).append(&records(1..=6)).unwrap();
    assert_eq!(appended.iter().map(|answer| answer.position.get()).collect::<Vec<_>>(), [1, 7, 3, 4, 8, 6]);
}

#[test]
fn an_event_whose_id_the_broker_remembers_without_holding_it_is_told_as_lost() {
    let (mut server, stream) = weak_stream();
    stream.publish(&records(1..=3)).unwrap();
    remove(&stream, &[2]);
    let folder = tempfile::TempDir::new().unwrap();
    let mut log = log(&stream, &folder);
    let error = log.append(&records(1..=4)).unwrap_err();
    assert!(
        matches!(&error, crate::AppendError::Publish(cause) if matches!(**cause, PublishError::Lost { records: 4, window_s: 600, .. })),
        "{error}"
    );
    assert!(error.is_out_of_reach());
    server.restart();
    wait_for("the connection", || stream.broker().is_connected().then_some(()));
    let appended = log.append(&records(1..=4)).unwrap();
    assert_eq!(appended.iter().map(|answer| answer.position.get()).collect::<Vec<_>>(), [1, 4, 3, 5]);
}

/// Headers as another vendor's program, or an attacker, may write them.
fn publish_raw(server: &NatsServer, headers: &[u8], payload: &[u8]) {
    use std::io::{BufRead as _, BufReader, Write as _};
    let mut socket = std::net::TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let mut lines = BufReader::new(socket.try_clone().unwrap());
    let total = headers.len() + payload.len();
    let connect = b"CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n";
    socket.write_all(connect).unwrap();
    write!(socket, "HPUB fengsui.350600.fire.case.closed {} {total}\r\n", headers.len()).unwrap();
    socket.write_all(&[headers, payload, b"\r\nPING\r\n"].concat()).unwrap();
    let mut line = String::new();
    while !line.starts_with("PONG") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0 && !line.starts_with("-ERR"), "{line}");
    }
}

#[test]
fn no_message_stops_the_reader_however_it_is_made() {
    let (server, stream) = stream();
    stream.publish(&records(1..=3)).unwrap();
    let client = stream.broker().client();
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", "not-a-ulid");
    headers.insert("Fengsui-Signature", "xyz");
    stream.broker().runtime().block_on(async {
        client.publish("fengsui.350600.x", "no headers".into()).await.unwrap();
        client.publish_with_headers("fengsui.350600.x.y", headers, Vec::new().into()).await.unwrap();
        client.flush().await.unwrap();
    });
    wait_for("the messages", || (stream.head().unwrap() == Some(at(5))).then_some(()));
    let hostile: [&[u8]; 8] = [
        b"NATS/1.0\r\nno colon\r\n\r\n",
        b"NATS/1.0\r\nA: \xff\xfe\r\n\r\n",
        b"NATS/1.0\r\nA: b\rc\r\n\r\n",
        b"NATS/1.0 999999\r\n\r\n",
        b"NATS/1.0 409 Consumer Deleted\r\n\r\n",
        b"NATS/1.0 503\r\n\r\n",
        b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 77\r\n\r\n",
        b"NATS/1.0\r\nNats-Sequence: 1\r\nNats-Stream: OTHER\r\n\r\n",
    ];
    for (number, headers) in (6..).zip(hostile) {
        publish_raw(&server, headers, b"{}");
        wait_for("the message", || (stream.head().unwrap() == Some(at(number))).then_some(()));
    }
    stream.publish(&records(4..=6)).unwrap();
    let mut tail = stream.tail(at(1));
    let taken = take(&mut tail, 16);
    assert_eq!(taken.iter().map(|stored| stored.position.get()).collect::<Vec<_>>(), (1..=16).collect::<Vec<_>>());
    assert!(taken.iter().all(|stored| !stored.record.is_missing()));
    let nil: Vec<_> = taken.iter().filter(|stored| stored.record.id.to_bytes() == [0; 16]).collect();
    assert_eq!(nil.iter().map(|stored| stored.position.get()).collect::<Vec<_>>(), (4..=13).collect::<Vec<_>>());
    assert!(nil.iter().all(|stored| stored.record.signature.is_empty()));
    assert_eq!((&*nil[0].record.bytes, &*nil[2].record.bytes), (&b"no headers"[..], &b"{}"[..]));
    let after: Vec<_> = taken[13..].iter().map(|stored| stored.record.clone()).collect();
    assert_eq!(after, records(4..=6));
}

/// The folder's files, as a backup of a server that was stopped.
fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_stream_from_an_older_backup_is_refused_and_so_is_another_history() {
    let (mut server, stream) = stream();
    stream.publish(&records(1..=5)).unwrap();
    let backup = tempfile::TempDir::new().unwrap();
    server.stop();
    copy_folder(&server.store(), backup.path());
    server.restart();
    wait_for("the connection", || stream.broker().is_connected().then_some(()));
    stream.publish(&records(6..=8)).unwrap();
    let mut tail = stream.tail(at(1));
    assert_eq!(take(&mut tail, 8), expected(1..=8));

    server.stop();
    std::fs::remove_dir_all(server.store()).unwrap();
    copy_folder(backup.path(), &server.store());
    server.restart();
    let refusal = |tail: &mut Tail| {
        wait_for("a refusal", || match tail.next(1, Duration::from_millis(100)) {
            Err(error) if !error.is_out_of_reach() => Some(error),
            other => {
                assert!(!matches!(&other, Ok(records) if !records.is_empty()), "{other:?}");
                None
            }
        })
    };
    let error = refusal(&mut tail);
    assert!(
        matches!(&error, TailError::HeadWentBack { head, expected, .. } if (*head, *expected) == (Some(at(5)), at(8))),
        "{error}"
    );
    // The stream grows again, with another history.
    stream.publish(&records(106..=109)).unwrap();
    let error = refusal(&mut tail);
    assert!(matches!(&error, TailError::Differs { position, .. } if *position == at(8)), "{error}");
}
