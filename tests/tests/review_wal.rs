//! Files that must not grow while a command works beside a running node (cases.md 13).

#![allow(clippy::unwrap_used)]

use std::fs;

use fengsui_tests::{City, long_table};

/// What the node's program cuts a write-ahead file back to, in bytes. An import that holds an old state of the tables while it waits makes it
/// twice as long as this with these rows.
const WAL_BYTES_MAX: u64 = 16 << 20;

#[test]
fn a_long_import_beside_a_running_node_lets_its_files_be_written_back() {
    let city = City::found(&["fire"]);
    let folder = city.folder("fire");
    folder.write("table.csv", long_table(4_000));
    city.line("fire", "import table.csv").ok();
    for name in ["model.sqlite-wal", "log.sqlite-wal", "outbox.sqlite-wal"] {
        let bytes = fs::metadata(folder.data(name)).unwrap().len();
        assert!(bytes <= WAL_BYTES_MAX, "{name}: {bytes} bytes");
    }
    city.await_settled();
    city.same_digest();
}
