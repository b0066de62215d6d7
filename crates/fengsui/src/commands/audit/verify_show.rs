//! What an audit has seen, as people and scripts read it.

use fengsui_event::Language;
use fengsui_projector::audit::{Check, Checked, Finding, Outcome, Severity, Skipped};
use fengsui_proof::checkpoint::Origin;
use fengsui_sheets::{ColumnKind, Value};
use serde_json::json;

use super::target::Trust;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, show_rows};
use crate::session::Session;

/// What was audited.
pub struct About<'a> {
    /// The log.
    pub name: &'a str,
    /// Whom the audit trusted.
    pub trust: &'a Trust,
    /// How long it took.
    pub seconds: f64,
}

/// Shows an audit's outcome; the exit code says the gravest of it.
pub fn show(session: &Session, outcome: &Outcome, about: &About<'_>) -> Result<Exit, Failure> {
    let exit = match outcome.severity() {
        Some(Severity::Integrity) => Exit::Integrity,
        Some(Severity::Difference) => Exit::Differences,
        Some(Severity::Remark) | None => Exit::Done,
    };
    if session.output.json() {
        lines(session, outcome, about, exit)?;
    } else {
        text(session, outcome, about, exit)?;
    }
    Ok(exit)
}

fn lines(session: &Session, outcome: &Outcome, about: &About<'_>, exit: Exit) -> Result<(), Failure> {
    let language = session.language();
    for finding in &outcome.findings {
        session.output.json_line(&json!({
            "type": "finding", "check": finding.check, "code": finding.fault.code(), "severity": finding.severity,
            "position": finding.position, "until": finding.until, "count": finding.count,
            "message": finding.fault.message(language), "advice": finding.fault.advice(language),
        }))?;
    }
    let covered = outcome.covered.as_ref().map(|covered| {
        json!({"size": covered.size, "root": covered.root, "cosigners": covered.cosigners, "needed": covered.needed})
    });
    session.output.json_line(&json!({
        "type": "summary", "log": about.name, "exit": exit as u8, "verified": exit == Exit::Done,
        "trust": {"place": about.trust.place, "from_itself": about.trust.from_itself,
                  "region": about.trust.exchange.region, "authority": about.trust.exchange.authority,
                  "keys": about.trust.exchange.authority_keys},
        "first": outcome.first, "begun_at": outcome.begun_at, "position": outcome.position, "head": outcome.head,
        "root": outcome.root, "digest": outcome.digest.map(|digest| format!("sha256:{digest}")),
        "covered": covered, "checks": outcome.checks, "anomalies": outcome.anomalies,
        "milliseconds": milliseconds(about.seconds),
    }))
}

fn text(session: &Session, outcome: &Outcome, about: &About<'_>, exit: Exit) -> Result<(), Failure> {
    let output = &session.output;
    facts(session, outcome, about)?;
    output.heading(output.say("核验项目", "Checks"))?;
    show_rows(output, CHECKS, &outcome.checks)?;
    if !outcome.findings.is_empty() {
        output.heading(output.say("发现", "Findings"))?;
        for finding in &outcome.findings {
            show_finding(session, finding)?;
        }
    }
    let Outcome { position, root, digest, .. } = outcome;
    let verdict = match exit {
        Exit::Done => output.say("核验通过", "verified"),
        _ => output.say("核验未通过", "not verified"),
    };
    let digest = digest.map(|digest| format!(" digest sha256:{digest}")).unwrap_or_default();
    output.line("")?;
    output.line(&format!("{verdict} {position} root {root}{digest}"))
}

fn facts(session: &Session, outcome: &Outcome, about: &About<'_>) -> Result<(), Failure> {
    let output = &session.output;
    let Trust { exchange, place, from_itself } = about.trust;
    let itself = if *from_itself { output.say("，取自被核验内容", ", from what is audited") } else { "" };
    let mut facts = Facts::new();
    facts
        .add(output.say("日志", "log"), about.name)
        .add(output.say("信任根", "trust"), format!("{} {} ({place}{itself})", exchange.region, exchange.authority));
    if outcome.first > 1 {
        facts.add(output.say("首个位置", "first position"), outcome.first);
    }
    if outcome.begun_at > 0 {
        facts.add(output.say("此前已核验至", "verified before up to"), outcome.begun_at);
    }
    facts.add(output.say("核验至位置", "verified up to"), format!("{} / {}", outcome.position, outcome.head));
    let covered = outcome.covered.as_ref().map_or(0, |covered| covered.size);
    if let Some(covered) = &outcome.covered {
        // Of an agency its code is enough.
        let origin = Origin::of(exchange.region);
        let short = |name: &String| origin.agency_of(name).map_or_else(|| name.clone(), |agency| agency.to_string());
        let names = covered.cosigners.iter().map(short).collect::<Vec<_>>().join(", ");
        facts.add(
            output.say("检查点涵盖", "covered by a checkpoint"),
            format!("{} ({}/{}: {names})", covered.size, covered.cosigners.len(), covered.needed),
        );
    }
    if covered < outcome.position {
        facts.add(output.say("尚无检查点涵盖", "not yet covered"), format!("{} - {}", covered + 1, outcome.position));
    }
    facts.add(output.say("用时（秒）", "seconds"), format!("{:.3}", about.seconds));
    facts.show(output)
}

fn show_finding(session: &Session, finding: &Finding) -> Result<(), Failure> {
    let output = &session.output;
    let language = session.language();
    let place = match (finding.position, finding.until) {
        (Some(first), Some(last)) if last > first => format!("#{first}-{last}"),
        (Some(position), _) => format!("#{position}"),
        (None, _) => "-".to_owned(),
    };
    let more = match finding.count {
        0 | 1 => String::new(),
        count => match language {
            Language::Zh => format!("（另有 {} 处）", count - 1),
            Language::En => format!(" (and {} more)", count - 1),
        },
    };
    let severity = severity_name(finding.severity, language);
    let message = crate::output::one_line(&finding.fault.message(language));
    output.line(&format!("{}\t{place}\t{severity}\t{message}{more}", finding.fault.code()))?;
    output.line(&format!("\t{}", finding.fault.advice(language)))
}

fn severity_name(severity: Severity, language: Language) -> &'static str {
    match severity {
        Severity::Integrity => language.pick("完整性", "integrity"),
        Severity::Difference => language.pick("差异", "difference"),
        Severity::Remark => language.pick("提示", "remark"),
    }
}

const CHECKS: &[Column<Checked>] = &[
    Column::new("项目", "check", ColumnKind::Text, |row, language| Value::Text(row.check.name(language).to_owned())),
    Column::new("核验数量", "checked", ColumnKind::Integer, |row, _| match row.skipped {
        None => Value::Integer(i64::try_from(row.checked).unwrap_or(i64::MAX)),
        Some(_) => Value::Empty,
    }),
    Column::new("结果", "result", ColumnKind::Text, |row, language| Value::Text(result(row, language))),
];

fn result(row: &Checked, language: Language) -> String {
    match (row.skipped, row.failed) {
        (_, failed) if failed > 0 => format!("{} {failed}", language.pick("有误", "failed")),
        (None, _) => language.pick("无误", "good").to_owned(),
        (Some(skipped), _) => skipped_text(row.check, skipped, language).to_owned(),
    }
}

fn skipped_text(check: Check, skipped: Skipped, language: Language) -> &'static str {
    match (skipped, check) {
        (Skipped::Nothing, Check::Continuity) => language.pick("首次核验", "first audit"),
        (Skipped::Nothing, _) => language.pick("无", "there is none"),
        (Skipped::NotAsked, _) => language.pick("未要求", "not asked for"),
        (Skipped::Passed, _) => language.pick("所指位置已过", "of a position that was passed"),
        (Skipped::Beyond, _) => language.pick("所指位置未到", "of a position beyond"),
        (Skipped::Ended, _) => language.pick("未核验", "not looked at"),
        (Skipped::Part, _) => language.pick("须有位置 1 起的日志", "needs the log from position 1 on"),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}
