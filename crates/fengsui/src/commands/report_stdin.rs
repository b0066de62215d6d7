//! Reporting violations from JSON on stdin: one object, an array of objects, or one object a line.
//!
//! Each object is one transaction. What is refused is told with its number, and can be written to a file to be
//! mended and fed in again.

use std::io::Read as _;

use fengsui_event::payload::Place;
use fengsui_event::{AgencyCode, CategoryCode, Date, FindingMethod, RegionCode, Severity, TradeCode};
use fengsui_node::desk::ReportCommand;
use fengsui_node::{Accepted, Node, NodeError};
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::act;
use super::report::{self, Given};
use crate::arguments::desk::ReportArguments;
use crate::arguments::value::TypedUnit;
use crate::exit::{Exit, Failure};
use crate::session::Session;

/// More than this is a table to be imported, not a list on stdin.
const INPUT_BYTES_MAX: u64 = 256 << 20;

/// A violation as it stands in JSON: the fields are the flags of `violation report`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    unit: String,
    name: Option<String>,
    region: Option<RegionCode>,
    address: Option<String>,
    trade: Option<TradeCode>,
    category: CategoryCode,
    severity: Option<Severity>,
    facts: String,
    found_on: Option<Date>,
    method: Option<FindingMethod>,
    reference: Option<String>,
    #[serde(default)]
    legal_basis: Vec<String>,
}

/// An object with its text as it was read.
struct Item {
    number: usize,
    text: String,
}

/// Reports violations from stdin.
pub fn run(session: &Session, arguments: &ReportArguments) -> Result<Exit, Failure> {
    let items = items(&read_all()?);
    if items.is_empty() {
        return Err(Failure::failed("empty_input", "标准输入中没有内容", "there is nothing on stdin"));
    }
    let mut node = session.node()?;
    let actor = session.actor(node.folder())?;
    let single = items.len() == 1;
    let mut refused = Vec::new();
    let (mut done, mut waits) = (0, None);
    for item in &items {
        match report_one(session, &mut node, actor, item, single) {
            Ok(not_yet) => {
                done += 1;
                waits = not_yet;
            }
            Err(failure) if single || !is_about_item(&failure) => return Err(failure),
            Err(failure) => {
                tell_refused(session, item, &failure)?;
                refused.push(item);
            }
        }
    }
    let exit = if single { Exit::Done } else { finish(session, arguments, done, &refused)? };
    waits.map_or(Ok(exit), |error| Err(error.into()))
}

/// Whether a failure speaks of the object alone, so that the next one may do.
fn is_about_item(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Usage { .. } | Failure::Failed { .. } | Failure::Node(NodeError::Plan(_) | NodeError::Refused(_))
    )
}

fn read_all() -> Result<String, Failure> {
    let stdin = std::path::Path::new("stdin");
    let mut text = String::new();
    let read = std::io::stdin().take(INPUT_BYTES_MAX + 1).read_to_string(&mut text).map_err(Failure::file(stdin))?;
    if u64::try_from(read).unwrap_or(u64::MAX) > INPUT_BYTES_MAX {
        let mebibytes = INPUT_BYTES_MAX >> 20;
        return Err(Failure::failed(
            "input_too_long",
            format!("标准输入超过 {mebibytes} MiB；请分批，或用 `fengsui import`"),
            format!("stdin holds more than {mebibytes} MiB: split it, or use `fengsui import`"),
        ));
    }
    Ok(text)
}

/// The objects of the input. A whole that is no JSON is taken line by line, so that one bad line spoils no other.
fn items(text: &str) -> Vec<Item> {
    let text = text.trim_start_matches('\u{feff}');
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(objects)) => {
            let item = |(index, value): (usize, Value)| Item { number: index + 1, text: value.to_string() };
            objects.into_iter().enumerate().map(item).collect()
        }
        Ok(_) => vec![Item { number: 1, text: text.to_owned() }],
        Err(_) => {
            let lines: Vec<Item> = text
                .lines()
                .enumerate()
                .filter(|(_, line)| !line.trim().is_empty())
                .map(|(index, line)| Item { number: index + 1, text: line.to_owned() })
                .collect();
            // Lines that begin no object are parts of one broken object, which is told of as a whole.
            let looks_like_lines = lines.iter().all(|item| item.text.trim_start().starts_with('{'));
            if looks_like_lines || lines.is_empty() { lines } else { vec![Item { number: 1, text: text.to_owned() }] }
        }
    }
}

/// Reports one object and shows what came of it. The answer is why that is not on the log yet, if it is not.
fn report_one(
    session: &Session,
    node: &mut Node,
    actor: AgencyCode,
    item: &Item,
    single: bool,
) -> Result<Option<NodeError>, Failure> {
    let given = read(session, item)?;
    let report = report::placed(node.view(), given)?;
    let Accepted { result: receipt, waits } = report::submit(session, node, actor, report)?;
    if single {
        report::show(session, node, &receipt)?;
        return Ok(waits);
    }
    let Some(case) = receipt.events.iter().find_map(|event| event.correlation) else {
        return Ok(waits);
    };
    let state = act::case_at(node, case)?;
    let to: Vec<String> = state.referrals.iter().map(|referral| referral.addressee.to_string()).collect();
    if session.output.json() {
        session.output.json_line(
            &json!({"type": "row", "number": item.number, "case": case, "referred_to": to, "events": act::done(&receipt)}),
        )?;
    } else {
        session.output.line(&format!("{}\t{case}\t{}", item.number, to.join(" ")))?;
    }
    Ok(waits)
}

fn read(session: &Session, item: &Item) -> Result<Given, Failure> {
    let object: Object = serde_json::from_str(&item.text).map_err(|error| {
        Failure::failed(
            "bad_json",
            format!("不是有效的违法行为 JSON：{error}"),
            format!("not a violation in JSON: {error}"),
        )
    })?;
    let unit: TypedUnit = object.unit.parse().map_err(|error: fengsui_event::UnitIdError| {
        Failure::failed("bad_unit", format!("单位标识有误：{error}"), error.to_string())
    })?;
    report::tell_normalised(session, &unit);
    let report = ReportCommand {
        unit: unit.unit,
        unit_name: object.name,
        place: Place { region: RegionCode::STATE, address: String::new() },
        trade: object.trade,
        category: object.category,
        severity: object.severity,
        facts: object.facts,
        legal_basis: object.legal_basis,
        found_on: object.found_on.unwrap_or_else(|| session.today()),
        method: object.method.unwrap_or(FindingMethod::Inspection),
        evidence: Vec::new(),
        reference: object.reference,
        public_report: None,
        historical: false,
    };
    Ok(Given { report, region: object.region, address: object.address })
}

fn tell_refused(session: &Session, item: &Item, failure: &Failure) -> Result<(), Failure> {
    let output = &session.output;
    let message = failure.message(session.language());
    if output.json() {
        return output
            .json_line(&json!({"type": "row", "number": item.number, "refused": failure.code(), "message": message}));
    }
    output.warn(format!("第 {} 项未录入：{message}", item.number), format!("item {} refused: {message}", item.number));
    Ok(())
}

fn finish(session: &Session, arguments: &ReportArguments, done: usize, refused: &[&Item]) -> Result<Exit, Failure> {
    let output = &session.output;
    if let Some(path) = arguments.refused.as_ref().filter(|_| !refused.is_empty()) {
        let mut text: String = refused.iter().map(|item| item.text.replace('\n', " ")).collect::<Vec<_>>().join("\n");
        text.push('\n');
        fengsui_node::folder::write_atomically(path, text.as_bytes()).map_err(Failure::file(path))?;
    }
    if output.json() {
        output.json_line(&json!({
            "type": "summary", "reported": done, "refused": refused.len(),
            "refused_file": arguments.refused.as_ref().map(|path| path.display().to_string()),
        }))?;
    } else {
        output.note(
            format!("录入 {done} 项，未录入 {} 项", refused.len()),
            format!("{done} reported, {} refused", refused.len()),
        );
    }
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Partial })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Vec<usize> {
        items(text).iter().map(|item| item.number).collect()
    }

    #[test]
    fn one_object_an_array_and_lines_are_told_apart() {
        assert_eq!(numbers("{\n \"unit\": \"x\"\n}\n"), [1]);
        assert_eq!(numbers("[{\"a\":1},{\"b\":2}]"), [1, 2]);
        assert_eq!(numbers("{\"a\":1}\n\n{\"b\":2}\n"), [1, 3]);
        assert_eq!(numbers("{\"a\":1}\n{broken\n{\"b\":2}\n"), [1, 2, 3]);
        assert_eq!(numbers(""), [] as [usize; 0]);
    }

    #[test]
    fn an_object_that_is_broken_is_told_of_as_one() {
        assert_eq!(numbers("{\n \"unit\": \"x\",\n \"facts\": }\n"), [1]);
    }
}
