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
    /// A document of an older word processor.
    Doc = "application/msword", "DOC 文档";
}

impl MediaType {
    /// What the bytes are, by how they begin; text is what is UTF-8 without control characters and no program or page.
    ///
    /// Errors: what was found instead, as far as that can be told.
    pub fn of(bytes: &[u8]) -> Result<MediaType, Option<&'static str>> {
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

fn is_plain_text(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let text = text.trim_start_matches('\u{feff}');
    let is_control = |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
    // What a program or a browser would run is no plain text, even if every character is one.
    let start = text.trim_start();
    !text.trim().is_empty() && !start.starts_with("#!") && !start.starts_with('<') && !text.contains(is_control)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A file of the ZIP family whose first entries are named so (APPNOTE.TXT 4.3.7).
    fn zip(entries: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for name in entries {
            bytes.extend_from_slice(b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
            bytes.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(&[0, 0]);
            bytes.extend_from_slice(name.as_bytes());
        }
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
        check(&zip(&["[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"]), Ok(MediaType::Xlsx));
    }

    #[test]
    fn programs_pages_and_archives_are_no_evidence() {
        for bytes in [
            b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff".as_slice(),
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0",
            b"#!/bin/sh\nrm -rf /\n",
            b"<!DOCTYPE html><script>1</script>",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='1'/>",
            b"PK\x03\x04\x14\0\0\0\0\0",
            b"GIF89a\x01\0\x01\0",
            b"\x00\x01\x02\x03",
            "疏散".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().leak(),
            b"",
            b"  \n",
        ] {
            assert!(MediaType::of(bytes).is_err(), "{bytes:?} is {:?}", MediaType::of(bytes));
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
