//! `audit verify` on logs that the program made and somebody forged: each attack is found, named, and placed.

#![allow(clippy::unwrap_used)]

mod audited;

use std::fs;

use audited::{Audited, MAJORITY, OFFICE, Row, event, put, resigned, root, rows, shift, signed};
use fengsui_event::payload::CheckpointCosigned;
use fengsui_event::{Payload, Subject};
use fengsui_log::Position;
use fengsui_log::conformance::loss::rebuild_without;
use fengsui_log::conformance::server::NatsServer;
use fengsui_log::jetstream::{Broker, BrokerOptions, Stream};
use fengsui_node::keys::SigningKey;
use fengsui_proof::checkpoint::{Checkpoint, SignedCheckpoint};
use fengsui_proof::{SignatureKind, verifier_key};
use fengsui_tests::{Folder, Ran, interrupt};

/// The first report of an agency in the middle of the log.
fn report(rows: &[Row], agency: &str) -> Row {
    let wanted = format!(".{agency}.violation.reported");
    rows.iter().skip(300).find(|row| row.subject.ends_with(&wanted)).unwrap().clone()
}

#[test]
fn a_good_log_is_verified_with_its_quorum_and_what_is_not_covered_is_said() {
    let city = Audited::new();
    let rows = rows(&city.folder.path().join("log.sqlite"));
    let found = city.audit(0, &["log.sqlite"]).only(&[]);
    let head = rows.len() as u64;
    assert_eq!(found.summary["position"], head);
    assert_eq!(found.summary["root"], root(&rows).to_string());
    assert_eq!(format!("digest {}", found.summary["digest"].as_str().unwrap()), city.folder.digest());
    assert_eq!(found.summary["covered"]["size"], city.size);
    assert_eq!(found.summary["covered"]["needed"], 5);
    assert_eq!(found.summary["covered"]["cosigners"].as_array().unwrap().len(), MAJORITY.len());
    assert_eq!(found.check("signatures")["checked"], head);
    assert_eq!(found.check("chains")["checked"], 9);
    let text = city.folder.run(["audit", "verify"]).ok();
    let text = text.shows(&[&format!("{}\t{} (5/5: ", "covered by a checkpoint", city.size)]);
    text.shows(&[&format!("not yet covered\t{} - {head}", city.size + 1), "tables\t14\tgood"]);
    let zh = city.folder.run(["audit", "verify", "--lang", "zh"]).ok();
    zh.shows(&["核验项目", "签名", "核验通过"]);
}

#[test]
fn events_that_were_changed_are_named() {
    let city = Audited::new();
    let rows = rows(&city.folder.path().join("log.sqlite"));
    let (fire, tourism) = (report(&rows, "fire"), report(&rows, "tourism"));
    let at = fire.position;

    let edited = resigned(&fire, &[("\"facts\":\"", "\"facts\":\"没有")], &city.key("fire"));
    let unsigned = Row { signature: fire.signature.clone(), ..edited.clone() };
    let found = city.forged(5, &[], |log| put(log, &unsigned));
    found.at("bad_signature", at).around("root_differs", at, city.size);

    // The forger holds the agency's own key, but not its past: what follows names the old bytes.
    let next = rows.iter().find(|row| row.position > at && event(row).source == event(&fire).source).unwrap();
    let found = city.forged(5, &[], |log| put(log, &edited));
    found.at("chain_fork", next.position).around("root_differs", at, city.size);

    let keyid = format!("\"keyid\":\"{}\"", event(&fire).keyid);
    let other = format!("\"keyid\":\"{}\"", event(&tourism).keyid);
    let taken = resigned(&edited, &[(&keyid, &other)], &city.key("tourism"));
    city.forged(5, &[], |log| put(log, &taken)).at("foreign_key", at).around("root_differs", at, city.size);

    let stranger = SigningKey::generate().unwrap();
    let strange = format!("\"keyid\":\"{}\"", stranger.public());
    let taken = resigned(&edited, &[(&keyid, &strange)], &stranger);
    city.forged(5, &[], |log| put(log, &taken)).at("unknown_key", at);

    let found = city.forged(5, &[], |log| put(log, &Row { bytes: b"{}".to_vec(), ..fire.clone() }));
    found.at("malformed_envelope", at);
    let found = city.forged(5, &[], |log| put(log, &Row { id: tourism.id.clone(), ..fire.clone() }));
    found.at("id_mismatch", at);
    let found = city.forged(5, &[], |log| put(log, &Row { subject: tourism.subject.clone(), ..fire.clone() }));
    found.at("wrong_subject", at);
    let found = city.forged(5, &[], |log| {
        let sql = "UPDATE events SET id = zeroblob(3) WHERE position = ?1";
        log.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
        log.execute(sql, [at.cast_signed()]).unwrap();
    });
    found.at("unreadable", at).at("lost", at);
}

#[test]
fn events_that_were_moved_put_in_or_taken_out_are_named() {
    let city = Audited::new();
    let rows = rows(&city.folder.path().join("log.sqlite"));
    let at = report(&rows, "fire").position;
    let row = |position: u64| rows[usize::try_from(position - 1).unwrap()].clone();

    // Both are genuine, so only the tree can tell.
    let swap = |log: &rusqlite::Connection| {
        put(log, &Row { position: at, ..row(at + 1) });
        put(log, &Row { position: at + 1, ..row(at) });
    };
    city.forged(5, &[], swap).around("root_differs", at, city.size);

    let found = city.forged(5, &[], |log| {
        log.execute("DELETE FROM events WHERE position = ?1", [at.cast_signed()]).unwrap();
    });
    found.at("lost", at).around("root_differs", at, city.size);

    // The gap is closed; the next event of that source shows it.
    let source = event(&row(at)).source;
    let next = rows.iter().find(|row| row.position > at && event(row).source == source).unwrap().position;
    let found = city.forged(5, &[], |log| {
        log.execute("DELETE FROM events WHERE position = ?1", [at.cast_signed()]).unwrap();
        shift(log, at, -1);
    });
    found.at("chain_gap", next - 1).around("root_differs", at, city.size);

    let stranger = SigningKey::generate().unwrap();
    let put_in = signed(&rows, "fire", &stranger, event(&row(at)).subject, event(&row(at)).payload().unwrap().clone());
    let found = city.forged(5, &[], |log| {
        shift(log, at, 1);
        put(log, &Row { position: at, ..put_in });
    });
    found.at("unknown_key", at).around("root_differs", at, city.size);

    // An old event, put in once more.
    let found = city.forged(5, &[], |log| {
        shift(log, at, 1);
        put(log, &Row { position: at, ..row(at - 1) });
    });
    found.around("root_differs", at, city.size).only(&["root_differs"]);

    // Without the events that hold the checkpoint, and one that it covers.
    let size = city.size.cast_signed();
    let drop_tail = |log: &rusqlite::Connection| {
        log.execute("DELETE FROM events WHERE position >= ?1", [size]).unwrap();
    };
    city.forged(5, &["--trusted", "good.note"], drop_tail).at("dropped_tail", city.size);
    // Nobody who has only the log can know.
    city.forged(0, &[], drop_tail).only(&["no_checkpoint"]);
}

#[test]
fn tiles_show_where_a_log_was_changed_though_every_event_is_genuine() {
    let city = Audited::new();
    let data = city.folder.path().join(fengsui_tests::DATA);
    let log = fengsui_log::Embedded::open_reader(data.join("log.sqlite")).unwrap();
    drop(fengsui_node::checkpoints::LogTree::open(&data, &log, &mut fengsui_projector::Unwatched).unwrap());
    log.close().unwrap();
    let good = city.audit(0, &["fengsui-data"]).only(&[]);
    assert!(good.check("tiles")["checked"].as_u64().unwrap() >= 5, "{good:?}");

    let before = rows(&data.join("log.sqlite"));
    let at = report(&before, "fire").position;
    let row = |position: u64| before[usize::try_from(position - 1).unwrap()].clone();
    audited::without_triggers(&data.join("log.sqlite"));
    let log = rusqlite::Connection::open(data.join("log.sqlite")).unwrap();
    put(&log, &Row { position: at, ..row(at + 1) });
    put(&log, &Row { position: at + 1, ..row(at) });
    drop(log);
    let found = city.audit(5, &["fengsui-data"]);
    found.at("tile_differs", at).around("root_differs", at, city.size);
}

#[test]
fn a_stream_is_audited_where_it_is_and_what_it_has_lost_is_named() {
    let city = Audited::new();
    let (server, mut lossy) = (NatsServer::start(), NatsServer::start());
    let (good, bad) = (server.url(), lossy.url());
    city.folder.run(["log", "copy", "--from", "log.sqlite", "--to", &good, "--region", "350600"]).ok();
    let whole = city.audit(0, &["log.sqlite"]).summary;
    let found = city.audit(0, &[&good, "--region", "350600"]).only(&[]).summary;
    assert_eq!((&found["root"], &found["digest"]), (&whole["root"], &whole["digest"]));
    let broker = Broker::connect(BrokerOptions { servers: vec![good], ..BrokerOptions::default() }).unwrap();
    let stream = Stream::open(&broker, "350600".parse().unwrap()).unwrap();
    rebuild_without(&stream, &mut lossy, &[Position::new(300).unwrap(), Position::new(301).unwrap()]);
    let found = city.audit(5, &[&bad, "--region", "350600"]);
    assert_eq!(found.check("positions")["failed"], 2, "{found:?}");
    found.at("lost", 300).around("root_differs", 300, city.size);
    lossy.stop();
    city.folder
        .run(["audit", "verify", &bad, "--region", "350600", "--exchange", "fengsui-data/exchange.toml"])
        .exits(6);
}

#[test]
fn a_key_that_has_ended_is_worth_nothing_afterwards() {
    let city = Audited::new();
    let old = city.key("tourism");
    let urban = city.key("urban").public();
    city.folder.desk("tourism", ["agency", "rotate-key"]).ok();
    city.folder.run(["agency", "revoke-key", &urban, "--reason", "laptop stolen", "--agency", OFFICE]).ok();
    city.folder.run(["agency", "suspend", "housing", "--reason", "dissolved", "--agency", OFFICE]).ok();
    city.folder.run(["log", "copy", "--from", fengsui_tests::DATA, "--to", "log.sqlite"]).ok();
    city.audit(0, &["log.sqlite"]).only(&[]);
    let rows = rows(&city.folder.path().join("log.sqlite"));
    for (agency, key, code) in [
        ("tourism", old, "ended_key"),
        ("urban", city.key("urban"), "ended_key"),
        ("housing", city.key("housing"), "suspended_agency"),
    ] {
        let model = report(&rows, agency);
        let (subject, payload) = (event(&model).subject, event(&model).payload().unwrap().clone());
        let late = signed(&rows, agency, &key, subject, payload);
        city.forged(5, &[], |log| put(log, &late)).at(code, late.position).only(&[code]);
    }
}

#[test]
fn checkpoints_that_are_forged_or_contradict_each_other_are_named() {
    let city = Audited::new();
    let rows = rows(&city.folder.path().join("log.sqlite"));
    let good: SignedCheckpoint = city.folder.read("good.note").parse().unwrap();
    let Checkpoint { origin, size, root: good_root, .. } = *good.checkpoint();

    // By whoever holds the key of an agency, but not the authority's.
    let forged = SignedCheckpoint::sign(Checkpoint::new(origin, size, good_root, None), &city.key("fire"));
    city.folder.write("forged.note", forged.to_string());
    city.audit(5, &["log.sqlite", "--trusted", "forged.note"]).only(&["forged_checkpoint"]);

    // The same on the log, where the broker cannot know better.
    let mut on_log = forged.clone();
    on_log.cosign(&origin.cosigner_name("fire".parse().unwrap()), 1_700_000_000, &city.key("fire")).unwrap();
    let payload = Payload::CheckpointCosigned(CheckpointCosigned { note: on_log.to_string() });
    let row = signed(&rows, "fire", &city.key("fire"), Subject::Region(origin.region()), payload);
    city.forged(5, &[], |log| put(log, &row)).at("forged_checkpoint", row.position).only(&["forged_checkpoint"]);

    // By the authority itself, for those who shall see another history.
    let mut other_rows = rows.clone();
    other_rows.truncate(usize::try_from(size).unwrap());
    other_rows.swap(300, 301);
    let other = Checkpoint::new(origin, size, root(&other_rows), None);
    let other = SignedCheckpoint::sign(other, &city.key(OFFICE));
    city.folder.write("other.note", other.to_string());
    let found = city.audit(5, &["log.sqlite", "--trusted", "other.note"]);
    found.at("split_view", size).around("root_differs", 301, size).only(&["split_view", "root_differs"]);

    // The same on the log: those who cosigned it have seen another one.
    city.cosign(&other, &[OFFICE, "fire"]);
    let split = self::rows(&city.folder.data("log.sqlite")).len() as u64 - 1;
    let found = city.audit(5, &["fengsui-data"]).at("split_view", split);
    found.around("root_differs", 301, size).only(&["split_view", "root_differs"]);
}

#[test]
fn what_a_checkpoint_states_of_the_state_is_compared_and_older_ones_are_only_remarked() {
    let city = Audited::new();
    let before = rows(&city.folder.path().join("log.sqlite"));
    let older = Checkpoint::new(audited::origin(), 500, root(&before[..500]), None);
    city.cosign(&SignedCheckpoint::sign(older, &city.key(OFFICE)), &["fire"]);
    let at = before.len() as u64 + 1;
    city.audit(0, &["fengsui-data"]).at("rollback", at).only(&["rollback"]);

    let digest = city.folder.digest().trim_start_matches("digest sha256:").parse().unwrap();
    let right = city.checkpoint(Some(digest));
    city.cosign(&right, &[OFFICE, "fire"]);
    let found = city.audit(0, &["fengsui-data"]).only(&["rollback"]);
    assert_eq!(found.check("digest")["checked"], 1, "{found:?}");

    // A checkpoint whose digest is not that of the log.
    let wrong = city.checkpoint(Some(fengsui_event::Digest::of(b"another state")));
    city.cosign(&wrong, &[OFFICE, "fire"]);
    let at = wrong.checkpoint().size;
    city.audit(4, &["fengsui-data"]).at("digest_differs", at).only(&["digest_differs", "rollback"]);
    // The next audit, which does not come by there again, has not forgotten it.
    for _ in 0..2 {
        let found = city.audit(4, &["fengsui-data", "--work", "work"]);
        found.at("digest_differs", at).only(&["digest_differs", "rollback"]);
    }
}

#[test]
fn a_quorum_is_more_than_half_of_the_others_and_counts_each_once() {
    let folder = Folder::small_demo();
    let city = Audited { folder, size: 0 };
    let note = city.checkpoint(None);
    city.cosign(&note, &[&[OFFICE], &MAJORITY[..4]].concat());
    let found = city.audit(5, &["fengsui-data"]).only(&["no_quorum"]);
    assert_eq!(found.summary["covered"], serde_json::Value::Null);
    city.audit(0, &["fengsui-data", "--quorum", "4"]).only(&[]);
    city.audit(5, &["fengsui-data", "--quorum", "5"]).only(&["no_quorum"]);
    // A part that none of them covers has none.
    let part = ["log.sqlite", "--until", "500", "--trusted", "part.note"];
    city.folder.write("part.note", note.to_string());
    city.folder.run(["log", "copy", "--from", fengsui_tests::DATA, "--to", "log.sqlite"]).ok();
    city.audit(0, &part).only(&["no_checkpoint"]);
    city.audit(5, &[&part[..], &["--quorum", "4"]].concat()).only(&["no_checkpoint"]);

    // A supervisor who is no agency cosigns in a file; a second name for a known key adds nobody.
    let supervisor = SigningKey::generate().unwrap();
    let name = "supervisor.example";
    let (mut file, now) = (note.clone(), 1_800_000_000);
    file.cosign(name, now, &supervisor).unwrap();
    file.cosign("another.example", now, &city.key("fire")).unwrap();
    city.folder.write("supervised.note", file.to_string());
    let vkey = |name: &str, key: &SigningKey| {
        verifier_key(name, fengsui_event::Signer::keyid(key), SignatureKind::Cosignature)
    };
    let (good, second) = (vkey(name, &supervisor), vkey("another.example", &city.key("fire")));
    let words = ["fengsui-data", "--trusted", "supervised.note", "--cosigner"];
    city.audit(0, &[&words[..], &[&good]].concat()).only(&[]);
    city.audit(5, &[&words[..], &[&second]].concat()).only(&["no_quorum"]);
    city.folder.run(["audit", "verify", "--cosigner", "nonsense"]).exits(2).says(&["cosigner"]);
    city.folder.run(["audit", "verify", "--cosigner", "nonsense", "--lang", "zh"]).exits(2).says(&["应为会签者公钥"]);
}

#[test]
fn tables_that_are_not_those_of_the_log_are_a_difference() {
    let city = Audited::new();
    let model = city.folder.path().join("model.sqlite");
    fs::copy(city.folder.data("model.sqlite"), &model).unwrap();
    let head = rows(&city.folder.path().join("log.sqlite")).len() as u64;
    let words = ["log.sqlite", "--model", "model.sqlite"];
    city.audit(0, &words).only(&[]);
    let tables = rusqlite::Connection::open(&model).unwrap();
    let sql = "UPDATE entries SET points = points - 1 WHERE rowid_of = 0";
    let sql = sql.replace("rowid_of = 0", "(unit, number) = (SELECT unit, number FROM entries LIMIT 1)");
    assert_eq!(tables.execute(&sql, []).unwrap(), 1);
    drop(tables);
    city.audit(4, &words).at("model_differs", head).only(&["model_differs", "table_differs"]);

    // Both at once: what is wrong with the log counts more.
    let fire = report(&rows(&city.folder.path().join("log.sqlite")), "fire");
    let found = city.forged(5, &words[1..], |log| put(log, &Row { signature: vec![0; 64], ..fire.clone() }));
    found.at("bad_signature", fire.position).at("model_differs", head);
    let drop_tail = |log: &rusqlite::Connection| {
        log.execute("DELETE FROM events WHERE position > 900", []).unwrap();
    };
    city.forged(4, &words[1..], drop_tail).at("model_ahead", 901).only(&["model_ahead", "no_checkpoint"]);
    fs::write(&model, b"nothing").unwrap();
    city.audit(4, &words).only(&["model_unreadable"]);
}

#[test]
fn whatever_people_are_shown_is_compared() {
    let city = Audited::new();
    let place = city.folder.path();
    let head = rows(&place.join("log.sqlite")).len() as u64;
    let path = place.join("model.sqlite");
    // An earlier audit had no tables to compare, and so has drawn none.
    fs::copy(city.folder.data("model.sqlite"), &path).unwrap();
    let (bare, beside) = (["log.sqlite", "--work", "work"], ["--model", "model.sqlite"]);
    city.audit(0, &bare).only(&[]);
    for (begun_at, words) in [(0, &beside[..]), (head, &beside[..]), (head, &[])] {
        assert_eq!(city.audit(0, &[&bare[..], words].concat()).only(&[]).summary["begun_at"], begun_at);
    }
    // None of these columns is covered by the state digest.
    for sql in [
        "UPDATE accounts SET total = total + 1 WHERE unit = (SELECT min(unit) FROM accounts)",
        "UPDATE accounts SET name = '好单位' WHERE unit = (SELECT min(unit) FROM accounts)",
        "UPDATE cases SET status = 'closed' WHERE id = (SELECT min(id) FROM cases WHERE status <> 'closed')",
        "UPDATE referrals SET addressee = 'fire' WHERE addressee = 'tourism'",
        "UPDATE deadlines SET due_on = '2099-01-01'",
        "DELETE FROM feedback WHERE slot = 0",
        "UPDATE agencies SET keys = '' WHERE code = 'fire'",
        "UPDATE rulebooks SET effective_from = '2000-01-01'",
        "UPDATE event_ids SET position = position + 1 WHERE position = 7",
        "DELETE FROM days WHERE day = (SELECT min(day) FROM days)",
        "UPDATE sources SET gaps = 1 WHERE source = (SELECT min(source) FROM sources)",
    ] {
        fs::copy(city.folder.data("model.sqlite"), &path).unwrap();
        assert!(rusqlite::Connection::open(&path).unwrap().execute(sql, []).unwrap() > 0, "{sql}");
        let found = city.audit(4, &["log.sqlite", "--model", "model.sqlite"]);
        found.at("table_differs", head).only(&["table_differs"]);
        city.audit(4, &[&bare[..], &beside].concat()).at("table_differs", head).only(&["table_differs"]);
    }
}

#[test]
fn an_audit_goes_on_from_what_was_verified_and_knows_another_log() {
    let city = Audited::new();
    let whole = city.audit(0, &["log.sqlite"]).summary;
    let part = city.audit(0, &["log.sqlite", "--work", "work", "--until", "500"]).only(&["no_checkpoint"]);
    assert_eq!((&part.summary["position"], &part.summary["begun_at"]), (&500.into(), &0.into()));
    let rest = city.audit(0, &["log.sqlite", "--work", "work"]).only(&[]).summary;
    assert_eq!((&rest["begun_at"], &rest["root"], &rest["digest"]), (&500.into(), &whole["root"], &whole["digest"]));
    let again = city.audit(0, &["log.sqlite", "--work", "work"]).only(&[]).summary;
    assert_eq!((&again["begun_at"], &again["root"]), (&whole["position"], &whole["root"]));

    let head = whole["position"].as_u64().unwrap();
    let older = |log: &rusqlite::Connection| {
        log.execute("DELETE FROM events WHERE position > 900", []).unwrap();
    };
    city.forged(5, &["--work", "work"], older).at("rollback", 901);
    let last = rows(&city.folder.path().join("log.sqlite")).pop().unwrap();
    let other = |log: &rusqlite::Connection| {
        put(log, &Row { bytes: b"{}".to_vec(), ..last.clone() });
    };
    city.forged(5, &["--work", "work"], other).at("log_differs", head);
    // What was found before is still found; what was verified stays.
    city.audit(0, &["log.sqlite", "--work", "work"]).only(&[]);

    // A node's own tables are not an audit's.
    let ran = city.folder.run(["audit", "verify", "log.sqlite", "--work", "fengsui-data", "--json"]).exits(1);
    assert_eq!(ran.json_error()["code"], "not_own_folder", "{ran}");

    // Whoever trusts others from the start audits something else.
    let key = SigningKey::generate().unwrap().public();
    let exchange = city.folder.read("fengsui-data/exchange.toml");
    let own = city.key(OFFICE).public();
    city.folder.write("other.toml", exchange.replace(&own, &key));
    let words = ["audit", "verify", "log.sqlite", "--work", "work", "--exchange", "other.toml", "--json"];
    assert_eq!(city.folder.run(words).exits(1).json_error()["code"], "other_trust");
    city.folder
        .run(["audit", "verify", "log.sqlite", "--exchange", "other.toml"])
        .exits(5)
        .shows(&["unknown_key\t#1\t"]);
}

#[test]
fn an_audit_that_was_interrupted_keeps_what_it_has_verified() {
    let folder = Folder::new();
    folder.run(["demo", "--units", "30", "--violations", "500"]).ok();
    let summary = |words: &[&str]| folder.run(words).ok().json_lines().pop().unwrap();
    let whole = summary(&["audit", "verify", "--json"]);
    let words = ["audit", "verify", "--json", "--work", "work"];
    let mut child = folder.spawn(words);
    while !folder.path().join("work/tree/tile/0/000").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it had begun");
        std::thread::yield_now();
    }
    interrupt(&child);
    let stopped = Ran::ended(&folder.command(words), child.wait_with_output().unwrap());
    stopped.exits(130).says(&["verified up to position", "goes on from there"]);
    let rest = summary(&words);
    let (begun_at, head) = (rest["begun_at"].as_u64().unwrap(), whole["position"].as_u64().unwrap());
    assert!(begun_at > 0 && begun_at < head, "{rest}");
    assert_eq!((&rest["root"], &rest["digest"]), (&whole["root"], &whole["digest"]));

    // Killed, not asked to stop: what it has verified since is verified again.
    let note = folder.read("work/audit.json");
    folder.write("work/audit.json", note.replace(&format!("\"position\": {head}"), "\"position\": 100"));
    let anew = summary(&words);
    assert_eq!((&anew["begun_at"], &anew["root"]), (&0.into(), &whole["root"]));
}

#[test]
fn an_audit_begins_from_a_snapshot_whose_state_was_cosigned() {
    let city = Audited::new();
    let digest = city.folder.digest().trim_start_matches("digest sha256:").parse().unwrap();
    let note = city.checkpoint(Some(digest));
    let size = note.checkpoint().size;
    city.cosign(&note, &[&[OFFICE], &MAJORITY[..]].concat());
    city.folder.run(["snapshot", "write", "--out", "city.snapshot"]).ok();
    city.folder.run(["log", "copy", "--from", fengsui_tests::DATA, "--to", "log.sqlite"]).ok();
    let whole = city.audit(0, &["log.sqlite"]).summary;
    let begin = |work: &'static str| ["log.sqlite", "--snapshot", "city.snapshot", "--work", work];
    let rest = city.audit(0, &begin("new")).only(&[]).summary;
    assert_eq!((&rest["begun_at"], &rest["root"], &rest["digest"]), (&size.into(), &whole["root"], &whole["digest"]));
    assert_eq!(rest["covered"]["size"], size);
    // The folder is an audit's own from now on.
    let again = city.audit(0, &begin("new")).only(&[]).summary;
    assert_eq!(again["begun_at"], whole["position"]);

    let refused = |words: &[&str], exit: i32, code: &str| {
        let first = ["audit", "verify", "--json", "--exchange", "fengsui-data/exchange.toml"];
        let ran = city.folder.run(first.iter().chain(words)).exits(exit);
        let error = ran.stderr.lines().last().unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(error).unwrap()["code"], code, "{ran}");
    };
    refused(&[&begin("w1")[..], &["--quorum", "6"]].concat(), 1, "no_quorum");
    refused(&["log.sqlite", "--snapshot", "city.snapshot"], 2, "usage");
    // An event that lies before the snapshot is not looked into, and still cannot be changed.
    let path = city.copy("forged.sqlite");
    let fire = report(&rows(&path), "fire");
    let edited = resigned(&fire, &[("\"facts\":\"", "\"facts\":\"没有")], &city.key("fire"));
    put(&rusqlite::Connection::open(&path).unwrap(), &edited);
    refused(&["forged.sqlite", "--snapshot", "city.snapshot", "--work", "w2"], 5, "snapshot_root");
}

#[test]
fn findings_of_an_earlier_audit_are_not_forgotten() {
    let city = Audited::new();
    let fire = report(&rows(&city.folder.path().join("log.sqlite")), "fire");
    let path = city.copy("forged.sqlite");
    put(&rusqlite::Connection::open(&path).unwrap(), &Row { signature: vec![0; 64], ..fire.clone() });
    let words = ["forged.sqlite", "--work", "work"];
    city.audit(5, &words).at("bad_signature", fire.position);
    city.audit(5, &words).at("bad_signature", fire.position);
}

#[test]
fn whom_to_trust_is_said_and_asked_for() {
    let city = Audited::new();
    let outside = Folder::new();
    fs::copy(city.folder.path().join("log.sqlite"), outside.path().join("log.sqlite")).unwrap();
    let ran = outside.run(["audit", "verify", "log.sqlite"]).ok();
    ran.says(&["warning", "--exchange", &city.key(OFFICE).public()]);
    let data = city.folder.path().join(fengsui_tests::DATA);
    outside.run(["audit".as_ref(), "verify".as_ref(), data.as_os_str()]).ok().says(&["from what is audited itself"]);
    city.folder.run(["audit", "verify"]).ok().says(&[]);
    outside.run(["audit", "verify", "absent.sqlite"]).exits(1);
    outside.run(["audit", "verify"]).exits(1);
    let ran = outside.run(["audit", "verify", "log.sqlite", "--until", "99999", "--json"]).exits(1);
    assert!(ran.stderr.contains("beyond_head"), "{ran}");
}
