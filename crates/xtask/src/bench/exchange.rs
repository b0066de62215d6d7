//! An exchange on a broker as the program makes it: folders, a nats-server on the authority's own files, running nodes. All on free ports,
//! and all ends with the value.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use fengsui_event::payload::Place;
use fengsui_event::{Date, FindingMethod, Timestamp, UnitId};
use fengsui_log::jetstream::{Broker, BrokerOptions, Stream};
use fengsui_node::broker::options;
use fengsui_node::desk::{Command as Desk, ReportCommand};
use fengsui_node::folder::Folder;
use fengsui_projector::query::Reader;

use crate::failure::Failure;
use crate::workspace;

const OFFICE: &str = "joint-office";
const REGION: &str = "350600";
/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_mins(10);
/// Between looks at what is waited for: short beside anything that is measured.
const LOOK_INTERVAL: Duration = Duration::from_micros(200);

/// A process that is killed with this value.
pub struct Running(Child);

impl Running {
    fn start(command: &mut Command, log: &Path) -> Result<Self, Failure> {
        let log = File::options().create(true).append(true).open(log).map_err(Failure::file(log))?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        Ok(Self(child.map_err(Failure::file(command.get_program()))?))
    }

    /// Its number.
    pub fn process(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A nats-server without accounts, for what the machine can do: each write synced, as the shipped configurations have it.
pub struct BareServer {
    _server: Running,
    _folder: tempfile::TempDir,
    url: String,
}

impl BareServer {
    /// Starts one.
    pub fn start() -> Result<Self, Failure> {
        let folder = folder()?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let configuration = folder.path().join("server.conf");
        let store = folder.path().join("store");
        let text = format!(
            "listen: \"{address}\"\njetstream {{ store_dir: \"{}\", sync_interval: always }}\nmax_payload: 1MB\n",
            store.display()
        );
        std::fs::write(&configuration, text).map_err(Failure::file(&configuration))?;
        let server = nats_server(&configuration, folder.path(), &address)?;
        Ok(Self { _server: server, _folder: folder, url: format!("nats://{address}") })
    }

    /// A connection to it.
    pub fn connect(&self) -> Result<Broker, Failure> {
        let options = BrokerOptions { servers: vec![self.url.clone()], ..BrokerOptions::default() };
        Broker::connect(options).map_err(Failure::bench("a connection"))
    }
}

/// The exchange.
pub struct Exchange {
    /// The nodes and the broker end before their files are removed.
    server: Option<Running>,
    folder: tempfile::TempDir,
    program: PathBuf,
    address: String,
}

impl Exchange {
    /// Makes an exchange of the authority and these agencies. The broker runs.
    pub fn found(program: &Path, agencies: &[&str]) -> Result<Self, Failure> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut exchange = Self { server: None, folder: folder()?, program: program.to_owned(), address };
        let server = format!("nats://{}", exchange.address);
        exchange.run(OFFICE, &["init", "--region", REGION, "--agency", OFFICE, "--authority", "--server", &server])?;
        exchange.start_broker()?;
        exchange.run(OFFICE, &["agency", "list"])?;
        let file = exchange.root(OFFICE).join("exchange.toml");
        for agency in agencies {
            let words = ["init", "--region", REGION, "--agency", agency, "--exchange"];
            exchange.run(agency, &[&words[..], &[&file.to_string_lossy()]].concat())?;
            let request = exchange.root(agency).join(format!("join-{agency}.json"));
            exchange.run(OFFICE, &["agency", "register", "--from", &request.to_string_lossy()])?;
        }
        // A server that starts reads all accounts at once.
        exchange.stop_broker();
        exchange.start_broker()?;
        for agency in agencies {
            exchange.run(agency, &["agency", "list"])?;
        }
        Ok(exchange)
    }

    /// The folder of an agency's node.
    pub fn root(&self, agency: &str) -> PathBuf {
        self.folder.path().join(agency)
    }

    /// Starts the broker on the authority's files.
    pub fn start_broker(&mut self) -> Result<(), Failure> {
        let configuration = self.root(OFFICE).join("broker/nats-server.conf");
        self.server = Some(nats_server(&configuration, self.folder.path(), &self.address)?);
        Ok(())
    }

    /// Ends the broker.
    pub fn stop_broker(&mut self) {
        self.server = None;
    }

    fn run(&self, agency: &str, words: &[&str]) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        command.arg("--data").arg(self.root(agency)).args(words).env("LANG", "C.UTF-8");
        let output = command.output().map_err(Failure::file(&self.program))?;
        if output.status.success() {
            return Ok(());
        }
        let reason = format!("`{}`: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
        Err(Failure::Bench { what: "the program", reason })
    }

    /// Starts an agency's node.
    pub fn start_node(&self, agency: &str) -> Result<Running, Failure> {
        let mut command = Command::new(&self.program);
        command.arg("--data").arg(self.root(agency)).args(["node", "run"]).env("LANG", "C.UTF-8");
        Running::start(&mut command, &self.folder.path().join(format!("{agency}.log")))
    }

    /// Starts the authority's node.
    pub fn start_office(&self) -> Result<Running, Failure> {
        self.start_node(OFFICE)
    }

    /// The stream, by the key of an agency.
    pub fn stream(&self, agency: &str) -> Result<Stream, Failure> {
        let folder = Folder::open(self.root(agency)).map_err(Failure::bench("a folder"))?;
        let broker = Broker::connect(options(&folder).map_err(Failure::bench("a connection"))?);
        let broker = broker.map_err(Failure::bench("a connection"))?;
        Stream::open(&broker, literal(REGION)?).map_err(Failure::bench("the stream"))
    }

    /// The last position of an agency's tables; 0 while there are none.
    pub fn applied(&self, agency: &str) -> u64 {
        let reader = Reader::open(&self.root(agency).join("model.sqlite"));
        reader.and_then(|reader| reader.view().progress()).map_or(0, |(progress, _)| progress.position)
    }

    /// The authority and these agencies.
    pub fn with_office<'a>(agencies: &[&'a str]) -> Vec<&'a str> {
        [OFFICE].into_iter().chain(agencies.iter().copied()).collect()
    }
}

fn nats_server(configuration: &Path, folder: &Path, address: &str) -> Result<Running, Failure> {
    let program = crate::nats_server::find_or_get()?;
    let mut command = Command::new(program);
    command.arg("-c").arg(configuration).current_dir(folder);
    let server = Running::start(&mut command, &folder.join("nats-server.log"))?;
    until("a nats-server", || TcpStream::connect(address).ok())?;
    Ok(server)
}

/// A folder on the disk that everything else of a benchmark is on.
pub fn folder() -> Result<tempfile::TempDir, Failure> {
    tempfile::tempdir_in(workspace::target()).map_err(Failure::file("target"))
}

fn free_port() -> Result<u16, Failure> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.map(|address| address.port()).map_err(Failure::file("a free port"))
}

/// Waits until something is there.
pub fn until<T>(what: &'static str, mut found: impl FnMut() -> Option<T>) -> Result<T, Failure> {
    let begun = Instant::now();
    loop {
        if let Some(value) = found() {
            return Ok(value);
        }
        if begun.elapsed() > PATIENCE {
            return Err(Failure::Bench { what, reason: format!("not within {} s", PATIENCE.as_secs()) });
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// Reads a literal of the benchmarks.
pub fn literal<T: FromStr>(text: &str) -> Result<T, Failure>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(Failure::bench("a literal"))
}

/// A violation of the kind, in one of an agency's thousand units.
pub fn report(agency: &str, category: &str, number: u64) -> Result<Desk, Failure> {
    let unit: UnitId = literal(&format!("local.{agency}:{}", number % 1_000))?;
    let place = Place { region: literal("350602")?, address: format!("胜利东路{}号", number % 400) };
    Ok(Desk::Report(Box::new(ReportCommand {
        unit,
        unit_name: Some(format!("芗城区瑞和宾馆{}", number % 1_000)),
        place,
        trade: None,
        category: literal(category)?,
        severity: None,
        facts: format!("疏散通道堆放杂物，安全出口上锁（第{number}号）。"),
        legal_basis: Vec::new(),
        found_on: today(),
        method: FindingMethod::Inspection,
        evidence: Vec::new(),
        reference: None,
        public_report: None,
        historical: false,
    })))
}

/// The day on which all happens.
pub fn today() -> Date {
    fengsui_event::date::day_of(Timestamp::now())
}
