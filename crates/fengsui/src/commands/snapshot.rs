//! Snapshots: writing, looking at and loading them.

use std::path::{Path, PathBuf};

use fengsui_log::Embedded;
use fengsui_node::as_of::{Past, resolve};
use fengsui_node::checkpoints::notes::Standing;
use fengsui_node::folder::{Exchange, Folder};
use fengsui_node::node::genesis;
use fengsui_projector::query::Reader;
use fengsui_projector::snapshot::{
    Asked, EndorsementError, Header, LoadError, Loaded, Snapshot, SnapshotError, Trust, endorsement, load, write,
};
use fengsui_projector::{ModelError, Projector, Unwatched};
use fengsui_proof::SignedCheckpoint;
use serde_json::{Value, json};

use crate::arguments::snapshot::{LoadArguments, SnapshotCommand};
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Facts, Output};
use crate::session::Session;

/// A checkpoint's file is a few kilobytes; whatever is longer is none.
const NOTE_BYTES_MAX: u64 = 64 << 10;

/// Snapshots.
pub fn run(session: &Session, command: SnapshotCommand) -> Result<Exit, Failure> {
    match command {
        SnapshotCommand::Write { out } => write_file(session, &out),
        SnapshotCommand::Show { file } => show(session, &file),
        SnapshotCommand::Load(arguments) => load_file(session, &arguments),
    }
}

/// Refuses to put a snapshot in the place of anything but an older snapshot.
fn refuse_other(out: &Path) -> Result<(), Failure> {
    match Snapshot::open(out) {
        Err(SnapshotError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(SnapshotError::NotASnapshot { .. } | SnapshotError::File { .. }) => {
            let path = out.display();
            let zh = format!("{path} 已经存在，且不是快照，未予替换：请换一个名称");
            Err(Failure::failed("exists", zh, format!("{path} is there already and is no snapshot: name another file")))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn write_file(session: &Session, out: &Path) -> Result<Exit, Failure> {
    refuse_other(out)?;
    let present = session.present()?;
    let exchange = present.folder().exchange().clone();
    let genesis = genesis(&exchange);
    let model = present.folder().model();
    interrupt::watch();
    let now = Projector::open_reader(&model, &genesis)?;
    let position = match session.global.as_of {
        Some(as_of) => resolve(as_of, present.log(), now.store().view(), now.progress().position)?.position,
        None => chosen(session, &now)?,
    };
    let state = State::at(session, now, &exchange, present.log(), position)?;
    let mut bar = Bar::with_lines(session.output.look(), "写出快照", "Writing the snapshot");
    let written = state.with(|projector| write(projector, present.log(), out, &mut bar));
    drop(bar);
    let header = written?.map_err(|error| failure(error.into()))?;
    let asked = Asked { position, given: None, cosigners: &[], needed: None };
    let endorsed = endorsement(present.log(), &genesis, asked, &mut Unwatched);
    let cosigned = match &endorsed {
        Ok(endorsement) => json!({"cosigned": endorsement.cosigned, "needed": endorsement.needed}),
        Err(_) => Value::Null,
    };
    let output = &session.output;
    if output.json() {
        output.json_line(&with_header("summary", out, &header, [("endorsed", cosigned)]))?;
    } else {
        let mut facts = header_facts(output, &header);
        facts.add(output.say("文件", "file"), out.display());
        if let Ok(endorsement) = &endorsed {
            facts.add(output.say("会签", "cosigned by"), endorsement.cosigned.len());
        }
        facts.show(output)?;
    }
    if let Err(error) = endorsed {
        output.note(
            format!("其他节点尚不能加载该快照：{}", endorsement_zh(&error)),
            format!("no other node will load it yet: {error}"),
        );
    }
    Ok(Exit::Done)
}

/// The position of the newest checkpoint that enough have cosigned with a state digest, which is one that others will load.
fn chosen(session: &Session, now: &Projector) -> Result<u64, Failure> {
    let rows = now.store().view().checkpoints_with_digest(CHECKPOINTS_LOOKED_AT)?;
    let (registry, present) = (now.registry(), now.progress().position);
    let enough = rows.iter().find(|row| Standing::of(row, registry).has_quorum());
    let position = enough.or(rows.first()).map_or(present, |row| row.size);
    if position == present {
        return Ok(position);
    }
    session.output.note(
        format!("截至位置 {position}，即最新的载有状态摘要的检查点"),
        format!("as of position {position}, that of the newest checkpoint with a state digest"),
    );
    Ok(position)
}

/// How many checkpoints with a state digest are looked at: they are made once a day.
const CHECKPOINTS_LOOKED_AT: u64 = 64;

/// The state of a position.
enum State {
    Present(Box<Projector>),
    Past(Box<Past>),
}

impl State {
    fn at(
        session: &Session,
        now: Projector,
        exchange: &Exchange,
        log: &Embedded,
        position: u64,
    ) -> Result<Self, Failure> {
        if now.progress().position == position {
            return Ok(Self::Present(Box::new(now)));
        }
        let mut bar = Bar::with_lines(session.output.look(), "重放日志", "Replaying the log");
        Ok(Self::Past(Box::new(Past::draw(exchange, log, position, &mut bar)?)))
    }

    fn with<T>(&self, work: impl FnOnce(&Projector) -> T) -> Result<T, Failure> {
        match self {
            Self::Present(projector) => Ok(work(projector)),
            Self::Past(past) => Ok(work(&past.projector()?)),
        }
    }
}

fn show(session: &Session, file: &Path) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    let snapshot = Snapshot::open(file).map_err(|error| failure(error.into()))?;
    interrupt::watch();
    let mut bar = Bar::new(session.output.look(), "校验快照", "Checking the snapshot");
    let checked = snapshot.check_body(&mut bar);
    drop(bar);
    checked.map_err(|error| failure(error.into()))?;
    let (output, header) = (&session.output, snapshot.header());
    if output.json() {
        output.document(&with_header("snapshot", file, header, []))?;
        return Ok(Exit::Done);
    }
    header_facts(output, header).show(output)?;
    output.note(
        "校验和相符；其内容是否可信，由 `fengsui snapshot load` 按会签的检查点判定",
        "its checksums are right; whether to believe it, `fengsui snapshot load` tells by cosigned checkpoints",
    );
    Ok(Exit::Done)
}

fn load_file(session: &Session, arguments: &LoadArguments) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    let folder = Folder::open(&session.global.data)?;
    let snapshot = Snapshot::open(&arguments.file).map_err(|error| failure(error.into()))?;
    let given = arguments.checkpoint.as_deref().map(read_note).transpose()?;
    let trust = Trust { given, cosigners: arguments.cosigner.clone(), needed: arguments.quorum };
    if let Some(position) = position_of(&folder).filter(|it| *it >= snapshot.header().progress.position) {
        session.output.note(
            format!("查询库已到位置 {position}，不早于快照，未作更改"),
            format!(
                "the tables stand at position {position} already, no earlier than the snapshot; nothing was changed"
            ),
        );
        return told(session, &arguments.file, snapshot.header(), None);
    }
    let log = Embedded::open_reader(folder.log())?;
    interrupt::watch();
    let mut bar = Bar::with_lines(session.output.look(), "加载快照", "Loading the snapshot");
    let loaded = load(&folder.model(), &genesis(folder.exchange()), &log, &snapshot, &trust, &mut bar);
    drop(bar);
    drop(log);
    let loaded = loaded.map_err(failure)?;
    told(session, &arguments.file, snapshot.header(), Some(&loaded))
}

/// Where the tables stand, if there are any that can be read.
fn position_of(folder: &Folder) -> Option<u64> {
    let model = Reader::open(&folder.model()).ok()?;
    let (progress, registry) = model.view().progress().ok()?;
    registry.map(|_| progress.position)
}

/// Brings the tables up to the log's end and tells of everything.
fn told(session: &Session, file: &Path, header: &Header, loaded: Option<&Loaded>) -> Result<Exit, Failure> {
    let position = session.present()?.progress().position;
    let output = &session.output;
    if output.json() {
        let endorsed = loaded.map(|it| json!({"cosigned": it.endorsement.cosigned, "needed": it.endorsement.needed}));
        let facts = [("loaded", json!(loaded.is_some())), ("endorsed", json!(endorsed)), ("tables", json!(position))];
        output.json_line(&with_header("summary", file, header, facts))?;
        return Ok(Exit::Done);
    }
    let mut facts = header_facts(output, header);
    if let Some(Loaded { endorsement, .. }) = loaded {
        let of = format!("{} / {}", endorsement.cosigned.len(), endorsement.needed);
        facts.add(output.say("会签（已有/须有）", "cosigned by (has / takes)"), of);
    }
    facts.add(output.say("查询库位置", "tables at position"), position);
    facts.show(output)?;
    Ok(Exit::Done)
}

fn read_note(path: &Path) -> Result<SignedCheckpoint, Failure> {
    let length = std::fs::metadata(path).map_err(Failure::file(path))?.len();
    let text = if length > NOTE_BYTES_MAX { Vec::new() } else { std::fs::read(path).map_err(Failure::file(path))? };
    let note = String::from_utf8(text).map_err(|error| error.to_string());
    let note = note.and_then(|text| text.parse::<SignedCheckpoint>().map_err(|error| error.to_string()));
    note.map_err(|reason| {
        let path = path.display();
        Failure::failed(
            "not_a_checkpoint",
            format!("{path} 不是检查点：{reason}"),
            format!("{path} is no checkpoint ({reason}): `fengsui checkpoint show --note` prints one"),
        )
    })
}

fn header_facts(output: &Output, header: &Header) -> Facts {
    let mut facts = Facts::new();
    facts
        .add(output.say("地区", "region"), header.region)
        .add(output.say("位置", "position"), header.progress.position)
        .add(output.say("状态摘要", "state digest"), format!("sha256:{}", header.digest))
        .add(output.say("日志树根", "root of the log"), header.root())
        .add(output.say("字节", "bytes"), header.file_bytes());
    facts
}

fn with_header<const N: usize>(kind: &str, file: &Path, header: &Header, facts: [(&str, Value); N]) -> Value {
    let mut document = json!({
        "type": kind, "file": PathBuf::from(file), "region": header.region, "position": header.progress.position,
        "digest": format!("sha256:{}", header.digest), "root": header.root(), "bytes": header.file_bytes(),
    });
    for (name, value) in facts {
        document[name] = value;
    }
    document
}

/// How a snapshot that is not written, read or loaded is told.
pub fn failure(error: LoadError) -> Failure {
    let (code, en, is_integrity) = (error.code(), error.to_string(), error.is_integrity());
    let zh = match error {
        LoadError::Snapshot(SnapshotError::Model(ModelError::Interrupted { .. }))
        | LoadError::Endorsement(EndorsementError::Interrupted) => return Failure::Interrupted,
        LoadError::Snapshot(SnapshotError::Model(error)) => return error.into(),
        LoadError::Snapshot(SnapshotError::File { path, source }) => return Failure::File { path, source },
        LoadError::Endorsement(EndorsementError::Log(error)) => return error.into(),
        LoadError::Snapshot(error) => snapshot_zh(&error),
        LoadError::Endorsement(error) => endorsement_zh(&error),
        LoadError::OtherState { found, expected } => format!(
            "快照的状态摘要为 sha256:{found}，而会签的检查点载明 sha256:{expected}：快照被改动，或属于另一日志；请向其他部门另行索取"
        ),
        LoadError::OtherLog { position, found, expected } => format!(
            "本节点的日志在位置 {position} 的树根为 {found}，而会签的检查点载明 {expected}：\
             本节点的日志与其他部门的不同，请运行 `fengsui audit verify`"
        ),
    };
    if is_integrity { Failure::Integrity { code, zh, en } } else { Failure::Failed { code, zh, en } }
}

fn snapshot_zh(error: &SnapshotError) -> String {
    let otherwise = "可用 `fengsui replay` 由日志重建";
    match error {
        SnapshotError::NotASnapshot { path } => format!("{} 不是 `fengsui snapshot write` 写出的快照", path.display()),
        SnapshotError::OtherFormat { path, found, expected } => {
            format!("{} 的快照格式为 {found}，本程序读取 {expected}；{otherwise}", path.display())
        }
        SnapshotError::Length { path, expected, found } => {
            format!("{} 长 {found} 字节，应为 {expected} 字节：请重新取得", path.display())
        }
        SnapshotError::Checksum { path, .. } => format!("{} 的校验和不符：请重新取得", path.display()),
        SnapshotError::OtherRegion { path, found, expected } => {
            format!("{} 是 {found} 的快照，而本交换为 {expected}", path.display())
        }
        SnapshotError::BeyondLog { path, position, head } => format!(
            "{} 截至位置 {position}，而本节点的日志只到 {head}：请先用 `fengsui log copy` 补齐日志",
            path.display()
        ),
        SnapshotError::Empty => "日志尚无事件，没有可写入快照的内容".to_owned(),
        SnapshotError::Unreadable { path, number, .. } => {
            format!("{} 的第 {number} 项不是本程序写出的内容；{otherwise}", path.display())
        }
        SnapshotError::LogDiffers { path, position, .. } => {
            format!("{} 关于位置 {position} 的内容与日志不符，不属于该日志；{otherwise}", path.display())
        }
        other => other.to_string(),
    }
}

fn endorsement_zh(error: &EndorsementError) -> String {
    match error {
        EndorsementError::NoCheckpoint { position } => format!(
            "位置 {position} 没有载有状态摘要的检查点；`fengsui checkpoint sign --digest` 在日志末尾签署一份，`fengsui checkpoint list` 列出已有的"
        ),
        EndorsementError::OtherLog { found, expected } => format!("所给检查点属于日志 {found}，而不是 {expected}"),
        EndorsementError::OtherSize { found, position } => {
            format!("所给检查点涵盖 {found} 个位置，而快照截至 {position}，两者不相配")
        }
        EndorsementError::NoDigest => "所给检查点没有状态摘要，不能说明查询库".to_owned(),
        EndorsementError::NotSigned => "所给检查点没有联席会议办公室有效密钥的签名".to_owned(),
        EndorsementError::SplitView { size } => format!(
            "联席会议办公室就规模 {size} 签署了两份不同的检查点，其一为伪：请运行 `fengsui audit verify` 并询问其他部门"
        ),
        EndorsementError::TooFew { position, needed, cosigned } => format!(
            "位置 {position} 的检查点须有 {needed} 家会签，现有 {}：请等待，或用 --cosigner 指明其他会签者；--quorum 可降低要求",
            cosigned.len()
        ),
        EndorsementError::Log(_) | EndorsementError::Interrupted => error.to_string(),
    }
}
