//! What `docs/import.md` says holds.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;

use fengsui_sheets::{ColumnMap, Field, Reason};

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/import.md")).unwrap()
}

#[test]
fn the_example_map_is_sound() {
    let page = page();
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let map = ColumnMap::from_toml(example, "docs/import.md").unwrap();
    assert_eq!((map.field.category.len(), map.field.facts[0].join.len()), (2, 2));
}

#[test]
fn every_reason_and_field_is_listed() {
    let page = page();
    let missing: Vec<&str> = (Reason::ALL.iter().map(|reason| reason.code()))
        .chain(Field::ALL.iter().map(|field| field.code()))
        .filter(|code| !page.contains(&format!("`{code}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
