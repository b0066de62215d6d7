#![allow(clippy::unwrap_used)]

use fengsui_log::conformance::record;
use fengsui_log::conformance::server::NatsServer;
use fengsui_log::jetstream::{Broker, BrokerOptions};
use tempfile::TempDir;

use super::*;

fn at(number: u64) -> Position {
    Position::new(number).unwrap()
}

fn stream() -> (NatsServer, Stream) {
    let server = NatsServer::start();
    let options = BrokerOptions { servers: vec![server.url()], ..BrokerOptions::default() };
    let stream = Stream::create(&Broker::connect(options).unwrap(), "350600".parse().unwrap(), 1).unwrap();
    (server, stream)
}

/// A file with these records.
fn file(place: &TempDir, name: &str, records: &[Record]) -> Embedded {
    let mut file = Embedded::create(place.path().join(name)).unwrap();
    let stored: Vec<Stored> = (1..)
        .zip(records)
        .map(|(position, record)| Stored { position: at(position), record: record.clone() })
        .collect();
    file.append_copy(&stored).unwrap();
    file
}

fn records(numbers: impl IntoIterator<Item = u64>) -> Vec<Record> {
    numbers.into_iter().map(record).collect()
}

fn to_stream(stream: &Stream) -> Target {
    Target::Stream(Box::new(StreamTarget::new(stream.clone())))
}

fn go_on(_: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn what_an_attempt_of_unknown_end_has_published_is_compared_and_gone_on_after() {
    let (_server, stream) = stream();
    stream.publish(&records(1..=3)).unwrap();
    publish(&stream, "stream", at(1), &records(1..=5)).unwrap();
    // All of it, and nothing of it.
    publish(&stream, "stream", at(1), &records(1..=5)).unwrap();
    publish(&stream, "stream", at(6), &records(6..=6)).unwrap();
    let held: Vec<Record> =
        stream.read(at(1), 99).unwrap().into_iter().map(|message| message.record.unwrap()).collect();
    assert_eq!(held, records(1..=6));
}

#[test]
fn what_somebody_else_has_published_meanwhile_ends_the_copy_before_it_writes() {
    let (_server, stream) = stream();
    stream.publish(&records(1..=2)).unwrap();
    stream.publish(&records(99..=99)).unwrap();
    let error = publish(&stream, "the stream", at(1), &records(1..=5)).unwrap_err();
    let CopyError::Differs { position, here, there, .. } = error else { panic!("{error}") };
    assert_eq!((position, here, there), (at(3), record(3).id, record(99).id));
    assert_eq!(stream.head().unwrap(), Some(at(3)));
    let error = refuse_moved("the stream", at(4), &[at(4), at(6)]).unwrap_err();
    assert!(
        matches!(error, CopyError::Moved { expected, found, .. } if (expected, found) == (at(5), at(6))),
        "{error}"
    );
}

#[test]
fn an_event_that_the_log_holds_twice_is_named_and_everything_before_it_is_copied() {
    let place = TempDir::new().unwrap();
    let (_server, stream) = stream();
    let from = file(&place, "log.sqlite", &records((1..=40).chain([7]).chain(41..=50)));
    let error = copy(&from, &mut to_stream(&stream), None, false, &mut go_on).unwrap_err();
    let CopyError::Repeated { position, id, window_s, .. } = error else { panic!("{error}") };
    assert_eq!((position, id, window_s), (at(41), record(7).id, 600));
    assert_eq!(stream.head().unwrap(), Some(at(40)));
}

#[test]
fn a_log_goes_on_in_its_copy_as_it_grows() {
    let place = TempDir::new().unwrap();
    let (_server, stream) = stream();
    let mut from = file(&place, "log.sqlite", &records(1..=2_500));
    let report = copy(&from, &mut to_stream(&stream), None, false, &mut go_on).unwrap();
    assert_eq!((report.compared, report.copied, report.head), (0, 2_500, Some(at(2_500))));
    from.append(&records(2_501..=2_502)).unwrap();
    let report = copy(&from, &mut to_stream(&stream), None, false, &mut go_on).unwrap();
    assert_eq!((report.compared, report.copied, report.beyond), (2_500, 2, 0));
    assert_eq!(report.last_sha256, Some(Digest::of(&record(2_502).bytes)));
    // Back into an older copy of the same log.
    let mut old = Target::File(Box::new(file(&place, "old.sqlite", &records(1..=1_700))));
    let report = copy(&StreamLog::new(stream), &mut old, None, false, &mut go_on).unwrap();
    assert_eq!((report.compared, report.copied), (1_700, 802));
}

#[test]
fn an_empty_log_is_copied_and_says_what_is_there() {
    let place = TempDir::new().unwrap();
    let (empty, full) = (file(&place, "empty.sqlite", &[]), file(&place, "full.sqlite", &records(1..=3)));
    let report = copy(&empty, &mut Target::File(Box::new(full)), None, false, &mut go_on).unwrap();
    assert_eq!(report, CopyReport { beyond: 3, ..CopyReport::default() });
}

#[test]
fn somebody_who_asks_to_stop_is_told_how_far_it_is() {
    let place = TempDir::new().unwrap();
    let from = file(&place, "log.sqlite", &records(1..=2_500));
    let mut to = Target::File(Box::new(file(&place, "copy.sqlite", &[])));
    let stop = &mut |at: u64, last: u64| {
        assert_eq!(last, 2_500);
        if at >= 2_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let error = copy(&from, &mut to, None, false, stop).unwrap_err();
    assert!(matches!(error, CopyError::Interrupted { position: 2_000 }), "{error}");
    assert_eq!(to.head().unwrap(), Some(at(2_000)));
}

#[test]
fn one_position_or_several_are_named() {
    let positions = |first, last| Positions { first: at(first), last: at(last) }.to_string();
    assert_eq!((positions(3, 3), positions(7, 9)), ("3".to_owned(), "7-9".to_owned()));
}
