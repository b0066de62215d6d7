//! What people type that is no identifier: logs, servers, days and positions, references, keys.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use fengsui_log::Position;
use fengsui_node::as_of::AsOf;
use fengsui_node::broker_server::ServerUrl;
use fengsui_node::notify::NoticeKind;
use fengsui_node::reporters::{OfficerKey, PublicReference};
use fengsui_node::source::LogSource;

/// What is accepted is displayed as a text that names the same value.
fn check<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().ok(), Some(value));
    }
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    check::<ServerUrl>(text);
    check::<PublicReference>(text);
    check::<Position>(text);
    let _ = text.parse::<AsOf>();
    let _ = text.parse::<NoticeKind>();
    if let Ok(key) = text.parse::<OfficerKey>() {
        assert_eq!(key.as_str(), text.trim());
    }
    // Whatever is no address is a path, and a path is displayed as it is.
    if let Ok(LogSource::Stream(servers)) = text.parse() {
        let shown = LogSource::Stream(servers.clone()).to_string();
        assert_eq!(shown.parse::<LogSource>().ok(), Some(LogSource::Stream(servers)));
    }
});
