//! Events: what came over the wire, before anything is believed of it.
#![no_main]

use fengsui_event::Event;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(event) = Event::parse(bytes) {
        // What is shown of a source and a subject names the same source and subject.
        assert_eq!(event.source.to_string().parse(), Ok(event.source.clone()));
        assert_eq!(event.subject.to_string().parse(), Ok(event.subject.clone()));
        let _ = event.payload();
    }
});
