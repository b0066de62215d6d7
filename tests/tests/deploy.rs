//! The configurations of nats-server under `deploy/` do what docs/deploy.md says, with certificates that its script made.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod deployed;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::{Client, Event};
use deployed::{AUTHORITY, City, STREAM, anonymous, connect, context, region};
use fengsui_event::EventId;
use fengsui_log::jetstream::{Broker, Stream, Tail};
use fengsui_log::{Position, Record};
use fengsui_node::connection_key::ConnectionKey;
use fengsui_tests::{BrokerProcess, Cable, until};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

/// What the server said to a client about a subject.
struct Refusals(mpsc::UnboundedReceiver<String>);

impl Refusals {
    /// Waits for the refusal of one subject.
    async fn of(&mut self, subject: &str) {
        loop {
            let said = tokio::time::timeout(Duration::from_secs(30), self.0.recv()).await;
            let said = said.unwrap_or_else(|_| panic!("no refusal of {subject}")).unwrap();
            if said
                .to_lowercase()
                .contains(&format!("permissions violation for publish to \"{}\"", subject.to_lowercase()))
            {
                break;
            }
        }
    }
}

/// An agency's connection, and what the server refuses on it.
async fn agency(city: &City, agency: &str, server: &BrokerProcess) -> (Client, Refusals) {
    let (tell, told) = mpsc::unbounded_channel();
    let options = city.options(agency).event_callback(move |event| {
        let tell = tell.clone();
        async move {
            if let Event::ServerError(error) = event {
                let _ = tell.send(error.to_string());
            }
        }
    });
    (connect(options, server).await.unwrap(), Refusals(told))
}

/// Publishes, and says at which position the stream holds it.
async fn publish(client: &Client, subject: &str) -> u64 {
    let sent = context(client).publish(subject.to_owned(), "{}".into()).await.unwrap();
    sent.await.unwrap_or_else(|error| panic!("{subject}: {error}")).sequence
}

/// Reads the whole stream in order, as a following node does.
async fn subjects(client: &Client, reader: &str) -> Vec<String> {
    let stream = context(client).get_stream_no_info(STREAM).await.unwrap();
    let last = stream.get_info().await.unwrap().state.messages;
    let mut messages = stream.create_consumer(consumer(reader)).await.unwrap().messages().await.unwrap();
    let mut found = Vec::new();
    while (found.len() as u64) < last {
        found.push(next(&mut messages).await.subject.to_string());
    }
    found
}

/// Reads without acknowledging. Without a name, the request would have another subject than the one that is permitted.
fn consumer(name: &str) -> pull::Config {
    pull::Config { name: Some(name.to_owned()), ack_policy: AckPolicy::None, ..pull::Config::default() }
}

async fn next(messages: &mut pull::Stream) -> jetstream::Message {
    tokio::time::timeout(Duration::from_secs(30), messages.next()).await.expect("a message").unwrap().unwrap()
}

/// As the authority's node makes it.
async fn create_stream(city: &City, server: &BrokerProcess, replicas: usize) {
    let options = city.broker_options(AUTHORITY, server);
    let create = move || Stream::create(&Broker::connect(options).unwrap(), region(), replicas).map(|_| ()).unwrap();
    tokio::task::spawn_blocking(create).await.unwrap();
}

#[tokio::test]
async fn a_server_lets_in_who_has_a_certificate_and_a_registered_key() {
    let city = City::new();
    let server = city.single();
    let (client, _) = agency(&city, "fire", &server).await;
    assert!(client.server_info().tls_required);

    let authority = city.path("pki/ca.crt");
    let without_certificate = connect(anonymous(&authority, city.seed("fire")), &server).await;
    assert!(without_certificate.is_err(), "the key alone does not let in");
    let stranger = ConnectionKey::generate().unwrap().seed().unwrap().to_string();
    let with_another_key = connect(city.options_with("fire", stranger), &server).await.unwrap_err();
    assert_eq!(with_another_key.kind(), async_nats::ConnectErrorKind::AuthorizationViolation);

    // A certificate of another city.
    let other = City::new();
    let tls = other.path("pki/clients/fire");
    let foreign =
        anonymous(&authority, city.seed("fire")).add_client_certificate(tls.join("client.crt"), tls.join("client.key"));
    assert!(connect(foreign, &server).await.is_err(), "a certificate that this city's authority did not sign");
}

#[tokio::test]
async fn a_server_syncs_every_write_and_keeps_to_its_limits() {
    let city = City::new();
    let server = city.single();
    let state = server.monitor("/varz").unwrap();
    assert_eq!(state["jetstream"]["config"]["sync_always"], true);
    assert_eq!(state["max_payload"], 1024 * 1024);
    assert_eq!(state["tls_verify"], true);
    assert_eq!(state["leaf"]["tls_verify"], true);
    assert_eq!(state["server_name"], "nats-a");
    assert!(state["http_host"].as_str().unwrap().starts_with("127.0.0.1"), "monitoring is for this machine only");
}

#[tokio::test]
async fn an_agency_publishes_only_under_its_own_prefix() {
    let city = City::new();
    let server = city.single();
    let (authority, _) = agency(&city, AUTHORITY, &server).await;
    create_stream(&city, &server, 1).await;
    let (fire, mut refusals) = agency(&city, "fire", &server).await;

    assert_eq!(publish(&fire, "fengsui.350600.fire.violation.reported").await, 1);
    for subject in ["fengsui.350600.police.violation.reported", "fengsui.350500.fire.violation.reported", "fengsui"] {
        fire.publish(subject, "{}".into()).await.unwrap();
        refusals.of(subject).await;
    }
    assert_eq!(publish(&authority, "fengsui.350600.joint-office.rulebook.published").await, 2);
    let expected = ["fengsui.350600.fire.violation.reported", "fengsui.350600.joint-office.rulebook.published"];
    assert_eq!(subjects(&fire, "all").await, expected);
}

#[tokio::test]
async fn nobody_deletes_what_the_stream_holds_and_only_the_authority_makes_it() {
    let city = City::new();
    let server = city.single();
    let (fire, mut fire_refusals) = agency(&city, "fire", &server).await;
    for request in
        ["STREAM.CREATE", "STREAM.UPDATE", "STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE", "STREAM.SNAPSHOT"]
    {
        let subject = format!("$JS.API.{request}.{STREAM}");
        fire.publish(subject.clone(), "".into()).await.unwrap();
        fire_refusals.of(&subject).await;
    }
    let (authority, mut refusals) = agency(&city, AUTHORITY, &server).await;
    create_stream(&city, &server, 1).await;
    for request in ["STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE"] {
        let subject = format!("$JS.API.{request}.{STREAM}");
        authority.publish(subject.clone(), "".into()).await.unwrap();
        refusals.of(&subject).await;
    }
}

#[tokio::test]
async fn replies_to_an_agency_are_for_that_agency() {
    let city = City::new();
    let server = city.single();
    let options = city.options("fire").custom_inbox_prefix("_INBOX_police");
    let eavesdropper = connect(options, &server).await.unwrap();
    let request = tokio::time::timeout(Duration::from_secs(2), eavesdropper.request("$JS.API.INFO", "".into())).await;
    assert!(!matches!(request, Ok(Ok(_))), "fire reads what is answered to police");
}

#[tokio::test]
async fn an_agency_behind_a_leaf_writes_and_reads_the_city_s_stream() {
    let city = City::new();
    let hub = city.single();
    let (authority, _) = agency(&city, AUTHORITY, &hub).await;
    create_stream(&city, &hub, 1).await;
    assert_eq!(publish(&authority, "fengsui.350600.joint-office.agency.registered").await, 1);

    let leaf_port = hub.monitor("/varz").unwrap()["leaf"]["port"].as_u64().unwrap();
    let line = Cable::to(format!("127.0.0.1:{leaf_port}").parse().unwrap());
    let leaf = start_leaf(&city, &line);
    let (fire, mut refusals) = agency(&city, "fire", &leaf).await;
    until("the way through the leaf", || carries_all(&leaf));
    for request in ["INFO", "STREAM.INFO.FENGSUI_350600", "STREAM.MSG.GET.FENGSUI_350600", "DIRECT.GET.FENGSUI_350600"]
    {
        let answer = fire.request(format!("$JS.API.{request}"), "{\"seq\":1}".into()).await.unwrap();
        assert!(!answer.payload.is_empty() && !answer.payload.starts_with(b"{\"error\""), "{request}: {answer:?}");
    }
    assert_eq!(publish(&fire, "fengsui.350600.fire.violation.reported").await, 2);
    assert_eq!(subjects(&fire, "before").await.len(), 2);

    // What is not the agency's goes nowhere: its own server refuses it, and lets no other agency in.
    fire.publish("fengsui.350600.police.violation.reported", "{}".into()).await.unwrap();
    refusals.of("fengsui.350600.police.violation.reported").await;
    assert!(connect(city.options("police"), &leaf).await.is_err());
    // By the leaf's own way of asking, nobody gets more than by the plain one.
    let (direct, _) = agency(&city, "fire", &hub).await;
    for client in [&fire, &direct] {
        let deletion = client.request("$JS.fengsui.API.STREAM.DELETE.FENGSUI_350600", "".into());
        assert!(!matches!(tokio::time::timeout(Duration::from_secs(5), deletion).await, Ok(Ok(_))));
    }

    // The line breaks and comes back: what is published then is on the stream again, and nothing of police's.
    line.cut();
    until("the end of the line", || (hub.monitor("/leafz")?["leafnodes"] == 0).then_some(()));
    line.mend();
    until("the way again", || carries_all(&leaf));
    assert_eq!(publish(&fire, "fengsui.350600.fire.violation.amended").await, 3);
    assert_eq!(subjects(&fire, "after").await.len(), 3);
}

#[test]
fn a_node_s_own_client_works_behind_a_leaf() {
    let city = City::new();
    let hub = city.single();
    let authority = Broker::connect(city.broker_options(AUTHORITY, &hub)).unwrap();
    Stream::create(&authority, region(), 1).unwrap();
    let leaf_port = hub.monitor("/varz").unwrap()["leaf"]["port"].as_u64().unwrap();
    let line = Cable::to(format!("127.0.0.1:{leaf_port}").parse().unwrap());
    let leaf = start_leaf(&city, &line);
    until("the way through the leaf", || carries_all(&leaf));

    // Every guarantee of the stream is checked through the leaf, and an atomic batch goes through it whole.
    let fire = Broker::connect(city.broker_options("fire", &leaf)).unwrap();
    let stream = Stream::open(&fire, region()).unwrap();
    let first = records(1..=1_200);
    let positions = stream.publish(&first).unwrap();
    assert_eq!(positions.iter().map(|position| position.get()).collect::<Vec<_>>(), (1..=1_200).collect::<Vec<_>>());
    let mut tail = stream.tail(Position::FIRST);
    assert_eq!(taken(&mut tail, first.len()), first);

    // A line that was cut: the same connection and the same tail go on.
    line.cut();
    until("the end of the line", || (hub.monitor("/leafz")?["leafnodes"] == 0).then_some(()));
    assert!(stream.publish(&records(1_201..=1_210)).unwrap_err().is_out_of_reach());
    line.mend();
    until("the way again", || carries_all(&leaf));
    let second = records(1_301..=1_310);
    until("a publication", || stream.publish(&second).ok());
    assert_eq!(taken(&mut tail, second.len()), second);
    assert_eq!(stream.state().unwrap().messages, 1_210);
}

fn records(numbers: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    let record = |number: u64| Record {
        id: EventId::from_bytes(u128::from(number).to_be_bytes()),
        subject: "fengsui.350600.fire.violation.reported".to_owned(),
        bytes: format!("{{\"number\":{number}}}").into_bytes(),
        signature: vec![7; 64],
    };
    numbers.map(record).collect()
}

fn taken(tail: &mut Tail, records: usize) -> Vec<Record> {
    let mut found = Vec::new();
    until("all records", || {
        found.extend(
            tail.next(1_000, Duration::from_millis(200)).unwrap_or_default().into_iter().map(|stored| stored.record),
        );
        (found.len() >= records).then_some(())
    });
    found
}

/// Whether a leaf knows all that the hub listens to. It learns one subject after another.
fn carries_all(leaf: &BrokerProcess) -> Option<()> {
    let report = leaf.monitor("/leafz?subs=true")?;
    let known = report["leafs"][0]["subscriptions_list"].as_array()?;
    let requests = ["INFO", "STREAM.>", "DIRECT.>", "CONSUMER.>"].map(|request| format!("$JS.fengsui.API.{request}"));
    let mut wanted = requests.into_iter().chain(["fengsui.350600.fire.>".to_owned()]);
    wanted.all(|subject| known.iter().any(|listed| *listed == subject)).then_some(())
}

/// A server at the fire brigade's site, whose only way out is the line.
fn start_leaf(city: &City, line: &Cable) -> BrokerProcess {
    city.make(&["leaf", "fire", "localhost", "127.0.0.1"]).ok();
    let etc = city.etc("leaf-fire", &city.path("pki/leaves/fire"), &city.leaf_users("fire"));
    let key = etc.join("leaf-key.conf");
    fs::write(&key, format!("nkey: \"{}\"\n", city.seed("fire"))).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let remotes = format!("[tls://{}]", line.address());
    BrokerProcess::start(City::server(&etc, "leaf.conf", &[("NATS_LEAF_REMOTES", &remotes)]), &etc)
}

#[tokio::test]
async fn three_servers_elect_a_leader_and_hold_the_stream_three_times() {
    let city = City::new();
    let lines: Vec<Cable> = (0..3).map(|_| Cable::new()).collect();
    let urls: Vec<String> = lines.iter().map(|line| format!("tls://{}", line.address())).collect();
    let routes = format!("[{}]", urls.join(","));
    let servers: Vec<BrokerProcess> = ["nats-a", "nats-b", "nats-c"]
        .iter()
        .zip(&lines)
        .map(|(name, line)| {
            let etc = city.etc(name, &city.server_certificates(name), &city.accounts());
            let server =
                BrokerProcess::start(City::server(&etc, "cluster.conf", &[("NATS_CLUSTER_ROUTES", &routes)]), &etc);
            line.lead_to(server.routes().unwrap());
            server
        })
        .collect();
    for server in &servers {
        until("health", || (server.monitor("/healthz")?["status"] == "ok").then_some(()));
    }
    create_stream(&city, &servers[0], 3).await;
    let (fire, _) = agency(&city, "fire", &servers[1]).await;
    assert_eq!(publish(&fire, "fengsui.350600.fire.violation.reported").await, 1);
    let info = context(&fire).get_stream_no_info(STREAM).await.unwrap().get_info().await.unwrap();
    let cluster = info.cluster.unwrap();
    assert!(cluster.leader.unwrap().starts_with("nats-"));
    assert_eq!(cluster.replicas.len(), 2);
    for server in &servers {
        until("a copy on each server", || (server.monitor("/jsz")?["messages"] == 1).then_some(()));
    }
}

#[test]
fn an_agency_s_certificate_does_not_open_the_cluster() {
    let city = City::new();
    let line = Cable::new();
    let routes = format!("[tls://{}]", line.address());
    let etc = city.etc("nats-a", &city.server_certificates("nats-a"), &city.accounts());
    let member = BrokerProcess::start(City::server(&etc, "cluster.conf", &[("NATS_CLUSTER_ROUTES", &routes)]), &etc);
    line.lead_to(member.routes().unwrap());

    // A server that would join with the certificate of an agency's leaf, which the city's own authority has signed.
    city.make(&["leaf", "fire", "localhost", "127.0.0.1"]).ok();
    let intruder_etc = city.etc("intruder", &city.path("pki/leaves/fire"), &city.accounts());
    let tls = intruder_etc.join("tls");
    for (from, to) in [("client.crt", "cluster.crt"), ("client.key", "cluster.key"), ("ca.crt", "cluster-ca.crt")] {
        fs::copy(tls.join(from), tls.join(to)).unwrap();
    }
    let command = City::server(&intruder_etc, "cluster.conf", &[("NATS_CLUSTER_ROUTES", &routes)]);
    let intruder = BrokerProcess::start(command, &intruder_etc);
    until("the refusal", || {
        let log = fs::read_to_string(intruder_etc.join("log")).ok()?;
        log.contains("TLS route handshake error").then_some(())
    });
    assert_eq!(intruder.monitor("/routez").unwrap()["num_routes"], 0);
    assert_eq!(member.monitor("/routez").unwrap()["num_routes"], 0);
}
