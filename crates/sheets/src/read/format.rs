//! Which kind of file it is, by its first bytes, then by its extension.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::SheetError;

/// How many bytes are looked at.
const SAMPLE_BYTES_MAX: usize = 8 * 1024;
/// A text file with one NUL byte is mended row by row; one that is a tenth NUL bytes is no text file.
const NUL_SHARE_MAX: usize = 10;

/// The kinds of file that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Text with one record a line, RFC 4180 and its dialects.
    Csv,
    /// Office Open XML workbook (ECMA-376).
    Xlsx,
    /// The older binary workbook (Excel 97 to 2003).
    Xls,
}

const MAGIC: &[(&[u8], &str, &str)] = &[
    (b"%PDF-", "a PDF document", "Ask for the table itself as .xlsx or .csv"),
    (b"\x89PNG", "a PNG picture", "Ask for the table itself as .xlsx or .csv"),
    (b"\xFF\xD8\xFF", "a JPEG picture", "Ask for the table itself as .xlsx or .csv"),
    (b"SQLite format 3\0", "an SQLite database", "Export the table from it as CSV"),
    (b"\x7FELF", "a program (ELF)", "Pass the table's file"),
    (b"MZ", "a program (Windows)", "Pass the table's file"),
    (b"\x1F\x8B", "a gzip archive", "Unpack it first"),
    (b"Rar!", "a RAR archive", "Unpack it first"),
    (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive", "Unpack it first"),
    (b"{\\rtf", "a rich-text document", "Ask for the table itself as .xlsx or .csv"),
];

const WORKBOOK_ADVICE: &str = "Open it in a spreadsheet program and save it as .xlsx";

/// Tells the format of a file.
///
/// # Errors
/// [`SheetError::Foreign`] names what the file is instead; [`SheetError::Empty`] for a file of no bytes.
pub(crate) fn detect(path: &Path) -> Result<FileFormat, SheetError> {
    let mut sample = Vec::with_capacity(SAMPLE_BYTES_MAX);
    let limit = u64::try_from(SAMPLE_BYTES_MAX).unwrap_or(u64::MAX);
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut sample)).map_err(SheetError::io(path))?;
    if sample.is_empty() {
        return Err(SheetError::Empty { path: path.to_owned() });
    }
    let foreign = |found, advice| Err(SheetError::Foreign { path: path.to_owned(), found, advice });
    if sample.starts_with(b"PK\x03\x04") {
        return detect_zip(&sample).or_else(|found| foreign(found, WORKBOOK_ADVICE));
    }
    if sample.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        return Ok(FileFormat::Xls);
    }
    if let Some((_, found, advice)) = MAGIC.iter().find(|(magic, ..)| sample.starts_with(magic)) {
        return foreign(found, advice);
    }
    if looks_like_markup(&sample) {
        return foreign("an HTML or XML page (some systems name such a page .xls)", WORKBOOK_ADVICE);
    }
    if let Some(found) = binary(&sample) {
        return foreign(found, "Save it as CSV in UTF-8, or as .xlsx");
    }
    if has_extension(path, &["xlsx", "xlsm", "xls"]) && !is_text(&sample) {
        let detail = "its first bytes are not those of a workbook".to_owned();
        return Err(SheetError::DamagedWorkbook { path: path.to_owned(), detail });
    }
    Ok(FileFormat::Csv)
}

/// Whether the path ends in one of the extensions, in any case.
pub(crate) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .and_then(|found| found.to_str())
        .is_some_and(|found| extensions.iter().any(|known| known.eq_ignore_ascii_case(found)))
}

/// A zip container is taken for XLSX unless its first member says that it is another office format; the workbook
/// reader then checks the parts.
fn detect_zip(sample: &[u8]) -> Result<FileFormat, &'static str> {
    let holds = |text: &[u8]| sample.windows(text.len()).any(|window| window == text);
    if holds(b"mimetypeapplication/vnd.oasis.opendocument") {
        return Err("an OpenDocument file");
    }
    if holds(b"word/document.xml") {
        return Err("a Word document");
    }
    if holds(b"ppt/presentation.xml") {
        return Err("a PowerPoint presentation");
    }
    Ok(FileFormat::Xlsx)
}

fn looks_like_markup(sample: &[u8]) -> bool {
    let text = sample.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(sample).trim_ascii_start();
    [&b"<!doctype"[..], b"<html", b"<?xml", b"<table", b"<meta"]
        .iter()
        .any(|tag| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)))
}

fn binary(sample: &[u8]) -> Option<&'static str> {
    if sample.starts_with(b"\xFF\xFE") || sample.starts_with(b"\xFE\xFF") {
        return None;
    }
    let nul = sample.split(|byte| *byte == 0).count() - 1;
    (nul > 0 && nul * NUL_SHARE_MAX >= sample.len())
        .then_some("a binary file, or UTF-16 text without a byte-order mark")
}

/// Whether the bytes could be text: no control characters apart from white space.
fn is_text(sample: &[u8]) -> bool {
    sample.starts_with(b"\xFF\xFE")
        || sample.starts_with(b"\xFE\xFF")
        || !sample.iter().any(|byte| *byte < 0x20 && !b"\t\r\n\x0C".contains(byte))
}
