//! Credit certificates: issue, check, list, revoke.

mod against;
mod issue;
mod qr;
mod verify;

use fengsui_event::{AgencyCode, CertificateId, Date, UnitId};
use fengsui_node::certificates::CertificateError;
use fengsui_node::desk::{Command, RandomIds};
use fengsui_projector::state::CertificateState;
use fengsui_sheets::{ColumnKind, Value};
use serde::Serialize;
use serde_json::json;

use super::act;
use super::report::tell_normalised;
use crate::arguments::certificate::CertificateCommand;
use crate::arguments::value::TypedUnit;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, Listing};
use crate::session::Session;

/// Credit certificates.
pub fn run(session: &Session, command: CertificateCommand) -> Result<Exit, Failure> {
    match command {
        CertificateCommand::Issue(arguments) => issue::run(session, arguments),
        CertificateCommand::Verify(arguments) => verify::run(session, &arguments),
        CertificateCommand::List { unit, limit } => list(session, unit.as_ref(), limit),
        CertificateCommand::Revoke { certificate, reason } => revoke(session, certificate, reason),
    }
}

impl From<CertificateError> for Failure {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::NoAccount(unit) => Self::NoSuchUnit(unit),
            CertificateError::Model(error) => error.into(),
            CertificateError::Read(error) => error.into(),
            error => {
                let (code, zh) = (error.code(), error.message(fengsui_event::Language::Zh));
                let en = error.to_string();
                match error {
                    CertificateError::Own(_) | CertificateError::OwnGrade(_) => Self::Integrity { code, zh, en },
                    CertificateError::KeyNotGood { .. } => Self::NotAllowed { code, zh, en },
                    CertificateError::Checkpoint(error) if error.is_integrity() => Self::Integrity { code, zh, en },
                    _ => Self::Failed { code, zh, en },
                }
            }
        }
    }
}

/// A certificate as a line of the list.
#[derive(Serialize)]
struct CertificateRow {
    certificate: CertificateId,
    unit: UnitId,
    issuer: AgencyCode,
    issued_on: Date,
    valid_until: Date,
    state: &'static str,
    position: u64,
    issued_at: u64,
    sha256: fengsui_event::Digest,
    purpose: Option<String>,
    consent: Option<String>,
    revoked_at: Option<u64>,
    revoked_by: Option<AgencyCode>,
    reason: Option<String>,
}

impl CertificateRow {
    fn of(found: CertificateState, on: Date) -> Self {
        let state = match &found.revocation {
            Some(_) => "revoked",
            None if on > found.valid_until => "expired",
            None => "valid",
        };
        let (revoked_at, revoked_by, reason) = match found.revocation {
            Some(revocation) => (Some(revocation.position), Some(revocation.by), Some(revocation.reason)),
            None => (None, None, None),
        };
        Self {
            certificate: found.id,
            unit: found.unit,
            issuer: found.issuer,
            issued_on: found.issued_on,
            valid_until: found.valid_until,
            state,
            position: found.position,
            issued_at: found.issued_at,
            sha256: found.sha256,
            purpose: found.purpose,
            consent: found.consent,
            revoked_at,
            revoked_by,
            reason,
        }
    }
}

const CERTIFICATES: &[Column<CertificateRow>] = &[
    Column::new("证明编号", "certificate", ColumnKind::Text, |row, _| Value::Text(row.certificate.to_string())),
    Column::new("单位标识", "unit", ColumnKind::Text, |row, _| Value::Text(row.unit.to_string())),
    Column::new("签发部门", "issuer", ColumnKind::Text, |row, _| Value::Text(row.issuer.to_string())),
    Column::new("签发日期", "issued_on", ColumnKind::Date, |row, _| Value::Date(row.issued_on)),
    Column::new("有效期至", "valid_until", ColumnKind::Date, |row, _| Value::Date(row.valid_until)),
    Column::new("状态", "state", ColumnKind::Text, |row, language| {
        let zh = match row.state {
            "revoked" => "已撤销",
            "expired" => "已过期",
            _ => "有效",
        };
        Value::Text(language.pick(zh, row.state).to_owned())
    }),
    Column::new("日志位置", "position", ColumnKind::Integer, |row, _| {
        i64::try_from(row.position).map_or(Value::Empty, Value::Integer)
    }),
    Column::new("用途", "purpose", ColumnKind::Text, |row, _| text(row.purpose.as_ref())),
    Column::new("撤销原因", "reason", ColumnKind::Text, |row, _| text(row.reason.as_ref())),
];

fn text(value: Option<&String>) -> Value {
    value.map_or(Value::Empty, |text| Value::Text(text.clone()))
}

fn list(session: &Session, unit: Option<&TypedUnit>, limit: Option<u64>) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let found = match unit {
        Some(unit) => {
            tell_normalised(session, unit);
            let mut found = tables.view().certificates_of(&unit.unit)?;
            found.truncate(limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
            found
        }
        None => tables.view().certificates(limit)?,
    };
    let mut listing = Listing::begin(&session.output, "certificates", Some(&tables.moment), CERTIFICATES)?;
    for certificate in found {
        listing.row(&CertificateRow::of(certificate, tables.moment.date))?;
    }
    listing.end(Ok(()))?;
    Ok(Exit::Done)
}

fn revoke(session: &Session, certificate: CertificateId, reason: String) -> Result<Exit, Failure> {
    let mut node = session.node()?;
    let actor = session.actor(node.folder())?;
    let command = Command::RevokeCertificate { certificate, reason };
    let accepted =
        node.accept(|batch| batch.submit(actor, command, &mut RandomIds, session.now).map_err(Failure::from))?;
    let output = &session.output;
    if output.json() {
        output.document(&json!({"certificate": certificate, "events": act::done(&accepted.result)}))?;
    } else {
        Facts::new().add(output.say("已撤销证明", "revoked"), certificate).show(output)?;
    }
    act::ended(accepted)
}
