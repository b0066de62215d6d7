//! Signing: as the authority, as an agency, as a supervisor.

use std::path::Path;

use fengsui_event::{AgencyCode, Signer as _};
use fengsui_node::Node;
use fengsui_node::checkpoints::{CheckpointError, Cosigning, Ground, Sent, forget as forget_signed, notes, witness};
use fengsui_node::folder::{Folder, write_atomically};
use fengsui_node::keys::{KeyFileError, SigningKey};
use fengsui_proof::checkpoint::{SignatureKind, SignedCheckpoint};
use fengsui_proof::policy::{parse_verifier_key, verifier_key};
use serde_json::{Value, json};

use super::{TEXT_BYTES_MAX, bar, read_text};
use crate::arguments::checkpoint::CosignArguments;
use crate::exit::{Exit, Failure};
use crate::output::Facts;
use crate::session::{Session, agencies_with_keys};

/// Signs a checkpoint as the authority.
pub fn sign(session: &Session, with_digest: bool) -> Result<Exit, Failure> {
    let mut node = session.node()?;
    let authority = node.folder().exchange().authority;
    if !node.folder().key(authority).exists() {
        return Err(Failure::NoKey { agency: authority, have: agencies_with_keys(node.folder()) });
    }
    let sent = fengsui_node::checkpoints::sign(&mut node, with_digest, session.now, &mut bar(session))?;
    let output = &session.output;
    let Some(sent) = sent else {
        let size = node.view().latest_checkpoint()?.map_or(0, |row| row.size);
        if output.json() {
            output.document(&json!({"signed": false, "size": size}))?;
        }
        output.note(
            format!("最近的检查点覆盖 {size} 个位置，此后没有检查点以外的事件，未签署"),
            format!(
                "the newest checkpoint covers {size} positions, and nothing but checkpoints came since: none was signed"
            ),
        );
        return Ok(Exit::Done);
    };
    if output.json() {
        output.document(&json!({
            "signed": true, "size": sent.size, "root": sent.root, "digest": sent.digest, "event": sent.event,
            "published": sent.waits.is_none(),
        }))?;
    } else {
        let mut facts = Facts::new();
        facts
            .add(output.say("覆盖位置数", "size"), sent.size)
            .add(output.say("根哈希", "root"), sent.root)
            .add_some(output.say("状态摘要", "digest"), sent.digest.map(|digest| format!("sha256:{digest}")))
            .add(output.say("事件", "event"), sent.event)
            .show(output)?;
    }
    Ok(exit_of(session, &sent))
}

/// What is on its way only is said.
fn exit_of(session: &Session, sent: &Sent) -> Exit {
    let Some(reason) = &sent.waits else { return Exit::Done };
    session.output.warn(
        format!("{} 的签名已存入发件箱，待日志可写时自动写入（{reason}）", sent.agency),
        format!("the signature of {} is durable in the outbox and goes on the log by itself ({reason})", sent.agency),
    );
    Exit::KeptForLater
}

/// Checks a checkpoint and cosigns it.
pub fn cosign(session: &Session, arguments: &CosignArguments) -> Result<Exit, Failure> {
    if let (Some(key), Some(name), Some(out)) = (&arguments.key, &arguments.name, &arguments.out) {
        return cosign_as_supervisor(session, arguments.file.as_deref(), key, name, out);
    }
    let mut node = session.node()?;
    let agencies = match session.global.agency {
        Some(_) => vec![session.actor(node.folder())?],
        None => agencies_with_keys(node.folder()),
    };
    let row = notes::newest(&node.view());
    let note = match (&arguments.file, row) {
        (Some(file), _) => notes::parse(&file.display().to_string(), &read_text(file, TEXT_BYTES_MAX)?)?,
        (None, row) => notes::note_of(&row?, node.registry(), node.log())?,
    };
    let size = note.checkpoint().size;
    let mut done: Vec<(AgencyCode, Option<Sent>)> = Vec::new();
    let agencies: Vec<AgencyCode> = agencies.into_iter().filter(|agency| may_sign(session, &node, *agency)).collect();
    let mut progress = bar(session);
    let mut cosigning = Cosigning::new(&mut node);
    for agency in agencies {
        let sent = cosigning.cosign(agency, &note, session.now, &mut progress)?;
        done.push((agency, sent));
    }
    drop(progress);
    let output = &session.output;
    if output.json() {
        let rows: Vec<Value> = done.iter().map(|(agency, sent)| document(*agency, sent.as_ref())).collect();
        output.document(&json!({"size": size, "root": note.checkpoint().root, "cosigned": rows}))?;
    } else {
        for (agency, sent) in &done {
            let result = if sent.is_some() {
                output.say("已会签", "cosigned")
            } else {
                output.say("此前已会签", "cosigned before")
            };
            output.line(&format!("{agency}\t{}\t{result}", sent.as_ref().map_or(size, |sent| sent.size)))?;
        }
    }
    if done.is_empty() {
        output.note(
            "本文件夹没有可以会签的部门：需要已登记且有效的密钥",
            "this folder has no agency that can cosign: it takes a key that is registered and good",
        );
    }
    let exits = done.iter().filter_map(|(_, sent)| sent.as_ref()).map(|sent| exit_of(session, sent));
    Ok(exits.fold(Exit::Done, |worst, exit| if worst == Exit::Done { exit } else { worst }))
}

/// Whether an agency's key in this folder is registered and good. One that is not is told of and passed over.
fn may_sign(session: &Session, node: &Node, agency: AgencyCode) -> bool {
    let registry = node.registry();
    let is_good = SigningKey::load(&node.folder().key(agency)).is_ok_and(|key| {
        registry.keys.get(&key.keyid()).is_some_and(|known| known.agency == agency && known.until.is_none())
    });
    let is_active = agency == registry.authority || registry.is_active(&agency);
    if !(is_good && is_active) {
        session.output.note(
            format!("{agency} 未会签：其密钥未登记、已失效，或部门已停用"),
            format!("{agency} does not cosign: its key is not registered or has ended, or the agency is suspended"),
        );
    }
    is_good && is_active
}

fn document(agency: AgencyCode, sent: Option<&Sent>) -> Value {
    json!({
        "agency": agency, "new": sent.is_some(), "event": sent.map(|sent| sent.event),
        "published": sent.is_none_or(|sent| sent.waits.is_none()),
    })
}

fn cosign_as_supervisor(
    session: &Session,
    file: Option<&Path>,
    key: &Path,
    name: &str,
    out: &Path,
) -> Result<Exit, Failure> {
    let reading = session.present()?;
    let ground = Ground::of_reading(&reading);
    let note = match file {
        Some(file) => notes::parse(&file.display().to_string(), &read_text(file, TEXT_BYTES_MAX)?)?,
        None => notes::note_of(&notes::newest(&reading.view())?, reading.registry(), reading.log())?,
    };
    let cosigned = witness(ground, key, name, &note, session.now, &mut bar(session))?;
    write_atomically(out, cosigned.to_string().as_bytes()).map_err(Failure::file(out))?;
    show_witnessed(session, key, name, &cosigned, out)
}

fn show_witnessed(
    session: &Session,
    key: &Path,
    name: &str,
    cosigned: &SignedCheckpoint,
    out: &Path,
) -> Result<Exit, Failure> {
    let output = &session.output;
    let checkpoint = cosigned.checkpoint();
    let public = SigningKey::load(key)?.keyid();
    let vkey = verifier_key(name, public, SignatureKind::Cosignature);
    let time = cosigned.cosignature(name, public);
    if output.json() {
        output.document(&json!({
            "size": checkpoint.size, "root": checkpoint.root, "digest": checkpoint.digest, "name": name, "vkey": vkey,
            "time_seconds": time, "file": out,
        }))?;
        return Ok(Exit::Done);
    }
    Facts::new()
        .add(output.say("覆盖位置数", "size"), checkpoint.size)
        .add(output.say("根哈希", "root"), checkpoint.root)
        .add(output.say("会签者", "cosigner"), vkey)
        .add(output.say("文件", "file"), out.display())
        .show(output)?;
    Ok(Exit::Done)
}

/// Makes a supervisor's key where there is none, and shows its public part.
pub fn key(session: &Session, file: &Path, name: &str) -> Result<Exit, Failure> {
    // Whatever name comes out of a key's text as it went in can be used.
    let sample = SigningKey::generate()?.keyid();
    if parse_verifier_key(&verifier_key(name, sample, SignatureKind::Cosignature)).is_err() {
        return Err(Failure::usage(
            format!("名称“{name}”不能使用：不得为空，不得含空格和加号"),
            format!("{name:?} cannot be a name: expected a text without spaces and plus signs"),
        ));
    }
    let (key, is_new) = match SigningKey::load(file) {
        Err(KeyFileError::NotFound { .. }) => {
            let key = SigningKey::generate()?;
            key.save(file)?;
            (key, true)
        }
        loaded => (loaded?, false),
    };
    let vkey = verifier_key(name, key.keyid(), SignatureKind::Cosignature);
    let output = &session.output;
    if output.json() {
        output.document(&json!({"name": name, "key": key.keyid(), "vkey": vkey, "file": file, "new": is_new}))?;
    } else {
        Facts::new()
            .add(output.say("名称", "name"), name)
            .add(output.say("公钥", "key"), key.keyid())
            .add(output.say("会签者", "cosigner"), vkey)
            .add(output.say("种子文件", "seed"), file.display())
            .show(output)?;
    }
    Ok(Exit::Done)
}

/// Lets signing begin again.
pub fn forget(session: &Session, reason: &str) -> Result<Exit, Failure> {
    let folder = Folder::open(&session.global.data)?;
    let agency = session.actor(&folder)?;
    let forgotten = forget_signed(&folder, agency, reason, session.now).map_err(CheckpointError::from)?;
    let output = &session.output;
    if output.json() {
        let rows: Vec<Value> = forgotten
            .iter()
            .map(|last| json!({"name": last.name, "size": last.tree.size(), "root": last.tree.root()}))
            .collect();
        output.document(&json!({"agency": agency, "forgotten": rows}))?;
    } else {
        for last in &forgotten {
            output.line(&format!("{}\t{}\t{}", last.name, last.tree.size(), last.tree.root()))?;
        }
    }
    if forgotten.is_empty() {
        output.note(
            format!("{agency} 在本文件夹没有签署记录，无须处理"),
            format!("{agency} has signed nothing from this folder: nothing is to be forgotten"),
        );
    }
    Ok(Exit::Done)
}
