//! What an .xls file claims of itself, looked at before calamine sees it: that one makes room for a sheet's whole rectangle and follows its
//! sectors wherever they lead, so a damaged file of a few kilobytes could take gigabytes.
//!
//! Source: [MS-XLS] 2.5.53 and 2.5.158: a sheet has at most 65,536 rows and 256 columns.

use std::io::{self, Read, Seek};

/// Rows that a sheet can have.
const ROWS_MAX: u64 = 65_536;
/// Columns that a sheet can have.
const COLUMNS_MAX: u64 = 256;
/// Cells in all sheets' rectangles together: half a gigabyte for calamine, and more than anybody filled into such a file.
const CELLS_MAX: u64 = ROWS_MAX * COLUMNS_MAX;

const EOF: u16 = 0x000A;
const DIMENSIONS: u16 = 0x0200;
const MULTIPLE: [u16; 2] = [0x00BD, 0x00BE];
/// Formula, label, blank, number, truth value, rich string, number in short form.
const SINGLE: [u16; 9] = [0x0006, 0x00D6, 0x00FD, 0x0201, 0x0203, 0x0204, 0x0205, 0x027E, 0x0406];

/// Says what is impossible about the sizes that the file's sheets claim; `None` if they are possible. The error tells of a container that
/// does not hold together.
pub(super) fn impossible_size(file: impl Read + Seek) -> io::Result<Option<String>> {
    let mut container = cfb::CompoundFile::open(file)?;
    let Some(name) = ["/Workbook", "/Book"].into_iter().find(|name| container.is_stream(name)) else {
        // calamine says so in its own words.
        return Ok(None);
    };
    let mut records = io::BufReader::new(container.open_stream(name)?);
    let (mut sheet, mut cells) = (Rectangle::default(), 0);
    let mut head = [0; 4];
    while records.read_exact(&mut head).is_ok() {
        let (kind, length) = (number(&head, 0), usize::from(number(&head, 2)));
        let mut body = vec![0; length];
        if records.read_exact(&mut body).is_err() {
            break;
        }
        sheet.take(kind, &body);
        if sheet.rows > ROWS_MAX || sheet.columns > COLUMNS_MAX {
            return Ok(Some(format!("a sheet claims {} rows and {} columns", sheet.rows, sheet.columns)));
        }
        if kind == EOF {
            cells += sheet.rows * sheet.columns;
            sheet = Rectangle::default();
        }
    }
    cells += sheet.rows * sheet.columns;
    Ok((cells > CELLS_MAX).then(|| format!("its sheets claim {cells} cells together")))
}

/// The rectangle from A1 that holds whatever a sheet claims.
#[derive(Default)]
struct Rectangle {
    rows: u64,
    columns: u64,
}

impl Rectangle {
    fn take(&mut self, kind: u16, body: &[u8]) {
        let at = |index: usize| u64::from(number(body, index));
        match kind {
            DIMENSIONS if body.len() >= 14 => {
                // The first one beyond, not the last one within; rows have four bytes.
                self.reach(at(4) | at(6) << 16, at(10));
            }
            DIMENSIONS if body.len() >= 8 => self.reach(at(2), at(6)),
            _ if SINGLE.contains(&kind) && body.len() >= 4 => self.reach(at(0) + 1, at(2) + 1),
            _ if MULTIPLE.contains(&kind) && body.len() >= 6 => self.reach(at(0) + 1, at(body.len() - 2) + 1),
            _ => {}
        }
    }

    fn reach(&mut self, rows: u64, columns: u64) {
        self.rows = self.rows.max(rows);
        self.columns = self.columns.max(columns);
    }
}

/// The number at a place, two bytes with the lower one first; 0 past the end.
fn number(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |pair| u16::from_le_bytes([pair[0], pair[1]]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Cursor, Write as _};

    use super::*;

    fn record(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend(u16::try_from(body.len()).unwrap().to_le_bytes());
        bytes.extend(body);
        bytes
    }

    fn dimensions(rows: u32, columns: u16) -> Vec<u8> {
        let mut body = vec![0; 14];
        body[4..8].copy_from_slice(&rows.to_le_bytes());
        body[10..12].copy_from_slice(&columns.to_le_bytes());
        record(DIMENSIONS, &body)
    }

    fn cell(row: u16, column: u16) -> Vec<u8> {
        record(0x0203, &[row.to_le_bytes(), column.to_le_bytes()].concat())
    }

    fn check(records: &[Vec<u8>]) -> Option<String> {
        let mut container = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        container.create_stream("/Workbook").unwrap().write_all(&records.concat()).unwrap();
        impossible_size(container.into_inner()).unwrap()
    }

    #[test]
    fn sizes_that_a_sheet_cannot_have_are_told() {
        let end = record(EOF, &[]);
        assert_eq!(check(&[dimensions(65_536, 256), cell(65_535, 255), end.clone()]), None, "the largest sheet");
        let told = |rows: u64, columns: u64| Some(format!("a sheet claims {rows} rows and {columns} columns"));
        assert_eq!(check(&[dimensions(65_537, 1)]), told(65_537, 1));
        assert_eq!(check(&[dimensions(u32::MAX, 1)]), told(u64::from(u32::MAX), 1));
        assert_eq!(check(&[dimensions(1, 257)]), told(1, 257));
        assert_eq!(check(&[cell(3, 256)]), told(4, 257));
        let many = record(0x00BD, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(check(&[many]), told(1, 257), "the last column of several numbers");
    }

    #[test]
    fn sheets_are_counted_together() {
        let sheet = [dimensions(40_000, 256), record(EOF, &[])].concat();
        assert_eq!(check(std::slice::from_ref(&sheet)), None);
        let both = check(&[sheet.clone(), sheet]);
        assert_eq!(both, Some(format!("its sheets claim {} cells together", 2 * 40_000 * 256)));
    }
}
