//! Whoever has no key: each member altered, and each byte.

use fengsui_proof::certificate::Certificate;
use serde_json::{Value, json};

use crate::check;
use crate::scene::Scene;

/// Every place in a document, as JSON pointers (RFC 6901).
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| places(value, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
    if !at.is_empty() {
        found.push(at.to_owned());
    }
}

fn altered(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_i64().unwrap() + 1),
        Value::String(text) => match text.parse::<fengsui_event::Date>() {
            Ok(date) => json!(date.tomorrow().unwrap()),
            Err(_) => json!(format!("{text}0")),
        },
        Value::Array(items) => items[..items.len().saturating_sub(1)].to_vec().into(),
        Value::Object(_) => json!({}),
        other => json!(!other.is_null()),
    }
}

/// The document in the layout of a certificate, with members in their first order.
fn laid_out(document: &Value, original: &str) -> String {
    let signature = original.lines().nth(2).unwrap();
    format!("{{\"certificate\":\n{document}\n{signature}\n")
}

#[test]
fn no_member_can_be_altered_or_taken_away() {
    let scene = Scene::new();
    let text = scene.certificate().to_string();
    let signed: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    let mut found = Vec::new();
    places(&signed, "", &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for place in &found {
        let mut document = signed.clone();
        let member = document.pointer_mut(place).unwrap();
        let new = altered(member);
        assert_ne!(*member, new, "{place}");
        *member = new;
        refused(&laid_out(&document, &text), &scene, place);
        let (parent, name) = place.rsplit_once('/').unwrap();
        let mut document = signed.clone();
        match document.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.remove(name)),
            Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            _ => {}
        }
        refused(&laid_out(&document, &text), &scene, place);
    }
}

#[track_caller]
fn refused(text: &str, scene: &Scene, what: &str) {
    if let Ok(certificate) = Certificate::parse(text.as_bytes()) {
        let code = check(&certificate, &scene.trust()).expect_err(what).code();
        assert_eq!(code, "issuer_signature", "{what}");
    }
}

/// One bit of each byte, a different one from byte to byte.
#[test]
fn no_byte_of_the_file_can_be_altered_taken_away_or_added() {
    let scene = Scene::new();
    let bytes = scene.certificate().to_string().into_bytes();
    let refused = |bytes: &[u8], what: &str| {
        if let Ok(certificate) = Certificate::parse(bytes) {
            assert_eq!(check(&certificate, &scene.trust()).expect_err(what).code(), "issuer_signature", "{what}");
        }
    };
    for place in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[place] ^= 1 << (place % 8);
        refused(&altered, &format!("byte {place} altered"));
    }
    for place in (0..bytes.len()).step_by(37) {
        let mut altered = bytes.clone();
        let byte = altered.remove(place);
        refused(&altered, &format!("byte {place} taken away"));
        altered.insert(place, byte);
        altered.insert(place, b' ');
        refused(&altered, &format!("a blank added at {place}"));
    }
    refused(&bytes[..bytes.len() - 1], "the last line feed taken away");
    refused(&[bytes.clone(), b"\n".to_vec()].concat(), "a line feed added");
}

#[test]
fn what_is_no_certificate_says_what_was_expected() {
    let check = |text: &str, part: &str| {
        let error = Certificate::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    check("", "its first line");
    check("{\"certificate\":\n{}", "three lines");
    let scene = Scene::new();
    let text = scene.certificate().to_string();
    check(&text.replace("certificate/1", "certificate/2"), "fengsui-certificate/2");
    check(&text.replace("ed25519\",\"public_key", "sm2-sm3\",\"public_key"), "third line");
    check(&text.replace("\"unit\":", "\"units\":"), "units");
    check(&text.replacen("{\"format\"", "{\"format\":\"fengsui-certificate/1\",\"format\"", 1), "duplicate field");
    check(&serde_json::from_str::<Value>(&text).unwrap().to_string(), "written again by another program");
}
