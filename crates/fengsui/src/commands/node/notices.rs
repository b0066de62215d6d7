//! What a node has told its agency, and what it could not tell.

use fengsui_event::Timestamp;
use fengsui_node::folder::Folder;
use fengsui_node::notify::{ChannelStatus, NotifyStatus, status_of};
use fengsui_sheets::{ColumnKind, Value};

use crate::commands::history::local_time;
use crate::exit::Failure;
use crate::output::{Column, Output, show_rows};

/// What the notifications of a folder have done; nothing when they were never on.
pub fn of(folder: &Folder) -> Result<Option<NotifyStatus>, Failure> {
    status_of(folder.root(), &folder.node().notify).map_err(|error| {
        Failure::failed(
            "notices",
            format!("通知的记录无法读取：{error}"),
            format!("the notices cannot be read: {error}"),
        )
    })
}

/// Shows each channel, and the deliveries that went wrong.
pub fn show(output: &Output, status: &NotifyStatus) -> Result<(), Failure> {
    output.heading(output.say("通知", "notices"))?;
    show_rows(output, CHANNELS, &status.channels)?;
    if status.troubles.is_empty() {
        return Ok(());
    }
    output.heading(output.say("未能送达的通知", "notices that were not delivered as they should"))?;
    for trouble in &status.troubles {
        output.line(&format!("{}\t{}\t{}\t{}", trouble.channel, trouble.state, trouble.notice, trouble.reason))?;
    }
    Ok(())
}

const CHANNELS: &[Column<ChannelStatus>] = &[
    Column::new("渠道", "channel", ColumnKind::Text, |row, _| Value::Text(row.channel.clone())),
    Column::new("启用", "on", ColumnKind::Text, |row, language| {
        if row.on { Value::Text(language.pick("是", "yes").to_owned()) } else { Value::Empty }
    }),
    Column::new("待发", "waiting", ColumnKind::Integer, |row, _| count(row.waiting)),
    Column::new("已送达", "sent", ColumnKind::Integer, |row, _| count(row.sent)),
    Column::new("放弃", "failed", ColumnKind::Integer, |row, _| count(row.failed)),
    Column::new("不明", "unknown", ColumnKind::Integer, |row, _| count(row.unknown)),
    Column::new("失效", "lapsed", ColumnKind::Integer, |row, _| count(row.lapsed)),
    Column::new("下次发送", "next_attempt", ColumnKind::Text, |row, _| {
        row.next_attempt.map_or(Value::Empty, |at: Timestamp| Value::Text(local_time(at)))
    }),
];

fn count(number: u64) -> Value {
    i64::try_from(number).map_or(Value::Empty, Value::Integer)
}
