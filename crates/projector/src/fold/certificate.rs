//! Issuing and revoking a credit certificate.

use fengsui_event::payload::{CertificateIssued, CertificateRevoked};
use fengsui_event::{Payload, Subject};

use super::{Bound, Missing, Rejection, Step, Touched, not_before, require_earlier, require_subject, require_text};
use crate::state::{CertificateState, Revocation};

/// The certificate that an event speaks of.
pub(super) const fn named(payload: &Payload) -> Option<fengsui_event::CertificateId> {
    match payload {
        Payload::CertificateIssued(data) => Some(data.certificate),
        Payload::CertificateRevoked(data) => Some(data.certificate),
        _ => None,
    }
}

/// Any agency that may write may issue one: what it shows is the log's, and everybody can check it.
pub(super) fn issued(step: &mut Step<'_>, touched: &mut Touched, data: &CertificateIssued) -> Result<(), Rejection> {
    require_subject(step.event, &Subject::Unit(data.unit.clone()))?;
    if touched.account.is_none() {
        return Err(Rejection::Missing(Missing::Unit(data.unit.clone())));
    }
    if touched.certificate.is_some() {
        return Err(Rejection::Exists { what: format!("certificate {}", data.certificate) });
    }
    require_earlier(step.position, data.position)?;
    step.not_after_recorded(data.issued_on)?;
    not_before(data.valid_until, data.issued_on, Bound::NotBeforeIssued)?;
    for (field, text) in [("purpose", &data.purpose), ("consent", &data.consent)] {
        text.as_deref().map_or(Ok(()), |text| require_text(field, text))?;
    }
    touched.certificate = Some(Box::new(CertificateState {
        id: data.certificate,
        unit: data.unit.clone(),
        issuer: *step.actor,
        issued_at: step.position,
        position: data.position,
        sha256: data.sha256,
        issued_on: data.issued_on,
        valid_until: data.valid_until,
        purpose: data.purpose.clone(),
        consent: data.consent.clone(),
        revocation: None,
    }));
    step.changes.certificate = true;
    Ok(())
}

pub(super) fn revoked(step: &mut Step<'_>, touched: &mut Touched, data: &CertificateRevoked) -> Result<(), Rejection> {
    require_subject(step.event, &Subject::Unit(data.unit.clone()))?;
    let missing = Rejection::Missing(Missing::Certificate(data.certificate));
    let certificate = touched.certificate.as_deref_mut().ok_or(missing)?;
    step.only(&[&certificate.issuer, &step.registry.authority], "certified")?;
    if certificate.unit != data.unit {
        return Err(Rejection::Incoherent { found: data.unit.to_string(), expected: certificate.unit.to_string() });
    }
    if let Some(revocation) = &certificate.revocation {
        let (certificate, position) = (data.certificate, revocation.position);
        return Err(Rejection::CertificateRevoked { certificate, position });
    }
    require_text("reason", &data.reason)?;
    certificate.revocation =
        Some(Revocation { position: step.position, by: *step.actor, on: step.on, reason: data.reason.clone() });
    step.changes.certificate = true;
    Ok(())
}
