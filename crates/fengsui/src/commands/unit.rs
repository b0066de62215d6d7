//! Units and their credit accounts.

use fengsui_event::{Points, UnitId};
use fengsui_projector::ModelError;
use fengsui_projector::query::{CaseFilter, CaseRow};
use fengsui_projector::state::{AccountState, CaseStatus};
use fengsui_rulebook::Grade;
use serde_json::json;

use super::lists;
use super::report::tell_normalised;
use crate::arguments::read::UnitCommand;
use crate::arguments::value::TypedUnit;
use crate::columns::{CASES, GradedUnit, LEDGER, UNITS};
use crate::exit::{Exit, Failure};
use crate::output::{Facts, Listing, show_rows};
use crate::session::{Session, Tables};

/// Open cases that `unit show` lists.
const OPEN_CASES_MAX: u64 = 100;

/// Units and their accounts.
pub fn run(session: &Session, command: UnitCommand) -> Result<Exit, Failure> {
    match command {
        UnitCommand::Show { unit } => show(session, &unit),
        UnitCommand::Ledger { unit } => ledger(session, &unit),
        UnitCommand::List { grade, limit } => list(session, grade, limit),
    }
}

fn account(session: &Session, tables: &Tables, unit: &TypedUnit) -> Result<AccountState, Failure> {
    tell_normalised(session, unit);
    tables.view().account(&unit.unit)?.ok_or_else(|| Failure::NoSuchUnit(unit.unit.clone()))
}

fn balance(tables: &Tables, unit: &UnitId) -> Result<Points, Failure> {
    let lines = tables.view().ledger(unit, tables.moment.date)?;
    Ok(lines.last().map_or(Points::ZERO, |line| line.balance))
}

fn show(session: &Session, unit: &TypedUnit) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let account = account(session, &tables, unit)?;
    let balance = balance(&tables, &unit.unit)?;
    let grade = tables.book().map(|book| book.grade(balance));
    let filter = CaseFilter {
        unit: Some(unit.unit.clone()),
        status: Some(CaseStatus::Open),
        limit: Some(OPEN_CASES_MAX),
        ..CaseFilter::default()
    };
    let open: Vec<CaseRow> = tables.view().cases(&filter)?;
    let output = &session.output;
    if output.json() {
        let unit = json!({
            "unit": account.unit, "scheme": account.unit.scheme(), "name": account.name, "place": account.place,
            "trade": account.trade, "parent": account.parent, "registered": account.registered,
            "balance": balance, "grade": grade, "cases": account.cases, "open_cases": account.open_cases,
            "entries": account.entries, "incomplete": account.incomplete,
        });
        output.document(&json!({"as_of": tables.moment, "unit": unit, "open": open}))?;
        return Ok(Exit::Done);
    }
    let mut facts = Facts::new();
    facts
        .add(output.say("单位标识", "unit"), &account.unit)
        .add(output.say("名称", "name"), &account.name)
        .add(output.say("地点", "place"), lists::place(&account.place))
        .add_some(output.say("行业", "trade"), account.trade)
        .add_some(output.say("上级单位", "parent"), account.parent.as_ref())
        .add(output.say("积分", "balance"), balance)
        .add_some(output.say("等级", "grade"), grade)
        .add(output.say("案件数", "cases"), account.cases)
        .add(output.say("在办", "open cases"), account.open_cases)
        .add(output.say("截至", "as of"), tables.moment.date);
    facts.show(output)?;
    if !open.is_empty() {
        output.heading(output.say("在办案件", "Open cases"))?;
        show_rows(output, CASES, &open)?;
    }
    Ok(Exit::Done)
}

fn ledger(session: &Session, unit: &TypedUnit) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    account(session, &tables, unit)?;
    let lines = tables.view().ledger(&unit.unit, tables.moment.date)?;
    if session.output.json() {
        let balance = lines.last().map_or(Points::ZERO, |line| line.balance);
        session
            .output
            .document(&json!({"as_of": tables.moment, "unit": unit.unit, "balance": balance, "lines": lines}))?;
        return Ok(Exit::Done);
    }
    let mut listing = Listing::begin(&session.output, "lines", None, LEDGER)?;
    lines.iter().try_for_each(|line| listing.row(line))?;
    listing.end(Ok(()))?;
    Ok(Exit::Done)
}

/// The grade is no column of the tables: it follows from the balance of a day and the rulebook of that day.
fn list(session: &Session, grade: Option<Grade>, limit: Option<u64>) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let book = tables.book();
    if grade.is_some() && book.is_none() {
        let on = tables.moment.date;
        return Err(Failure::failed(
            "no_rulebook",
            format!("{on} 没有生效的规则，无法评定等级"),
            format!("no rulebook is in force on {on}, so there are no grades"),
        ));
    }
    let mut listing = Listing::begin(&session.output, "units", Some(&tables.moment), UNITS)?;
    let query_limit = limit.filter(|_| grade.is_none());
    let mut shown = 0;
    let read = tables.view().each_unit(tables.moment.date, query_limit, |row| {
        let found = book.map(|book| book.grade(row.balance));
        if grade.is_some() && found != grade {
            return Ok(());
        }
        if limit.is_some_and(|limit| shown >= limit) {
            return Err(ENOUGH);
        }
        shown += 1;
        listing.visit(&GradedUnit { row, grade: found })
    });
    let read = match read {
        Err(ModelError::Interrupted { position: u64::MAX }) => Ok(()),
        other => other,
    };
    listing.end(read)?;
    Ok(Exit::Done)
}

/// Ends a query that has given enough.
const ENOUGH: ModelError = ModelError::Interrupted { position: u64::MAX };
