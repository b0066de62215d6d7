//! Archives that somebody changed: the program and the independent one both refuse each, and name the kind.

#![allow(clippy::unwrap_used)]

mod archived;

use std::fs;
use std::path::Path;

use archived::{Archived, event, reseal};
use fengsui_event::{ChainLink, Draft, KeyId, Signer as _};
use fengsui_node::keys::SigningKey;
use fengsui_proof::archive::{ArchiveContent, ArchiveRecord};

const EVENTS: &str = "events/00000000000000000001.jsonl";

fn text(change: impl FnOnce(String) -> String) -> impl FnOnce(Vec<u8>) -> Option<Vec<u8>> {
    |bytes| Some(change(String::from_utf8(bytes).unwrap()).into_bytes())
}

/// Changes a file, and nothing that tells of it.
fn edit(file: &'static str, from: &'static str, to: &'static str) -> impl Fn(&Path) {
    move |root| {
        let path = root.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }
}

#[test]
fn files_that_were_changed() {
    let made = Archived::new();
    let attack = |name: &str, code: &str, kind: &str, change: &dyn Fn(&Path)| {
        change(&made.copy(name));
        made.refused(name, code, kind);
    };
    attack("edited", "archive_differs", "sha256", &edit(EVENTS, "瑞和", "祥和"));
    attack("sums", "archive_content", "sums", &edit("SHA256SUMS", "README", "READ-ME"));
    attack("extra", "archive_extra", "extra", &|root| {
        fs::write(root.join("events/00000000000000000099.jsonl"), "").unwrap();
    });
    attack("foreign", "archive_name", "name", &|root| fs::write(root.join("run-me.sh"), "").unwrap());
    attack("missing", "archive_missing", "missing", &|root| fs::remove_file(root.join("keys.jsonl")).unwrap());
    attack("linked", "archive_name", "name", &|root| {
        fs::rename(root.join("keys.jsonl"), root.join("../keys.jsonl")).unwrap();
        std::os::unix::fs::symlink("../keys.jsonl", root.join("keys.jsonl")).unwrap();
    });
    attack("tile", "archive_contradiction", "tile", &|root| {
        let tiles = fs::read_dir(root.join("tile/0/000.p")).unwrap();
        let tile = tiles.map(|entry| entry.unwrap().file_name().into_string().unwrap()).next().unwrap();
        reseal(root, &format!("tile/0/000.p/{tile}"), |mut bytes| {
            bytes[40] ^= 1;
            Some(bytes)
        });
    });
    let size = made.good().checkpoint_sizes().next().unwrap();
    let note = format!("checkpoints/{size:020}.note");
    let both = |root: &Path, change: &dyn Fn(String) -> String| {
        for name in ["checkpoint", &note] {
            reseal(root, name, text(change));
        }
    };
    // The authority's line is of another key; a cosigner's signature has one other byte; another root.
    attack("forged", "archive_contradiction", "cosignature", &|root| {
        both(root, &|text| {
            let line = text.lines().find(|line| line.starts_with("— fengsui.cn/regions/350600 ")).unwrap().to_owned();
            text.replace(&line, &format!("{}AAAA", &line[..line.len() - 4]))
        });
    });
    attack("rooted", "archive_content", "root", &|root| {
        both(root, &|text| text.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size - 1), 1));
    });
    attack("stripped", "archive_contradiction", "quorum", &|root| {
        reseal(root, &note, text(|text| text.lines().take(5).map(|line| line.to_owned() + "\n").collect()));
    });
    attack("keyed", "stated_differs", "keys", &|root| {
        // Of an agency with one key: of two, which comes first is chance.
        let later = |line: &str| {
            if line.contains("\"housing\"") { line.replacen("\"since\":", "\"since\":1", 1) } else { line.to_owned() }
        };
        reseal(root, "keys.jsonl", text(|text| text.split_inclusive('\n').map(later).collect()));
    });
    attack("keyless", "archive_contradiction", "keys", &|root| {
        reseal(root, "keys.jsonl", text(|text| text.split_inclusive('\n').skip(1).collect()));
    });
    attack("exchanged", "archive_contradiction", "exchange", &|root| {
        let other = SigningKey::generate().unwrap().public();
        reseal(
            root,
            "exchange.toml",
            text(|text| {
                let own = text.split('"').find(|part| part.len() == 56).unwrap().to_owned();
                text.replace(&own, &other)
            }),
        );
    });
}

#[test]
fn zip_files_that_were_packed_to_do_harm() {
    let made = Archived::new();
    let pack = |name: &str, script: &str| {
        let script =
            format!("import zipfile\nz = zipfile.ZipFile({name:?}, 'w', zipfile.ZIP_DEFLATED)\n{script}\nz.close()");
        let ran = std::process::Command::new("python3")
            .args(["-W", "ignore", "-c", &script])
            .current_dir(made.folder.path())
            .output();
        assert!(ran.unwrap().status.success());
    };
    let all = "g = zipfile.ZipFile('good.zip')\nfor n in g.namelist(): z.writestr(n, g.read(n))";
    pack("slip.zip", &format!("{all}\nz.writestr('../../tmp/x', 'x')"));
    pack("bomb.zip", &format!("{all}\nz.writestr('rulebooks/00000000000000000001.toml', bytes(60 << 20))"));
    pack("twice.zip", &format!("{all}\nz.writestr('keys.jsonl', '')"));
    // Packed anew by another program, all contents as they were: the program wants its own form, Python only the contents.
    pack("again.zip", all);
    made.audit("again.zip", 5);
    made.python("again.zip", 0);
    for (name, kind) in [("slip.zip", "name"), ("bomb.zip", "bomb"), ("twice.zip", "name")] {
        made.refused(name, "archive_form", kind);
    }
    let good = fs::read(made.path("good.zip")).unwrap();
    made.folder.write("cut.zip", &good[..good.len() - 30]);
    made.refused("cut.zip", "archive_form", "form");
}

/// Signs an event again after a change of its text.
fn resigned(record: &ArchiveRecord, from: &str, to: &str, key: &SigningKey) -> ArchiveRecord {
    let mut content = record.content.clone().unwrap();
    let text = String::from_utf8(content.bytes).unwrap();
    assert!(text.contains(from), "{text}");
    content.bytes = text.replacen(from, to, 1).into_bytes();
    content.signature = key.sign(&content.bytes).to_vec();
    ArchiveRecord { content: Some(content), ..record.clone() }
}

/// The position, from 0, of the last event of an agency and type.
fn last_of(records: &[ArchiveRecord], end: &str) -> usize {
    records.iter().rposition(|record| record.content.as_ref().unwrap().subject.ends_with(end)).unwrap()
}

fn keyid(key: &SigningKey) -> String {
    let keyid: KeyId = key.keyid();
    keyid.to_string()
}

#[test]
fn logs_that_were_forged_and_packed_anew() {
    let made = Archived::new();
    let good = made.records();
    let forged = |name: &str, code: &str, kind: &str, change: &dyn Fn(&mut Vec<ArchiveRecord>)| {
        let mut records = good.clone();
        change(&mut records);
        made.forge(name, &records);
        made.refused(name, code, kind);
    };
    let at = last_of(&good, ".tourism.violation.reported");
    let tourism = keyid(&made.key("tourism"));
    forged("edited.zip", "bad_signature", "signature", &|records| {
        let mut edited = resigned(&records[at], "灭火器", "消火栓", &made.key("tourism"));
        edited.content.as_mut().unwrap().signature = records[at].content.clone().unwrap().signature;
        records[at] = edited;
    });
    forged("own.zip", "chain_fork", "chain", &|records| {
        records[at] = resigned(&records[at], "灭火器", "消火栓", &made.key("tourism"));
    });
    forged("other.zip", "foreign_key", "unknown_key", &|records| {
        records[at] = resigned(&records[at], &tourism, &keyid(&made.key("housing")), &made.key("housing"));
    });
    forged("stranger.zip", "unknown_key", "unknown_key", &|records| {
        let stranger = SigningKey::generate().unwrap();
        records[at] = resigned(&records[at], &tourism, &keyid(&stranger), &stranger);
    });
    // Both genuine, in another order: only a checkpoint tells.
    forged("swapped.zip", "root_differs", "quorum", &|records| records.swap(at, at - 1));
    forged("middle.zip", "chain_gap", "chain", &|records| drop(records.remove(at - 1)));
    forged("hole.zip", "lost", "lost", &|records| records[at].content = None);
    forged("tail.zip", "no_checkpoint", "quorum", &|records| records.truncate(at + 1));
    forged("inserted.zip", "root_differs", "quorum", &|records| {
        let copy = records[at].clone();
        records.insert(at, copy);
    });
    forged("beside.zip", "id_mismatch", "beside", &|records| {
        records[at].content.as_mut().unwrap().id = event(&good[at - 1]).id;
    });
    forged("subject.zip", "wrong_subject", "beside", &|records| {
        records[at].content.as_mut().unwrap().subject = "fengsui.350600.fire.violation.reported".to_owned();
    });
    forged("bytes.zip", "malformed_envelope", "event", &|records| {
        records[at].content.as_mut().unwrap().bytes = b"\xff{}".to_vec();
    });
    forged("ended.zip", "ended_key", "ended_key", &|records| {
        let end = last_of(records, ".fire.violation.reported");
        let model = event(&records[end]);
        let link = ChainLink { sequence: model.sequence, previous: model.previous };
        let draft = Draft {
            id: model.id,
            source: model.source.clone(),
            subject: model.subject.clone(),
            time: model.time,
            correlation: model.correlation,
            causation: model.causation,
            payload: model.payload().unwrap().clone(),
        };
        let signed = draft.sign(link, &made.old_key("fire")).unwrap();
        let subject = draft.stream_subject();
        let content =
            ArchiveContent { id: draft.id, subject, signature: signed.signature.to_vec(), bytes: signed.bytes };
        records[end].content = Some(content);
    });
}
