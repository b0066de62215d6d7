//! Days and instants. A day is a civil date in the region's zone, UTC+08:00 for all of China; an instant is UTC.

use jiff::tz::Offset;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A civil date (GB/T 7408, ISO 8601).
pub type Date = jiff::civil::Date;
/// An instant.
pub type Timestamp = jiff::Timestamp;

/// The zone in which days begin and end.
pub const ZONE: Offset = jiff::tz::offset(8);
/// The zone's name for people.
pub const ZONE_NAME: &str = "UTC+08:00";

/// The day on which an instant falls in the region's zone.
pub fn day_of(instant: Timestamp) -> Date {
    ZONE.to_datetime(instant).date()
}

/// The instant at which a day begins in the region's zone; `None` at the very ends of the calendar.
pub fn start_of(day: Date) -> Option<Timestamp> {
    ZONE.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

/// Schema of a [`Date`] in JSON.
pub struct IsoDate;

impl JsonSchema for IsoDate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Date".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date"})
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_day_begins_at_sixteen_hundred_utc() {
        let check = |instant: &str, day: &str| {
            assert_eq!(day_of(instant.parse().unwrap()), day.parse::<Date>().unwrap(), "{instant}");
        };
        check("2026-11-24T15:59:59.999Z", "2026-11-24");
        check("2026-11-24T16:00:00Z", "2026-11-25");
        assert_eq!(start_of("2026-11-25".parse().unwrap()).unwrap(), "2026-11-24T16:00:00Z".parse().unwrap());
    }
}
