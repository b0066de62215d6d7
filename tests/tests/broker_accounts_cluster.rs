//! The accounts of an exchange on a cluster, whose servers read them again one after the other.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use fengsui_event::{EventId, RegionCode};
use fengsui_log::jetstream::{Broker, BrokerOptions, Stream};
use fengsui_log::{Position, Record};
use fengsui_node::broker_accounts::{Member, accounts};
use fengsui_node::connection_key::ConnectionKey;
use fengsui_tests::{Cluster, Folder, SERVERS, signal, until};

fn region() -> RegionCode {
    "350600".parse().unwrap()
}

fn record(number: u8, subject: &str) -> Record {
    let id = EventId::from_parts(1_700_000_000_000, [number; 10]);
    Record { id, subject: subject.to_owned(), bytes: b"{}".to_vec(), signature: vec![0; 64] }
}

#[test]
fn an_agency_comes_into_a_cluster_whose_servers_read_the_accounts_one_after_the_other() {
    let folder = Folder::new();
    let key = || ConnectionKey::generate().unwrap();
    let (office_key, fire_key) = (key(), key());
    let member = |agency: &str, key: &ConnectionKey| Member {
        agency: agency.parse().unwrap(),
        node: 1,
        connection_key: key.public(),
    };
    let mut members = vec![member("joint-office", &office_key)];
    let write = |members: &[Member]| {
        let text = accounts(region(), "joint-office".parse().unwrap(), members);
        folder.write("accounts.conf", text);
    };
    write(&members);
    // The server takes every path of an `include` from the folder of its own configuration.
    let beside = folder.path().file_name().unwrap().to_str().unwrap();
    let cluster = Cluster::start_with(&format!("include \"../../{beside}/accounts.conf\"\n"));
    let connect = |agency: &str, key: &ConnectionKey, server: usize| {
        let options = BrokerOptions {
            servers: vec![cluster.url(server)],
            seed: Some(key.seed().unwrap()),
            inbox_prefix: Some(format!("_INBOX_{agency}")),
            ..BrokerOptions::default()
        };
        Broker::connect(options).ok()
    };
    let office = until("the authority's connection", || connect("joint-office", &office_key, 0));
    let stream = until("the stream", || Stream::create(&office, region(), 3).ok());
    let mut tail = stream.tail(Position::FIRST);

    members.push(member("fire", &fire_key));
    write(&members);
    for _ in 0..2 {
        for server in 0..SERVERS {
            signal(cluster.process(server).unwrap(), "HUP");
            // That it lets the agency in shows that it has read the file.
            until("the agency's connection", || connect("fire", &fire_key, server));
        }
    }
    for (server, number) in (0..SERVERS).zip(1..) {
        let subject = format!("fengsui.350600.fire.case.number-{number}");
        let broker = connect("fire", &fire_key, server).unwrap();
        let through = until("the stream through each server", || Stream::open(&broker, region()).ok());
        until("an acknowledgement through each server", || through.publish(&[record(number, &subject)]).ok());
        let read = through.read(Position::FIRST, 10).unwrap();
        assert_eq!(read.last().unwrap().record.as_ref().unwrap().subject, subject);
    }
    let mut read = 0;
    until("the reader that was there before", || {
        read += tail.next_messages(10, Duration::from_secs(1)).unwrap().len();
        (read >= SERVERS).then_some(())
    });
}
