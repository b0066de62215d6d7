//! The text of the QR code.

use fengsui_event::Signer as _;
use fengsui_proof::certificate::{Compact, CompactError, Validity};

use crate::on;
use crate::scene::{Key, Scene};

#[test]
fn the_text_comes_back_and_speaks_of_its_certificate() {
    let scene = Scene::new();
    let certificate = scene.certificate();
    let text = Compact::sign(&certificate, &scene.fire_new).to_string();
    assert!(text.starts_with(
        "fengsui-certificate/1;01KDZ5T0000000000000000000;350600;91350100M000100Y43;92;B;12;2026-11-24;2026-12-24;fire;"
    ));
    let read: Compact = format!(" {text}\r\n").parse().unwrap();
    assert_eq!(read.to_string(), text);
    assert_eq!((read.verify(), read.keyid), (Ok(()), scene.fire_new.keyid()));
    assert_eq!(read.differs_from(&certificate), None);
    assert_eq!(read.validity(on("2026-12-24")), Validity::Valid);
    assert_eq!(read.validity(on("2026-12-25")), Validity::Expired);
    assert_eq!(read.validity(on("2026-11-23")), Validity::NotYetValid);
    // A code of a certificate in which one word is another one.
    let mut other = Scene::new();
    other.statement.purpose = Some("投标".to_owned());
    assert_eq!(read.differs_from(&other.certificate()), Some("sha256"));
}

#[test]
fn no_character_can_be_altered() {
    let scene = Scene::new();
    let text = Compact::sign(&scene.certificate(), &scene.fire_new).to_string();
    for place in 0..text.len() {
        for bit in 0..7 {
            let mut altered = text.clone().into_bytes();
            altered[place] ^= 1 << bit;
            let Ok(altered) = String::from_utf8(altered) else { continue };
            let verified = altered.parse::<Compact>().and_then(|compact| compact.verify());
            // White space at the end is what scanners add.
            assert!(verified.is_err() || altered.trim() == text, "{altered}");
        }
    }
}

#[test]
fn another_key_or_another_text_is_told() {
    let scene = Scene::new();
    let compact = Compact::sign(&scene.certificate(), &Key::new(9));
    assert_eq!(compact.verify(), Ok(()));
    assert_eq!(compact.differs_from(&scene.certificate()), Some("keyid"));
    assert_eq!("https://example.cn/?q=1".parse::<Compact>().unwrap_err(), CompactError::Layout);
    let text = compact.to_string().replace(";92;", ";9２;");
    let error = text.parse::<Compact>().unwrap_err().to_string();
    assert!(error.contains("field balance"), "{error}");
    let order = compact.to_string().replace(";92;", ";\u{1b}[31m92;");
    assert_eq!(order.parse::<Compact>().unwrap_err(), CompactError::Layout);
    let order = compact.to_string().replace(";B;", ";\u{202e}B;");
    assert!(order.parse::<Compact>().unwrap_err().to_string().contains("field grade"));
}
