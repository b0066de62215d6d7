//! Files from independent writers, read under the built-in map. Right values are those that `data/generate.py` wrote.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use fengsui_event::{Fen, FindingMethod, Language, Outcome, Severity};
use fengsui_sheets::{
    ColumnMap, EncodingReason, FileFormat, NoteKind, ReadOptions, Reason, RefusedRow, SheetError, ViolationReader,
    ViolationRecord,
};

const HOTEL: &str = "91350602MA2XA0013A";
const SCHOOL: &str = "12350600489012348A";

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn open(name: &str) -> ViolationReader {
    open_with(name, &ReadOptions::default(), &ColumnMap::builtin()).unwrap()
}

fn open_with(name: &str, options: &ReadOptions, maps: &[ColumnMap]) -> Result<ViolationReader, SheetError> {
    ViolationReader::open(&data(name), options, maps)
}

fn split(reader: ViolationReader) -> (Vec<ViolationRecord>, Vec<RefusedRow>) {
    let mut accepted = Vec::new();
    let mut refused = Vec::new();
    for row in reader {
        match row.unwrap() {
            Ok(record) => accepted.push(record),
            Err(row) => refused.push(row),
        }
    }
    (accepted, refused)
}

fn day(text: &str) -> fengsui_event::Date {
    text.parse().unwrap()
}

#[test]
fn a_workbook_of_the_1900_base() {
    let reader = open("ledger-1900.xlsx");
    assert_eq!((reader.format(), reader.encoding(), reader.map_name()), (FileFormat::Xlsx, None, "builtin-zh"));
    let (accepted, refused) = split(reader);

    let first = &accepted[0];
    assert_eq!((first.at.sheet.as_deref(), first.at.row), (Some("台账"), 2));
    assert_eq!(first.unit.to_string(), HOTEL);
    assert_eq!(first.unit_name.as_deref(), Some("某酒店"));
    assert_eq!(first.region.to_string(), "350602");
    assert_eq!(first.address, "胜利西路 1 号");
    assert_eq!(first.trade.unwrap().to_string(), "H61");
    assert_eq!(first.category.to_string(), "fire.60-3");
    assert_eq!(first.severity, Some(Severity::Serious));
    assert_eq!(first.found_on, day("2023-10-12"));
    assert_eq!(first.method, FindingMethod::DoubleRandom);
    assert_eq!(first.facts, "二层疏散通道堆放杂物");
    assert_eq!(first.legal_basis, ["消防法第六十条第一款第三项", "某条例第十条"]);
    assert_eq!(first.reference.as_deref(), Some("漳消检〔2023〕12号"));
    let closed = first.closed.as_ref().unwrap();
    assert_eq!(closed.closed_on, day("2023-10-20"));
    assert_eq!(closed.outcome, Some(Outcome::RectificationOrdered));
    assert_eq!(closed.text.as_deref(), Some("责令限期改正"));
    assert_eq!(closed.penalty.map(Fen::fen), Some(500_000));

    let second = &accepted[1];
    assert_eq!(second.unit.to_string(), HOTEL);
    assert_eq!(second.found_on, day("2023-10-13"));
    assert_eq!(second.closed, None);
    let notes: Vec<_> = second.notes.iter().map(|note| (note.kind, note.column.letter())).collect();
    assert_eq!(notes, [(NoteKind::UnitNormalised, "A".to_owned()), (NoteKind::ClosingPassedOver, "N".to_owned())]);
    assert_eq!(accepted[2].found_on, day("2023-10-14"));

    let problems: Vec<_> =
        refused.iter().map(|row| (row.at.row, row.problems[0].reason.code(), row.problems[0].cell.clone())).collect();
    assert_eq!(
        problems,
        [
            (4, "date_serial_number", "45211".to_owned()),
            (5, "date_phantom", "1900-02-29".to_owned()),
            (6, "uscc_spreadsheet_number", "9.135E+17".to_owned()),
            (8, "cell_error", "#DIV/0!".to_owned()),
        ]
    );
    assert_eq!(refused.iter().map(|row| row.problems.len()).sum::<usize>(), 4);
    let told = refused[0].describe(Language::En);
    assert!(told.starts_with("台账 row 4: J 发现日期 `45211`: date_serial_number"), "{told}");
}

#[test]
fn a_workbook_of_the_1904_base() {
    let (accepted, refused) = split(open("ledger-1904.xlsx"));
    assert_eq!(accepted.iter().map(|row| row.found_on).collect::<Vec<_>>(), [day("2023-10-12")]);
    assert_eq!(refused[0].problems[0].reason, Reason::DateSerialNumber);

    let mut map = ColumnMap::builtin_zh();
    map.field.found_on[0].date = fengsui_sheets::DateFormat::Serial;
    let (accepted, refused) = split(open_with("ledger-1904.xlsx", &ReadOptions::default(), &[map]).unwrap());
    assert_eq!(accepted.iter().map(|row| row.found_on).collect::<Vec<_>>(), [day("2023-10-12"); 2]);
    assert!(refused.is_empty());
    // A date cell and a serial number that mean the same day are the same row.
    assert_eq!(accepted[1].key, format!("{}#2", accepted[0].key));
}

#[test]
fn a_title_and_a_header_merged_over_two_rows() {
    let reader = open("merged-header.xlsx");
    assert_eq!(
        reader.columns(),
        ["*统一社会信用代码", "单位名称", "所属区划", "违法行为类型", "违法事实", "发现日期", "发现方式", "备注"]
    );
    let (accepted, refused) = split(reader);
    assert!(refused.is_empty());
    assert_eq!((accepted[0].at.row, accepted[0].found_on), (5, day("2023-10-12")));
    assert_eq!(accepted[0].method, FindingMethod::PublicReport);
}

#[test]
fn sheets_with_the_columns_are_read_and_the_others_named() {
    let reader = open("two-sheets.xlsx");
    let skipped: Vec<_> = reader.skipped_sheets().iter().map(|sheet| sheet.name.clone()).collect();
    assert_eq!(skipped, ["说明"]);
    assert_eq!(reader.columns().len(), 16);
    let (accepted, refused) = split(reader);
    let places: Vec<_> = accepted.iter().map(|row| (row.at.sheet.clone().unwrap(), row.at.row)).collect();
    assert_eq!(places, [("一季度".to_owned(), 2), ("一季度".to_owned(), 3), ("二季度".to_owned(), 2)]);
    assert_eq!(accepted[1].key, format!("{}#2", accepted[0].key));
    assert_eq!(accepted[2].unit.to_string(), SCHOOL);

    assert_eq!(refused.len(), 2);
    // The check character of ...0010 is not 0; the second sheet's columns stand in reverse.
    assert_eq!((refused[0].at.row, refused[0].problems[0].column.as_ref().unwrap().letter()), (4, "A".to_owned()));
    let region = &refused[1].problems[0];
    assert_eq!((region.reason, region.column.as_ref().unwrap().letter()), (Reason::RegionUnknown, "M".to_owned()));
    assert_eq!((refused[1].cells[2].as_str(), refused[1].cells[15].as_str()), ("999999", "待核"));

    let options = ReadOptions { sheet: Some("二季度".to_owned()), ..ReadOptions::default() };
    let (accepted, _) = split(open_with("two-sheets.xlsx", &options, &ColumnMap::builtin()).unwrap());
    assert_eq!(accepted.len(), 1);
    let options = ReadOptions { sheet: Some("三季度".to_owned()), ..ReadOptions::default() };
    let error = open_with("two-sheets.xlsx", &options, &ColumnMap::builtin()).err().unwrap();
    assert!(matches!(error, SheetError::NoSuchSheet { ref have, .. } if have.len() == 3), "{error}");
}

#[test]
fn an_old_binary_workbook() {
    let reader = open("ledger.xls");
    assert_eq!(reader.format(), FileFormat::Xls);
    let (accepted, refused) = split(reader);
    assert!(refused.is_empty());
    assert_eq!((accepted[0].unit.to_string().as_str(), accepted[0].found_on), (HOTEL, day("2023-10-12")));
}

#[test]
fn encodings_are_decided_and_named() {
    let check = |name: &str, encoding: &str, reason: EncodingReason, units: &[&str]| {
        let reader = open(name);
        let found = reader.encoding().unwrap();
        assert_eq!((found.name, found.reason), (encoding, reason), "{name}");
        let (accepted, refused) = split(reader);
        assert!(refused.is_empty(), "{name}: {refused:?}");
        let names: Vec<_> = accepted.iter().map(|row| row.unit_name.clone().unwrap()).collect();
        assert_eq!(names, units, "{name}");
        assert_eq!(accepted[0].closed.as_ref().unwrap().outcome, Some(Outcome::Penalised));
    };
    check("gbk.csv", "gb18030", EncodingReason::NotUtf8 { line: 1 }, &["某酒店"]);
    check("gb18030.csv", "gb18030", EncodingReason::NotUtf8 { line: 1 }, &["某酒店", "㐂学校"]);
    check("utf8-bom.csv", "UTF-8", EncodingReason::ByteOrderMark, &["某酒店", "㐂学校"]);
    check("semicolon.csv", "UTF-8", EncodingReason::ValidUtf8, &["某酒店"]);
    check("utf16-tab.csv", "UTF-16LE", EncodingReason::ByteOrderMark, &["某酒店"]);
}

#[test]
fn the_same_rows_have_the_same_keys_in_every_form() {
    let key = |name: &str| split(open(name)).0[0].key.clone();
    let expected = key("gbk.csv");
    for name in ["gb18030.csv", "utf8-bom.csv", "semicolon.csv", "utf16-tab.csv", "ledger-1904.xlsx", "ledger.xls"] {
        assert_eq!(key(name), expected, "{name}");
    }
}

#[test]
fn the_user_may_name_the_encoding() {
    let named = |name: &str| ReadOptions { encoding: Some(name.to_owned()), ..ReadOptions::default() };
    let reader = open_with("gbk.csv", &named("GBK"), &ColumnMap::builtin()).unwrap();
    assert_eq!(reader.encoding().unwrap().reason, EncodingReason::Named);
    let error = open_with("gbk.csv", &named("klingon"), &ColumnMap::builtin()).err().unwrap();
    assert!(matches!(error, SheetError::UnknownEncoding { .. }), "{error}");
    // Read as UTF-8 the headers are garbled, and the error shows them.
    let error = open_with("gbk.csv", &named("utf-8"), &ColumnMap::builtin()).err().unwrap();
    assert!(matches!(error, SheetError::HeadersMissing(_)), "{error}");
}

#[test]
fn an_encrypted_workbook_says_so() {
    let error = open_with("encrypted.xlsx", &ReadOptions::default(), &ColumnMap::builtin()).err().unwrap();
    assert!(matches!(error, SheetError::Encrypted { .. }), "{error}");
}
