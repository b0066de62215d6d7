//! What goes wrong between a node and its broker, with a real broker.

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::*;
use crate::{AppendError, Appended, ConflictWith, Embedded, EventLog as _, Field, Outcome, ReadError};

#[test]
fn whoever_cannot_be_reached_or_does_not_let_us_in_is_told_apart() {
    let nobody = BrokerOptions { servers: vec!["nats://127.0.0.1:1".to_owned()], ..BrokerOptions::default() };
    let error = Broker::connect(nobody).unwrap_err();
    assert!(matches!(error, BrokerError::Unreachable { .. }) && error.is_out_of_reach(), "{error}");

    let server = NatsServer::start_with_config("authorization { user: city, password: secret }\n");
    let error = Broker::connect(options(&server)).unwrap_err();
    assert!(matches!(error, BrokerError::NotAuthorized { .. }) && error.is_not_permitted(), "{error}");
    let later = Broker::connect_in_background(options(&server)).unwrap();
    wait_for("the refusal", || later.last_error());
    assert!(matches!(Stream::open(&later, region()), Err(BrokerError::NotAuthorized { .. })));

    let seed = Some(zeroize::Zeroizing::new("SUNOTASEED".to_owned()));
    let error = Broker::connect(BrokerOptions { seed, ..options(&server) }).unwrap_err().to_string();
    assert!(error.contains("NKEY seed") && !error.contains("NOTASEED"), "{error}");
    let bad = BrokerOptions { servers: vec!["http://x".to_owned()], ..BrokerOptions::default() };
    assert!(matches!(Broker::connect(bad), Err(BrokerError::Option { what: "servers", .. })));
    let bad = BrokerOptions { inbox_prefix: Some("_INBOX.*".to_owned()), ..options(&server) };
    assert!(matches!(Broker::connect_in_background(bad), Err(BrokerError::Option { what: "inbox prefix", .. })));
}

#[test]
fn a_connection_is_made_when_the_broker_comes_and_again_when_it_comes_back() {
    let mut server = NatsServer::start();
    server.stop();
    let broker = Broker::connect_in_background(options(&server)).unwrap();
    assert!(!broker.is_connected());
    let error = Stream::open(&broker, region()).unwrap_err();
    assert!(error.is_out_of_reach(), "{error}");
    server.restart();
    wait_for("the first connection", || broker.is_connected().then_some(()));
    let stream = Stream::create(&broker, region(), 1).unwrap();
    stream.publish(&records(1..=2)).unwrap();
    server.kill();
    wait_for("the loss", || (!broker.is_connected()).then_some(()));
    let error = stream.publish(&records(3..=3)).unwrap_err();
    assert!(error.is_out_of_reach(), "{error}");
    server.restart();
    wait_for("the second connection", || broker.is_connected().then_some(()));
    assert_eq!(stream.publish(&records(3..=3)).unwrap(), [at(3)]);
    assert!(broker.reconnects() >= 1);
    assert!(broker.server_version().is_some_and(|version| version.starts_with("2.")));
}

/// A log with a copy of its own in `folder`.
fn log(stream: &Stream, folder: &TempDir, name: &str) -> JetStream {
    JetStream::new(stream.clone(), Embedded::create(folder.path().join(name)).unwrap()).unwrap()
}

/// A connection that gives up waiting soon.
fn impatient(server: &NatsServer) -> Broker {
    let options = BrokerOptions { ack_timeout: Duration::from_secs(2), ..options(server) };
    Broker::connect(options).unwrap()
}

fn stored(number: u64) -> Appended {
    Appended { position: at(number), outcome: Outcome::Stored }
}

fn present(number: u64) -> Appended {
    Appended { position: at(number), outcome: Outcome::AlreadyPresent }
}

#[test]
fn whoever_may_not_publish_is_told_so_at_once_and_nothing_is_stored() {
    let fire = nkeys::KeyPair::new_user();
    let office = nkeys::KeyPair::new_user();
    let config = format!(
        "authorization {{ users = [\n\
           {{ nkey: {} }}\n\
           {{ nkey: {}, permissions: {{ publish: {{ allow: [\"fengsui.350600.fire.>\", \"$JS.API.STREAM.INFO.FENGSUI_350600\"] }}, \
              subscribe: {{ allow: [\"_INBOX_fire.>\"] }} }} }}\n] }}\n",
        office.public_key(),
        fire.public_key()
    );
    let server = NatsServer::start_with_config(&config);
    // Longer than the test may take: only the denial itself can end the wait.
    let connect = |key: &nkeys::KeyPair, prefix: &str| {
        Broker::connect(BrokerOptions {
            seed: Some(zeroize::Zeroizing::new(key.seed().unwrap())),
            inbox_prefix: Some(prefix.to_owned()),
            ack_timeout: Duration::from_hours(1),
            ..options(&server)
        })
        .unwrap()
    };
    let office = Stream::create(&connect(&office, "_INBOX"), region(), 1).unwrap();
    let fire = Stream::open(&connect(&fire, "_INBOX_fire"), region()).unwrap();
    assert_eq!(fire.publish(&records(1..=2)).unwrap(), [at(1), at(2)]);

    let foreign = |number| Record { subject: "fengsui.350600.housing.case.closed".to_owned(), ..record(number) };
    for batch in [
        vec![foreign(3)],
        vec![record(3), foreign(4)],
        vec![foreign(3), record(4)],
        vec![record(3), foreign(4), record(5)],
    ] {
        let error = fire.publish(&batch).unwrap_err();
        assert!(error.is_not_permitted() && !error.is_out_of_reach(), "{error:?}");
        assert!(error.to_string().starts_with("not permitted to publish under fengsui.350600.housing.>"), "{error}");
    }
    assert_eq!(office.head().unwrap(), Some(at(2)));
    // Reading was not permitted either.
    let error = fire.tail(at(1)).next(1, Duration::from_hours(1)).unwrap_err();
    assert!(matches!(&error, TailError::Broker(error) if error.is_not_permitted()), "{error}");
    assert!(error.to_string().contains("$JS.API.CONSUMER.CREATE.FENGSUI_350600."), "{error}");
    assert_eq!(fire.publish(&records(3..=3)).unwrap(), [at(3)]);
}

#[test]
fn a_node_whose_key_is_taken_from_the_accounts_is_told_so() {
    let (fire, other) = (nkeys::KeyPair::new_user(), nkeys::KeyPair::new_user());
    let accounts = |key: &nkeys::KeyPair| format!("authorization {{ users = [ {{ nkey: {} }} ] }}\n", key.public_key());
    let server = NatsServer::start_with_config(&accounts(&fire));
    let seed = Some(zeroize::Zeroizing::new(fire.seed().unwrap()));
    let broker = Broker::connect(BrokerOptions { seed, ..options(&server) }).unwrap();
    let stream = Stream::create(&broker, region(), 1).unwrap();
    stream.publish(&records(1..=1)).unwrap();
    server.set_config(&accounts(&other));
    server.reload();
    let error =
        wait_for("the refusal", || stream.publish(&records(2..=2)).err().filter(PublishError::is_not_permitted));
    assert!(error.to_string().contains("does not know this node's key"), "{error}");
    let error = stream.tail(at(1)).next(1, Duration::from_hours(1)).unwrap_err();
    assert!(matches!(&error, TailError::Broker(error) if error.is_not_permitted()), "{error}");
    server.set_config(&accounts(&fire));
    server.reload();
    wait_for("the connection", || broker.is_connected().then_some(()));
    assert_eq!(stream.tail(at(1)).next(1, Duration::from_mins(1)).unwrap()[0].record, record(1));
}

#[test]
fn a_broker_that_is_too_busy_for_another_batch_is_tried_again() {
    let (_server, stream) = stream();
    let client = stream.broker().client();
    // As many batches are begun as one stream may have open at a time.
    stream.broker().runtime().block_on(async {
        for number in 0..50 {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Batch-Id", format!("begun-{number}"));
            headers.insert("Nats-Batch-Sequence", "1");
            client.publish_with_headers("fengsui.350600.x", headers, "{}".into()).await.unwrap();
        }
        client.flush().await.unwrap();
    });
    let error = stream.publish(&records(1..=2)).unwrap_err();
    assert!(error.is_out_of_reach(), "{error}");
    assert!(
        matches!(&error, PublishError::Broker(cause) if matches!(&**cause, BrokerError::Refused { is_temporary: true, .. })),
        "{error:?}"
    );
    assert_eq!(stream.head().unwrap(), None);
    wait_for("the broker to give the batches up", || stream.publish(&records(1..=2)).ok());
}

#[test]
fn an_acknowledgement_that_comes_too_late_leaves_one_copy_on_the_stream() {
    let server = NatsServer::start();
    let stream = Stream::create(&impatient(&server), region(), 1).unwrap();
    let folder = TempDir::new().unwrap();
    let mut log = log(&stream, &folder, "copy.sqlite");
    log.append(&records(1..=2)).unwrap();
    for batch in [records(3..=3), records(4..=40)] {
        server.pause();
        let error = log.append(&batch).unwrap_err();
        let AppendError::Publish(cause) = &error else { panic!("expected an unknown end, found {error}") };
        assert!(matches!(&**cause, PublishError::Unknown { records, .. } if *records == batch.len()), "{error}");
        assert!(error.is_out_of_reach() && error.to_string().contains("is unknown"), "{error}");
        server.resume();
        let answers = wait_for("the broker's answer", || match log.append(&batch) {
            Ok(answers) => Some(answers),
            Err(error) if error.is_out_of_reach() => None,
            Err(error) => panic!("{error}"),
        });
        let positions: Vec<_> = answers.iter().map(|answer| answer.position).collect();
        let first = answers[0].position.get();
        assert_eq!(positions, (first..).map(at).take(batch.len()).collect::<Vec<_>>());
    }
    assert_eq!(log.head().unwrap(), Some(at(40)));
    let ids: Vec<_> = log.read(at(1), 99).unwrap().into_iter().map(|stored| stored.record.id).collect();
    assert_eq!(ids, records(1..=40).iter().map(|record| record.id).collect::<Vec<_>>());
}

#[test]
fn another_writer_of_the_same_ids_is_noticed_within_the_brokers_memory() {
    let (_server, stream) = stream();
    let folder = TempDir::new().unwrap();
    let (mut first, mut second) = (log(&stream, &folder, "1.sqlite"), log(&stream, &folder, "2.sqlite"));
    first.append(&records(1..=1)).unwrap();
    second.append(&records(2..=2)).unwrap();
    first.append(&records(3..=3)).unwrap();
    // The second's copy does not know of 3, and believes itself to be complete.
    assert_eq!(second.append(&[record(3)]).unwrap(), [present(3)]);
    first.append(&records(4..=5)).unwrap();
    let other = Record { bytes: b"{}".to_vec(), ..record(5) };
    match second.append(&[record(6), other]) {
        Err(AppendError::Conflict(conflict)) => {
            assert_eq!(
                (conflict.id, conflict.with, conflict.field),
                (record(5).id, ConflictWith::Stored(at(5)), Field::Bytes)
            );
            let digests = [&record(5).bytes[..], b"{}"].map(|bytes| <[u8; 32]>::from(Sha256::digest(bytes)));
            assert_eq!([conflict.stored_sha256, conflict.offered_sha256], digests);
        }
        other => panic!("expected a conflict, found {other:?}"),
    }
    assert_eq!(first.head().unwrap(), Some(at(5)));
    // One of a thousand is known.
    first.append(&records(500..=500)).unwrap();
    let answers = second.append(&records(100..=1_099)).unwrap();
    assert_eq!(answers.iter().filter(|answer| answer.outcome == Outcome::AlreadyPresent).count(), 1);
    assert_eq!((answers[400], answers[0], answers[999]), (present(6), stored(7), stored(1_005)));
    assert_eq!(second.head().unwrap(), Some(at(1_005)));
}

#[test]
fn an_id_is_known_beyond_the_brokers_memory_and_a_double_has_both_positions() {
    let (_server, stream) = stream();
    let folder = TempDir::new().unwrap();
    let mut log = log(&stream, &folder, "copy.sqlite");
    log.append(&records(1..=2)).unwrap();
    // The broker forgets at once from now on.
    let broker = stream.broker();
    let mut config = super::super::guarantees::wanted(region(), 1);
    config.duplicate_window = Duration::from_millis(100);
    let context = broker.context();
    broker.runtime().block_on(async { context.update_stream(config).await }).unwrap();
    // A publisher without a copy does what it must not.
    wait_for("the broker to forget", || stream.publish(&[record(1)]).ok());
    assert_eq!(log.find(record(1).id).unwrap(), [at(1), at(3)]);
    assert_eq!(log.append(&[record(1), record(3)]).unwrap(), [present(1), stored(4)]);
    let mut fresh = self::log(&stream, &folder, "fresh.sqlite");
    assert_eq!(fresh.append(&records(1..=4)).unwrap(), [present(1), present(2), present(4), stored(5)]);
}

#[test]
fn a_stream_and_a_copy_of_different_origin_are_refused() {
    let (_server, stream) = stream();
    stream.publish(&records(1..=3)).unwrap();
    let folder = TempDir::new().unwrap();
    let mut copy = Embedded::create(folder.path().join("copy.sqlite")).unwrap();
    copy.append(&records(1..=4)).unwrap();
    let mut log = JetStream::new(stream, copy).unwrap();
    let error = log.append(&[record(5)]).unwrap_err();
    assert!(
        matches!(&error, AppendError::Read(ReadError::Stream(cause)) if matches!(&**cause, TailError::HeadWentBack { .. })),
        "{error}"
    );
}
