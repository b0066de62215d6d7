//! The files of a node's folder that people edit: its configuration, and the authority's list of members.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use fengsui_fuzz::with_file;
use fengsui_node::broker_accounts::Members;
use fengsui_node::folder::Folder;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = place.join(format!("fengsui-fuzz-folder-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let exchange = include_bytes!("../corpus/exchange_file/seed-exchange");
    fs::write(folder.join("exchange.toml"), exchange).expect("an exchange file");
    folder
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fs::write(FOLDER.join("node.toml"), bytes).expect("a configuration written");
    if let Ok(folder) = Folder::open(&*FOLDER) {
        // Every setting has a value that can be used.
        let node = folder.node();
        assert!(folder.exchange().region.contains(node.region));
        let again = Folder::open(&*FOLDER).expect("what was read once");
        assert_eq!(again.node(), node);
    }
    let _ = with_file(bytes, Members::load);
});
