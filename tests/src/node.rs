//! The node of a folder as a running process of a test. It is killed with the value.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::broker::PATIENCE;
use crate::{DATA, Folder, http_answer, signal, until};

/// How a node is started, so that it can be started again in the same way.
#[derive(Debug)]
struct Start {
    program: OsString,
    words: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    folder: PathBuf,
    log: PathBuf,
}

/// `fengsui node run` in a folder.
#[derive(Debug)]
pub struct RunningNode {
    child: Child,
    start: Start,
    data: PathBuf,
}

impl RunningNode {
    /// Runs the node of a folder, answering over HTTP on a free port, and waits until it has said how it is.
    pub fn start(folder: &Folder) -> Self {
        Self::start_with(folder, &[], &[])
    }

    /// The same, with more arguments and variables.
    ///
    /// # Panics
    /// When it ends instead, with its log.
    pub fn start_with(folder: &Folder, more: &[&str], variables: &[(&str, &Path)]) -> Self {
        let words = ["node", "run", "--listen", "127.0.0.1:0"];
        let mut command = folder.command(words.iter().chain(more));
        command.envs(variables.iter().copied());
        Self::started(&command, folder)
    }

    /// Runs the node of a folder as its configuration says, and waits until it has said how it is.
    pub fn start_plain(folder: &Folder) -> Self {
        Self::started(&folder.command(["node", "run"]), folder)
    }

    fn started(command: &Command, folder: &Folder) -> Self {
        let start = Start::of(command, folder);
        let mut node = Self { child: start.launch(), start, data: folder.path().join(DATA) };
        node.await_word();
        node
    }

    /// The process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it last said of itself.
    pub fn status(&self) -> Value {
        let text = fs::read(self.data.join("status.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// What it has logged since the folder was made.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.start.log).unwrap()
    }

    /// Waits until it is connected and its tables have reached the stream's end, with nothing left in the outbox. Gives its status.
    #[track_caller]
    pub fn await_ready(&self) -> Value {
        self.await_status("a node that is ready", |status| {
            let log = &status["log"];
            status["broker"]["connected"] == true
                && log["applied"] == log["stream"]
                && status["outbox"]["pending"] == 0
                && status["alarms"].as_array().is_some_and(Vec::is_empty)
        })
    }

    /// Waits until its status is as wanted.
    #[track_caller]
    pub fn await_status(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let (pid, started) = (self.child.id(), Instant::now());
        loop {
            let status = self.status();
            if status["pid"] == pid && is_so(&status) {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "{what}: not yet, but {status:#}\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks it over HTTP; gives the status code and the body.
    pub fn get(&self, page: &str) -> (u16, String) {
        let address: SocketAddr = self.status()["http"].as_str().unwrap().parse().unwrap();
        http_answer(address, page).unwrap_or_else(|| panic!("no answer to {page}\n{}", self.log()))
    }

    /// Ends it as a service manager does, and gives its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        signal(self.child.id(), "TERM");
        until("the end of a node", || self.child.try_wait().unwrap()).code()
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Runs it again, after [`stop`](RunningNode::stop) or [`kill`](RunningNode::kill).
    pub fn restart(&mut self) {
        assert!(self.child.try_wait().unwrap().is_some(), "it runs still");
        self.child = self.start.launch();
        self.await_word();
    }

    /// Its first status tells that it is at work.
    fn await_word(&mut self) {
        let pid = self.child.id();
        until("the first status of a node", || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the node has ended: {ended:?}\n{}", self.log());
            (self.status()["pid"] == pid).then_some(())
        });
    }
}

impl Drop for RunningNode {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Start {
    fn of(command: &Command, folder: &Folder) -> Self {
        let variables = command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        Self {
            program: command.get_program().to_owned(),
            words: command.get_args().map(OsStr::to_owned).collect(),
            variables: variables.collect(),
            folder: folder.path().to_owned(),
            log: folder.path().join("node.log"),
        }
    }

    /// The log goes into a file, since nobody empties a pipe meanwhile.
    fn launch(&self) -> Child {
        let log = fs::File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = Command::new(&self.program);
        command.args(&self.words).env_clear().envs(self.variables.iter().cloned()).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }
}
