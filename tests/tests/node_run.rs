//! `node run` and `node status` as an operator meets them: a real process on a real nats-server.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use fengsui_log::conformance::server::NatsServer;
use fengsui_tests::{Folder, Ran, RunningNode, signal, until};
use serde_json::Value;

/// The authority's folder of an exchange on a server, with its first events on the stream.
fn office(server: &NatsServer) -> Folder {
    let office = Folder::new();
    let server = server.url();
    office.run(["init", "--region", "350600", "--agency", "joint-office", "--authority", "--server", &server]).ok();
    office
}

/// The fire brigade's folder, registered with the authority.
fn fire(office: &Folder) -> Folder {
    let fire = Folder::new();
    let exchange = office.data("exchange.toml");
    let region = ["init", "--region", "350600", "--agency", "fire", "--exchange"];
    fire.run(region.iter().copied().chain([exchange.to_str().unwrap()])).ok();
    let request = fire.data("join-fire.json");
    office.run(["agency", "register", "--from", request.to_str().unwrap()]).ok();
    fire
}

fn report(folder: &Folder, facts: &str) -> Ran {
    folder.run([
        "violation",
        "report",
        "--unit",
        "91350602MA0000015U",
        "--name",
        "瑞和宾馆",
        "--region",
        "350602",
        "--address",
        "芗城区胜利西路9号",
        "--trade",
        "H61",
        "--category",
        "fire.60-3",
        "--facts",
        facts,
        "--reference",
        "漳消监字第7号",
    ])
}

#[test]
fn a_node_publishes_what_is_accepted_beside_it_and_ends_in_good_order() {
    let server = NatsServer::start();
    let office = office(&server);
    let fire = fire(&office);
    let mut node = RunningNode::start(&fire);
    node.await_ready();
    assert_eq!(node.status()["outbox"]["sequence"], 0);
    report(&fire, "安全出口上锁").ok();
    let events = fire.run(["log", "tail", "--json"]).ok().stdout.matches("\"agency\":\"fire\"").count();
    assert!(events >= 2, "a violation and its referral");
    let status = node.await_status("what was reported on the stream", |status| status["outbox"]["sent"] == events);
    assert_eq!((&status["outbox"]["pending"], &status["outbox"]["sequence"]), (&Value::from(0), &Value::from(events)));
    let status = node.await_ready();
    let shown = fire.run(["node", "status"]).ok();
    shown.clone().shows(&["runs and is ready", "connected", &server.url()]);
    assert_eq!(shown.cell("process"), node.process().to_string());
    assert_eq!(shown.cell("pending"), "0");
    assert_eq!(shown.cell("chain"), status["outbox"]["sequence"].to_string());
    assert_eq!(shown.cell("chain head"), status["outbox"]["chain_head"].as_str().unwrap());
    let json = fire.run(["node", "status", "--json"]).ok().json();
    assert_eq!((json["running"].as_bool(), json["ready"].as_bool()), (Some(true), Some(true)));
    assert_eq!(json["status"]["log"]["stream"], status["log"]["stream"]);
    let zh = fire.run(["node", "status", "--lang", "zh"]).ok();
    zh.shows(&["运行正常", "已连接", "链首哈希"]);
    // The authority has its own node, and sees the same.
    assert_eq!(office.run(["case", "list", "--json"]).ok().json()["cases"].as_array().unwrap().len(), 1);

    fire.run(["replay"]).exits(1).says(&["has a writer already", "--into"]);
    let beside = fire.run(["replay", "--into", "elsewhere"]).ok().digest();
    assert_eq!(node.stop(), Some(0), "{}", node.log());
    let ended = fire.run(["node", "status"]).exits(1);
    ended.shows(&["does not run", "`fengsui node run`", "what follows is of"]);
    assert_eq!(fire.run(["node", "status", "--json"]).exits(1).json()["running"], false);
    assert_eq!(fire.digest(), beside);
    assert_eq!(office.digest(), beside);
}

#[test]
fn a_node_tells_over_http_how_it_is_while_the_broker_is_away_and_after() {
    let mut server = NatsServer::start();
    let office = office(&server);
    let fire = fire(&office);
    let node = RunningNode::start(&fire);
    node.await_ready();
    let json = |page: &str| {
        let (code, body) = node.get(page);
        (code, serde_json::from_str::<Value>(&body).unwrap())
    };
    assert_eq!(node.get("/healthz"), (200, "{\"status\":\"well\"}\n".to_owned()));
    assert_eq!(node.get("/readyz"), (200, "{\"status\":\"ready\"}\n".to_owned()));
    let (code, status) = json("/status");
    assert_eq!(
        (code, status["agency"].as_str(), status["pid"].as_u64()),
        (200, Some("fire"), Some(node.process().into()))
    );

    server.kill();
    until("a node that is not ready", || (node.get("/readyz").0 == 503).then_some(()));
    let (_, told) = json("/readyz");
    assert_eq!((told["status"].as_str(), told["trouble"].as_str()), (Some("not ready"), Some("disconnected")));
    assert_eq!(node.get("/healthz").0, 200, "a process that is started again would not reach the broker either");
    let accepted = report(&fire, "安全出口上锁").exits(6);
    accepted.says(&["accepted"]);
    node.await_status("what waits in the outbox", |status| status["outbox"]["pending"].as_u64() > Some(0));
    let shown = fire.run(["node", "status"]).exits(6);
    shown.clone().shows(&["the stream is out of reach; commands are accepted", "not connected", "oldest pending"]);
    let zh = fire.run(["node", "status", "--lang", "zh"]).exits(6);
    zh.shows(&["命令照常受理", "未连接"]);
    let told = fire.run(["node", "status", "--json"]).exits(6).json();
    assert_eq!(
        (told["running"].as_bool(), told["ready"].as_bool(), told["trouble"].as_str()),
        (Some(true), Some(false), Some("disconnected"))
    );
    assert_eq!(told["pending"].to_string(), shown.cell("pending"));
    fire.run(["node", "status", "--wait", "0"]).exits(6).shows(&["the stream is out of reach"]);
    let metrics = node.get("/metrics").1;
    assert!(metrics.contains("\nfengsui_broker_connected 0\n") && metrics.contains("\nfengsui_ready 0\n"), "{metrics}");

    server.restart();
    let waited = fire.run(["node", "status", "--wait", "90", "--json"]).ok().json();
    assert_eq!((waited["ready"].as_bool(), waited["pending"].as_u64()), (Some(true), Some(0)), "{waited}");
    assert_eq!(fire.run(["case", "list", "--json"]).ok().json()["cases"].as_array().unwrap().len(), 1);
    let status = node.await_ready();
    until("a node that is ready", || (node.get("/readyz").0 == 200).then_some(()));
    fire.run(["node", "status"]).ok();
    let metrics = node.get("/metrics").1;
    let number = |name: &str| -> u64 {
        let line =
            metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {metrics}"));
        line.trim().parse().unwrap()
    };
    assert_eq!(number("fengsui_broker_connected "), 1);
    assert_eq!(number("fengsui_outbox_pending "), 0);
    let head = status["log"]["stream"].as_u64().unwrap();
    for part in ["stream", "copy", "tables"] {
        assert_eq!(number(&format!("fengsui_log_position{{part=\"{part}\"}} ")), head);
    }
    assert_eq!(number("fengsui_events_folded_total "), head);
    assert_eq!(number("fengsui_outbox_sent_total "), status["outbox"]["sent"].as_u64().unwrap());
}

#[test]
fn a_second_node_on_a_folder_is_refused_and_names_the_first() {
    let server = NatsServer::start();
    let office = office(&server);
    let node = RunningNode::start(&office);
    let address = node.status()["http"].as_str().unwrap().to_owned();
    let pid = node.process().to_string();
    for more in [&[][..], &["--listen", &address]] {
        let words = ["node", "run", "--json"].iter().chain(more);
        let refused = office.run(words).exits(1);
        let last: Value = serde_json::from_str(refused.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(last["code"], "second_writer", "{refused}");
        assert!(last["message"].as_str().unwrap().contains(&pid), "{refused}");
    }
    office.run(["node", "run", "--lang", "zh"]).exits(1).says(&["另一进程正在写入", &pid]);
    node.await_ready();
}

#[test]
fn what_a_killed_node_said_last_is_told_as_old_and_the_next_run_goes_on() {
    let server = NatsServer::start();
    let office = office(&server);
    let mut node = RunningNode::start(&office);
    node.await_ready();
    node.kill();
    let shown = office.run(["node", "status"]).exits(1);
    shown.clone().shows(&["does not run", "what follows is of"]);
    assert!(!shown.stdout.contains("connected"), "what it said of its connection holds no longer: {shown}");
    let told = office.run(["node", "status", "--json"]).exits(1).json();
    assert_eq!((told["running"].as_bool(), told["ready"].as_bool()), (Some(false), Some(false)));
    assert_eq!(told["status"]["pid"].as_u64(), Some(node.process().into()));
    node.restart();
    node.await_ready();
    office.run(["node", "status"]).ok();
    signal(node.process(), "INT");
    until("an end that is told", || (office.run(["node", "status"]).code == Some(1)).then_some(()));
    assert_eq!(node.stop(), Some(0), "{}", node.log());
}

#[test]
fn the_address_of_the_configuration_is_taken_and_a_silent_client_keeps_nobody_waiting() {
    let server = NatsServer::start();
    let office = office(&server);
    let mut configuration = office.read("fengsui-data/node.toml");
    configuration.push_str("\n[http]\nlisten = \"127.0.0.1:0\"\n");
    fs::write(office.data("node.toml"), configuration).unwrap();
    let node = RunningNode::start_plain(&office);
    let address = node.status()["http"].as_str().unwrap().to_owned();
    let silent: Vec<TcpStream> = (0..8).map(|_| TcpStream::connect(&address).unwrap()).collect();
    node.await_ready();
    until("readiness", || (node.get("/readyz").0 == 200).then_some(()));
    drop(silent);
}

#[test]
fn a_node_that_hangs_is_told_until_it_goes_on() {
    let server = NatsServer::start();
    let office = office(&server);
    let node = RunningNode::start(&office);
    node.await_ready();
    signal(node.process(), "STOP");
    let hangs = || {
        let told = office.run(["node", "status", "--json"]);
        (told.json()["trouble"] == "silent").then_some(told)
    };
    let told = until("a node that says nothing", hangs).exits(1).json();
    assert_eq!((told["running"].as_bool(), told["ready"].as_bool()), (Some(true), Some(false)));
    office.run(["node", "status"]).exits(1).shows(&["says nothing any more"]);
    office.run(["node", "status", "--lang", "zh"]).exits(1).shows(&["已无响应"]);
    signal(node.process(), "CONT");
    until("a node that goes on", || (office.run(["node", "status"]).code == Some(0)).then_some(()));
}

#[test]
fn an_alarm_says_what_to_do_wherever_one_looks() {
    let mut server = NatsServer::start();
    let office = office(&server);
    let node = RunningNode::start(&office);
    node.await_ready();
    server.kill();
    fs::remove_dir_all(server.store()).unwrap();
    server.restart();
    let is_alarm =
        |status: &Value| status["alarms"].as_array().unwrap().iter().any(|alarm| alarm["code"] == "other_stream");
    node.await_status("an alarm", is_alarm);
    let shown = office.run(["node", "status"]).exits(1);
    shown.shows(&["somebody must see to its alarms", "\tother_stream\t", "`fengsui log copy`"]);
    let zh = office.run(["node", "status", "--lang", "zh"]).exits(1);
    zh.shows(&["有告警需要处理", "\tother_stream\t", "请由联席会议办公室"]);
    let told = office.run(["node", "status", "--json"]).exits(1).json();
    assert!(told["trouble"] == "alarm" && is_alarm(&told["status"]), "{told}");
    let (code, body) = node.get("/readyz");
    assert_eq!(
        (code, body.as_str()),
        (503, "{\"alarms\":[\"other_stream\"],\"status\":\"not ready\",\"trouble\":\"alarm\"}\n")
    );
    assert_eq!(node.get("/healthz").0, 200, "to start it again would mend nothing");
    assert!(node.get("/metrics").1.contains("\nfengsui_alarm{code=\"other_stream\"} 1\n"));
}

#[test]
fn copies_that_were_set_aside_are_listed_with_what_the_stream_had_lost() {
    let mut server = NatsServer::start();
    let office = office(&server);
    server.stop();
    let backup = office.path().join("backup");
    copy_folder(&server.store(), &backup);
    server.restart();
    let before: u64 = office.run(["log", "head"]).ok().cell("position").parse().unwrap();
    let _fire = fire(&office);
    server.stop();
    fs::remove_dir_all(server.store()).unwrap();
    copy_folder(&backup, &server.store());
    server.restart();
    let node = RunningNode::start(&office);
    node.await_status("a copy that was set aside", |status| status["log"]["stream"].as_u64() > Some(before));
    node.await_ready();
    let lost = before + 1;
    let told = office.run(["node", "status", "--json"]).ok().json();
    let loss = &told["set_aside"][0];
    assert_eq!((&loss["old_head"], &loss["new_head"]), (&Value::from(lost), &Value::from(before)), "{told}");
    assert_eq!(
        (loss["lost"].as_array().unwrap().len(), &loss["lost"][0]["position"]),
        (1, &Value::from(lost)),
        "{told}"
    );
    let text = format!("events that the stream had lost: 1, at {lost}\n");
    office.run(["node", "status"]).ok().shows(&["runs and is ready", "copies set aside in", &text]);
    let text = format!("消息流缺少 1 个事件：{lost}\n");
    office.run(["node", "status", "--lang", "zh"]).ok().shows(&["留存的旧副本", &text]);
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

#[test]
fn what_cannot_run_says_why() {
    let folder = Folder::exchange(&[]);
    for verb in ["run", "status"] {
        let error = folder.run(["node", verb, "--json"]).exits(1).json_error();
        assert_eq!(error["code"], "no_broker");
        folder.run(["node", verb, "--lang", "zh"]).exits(1).says(&["无须运行"]);
    }
    let error = Folder::new().run(["node", "run", "--json"]).exits(1).json_error();
    assert_eq!(error["code"], "not_initialised");
    folder.run(["node", "run", "--as-of", "1"]).exits(2);

    let server = NatsServer::start();
    let office = office(&server);
    office.run(["node", "run", "--agency", "fire"]).exits(2).says(&["joint-office", "--data"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = office.run(["node", "run", "--listen", &address]).exits(1);
    refused.says(&[&address, "--listen"]);
    // A node that never ran has said nothing.
    let told = office.run(["node", "status", "--json"]).exits(1).json();
    assert!(told["status"].is_null() && told["running"] == false, "{told}");
}

/// The messages that a service manager gets, in order, until one of them is `wanted`.
fn told(socket: &UnixDatagram, so_far: &mut Vec<String>, wanted: &str) {
    let mut bytes = [0; 4_096];
    while !so_far.iter().any(|message| message.starts_with(wanted)) {
        let count = socket.recv(&mut bytes).unwrap_or_else(|error| panic!("no {wanted} ({error}): {so_far:?}"));
        so_far.extend(std::str::from_utf8(&bytes[..count]).unwrap().lines().map(str::to_owned));
    }
}

#[test]
fn a_service_manager_is_told_when_the_node_is_ready_alive_and_ending() {
    let server = NatsServer::start();
    let office = office(&server);
    // The tables are drawn from the copy at the start, which may take long.
    fs::remove_file(office.data("model.sqlite")).unwrap();
    let path = office.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut node = RunningNode::start_with(&office, &[], &[("NOTIFY_SOCKET", Path::new(&path))]);
    let mut messages = Vec::new();
    told(&socket, &mut messages, "WATCHDOG=1");
    let at = |messages: &[String], wanted: &str| {
        messages.iter().position(|message| message.starts_with(wanted)).unwrap_or_else(|| panic!("{messages:?}"))
    };
    let (extended, ready) = (at(&messages, "EXTEND_TIMEOUT_USEC=60000000"), at(&messages, "READY=1"));
    assert!(extended < ready && ready < at(&messages, "WATCHDOG=1"), "{messages:?}");
    node.await_ready();
    told(&socket, &mut messages, "STATUS=at position 2 of 2; 0 pending");
    assert!(!messages.iter().any(|message| message == "STOPPING=1"), "{messages:?}");
    assert_eq!(node.stop(), Some(0), "{}", node.log());
    told(&socket, &mut messages, "STOPPING=1");
    assert_eq!(messages.iter().filter(|message| *message == "READY=1").count(), 1, "{messages:?}");
}

#[test]
fn the_log_is_json_with_fields_and_names_no_person_no_unit_and_no_fact() {
    let mut server = NatsServer::start();
    let office = office(&server);
    let fire = fire(&office);
    let mut node = RunningNode::start_with(&fire, &["--log-format", "json", "--log-level", "trace"], &[]);
    node.await_ready();
    let facts = "值班人员林某某不在岗，举报人为王五，电话13800001111";
    report(&fire, facts).ok();
    let case = fire.run(["case", "list", "--json"]).ok().json()["cases"][0]["case"].as_str().unwrap().to_owned();
    fire.run(["violation", "amend", &case, "--facts", "值班人员李四不在岗", "--reason", "笔误，李四来电"]).ok();
    fire.run(["reporter", "officer", "add", "li", "--out", "li.officer"]).ok();
    fire.write("who.json", r#"{"name": "赵六", "phone": "13900002222", "note": "愿作证"}"#);
    let words = "violation report --from-public --reporter who.json --unit 91350602MA0000015U --category fire.60-3";
    fire.run(words.split(' ').chain(["--facts", "疏散通道堆放杂物"])).ok();
    node.await_ready();
    server.kill();
    report(&fire, facts).exits(6);
    node.await_status("a stream that is out of reach", |status| status["broker"]["connected"] == false);
    server.restart();
    node.await_ready();
    assert_eq!(node.stop(), Some(0), "{}", node.log());
    let log = node.log();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "no {field} in {line}");
        }
    }
    let has = |field: &str, value: &str| log.lines().any(|line| line.contains(&format!("\"{field}\":\"{value}\"")));
    assert!(has("message", "the node is running") && has("agency", "fire") && has("message", "published"), "{log}");
    let seeds =
        ["keys/fire.seed", "keys/fire.connection.seed"].map(|file| fs::read_to_string(fire.data(file)).unwrap());
    let secrets = seeds.iter().map(|seed| seed.trim());
    let people = ["林某某", "李四", "王五", "13800001111", "赵六", "13900002222", "愿作证"];
    let told = ["瑞和宾馆", "91350602MA0000015U", "胜利西路", "漳消监字", "不在岗", "疏散通道", "笔误"];
    for planted in people.into_iter().chain(told).chain(secrets) {
        assert!(!log.contains(planted), "the log holds {planted}:\n{log}");
    }
}

#[test]
fn a_log_that_nobody_reads_any_more_ends_no_node() {
    let mut server = NatsServer::start();
    let office = office(&server);
    let mut child = office.spawn(["node", "run", "--log-level", "trace"]);
    drop(child.stderr.take());
    let is_so = |connected: bool| {
        let told = office.run(["node", "status", "--json"]).json();
        (told["running"] == true && told["status"]["broker"]["connected"] == connected).then_some(())
    };
    until("a node at work", || is_so(true));
    server.kill();
    until("a node that is cut off", || is_so(false));
    server.restart();
    until("a node that is back", || is_so(true));
    signal(child.id(), "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_log_for_people_is_lines_of_text_and_as_quiet_as_asked() {
    let server = NatsServer::start();
    let office = office(&server);
    let log = |more: &[&str], variables: &[(&str, &Path)]| {
        fs::write(office.path().join("node.log"), "").unwrap();
        let mut node = RunningNode::start_with(&office, more, variables);
        node.await_ready();
        assert_eq!(node.stop(), Some(0), "{}", node.log());
        node.log()
    };
    let text = log(&[], &[]);
    assert!(text.contains(" INFO fengsui_node::station: the node is running agency=joint-office\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours are for terminals: {text:?}");
    assert_eq!(log(&["--quiet"], &[]), "");
    assert_eq!(log(&[], &[("FENGSUI_LOG", Path::new("error"))]), "");
    assert!(log(&["--log-level", "info"], &[("FENGSUI_LOG", Path::new("error"))]).contains("the node is running"));
    office.run(["node", "run", "--log-level", "loud"]).exits(2);
}
