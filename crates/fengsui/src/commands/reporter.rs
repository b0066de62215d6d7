//! Who reported: taken in sealed, opened only by officers, each opening recorded first.

use std::path::Path;
use std::time::{Duration, Instant};

use fengsui_event::AgencyCode;
use fengsui_log::StorageError;
use fengsui_node::folder::Folder;
use fengsui_node::reporters::{
    IntakeError, Officer, OfficerIdentity, Opening, OpeningOutcome, OpeningPurpose, PublicReference, Report, Reporter,
    ReporterError, ReporterStore, read_identity,
};
use fengsui_sheets::{ColumnKind, Value};
use serde_json::json;

use super::act;
use crate::arguments::evidence::{AddArguments, OfficerCommand, ReporterCommand, ShowArguments};
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, Listing};
use crate::session::Session;

/// How long a command waits for another one that is just writing.
const WRITER_PATIENCE: Duration = Duration::from_secs(2);
/// Between tries.
const WRITER_RETRY: Duration = Duration::from_millis(20);

/// The people who reported.
pub fn run(session: &Session, command: ReporterCommand) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    let folder = Folder::open(&session.global.data)?;
    match command {
        ReporterCommand::List => list(session, &folder),
        ReporterCommand::Show(arguments) => show(session, &folder, &arguments),
        ReporterCommand::Openings { reference } => openings(session, &folder, reference),
        ReporterCommand::Officer(OfficerCommand::List) => officers(session, &folder),
        ReporterCommand::Officer(OfficerCommand::Add(arguments)) => add(session, &folder, arguments),
        ReporterCommand::Officer(OfficerCommand::Remove { name }) => {
            let agency = session.actor(&folder)?;
            let removed = opened(&folder)?.remove_officer(agency, &name, session.now)?;
            session.output.note(
                format!("已移除 {name}，并删除封存给他的 {} 份身份", removed.boxes),
                format!("{name} is off the list, and {} identities that were sealed to him are erased", removed.boxes),
            );
            done(session, &json!({"removed": name, "erased": removed.boxes}))
        }
        ReporterCommand::Officer(OfficerCommand::Reseal { identity, reason }) => {
            let agency = session.actor(&folder)?;
            let made = reseal(session, &folder, agency, &identity, &reason)?;
            done(session, &json!({"sealed": made}))
        }
    }
}

/// Reads a reporter's identity from a file, or from stdin for `-`. Nothing of it is ever quoted.
pub fn read(path: &Path) -> Result<Reporter, Failure> {
    let text = if path == Path::new("-") {
        read_identity(&mut std::io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(|mut file| read_identity(&mut file))
    };
    Ok(Reporter::from_json(&text.map_err(Failure::file(path))?)?)
}

/// Opens the store to write. Another command holds it only for a moment.
pub fn opened(folder: &Folder) -> Result<ReporterStore, Failure> {
    let started = Instant::now();
    loop {
        match ReporterStore::open_or_create(folder.root()) {
            Err(ReporterError::Storage(StorageError::SecondWriter { .. })) if started.elapsed() < WRITER_PATIENCE => {
                std::thread::sleep(WRITER_RETRY);
            }
            opened => return Ok(opened?),
        }
    }
}

/// Opens the store to read; none while nothing was ever taken in.
fn opened_to_read(folder: &Folder) -> Result<Option<ReporterStore>, Failure> {
    match ReporterStore::open_reader(folder.root()) {
        Err(ReporterError::Storage(StorageError::NotFound { .. })) => Ok(None),
        opened => Ok(Some(opened?)),
    }
}

fn list(session: &Session, folder: &Folder) -> Result<Exit, Failure> {
    let agency = session.agency(folder);
    let store = opened_to_read(folder)?;
    let reports = store.map(|store| store.reports(Some(agency))).transpose()?.unwrap_or_default();
    let mut listing = Listing::begin(&session.output, "reports", None, REPORTS)?;
    reports.iter().try_for_each(|report| listing.row(report))?;
    listing.end(Ok(()))?;
    Ok(Exit::Done)
}

const REPORTS: &[Column<Report>] = &[
    Column::new("举报编号", "reference", ColumnKind::Text, |row, _| Value::Text(row.reference.to_string())),
    Column::new("收到时间", "received_at", ColumnKind::Text, |row, _| Value::Text(row.received_at.to_string())),
    Column::new("匿名", "anonymous", ColumnKind::Text, |row, language| {
        if row.anonymous { Value::Text(language.pick("是", "yes").to_owned()) } else { Value::Empty }
    }),
    Column::new("可拆封人数", "officers", ColumnKind::Integer, |row, _| {
        i64::try_from(row.officers).map_or(Value::Empty, Value::Integer)
    }),
    Column::new("案件", "case", ColumnKind::Text, |row, _| {
        row.case.map_or(Value::Empty, |case| Value::Text(case.to_string()))
    }),
];

fn show(session: &Session, folder: &Folder, arguments: &ShowArguments) -> Result<Exit, Failure> {
    let ShowArguments { reference, identity, reason } = arguments;
    let identity = OfficerIdentity::load(identity)?;
    let reporter = opened(folder)?.open(*reference, &identity, reason, session.now)?;
    let output = &session.output;
    if output.json() {
        output.document(&json!({"reference": reference, "reporter": &reporter}))?;
        return Ok(Exit::Done);
    }
    let mut facts = Facts::new();
    facts.add(output.say("举报编号", "reference"), reference);
    for (field, value) in reporter.fields() {
        facts.add(output.say(field_zh(field), field_en(field)), value);
    }
    facts.show(output)?;
    output.note("已记录此次查看", "this opening is recorded");
    Ok(Exit::Done)
}

const fn field_en(field: &str) -> &'static str {
    match field.as_bytes() {
        b"name" => "name",
        b"phone" => "phone",
        b"contact" => "contact",
        b"address" => "address",
        _ => "note",
    }
}

const fn field_zh(field: &str) -> &'static str {
    match field.as_bytes() {
        b"name" => "姓名",
        b"phone" => "电话",
        b"contact" => "联系方式",
        b"address" => "住址",
        _ => "备注",
    }
}

fn openings(session: &Session, folder: &Folder, reference: Option<PublicReference>) -> Result<Exit, Failure> {
    let store = opened_to_read(folder)?;
    let openings = store.map(|store| store.openings(reference)).transpose()?.unwrap_or_default();
    let mut listing = Listing::begin(&session.output, "openings", None, OPENINGS)?;
    openings.iter().try_for_each(|opening| listing.row(opening))?;
    listing.end(Ok(()))?;
    Ok(Exit::Done)
}

const OPENINGS: &[Column<Opening>] = &[
    Column::new("时间", "at", ColumnKind::Text, |row, _| Value::Text(row.at.to_string())),
    Column::new("举报编号", "reference", ColumnKind::Text, |row, _| Value::Text(row.reference.to_string())),
    Column::new("人员", "officer", ColumnKind::Text, |row, _| row.officer.clone().map_or(Value::Empty, Value::Text)),
    Column::new("用途", "purpose", ColumnKind::Text, |row, language| {
        let purpose = match row.purpose {
            OpeningPurpose::Show => language.pick("查看", "show"),
            OpeningPurpose::Reseal => language.pick("转封", "reseal"),
        };
        Value::Text(purpose.to_owned())
    }),
    Column::new("结果", "outcome", ColumnKind::Text, |row, language| {
        let outcome = match row.outcome {
            OpeningOutcome::Opened => language.pick("已拆封", "opened"),
            OpeningOutcome::Refused => language.pick("已拒绝", "refused"),
        };
        Value::Text(outcome.to_owned())
    }),
    Column::new("理由", "reason", ColumnKind::Text, |row, _| Value::Text(row.reason.clone())),
];

fn officers(session: &Session, folder: &Folder) -> Result<Exit, Failure> {
    let agency = session.agency(folder);
    let store = opened_to_read(folder)?;
    let officers = store.map(|store| store.officers(agency)).transpose()?.unwrap_or_default();
    let mut listing = Listing::begin(&session.output, "officers", None, OFFICERS)?;
    officers.iter().try_for_each(|officer| listing.row(officer))?;
    listing.end(Ok(()))?;
    Ok(Exit::Done)
}

const OFFICERS: &[Column<Officer>] = &[
    Column::new("人员", "officer", ColumnKind::Text, |row, _| Value::Text(row.name.clone())),
    Column::new("登记时间", "added_at", ColumnKind::Text, |row, _| Value::Text(row.added_at.to_string())),
    Column::new("移除时间", "removed_at", ColumnKind::Text, |row, _| {
        row.removed_at.map_or(Value::Empty, |at| Value::Text(at.to_string()))
    }),
    Column::new("公钥", "key", ColumnKind::Text, |row, _| Value::Text(row.key.clone())),
];

fn add(session: &Session, folder: &Folder, arguments: AddArguments) -> Result<Exit, Failure> {
    let AddArguments { name, out, key, reseal_with, reason } = arguments;
    let agency = session.actor(folder)?;
    let mut store = opened(folder)?;
    let key = match (&out, key) {
        (Some(out), None) => {
            let identity = OfficerIdentity::generate()?;
            // First the file: a registered key whose secret half is nowhere would seal to nobody.
            identity.save(out)?;
            let public = identity.public().clone();
            if let Err(error) = store.add_officer(agency, &name, &public, session.now) {
                std::fs::remove_file(out).map_err(Failure::file(out))?;
                return Err(error.into());
            }
            public
        }
        (None, Some(key)) => {
            store.add_officer(agency, &name, &key, session.now)?;
            key
        }
        _ => return Err(Failure::usage("请写明 --out 或 --key", "give --out or --key")),
    };
    drop(store);
    let resealed = match (reseal_with, reason) {
        (Some(identity), Some(reason)) => Some(reseal(session, folder, agency, &identity, &reason)?),
        _ => None,
    };
    let output = &session.output;
    if output.json() {
        let file = out.map(|out| out.display().to_string());
        output.document(
            &json!({"officer": name, "agency": agency, "key": key.as_str(), "file": file, "sealed": resealed}),
        )?;
        return Ok(Exit::Done);
    }
    let mut facts = Facts::new();
    facts.add(output.say("人员", "officer"), name);
    facts.add(output.say("部门", "agency"), agency);
    facts.add(output.say("公钥", "key"), &key);
    facts.add_some(output.say("身份文件", "identity file"), out.map(|out| out.display().to_string()));
    facts.add_some(output.say("转封", "sealed to him"), resealed);
    facts.show(output)?;
    output.note(
        "身份文件由本人保管，不要留在节点所在的机器上；丢失后，只封存给他的身份无法再拆封",
        "the identity file is the officer's own to keep, not on the node's machine; what is sealed to nobody else is lost with it",
    );
    Ok(Exit::Done)
}

fn reseal(
    session: &Session,
    folder: &Folder,
    agency: AgencyCode,
    identity: &Path,
    reason: &str,
) -> Result<usize, Failure> {
    let identity = OfficerIdentity::load(identity)?;
    let made = opened(folder)?.reseal(agency, &identity, reason, session.now)?;
    session.output.note(
        format!("已转封 {made} 份身份；每份均记为一次拆封"),
        format!("{made} identities were sealed to other officers; each one is recorded as an opening"),
    );
    Ok(made)
}

fn done(session: &Session, document: &serde_json::Value) -> Result<Exit, Failure> {
    if session.output.json() {
        session.output.document(document)?;
    }
    Ok(Exit::Done)
}

/// What an officer can do next with a report.
pub fn hint(session: &Session, reference: PublicReference, anonymous: bool) {
    if anonymous {
        return;
    }
    let program = act::invocation(session);
    session.output.note(
        format!("举报人身份已封存；需要时由本部门指定人员查看：\n  {program} reporter show {reference} --identity FILE --reason 理由"),
        format!(
            "the reporter's identity is sealed; an officer of this agency opens it when he must:\n  \
             {program} reporter show {reference} --identity FILE --reason WHY"
        ),
    );
}

impl From<IntakeError> for Failure {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Reporter(error) => error.into(),
            IntakeError::Node(error) => error.into(),
        }
    }
}

impl From<ReporterError> for Failure {
    fn from(error: ReporterError) -> Self {
        let en = error.to_string();
        let zh = message_zh(&error);
        match error {
            ReporterError::Storage(error) => error.into(),
            ReporterError::KeyFile(error) => error.into(),
            ReporterError::Io { path, source } => Self::File { path, source },
            error if error.is_not_allowed() => Self::NotAllowed { code: "reporter_not_allowed", zh, en },
            ReporterError::TooFewOfficers { .. } => Self::failed("no_officer", zh, en),
            ReporterError::UnknownReference { .. } => Self::failed("no_such_report", zh, en),
            ReporterError::Anonymous { .. } => Self::failed("anonymous_report", zh, en),
            ReporterError::GivenAway { .. } => Self::failed("reporter_given_away", zh, en),
            ReporterError::Form { .. } | ReporterError::NothingSaid | ReporterError::TooLong => {
                Self::failed("reporter_form", zh, en)
            }
            ReporterError::NoReason => Self::usage(zh, en),
            _ => Self::failed("reporter", zh, en),
        }
    }
}

fn message_zh(error: &ReporterError) -> String {
    match error {
        ReporterError::TooFewOfficers { agency, found, needed } => format!(
            "{agency} 只有 {found} 名可查看举报人的人员，至少需要 {needed} 名才能接收举报人身份；请先用 `fengsui --agency {agency} reporter officer add 姓名 --out 文件` 登记；未作任何记录"
        ),
        ReporterError::OfficerExists { agency, name } => format!("{agency} 已有人员 {name}：请先移除，或另用名称"),
        ReporterError::KeyInUse { name } => format!("该公钥曾登记给 {name}：请为每名人员另建身份"),
        ReporterError::UnknownOfficer { agency, name } => {
            format!("{agency} 没有人员 {name}，见 `fengsui reporter officer list`")
        }
        ReporterError::OnlyOfficer { name, reports, .. } => {
            format!(
                "有 {reports} 份举报只有 {name} 能拆封，移除后将无法再拆封：请先登记另一人员并用 --reseal-with 转封"
            )
        }
        ReporterError::OfficerName => "人员名称为 1 至 64 个字符，不含换行和制表符".to_owned(),
        ReporterError::UnknownReference { reference } => {
            format!("{reference} 不是本节点接收的举报，见 `fengsui reporter list`")
        }
        ReporterError::Anonymous { reference } => format!("举报 {reference} 是匿名的，没有可查看的身份"),
        ReporterError::NotAnOfficer { agency, reference } => {
            format!("该身份文件不属于接收举报 {reference} 的部门 {agency} 的人员：未显示任何内容，此次尝试已记录")
        }
        ReporterError::NotSealedTo { reference, name } => {
            format!(
                "举报 {reference} 未封存给 {name}：可由其他人员用 `fengsui reporter officer reseal` 转封；此次尝试已记录"
            )
        }
        ReporterError::NoReason => "请用 --reason 写明为何需要知道举报人；理由将长期留存".to_owned(),
        ReporterError::GivenAway { text, field } => {
            format!("`{text}` 中含有举报人的{}，不得外传：请改写，使人看不出举报人是谁；未作任何记录", field_zh(field))
        }
        ReporterError::Form { line, column } => format!(
            "举报人身份在第 {line} 行第 {column} 列不符合要求：应为一个 JSON 对象，可含文本 name、phone、contact、address、note；未作任何记录"
        ),
        ReporterError::NothingSaid => "举报人身份没有内容：匿名举报请不用 --reporter".to_owned(),
        ReporterError::TooLong => "举报人身份过长：应只有姓名和联系方式".to_owned(),
        ReporterError::NoIdentityFile { path } => format!("没有身份文件 {}：请用 --identity 指明", path.display()),
        ReporterError::NotAnIdentity { path, reason } => {
            format!("{} 不是查看人员的身份文件（{reason}）", path.display())
        }
        other => format!("举报人身份无法处理：{other}"),
    }
}
