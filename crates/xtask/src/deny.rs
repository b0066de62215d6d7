//! Licences, duplicates, sources and advisories of the dependencies, by the rules of `.deny.toml`.

use std::process::Command;

use crate::failure::Failure;
use crate::step;
use crate::tool::{self, Installed};
use crate::workspace;

/// Longest wait for the advisory database, in seconds. It is a few megabytes; a network that says nothing is no network.
const FETCH_SECONDS_MAX: &str = "120";

/// Runs all checks. Advisories that cannot be fetched are reported and do not fail the run; a real hit does.
pub fn run() -> Result<(), Failure> {
    let deny = tool::DENY.find_or_get()?;
    step::run("licences, duplicates and sources", deny.command().args(["check", "bans", "licenses", "sources"]))?;
    if fetched_advisories(&deny) {
        return step::run("advisories", deny.command().args(["--offline", "check", "advisories"]));
    }
    eprintln!();
    eprintln!("    ****************************************************************************");
    eprintln!("    ADVISORIES WERE NOT CHECKED: the advisory database could not be fetched from");
    eprintln!("    here. Run `cargo xtask deny` on a machine that reaches it before a release.");
    eprintln!("    ****************************************************************************");
    Ok(())
}

fn fetched_advisories(deny: &Installed) -> bool {
    let fetch = deny.command();
    let mut bounded = Command::new("timeout");
    bounded
        .args(["--kill-after", "5", FETCH_SECONDS_MAX])
        .arg(fetch.get_program())
        .args(fetch.get_args())
        .args(["fetch", "db"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .current_dir(workspace::root());
    step::run("fetching advisories", &mut bounded).is_ok()
}
