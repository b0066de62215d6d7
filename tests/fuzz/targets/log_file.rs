//! Log files that somebody hands over.
#![no_main]

use std::ops::ControlFlow;

use fengsui_fuzz::with_file;
use fengsui_log::{Embedded, EventLog as _, Position};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    with_file(bytes, |path| {
        if let Ok(log) = Embedded::open_reader(path) {
            let _ = log.scan(Position::FIRST, None, &mut |_, _| ControlFlow::Continue(()));
        }
    });
});
