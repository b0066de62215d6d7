//! Rulebooks: TOML that an authority published, or somebody wants it to.
#![no_main]

use fengsui_rulebook::Rulebook;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = Rulebook::from_toml(text);
});
