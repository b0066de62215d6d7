//! Evidence through the program: what is taken in, who gets it out, and what happens to files that were changed.

#![allow(clippy::unwrap_used)]

use std::fs;

use fengsui_tests::{Folder, Ran};

/// A JPEG by its first bytes (ITU-T T.81), whatever its name says.
const PHOTO: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0 boxes before the exit";

fn report(folder: &Folder, agency: &str, more: &[&str]) -> Ran {
    let words = ["violation", "report", "--unit", "91350602MA0000015U", "--name", "瑞和宾馆", "--region", "350602"];
    let what = ["--address", "新华西路1号", "--trade", "H61", "--category", "fire.60-3", "--facts", "疏散通道堆放杂物"];
    folder.desk(agency, words.iter().chain(&what).chain(more))
}

/// The SHA-256 of a file as the system's own tool says it.
fn sha256sum(folder: &Folder, file: &str) -> String {
    let output = std::process::Command::new("sha256sum").arg(folder.path().join(file)).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

#[test]
fn a_photo_is_kept_named_by_its_hash_and_comes_out_as_it_went_in() {
    let folder = Folder::exchange(&["fire", "tourism", "urban"]);
    folder.write("张三举报.JPG", PHOTO);
    let sha256 = sha256sum(&folder, "张三举报.JPG");
    let case = report(&folder, "tourism", &["--evidence", "张三举报.JPG"]).ok().cell("case");
    folder.run(["log", "show", &case]).ok().shows(&[&sha256, "image/jpeg"]);
    let kept = folder.data("evidence").join(&sha256[..2]).join(&sha256[2..]);
    assert_eq!(fs::read(kept).unwrap(), PHOTO);

    let listed = folder.desk("fire", ["evidence", "list", "--case", &case, "--json"]).ok().json();
    let row = &listed["evidence"][0];
    assert_eq!((row["sha256"].as_str(), row["agency"].as_str()), (Some(sha256.as_str()), Some("tourism")));
    assert_eq!((row["bytes"].as_u64(), row["here"].as_bool()), (Some(PHOTO.len() as u64), Some(true)));
    folder.desk("fire", ["evidence", "get", &sha256, "--out", "photo.jpg"]).ok();
    assert_eq!(fs::read(folder.path().join("photo.jpg")).unwrap(), PHOTO);
    // A file that is there is not replaced.
    folder.desk("fire", ["evidence", "get", &sha256, "--out", "photo.jpg"]).exits(1).says(&["photo.jpg"]);
    let text = format!("{listed}");
    assert!(!text.contains("张三"), "{text}");
}

#[test]
fn an_agency_without_part_in_the_case_gets_nothing() {
    let folder = Folder::exchange(&["fire", "tourism", "urban"]);
    folder.write("a.jpg", PHOTO);
    let case = report(&folder, "tourism", &["--evidence", "a.jpg"]).ok().cell("case");
    let sha256 = sha256sum(&folder, "a.jpg");
    let refused = folder.desk("urban", ["evidence", "get", &sha256, "--out", "b.jpg"]).exits(7);
    refused.says(&["urban has no part in the case"]);
    assert!(!folder.path().join("b.jpg").exists());
    let error = folder.desk("urban", ["evidence", "list", "--case", &case, "--json"]).exits(7).json_error();
    assert_eq!(error["code"], "evidence_not_visible");
    let list = folder.desk("urban", ["evidence", "list", "--json"]).ok().json();
    assert_eq!(list["evidence"].as_array().unwrap().len(), 0);
    // The authority may see every case.
    folder.desk("joint-office", ["evidence", "get", &sha256, "--out", "c.jpg"]).ok();
    // Once the case is referred to it, it may.
    let transfer = ["referral", "transfer", &case, "--to", "urban", "--reason", "属城管职责"];
    folder.desk("fire", ["referral", "acknowledge", &case]).ok();
    folder.desk("fire", transfer).ok();
    folder.desk("urban", ["evidence", "get", &sha256, "--out", "b.jpg"]).ok();
    let unknown = "0".repeat(64);
    folder.desk("urban", ["evidence", "get", &unknown, "--out", "d.jpg"]).exits(1).says(&["no event names evidence"]);
}

#[test]
fn files_that_are_no_evidence_are_refused_by_their_content_and_nothing_is_reported() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    folder.write("photo.jpg", b"MZ\x90\0\x03\0\0\0 a program");
    let before = folder.run(["log", "head"]).ok().stdout;
    report(&folder, "tourism", &["--evidence", "photo.jpg"]).exits(1).says(&["photo.jpg", "image/jpeg, image/png"]);
    folder.write("empty.png", b"");
    report(&folder, "tourism", &["--evidence", "empty.png"]).exits(1).says(&["empty.png is empty"]);
    let mut large = PHOTO.to_vec();
    large.resize((20 << 20) + 1, b' ');
    folder.write("large.jpg", &large);
    report(&folder, "tourism", &["--evidence", "large.jpg"]).exits(1).says(&["20971521 bytes", "20971520"]);
    large.pop();
    folder.write("largest.jpg", &large);
    assert_eq!(folder.run(["log", "head"]).ok().stdout, before);
    report(&folder, "tourism", &["--evidence", "largest.jpg"]).ok();
    let zh = Folder::zh();
    zh.found(&["tourism"]);
    zh.write("photo.jpg", b"\x7fELF\x02\x01\x01\0\0\0\0\0");
    report(&zh, "tourism", &["--evidence", "photo.jpg"]).exits(1).says(&["不能作为证据", "JPEG 图片"]);
}

#[test]
fn limits_are_those_of_the_configuration() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    let config = folder.read("fengsui-data/node.toml");
    folder.write(
        "fengsui-data/node.toml",
        format!("{config}\n[evidence]\nbytes_max = 10\nmedia_types = [\"image/png\"]\n"),
    );
    folder.write("a.jpg", PHOTO);
    report(&folder, "tourism", &["--evidence", "a.jpg"]).exits(1).says(&["evidence may have 10"]);
    folder.write("b.jpg", &PHOTO[..10]);
    report(&folder, "tourism", &["--evidence", "b.jpg"]).exits(1).says(&["image/jpeg; expected one of image/png"]);
    folder.write("fengsui-data/node.toml", format!("{config}\n[evidence]\nmedia_types = [\"image/gif\"]\n"));
    folder.run(["doctor"]).exits(1).shows(&["image/gif", "node.toml, line"]);
}

#[test]
fn changed_files_are_found_and_end_with_5() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    folder.write("a.jpg", PHOTO);
    report(&folder, "tourism", &["--evidence", "a.jpg"]).ok();
    let sha256 = sha256sum(&folder, "a.jpg");
    folder.run(["evidence", "verify"]).ok().shows(&["sound\t1", "damaged\t0"]);
    let kept = folder.data("evidence").join(&sha256[..2]).join(&sha256[2..]);
    fs::write(&kept, b"\xff\xd8\xff\xe0 retouched").unwrap();
    let verified = folder.run(["evidence", "verify"]).exits(5).shows(&["damaged\t1"]);
    verified.shows(&[&kept.file_name().unwrap().to_string_lossy()]).says(&["1 files of evidence were changed"]);
    // It is never handed out.
    folder.desk("fire", ["evidence", "get", &sha256, "--out", "b.jpg"]).exits(5);
    assert!(!folder.path().join("b.jpg").exists());
    // Taking the true one in again mends it.
    report(&folder, "tourism", &["--evidence", "a.jpg"]).ok();
    folder.run(["evidence", "verify"]).ok();
    folder.desk("fire", ["evidence", "get", &sha256, "--out", "b.jpg"]).ok();
}

#[test]
fn the_list_of_evidence_is_drawn_again_when_it_is_gone() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    folder.write("a.jpg", PHOTO);
    let case = report(&folder, "tourism", &[]).ok().cell("case");
    folder.desk("fire", ["referral", "acknowledge", &case]).ok();
    let words = ["feedback", "submit", &case, "--outcome", "rectified_on_site", "--summary", "当场清除"];
    folder.desk("fire", words.iter().chain(&["--evidence", "a.jpg"])).ok();
    let listed = folder.desk("tourism", ["evidence", "list"]).ok().stdout;
    assert!(listed.contains(&sha256sum(&folder, "a.jpg")), "{listed}");
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(folder.data(&format!("evidence.sqlite{end}")));
    }
    assert_eq!(folder.desk("tourism", ["evidence", "list"]).ok().stdout, listed);
    folder.run(["evidence", "list", "--as-of", "1"]).exits(2);
}
