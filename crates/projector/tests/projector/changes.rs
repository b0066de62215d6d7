//! What changed between two positions of the golden log.

use std::collections::BTreeMap;

use fengsui_event::{Points, UnitId};
use fengsui_projector::changes::{
    CaseChanged, Change, ChangeCounts, ChangeFilter, RegisterChanged, Side, UnitChange, changes,
};
use fengsui_projector::state::CaseStatus;
use fengsui_projector::{ModelError, Projector, Unwatched};
use fengsui_rulebook::Grade;

use crate::golden::golden;
use crate::harness::{MemoryLog, Model, Scene, agency, date};

/// The golden log's first positions, as tables.
struct Drawn {
    _model: Model,
    projector: Projector,
    position: u64,
    day: &'static str,
}

impl Drawn {
    fn of(log: &MemoryLog, position: u64, day: &'static str) -> Self {
        let (model, projector) = Model::of(&Scene::empty().genesis, &log.prefix(usize::try_from(position).unwrap()));
        Self { _model: model, projector, position, day }
    }

    fn side(&self) -> Side<'_> {
        let (view, registry) = (self.projector.store().view(), self.projector.registry());
        Side { view, registry, position: self.position, date: date(self.day) }
    }
}

fn compared(from: &Drawn, to: &Drawn, filter: &ChangeFilter) -> (Vec<Change>, ChangeCounts) {
    let mut found = Vec::new();
    let counts = changes(from.side(), to.side(), filter, &mut Unwatched, &mut |change| {
        found.push(change);
        Ok::<(), ModelError>(())
    });
    (found, counts.unwrap())
}

fn units(changes: &[Change]) -> BTreeMap<UnitId, UnitChange> {
    let unit = |change: &Change| match change {
        Change::Unit(unit) => Some((unit.unit.clone(), unit.clone())),
        _ => None,
    };
    changes.iter().filter_map(unit).collect()
}

const HOTEL: &str = "91350100M000100Y43";

/// By hand from the golden story: at 20 the hotel's first case is there; 21 takes 5 points, 25 gives 2 back, 36 takes 5 and 2 more, 37 takes 2.
#[test]
fn a_unit_that_changed_shows_where_it_stood_and_the_lines_that_made_the_difference() {
    let log = golden();
    let (before, after) = (Drawn::of(&log, 20, "2025-02-10"), Drawn::of(&log, 37, "2025-05-10"));
    let filter = ChangeFilter { unit: Some(HOTEL.parse().unwrap()), agency: None };
    let (found, counts) = compared(&before, &after, &filter);
    let hotel = &units(&found)[&HOTEL.parse().unwrap()];
    let standing = |standing: &fengsui_projector::changes::UnitStanding| (standing.balance.0, standing.grade.unwrap());
    assert_eq!((standing(hotel.from.as_ref().unwrap()), standing(&hotel.to)), ((100, Grade::A), (88, Grade::B)));
    let lines: Vec<(u32, &str, i32)> =
        hotel.lines.iter().map(|line| (line.number, line.kind.as_str(), line.points.0)).collect();
    let expected =
        [(2, "deduction", -5), (3, "restoration", 2), (4, "deduction", -5), (5, "repetition", -2), (6, "late", -2)];
    assert_eq!(lines, expected);
    assert_eq!(counts.units, 1);
    assert_eq!(counts.grades, BTreeMap::from([((Some(Grade::A), Some(Grade::B)), 1)]));
    assert!(counts.register.is_empty(), "a unit was asked for, not the register");

    // A year later nothing has come, but entries have expired: 100 again.
    let later = Drawn::of(&log, 37, "2026-05-10");
    let (found, counts) = compared(&after, &later, &filter);
    let hotel = &units(&found)[&HOTEL.parse().unwrap()];
    assert_eq!((standing(hotel.from.as_ref().unwrap()), standing(&hotel.to)), ((88, Grade::B), (100, Grade::A)));
    assert!(hotel.lines.iter().all(|line| line.kind == "expiry") && hotel.lines.len() == 5);
    assert!(counts.cases.is_empty() && counts.anomalies.is_empty());
}

#[test]
fn from_nothing_to_the_end_is_everything_there_is() {
    let log = golden();
    let end = log.records.len() as u64;
    let (before, after) = (Drawn::of(&log, 0, "2025-01-01"), Drawn::of(&log, end, "2026-01-01"));
    let (found, counts) = compared(&before, &after, &ChangeFilter::default());
    let registry = after.projector.registry();
    assert_eq!(counts.register[&RegisterChanged::AgencyRegistered], registry.agencies.len() as u64);
    assert_eq!(counts.register[&RegisterChanged::RulebookPublished], 1);
    let suspended = registry.agencies.values().filter(|agency| agency.suspended_at.is_some()).count();
    assert_eq!(counts.register[&RegisterChanged::AgencySuspended], suspended as u64);
    let ended = registry.keys.values().filter(|key| key.until.is_some()).count();
    assert_eq!(counts.register[&RegisterChanged::KeyEnded], ended as u64);
    let connection = after.projector.store().connection();
    let count = |sql: &str| crate::harness::number(connection, sql).cast_unsigned();
    assert_eq!(counts.cases[&CaseChanged::Opened], count("SELECT count(*) FROM cases WHERE status = 'open'"));
    assert_eq!(counts.cases[&CaseChanged::Closed], count("SELECT count(*) FROM cases WHERE status = 'closed'"));
    assert_eq!(counts.cases[&CaseChanged::Retracted], count("SELECT count(*) FROM cases WHERE status = 'retracted'"));
    assert_eq!(counts.cases.values().sum::<u64>(), count("SELECT count(*) FROM cases"));
    assert_eq!(counts.units, count("SELECT count(*) FROM accounts"));
    assert_eq!(counts.anomalies.values().sum::<u64>(), count("SELECT count(*) FROM anomalies"));
    let order: Vec<u8> = found
        .iter()
        .map(|change| match change {
            Change::Register(_) => 0,
            Change::Case(_) => 1,
            Change::Unit(_) => 2,
            Change::Anomaly(_) => 3,
        })
        .collect();
    assert!(order.is_sorted());
}

#[test]
fn what_changed_in_two_steps_adds_up_to_what_changed_in_one() {
    let log = golden();
    let end = log.records.len() as u64;
    let (first, last) = (Drawn::of(&log, 14, "2025-02-01"), Drawn::of(&log, end, "2026-01-01"));
    let (whole, _) = compared(&first, &last, &ChangeFilter::default());
    let whole = units(&whole);
    for middle in [40, 77, 120] {
        let middle = Drawn::of(&log, middle, "2025-06-01");
        let (one, _) = compared(&first, &middle, &ChangeFilter::default());
        let (other, _) = compared(&middle, &last, &ChangeFilter::default());
        let (one, other) = (units(&one), units(&other));
        for (unit, change) in &whole {
            let sum = |change: Option<&UnitChange>| -> i32 {
                change.into_iter().flat_map(|change| &change.lines).map(|line| line.points.0).sum()
            };
            assert_eq!(sum(Some(change)), sum(one.get(unit)) + sum(other.get(unit)), "{unit}");
            let from = change.from.map_or(Points::ZERO, |from| from.balance);
            assert_eq!(from.0 + sum(Some(change)), change.to.balance.0, "{unit}: the lines are the difference");
        }
    }
}

#[test]
fn nothing_changed_between_a_position_and_itself() {
    let log = golden();
    let (one, same) = (Drawn::of(&log, 50, "2025-06-01"), Drawn::of(&log, 50, "2025-06-01"));
    let (found, counts) = compared(&one, &same, &ChangeFilter::default());
    assert!(found.is_empty() && counts.is_empty());
}

#[test]
fn an_agency_sees_its_own_cases_and_what_they_moved() {
    let log = golden();
    let end = log.records.len() as u64;
    let (before, after) = (Drawn::of(&log, 14, "2025-02-01"), Drawn::of(&log, end, "2026-01-01"));
    let tourism = agency("tourism");
    let (found, counts) = compared(&before, &after, &ChangeFilter { unit: None, agency: Some(tourism) });
    assert!(counts.units > 0 && !counts.cases.is_empty());
    for change in &found {
        match change {
            Change::Register(change) => assert_eq!(change.agency, tourism),
            Change::Case(change) => {
                let leads = [change.from.as_ref().and_then(|at| at.lead), change.to.lead];
                assert!(change.reporter == tourism || leads.contains(&Some(tourism)), "{change:?}");
            }
            Change::Unit(change) => assert!(change.lines.iter().any(|line| line.case.is_some()), "{change:?}"),
            Change::Anomaly(row) => assert_eq!(row.agency, Some(tourism)),
        }
    }
    let (everything, _) = compared(&before, &after, &ChangeFilter::default());
    let of_tourism = |change: &&Change| match change {
        Change::Case(change) => change.reporter == tourism || change.to.lead == Some(tourism),
        _ => false,
    };
    let cases = |changes: &[Change]| changes.iter().filter(of_tourism).count();
    assert_eq!(cases(&found), cases(&everything));
    assert!(
        everything.iter().any(|change| matches!(change, Change::Case(case) if case.to.status == CaseStatus::Retracted))
    );
}
