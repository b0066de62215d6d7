//! The published schemas: JSON Schema 2020-12 for each event type, each a whole CloudEvents document.

use serde_json::{Value, json};

use crate::catalogue::{EventType, TYPE_PREFIX};
use crate::upcast::former_schemas;

/// Every generated schema as (file name, document), in the order of the catalogue.
pub fn event_schemas() -> Vec<(String, Value)> {
    let current = EventType::ALL.iter().map(|event_type| (event_type.short(), event_type.payload_schema(), true));
    let former = former_schemas().map(|(short, schema)| (short, schema, false));
    current
        .chain(former)
        .map(|(short, payload, is_current)| (format!("{short}.json"), document(short, payload.to_value(), is_current)))
        .collect()
}

fn document(short: &str, mut payload: Value, is_current: bool) -> Value {
    let definitions = payload.as_object_mut().and_then(|object| {
        object.remove("$schema");
        object.remove("$defs")
    });
    let digest = json!({"type": "string", "pattern": "^[0-9a-f]{64}$"});
    let ulid = json!({"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"});
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": short,
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "sequence", "keyid", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": ulid,
            "source": {"type": "string", "pattern": "^/regions/[0-9]{6}/agencies/[a-z][a-z0-9-]{1,31}/nodes/[1-9][0-9]{0,4}$"},
            "type": {"const": format!("{TYPE_PREFIX}{short}")},
            "subject": {"type": "string", "pattern": "^(units|agencies|rulebooks|regions)/.+$"},
            "time": {"type": "string", "format": "date-time", "description": "when it was recorded, UTC"},
            "datacontenttype": {"const": "application/json"},
            "sequence": {"type": "string", "pattern": "^[0-9]{20}$", "description": "number in the source's chain, from 1 without gaps"},
            "previous": digest,
            "keyid": {"type": "string", "pattern": "^U[A-Z2-7]{55}$"},
            "correlation": ulid,
            "causation": ulid,
            "data": payload,
        },
    });
    if let Some(definitions) = definitions {
        document["$defs"] = definitions;
    }
    if !is_current {
        document["deprecated"] = json!(true);
    }
    document
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_type_of_the_catalogue_has_a_valid_schema() {
        let schemas = event_schemas();
        assert_eq!(schemas.len(), EventType::ALL.len() + 1);
        for (name, schema) in schemas {
            jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}
