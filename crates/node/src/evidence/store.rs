//! The files themselves, each under the SHA-256 of its content.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fengsui_event::Digest;
use serde::Serialize;

use super::{EvidenceConfig, EvidenceError, MediaType};
use crate::folder::sync_parent;

/// A file that was begun and not finished, and is older than this, was left by a process that ended.
const UNFINISHED_AGE: Duration = Duration::from_hours(1);

/// A node's evidence: `evidence/ab/cdef…` holds the content whose SHA-256 is `abcdef…`. Names of files, which may hold personal data, are
/// not kept; what kind a file is follows from its content.
#[derive(Clone, Debug)]
pub struct EvidenceStore {
    root: PathBuf,
    config: EvidenceConfig,
}

/// A piece of evidence in the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Kept {
    /// SHA-256 of the content.
    pub sha256: Digest,
    /// What it is.
    pub media_type: MediaType,
    /// Size in bytes.
    pub bytes: u64,
}

/// A file of the store that is not what its name says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// The SHA-256 that its name says; none when the name is none.
    pub expected: Option<Digest>,
    /// The SHA-256 of its content.
    pub found: Digest,
}

/// What a check of the store found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Verification {
    /// Files whose content is what their name says.
    pub sound: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Files that are not.
    pub damaged: Vec<Damage>,
}

impl EvidenceStore {
    /// The evidence of a node's folder. Nothing is made before something is kept.
    pub fn of(root: &Path, config: EvidenceConfig) -> Self {
        Self { root: root.join("evidence"), config }
    }

    /// Limits and kinds.
    pub fn config(&self) -> &EvidenceConfig {
        &self.config
    }

    /// Whether a content is there.
    pub fn holds(&self, sha256: Digest) -> bool {
        self.path(sha256).is_file()
    }

    /// Where a content lies, or would.
    pub fn path(&self, sha256: Digest) -> PathBuf {
        let name = sha256.to_string();
        let (folder, rest) = name.split_at(2);
        self.root.join(folder).join(rest)
    }

    /// Takes a file in. It is on the disk when this returns.
    ///
    /// Errors: [`EvidenceError::TooLarge`], [`EvidenceError::Empty`], [`EvidenceError::Kind`] name the file; nothing is kept then.
    pub fn keep_file(&self, path: &Path) -> Result<Kept, EvidenceError> {
        let io = |source| EvidenceError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if metadata.is_dir() {
            return Err(io(io::ErrorKind::IsADirectory.into()));
        }
        let mut bytes = Vec::new();
        file.take(self.config.bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
        let found = metadata.len().max(bytes.len() as u64);
        self.keep(&bytes, &path.display().to_string(), found)
    }

    /// Takes a content in that was fetched under a name.
    ///
    /// Errors: [`EvidenceError::WrongContent`] when it is another one; nothing is kept then.
    pub fn keep_fetched(&self, expected: Digest, bytes: &[u8]) -> Result<Kept, EvidenceError> {
        let found = Digest::of(bytes);
        if found != expected {
            return Err(EvidenceError::WrongContent { expected, found });
        }
        self.keep(bytes, &expected.to_string(), bytes.len() as u64)
    }

    /// A content, compared with its name.
    ///
    /// Errors: [`EvidenceError::Damaged`].
    pub fn read(&self, sha256: Digest) -> Result<Option<Vec<u8>>, EvidenceError> {
        let path = self.path(sha256);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|source| EvidenceError::Io { path: path.clone(), source })?,
        };
        let found = Digest::of(&bytes);
        if found == sha256 { Ok(Some(bytes)) } else { Err(EvidenceError::Damaged { path, found }) }
    }

    /// Every content that is there, in order.
    pub fn list(&self) -> Result<Vec<(Digest, u64)>, EvidenceError> {
        let mut all = Vec::new();
        self.each_file(|path, bytes| {
            if let Some(sha256) = name_of(&path) {
                all.push((sha256, bytes));
            }
            Ok(())
        })?;
        all.sort_unstable();
        Ok(all)
    }

    /// Reads every file again and compares it with its name. Leftovers of uploads that were cut off are removed.
    pub fn verify(&self) -> Result<Verification, EvidenceError> {
        let mut found = Verification::default();
        self.each_file(|path, _| {
            if is_unfinished(&path) {
                return remove_if_old(&path);
            }
            let bytes = fs::read(&path).map_err(|source| EvidenceError::Io { path: path.clone(), source })?;
            let (expected, digest) = (name_of(&path), Digest::of(&bytes));
            if expected == Some(digest) {
                found.sound += 1;
                found.bytes += bytes.len() as u64;
            } else {
                found.damaged.push(Damage { path, expected, found: digest });
            }
            Ok(())
        })?;
        found.damaged.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// What bytes are, if they may be evidence. `name` says in errors what they are of.
    fn check(&self, bytes: &[u8], name: &str, found_bytes: u64) -> Result<MediaType, EvidenceError> {
        if bytes.is_empty() {
            return Err(EvidenceError::Empty { name: name.to_owned() });
        }
        if found_bytes > self.config.bytes_max {
            let bytes_max = self.config.bytes_max;
            return Err(EvidenceError::TooLarge { name: name.to_owned(), bytes: found_bytes, bytes_max });
        }
        let refuse = |found: Option<&'static str>| EvidenceError::Kind {
            name: name.to_owned(),
            found,
            allowed: self.config.media_types.clone(),
        };
        let media_type = MediaType::of(bytes).map_err(refuse)?;
        if self.config.media_types.contains(&media_type) {
            Ok(media_type)
        } else {
            Err(refuse(Some(media_type.as_str())))
        }
    }

    fn keep(&self, bytes: &[u8], name: &str, found_bytes: u64) -> Result<Kept, EvidenceError> {
        let media_type = self.check(bytes, name, found_bytes)?;
        let sha256 = Digest::of(bytes);
        let path = self.path(sha256);
        // A file that is there is trusted only as far as its content goes.
        if !matches!(self.read(sha256), Ok(Some(_))) {
            write_durably(&path, bytes).map_err(|source| EvidenceError::Io { path, source })?;
        }
        Ok(Kept { sha256, media_type, bytes: bytes.len() as u64 })
    }

    fn each_file(&self, mut visit: impl FnMut(PathBuf, u64) -> Result<(), EvidenceError>) -> Result<(), EvidenceError> {
        for folder in entries(&self.root)? {
            if !folder.is_dir() {
                continue;
            }
            for path in entries(&folder)? {
                let metadata = fs::symlink_metadata(&path);
                let metadata = metadata.map_err(|source| EvidenceError::Io { path: path.clone(), source })?;
                if metadata.is_file() {
                    visit(path, metadata.len())?;
                }
            }
        }
        Ok(())
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, EvidenceError> {
    let io = |source| EvidenceError::Io { path: folder.to_owned(), source };
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(io)?,
    };
    let mut paths = listed.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>().map_err(io)?;
    paths.sort_unstable();
    Ok(paths)
}

/// The SHA-256 that a file's place says.
fn name_of(path: &Path) -> Option<Digest> {
    let folder = path.parent()?.file_name()?.to_str()?;
    format!("{folder}{}", path.file_name()?.to_str()?).parse().ok()
}

fn is_unfinished(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "writing")
}

fn remove_if_old(path: &Path) -> Result<(), EvidenceError> {
    let age = fs::metadata(path).and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
    if age.is_none_or(|age| age < UNFINISHED_AGE) {
        return Ok(());
    }
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(EvidenceError::Io { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Writes a file that is there whole or not at all, readable by its owner alone. Two writers of one content do not disturb each other.
fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static WRITES: AtomicU64 = AtomicU64::new(0);

    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    make_folder(folder.parent().ok_or(io::ErrorKind::InvalidInput)?)?;
    make_folder(folder)?;
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    let unfinished = path.with_extension(format!("{}-{number}.writing", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&unfinished).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| fs::rename(&unfinished, path)) {
        // Half a file would only take room, which may be just what is missing.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    sync_parent(path)
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.and_then(|()| sync_parent(path)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tempfile::TempDir;

    use super::*;

    const PDF: &[u8] = b"%PDF-1.7 found on site";

    fn store(bytes_max: u64) -> (TempDir, EvidenceStore) {
        let folder = TempDir::new().unwrap();
        let store = EvidenceStore::of(folder.path(), EvidenceConfig { bytes_max, ..EvidenceConfig::default() });
        (folder, store)
    }

    fn written(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// SHA-256 of "abc": FIPS 180-4, first example.
    #[test]
    fn a_content_lies_under_its_hash_readable_by_its_owner_alone() {
        let (folder, store) = store(100);
        let kept = store.keep_file(&written(&folder, "张三的投诉.txt", b"abc")).unwrap();
        let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((kept.sha256.to_string().as_str(), kept.media_type, kept.bytes), (name, MediaType::Text, 3));
        let path = folder.path().join("evidence").join(&name[..2]).join(&name[2..]);
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        assert_eq!(store.read(kept.sha256).unwrap().unwrap(), b"abc");
        assert_eq!(store.list().unwrap(), [(kept.sha256, 3)]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::metadata(folder.path().join("evidence")).unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert_eq!(store.keep_file(&written(&folder, "again.pdf", b"abc")).unwrap(), kept);
        assert_eq!(store.list().unwrap().len(), 1);
    }

    #[test]
    fn what_is_too_large_empty_or_of_another_kind_is_refused_and_not_kept() {
        let (folder, store) = store(22);
        assert_eq!(store.keep_file(&written(&folder, "fits.pdf", PDF)).unwrap().bytes, 22);
        let error = store.keep_file(&written(&folder, "large.pdf", &[PDF, b"."].concat())).unwrap_err();
        assert!(matches!(error, EvidenceError::TooLarge { bytes: 23, bytes_max: 22, .. }), "{error:?}");
        let error = store.keep_file(&written(&folder, "empty.jpg", b"")).unwrap_err();
        assert!(matches!(error, EvidenceError::Empty { .. }), "{error:?}");
        let error = store.keep_file(&written(&folder, "photo.jpg", b"MZ\x90\0 a program")).unwrap_err().to_string();
        assert!(error.contains("photo.jpg") && error.contains("image/jpeg, image/png"), "{error}");
        assert!(store.keep_file(folder.path()).is_err());
        assert_eq!(store.list().unwrap().len(), 1);
        let only_text = EvidenceConfig { media_types: vec![MediaType::Text], ..EvidenceConfig::default() };
        let strict = EvidenceStore::of(folder.path(), only_text);
        let error = strict.keep_file(&folder.path().join("fits.pdf")).unwrap_err();
        assert!(matches!(error, EvidenceError::Kind { found: Some("application/pdf"), .. }), "{error:?}");
    }

    #[test]
    fn a_fetched_content_under_a_wrong_name_is_never_kept() {
        let (_folder, store) = store(100);
        let error = store.keep_fetched(Digest::of(b"other"), PDF).unwrap_err();
        assert!(matches!(error, EvidenceError::WrongContent { .. }), "{error:?}");
        assert_eq!(store.list().unwrap(), []);
        store.keep_fetched(Digest::of(PDF), PDF).unwrap();
        assert!(store.holds(Digest::of(PDF)));
    }

    #[test]
    fn damaged_files_are_found_told_and_mended_by_the_same_content() {
        let (folder, store) = store(100);
        let path = written(&folder, "a.pdf", PDF);
        let kept = store.keep_file(&path).unwrap();
        let other = store.keep_file(&written(&folder, "b.txt", b"abc")).unwrap();
        fs::write(store.path(kept.sha256), b"%PDF-1.7 found on  site").unwrap();
        assert!(matches!(store.read(kept.sha256), Err(EvidenceError::Damaged { .. })));
        let verification = store.verify().unwrap();
        assert_eq!((verification.sound, verification.bytes), (1, other.bytes));
        assert_eq!(verification.damaged.len(), 1);
        assert_eq!(verification.damaged[0].expected, Some(kept.sha256));
        store.keep_file(&path).unwrap();
        assert_eq!(store.verify().unwrap().damaged, []);
    }

    #[test]
    fn leftovers_of_a_write_that_was_cut_off_are_no_evidence_and_go_away() {
        let (folder, store) = store(100);
        let kept = store.keep_file(&written(&folder, "a.pdf", PDF)).unwrap();
        let leftover = store.path(kept.sha256).with_extension("1-0.writing");
        fs::write(&leftover, b"%PDF").unwrap();
        assert_eq!(store.list().unwrap().len(), 1);
        assert_eq!(store.verify().unwrap().sound, 1);
        assert!(leftover.exists(), "it may be being written");
        let old = std::time::SystemTime::now() - UNFINISHED_AGE * 2;
        File::options().write(true).open(&leftover).unwrap().set_modified(old).unwrap();
        store.verify().unwrap();
        assert!(!leftover.exists());
        let empty = EvidenceStore::of(&folder.path().join("none"), EvidenceConfig::default());
        assert_eq!(empty.verify().unwrap(), Verification::default());
    }
}
