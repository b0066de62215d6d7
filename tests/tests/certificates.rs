//! Certificates through the built program: issued, carried away, checked with nothing but a file and the exchange file.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use fengsui_event::payload::RulebookPublished;
use fengsui_event::{ChainLink, Digest, Draft, Event, EventId, Payload, Points, Signer as _, Subject};
use fengsui_log::{Embedded, EventLog as _, Record};
use fengsui_node::keys::SigningKey;
use fengsui_proof::certificate::{Certificate, Compact, ProvenEvent, Statement};
use fengsui_proof::tiles::{self, TileFolder};
use fengsui_proof::tree::leaf_hash;
use fengsui_proof::{Checkpoint, SignatureKind, SignedCheckpoint, verifier_key};
use fengsui_tests::{DATA, Folder, Ran, project};
use serde_json::Value;

/// A small city whose log is cosigned, and a unit with entries.
struct City {
    folder: Folder,
    unit: String,
}

impl City {
    fn new() -> Self {
        let city = Self::unwitnessed();
        city.witness();
        city
    }

    fn unwitnessed() -> Self {
        let folder = Folder::small_demo();
        let listed = folder.run(["unit", "list", "--json"]).ok().json();
        let unit = listed["units"][0]["unit"].as_str().unwrap().to_owned();
        Self { folder, unit }
    }

    fn witness(&self) {
        self.folder.run(["checkpoint", "sign"]).ok();
        self.folder.run(["checkpoint", "cosign"]).ok();
    }

    fn issue(&self, agency: &str, file: &str, more: &[&str]) -> Ran {
        let words = ["--agency", agency, "certificate", "issue", &self.unit, "--json", "--out", file];
        self.folder.run(words.iter().chain(more))
    }

    /// A bank: a folder with the certificate and the exchange file, and nothing else.
    fn bank(&self, file: &str) -> Folder {
        let bank = Folder::new();
        bank.write("exchange.toml", self.folder.read(&format!("{DATA}/exchange.toml")));
        bank.write(file, self.folder.read(file));
        bank
    }

    fn key(&self, agency: &str) -> SigningKey {
        SigningKey::load(&self.folder.data(&format!("keys/{agency}.seed"))).unwrap()
    }

    /// A case of the unit that has cost it points.
    fn charged_case(&self) -> String {
        let ledger = self.folder.run(["unit", "ledger", &self.unit, "--json"]).ok().json();
        let lines = ledger["lines"].as_array().unwrap().clone();
        let deduction = lines.iter().rev().find(|line| line["kind"] == "deduction").unwrap();
        deduction["case"].as_str().unwrap().to_owned()
    }

    /// Takes back what a case has cost, which adds entries.
    fn uphold_objection(&self) {
        let case = self.charged_case();
        self.folder.run(["objection", "file", &case, "--grounds", "处罚对象有误"]).ok();
        let decide = ["objection", "decide", &case, "--decision", "upheld", "--reasons", "属实"];
        self.folder.run(decide).ok();
    }

    fn certificate(&self, file: &str) -> Certificate {
        Certificate::parse(self.folder.read(file).as_bytes()).unwrap()
    }

    /// Signs a changed statement as its issuer.
    fn re_sign(&self, file: &str, change: impl FnOnce(&mut Statement)) {
        let mut statement = self.certificate(file).statement().clone();
        let key = self.key(statement.issuer.as_str());
        change(&mut statement);
        self.folder.write(file, Certificate::sign(statement, &key).unwrap().to_string());
    }
}

const BY_EXCHANGE: &[&str] = &["--exchange", "exchange.toml", "--json"];

fn verify(folder: &Folder, file: &str, more: &[&str]) -> Ran {
    folder.run(["certificate", "verify", file].iter().chain(more))
}

/// The result and the code of the reason.
fn result(ran: &Ran) -> (String, String) {
    let found = ran.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&found["result"]), text(&found["reason"]["code"]))
}

#[track_caller]
fn forged(ran: &Ran, code: &str) {
    assert_eq!(result(&ran.clone().exits(5)), ("forged".to_owned(), code.to_owned()), "{ran}");
}

#[track_caller]
fn ends(ran: Ran, outcome: &str) -> Value {
    let ran = ran.exits(if outcome == "valid" { 0 } else { 4 });
    assert_eq!(result(&ran).0, outcome, "{ran}");
    ran.json()
}

#[test]
fn a_bank_checks_a_certificate_with_the_file_and_the_exchange_file_alone() {
    let city = City::new();
    city.issue("fire", "credit.json", &["--purpose", "贷款", "--consent", "授权书 2026-17", "--days", "10"]).ok();
    let bank = city.bank("credit.json");
    let found = ends(verify(&bank, "credit.json", BY_EXCHANGE), "valid");
    let shown = city.folder.run(["unit", "show", &city.unit, "--json"]).ok().json();
    for member in ["balance", "grade", "name", "unit"] {
        assert_eq!(found["certificate"][member], shown["unit"][member], "{member}");
    }
    let entries = found["certificate"]["entries"].as_array().unwrap();
    let sum: i64 = entries.iter().map(|entry| entry["points"].as_i64().unwrap()).sum();
    assert_eq!(Some(sum), shown["unit"]["balance"].as_i64());
    // Eight agencies beside the office; five are more than half of them.
    assert_eq!(found["checkpoint"]["needed"], 5);
    assert_eq!(found["checkpoint"]["cosigned"].as_array().unwrap().len(), 8);
    verify(&bank, "credit.json", &["--exchange", "exchange.toml", "--quorum", "9", "--json"]).exits(5);
    let text = verify(&bank, "credit.json", &["--exchange", "exchange.toml"]).ok();
    text.shows(&["result\tvalid", "It proves:", "does not prove by itself that the unit has no other entry"]);
    verify(&bank, "credit.json", &[]).exits(2).says(&["--exchange"]);
}

#[test]
fn openssl_checks_the_signature_by_the_commands_of_the_documentation() {
    let city = City::new();
    city.issue("fire", "credit.json", &[]).ok();
    let text = fs::read_to_string(project().join("docs/certificates.md")).unwrap();
    let block = text.split("```sh\n").find(|block| block.contains("openssl pkeyutl")).unwrap();
    let script = block.split("```").next().unwrap();
    let run = || {
        let output = Command::new("sh").arg("-ec").arg(script).current_dir(city.folder.path()).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (is_good, said) = run();
    assert!(is_good && said.contains("Signature Verified Successfully"), "{said}");
    let altered = city.folder.read("credit.json").replacen("\"balance\":", "\"balance\":1", 1);
    city.folder.write("credit.json", altered);
    assert!(!run().0);
}

#[test]
fn without_enough_witnesses_nothing_is_issued_and_nothing_is_written() {
    let city = City::unwitnessed();
    let refused = |code: &str| {
        let ran = city.issue("fire", "credit.json", &["--html", "credit.html"]).exits(1);
        assert!(ran.stderr.contains(&format!("\"code\":\"{code}\"")), "{ran}");
        assert!(ran.stderr.contains("fengsui checkpoint cosign"), "{ran}");
        assert!(!city.folder.path().join("credit.json").exists() && !city.folder.path().join("credit.html").exists());
    };
    refused("no_checkpoint");
    city.folder.run(["checkpoint", "sign"]).ok();
    refused("no_quorum");
    city.folder.run(["checkpoint", "cosign"]).ok();
    city.issue("fire", "credit.json", &[]).ok();
    city.issue("fire", "credit.json", &[]).exits(1).says(&["credit.json"]);
    let listed = city.folder.run(["certificate", "list", "--json"]).ok().json();
    assert_eq!(listed["certificates"].as_array().unwrap().len(), 1);
    city.uphold_objection();
    fs::remove_file(city.folder.path().join("credit.json")).unwrap();
    refused("not_covered");
    city.witness();
    city.issue("fire", "credit.json", &[]).ok();
    ends(verify(&city.folder, "credit.json", &["--json"]), "valid");
}

#[test]
fn days_revocation_and_a_changed_account_are_told() {
    let city = City::new();
    let issued = city.issue("fire", "credit.json", &["--days", "10"]).ok().json();
    let (id, last) = (issued["certificate"].as_str().unwrap(), issued["valid_until"].as_str().unwrap());
    let after = last.parse::<fengsui_event::Date>().unwrap().tomorrow().unwrap().to_string();
    let before = issued["date"].as_str().unwrap().parse::<fengsui_event::Date>().unwrap().yesterday().unwrap();
    let on = |day: &str| {
        verify(&city.folder, "credit.json", &["--exchange", &format!("{DATA}/exchange.toml"), "--json", "--as-of", day])
    };
    ends(on(last), "valid");
    ends(on(&after), "expired");
    ends(on(&before.to_string()), "not_yet_valid");
    on("12").exits(2);
    // Before the account changes, so that the archive shows it as it was.
    city.folder.run(["audit", "export", "--out", "before.zip"]).ok();
    city.uphold_objection();
    let found = ends(verify(&city.folder, "credit.json", &["--json"]), "outdated");
    assert!(!found["against"]["later"].as_array().unwrap().is_empty());
    let revoke =
        |agency: &str| city.folder.run(["--agency", agency, "certificate", "revoke", id, "--reason", "所附授权已失效"]);
    revoke("tourism").exits(7);
    revoke("joint-office").ok();
    city.folder.run(["audit", "export", "--out", "after.zip"]).ok();

    let bank = city.bank("credit.json");
    let against = |log: &PathBuf| {
        let more = ["--exchange", "exchange.toml", "--json", "--against", log.to_str().unwrap()];
        verify(&bank, "credit.json", &more)
    };
    ends(against(&city.folder.path().join("before.zip")), "valid");
    for log in ["after.zip", DATA, &format!("{DATA}/log.sqlite")] {
        let found = ends(against(&city.folder.path().join(log)), "revoked");
        assert_eq!(found["against"]["revoked_because"], "所附授权已失效");
        assert_eq!(found["against"]["revoked_by"], "joint-office");
    }
    let listed = city.folder.run(["certificate", "list", &city.unit]).ok();
    listed.shows(&["revoked", "所附授权已失效"]);
}

#[test]
fn another_exchange_and_two_roots_of_one_size_are_named() {
    let city = City::new();
    city.issue("fire", "credit.json", &[]).ok();
    let bank = city.bank("credit.json");
    let other = Folder::exchange(&[]);
    bank.write("other.toml", other.read(&format!("{DATA}/exchange.toml")));
    forged(&verify(&bank, "credit.json", &["--exchange", "other.toml", "--json"]), "key");

    let certificate = city.certificate("credit.json");
    let note: SignedCheckpoint = certificate.statement().checkpoint.parse().unwrap();
    let Checkpoint { origin, size, root, .. } = note.checkpoint().clone();
    let office = city.key("joint-office");
    let sign = |size, root| SignedCheckpoint::sign(Checkpoint::new(origin, size, root, None), &office).to_string();
    let against = |text: String| {
        bank.write("other.note", text);
        verify(&bank, "credit.json", &["--exchange", "exchange.toml", "--json", "--against", "other.note"])
    };
    forged(&against(sign(size, leaf_hash(b"another history"))), "split_view");
    let found = ends(against(sign(size + 5, root)), "valid");
    assert_eq!(found["newer_checkpoint"]["positions_since"], 5);
    assert_eq!(found["newer_checkpoint"]["proven"], false);
    assert!(against(sign(size, root)).exits(1).stderr.contains("older_checkpoint"));
    assert!(against(sign(size - 1, root)).exits(1).stderr.contains("older_checkpoint"));
    let by_fire = SignedCheckpoint::sign(Checkpoint::new(origin, size + 5, root, None), &city.key("fire"));
    assert!(against(by_fire.to_string()).exits(1).stderr.contains("not_signed"));
}

/// Beside its tiles a newer checkpoint shows that the log went on from the certificate's, or that it did not.
#[test]
fn a_newer_checkpoint_beside_its_tiles_is_proven_or_refuted() {
    let city = City::new();
    city.issue("fire", "credit.json", &[]).ok();
    city.witness();
    let bank = city.bank("credit.json");
    let note = city.folder.run(["checkpoint", "show", "--note"]).ok().stdout;
    let signed: SignedCheckpoint = note.parse().unwrap();
    let tiles = bank.path().join("tiles");
    let copied = Command::new("cp").arg("-r").arg(city.folder.data("tree")).arg(&tiles).status().unwrap();
    assert!(copied.success());
    let against = |text: &str| {
        fs::write(tiles.join("checkpoint"), text).unwrap();
        verify(&bank, "credit.json", &["--exchange", "exchange.toml", "--json", "--against", "tiles"])
    };
    assert_eq!(ends(against(&note), "valid")["newer_checkpoint"]["proven"], true);
    let Checkpoint { origin, size, .. } = signed.checkpoint().clone();
    let other = Checkpoint::new(origin, size, leaf_hash(b"another history"), None);
    let other = SignedCheckpoint::sign(other, &city.key("joint-office")).to_string();
    forged(&against(&other), "not_consistent");
}

#[test]
fn an_issuer_that_leaves_an_entry_out_is_caught_by_a_log() {
    let city = City::new();
    city.issue("fire", "credit.json", &[]).ok();
    city.re_sign("credit.json", |statement| {
        let place = statement.entries.iter().position(|entry| entry.points.0 < 0).unwrap();
        let Points(points) = statement.entries.remove(place).points;
        statement.balance = Points(statement.balance.0 - points);
    });
    let bank = city.bank("credit.json");
    // By itself it cannot be told, which is what stands on every certificate.
    ends(verify(&bank, "credit.json", BY_EXCHANGE), "valid");
    forged(&verify(&city.folder, "credit.json", &["--json"]), "entry_differs");

    fs::remove_file(city.folder.path().join("credit.json")).unwrap();
    city.issue("fire", "credit.json", &[]).ok();
    city.re_sign("credit.json", |statement| statement.grade = "A".to_owned());
    forged(&verify(&city.folder, "credit.json", &["--json"]), "grade");

    fs::remove_file(city.folder.path().join("credit.json")).unwrap();
    city.issue("fire", "credit.json", &[]).ok();
    city.re_sign("credit.json", |statement| statement.purpose = Some("投标".to_owned()));
    forged(&verify(&city.folder, "credit.json", &["--json"]), "other_file");
    city.re_sign("credit.json", |statement| statement.id = "01KDZ5T0000000000000000000".parse().unwrap());
    ends(verify(&city.folder, "credit.json", &["--json"]), "not_on_log");
}

/// A key that was good once was stolen: it signs another balance under the certificate's id and digest.
#[test]
fn a_qr_code_that_a_good_key_signed_falsely_is_caught_by_a_log() {
    let city = City::new();
    city.issue("fire", "credit.json", &[]).ok();
    let certificate = city.certificate("credit.json");
    let key = city.key("fire");
    let check = |compact: &Compact| {
        let text = compact.to_string();
        city.folder.run(["certificate", "verify", "--json", "--lang", "en", "--qr", &text])
    };
    let honest = Compact::sign(&certificate, &key);
    ends(check(&honest), "valid");
    let falsely = |change: &dyn Fn(&mut Compact)| {
        let mut compact = honest.clone();
        change(&mut compact);
        let text = compact.to_string();
        let (signed, _) = text.rsplit_once(';').unwrap();
        compact.signature = key.sign(signed.as_bytes());
        compact.verify().unwrap();
        forged(&check(&compact), "qr_differs");
    };
    falsely(&|it| it.balance = Points(it.balance.0 + 20));
    falsely(&|it| it.grade = "S".to_owned());
    falsely(&|it| it.valid_until = it.valid_until.tomorrow().unwrap());
    falsely(&|it| it.date = it.date.yesterday().unwrap());
    falsely(&|it| it.position -= 1);
}

/// Publishes the default rules under another version, as the authority's node would.
fn publish_rulebook(city: &City, version: &str) {
    let text = fs::read_to_string(project().join("crates/rulebook/data/default.toml")).unwrap();
    let own = text.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"')).unwrap();
    let text = text.replacen(own, version, 1);
    let mut log = Embedded::open_writer(city.folder.data("log.sqlite")).unwrap();
    let last = log.read(log.head().unwrap().unwrap(), 1).unwrap().pop().unwrap();
    let draft = Draft {
        id: EventId::from_bytes([1; 16]),
        subject: Subject::Rulebook(version.to_owned()),
        time: Event::parse(&last.record.bytes).unwrap().time,
        // Another of its nodes: the own one's outbox must know whatever it has published.
        source: "/regions/350600/agencies/joint-office/nodes/2".parse().unwrap(),
        correlation: None,
        causation: None,
        payload: Payload::RulebookPublished(RulebookPublished {
            version: version.to_owned(),
            effective_from: "2020-01-01".parse().unwrap(),
            sha256: Digest::of(text.as_bytes()),
            text,
        }),
    };
    let signed = draft.sign(ChainLink::FIRST, &city.key("joint-office")).unwrap();
    let record = Record {
        id: draft.id,
        subject: draft.stream_subject(),
        bytes: signed.bytes,
        signature: signed.signature.to_vec(),
    };
    log.append(&[record]).unwrap();
    log.close().unwrap();
}

/// The grade is by a rulebook that a later one had replaced on that day.
#[test]
fn a_rulebook_that_is_no_longer_in_force_is_caught_by_a_log() {
    let city = City::new();
    city.issue("fire", "before.json", &[]).ok();
    let before = city.certificate("before.json").statement().clone();
    publish_rulebook(&city, "later-1");
    city.witness();
    city.issue("fire", "credit.json", &[]).ok();
    assert_eq!(city.certificate("credit.json").statement().rulebook.version, "later-1");
    city.re_sign("credit.json", |statement| {
        let position = before.rulebook.position;
        let checkpoint: SignedCheckpoint = statement.checkpoint.parse().unwrap();
        let (size, root) = (checkpoint.checkpoint().size, checkpoint.checkpoint().root);
        let tiles = TileFolder::open(&city.folder.data("tree")).unwrap();
        let hashes = tiles::inclusion(&tiles, position - 1, size, root).unwrap().hashes;
        let event = before.events.iter().find(|proven| proven.position == position).unwrap();
        statement.events.push(ProvenEvent { hashes, ..event.clone() });
        statement.events.sort_by_key(|proven| proven.position);
        statement.rulebook = before.rulebook.clone();
    });
    let bank = city.bank("credit.json");
    ends(verify(&bank, "credit.json", BY_EXCHANGE), "valid");
    forged(&verify(&city.folder, "credit.json", &["--json"]), "rulebook_not_in_force");
}

#[test]
fn what_was_altered_ends_with_5_in_both_languages() {
    let city = City::new();
    city.issue("fire", "credit.json", &[]).ok();
    let text = city.folder.read("credit.json");
    let bank = city.bank("credit.json");
    bank.write("credit.json", text.replacen("\"position\":", "\"position\":1", 1));
    forged(&verify(&bank, "credit.json", BY_EXCHANGE), "issuer_signature");
    let zh = verify(&bank, "credit.json", &["--exchange", "exchange.toml", "--lang", "zh"]).exits(5);
    zh.shows(&["结果\t不成立", "证明在签名后被改动"]);
    bank.write("credit.json", text.replacen('\n', "\r\n", 1));
    verify(&bank, "credit.json", BY_EXCHANGE).exits(5).says(&["not_a_certificate"]);
    bank.write("credit.json", text.replacen("certificate/1", "certificate/2", 1));
    verify(&bank, "credit.json", BY_EXCHANGE).exits(1).says(&["fengsui-certificate/2"]);
}

#[test]
fn a_supervisor_counts_as_a_witness_when_the_bank_names_its_key() {
    let city = City::new();
    city.issue("fire", "credit.json", &[]).ok();
    let supervisor = SigningKey::from_seed_bytes([9; 32]).unwrap();
    city.re_sign("credit.json", |statement| {
        let mut note: SignedCheckpoint = statement.checkpoint.parse().unwrap();
        note.cosign("audit.example", 1_795_485_600, &supervisor).unwrap();
        statement.checkpoint = note.to_string();
    });
    let bank = city.bank("credit.json");
    let key = verifier_key("audit.example", supervisor.keyid(), SignatureKind::Cosignature);
    let nine = ["--exchange", "exchange.toml", "--json", "--quorum", "9"];
    forged(&verify(&bank, "credit.json", &nine), "quorum");
    ends(verify(&bank, "credit.json", &[&nine[..], &["--cosigner", &key]].concat()), "valid");
    verify(&bank, "credit.json", &["--cosigner", "audit.example+00000000+AAAA"]).exits(2);
}

/// `docs/examples/verify-certificate.py`, which shares nothing with the program but the documentation.
fn independent(folder: &Folder, more: &[&str]) -> Option<i32> {
    let script = project().join("docs/examples/verify-certificate.py");
    let mut python = Command::new("python3");
    python.arg(script).args(["credit.json", "--exchange", "exchange.toml"]).args(more).current_dir(folder.path());
    python.output().unwrap().status.code()
}

#[test]
fn an_independent_program_comes_to_the_same_answers() {
    let city = City::new();
    city.issue("fire", "credit.json", &["--days", "10"]).ok();
    let issued = city.folder.read("credit.json");
    let bank = city.bank("credit.json");
    assert_eq!(independent(&bank, &[]), Some(0));
    assert_eq!(independent(&bank, &["--on", "2099-01-01"]), Some(4));
    assert_eq!(independent(&bank, &["--quorum", "9"]), Some(5));
    bank.write("credit.json", issued.replacen("\"position\":", "\"position\":1", 1));
    assert_eq!(independent(&bank, &[]), Some(5));
    let changes: [fn(&mut Statement); 7] = [
        |it| it.balance = Points(it.balance.0 + 1),
        |it| it.entries[0].cause = it.entries[1].cause,
        |it| it.events[3].hashes.swap(0, 1),
        |it| it.events[3].signature[0] ^= 1,
        |it| it.events.truncate(1),
        |it| it.issuer = "tourism".parse().unwrap(),
        |it| it.checkpoint = it.checkpoint.split_inclusive('\n').take(5).collect(),
    ];
    for change in changes {
        city.folder.write("credit.json", &issued);
        city.re_sign("credit.json", change);
        bank.write("credit.json", city.folder.read("credit.json"));
        verify(&bank, "credit.json", BY_EXCHANGE).exits(5);
        assert_eq!(independent(&bank, &[]), Some(5));
    }
}

/// The text of the QR code on a page, by an independent decoder: the squares of the SVG are painted four pixels wide.
fn scanned(page: &str) -> String {
    const PIXELS: usize = 4;
    let after = |text: &str, mark: &str| text.split_once(mark).unwrap().1.to_owned();
    let svg = after(page, "<svg class=\"qr\"");
    let side: usize = after(&svg, "viewBox=\"0 0 ").split(' ').next().unwrap().parse().unwrap();
    let path = after(&svg, "<path d=\"").split('"').next().unwrap().to_owned();
    let mut dark = vec![false; side * side];
    for run in path.split('M').skip(1) {
        let (column, rest) = run.split_once(' ').unwrap();
        let (row, rest) = rest.split_once('h').unwrap();
        let [column, row, length] =
            [column, row, rest.split('v').next().unwrap()].map(|it| it.parse::<usize>().unwrap());
        dark[row * side + column..][..length].fill(true);
    }
    let pixel = |x: usize, y: usize| if dark[y / PIXELS * side + x / PIXELS] { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * PIXELS, side * PIXELS, pixel);
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1);
    grids[0].decode().unwrap().1
}

#[test]
fn the_qr_code_of_the_page_is_the_text_that_is_verified() {
    let city = City::new();
    let issued = city.issue("fire", "credit.json", &["--html", "credit.html", "--purpose", "<b>贷款</b>"]).ok().json();
    let page = city.folder.read("credit.html");
    assert!(page.contains("It does not prove by itself") && !page.contains("<b>贷款") && !page.contains("<script"));
    let text = scanned(&page);
    assert_eq!(text, issued["qr"].as_str().unwrap());
    let bank = city.bank("credit.json");
    let qr = |folder: &Folder, text: &str, more: &[&str]| {
        folder.run(["certificate", "verify", "--json", "--qr", text].iter().chain(more))
    };
    // The exchange file knows the office's keys alone; whose this one is, a log must say.
    let exchange = ["--exchange", "exchange.toml"];
    assert!(qr(&bank, &text, &exchange).exits(1).stderr.contains("unknown_key"));
    let log = city.folder.data("log.sqlite");
    let with_log = [&exchange[..], &["--against", log.to_str().unwrap()]].concat();
    ends(qr(&bank, &text, &with_log), "valid");
    ends(qr(&city.folder, &text, &[]), "valid");
    verify(&bank, "credit.json", &[BY_EXCHANGE, &["--qr", &text]].concat()).ok();
    let better = text.replace(&format!(";{};", issued["grade"].as_str().unwrap()), ";A;");
    forged(&qr(&bank, &better, &exchange), "signature");
    forged(&verify(&bank, "credit.json", &[BY_EXCHANGE, &["--qr", &better]].concat()), "qr");
    qr(&bank, "https://example.cn", &exchange).exits(5);

    let by_office = city.issue("joint-office", "office.json", &[]).ok().json();
    let by_office = by_office["qr"].as_str().unwrap();
    ends(qr(&bank, by_office, &exchange), "valid");
    ends(qr(&bank, by_office, &[&exchange[..], &["--as-of", "2099-01-01"]].concat()), "expired");
    forged(&verify(&bank, "credit.json", &[BY_EXCHANGE, &["--qr", by_office]].concat()), "qr");
    // Somebody else's key under the name of an agency.
    let stranger = SigningKey::from_seed_bytes([9; 32]).unwrap();
    let forged_code = Compact::sign(&city.certificate("credit.json"), &stranger).to_string();
    forged(&qr(&city.folder, &forged_code, &[]), "key");
    let id = issued["certificate"].as_str().unwrap();
    city.folder.run(["--agency", "fire", "certificate", "revoke", id, "--reason", "换发"]).ok();
    ends(qr(&city.folder, &text, &[]), "revoked");
}

/// The texts that a PDF shows, in their order. They are UTF-16: in hexadecimal, or, where every byte is ASCII, as a literal string, in which the
/// high byte is written `\000`.
fn shown_texts(pdf: &[u8]) -> Vec<String> {
    let text: String = pdf.iter().map(|byte| char::from(*byte)).collect();
    let of_hexadecimal = |digits: &str| {
        let unit = |unit: &[u8]| u16::from_str_radix(std::str::from_utf8(unit).unwrap(), 16).unwrap();
        String::from_utf16(&digits.as_bytes().chunks(4).map(unit).collect::<Vec<_>>()).unwrap()
    };
    let shown = text.lines().filter_map(|line| line.trim().strip_suffix(" Tj"));
    shown
        .map(|shown| match shown.strip_prefix('<') {
            Some(digits) => of_hexadecimal(digits.strip_suffix('>').unwrap()),
            None => shown.strip_prefix('(').unwrap().strip_suffix(')').unwrap().replace("\\000", "").replace('\\', ""),
        })
        .collect()
}

#[test]
fn the_pdf_says_in_chinese_what_the_certificate_says() {
    let city = City::new();
    let words = ["--lang", "zh", "--pdf", "credit.pdf", "--purpose", "贷款"];
    let issued = city.issue("fire", "credit.json", &words).ok().json();
    let pdf = fs::read(city.folder.path().join("credit.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-1.") && pdf.ends_with(b"%%EOF"));
    let texts = shown_texts(&pdf);
    let all = texts.concat();
    for expected in [
        "信用证明",
        "信用积分",
        "贷款",
        "账目",
        issued["name"].as_str().unwrap(),
        "本证明本身不能证明该单位没有其他账目",
    ] {
        assert!(all.contains(expected), "{expected} is not in {texts:?}");
    }
    assert!(all.contains(&issued["balance"].to_string()));
    assert!(all.contains(issued["sha256"].as_str().unwrap()));
    let fonts = pdf.windows(22).filter(|window| window == b"STSong-Light-UniGB-UTF").count();
    assert_eq!((fonts, pdf.windows(9).any(|window| window == b"/FontFile")), (1, false));
}
