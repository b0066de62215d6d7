//! The running node: in the foreground, and looked at from beside.

mod check;
mod http;
mod logging;
mod metrics;
mod notices;
mod run;
mod status;
mod supervisor;
mod wait;

use crate::arguments::node::NodeCommand;
use crate::exit::{Exit, Failure};
use crate::session::Session;

/// The running node.
pub fn run(session: &Session, command: NodeCommand) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    match command {
        NodeCommand::Run(arguments) => run::run(session, &arguments),
        NodeCommand::Status(arguments) => status::run(session, &arguments),
        NodeCommand::Check(arguments) => check::run(session, &arguments),
    }
}

/// A status with something wrong in every part, and a moment shortly after it.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
fn example() -> (fengsui_node::station::status::Status, fengsui_event::Timestamp) {
    use fengsui_event::Timestamp;
    use fengsui_node::station::status::{Alarm, BrokerStatus, CheckpointStatus, LogStatus, OutboxStatus, Status};

    let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default();
    let alarm = Alarm {
        code: "missing".to_owned(),
        since: at(70),
        message_zh: "日志缺少原位置 7 的事件".to_owned(),
        message_en: "the stream lacks the events of the old positions 7".to_owned(),
    };
    let status = Status {
        pid: 7,
        version: "0.1.0".to_owned(),
        started: at(0),
        written: at(100),
        region: "350600".parse().unwrap(),
        agency: "fire".parse().unwrap(),
        source: "/regions/350600/agencies/fire/nodes/1".to_owned(),
        broker: BrokerStatus {
            servers: vec!["tls://broker.example:4222".to_owned()],
            connected: false,
            reconnects: 3,
            resubscribed: 1,
            error: Some("no server\nanswers".to_owned()),
        },
        log: LogStatus {
            stream: 120,
            copy: 118,
            applied: 117,
            lag: 3,
            stalled_ms: 1_500,
            without_effect: 2,
            looked: Some(at(99)),
        },
        outbox: OutboxStatus {
            pending: 4,
            sent: 60,
            sequence: 64,
            chain_head: Some("ab".repeat(32)),
            oldest: Some(at(60)),
        },
        alarms: vec![alarm],
        checkpoints: CheckpointStatus {
            newest: 110,
            witnessed: 100,
            own: 110,
            uncovered: 5,
            unwitnessed: 13,
            cosigned: 2,
            needed: 5,
        },
        memory_bytes: Some(50 << 20),
        http: None,
    };
    (status, at(101))
}
