//! Photos and documents: their hashes travel in events, the files lie beside the node.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use fengsui_event::payload::Evidence;
use fengsui_event::{AgencyCode, CaseId, Digest, EventId};
use fengsui_log::StorageError;
use fengsui_log::jetstream::Broker;
use fengsui_node::NodeError;
use fengsui_node::evidence::{
    EvidenceConfig, EvidenceError, EvidenceLedger, EvidenceStore, Fetched, Mention, fetch, may_see,
};
use fengsui_node::folder::Folder;
use fengsui_sheets::{ColumnKind, Value};
use serde::Serialize;
use serde_json::json;

use super::lookup;
use crate::arguments::evidence::EvidenceCommand;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, Listing, show_rows};
use crate::session::{Session, Tables, agencies_with_keys};

/// Evidence.
pub fn run(session: &Session, command: EvidenceCommand) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    match command {
        EvidenceCommand::List { case } => list(session, case),
        EvidenceCommand::Get { sha256, out } => get(session, sha256, &out),
        EvidenceCommand::Verify => verify(session),
        EvidenceCommand::ShareAgain => share_again(session),
    }
}

/// Takes files in as evidence. They are in the node's folder when this returns, so that no event names what nobody has. Their names
/// stay outside, since they may hold personal data.
pub fn keep_files(session: &Session, paths: &[PathBuf]) -> Result<Vec<Evidence>, Failure> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let store = store_of(&Folder::open(&session.global.data)?);
    let keep = |path: &PathBuf| {
        let kept = store.keep_file(path)?;
        Ok(Evidence { sha256: kept.sha256, media_type: kept.media_type.as_str().to_owned(), title: None })
    };
    paths.iter().map(keep).collect()
}

/// A piece of evidence as a line of the list.
#[derive(Serialize)]
struct EvidenceRow {
    #[serde(flatten)]
    mention: Mention,
    here: bool,
    bytes: Option<u64>,
}

const EVIDENCE: &[Column<EvidenceRow>] = &[
    Column::new("哈希值", "sha256", ColumnKind::Text, |row, _| Value::Text(row.mention.sha256.to_string())),
    Column::new("类型", "media_type", ColumnKind::Text, |row, _| Value::Text(row.mention.media_type.clone())),
    Column::new("字节数", "bytes", ColumnKind::Integer, |row, _| {
        row.bytes.and_then(|bytes| i64::try_from(bytes).ok()).map_or(Value::Empty, Value::Integer)
    }),
    Column::new("本节点已有", "here", ColumnKind::Text, |row, language| {
        Value::Text(if row.here { language.pick("是", "yes") } else { language.pick("否", "no") }.to_owned())
    }),
    Column::new("提供部门", "agency", ColumnKind::Text, |row, _| Value::Text(row.mention.agency.to_string())),
    Column::new("案件", "case", ColumnKind::Text, |row, _| Value::Text(row.mention.case.to_string())),
];

fn list(session: &Session, id: Option<EventId>) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let agency = session.agency(tables.folder());
    let store = store_of(tables.folder());
    let ledger = ledger_of(&tables, &store)?;
    let case = id.map(|id| lookup::find(tables.view(), id)).transpose()?.map(lookup::Named::case);
    if let Some(case) = case
        && !sees(&tables, agency, case)?
    {
        return Err(hidden(agency));
    }
    let mut listing = Listing::begin(&session.output, "evidence", Some(&tables.moment), EVIDENCE)?;
    let mut show = |mention: Mention| {
        if !sees(&tables, agency, mention.case)? {
            return Ok(());
        }
        let bytes = std::fs::metadata(store.path(mention.sha256)).ok().map(|metadata| metadata.len());
        listing.row(&EvidenceRow { mention, here: bytes.is_some(), bytes })
    };
    match case {
        Some(case) => ledger.mentions_in(case)?.into_iter().try_for_each(&mut show)?,
        None => ledger.each_mention::<Failure>(&mut show)?,
    }
    listing.end(Ok(()))?;
    Ok(Exit::Done)
}

fn get(session: &Session, sha256: Digest, out: &Path) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let agency = session.agency(tables.folder());
    let store = store_of(tables.folder());
    let mentions = ledger_of(&tables, &store)?.mentions(sha256)?;
    if mentions.is_empty() {
        return Err(Failure::failed(
            "no_such_evidence",
            format!("没有事件提到证据 {sha256}；请用 `fengsui evidence list` 查找"),
            format!("no event names evidence {sha256}; look it up with `fengsui evidence list`"),
        ));
    }
    let mut visible = Vec::new();
    for mention in &mentions {
        if sees(&tables, agency, mention.case)? {
            visible.push(mention.agency);
        }
    }
    if visible.is_empty() {
        return Err(hidden(agency));
    }
    let content = match store.read(sha256) {
        Ok(Some(content)) => content,
        Ok(None) | Err(EvidenceError::Damaged { .. }) => fetched(session, &tables, &store, (agency, sha256), &visible)?,
        Err(error) => return Err(error.into()),
    };
    write_new(out, &content).map_err(Failure::file(out))?;
    let mut facts = Facts::new();
    let output = &session.output;
    if output.json() {
        output.document(&json!({"sha256": sha256, "bytes": content.len(), "file": out.display().to_string()}))?;
        return Ok(Exit::Done);
    }
    facts.add(output.say("证据", "evidence"), sha256);
    facts.add(output.say("字节数", "bytes"), content.len());
    facts.add(output.say("文件", "file"), out.display());
    facts.show(output)?;
    Ok(Exit::Done)
}

/// Fetches evidence from the agency's bucket.
fn fetched(
    session: &Session,
    tables: &Tables,
    store: &EvidenceStore,
    (agency, sha256): (AgencyCode, Digest),
    named_by: &[AgencyCode],
) -> Result<Vec<u8>, Failure> {
    let folder = tables.folder();
    if folder.node().broker.is_some() {
        let options = fengsui_node::broker::options(folder).map_err(NodeError::from)?;
        let broker = Broker::connect(options).map_err(|error| NodeError::Broker(Box::new(error)))?;
        if let Fetched::Absent { wrong } = fetch(store, &broker, folder.exchange().region, agency, sha256)? {
            for (object, reason) in wrong {
                session.output.warn(
                    format!("消息服务器中名为该证据的对象 {object} 内容不符，未采用：{reason}"),
                    format!(
                        "the object {object} under this name at the broker is something else and was refused: {reason}"
                    ),
                );
            }
        }
    }
    let absent = || {
        let named_by: BTreeSet<String> = named_by.iter().map(ToString::to_string).collect();
        let named_by = Vec::from_iter(named_by).join(", ");
        Failure::failed(
            "evidence_absent",
            format!("本节点和消息服务器均没有证据 {sha256}；请向提供部门 {named_by} 索取"),
            format!("evidence {sha256} is neither here nor at the broker: ask {named_by}, who named it"),
        )
    };
    store.read(sha256)?.ok_or_else(absent)
}

fn verify(session: &Session) -> Result<Exit, Failure> {
    let folder = Folder::open(&session.global.data)?;
    let found = store_of(&folder).verify()?;
    let refusals = match EvidenceLedger::open_reader(folder.root()) {
        Ok(ledger) => ledger.refusals()?,
        Err(EvidenceError::Storage(StorageError::NotFound { .. })) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let output = &session.output;
    if output.json() {
        output.document(&json!({"verification": found, "refused": refusals}))?;
    } else {
        let mut facts = Facts::new();
        facts.add(output.say("完好", "sound"), found.sound);
        facts.add(output.say("字节数", "bytes"), found.bytes);
        facts.add(output.say("损坏", "damaged"), found.damaged.len());
        facts.add(output.say("已拒绝的对象", "refused objects"), refusals.len());
        facts.show(output)?;
        if !found.damaged.is_empty() {
            output.heading(output.say("损坏的文件", "Damaged files"))?;
            show_rows(output, DAMAGED, &found.damaged)?;
        }
        if !refusals.is_empty() {
            output.heading(output.say("消息服务器中已拒绝的对象", "Objects at the broker that were refused"))?;
            show_rows(output, REFUSED, &refusals)?;
        }
    }
    if found.damaged.is_empty() {
        return Ok(Exit::Done);
    }
    output.flush()?;
    Err(Failure::Integrity {
        code: "damaged_evidence",
        zh: format!("{} 个证据文件已被改动；请移走后用 `fengsui evidence get` 重新获取", found.damaged.len()),
        en: format!(
            "{} files of evidence were changed: move them away and get them again with `fengsui evidence get`",
            found.damaged.len()
        ),
    })
}

const DAMAGED: &[Column<fengsui_node::evidence::Damage>] = &[
    Column::new("文件", "file", ColumnKind::Text, |row, _| Value::Text(row.path.display().to_string())),
    Column::new("现有哈希值", "found", ColumnKind::Text, |row, _| Value::Text(row.found.to_string())),
];

const REFUSED: &[Column<fengsui_node::evidence::Refusal>] = &[
    Column::new("哈希值", "sha256", ColumnKind::Text, |row, _| Value::Text(row.sha256.to_string())),
    Column::new("对象", "object", ColumnKind::Text, |row, _| Value::Text(row.object.clone())),
    Column::new("原因", "reason", ColumnKind::Text, |row, _| Value::Text(row.reason.clone())),
];

fn share_again(session: &Session) -> Result<Exit, Failure> {
    let folder = Folder::open(&session.global.data)?;
    let shares = EvidenceLedger::open_or_create(folder.root())?.share_again()?;
    let output = &session.output;
    if output.json() {
        output.document(&json!({"shares": shares}))?;
        return Ok(Exit::Done);
    }
    let mut facts = Facts::new();
    facts.add(output.say("将重新发送", "to be shared again"), shares);
    facts.show(output)?;
    output.note("由 `fengsui node run` 发送", "`fengsui node run` does it");
    Ok(Exit::Done)
}

fn store_of(folder: &Folder) -> EvidenceStore {
    EvidenceStore::of(folder.root(), config_of(folder))
}

fn config_of(folder: &Folder) -> EvidenceConfig {
    folder.node().evidence.clone()
}

/// The list of evidence, brought up to date unless another process does that.
fn ledger_of(tables: &Tables, store: &EvidenceStore) -> Result<EvidenceLedger, Failure> {
    let folder = tables.folder();
    let own = match &folder.node().broker {
        // At the broker a node is that of one agency.
        Some(_) => BTreeSet::from([folder.node().agency]),
        None => agencies_with_keys(folder).into_iter().collect(),
    };
    match EvidenceLedger::open_or_create(folder.root()) {
        Ok(mut ledger) => {
            ledger.follow(tables.view(), tables.log(), store, tables.registry(), &own)?;
            Ok(ledger)
        }
        Err(EvidenceError::Storage(StorageError::SecondWriter { .. } | StorageError::NotWritable { .. })) => {
            Ok(EvidenceLedger::open_reader(folder.root())?)
        }
        Err(error) => Err(error.into()),
    }
}

fn sees(tables: &Tables, agency: AgencyCode, case: CaseId) -> Result<bool, Failure> {
    let case = tables.view().case(case)?;
    Ok(case.is_some_and(|case| may_see(&case, tables.registry().authority).contains(&agency)))
}

fn hidden(agency: AgencyCode) -> Failure {
    Failure::NotAllowed {
        code: "evidence_not_visible",
        zh: format!("{agency} 与该案无关，不能查看其证据：只有发现部门、受送部门和联席会议办公室可以查看"),
        en: format!(
            "{agency} has no part in the case, so it may not see its evidence: only the reporter, \
             those to whom it was referred, and the authority may"
        ),
    }
}

/// Writes a file that was not there before, readable by its owner alone.
fn write_new(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

impl From<EvidenceError> for Failure {
    fn from(error: EvidenceError) -> Self {
        let en = error.to_string();
        match error {
            EvidenceError::Storage(error) => error.into(),
            EvidenceError::Read(error) => error.into(),
            EvidenceError::Model(error) => error.into(),
            EvidenceError::Io { path, source } => Self::File { path, source },
            EvidenceError::Broker { is_out_of_reach: true, .. } => {
                Self::OutOfReach {
                    code: "broker", zh: format!("消息服务器无法完成，请稍后再试：{en}"), en
                }
            }
            EvidenceError::TooLarge { name, bytes, bytes_max } => {
                let zh = format!(
                    "{name} 有 {bytes} 字节，证据文件最大 {bytes_max} 字节；请缩小，或在各节点 node.toml 的 [evidence] 中调整 bytes_max"
                );
                Self::failed("evidence_too_large", zh, en)
            }
            EvidenceError::Empty { name } => Self::failed("evidence_empty", format!("{name} 是空文件"), en),
            EvidenceError::Kind { name, allowed, .. } => {
                let allowed: Vec<&str> = allowed.iter().map(|kind| kind.name_zh()).collect();
                let zh = format!("{name} 不能作为证据（按内容判断，不看文件名）；可用：{}", allowed.join("、"));
                Self::failed("evidence_kind", zh, en)
            }
            EvidenceError::Damaged { path, .. } => Self::Integrity {
                code: "damaged_evidence",
                zh: format!("证据文件 {} 已被改动；请移走后用 `fengsui evidence get` 重新获取", path.display()),
                en,
            },
            EvidenceError::WrongContent { .. } => Self::Integrity {
                code: "wrong_evidence",
                zh: format!("收到的内容与证据的哈希值不符，未采用：{en}"),
                en,
            },
            EvidenceError::Broker { .. } => Self::failed("broker", format!("消息服务器无法完成：{en}"), en),
        }
    }
}
