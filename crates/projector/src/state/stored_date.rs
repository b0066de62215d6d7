//! Dates as text in JSON and as a day number in stored rows, where millions of them lie.

#![expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "serde's `with` passes fields by reference")]

use fengsui_event::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

fn day_number(date: Date) -> i32 {
    i32::try_from(date.duration_since(EPOCH).as_hours() / 24).unwrap_or_default()
}

fn date_of<E: serde::de::Error>(days: i32) -> Result<Date, E> {
    EPOCH.checked_add(jiff::SignedDuration::from_hours(i64::from(days) * 24)).map_err(E::custom)
}

pub fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() { date.serialize(serializer) } else { day_number(*date).serialize(serializer) }
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    if deserializer.is_human_readable() {
        Date::deserialize(deserializer)
    } else {
        date_of(i32::deserialize(deserializer)?)
    }
}

/// The same for a date that may be absent.
pub mod option {
    use super::{Date, Deserialize, Deserializer, Serialize, Serializer, date_of, day_number};

    pub fn serialize<S: Serializer>(date: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            date.serialize(serializer)
        } else {
            date.map(day_number).serialize(serializer)
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
        if deserializer.is_human_readable() {
            Option::<Date>::deserialize(deserializer)
        } else {
            Option::<i32>::deserialize(deserializer)?.map(date_of).transpose()
        }
    }
}
