//! Books with known damage: what is found is what was planted, exactly.
#![allow(missing_docs, clippy::unwrap_used)]

mod city;
mod damage;
mod file;

use std::ops::ControlFlow;

use city::City;
use fengsui_event::{Language, ReconciliationClass};
use fengsui_node::reconcile::{Book, BookOptions, read_book};
use fengsui_projector::reconcile::{BookRow, Known, LogCase, Outcome, reconcile};
use fengsui_sheets::{ColumnMap, ReadOptions};
use proptest::prelude::*;

/// What was found, by class, the case and the row's own note.
type Found = Vec<(ReconciliationClass, Option<usize>, Option<String>)>;

fn found(outcome: &Outcome, rows: &[BookRow], cases: &[LogCase], city: &City) -> Found {
    let note = |row: u32| {
        let row = &rows[row as usize];
        row.name.as_deref().map(str::to_owned).unwrap_or_default()
    };
    let place = |case: u32| city.cases.iter().position(|other| other.id == cases[case as usize].id).unwrap();
    let mut found: Found =
        outcome.items.iter().map(|item| (item.class, item.case.map(place), item.row.map(note))).collect();
    found.sort();
    found
}

fn read(path: &std::path::Path) -> Book {
    let options = BookOptions { reading: ReadOptions::default(), language: Language::En };
    read_book(path, &options, &ColumnMap::builtin_book(), &mut |_, _| ControlFlow::Continue(())).unwrap()
}

fn check(seed: u64) {
    let city = City::of(seed);
    let (rows, expected) = damage::book(&city, seed);
    let folder = tempfile::tempdir().unwrap();
    let book = read(&file::write(folder.path(), &rows, seed));
    assert_eq!(book.rows.len(), rows.len());
    let outcome = reconcile(&book.rows, &city.cases);
    outcome.balance.check().unwrap();
    let own = found(&outcome, &book.rows, &city.cases, &city);
    assert_eq!(own, expected, "seed {seed}");
    let matched = rows.len() - own.iter().filter(|(_, _, row)| row.is_some()).count();
    assert_eq!(outcome.balance.of_class(ReconciliationClass::Matched), (matched as u64, matched as u64));

    // The order of rows and of cases decides nothing.
    let (mut turned, mut cases) = (book.rows.clone(), city.cases.clone());
    turned.reverse();
    cases.reverse();
    let again = reconcile(&turned, &cases);
    assert_eq!(again.balance, outcome.balance);
    assert_eq!(found(&again, &turned, &cases, &city), own);
    let known = Known::of(&outcome.items, &book.rows, &city.cases);
    assert_eq!(Known::of(&again.items, &turned, &cases), known);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_is_what_was_planted(seed in any::<u64>()) {
        check(seed);
    }
}

#[test]
fn an_undamaged_book_agrees() {
    for seed in 0..8 {
        let city = City::of(seed);
        let rows = damage::undamaged(&city);
        let folder = tempfile::tempdir().unwrap();
        let book = read(&file::write(folder.path(), &rows, seed));
        let cases: Vec<LogCase> = city.cases.iter().filter(|case| City::is_settled(case)).cloned().collect();
        let numbers: Vec<BookRow> = book
            .rows
            .iter()
            .zip(&city.cases)
            .filter(|(_, case)| City::is_settled(case))
            .map(|(row, _)| row.clone())
            .collect();
        let outcome = reconcile(&numbers, &cases);
        assert!(outcome.balance.is_clean(), "{:?}", outcome.balance);
        assert!(outcome.items.is_empty());
    }
}
