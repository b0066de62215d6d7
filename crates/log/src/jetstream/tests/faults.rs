//! What goes wrong between a node and its broker, with a real broker.

use super::*;

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
    assert_eq!(broker.server_version().as_deref(), Some("2.15.1"));
}
