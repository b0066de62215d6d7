//! The running node: in the foreground, and looked at from beside.

mod logging;
mod run;
mod status;

use crate::arguments::node::NodeCommand;
use crate::exit::{Exit, Failure};
use crate::session::Session;

/// The running node.
pub fn run(session: &Session, command: NodeCommand) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    match command {
        NodeCommand::Run(arguments) => run::run(session, &arguments),
        NodeCommand::Status => status::run(session),
    }
}
