//! The whole log under another rulebook: who would stand otherwise, and how.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::Arc;

use fengsui_event::{Date, Digest};
use fengsui_node::as_of::Past;
use fengsui_projector::simulate::{Side, Summary, Tally, UnitChange, compare};
use fengsui_projector::state::SimulatedRulebook;
use fengsui_rulebook::{Grade, Rulebook};
use fengsui_sheets::{ColumnKind, Value as Cell};
use serde_json::{Value, json};

use super::rulebook;
use crate::arguments::read::SimulateArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Column, Facts, Listing, Output, show_rows};
use crate::session::{Session, Tables};

/// Members of the last line that say nothing of the outcome.
const NOT_OUTCOME: [&str; 2] = ["file", "expected"];

/// Simulates.
pub fn run(session: &Session, arguments: &SimulateArguments) -> Result<Exit, Failure> {
    let (text, book) = rulebook::read(&arguments.file)?;
    let mut expected = arguments.expect.as_deref().map(Expected::read).transpose()?;
    let tables = session.tables()?;
    let from = arguments.from.unwrap_or(Date::MIN);
    tell_of_misfit(session, &tables, &book);
    let book = Arc::new(book);
    interrupt::watch();
    let past = simulated(session, &tables, SimulatedRulebook { from, book: Arc::clone(&book) })?;
    let summary = rows(session, arguments, &tables, &past, &book, expected.as_mut())?;
    let document = summary_document(arguments, &tables, &text, &book, &summary)?;
    let verdict = expected.map(|expected| expected.verdict(&document));
    show(session, document, &summary, verdict.as_ref())?;
    Ok(if verdict.is_some_and(|verdict| !verdict.is_same()) { Exit::Differences } else { Exit::Done })
}

/// What makes the outcome other than one might think, though it can be computed.
fn tell_of_misfit(session: &Session, tables: &Tables, book: &Rulebook) {
    let (own, found) = (tables.registry().authority, *book.authority());
    if own != found {
        session.output.warn(
            format!("该规则的联席会议办公室为 {found}，而本交换为 {own}，因此不能在此发布"),
            format!("the authority of this rulebook is {found}, not {own}: it could not be published here"),
        );
    }
    let known = tables.book().into_iter().flat_map(Rulebook::categories);
    let without: Vec<String> =
        known.map(|it| &it.code).filter(|code| book.category(code).is_none()).map(ToString::to_string).collect();
    if !without.is_empty() {
        let list = without.join(", ");
        session.output.warn(
            format!("该规则没有下列违法行为类别，其案件按不扣分计：{list}"),
            format!("this rulebook does not have these categories, so their cases cost nothing: {list}"),
        );
    }
}

fn simulated(session: &Session, tables: &Tables, simulated: SimulatedRulebook) -> Result<Past, Failure> {
    let mut bar = Bar::with_lines(session.output.look(), "重放日志", "Replaying the log");
    let (exchange, position) = (tables.folder().exchange(), tables.moment.position);
    Ok(Past::draw_simulated(exchange, simulated, tables.log(), position, &mut bar)?)
}

/// Shows the units that differ and returns the sums.
fn rows(
    session: &Session,
    arguments: &SimulateArguments,
    tables: &Tables,
    past: &Past,
    book: &Rulebook,
    mut expected: Option<&mut Expected>,
) -> Result<Summary, Failure> {
    let output = &session.output;
    let on = tables.moment.date;
    let in_force = tables.book();
    let replaced = arguments.from.is_none_or(|from| from <= on);
    let grades = if replaced { in_force.map(|_| book) } else { in_force };
    let (before, after) = (Side { view: tables.view(), grades: in_force }, Side { view: past.view(), grades });
    let mut listing = if output.json() { None } else { Some(Listing::begin(output, "units", None, UNITS)?) };
    let mut shown = 0;
    let mut bar = Bar::with_lines(output.look(), "比较", "Comparing");
    let summary = compare(before, after, on, &mut bar, &mut |change: &UnitChange| {
        if arguments.limit.is_some_and(|limit| shown >= limit) {
            return Ok::<(), Failure>(());
        }
        shown += 1;
        let row = json!({"type": "row", "unit": change.unit, "name": change.name, "from": change.from, "to": change.to,
            "cases": change.cases, "entries": change.entries});
        if let Some(expected) = expected.as_deref_mut() {
            expected.take(&change.unit.to_string(), &row);
        }
        match &mut listing {
            Some(listing) => listing.row(change),
            None => output.json_line(&row),
        }
    })?;
    if let Some(listing) = listing {
        listing.end(Ok(()))?;
    }
    Ok(summary)
}

fn summary_document(
    arguments: &SimulateArguments,
    tables: &Tables,
    text: &str,
    book: &Rulebook,
    summary: &Summary,
) -> Result<Value, Failure> {
    let mut document = json!({
        "type": "summary", "file": arguments.file, "version": book.version(), "sha256": Digest::of(text.as_bytes()),
        "from": arguments.from, "as_of": tables.moment, "limit": arguments.limit,
    });
    let sums = serde_json::to_value(summary).map_err(|error| {
        Failure::failed("json", format!("结果无法写成 JSON：{error}"), format!("the result is no JSON: {error}"))
    })?;
    if let (Some(document), Value::Object(sums)) = (document.as_object_mut(), sums) {
        document.extend(sums);
    }
    Ok(document)
}

fn show(session: &Session, mut document: Value, summary: &Summary, verdict: Option<&Verdict>) -> Result<(), Failure> {
    let output = &session.output;
    if output.json() {
        if let Some(verdict) = verdict {
            document["expected"] = json!({"same": verdict.is_same(), "units": verdict.units, "sums": verdict.sums});
        }
        output.json_line(&document)?;
    } else {
        if summary.changed == 0 {
            output.line(output.say("没有单位会有变化", "no unit would stand otherwise"))?;
        }
        output.line("")?;
        facts(output, summary).show(output)?;
        tallies(output, output.say("按违法行为类别", "By category"), &summary.categories)?;
        tallies(output, output.say("按发现部门", "By agency that found them"), &summary.agencies)?;
        output.note(
            "已作出的决定（抄送、期限、结论）均按原样，只重算积分和等级",
            "what was decided (referrals, terms, findings) stays as it was; only points and grades were computed anew",
        );
    }
    if summary.effects > 0 {
        let positions: Vec<String> = summary.effects_named.iter().take(5).map(|it| it.position.to_string()).collect();
        let (count, list) = (summary.effects, positions.join(", "));
        output.warn(
            format!("有 {count} 个事件因积分不同而效力不同（位置 {list}），结果对其案件仅供参考"),
            format!(
                "{count} events would have another effect because points differ (positions {list}); for their cases the outcome is an estimate"
            ),
        );
    }
    match verdict {
        Some(verdict) if verdict.is_same() => output.note("结果与所给的相同", "the outcome is the expected one"),
        Some(verdict) => output.warn(verdict.zh(), verdict.en()),
        None => {}
    }
    Ok(())
}

fn facts(output: &Output, summary: &Summary) -> Facts {
    let mut facts = Facts::new();
    facts
        .add(output.say("单位", "units"), summary.units)
        .add(output.say("其中有变化", "that would change"), summary.changed)
        .add(output.say("积分变化", "other balance"), summary.balances)
        .add(output.say("等级变化", "other grade"), summary.grades.values().sum::<u64>());
    for (grades, count) in &summary.grades {
        facts.add(output.say("等级", "grade"), format!("{grades} {count}"));
    }
    facts
}

/// A line of the sums.
struct TallyRow {
    of: String,
    tally: Tally,
}

fn tallies<K: std::fmt::Display>(output: &Output, title: &str, tallies: &BTreeMap<K, Tally>) -> Result<(), Failure> {
    if tallies.is_empty() {
        return Ok(());
    }
    output.heading(title)?;
    let rows: Vec<TallyRow> =
        tallies.iter().map(|(of, tally)| TallyRow { of: of.to_string(), tally: *tally }).collect();
    show_rows(output, TALLIES, &rows)
}

const TALLIES: &[Column<TallyRow>] = &[
    Column::new("类别或部门", "of", ColumnKind::Text, |row, _| Cell::Text(row.of.clone())),
    Column::new("案件", "cases", ColumnKind::Integer, |row, _| Cell::Integer(row.tally.cases.cast_signed())),
    Column::new("原积分", "points", ColumnKind::Integer, |row, _| Cell::Integer(row.tally.from)),
    Column::new("模拟积分", "would be", ColumnKind::Integer, |row, _| Cell::Integer(row.tally.to)),
];

const UNITS: &[Column<UnitChange>] = &[
    Column::new("单位标识", "unit", ColumnKind::Text, |row, _| Cell::Text(row.unit.to_string())),
    Column::new("单位名称", "name", ColumnKind::Text, |row, _| Cell::Text(row.name.clone())),
    Column::new("原积分", "balance", ColumnKind::Integer, |row, _| Cell::Integer(i64::from(row.from.balance.0))),
    Column::new("模拟积分", "would be", ColumnKind::Integer, |row, _| Cell::Integer(i64::from(row.to.balance.0))),
    Column::new("原等级", "grade", ColumnKind::Text, |row, _| grade(row.from.grade)),
    Column::new("模拟等级", "would be", ColumnKind::Text, |row, _| grade(row.to.grade)),
    Column::new("案件", "cases", ColumnKind::Integer, |row, _| count(row.cases.len())),
    Column::new("账目", "entries", ColumnKind::Integer, |row, _| count(row.entries.len())),
];

fn grade(grade: Option<Grade>) -> Cell {
    grade.map_or(Cell::Empty, |grade| Cell::Text(grade.to_string()))
}

fn count(count: usize) -> Cell {
    i64::try_from(count).map_or(Cell::Empty, Cell::Integer)
}

/// What an earlier run has shown, as far as it was not yet met again.
struct Expected {
    rows: BTreeMap<String, Value>,
    summary: Value,
    different: u64,
}

/// Whether the outcome is the expected one.
struct Verdict {
    /// Units that are shown otherwise, or only once.
    units: u64,
    /// Whether the sums are others.
    sums: bool,
}

impl Verdict {
    fn is_same(&self) -> bool {
        self.units == 0 && !self.sums
    }

    fn zh(&self) -> String {
        let sums = if self.sums { "，合计或其条件（截至位置、规则、起始日）不同" } else { "" };
        format!("结果与所给的不同：{} 个单位不同{sums}", self.units)
    }

    fn en(&self) -> String {
        let sums =
            if self.sums { ", and the sums or what they were made from (position, rulebook, day) differ" } else { "" };
        format!("the outcome is not the expected one: {} units differ{sums}", self.units)
    }
}

impl Expected {
    /// Reads the JSON lines of an earlier run.
    fn read(path: &Path) -> Result<Self, Failure> {
        let refuse = |number: usize, reason: &str| {
            let path = path.display();
            Failure::failed(
                "not_an_outcome",
                format!("{path} 第 {number} 行不是 `fengsui --json rulebook simulate` 的输出：{reason}"),
                format!("line {number} of {path} is none of `fengsui --json rulebook simulate` ({reason})"),
            )
        };
        let mut expected = Self { rows: BTreeMap::new(), summary: Value::Null, different: 0 };
        let mut last = 0;
        for (index, line) in BufReader::new(File::open(path).map_err(Failure::file(path))?).lines().enumerate() {
            last = index + 1;
            let line = line.map_err(Failure::file(path))?;
            let value: Value = serde_json::from_str(&line).map_err(|error| refuse(last, &error.to_string()))?;
            match (value["type"].as_str(), value["unit"].as_str()) {
                (Some("row"), Some(unit)) => {
                    let unit = unit.to_owned();
                    expected.rows.insert(unit, value);
                }
                (Some("summary"), _) => expected.summary = outcome(value),
                (Some("progress"), _) => {}
                _ => return Err(refuse(last, "no row, no summary")),
            }
        }
        if expected.summary.is_null() {
            return Err(refuse(last, "no summary: that run did not come to its end"));
        }
        Ok(expected)
    }

    fn take(&mut self, unit: &str, row: &Value) {
        if self.rows.remove(unit).as_ref() != Some(row) {
            self.different += 1;
        }
    }

    fn verdict(self, summary: &Value) -> Verdict {
        let units = self.different + self.rows.len() as u64;
        Verdict { units, sums: self.summary != outcome(summary.clone()) }
    }
}

/// A last line without what says nothing of the outcome.
fn outcome(mut summary: Value) -> Value {
    if let Some(members) = summary.as_object_mut() {
        members.retain(|name, _| !NOT_OUTCOME.contains(&name.as_str()));
    }
    summary
}
