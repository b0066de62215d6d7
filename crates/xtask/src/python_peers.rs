//! What the tests compare this program's proofs with: an independent implementation of Merkle trees in Python.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::wheel::Wheel;
use crate::{step, workspace};

/// Tells tests the folder with the packages.
pub const VARIABLE: &str = "FENGSUI_PYTHON_PEERS";

/// Trees and proofs as in RFC 9162.
const PYMERKLE: Wheel = Wheel {
    package: "pymerkle",
    version: "7.0.0",
    sha256: &["506817f2a78cf9b2b49fcabb1d00c0dc76f0efa90fb0b14d998bab4e6729ad4f"],
};

/// What pymerkle needs.
const CACHETOOLS: Wheel = Wheel {
    package: "cachetools",
    version: "7.2.1",
    sha256: &["63aa53dfe7473c10cccdd5a01dedf76ef2c4b73a58840d9396e7d0752cbdac3b"],
};

/// Prints the folder, and nothing else, on standard output.
pub fn run() -> Result<(), Failure> {
    println!("{}", find_or_get()?.display());
    Ok(())
}

/// The folder that the environment names, or the one in `target/tools`, filled if need be.
pub fn find_or_get() -> Result<PathBuf, Failure> {
    let named = env::var_os(VARIABLE).map(PathBuf::from);
    let folder =
        named.unwrap_or_else(|| workspace::target().join("tools").join(format!("pymerkle-{}", PYMERKLE.version)));
    if is_there(&folder) {
        return Ok(folder);
    }
    step::announce(&format!("pymerkle, which the tests compare with, is not there: getting {}", PYMERKLE.version));
    if CACHETOOLS.install(&folder) && PYMERKLE.install(&folder) && is_there(&folder) {
        Ok(folder)
    } else {
        Err(Failure::NoPythonPeers { folder })
    }
}

fn is_there(folder: &Path) -> bool {
    folder.is_dir() && step::answers(Command::new("python3").args(["-c", "import pymerkle"]).env("PYTHONPATH", folder))
}
