//! The golden log as something to read beside foreign bytes.

use std::fs;
use std::path::Path;

use fengsui_event::{Event, KeyId};
use fengsui_log::{Embedded, EventLog as _, Record};
use fengsui_node::folder::Exchange;
use serde_json::Value;

/// The golden log with checkpoints, and the exchange that it is of.
///
/// # Panics
/// When the golden log is not there or not what it was: then nothing is being tested.
pub fn golden(folder: &Path) -> (Embedded, Exchange, Vec<Record>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/projector/tests/golden/checkpoints.jsonl");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let records: Vec<Record> = text.lines().map(record).collect();
    let mut log = Embedded::create(folder.join("log.sqlite")).expect("a new log");
    log.append(&records).expect("the golden records");
    let first = Event::parse(&records[0].bytes).expect("the golden log begins with an event");
    let authority_keys: Vec<KeyId> = vec![first.keyid];
    let (region, authority) = (first.source.region, first.source.agency);
    (log, Exchange { region, authority, authority_keys, servers: Vec::new() }, records)
}

fn record(line: &str) -> Record {
    let line: Value = serde_json::from_str(line).expect("a line of the golden log");
    let field = |name: &str| line[name].as_str().expect("a field of the golden log");
    let bytes = |name: &str| hex::decode(field(name)).expect("bytes of the golden log");
    Record {
        id: field("id").parse().expect("an id"),
        subject: field("subject").to_owned(),
        bytes: bytes("bytes"),
        signature: bytes("signature"),
    }
}
