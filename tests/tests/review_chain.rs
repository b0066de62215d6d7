//! A node whose chain on the log goes on where its outbox does not: an older outbox was put back, or two nodes run under one number.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use fengsui_tests::{City, OFFICE};

/// Copies an outbox with what belongs to it, in the place of what is there.
fn put(from: &Path, to: &Path) {
    for name in ["outbox.sqlite", "outbox.sqlite-wal", "outbox.sqlite-shm"] {
        let _ = fs::remove_file(to.join(name));
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

fn put_aside(city: &City, name: &str) -> PathBuf {
    let aside = city.folder(OFFICE).path().join(name);
    fs::create_dir(&aside).unwrap();
    put(&city.folder(OFFICE).data(""), &aside);
    aside
}

#[test]
fn an_older_outbox_is_told_by_the_running_node_and_the_newest_ends_the_alarm() {
    let city = City::prepared(&["fire", "housing"]);
    let data = city.folder(OFFICE).data("");
    let older = put_aside(&city, "older");
    city.start_node(OFFICE);
    city.line(OFFICE, "agency suspend fire --reason x").ok();
    let head = city.await_settled();
    city.stop_node(OFFICE);
    let newest = put_aside(&city, "newest");

    put(&older, &data);
    city.start_node(OFFICE);
    let status = city.await_status(OFFICE, "an alarm", |status| !status.alarms.is_empty());
    let codes: Vec<_> = status.alarms.iter().map(|alarm| alarm.code.as_str()).collect();
    assert_eq!(codes, ["chain_differs"], "{status:#?}");
    let refused = city.line(OFFICE, "agency suspend housing --reason x").exits(5);
    refused.says(&["older backup", "a node with a new number"]);
    city.stop_node(OFFICE);

    put(&newest, &data);
    city.start_node(OFFICE);
    city.await_status(OFFICE, "health", |status| status.broker.connected && status.log.applied == head);
    let status = city.await_status(OFFICE, "no alarm", |status| status.alarms.is_empty());
    assert_eq!(status.log.stream, head, "nothing was published by the older outbox");
}

#[test]
fn a_node_whose_outbox_was_lost_does_not_begin_its_chain_again() {
    let city = City::prepared(&["fire", "housing"]);
    let data = city.folder(OFFICE).data("");
    city.start_node(OFFICE);
    city.await_settled();
    city.stop_node(OFFICE);
    fs::remove_file(data.join("outbox.sqlite")).unwrap();
    city.line(OFFICE, "node run").exits(1).says(&["outbox.sqlite", "restore it from a backup"]);
    assert!(!data.join("outbox.sqlite").exists());
}
