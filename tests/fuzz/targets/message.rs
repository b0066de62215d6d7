//! Messages on the stream: headers of any kind become a record, and nothing stops the reader.
#![no_main]

use fengsui_event::EventId;
use fengsui_log::Position;
use fengsui_log::jetstream::{Defect, StreamMessage};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The headers end with an empty line, as on the wire; what is behind it is the payload.
    let end = bytes.windows(4).position(|end| end == b"\r\n\r\n").map_or(bytes.len(), |end| end + 4);
    let (headers, payload) = bytes.split_at(end);
    let message =
        StreamMessage::of_block(Position::FIRST, "fengsui.350600.fire.case.closed", payload.to_vec(), headers);
    let record = message.record.as_ref().expect("whatever is on the stream is a record");
    assert_eq!(record.bytes, payload, "the payload is never touched");
    let lacks_id = message.defects.iter().any(|defect| matches!(defect, Defect::NoId | Defect::UnusableId(_)));
    assert!(!lacks_id || record.id == EventId::from_bytes([0; 16]), "nobody is given an id");
    let lacks_signature =
        message.defects.iter().any(|defect| matches!(defect, Defect::NoSignature | Defect::UnusableSignature(_)));
    assert!(!lacks_signature || record.signature.is_empty(), "nobody is given a signature");
    let _ = message.into_stored();
});
