//! Tables that agencies send: CSV in any encoding, XLSX and XLS.
#![no_main]

use std::panic;

use fengsui_fuzz::with_file;
use fengsui_sheets::{ReadOptions, TableFile};

/// Rows looked at: a short file can claim a million.
const ROWS_MAX: usize = 2_000;

/// calamine panics on some workbooks. They are read on a thread of their own, whose panic becomes an error for people, so only a panic
/// that gets out of there is a fault; that one ends the program without any hook.
fn let_panics_unwind() {
    panic::set_hook(Box::new(|_| {}));
}

libfuzzer_sys::fuzz_target!(init: let_panics_unwind(), |bytes: &[u8]| {
    with_file(bytes, |path| {
        if let Ok(file) = TableFile::open(path, &ReadOptions::default()) {
            file.take(ROWS_MAX).take_while(Result::is_ok).for_each(drop);
        }
    });
});
