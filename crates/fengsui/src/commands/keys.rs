//! An agency's keys and its right to write: replaced, revoked, suspended.

use fengsui_event::payload::{AgencyKeyRevoked, AgencySuspended};
use fengsui_event::{AgencyCode, KeyId};
use fengsui_node::desk::{Command, RandomIds};
use fengsui_node::rotation::{Rotated, rotate, rotation};
use fengsui_node::{Node, Receipt};
use fengsui_projector::Rejection;
use fengsui_projector::fold::Missing;
use serde_json::json;

use super::act;
use crate::arguments::keys::{RevokeArguments, RotateArguments, SuspendArguments};
use crate::exit::{Exit, Failure};
use crate::output::Facts;
use crate::session::Session;

/// Replaces the folder's own key, or, as the authority, the key of another agency.
pub fn replace(session: &Session, arguments: &RotateArguments) -> Result<Exit, Failure> {
    let mut node = session.node()?;
    let RotateArguments { of, old, new } = *arguments;
    if let (Some(agency), Some(old), Some(new)) = (of, old, new) {
        let actor = authority(session, &node)?;
        let command = Command::RotateKey(rotation(agency, old, new));
        let receipt = node.submit(actor, command, &mut RandomIds, session.now)?;
        return show(session, &receipt, agency, Some(old), Some(new));
    }
    let agency = session.actor(node.folder())?;
    let rotated = rotate(&mut node, agency, session.now)?;
    show_rotated(session, agency, &rotated)
}

fn show_rotated(session: &Session, agency: AgencyCode, rotated: &Rotated) -> Result<Exit, Failure> {
    let output = &session.output;
    let (old, new) = match rotated {
        Rotated::Done { old, new, .. } | Rotated::NeedsAuthority { old, new } => (old, new),
    };
    let mut facts = Facts::new();
    facts.add(output.say("部门", "agency"), agency);
    facts.add(output.say("原密钥", "old key"), old);
    facts.add(output.say("新密钥", "new key"), new);
    match rotated {
        Rotated::NeedsAuthority { .. } => {
            if output.json() {
                output.document(&json!({"agency": agency, "old": old, "new": new, "done": false}))?;
            } else {
                facts.show(output)?;
            }
            output.warn(
                format!(
                    "原密钥已失效，不能自行更换。请联席会议办公室执行：fengsui agency rotate-key --of {agency} --old {old} --new {new}，\
                     然后再次运行本命令"
                ),
                format!(
                    "the old key has ended, so it cannot sign its own replacement. Let the authority run \
                     `fengsui agency rotate-key --of {agency} --old {old} --new {new}`, then run this command again"
                ),
            );
            Ok(Exit::NotAllowed)
        }
        Rotated::Done { kept, waiting, .. } => {
            if output.json() {
                let waiting = waiting.is_some();
                output.document(
                    &json!({"agency": agency, "old": old, "new": new, "done": true, "kept": kept, "waiting": waiting}),
                )?;
            } else {
                facts.add(output.say("原种子文件", "old seed"), kept.display());
                facts.show(output)?;
            }
            let Some(reason) = waiting else { return Ok(Exit::Done) };
            output.warn(
                format!("更换事件已存入发件箱，待日志可写时自动写入（{reason}）"),
                format!("the replacement is durable in the outbox and goes on the log by itself ({reason})"),
            );
            Ok(Exit::KeptForLater)
        }
    }
}

/// Ends a key at once.
pub fn revoke(session: &Session, arguments: RevokeArguments) -> Result<Exit, Failure> {
    let mut node = session.node()?;
    let actor = session.actor(node.folder())?;
    let RevokeArguments { key, reason } = arguments;
    let held = node.registry().keys.get(&key).map(|held| held.agency);
    let agency = held.ok_or(fengsui_node::NodeError::Plan(Rejection::Missing(Missing::Key(key)).into()))?;
    let command = Command::RevokeKey(AgencyKeyRevoked { agency, keyid: key, reason });
    let receipt = node.submit(actor, command, &mut RandomIds, session.now)?;
    let exit = show(session, &receipt, agency, Some(key), None)?;
    session.output.note(
        format!("今后该密钥签署的事件一律无效；{agency} 用 `fengsui agency rotate-key` 生成新密钥"),
        format!(
            "what this key signs from now on has no effect; {agency} makes a new one by `fengsui agency rotate-key`"
        ),
    );
    Ok(exit)
}

/// Lets an agency write nothing more.
pub fn suspend(session: &Session, arguments: SuspendArguments) -> Result<Exit, Failure> {
    let mut node = session.node()?;
    let actor = authority(session, &node)?;
    let SuspendArguments { code: agency, reason } = arguments;
    let command = Command::SuspendAgency(AgencySuspended { agency, reason });
    let receipt = node.submit(actor, command, &mut RandomIds, session.now)?;
    show(session, &receipt, agency, None, None)
}

/// Only one agency may do this, so nobody needs to name it.
fn authority(session: &Session, node: &Node) -> Result<AgencyCode, Failure> {
    let actor = session.global.agency.unwrap_or(node.registry().authority);
    if node.folder().key(actor).exists() {
        return Ok(actor);
    }
    Err(Failure::NoKey { agency: actor, have: crate::session::agencies_with_keys(node.folder()) })
}

fn show(
    session: &Session,
    receipt: &Receipt,
    agency: AgencyCode,
    ended: Option<KeyId>,
    new: Option<KeyId>,
) -> Result<Exit, Failure> {
    let output = &session.output;
    if output.json() {
        let document = json!({"agency": agency, "ended": ended, "new": new, "events": act::done(receipt)});
        output.document(&document)?;
        return Ok(Exit::Done);
    }
    let types = receipt.events.iter().map(|event| {
        let event_type = event.payload.event_type();
        crate::text::event_type(event_type.as_str(), session.language())
    });
    let mut facts = Facts::new();
    facts.add(output.say("已办理", "done"), types.collect::<Vec<_>>().join(output.say("、", ", ")));
    facts.add(output.say("部门", "agency"), agency);
    facts.add_some(output.say("失效的密钥", "ended key"), ended);
    facts.add_some(output.say("新密钥", "new key"), new);
    facts.show(output)?;
    Ok(Exit::Done)
}
