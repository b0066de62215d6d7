//! What the fuzz targets share: bytes as a file, for readers that take a path.

pub mod golden;

use std::fs;
use std::path::{Path, PathBuf};

/// Shows `bytes` to `read` as a file of this process, in memory where the system has a place for that.
///
/// # Panics
/// When no such file can be written: then nothing is being tested.
pub fn with_file<T>(bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let file = Removed(folder.join(format!("fengsui-fuzz-{}", std::process::id())));
    fs::write(&file.0, bytes).unwrap_or_else(|error| panic!("{}: {error}", file.0.display()));
    read(&file.0)
}

struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
