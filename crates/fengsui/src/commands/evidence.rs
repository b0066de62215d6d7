//! Photos and documents: only their hashes travel.

use std::path::{Path, PathBuf};

use fengsui_event::Digest;
use fengsui_event::payload::Evidence;

use crate::exit::Failure;

/// Media types by extension; anything else is bytes.
const MEDIA_TYPES: &[(&str, &str)] = &[
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("heic", "image/heic"),
    ("pdf", "application/pdf"),
    ("mp4", "video/mp4"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
];

/// Hashes files. Their names stay here, since they may hold personal data.
pub fn of_files(paths: &[PathBuf]) -> Result<Vec<Evidence>, Failure> {
    paths.iter().map(|path| of_file(path)).collect()
}

fn of_file(path: &Path) -> Result<Evidence, Failure> {
    let bytes = std::fs::read(path).map_err(Failure::file(path))?;
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let known = MEDIA_TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
    let media_type = known.map_or("application/octet-stream", |(_, media_type)| media_type);
    Ok(Evidence { sha256: Digest::of(&bytes), media_type: media_type.to_owned(), title: None })
}
