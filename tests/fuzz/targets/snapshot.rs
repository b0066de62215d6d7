//! Snapshots that somebody wrote who can compute checksums.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use fengsui_event::Digest;
use fengsui_fuzz::golden::golden;
use fengsui_fuzz::with_file;
use fengsui_log::Embedded;
use fengsui_node::node::genesis;
use fengsui_projector::snapshot::{Drawn, Snapshot};
use fengsui_projector::{Registry, Unwatched};

/// Where the header ends and the body begins.
const HEADER_BYTES: usize = 4096;
/// Magic, format, format of the state, length of what follows.
const FIXED_BYTES: usize = 20;

struct Base {
    log: PathBuf,
    tables: PathBuf,
    genesis: Registry,
}

static BASE: LazyLock<Base> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let place = place.join(format!("fengsui-fuzz-snapshot-{}", std::process::id()));
    fs::create_dir_all(&place).expect("a folder");
    let (_log, exchange, _) = golden(&place);
    Base { log: place.join("log.sqlite"), tables: place.join("model.sqlite"), genesis: genesis(&exchange) }
});

/// Sets the body's checksum, then the header's, if there is a header to set them in.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.len() < HEADER_BYTES {
        return bytes;
    }
    let body = Digest::of(&bytes[HEADER_BYTES..]);
    let length = bytes[16..20].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let end = FIXED_BYTES + length;
    if (FIXED_BYTES + 32..=HEADER_BYTES - 32).contains(&end) {
        bytes[end - 32..end].copy_from_slice(&body.0);
    }
    let header = Digest::of(&bytes[..HEADER_BYTES - 32]);
    bytes[HEADER_BYTES - 32..HEADER_BYTES].copy_from_slice(&header.0);
    bytes
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Base { log, tables, genesis } = &*BASE;
    with_file(&mended(bytes), |path| {
        let Ok(snapshot) = Snapshot::open(path) else { return };
        let log = Embedded::open_reader(log).expect("the golden log");
        if let Ok(drawn) = Drawn::draw(tables, genesis, &log, &snapshot, &mut Unwatched) {
            let _ = drawn.digest();
        }
    });
});
