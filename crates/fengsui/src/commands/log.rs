//! The log itself.

use fengsui_event::{Digest, Event, EventId, Signature};
use fengsui_log::{Embedded, EventLog, Position, Stored};
use fengsui_node::as_of::AsOf;
use fengsui_node::folder::Folder;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::history::local_time;
use super::{log_copy, log_tail, source};
use crate::arguments::read::LogCommand;
use crate::arguments::source::OtherLog;
use crate::describe;
use crate::exit::{Exit, Failure};
use crate::output::Facts;
use crate::session::Session;
use crate::text;

/// The log.
pub fn run(session: &Session, command: LogCommand) -> Result<Exit, Failure> {
    match command {
        LogCommand::Head(log) => head(session, &log),
        LogCommand::Show { event, raw, log } => show(session, &event, raw, &log),
        LogCommand::Tail(arguments) => log_tail::run(session, &arguments),
        LogCommand::Copy(arguments) => log_copy::run(session, &arguments),
    }
}

/// Opens the log to read and says where it ends, for whoever looks as of a moment as well. The copy of a stream is brought up to date first.
pub fn open(session: &Session, other: &OtherLog) -> Result<(Box<dyn EventLog>, Option<Position>), Failure> {
    let as_of = session.global.as_of;
    if let Some(from) = &other.from {
        if let Some(AsOf::Date(_)) = as_of {
            return Err(Failure::usage(
                "--from 与日期形式的 --as-of 不能同时使用：某日终于哪个位置要由查询库得知；请改用位置",
                "--from and --as-of with a day exclude each other: only tables know with which position a day ends; name a position",
            ));
        }
        return up_to(as_of, source::open(session, from, &other.access)?);
    }
    let folder = Folder::open(&session.global.data)?;
    if let Some(AsOf::Date(_)) = as_of {
        // Which position a day ends with is known to the tables.
        let position = Position::new(session.tables()?.moment.position);
        return Ok((Box::new(Embedded::open_reader(folder.log())?), position));
    }
    if folder.node().broker.is_some() {
        session.present()?;
    }
    up_to(as_of, Box::new(Embedded::open_reader(folder.log())?))
}

fn up_to(as_of: Option<AsOf>, log: Box<dyn EventLog>) -> Result<(Box<dyn EventLog>, Option<Position>), Failure> {
    let head = log.head()?;
    match as_of {
        Some(AsOf::Position(position)) if Some(position) > head => Err(fengsui_node::as_of::AsOfError::BeyondHead {
            asked: position.get(),
            head: head.map_or(0, Position::get),
        }
        .into()),
        Some(AsOf::Position(position)) => Ok((log, Some(position))),
        _ => Ok((log, head)),
    }
}

fn head(session: &Session, log: &OtherLog) -> Result<Exit, Failure> {
    let (log, head) = open(session, log)?;
    let output = &session.output;
    let stored = match head {
        Some(position) => log.read(position, 1)?.pop(),
        None => None,
    };
    let Some(stored) = stored else {
        if output.json() {
            output.document(&json!({"position": 0}))?;
        } else {
            output.line(&format!("{}\t0", output.say("位置", "position")))?;
        }
        return Ok(Exit::Done);
    };
    let event = Event::parse(&stored.record.bytes).ok();
    let digest = Digest::of(&stored.record.bytes);
    if output.json() {
        output.document(&json!({
            "position": stored.position, "id": stored.record.id, "sha256": digest,
            "time": event.as_ref().map(|event| event.time), "type": event.as_ref().map(|event| &event.type_text),
            "source": event.as_ref().map(|event| event.source.to_string()),
            "sequence": event.as_ref().map(|event| event.sequence),
        }))?;
        return Ok(Exit::Done);
    }
    let mut facts = Facts::new();
    facts.add(output.say("位置", "position"), stored.position).add(output.say("事件", "event"), stored.record.id);
    if let Some(event) = &event {
        facts
            .add(output.say("事件类型", "type"), text::event_type(&event.type_text, session.language()))
            .add(output.say("时间", "time"), local_time(event.time))
            .add(output.say("来源", "source"), &event.source)
            .add(output.say("来源序号", "sequence"), event.sequence);
    }
    facts.add("sha256", digest).show(output)?;
    Ok(Exit::Done)
}

fn show(session: &Session, wanted: &str, raw: bool, log: &OtherLog) -> Result<Exit, Failure> {
    let (log, head) = open(session, log)?;
    let position = position_of(log.as_ref(), wanted, head)?;
    let Some(stored) = log.read(position, 1)?.pop() else {
        return Err(no_such_event(wanted, head));
    };
    if raw {
        session.output.write_bytes(&stored.record.bytes)?;
        return Ok(Exit::Done);
    }
    show_stored(session, &stored)
}

fn position_of(log: &dyn EventLog, wanted: &str, head: Option<Position>) -> Result<Position, Failure> {
    if let Ok(position) = wanted.parse::<Position>() {
        return if Some(position) > head { Err(no_such_event(wanted, head)) } else { Ok(position) };
    }
    let id: EventId = wanted.parse().map_err(|_| {
        Failure::usage(
            format!("“{wanted}”既不是日志位置，也不是事件编号"),
            format!("{wanted:?} is neither a position of the log nor an event's id"),
        )
    })?;
    let found = log.find(id)?.first().copied().filter(|position| Some(*position) <= head);
    found.ok_or_else(|| no_such_event(wanted, head))
}

fn no_such_event(wanted: &str, head: Option<Position>) -> Failure {
    let head = head.map_or(0, Position::get);
    Failure::failed(
        "no_such_event",
        format!("日志中没有 {wanted}：最后位置为 {head}"),
        format!("there is no {wanted} on the log: its last position is {head}"),
    )
}

/// A record with its exact bytes: a document that holds the event as it was published.
#[derive(Serialize)]
struct Shown<'a> {
    position: Position,
    id: EventId,
    subject: &'a str,
    sha256: Digest,
    signature: String,
    signature_good: Option<bool>,
    text: Option<String>,
    event: Option<&'a RawValue>,
}

fn show_stored(session: &Session, stored: &Stored) -> Result<Exit, Failure> {
    let output = &session.output;
    let record = &stored.record;
    let event = Event::parse(&record.bytes);
    let digest = Digest::of(&record.bytes);
    let good = event.as_ref().ok().map(|event| signature_is_good(event, &record.bytes, &record.signature));
    if output.json() {
        let shown = Shown {
            position: stored.position,
            id: record.id,
            subject: &record.subject,
            sha256: digest,
            signature: hex::encode(&record.signature),
            signature_good: good,
            text: event.as_ref().ok().map(|event| describe::describe(event, session.language())),
            event: serde_json::from_slice(&record.bytes).ok(),
        };
        output.line(&crate::output::to_json(&shown, false)?)?;
        return Ok(Exit::Done);
    }
    let mut facts = Facts::new();
    facts.add(output.say("位置", "position"), stored.position).add(output.say("事件", "event"), record.id);
    match &event {
        Ok(event) => {
            let verdict =
                if good == Some(true) { output.say("有效", "good") } else { output.say("无效", "not good") };
            facts
                .add(output.say("事件类型", "type"), text::event_type(&event.type_text, session.language()))
                .add(output.say("时间", "time"), local_time(event.time))
                .add(output.say("来源", "source"), &event.source)
                .add(output.say("来源序号", "sequence"), event.sequence)
                .add(output.say("对象", "subject"), &event.subject)
                .add_some(output.say("案件", "case"), event.correlation)
                .add_some(output.say("起因", "causation"), event.causation)
                .add(output.say("密钥", "key"), event.keyid)
                .add(output.say("签名", "signature"), verdict)
                .add(output.say("内容", "what"), describe::describe(event, session.language()));
        }
        Err(error) => {
            facts.add(output.say("不是有效的事件", "not an event"), error);
        }
    }
    facts.add(output.say("发布主题", "published under"), &record.subject).add("sha256", digest).show(output)?;
    output.line("")?;
    output.line(&pretty(&record.bytes))?;
    Ok(Exit::Done)
}

/// The published bytes, indented for the eye with nothing else changed; as they are when they are no JSON.
pub fn pretty(bytes: &[u8]) -> String {
    match serde_json::from_slice::<&RawValue>(bytes) {
        Ok(value) => indented(value.get()),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Sound JSON without white space between its tokens, on lines of its own. Keys keep their order, numbers their digits.
fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            text.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            '{' | '[' if matches!(characters.peek(), Some('}' | ']')) => text.push(character),
            '{' | '[' => {
                depth += 1;
                text.push(character);
                text.push_str(&line_break(depth));
            }
            '}' | ']' if text.ends_with(['{', '[']) => text.push(character),
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                text.push_str(&line_break(depth));
                text.push(character);
            }
            ',' => {
                text.push(',');
                text.push_str(&line_break(depth));
            }
            ':' => text.push_str(": "),
            white if white.is_ascii_whitespace() => {}
            other => {
                text.push(other);
                in_string = other == '"';
            }
        }
    }
    text
}

fn line_break(depth: usize) -> String {
    format!("\n{}", "  ".repeat(depth))
}

fn signature_is_good(event: &Event, bytes: &[u8], signature: &[u8]) -> bool {
    let Ok(signature) = Signature::try_from(signature) else {
        return false;
    };
    event.keyid.verifier().is_ok_and(|verifier| verifier.verify(bytes, &signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indenting_changes_white_space_alone() {
        let check = |json: &str, expected: &str| assert_eq!(indented(json), expected);
        check(
            r#"{"b":1.50,"a":[],"c":{"d":[1,2]}}"#,
            "{\n  \"b\": 1.50,\n  \"a\": [],\n  \"c\": {\n    \"d\": [\n      1,\n      2\n    ]\n  }\n}",
        );
        check(r#"{"a":"{\"x\": [1,2]}\\"}"#, "{\n  \"a\": \"{\\\"x\\\": [1,2]}\\\\\"\n}");
        check(r#"[{}, "：、" ]"#, "[\n  {},\n  \"：、\"\n]");
    }
}
