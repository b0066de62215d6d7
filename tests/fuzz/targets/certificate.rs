//! Certificates that a unit shows, and the line of a QR code.
#![no_main]

use fengsui_event::Date;
use fengsui_proof::certificate::{Certificate, Compact, Trust, verify};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = Certificate::parse(bytes) {
        let statement = certificate.statement();
        // The keys that signed it are believed, so that the checks behind them are reached.
        let trust = Trust {
            region: statement.region,
            authority: statement.issuer,
            authority_keys: vec![statement.keyid],
            cosigners: Vec::new(),
            needed: Some(0),
        };
        let _ = verify(&certificate, &trust, Date::constant(2026, 11, 25));
    }
    if let Ok(compact) = String::from_utf8_lossy(bytes).parse::<Compact>() {
        assert_eq!(compact.to_string().as_bytes(), bytes, "a line has one form");
        let _ = compact.verify();
    }
});
