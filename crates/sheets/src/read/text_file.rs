//! A CSV file as a source of rows: decoded piece by piece, split, never held whole.

use std::path::{Path, PathBuf};

use encoding_rs::Encoding;

use super::encoding::{Piece, TextStream};
use super::split::{RECORD_BYTES_MAX, Splitter, TooLong};
use super::{HEAD_ROWS_MAX, RawRow};
use crate::SheetError;

/// Characters that part the cells of a record, most common first.
const DELIMITERS: [char; 3] = [',', '\t', ';'];

/// Rows of a CSV file in order.
pub(crate) struct TextFile {
    path: PathBuf,
    text: TextStream,
    splitter: Splitter,
    /// The record after the rows that still wait.
    too_long: Option<TooLong>,
    finished: bool,
}

impl TextFile {
    pub(crate) fn open(path: &Path, encoding: &'static Encoding, delimiter: char) -> Result<Self, SheetError> {
        Ok(Self {
            path: path.to_owned(),
            text: TextStream::open(path, encoding)?,
            splitter: Splitter::new(delimiter),
            too_long: None,
            finished: false,
        })
    }

    /// Bytes of the file used up so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.text.bytes_read()
    }

    /// The next row, or `None` at the end.
    pub(crate) fn next_row(&mut self) -> Result<Option<RawRow>, SheetError> {
        loop {
            if let Some(row) = self.splitter.pop() {
                return Ok(Some(row));
            }
            if let Some(TooLong { row }) = self.too_long {
                return Err(SheetError::RecordTooLong { path: self.path.clone(), row, limit_bytes: RECORD_BYTES_MAX });
            }
            if self.finished {
                return Ok(None);
            }
            match self.text.next_piece()? {
                Piece::Text(text) => self.too_long = self.splitter.feed(text).err(),
                Piece::Malformed => self.splitter.malformed(),
                Piece::End => {
                    self.splitter.finish();
                    self.finished = true;
                }
            }
        }
    }

    /// The first rows, for finding the header.
    pub(crate) fn head(mut self) -> Result<Vec<RawRow>, SheetError> {
        let mut head = Vec::with_capacity(HEAD_ROWS_MAX);
        while head.len() < HEAD_ROWS_MAX {
            let Some(row) = self.next_row()? else { break };
            head.push(row);
        }
        Ok(head)
    }
}

/// The delimiter under which the most of the first rows have the same number of cells, more than one; then the one that
/// gives more cells; then the comma.
pub(crate) fn detect_delimiter(path: &Path, encoding: &'static Encoding) -> Result<char, SheetError> {
    let mut best = (DELIMITERS[0], (0, 0));
    for delimiter in DELIMITERS {
        // A wrong delimiter can leave a quotation mark open to the end; that is no reason to refuse the file.
        let head = match TextFile::open(path, encoding, delimiter)?.head() {
            Err(SheetError::RecordTooLong { .. }) => continue,
            other => other?,
        };
        let widths: Vec<usize> = head.iter().map(|row| row.cells.len()).collect();
        let agreeing = |width: usize| widths.iter().filter(|other| **other == width).count();
        let score =
            widths.iter().filter(|width| **width > 1).map(|width| (agreeing(*width), *width)).max().unwrap_or_default();
        if score > best.1 {
            best = (delimiter, score);
        }
    }
    Ok(best.0)
}
