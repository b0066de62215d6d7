//! The published violations of 2012, under the map that ships as an example.
//!
//! Right values were counted with Python's csv module: 545 rows, 116 without a closing date, one closed before it was found.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fengsui_event::Outcome;
use fengsui_sheets::{ColumnMap, ReadOptions, Reason, ViolationReader};

#[test]
fn every_row_is_accounted_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = ColumnMap::load(&root.join("../../docs/examples/sf-health/map.toml")).unwrap();
    let file = root.join("../../docs/examples/sf-health/sf-health-violations-2012.csv");
    let reader = ViolationReader::open(&file, &ReadOptions::default(), &[map]).unwrap();
    let mut accepted = Vec::new();
    let mut refused = Vec::new();
    for row in reader {
        match row.unwrap() {
            Ok(record) => accepted.push(record),
            Err(row) => refused.push(row),
        }
    }
    assert_eq!((accepted.len(), refused.len()), (544, 1));
    assert_eq!(accepted.iter().filter(|row| row.closed.is_none()).count(), 116);
    let closed: Vec<_> = accepted.iter().filter_map(|row| row.closed.as_ref()).collect();
    assert_eq!(closed.len(), 428);
    assert!(closed.iter().all(|closed| closed.outcome == Some(Outcome::RectifiedOnSite)));

    assert_eq!(refused[0].cells[0], "214351");
    let reasons: Vec<_> = refused[0].problems.iter().map(|problem| problem.reason).collect();
    assert_eq!(reasons, [Reason::ClosedBeforeFound]);
    let column = refused[0].problems[0].column.as_ref().unwrap();
    assert_eq!((column.letter().as_str(), column.header.as_str()), ("E", "violation_date_closed"));

    assert_eq!(accepted.iter().map(|row| &row.key).collect::<BTreeSet<_>>().len(), 544);
    assert_eq!(accepted.iter().map(|row| &row.unit).collect::<BTreeSet<_>>().len(), UNITS);
    let first = &accepted[0];
    assert_eq!((first.key.as_str(), first.at.row, first.at.sheet.as_ref()), ("204851", 2, None));
    assert_eq!(first.unit.to_string(), "local.sf-inspection:261019");
    assert_eq!(first.facts, "Garbage and Refuse: Refuse Accumulation");
    assert_eq!(first.found_on.to_string(), "2012-01-03");
    assert!(accepted.iter().all(|row| row.notes.is_empty()));
    assert_eq!(categories(accepted.iter().map(|row| row.category.to_string())), CATEGORIES);
}

/// 387 in the file; the refused row is the only one of its inspection.
const UNITS: usize = 386;

/// Categories of all 545 rows less the refused one.
const CATEGORIES: [(&str, usize); 11] = [
    ("air.odour", 2),
    ("building.condition", 54),
    ("fire.60-1", 5),
    ("fire.60-3", 2),
    ("food.handling", 1),
    ("hazard.biological", 7),
    ("hazard.chemical", 17),
    ("sanitation.pests", 180),
    ("sanitation.premises", 83),
    ("sanitation.refuse", 126),
    ("sanitation.vegetation", 67),
];

fn categories(all: impl Iterator<Item = String>) -> Vec<(&'static str, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for category in all {
        *counts.entry(category).or_default() += 1;
    }
    assert_eq!(counts.len(), CATEGORIES.len(), "{counts:?}");
    CATEGORIES.iter().map(|(name, _)| (*name, counts.get(*name).copied().unwrap_or_default())).collect()
}
