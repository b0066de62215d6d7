//! Certificates: what holds, and every way in which one does not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod alteration;
mod compact;
mod forgery;
mod scene;

use fengsui_event::Date;
use fengsui_proof::certificate::{Certificate, Forgery, Trust, Validity, Verified, verify};

use scene::Scene;

fn on(day: &str) -> Date {
    day.parse().unwrap()
}

fn check(certificate: &Certificate, trust: &Trust) -> Result<Verified, Forgery> {
    verify(certificate, trust, on("2026-11-25"))
}

#[track_caller]
fn forged(certificate: &Certificate, trust: &Trust) -> &'static str {
    check(certificate, trust).expect_err("the certificate must not hold").code()
}

#[test]
fn a_certificate_holds_with_the_file_and_the_authoritys_first_key_alone() {
    let scene = Scene::new();
    let text = scene.certificate().to_string();
    let read = Certificate::parse(text.as_bytes()).unwrap();
    assert_eq!(read.to_string(), text);
    assert_eq!(text.lines().count(), 3);
    assert_eq!(text.lines().nth(1).unwrap().as_bytes(), read.signed_bytes());
    let verified = check(&read, &scene.trust()).unwrap();
    assert_eq!(verified.validity, Validity::Valid);
    assert_eq!(verified.needed, 2);
    let names: Vec<&str> = verified.cosigned.iter().map(|cosigned| cosigned.name.as_str()).collect();
    let origin = "fengsui.cn/regions/350600/agencies/";
    assert_eq!(names, [format!("{origin}fire"), format!("{origin}urban")]);
    assert_eq!(verified.agency(scene::agency("urban")), "urban urban");
    assert_eq!(verified.witness("audit.example"), "audit.example");
    assert_eq!(verified.witnessed_on(), Some(on("2026-11-24")));
    assert_eq!(&*verified.rulebook_text, scene::RULEBOOK);
}

#[test]
fn the_first_and_the_last_day_are_days_on_which_it_is_valid() {
    let scene = Scene::new();
    let certificate = scene.certificate();
    let validity = |day| verify(&certificate, &scene.trust(), on(day)).unwrap().validity;
    assert_eq!(validity("2026-11-23"), Validity::NotYetValid);
    assert_eq!(validity("2026-11-24"), Validity::Valid);
    assert_eq!(validity("2026-12-24"), Validity::Valid);
    assert_eq!(validity("2026-12-25"), Validity::Expired);
}

#[test]
fn what_openssl_reads_is_the_key_of_the_certificate() {
    let scene = Scene::new();
    let text = scene.certificate().to_string();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let pem = document["signature"]["public_key"].as_str().unwrap();
    let body = pem.lines().nth(1).unwrap();
    // RFC 8410, section 10.1: the public key of the example has this very prefix.
    assert!(body.starts_with("MCowBQYDK2VwAyEA"), "{pem}");
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n") && pem.ends_with("\n-----END PUBLIC KEY-----\n"));
}

/// A file as it was issued once: it must hold for as long as certificates are read.
#[test]
fn the_certificate_that_was_issued_first_still_holds() {
    let golden = include_str!("golden.json");
    let certificate = Certificate::parse(golden.as_bytes()).unwrap();
    assert_eq!(check(&certificate, &Scene::new().trust()).unwrap().validity, Validity::Valid);
    // Of these keys and events the same file is made again.
    assert_eq!(Scene::new().certificate().to_string(), golden);
    // By `sha256sum crates/proof/tests/certificate/golden.json`.
    assert_eq!(certificate.sha256().to_string(), "d4939dc69dcaf63bd2af029c33a01447bc73e067f1ba98395148693406f8b86b");
}
