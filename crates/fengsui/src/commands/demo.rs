//! The pilot city: what happened in it, and what to try next.

use fengsui_event::{AgencyCode, Language};
use fengsui_node::Node;
use fengsui_node::demo::{self, AgencyFigures, DemoError, DemoOptions, DemoSummary, Forwarding};
use fengsui_projector::ModelError;
use fengsui_projector::state::Feedback;
use fengsui_sheets::{ColumnKind, Value};
use serde_json::json;

use super::act;
use crate::arguments::work::DemoArguments;
use crate::columns::LEDGER;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Column, Facts, show_rows};
use crate::session::Session;
use crate::text;

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        let en = error.to_string();
        match error {
            DemoError::Node(error) => Self::Node(error),
            DemoError::Interrupted => Self::Interrupted,
            DemoError::NotADemonstration(root) => Self::failed(
                "not_a_demonstration",
                format!("{} 中已有节点，且不是演示；未作任何更改，请用 --data 指明另一文件夹", root.display()),
                en,
            ),
            DemoError::OtherOptions { root, found } => Self::failed(
                "other_demonstration",
                format!(
                    "{} 中已有演示：--units {} --violations {} --seed {}；请用相同参数，或用 --data 指明另一文件夹",
                    root.display(),
                    found.units,
                    found.violations,
                    found.seed
                ),
                en,
            ),
            DemoError::Units(units) => Self::usage(format!("--units 须为 1 至 10000000，不能是 {units}"), en),
            _ => Self::failed("demo", format!("演示未能完成：{en}"), en),
        }
    }
}

/// Lines of the ledger that are shown; its end is what the grade follows from.
const LEDGER_LINES_SHOWN: usize = 12;

/// Makes the pilot city, or shows the one that is there.
pub fn run(session: &Session, arguments: &DemoArguments) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    interrupt::watch();
    let DemoArguments { units, violations, seed } = *arguments;
    let options = DemoOptions { units, violations, seed };
    let mut bar = Bar::with_lines(session.output.look(), "演示：录入违法行为", "Demonstration: reporting violations");
    let made = demo::run(&session.global.data, options, &mut |progress| bar.at(progress.violations, progress.total));
    drop(bar);
    let (node, summary) = match made {
        Err(DemoError::Node(fengsui_node::NodeError::Model(ModelError::Interrupted { .. }))) => {
            return Err(interrupted(session));
        }
        Err(DemoError::Interrupted) => return Err(interrupted(session)),
        made => made?,
    };
    let output = &session.output;
    if output.json() {
        let digest = format!("sha256:{}", summary.digest);
        output.json_line(&json!({"type": "summary", "digest": digest, "demo": summary}))?;
        return Ok(Exit::Done);
    }
    overview(session, &summary)?;
    agencies(session, &node, &summary)?;
    examples(session, &node, &summary)?;
    ledger(session, &node, &summary)?;
    try_next(session, &node, &summary)?;
    output.line("")?;
    output.line(&format!("digest sha256:{}", summary.digest))?;
    Ok(Exit::Done)
}

fn interrupted(session: &Session) -> Failure {
    session
        .output
        .note("演示未完成，下次运行将重新开始", "the demonstration is not whole; the next run begins it again");
    Failure::Interrupted
}

fn overview(session: &Session, summary: &DemoSummary) -> Result<(), Failure> {
    let output = &session.output;
    output.line(&output.bold(
        output.say("试点城市（演示数据，勿存真实信息）", "The pilot city (a demonstration; keep no real data in it)"),
    ))?;
    let total = summary.open + summary.closed + summary.retracted;
    let grades: Vec<String> = summary.grades.iter().map(|(grade, count)| format!("{grade} {count}")).collect();
    let mut facts = Facts::new();
    facts
        .add(output.say("截至日期", "last day"), summary.last_day)
        .add(output.say("日志事件", "events on the log"), summary.events)
        .add(output.say("违法行为", "violations"), total)
        .add(output.say("其中跨部门抄送", "forwarded to another agency"), summary.forwarded)
        .add(output.say("在办", "open"), summary.open)
        .add(output.say("已销案", "closed"), summary.closed)
        .add(output.say("已撤回", "retracted"), summary.retracted)
        .add(output.say("曾退回", "returned at least once"), summary.returned)
        .add(output.say("曾送联席会议办公室指定", "decided by the authority"), summary.undecided)
        .add(output.say("逾期", "late"), summary.late)
        .add(output.say("有异议", "objected"), summary.objected)
        .add(output.say("重复违法", "repeated"), summary.repeated)
        .add(output.say("异常", "anomalies"), summary.anomalies)
        .add(output.say("单位等级", "units by grade"), grades.join("  "));
    facts.show(output)
}

type Part = (AgencyCode, String, AgencyFigures);

fn agencies(session: &Session, node: &Node, summary: &DemoSummary) -> Result<(), Failure> {
    let output = &session.output;
    let book = node.registry().rulebook(summary.last_day).ok();
    let name =
        |code: &AgencyCode| book.map_or_else(String::new, |book| book.agency_name(code, session.language()).to_owned());
    let parts: Vec<Part> =
        summary.agencies.iter().map(|(code, figures)| (*code, name(code), figures.clone())).collect();
    output.heading(output.say("各部门", "What each agency did"))?;
    show_rows(output, PARTS, &parts)
}

fn count(value: u64) -> Value {
    i64::try_from(value).map_or(Value::Empty, Value::Integer)
}

const PARTS: &[Column<Part>] = &[
    Column::new("部门", "agency", ColumnKind::Text, |part, _| Value::Text(part.0.to_string())),
    Column::new("发现", "found", ColumnKind::Integer, |part, _| count(part.2.found)),
    Column::new("送出", "sent", ColumnKind::Integer, |part, _| count(part.2.sent)),
    Column::new("收到", "received", ColumnKind::Integer, |part, _| count(part.2.received)),
    Column::new("签收", "acknowledged", ColumnKind::Integer, |part, _| count(part.2.acknowledged)),
    Column::new("退回", "returned", ColumnKind::Integer, |part, _| count(part.2.returned)),
    Column::new("反馈", "fed_back", ColumnKind::Integer, |part, _| count(part.2.fed_back)),
    Column::new("迟反馈", "late", ColumnKind::Integer, |part, _| count(part.2.late)),
    Column::new("现逾期", "overdue", ColumnKind::Integer, |part, _| count(part.2.overdue)),
    Column::new("名称", "name", ColumnKind::Text, |part, _| Value::Text(part.1.clone())),
];

/// A case that went from one agency to another and came back with feedback.
struct Example {
    forwarding: Forwarding,
    feedback: Option<Feedback>,
}

fn examples(session: &Session, node: &Node, summary: &DemoSummary) -> Result<(), Failure> {
    let output = &session.output;
    let mut examples = Vec::with_capacity(summary.examples.len());
    for forwarding in summary.examples.iter().cloned() {
        let feedback = node.view().case(forwarding.case)?.and_then(|case| case.feedback.last().cloned());
        examples.push(Example { forwarding, feedback });
    }
    output.heading(output.say("自动抄送与反馈示例", "Forwarded by itself and fed back, for example"))?;
    show_rows(output, EXAMPLES, &examples)
}

const EXAMPLES: &[Column<Example>] = &[
    Column::new("发现部门", "reporter", ColumnKind::Text, |row, _| {
        Value::Text(row.forwarding.reporter.to_string())
    }),
    Column::new("主办部门", "lead", ColumnKind::Text, |row, _| Value::Text(row.forwarding.lead.to_string())),
    Column::new("规则", "rule", ColumnKind::Text, |row, _| Value::Text(row.forwarding.rule.clone())),
    Column::new("反馈结果", "outcome", ColumnKind::Text, |row, language| {
        let outcome = row.feedback.as_ref().map(|feedback| feedback.outcome.name(language).to_owned());
        outcome.map_or(Value::Empty, Value::Text)
    }),
    Column::new("反馈状态", "feedback", ColumnKind::Text, |row, language| {
        let status = row.feedback.as_ref().map(|feedback| text::term(feedback.status.code(), language));
        status.map_or(Value::Empty, Value::Text)
    }),
    Column::new("案件", "case", ColumnKind::Text, |row, _| Value::Text(row.forwarding.case.to_string())),
];

fn ledger(session: &Session, node: &Node, summary: &DemoSummary) -> Result<(), Failure> {
    let output = &session.output;
    let Some(unit) = &summary.unit else {
        return Ok(());
    };
    let name = node.view().account(unit)?.map_or_else(String::new, |account| account.name);
    output.heading(&match session.language() {
        Language::Zh => format!("{name}（{unit}）的积分账目"),
        Language::En => format!("The ledger of {name} ({unit})"),
    })?;
    let lines = node.view().ledger(unit, summary.last_day)?;
    let hidden = lines.len().saturating_sub(LEDGER_LINES_SHOWN);
    show_rows(output, LEDGER, &lines[hidden..])?;
    if hidden == 0 {
        return Ok(());
    }
    output.line(&match session.language() {
        Language::Zh => format!("（前面还有 {hidden} 笔）"),
        Language::En => format!("({hidden} earlier lines)"),
    })
}

fn try_next(session: &Session, node: &Node, summary: &DemoSummary) -> Result<(), Failure> {
    let output = &session.output;
    let program = act::invocation(session);
    let day = summary.last_day;
    output.heading(output.say("可以接着试", "What to try next"))?;
    let mut lines = vec![format!("{program} referral list --inbox --agency fire --as-of {day}")];
    if let Some(example) = summary.examples.first() {
        lines.push(format!("{program} case show {}", example.case));
    }
    if let Some(unit) = &summary.unit {
        lines.push(format!("{program} unit ledger {unit} --as-of {day}"));
    }
    let half = (node.progress().position / 2).max(1);
    lines.push(format!("{program} unit list --grade D --as-of {day}"));
    lines.push(format!("{program} case list --status open --as-of {half}"));
    lines.push(format!("{program} export cases --out cases.xlsx"));
    lines.push(format!("{program} replay"));
    lines.iter().try_for_each(|line| output.line(&format!("  {line}")))
}
