//! The built program says what it is. This file also has Cargo build the program for the end-to-end tests of `tests/`.

#![allow(clippy::unwrap_used)]

use std::process::Command;

fn stdout_of(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_fengsui")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_version_is_that_of_the_manifest() {
    assert_eq!(stdout_of(&["version"]), format!("fengsui {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(stdout_of(&["--version"]), stdout_of(&["version"]));
    let version: serde_json::Value = serde_json::from_str(&stdout_of(&["version", "--json"])).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(version["event_types"], fengsui_event::EventType::ALL.len());
}
