//! A nats-server of a test's own: a real process on a free loopback port with a folder of its own, ended with the value.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Names the program to run; `cargo xtask test` sets it.
pub const VARIABLE: &str = "FENGSUI_NATS_SERVER";

/// Longer than any start or end of a server takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks at what is waited for.
const STEP: Duration = Duration::from_millis(10);

/// What every server of a test has, before what the test adds.
const BASE: &str = "listen: 127.0.0.1:-1\nserver_name: test\njetstream { store_dir: STORE, sync_interval: always }\n";

/// A running nats-server with JetStream. Dropping it kills the process and removes its folder.
#[derive(Debug)]
pub struct NatsServer {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl NatsServer {
    /// A server with JetStream and `sync_interval: always` that lets anybody in.
    pub fn start() -> NatsServer {
        NatsServer::start_with_config("")
    }

    /// The same, with more lines of configuration, such as `authorization { ... }` or `tls { ... }`.
    pub fn start_with_config(more: &str) -> NatsServer {
        let folder = TempDir::new().expect("a folder for the server");
        let store = folder.path().join("store");
        let text = BASE.replace("STORE", &format!("{:?}", store.display().to_string()));
        fs::write(folder.path().join("server.conf"), text + more).expect("the server's configuration");
        let child = launch(folder.path(), None);
        let port = port_of(folder.path(), &child);
        let mut server = NatsServer { child, folder, port };
        server.wait_until_it_answers();
        server
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port on 127.0.0.1, the same for the server's whole life.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The server's own folder: `server.conf`, `server.log` and `store`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where JetStream keeps its files.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// Ends the process in order (SIGTERM) and waits until it is gone.
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        self.child.wait().expect("the server's end");
    }

    /// Ends the process at once (SIGKILL).
    pub fn kill(&mut self) {
        self.child.kill().expect("killing the server");
        self.child.wait().expect("the server's end");
    }

    /// Starts the server again on the same port and store, after [`stop`](NatsServer::stop) or [`kill`](NatsServer::kill); ends it
    /// first when it still runs.
    pub fn restart(&mut self) {
        if self.child.try_wait().expect("the server's state").is_none() {
            self.kill();
        }
        self.child = launch(self.folder.path(), Some(self.port));
        self.wait_until_it_answers();
    }

    /// Replaces the lines that were added to the configuration; [`reload`](NatsServer::reload) or
    /// [`restart`](NatsServer::restart) puts them into force.
    pub fn set_config(&self, more: &str) {
        let text = BASE.replace("STORE", &format!("{:?}", self.store().display().to_string()));
        fs::write(self.folder.path().join("server.conf"), text + more).expect("the server's configuration");
    }

    /// Has the process read its configuration again, as after accounts have changed.
    pub fn reload(&self) {
        self.signal(Signal::HUP);
    }

    /// Stops the process in its tracks: connections stay open, nothing answers.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a paused process go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("a signal to the server");
    }

    fn wait_until_it_answers(&mut self) {
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() || !self.log().contains("Server is ready")
        {
            let ended = self.child.try_wait().expect("the server's state");
            assert!(
                ended.is_none() && started.elapsed() < PATIENCE,
                "nats-server does not answer ({ended:?}):\n{}",
                self.log()
            );
            std::thread::sleep(STEP);
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The nats-server to test with: what [`VARIABLE`] names, else the one that `cargo xtask` has fetched, else the one on PATH.
pub fn program() -> PathBuf {
    if let Some(named) = std::env::var_os(VARIABLE) {
        return PathBuf::from(named);
    }
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools");
    let fetched = fs::read_dir(tools).ok().into_iter().flatten().flatten().find_map(|entry| {
        let wanted = entry.file_name().to_string_lossy().starts_with("nats-server-");
        let places = ["nats-server", "bin/nats-server"].map(|place| entry.path().join(place));
        wanted.then(|| places.into_iter().find(|path| path.is_file())).flatten()
    });
    fetched.unwrap_or_else(|| PathBuf::from("nats-server"))
}

fn launch(folder: &Path, port: Option<u16>) -> Child {
    let log = folder.join("server.log");
    // A restarted server is ready when the new log says so, not the old one.
    let _ = fs::remove_file(&log);
    let mut command = Command::new(program());
    command.arg("--config").arg(folder.join("server.conf")).arg("--log").arg(&log);
    command.arg("--ports_file_dir").arg(folder);
    if let Some(port) = port {
        command.arg("--port").arg(port.to_string());
    }
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    started.unwrap_or_else(|error| {
        panic!("nats-server cannot be started ({error}): run the tests with `cargo xtask test`, which fetches it, or name it in {VARIABLE}")
    })
}

/// The server chose a free port and wrote it down.
fn port_of(folder: &Path, child: &Child) -> u16 {
    let started = Instant::now();
    loop {
        let files = fs::read_dir(folder).expect("the server's folder").flatten();
        let written = files.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "ports"));
        let text = written.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let found = serde_json::from_str::<serde_json::Value>(&text).ok();
        let url = found.as_ref().and_then(|ports| ports["nats"][0].as_str()).unwrap_or_default();
        if let Some(port) = url.rsplit(':').next().and_then(|port| port.parse().ok()) {
            return port;
        }
        let log = fs::read_to_string(folder.join("server.log")).unwrap_or_default();
        assert!(started.elapsed() < PATIENCE, "nats-server ({}) does not say its port:\n{log}", child.id());
        std::thread::sleep(STEP);
    }
}
