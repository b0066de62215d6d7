//! A running node tells its agency what it must look at, and says what it has told.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;

use fengsui_tests::{City, until};

#[test]
fn a_referral_is_told_once_at_the_node_of_its_addressee_also_after_a_restart() {
    let city = City::prepared(&["fire", "tourism"]);
    let config = city.folder("fire").data("node.toml");
    let mut file = fs::OpenOptions::new().append(true).open(&config).unwrap();
    file.write_all(b"\n[notify]\nstdout = true\nstdout_json = true\nlanguage = \"en\"\n").unwrap();
    city.start_all();
    city.await_settled();
    let channel = || {
        let status = city.line("fire", "node status --json").json();
        status["notices"]["channels"].as_array().and_then(|channels| channels.first().cloned()).unwrap_or_default()
    };
    // What was on the log before notices were switched on is old.
    until("notices have begun", || city.line("fire", "node status --json").json()["notices"]["position"].as_u64());
    let report = "violation report --unit 91350602MA0000015U --name 瑞和宾馆 --region 350602 --category fire.60-3 --json --facts 堵塞";
    let case = city.line("tourism", report).ok().json()["case"].as_str().unwrap().to_owned();
    until("the referral is told", || (channel()["sent"] == 1).then_some(()));
    assert_eq!((channel()["channel"].as_str(), channel()["waiting"].as_u64()), (Some("stdout"), Some(0)));
    city.stop_node("fire");
    city.start_node("fire");
    city.line("tourism", &format!("violation retract {case} --reason 误报")).ok();
    until("the retraction is told", || (channel()["sent"] == 2).then_some(()));
    city.await_settled();
    let shown = city.line("fire", "node status").shows(&["notices", "channel\ton\twaiting\tsent", "stdout\tyes\t0\t2"]);
    assert!(!shown.stdout.contains("not delivered"), "{shown}");
    assert!(city.line("tourism", "node status --json").ok().json()["notices"].is_null());
}
