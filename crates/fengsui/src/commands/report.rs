//! Reporting one violation, and showing to whom it was forwarded and why.

use fengsui_event::payload::Place;
use fengsui_event::{AgencyCode, Language};
use fengsui_node::desk::{Command, RandomIds, ReportCommand};
use fengsui_node::reporters::{Reporter, TakenIn, take_in};
use fengsui_node::{Accepted, Node, Receipt};
use fengsui_projector::query::View;
use fengsui_projector::state::{CaseState, Referral};
use fengsui_sheets::{ColumnKind, Value};
use serde_json::json;

use super::{act, evidence, reporter};
use crate::arguments::desk::ReportArguments;
use crate::arguments::value::TypedUnit;
use crate::describe;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, show_rows};
use crate::session::{Names, Session};
use crate::text;

/// A violation as it was given, before the unit's seat stands in for a missing place.
#[derive(Clone, Debug)]
pub struct Given {
    /// The report with whatever place was given.
    pub report: ReportCommand,
    /// The region, if it was given.
    pub region: Option<fengsui_event::RegionCode>,
    /// The address, if it was given.
    pub address: Option<String>,
}

/// Reports one violation from flags.
pub fn run(session: &Session, arguments: ReportArguments) -> Result<Exit, Failure> {
    // Before anything is opened, so that nothing is done when the identity cannot be read.
    let reporter = arguments.reporter.as_deref().map(reporter::read).transpose()?;
    let from_public = arguments.from_public;
    let given = from_flags(session, arguments)?;
    let mut node = session.node()?;
    let actor = session.actor(node.folder())?;
    let report = placed(node.view(), given)?;
    if from_public {
        return run_public(session, &mut node, actor, report, reporter.as_ref());
    }
    let accepted = submit(session, &mut node, actor, report)?;
    show(session, &mut node, &accepted.result)?;
    act::ended(accepted)
}

/// Reports what the public told: the event gets a random reference, the identity stays here, sealed.
fn run_public(
    session: &Session,
    node: &mut Node,
    actor: AgencyCode,
    report: ReportCommand,
    identity: Option<&Reporter>,
) -> Result<Exit, Failure> {
    if !report.evidence.is_empty() {
        session.output.note(
            "照片等文件自身可能含有拍摄者信息（如位置、设备），原样发给有关部门；请先去除",
            "photos may say in themselves who took them (place, device) and are passed on as they are: strip that first",
        );
    }
    let mut store = reporter::opened(node.folder())?;
    let TakenIn { reference, accepted } =
        take_in(node, &mut store, actor, report, identity, &mut RandomIds, session.now)?;
    drop(store);
    show(session, node, &accepted.result)?;
    reporter::hint(session, reference, identity.is_none());
    act::ended(accepted)
}

/// Submits a report.
pub fn submit(
    session: &Session,
    node: &mut Node,
    actor: AgencyCode,
    report: ReportCommand,
) -> Result<Accepted<Receipt>, Failure> {
    let command = Command::Report(Box::new(report));
    node.accept(|batch| batch.submit(actor, command, &mut RandomIds, session.now).map_err(Failure::from))
}

/// The report that flags give.
pub fn from_flags(session: &Session, arguments: ReportArguments) -> Result<Given, Failure> {
    let ReportArguments { unit, name, region, address, trade, category, severity, facts, .. } = arguments;
    let (Some(unit), Some(category), Some(facts)) = (unit, category, facts) else {
        return Err(Failure::usage(
            "请写明 --unit、--category 和 --facts",
            "--unit, --category and --facts must be given",
        ));
    };
    tell_normalised(session, &unit);
    let report = ReportCommand {
        unit: unit.unit,
        unit_name: name,
        place: Place { region: fengsui_event::RegionCode::STATE, address: String::new() },
        trade,
        category,
        severity,
        facts,
        legal_basis: arguments.legal_basis,
        found_on: arguments.found_on.unwrap_or_else(|| session.today()),
        method: arguments.method,
        evidence: evidence::keep_files(session, &arguments.evidence)?,
        reference: arguments.reference,
        public_report: None,
        historical: false,
    };
    Ok(Given { report, region, address })
}

/// Says what was changed to read a unit's code.
pub fn tell_normalised(session: &Session, unit: &TypedUnit) {
    if let Some(typed) = &unit.typed {
        session.output.note(
            format!("单位标识“{typed}”按 {} 记录", unit.unit),
            format!("the unit {typed:?} is recorded as {}", unit.unit),
        );
    }
}

/// The report with the unit's seat where no place was given.
pub fn placed(view: View<'_>, given: Given) -> Result<ReportCommand, Failure> {
    let Given { mut report, region, address } = given;
    let seat = view.account(&report.unit)?.map(|account| account.place);
    let region = region.or_else(|| seat.as_ref().map(|seat| seat.region)).ok_or_else(|| {
        Failure::usage(
            format!("单位 {} 尚未登记，请用 --region 写明地区", report.unit),
            format!("the unit {} is not known yet: give the region with --region", report.unit),
        )
    })?;
    let address = address.or_else(|| seat.map(|seat| seat.address)).unwrap_or_default();
    report.place = Place { region, address };
    Ok(report)
}

/// Shows the reported case with its referrals.
pub fn show(session: &Session, node: &mut Node, receipt: &Receipt) -> Result<(), Failure> {
    let Some(id) = receipt.events.iter().find_map(|event| event.correlation) else {
        return Ok(());
    };
    let case = act::case_at(node, id)?;
    let output = &session.output;
    if output.json() {
        return output.document(&json!({"case": id, "events": act::done(receipt), "state": case}));
    }
    let names = Names::new(node.registry(), session.today(), session.language());
    let mut facts = Facts::new();
    facts.add(output.say("案件", "case"), id);
    facts.add_some(output.say("举报编号", "public report"), case.public_report.as_ref());
    facts.add(output.say("单位", "unit"), format!("{} {}", case.unit, case.unit_name));
    facts.add(output.say("类别", "category"), names.category(&case.category));
    facts.add(output.say("程度", "severity"), case.severity.name(session.language()));
    facts.add(output.say("抄送依据", "routing"), describe::routing(&case.routing.answer, session.language()));
    facts.add(output.say("规则版本", "rulebook"), &case.routing.rulebook);
    facts.show(output)?;
    output.heading(output.say("抄送", "Referrals"))?;
    show_referrals(session, &case)?;
    act::hint(session, node.folder(), &case, node.registry().authority);
    Ok(())
}

/// The referrals of a case as a table.
pub fn show_referrals(session: &Session, case: &CaseState) -> Result<(), Failure> {
    show_rows(&session.output, REFERRALS, &case.referrals)
}

fn due(due: Option<fengsui_projector::state::Due>, language: Language) -> Value {
    due.map_or(Value::Empty, |due| {
        let mark = if due.provisional { language.pick("（暂定）", " (provisional)") } else { "" };
        Value::Text(format!("{}{mark}", due.date))
    })
}

const REFERRALS: &[Column<Referral>] = &[
    Column::new("部门", "agency", ColumnKind::Text, |row, _| Value::Text(row.addressee.to_string())),
    Column::new("角色", "role", ColumnKind::Text, |row, language| Value::Text(row.role.name(language).to_owned())),
    Column::new("依据", "basis", ColumnKind::Text, |row, language| Value::Text(row.basis.name(language).to_owned())),
    Column::new("规则", "rule", ColumnKind::Text, |row, _| row.rule.clone().map_or(Value::Empty, Value::Text)),
    Column::new("状态", "status", ColumnKind::Text, |row, language| {
        Value::Text(text::term(row.status.code(), language))
    }),
    Column::new("签收期限", "acknowledge_by", ColumnKind::Text, |row, language| due(row.acknowledge_due, language)),
    Column::new("反馈期限", "feed_back_by", ColumnKind::Text, |row, language| due(row.feedback_due, language)),
    Column::new("指定期限", "designate_by", ColumnKind::Text, |row, language| due(row.designate_due, language)),
    Column::new("说明", "remark", ColumnKind::Text, |row, language| Value::Text(remark(row, language))),
    Column::new("抄送编号", "referral", ColumnKind::Text, |row, _| Value::Text(row.id.to_string())),
];

/// Who says it is not responsible, to whom it was passed, who supervises it.
fn remark(referral: &Referral, language: Language) -> String {
    let mut remarks = Vec::new();
    if let Some(returned) = &referral.returned {
        remarks.push(match language {
            Language::Zh => format!("{} 退回：{}，建议 {}", returned.by, returned.reason, returned.suggested),
            Language::En => {
                format!("{} returned it: {}; suggests {}", returned.by, returned.reason, returned.suggested)
            }
        });
    }
    if let Some(to) = referral.passed_to {
        remarks.push(match language {
            Language::Zh => format!("转 {to}"),
            Language::En => format!("passed on to {to}"),
        });
    }
    if referral.reminders > 0 {
        remarks.push(match language {
            Language::Zh => format!("催办 {} 次", referral.reminders),
            Language::En => format!("reminded {} times", referral.reminders),
        });
    }
    if let Some(level) = referral.supervised {
        remarks.push(match language {
            Language::Zh => format!("{}督办", level.name_zh()),
            Language::En => format!("supervised by the {}", level.name_en()),
        });
    }
    remarks.join(language.pick("；", "; "))
}
