//! The same rows as different files: encodings, kinds, the order of columns, merged cells.

use std::path::{Path, PathBuf};

use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rust_xlsxwriter::{Format, Workbook};

use crate::damage::{HEADERS, Row};

/// Columns that people merge: unit, name, region, address.
const MERGED: [usize; 4] = [0, 1, 4, 5];

/// Writes a book in a way that the seed chooses. Nothing of it changes what the rows say.
pub fn write(folder: &Path, rows: &[Row], seed: u64) -> PathBuf {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0xf11e);
    let mut columns: Vec<usize> = (0..HEADERS.len()).collect();
    columns.shuffle(&mut random);
    match random.gen_range(0..4) {
        0 => text(folder, rows, &columns, "utf-8"),
        1 => text(folder, rows, &columns, "gb18030"),
        2 => workbook(folder, rows, &columns, false),
        _ => workbook(folder, rows, &columns, true),
    }
}

fn text(folder: &Path, rows: &[Row], columns: &[usize], encoding: &str) -> PathBuf {
    let mut text = String::new();
    let mut line = |cells: &[&str]| {
        let cells: Vec<&str> = columns.iter().map(|column| cells[*column]).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    };
    line(&HEADERS);
    for row in rows {
        line(&row.cells());
    }
    let encoding = encoding_rs::Encoding::for_label(encoding.as_bytes()).unwrap();
    let (bytes, _, has_failed) = encoding.encode(&text);
    assert!(!has_failed);
    let path = folder.join("book.csv");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A workbook of two sheets with a title above each table. Merged: what neighbours of one sheet share stands once.
fn workbook(folder: &Path, rows: &[Row], columns: &[usize], merged: bool) -> PathBuf {
    let mut book = Workbook::new();
    let plain = Format::new();
    for (name, rows) in [("一季度", &rows[..rows.len() / 2]), ("二季度", &rows[rows.len() / 2..])] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        sheet.merge_range(0, 0, 0, 5, "消防支队台账", &plain).unwrap();
        for (column, from) in columns.iter().enumerate() {
            let column = u16::try_from(column).unwrap();
            sheet.write_string(1, column, HEADERS[*from]).unwrap();
            let mut at = 0;
            while at < rows.len() {
                let value = rows[at].cells()[*from];
                let run = rows[at..].iter().take_while(|row| row.cells()[*from] == value).count();
                let first = u32::try_from(at + 2).unwrap();
                let run = if merged && !value.is_empty() && MERGED.contains(from) { run } else { 1 };
                if run > 1 {
                    let last = first + u32::try_from(run - 1).unwrap();
                    sheet.merge_range(first, column, last, column, value, &plain).unwrap();
                } else if !value.is_empty() {
                    sheet.write_string(first, column, value).unwrap();
                }
                at += run;
            }
        }
    }
    let path = folder.join("book.xlsx");
    book.save(&path).unwrap();
    path
}
