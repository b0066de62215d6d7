//! Records that were not as they should be.

mod explain;
mod meaning;
mod retry;

use fengsui_event::CaseId;
use fengsui_projector::query::{AnomalyFilter, AnomalyRow};
use serde::Serialize;
use serde_json::json;

use crate::arguments::anomaly::AnomalyCommand;
use crate::columns::ANOMALIES;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, Listing};
use crate::session::{Session, Tables};
use crate::text;

/// An anomaly with its reason in words.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    row: AnomalyRow,
    message: String,
}

/// Anomalies.
pub fn run(session: &Session, command: AnomalyCommand) -> Result<Exit, Failure> {
    match command {
        AnomalyCommand::List { code, from, case, limit } => {
            list(session, &AnomalyFilter { code, agency: from, case: case.map(CaseId::of), limit })
        }
        AnomalyCommand::Show { number } => show(session, number),
        AnomalyCommand::Explain { number, position } => explain::run(session, number, position),
        AnomalyCommand::Retry(arguments) => retry::run(session, &arguments),
    }
}

fn list(session: &Session, filter: &AnomalyFilter) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    if session.output.json() {
        let none: &[Column<Told>] = &[];
        let mut listing = Listing::begin(&session.output, "anomalies", Some(&tables.moment), none)?;
        let read = tables.view().each_anomaly(filter, |row| {
            let message = row.cause.message(session.language());
            listing.visit(&Told { row, message })
        });
        listing.end(read)?;
        return Ok(Exit::Done);
    }
    let mut listing = Listing::begin(&session.output, "anomalies", Some(&tables.moment), ANOMALIES)?;
    let read = tables.view().each_anomaly(filter, |row| listing.visit(&row));
    listing.end(read)?;
    Ok(Exit::Done)
}

fn show(session: &Session, number: u64) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let row = find(&tables, number)?;
    let output = &session.output;
    let language = session.language();
    if output.json() {
        let message = row.cause.message(language);
        let told = Told { row, message };
        output.document(&json!({"as_of": tables.moment, "anomaly": told}))?;
        return Ok(Exit::Done);
    }
    let effect = effect(session, &row);
    let mut facts = Facts::new();
    facts
        .add(output.say("编号", "number"), row.number)
        .add(output.say("位置", "position"), row.position)
        .add(output.say("事件", "event"), row.id)
        .add(output.say("代码", "code"), &row.code)
        .add(output.say("原因", "reason"), row.cause.message(language))
        .add(output.say("效力", "effect"), effect)
        .add_some(output.say("部门", "agency"), row.agency)
        .add_some(output.say("事件类型", "type"), row.type_text.as_deref().map(|kind| text::event_type(kind, language)))
        .add_some(output.say("案件", "case"), row.case)
        .add_some(output.say("单位标识", "unit"), row.unit.as_ref());
    facts.show(output)?;
    output.note(
        format!("原文：fengsui log show {}", row.position),
        format!("its bytes: fengsui log show {}", row.position),
    );
    output.note(
        format!("说明与处理：fengsui anomaly explain {}", row.number),
        format!("what it means and what to do: fengsui anomaly explain {}", row.number),
    );
    Ok(Exit::Done)
}

/// The anomaly of a number.
fn find(tables: &Tables, number: u64) -> Result<AnomalyRow, Failure> {
    tables.view().anomaly(number)?.ok_or_else(|| no_such(number))
}

fn no_such(number: u64) -> Failure {
    Failure::failed(
        "no_such_anomaly",
        format!("没有第 {number} 号异常，见 `fengsui anomaly list`"),
        format!("there is no anomaly {number}; see `fengsui anomaly list`"),
    )
}

/// Whether the event counts all the same.
fn effect<'a>(session: &'a Session, row: &AnomalyRow) -> &'a str {
    if row.notice {
        session.output.say("事件有效，仅作提示", "the event had its effect")
    } else {
        session.output.say("事件无效", "the event had no effect")
    }
}
