//! Checkpoints and proofs that go out and come in.

use std::path::Path;

use fengsui_event::Event;
use fengsui_log::{Embedded, EventLog as _, Position};
use fengsui_node::checkpoints::notes::{self, Standing};
use fengsui_node::checkpoints::{Agreement, CheckpointError, Ground, LogTree};
use fengsui_node::folder::{Exchange, Folder, write_atomically};
use fengsui_node::reading::Reading;
use fengsui_projector::query::CheckpointRow;
use fengsui_proof::checkpoint::{Origin, SignedCheckpoint};
use fengsui_proof::policy::{Cosigned, Cosigner, Quorum, QuorumError};
use fengsui_proof::proof_file::ProofFile;
use fengsui_proof::tree::leaf_hash;
use serde_json::{Value, json};

use super::{TEXT_BYTES_MAX, bar, read_text};
use crate::arguments::checkpoint::CheckArguments;
use crate::exit::{Exit, Failure};
use crate::output::Facts;
use crate::session::Session;

/// What a proof begins with (C2SP tlog-proof).
const PROOF_HEADER: &str = "c2sp.org/tlog-proof@";

/// Checkpoints that are looked through for one that enough agencies have cosigned.
const ROWS: u64 = 1_000;

/// Checks a checkpoint or a proof.
pub fn check(session: &Session, arguments: &CheckArguments) -> Result<Exit, Failure> {
    let text = read_text(&arguments.file, TEXT_BYTES_MAX)?;
    let what = arguments.file.display().to_string();
    // Without an exchange file the folder says whom to trust, and its log is asked as well.
    let reading = if arguments.exchange.is_none() { Some(session.present()?) } else { None };
    if text.starts_with(PROOF_HEADER) {
        return check_proof(session, arguments, &text, reading.as_ref());
    }
    let note = notes::parse(&what, &text)?;
    let cosigned = believed(arguments, &note, reading.as_ref())?;
    let agreement = match &reading {
        Some(reading) => Some(Ground::of_reading(reading).compare(&note, &mut bar(session))?),
        None => None,
    };
    if let (Some(Agreement::Ahead), Some(reading)) = (agreement, &reading) {
        return Err(CheckpointError::Ahead { size: note.checkpoint().size, head: reading.head() }.into());
    }
    let output = &session.output;
    let result = match agreement {
        Some(Agreement::Same) => output.say("与本日志一致", "the same as this log"),
        Some(Agreement::Older) => output.say("较早，与本日志一致", "older, and consistent with this log"),
        _ => output.say("签名有效；未与日志比对", "well signed; not held against a log"),
    };
    if output.json() {
        let mut document = document(&note, &cosigned);
        document["result"] = agreement.map_or(json!("signed"), |agreement| json!(agreement));
        output.document(&document)?;
        return Ok(Exit::Done);
    }
    let mut facts = facts(session, &note, &cosigned);
    facts.add(output.say("结果", "result"), result).show(output)?;
    tell_of_unchecked(session, &note, &cosigned);
    Ok(Exit::Done)
}

/// Checks a proof: the event's bytes, its place, and the signatures of the checkpoint.
fn check_proof(
    session: &Session,
    arguments: &CheckArguments,
    text: &str,
    reading: Option<&Reading>,
) -> Result<Exit, Failure> {
    let what = arguments.file.display();
    let proof: ProofFile =
        text.parse().map_err(|error: fengsui_proof::proof_file::ProofFileError| Failure::Integrity {
            code: "bad_proof",
            zh: format!("{what} 不是有效的证明：{error}"),
            en: format!("{what} is no proof: {error}"),
        })?;
    let Some(file) = &arguments.event else {
        return Err(Failure::usage(
            "核对证明时须用 --event 指明事件原文（见 `fengsui log show 位置 --raw`）",
            "a proof is checked with the bytes of its event: name them by --event (see `fengsui log show POSITION --raw`)",
        ));
    };
    let bytes = std::fs::read(file).map_err(Failure::file(file))?;
    proof.verify(leaf_hash(&bytes)).map_err(CheckpointError::from)?;
    let cosigned = believed(arguments, &proof.checkpoint, reading)?;
    if let Some(reading) = reading
        && proof.checkpoint.checkpoint().size <= reading.head()
    {
        Ground::of_reading(reading).compare(&proof.checkpoint, &mut bar(session))?;
    }
    let output = &session.output;
    let position = proof.inclusion.index.saturating_add(1);
    let event = Event::parse(&bytes).ok();
    if output.json() {
        let mut document = document(&proof.checkpoint, &cosigned);
        document["result"] = json!("included");
        document["position"] = json!(position);
        document["event"] = json!(event.map(|event| event.id));
        output.document(&document)?;
        return Ok(Exit::Done);
    }
    let mut facts = facts(session, &proof.checkpoint, &cosigned);
    facts
        .add_some(output.say("事件", "event"), event.map(|event| event.id))
        .add(output.say("位置", "position"), position)
        .add(output.say("结果", "result"), output.say("该事件在此位置", "the event is at this position"))
        .show(output)?;
    tell_of_unchecked(session, &proof.checkpoint, &cosigned);
    Ok(Exit::Done)
}

/// The cosignatures that count, once the authority's signature is good and there are as many as were asked for.
fn believed(
    arguments: &CheckArguments,
    note: &SignedCheckpoint,
    reading: Option<&Reading>,
) -> Result<Vec<Cosigned>, Failure> {
    let mut cosigners = arguments.cosigner.clone();
    let (origin, authority) = match (&arguments.exchange, reading) {
        (Some(file), _) => {
            let exchange = Exchange::load(file)?;
            (Origin::of(exchange.region), exchange.authority_keys)
        }
        (None, Some(reading)) => {
            let registry = reading.registry();
            let origin = Origin::of(registry.region);
            let named = |(keyid, key): (&fengsui_event::KeyId, &fengsui_projector::state::Key)| Cosigner {
                name: origin.cosigner_name(key.agency),
                key: *keyid,
            };
            cosigners.extend(registry.keys.iter().map(named));
            (origin, notes::keys_of_authority(registry, true))
        }
        (None, None) => return Ok(Vec::new()),
    };
    let has_known = !cosigners.is_empty();
    let quorum = Quorum { origin, authority, cosigners, needed: arguments.quorum.unwrap_or(0) };
    quorum.check(note).map_err(|error| {
        let code = match error {
            QuorumError::OtherLog { .. } => "other_log",
            QuorumError::NotSigned { .. } => "not_signed",
            QuorumError::BadSignature { .. } => "bad_signature",
            QuorumError::TooFew { needed, .. } if !has_known => return no_cosigner_known(needed),
            QuorumError::TooFew { .. } => "no_quorum",
        };
        let en = error.to_string();
        Failure::Integrity { code, zh: format!("检查点的签名不足以采信：{en}"), en }
    })
}

fn no_cosigner_known(needed: usize) -> Failure {
    Failure::Integrity {
        code: "no_quorum",
        zh: format!(
            "需要 {needed} 个会签，但没有已知的会签者：请用 --cosigner 指明其公钥，或不用 --exchange 而由节点文件夹得知各部门的密钥"
        ),
        en: format!(
            "it takes {needed} cosignatures, and no cosigner is known: name their keys by --cosigner, or leave out --exchange, so that a node's \
             folder tells the agencies' keys"
        ),
    }
}

/// Signatures of those whose keys are not known here count for nothing, which is said.
fn tell_of_unchecked(session: &Session, note: &SignedCheckpoint, cosigned: &[Cosigned]) {
    let log = note.checkpoint().origin.to_string();
    let is_checked = |name: &str| name == log || cosigned.iter().any(|by| by.name == name);
    let unchecked: Vec<&str> = note.names().filter(|name| !is_checked(name)).collect();
    if !unchecked.is_empty() {
        session.output.note(
            format!("未计入的会签（此处不知其公钥，或为联席会议办公室自己的）：{}", unchecked.join("、")),
            format!("not counted, since the key is not known here or is the authority's own: {}", unchecked.join(", ")),
        );
    }
}

fn document(note: &SignedCheckpoint, cosigned: &[Cosigned]) -> Value {
    let checkpoint = note.checkpoint();
    let cosigned: Vec<Value> =
        cosigned.iter().map(|by| json!({"name": by.name, "keyid": by.key, "time_seconds": by.time_seconds})).collect();
    json!({
        "log": checkpoint.origin.to_string(), "size": checkpoint.size, "root": checkpoint.root, "digest": checkpoint.digest,
        "cosigned": cosigned,
    })
}

fn facts(session: &Session, note: &SignedCheckpoint, cosigned: &[Cosigned]) -> Facts {
    let output = &session.output;
    let checkpoint = note.checkpoint();
    let mut facts = Facts::new();
    facts
        .add(output.say("日志", "log"), checkpoint.origin)
        .add(output.say("覆盖位置数", "size"), checkpoint.size)
        .add(output.say("根哈希", "root"), checkpoint.root)
        .add_some(output.say("状态摘要", "digest"), checkpoint.digest.map(|digest| format!("sha256:{digest}")));
    for by in cosigned {
        facts.add(output.say("会签", "cosigner"), &by.name);
    }
    facts
}

/// Writes the proof that the event at a position is in the log.
pub fn prove(session: &Session, position: Position, out: &Path) -> Result<Exit, Failure> {
    let reading = session.present()?;
    let log = reading.log();
    let Some(stored) = log.read(position, 1)?.pop() else {
        return Err(CheckpointError::NoSuchPosition { position: position.get(), head: reading.head() }.into());
    };
    let (row, has_quorum) = covering(&reading, position.get())?;
    let checkpoint = notes::note_of(&row, reading.registry(), log)?;
    let mut progress = bar(session);
    let inclusion = tree(reading.folder(), log, &mut progress)?.inclusion(
        position.get(),
        row.size,
        row.root,
        log,
        &mut progress,
    )?;
    drop(progress);
    let proof = ProofFile { extra: None, inclusion, checkpoint };
    proof.verify(leaf_hash(&stored.record.bytes)).map_err(CheckpointError::from)?;
    write_atomically(out, proof.to_string().as_bytes()).map_err(Failure::file(out))?;
    let output = &session.output;
    if !has_quorum {
        output.warn(
            format!("覆盖该位置的检查点（{} 个位置）尚未经半数以上部门会签", row.size),
            format!("the checkpoint that covers the position ({} positions) has not been cosigned by more than half of the agencies", row.size),
        );
    }
    if output.json() {
        output.document(&json!({
            "position": position, "event": stored.record.id, "size": row.size, "root": row.root, "quorum": has_quorum,
            "hashes": proof.inclusion.hashes.len(), "file": out,
        }))?;
        return Ok(Exit::Done);
    }
    Facts::new()
        .add(output.say("位置", "position"), position)
        .add(output.say("事件", "event"), stored.record.id)
        .add(output.say("检查点覆盖位置数", "size of the checkpoint"), row.size)
        .add(output.say("文件", "file"), out.display())
        .show(output)?;
    output.note(
        format!("核对：fengsui checkpoint check {} --event 事件原文 --exchange exchange.toml", out.display()),
        format!("check it by: fengsui checkpoint check {} --event EVENT --exchange exchange.toml", out.display()),
    );
    Ok(Exit::Done)
}

fn tree(folder: &Folder, log: &Embedded, progress: &mut crate::output::Bar) -> Result<LogTree, CheckpointError> {
    LogTree::open(folder.root(), log, progress)
}

/// The newest checkpoint that enough agencies have cosigned and that covers a position, or else the newest that covers it.
fn covering(reading: &Reading, position: u64) -> Result<(CheckpointRow, bool), Failure> {
    let rows = reading.view().checkpoints(Some(ROWS))?;
    let newest = rows.first().map_or(0, |row| row.size);
    let covers = |row: &&CheckpointRow| row.size >= position;
    let has_quorum = |row: &&CheckpointRow| Standing::of(row, reading.registry()).has_quorum();
    if let Some(row) = rows.iter().take_while(covers).find(has_quorum) {
        return Ok((row.clone(), true));
    }
    match rows.first().filter(covers) {
        Some(row) => Ok((row.clone(), false)),
        None if rows.is_empty() => Err(CheckpointError::NoCheckpoint.into()),
        None => Err(CheckpointError::NotCovered { position, size: newest }.into()),
    }
}
