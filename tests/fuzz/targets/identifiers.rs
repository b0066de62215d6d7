//! Identifiers and amounts as people type them.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use fengsui_event::{
    AgencyCode, CaseId, CategoryCode, Digest, EventId, Fen, KeyId, Points, RegionCode, TradeCode, UnitId, Uscc,
};

/// What is accepted is displayed as a text that names the same value.
fn check<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().ok(), Some(value));
    }
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    check::<AgencyCode>(text);
    check::<CaseId>(text);
    check::<CategoryCode>(text);
    check::<Digest>(text);
    check::<EventId>(text);
    check::<KeyId>(text);
    check::<Points>(text);
    check::<RegionCode>(text);
    check::<TradeCode>(text);
    check::<UnitId>(text);
    check::<Uscc>(text);
    let _ = Fen::parse_yuan(text);
    let _ = Fen::parse_wan_yuan(text);
});
