//! An exchange on a broker, from `init` on: the server is started on exactly the files that the authority's folder holds, and each
//! agency can do what it must and nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use async_nats::jetstream::object_store;
use fengsui_event::{EventId, RegionCode};
use fengsui_log::jetstream::{Broker, BrokerError, BrokerOptions, PublishError, Stream};
use fengsui_log::{Position, Record};
use fengsui_node::broker::options;
use fengsui_node::connection_key::ConnectionKey;
use fengsui_node::folder::Folder as NodeFolder;
use fengsui_tests::{BrokerProcess, DATA, Folder, nats_server, project, signal, until};
use serde_json::{Value, json};

const STREAM: &str = "FENGSUI_350600";

fn region() -> RegionCode {
    "350600".parse().unwrap()
}

/// A port that is free, and whose monitoring port is.
fn free_port() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    until("a free port", || {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let monitor = port.checked_add(4_000).unwrap_or(port - 4_000);
        (is_free(port) && is_free(monitor)).then_some(port)
    })
}

/// The authority's folder, with the port of its broker, which is not started yet.
fn founded() -> (Folder, u16) {
    let (office, port) = (Folder::new(), free_port());
    office.run(found(port)).ok();
    (office, port)
}

fn found(port: u16) -> Vec<String> {
    let words = format!("init --region 350600 --agency joint-office --authority --server nats://127.0.0.1:{port}");
    words.split(' ').map(str::to_owned).collect()
}

/// Starts the server on the files of the authority's folder as they stand.
fn start(office: &Folder) -> BrokerProcess {
    let mut command = Command::new(nats_server());
    command.arg("-c").arg(office.data("broker/nats-server.conf"));
    BrokerProcess::start(command, office.path())
}

/// Has the server read its accounts again, twice, as the program says.
fn reload(server: &BrokerProcess) {
    let loaded = || server.monitor("/varz").map(|page| page["config_load_time"].clone());
    for _ in 0..2 {
        let before = until("the server's numbers", loaded);
        signal(server.process(), "HUP");
        until("the reload", || loaded().filter(|now| *now != before));
    }
}

/// A node of an agency, which asks to be let in.
fn joining(office: &Folder, agency: &str) -> Folder {
    let folder = Folder::new();
    fs::copy(office.data("exchange.toml"), folder.path().join("exchange.toml")).unwrap();
    folder.run(["init", "--region", "350600", "--agency", agency, "--exchange", "exchange.toml"]).ok();
    folder
}

/// The authority lets a node in.
fn register(office: &Folder, node: &Folder, agency: &str) {
    let request = node.data(&format!("join-{agency}.json"));
    office.run(["agency", "register", "--from", request.to_str().unwrap()]).ok().says(&["--signal reload="]);
}

fn options_of(folder: &Folder) -> BrokerOptions {
    options(&NodeFolder::open(folder.path().join(DATA)).unwrap()).unwrap()
}

fn connected(folder: &Folder) -> Broker {
    until("a connection", || Broker::connect(options_of(folder)).ok())
}

/// An exchange that runs: the authority, the fire brigade, the tourism bureau.
struct Exchange {
    office: Folder,
    fire: Folder,
    tourism: Folder,
    server: BrokerProcess,
}

impl Exchange {
    fn running() -> Self {
        let (office, _) = founded();
        let (fire, tourism) = (joining(&office, "fire"), joining(&office, "tourism"));
        let server = start(&office);
        // What waited in the outbox goes out, and the stream is made for it.
        let listed = office.run(["agency", "list", "--json"]).ok().json();
        assert_eq!(listed["agencies"].as_array().unwrap().len(), 1, "{listed}");
        for (node, agency) in [(&fire, "fire"), (&tourism, "tourism")] {
            register(&office, node, agency);
        }
        reload(&server);
        Self { office, fire, tourism, server }
    }

    /// Messages of the stream under each subject.
    fn subjects(&self) -> BTreeMap<String, u64> {
        let office = connected(&self.office);
        let info = ask(&office, &format!("$JS.API.STREAM.INFO.{STREAM}"), &json!({"subjects_filter": ">"})).unwrap();
        serde_json::from_value(info["state"]["subjects"].clone()).unwrap()
    }
}

/// A request and its answer.
fn ask(broker: &Broker, subject: &str, question: &Value) -> Result<Value, String> {
    let payload = if question.is_null() { String::new() } else { question.to_string() };
    let client = broker.client();
    let answer = broker.runtime().block_on(client.request(subject.to_owned(), payload.into()));
    let answer = answer.map_err(|error| error.to_string())?;
    Ok(serde_json::from_slice(&answer.payload).unwrap_or(Value::Null))
}

/// Sends with a reply subject of the sender's choice, and waits until the server has taken it.
fn send_with_reply(broker: &Broker, subject: &str, reply: &str, payload: &str) {
    let client = broker.client();
    let (subject, reply, payload) = (subject.to_owned(), reply.to_owned(), payload.to_owned());
    broker.runtime().block_on(async {
        client.publish_with_reply(subject, reply, payload.into()).await.unwrap();
        client.flush().await.unwrap();
    });
}

/// Sends, and waits until the server says that it may not.
fn is_denied(broker: &Broker, subject: &str, question: &Value) {
    let payload = if question.is_null() { String::new() } else { question.to_string() };
    send_with_reply(broker, subject, "_INBOX_fire.x", &payload);
    let said = format!("publish to \"{subject}\"").to_lowercase();
    until(&format!("the refusal of {subject}"), || broker.last_error()?.to_lowercase().contains(&said).then_some(()));
}

fn record(subject: &str) -> Record {
    let mut random = [0; 10];
    subject.bytes().zip((0..10).cycle()).for_each(|(byte, place)| random[place] ^= byte);
    let id = EventId::from_parts(1_700_000_000_000, random);
    Record { id, subject: subject.to_owned(), bytes: b"{}".to_vec(), signature: vec![0; 64] }
}

#[test]
fn each_agency_publishes_under_its_own_prefix_only_and_reads_everything() {
    let exchange = Exchange::running();
    let fire = connected(&exchange.fire);
    let stream = Stream::open(&fire, region()).unwrap();
    let head = stream.head().unwrap().unwrap().get();
    let positions = stream.publish(&[record("fengsui.350600.fire.case.closed")]).unwrap();
    assert_eq!(positions.iter().map(|position| position.get()).collect::<Vec<_>>(), [head + 1]);

    for foreign in ["fengsui.350600.tourism.case.closed", "fengsui.350600.joint-office.rulebook.published"] {
        let error = stream.publish(&[record(foreign)]).unwrap_err();
        assert!(matches!(&error, PublishError::NotPermitted { .. }), "{error:?}");
        let prefix = foreign.rsplitn(3, '.').last().unwrap();
        assert!(error.to_string().contains(&format!("not permitted to publish under {prefix}.>")), "{error}");
    }

    let tourism = connected(&exchange.tourism);
    let read = Stream::open(&tourism, region()).unwrap().read(Position::FIRST, 100).unwrap();
    assert_eq!(u64::try_from(read.len()).unwrap(), head + 1);
    assert_eq!(read.last().unwrap().record.as_ref().unwrap().subject, "fengsui.350600.fire.case.closed");
    assert_eq!(exchange.subjects().keys().filter(|subject| subject.contains(".tourism.")).count(), 0);
}

#[test]
fn nobody_deletes_purges_or_edits_the_stream_or_listens_to_others() {
    let exchange = Exchange::running();
    let before = exchange.subjects();
    let destroying = [
        (format!("$JS.API.STREAM.DELETE.{STREAM}"), Value::Null),
        (format!("$JS.API.STREAM.PURGE.{STREAM}"), Value::Null),
        (format!("$JS.API.STREAM.MSG.DELETE.{STREAM}"), json!({"seq": 1})),
        (format!("$JS.API.STREAM.SNAPSHOT.{STREAM}"), json!({"deliver_subject": "_INBOX_fire.x"})),
        (format!("$JS.API.STREAM.LEADER.STEPDOWN.{STREAM}"), Value::Null),
        (format!("$JS.API.CONSUMER.DURABLE.CREATE.{STREAM}.x"), json!({})),
    ];
    for (folder, own) in [(&exchange.office, true), (&exchange.fire, false)] {
        let broker = connected(folder);
        for (subject, question) in &destroying {
            is_denied(&broker, subject, question);
        }
        let config = json!({"name": STREAM, "subjects": ["fengsui.350600.>"], "max_msgs": 1});
        let update = format!("$JS.API.STREAM.UPDATE.{STREAM}");
        if own {
            // The authority may change the settings, but not take off what protects the events.
            let refused = ask(&broker, &update, &config).unwrap();
            assert!(refused["error"]["description"].as_str().unwrap().contains("deny"), "{refused}");
        } else {
            is_denied(&broker, &update, &config);
        }
        let inbox = format!("_INBOX_{}.>", if own { "fire" } else { "tourism" });
        broker.runtime().block_on(broker.client().subscribe(inbox.clone())).unwrap();
        until("a refused subscription", || {
            let error = broker.last_error()?.to_lowercase();
            (error.contains("subscription") && error.contains(&inbox.to_lowercase())).then_some(())
        });
    }
    assert_eq!(exchange.subjects(), before);
}

/// The server writes an answer wherever the reply subject of the request says. Within one account that goes round every permission.
fn detours(broker: &Broker) {
    send_with_reply(broker, "fengsui.350600.fire.case.closed", "_INBOX_fire.x", "");
    let last = json!({"last_by_subj": "fengsui.350600.fire.case.closed"}).to_string();
    let get = format!("$JS.API.DIRECT.GET.{STREAM}");
    send_with_reply(broker, &get, "fengsui.350600.tourism.case.forged", &last);
    send_with_reply(broker, "fengsui.350600.fire.case.closed", "fengsui.350600.tourism.case.forged", "{}");
    send_with_reply(broker, "fengsui.350600.fire.case.emptied", "_INBOX_fire.x", "");
    let empty = json!({"last_by_subj": "fengsui.350600.fire.case.emptied"}).to_string();
    send_with_reply(broker, &get, &format!("$JS.API.STREAM.DELETE.{STREAM}"), &empty);
}

#[test]
fn a_reply_subject_is_no_way_round_the_permissions() {
    let exchange = Exchange::running();
    let fire = connected(&exchange.fire);
    let before: u64 = exchange.subjects().values().sum();
    detours(&fire);
    // Three messages of its own are all that comes of it.
    let all = |after: &BTreeMap<String, u64>| after.values().sum::<u64>() >= before + 3;
    let after = until("the messages", || Some(exchange.subjects()).filter(all));
    assert_eq!(after.values().sum::<u64>(), before + 3, "{after:?}");
    assert_eq!(after.keys().filter(|subject| subject.contains(".tourism.")).count(), 0, "{after:?}");
    let stream = Stream::open(&fire, region()).unwrap();
    assert_eq!(stream.read(Position::FIRST, 100).unwrap().len() as u64, before + 3);
}

/// Why agencies have accounts: permissions of users within one account are got round. If this fails, docs/adr/0028 is to be thought over.
#[test]
fn within_one_account_a_reply_subject_does_get_round_the_permissions() {
    let folder = Folder::new();
    let key = ConnectionKey::generate().unwrap();
    let office = ConnectionKey::generate().unwrap();
    let config = format!(
        "listen: \"127.0.0.1:-1\"\nhttp: \"127.0.0.1:-1\"\njetstream {{ store_dir: \"{}\" }}\nauthorization {{ users: [\n\
         {{ nkey: {} }}\n{{ nkey: {}, permissions: {{ publish: [\"fengsui.350600.fire.>\", \"$JS.API.DIRECT.GET.{STREAM}\"], \
         subscribe: \"_INBOX_fire.>\" }} }} ] }}\n",
        folder.path().join("js").display(),
        office.public(),
        key.public(),
    );
    folder.write("one.conf", config);
    let mut command = Command::new(nats_server());
    command.arg("-c").arg(folder.path().join("one.conf"));
    let server = BrokerProcess::start(command, folder.path());
    let connect = |key: &ConnectionKey, inbox: &str| {
        let servers = vec![format!("nats://{}", server.clients())];
        let inbox_prefix = Some(inbox.to_owned());
        Broker::connect(BrokerOptions {
            servers,
            seed: Some(key.seed().unwrap()),
            inbox_prefix,
            ..BrokerOptions::default()
        })
        .unwrap()
    };
    let office = connect(&office, "_INBOX_office");
    Stream::create(&office, region(), 1).unwrap();
    detours(&connect(&key, "_INBOX_fire"));
    until("the end of the stream", || {
        let names = ask(&office, "$JS.API.STREAM.NAMES", &Value::Null).unwrap();
        names["streams"].as_array().is_none_or(Vec::is_empty).then_some(())
    });
}

#[test]
fn evidence_goes_into_any_bucket_and_comes_out_of_ones_own_only() {
    let exchange = Exchange::running();
    let (office, fire, tourism) =
        (connected(&exchange.office), connected(&exchange.fire), connected(&exchange.tourism));
    let bucket = "evidence-350600-tourism";
    let config = object_store::Config { bucket: bucket.to_owned(), ..object_store::Config::default() };
    office.runtime().block_on(office.context().create_object_store(config)).unwrap();
    is_denied(&fire, &format!("$JS.API.STREAM.CREATE.OBJ_{bucket}"), &json!({"name": format!("OBJ_{bucket}")}));

    let content = vec![7_u8; 300_000];
    let put = fire.runtime().block_on(async {
        let store = fire.context().get_object_store(bucket).await.unwrap();
        store.put("abc", &mut content.as_slice()).await.unwrap();
        // Whoever puts can see by its hash that something is there, and cannot read it.
        store.info("abc").await.unwrap()
    });
    assert_eq!(put.size, content.len());
    let chunks = format!("$JS.API.DIRECT.GET.OBJ_{bucket}.$O.{bucket}.C.{}", put.nuid);
    for subject in [
        chunks.as_str(),
        "$JS.API.DIRECT.GET.OBJ_evidence-350600-tourism",
        "$JS.API.STREAM.MSG.GET.OBJ_evidence-350600-tourism",
        "$JS.API.CONSUMER.CREATE.OBJ_evidence-350600-tourism.x",
        "$JS.API.STREAM.DELETE.OBJ_evidence-350600-tourism",
        "$JS.API.STREAM.PURGE.OBJ_evidence-350600-tourism",
    ] {
        is_denied(&fire, subject, &json!({"seq": 1}));
    }
    let read = tourism.runtime().block_on(async {
        let stream = tourism.context().get_stream(format!("OBJ_{bucket}")).await.unwrap();
        let (mut read, mut next) = (Vec::new(), 1);
        while read.len() < put.size {
            let subject = format!("$O.{bucket}.C.{}", put.nuid);
            let chunk = stream.direct_get_next_for_subject(subject, Some(next)).await.unwrap();
            next = chunk.sequence + 1;
            read.extend_from_slice(&chunk.payload);
        }
        read
    });
    assert_eq!(read, content);
    // A consumer could deliver what the bureau has put into its own bucket under another's prefix.
    let forging = json!({"stream_name": format!("OBJ_{bucket}"), "config": {
        "name": "x", "deliver_subject": "fengsui.350600.fire.case.forged", "ack_policy": "none"}});
    is_denied(&tourism, &format!("$JS.API.CONSUMER.CREATE.OBJ_{bucket}.x"), &forging);
    // Nor does one on the stream get anything back into it.
    let stream_consumer = json!({"stream_name": STREAM, "config": {
        "name": "x", "deliver_subject": "fengsui.350600.fire.case.forged", "ack_policy": "none"}});
    let refused = ask(&tourism, &format!("$JS.API.CONSUMER.CREATE.{STREAM}.x"), &stream_consumer).unwrap();
    assert!(refused["error"]["description"].as_str().unwrap().contains("cycle"), "{refused}");
}

#[test]
fn a_node_that_is_not_on_the_list_is_refused_and_told_why() {
    let exchange = Exchange::running();
    let urban = joining(&exchange.office, "urban");
    let refused = |folder: &Folder| match Broker::connect(options_of(folder)) {
        Err(error @ BrokerError::NotAuthorized { .. }) => Some(error.to_string()),
        _ => None,
    };
    assert!(refused(&urban).unwrap().contains("does not know this node's key"));
    let nameless = BrokerOptions { seed: None, ..options_of(&exchange.fire) };
    assert!(matches!(Broker::connect(nameless), Err(BrokerError::NotAuthorized { .. })));

    let fire = connected(&exchange.fire);
    let members = exchange.office.run(["broker", "member", "list", "--json"]).ok().json();
    let key = |agency: &str| {
        let rows = members["members"].as_array().unwrap();
        let row = rows.iter().find(|row| row["agency"] == agency).unwrap_or_else(|| panic!("{members}"));
        assert_eq!(row["signs_in"], true);
        row["connection_key"].as_str().unwrap().to_owned()
    };
    exchange.office.run(["broker", "member", "remove", &key("fire")]).ok().says(&["--signal reload="]);
    exchange.office.run(["broker", "member", "remove", &key("joint-office")]).exits(2);
    exchange
        .office
        .run(["broker", "member", "remove", &key("fire")])
        .exits(1)
        .says(&["no node has the connection key"]);
    assert!(refused(&exchange.fire).is_none(), "the server has not read it yet");
    reload(&exchange.server);
    until("the end of the connection", || (!fire.is_connected()).then_some(()));
    until("a refusal", || refused(&exchange.fire));
    connected(&exchange.tourism);
    // And back.
    let request = exchange.fire.data("join-fire.json");
    exchange.office.run(["broker", "member", "add", "--from", request.to_str().unwrap()]).ok();
    reload(&exchange.server);
    connected(&exchange.fire);
    // A lost key is replaced by another one. The node knows of its registration since it has read the stream.
    exchange.tourism.run(["agency", "list"]).ok().shows(&["tourism\t"]);
    let old = key("tourism");
    fs::remove_file(exchange.tourism.data("keys/tourism.connection.seed")).unwrap();
    let renewed = ["init", "--region", "350600", "--agency", "tourism"];
    let shown =
        exchange.tourism.run(renewed).ok().says(&["broker member add --from join-tourism.json"]).cell("connection key");
    assert_ne!(shown, old);
    let request = exchange.tourism.data("join-tourism.json");
    exchange.office.run(["broker", "member", "add", "--from", request.to_str().unwrap()]).ok();
    exchange.office.run(["broker", "member", "remove", &old]).ok();
    reload(&exchange.server);
    connected(&exchange.tourism);
    assert_eq!(exchange.office.run(["broker", "member", "list"]).ok().stdout.lines().count(), 4);
}

#[test]
fn a_suspended_agency_loses_its_users() {
    let exchange = Exchange::running();
    let fire = connected(&exchange.fire);
    exchange.office.run(["agency", "suspend", "fire", "--reason", "merged"]).ok();
    let members = exchange.office.run(["broker", "member", "list", "--json"]).ok().json();
    let standing: Vec<_> =
        members["members"].as_array().unwrap().iter().filter(|row| row["signs_in"] == true).collect();
    assert_eq!(
        standing.iter().map(|row| row["agency"].as_str().unwrap()).collect::<Vec<_>>(),
        ["joint-office", "tourism"]
    );
    exchange.office.run(["broker", "accounts"]).ok().shows(&["nodes that may sign in\t2"]);
    reload(&exchange.server);
    until("the end of the connection", || (!fire.is_connected()).then_some(()));
    until("a refusal", || {
        matches!(Broker::connect(options_of(&exchange.fire)), Err(BrokerError::NotAuthorized { .. })).then_some(())
    });
}

#[test]
fn others_read_on_while_an_agency_and_its_second_node_come_in() {
    let exchange = Exchange::running();
    let fire = connected(&exchange.fire);
    let stream = Stream::open(&fire, region()).unwrap();
    let mut tail = stream.tail(stream.head().unwrap().unwrap().next());
    assert!(tail.next_messages(10, Duration::from_millis(1)).unwrap().is_empty());

    let urban = joining(&exchange.office, "urban");
    register(&exchange.office, &urban, "urban");
    let second = Folder::new();
    fs::create_dir_all(second.data("keys")).unwrap();
    fs::copy(urban.data("keys/urban.seed"), second.data("keys/urban.seed")).unwrap();
    let exchange_file = exchange.office.data("exchange.toml");
    let words = ["init", "--region", "350600", "--agency", "urban", "--node", "2", "--exchange"];
    second.run(words.into_iter().chain([exchange_file.to_str().unwrap()])).ok();
    let request = second.data("join-urban.json");
    let again = exchange.office.run(["agency", "register", "--from", request.to_str().unwrap()]).ok();
    again.says(&["it was registered already", "--signal reload="]);
    reload(&exchange.server);
    for (node, subject) in [(&urban, "fengsui.350600.urban.case.closed"), (&second, "fengsui.350600.urban.case.opened")]
    {
        Stream::open(&connected(node), region()).unwrap().publish(&[record(subject)]).unwrap();
    }
    // The registration of the agency, and what both its nodes have published.
    let mut read = Vec::new();
    until("the reader", || {
        read.extend(tail.next_messages(10, Duration::from_secs(1)).unwrap());
        (read.len() >= 3).then_some(())
    });
    let subjects: Vec<&str> = read.iter().map(|message| message.record.as_ref().unwrap().subject.as_str()).collect();
    assert!(subjects[0].starts_with("fengsui.350600.joint-office.agency.") && subjects.len() == 3, "{subjects:?}");
    assert_eq!(subjects[1..], ["fengsui.350600.urban.case.closed", "fengsui.350600.urban.case.opened"]);
}

/// Every file of a folder with its content, but for what a database may write whenever it is opened.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else if !path.to_str().unwrap().contains(".sqlite") {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn an_exchange_is_founded_while_its_broker_is_still_down_and_a_second_time_changes_nothing() {
    let (office, port) = founded();
    let data = office.path().join(DATA);
    let before = contents(&data);
    for file in ["broker/nats-server.conf", "broker/accounts.conf", "broker/members.toml", "node.toml", "exchange.toml"]
    {
        assert!(before.contains_key(&data.join(file)), "{file}");
    }
    let mode = |file: &str| fs::metadata(data.join(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("keys/joint-office.connection.seed"), 0o600);
    office.run(found(port)).ok().says(&["it is there already", "nats-server -c"]);
    assert_eq!(contents(&data), before);
    let waiting = rusqlite::Connection::open(data.join("outbox.sqlite")).unwrap();
    let events: i64 = waiting.query_row("SELECT count(*) FROM outgoing", [], |row| row.get(0)).unwrap();
    assert_eq!(events, 2, "the registration of the authority, and the rulebook");
    drop(waiting);
    // What a run that was cut off has not made is made by the next.
    for file in ["broker/nats-server.conf", "broker/accounts.conf"] {
        fs::remove_file(data.join(file)).unwrap();
    }
    office.run(found(port)).ok();
    assert_eq!(contents(&data), before);

    let text = office.run(["broker", "config"]).ok().stdout;
    assert_eq!(text, fs::read_to_string(data.join("broker/nats-server.conf")).unwrap());
    let accounts = fs::read(data.join("broker/accounts.conf")).unwrap();
    office.run(["broker", "accounts"]).ok();
    assert_eq!(fs::read(data.join("broker/accounts.conf")).unwrap(), accounts);
    office.run(["broker", "accounts", "--out", "elsewhere.conf"]).ok();
    assert_eq!(office.read("elsewhere.conf").into_bytes(), accounts);
}

#[test]
fn what_a_folder_on_a_broker_cannot_be_is_told() {
    let (office, port) = founded();
    let other = format!("nats://127.0.0.1:{}", port - 1);
    let again = ["init", "--region", "350600", "--agency", "joint-office", "--server", &other];
    office.run(again).exits(1).says(&["names another server"]);
    // The broker would let the events of another desk out under the authority's prefix only.
    office.run(["init", "--region", "350600", "--agency", "fire"]).exits(1).says(&["a node is one agency's"]);
    office.desk("joint-office", ["agency", "register", "fire", "--from", "x.json", "--key", "U"]).exits(2);
    office.write("x.json", "{}");
    office.run(["agency", "register", "--from", "x.json"]).exits(1).says(&["no request to join"]);
    for server in ["127.0.0.1:4222", "http://127.0.0.1", "nats://user:secret@127.0.0.1"] {
        let refused = Folder::new().run([
            "init",
            "--region",
            "350600",
            "--agency",
            "joint-office",
            "--authority",
            "--server",
            server,
        ]);
        assert!(refused.exits(2).stderr.contains("--server"), "{server}");
    }
    let own_file = Folder::exchange(&["fire"]);
    own_file.run(["broker", "member", "list"]).exits(1).says(&["has no broker"]);
    own_file.run(["init", "--region", "350600", "--agency", "fire", "--server", &other]).exits(1);
    let fire = joining(&office, "fire");
    fire.run(["broker", "accounts"]).exits(7).says(&["holds no key of joint-office"]);
}

#[test]
fn key_files_that_others_can_read_are_refused() {
    let (office, port) = founded();
    let open_up = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let seed = office.data("keys/joint-office.connection.seed");
    open_up(&seed);
    office
        .run(found(port))
        .exits(1)
        .says(&["joint-office.connection.seed can be read by others (mode 0644)", "chmod 600"]);
    let opened = NodeFolder::open(office.path().join(DATA)).unwrap();
    assert!(options(&opened).unwrap_err().to_string().contains("chmod 600"));
    let other = Folder::new();
    open_up(&other.write("client.key", "key"));
    let words = format!(
        "init --region 350600 --agency joint-office --authority --server tls://127.0.0.1:{port} --certificate client.crt --client-key client.key"
    );
    other.run(words.split(' ')).exits(1).says(&["client.key can be read by others (mode 0644)"]);
    assert!(!other.path().join(DATA).join("node.toml").exists());
}

#[test]
fn with_tls_both_sides_show_a_certificate() {
    let script = project().join("deploy/tls/make-certificates.sh");
    let (office, port) = (Folder::new(), free_port());
    for words in ["authority", "server a 127.0.0.1", "client joint-office", "client fire"] {
        let made = Command::new(&script).arg(office.path().join("pki")).args(words.split(' ')).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let with = |agency: &str| {
        let file = |name: &str| office.path().join(format!("pki/clients/{agency}/{name}")).to_str().unwrap().to_owned();
        [
            "--ca".to_owned(),
            file("ca.crt"),
            "--certificate".to_owned(),
            file("client.crt"),
            "--client-key".to_owned(),
            file("client.key"),
        ]
    };
    let words = format!("init --region 350600 --agency joint-office --authority --server tls://127.0.0.1:{port}");
    office.run(words.split(' ').map(str::to_owned).chain(with("joint-office"))).ok();
    fs::create_dir(office.data("broker/tls")).unwrap();
    for file in ["ca.crt", "server.crt", "server.key"] {
        fs::copy(office.path().join("pki/servers/a").join(file), office.data("broker/tls").join(file)).unwrap();
    }
    let server = start(&office);
    office.run(["agency", "list"]).ok();
    let fire = Folder::new();
    let exchange = office.data("exchange.toml").to_str().unwrap().to_owned();
    let words = ["init", "--region", "350600", "--agency", "fire", "--exchange", &exchange].map(str::to_owned);
    fire.run(words.into_iter().chain(with("fire"))).ok();
    register(&office, &fire, "fire");
    reload(&server);
    let broker = connected(&fire);
    assert!(Stream::open(&broker, region()).unwrap().head().unwrap().is_some());

    let mut without = options_of(&fire);
    (without.tls.certificate, without.tls.key) = (None, None);
    let error = Broker::connect(without).unwrap_err();
    assert!(matches!(error, BrokerError::Tls { .. }), "{error:?}");
}
