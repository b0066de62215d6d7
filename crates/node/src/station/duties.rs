//! What a running node does by itself: reminders and escalations, notifications, evidence.

use std::time::Duration;

use fengsui_log::jetstream::Broker;

use super::shared::Shared;
use crate::node::NodeError;

/// Between rounds when nothing happens.
const INTERVAL: Duration = Duration::from_secs(2);

/// Does what is due until the node is to end.
pub fn run(shared: &Shared, _broker: &Broker) -> Result<(), NodeError> {
    let mut applied = 0;
    while !shared.stop.is_stopped() {
        applied = shared.await_applied(applied, INTERVAL);
    }
    Ok(())
}
