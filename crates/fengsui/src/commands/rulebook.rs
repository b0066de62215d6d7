//! The rulebook: what stands, and whether a text would stand.

use std::path::Path;

use fengsui_event::{CategoryCode, Points, Severity};
use fengsui_rulebook::Rulebook;
use fengsui_sheets::{ColumnKind, Value};
use serde::Serialize;
use serde_json::json;

use super::rulebook_simulate;
use crate::arguments::read::RulebookCommand;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, Listing};
use crate::session::{Session, Tables};

/// A kind of violation with what it costs.
#[derive(Serialize)]
struct CategoryRow {
    category: CategoryCode,
    name_zh: String,
    name_en: String,
    severity: Severity,
    law: String,
    points: Vec<(Severity, Points)>,
}

/// The rulebook.
pub fn run(session: &Session, command: RulebookCommand) -> Result<Exit, Failure> {
    match command {
        RulebookCommand::Show { text } => show(session, text),
        RulebookCommand::Categories => categories(session),
        RulebookCommand::Check { file } => check(session, &file),
        RulebookCommand::Simulate(arguments) => rulebook_simulate::run(session, &arguments),
    }
}

fn in_force(tables: &Tables) -> Result<&Rulebook, Failure> {
    let on = tables.moment.date;
    tables.book().ok_or_else(|| {
        Failure::failed(
            "no_rulebook",
            format!("{on} 没有生效的规则；须由联席会议办公室发布"),
            format!("no rulebook is in force on {on}; the authority must publish one"),
        )
    })
}

fn show(session: &Session, text: bool) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let book = in_force(&tables)?;
    let all = &tables.registry().rulebooks;
    let Some(published) = all.iter().rev().find(|published| published.book.version() == book.version()) else {
        return Ok(Exit::Failed);
    };
    let output = &session.output;
    if text {
        output.write(&published.text)?;
        return Ok(Exit::Done);
    }
    if output.json() {
        let versions: Vec<_> = all
            .iter()
            .map(|it| json!({"version": it.book.version(), "position": it.position, "effective_from": it.effective_from}))
            .collect();
        output.document(&json!({
            "as_of": tables.moment, "version": book.version(), "name_zh": book.name(fengsui_event::Language::Zh),
            "name_en": book.name(fengsui_event::Language::En), "position": published.position,
            "effective_from": published.effective_from, "sha256": published.sha256,
            "agencies": book.agencies().map(|agency| agency.code).collect::<Vec<_>>(),
            "categories": book.categories().count(), "published": versions,
        }))?;
        return Ok(Exit::Done);
    }
    let mut facts = book_facts(session, book);
    facts
        .add(output.say("施行日期", "in force from"), published.effective_from)
        .add(output.say("发布位置", "position"), published.position)
        .add("sha256", published.sha256);
    for former in all.iter().filter(|it| it.book.version() != book.version()) {
        let text = format!("{} {}", former.book.version(), former.effective_from);
        facts.add(output.say("其他版本", "other version"), text);
    }
    facts.show(output)?;
    Ok(Exit::Done)
}

fn book_facts(session: &Session, book: &Rulebook) -> Facts {
    let output = &session.output;
    let mut facts = Facts::new();
    let list: Vec<&str> = book.agencies().map(|agency| agency.code.as_str()).collect();
    facts
        .add(output.say("版本", "version"), book.version())
        .add(output.say("名称", "name"), book.name(session.language()))
        .add(output.say("部门", "agencies"), list.join(" "))
        .add(output.say("类别数", "categories"), book.categories().count())
        .add(output.say("期初积分", "opening balance"), book.opening_balance());
    facts
}

fn categories(session: &Session) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let book = in_force(&tables)?;
    let mut listing = Listing::begin(&session.output, "categories", Some(&tables.moment), CATEGORIES)?;
    for category in book.categories() {
        let cost = |severity: &Severity| {
            book.deduction(&category.code, *severity).map(|deduction| (*severity, deduction.points))
        };
        listing.row(&CategoryRow {
            category: category.code.clone(),
            name_zh: category.name_zh.clone(),
            name_en: category.name_en.clone(),
            severity: category.severity,
            law: category.law.clone(),
            points: Severity::ALL.iter().filter_map(cost).collect(),
        })?;
    }
    listing.end(Ok(()))?;
    Ok(Exit::Done)
}

fn points(row: &CategoryRow, severity: Severity) -> Value {
    let found = row.points.iter().find(|(of, _)| *of == severity);
    found.map_or(Value::Empty, |(_, points)| Value::Integer(i64::from(points.0)))
}

const CATEGORIES: &[Column<CategoryRow>] = &[
    Column::new("类别", "category", ColumnKind::Text, |row, _| Value::Text(row.category.to_string())),
    Column::new("默认程度", "severity", ColumnKind::Text, |row, language| {
        Value::Text(language.pick(row.severity.name_zh(), row.severity.code()).to_owned())
    }),
    Column::new("一般", "general", ColumnKind::Integer, |row, _| points(row, Severity::General)),
    Column::new("较重", "considerable", ColumnKind::Integer, |row, _| points(row, Severity::Considerable)),
    Column::new("严重", "serious", ColumnKind::Integer, |row, _| points(row, Severity::Serious)),
    Column::new("特别严重", "grave", ColumnKind::Integer, |row, _| points(row, Severity::Grave)),
    Column::new("重大火灾隐患", "major_hazard", ColumnKind::Integer, |row, _| points(row, Severity::MajorHazard)),
    Column::new("名称", "name", ColumnKind::Text, |row, language| {
        Value::Text(language.pick(&row.name_zh, &row.name_en).clone())
    }),
    Column::new("法律依据", "law", ColumnKind::Text, |row, _| Value::Text(row.law.clone())),
];

fn check(session: &Session, file: &Path) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    let (_, book) = read(file)?;
    let output = &session.output;
    if output.json() {
        output.document(&json!({"file": file.display().to_string(), "version": book.version(), "problems": []}))?;
        return Ok(Exit::Done);
    }
    book_facts(session, &book).show(output)?;
    output.note("规则文本可用", "the rulebook is sound");
    Ok(Exit::Done)
}

/// Reads a rulebook's file: its text, and the rules if all of it is sound.
pub fn read(file: &Path) -> Result<(String, Rulebook), Failure> {
    let bytes = std::fs::read(file).map_err(Failure::file(file))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        let path = file.display();
        Failure::failed(
            "rulebook",
            format!("{path} 不是 UTF-8 文本，因此不是规则文本；请另存为 UTF-8"),
            format!("{path} is no text in UTF-8, so it is no rulebook: save it as UTF-8"),
        )
    })?;
    let in_file = |source| Failure::RulebookFile { path: file.to_owned(), source };
    let book = Rulebook::from_toml(&text).map_err(in_file)?;
    Ok((text, book))
}
