//! A stream that does not promise everything is refused, each promise by its name.

use async_nats::jetstream::stream::{
    Config, DiscardPolicy, PersistenceMode, Republish, RetentionPolicy, Source, StorageType, SubjectTransform,
};

use super::super::guarantees::{Server, missing, wanted};
use super::*;

const SINGLE: Server<'_> = Server { version: "2.15.1", is_clustered: false, max_payload: 1 << 20 };

fn names(missing: &[MissingGuarantee]) -> Vec<&'static str> {
    missing.iter().map(|one| one.what).collect()
}

fn refused(change: impl FnOnce(&mut Config)) -> Vec<MissingGuarantee> {
    let mut config = wanted(region(), 1);
    change(&mut config);
    missing(region(), SINGLE, &config)
}

#[test]
fn what_this_program_makes_lacks_nothing() {
    assert_eq!(refused(|_| {}), []);
}

#[test]
fn each_promise_that_is_missing_is_named() {
    type Change = fn(&mut Config);
    let cases: [(&str, Change); 26] = [
        ("storage", |config| config.storage = StorageType::Memory),
        ("retention", |config| config.retention = RetentionPolicy::WorkQueue),
        ("retention", |config| config.retention = RetentionPolicy::Interest),
        ("mirror", |config| config.mirror = Some(Source::default())),
        ("sealed", |config| config.sealed = true),
        ("max_msgs", |config| config.max_messages = 1_000),
        ("max_bytes", |config| config.max_bytes = 1 << 30),
        ("max_age", |config| config.max_age = Duration::from_hours(24)),
        ("max_msgs_per_subject", |config| config.max_messages_per_subject = 1),
        ("max_consumers", |config| config.max_consumers = 8),
        ("max_msg_size", |config| config.max_message_size = 1_024),
        ("discard", |config| config.discard = DiscardPolicy::Old),
        ("first_seq", |config| config.first_sequence = Some(100)),
        ("persist_mode", |config| config.persist_mode = Some(PersistenceMode::Async)),
        ("deny_delete", |config| config.deny_delete = false),
        ("deny_purge", |config| config.deny_purge = false),
        ("allow_rollup_hdrs", |config| config.allow_rollup = true),
        ("allow_msg_ttl", |config| config.allow_message_ttl = true),
        ("allow_msg_schedules", |config| config.allow_message_schedules = true),
        ("allow_msg_counter", |config| config.allow_message_counter = true),
        ("subjects", |config| config.subjects.push("fengsui.350200.>".to_owned())),
        ("allow_atomic", |config| config.allow_atomic_publish = false),
        ("allow_direct", |config| config.allow_direct = false),
        ("no_ack", |config| config.no_ack = true),
        ("duplicate_window", |config| config.duplicate_window = Duration::from_secs(119)),
        ("sources", |config| config.sources = Some(vec![Source::default()])),
    ];
    for (what, change) in cases {
        assert_eq!(names(&refused(change)), [what]);
    }
    let republish = Republish { source: ">".to_owned(), destination: "copy.>".to_owned(), headers_only: false };
    assert_eq!(names(&refused(|config| config.republish = Some(republish))), ["republish"]);
    let transform = SubjectTransform { source: ">".to_owned(), destination: "x.>".to_owned() };
    assert_eq!(names(&refused(|config| config.subject_transform = Some(transform))), ["subject_transform"]);
}

#[test]
fn a_server_that_is_too_old_and_too_few_replicas_are_named() {
    let check = |version, is_clustered, replicas| {
        let found = missing(region(), Server { version, is_clustered, ..SINGLE }, &wanted(region(), replicas));
        names(&found)
    };
    assert_eq!(check("2.15.0", false, 1), [""; 0]);
    assert_eq!(check("2.16.0-RC.1", false, 1), [""; 0]);
    assert_eq!(check("3.0.0", true, 5), [""; 0]);
    for old in ["2.14.9", "2.9.10", "1.99.0", "", "new"] {
        assert_eq!(check(old, false, 1), ["version of nats-server"], "{old:?}");
    }
    assert_eq!(check("2.15.1", true, 3), [""; 0]);
    assert_eq!(check("2.15.1", true, 1), ["num_replicas"]);
}

#[test]
fn a_server_that_does_not_take_the_largest_event_is_refused_before_one_is_stuck() {
    let server = NatsServer::start_with_config("max_payload: 65536\n");
    let BrokerError::Guarantees { missing, .. } = Stream::create(&broker(&server), region(), 1).unwrap_err() else {
        panic!("expected a missing guarantee")
    };
    assert_eq!((names(&missing), missing[0].found.as_str()), (vec!["max_payload"], "65536"));
    assert!(missing[0].mend.contains("max_payload: 1048576"), "{}", missing[0].mend);
}

#[test]
fn a_real_stream_that_lacks_several_is_refused_with_all_of_them_and_never_changed() {
    let server = NatsServer::start();
    let broker = broker(&server);
    let weak = Config {
        name: stream_name(region()),
        subjects: vec![subjects(region())],
        max_age: Duration::from_hours(1),
        duplicate_window: Duration::from_secs(1),
        ..Config::default()
    };
    let context = broker.context();
    broker.runtime().block_on(async { context.create_stream(weak).await }).unwrap();
    for _ in 0..2 {
        let error = Stream::create(&broker, region(), 1).unwrap_err();
        let text = error.to_string();
        let BrokerError::Guarantees { stream, missing } = error else { panic!("expected missing guarantees: {text}") };
        assert_eq!(stream, "FENGSUI_350600");
        assert_eq!(
            names(&missing),
            ["max_age", "discard", "deny_delete", "deny_purge", "allow_atomic", "allow_direct", "duplicate_window"]
        );
        for line in [r#""deny_delete": true"#, r#""discard": "new""#, r#""duplicate_window": 600000000000"#] {
            assert!(text.contains(line) && text.contains("nats stream edit FENGSUI_350600"), "{text}");
        }
    }
}

#[test]
fn a_region_without_a_stream_and_a_server_without_jetstream_are_told_apart() {
    let server = NatsServer::start();
    let error = Stream::open(&broker(&server), region()).unwrap_err();
    assert!(matches!(&error, BrokerError::NoStream { stream } if stream == "FENGSUI_350600"), "{error}");

    // An account of its own has JetStream only when it is given it.
    let key = nkeys::KeyPair::new_user();
    let server = NatsServer::start_with_config(&format!(
        "accounts {{ CITY {{ users: [{{ nkey: {} }}] }} }}\n",
        key.public_key()
    ));
    let seed = Some(zeroize::Zeroizing::new(key.seed().unwrap()));
    let broker = Broker::connect(BrokerOptions { seed, ..options(&server) }).unwrap();
    let error = Stream::create(&broker, region(), 1).unwrap_err();
    assert!(matches!(error, BrokerError::NoJetStream { .. }), "{error}");
    assert!(error.to_string().contains("sync_interval: always"), "{error}");
}
