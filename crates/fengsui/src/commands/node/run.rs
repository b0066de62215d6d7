//! The node in the foreground, until somebody asks it to end.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fengsui_event::Timestamp;
use fengsui_log::StorageError;
use fengsui_log::embedded::LOG_FILE;
use fengsui_log::storage::WriterLock;
use fengsui_node::NodeError;
use fengsui_node::folder::Folder;
use fengsui_node::station::status::{READY_LAG_MAX, Status};
use fengsui_node::station::{self, Observer};
use fengsui_projector::ModelError;

use super::http::{Answering, Board};
use super::logging;
use super::supervisor::{self, Supervisor};
use crate::arguments::node::NodeRunArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Look};
use crate::session::Session;

/// Between lines of the log that tell how far a long catching up is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// Runs the node. Ctrl-C and SIGTERM are the ordinary way to end it.
pub fn run(session: &Session, arguments: &NodeRunArguments) -> Result<Exit, Failure> {
    let folder = Folder::open(&session.global.data)?;
    refuse_other_agency(session, &folder)?;
    if folder.node().broker.is_none() {
        return Err(NodeError::NoBroker { root: folder.root().to_owned() }.into());
    }
    logging::begin(session, arguments);
    interrupt::watch_and(supervisor::stopping);
    let board = Board::default();
    let answering = match arguments.listen.or(folder.node().http.listen) {
        Some(address) => Some(answer(&folder, address, board.clone())?),
        None => None,
    };
    let watching = Watching::new(session.output.look(), board, answering.as_ref().map(Answering::address));
    let ended = station::run(folder.root(), interrupt::stop_flag(), &watching);
    if !interrupt::wanted() {
        supervisor::stopping();
    }
    drop(answering);
    match ended {
        Err(NodeError::Model(ModelError::Interrupted { .. })) if interrupt::wanted() => Ok(Exit::Done),
        ended => Ok(ended.map(|()| Exit::Done)?),
    }
}

/// A node is its folder's; it does not act for another agency.
fn refuse_other_agency(session: &Session, folder: &Folder) -> Result<(), Failure> {
    let own = folder.node().agency;
    match session.global.agency {
        Some(agency) if agency != own => Err(Failure::usage(
            format!("该文件夹是 {own} 的节点，不能代 {agency} 运行；请用 --data 指明其文件夹"),
            format!("this folder's node is that of {own}, not of {agency}: name the other folder with --data"),
        )),
        _ => Ok(()),
    }
}

fn answer(folder: &Folder, address: SocketAddr, board: Board) -> Result<Answering, Failure> {
    match Answering::begin(address, board) {
        Ok(answering) => {
            let address = answering.address();
            tracing::info!(%address, "answering over HTTP");
            if !address.ip().is_loopback() {
                tracing::warn!(%address, "other machines can ask this node how it is; it asks nobody for a password");
            }
            Ok(answering)
        }
        Err(error) => Err(no_address(folder, address, &error)),
    }
}

/// An address that is taken is most often that of a node which runs on this folder already.
fn no_address(folder: &Folder, address: SocketAddr, error: &io::Error) -> Failure {
    if let Err(taken @ StorageError::SecondWriter { .. }) = WriterLock::acquire(&LOG_FILE, &folder.log()) {
        return taken.into();
    }
    Failure::failed(
        "listen",
        format!("无法在 {address} 上应答 HTTP：{error}；请用 --listen 或 node.toml 的 [http] 指明另一地址"),
        format!(
            "HTTP cannot be answered on {address}: {error}; name another address with --listen, or with [http] in node.toml"
        ),
    )
}

/// Whoever watches the node: its HTTP, the service manager, a person at a terminal.
struct Watching {
    board: Board,
    supervisor: Supervisor,
    http: Option<SocketAddr>,
    look: Look,
    progress: Mutex<Progress>,
}

/// How a long catching up is shown.
struct Progress {
    bar: Option<Bar>,
    /// When the log last said how far it is.
    told: Instant,
}

impl Watching {
    fn new(look: Look, board: Board, http: Option<SocketAddr>) -> Self {
        let bar = Some(Bar::new(look, "更新查询库", "Bringing the tables up to date"));
        let progress = Mutex::new(Progress { bar, told: Instant::now() });
        Self { board, supervisor: Supervisor::default(), http, look, progress }
    }

    fn show(&self, position: u64, last: u64, is_over: bool) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if is_over {
            progress.bar = None;
            return;
        }
        if progress.told.elapsed() >= PROGRESS_INTERVAL {
            progress.told = Instant::now();
            tracing::info!(position, last, "the tables are being brought up to date");
        }
        let look = self.look;
        let bar = progress.bar.get_or_insert_with(|| Bar::new(look, "更新查询库", "Bringing the tables up to date"));
        // The wish to stop reaches the node by its own flag.
        let _ = bar.at(position, last);
    }
}

impl Observer for Watching {
    fn observe(&self, status: &Status) {
        self.board.put(status);
        self.supervisor.observe(status, Timestamp::now());
        let log = &status.log;
        self.show(log.applied, log.stream, log.lag <= READY_LAG_MAX || !status.broker.connected);
    }

    fn catching_up(&self, position: u64, last: u64) {
        self.supervisor.catching_up(position, last);
        self.show(position, last, false);
    }

    fn http(&self) -> Option<SocketAddr> {
        self.http
    }
}
