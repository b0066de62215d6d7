//! Identities of those who report: as an intake hands them over, and sealed as others store them.
#![no_main]

use std::sync::LazyLock;

use fengsui_node::reporters::{OfficerIdentity, PublicReference, Reporter, Sealed};

static OFFICER: LazyLock<OfficerIdentity> = LazyLock::new(|| OfficerIdentity::generate().expect("an officer"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let reference = PublicReference::from_bytes([7; 16]);
    if let Ok(reporter) = Reporter::from_json(bytes) {
        assert!(reporter.fields().all(|(_, value)| !value.trim().is_empty()), "nothing that says nothing is kept");
        let _ = reporter.given_away_by(&String::from_utf8_lossy(bytes));
        let sealed = reporter.seal(reference, OFFICER.public()).expect("an identity of this length is sealed");
        let opened = sealed.open(reference, &OFFICER).expect("its officer opens it");
        assert!(opened.fields().eq(reporter.fields()));
        assert!(sealed.open(PublicReference::from_bytes([8; 16]), &OFFICER).is_none(), "under its own reference only");
    }
    if let Some((sender, sealed)) = bytes.split_at_checked(56) {
        let sealed = Sealed { sender: String::from_utf8_lossy(sender).into_owned(), bytes: sealed.to_vec() };
        assert!(sealed.open(reference, &OFFICER).is_none(), "nobody has sealed this");
    }
});
