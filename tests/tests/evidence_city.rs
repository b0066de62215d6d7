//! Evidence and public reports in a city of real nodes on a real broker.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use fengsui_tests::{City, OFFICE, until};

const PHOTO: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0 boxes before the exit";
const NAME: &str = "欧阳建国";

/// A report by an agency's node, with a photo. Returns the case and the photo's hash.
fn report(city: &City, agency: &str, more: &[&str]) -> (String, String) {
    let folder = city.folder(agency);
    folder.write("photo.jpg", PHOTO);
    let words = ["violation", "report", "--unit", "91350602MA0000015U", "--name", "瑞和宾馆", "--region", "350602"];
    let what = ["--address", "新华西路1号", "--trade", "H61", "--category", "fire.60-3", "--facts", "疏散通道堆放杂物"];
    let all = words.iter().chain(&what).chain(&["--evidence", "photo.jpg"]).chain(more).copied();
    let case = city.desk(agency, all).ok().cell("case");
    let sum = std::process::Command::new("sha256sum").arg(folder.path().join("photo.jpg")).output().unwrap();
    (case, String::from_utf8(sum.stdout).unwrap()[..64].to_owned())
}

fn kept(city: &City, node: &str, sha256: &str) -> PathBuf {
    city.folder(node).data("evidence").join(&sha256[..2]).join(&sha256[2..])
}

fn await_kept(city: &City, node: &str, sha256: &str) {
    let path = kept(city, node, sha256);
    until(&format!("the evidence at {node}"), || path.is_file().then_some(()));
    assert_eq!(fs::read(path).unwrap(), PHOTO);
}

#[test]
fn running_nodes_bring_evidence_to_those_who_may_see_it() {
    let city = City::found(&["fire", "tourism", "urban"]);
    let (case, sha256) = report(&city, "tourism", &[]);
    for node in ["fire", OFFICE] {
        await_kept(&city, node, &sha256);
    }
    city.await_settled();
    assert!(!kept(&city, "urban", &sha256).exists());
    city.desk("urban", ["evidence", "get", &sha256, "--out", "a.jpg"]).exits(7);
    city.desk("fire", ["evidence", "get", &sha256, "--out", "a.jpg"]).ok();
    assert_eq!(fs::read(city.folder("fire").path().join("a.jpg")).unwrap(), PHOTO);
    // Once the case is referred to it, it comes there as well.
    city.desk("fire", ["referral", "transfer", &case, "--to", "urban", "--reason", "属城管职责"]).ok();
    await_kept(&city, "urban", &sha256);
}

#[test]
fn evidence_that_is_not_here_is_fetched_and_a_broker_that_is_away_is_told_with_6() {
    let city = City::found(&["fire", "tourism"]);
    city.stop_node("tourism");
    // The event goes out by itself, the file once tourism's node runs again.
    let (_, sha256) = report(&city, "tourism", &[]);
    city.await_settled();
    let absent = city.desk("fire", ["evidence", "get", &sha256, "--out", "a.jpg"]).exits(1);
    absent.says(&["neither here nor at the broker", "ask tourism"]);
    city.stop_node("fire");
    city.kill_broker();
    city.desk("fire", ["evidence", "get", &sha256, "--out", "a.jpg"]).exits(6);
    city.start_broker();
    city.start_node("tourism");
    until("the evidence in the bucket", || {
        let ran = city.desk("fire", ["evidence", "get", &sha256, "--out", "a.jpg"]);
        (ran.code == Some(0)).then_some(())
    });
    assert_eq!(fs::read(city.folder("fire").path().join("a.jpg")).unwrap(), PHOTO);
    assert_eq!(fs::read(kept(&city, "fire", &sha256)).unwrap(), PHOTO);
}

#[test]
fn a_reporters_name_stays_at_the_node_that_received_it() {
    let city = City::found(&["fire", "tourism"]);
    let tourism = city.folder("tourism");
    city.desk("tourism", ["reporter", "officer", "add", "li", "--out", "li.officer"]).ok();
    tourism.write("reporter.json", format!(r#"{{"name": "{NAME}", "phone": "13905961234"}}"#));
    let (case, sha256) = report(&city, "tourism", &["--from-public", "--reporter", "reporter.json"]);
    fs::remove_file(tourism.path().join("reporter.json")).unwrap();
    await_kept(&city, "fire", &sha256);
    let listed = city.desk("tourism", ["reporter", "list", "--json"]).ok().json();
    let reference = listed["reports"][0]["reference"].as_str().unwrap();
    city.desk("fire", ["violation", "show", &case, "--json"]).ok().shows(&[reference]);
    let show = ["reporter", "show", reference, "--identity", "li.officer", "--reason", "回访核实"];
    city.desk("tourism", show).ok().shows(&[NAME]);
    // At another node there is nothing to open, whoever asks.
    let identity = tourism.path().join("li.officer");
    let show = ["reporter", "show", reference, "--identity", identity.to_str().unwrap(), "--reason", "回访核实"];
    city.desk("fire", show).exits(1).says(&["no public report that this node took in"]);
    for node in ["fire", "tourism", OFFICE] {
        let mut folders = vec![city.folder(node).path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                // Sockets and files that went away in the meantime hold nothing.
                let bytes = fs::read(&path).unwrap_or_default();
                let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
                assert!(!holds(NAME) && !holds("13905961234"), "{}", path.display());
            }
        }
    }
}
