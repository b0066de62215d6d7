//! A file that appears whole or not at all: written beside its place, synced, then renamed.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::SheetError;

/// How many leftovers of killed processes are stepped over.
const ATTEMPTS_MAX: u32 = 100;

/// A file being written under a temporary name; dropped unfinished, it leaves nothing behind.
pub(crate) struct AtomicFile {
    target: PathBuf,
    temporary: PathBuf,
    file: Option<BufWriter<File>>,
}

impl AtomicFile {
    pub(crate) fn create(target: &Path) -> Result<Self, SheetError> {
        let mut attempt = 0;
        loop {
            let temporary = temporary_path(target, attempt);
            match OpenOptions::new().write(true).create_new(true).open(&temporary) {
                Ok(file) => {
                    return Ok(Self { target: target.to_owned(), temporary, file: Some(BufWriter::new(file)) });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < ATTEMPTS_MAX => {
                    attempt += 1;
                }
                Err(error) => return Err(SheetError::io(target)(error)),
            }
        }
    }

    /// Puts the file in its place, over an older one.
    pub(crate) fn finish(mut self) -> Result<(), SheetError> {
        let Some(writer) = self.file.take() else {
            return Ok(());
        };
        let result = writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::rename(&self.temporary, &self.target));
        if result.is_err() {
            self.remove();
        }
        result.map_err(SheetError::io(&self.target))?;
        sync_folder(&self.target);
        Ok(())
    }

    fn remove(&self) {
        // The error that led here is the one to report; a leftover temporary file harms nobody.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(bytes.len()), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl io::Seek for AtomicFile {
    fn seek(&mut self, position: io::SeekFrom) -> io::Result<u64> {
        self.file.as_mut().map_or(Ok(0), |file| file.seek(position))
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            self.remove();
        }
    }
}

fn temporary_path(target: &Path, attempt: u32) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}-{attempt}.tmp", std::process::id()))
}

/// The rename itself must survive a power cut. Not every file system can sync a folder, and the data is safe either way.
fn sync_folder(target: &Path) {
    let folder = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}
