//! A nats-server of a test's own: a real process on a free loopback port with a folder of its own, ended with the value.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Names the program to run; `cargo xtask test` sets it.
pub const VARIABLE: &str = "FENGSUI_NATS_SERVER";

/// Longer than any start or end of a server takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks at what is waited for.
const STEP: Duration = Duration::from_millis(10);

/// Where ports are looked for.
const PORTS: std::ops::Range<u16> = 10_000..30_000;

/// How often a port is chosen anew when another process was faster.
const STARTS_MAX: u32 = 20;

/// What every server of a test has, before what the test adds.
const BASE: &str = "host: 127.0.0.1\nserver_name: test\njetstream { store_dir: STORE, sync_interval: always }\n";

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
        let mut folder = TempDir::new().expect("a folder for the server");
        let store = folder.path().join("store");
        let text = BASE.replace("STORE", &format!("{:?}", store.display().to_string()));
        fs::write(folder.path().join("server.conf"), text + more).expect("the server's configuration");
        for _ in 0..STARTS_MAX {
            let port = free_port();
            let child = launch(folder.path(), port);
            let mut server = NatsServer { child, folder, port };
            if server.wait_until_it_answers() {
                return server;
            }
            let log = server.log();
            assert!(log.contains("address already in use"), "nats-server does not start:\n{log}");
            folder = std::mem::replace(&mut server.folder, TempDir::new().expect("a folder"));
        }
        panic!("nats-server finds no free port");
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
        self.child = launch(self.folder.path(), self.port);
        assert!(self.wait_until_it_answers(), "nats-server does not start again:\n{}", self.log());
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

    /// Whether it does; not when it has ended instead.
    fn wait_until_it_answers(&mut self) -> bool {
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() || !self.log().contains("Server is ready")
        {
            if self.child.try_wait().expect("the server's state").is_some() {
                return false;
            }
            assert!(started.elapsed() < PATIENCE, "nats-server does not answer:\n{}", self.log());
            std::thread::sleep(STEP);
        }
        true
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

fn launch(folder: &Path, port: u16) -> Child {
    let log = folder.join("server.log");
    // A restarted server is ready when the new log says so, not the old one.
    let _ = fs::remove_file(&log);
    let mut command = Command::new(program());
    command.arg("--config").arg(folder.join("server.conf")).arg("--log").arg(&log);
    command.arg("--port").arg(port.to_string());
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    started.unwrap_or_else(|error| {
        panic!("nats-server cannot be started ({error}): run the tests with `cargo xtask test`, which fetches it, or name it in {VARIABLE}")
    })
}

/// A port that nobody listens at, below those that the system gives to outgoing connections: so that it is still free when a server
/// comes back to it.
fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let ports = u32::from(PORTS.end - PORTS.start);
    for _ in PORTS {
        // Test processes start at places far apart.
        let number = std::process::id().wrapping_mul(7_919).wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + u16::try_from(number % ports).unwrap_or_default();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free")
}
