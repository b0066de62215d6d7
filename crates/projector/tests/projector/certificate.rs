//! Certificates on the log: issued, revoked, and what the tables say of them.

use fengsui_event::Date;
use fengsui_event::payload::{CertificateIssued, CertificateRevoked};
use fengsui_projector::fold::{Bound, Missing, Rejection};

use crate::harness::payloads::unit_registered;
use crate::harness::proofs::{about_unit, certificate_id, certified, revoked};
use crate::harness::{AUTHORITY, Model, Scene, agency, date, hotel, school};

const DAY: &str = "2025-01-02";

/// The hotel and the school are registered at positions 11 and 12.
fn scene() -> Scene {
    let mut scene = Scene::new();
    for unit in [hotel(), school()] {
        scene.effective("tourism", about_unit(&unit, unit_registered(&unit)));
    }
    scene
}

fn issue(number: u8) -> CertificateIssued {
    certified(number, &hotel(), 11, DAY)
}

#[test]
fn any_agency_issues_a_certificate_of_any_unit() {
    let mut scene = scene();
    let consented = CertificateIssued { consent: Some("〔2025〕7号".to_owned()), purpose: None, ..issue(1) };
    scene.effective("fire", about_unit(&hotel(), consented));
    scene.effective(AUTHORITY, about_unit(&school(), certified(2, &school(), 14 - 1, DAY)));
    let first = &scene.memory.certificates[&certificate_id(1)];
    assert_eq!((first.issuer, first.issued_at, first.position), (agency("fire"), 13, 11));
    assert_eq!((first.purpose.as_deref(), first.consent.as_deref()), (None, Some("〔2025〕7号")));
    assert_eq!((first.issued_on, first.valid_until), (date(DAY), date("2025-02-01")));
    assert_eq!(first.revocation, None);
    assert_eq!(scene.memory.certificates[&certificate_id(2)].issuer, agency(AUTHORITY));
    assert_eq!(scene.memory.accounts[&hotel()].total.0, 100, "it moves no points");
}

#[test]
fn a_certificate_speaks_of_its_subject_which_has_an_account() {
    let mut scene = Scene::new();
    let nobody = scene.refuses("fire", about_unit(&hotel(), issue(1)));
    assert_eq!(nobody, Rejection::Missing(Missing::Unit(hotel())));
    let other = scene.refuses("fire", about_unit(&school(), issue(1)));
    assert!(matches!(other, Rejection::Incoherent { .. }));
    let elsewhere = crate::harness::Publication {
        subject: fengsui_event::Subject::Region(crate::harness::region("350600")),
        ..about_unit(&hotel(), issue(1))
    };
    assert!(matches!(scene.refuses("fire", elsewhere), Rejection::Incoherent { .. }));
}

#[test]
fn an_identifier_names_one_certificate_for_ever() {
    let mut scene = scene();
    scene.effective("fire", about_unit(&hotel(), issue(1)));
    let exists = Rejection::Exists { what: format!("certificate {}", certificate_id(1)) };
    assert_eq!(scene.refuses("fire", about_unit(&hotel(), issue(1))), exists);
    let of_another = certified(1, &school(), 11, DAY);
    assert_eq!(scene.refuses("urban", about_unit(&school(), of_another)), exists);
    scene.effective("fire", about_unit(&hotel(), revoked(1, &hotel())));
    assert_eq!(scene.refuses("fire", about_unit(&hotel(), issue(1))), exists);
}

#[test]
fn a_certificate_shows_a_position_before_its_own_and_bears_good_days() {
    let mut scene = scene();
    for (position, last) in [(0, 12), (14, 13), (u64::MAX, 14)] {
        let rejection = scene.refuses("fire", about_unit(&hotel(), CertificateIssued { position, ..issue(1) }));
        assert_eq!(rejection, Rejection::PositionRange { found: position, last });
    }
    let dated = |issued_on: &str, valid_until: &str| CertificateIssued {
        issued_on: date(issued_on),
        valid_until: date(valid_until),
        ..issue(1)
    };
    let order = |date: Date, limit: Date, bound| Rejection::DateOrder { date, limit, bound };
    let tomorrow = scene.refuses("fire", about_unit(&hotel(), dated("2025-01-03", "2025-02-03")));
    assert_eq!(tomorrow, order(date("2025-01-03"), date(DAY), Bound::NotAfterRecorded));
    let ended = scene.refuses("fire", about_unit(&hotel(), dated(DAY, "2025-01-01")));
    assert_eq!(ended, order(date("2025-01-01"), date(DAY), Bound::NotBeforeIssued));
    for (field, certificate) in [
        ("purpose", CertificateIssued { purpose: Some(" ".to_owned()), ..issue(1) }),
        ("consent", CertificateIssued { consent: Some(String::new()), ..issue(1) }),
    ] {
        let rejection = scene.refuses("fire", about_unit(&hotel(), certificate));
        assert_eq!(rejection, Rejection::Empty { field: field.to_owned() });
    }
    scene.effective("fire", about_unit(&hotel(), dated(DAY, DAY)));
}

#[test]
fn issuer_and_authority_revoke_it_once_with_a_reason() {
    let mut scene = scene();
    let missing = Rejection::Missing(Missing::Certificate(certificate_id(1)));
    assert_eq!(scene.refuses("fire", about_unit(&hotel(), revoked(1, &hotel()))), missing);
    scene.effective("fire", about_unit(&hotel(), issue(1)));
    scene.effective("fire", about_unit(&hotel(), issue(2)));
    let others = scene.refuses("tourism", about_unit(&hotel(), revoked(1, &hotel())));
    let may = vec![agency("fire"), agency(AUTHORITY)];
    assert_eq!(others, Rejection::WrongActor { actor: agency("tourism"), may, state: "certified".to_owned() });
    let other_unit = scene.refuses("fire", about_unit(&school(), revoked(1, &school())));
    assert!(matches!(other_unit, Rejection::Incoherent { .. }));
    let subject = scene.refuses("fire", about_unit(&school(), revoked(1, &hotel())));
    assert!(matches!(subject, Rejection::Incoherent { .. }));
    let reasonless = CertificateRevoked { reason: " ".to_owned(), ..revoked(1, &hotel()) };
    let empty = Rejection::Empty { field: "reason".to_owned() };
    assert_eq!(scene.refuses("fire", about_unit(&hotel(), reasonless)), empty);
    scene.on("2025-01-09");
    scene.effective("fire", about_unit(&hotel(), revoked(1, &hotel())));
    let position = scene.position();
    scene.effective(AUTHORITY, about_unit(&hotel(), revoked(2, &hotel())));
    let revocation = |number| scene.memory.certificates[&certificate_id(number)].revocation.clone().unwrap();
    let (first, second) = (revocation(1), revocation(2));
    assert_eq!((first.position, first.by, first.on), (position, agency("fire"), date("2025-01-09")));
    assert_eq!((second.by, second.reason.as_str()), (agency(AUTHORITY), "信息有误"));
    let again = Rejection::CertificateRevoked { certificate: certificate_id(1), position };
    assert_eq!(scene.refuses(AUTHORITY, about_unit(&hotel(), revoked(1, &hotel()))), again);
}

#[test]
fn the_tables_have_a_units_certificates_the_latest_first() {
    let mut scene = scene();
    for number in [3, 1, 2] {
        scene.effective("fire", about_unit(&hotel(), issue(number)));
    }
    scene.effective("fire", about_unit(&school(), certified(9, &school(), 12, DAY)));
    scene.effective("fire", about_unit(&hotel(), revoked(1, &hotel())));
    let (_model, projector) = Model::of(&scene.genesis, &scene.log);
    let view = projector.store().view();
    let of_hotel = view.certificates_of(&hotel()).unwrap();
    let told: Vec<_> = of_hotel.iter().map(|it| (it.id, it.revocation.is_some())).collect();
    let id = certificate_id;
    assert_eq!(told, [(id(2), false), (id(1), true), (id(3), false)]);
    assert_eq!(view.certificate(id(9)).unwrap().unwrap().unit, school());
    assert_eq!(view.certificate(id(7)).unwrap(), None);
}
