//! The columns of every table, one definition for terminal, pipe and spreadsheet.

use std::fmt::Display;

use fengsui_event::{Date, Language, UnitId};
use fengsui_projector::query::{AnomalyRow, CaseRow, LedgerLine, ReferralRow, UnitRow};
use fengsui_rulebook::Grade;
use fengsui_sheets::{ColumnKind, Value};
use serde::Serialize;

use crate::output::Column;
use crate::text;

/// A unit with the grade that follows from its balance.
#[derive(Clone, Debug, Serialize)]
pub struct GradedUnit {
    /// The unit.
    #[serde(flatten)]
    pub row: UnitRow,
    /// Its grade, where a rulebook is in force.
    pub grade: Option<Grade>,
}

/// A line of a ledger with the unit to which it belongs.
#[derive(Clone, Debug, Serialize)]
pub struct UnitLine {
    /// The unit.
    pub unit: UnitId,
    /// Its name.
    pub name: String,
    /// The line.
    #[serde(flatten)]
    pub line: LedgerLine,
}

fn text(value: impl Display) -> Value {
    Value::Text(format!("{value}"))
}

fn some_text(value: Option<impl Display>) -> Value {
    value.map_or(Value::Empty, text)
}

fn some_date(date: Option<Date>) -> Value {
    date.map_or(Value::Empty, Value::Date)
}

fn number(value: impl TryInto<i64>) -> Value {
    value.try_into().map_or(Value::Empty, Value::Integer)
}

fn mark(set: bool, language: Language) -> Value {
    if set { text(language.pick("是", "yes")) } else { Value::Empty }
}

macro_rules! columns {
    ($($zh:literal, $en:literal, $kind:ident, |$row:pat_param, $language:pat_param| $value:expr;)+) => {
        &[$(Column::new($zh, $en, ColumnKind::$kind, |$row, $language| $value),)+]
    };
}

/// Violations as they were found.
pub const VIOLATIONS: &[Column<CaseRow>] = columns![
    "案件", "case", Text, |row, _| text(row.case);
    "发现日期", "found_on", Date, |row, _| Value::Date(row.found_on);
    "单位标识", "unit", Text, |row, _| text(&row.unit);
    "单位名称", "name", Text, |row, _| text(&row.unit_name);
    "类别", "category", Text, |row, _| text(&row.category);
    "程度", "severity", Text, |row, language| text(text::severity(&row.severity, language));
    "地区", "region", Text, |row, _| text(row.region);
    "发现部门", "reporter", Text, |row, _| text(row.reporter);
    "部门编号", "reference", Text, |row, _| some_text(row.reference.as_ref());
    "状态", "status", Text, |row, language| text(text::term(&row.status, language));
];

/// Cases and where they stand.
pub const CASES: &[Column<CaseRow>] = columns![
    "案件", "case", Text, |row, _| text(row.case);
    "状态", "status", Text, |row, language| text(text::term(&row.status, language));
    "主办部门", "lead", Text, |row, _| some_text(row.lead);
    "发现部门", "reporter", Text, |row, _| text(row.reporter);
    "单位标识", "unit", Text, |row, _| text(&row.unit);
    "单位名称", "name", Text, |row, _| text(&row.unit_name);
    "类别", "category", Text, |row, _| text(&row.category);
    "程度", "severity", Text, |row, language| text(text::severity(&row.severity, language));
    "地区", "region", Text, |row, _| text(row.region);
    "部门编号", "reference", Text, |row, _| some_text(row.reference.as_ref());
    "发现日期", "found_on", Date, |row, _| Value::Date(row.found_on);
    "记录日期", "recorded_on", Date, |row, _| Value::Date(row.recorded_on);
    "销案日期", "closed_on", Date, |row, _| some_date(row.closed_on);
    "记录不全", "incomplete", Text, |row, language| mark(row.incomplete, language);
];

/// The agency's desk.
pub const REFERRALS: &[Column<ReferralRow>] = columns![
    "抄送", "referral", Text, |row, _| text(row.referral);
    "状态", "status", Text, |row, language| text(text::term(&row.status, language));
    "待办", "owed", Text, |row, language| some_text(row.owed.as_deref().map(|code| text::owed(code, language)));
    "责任部门", "owed_by", Text, |row, _| some_text(row.owed_by);
    "期限", "due_on", Date, |row, _| some_date(row.due_on);
    "逾期", "overdue", Text, |row, language| mark(row.overdue, language);
    "催办", "reminders", Integer, |row, _| number(row.reminders);
    "督办", "supervised", Text, |row, language| some_text(row.supervised.as_deref().map(|code| text::level(code, language)));
    "角色", "role", Text, |row, language| text(text::term(&row.role, language));
    "来自", "from", Text, |row, _| text(row.issuer);
    "送往", "to", Text, |row, _| text(row.addressee);
    "单位名称", "name", Text, |row, _| text(&row.unit_name);
    "类别", "category", Text, |row, _| text(&row.category);
    "程度", "severity", Text, |row, language| text(text::severity(&row.severity, language));
    "抄送日期", "issued_on", Date, |row, _| Value::Date(row.issued_on);
    "案件", "case", Text, |row, _| text(row.case);
];

/// Units with balance and grade.
pub const UNITS: &[Column<GradedUnit>] = columns![
    "单位标识", "unit", Text, |unit, _| text(&unit.row.unit);
    "单位名称", "name", Text, |unit, _| text(&unit.row.name);
    "地区", "region", Text, |unit, _| text(unit.row.region);
    "行业", "trade", Text, |unit, _| some_text(unit.row.trade);
    "积分", "balance", Integer, |unit, _| number(unit.row.balance.0);
    "等级", "grade", Text, |unit, _| some_text(unit.grade);
    "案件数", "cases", Integer, |unit, _| number(unit.row.cases);
    "在办", "open", Integer, |unit, _| number(unit.row.open_cases);
    "记录不全", "incomplete", Text, |unit, language| mark(unit.row.incomplete, language);
];

/// The lines of one account.
pub const LEDGER: &[Column<LedgerLine>] = columns![
    "序号", "number", Integer, |line, _| number(line.number);
    "类型", "kind", Text, |line, language| text(text::term(&line.kind, language));
    "分值", "points", Integer, |line, _| number(line.points.0);
    "余额", "balance", Integer, |line, _| number(line.balance.0);
    "生效日期", "effective_on", Date, |line, _| Value::Date(line.effective_on);
    "期满日期", "counted_until", Date, |line, _| some_date(line.counted_until);
    "规则", "rule", Text, |line, _| text(&line.rule);
    "规则版本", "rulebook", Text, |line, _| text(&line.rulebook);
    "位置", "position", Integer, |line, _| number(line.position);
    "事件", "event", Text, |line, _| text(line.cause);
    "案件", "case", Text, |line, _| some_text(line.case);
];

/// The lines of all accounts.
pub const ALL_LEDGERS: &[Column<UnitLine>] = columns![
    "单位标识", "unit", Text, |row, _| text(&row.unit);
    "单位名称", "name", Text, |row, _| text(&row.name);
    "序号", "number", Integer, |row, _| number(row.line.number);
    "类型", "kind", Text, |row, language| text(text::term(&row.line.kind, language));
    "分值", "points", Integer, |row, _| number(row.line.points.0);
    "余额", "balance", Integer, |row, _| number(row.line.balance.0);
    "生效日期", "effective_on", Date, |row, _| Value::Date(row.line.effective_on);
    "期满日期", "counted_until", Date, |row, _| some_date(row.line.counted_until);
    "规则", "rule", Text, |row, _| text(&row.line.rule);
    "规则版本", "rulebook", Text, |row, _| text(&row.line.rulebook);
    "位置", "position", Integer, |row, _| number(row.line.position);
    "事件", "event", Text, |row, _| text(row.line.cause);
    "案件", "case", Text, |row, _| some_text(row.line.case);
];

/// Anomalies.
pub const ANOMALIES: &[Column<AnomalyRow>] = columns![
    "编号", "number", Integer, |row, _| number(row.number);
    "位置", "position", Integer, |row, _| number(row.position);
    "代码", "code", Text, |row, _| text(&row.code);
    "仅提示", "notice", Text, |row, language| mark(row.notice, language);
    "部门", "agency", Text, |row, _| some_text(row.agency);
    "事件类型", "type", Text, |row, language| {
        some_text(row.type_text.as_deref().map(|kind| text::event_type(kind, language)))
    };
    "原因", "reason", Text, |row, language| text(row.cause.message(language));
    "事件", "event", Text, |row, _| text(row.id);
    "案件", "case", Text, |row, _| some_text(row.case);
    "单位标识", "unit", Text, |row, _| some_text(row.unit.as_ref());
];
