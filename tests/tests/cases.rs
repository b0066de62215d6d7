//! Faults that users met elsewhere, at an exchange on a broker: those that no other test brings about. docs/faults.md says for each case
//! which test does, and this file sees to it that those tests are there.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exchange;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use exchange::{Exchange, OFFICE, STREAM, alarm, api, counted};
use fengsui_log::Position;
use fengsui_log::conformance::loss::rebuild_without;
use fengsui_log::conformance::server::NatsServer;
use fengsui_tests::{Folder, project, until};
use serde_json::{Value, json};

/// cases.md 4: a consumer goes silent, without an error.
#[test]
fn case_4_silent_consumers_are_found_out_and_replaced() {
    let exchange = Exchange::found(&["fire", "tourism"], 600);
    let silence = || {
        let names = exchange.api("CONSUMER.NAMES", &json!({}));
        for name in names["consumers"].as_array().into_iter().flatten() {
            let operation = format!("CONSUMER.PAUSE.{STREAM}.{}", name.as_str().unwrap());
            // One that was replaced already may just be going.
            api(&exchange.broker(), &operation, &json!({"pause_until": "2999-01-01T00:00:00Z"}));
        }
    };
    let before: u64 = exchange.await_settled();
    silence();
    // It is published; only the node's own tables do not come to know.
    let reported = exchange.reports("tourism", "fire.60-3");
    assert!(matches!(reported.code, Some(0 | 6)), "{reported}");
    exchange.node("fire").await_status("a node that sees that it is behind", |status| {
        status["log"]["stream"].as_u64() > Some(before) && status["log"]["lag"].as_u64() > Some(0)
    });
    exchange.await_settled();
    for name in exchange.names() {
        let status = exchange.node(&name).await_status("a consumer that was replaced", |status| {
            status["broker"]["resubscribed"].as_u64() >= Some(1)
        });
        assert_eq!(status["alarms"], json!([]), "{name}");
    }
    exchange.same_digest();
}

/// A running node whose notices go into a file. It is killed with the value.
struct Listening {
    child: Child,
    notices: PathBuf,
}

impl Listening {
    fn start(folder: &Folder) -> Self {
        let notices = folder.path().join("notices");
        let open = |path: &std::path::Path| fs::File::options().create(true).append(true).open(path).unwrap();
        let mut command = folder.command(["node", "run"]);
        let command = command.stdin(Stdio::null()).stdout(open(&notices)).stderr(open(&folder.path().join("node.log")));
        Self { child: command.spawn().unwrap(), notices }
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.notices).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// cases.md 5 and 11: after a power loss the broker remembers of no consumer how far it was, and everything is delivered again. And a
/// replay is no delivery.
#[test]
fn case_5_and_11_what_is_delivered_again_or_replayed_is_told_to_nobody_twice() {
    let mut exchange = Exchange::found(&["tourism"], 600);
    exchange.join("fire");
    let config = exchange.folder("fire").data("node.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n[notify]\nstdout = true\nlanguage = \"en\"\n")).unwrap();
    let mut fire = Listening::start(exchange.folder("fire"));
    let status = |exchange: &Exchange| {
        let text = fs::read(exchange.folder("fire").data("status.json")).unwrap_or_default();
        serde_json::from_slice::<Value>(&text).unwrap_or_default()
    };
    let is_level = |exchange: &Exchange, pid: u32| {
        let status = status(exchange);
        let head = exchange.stream().head().unwrap().map(Position::get);
        (status["pid"] == pid && status["log"]["applied"].as_u64() == head && status["broker"]["connected"] == true)
            .then_some(())
    };
    until("fire's node", || is_level(&exchange, fire.child.id()));
    exchange.report("tourism", "fire.60-3");
    exchange.report("tourism", "fire.60-1");
    let told = until("the notices", || Some(fire.lines()).filter(|lines| lines.len() >= 2));
    let head = exchange.await_settled();

    // Power loss: the server and the node are gone at once, and with them every consumer.
    exchange.server.kill();
    drop(fire);
    exchange.server.restart();
    fire = Listening::start(exchange.folder("fire"));
    until("fire's node after the loss", || is_level(&exchange, fire.child.id()));
    exchange.line("fire", "replay --into elsewhere").ok();
    exchange.line("tourism", "replay --into elsewhere").ok();
    assert_eq!(exchange.await_settled(), head, "nothing was sent again");
    // Notices come in order, so that of a new report shows that none of the old ones is on its way.
    exchange.report("tourism", "fire.60-3");
    let now = until("the next notice", || Some(fire.lines()).filter(|lines| lines.len() > told.len()));
    assert_eq!(now[..told.len()], told);
    assert_eq!(now.len(), told.len() + 1, "{now:#?}");
    assert_eq!(now.iter().collect::<BTreeSet<_>>().len(), now.len());
    until("fire's node at the end", || is_level(&exchange, fire.child.id()));
    drop(fire);
    exchange.same_digest();
}

/// cases.md 6: a stream that is full. A rejected event stays in the outbox, and nothing old makes room for it.
#[test]
fn case_6_a_full_stream_rejects_and_the_outbox_keeps() {
    let exchange = Exchange::found(&["fire", "tourism"], 600);
    exchange.report("tourism", "fire.60-3");
    exchange.await_settled();
    let before = exchange.on_stream();
    let bytes = exchange.api("STREAM.INFO", &Value::Null)["state"]["bytes"].as_u64().unwrap();
    exchange.reconfigure(|config| config["max_bytes"] = bytes.into());
    exchange.reports("tourism", "fire.60-1").exits(6).says(&["accepted"]);
    let told = exchange.await_alarm("tourism", "not_published");
    assert!(told.contains("stays there") && told.contains("maximum bytes"), "{told}");
    assert!(exchange.node("tourism").status()["outbox"]["pending"].as_u64() >= Some(2));
    let messages = exchange.api("STREAM.INFO", &Value::Null)["state"]["messages"].as_u64();
    assert_eq!(messages, Some(before.len() as u64), "nothing old is gone");
    exchange.reconfigure(|config| config["max_bytes"] = (-1).into());
    exchange.await_settled();
    exchange.await_all_clear("tourism");
    let now = exchange.on_stream();
    assert_eq!(now[..before.len()], before);
    assert!(now.len() >= before.len() + 2 && counted(&now).values().all(|times| *times == 1));
    exchange.same_digest();
}

/// cases.md 6 as well: the first messages are gone.
#[test]
fn case_6_a_missing_first_position_is_found_and_brought_back() {
    let mut exchange = Exchange::found(&["fire", "tourism"], 600);
    exchange.report("tourism", "fire.60-3");
    exchange.await_settled();
    let old = exchange.on_stream();
    let mut other = NatsServer::start();
    rebuild_without(&exchange.stream(), &mut other, &[Position::FIRST]);
    other.stop();
    let store = other.store();
    exchange.put_back(Some(&store));
    for name in exchange.names() {
        exchange.await_set_aside(&name);
    }
    exchange.await_settled();
    let now = exchange.on_stream();
    assert!(now[0].record.is_missing() && now[1..old.len()] == old[1..]);
    assert_eq!(now.iter().filter(|stored| stored.record == old[0].record).count(), 1);
    for name in exchange.names() {
        exchange.await_all_clear(&name);
        assert_eq!(exchange.anomalies(&name).first(), Some(&(1, "lost".to_owned())), "{name}");
        assert!(alarm(&exchange.node(&name).status(), "other_stream").is_none());
    }
    exchange.same_digest();
    // Whoever audits the log is told.
    exchange.line(OFFICE, "replay --into elsewhere").exits(5).says(&["lost 1"]);
}

/// cases.md 2: a second node of an agency with the first one's number, as when its folder was copied, gives other bytes to a number that is
/// taken. It is not swallowed.
#[test]
fn case_2_a_copied_folder_is_loud() {
    let mut exchange = Exchange::found(&["fire", "tourism"], 600);
    let twin = Folder::new();
    exchange.stop("fire");
    exchange::copy_folder(exchange.folder("fire").path(), twin.path());
    fs::remove_file(twin.data("status.json")).unwrap();
    exchange.start("fire");
    exchange.report("fire", "fire.60-3");
    exchange.await_settled();
    // The copy's outbox does not know what was published under its name since.
    let place = "--unit local.book:1 --name A --region 350602 --category fire.60-3 --facts x";
    let refused = twin.run(format!("violation report {place}").split_whitespace()).exits(5);
    refused.says(&["older backup"]);
    assert_eq!(exchange.anomalies("tourism"), []);
    exchange.same_digest();
}

/// The rows of docs/faults.md that name a case, and the tests that they name: file and function.
fn documented() -> Vec<(u32, Vec<(String, String)>)> {
    let text = fs::read_to_string(project().join("docs/faults.md")).unwrap();
    let (_, table) = text.split_once("## Faults that users met elsewhere").expect("the heading of the table");
    let rows = table.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| "));
    let rows = rows.filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        Some((cells[0].parse().ok()?, *cells.last()?))
    });
    let names = |cell: &str| -> Vec<(String, String)> {
        let quoted: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        quoted.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
    };
    rows.map(|(case, cell)| (case, names(cell))).collect()
}

#[test]
fn every_case_has_a_test_that_is_there() {
    let documented = documented();
    let cases: Vec<u32> = documented.iter().map(|(case, _)| *case).collect();
    assert_eq!(cases, (1..=16).chain([27]).collect::<Vec<_>>());
    for (case, tests) in documented {
        assert!(!tests.is_empty(), "case {case}");
        for (file, function) in tests {
            let text = fs::read_to_string(project().join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(text.contains(&format!("#[test]\nfn {function}()")), "case {case}: no test {function} in {file}");
        }
    }
}

#[test]
fn every_fault_has_tests_that_are_there() {
    let text = fs::read_to_string(project().join("docs/faults.md")).unwrap();
    let (tables, _) = text.split_once("## Faults that users met elsewhere").expect("the heading of the last table");
    let rows = tables.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let mut found = 0;
    for row in rows.filter(|row| !row.starts_with("| fault |")) {
        let cell = row.trim_matches('|').rsplit(" | ").next().unwrap();
        let quoted: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!quoted.is_empty() && quoted.len().is_multiple_of(2), "{row}");
        for pair in quoted.chunks(2) {
            let file = project().join("tests/tests").join(pair[0]).with_extension("rs");
            let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert!(text.contains(&format!("#[test]\nfn {}()", pair[1])), "{row}: no test {}", pair[1]);
            found += 1;
        }
    }
    assert!(found > 30, "only {found} tests were found");
}
