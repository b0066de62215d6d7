//! Certificates at a real node's desk: entered, revoked by their identifier alone, and read from its tables.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use fengsui_event::payload::CertificateIssued;
use fengsui_event::{AgencyCode, CertificateId, Digest, Payload, Subject, Timestamp, UnitId};
use fengsui_node::demo::{DemoOptions, run};
use fengsui_node::desk::{Command, PlanError, RandomIds};
use fengsui_node::{Node, NodeError};
use fengsui_projector::fold::Missing;
use fengsui_projector::{Cause, Rejection};
use tempfile::TempDir;

/// The pilot's agencies with one unit.
fn pilot() -> (TempDir, Node, UnitId) {
    let place = TempDir::new().unwrap();
    let options = DemoOptions { units: 1, violations: 0, seed: 1 };
    let (node, _) = run(place.path(), options, &mut |_| ControlFlow::Continue(())).unwrap();
    let mut unit = None;
    let day = "2026-02-09".parse().unwrap();
    node.view()
        .each_unit(day, Some(1), |row| {
            unit = Some(row.unit);
            Ok(())
        })
        .unwrap();
    (place, node, unit.unwrap())
}

fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

fn morning() -> Timestamp {
    "2026-02-09T01:00:00Z".parse().unwrap()
}

fn id(number: u8) -> CertificateId {
    CertificateId::from_parts(1_770_000_000_000, [number; 10])
}

fn issue(number: u8, unit: &UnitId, position: u64) -> Command {
    Command::IssueCertificate(CertificateIssued {
        certificate: id(number),
        unit: unit.clone(),
        position,
        sha256: Digest::of(&[number]),
        issued_on: "2026-02-09".parse().unwrap(),
        valid_until: "2026-05-09".parse().unwrap(),
        purpose: Some("贷款".to_owned()),
        consent: None,
    })
}

fn revoke(number: u8) -> Command {
    Command::RevokeCertificate { certificate: id(number), reason: "信息有误".to_owned() }
}

#[test]
fn a_certificate_is_entered_and_revoked_by_its_identifier() {
    let (_place, mut node, unit) = pilot();
    let head = node.view().progress().unwrap().0.position;
    let submit = |node: &mut Node, code: &str, command| node.submit(agency(code), command, &mut RandomIds, morning());
    submit(&mut node, "fire", issue(1, &unit, head)).unwrap();
    let receipt = submit(&mut node, "fire", revoke(1)).unwrap();
    // The desk finds out of which unit it is.
    assert_eq!(receipt.events[0].subject, Subject::Unit(unit.clone()));
    assert!(matches!(&receipt.events[0].payload, Payload::CertificateRevoked(data) if data.unit == unit));
    let stored = node.view().certificate(id(1)).unwrap().unwrap();
    let revocation = stored.revocation.unwrap();
    assert_eq!((stored.issued_at, revocation.position, revocation.by), (head + 1, head + 2, agency("fire")));
    let again = submit(&mut node, "fire", revoke(1)).unwrap_err();
    let NodeError::Refused(Cause::Rejected(rejection)) = again else { panic!("{again}") };
    assert_eq!(rejection, Rejection::CertificateRevoked { certificate: id(1), position: head + 2 });
}

#[test]
fn what_the_fold_refuses_is_refused_at_the_desk() {
    let (_place, mut node, unit) = pilot();
    let (head, before) = (node.view().progress().unwrap().0.position, node.view().certificates_of(&unit).unwrap());
    let unknown = node.submit(agency("fire"), revoke(7), &mut RandomIds, morning()).unwrap_err();
    let NodeError::Plan(PlanError::Rejected(rejection)) = unknown else { panic!("{unknown}") };
    assert_eq!(rejection, Rejection::Missing(Missing::Certificate(id(7))));
    let own = node.submit(agency("fire"), issue(1, &unit, head + 1), &mut RandomIds, morning()).unwrap_err();
    let NodeError::Refused(Cause::Rejected(rejection)) = own else { panic!("{own}") };
    assert_eq!(rejection, Rejection::PositionRange { found: head + 1, last: head });
    let note = Command::CosignCheckpoint { note: "文字".to_owned() };
    let no_note = node.submit(agency("fire"), note, &mut RandomIds, morning()).unwrap_err();
    assert!(matches!(no_note, NodeError::Refused(Cause::Rejected(Rejection::NotInterpreted))), "{no_note}");
    assert_eq!(node.view().progress().unwrap().0.position, head, "nothing was published");
    assert_eq!(node.view().certificates_of(&unit).unwrap(), before);
}

/// Two commands of one transaction: the second sees what the first will do.
#[test]
fn a_batch_sees_its_own_certificates() {
    let (_place, mut node, unit) = pilot();
    let head = node.view().progress().unwrap().0.position;
    let result = node.batch(|batch| {
        batch.submit(agency("fire"), issue(1, &unit, head), &mut RandomIds, morning())?;
        batch.submit(agency("joint-office"), revoke(1), &mut RandomIds, morning())
    });
    result.unwrap();
    assert_eq!(node.view().certificate(id(1)).unwrap().unwrap().revocation.unwrap().by, agency("joint-office"));
}
