//! A node's numbers as Prometheus' own client library for Python reads them: another program by other people than the encoder.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fengsui_log::conformance::server::NatsServer;
use fengsui_tests::{Folder, RunningNode, project};
use serde_json::Value;

/// The package with the SHA-256 of its wheel; it runs wherever Python does.
const PINNED: &str =
    "prometheus_client==0.26.0 --hash=sha256:fa93d06737aa02bacd05794768508bb97d2fbee28cb3bca04eaae92f0ca953d6\n";

/// Reads the text on stdin; writes families with their samples as JSON.
const PARSER: &str = "
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = text_string_to_metric_families(sys.stdin.read())
json.dump([{'name': f.name, 'type': f.type, 'help': f.documentation,
            'samples': [{'name': s.name, 'labels': s.labels, 'value': s.value} for s in f.samples]} for f in families], sys.stdout)
";

/// Where the package is. Tests run at the same time in processes of their own: whoever is first to have it whole puts it in place.
fn installed() -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools");
    let place = tools.join("prometheus_client-0.26.0");
    if place.exists() {
        return place;
    }
    fs::create_dir_all(&tools).unwrap();
    let unfinished = tempfile::tempdir_in(&tools).unwrap();
    let requirements = unfinished.path().join("requirements.txt");
    fs::write(&requirements, PINNED).unwrap();
    let status = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-input", "--no-deps", "--only-binary", ":all:"])
        .args(["--require-hashes", "--root-user-action", "ignore", "--target"])
        .arg(unfinished.path())
        .arg("--requirement")
        .arg(&requirements)
        .status()
        .expect("python3 with pip is installed");
    assert!(status.success(), "prometheus_client could not be got from PyPI");
    let unfinished = unfinished.keep();
    if fs::rename(&unfinished, &place).is_err() {
        // Somebody else was first.
        fs::remove_dir_all(&unfinished).unwrap();
    }
    place
}

fn parsed(text: &str) -> Vec<Value> {
    let mut python = Command::new("python3")
        .args(["-c", PARSER])
        .env("PYTHONPATH", installed())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It reads everything before it writes anything.
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "the parser refused:\n{text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn prometheus_reads_every_number_of_the_page_as_the_node_means_it() {
    let server = NatsServer::start();
    let office = Folder::new();
    let url = server.url();
    office.run(["init", "--region", "350600", "--agency", "joint-office", "--authority", "--server", &url]).ok();
    let node = RunningNode::start(&office);
    let status = node.await_ready();
    let families = parsed(&node.get("/metrics").1);

    let page = fs::read_to_string(project().join("docs/metrics.md")).unwrap();
    let mut samples = BTreeMap::new();
    for family in &families {
        let (name, kind) = (family["name"].as_str().unwrap(), family["type"].as_str().unwrap());
        let total = if kind == "counter" { "_total" } else { "" };
        assert!(page.contains(&format!("| `{name}{total}` | {kind}")), "docs/metrics.md lacks {name}{total}, a {kind}");
        assert!(family["help"].as_str().is_some_and(|help| !help.is_empty()), "{name} has no help");
        for sample in family["samples"].as_array().unwrap() {
            let labels = sample["labels"].as_object().unwrap();
            let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let known = samples.insert((sample["name"].as_str().unwrap(), labels.join(",")), &sample["value"]);
            assert!(known.is_none(), "{sample} stands twice");
        }
    }
    // Of the page, only what an alarm would bring is missing.
    assert_eq!(families.len(), page.matches("\n| `fengsui_").count() - 1);

    let number = |name: &str, labels: &str| samples[&(name, labels.to_owned())].as_f64().unwrap();
    let expected = |value: &Value| value.as_f64().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let labels = format!(r#"agency="joint-office",region="350600",version="{version}""#);
    assert!((number("fengsui_build_info", &labels) - 1.0).abs() < f64::EPSILON);
    let log = &status["log"];
    for (name, labels, value) in [
        ("fengsui_ready", "", &Value::from(1)),
        ("fengsui_broker_connected", "", &Value::from(1)),
        ("fengsui_log_position", r#"part="stream""#, &log["stream"]),
        ("fengsui_log_position", r#"part="copy""#, &log["copy"]),
        ("fengsui_log_position", r#"part="tables""#, &log["applied"]),
        ("fengsui_events_folded_total", "", &log["applied"]),
        ("fengsui_outbox_sent_total", "", &status["outbox"]["sent"]),
        ("fengsui_chain_sequence", "", &status["outbox"]["sequence"]),
        ("fengsui_alarms", "", &Value::from(0)),
    ] {
        assert!((number(name, labels) - expected(value)).abs() < f64::EPSILON, "{name}{{{labels}}}");
    }
}
