//! What each command does: it asks the node or the projector, and shows what they say.

mod act;
mod agency;
mod anomaly;
mod audit;
mod broker;
mod case;
mod certificate;
mod checkpoint;
mod demo;
mod desk;
mod doctor;
mod evidence;
mod export;
mod history;
mod import;
mod init;
mod keys;
mod lists;
mod log;
mod log_copy;
mod log_tail;
mod lookup;
mod many;
mod many_cases;
mod node;
mod paper;
mod peer;
mod reconcile;
mod replay;
mod replay_diff;
mod report;
mod report_stdin;
mod reporter;
mod rulebook;
mod rulebook_simulate;
mod snapshot;
mod source;
mod unit;

use crate::arguments::Command;
use crate::exit::{Exit, Failure};
use crate::session::Session;

/// Does a command.
pub fn run(session: &Session, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Demo(arguments) => demo::run(session, &arguments),
        Command::Init(arguments) => init::run(session, &arguments),
        Command::Violation(command) => desk::violation(session, command),
        Command::Referral(command) => desk::referral(session, command),
        Command::Feedback(command) => desk::feedback(session, command),
        Command::Rectification(command) => case::rectification(session, command),
        Command::Case(command) => case::case(session, command),
        Command::Objection(command) => case::objection(session, command),
        Command::Certificate(command) => certificate::run(session, command),
        Command::Unit(command) => unit::run(session, command),
        Command::Import(arguments) => import::run(session, &arguments),
        Command::Reconcile(arguments) if !arguments.peer.peer.is_empty() => peer::run(session, &arguments.peer),
        Command::Reconcile(arguments) => reconcile::run(session, &arguments),
        Command::Export(arguments) => export::run(session, &arguments),
        Command::Log(command) => log::run(session, command),
        Command::Replay(arguments) => replay::run(session, &arguments),
        Command::Audit(command) => audit::run(session, command),
        Command::Snapshot(command) => snapshot::run(session, command),
        Command::Anomaly(command) => anomaly::run(session, command),
        Command::Checkpoint(command) => checkpoint::run(session, command),
        Command::Agency(command) => agency::run(session, command),
        Command::Broker(command) => broker::run(session, command),
        Command::Node(command) => node::run(session, command),
        Command::Evidence(command) => evidence::run(session, command),
        Command::Reporter(command) => reporter::run(session, command),
        Command::Rulebook(command) => rulebook::run(session, command),
        Command::Doctor => doctor::run(session),
        Command::Completions { shell } => paper::completions(session, shell),
        Command::Man { folder } => paper::man(session, &folder),
        Command::Version => paper::version(session),
    }
}
