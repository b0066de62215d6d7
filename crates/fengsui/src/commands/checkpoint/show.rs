//! Checkpoints on the log, and who has cosigned them.

use fengsui_event::Timestamp;
use fengsui_node::checkpoints::CheckpointError;
use fengsui_node::checkpoints::notes::{self, Standing};
use fengsui_projector::Registry;
use fengsui_projector::query::CheckpointRow;
use fengsui_sheets::{ColumnKind, Value};
use serde::Serialize;
use serde_json::json;

use crate::arguments::checkpoint::CheckpointSize;
use crate::commands::history::local_time;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, Listing};
use crate::session::{Names, Session};

/// A checkpoint and where it stands.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    row: CheckpointRow,
    needed: usize,
    quorum: bool,
    #[serde(skip)]
    standing: Standing,
}

impl Listed {
    fn of(row: CheckpointRow, registry: &Registry) -> Self {
        let standing = Standing::of(&row, registry);
        Self { needed: standing.needed, quorum: standing.has_quorum(), row, standing }
    }

    /// When it was first cosigned.
    fn time(&self) -> Option<Timestamp> {
        let seconds = self.row.cosigners.iter().map(|cosigner| cosigner.time_seconds).min()?;
        Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
    }
}

const COLUMNS: &[Column<Listed>] = &[
    Column::new("覆盖位置数", "size", ColumnKind::Integer, |listed, _| integer(listed.row.size)),
    Column::new("根哈希", "root", ColumnKind::Text, |listed, _| Value::Text(listed.row.root.to_string())),
    Column::new("签署时间", "signed", ColumnKind::Text, |listed, _| {
        listed.time().map_or(Value::Empty, |time| Value::Text(local_time(time)))
    }),
    Column::new("状态摘要", "digest", ColumnKind::Text, |listed, language| {
        if listed.row.digest.is_some() { Value::Text(language.pick("有", "yes").to_owned()) } else { Value::Empty }
    }),
    Column::new("会签部门", "cosigned", ColumnKind::Integer, |listed, _| {
        integer(listed.standing.cosigned.len() as u64)
    }),
    Column::new("需要", "needed", ColumnKind::Integer, |listed, _| integer(listed.needed as u64)),
    Column::new("已过半数", "quorum", ColumnKind::Text, |listed, language| {
        if listed.quorum { Value::Text(language.pick("是", "yes").to_owned()) } else { Value::Empty }
    }),
];

fn integer(number: u64) -> Value {
    i64::try_from(number).map_or(Value::Empty, Value::Integer)
}

/// Lists checkpoints, the newest first.
pub fn list(session: &Session, limit: Option<u64>) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let rows = tables.view().checkpoints(limit)?;
    let mut listing = Listing::begin(&session.output, "checkpoints", Some(&tables.moment), COLUMNS)?;
    for row in rows {
        listing.row(&Listed::of(row, tables.registry()))?;
    }
    if listing.end(Ok(()))? == 0 {
        session.output.note(
            "尚无检查点；联席会议办公室可用 `fengsui checkpoint sign` 签署",
            "there is no checkpoint yet; the authority makes one by `fengsui checkpoint sign`",
        );
    }
    Ok(Exit::Done)
}

/// Shows a checkpoint.
pub fn show(session: &Session, size: CheckpointSize, only_note: bool) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let view = tables.view();
    let (row, others) = match size {
        CheckpointSize::Latest => (notes::newest(&view)?, 0),
        CheckpointSize::Of(size) => {
            let mut rows = view.checkpoints_at(size)?;
            if rows.is_empty() {
                return Err(CheckpointError::NoSuchCheckpoint { size }.into());
            }
            let row = rows.remove(0);
            (row, rows.len())
        }
    };
    let note = notes::note_of(&row, tables.registry(), tables.log())?;
    let output = &session.output;
    if others > 0 {
        output.warn(
            format!("覆盖 {} 个位置的检查点共有 {} 个，显示最早的一个", row.size, others + 1),
            format!("there are {} checkpoints of {} positions; the first is shown", others + 1, row.size),
        );
    }
    if only_note && !output.json() {
        output.write(&note.to_string())?;
        return Ok(Exit::Done);
    }
    let listed = Listed::of(row, tables.registry());
    if output.json() {
        output.document(&json!({"as_of": tables.moment, "checkpoint": listed, "note": note.to_string()}))?;
        return Ok(Exit::Done);
    }
    let names = Names::new(tables.registry(), tables.moment.date, session.language());
    let mut facts = Facts::new();
    facts
        .add(output.say("日志", "log"), note.checkpoint().origin)
        .add(output.say("覆盖位置数", "size"), listed.row.size)
        .add(output.say("根哈希", "root"), listed.row.root)
        .add(output.say("根哈希（十六进制）", "root in hex"), listed.row.root.to_hex())
        .add_some(output.say("状态摘要", "digest"), listed.row.digest.map(|digest| format!("sha256:{digest}")))
        .add(
            output.say("会签部门", "cosigned"),
            format!(
                "{}/{}",
                listed.standing.cosigned.len(),
                listed.standing.cosigned.len() + listed.standing.missing.len()
            ),
        )
        .add(output.say("需要", "needed"), listed.needed);
    for cosigner in &listed.row.cosigners {
        let seconds = i64::try_from(cosigner.time_seconds).unwrap_or_default();
        let time = Timestamp::from_second(seconds).map(local_time).unwrap_or_default();
        facts.add(output.say("会签", "cosigner"), format!("{} {time}", names.agency(cosigner.agency)));
    }
    for agency in &listed.standing.missing {
        facts.add(output.say("尚未会签", "missing"), names.agency(*agency));
    }
    facts.show(output)?;
    Ok(Exit::Done)
}
