//! Keys of agencies through the program: replaced, revoked, agencies suspended; cut off at any instant and finished.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use fengsui_tests::{DATA, Folder, Ran};

const USCC: &str = "91110000600037341L";

/// The authority, fire and tourism, all in one folder.
fn exchange() -> Folder {
    Folder::exchange(&["fire", "tourism"])
}

fn reports(folder: &Folder, agency: &str) -> Ran {
    let words = ["violation", "report", "--unit", USCC, "--name", "城关旅社", "--region", "350602", "--address", "1号"];
    let found = ["--category", "fire.60-1", "--facts", "灭火器失效"];
    folder.desk(agency, words.into_iter().chain(found))
}

/// The keys of an agency that are in force.
fn keys_of(folder: &Folder, agency: &str) -> Vec<String> {
    let list = folder.run(["agency", "list", "--json"]).ok().json();
    let row = list["agencies"].as_array().unwrap().iter().find(|row| row["agency"] == agency).unwrap();
    row["keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect()
}

fn head(folder: &Folder) -> u64 {
    folder.run(["log", "head", "--json"]).ok().json()["position"].as_u64().unwrap()
}

fn seed(folder: &Folder, name: &str) -> PathBuf {
    folder.path().join(DATA).join("keys").join(name)
}

/// The names of the seed files that belong to fire, in order.
fn seeds(folder: &Folder) -> Vec<String> {
    let names = fs::read_dir(folder.path().join(DATA).join("keys")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // The key for the broker lies beside them and is another matter.
    let mut names: Vec<String> = names.filter(|name| name.starts_with("fire.seed")).collect();
    names.sort();
    names
}

fn rotates(folder: &Folder) -> Ran {
    folder.desk("fire", ["agency", "rotate-key", "--json"])
}

/// Whatever was cut off before: the rotation is finished, one key is in force, and it is the one that signs.
fn assert_sound(folder: &Folder) {
    let done = rotates(folder).ok().json();
    assert_eq!(done["done"], true);
    assert_eq!(keys_of(folder, "fire"), [done["new"].as_str().unwrap()]);
    let names = seeds(folder);
    assert!(names[1..].iter().all(|name| name.starts_with("fire.seed.old-U")), "{names:?}");
    reports(folder, "fire").ok();
    assert_eq!(folder.run(["anomaly", "list", "--json"]).ok().json()["anomalies"].as_array().unwrap().len(), 0);
}

#[test]
fn an_agency_replaces_its_key_and_keeps_the_old_seed() {
    let folder = exchange();
    reports(&folder, "fire").ok();
    let old = keys_of(&folder, "fire").remove(0);
    let old_seed = fs::read(seed(&folder, "fire.seed")).unwrap();
    let ran = folder.desk("fire", ["agency", "rotate-key"]).ok();
    let new = ran.cell("new key");
    assert_eq!(ran.cell("old key"), old);
    assert_eq!(keys_of(&folder, "fire"), [new.as_str()]);
    let kept = format!("fire.seed.old-{}", &old[..9]);
    assert_eq!(seeds(&folder), ["fire.seed", kept.as_str()]);
    assert!(ran.cell("old seed").ends_with(&kept));
    for name in seeds(&folder) {
        assert_eq!(fs::metadata(seed(&folder, &name)).unwrap().permissions().mode() & 0o7777, 0o600, "{name}");
    }
    assert_eq!(fs::read(seed(&folder, &kept)).unwrap(), old_seed);
    reports(&folder, "fire").ok();
    assert_eq!(keys_of(&folder, "tourism").len(), 1);

    // Whoever still holds the old seed can do nothing with it.
    fs::copy(seed(&folder, &kept), seed(&folder, "fire.seed")).unwrap();
    let error =
        folder.desk("fire", ["agency", "revoke-key", &new, "--reason", "theft", "--json"]).exits(7).json_error();
    assert_eq!(error["code"], "ended_key");
    reports(&folder, "fire").exits(7);
    assert_eq!(keys_of(&folder, "fire"), [new.as_str()]);
}

/// Each state in which a kill can leave the folder, set up by hand: the next run ends in the same place, with one event.
#[test]
fn a_rotation_that_was_cut_off_is_finished_by_the_next_run() {
    let folder = exchange();
    let spare = Folder::exchange(&["fire"]);
    let pending = keys_of(&spare, "fire").remove(0);
    // The new key is written, nothing else; and the one before it was cut off in the middle of the file.
    fs::copy(seed(&spare, "fire.seed"), seed(&folder, "fire.seed.new")).unwrap();
    folder.write(&format!("{DATA}/keys/fire.seed.new.writing"), "SUA");
    let before = head(&folder);
    let done = rotates(&folder).ok().json();
    assert_eq!((done["new"].as_str(), head(&folder)), (Some(pending.as_str()), before + 1));
    let old = format!("fire.seed.old-{}", &done["old"].as_str().unwrap()[..9]);

    // The event is durable, the files are as before; then with the old seed's second name as well.
    for also_linked in [false, true] {
        fs::rename(seed(&folder, "fire.seed"), seed(&folder, "fire.seed.new")).unwrap();
        if also_linked {
            fs::copy(seed(&folder, &old), seed(&folder, "fire.seed")).unwrap();
        } else {
            fs::rename(seed(&folder, &old), seed(&folder, "fire.seed")).unwrap();
        }
        let again = rotates(&folder).ok().json();
        assert_eq!((&again["old"], &again["new"]), (&done["old"], &done["new"]), "{also_linked}");
        assert_eq!(head(&folder), before + 1, "{also_linked}");
        assert_eq!(keys_of(&folder, "fire"), [pending.as_str()]);
    }
    assert_sound(&folder);
}

/// `kill -9` as soon as a file shows that the run has come so far.
#[test]
fn a_killed_rotation_leaves_a_folder_that_goes_on() {
    let folder = exchange();
    let mut killed = 0;
    for round in 0..12 {
        let mark = ["fire.seed.new.writing", "fire.seed.new", "outbox", "fire.seed.old-"][round % 4];
        let outbox = folder.data("outbox.sqlite-wal");
        let size = || fs::metadata(&outbox).map_or(0, |metadata| metadata.len());
        let (names, bytes) = (seeds(&folder), size());
        let mut child = folder.spawn(["--agency", "fire", "agency", "rotate-key"]);
        while child.try_wait().unwrap().is_none() {
            let reached = match mark {
                "outbox" => size() != bytes,
                mark => seeds(&folder).iter().any(|name| name.starts_with(mark) && !names.contains(name)),
            };
            if reached {
                child.kill().unwrap();
                killed += 1;
                break;
            }
            std::thread::yield_now();
        }
        child.wait().unwrap();
        reports(&folder, "tourism").ok();
        assert_sound(&folder);
    }
    assert!(killed > 0);
}

/// The rotation waits in the outbox, and the desk goes on with the new key.
#[test]
fn a_key_is_replaced_while_the_broker_is_away() {
    let folder = Folder::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("nats://{nobody}");
    let found = ["init", "--region", "350600", "--agency", "joint-office", "--authority", "--server", &server];
    folder.run(found).ok();
    let rotates = || folder.run(["agency", "rotate-key", "--json"]).exits(6).json();
    let first = rotates();
    assert_eq!((&first["done"], &first["waiting"]), (&true.into(), &true.into()));
    reports(&folder, "joint-office").exits(6);
    let second = rotates();
    assert_eq!(second["old"], first["new"], "signed by a key that the log does not know yet");
    reports(&folder, "joint-office").exits(6);
}

#[test]
fn an_agency_whose_key_was_stolen_revokes_it_and_returns_through_the_authority() {
    let folder = exchange();
    let old = keys_of(&folder, "fire").remove(0);
    folder.desk("fire", ["agency", "revoke-key", &old, "--reason", "被盗"]).ok().shows(&[&old]).says(&["rotate-key"]);
    assert_eq!(keys_of(&folder, "fire"), [] as [&str; 0]);
    reports(&folder, "fire").exits(7).says(&["good only up to position"]);

    folder.run(["doctor"]).shows(&["the key of fire has ended", "fengsui --agency fire agency rotate-key"]);

    let waiting = rotates(&folder).exits(7);
    let (new, done) = (waiting.json()["new"].as_str().unwrap().to_owned(), waiting.json()["done"].clone());
    assert_eq!(done, false);
    assert!(
        waiting.stderr.contains(&format!("fengsui agency rotate-key --of fire --old {old} --new {new}")),
        "{waiting}"
    );
    assert_eq!(rotates(&folder).exits(7).json()["new"], new.as_str(), "the same key waits");
    reports(&folder, "fire").exits(7);

    let others = ["agency", "rotate-key", "--of", "fire", "--old", &old, "--new", &new];
    let error = folder.desk("tourism", others.iter().chain(&["--json"])).exits(7).json_error();
    assert_eq!(error["code"], "wrong_actor");
    folder.desk("joint-office", others).ok().shows(&[&old, &new]);
    assert_eq!(keys_of(&folder, "fire"), [new.as_str()]);
    assert_eq!(rotates(&folder).ok().json()["done"], true);
    reports(&folder, "fire").ok();
}

#[test]
fn the_authority_revokes_anybodys_key_but_not_its_own_last() {
    let folder = exchange();
    let [office, fire] = ["joint-office", "fire"].map(|agency| keys_of(&folder, agency).remove(0));
    let revoke =
        |agency: &str, key: &str| folder.desk(agency, ["agency", "revoke-key", key, "--reason", "遗失", "--json"]);
    assert_eq!(revoke("tourism", &fire).exits(7).json_error()["code"], "wrong_actor");
    assert_eq!(revoke("joint-office", &office).exits(1).json_error()["code"], "incoherent");
    let done = revoke("joint-office", &fire).ok().json();
    assert_eq!((&done["agency"], &done["events"][0]["type"]), (&"fire".into(), &"agency.key-revoked.v1".into()));
    assert_eq!(revoke("joint-office", &fire).exits(1).json_error()["code"], "missing");
    let unknown = keys_of(&exchange(), "fire").remove(0);
    assert_eq!(revoke("joint-office", &unknown).exits(1).json_error()["code"], "missing");
    reports(&folder, "fire").exits(7);
    reports(&folder, "tourism").ok();
}

#[test]
fn a_suspended_agency_writes_nothing_more() {
    let folder = exchange();
    let suspend = |by: &str, agency: &str| folder.desk(by, ["agency", "suspend", agency, "--reason", "撤并", "--json"]);
    assert_eq!(suspend("tourism", "fire").exits(7).json_error()["code"], "wrong_actor");
    assert_eq!(suspend("joint-office", "joint-office").exits(1).json_error()["code"], "incoherent");
    folder.run(["agency", "suspend", "fire", "--reason", "撤并", "--lang", "zh"]).ok().shows(&["部门停用", "fire"]);
    let list = folder.run(["agency", "list", "--json"]).ok().json();
    let row = list["agencies"].as_array().unwrap().iter().find(|row| row["agency"] == "fire").unwrap();
    assert_eq!(row["suspended_at"], head(&folder));
    reports(&folder, "fire").exits(7).says(&["suspended"]);
    reports(&folder, "tourism").ok();
}
