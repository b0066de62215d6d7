//! Every attribute that does not say what it must is refused by name.

use fengsui_event::payload::ViolationRetracted;
use fengsui_event::{ChainLink, Draft, EnvelopeError, Event, EventId, Subject, Timestamp};
use serde_json::{Value, json};

use crate::Key;

fn good() -> Value {
    let draft = Draft {
        id: EventId::from_parts(1_735_689_600_000, [1; 10]),
        source: "/regions/350600/agencies/fire/nodes/1".parse().unwrap(),
        subject: Subject::Unit("91350100M000100Y43".parse().unwrap()),
        time: "2025-01-27T01:00:00Z".parse::<Timestamp>().unwrap(),
        correlation: Some(EventId::from_parts(1, [2; 10]).into()),
        causation: Some(EventId::from_parts(1, [3; 10])),
        payload: ViolationRetracted { reason: "误报".to_owned() }.into(),
    };
    let link = ChainLink::after(6, b"the one before");
    serde_json::from_slice(&draft.sign(link, &Key::numbered(7)).unwrap().bytes).unwrap()
}

fn parse(document: &Value) -> Result<Event, EnvelopeError> {
    Event::parse(&serde_json::to_vec(document).unwrap())
}

#[track_caller]
fn refused_by_name(document: &Value, attribute: &str) {
    let error = parse(document).unwrap_err();
    assert!(matches!(&error, EnvelopeError::Attribute { name, .. } if *name == attribute), "{attribute}: {error}");
    assert!(error.to_string().contains(&format!("`{attribute}`")), "{error}");
}

#[test]
fn the_document_itself_is_good() {
    let event = parse(&good()).unwrap();
    assert_eq!(event.recorded_on().to_string(), "2025-01-27");
    assert_eq!(event.sequence, 7);
}

#[test]
fn a_missing_attribute_is_named() {
    let required =
        ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "sequence", "keyid", "data"];
    for attribute in required {
        let mut document = good();
        document.as_object_mut().unwrap().remove(attribute);
        refused_by_name(&document, attribute);
    }
    for attribute in ["correlation", "causation"] {
        let mut document = good();
        document.as_object_mut().unwrap().remove(attribute);
        assert!(parse(&document).is_ok(), "{attribute} is optional");
    }
}

#[test]
fn an_attribute_of_another_kind_is_named() {
    let attributes = [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "sequence",
        "previous",
        "keyid",
        "correlation",
        "causation",
    ];
    for attribute in attributes {
        for value in [json!(7), json!(true), json!([]), json!({}), json!([["x"]])] {
            let mut document = good();
            document[attribute] = value;
            refused_by_name(&document, attribute);
        }
    }
}

#[test]
fn an_attribute_that_does_not_say_what_it_must_is_named() {
    let digest = "0".repeat(64);
    let wrong: &[(&str, &[&str])] = &[
        ("specversion", &["", "1", "1.0.0", "0.3", "１.０"]),
        ("datacontenttype", &["", "text/xml", "application/cloudevents+json", "Application/JSON"]),
        (
            "id",
            &[
                "",
                "7",
                "01jgfjjz000000000000000001",
                "81JGFJJZ000000000000000001",
                "01JGFJJZ00000000000000000U",
                "01JGFJJZ000000000000000001 ",
                "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            ],
        ),
        ("correlation", &["", "x", "01JGFJJZ0000000000000000011"]),
        ("causation", &["", "x"]),
        (
            "source",
            &[
                "",
                "/",
                "fire",
                "/regions/350600/agencies/fire",
                "/regions/350600/agencies/fire/nodes/0",
                "/regions/350600/agencies/fire/nodes/01",
                "/regions/350600/agencies/fire/nodes/65536",
                "/regions/350600/agencies/Fire/nodes/1",
                "/regions/350699/agencies/fire/nodes/1",
                "/regions/350600/agencies/fire/nodes/1/",
                "/regions/350600/agencies/fire/nodes/+1",
                " /regions/350600/agencies/fire/nodes/1",
                "/regions/350600/offices/fire/nodes/1",
            ],
        ),
        (
            "subject",
            &[
                "",
                "units",
                "units/",
                "units/91350100M000100Y44",
                "agencies/",
                "agencies/Fire",
                "rulebooks/",
                "regions/350699",
                "cases/01JGFJJZ000000000000000001",
                "Units/91350100M000100Y43",
            ],
        ),
        (
            "time",
            &[
                "",
                "yesterday",
                "2025-01-27",
                "2025-01-27T01:00:00",
                "2025-13-27T01:00:00Z",
                "2025-02-30T01:00:00Z",
                "1737939600",
            ],
        ),
        (
            "sequence",
            &[
                "",
                "7",
                "0000000000000000007",
                "000000000000000000007",
                "00000000000000000000",
                "0000000000000000000x",
                "18446744073709551616",
                "-0000000000000000007",
                "+0000000000000000007",
            ],
        ),
        ("previous", &["", "x", &digest[1..], "G000000000000000000000000000000000000000000000000000000000000000"]),
        ("keyid", &["", "U", "UAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]),
    ];
    for (attribute, values) in wrong {
        for value in *values {
            let mut document = good();
            document[*attribute] = json!(value);
            let error = parse(&document).expect_err(&format!("{attribute} = {value}"));
            assert!(
                matches!(&error, EnvelopeError::Attribute { name, .. } if name == attribute),
                "{attribute} = {value}: {error}"
            );
        }
    }
}

/// The first event of a chain has none before it, and every later one has.
#[test]
fn the_predecessor_belongs_to_every_event_but_the_first() {
    let mut first = good();
    first["sequence"] = json!("00000000000000000001");
    refused_by_name(&first, "previous");
    first.as_object_mut().unwrap().remove("previous");
    assert!(parse(&first).is_ok());
    let mut later = good();
    later.as_object_mut().unwrap().remove("previous");
    refused_by_name(&later, "previous");
}

/// Attributes that other programs add are theirs; a doubled one could be read in two ways and is refused.
#[test]
fn unknown_attributes_are_let_through_and_doubled_ones_are_not() {
    let mut document = good();
    document["traceparent"] = json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert!(parse(&document).is_ok());
    let text = serde_json::to_string(&good()).unwrap();
    let doubled = text.replacen('{', r#"{"sequence":"00000000000000000009","#, 1);
    let error = Event::parse(doubled.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("sequence"), "{error}");
}

#[test]
fn what_is_not_json_is_told_so() {
    for bytes in [&b""[..], b"null", b"[]", b"\"text\"", b"{", b"\xff", b"{}{}", b"\xef\xbb\xbf{}"] {
        let error = Event::parse(bytes).unwrap_err();
        assert!(error.to_string().starts_with("not a CloudEvents document") || bytes == b"{}", "{error}");
    }
}
