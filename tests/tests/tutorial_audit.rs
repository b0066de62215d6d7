//! What docs/tutorial-audit.md tells people to type works as it stands, and prints what the page shows.

#![allow(clippy::unwrap_used)]

mod page;

use fengsui_tests::program;
use page::{Page, agrees};

#[test]
fn every_command_of_the_auditors_tutorial_runs_and_prints_what_the_page_shows() {
    let errors = Page::read("docs/tutorial-audit.md").run(&[program()], &[]);
    assert_eq!(errors, [""; 0]);
    assert!(!agrees("exit 5\n", "exit 0\n"));
}
