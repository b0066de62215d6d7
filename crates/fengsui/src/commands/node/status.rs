//! How the running node is, seen from another process.

use fengsui_log::StorageError;
use fengsui_log::embedded::LOG_FILE;
use fengsui_log::storage::WriterLock;
use fengsui_node::NodeError;
use fengsui_node::folder::Folder;
use fengsui_node::station::status::{Status, Trouble};
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::output::Facts;
use crate::session::Session;

/// Whether a node runs on a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// The process that wrote the status is at work.
    Runs,
    /// No process is at work.
    Ended,
    /// Another process is using the folder: a command, or a node that has said nothing yet.
    Other(Option<u32>),
}

/// Shows how the node is.
pub fn run(session: &Session) -> Result<Exit, Failure> {
    let folder = Folder::open(&session.global.data)?;
    if folder.node().broker.is_none() {
        return Err(NodeError::NoBroker { root: folder.root().to_owned() }.into());
    }
    let status = Status::read(folder.root());
    let life = life(session, &folder, status.as_ref())?;
    let trouble = status.as_ref().filter(|_| life == Life::Runs).and_then(|status| status.readiness(session.now));
    if session.output.json() {
        session.output.document(&json!({
            "running": life == Life::Runs,
            "ready": life == Life::Runs && trouble.is_none(),
            "trouble": trouble,
            "status": status,
        }))?;
    } else if let Some(status) = &status {
        let mut facts = Facts::new();
        facts.add("running", life == Life::Runs).add("pid", status.pid).add("applied", status.log.applied);
        facts.show(&session.output)?;
    }
    Ok(exit_of(life, trouble))
}

fn life(session: &Session, folder: &Folder, status: Option<&Status>) -> Result<Life, Failure> {
    match WriterLock::acquire(&LOG_FILE, &folder.log()) {
        Ok(_) => Ok(Life::Ended),
        Err(StorageError::SecondWriter { pid, .. }) => {
            let wrote = status.is_some_and(|status| pid.is_none_or(|pid| pid == status.pid));
            Ok(if wrote { Life::Runs } else { Life::Other(pid) })
        }
        // Whoever may only read the folder can still see how old the status is.
        Err(StorageError::NotWritable { .. }) => {
            let is_fresh = status.is_some_and(|status| status.health(session.now) != Some(Trouble::Silent));
            Ok(if is_fresh { Life::Runs } else { Life::Ended })
        }
        Err(error) => Err(error.into()),
    }
}

fn exit_of(life: Life, trouble: Option<Trouble>) -> Exit {
    match (life, trouble) {
        (Life::Runs, None) => Exit::Done,
        (Life::Runs, Some(Trouble::Disconnected | Trouble::Behind)) => Exit::KeptForLater,
        _ => Exit::Failed,
    }
}
