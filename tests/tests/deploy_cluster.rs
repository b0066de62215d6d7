//! A cluster of three brokers as such, below any node: what it has acknowledged, it keeps, whatever happens to one of its servers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use async_nats::jetstream::stream::{self, StorageType};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions};
use fengsui_tests::{Cluster, SERVERS, until};
use tokio::runtime::Runtime;

const STREAM: &str = "FENGSUI_350600";

/// A client of a cluster, and what it knows to be acknowledged.
struct Publisher {
    runtime: Runtime,
    context: Context,
    client: Client,
    acknowledged: Vec<u64>,
    next: u64,
}

impl Publisher {
    fn connect(cluster: &Cluster) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let options =
            ConnectOptions::new().connection_timeout(Duration::from_secs(5)).ping_interval(Duration::from_secs(1));
        let client = runtime.block_on(options.connect(cluster.urls())).unwrap();
        let mut context = runtime.block_on(async { jetstream::new(client.clone()) });
        context.set_timeout(Duration::from_secs(2));
        let publisher = Self { runtime, context, client, acknowledged: Vec::new(), next: 1 };
        publisher.create_stream();
        publisher
    }

    fn create_stream(&self) {
        let config = stream::Config {
            name: STREAM.to_owned(),
            subjects: vec!["fengsui.350600.>".to_owned()],
            storage: StorageType::File,
            num_replicas: SERVERS,
            deny_delete: true,
            deny_purge: true,
            duplicate_window: Duration::from_mins(2),
            ..stream::Config::default()
        };
        until("the stream", || self.runtime.block_on(self.context.get_or_create_stream(config.clone())).ok());
    }

    /// Publishes so many messages, each again and again until it is acknowledged.
    fn publish(&mut self, messages: u64) {
        for _ in 0..messages {
            let number = self.next;
            self.next += 1;
            until("an acknowledgement", || self.runtime.block_on(self.publish_once(number)));
            self.acknowledged.push(number);
        }
    }

    async fn publish_once(&self, number: u64) -> Option<()> {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", number.to_string());
        let subject = "fengsui.350600.fire.violation.reported";
        let sent = self.context.publish_with_headers(subject, headers, number.to_string().into()).await.ok()?;
        sent.await.ok().map(|_| ())
    }

    /// All that the stream holds.
    fn read(&self) -> Vec<u64> {
        self.runtime.block_on(async {
            let stream = self.context.get_stream(STREAM).await.unwrap();
            let last = stream.cached_info().state.last_sequence;
            let mut found = Vec::new();
            for sequence in 1..=last {
                let message = stream.get_raw_message(sequence).await.unwrap();
                found.push(String::from_utf8(message.payload.to_vec()).unwrap().parse().unwrap());
            }
            found
        })
    }

    #[track_caller]
    fn assert_nothing_lost(&self, cluster: &Cluster) {
        cluster.wait_until_in_step(STREAM);
        assert_eq!(self.read(), self.acknowledged, "the stream holds what was acknowledged, once and in order");
    }
}

#[test]
fn a_leader_cut_off_from_its_peers_gives_way_and_nothing_acknowledged_is_lost() {
    let cluster = Cluster::start();
    let mut publisher = Publisher::connect(&cluster);
    publisher.publish(20);
    let former = cluster.leader_of(STREAM);
    cluster.silence_from_peers(former);
    let leader = until("another leader", || cluster.leader_except(STREAM, Some(former)));
    assert_ne!(leader, former);
    // The client may hang on the one that is cut off, and has to go elsewhere.
    cluster.cut_from_clients(former);
    publisher.publish(20);
    cluster.heal(former);
    publisher.publish(20);
    publisher.assert_nothing_lost(&cluster);
}

#[test]
fn a_server_whose_disk_is_lost_is_filled_again_by_the_others() {
    let mut cluster = Cluster::start();
    let mut publisher = Publisher::connect(&cluster);
    publisher.publish(30);
    let lost = cluster.leader_of(STREAM);
    cluster.kill(lost);
    cluster.wipe_store(lost);
    publisher.publish(10);
    cluster.restart(lost);
    publisher.assert_nothing_lost(&cluster);
    // It can stand in for another one now.
    let other = (lost + 1) % SERVERS;
    cluster.kill(other);
    publisher.publish(10);
    cluster.restart(other);
    publisher.assert_nothing_lost(&cluster);
}

#[test]
fn an_upgrade_one_server_after_another_loses_nothing() {
    let mut cluster = Cluster::start();
    let mut publisher = Publisher::connect(&cluster);
    for _ in 0..2 {
        publisher.publish(15);
        cluster.rolling_restart();
    }
    publisher.publish(15);
    publisher.assert_nothing_lost(&cluster);
    assert!(
        publisher.client.statistics().connects.load(std::sync::atomic::Ordering::Relaxed) > 1,
        "the client had to move"
    );
}

#[test]
fn no_server_knows_a_way_around_the_cables() {
    let cluster = Cluster::start();
    for server in 0..SERVERS {
        cluster.isolate(server);
        let routes = || cluster.monitor(server, "/routez").unwrap()["num_routes"].as_u64();
        until("no route", || (routes() == Some(0)).then_some(()));
        cluster.heal(server);
        cluster.wait_until_healthy();
        until("routes", || (routes() > Some(0)).then_some(()));
    }
}
