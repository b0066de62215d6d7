//! What docs/tutorial-city.md tells people to type works as it stands, and prints what the page shows.

#![allow(clippy::unwrap_used)]

mod page;

use std::net::TcpListener;

use fengsui_tests::{nats_server, program};
use page::{Page, agrees};

/// From a server's port to that of its numbers.
const MONITOR_DISTANCE: u16 = 4_000;

#[test]
fn every_command_of_the_tutorial_runs_and_prints_what_the_page_shows() {
    let variables = [("PORT", free_port().to_string())];
    let errors = Page::read("docs/tutorial-city.md").run(&[program(), nats_server()], &variables);
    assert_eq!(errors.len(), 2, "{errors:#?}");
    assert!(errors[0].contains("housing has no part in the case"), "{errors:#?}");
    assert!(errors[1].contains("no TLS connection"), "{errors:#?}");
}

#[test]
fn what_is_shown_and_what_is_printed_are_told_apart() {
    assert!(agrees("a   b\n…\nc … e\n", "a\tb\nx\ny\nc d d e\n"));
    assert!(agrees("…\nkey U…\n", "key UABC\n"));
    assert!(!agrees("a\n", "a\nb\n"), "a line more");
    assert!(!agrees("a\nb\n", "a\n"), "a line less");
    assert!(!agrees("key U…\n", "key U\n"), "nothing in its place");
    assert!(!agrees("4 digest …\n", "3 digest 12\n"));
    assert!(!agrees("due … by fire\n", "due 2026 by fire brigade\n"), "the end differs");
}

/// A port that nobody listens at and whose monitoring port is free as well: outside of those that other tests take, and below those that
/// systems give to outgoing connections.
fn free_port() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let first = 5_000 + u16::try_from(std::process::id() % 800).unwrap();
    let free = (first..first + 200).find(|port| is_free(*port) && is_free(port + MONITOR_DISTANCE));
    free.unwrap_or_else(|| panic!("no free port above {first}"))
}
