//! What changed between two positions of the log, or between two days.

use fengsui_event::Language;
use fengsui_node::as_of::{AsOf, Moment, Past, resolve};
use fengsui_node::reading::Reading;
use fengsui_projector::changes::{
    CaseChange, CaseChanged, CaseStanding, Change, ChangeCounts, ChangeFilter, RegisterChange, RegisterChanged, Side,
    UnitChange, UnitStanding, changes,
};
use fengsui_projector::query::{AnomalyRow, LedgerLine};
use fengsui_rulebook::Grade;
use fengsui_sheets::{ColumnKind, Value};
use serde_json::json;

use super::report::tell_normalised;
use crate::arguments::value::TypedUnit;
use crate::columns::ANOMALIES;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Column, Facts, Listing, Output, to_json};
use crate::session::Session;
use crate::text;

/// Says what changed.
pub fn run(session: &Session, points: &[AsOf], unit: Option<&TypedUnit>) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    let [from, to] = points else {
        return Err(Failure::usage("--diff 须有两个位置或日期", "--diff takes two positions or days"));
    };
    if let Some(unit) = unit {
        tell_normalised(session, unit);
    }
    let present = session.present()?;
    let head = present.progress().position;
    let moment = |as_of: AsOf| resolve(as_of, present.log(), present.view(), head);
    let (from, to) = (moment(*from)?, moment(*to)?);
    if from.position > to.position || from.date > to.date {
        return Err(Failure::usage(
            format!(
                "--diff 的前者（位置 {}，{}）不得晚于后者（位置 {}，{}）",
                from.position, from.date, to.position, to.date
            ),
            format!(
                "the first of --diff (position {}, {}) must not be later than the second (position {}, {})",
                from.position, from.date, to.position, to.date
            ),
        ));
    }
    interrupt::watch();
    let (before, after) = (Tables::draw(session, &present, from)?, Tables::draw(session, &present, to)?);
    let filter = ChangeFilter { unit: unit.map(|unit| unit.unit.clone()), agency: session.global.agency };
    let mut shown = Shown { output: &session.output, section: Section::None };
    let mut bar = Bar::with_lines(session.output.look(), "比较", "Comparing");
    let counts = changes(before.side(), after.side(), &filter, &mut bar, &mut |change| shown.show(change))?;
    shown.section.end()?;
    drop(bar);
    let digest = after.past.digest()?.to_string();
    conclude(&session.output, [from, to], &counts, &digest)?;
    Ok(Exit::Done)
}

/// The tables at a moment. They are drawn for the comparison even where the folder's own stand there, since those may move on meanwhile.
struct Tables {
    past: Past,
    moment: Moment,
}

impl Tables {
    fn draw(session: &Session, present: &Reading, moment: Moment) -> Result<Self, Failure> {
        let mut bar = Bar::with_lines(session.output.look(), "重放日志", "Replaying the log");
        let past = Past::draw(present.folder().exchange(), present.log(), moment.position, &mut bar)?;
        Ok(Self { past, moment })
    }

    fn side(&self) -> Side<'_> {
        let Moment { position, date } = self.moment;
        Side { view: self.past.view(), registry: self.past.registry(), position, date }
    }
}

/// The part of the result that is being shown.
enum Section<'a> {
    None,
    Register(Listing<'a, RegisterChange>),
    Cases(Listing<'a, CaseChange>),
    Units(Listing<'a, UnitChange>),
    Anomalies(Listing<'a, AnomalyRow>),
}

impl Section<'_> {
    fn end(self) -> Result<(), Failure> {
        match self {
            Self::None => return Ok(()),
            Self::Register(listing) => listing.end(Ok(())),
            Self::Cases(listing) => listing.end(Ok(())),
            Self::Units(listing) => listing.end(Ok(())),
            Self::Anomalies(listing) => listing.end(Ok(())),
        }
        .map(|_| ())
    }
}

struct Shown<'a> {
    output: &'a Output,
    section: Section<'a>,
}

impl<'a> Shown<'a> {
    fn show(&mut self, change: Change) -> Result<(), Failure> {
        if self.output.json() {
            let mut row = serde_json::to_value(&change)
                .map_err(|_| Failure::failed("json", "结果无法写成 JSON", "the result is no JSON"))?;
            row["type"] = json!("row");
            return self.output.line(&to_json(&row, false)?);
        }
        match change {
            Change::Register(row) => {
                if !matches!(self.section, Section::Register(_)) {
                    let listing = self.begin("登记", "Register", REGISTER)?;
                    self.section = Section::Register(listing);
                }
                if let Section::Register(listing) = &mut self.section { listing.row(&row) } else { Ok(()) }
            }
            Change::Case(row) => {
                if !matches!(self.section, Section::Cases(_)) {
                    let listing = self.begin("案件", "Cases", CASES)?;
                    self.section = Section::Cases(listing);
                }
                if let Section::Cases(listing) = &mut self.section { listing.row(&row) } else { Ok(()) }
            }
            Change::Unit(row) => {
                if !matches!(self.section, Section::Units(_)) {
                    let listing = self.begin("单位", "Units", UNITS)?;
                    self.section = Section::Units(listing);
                }
                if let Section::Units(listing) = &mut self.section { listing.row(&row) } else { Ok(()) }
            }
            Change::Anomaly(row) => {
                if !matches!(self.section, Section::Anomalies(_)) {
                    let listing = self.begin("异常", "Anomalies", ANOMALIES)?;
                    self.section = Section::Anomalies(listing);
                }
                if let Section::Anomalies(listing) = &mut self.section { listing.row(&row) } else { Ok(()) }
            }
        }
    }

    /// Ends what was shown before, and begins a part.
    fn begin<T: serde::Serialize>(
        &mut self,
        zh: &'static str,
        en: &'static str,
        columns: &'a [Column<T>],
    ) -> Result<Listing<'a, T>, Failure> {
        std::mem::replace(&mut self.section, Section::None).end()?;
        self.output.heading(self.output.say(zh, en))?;
        Listing::begin(self.output, "rows", None, columns)
    }
}

/// The sums, and the state at the later moment.
fn conclude(output: &Output, [from, to]: [Moment; 2], counts: &ChangeCounts, digest: &str) -> Result<(), Failure> {
    let ChangeCounts { register, cases, units, grades, anomalies } = counts;
    if output.json() {
        let no_json = |_| Failure::failed("json", "结果无法写成 JSON", "the result is no JSON");
        let mut document = serde_json::to_value(counts).map_err(no_json)?;
        document["type"] = json!("summary");
        document["from"] = json!(from);
        document["to"] = json!(to);
        document["digest"] = json!(format!("sha256:{digest}"));
        return output.json_line(&document);
    }
    let language = output.language();
    let moment = |moment: Moment| {
        let Moment { position, date } = moment;
        language.pick(format!("{date}（位置 {position}）"), format!("{date} (position {position})"))
    };
    output.heading(output.say("合计", "Summary"))?;
    let mut facts = Facts::new();
    facts.add(output.say("自", "from"), moment(from)).add(output.say("至", "to"), moment(to));
    if counts.is_empty() {
        facts.add(output.say("变化", "changes"), output.say("无", "none"));
    }
    for (what, count) in register {
        facts.add(register_label(*what, language).1, count);
    }
    for (what, count) in cases {
        facts.add(case_label(*what, language).1, count);
    }
    if *units > 0 {
        facts.add(output.say("积分或账目有变化的单位", "units that changed"), units);
    }
    let grades: Vec<String> =
        grades.iter().map(|((from, to), count)| format!("{} → {} {count}", grade(*from), grade(*to))).collect();
    if !grades.is_empty() {
        facts.add(output.say("等级变化", "grades"), grades.join(language.pick("，", ", ")));
    }
    let anomalies: Vec<String> = anomalies.iter().map(|(code, count)| format!("{code} {count}")).collect();
    if !anomalies.is_empty() {
        facts.add(output.say("异常", "anomalies"), anomalies.join(language.pick("，", ", ")));
    }
    facts.show(output)?;
    output.line(&format!("digest sha256:{digest}"))
}

fn grade(grade: Option<Grade>) -> String {
    grade.map_or_else(|| "-".to_owned(), |grade| grade.to_string())
}

/// What happened, to one and to several.
fn register_label(what: RegisterChanged, language: Language) -> (&'static str, &'static str) {
    match (what, language) {
        (RegisterChanged::AgencyRegistered, Language::Zh) => ("部门登记", "部门登记"),
        (RegisterChanged::AgencySuspended, Language::Zh) => ("部门停用", "部门停用"),
        (RegisterChanged::KeyRegistered, Language::Zh) => ("密钥登记", "密钥登记"),
        (RegisterChanged::KeyEnded, Language::Zh) => ("密钥失效", "密钥失效"),
        (RegisterChanged::RulebookPublished, Language::Zh) => ("规则发布", "规则发布"),
        (what, Language::En) => match what {
            RegisterChanged::AgencyRegistered => (what.code(), "agencies registered"),
            RegisterChanged::AgencySuspended => (what.code(), "agencies suspended"),
            RegisterChanged::KeyRegistered => (what.code(), "keys registered"),
            RegisterChanged::KeyEnded => (what.code(), "keys ended"),
            RegisterChanged::RulebookPublished => (what.code(), "rulebooks published"),
        },
    }
}

/// What became of one case, and of several.
fn case_label(what: CaseChanged, language: Language) -> (&'static str, &'static str) {
    match (what, language) {
        (CaseChanged::Opened, Language::Zh) => ("新立", "新立案件"),
        (CaseChanged::Closed, Language::Zh) => ("销案", "销案"),
        (CaseChanged::Retracted, Language::Zh) => ("撤回", "撤回案件"),
        (CaseChanged::Reopened, Language::Zh) => ("重新办理", "重新办理"),
        (CaseChanged::Reassigned, Language::Zh) => ("改派", "改派"),
        (CaseChanged::Continued, Language::Zh) => ("继续办理", "继续办理"),
        (what, Language::En) => match what {
            CaseChanged::Opened => (what.code(), "cases opened"),
            CaseChanged::Closed => (what.code(), "cases closed"),
            CaseChanged::Retracted => (what.code(), "cases retracted"),
            CaseChanged::Reopened => (what.code(), "cases reopened"),
            CaseChanged::Reassigned => (what.code(), "cases reassigned"),
            CaseChanged::Continued => (what.code(), "cases continued"),
        },
    }
}

fn shown(value: impl std::fmt::Display) -> Value {
    Value::Text(value.to_string())
}

fn number(value: impl TryInto<i64>) -> Value {
    value.try_into().map_or(Value::Empty, Value::Integer)
}

const REGISTER: &[Column<RegisterChange>] = &[
    Column::new("变化", "what", ColumnKind::Text, |row, language| shown(register_label(row.what, language).0)),
    Column::new("名称", "name", ColumnKind::Text, |row, _| shown(&row.name)),
    Column::new("部门", "agency", ColumnKind::Text, |row, _| shown(row.agency)),
    Column::new("位置", "position", ColumnKind::Integer, |row, _| number(row.position)),
    Column::new("施行日期", "in_force_from", ColumnKind::Date, |row, _| {
        row.effective_from.map_or(Value::Empty, Value::Date)
    }),
];

/// What a case's standing was and is, where that differs.
fn turned(row: &CaseChange, part: fn(&CaseStanding) -> String) -> String {
    let (from, to) = (row.from.as_ref().map(part), part(&row.to));
    match from {
        Some(from) if from != to => format!("{from} → {to}"),
        _ => to,
    }
}

const CASES: &[Column<CaseChange>] = &[
    Column::new("变化", "what", ColumnKind::Text, |row, language| shown(case_label(row.what, language).0)),
    Column::new("案件", "case", ColumnKind::Text, |row, _| shown(row.case)),
    Column::new("单位标识", "unit", ColumnKind::Text, |row, _| shown(&row.unit)),
    Column::new("单位名称", "name", ColumnKind::Text, |row, _| shown(&row.unit_name)),
    Column::new("发现部门", "reporter", ColumnKind::Text, |row, _| shown(row.reporter)),
    Column::new("状态", "status", ColumnKind::Text, |row, language| {
        let term = |code: &str| text::term(code, language);
        shown(turned(row, |at| at.status.code().to_owned()).split(" → ").map(term).collect::<Vec<_>>().join(" → "))
    }),
    Column::new("主办部门", "lead", ColumnKind::Text, |row, _| {
        shown(turned(row, |at| at.lead.map_or_else(|| "-".to_owned(), |lead| lead.to_string())))
    }),
    Column::new("类别", "category", ColumnKind::Text, |row, _| shown(turned(row, |at| at.category.to_string()))),
    Column::new("程度", "severity", ColumnKind::Text, |row, language| {
        let term = |code: &str| text::severity(code, language);
        shown(turned(row, |at| at.severity.code().to_owned()).split(" → ").map(term).collect::<Vec<_>>().join(" → "))
    }),
    Column::new("新事件", "events", ColumnKind::Integer, |row, _| number(row.events.len())),
];

fn standing(from: Option<UnitStanding>, to: UnitStanding, part: fn(UnitStanding) -> String) -> String {
    let (from, to) = (from.map_or_else(|| "-".to_owned(), part), part(to));
    if from == to { to } else { format!("{from} → {to}") }
}

/// A line as it moved the balance: the entry's number, what it is, its points.
fn moved(line: &LedgerLine, language: Language) -> String {
    format!("{} {} {:+}", line.number, text::term(&line.kind, language), line.points.0)
}

const UNITS: &[Column<UnitChange>] = &[
    Column::new("单位标识", "unit", ColumnKind::Text, |row, _| shown(&row.unit)),
    Column::new("单位名称", "name", ColumnKind::Text, |row, _| shown(&row.name)),
    Column::new("积分", "balance", ColumnKind::Text, |row, _| {
        shown(standing(row.from, row.to, |at| at.balance.to_string()))
    }),
    Column::new("等级", "grade", ColumnKind::Text, |row, _| shown(standing(row.from, row.to, |at| grade(at.grade)))),
    Column::new("账目", "entries", ColumnKind::Text, |row, language| {
        let lines: Vec<String> = row.lines.iter().map(|line| moved(line, language)).collect();
        shown(lines.join(language.pick("；", "; ")))
    }),
];
