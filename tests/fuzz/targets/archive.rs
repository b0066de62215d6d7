//! Archives as one ZIP file, as they come from anyone.
#![no_main]

use std::ops::ControlFlow;

use fengsui_fuzz::with_file;
use fengsui_proof::archive::{Archive, Manifest};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    with_file(bytes, |path| {
        if let Ok(archive) = Archive::open(path) {
            let _ = archive.check(&mut |_, _| ControlFlow::Continue(()));
        }
    });
    let _ = Manifest::read(bytes);
});
