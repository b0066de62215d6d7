//! Tables written and read back: what stays text, what becomes a date, and that nothing half-written is left.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;

use fengsui_event::Fen;
use fengsui_sheets::{
    Cell, Column, ColumnKind, DateBase, ReadOptions, SheetError, TableFile, TableOptions, TableWriter, Value,
};
use proptest::prelude::*;

fn columns() -> Vec<Column> {
    vec![
        Column::new("统一社会信用代码", ColumnKind::Text),
        Column::new("发现日期", ColumnKind::Date),
        Column::new("次数", ColumnKind::Integer),
        Column::new("罚款（元）", ColumnKind::Money),
    ]
}

fn row() -> Vec<Value> {
    vec![
        Value::Text("123506004890123480".to_owned()),
        Value::Date(fengsui_event::Date::constant(2023, 10, 12)),
        Value::Integer(-3),
        Value::Money(Fen::new(500_005).unwrap()),
    ]
}

fn write(path: &Path, columns: &[Column], options: &TableOptions, rows: &[Vec<Value>]) -> u64 {
    let mut table = TableWriter::create(path, columns, options).unwrap();
    for row in rows {
        table.write(row).unwrap();
    }
    table.finish().unwrap()
}

fn cells(path: &Path) -> Vec<Vec<Cell>> {
    TableFile::open(path, &ReadOptions::default()).unwrap().map(|row| row.unwrap().cells).collect()
}

#[test]
fn a_workbook_holds_text_dates_and_numbers_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.xlsx");
    assert_eq!(write(&path, &columns(), &TableOptions::default(), &[row()]), 1);
    let rows = cells(&path);
    assert_eq!(rows[0][0], Cell::Text("统一社会信用代码".to_owned()));
    assert_eq!(
        rows[1],
        [
            Cell::Text("123506004890123480".to_owned()),
            Cell::Date { serial: 45_211.0, base: DateBase::Year1900 },
            Cell::Number(-3.0),
            Cell::Number(5000.05),
        ]
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_text_file_is_as_the_standard_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let formula = vec![Value::Text("=HYPERLINK(\"x\")".to_owned()), Value::Empty, Value::Empty, Value::Empty];
    write(&path, &columns(), &TableOptions::default(), &[row(), formula]);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        "\u{FEFF}统一社会信用代码,发现日期,次数,罚款（元）\r\n123506004890123480,2023-10-12,-3,5000.05\r\n\"'=HYPERLINK(\"\"x\"\")\",,,\r\n"
    );
}

#[test]
fn a_full_sheet_is_followed_by_another_with_the_same_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.xlsx");
    let options = TableOptions { sheet_name: "案件".to_owned(), sheet_rows_max: 3, ..TableOptions::default() };
    let rows: Vec<Vec<Value>> = (0..5).map(|number| vec![Value::Integer(number)]).collect();
    assert_eq!(write(&path, &[Column::new("n", ColumnKind::Integer)], &options, &rows), 5);
    let file = TableFile::open(&path, &ReadOptions::default()).unwrap();
    let names: Vec<_> = file.sheets().iter().map(|sheet| sheet.name.clone().unwrap()).collect();
    assert_eq!(names, ["案件", "案件 (2)", "案件 (3)"]);
    let texts: Vec<_> = cells(&path).into_iter().map(|row| row[0].text().into_owned()).collect();
    assert_eq!(texts, ["n", "0", "1", "n", "2", "3", "n", "4"]);
}

#[test]
fn numbers_that_a_sheet_would_round_are_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.xlsx");
    let rows = [vec![Value::Integer(999_999_999_999_999)], vec![Value::Integer(1_234_567_890_123_456_789)]];
    write(&path, &[Column::new("n", ColumnKind::Integer)], &TableOptions::default(), &rows);
    let rows = cells(&path);
    assert_eq!(rows[1][0], Cell::Number(999_999_999_999_999.0));
    assert_eq!(rows[2][0], Cell::Text("1234567890123456789".to_owned()));
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.xlsx");
    let mut table = TableWriter::create(&path, &columns(), &TableOptions::default()).unwrap();
    assert!(matches!(table.write(&row()[..2]).unwrap_err(), SheetError::Unwritable { row: 2, .. }));
    let mut wrong = row();
    wrong[1] = Value::Text("2023-10-12".to_owned());
    assert!(table.write(&wrong).unwrap_err().to_string().contains("发现日期"));
    let mut long = row();
    long[0] = Value::Text("字".repeat(32_768));
    assert!(table.write(&long).unwrap_err().to_string().contains("32,767"));
    drop(table);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let error = TableWriter::create(&folder.path().join("a.ods"), &columns(), &TableOptions::default()).err().unwrap();
    assert!(matches!(error, SheetError::UnknownExtension { .. }));
}

#[test]
fn a_finished_table_replaces_an_older_one_and_an_unfinished_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    write(&path, &columns(), &TableOptions::default(), &[row()]);
    let before = std::fs::read(&path).unwrap();
    drop(TableWriter::create(&path, &columns(), &TableOptions::default()).unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), before);
    write(&path, &columns(), &TableOptions::default(), &[]);
    assert_ne!(std::fs::read(&path).unwrap(), before);
}

/// Texts as people type them: any letters, line breaks, quotation marks, leading and trailing blanks, digits that look like numbers.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~中文一-龥，；\n\"']{0,12}", "[0-9]{1,18}", "[=+@-][0-9A-Z]{1,5}", "  x  ", "_x000D_", "\u{1F525}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn texts_come_back_as_they_were(rows in prop::collection::vec(prop::collection::vec(text(), 3), 1..6), is_workbook: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(if is_workbook { "a.xlsx" } else { "a.csv" });
        let columns: Vec<Column> = ["a", "b", "c"].iter().map(|title| Column::new(*title, ColumnKind::Text)).collect();
        let options = TableOptions { guard_formulas: false, ..TableOptions::default() };
        let values: Vec<Vec<Value>> = rows.iter().map(|row| row.iter().cloned().map(Value::Text).collect()).collect();
        write(&path, &columns, &options, &values);
        let mut read: Vec<Vec<String>> = vec![vec![String::new(); 3]; rows.len()];
        for row in TableFile::open(&path, &ReadOptions::default()).unwrap().map(Result::unwrap).filter(|row| row.number > 1) {
            for (column, cell) in row.cells.iter().enumerate() {
                prop_assert!(matches!(cell, Cell::Text(_) | Cell::Empty));
                let index = if is_workbook { usize::try_from(row.number).unwrap() - 2 } else { row_of(&rows, row.number) };
                read[index][column] = cell.text().into_owned();
            }
        }
        prop_assert_eq!(read, rows);
    }
}

/// In text as in a sheet a record is one row, however many lines its texts have.
fn row_of(rows: &[Vec<String>], number: u64) -> usize {
    let index = usize::try_from(number).unwrap() - 2;
    assert!(index < rows.len());
    index
}
