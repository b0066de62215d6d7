//! The node in the foreground, until somebody asks it to end.

use fengsui_node::NodeError;
use fengsui_node::station::status::Status;
use fengsui_node::station::{self, Observer};
use fengsui_projector::ModelError;

use super::logging;
use crate::arguments::node::NodeRunArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::session::Session;

/// Runs the node. Ctrl-C and SIGTERM are the ordinary way to end it.
pub fn run(session: &Session, arguments: &NodeRunArguments) -> Result<Exit, Failure> {
    logging::begin(session, arguments);
    interrupt::watch();
    match station::run(&session.global.data, interrupt::stop_flag(), &Watching) {
        Err(NodeError::Model(ModelError::Interrupted { .. })) if interrupt::wanted() => Ok(Exit::Done),
        ended => Ok(ended.map(|()| Exit::Done)?),
    }
}

/// Whoever watches the node.
struct Watching;

impl Observer for Watching {
    fn observe(&self, _status: &Status) {}
}
