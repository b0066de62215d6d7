//! An anomaly in plain words: what was wrong, against which state, and what to do now.

use fengsui_event::{CaseId, Digest, Event, Language};
use fengsui_log::{EventLog as _, Position, Stored};
use fengsui_node::as_of::Past;
use fengsui_projector::query::AnomalyRow;
use fengsui_projector::state::CaseState;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::meaning::meaning;
use crate::commands::log::pretty;
use crate::describe;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Facts};
use crate::session::{Names, Session, Tables};
use crate::text;

/// How a case stood, before the record and now.
struct Stood {
    case: Option<CaseId>,
    then: Option<CaseState>,
    now: Option<CaseState>,
}

/// Explains an anomaly, or all of a position.
pub fn run(session: &Session, number: Option<u64>, position: Option<Position>) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let rows = match (number, position) {
        (Some(number), _) => vec![super::find(&tables, number)?],
        (None, Some(position)) => tables.view().anomalies_between(position.get(), position.get())?,
        (None, None) => Vec::new(),
    };
    let Some(first) = rows.first() else {
        let position = position.map_or(0, Position::get);
        return Err(Failure::failed(
            "no_such_anomaly",
            format!("位置 {position} 没有异常"),
            format!("nothing was wrong at position {position}"),
        ));
    };
    let stored = Position::new(first.position).map(|position| tables.log().read(position, 1)).transpose()?;
    let stored = stored.and_then(|mut stored| stored.pop());
    let event = stored.as_ref().and_then(|stored| Event::parse(&stored.record.bytes).ok());
    let case = first.case.or_else(|| event.as_ref().and_then(|event| event.correlation));
    let stood = stood(session, &tables, first.position, case)?;
    if session.output.json() {
        return show_json(session, &tables, &rows, stored.as_ref(), &stood);
    }
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            session.output.line("")?;
        }
        show(session, &tables, row, event.as_ref(), &stood)?;
    }
    if let Some(stored) = &stored {
        session.output.heading(session.output.say("事件原文", "the event as it is"))?;
        session.output.line(&pretty(&stored.record.bytes))?;
    }
    Ok(Exit::Done)
}

/// The case as of the position before, by folding the log up to there, and as the tables have it.
fn stood(session: &Session, tables: &Tables, position: u64, case: Option<CaseId>) -> Result<Stood, Failure> {
    let Some(id) = case else {
        return Ok(Stood { case, then: None, now: None });
    };
    interrupt::watch();
    let mut bar = Bar::new(session.output.look(), "重放日志", "Replaying the log");
    let past = Past::draw(tables.folder().exchange(), tables.log(), position.saturating_sub(1), &mut bar)?;
    Ok(Stood { case, then: past.view().case(id)?, now: tables.view().case(id)? })
}

fn show(
    session: &Session,
    tables: &Tables,
    row: &AnomalyRow,
    event: Option<&Event>,
    stood: &Stood,
) -> Result<(), Failure> {
    let (output, language) = (&session.output, session.language());
    let names = Names::new(tables.registry(), tables.moment.date, language);
    let mut facts = Facts::new();
    facts
        .add(output.say("编号", "number"), row.number)
        .add(output.say("位置", "position"), row.position)
        .add(output.say("代码", "code"), &row.code);
    let meaning = meaning(&row.code);
    facts
        .add_some(output.say("含义", "meaning"), meaning.map(|meaning| language.pick(meaning.zh, meaning.en)))
        .add(output.say("原因", "reason"), row.cause.message(language))
        .add(output.say("效力", "effect"), super::effect(session, row))
        .add_some(output.say("发送部门", "sent by"), row.agency.map(|agency| names.agency(agency)));
    if let Some(event) = event {
        facts
            .add(output.say("来源", "source"), &event.source)
            .add(output.say("事件类型", "type"), text::event_type(&event.type_text, language))
            .add(output.say("内容", "what"), describe::describe(event, language));
    }
    if let Some(case) = stood.case {
        let none = || output.say("尚不在日志中", "not on the log").to_owned();
        let told = |case: &Option<CaseState>| case.as_ref().map_or_else(none, |case| state(case, &names, language));
        facts
            .add(output.say("案件", "case"), case)
            .add(output.say("当时状态", "stood then"), told(&stood.then))
            .add(output.say("现在状态", "stands now"), told(&stood.now));
    }
    if let Some(meaning) = meaning {
        let case = stood.now.as_ref().map(|case| case.id.to_string());
        let (zh, en, command) = meaning.remedy.told(row.number, row.position, case.as_deref());
        facts.add(output.say("处理", "what to do"), language.pick(zh, en));
        facts.add_some(output.say("命令", "command"), command);
    }
    facts.show(output)
}

/// A case in a line: its state, and who holds which referral.
fn state(case: &CaseState, names: &Names<'_>, language: Language) -> String {
    let mut parts = vec![text::term(case.status.code(), language)];
    for referral in &case.referrals {
        let (role, status) = (referral.role.name(language), text::term(referral.status.code(), language));
        parts.push(format!("{} {role} {status}", names.agency(referral.addressee)));
    }
    if let Some(day) = case.rectified_on {
        parts.push(language.pick(format!("{day} 整改合格"), format!("rectified on {day}")));
    }
    parts.join(language.pick("；", "; "))
}

fn show_json(
    session: &Session,
    tables: &Tables,
    rows: &[AnomalyRow],
    stored: Option<&Stored>,
    stood: &Stood,
) -> Result<Exit, Failure> {
    let language = session.language();
    let case = stood.now.as_ref().map(|case| case.id.to_string());
    let told: Vec<Value> = rows
        .iter()
        .map(|row| {
            let meaning = meaning(&row.code);
            let remedy = meaning.map(|meaning| {
                let (zh, en, command) = meaning.remedy.told(row.number, row.position, case.as_deref());
                json!({"text": language.pick(zh, en), "command": command})
            });
            json!({
                "anomaly": row, "message": row.cause.message(language), "remedy": remedy,
                "meaning": meaning.map(|meaning| language.pick(meaning.zh, meaning.en)),
            })
        })
        .collect();
    let event = stored.map(|stored| {
        let record = &stored.record;
        let sound = serde_json::from_slice::<&RawValue>(&record.bytes).is_ok();
        json!({
            "id": record.id, "subject": record.subject, "sha256": Digest::of(&record.bytes),
            // A string, not an object: these are the bytes that were signed.
            "text": sound.then(|| String::from_utf8_lossy(&record.bytes)), "bytes": record.bytes.len(),
        })
    });
    session.output.document(&json!({
        "as_of": tables.moment, "explained": told, "event": event, "case": stood.case,
        "stood_then": stood.then, "stands_now": stood.now,
    }))?;
    Ok(Exit::Done)
}
