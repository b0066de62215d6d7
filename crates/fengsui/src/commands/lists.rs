//! Lists of violations, cases and referrals.

use fengsui_event::EventId;
use fengsui_projector::query::{CaseFilter, CaseRow, DeskBox, Inbox};
use serde_json::json;

use super::{act, lookup};
use crate::arguments::case::CaseFilterArguments;
use crate::arguments::desk::ReferralListArguments;
use crate::columns::REFERRALS;
use crate::describe;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, Listing};
use crate::session::{Names, Session};
use crate::text;

/// Lists cases in one of their two views.
pub fn cases(
    session: &Session,
    arguments: CaseFilterArguments,
    name: &str,
    columns: &[Column<CaseRow>],
) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let CaseFilterArguments { unit, status, reporter, lead, category, undecided, limit } = arguments;
    let unit = unit.map(|typed| typed.unit);
    let filter = CaseFilter { unit, status, reporter, lead, category, undecided, limit };
    let mut listing = Listing::begin(&session.output, name, Some(&tables.moment), columns)?;
    let read = tables.view().each_case(&filter, |row| listing.visit(&row));
    listing.end(read)?;
    Ok(Exit::Done)
}

/// Lists the referrals of a desk.
pub fn referrals(session: &Session, arguments: &ReferralListArguments) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let kind = match arguments {
        ReferralListArguments { inbox: true, .. } => DeskBox::Inbox,
        ReferralListArguments { sent: true, .. } => DeskBox::Sent,
        ReferralListArguments { overdue: true, .. } => DeskBox::Overdue,
        _ => DeskBox::All,
    };
    let agency = (!arguments.everyone).then(|| session.agency(tables.folder()));
    if let Some(agency) = agency.filter(|agency| !tables.registry().agencies.contains_key(agency)) {
        session.output.warn(
            format!("部门 {agency} 没有登记，见 `fengsui agency list`"),
            format!("no agency {agency} is registered; see `fengsui agency list`"),
        );
    }
    let inbox = Inbox { agency, kind, today: tables.moment.date, limit: arguments.limit };
    let mut listing = Listing::begin(&session.output, "referrals", Some(&tables.moment), REFERRALS)?;
    for row in tables.view().referrals(inbox)? {
        listing.row(&row)?;
    }
    listing.end(Ok(()))?;
    Ok(Exit::Done)
}

/// One violation as it was found.
pub fn violation(session: &Session, id: EventId) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let case = act::case_of(tables.view(), lookup::find(tables.view(), id)?.case())?;
    let output = &session.output;
    if output.json() {
        let violation = json!({
            "case": case.id, "unit": case.unit, "unit_name": case.unit_name, "reporter": case.reporter,
            "place": case.place, "trade": case.trade, "category": case.category, "severity": case.severity,
            "facts": case.facts, "legal_basis": case.legal_basis, "found_on": case.found_on,
            "recorded_on": case.recorded_on, "method": case.method, "reference": case.reference,
            "public_report": case.public_report, "routing": case.routing, "status": case.status,
            "determined_on": case.determined_on, "incomplete": case.incomplete,
        });
        output.document(&json!({"as_of": tables.moment, "violation": violation}))?;
        return Ok(Exit::Done);
    }
    let language = session.language();
    let names = Names::new(tables.registry(), tables.moment.date, language);
    let mut facts = Facts::new();
    violation_facts(session, &mut facts, &case, &names);
    facts.add(output.say("抄送依据", "routing"), describe::routing(&case.routing.answer, language));
    facts.add(output.say("状态", "status"), text::term(case.status.code(), language));
    facts.show(output)?;
    Ok(Exit::Done)
}

/// What was found: the part that violation and case file share.
pub fn violation_facts(
    session: &Session,
    facts: &mut Facts,
    case: &fengsui_projector::state::CaseState,
    names: &Names<'_>,
) {
    let (output, language) = (&session.output, session.language());
    facts
        .add(output.say("案件", "case"), case.id)
        .add(output.say("单位", "unit"), format!("{} {}", case.unit, case.unit_name))
        .add(output.say("地点", "place"), place(&case.place))
        .add_some(output.say("行业", "trade"), case.trade)
        .add(output.say("类别", "category"), names.category(&case.category))
        .add(output.say("程度", "severity"), case.severity.name(language))
        .add(output.say("事实", "facts"), &case.facts);
    for provision in &case.legal_basis {
        facts.add(output.say("依据", "legal basis"), provision);
    }
    facts
        .add(output.say("发现日期", "found on"), case.found_on)
        .add(output.say("发现方式", "found by"), case.method.name(language))
        .add(output.say("发现部门", "reporter"), names.agency(case.reporter))
        .add_some(output.say("部门编号", "reference"), case.reference.as_ref())
        .add(output.say("记录日期", "recorded on"), case.recorded_on);
}

/// A place in words.
pub fn place(place: &fengsui_event::payload::Place) -> String {
    format!("{} {} {}", place.region, place.region.name_zh(), place.address).trim_end().to_owned()
}
