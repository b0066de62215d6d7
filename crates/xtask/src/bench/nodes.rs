//! Nodes on a broker: how fast an outbox drains, how fast a node follows, how long a report takes to another desk.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use fengsui_event::{CaseId, Payload, Timestamp};
use fengsui_log::jetstream::Stream;
use fengsui_log::{Embedded, EventLog as _, Position, Record};
use fengsui_node::desk::RandomIds;
use fengsui_node::outbox::Outbox;
use fengsui_node::station::copy::catch_up;
use fengsui_node::station::publisher::{Round, publish_some, settle};
use fengsui_node::station::recovery::Recovery;
use fengsui_node::{Node, NodeError};
use fengsui_projector::query::Reader;

use super::exchange::{BareServer, Exchange, literal, report, until};
use super::limits::signatures;
use super::measure::{Taken, rate, taken};
use super::raw_stream;
use super::report::Line;
use crate::failure::Failure;

/// A violation that the fire brigade deals with.
const CATEGORY: &str = "fire.60-3";
/// Commands of one transaction while an outbox is filled.
const FILLED_AT_ONCE: u64 = 2_000;
/// Reports whose way to another desk is measured.
const REPORTS: usize = 300;
/// Between two reports: light load.
const REST: Duration = Duration::from_millis(30);

/// Measures everything that concerns one or two nodes, with so many violations in an outbox.
pub fn measure(program: &Path, violations: u64) -> Result<Vec<Line>, Failure> {
    let mut exchange = Exchange::found(program, &["fire", "housing", "tourism"])?;
    exchange.stop_broker();
    for agency in ["fire", "housing"] {
        fill(&exchange.root(agency), agency, violations)?;
    }
    exchange.start_broker()?;
    let (alone, alone_taken) = publisher_alone(&exchange, "housing")?;
    let (by_node, node_taken, _fire) = running_node(&exchange, "fire")?;
    let (followed, follow_taken, tourism) = following(&exchange, "tourism")?;
    let records = records(&exchange.root("tourism"))?;
    let server = BareServer::start()?;
    let broker = server.connect()?;
    raw_stream::create(&broker)?;
    let published = raw_stream::publish(&broker, &records)?;
    let drained = raw_stream::drain(&broker, records.len() as u64)?;
    drop(server);
    let (checked, verified) = signatures(&exchange.root("tourism"))?;
    let raw = (records.len() as u64, published);
    let mut lines = vec![
        outbox_line("outbox to stream, the publisher alone", alone, alone_taken, raw),
        outbox_line("the same, a whole node that also follows", by_node, node_taken, raw),
        following_line(followed, follow_taken, (records.len() as u64, drained)),
        signature_line(followed, follow_taken, rate(checked, verified.processor)),
    ];
    // Two nodes alone from here on.
    drop(tourism);
    let _housing = exchange.start_node("housing")?;
    let last = followed;
    until("both nodes", || (exchange.applied("housing").min(exchange.applied("fire")) >= last).then_some(()))?;
    let times = report_to_inbox(&exchange)?;
    let raw_times = raw_stream::round_trips(REPORTS, REST)?;
    lines.extend(latency_lines(times, raw_times));
    Ok(lines)
}

/// Puts violations into an agency's outbox. The broker is away.
fn fill(root: &Path, agency: &str, violations: u64) -> Result<(), Failure> {
    let mut node = Node::open(root).map_err(Failure::bench("a node"))?;
    let actor = literal(agency)?;
    let mut number = 0;
    while number < violations {
        let until = violations.min(number + FILLED_AT_ONCE);
        let commands = (number..until).map(|number| report(agency, CATEGORY, number)).collect::<Result<Vec<_>, _>>()?;
        let filled = node.accept(|batch| {
            let mut submit = |command| batch.submit(actor, command, &mut RandomIds, Timestamp::now()).map(drop);
            commands.into_iter().try_for_each(&mut submit)
        });
        filled.map_err(Failure::bench::<NodeError>("a report"))?;
        number = until;
    }
    node.close().map_err(Failure::bench("a node"))
}

/// How many events wait at a node.
pub fn pending(root: &Path) -> Result<u64, Failure> {
    let outbox = Outbox::open_reader(root.join("outbox.sqlite"));
    let counts = outbox.and_then(|outbox| outbox.counts()).map_err(Failure::bench("an outbox"))?;
    Ok(counts.pending)
}

fn head(stream: &Stream) -> Result<u64, Failure> {
    Ok(stream.head().map_err(Failure::bench("the stream"))?.map_or(0, Position::get))
}

/// The node's own way of publishing, with nothing beside it.
fn publisher_alone(exchange: &Exchange, agency: &str) -> Result<(u64, Duration), Failure> {
    let (root, stream) = (exchange.root(agency), exchange.stream(agency)?);
    let events = pending(&root)?;
    let mut copy = Embedded::open_writer(root.join("log.sqlite")).map_err(Failure::bench("the copy"))?;
    let mut on = |_, _| std::ops::ControlFlow::Continue(());
    catch_up(&mut copy, &stream, &mut on).map_err(Failure::bench("the copy"))?;
    let mut outbox = Outbox::open_publisher(root.join("outbox.sqlite")).map_err(Failure::bench("an outbox"))?;
    settle(&mut outbox, &copy).map_err(Failure::bench("an outbox"))?;
    let ((), taken) = taken(|| {
        let recovery = Recovery::default();
        let mut publish = || publish_some(&mut outbox, &stream, &recovery, Timestamp::now());
        while publish().map_err(Failure::bench("publishing"))? != Round::Empty {}
        Ok(())
    })?;
    Ok((events, taken.wall))
}

/// A running node, from its first event on the stream to its last one.
fn running_node(exchange: &Exchange, agency: &str) -> Result<(u64, Duration, super::exchange::Running), Failure> {
    let stream = exchange.stream("tourism")?;
    let (events, before) = (pending(&exchange.root(agency))?, head(&stream)?);
    let node = exchange.start_node(agency)?;
    let mut at = before;
    while at == before {
        at = head(&stream)?;
    }
    let (begun, first) = (Instant::now(), at);
    while at < before + events {
        at = head(&stream)?;
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok((at - first, begun.elapsed(), node))
}

/// A node that has nothing yet, from the start of its process until its tables are at the stream's end.
fn following(exchange: &Exchange, agency: &str) -> Result<(u64, Duration, super::exchange::Running), Failure> {
    let head = head(&exchange.stream(agency)?)?;
    let begun = Instant::now();
    let node = exchange.start_node(agency)?;
    until("a node that follows", || {
        std::thread::sleep(Duration::from_millis(5));
        (exchange.applied(agency) >= head).then_some(())
    })?;
    Ok((head, begun.elapsed(), node))
}

fn records(root: &Path) -> Result<Vec<Record>, Failure> {
    let log = Embedded::open_reader(root.join("log.sqlite")).map_err(Failure::bench("the copy"))?;
    let read = log.read(Position::FIRST, usize::MAX).map_err(Failure::bench("the copy"))?;
    Ok(read.into_iter().map(|stored| stored.record).collect())
}

/// Reports at one desk; each time from the command until the case is in the tables of the other desk's node.
fn report_to_inbox(exchange: &Exchange) -> Result<Vec<Duration>, Failure> {
    let (sender, cases) = channel();
    let tables = exchange.root("fire").join("model.sqlite");
    std::thread::scope(|scope| {
        let looking = scope.spawn(move || arrivals(&tables, &cases));
        let mut node = Node::open(&exchange.root("housing")).map_err(Failure::bench("a node"))?;
        let actor = literal("housing")?;
        let mut begun = Vec::with_capacity(REPORTS);
        for number in 0..REPORTS as u64 {
            std::thread::sleep(REST);
            let command = report("housing", CATEGORY, number)?;
            begun.push(Instant::now());
            let accepted = node.accept(|batch| {
                let receipt = batch.submit(actor, command, &mut RandomIds, Timestamp::now())?;
                let reported =
                    receipt.events.iter().find(|event| matches!(event.payload, Payload::ViolationReported(_)));
                // Nobody is there to hear it only when looking has failed, which is told below.
                let _ = reported.and_then(|event| event.correlation).map(|case| sender.send(case));
                Ok(())
            });
            accepted.map_err(Failure::bench::<NodeError>("a report"))?;
        }
        drop(sender);
        let arrived = looking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(begun.into_iter().zip(arrived).map(|(begun, arrived)| arrived.duration_since(begun)).collect())
    })
}

fn arrivals(tables: &Path, cases: &Receiver<CaseId>) -> Result<Vec<Instant>, Failure> {
    let reader = Reader::open(tables).map_err(Failure::bench("the tables"))?;
    let mut arrived = Vec::with_capacity(REPORTS);
    for case in cases {
        until("a case on the other desk", || {
            let found = reader.view().case(case).ok().flatten();
            found.filter(|case| case.lead().is_some()).map(drop)
        })?;
        arrived.push(Instant::now());
    }
    Ok(arrived)
}

fn outbox_line(what: &'static str, events: u64, taken: Duration, (raw, raw_taken): (u64, Taken)) -> Line {
    let (own, limit) = (rate(events, taken), rate(raw, raw_taken.wall));
    Line {
        what,
        figure: format!("{own:.0} events/s"),
        against: format!("{limit:.0} events/s in raw atomic batches of 1,000, each synced"),
        ratio: format!("{:.2}", own / limit),
        goal: "at least 0.8",
        reached: own / limit >= 0.8,
    }
}

fn following_line(events: u64, taken: Duration, (raw, raw_taken): (u64, Taken)) -> Line {
    let (own, limit) = (rate(events, taken), rate(raw, raw_taken.wall));
    Line {
        what: "following node: stream, copy, tables, every signature verified",
        figure: format!("{own:.0} events/s"),
        against: format!("{limit:.0} messages/s to an ordered consumer that keeps nothing"),
        ratio: format!("{:.2}", own / limit),
        goal: "at least 0.5",
        reached: own / limit >= 0.5,
    }
}

fn signature_line(events: u64, taken: Duration, one_core: f64) -> Line {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (own, limit) = (rate(events, taken), one_core * f64::from(u32::try_from(cores).unwrap_or(1)));
    Line {
        what: "the same, against the signature limit",
        figure: format!("{own:.0} events/s on {cores} cores"),
        against: format!("{one_core:.0} strict verifications/s on one core, times {cores}"),
        ratio: format!("{:.2}", own / limit),
        goal: "at least 0.5",
        reached: own / limit >= 0.5,
    }
}

fn latency_lines(mut own: Vec<Duration>, mut raw: Vec<Duration>) -> [Line; 2] {
    own.sort_unstable();
    raw.sort_unstable();
    let at = |times: &[Duration], percent: usize| {
        times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    let line = |what, percent| {
        let (own, raw) = (at(&own, percent).as_secs_f64() * 1e3, at(&raw, percent).as_secs_f64() * 1e3);
        Line {
            what,
            figure: format!("{own:.2} ms"),
            against: format!("{raw:.2} ms for publishing and delivering a message, and two durable commits"),
            ratio: format!("{:.2}", own / raw),
            goal: "at most 2",
            reached: own / raw <= 2.0,
        }
    };
    [line("report to the other desk's tables, median", 50), line("the same, 99th of 100", 99)]
}
