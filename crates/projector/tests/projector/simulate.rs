//! The whole log under another rulebook: only points move, and by as much as that rulebook says.

use std::sync::Arc;

use fengsui_event::Date;
use fengsui_projector::simulate::{Side, Summary, UnitChange, compare};
use fengsui_projector::state::SimulatedRulebook;
use fengsui_projector::{FollowOptions, ModelError, Registry, Unwatched};
use fengsui_rulebook::Rulebook;
use proptest::prelude::*;

use crate::golden::golden;
use crate::harness::history::{play, steps};
use crate::harness::{MemoryLog, Model, Scene, columns, date, number};

/// Dearer and more generous: an account opens with 120, and a considerable violation costs 10 instead of 5.
fn dearer() -> String {
    let text = Rulebook::default_toml();
    for part in ["points = 100\n", "general = 2\nconsiderable = 5\nserious = 10\n"] {
        assert_eq!(text.matches(part).count(), 1, "{part}");
    }
    let text = text.replace("points = 100\n", "points = 120\n");
    text.replace("general = 2\nconsiderable = 5\nserious = 10\n", "general = 2\nconsiderable = 10\nserious = 20\n")
}

struct Simulated {
    before: Model,
    after: Model,
    book: Rulebook,
}

fn simulate(genesis: &Registry, log: &MemoryLog, text: &str, from: Date) -> Simulated {
    let book = Rulebook::from_toml(text).unwrap();
    let before = Model::new(genesis);
    before.rebuild(log);
    let mut after = Model::new(genesis);
    after.genesis.simulated = Some(SimulatedRulebook { from, book: Arc::new(book.clone()) });
    after.rebuild(log);
    Simulated { before, after, book }
}

impl Simulated {
    fn compared(&self, on: &str) -> (Vec<UnitChange>, Summary) {
        let (before, after) = (self.before.open(), self.after.open());
        let book = Rulebook::from_toml(Rulebook::default_toml()).unwrap();
        let from = Side { view: before.store().view(), grades: Some(&book) };
        let to = Side { view: after.store().view(), grades: Some(&self.book) };
        let mut changes = Vec::new();
        let summary = compare(from, to, date(on), &mut Unwatched, &mut |change: &UnitChange| {
            changes.push(change.clone());
            Ok::<(), ModelError>(())
        });
        (changes, summary.unwrap())
    }

    fn standing(&self, unit: &str, on: &str) -> Option<(i32, i32, String)> {
        let (changes, _) = self.compared(on);
        let change = changes.into_iter().find(|change| change.unit.to_string() == unit)?;
        let grades = format!("{}>{}", change.from.grade.unwrap(), change.to.grade.unwrap());
        Some((change.from.balance.0, change.to.balance.0, grades))
    }
}

const HOTEL: &str = "91350100M000100Y43";
const SCHOOL: &str = "local.education:school-17";

/// Worked out by hand from the story of the golden log.
#[test]
fn the_golden_log_under_a_dearer_rulebook_is_right_by_hand() {
    let (genesis, log) = (Scene::empty().genesis.clone(), golden());
    let simulated = simulate(&genesis, &log, &dearer(), Date::MIN);
    // 120 - 10 + 4 (40 % back, in time) - 10 - 5 (second within a year, half of 10) - 2 (late), where 100 - 5 + 2 - 5 - 2 - 2 stood.
    assert_eq!(simulated.standing(HOTEL, "2025-06-01"), Some((88, 97, "B>A".to_owned())));
    // 120 - 12 (a blocked exit has a number of its own) + 12 (objection upheld) + 3 (adjusted).
    assert_eq!(simulated.standing(SCHOOL, "2025-06-01"), Some((103, 123, "A>A".to_owned())));
    let (changes, summary) = simulated.compared("2025-06-01");
    let hotel = changes.iter().find(|change| change.unit.to_string() == HOTEL).unwrap();
    let points: Vec<(&str, i32, i32)> = hotel
        .entries
        .iter()
        .map(|it| (it.kind.as_str(), it.from.as_ref().unwrap().points.0, it.to.as_ref().unwrap().points.0))
        .collect();
    let by_hand = [
        ("opening", 100, 120),
        ("deduction", -5, -10),
        ("restoration", 2, 4),
        ("deduction", -5, -10),
        ("repetition", -2, -5),
    ];
    assert_eq!(points, by_hand);
    assert_eq!(hotel.entries[1].to.as_ref().unwrap().rule, "points/*/considerable");
    let cases: Vec<(i32, i32)> = hotel.cases.iter().map(|case| (case.from.0, case.to.0)).collect();
    assert_eq!(cases, [(-3, -6), (-7, -15)]);
    // Every unit opens with more.
    assert_eq!((summary.changed, summary.balances), (summary.units, summary.units));
    assert_eq!((summary.effects, summary.effects_named.len()), (0, 0));
    let sums = |tallies: Vec<fengsui_projector::simulate::Tally>| {
        tallies.iter().fold((0, 0, 0), |sum, it| (sum.0 + it.cases, sum.1 + it.from, sum.2 + it.to))
    };
    let of_units = changes
        .iter()
        .flat_map(|change| &change.cases)
        .fold((0, 0, 0), |sum, case| (sum.0 + 1, sum.1 + i64::from(case.from.0), sum.2 + i64::from(case.to.0)));
    assert_eq!(sums(summary.categories.values().copied().collect()), of_units);
    assert_eq!(sums(summary.agencies.values().copied().collect()), of_units);
}

/// What was recorded before the day stays as the published rulebook has it: only the second case of the hotel costs more.
#[test]
fn from_a_day_on_only_what_is_recorded_then_moves() {
    let (genesis, log) = (Scene::empty().genesis.clone(), golden());
    let simulated = simulate(&genesis, &log, &dearer(), date("2025-04-01"));
    // 100 - 5 + 2 - 10 - 5 - 2.
    assert_eq!(simulated.standing(HOTEL, "2025-06-01"), Some((88, 80, "B>B".to_owned())));
    assert_eq!(simulated.standing(SCHOOL, "2025-06-01"), None);
}

/// A rulebook that has points fall when a violation is alleged forbids amending what has cost points: that is told, not hidden.
#[test]
fn events_whose_effect_depends_on_points_are_named() {
    let (genesis, log) = (Scene::empty().genesis.clone(), golden());
    let text = Rulebook::default_toml().replace("falls = \"determined\"", "falls = \"alleged\"");
    let simulated = simulate(&genesis, &log, &text, Date::MIN);
    let (_, summary) = simulated.compared("2025-06-01");
    let refused = "SELECT position FROM anomalies WHERE notice = 0 AND position NOT IN
        (SELECT position FROM anomalies WHERE code <> 'already_determined')";
    let after = columns::<i64>(simulated.after.open().store().connection(), refused);
    let before = columns::<i64>(simulated.before.open().store().connection(), refused);
    let only_after: Vec<u64> = after.iter().filter(|it| !before.contains(it)).map(|it| it.cast_unsigned()).collect();
    let named: Vec<u64> = summary.effects_named.iter().filter(|it| it.from.is_none()).map(|it| it.position).collect();
    assert!(!named.is_empty());
    assert_eq!(named, only_after);
    assert_eq!(summary.effects, summary.effects_named.len() as u64);
}

/// Tables in which no points are.
const WITHOUT_POINTS: [&str; 8] =
    ["event_ids", "days", "sources", "agencies", "rulebooks", "referrals", "deadlines", "feedback"];

fn rows(model: &Model, table: &str) -> Vec<Vec<rusqlite::types::Value>> {
    let projector = model.open();
    let mut statement =
        projector.store().connection().prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
    let width = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| (0..width).map(|index| row.get(index)).collect();
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn under_the_rulebook_that_is_published_nothing_changes(steps in steps(1..80)) {
        let scene = play(&steps);
        let simulated = simulate(&scene.genesis, &scene.log, Rulebook::default_toml(), Date::MIN);
        prop_assert_eq!(simulated.before.digest(), simulated.after.digest());
        let (changes, summary) = simulated.compared("2026-01-01");
        prop_assert_eq!(changes, Vec::new());
        let units = summary.units;
        prop_assert_eq!(summary, Summary { units, ..Summary::default() });
    }

    #[test]
    fn under_any_other_only_points_move(steps in steps(1..80)) {
        let scene = play(&steps);
        let simulated = simulate(&scene.genesis, &scene.log, &dearer(), Date::MIN);
        for table in WITHOUT_POINTS {
            prop_assert_eq!(rows(&simulated.before, table), rows(&simulated.after, table), "{}", table);
        }
        let (changes, summary) = simulated.compared("2026-01-01");
        prop_assert_eq!(summary.effects, 0);
        let after = simulated.after.open();
        for change in &changes {
            let sum = format!(
                "SELECT coalesce(sum(points), 0) FROM entries WHERE unit = '{}'
                 AND (counted_until IS NULL OR counted_until > '2026-01-01')",
                change.unit
            );
            prop_assert_eq!(number(after.store().connection(), &sum), i64::from(change.to.balance.0));
        }
        let accounts = number(after.store().connection(), "SELECT count(*) FROM accounts");
        prop_assert_eq!((summary.units, summary.changed), (accounts.cast_unsigned(), accounts.cast_unsigned()));
    }
}

#[test]
fn a_simulation_is_never_kept() {
    let (genesis, log) = (Scene::empty().genesis.clone(), golden());
    let simulated = simulate(&genesis, &log, &dearer(), Date::MIN);
    let path = simulated.after.path();
    // Whoever opens such tables without the simulation has the published rules again.
    let mut projector = fengsui_projector::Projector::open(&path, genesis).unwrap();
    assert!(projector.registry().simulated.is_none());
    projector.follow(&log, FollowOptions::default(), &mut Unwatched).unwrap();
}
