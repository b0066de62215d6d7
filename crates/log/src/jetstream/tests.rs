#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use fengsui_event::RegionCode;

use super::*;
use crate::conformance::record;
use crate::conformance::server::NatsServer;
use crate::{Position, Record};

mod conforms;
mod encrypted;
mod faults;
mod following;
mod guarantees;

fn region() -> RegionCode {
    "350600".parse().unwrap()
}

fn at(number: u64) -> Position {
    Position::new(number).unwrap()
}

fn records(numbers: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    numbers.map(record).collect()
}

fn options(server: &NatsServer) -> BrokerOptions {
    BrokerOptions { servers: vec![server.url()], name: "test".to_owned(), ..BrokerOptions::default() }
}

fn broker(server: &NatsServer) -> Broker {
    Broker::connect(options(server)).unwrap()
}

/// A server with a new stream.
fn stream() -> (NatsServer, Stream) {
    let server = NatsServer::start();
    let stream = Stream::create(&broker(&server), region(), 1).unwrap();
    (server, stream)
}

/// Polls until `found` gives something.
fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = std::time::Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_stream_is_made_once_and_found_again() {
    let (server, stream) = stream();
    assert_eq!((stream.name(), stream.head().unwrap()), ("FENGSUI_350600", None));
    let state = stream.state().unwrap();
    assert_eq!((state.first, state.last, state.messages, state.missing), (None, None, 0, 0));
    assert_eq!(state.leader.as_deref(), Some("test"));
    let again = Stream::create(&broker(&server), region(), 1).unwrap();
    assert_eq!(again.state().unwrap().created, state.created);
    assert!(Stream::open(&broker(&server), region()).is_ok());
}

#[test]
fn batches_of_any_length_get_the_positions_that_follow() {
    let (_server, stream) = stream();
    assert_eq!(stream.publish(&[]).unwrap(), []);
    assert_eq!(stream.publish(&records(1..=1)).unwrap(), [at(1)]);
    assert_eq!(stream.publish(&records(2..=3)).unwrap(), [at(2), at(3)]);
    let positions = stream.publish(&records(4..=2_503)).unwrap();
    assert_eq!(positions, (4..=2_503).map(at).collect::<Vec<_>>());
    let state = stream.state().unwrap();
    assert_eq!((state.first, state.last, state.messages, state.missing), (Some(at(1)), Some(at(2_503)), 2_503, 0));
}

#[test]
fn an_id_that_the_broker_knows_stores_nothing_of_its_batch() {
    let (_server, stream) = stream();
    stream.publish(&records(1..=3)).unwrap();
    assert!(matches!(stream.publish(&[record(2)]), Err(PublishError::Duplicate)));
    let mut thousand = records(4..=1_003);
    thousand[500] = record(3);
    assert!(matches!(stream.publish(&thousand), Err(PublishError::Duplicate)));
    assert!(matches!(stream.publish(&[record(7), record(7)]), Err(PublishError::Duplicate)));
    assert_eq!(stream.head().unwrap(), Some(at(3)));
}

#[test]
fn what_is_too_large_is_named_and_nothing_of_its_batch_is_sent() {
    let (_server, stream) = stream();
    let large = Record { bytes: vec![b'x'; 1 << 20], ..record(2) };
    match stream.publish(&[record(1), large, record(3)]) {
        Err(PublishError::TooLarge { index: 1, id, bytes_max, .. }) => {
            assert_eq!((id, bytes_max), (record(2).id, 1 << 20));
        }
        other => panic!("expected a refusal, found {other:?}"),
    }
    assert!(matches!(stream.publish(&[Record::missing()]), Err(PublishError::Placeholder { index: 0 })));
    assert_eq!(stream.head().unwrap(), None);
}
