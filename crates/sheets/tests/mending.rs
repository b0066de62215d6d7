//! The file of refused rows: what is written, that it reads back exactly, and that mending keeps a row's identity.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use fengsui_event::Language;
use fengsui_sheets::{
    ColumnMap, ReadOptions, RefusedFile, RefusedRow, SheetError, ViolationReader, ViolationRecord, refused_path,
};

const HOTEL: &str = "91350602MA2XA0013A";

/// Reads a file as an import does: refused rows go to the file beside it.
fn import(path: &Path) -> (Vec<ViolationRecord>, Vec<RefusedRow>, Option<(PathBuf, u64)>) {
    let reader = ViolationReader::open(path, &ReadOptions::default(), &ColumnMap::builtin()).unwrap();
    let mut file = RefusedFile::new(path, reader.columns(), Language::Zh);
    let mut accepted = Vec::new();
    let mut refused = Vec::new();
    for row in reader {
        match row.unwrap() {
            Ok(record) => accepted.push(record),
            Err(row) => {
                file.write(&row).unwrap();
                refused.push(row);
            }
        }
    }
    (accepted, refused, file.finish().unwrap())
}

fn leftovers(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".tmp")).collect()
}

#[test]
fn the_file_says_where_and_why_and_keeps_the_cells() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("台账.csv");
    let text = format!(
        "unit,region,category,facts,found_on,method,备注\n\
         {HOTEL},350602,fire.60-3,\"=1+1, \"\"x\"\"\n第二行 \",2022-09-31,听说,'@\n"
    );
    std::fs::write(&path, text).unwrap();
    let (_, _, written) = import(&path);
    let (file, rows) = written.unwrap();
    assert_eq!((file.file_name().unwrap().to_str(), rows), (Some("台账.csv.refused.csv"), 1));
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "\u{FEFF}refused_sheet,refused_row,refused_column,refused_reason,unit,region,category,facts,found_on,method,备注"
    );
    assert!(
        lines[1].starts_with(",2,E found_on; F method,\"date_impossible: 日历上没有这一天; unknown_value: "),
        "{}",
        lines[1]
    );
    assert!(
        lines[1].ends_with(&format!(",{HOTEL},350602,fire.60-3,\"=1+1, \"\"x\"\"\n第二行 \",2022-09-31,听说,'@")),
        "{}",
        lines[1]
    );
    assert!(leftovers(folder.path()).is_empty());
}

#[test]
fn refused_rows_read_back_exactly_and_mended_ones_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two-sheets.xlsx");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/two-sheets.xlsx"), &path).unwrap();
    let (_, refused, written) = import(&path);
    let file = written.unwrap().0;

    let (accepted, again, _) = import(&file);
    assert!(accepted.is_empty());
    let cells = |rows: &[RefusedRow]| rows.iter().map(|row| row.cells.clone()).collect::<Vec<_>>();
    let reasons = |rows: &[RefusedRow]| rows.iter().map(|row| row.problems[0].reason).collect::<Vec<_>>();
    assert_eq!((cells(&again), reasons(&again)), (cells(&refused), reasons(&refused)));

    let mended =
        std::fs::read_to_string(&file).unwrap().replace("999999", "350602").replace("91350602MA2XA00100", HOTEL);
    std::fs::write(&file, mended).unwrap();
    let (accepted, refused, written) = import(&file);
    assert_eq!((accepted.len(), refused.len(), written), (2, 0, None));
    // Nothing is left that would be taken for refused rows.
    assert!(!refused_path(&file).exists());
}

#[test]
fn a_rows_identity_survives_mending_and_closing() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        import(&path).0.into_iter().map(|row| row.key).collect::<Vec<_>>()
    };
    let header = "unit,region,category,facts,found_on,method,closed_on,处理结果";
    let row = format!("{HOTEL},350602,fire.60-3,堵塞,2023-10-12,举报,,");
    let keys = read("a.csv", &format!("{header}\n{row}\n{row}\n"));
    assert_eq!(keys[1], format!("{}#2", keys[0]));
    assert_eq!(read("b.csv", &format!("{header}\n{row}\n{row}\n")), keys);

    // Mended in another file, with the date and the code written in another way, and closed meanwhile.
    let mended = format!("{},350602,fire.60-3,堵塞,2023年10月12日,举报,2023-10-20,责令改正", HOTEL.to_lowercase());
    let text = format!("refused_sheet,refused_row,refused_column,refused_reason,{header}\n,2,E,why,{mended}\n");
    assert_eq!(read("c.csv", &text), keys[..1]);
}

#[test]
fn a_row_with_too_few_or_too_many_cells_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, format!("unit,region,category,facts,found_on,method\n{HOTEL},350602\n{HOTEL},1,2,3,4,5,6\n"))
        .unwrap();
    let (_, refused, written) = import(&path);
    assert_eq!(refused.iter().map(|row| row.cells.len()).collect::<Vec<_>>(), [2, 7]);
    let (_, again, _) = import(&written.unwrap().0);
    assert_eq!(
        again.iter().map(|row| row.cells.clone()).collect::<Vec<_>>(),
        refused.iter().map(|row| row.cells.clone()).collect::<Vec<_>>()
    );
}

#[test]
fn an_earlier_file_goes_when_nothing_is_refused_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let header = "unit,region,category,facts,found_on,method";
    std::fs::write(&path, format!("{header}\n{HOTEL},350602,fire.60-3,堵塞,2023-10-32,举报\n")).unwrap();
    assert!(import(&path).2.unwrap().0.exists());
    std::fs::write(&path, format!("{header}\n{HOTEL},350602,fire.60-3,堵塞,2023-10-31,举报\n")).unwrap();
    assert_eq!(import(&path).2, None);
    assert!(!refused_path(&path).exists());
}

#[test]
fn an_unfinished_file_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, format!("unit,region,category,facts,found_on,method\n{HOTEL},350602\n")).unwrap();
    let mut reader = ViolationReader::open(&path, &ReadOptions::default(), &ColumnMap::builtin()).unwrap();
    let row = reader.next().unwrap().unwrap().unwrap_err();
    let mut file = RefusedFile::new(&path, reader.columns(), Language::En);
    file.write(&row).unwrap();
    drop(file);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let missing = Path::new("/nonexistent-folder/a.csv");
    let mut file = RefusedFile::new(missing, &["unit".to_owned()], Language::En);
    let row = RefusedRow {
        at: fengsui_sheets::CellPlace { sheet: None, row: 2 },
        cells: vec!["x".to_owned()],
        problems: Vec::new(),
    };
    let error = file.write(&row).unwrap_err();
    assert!(matches!(error, SheetError::Io { .. }) && error.to_string().contains("nonexistent-folder"), "{error}");
}
