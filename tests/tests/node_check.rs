//! `node check` as a monitoring system meets it: one line and the exit codes of its plugins.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use fengsui_log::conformance::server::NatsServer;
use fengsui_tests::{Folder, Ran, RunningNode, until};

fn check(folder: &Folder, more: &[&str]) -> Ran {
    folder.run(["node", "check"].iter().chain(more))
}

/// The state and the text before the numbers; and that it is one line.
#[track_caller]
fn line(ran: &Ran) -> String {
    assert_eq!(ran.stdout.lines().count(), 1, "{ran}");
    assert_eq!(ran.stderr, "", "{ran}");
    ran.stdout.split(" | ").next().unwrap().trim_end().to_owned()
}

#[test]
fn a_node_is_ok_then_cut_off_then_gone() {
    let server = NatsServer::start();
    let office = Folder::new();
    let url = server.url();
    office.run(["init", "--region", "350600", "--agency", "joint-office", "--authority", "--server", &url]).ok();
    let ran = check(&office, &[]).exits(2);
    assert_eq!(line(&ran), "FENGSUI CRITICAL - the node does not run");

    let mut node = RunningNode::start(&office);
    node.await_ready();
    // The disk is the tester's.
    let ran = check(&office, &["--disk", "0,0"]).exits(0);
    assert_eq!(line(&ran), "FENGSUI OK - runs and is ready");
    assert!(ran.stdout.contains(" lag=0;999;9999;0 "), "{ran}");
    assert!(ran.stdout.contains(" pending_age=0s;299;3599;0 "), "{ran}");
    assert_eq!(line(&check(&office, &["--disk", "0,0", "--lang", "zh"])), "FENGSUI OK - 运行正常");
    let full = check(&office, &["--disk", "9000000000000,0"]).exits(1);
    assert!(line(&full).starts_with("FENGSUI WARNING - ") && line(&full).ends_with("MiB free on the disk"), "{full}");
    let full = check(&office, &["--disk", "9000000000000,9000000000000"]).exits(2);
    assert!(line(&full).starts_with("FENGSUI CRITICAL - "), "{full}");
    let json = check(&office, &["--disk", "0,0", "--json"]).exits(0).json();
    assert_eq!((json["state"].as_str(), json["problems"].as_array().map(Vec::len)), (Some("OK"), Some(0)));

    drop(server);
    node.await_status("a stream out of reach", |status| status["broker"]["connected"] == false);
    let cut = until("a warning", || Some(check(&office, &["--disk", "0,0"])).filter(|ran| ran.code == Some(1)));
    assert!(line(&cut).starts_with("FENGSUI WARNING - the stream is out of reach"), "{cut}");

    node.kill();
    let gone = check(&office, &["--disk", "0,0", "--json"]).exits(2).json();
    assert_eq!((gone["state"].as_str(), gone["problems"][0]["check"].as_str()), (Some("CRITICAL"), Some("running")));
}

#[test]
fn what_cannot_be_looked_at_is_unknown() {
    let ran = check(&Folder::new(), &[]).exits(3);
    assert!(line(&ran).starts_with("FENGSUI UNKNOWN - "), "{ran}");
    // A folder whose log is a file has no node that runs.
    let ran = check(&Folder::exchange(&[]), &[]).exits(3);
    assert!(line(&ran).starts_with("FENGSUI UNKNOWN - "), "{ran}");
    check(&Folder::new(), &["--lag", "many"]).exits(2).says(&["1000,10000"]);
}
