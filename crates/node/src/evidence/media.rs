//! What a file is, by its content. A name can say anything.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! media_types {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $zh:literal;)+) => {
        /// A kind of file that may be evidence.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum MediaType {
            $($(#[$doc])* $variant,)+
        }

        impl MediaType {
            /// Every kind, in a fixed order.
            pub const ALL: &[MediaType] = &[$(MediaType::$variant,)+];

            /// The media type (RFC 6838), as it stands in events.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(MediaType::$variant => $text,)+
                }
            }

            /// What people call it.
            #[must_use]
            pub const fn name_zh(self) -> &'static str {
                match self {
                    $(MediaType::$variant => $zh,)+
                }
            }
        }
    };
}

media_types! {
    /// A photo.
    Jpeg = "image/jpeg", "JPEG 图片";
    /// A picture or screenshot.
    Png = "image/png", "PNG 图片";
    /// A picture.
    Webp = "image/webp", "WebP 图片";
    /// A photo of a newer telephone (HEIC).
    Heif = "image/heif", "HEIC 图片";
    /// A document.
    Pdf = "application/pdf", "PDF 文件";
    /// A film.
    Mp4 = "video/mp4", "MP4 视频";
    /// A film of a newer telephone.
    QuickTime = "video/quicktime", "MOV 视频";
    /// Text in UTF-8.
    Text = "text/plain", "UTF-8 文本";
    /// A document of a word processor.
    Docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "DOCX 文档";
    /// A table.
    Xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "XLSX 表格";
}

impl MediaType {
    /// What the bytes are, by how they begin, or for documents of an office by what is in them; text is what is UTF-8 without control
    /// characters and no program or page. Documents with macros, and the older kinds of which an installer is one, are none.
    ///
    /// Errors: what was found instead, as far as that can be told.
    pub fn of(bytes: &[u8]) -> Result<MediaType, Option<&'static str>> {
        if let Some(names) = zip_names(bytes) {
            return of_office(&names).ok_or(Some("application/zip"));
        }
        let Some(found) = infer::get(bytes) else {
            return if is_plain_text(bytes) { Ok(MediaType::Text) } else { Err(None) };
        };
        let found = found.mime_type();
        MediaType::ALL
            .iter()
            .copied()
            .find(|known| *known != MediaType::Text && known.as_str() == found)
            .ok_or(Some(found))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is none of the kinds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no media type that evidence may have; expected one of {}", .0, names(MediaType::ALL))]
pub struct UnknownMediaType(pub String);

/// Media types, separated by commas.
pub(super) fn names(types: &[MediaType]) -> String {
    types.iter().map(|known| known.as_str()).collect::<Vec<_>>().join(", ")
}

impl FromStr for MediaType {
    type Err = UnknownMediaType;

    fn from_str(text: &str) -> Result<Self, UnknownMediaType> {
        let found = MediaType::ALL.iter().copied().find(|known| known.as_str() == text);
        found.ok_or_else(|| UnknownMediaType(text.to_owned()))
    }
}

impl Serialize for MediaType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The document that an archive with these entries is (ISO/IEC 29500-2), if it holds no program.
fn of_office(names: &[&[u8]]) -> Option<MediaType> {
    let has = |wanted: &str| names.contains(&wanted.as_bytes());
    if !has("[Content_Types].xml") || names.iter().any(|name| name.to_ascii_lowercase().ends_with(b".bin")) {
        return None;
    }
    match (has("word/document.xml"), has("xl/workbook.xml")) {
        (true, false) => Some(MediaType::Docx),
        (false, true) => Some(MediaType::Xlsx),
        _ => None,
    }
}

/// The names in an archive's central directory (APPNOTE.TXT 4.3.12, 4.3.16); none where there is no archive.
fn zip_names(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let number = |at: usize, length: usize| {
        let digits = bytes.get(at..at.checked_add(length)?)?;
        Some(digits.iter().rev().fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit)))
    };
    if !bytes.starts_with(b"PK\x03\x04") {
        return None;
    }
    let end = bytes.len().checked_sub(ZIP_END_BYTES)?;
    let first = end.saturating_sub(usize::from(u16::MAX));
    let end = (first..=end).rev().find(|at| bytes[*at..].starts_with(b"PK\x05\x06"));
    let mut names = Vec::new();
    // Without its end it is a broken archive, and still no text.
    let Some(end) = end else { return Some(names) };
    let (count, mut at) = (number(end + 10, 2)?, number(end + 16, 4)?);
    for _ in 0..count {
        if number(at, 4) != Some(0x0201_4b50) {
            break;
        }
        let lengths = [number(at + 28, 2)?, number(at + 30, 2)?, number(at + 32, 2)?];
        let name = at + ZIP_ENTRY_BYTES;
        let Some(found) = bytes.get(name..name + lengths[0]) else { break };
        names.push(found);
        at = name + lengths.iter().sum::<usize>();
    }
    Some(names)
}

/// Bytes of the record that ends an archive, without its remark.
const ZIP_END_BYTES: usize = 22;

/// Bytes of an entry of the central directory, without its name.
const ZIP_ENTRY_BYTES: usize = 46;

fn is_plain_text(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let text = text.trim_start_matches('\u{feff}');
    let is_control = |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
    // What a program or a browser would run is no plain text, even if every character is one.
    let start = text.trim_start();
    let is_program = start.starts_with("#!") || start.starts_with('<');
    // Nobody attaches a secret key on purpose.
    let is_secret = nkeys::decode_seed(text.trim()).is_ok();
    !text.trim().is_empty() && !is_program && !is_secret && !text.contains(is_control)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// An archive with empty files of these names, as Python's `zipfile` writes it.
    fn zip(entries: &[&str]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for name in entries {
            let at = u32::try_from(bytes.len()).unwrap().to_le_bytes();
            let length = u16::try_from(name.len()).unwrap().to_le_bytes();
            bytes.extend_from_slice(b"PK\x03\x04\x14\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0");
            bytes.extend_from_slice(&[length, [0, 0]].concat());
            bytes.extend_from_slice(name.as_bytes());
            directory.extend_from_slice(b"PK\x01\x02\x14\x03\x14\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0");
            directory.extend_from_slice(&[&length[..], &[0; 12], &at].concat());
            directory.extend_from_slice(name.as_bytes());
        }
        let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
        let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
        let start = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        bytes.extend(directory);
        bytes.extend_from_slice(&[b"PK\x05\x06\0\0\0\0".as_slice(), &count, &count, &size, &start, &[0, 0]].concat());
        bytes
    }

    #[test]
    fn kinds_are_known_by_their_content() {
        let check = |bytes: &[u8], expected: Result<MediaType, Option<&str>>| {
            assert_eq!(MediaType::of(bytes), expected, "{bytes:?}");
        };
        check(b"\xff\xd8\xff\xe0\0\x10JFIF\0", Ok(MediaType::Jpeg));
        check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Ok(MediaType::Png));
        check(b"RIFF\x24\0\0\0WEBPVP8 ", Ok(MediaType::Webp));
        check(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Ok(MediaType::Heif));
        check(b"%PDF-1.7\n", Ok(MediaType::Pdf));
        check(b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", Ok(MediaType::Mp4));
        check(b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", Ok(MediaType::QuickTime));
        check("疏散通道堆放杂物\r\n".as_bytes(), Ok(MediaType::Text));
        check(&zip(&["[Content_Types].xml", "_rels/.rels", "word/document.xml"]), Ok(MediaType::Docx));
        // LibreOffice writes the list of contents last.
        check(&zip(&["_rels/.rels", "xl/workbook.xml", "[Content_Types].xml"]), Ok(MediaType::Xlsx));
    }

    #[test]
    fn programs_pages_and_archives_are_no_evidence() {
        for bytes in [
            b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff".as_slice(),
            b"SXAKIYZX2POLIHZ5W5YZEWVTH24NLEUETBW3TKIVYRSS3GNHFXO5D4JJZM\n",
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0",
            b"#!/bin/sh\nrm -rf /\n",
            b"<!DOCTYPE html><script>1</script>",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='1'/>",
            b"PK\x03\x04\x14\0\0\0\0\0",
            &zip(&["setup.exe"]),
            &zip(&["[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"]),
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0\0\0\0\0\0\0",
            b"GIF89a\x01\0\x01\0",
            b"\x00\x01\x02\x03",
            b"\xff\xfeO\0K\0",
            b"",
            b"  \n",
        ] {
            assert!(MediaType::of(bytes).is_err(), "{bytes:?} is {:?}", MediaType::of(bytes));
        }
    }

    /// Whatever an archive says of itself, reading it ends and stays within its bytes.
    #[test]
    fn broken_archives_are_no_evidence() {
        let whole = zip(&["[Content_Types].xml", "word/document.xml"]);
        // Its first two bytes are letters.
        for length in 3..whole.len() {
            assert!(MediaType::of(&whole[..length]).is_err(), "the first {length} bytes");
        }
        for place in 4..whole.len() {
            let mut changed = whole.clone();
            changed[place] = 0xff;
            let _ = MediaType::of(&changed);
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in MediaType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert!("image/gif".parse::<MediaType>().unwrap_err().to_string().contains("image/jpeg, image/png"));
    }
}
