//! The exchange file, from which trust starts.
#![no_main]

use fengsui_fuzz::with_file;
use fengsui_node::folder::Exchange;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = with_file(bytes, Exchange::load);
});
