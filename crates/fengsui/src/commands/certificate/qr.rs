//! The text of a QR code, as a telephone has read it.

use fengsui_event::{AgencyCode, Date, KeyId, Language};
use fengsui_node::certificates;
use fengsui_node::folder::Exchange;
use fengsui_projector::Registry;
use fengsui_projector::query::View;
use fengsui_proof::certificate::{Certificate, Compact, CompactError};
use serde_json::json;

use super::against;
use super::verify::{Outcome, Reason};
use crate::arguments::certificate::VerifyArguments;
use crate::exit::{Exit, Failure};
use crate::output::Facts;
use crate::session::Session;

/// Checks the text by itself: its signature, and that the key is the issuer's.
pub fn run(session: &Session, arguments: &VerifyArguments, exchange: &Exchange, on: Date) -> Result<Exit, Failure> {
    let text = arguments.qr.as_deref().unwrap_or_default();
    let language = session.language();
    let compact: Compact = match text.parse() {
        Ok(compact) => compact,
        Err(error) => {
            let (zh, en) = (message_zh(&error), error.to_string());
            return Err(Failure::Integrity { code: "not_a_certificate", zh, en });
        }
    };
    let (outcome, reason) = match compact.verify() {
        Err(error) => (Outcome::Forged, Some(Reason { code: "signature".to_owned(), text: message(&error, language) })),
        Ok(()) if compact.region != exchange.region => {
            let (found, expected) = (compact.region, exchange.region);
            let zh = format!("证明属于地区 {found} 的交换，不是 {expected}");
            let en = format!("the certificate is of the exchange {found}, not of {expected}");
            (Outcome::Forged, Some(Reason { code: "region".to_owned(), text: language.pick(zh, en) }))
        }
        Ok(()) => judge(session, arguments, exchange, &compact, on)?,
    };
    show(session, &compact, outcome, reason.as_ref(), on)?;
    Ok(outcome.exit())
}

/// Whose key it is, and whether the log has revoked the certificate.
fn judge(
    session: &Session,
    arguments: &VerifyArguments,
    exchange: &Exchange,
    compact: &Compact,
    on: Date,
) -> Result<(Outcome, Option<Reason>), Failure> {
    let by_itself = Outcome::from(compact.validity(on));
    if let Some(path) = &arguments.against {
        let past = against::open_log(session, path)?.tables(session, exchange)?;
        return known(session, past.registry(), past.view(), compact, by_itself);
    }
    if arguments.exchange.is_none() {
        let present = session.present()?;
        return known(session, present.registry(), present.view(), compact, by_itself);
    }
    if compact.issuer == exchange.authority && exchange.authority_keys.contains(&compact.keyid) {
        return Ok((by_itself, None));
    }
    Err(Failure::failed(
        "unknown_key",
        format!(
            "签名属实，但交换文件中没有 {} 的密钥 {}：请用 --against 指明日志或归档，或核验证明文件本身",
            compact.issuer, compact.keyid
        ),
        format!(
            "the signature is good, but the exchange file does not say whether {} is a key of {}: name a log or archive with --against, or \
             check the certificate's file",
            compact.keyid, compact.issuer
        ),
    ))
}

fn known(
    session: &Session,
    registry: &Registry,
    view: View<'_>,
    compact: &Compact,
    by_itself: Outcome,
) -> Result<(Outcome, Option<Reason>), Failure> {
    let language = session.language();
    let Compact { issuer, keyid, .. } = compact;
    if !was_good(registry, *issuer, *keyid, compact.position) {
        let zh = format!("密钥 {keyid} 在位置 {} 不是部门 {issuer} 的有效密钥", compact.position);
        let en = format!("{keyid} was no good key of {issuer} at position {}", compact.position);
        return Ok((Outcome::Forged, Some(Reason { code: "key".to_owned(), text: language.pick(zh, en) })));
    }
    let Some(issued) = view.certificate(compact.id)? else { return Ok((Outcome::NotOnLog, None)) };
    if issued.sha256 != compact.sha256 || issued.unit != compact.unit || issued.issuer != *issuer {
        let zh = format!("日志在位置 {} 签发的是另一份证明", issued.issued_at);
        let en = format!("the log has issued another certificate under this id at position {}", issued.issued_at);
        return Ok((Outcome::Forged, Some(Reason { code: "other_file".to_owned(), text: language.pick(zh, en) })));
    }
    // A key that was good once may have been stolen: what it signs now is held against what the log gives.
    let (balance, grade) = certificates::balance_at(view, registry, &compact.unit, compact.position, compact.date)?;
    let same = [
        ("position", issued.position == compact.position),
        ("date", issued.issued_on == compact.date),
        ("valid_until", issued.valid_until == compact.valid_until),
        ("balance", balance == compact.balance),
        ("grade", grade.as_ref() == Some(&compact.grade)),
    ];
    if let Some((field, _)) = same.into_iter().find(|(_, is_same)| !is_same) {
        let zh = format!("二维码的 {field} 与日志不符");
        let en = format!("the {field} of the QR code is not that of the log");
        return Ok((Outcome::Forged, Some(Reason { code: "qr_differs".to_owned(), text: language.pick(zh, en) })));
    }
    if issued.revocation.is_some() {
        return Ok((Outcome::Revoked, None));
    }
    let later = view.ledger(&compact.unit, compact.date)?.iter().any(|line| line.position > compact.position);
    Ok((if later && by_itself == Outcome::Valid { Outcome::Outdated } else { by_itself }, None))
}

fn was_good(registry: &Registry, agency: AgencyCode, keyid: KeyId, position: u64) -> bool {
    registry.keys_valid_at(position + 1).any(|(holder, key)| holder == agency && key == keyid)
}

/// Why a text does not belong to a certificate.
pub fn mismatch(text: &str, certificate: &Certificate, language: Language) -> Option<Reason> {
    let reason = |code: &str, text| Some(Reason { code: code.to_owned(), text });
    let compact: Compact = match text.parse() {
        Ok(compact) => compact,
        Err(error) => return reason("qr", message(&error, language)),
    };
    if let Err(error) = compact.verify() {
        return reason("qr", message(&error, language));
    }
    let field = compact.differs_from(certificate)?;
    let zh = format!("二维码的 {field} 与证明文件不符");
    let en = format!("the QR code is of another certificate: its {field} is not that of the file");
    reason("qr", language.pick(zh, en))
}

fn message(error: &CompactError, language: Language) -> String {
    language.pick(message_zh(error), error.to_string())
}

fn message_zh(error: &CompactError) -> String {
    match error {
        CompactError::Layout => "这不是证明二维码的文字".to_owned(),
        CompactError::Field { field, found, reason } => format!("二维码文字的字段 {field} 为 `{found}`：{reason}"),
        CompactError::Signature(keyid) => format!("密钥 {keyid} 的签名与二维码文字不符：文字被改动或读错"),
    }
}

fn show(
    session: &Session,
    compact: &Compact,
    outcome: Outcome,
    reason: Option<&Reason>,
    on: Date,
) -> Result<(), Failure> {
    let output = &session.output;
    if output.json() {
        let reason = reason.map(|reason| json!({"code": reason.code, "message": reason.text}));
        return output.document(&json!({"result": outcome.code(), "on": on, "reason": reason, "qr": compact}));
    }
    let mut facts = Facts::new();
    facts
        .add(output.say("结果", "result"), outcome.name(output.language()))
        .add_some(output.say("原因", "reason"), reason.map(|reason| &reason.text))
        .add(output.say("核验日期", "checked for"), on);
    if reason.is_none() {
        facts
            .add(output.say("证明编号", "certificate"), compact.id)
            .add(output.say("单位", "unit"), &compact.unit)
            .add(output.say("积分", "balance"), compact.balance)
            .add(output.say("等级", "grade"), &compact.grade)
            .add(output.say("日志位置", "position"), compact.position)
            .add(output.say("有效期", "valid"), format!("{} — {}", compact.date, compact.valid_until))
            .add(output.say("签发部门", "issuer"), compact.issuer)
            .add("SHA-256", compact.sha256);
    }
    facts.show(output)?;
    if reason.is_none() {
        output.note(
            "二维码只载有签发部门的签名陈述；事件、会签和账目须核验证明文件",
            "a QR code holds the issuer's signed statement and nothing else; events, cosignatures and entries take the certificate's file",
        );
    }
    Ok(())
}
