//! Files of evidence: what they are is told by their content.
#![no_main]

use fengsui_node::evidence::MediaType;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match MediaType::of(bytes) {
        // Text can neither be a page nor drive a terminal.
        Ok(MediaType::Text) => {
            let text = std::str::from_utf8(bytes).expect("text is UTF-8");
            let is_quiet = |character: char| !character.is_control() || matches!(character, '\n' | '\r' | '\t');
            assert!(text.chars().all(is_quiet), "text holds no control characters");
        }
        Ok(found) => assert_eq!(found.to_string().parse(), Ok(found)),
        Err(_) => {}
    }
});
