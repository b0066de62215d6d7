//! The XLSX library's waiting rows lie in a file that it writes without asking whether that went well: on a full disk it panics.
//! Here that becomes an error like any other, and says nothing on stderr.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use rust_xlsxwriter::XlsxError;

thread_local! {
    /// Whether this thread is inside the library, where a panic is expected and told otherwise.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Does a piece of work of the library. Whatever it worked on must be dropped after an error.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, XlsxError> {
    silence_expected_panics();
    INSIDE.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(false);
    done.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default();
        Err(XlsxError::IoError(fault_in(&text)))
    })
}

/// The library's message holds the system's error as Rust shows it to programmers.
fn fault_in(text: &str) -> io::Error {
    if text.contains("StorageFull") || text.contains("QuotaExceeded") {
        return io::Error::new(
            io::ErrorKind::StorageFull,
            "no space left on the disk for its waiting rows; make room and try again",
        );
    }
    io::Error::other(format!("its waiting rows cannot be written: {text}"))
}

fn silence_expected_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = take_hook();
        set_hook(Box::new(move |panic| {
            if !INSIDE.get() {
                told(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_panic_of_the_library_is_an_error_with_the_systems_reason() {
        let kind = |text: &'static str| match caught::<()>(|| panic!("{text}")) {
            Err(XlsxError::IoError(error)) => error.kind(),
            other => panic!("{other:?}"),
        };
        let full =
            r#"Couldn't write to xml file: Os { code: 28, kind: StorageFull, message: "No space left on device" }"#;
        assert_eq!(kind(full), io::ErrorKind::StorageFull);
        assert_eq!(kind("Couldn't write to xml file: Uncategorized"), io::ErrorKind::Other);
        assert_eq!(caught(|| Ok(7)).unwrap(), 7);
    }
}
