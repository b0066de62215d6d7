//! Eight agencies at work while nodes, the broker and commands are killed at random: nothing acknowledged is lost, nothing happens twice,
//! and all come to the same tables.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faults;
mod load;

use std::collections::BTreeMap;
use std::time::Duration;

use fengsui_event::payload::ViolationReported;
use fengsui_event::{Decoded, Digest, Event, Payload};
use fengsui_log::{Embedded, EventLog as _, Position};
use fengsui_tests::{City, PILOT};

use faults::Dice;
use load::{Fate, Work, pick};

const SEED: u64 = 4;
const ROUNDS: u32 = 100;
const WORKERS: u64 = 3;
/// The longest time between two kills, in milliseconds.
const PAUSE_MS: u64 = 600;
/// In about this time a node has started, in milliseconds.
const START_MS: u64 = 250;

#[test]
fn a_hundred_kills_lose_nothing_and_double_nothing() {
    let seed = std::env::var("FENGSUI_TEST_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    println!("seed {seed}; another one can be set in FENGSUI_TEST_SEED");
    let city = City::found(&PILOT);
    let work = Work::default();
    let victims = std::thread::scope(|scope| {
        for number in 1..=WORKERS {
            let (work, city) = (&work, &city);
            scope.spawn(move || work.worker(city, number, seed));
        }
        let _ending = work.ending();
        kill_at_random(&city, &work, seed)
    });
    println!("{victims:?}; {}", work.summary());
    let head = city.await_settled();
    println!("the stream ends at {head}");
    nothing_is_lost_or_doubled(&city, &work);
    chains_are_whole(&city);
    let digest = city.same_digest();
    for name in city.names() {
        assert_eq!(city.table_digest(name), digest, "{name}");
        assert_eq!(city.anomalies(name), Vec::<serde_json::Value>::new(), "{name}");
    }
    assert!(work.closed() > 0, "no case went its whole way");
}

/// Kills somebody a hundred times, and starts it again at once.
fn kill_at_random(city: &City, work: &Work, seed: u64) -> BTreeMap<String, u32> {
    let mut dice = Dice(seed);
    let names: Vec<String> = city.names().into_iter().map(str::to_owned).collect();
    let mut victims: BTreeMap<String, u32> = BTreeMap::new();
    let mut kills = 0;
    while kills < ROUNDS && !work.is_over() {
        std::thread::sleep(Duration::from_millis(dice.below(PAUSE_MS)));
        let victim = match dice.below(10) {
            0..=5 => {
                let name = &names[pick(&mut dice, names.len())];
                city.kill_node(name);
                city.launch_node(name);
                if dice.below(4) == 0 {
                    // Once more while it starts.
                    std::thread::sleep(Duration::from_millis(dice.below(START_MS)));
                    city.kill_node(name);
                    city.launch_node(name);
                }
                name.clone()
            }
            6 | 7 => {
                city.kill_broker();
                city.start_broker();
                "nats-server".to_owned()
            }
            _ if work.kill_command(&mut dice) => "command".to_owned(),
            _ => continue,
        };
        kills += 1;
        *victims.entry(victim).or_default() += 1;
    }
    victims
}

fn nothing_is_lost_or_doubled(city: &City, work: &Work) {
    let on_log = city.log_ids("fire");
    let twice: Vec<_> = on_log.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "on the log more than once: {twice:?}");
    let lost: Vec<_> = work.acknowledged().into_iter().filter(|id| !on_log.contains_key(id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let mut reported: BTreeMap<String, u32> = BTreeMap::new();
    for event in events(city) {
        if let Decoded::Known(Payload::ViolationReported(report)) = event.data {
            let ViolationReported { facts, .. } = report;
            *reported.entry(facts).or_default() += 1;
        }
    }
    for (facts, fate) in work.fates() {
        let count = reported.remove(&facts).unwrap_or(0);
        let is_right = match fate {
            Fate::Acknowledged => count == 1,
            Fate::Unknown => count <= 1,
            Fate::Nothing => count == 0,
        };
        assert!(is_right, "{facts}: {fate:?}, and {count} times on the log");
    }
    assert!(reported.is_empty(), "nobody reported {reported:?}");
}

/// Each source numbers its events from 1 without gaps, and each names the one before it.
fn chains_are_whole(city: &City) {
    let mut heads: BTreeMap<String, (u64, Digest)> = BTreeMap::new();
    for bytes in copy(city) {
        let event = Event::parse(&bytes).unwrap();
        let source = event.source.to_string();
        let before = heads.insert(source.clone(), (event.sequence, Digest::of(&bytes)));
        let expected = before.map_or((1, None), |(sequence, digest)| (sequence + 1, Some(digest)));
        assert_eq!((event.sequence, event.previous), expected, "{source}");
    }
    assert_eq!(heads.len(), city.names().len());
}

fn events(city: &City) -> Vec<Event> {
    copy(city).iter().map(|bytes| Event::parse(bytes).unwrap()).collect()
}

/// The bytes of every event, as one node holds them. That all hold the same is seen by their digests.
fn copy(city: &City) -> Vec<Vec<u8>> {
    let copy = Embedded::open_reader(city.folder("fire").data("log.sqlite")).unwrap();
    let read = copy.read(Position::FIRST, usize::MAX).unwrap();
    read.into_iter().map(|stored| stored.record.bytes).collect()
}
