//! Checking a certificate: by itself, and against what else is known.

use std::io::Read as _;
use std::path::Path;

use fengsui_event::{Date, Language, Points};
use fengsui_node::as_of::AsOf;
use fengsui_node::certificates::{self, Contradiction, Standing};
use fengsui_node::folder::{Exchange, Folder};
use fengsui_proof::certificate::{
    CERTIFICATE_BYTES_MAX, Certificate, CertificateError, Forgery, Trust, Validity, Verified, verify,
};
use serde_json::{Value, json};

use super::against::{self, Newer};
use super::qr;
use crate::arguments::certificate::VerifyArguments;
use crate::exit::{Exit, Failure};
use crate::output::Facts;
use crate::session::Session;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Valid,
    NotYetValid,
    Expired,
    Outdated,
    Revoked,
    NotOnLog,
    Forged,
}

impl Outcome {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::Outdated => "outdated",
            Self::Revoked => "revoked",
            Self::NotOnLog => "not_on_log",
            Self::Forged => "forged",
        }
    }

    pub(super) fn name(self, language: Language) -> &'static str {
        match self {
            Self::Valid => language.pick("有效", "valid"),
            Self::NotYetValid => language.pick("尚未生效", "not yet valid"),
            Self::Expired => language.pick("已过期", "expired"),
            Self::Outdated => language.pick("已过时：账户此后有变动", "outdated: the account has changed since"),
            Self::Revoked => language.pick("已撤销", "revoked"),
            Self::NotOnLog => language.pick("日志中没有签发记录", "not on the log: no such certificate was issued"),
            Self::Forged => language.pick("不成立", "does not hold"),
        }
    }

    pub(super) const fn exit(self) -> Exit {
        match self {
            Self::Valid => Exit::Done,
            Self::Forged => Exit::Integrity,
            _ => Exit::Differences,
        }
    }
}

impl From<Validity> for Outcome {
    fn from(validity: Validity) -> Self {
        match validity {
            Validity::Valid => Self::Valid,
            Validity::NotYetValid => Self::NotYetValid,
            Validity::Expired => Self::Expired,
        }
    }
}

/// Why a certificate is not believed: a code and words.
pub(super) struct Reason {
    pub(super) code: String,
    pub(super) text: String,
}

/// Checks a certificate or a QR code's text.
pub fn run(session: &Session, arguments: &VerifyArguments) -> Result<Exit, Failure> {
    let on = day(session)?;
    let exchange = exchange(session, arguments.exchange.as_deref())?;
    let Some(file) = &arguments.file else {
        return qr::run(session, arguments, &exchange, on);
    };
    let certificate = match Certificate::parse(&read(file)?) {
        Ok(certificate) => certificate,
        Err(error) => return Err(unreadable(&error, file)),
    };
    let trust =
        Trust { cosigners: arguments.cosigner.clone(), needed: arguments.quorum, ..certificates::trust_of(&exchange) };
    let language = session.language();
    let report = match verify(&certificate, &trust, on) {
        Err(forgery) => Report::forged(on, reason_of(&forgery, language)),
        Ok(verified) => check_further(session, arguments, &exchange, &certificate, verified, on)?,
    };
    report.show(session, &certificate)?;
    Ok(report.outcome.exit())
}

/// What the certificate does not show by itself: the grade, its QR code, its standing on a log.
fn check_further(
    session: &Session,
    arguments: &VerifyArguments,
    exchange: &Exchange,
    certificate: &Certificate,
    verified: Verified,
    on: Date,
) -> Result<Report, Failure> {
    let language = session.language();
    if let Some(reason) = wrong_grade(certificate, &verified, language) {
        return Ok(Report::forged(on, reason));
    }
    if let Some(text) = &arguments.qr
        && let Some(reason) = qr::mismatch(text, certificate, language)
    {
        return Ok(Report::forged(on, reason));
    }
    let mut report =
        Report { outcome: verified.validity.into(), on, reason: None, verified: None, standing: None, newer: None };
    let found = match (&arguments.against, &arguments.exchange) {
        (Some(path), _) => Some(against::look(session, path, exchange, certificate, &verified)?),
        // In a node's folder its own log is at hand.
        (None, None) => against::look_here(session, certificate, &verified)?,
        (None, Some(_)) => None,
    };
    match found {
        None => {}
        Some(against::Found::Contradiction(found)) => return Ok(Report::forged(on, contradiction(&found, language))),
        Some(against::Found::Forged(reason)) => return Ok(Report::forged(on, reason)),
        Some(against::Found::Newer(newer)) => report.newer = Some(newer),
        Some(against::Found::Standing(standing)) => {
            report.outcome = outcome_with(report.outcome, &standing);
            report.standing = Some(standing);
        }
    }
    report.verified = Some(verified);
    Ok(report)
}

/// What weighs most is told: a revocation more than the end of the term, that more than a change of the account.
fn outcome_with(by_itself: Outcome, standing: &Standing) -> Outcome {
    if standing.revoked_at.is_some() {
        Outcome::Revoked
    } else if standing.issued_at.is_none() {
        Outcome::NotOnLog
    } else if by_itself != Outcome::Valid {
        by_itself
    } else if !standing.later.is_empty() {
        Outcome::Outdated
    } else {
        Outcome::Valid
    }
}

fn wrong_grade(certificate: &Certificate, verified: &Verified, language: Language) -> Option<Reason> {
    let stated = certificate.statement().grade.clone();
    match certificates::grade_of(certificate.statement(), &verified.rulebook_text) {
        Ok(found) if found == stated => None,
        Ok(found) => Some(contradiction(&Contradiction::Grade { stated, found }, language)),
        Err(error) => Some(Reason {
            code: "rulebook".to_owned(),
            text: language.pick(format!("所附规则无法读取：{error}"), format!("the rulebook cannot be read: {error}")),
        }),
    }
}

pub(super) fn reason_of(forgery: &Forgery, language: Language) -> Reason {
    Reason { code: forgery.code().to_owned(), text: forgery.message(language) }
}

fn contradiction(found: &Contradiction, language: Language) -> Reason {
    Reason { code: found.code().to_owned(), text: found.message(language) }
}

/// The day for which it is asked.
fn day(session: &Session) -> Result<Date, Failure> {
    match session.global.as_of {
        None => Ok(session.today()),
        Some(AsOf::Date(date)) => Ok(date),
        Some(AsOf::Position(_)) => {
            Err(Failure::usage("核验证明时 --as-of 须为日期", "to check a certificate, --as-of must be a date"))
        }
    }
}

/// The exchange that is trusted. It is never taken from the certificate: whoever forges one would bring his own.
fn exchange(session: &Session, file: Option<&Path>) -> Result<Exchange, Failure> {
    match file {
        Some(file) => Ok(Exchange::load(file)?),
        None if Folder::is_initialised(&session.global.data) => {
            Ok(Folder::open(&session.global.data)?.exchange().clone())
        }
        None => Err(Failure::usage(
            "未指明信任何人：请用 --exchange 指明交换文件 exchange.toml（向联席会议办公室索取），或用 --data 指明节点文件夹",
            "nobody says whom to trust: name the exchange file with --exchange (exchange.toml, from the exchange's authority), or a \
             node's folder with --data",
        )),
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let most = u64::try_from(CERTIFICATE_BYTES_MAX).unwrap_or(u64::MAX);
    let file = std::fs::File::open(path).map_err(Failure::file(path))?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(Failure::file(path))?;
    Ok(bytes)
}

fn unreadable(error: &CertificateError, file: &Path) -> Failure {
    let (code, file) = ("not_a_certificate", file.display());
    let (zh, en) = (format!("{file} 不是证明原件，或已被改动：{error}"), format!("{file}: {error}"));
    match error {
        CertificateError::Format { .. } => Failure::Failed { code, zh, en },
        _ => Failure::Integrity { code, zh, en },
    }
}

/// What is told of a check.
struct Report {
    outcome: Outcome,
    on: Date,
    reason: Option<Reason>,
    verified: Option<Verified>,
    standing: Option<Standing>,
    newer: Option<Newer>,
}

impl Report {
    fn forged(on: Date, reason: Reason) -> Self {
        Self { outcome: Outcome::Forged, on, reason: Some(reason), verified: None, standing: None, newer: None }
    }

    fn show(&self, session: &Session, certificate: &Certificate) -> Result<(), Failure> {
        if session.output.json() { self.show_json(session, certificate) } else { self.show_text(session, certificate) }
    }

    fn show_json(&self, session: &Session, certificate: &Certificate) -> Result<(), Failure> {
        let statement = certificate.statement();
        let checkpoint = self.verified.as_ref().map(|verified| {
            let found = verified.checkpoint.checkpoint();
            let cosigned = |it: &fengsui_proof::Cosigned| json!({"name": it.name, "keyid": it.key, "time_seconds": it.time_seconds});
            let cosigned: Vec<Value> = verified.cosigned.iter().map(cosigned).collect();
            json!({"size": found.size, "root": found.root, "needed": verified.needed, "cosigned_on": verified.witnessed_on(), "cosigned": cosigned})
        });
        let reason = self.reason.as_ref().map(|reason| json!({"code": reason.code, "message": reason.text}));
        session.output.document(&json!({
            "result": self.outcome.code(), "on": self.on, "reason": reason,
            "certificate": {
                "id": statement.id, "region": statement.region, "unit": statement.unit, "name": statement.name,
                "balance": statement.balance, "grade": statement.grade, "position": statement.position,
                "date": statement.date, "valid_until": statement.valid_until, "issuer": statement.issuer,
                "keyid": statement.keyid, "rulebook": statement.rulebook.version, "purpose": statement.purpose,
                "consent": statement.consent, "entries": statement.entries, "sha256": certificate.sha256(),
            },
            "checkpoint": checkpoint, "against": self.standing, "newer_checkpoint": self.newer,
        }))
    }

    fn show_text(&self, session: &Session, certificate: &Certificate) -> Result<(), Failure> {
        let (statement, output) = (certificate.statement(), &session.output);
        let language = output.language();
        let mut facts = Facts::new();
        facts
            .add(output.say("结果", "result"), self.outcome.name(language))
            .add_some(output.say("原因", "reason"), self.reason.as_ref().map(|reason| &reason.text))
            .add(output.say("核验日期", "checked for"), self.on);
        if self.reason.is_none() {
            let Points(balance) = statement.balance;
            facts
                .add(output.say("证明编号", "certificate"), statement.id)
                .add(output.say("单位", "unit"), format!("{} {}", statement.unit, statement.name))
                .add(output.say("积分", "balance"), balance)
                .add(output.say("等级", "grade"), &statement.grade)
                .add(output.say("账目", "entries"), statement.entries.len())
                .add(output.say("日志位置", "position"), statement.position)
                .add(output.say("有效期", "valid"), format!("{} — {}", statement.date, statement.valid_until))
                .add(output.say("签发部门", "issuer"), statement.issuer)
                .add_some(output.say("用途", "purpose"), statement.purpose.as_ref())
                .add_some(output.say("授权", "consent"), statement.consent.as_ref());
        }
        if let Some(verified) = &self.verified {
            let names: Vec<String> = verified.cosigned.iter().map(|it| verified.witness(&it.name)).collect();
            facts.add(
                output.say("会签", "cosigned"),
                format!("{} (≥ {}): {}", names.len(), verified.needed, names.join(output.say("、", ", "))),
            );
            facts.add_some(output.say("会签日期", "cosigned on"), verified.witnessed_on());
        }
        if let Some(standing) = &self.standing {
            add_standing(session, &mut facts, standing);
        }
        if let Some(newer) = &self.newer {
            let Newer { size, positions_since, proven } = newer;
            let en = format!(
                "{size} positions, {positions_since} more than the certificate's checkpoint{}",
                if *proven { ", consistent" } else { "; not proven consistent: no tiles beside it" }
            );
            let zh = format!(
                "覆盖到位置 {size}，比证明的检查点多 {positions_since}{}",
                if *proven { "，前后一致" } else { "；旁边没有树块，无法证明一致" }
            );
            facts.add(output.say("较新的检查点", "newer checkpoint"), language.pick(zh, en));
        }
        facts.show(output)?;
        if self.reason.is_none() {
            let notice = &statement.notice;
            output.line("")?;
            output.line(language.pick(&notice.proves_zh, &notice.proves_en))?;
            output.line(language.pick(&notice.does_not_prove_zh, &notice.does_not_prove_en))?;
        }
        Ok(())
    }
}

fn add_standing(session: &Session, facts: &mut Facts, standing: &Standing) {
    let output = &session.output;
    facts.add(output.say("对照日志至", "log up to"), standing.head);
    facts.add_some(output.say("签发位置", "issued at"), standing.issued_at);
    if let (Some(position), Some(on), Some(by)) = (standing.revoked_at, standing.revoked_on, standing.revoked_by) {
        let reason = standing.revoked_because.clone().unwrap_or_default();
        facts.add(output.say("撤销", "revoked"), format!("{on} {by} ({position}): {reason}"));
    }
    for entry in &standing.later {
        let Points(points) = entry.points;
        facts
            .add(output.say("此后的账目", "later entry"), format!("{} ({points:+}, {})", entry.number, entry.position));
    }
}
