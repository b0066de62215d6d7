//! Copying a log to another file or onto a broker's stream.

use fengsui_log::EventLog;
use fengsui_node::as_of::AsOfError;
use fengsui_node::source::copying::{CopyError, CopyReport, copy};
use serde_json::json;

use super::source;
use crate::arguments::source::CopyArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Facts};
use crate::session::Session;

/// Copies a log.
pub fn run(session: &Session, arguments: &CopyArguments) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    let CopyArguments { from, to, until, dry_run, access } = arguments;
    let access = source::access(session, &[from, to], access)?;
    let original = from.open(&access).map_err(source::failure)?;
    refuse_beyond_head(original.as_ref(), arguments)?;
    interrupt::watch();
    let mut target = to.open_target(&access, *dry_run).map_err(source::failure)?;
    let mut bar = Bar::with_lines(session.output.look(), "复制日志", "Copying the log");
    let report = copy(original.as_ref(), &mut target, *until, *dry_run, &mut |at, last| bar.at(at, last));
    drop(bar);
    let report = report.map_err(failure)?;
    target.close().map_err(failure)?;
    show(session, arguments, &report)
}

fn refuse_beyond_head(original: &dyn EventLog, arguments: &CopyArguments) -> Result<(), Failure> {
    let Some(until) = arguments.until else { return Ok(()) };
    let head = original.head()?;
    if Some(until) > head {
        let head = head.map_or(0, fengsui_log::Position::get);
        return Err(AsOfError::BeyondHead { asked: until.get(), head }.into());
    }
    Ok(())
}

fn show(session: &Session, arguments: &CopyArguments, report: &CopyReport) -> Result<Exit, Failure> {
    let output = &session.output;
    let CopyReport { compared, copied, missing, head, last_id, last_sha256, beyond } = report;
    let ranges: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let ranges = ranges.join(", ");
    if output.json() {
        output.json_line(&json!({
            "type": "summary", "from": arguments.from.to_string(), "to": arguments.to.to_string(), "dry_run": arguments.dry_run,
            "compared": compared, "copied": copied, "missing": missing, "position": head, "id": last_id,
            "sha256": last_sha256, "beyond": beyond,
        }))?;
    } else {
        let would = output.say("将复制", "would be copied");
        let mut facts = Facts::new();
        facts
            .add(output.say("来自", "from"), &arguments.from)
            .add(output.say("复制到", "to"), &arguments.to)
            .add(output.say("已有且相同", "there and the same"), compared)
            .add(if arguments.dry_run { would } else { output.say("已复制", "copied") }, copied)
            .add(output.say("位置", "position"), head.map_or(0, fengsui_log::Position::get))
            .add_some(output.say("事件", "event"), *last_id)
            .add_some("sha256", *last_sha256);
        if !ranges.is_empty() {
            facts.add(output.say("缺失的位置", "missing positions"), &ranges);
        }
        facts.show(output)?;
    }
    if *beyond > 0 {
        output.note(
            format!("{} 在此之后还有 {beyond} 个位置，未作比较", arguments.to),
            format!("{} goes on for {beyond} positions after that, which were not compared", arguments.to),
        );
    }
    if missing.is_empty() {
        return Ok(Exit::Done);
    }
    output.warn(
        format!("{} 缺少位置 {ranges}；复制件在这些位置只有占位记录，请向其他节点的复制件索取", arguments.from),
        format!(
            "{} lacks positions {ranges}; the copy holds only placeholders there: ask other nodes' copies for them",
            arguments.from
        ),
    );
    Ok(Exit::Partial)
}

/// How a copy that ended is told.
fn failure(error: CopyError) -> Failure {
    let en = error.to_string();
    match error {
        CopyError::Source(error) => source::failure(error),
        CopyError::Interrupted { .. } => Failure::Interrupted,
        CopyError::Differs { target, position, here, there } => Failure::Integrity {
            code: "log_differs",
            zh: format!(
                "{target} 的位置 {position} 是另一条记录（事件 {there}），而被复制的日志在此是事件 {here}：\
                 两者来源不同，或其中之一被改动；未作更改。请复制到别处，并将两者都留作证据"
            ),
            en,
        },
        CopyError::Moved { target, expected, found } => Failure::Integrity {
            code: "position_moved",
            zh: format!(
                "日志的位置 {expected} 在 {target} 成了位置 {found}：同时有他人在发布。\
                 该消息流已不能成为复制件，请将其移除，并在无人发布时重新复制"
            ),
            en,
        },
        CopyError::Missing { target, position } => Failure::Integrity {
            code: "position_missing",
            zh: format!(
                "被复制的日志缺少位置 {position}，{target} 会把它给下一个事件：请改用没有缺失的日志，如其他节点的复制件"
            ),
            en,
        },
        CopyError::NotWhole { target, head, detail } => Failure::Integrity {
            code: "copy_not_whole",
            zh: format!("{target} 已复制到位置 {head}，但核对不符：{detail}；请再次运行同一命令，与原日志比较"),
            en,
        },
        CopyError::Repeated { target, position, id, window_s } => Failure::failed(
            "id_repeated",
            format!(
                "被复制的日志在位置 {position} 再次出现事件 {id}，而 {target} 在 {window_s} 秒内不接受重复编号：\
                 请在此之后再次运行同一命令，将从该处继续"
            ),
            en,
        ),
    }
}
