//! Where a point comes from: shown as text, as JSON and as a page.

mod covering;
mod parts;
mod wording;

use std::path::Path;

use fengsui_node::as_of::Moment;
use fengsui_node::folder::write_atomically;
use fengsui_node::node::genesis;
use fengsui_projector::explain::{ExplainError, Explanation, Target, explain};
use serde_json::{Value, json};

use crate::arguments::audit_explain::{ExplainArguments, Explained};
use crate::commands::lookup;
use crate::commands::report::tell_normalised;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::Bar;
use crate::pages::Frame;
use crate::session::{Names, Session, Tables};

use covering::Covering;
use wording::Wording;

/// Explains.
pub fn run(session: &Session, arguments: &ExplainArguments) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let target = target(session, &tables, &arguments.what)?;
    let genesis = genesis(tables.folder().exchange());
    let explained = explain(tables.view(), tables.log(), genesis, target, tables.moment.date);
    let explanation = explained.map_err(failure)?;
    interrupt::watch();
    let mut bar = Bar::new(session.output.look(), "计算日志的哈希树", "Hashing the log");
    let covering = covering::covering(&tables, &explanation, &mut bar)?;
    drop(bar);
    let names = Names::new(tables.registry(), tables.moment.date, session.language());
    let (language, covering) = (session.language(), covering.as_ref());
    let wording = Wording { language, names: &names, explanation: &explanation, covering };
    let document = parts::document(&wording, tables.moment);
    if let Some(path) = &arguments.html {
        let page = document.to_html(&frame(&wording, tables.moment))?;
        write_atomically(path, page.as_bytes()).map_err(Failure::file(path))?;
    }
    let output = &session.output;
    if output.json() {
        output.document(&to_json(&wording, tables.moment, arguments.html.as_deref())?)?;
    } else {
        document.show(output)?;
        if let Some(path) = &arguments.html {
            let path = path.display();
            output.note(format!("网页已写入 {path}"), format!("the page was written to {path}"));
        }
    }
    Ok(exit_of(&explanation, covering))
}

/// Unless tables, log and rulebook agree, the status says so.
fn exit_of(explanation: &Explanation, covering: Option<&Covering>) -> Exit {
    match verdict(explanation, covering) {
        "broken" => Exit::Integrity,
        "differs" => Exit::Differences,
        _ => Exit::Done,
    }
}

/// What was found, in a word for scripts.
fn verdict(explanation: &Explanation, covering: Option<&Covering>) -> &'static str {
    match explanation.differences.as_slice() {
        _ if explanation.is_broken() || covering.is_some_and(Covering::is_broken) => "broken",
        [] => "agrees",
        _ => "differs",
    }
}

fn target(session: &Session, tables: &Tables, what: &Explained) -> Result<Target, Failure> {
    Ok(match what {
        Explained::Id(id) => Target::Case { case: lookup::find(tables.view(), *id)?.case() },
        Explained::Unit(typed) => {
            tell_normalised(session, typed);
            Target::Unit { unit: typed.unit.clone() }
        }
        Explained::Entry(typed, number) => {
            tell_normalised(session, typed);
            Target::Entry { unit: typed.unit.clone(), number: *number }
        }
    })
}

fn failure(error: ExplainError) -> Failure {
    match error {
        ExplainError::NoSuchUnit(unit) => Failure::NoSuchUnit(unit),
        ExplainError::NoSuchCase(case) => Failure::NoSuchId(case.event_id()),
        ExplainError::Model(error) => error.into(),
        ExplainError::NoSuchEntry { ref unit, number, entries } => Failure::failed(
            "no_such_entry",
            format!("{unit} 没有第 {number} 笔账目，共 {entries} 笔；请用 `fengsui unit ledger {unit}` 查看"),
            error.to_string(),
        ),
    }
}

fn to_json(wording: &Wording<'_>, moment: Moment, page: Option<&Path>) -> Result<Value, Failure> {
    let no_json = |error: serde_json::Error| {
        Failure::failed("json", format!("结果无法写成 JSON：{error}"), format!("the result is no JSON: {error}"))
    };
    let Wording { explanation, covering, .. } = wording;
    let mut document = json!({"as_of": moment, "verdict": verdict(explanation, *covering)});
    let explained = serde_json::to_value(explanation).map_err(no_json)?;
    let checkpoint = serde_json::to_value(covering).map_err(no_json)?;
    if let (Value::Object(document), Value::Object(explained)) = (&mut document, explained) {
        document.extend(explained);
        document.insert("checkpoint".to_owned(), checkpoint);
        if let Some(page) = page {
            document.insert("page".to_owned(), page.display().to_string().into());
        }
    }
    Ok(document)
}

fn frame(wording: &Wording<'_>, moment: Moment) -> Frame {
    let version = env!("CARGO_PKG_VERSION");
    let Explanation { unit, name, .. } = wording.explanation;
    let (position, date) = (moment.position, moment.date);
    Frame {
        language: wording.language,
        title: wording.title(),
        subtitle: match wording.language {
            fengsui_event::Language::Zh => format!("{name}（{unit}），截至位置 {position}（{date}）"),
            fengsui_event::Language::En => format!("{name} ({unit}), as of position {position} ({date})"),
        },
        footer: wording.say(
            format!(
                "由 fengsui {version} 根据日志中经过签名的事件重新计算。本页只涉及查询库所列的事件；日志是否完整，以 fengsui audit verify 核验为准。"
            ),
            format!(
                "Worked out by fengsui {version} from the signed events of the log. This page covers the events that the tables name; that the log is whole is for fengsui audit verify to show."
            ),
        ),
    }
}
