//! The case file: everything that is known of a case, with the events that it comes from.

use fengsui_event::date::ZONE;
use fengsui_event::{AgencyCode, Event, EventId, Language, Timestamp};
use fengsui_log::{EventLog as _, Position};
use fengsui_projector::state::{CaseState, Charge, Feedback, FeedbackStatus};
use fengsui_sheets::{ColumnKind, Value};
use serde::Serialize;
use serde_json::json;

use super::report::show_referrals;
use super::{act, lists, lookup};
use crate::describe;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, Output, show_rows};
use crate::session::{Names, Session, Tables};
use crate::text;

/// An event of a case as people read it.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryLine {
    position: u64,
    time: Option<Timestamp>,
    #[serde(rename = "type")]
    kind: String,
    agency: Option<AgencyCode>,
    text: String,
    event: EventId,
}

/// Shows a case file.
pub fn show(session: &Session, id: EventId) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let case = act::case_of(tables.view(), lookup::find(tables.view(), id)?.case())?;
    let history = history(&tables, &case, session.language())?;
    let output = &session.output;
    if output.json() {
        output.document(&json!({"as_of": tables.moment, "case": case, "history": history}))?;
        return Ok(Exit::Done);
    }
    let names = Names::new(tables.registry(), tables.moment.date, session.language());
    let mut facts = Facts::new();
    lists::violation_facts(session, &mut facts, &case, &names);
    standing(session, &mut facts, &case, &names);
    facts.show(output)?;
    output.heading(output.say("抄送", "Referrals"))?;
    show_referrals(session, &case)?;
    if !case.feedback.is_empty() {
        output.heading(output.say("反馈", "Feedback"))?;
        show_rows(output, FEEDBACK, &case.feedback)?;
    }
    rectification(output, &case)?;
    objections(session, &case)?;
    if !case.charges.is_empty() {
        output.heading(output.say("积分变动", "Points"))?;
        show_rows(output, CHARGES, &case.charges)?;
    }
    output.heading(output.say("历程（时间为 UTC+08:00）", "History (times in UTC+08:00)"))?;
    show_rows(output, HISTORY, &history)?;
    if tables.is_present() {
        act::hint(session, tables.folder(), &case, tables.registry().authority);
    }
    Ok(Exit::Done)
}

fn standing(session: &Session, facts: &mut Facts, case: &CaseState, names: &Names<'_>) {
    let output = &session.output;
    facts
        .add(output.say("状态", "status"), text::term(case.status.code(), session.language()))
        .add_some(output.say("主办部门", "lead"), case.lead().map(|lead| names.agency(lead.addressee)))
        .add(output.say("抄送依据", "routing"), describe::routing(&case.routing.answer, session.language()))
        .add(output.say("规则版本", "rulebook"), &case.routing.rulebook)
        .add_some(output.say("认定日期", "determined on"), case.determined_on)
        .add_some(output.say("消除日期", "rectified on"), case.rectified_on);
    if let Some(closing) = &case.closing {
        let ground = closing.ground.name(session.language());
        facts.add(output.say("销案", "closed"), format!("{} {ground} {}", closing.closed_on, names.agency(closing.by)));
        facts.add_some(output.say("同一违法行为的案件", "duplicate of"), closing.duplicate_of);
        facts.add_some(output.say("销案说明", "closing note"), closing.note.as_ref());
    }
    if case.reopened > 0 {
        facts.add(output.say("重新办理次数", "reopened"), case.reopened);
    }
    if case.incomplete {
        let text = output.say("有事件无效或不能识读，见 anomaly list", "some events had no effect; see anomaly list");
        facts.add(output.say("记录不全", "incomplete"), text);
    }
}

fn rectification(output: &Output, case: &CaseState) -> Result<(), Failure> {
    let Some(order) = &case.rectification else {
        return Ok(());
    };
    output.heading(output.say("责令整改（五落实）", "Rectification order"))?;
    let mut facts = Facts::new();
    facts
        .add(output.say("责令部门", "ordered by"), order.by)
        .add(output.say("责令日期", "ordered on"), order.ordered_on)
        .add_some(output.say("文书编号", "number"), order.order_number.as_ref())
        .add(output.say("方案", "plan"), &order.plan)
        .add(output.say("责任人", "person"), &order.person)
        .add(output.say("资金（元）", "funds (yuan)"), order.funds)
        .add(output.say("期限", "due on"), order.due_on)
        .add(output.say("应急预案", "emergency plan"), &order.emergency_plan)
        .add(output.say("复查次数", "inspections"), order.inspections)
        .add_some(output.say("复查合格日期", "passed on"), order.passed_on);
    facts.show(output)
}

fn objections(session: &Session, case: &CaseState) -> Result<(), Failure> {
    let output = &session.output;
    for objection in &case.objections {
        output.heading(output.say("异议", "Objection"))?;
        let mut facts = Facts::new();
        facts
            .add(output.say("编号", "id"), objection.id)
            .add(output.say("理由", "grounds"), &objection.grounds)
            .add(output.say("提出日期", "filed on"), objection.filed_on)
            .add(output.say("录入部门", "entered by"), objection.entered_by)
            .add_some(
                output.say("处理决定", "decision"),
                objection.decision.map(|decision| decision.name(session.language())),
            )
            .add_some(output.say("决定日期", "decided on"), objection.decided_on)
            .add_some(output.say("决定理由", "reasons"), objection.reasons.as_ref());
        facts.show(output)?;
    }
    Ok(())
}

fn history(tables: &Tables, case: &CaseState, language: Language) -> Result<Vec<HistoryLine>, Failure> {
    let mut lines = Vec::with_capacity(case.history.len());
    for position in case.history.iter().copied().filter_map(Position::new) {
        let stored = tables.log().read(position, 1)?;
        lines.extend(stored.iter().map(|stored| line_of(stored, language)));
    }
    Ok(lines)
}

/// A record of the log as people read it.
pub fn line_of(stored: &fengsui_log::Stored, language: Language) -> HistoryLine {
    let (position, event) = (stored.position.get(), stored.record.id);
    match Event::parse(&stored.record.bytes) {
        Ok(parsed) => HistoryLine {
            position,
            time: Some(parsed.time),
            kind: parsed.type_text.clone(),
            agency: Some(parsed.source.agency),
            text: describe::describe(&parsed, language),
            event,
        },
        Err(error) => HistoryLine {
            position,
            time: None,
            kind: String::new(),
            agency: None,
            text: language.pick(format!("不是有效的事件：{error}"), error.to_string()),
            event,
        },
    }
}

/// An instant for people: to the second, in the region's zone.
pub fn local_time(time: Timestamp) -> String {
    ZONE.to_datetime(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The columns of a history and of the log's end.
pub const HISTORY: &[Column<HistoryLine>] = &[
    Column::new("位置", "position", ColumnKind::Integer, |line, _| {
        i64::try_from(line.position).map_or(Value::Empty, Value::Integer)
    }),
    Column::new("时间", "time", ColumnKind::Text, |line, _| {
        line.time.map_or(Value::Empty, |time| Value::Text(local_time(time)))
    }),
    Column::new("部门", "agency", ColumnKind::Text, |line, _| {
        line.agency.map_or(Value::Empty, |agency| Value::Text(agency.to_string()))
    }),
    Column::new("事件类型", "type", ColumnKind::Text, |line, language| {
        Value::Text(text::event_type(&line.kind, language))
    }),
    Column::new("内容", "what", ColumnKind::Text, |line, _| Value::Text(line.text.clone())),
    Column::new("事件", "event", ColumnKind::Text, |line, _| Value::Text(line.event.to_string())),
];

const FEEDBACK: &[Column<Feedback>] = &[
    Column::new("部门", "agency", ColumnKind::Text, |row, _| Value::Text(row.by.to_string())),
    Column::new("结果", "outcome", ColumnKind::Text, |row, language| {
        Value::Text(row.outcome.name(language).to_owned())
    }),
    Column::new("办理日期", "handled_on", ColumnKind::Date, |row, _| Value::Date(row.handled_on)),
    Column::new("反馈日期", "submitted_on", ColumnKind::Date, |row, _| Value::Date(row.submitted_on)),
    Column::new("逾期", "late", ColumnKind::Text, |row, language| {
        if row.late { Value::Text(language.pick("是", "yes").to_owned()) } else { Value::Empty }
    }),
    Column::new("状态", "status", ColumnKind::Text, |row, language| {
        let status = text::term(row.status.code(), language);
        Value::Text(match &row.status {
            FeedbackStatus::Rejected { reason } => format!("{status}{}{reason}", language.pick("：", ": ")),
            FeedbackStatus::Submitted | FeedbackStatus::Confirmed => status,
        })
    }),
    Column::new("处罚", "penalty", ColumnKind::Text, |row, language| {
        row.penalty.as_ref().map_or(Value::Empty, |given| Value::Text(describe::penalty(given, language)))
    }),
    Column::new("说明", "summary", ColumnKind::Text, |row, _| Value::Text(row.summary.clone())),
    Column::new("反馈编号", "feedback", ColumnKind::Text, |row, _| Value::Text(row.id.to_string())),
];

const CHARGES: &[Column<Charge>] = &[
    Column::new("账目序号", "entry", ColumnKind::Integer, |row, _| Value::Integer(i64::from(row.entry))),
    Column::new("类型", "kind", ColumnKind::Text, |row, language| Value::Text(text::term(row.kind.code(), language))),
    Column::new("分值", "points", ColumnKind::Integer, |row, _| Value::Integer(i64::from(row.points.0))),
    Column::new("规则", "rule", ColumnKind::Text, |row, _| Value::Text(row.rule.clone())),
    Column::new("期满日期", "counted_until", ColumnKind::Date, |row, _| {
        row.counted_until.map_or(Value::Empty, Value::Date)
    }),
    Column::new("已冲回", "reversed", ColumnKind::Text, |row, language| {
        if row.reversed { Value::Text(language.pick("是", "yes").to_owned()) } else { Value::Empty }
    }),
];
