#![allow(clippy::unwrap_used)]

use fengsui_event::EventId;
use fengsui_log::{Embedded, EventLog as _, Record};
use fengsui_projector::Unwatched;
use tempfile::TempDir;

use super::*;

fn id(number: u64) -> EventId {
    let mut id = [1; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    EventId::from_bytes(id)
}

fn record(number: u64, text: &str) -> Record {
    let subject = "fengsui.350600.fire.case.closed".to_owned();
    Record { id: id(number), subject, bytes: format!("{number} {text}").into_bytes(), signature: vec![0; 64] }
}

fn plain(numbers: impl IntoIterator<Item = u64>) -> Vec<Record> {
    numbers.into_iter().map(|number| record(number, "event")).collect()
}

/// A log with these records in a folder of its own.
struct Place(TempDir, Embedded);

impl Place {
    fn with(records: &[Record]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut log = Embedded::create(folder.path().join("log.sqlite")).unwrap();
        log.append(records).unwrap();
        Self(folder, log)
    }

    fn side(&self) -> Side<'_> {
        Side::open(&self.1, Some(self.0.path()), &mut Unwatched).unwrap()
    }

    fn anew(&self) -> Side<'_> {
        Side::open(&self.1, None, &mut Unwatched).unwrap()
    }
}

fn compared(here: &Place, there: &Place) -> Comparison {
    compare(&mut here.side(), &mut there.side(), &mut Unwatched).unwrap()
}

fn ranges(found: &Comparison) -> Vec<(u64, u64, Kind)> {
    found.ranges.iter().map(|range| (range.from, range.until, range.kind)).collect()
}

#[test]
fn of_two_equal_logs_with_trees_no_more_than_the_last_events_are_read() {
    let records = plain(1..=20_000);
    let (here, there) = (Place::with(&records), Place::with(&records));
    let first = compared(&here, &there);
    assert_eq!(first.costs.map(|cost| (cost.events_read, cost.tree_drawn)), [(20_000, true); 2]);
    let second = compared(&here, &there);
    assert_eq!((second.verdict(), second.equal_until, second.beyond), (Verdict::Equal, 20_000, None));
    for cost in second.costs {
        assert!(cost.events_read <= 200 && !cost.tree_drawn && cost.tiles_read <= 10, "{cost:?}");
    }
    let deep = compare(&mut here.anew(), &mut there.anew(), &mut Unwatched).unwrap();
    assert_eq!((deep.verdict(), deep.root), (Verdict::Equal, second.root));
    assert_eq!(deep.costs.map(|cost| cost.events_read), [20_000; 2]);
}

#[test]
fn of_a_single_edit_among_many_only_its_own_event_is_read() {
    let mut records = plain(1..=70_000);
    let here = Place::with(&records);
    records[40_123] = record(40_124, "edited");
    let there = Place::with(&records);
    compared(&here, &there);
    let found = compared(&here, &there);
    assert_eq!(found.verdict(), Verdict::Contradiction);
    assert_eq!((found.equal_until, found.root), (40_123, None));
    assert_eq!(ranges(&found), [(40_124, 40_124, Kind::Edited)]);
    assert_eq!(found.ranges[0].here.id, id(40_124));
    for cost in found.costs {
        assert!(cost.events_read <= 3 && cost.tiles_read <= 15, "{cost:?}");
    }
}

#[test]
fn one_log_goes_on_where_the_other_ends() {
    let (here, there) = (Place::with(&plain(1..=300)), Place::with(&plain(1..=257)));
    let found = compared(&here, &there);
    assert_eq!((found.verdict(), found.sizes, found.equal_until), (Verdict::HereLonger, [300, 257], 257));
    let beyond = found.beyond.unwrap();
    assert_eq!((beyond.longer, beyond.from, beyond.until), (Which::Here, 258, 300));
    assert_eq!(beyond.sources.unwrap().values().sum::<u64>(), 43);
    assert_eq!(compared(&there, &here).verdict(), Verdict::ThereLonger);
    let empty = Place::with(&[]);
    let found = compared(&empty, &there);
    assert_eq!((found.verdict(), found.equal_until), (Verdict::ThereLonger, 0));
    assert_eq!(compared(&empty, &Place::with(&[])).verdict(), Verdict::Equal);
}

#[test]
fn a_position_that_one_log_left_out_shows_as_one_event_and_moved_ones() {
    let here = Place::with(&plain(1..=1_000));
    let there = Place::with(&plain((1..=1_000).filter(|number| *number != 600)));
    let found = compared(&here, &there);
    assert_eq!((found.verdict(), found.equal_until), (Verdict::Contradiction, 599));
    // At 600 the second log has what the first has at 601, but the first's event is nowhere.
    assert_eq!(ranges(&found), [(600, 600, Kind::Other), (601, 999, Kind::Moved)]);
    let other = &found.ranges[0];
    assert_eq!((other.here.elsewhere, other.there.elsewhere), (None, Some(601)));
    let counts = OfSource { only_here: 1, moved: 400, ..OfSource::default() };
    assert_eq!(found.sources.into_values().collect::<Vec<_>>(), [counts]);
}

#[test]
fn a_lost_position_is_told_on_the_side_that_lost_it() {
    let mut records = plain(1..=500);
    let whole = Place::with(&records);
    records[99] = Record::missing();
    let holed = Place::with(&records);
    let found = compared(&holed, &whole);
    assert_eq!(ranges(&found), [(100, 100, Kind::MissingHere)]);
    assert_eq!(found.ranges[0].there.id, id(100));
    assert_eq!(ranges(&compared(&whole, &holed)), [(100, 100, Kind::MissingThere)]);
    assert_eq!(found.verdict(), Verdict::Contradiction);
    assert_eq!(found.sources.into_values().collect::<Vec<_>>(), [OfSource { only_there: 1, ..OfSource::default() }]);
}

#[test]
fn what_differs_is_what_a_plain_comparison_finds() {
    let sizes = [1, 2, 255, 256, 257, 511, 600, 1_024, 1_025, 3_000, 65_535, 65_537];
    for (size, seed) in sizes.into_iter().zip(1_u64..) {
        let mut records = plain(1..=size);
        let here = Place::with(&records);
        let mut damaged = Vec::new();
        let mut state = seed;
        for _ in 0..seed {
            // Knuth's multiplier: any spread of positions will do.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let position = (state >> 33) % size + 1;
            records[usize::try_from(position).unwrap() - 1] = record(position, "edited");
            damaged.push(position);
        }
        damaged.sort_unstable();
        damaged.dedup();
        let found = compared(&here, &Place::with(&records));
        let listed: Vec<u64> = found.ranges.iter().flat_map(|range| range.from..=range.until).collect();
        assert_eq!(listed, damaged, "{size}");
        assert_eq!(found.counts[&Kind::Edited], damaged.len() as u64);
        assert_eq!(found.equal_until, damaged[0] - 1);
    }
}

#[test]
fn a_wrong_tile_is_drawn_again_and_never_taken_for_a_difference() {
    let records = plain(1..=70_000);
    let (here, mut edited) = (Place::with(&records), records);
    edited[9] = record(10, "edited");
    let there = Place::with(&edited);
    compared(&here, &there);
    let tile = here.0.path().join("tree/tile/0/000");
    let mut bytes = std::fs::read(&tile).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&tile, bytes).unwrap();
    let found = compared(&here, &there);
    assert_eq!(ranges(&found), [(10, 10, Kind::Edited)]);
    assert!(found.costs[0].tree_drawn && !found.costs[1].tree_drawn);
}
