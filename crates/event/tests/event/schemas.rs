//! The published schemas: what this program writes fits them, what does not fit them this program refuses to read.

use std::collections::BTreeMap;

use fengsui_event::schema::event_schemas;
use fengsui_event::{ChainLink, Decoded, Draft, Event, EventType, Subject, Timestamp};
use jsonschema::Validator;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::Key;
use crate::payloads::{Parts, parts};

fn validators() -> BTreeMap<String, Validator> {
    let validator = |(name, schema): (String, Value)| (name, jsonschema::validator_for(&schema).unwrap());
    event_schemas().into_iter().map(validator).collect()
}

fn document(parts: &Parts, event_type: EventType) -> Value {
    let draft = Draft {
        id: parts.id,
        source: "/regions/350600/agencies/fire/nodes/1".parse().unwrap(),
        subject: Subject::Unit(parts.unit()),
        time: Timestamp::UNIX_EPOCH,
        correlation: Some(parts.id.into()),
        causation: Some(parts.id),
        payload: parts.payload(event_type),
    };
    let link = if parts.some { ChainLink::FIRST } else { ChainLink::after(1, b"before") };
    serde_json::from_slice(&draft.sign(link, &Key::numbered(7)).unwrap().bytes).unwrap()
}

fn schema_name(event_type: EventType) -> String {
    format!("{}.json", event_type.short())
}

#[test]
fn every_type_has_its_schema_and_former_versions_theirs() {
    let names: Vec<String> = event_schemas().into_iter().map(|(name, _)| name).collect();
    assert_eq!(EventType::ALL.len(), 45);
    for event_type in EventType::ALL {
        assert_eq!(names.iter().filter(|name| **name == schema_name(*event_type)).count(), 1, "{event_type}");
    }
    assert!(names.contains(&"unit.registered.v1.json".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_fits_its_schema_and_no_other(parts in parts()) {
        let validators = validators();
        for event_type in EventType::ALL {
            let document = document(&parts, *event_type);
            let validator = &validators[&schema_name(*event_type)];
            if let Err(error) = validator.validate(&document) {
                panic!("{event_type}: {error} at {}", error.instance_path());
            }
            let other = if *event_type == EventType::CaseReopened { EventType::CaseClosed } else { EventType::CaseReopened };
            prop_assert!(!validators[&schema_name(other)].is_valid(&document), "{event_type}");
        }
    }
}

/// A field too many, a field too few: the schema and the program agree that it is not a payload of the type.
#[test]
fn schema_and_program_refuse_the_same() {
    let mut runner = TestRunner::deterministic();
    let parts = parts().new_tree(&mut runner).unwrap().current();
    let validators = validators();
    for event_type in EventType::ALL {
        let good = document(&parts, *event_type);
        let validator = &validators[&schema_name(*event_type)];
        let fields: Vec<String> = good["data"].as_object().unwrap().keys().cloned().collect();
        let mut bent = vec![good.clone()];
        bent[0]["data"]["nobody-knows-this"] = Value::from(1);
        for field in fields {
            let mut without = good.clone();
            without["data"].as_object_mut().unwrap().remove(&field);
            let mut of_another_kind = good.clone();
            of_another_kind["data"][&field] = serde_json::json!({"of": "another kind"});
            bent.extend([without, of_another_kind]);
        }
        for document in bent {
            let event = Event::parse(&serde_json::to_vec(&document).unwrap()).unwrap();
            let is_read = matches!(event.data, Decoded::Known(_));
            assert_eq!(validator.is_valid(&document), is_read, "{event_type}: {}", document["data"]);
        }
    }
}
