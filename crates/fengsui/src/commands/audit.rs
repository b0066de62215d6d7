//! The whole log: checked, handed on, explained.

pub mod archive;
mod explain;
mod export;
mod target;
mod verify;
mod verify_show;

use crate::arguments::audit::AuditCommand;
use crate::exit::{Exit, Failure};
use crate::session::Session;

/// Does what is asked with the whole log.
pub fn run(session: &Session, command: AuditCommand) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Export(arguments) => export::run(session, &arguments),
        AuditCommand::Explain(arguments) => explain::run(session, &arguments),
        AuditCommand::Verify(arguments) => verify::run(session, &arguments),
    }
}
