//! End-to-end tests live in `tests/`. Here stands what they share: the built program, and folders to run it in.
//!
//! The program must have been built before. `cargo nextest run --workspace` does so, because the crate `fengsui` has an integration
//! test; `cargo nextest run -p fengsui-tests` alone runs the program as it was built last.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

mod broker;
mod cable;
mod city;
mod cluster;
mod commands;
mod node;
mod ran;

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub use broker::{BrokerProcess, http_answer, http_json, nats_server, signal, until};
pub use cable::Cable;
pub use city::{City, OFFICE, PILOT, REGION, STREAM};
pub use cluster::{Cluster, SERVERS};
pub use commands::{Reads, closed_case, reading_commands, run_with};
pub use node::RunningNode;
pub use ran::Ran;

/// The folder of the node below a [`Folder`], which is also where the program looks by itself.
pub const DATA: &str = "fengsui-data";

/// The built program: it stands beside or above the running test's own file.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let name = format!("fengsui{}", std::env::consts::EXE_SUFFIX);
    let found = test.ancestors().skip(1).take(3).map(|folder| folder.join(&name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("no {name} above {}: build it with `cargo build -p fengsui`", test.display()))
}

/// The root of the project's source.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A folder of its own for one test, in which the program runs. It is removed at the end.
#[derive(Debug)]
pub struct Folder {
    temporary: tempfile::TempDir,
    locale: &'static str,
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Folder {
    /// An empty folder, in an English locale.
    pub fn new() -> Self {
        Self { temporary: tempfile::tempdir().unwrap(), locale: "C.UTF-8" }
    }

    /// An empty folder, in a Chinese locale.
    pub fn zh() -> Self {
        Self { locale: "zh_CN.UTF-8", ..Self::new() }
    }

    /// A folder that holds a small pilot city.
    pub fn small_demo() -> Self {
        let folder = Self::new();
        folder.run(["demo", "--units", "20", "--violations", "120"]).ok();
        folder
    }

    /// A folder that holds an exchange: the authority's desk, and one desk for each agency.
    pub fn exchange(agencies: &[&str]) -> Self {
        let folder = Self::new();
        folder.found(agencies);
        folder
    }

    /// Makes an exchange in this folder.
    pub fn found(&self, agencies: &[&str]) {
        self.run(["init", "--region", "350600", "--agency", "joint-office", "--authority"]).ok();
        for agency in agencies {
            self.run(["init", "--region", "350600", "--agency", agency]).ok();
        }
    }

    /// Has the node of this folder sign no checkpoints by itself: for tests that count what is on the log.
    pub fn without_checkpoints(&self) {
        self.configure("[checkpoints]\nautomatic = false\n");
    }

    /// Adds a section to the configuration of this folder's node.
    pub fn configure(&self, section: &str) {
        let path = self.data("node.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{text}\n{section}")).unwrap();
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// A file of the node.
    pub fn data(&self, file: &str) -> PathBuf {
        self.path().join(DATA).join(file)
    }

    /// Writes a file and says where.
    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(file);
        fs::write(&path, content).unwrap();
        path
    }

    /// Reads a file as text.
    pub fn read(&self, file: &str) -> String {
        let path = self.path().join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Copies a file of the project's source into the folder, under the same name.
    pub fn take(&self, file: &str) -> PathBuf {
        let source = project().join(file);
        let target = self.path().join(source.file_name().unwrap());
        fs::copy(&source, &target).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        target
    }

    /// The program, ready to start: in this folder, with nothing of the tester's environment, with nothing on stdin.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(program());
        command.current_dir(self.path()).env_clear().env("LANG", self.locale).args(arguments);
        // Coverage and the place of temporary files are the tester's business.
        for kept in ["TMPDIR", "LLVM_PROFILE_FILE", "RUST_BACKTRACE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the program.
    pub fn spawn<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Runs the program to its end.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Runs the program to its end, for the desk of an agency.
    pub fn desk<A: AsRef<OsStr>>(&self, agency: &str, arguments: impl IntoIterator<Item = A>) -> Ran {
        let words = arguments.into_iter().map(|word| word.as_ref().to_owned());
        self.run(["--agency".into(), agency.into()].into_iter().chain(words))
    }

    /// Runs the program to its end, with a text on stdin.
    pub fn run_stdin<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>, text: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Short texts fit into the pipe, so writing cannot wait for a program that waits for us.
        assert!(text.len() < 60_000);
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        Ran::ended(&command, child.wait_with_output().unwrap())
    }

    /// The digest of the tables as the log gives them: what `replay` prints last.
    pub fn digest(&self) -> String {
        self.run(["replay"]).ok().digest()
    }
}

/// A table in the columns of the built-in map, with so many violations of one unit, all found by and for the fire brigade.
pub fn long_table(rows: usize) -> String {
    let header = "编号,统一社会信用代码,单位名称,行政区划代码,违法行为类型,发现日期,发现方式,违法事实\n";
    let row = |row: usize| {
        let day = row % 28 + 1;
        format!("{row},91350602MA0000015U,瑞和宾馆,350602,fire.60-1,2024-03-{day:02},inspection,第{row}号\n")
    };
    header.to_owned() + &(1..=rows).map(row).collect::<String>()
}

/// Asks a process to stop, as Ctrl-C does.
pub fn interrupt(child: &Child) {
    // The shell's own `kill`, since a small system has no other.
    let sent = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(sent.success());
}
