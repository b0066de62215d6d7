//! What nats-server and its client can do with the same bytes and no program of ours between: the limits for a node.

use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::stream::{Config, StorageType};
use async_nats::{HeaderMap, Request};
use fengsui_log::Record;
use fengsui_log::jetstream::{ATOMIC_BATCH_MAX, Broker};
use futures_util::StreamExt as _;
use rusqlite::Connection;

use super::exchange::{BareServer, folder};
use super::measure::{Taken, taken};
use crate::failure::Failure;

const STREAM: &str = "RAW";
/// Bytes of a row in a durable commit.
const ROW_BYTES: usize = 600;

fn failed<E: std::fmt::Display>() -> impl Fn(E) -> Failure {
    |error| Failure::Bench { what: "the raw stream", reason: error.to_string() }
}

/// Makes the stream, for all subjects of an exchange.
pub fn create(broker: &Broker) -> Result<(), Failure> {
    let config = Config {
        name: STREAM.to_owned(),
        subjects: vec!["fengsui.>".to_owned()],
        storage: StorageType::File,
        allow_atomic_publish: true,
        duplicate_window: Duration::from_mins(2),
        ..Config::default()
    };
    broker.runtime().block_on(broker.context().create_stream(config)).map_err(failed()).map(drop)
}

/// The message of a record, as a node sends it.
fn headers(record: &Record) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", record.id.to_string());
    headers.insert("content-type", "application/cloudevents+json");
    headers.insert("Fengsui-Signature", hex(&record.signature));
    headers
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}

/// Publishes records in atomic batches of 1,000, each after the one before is acknowledged (NATS ADR-50). The messages are made before.
pub fn publish(broker: &Broker, records: &[Record]) -> Result<Taken, Failure> {
    let messages: Vec<Vec<_>> =
        records.chunks(ATOMIC_BATCH_MAX).zip(0_u64..).map(|(part, batch)| messages(part, batch)).collect();
    let ((), taken) = taken(|| {
        broker.runtime().block_on(async {
            for part in messages {
                let last = part.len();
                for (number, (subject, headers, payload)) in (1..).zip(part) {
                    let client = broker.client();
                    if number < last {
                        client.publish_with_headers(subject, headers, payload.into()).await.map_err(failed())?;
                        continue;
                    }
                    let request = Request::new().headers(headers).payload(payload.into());
                    let answer = client.send_request(subject, request).await.map_err(failed())?;
                    let answer = String::from_utf8_lossy(&answer.payload).into_owned();
                    if answer.contains("\"error\"") {
                        return Err(failed()(answer));
                    }
                }
            }
            Ok(())
        })
    })?;
    Ok(taken)
}

fn messages(part: &[Record], batch: u64) -> Vec<(String, HeaderMap, Vec<u8>)> {
    let message = |(number, record): (usize, &Record)| {
        let mut headers = headers(record);
        headers.insert("Nats-Batch-Id", format!("raw-{batch}"));
        headers.insert("Nats-Batch-Sequence", number.to_string());
        if number == part.len() {
            headers.insert("Nats-Batch-Commit", "1");
        }
        (record.subject.clone(), headers, record.bytes.clone())
    };
    (1..).zip(part).map(message).collect()
}

/// Reads the whole stream by an ordered consumer. Answers how many messages came, and how long it took.
pub fn drain(broker: &Broker, messages: u64) -> Result<Taken, Failure> {
    let ((), taken) = taken(|| {
        broker.runtime().block_on(async {
            let stream = broker.context().get_stream(STREAM).await.map_err(failed())?;
            let consumer = stream.create_consumer(OrderedConfig::default()).await.map_err(failed())?;
            let mut delivered = consumer.messages().await.map_err(failed())?;
            for _ in 0..messages {
                let message = delivered.next().await.ok_or_else(|| failed()("the consumer ended"))?;
                message.map_err(failed())?;
            }
            Ok(())
        })
    })?;
    Ok(taken)
}

/// One after the other: a durable commit, a message published by one connection until another one has it, and another durable commit.
/// Answers how long each round took.
pub fn round_trips(rounds: usize, rest: Duration) -> Result<Vec<Duration>, Failure> {
    let server = BareServer::start()?;
    let (here, there) = (server.connect()?, server.connect()?);
    create(&here)?;
    let place = folder()?;
    let fault = Failure::bench::<rusqlite::Error>;
    let connection = Connection::open(place.path().join("rows.sqlite")).map_err(fault("a row"))?;
    let text = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                CREATE TABLE rows (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT";
    connection.execute_batch(text).map_err(fault("a row"))?;
    let commit =
        || connection.execute("INSERT INTO rows (bytes) VALUES (?1)", [[7_u8; ROW_BYTES]]).map_err(fault("a row"));
    let mut delivered = there.runtime().block_on(async {
        let stream = there.context().get_stream(STREAM).await.map_err(failed())?;
        let consumer = stream.create_consumer(OrderedConfig::default()).await.map_err(failed())?;
        consumer.messages().await.map_err(failed())
    })?;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        std::thread::sleep(rest);
        let begun = Instant::now();
        commit()?;
        let client = here.client();
        let payload = vec![b'x'; ROW_BYTES].into();
        here.runtime()
            .block_on(async { client.publish("fengsui.350600.fire.raw.message", payload).await })
            .map_err(failed())?;
        let came = there.runtime().block_on(delivered.next()).ok_or_else(|| failed()("the consumer ended"))?;
        came.map_err(failed())?;
        commit()?;
        times.push(begun.elapsed());
    }
    Ok(times)
}
