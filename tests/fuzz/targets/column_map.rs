//! Column maps of imports.
#![no_main]

use fengsui_sheets::ColumnMap;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = ColumnMap::from_toml(text, "map.toml");
});
