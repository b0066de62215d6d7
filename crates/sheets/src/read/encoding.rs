//! Which encoding a text file is in: byte-order mark, then strict UTF-8, then GB18030 (GB 18030-2022, which contains GBK
//! and GB 2312). The decision looks at every byte of the file, so a rare character in the last row counts.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use encoding_rs::{DecoderResult, Encoding, GB18030, UTF_8};
use fengsui_event::Language;

use crate::SheetError;

/// How many bytes are read at once.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

/// The encoding in which a file is read, and why it was chosen. Show it to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextEncoding {
    /// The encoding's name, such as `UTF-8` or `gb18030`.
    pub name: &'static str,
    /// Why.
    pub reason: EncodingReason,
}

/// Why an encoding was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodingReason {
    /// The user named it.
    Named,
    /// The file begins with a byte-order mark.
    ByteOrderMark,
    /// Every byte is valid UTF-8.
    ValidUtf8,
    /// The file is not UTF-8, and every byte is valid GB18030.
    NotUtf8 {
        /// Physical line, from 1, of the first byte that is not UTF-8.
        line: u64,
    },
}

impl TextEncoding {
    /// The encoding and why it was chosen, for people.
    pub fn describe(&self, language: Language) -> String {
        let reason = match self.reason {
            EncodingReason::Named => language.pick("按指定", "as named").to_owned(),
            EncodingReason::ByteOrderMark => language.pick("有字节顺序标记", "byte-order mark").to_owned(),
            EncodingReason::ValidUtf8 => language.pick("全部字节有效", "every byte is valid").to_owned(),
            EncodingReason::NotUtf8 { line } => {
                language.pick(format!("第 {line} 行不是 UTF-8"), format!("line {line} is not UTF-8"))
            }
        };
        let name = self.name;
        language.pick(format!("{name}（{reason}）"), format!("{name} ({reason})"))
    }
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(Language::En))
    }
}

/// Looks an encoding up by the name a user gives.
///
/// # Errors
/// [`SheetError::UnknownEncoding`].
pub(crate) fn by_name(name: &str) -> Result<&'static Encoding, SheetError> {
    Encoding::for_label(name.trim().as_bytes()).ok_or_else(|| SheetError::UnknownEncoding { name: name.to_owned() })
}

/// Decides the encoding of a file by reading it once from end to end in bounded memory.
///
/// # Errors
/// [`SheetError::Undecodable`] when the file is neither; the first bad line of each attempt is named.
pub(crate) fn detect(path: &Path) -> Result<(&'static Encoding, TextEncoding), SheetError> {
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(4).read_to_end(&mut start)).map_err(SheetError::io(path))?;
    let chosen = |encoding: &'static Encoding, reason| Ok((encoding, TextEncoding { name: encoding.name(), reason }));
    if let Some((encoding, _)) = Encoding::for_bom(&start) {
        return chosen(encoding, EncodingReason::ByteOrderMark);
    }
    let Some(utf8_line) = first_malformed_line(path, UTF_8)? else {
        return chosen(UTF_8, EncodingReason::ValidUtf8);
    };
    match first_malformed_line(path, GB18030)? {
        None => chosen(GB18030, EncodingReason::NotUtf8 { line: utf8_line }),
        Some(gb18030_line) => Err(SheetError::Undecodable { path: path.to_owned(), utf8_line, gb18030_line }),
    }
}

fn first_malformed_line(path: &Path, encoding: &'static Encoding) -> Result<Option<u64>, SheetError> {
    let mut text = TextStream::open(path, encoding)?;
    let mut line = 1_u64;
    loop {
        match text.next_piece()? {
            Piece::Text(piece) => {
                line += u64::try_from(piece.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(0);
            }
            Piece::Malformed => return Ok(Some(line)),
            Piece::End => return Ok(None),
        }
    }
}

/// Decodes a file piece by piece.
pub(crate) struct TextStream {
    path: std::path::PathBuf,
    file: File,
    decoder: encoding_rs::Decoder,
    chunk: Vec<u8>,
    chunk_start: usize,
    chunk_end: usize,
    decoded: String,
    bytes_read: u64,
    at_end: bool,
    finished: bool,
    malformed_follows: bool,
}

/// What comes next in a decoded file.
pub(crate) enum Piece<'a> {
    /// Some text.
    Text(&'a str),
    /// Bytes that are not text in this encoding stood here.
    Malformed,
    /// Nothing more.
    End,
}

impl TextStream {
    /// Opens a file at its beginning; a byte-order mark is skipped.
    pub(crate) fn open(path: &Path, encoding: &'static Encoding) -> Result<Self, SheetError> {
        Ok(Self {
            path: path.to_owned(),
            file: File::open(path).map_err(SheetError::io(path))?,
            decoder: encoding.new_decoder_with_bom_removal(),
            chunk: vec![0; CHUNK_BYTES],
            chunk_start: 0,
            chunk_end: 0,
            // GB18030 and UTF-16 grow by at most 3 to 2.
            decoded: String::with_capacity(CHUNK_BYTES * 2),
            bytes_read: 0,
            at_end: false,
            finished: false,
            malformed_follows: false,
        })
    }

    /// How many bytes of the file are used up.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The next piece. After a malformed piece the text goes on behind it.
    pub(crate) fn next_piece(&mut self) -> Result<Piece<'_>, SheetError> {
        loop {
            if std::mem::take(&mut self.malformed_follows) {
                return Ok(Piece::Malformed);
            }
            if self.finished {
                return Ok(Piece::End);
            }
            if self.chunk_start == self.chunk_end && !self.at_end {
                self.fill()?;
            }
            self.decoded.clear();
            let source = self.chunk.get(self.chunk_start..self.chunk_end).unwrap_or_default();
            let (result, read) =
                self.decoder.decode_to_string_without_replacement(source, &mut self.decoded, self.at_end);
            self.chunk_start += read;
            match result {
                DecoderResult::InputEmpty => self.finished = self.at_end,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) if self.decoded.is_empty() => {
                    return Ok(Piece::Malformed);
                }
                // The text before the bad bytes goes out first.
                DecoderResult::Malformed(..) => self.malformed_follows = true,
            }
            if !self.decoded.is_empty() {
                return Ok(Piece::Text(&self.decoded));
            }
        }
    }

    fn fill(&mut self) -> Result<(), SheetError> {
        let count = self.file.read(&mut self.chunk).map_err(SheetError::io(&self.path))?;
        self.chunk_start = 0;
        self.chunk_end = count;
        self.bytes_read += u64::try_from(count).unwrap_or(0);
        self.at_end = count == 0;
        Ok(())
    }
}
