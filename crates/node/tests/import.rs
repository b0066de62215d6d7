//! Importing the city's real file of 2012, and small tables that show each way a row can go.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fengsui_event::{AgencyCode, Language, Timestamp};
use fengsui_node::demo::{DemoOptions, run};
use fengsui_node::import::{ImportOptions, ImportSummary, ImportWatcher, import};
use fengsui_node::{Node, NodeError};
use fengsui_projector::query::CaseFilter;
use fengsui_projector::state::{CaseState, CaseStatus};
use fengsui_sheets::ReadOptions;
use tempfile::TempDir;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/sf-health");

/// The days of the one row that was closed before it was found, as they stand and mended.
const WRONG: &str = "2012-05-01 0:00,2012-04-17 0:00";
const MENDED: &str = "2012-05-01 0:00,2012-05-17 0:00";

struct Patient;

impl ImportWatcher for Patient {
    fn progress(&mut self, _: u64, _: Option<(u64, u64)>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// The pilot's agencies without any violation.
fn pilot() -> (TempDir, Node) {
    let place = TempDir::new().unwrap();
    let options = DemoOptions { units: 1, violations: 0, seed: 1 };
    let (node, _) = run(place.path(), options, &mut |_| ControlFlow::Continue(())).unwrap();
    (place, node)
}

fn now() -> Timestamp {
    "2026-11-25T02:00:00Z".parse().unwrap()
}

fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

fn options(map: Option<&str>) -> ImportOptions {
    ImportOptions {
        map: map.map(|name| Path::new(EXAMPLES).join(name)),
        reading: ReadOptions::default(),
        dry_run: false,
        language: Language::En,
    }
}

fn do_import(node: &mut Node, path: &Path, options: &ImportOptions) -> ImportSummary {
    import(node, agency("urban"), path, options, now(), &mut Patient).unwrap().result
}

fn states(node: &Node) -> Vec<CaseState> {
    let mut states = Vec::new();
    node.view()
        .each_case_state(&CaseFilter::default(), |case| {
            states.push(case);
            Ok(())
        })
        .unwrap();
    states
}

/// A copy, so that refused rows are written beside it and not into the repository.
fn sf_file(place: &TempDir) -> PathBuf {
    let path = place.path().join("sf.csv");
    std::fs::copy(Path::new(EXAMPLES).join("sf-health-violations-2012.csv"), &path).unwrap();
    path
}

/// Counted independently of this program: 545 records; one closed on 2012-04-17 before it was found on 2012-05-01
/// (id 214351); 116 without a closing day; the other 428 closed.
#[test]
fn each_line_of_the_real_file_is_accounted_for() {
    let (place, mut node) = pilot();
    let path = sf_file(&place);
    let summary = do_import(&mut node, &path, &options(Some("map.toml")));
    assert_eq!(summary.rows, 545);
    assert_eq!((summary.new_cases, summary.already, summary.refused), (544, 0, 1));
    assert_eq!(summary.closed, 428);
    assert_eq!(summary.refused_by_reason, BTreeMap::from([("closed_before_found".to_owned(), 1)]));
    let refused = std::fs::read_to_string(summary.refused_file.unwrap()).unwrap();
    assert_eq!(refused.lines().count(), 2);
    assert!(refused.contains("214351"), "{refused}");

    let states = states(&node);
    assert_eq!(states.len(), 544);
    let closed = states.iter().filter(|case| case.status == CaseStatus::Closed);
    assert_eq!(closed.clone().count(), 428);
    assert!(closed.clone().all(|case| case.lead().is_some_and(|lead| lead.addressee == agency("urban"))));
    assert!(closed.clone().all(|case| case.closing.as_ref().is_some_and(|closing| closing.closed_on >= case.found_on)));
    assert_eq!(node.view().anomaly_counts().unwrap(), []);
}

#[test]
fn importing_a_file_twice_changes_nothing() {
    let (place, mut node) = pilot();
    let path = sf_file(&place);
    do_import(&mut node, &path, &options(Some("map.toml")));
    let (before, digest) = (node.progress(), node.projector().digest().unwrap());
    let again = do_import(&mut node, &path, &options(Some("map.toml")));
    assert_eq!((again.new_cases, again.already, again.refused, again.closed), (0, 544, 1, 0));
    assert_eq!(node.progress(), before);
    assert_eq!(node.projector().digest().unwrap(), digest);
}

#[test]
fn a_trial_counts_the_same_and_changes_nothing() {
    let (place, mut node) = pilot();
    let path = sf_file(&place);
    let before = node.progress();
    let trial = do_import(&mut node, &path, &ImportOptions { dry_run: true, ..options(Some("map.toml")) });
    assert_eq!(node.progress(), before);
    let real = do_import(&mut node, &path, &options(Some("map.toml")));
    assert_eq!(trial, ImportSummary { dry_run: true, ..real });
}

#[test]
fn mended_rows_are_fed_in_again_under_their_own_identity() {
    let (place, mut node) = pilot();
    let path = sf_file(&place);
    let refused = do_import(&mut node, &path, &options(Some("map.toml"))).refused_file.unwrap();
    let text = std::fs::read_to_string(&refused).unwrap();
    let mended = place.path().join("mended.csv");
    std::fs::write(&mended, text.replace(WRONG, MENDED)).unwrap();
    let summary = do_import(&mut node, &mended, &options(Some("map.toml")));
    assert_eq!((summary.rows, summary.new_cases, summary.closed, summary.refused), (1, 1, 1, 0));
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap().replace(WRONG, MENDED)).unwrap();
    let whole = do_import(&mut node, &path, &options(Some("map.toml")));
    assert_eq!((whole.already, whole.new_cases, whole.refused), (545, 0, 0));
}

const HEADERS: &str = "统一社会信用代码,单位名称,行政区划代码,地址,行业代码,违法行为类型,严重程度,违法事实,依据,发现日期,发现方式,文号,办结日期,处理结果\n";

fn table(place: &TempDir, name: &str, rows: &str) -> PathBuf {
    let path = place.path().join(name);
    std::fs::write(&path, format!("{HEADERS}{rows}")).unwrap();
    path
}

#[test]
fn chinese_headers_need_no_map_and_open_rows_are_forwarded() {
    let (place, mut node) = pilot();
    let rows = "91350100M000100Y43,城关旅社,350602,新华东路1号,H61,fire.60-3,严重,安全出口上锁,消防法第六十条,2026年11月2日,监督检查,城管〔2026〕1号,,\n";
    let summary = do_import(&mut node, &table(&place, "open.csv", rows), &options(None));
    assert_eq!((summary.new_cases, summary.refused), (1, 0));
    assert_eq!(summary.leads, BTreeMap::from([(agency("fire"), 1)]));
}

#[test]
fn a_row_that_its_book_closes_later_is_closed_when_the_importer_handles_it() {
    let (place, mut node) = pilot();
    let row = |closing: &str| {
        format!(
            "91350100M000100Y43,城关旅社,350602,新华东路1号,H61,sanitation.refuse,一般,垃圾堆积,,2026-11-02,监督检查,1号,{closing}\n"
        )
    };
    do_import(&mut node, &table(&place, "book.csv", &row(",")), &options(None));
    let later = do_import(&mut node, &table(&place, "book.csv", &row("2026-11-05,当场改正")), &options(None));
    assert_eq!((later.new_cases, later.already, later.closed, later.closing_left), (0, 1, 1, 0));
    assert_eq!(states(&node)[0].status, CaseStatus::Closed);
}

#[test]
fn a_row_that_another_agency_handles_is_not_closed_over_its_head() {
    let (place, mut node) = pilot();
    let row = |closing: &str| {
        format!(
            "91350100M000100Y43,城关旅社,350602,新华东路1号,H61,fire.60-3,严重,出口上锁,,2026-11-02,监督检查,1号,{closing}\n"
        )
    };
    do_import(&mut node, &table(&place, "book.csv", &row(",")), &options(None));
    let later = do_import(&mut node, &table(&place, "book.csv", &row("2026-11-05,当场改正")), &options(None));
    assert_eq!((later.already, later.closed, later.closing_left), (1, 0, 1));
    assert_eq!(states(&node)[0].status, CaseStatus::Open);
}

#[test]
fn a_changed_row_and_rows_that_the_exchange_refuses_are_listed_and_the_rest_goes_on() {
    let (place, mut node) = pilot();
    let row = |number: u32, category: &str, region: &str, facts: &str, end: &str| {
        format!(
            "91350100M000100Y43,城关旅社,{region},新华东路{number}号,H61,{category},一般,{facts},,2026-11-02,监督检查,{number}号,{end}\n"
        )
    };
    let rows = [
        row(1, "sanitation.refuse", "350602", "垃圾堆积", ","),
        row(2, "no.such-category", "350602", "垃圾堆积", ","),
        row(3, "sanitation.refuse", "110101", "垃圾堆积", ","),
        row(4, "sanitation.refuse", "350602", "垃圾堆积", "2026-11-05,"),
        row(5, "sanitation.refuse", "350602", "垃圾堆积", "2026-11-05,立案"),
        row(6, "sanitation.refuse", "350602", "垃圾堆积", "2026-11-05,责令限期改正"),
    ]
    .concat();
    let summary = do_import(&mut node, &table(&place, "book.csv", &rows), &options(None));
    assert_eq!((summary.rows, summary.new_cases, summary.closed, summary.refused), (6, 2, 1, 4));
    assert_eq!(summary.refused_by_reason, BTreeMap::from([("refused_by_exchange".to_owned(), 4)]));
    let refused = std::fs::read_to_string(summary.refused_file.unwrap()).unwrap();
    for reason in ["no.such-category", "110101", "outcome", "final result"] {
        assert!(refused.contains(reason), "{reason}: {refused}");
    }
}

#[test]
fn an_agency_without_a_key_in_the_folder_imports_nothing() {
    let (place, mut node) = pilot();
    let path = sf_file(&place);
    let error = import(&mut node, agency("police"), &path, &options(Some("map.toml")), now(), &mut Patient);
    assert!(matches!(error, Err(fengsui_node::import::ImportError::Node(NodeError::Key(_)))));
}
