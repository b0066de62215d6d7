//! Checkpoints by hand, in one folder with all desks: signed, cosigned, handed on, proven from, and held against other histories.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use fengsui_event::{Decoded, Event, Payload};
use fengsui_log::{Embedded, EventLog as _, Position};
use fengsui_proof::checkpoint::SignedCheckpoint;
use fengsui_proof::proof_file::ProofFile;
use fengsui_proof::tree::{Frontier, Hash, leaf_hash};
use fengsui_tests::{DATA, Folder, Ran};

const AGENCIES: [&str; 3] = ["fire", "housing", "tourism"];

fn report(folder: &Folder, facts: &str) -> Ran {
    let words =
        "violation report --unit 91350602MA0000015U --name 瑞和宾馆 --region 350602 --category fire.60-3 --facts";
    folder.desk("tourism", words.split(' ').chain([facts])).ok()
}

fn line(folder: &Folder, line: &str) -> Ran {
    folder.run(line.split_whitespace())
}

/// The root of the first positions of a folder's log, by a tree of this test's own.
fn root(folder: &Folder, size: u64) -> Hash {
    let log = Embedded::open_reader(folder.data("log.sqlite")).unwrap();
    let mut tree = Frontier::new();
    for stored in log.read(Position::FIRST, usize::try_from(size).unwrap()).unwrap() {
        tree.push(leaf_hash(&stored.record.bytes));
    }
    tree.root()
}

fn head(folder: &Folder) -> u64 {
    line(folder, "log head --json").ok().json()["position"].as_u64().unwrap()
}

/// The sizes that each agency has cosigned on the log, in order.
fn cosigned(folder: &Folder) -> BTreeMap<String, Vec<u64>> {
    let log = Embedded::open_reader(folder.data("log.sqlite")).unwrap();
    let mut sizes: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for stored in log.read(Position::FIRST, usize::MAX).unwrap() {
        let Ok(event) = Event::parse(&stored.record.bytes) else { continue };
        if let Decoded::Known(Payload::CheckpointCosigned(data)) = event.data {
            let note: SignedCheckpoint = data.note.parse().unwrap();
            sizes.entry(event.source.agency.to_string()).or_default().push(note.checkpoint().size);
        }
    }
    sizes
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Changes one byte of the event at a position.
fn change_a_byte(folder: &Folder, position: i64) {
    let log = rusqlite::Connection::open(folder.data("log.sqlite")).unwrap();
    log.execute_batch("DROP TRIGGER events_never_change").unwrap();
    let read = |row: &rusqlite::Row<'_>| row.get::<_, Vec<u8>>(0);
    let mut bytes = log.query_row("SELECT bytes FROM events WHERE position = ?1", [position], read).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    log.execute("UPDATE events SET bytes = ?2 WHERE position = ?1", (position, bytes)).unwrap();
}

#[test]
fn a_checkpoint_goes_its_way_from_signing_to_a_proof_that_a_stranger_checks() {
    let folder = Folder::exchange(&AGENCIES);
    let none = line(&folder, "checkpoint list").ok();
    assert_eq!(none.stdout.lines().count(), 1, "{none}");
    none.says(&["there is no checkpoint yet"]);
    assert_eq!(line(&folder, "checkpoint show --json").exits(1).json_error()["code"], "no_checkpoint");
    assert_eq!(line(&folder, "checkpoint cosign --json").exits(1).json_error()["code"], "no_checkpoint");
    report(&folder, "安全出口上锁");
    let size = head(&folder);
    let signed = line(&folder, "checkpoint sign --digest --json").ok().json();
    assert_eq!((signed["signed"].as_bool(), signed["size"].as_u64()), (Some(true), Some(size)));
    assert_eq!(signed["root"], root(&folder, size).to_string());
    assert_eq!(line(&folder, "checkpoint sign --json").ok().json()["signed"], false);

    let cosigned = line(&folder, "checkpoint cosign --json").ok().json();
    let new: Vec<(&str, bool)> = cosigned["cosigned"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["agency"].as_str().unwrap(), row["new"].as_bool().unwrap()))
        .collect();
    assert_eq!(new, [("fire", true), ("housing", true), ("joint-office", false), ("tourism", true)]);
    line(&folder, "checkpoint cosign --agency fire").ok().shows(&["fire\t", "cosigned before"]);
    let shown = line(&folder, "checkpoint show latest --json").ok().json();
    assert_eq!(
        (shown["checkpoint"]["quorum"].as_bool(), shown["checkpoint"]["needed"].as_u64()),
        (Some(true), Some(2))
    );

    // The proof is checked where there is nothing but it, the event and the exchange file.
    line(&folder, "checkpoint prove 3 --out 3.tlog-proof").ok();
    let event = line(&folder, "log show 3 --raw").ok().stdout;
    let stranger = Folder::new();
    for (name, content) in [("3.json", event.clone()), ("3.tlog-proof", folder.read("3.tlog-proof"))] {
        stranger.write(name, content);
    }
    fs::copy(folder.data("exchange.toml"), stranger.path().join("exchange.toml")).unwrap();
    let check = "checkpoint check 3.tlog-proof --event 3.json --exchange exchange.toml --json";
    let checked = line(&stranger, check).ok().json();
    assert_eq!((checked["result"].as_str(), checked["position"].as_u64()), (Some("included"), Some(3)));
    let proof: ProofFile = stranger.read("3.tlog-proof").parse().unwrap();
    proof.verify(leaf_hash(event.as_bytes())).unwrap();
    assert_eq!((proof.inclusion.index, proof.checkpoint.checkpoint().root), (2, root(&folder, size)));
    stranger.write("3.json", event.replacen('e', "f", 1));
    assert_eq!(line(&stranger, check).exits(5).json_error()["code"], "bad_proof");
    line(&stranger, "checkpoint check 3.tlog-proof --exchange exchange.toml").exits(2);
    line(&folder, &format!("checkpoint prove {} --out none", head(&folder))).exits(1).says(&["no checkpoint covers"]);
    line(&folder, "checkpoint prove 1000 --out none").exits(1);
    assert!(!folder.path().join("none").exists());
    let anomalies = line(&folder, "anomaly list --json").ok().json();
    assert_eq!(anomalies["anomalies"].as_array().map(Vec::len), Some(0), "{anomalies}");
    line(&folder, "doctor").shows(&["good\tcheckpoints", "good\tcosignatures\t3 of 3", "good\tsigned"]);
}

#[test]
fn a_supervisor_cosigns_into_a_file_and_counts_where_he_is_named() {
    let folder = Folder::exchange(&AGENCIES);
    line(&folder, "checkpoint sign").ok();
    let made = line(&folder, "checkpoint key supervisor.seed --name supervisor.example/office --json").ok().json();
    assert_eq!(made["new"], true);
    let vkey = made["vkey"].as_str().unwrap();
    let again = line(&folder, "checkpoint key supervisor.seed --name supervisor.example/office --json").ok().json();
    assert_eq!((again["new"].as_bool(), again["vkey"].as_str()), (Some(false), Some(vkey)));
    line(&folder, "checkpoint key other.seed --name a+b").exits(2);
    assert!(!folder.path().join("other.seed").exists(), "no key is made for a name that cannot be used");
    let cosign = "checkpoint cosign --key supervisor.seed --name supervisor.example/office --out cosigned.note";
    let before = head(&folder);
    line(&folder, cosign).ok();
    let first = folder.read("cosigned.note");
    line(&folder, cosign).ok();
    assert_eq!((folder.read("cosigned.note"), head(&folder)), (first, before), "the same note, and nothing on the log");
    let check = "checkpoint check cosigned.note --exchange fengsui-data/exchange.toml --quorum 1 --json";
    assert_eq!(line(&folder, check).exits(5).json_error()["code"], "no_quorum");
    let checked = line(&folder, &format!("{check} --cosigner {vkey}")).ok().json();
    assert_eq!(checked["cosigned"][0]["name"], "supervisor.example/office");
    // Later he cosigns nothing older.
    line(&folder, "checkpoint show --note").ok();
    folder.write("old.note", line(&folder, "checkpoint show --note").ok().stdout);
    report(&folder, "安全出口上锁");
    line(&folder, "checkpoint sign").ok();
    line(&folder, cosign).ok();
    let older = cosign.replace("checkpoint cosign", "checkpoint cosign old.note --json");
    assert_eq!(line(&folder, &older).exits(1).json_error()["code"], "older_checkpoint");
}

#[test]
fn only_the_authority_signs_and_strange_notes_are_refused_by_name() {
    let folder = Folder::exchange(&AGENCIES);
    let elsewhere = Folder::new();
    fs::copy(folder.data("exchange.toml"), elsewhere.path().join("exchange.toml")).unwrap();
    line(&elsewhere, "init --region 350600 --agency urban --exchange exchange.toml").ok();
    assert_eq!(line(&elsewhere, "checkpoint sign --json").exits(7).json_error()["code"], "no_key");
    line(&folder, "checkpoint sign").ok();
    let note = line(&folder, "checkpoint show --note").ok().stdout;
    let check = |name: &str, text: String, code: &str| {
        folder.write(name, text);
        let refused = line(&folder, &format!("checkpoint check {name} --json")).exits(5);
        assert_eq!(refused.json_error()["code"], code, "{refused}");
        line(&folder, &format!("checkpoint cosign {name} --agency fire")).exits(5);
    };
    check("no.note", "hello\n".to_owned(), "not_a_checkpoint");
    check("size.note", note.replacen("\n5\n", "\n4\n", 1), "bad_signature");
    check("other.note", note.replace("regions/350600", "regions/350200"), "other_log");
    let unsigned: String = note
        .lines()
        .filter(|line| !line.starts_with("\u{2014} fengsui.cn/regions/350600 "))
        .fold(String::new(), |text, line| text + line + "\n");
    check("unsigned.note", unsigned, "not_signed");
    assert_eq!(cosigned(&folder).keys().collect::<Vec<_>>(), ["joint-office"]);
}

#[test]
fn a_log_with_one_byte_changed_is_not_cosigned() {
    let folder = Folder::exchange(&AGENCIES);
    report(&folder, "安全出口上锁");
    line(&folder, "checkpoint sign").ok();
    change_a_byte(&folder, 3);
    let refused = line(&folder, "checkpoint cosign --agency fire --json").exits(5).json_error();
    assert_eq!(refused["code"], "split_view");
    assert_eq!(fs::read_dir(folder.data("split-views")).unwrap().count(), 1);
    line(&folder, "doctor").exits(1).shows(&["broken\tcheckpoints", "broken\tsplit_view"]);
    assert_eq!(cosigned(&folder).keys().collect::<Vec<_>>(), ["joint-office"]);
}

/// The authority shows one history to the one and another history to the other; both have the same size.
#[test]
fn two_histories_of_one_size_are_seen_by_exchanging_notes() {
    let (one, other) = (Folder::exchange(&AGENCIES), Folder::new());
    copy_folder(&one.path().join(DATA), &other.path().join(DATA));
    for (folder, facts) in [(&one, "安全出口上锁"), (&other, "灭火器过期")] {
        report(folder, facts);
        line(folder, "checkpoint sign").ok();
        line(folder, "checkpoint cosign").ok();
        folder.write("own.note", line(folder, "checkpoint show --note").ok().stdout);
    }
    let size = |folder: &Folder| line(folder, "checkpoint show --json").ok().json()["checkpoint"]["size"].as_u64();
    assert_eq!(size(&one), size(&other));
    for (folder, from) in [(&one, &other), (&other, &one)] {
        let theirs = from.read("own.note");
        folder.write("theirs.note", &theirs);
        line(folder, "checkpoint check own.note").ok();
        let told = line(folder, "checkpoint check theirs.note --json").exits(5).json_error();
        assert_eq!(told["code"], "split_view");
        let kept: Vec<_> = fs::read_dir(folder.data("split-views")).unwrap().flatten().collect();
        assert_eq!(kept.len(), 1);
        let evidence = fs::read_to_string(kept[0].path()).unwrap();
        assert!(evidence.contains(&theirs) && evidence.contains(&folder.read("own.note")), "{evidence}");
        assert_eq!(
            line(folder, "checkpoint cosign theirs.note --agency fire --json").exits(5).json_error()["code"],
            "split_view"
        );
    }
}

#[test]
fn commands_that_are_killed_while_they_cosign_leave_one_cosignature_each() {
    let folder = Folder::exchange(&AGENCIES);
    for (round, pause_ms) in [2, 10, 20, 30, 45, 60, 90, 130].into_iter().enumerate() {
        report(&folder, &format!("第{round}号"));
        for command in ["checkpoint sign", "checkpoint cosign"] {
            let mut child = folder.spawn(command.split(' '));
            std::thread::sleep(Duration::from_millis(pause_ms));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        line(&folder, "checkpoint sign").ok();
        line(&folder, "checkpoint cosign").ok();
    }
    let sizes = cosigned(&folder);
    assert_eq!(sizes.len(), AGENCIES.len() + 1);
    for (agency, sizes) in &sizes {
        assert!(sizes.is_sorted_by(|one, other| one < other), "{agency}: {sizes:?}");
    }
    assert_eq!(sizes["fire"].last(), sizes["joint-office"].last());
    let anomalies = line(&folder, "anomaly list --json").ok().json();
    assert_eq!(anomalies["anomalies"].as_array().map(Vec::len), Some(0), "{anomalies}");
}
