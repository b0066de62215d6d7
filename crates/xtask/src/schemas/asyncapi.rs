//! The AsyncAPI 3.0 document of the stream: one channel, a message for each event type.

use fengsui_event::catalogue::TYPE_PREFIX;
use fengsui_event::{EventType, schema};
use serde_json::{Map, Value, json};

/// The whole document. Payloads are references to the schemas beside it.
pub fn document() -> Value {
    let schemas = schema::event_schemas();
    let types: Vec<&str> = schemas.iter().filter_map(|(file, _)| file.strip_suffix(".json")).collect();
    let messages: Map<String, Value> = types.iter().map(|short| ((*short).to_owned(), message(short))).collect();
    let in_channel: Map<String, Value> =
        types.iter().map(|short| ((*short).to_owned(), reference(&format!("#/components/messages/{short}")))).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "fengsui: the exchange of fire-safety credit events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {"events": channel(&in_channel)},
        "operations": {
            "publish": {
                "action": "send",
                "channel": reference("#/channels/events"),
                "summary": "An agency's node publishes its own events, in the order of its chain.",
            },
            "follow": {
                "action": "receive",
                "channel": reference("#/channels/events"),
                "summary": "Nodes, supervisors and auditors read every event, from any position on.",
            },
        },
        "components": {"messages": messages, "messageTraits": {"signed": {"headers": headers()}}},
    })
}

const CONTENT_TYPE: &str = "application/cloudevents+json";

const DESCRIPTION: &str = "Events on NATS JetStream. Each message is one CloudEvents 1.0 document in structured JSON, \
    published once and never edited. The signature is over the exact bytes of the message, so check it before parsing. \
    Readers keep and count types that they do not know; a type's meaning never changes, a new shape is a new version.";

fn reference(target: &str) -> Value {
    json!({"$ref": target})
}

fn channel(messages: &Map<String, Value>) -> Value {
    let entities: Vec<&str> = distinct(EventType::ALL.iter().map(|event_type| event_type.entity()));
    let verbs: Vec<&str> = distinct(EventType::ALL.iter().map(|event_type| event_type.verb()));
    json!({
        "address": "fengsui.{region}.{agency}.{entity}.{verb}",
        "title": "The event log of a region",
        "description": "An agency's user may publish only under fengsui.{region}.{agency} of its own.",
        "parameters": {
            "region": {"description": "Region of the exchange, GB/T 2260, six digits.", "examples": ["350600"]},
            "agency": {"description": "Code of the publishing agency.", "examples": ["fire", "housing"]},
            "entity": {"description": "What the event is about.", "enum": entities},
            "verb": {"description": "What happened.", "enum": verbs},
        },
        "messages": messages,
    })
}

fn message(short: &str) -> Value {
    json!({
        "name": format!("{TYPE_PREFIX}{short}"),
        "title": short,
        "contentType": CONTENT_TYPE,
        "traits": [reference("#/components/messageTraits/signed")],
        "payload": reference(&format!("./events/{short}.json")),
    })
}

fn headers() -> Value {
    json!({
        "type": "object",
        "required": ["Nats-Msg-Id", "content-type", "Fengsui-Signature"],
        "properties": {
            "Nats-Msg-Id": {
                "type": "string",
                "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$",
                "description": "The event's id, so that the broker drops what is sent twice.",
            },
            "content-type": {"const": CONTENT_TYPE},
            "Fengsui-Signature": {
                "type": "string",
                "pattern": "^[0-9a-f]{128}$",
                "description": "Ed25519 signature (RFC 8032) over the message's bytes, by the key that `keyid` names; hexadecimal.",
            },
            "traceparent": {"type": "string", "description": "W3C Trace Context, where the sender has one."},
        },
    })
}

fn distinct(words: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let set: std::collections::BTreeSet<&str> = words.collect();
    set.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_type_has_a_message_whose_payload_is_a_published_schema() {
        let document = document();
        let messages = document["components"]["messages"].as_object().unwrap();
        let schemas = schema::event_schemas();
        assert_eq!(messages.len(), schemas.len());
        for (file, _) in schemas {
            let message = &messages[file.strip_suffix(".json").unwrap()];
            assert_eq!(message["payload"]["$ref"], format!("./events/{file}"));
        }
    }

    #[test]
    fn every_reference_within_the_document_leads_somewhere() {
        fn walk(value: &Value, document: &Value) {
            match value {
                Value::Object(object) => {
                    if let Some(target) = object.get("$ref").and_then(Value::as_str)
                        && let Some(pointer) = target.strip_prefix('#')
                    {
                        assert!(document.pointer(pointer).is_some(), "{target}");
                    }
                    object.values().for_each(|inner| walk(inner, document));
                }
                Value::Array(items) => items.iter().for_each(|inner| walk(inner, document)),
                _ => {}
            }
        }
        let document = document();
        walk(&document, &document);
    }
}
