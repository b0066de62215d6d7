//! nats-servers as processes of a test: they take free ports, tell them in a file, and end with the test.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything of a broker may take on a slow and busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The nats-server that tests start.
///
/// # Panics
/// When there is none, saying how to get one.
pub fn nats_server() -> PathBuf {
    let named = std::env::var_os("FENGSUI_NATS_SERVER").map(PathBuf::from);
    let fetched = crate::project().join("target/tools/nats-server-2.15.1/bin/nats-server");
    let on_path = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join("nats-server"))
        .collect::<Vec<_>>();
    let found = named.into_iter().chain([fetched]).chain(on_path).find(|program| program.is_file());
    found.unwrap_or_else(|| panic!("no nats-server: run `cargo xtask nats-server`, or name one in FENGSUI_NATS_SERVER"))
}

/// Waits until a condition holds.
///
/// # Panics
/// When it doesn't within [`PATIENCE`].
#[track_caller]
pub fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: not within {} s", PATIENCE.as_secs());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal, such as `TERM` or `STOP`, to a process that the test started.
pub fn signal(process: u32, name: &str) {
    // The shell's own `kill`, since a small system has no other.
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status().unwrap();
    assert!(sent.success());
}

/// A nats-server that runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct BrokerProcess {
    child: Child,
    ports: Ports,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    clients: SocketAddr,
    monitor: SocketAddr,
    routes: Option<SocketAddr>,
}

impl BrokerProcess {
    /// Starts a nats-server in a folder and waits until it listens. `command` names its configuration, which asks for free ports (`-1`) for
    /// clients, for its monitoring, and for routes when it has any.
    ///
    /// # Panics
    /// When it ends instead, with what it said.
    pub fn start(command: Command, folder: &Path) -> Self {
        Self::try_start(command, folder)
            .unwrap_or_else(|said| panic!("a nats-server in {} ended: {said}", folder.display()))
    }

    /// As [`BrokerProcess::start`].
    ///
    /// # Errors
    /// What it said when it ended instead.
    pub fn try_start(mut command: Command, folder: &Path) -> Result<Self, String> {
        let (output, log) = (folder.join("output"), folder.join("log"));
        command.arg("--ports_file_dir").arg(folder).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(fs::File::create(&output).unwrap()).spawn().unwrap();
        let file = folder.join(format!("nats-server_{}.ports", child.id()));
        let ports = until("the ports of a server", || {
            if let Some(status) = child.try_wait().unwrap() {
                let said = [output.as_path(), log.as_path()].map(|file| fs::read_to_string(file).unwrap_or_default());
                return Some(Err(format!("{status}\n{}", said.concat())));
            }
            Ports::read(&fs::read(&file).ok()?).map(Ok)
        });
        ports.map(|ports| Self { child, ports })
    }

    /// Where clients connect.
    pub fn clients(&self) -> SocketAddr {
        self.ports.clients
    }

    /// Where other servers of a cluster connect.
    pub fn routes(&self) -> Option<SocketAddr> {
        self.ports.routes
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// A page of its monitoring: `/varz`, `/healthz`, `/jsz?streams=true`; nothing while it does not answer.
    pub fn monitor(&self, page: &str) -> Option<Value> {
        http_json(self.ports.monitor, page)
    }

    /// Ends it in good order.
    pub fn stop(mut self) {
        signal(self.child.id(), "TERM");
        until("the end of a server", || self.child.try_wait().unwrap());
    }
}

impl Drop for BrokerProcess {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ports {
    /// Out of the file that a server writes; nothing when it is not whole yet.
    fn read(text: &[u8]) -> Option<Self> {
        let ports: Value = serde_json::from_slice(text).ok()?;
        let address = |kind: &str| ports[kind][0].as_str()?.split_once("://")?.1.parse().ok();
        Some(Self { clients: address("nats")?, monitor: address("monitoring")?, routes: address("cluster") })
    }
}

/// A JSON document over HTTP, whatever its status; nothing when the server does not answer.
pub fn http_json(server: SocketAddr, page: &str) -> Option<Value> {
    serde_json::from_str(&http_answer(server, page)?.1).ok()
}

/// Status code and body of a page over HTTP; nothing when the server does not answer.
pub fn http_answer(server: SocketAddr, page: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(server).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.write_all(format!("GET {page} HTTP/1.0\r\nHost: {server}\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}
