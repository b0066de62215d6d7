//! One decoder for every version: current types are read as they are, older versions are turned into the
//! current one, and what this program does not know is kept and named.
//!
//! Worked example: `unit.registered.v1` held region and address apart; `v2` holds one place and may name a
//! parent. An event of the first version is still read, and means a unit without a known parent.

use schemars::Schema;
use serde_json::value::RawValue;

use crate::catalogue::{EventType, Payload, TYPE_PREFIX};
use crate::payload::{Place, UnitRegistered, UnitRegisteredV1};

/// A payload as far as this program can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every event is known; boxing would cost an allocation for each")]
pub enum Decoded {
    /// A payload in its current version.
    Known(Payload),
    /// A type that this program does not know; the event is kept and shown.
    Unknown,
    /// A known type whose payload does not fit its schema; holds the reason.
    Malformed(String),
}

/// A former version of a type, and how it is read today.
struct Former {
    type_text: &'static str,
    schema: fn() -> Schema,
    upcast: fn(&RawValue) -> Result<Payload, serde_json::Error>,
}

const FORMER: &[Former] = &[Former {
    type_text: "unit.registered.v1",
    schema: || schemars::schema_for!(UnitRegisteredV1),
    upcast: |data| serde_json::from_str::<UnitRegisteredV1>(data.get()).map(unit_registered_v1),
}];

fn unit_registered_v1(old: UnitRegisteredV1) -> Payload {
    let UnitRegisteredV1 { unit, name, region, address, trade } = old;
    UnitRegistered { unit, name, place: Place { region, address }, trade, parent: None }.into()
}

/// Reads a payload by its CloudEvents `type`.
pub fn decode(type_text: &str, data: &RawValue) -> Decoded {
    let parsed = if let Some(event_type) = EventType::from_type(type_text) {
        event_type.parse(data)
    } else if let Some(former) = former(type_text) {
        (former.upcast)(data)
    } else {
        return Decoded::Unknown;
    };
    parsed.map_or_else(|error| Decoded::Malformed(error.to_string()), Decoded::Known)
}

fn former(type_text: &str) -> Option<&'static Former> {
    let short = type_text.strip_prefix(TYPE_PREFIX)?;
    FORMER.iter().find(|former| former.type_text == short)
}

/// Former versions that are still read, with their schemas.
pub fn former_schemas() -> impl Iterator<Item = (&'static str, Schema)> {
    FORMER.iter().map(|former| (former.type_text, (former.schema)()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn first_version_of_a_unit_is_read_as_the_second() {
        let old = raw(
            r#"{"unit":"legacy:350600100012345","name":"城关旅社","region":"350602","address":"新华东路1号","trade":"H61"}"#,
        );
        let new = raw(
            r#"{"unit":"legacy:350600100012345","name":"城关旅社","place":{"region":"350602","address":"新华东路1号"},"trade":"H61"}"#,
        );
        let upcast = decode("cn.fengsui.unit.registered.v1", &old);
        assert!(matches!(upcast, Decoded::Known(Payload::UnitRegistered(_))), "{upcast:?}");
        assert_eq!(upcast, decode("cn.fengsui.unit.registered.v2", &new));
    }

    #[test]
    fn versions_do_not_mix() {
        let new = raw(r#"{"unit":"legacy:350600100012345","name":"x","place":{"region":"350602","address":"y"}}"#);
        assert!(matches!(decode("cn.fengsui.unit.registered.v1", &new), Decoded::Malformed(_)));
    }

    #[test]
    fn unknown_types_are_named_and_never_fail() {
        for text in ["cn.fengsui.violation.reported.v9", "cn.fengsui.drone.sighted.v1", "org.example.ping", ""] {
            assert_eq!(decode(text, &raw("{}")), Decoded::Unknown, "{text}");
        }
    }

    #[test]
    fn a_field_nobody_knows_is_refused() {
        let data = raw(r#"{"reason":"a","because":"b"}"#);
        assert!(matches!(decode("cn.fengsui.violation.retracted.v1", &data), Decoded::Malformed(_)));
    }
}
