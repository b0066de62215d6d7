//! Checkpoints, cosignatures and what else others send as notes.
#![no_main]

use fengsui_event::KeyId;
use fengsui_proof::SignedCheckpoint;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(signed) = text.parse::<SignedCheckpoint>() {
        assert_eq!(signed.to_string(), text, "a note has one form");
        let key = KeyId::from_raw([7; 32]);
        assert!(!signed.is_signed_by(key), "nobody holds that key");
        for name in signed.names() {
            assert_eq!(signed.cosignature(name, key), None);
        }
        let mut merged = signed.clone();
        assert_eq!(merged.merge(&signed), Ok(()));
        assert_eq!(merged.to_string(), text);
    }
});
