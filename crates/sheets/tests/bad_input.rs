//! Foreign, damaged and untidy files: a clear refusal of the file, or of exactly the rows at fault.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use fengsui_sheets::{
    ColumnMap, ReadOptions, Reason, RefusedRow, SheetError, TableFile, ViolationReader, ViolationRecord,
};
use tempfile::TempDir;

const HEADER: &str = "编号,unit,region,category,facts,found_on,method,closed_on,status\n";
const HOTEL: &str = "91350602MA2XA0013A";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn open(path: &Path) -> Result<ViolationReader, SheetError> {
    ViolationReader::open(path, &ReadOptions::default(), &ColumnMap::builtin())
}

fn open_as(path: &Path, encoding: &str) -> Result<ViolationReader, SheetError> {
    let options = ReadOptions { encoding: Some(encoding.to_owned()), ..ReadOptions::default() };
    ViolationReader::open(path, &options, &ColumnMap::builtin())
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

/// Reads rows under [`HEADER`] and gives the row number and reasons of each refused one.
fn reasons(rows: &str) -> Vec<(u64, Vec<&'static str>)> {
    let folder = Folder::new();
    let path = folder.file("rows.csv", format!("{HEADER}{rows}").as_bytes());
    let (_, refused) = split(open(&path).unwrap());
    refused.iter().map(|row| (row.at.row, row.problems.iter().map(|problem| problem.reason.code()).collect())).collect()
}

#[test]
fn foreign_files_are_named() {
    let folder = Folder::new();
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let error = open(&folder.file(name, bytes)).err().unwrap();
        assert!(matches!(error, SheetError::Foreign { .. }), "{name}: {error}");
        assert!(error.to_string().contains(expected), "{name}: {error}");
    };
    check("a.csv", b"%PDF-1.7\n...", "a PDF document");
    check("b.xlsx", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG picture");
    check("c.csv", b"SQLite format 3\0\x10\0", "an SQLite database");
    check("d.csv", b"\x7fELF\x02\x01\x01\0", "a program (ELF)");
    check("e.xls", b"\xEF\xBB\xBF\n<html><table>", "an HTML or XML page");
    check("f.csv", &[0, 1, 0, 2, 0, 3, 0, 4], "a binary file");
    check("g.csv", "u\0n\0i\0t\0".as_bytes(), "UTF-16 text without a byte-order mark");
    let zip_of_text = b"PK\x03\x04\x14\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0a.txt\
        PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a.txt\
        PK\x05\x06\0\0\0\0\x01\0\x01\x003\0\0\0#\0\0\0\0\0";
    check("h.xlsx", zip_of_text, "a zip archive without a workbook");
}

#[test]
fn a_cut_off_workbook_is_damaged_wherever_it_is_cut() {
    let folder = Folder::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for name in ["ledger-1900.xlsx", "ledger.xls"] {
        let whole = std::fs::read(data.join(name)).unwrap();
        for share in [1, 3, 5, 7, 9] {
            let path = folder.file(name, &whole[..whole.len() * share / 10]);
            let outcome = open(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            match outcome {
                Err(SheetError::DamagedWorkbook { .. } | SheetError::Foreign { .. }) => {}
                other => panic!("{name} at {share}/10: {other:?}"),
            }
        }
    }
}

#[test]
fn empty_and_absent_files_are_told_apart() {
    let folder = Folder::new();
    assert!(matches!(open(&folder.file("a.csv", b"")).err().unwrap(), SheetError::Empty { .. }));
    assert!(matches!(open(&folder.file("b.csv", b"\xEF\xBB\xBF\r\n\r\n")).err().unwrap(), SheetError::Empty { .. }));
    assert!(matches!(open(&folder.0.path().join("none.csv")).err().unwrap(), SheetError::Io { .. }));
}

#[test]
fn missing_headers_are_listed_with_those_that_were_found() {
    let folder = Folder::new();
    let error = open(&folder.file("a.csv", "单位名称,统一社会信用代码,违法事实\n".as_bytes())).err().unwrap();
    let SheetError::HeadersMissing(error) = error else { panic!("{error}") };
    assert!(error.to_string().contains("(read as UTF-8 (every byte is valid))"), "{error}");
    assert_eq!(error.map, "builtin-zh");
    assert_eq!(error.found, ["单位名称", "统一社会信用代码", "违法事实"]);
    let fields: Vec<_> = error.missing.iter().map(|text| text.split(' ').next().unwrap()).collect();
    assert_eq!(fields, ["region", "category", "found_on", "method"]);

    let twice = format!("{}unit\n", HEADER.replace('\n', ","));
    let error = open(&folder.file("b.csv", twice.as_bytes())).err().unwrap();
    assert!(
        matches!(&error, SheetError::HeaderTwice { first, second, .. } if first == "B" && second == "J"),
        "{error}"
    );
}

#[test]
fn text_that_is_no_encoding_is_refused_whole_or_row_by_row() {
    let folder = Folder::new();
    let mut bytes = format!("{HEADER}1,{HOTEL},350602,fire.60-3,堵塞,2023-10-12,举报,,\n2,").into_bytes();
    bytes.extend(b"\xFF");
    bytes.extend(
        format!("{HOTEL},350602,fire.60-3,堵塞,2023-10-12,举报,,\n3,{HOTEL},350602,fire.60-3,堵塞,2023-10-12,举报,,\n")
            .into_bytes(),
    );
    let path = folder.file("a.csv", &bytes);
    let error = open(&path).err().unwrap();
    assert!(matches!(error, SheetError::Undecodable { utf8_line: 3, .. }), "{error}");

    let (accepted, refused) = split(open_as(&path, "utf-8").unwrap());
    assert_eq!(accepted.iter().map(|row| row.at.row).collect::<Vec<_>>(), [2, 4]);
    assert_eq!((refused[0].at.row, refused[0].problems[0].reason), (3, Reason::InvalidBytes));
}

#[test]
fn an_endless_quotation_names_its_row() {
    let folder = Folder::new();
    let endless = format!("x,{HOTEL},350602,fire.60-3,\"{}", "堵塞\n".repeat(200_000));
    let error = open(&folder.file("a.csv", format!("{HEADER}{endless}").as_bytes())).err().unwrap();
    assert!(matches!(error, SheetError::RecordTooLong { row: 2, .. }), "{error}");

    // Rows before it are still read.
    let numbers: Vec<String> = (1..=20).map(|number| number.to_string()).collect();
    let rows = numbers.join(&format!(",{HOTEL},350602,fire.60-3,堵塞,2023-10-12,举报,,\n"));
    let rows = format!("{rows},{HOTEL},350602,fire.60-3,堵塞,2023-10-12,举报,,\n");
    let reader = open(&folder.file("b.csv", format!("{HEADER}{rows}{endless}").as_bytes())).unwrap();
    let rows: Vec<_> = reader.collect();
    assert_eq!((rows.len(), rows.iter().filter(|row| row.is_ok()).count()), (21, 20));
    assert!(matches!(rows[20], Err(SheetError::RecordTooLong { row: 22, .. })));
}

#[test]
fn each_bad_row_is_refused_alone() {
    let found = reasons(&format!(
        "1,{HOTEL},350602,fire.60-3,堵塞,2023-10-12,举报,,\n\
         2,{HOTEL},350602,fire.60-3,堵塞,2023-10-12,举报,\n\
         3,{HOTEL},350602,fire.60-3,堵塞,2023-10-12,举报,,,x\n\
         ,,,,,,,,\n\
         \n\
         4,{HOTEL},350602,fire.60-3,堵\0塞,2023-10-12,举报,,\n\
         5,{HOTEL},350602,fire.60-3,堵\u{FFFD},2023-10-12,举报,,\n\
         1,{HOTEL},350602,fire.60-3,堵塞,2023-10-12,举报,,\n\
         ,{HOTEL},350602,fire.60-3,堵塞,2023-10-12,举报,,\n\
         7,,,,,,,,\n"
    ));
    assert_eq!(
        found,
        [
            (3, vec!["ragged_row"]),
            (4, vec!["ragged_row"]),
            (7, vec!["nul_byte"]),
            (8, vec!["lost_text"]),
            (9, vec!["duplicate_key"]),
            (10, vec!["missing"]),
            (11, vec!["missing", "missing", "missing", "missing", "missing", "missing"]),
        ]
    );
}

#[test]
fn a_surplus_of_empty_cells_is_no_fault() {
    assert!(reasons(&format!("1,{HOTEL},350602,fire.60-3,堵塞,2023-10-12,举报,,,,\n")).is_empty());
}

#[test]
fn each_value_has_its_own_reason() {
    let check = |row: &str, expected: &[&str]| {
        let found = reasons(&format!("{row}\n"));
        assert_eq!(found.first().map_or(&[][..], |row| &row.1[..]), expected, "{row}");
    };
    let with_unit = |unit: &str| format!("1,{unit},350602,fire.60-3,堵塞,2023-10-12,举报,,");
    check(&with_unit(HOTEL), &[]);
    // The example of GB 32100-2015.
    check(&with_unit("91350100M000100Y43"), &[]);
    check(&with_unit("91350100M000100Y44"), &["uscc_check_character"]);
    check(&with_unit("111111111111111111"), &["uscc_organisation_check"]);
    check(&with_unit("91990100M000100Y43"), &["uscc_region"]);
    check(&with_unit("9135010OM000100Y43"), &["uscc_forbidden_letter"]);
    check(&with_unit("9.1350E+17"), &["uscc_spreadsheet_number"]);
    check(&with_unit("91350100M000100Y4"), &["uscc_length"]);
    check(&with_unit("11010519491231002X"), &["uscc_citizen_id"]);
    check(&with_unit("350600100012345"), &[]);
    let row = |region: &str, category: &str, found: &str, method: &str, closed: &str, status: &str| {
        format!("1,{HOTEL},{region},{category},堵塞,{found},{method},{closed},{status}")
    };
    check(&row("359999", "fire.60-3", "2023-10-12", "举报", "", ""), &["region_unknown"]);
    check(&row("朝阳区", "fire.60-3", "2023-10-12", "举报", "", ""), &["region_unknown"]);
    check(&row("福建省漳州市芗城区", "fire.60-3", "2023-10-12", "举报", "", ""), &[]);
    check(&row("350602", "堵塞通道", "2023-10-12", "举报", "", ""), &["category_invalid"]);
    check(&row("350602", "fire.60-3", "2022-09-31", "举报", "", ""), &["date_impossible"]);
    check(&row("350602", "fire.60-3", "03/04/2023", "举报", "", ""), &["date_ambiguous"]);
    check(&row("350602", "fire.60-3", "23-10-12", "举报", "", ""), &["date_two_digit_year"]);
    check(&row("350602", "fire.60-3", "45211", "举报", "", ""), &["date_serial_number"]);
    check(&row("350602", "fire.60-3", "昨天", "听说", "", ""), &["date_unreadable", "unknown_value"]);
    check(&row("350602", "fire.60-3", "2023-10-12", "inspection", "2023-10-12", ""), &[]);
    check(&row("350602", "fire.60-3", "2023-10-12", "举报", "2023-10-11", ""), &["closed_before_found"]);
    check(&row("350602", "fire.60-3", "2023-10-12", "举报", "", "已销案"), &["closed_without_date"]);
    check(&row("350602", "fire.60-3", "2023-10-12", "举报", "2023-10-13", "未销案"), &["open_with_closing_date"]);
    check(&row("350602", "fire.60-3", "2023-10-12", "举报", "2023-10-13", "已销案"), &[]);
}

#[test]
fn a_citizens_number_is_not_repeated() {
    let folder = Folder::new();
    let number = "11010519491231002X";
    let path = folder.file("a.csv", format!("{HEADER}1,{number},350602,fire.60-3,堵塞,2023-10-12,举报,,\n").as_bytes());
    let (_, refused) = split(open(&path).unwrap());
    for language in [fengsui_event::Language::Zh, fengsui_event::Language::En] {
        assert!(!refused[0].describe(language).contains(number));
    }
    // The person who keeps the table must find the row again.
    assert_eq!(refused[0].cells[1], number);
}

#[test]
fn unsound_maps_say_what_is_wrong() {
    let check = |text: &str, expected: &str| {
        let error = ColumnMap::from_toml(text, "map.toml").unwrap_err().to_string();
        assert!(error.contains("map.toml") && error.contains(expected), "{error}");
    };
    let field = |name: &str, source: &str| format!("[[field.{name}]]\n{source}\n");
    let sound: String = ["unit", "region", "category", "found_on", "method", "facts"]
        .iter()
        .map(|name| field(name, &format!("headers = [\"{name}\"]")))
        .collect();
    let map = |rest: &str| format!("name = \"m\"\n{sound}{rest}");
    assert!(ColumnMap::from_toml(&map(""), "map.toml").is_ok());
    check("name = ", "TOML parse error");
    check("name = \"m\"\n[field]\n", "every row needs unit");
    check(&map("[[field.colour]]\nheaders = [\"c\"]\n"), "colour");
    check(&map("[unit]\nscheme = \"passport\"\n"), "unit.scheme");
    check(&map("[[field.severity]]\nconstant = \"awful\"\n"), "field.severity: `awful`");
    check(&map("[[field.region]]\nconstant = \"999999\"\n"), "field.region: `999999`");
    check(&map("[[field.address]]\nheaders = [\"a\"]\nconstant = \"b\"\n"), "exactly one of");
    check(&map("[[field.category]]\nheaders = [\"a\"]\nvalues = { mice = \"Mice!\" }\n"), "field.category: `Mice!`");
}

/// 6 KiB whose sectors lead back to themselves; a reader that followed them took memory without end. Found by `cargo xtask fuzz table`.
#[test]
fn a_workbook_that_leads_back_to_itself_is_refused_before_it_is_followed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/table/found-circular-xls");
    let error = TableFile::open(&path, &ReadOptions::default()).err().unwrap();
    assert!(
        matches!(&error, SheetError::DamagedWorkbook { detail, .. } if detail.contains("pointed to twice")),
        "{error}"
    );
}
