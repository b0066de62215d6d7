//! Requests to join that agencies send to the authority.
#![no_main]

use fengsui_fuzz::with_file;
use fengsui_node::join::JoinRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = with_file(bytes, JoinRequest::load);
});
