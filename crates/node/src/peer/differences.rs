//! What differs at positions, once it is known which: first by position, then by the events' ids.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use fengsui_event::{Event, EventId};
use fengsui_log::{EventLog, Position, Record, RecordRef};
use fengsui_projector::{ModelError, Watcher};
use fengsui_proof::tree::{Hash, leaf_hash};
use serde::Serialize;

use super::descent::Which;
use crate::checkpoints::CheckpointError;

/// Ranges that are listed one by one; beyond that they are only counted.
pub const RANGES_MAX: usize = 10_000;

/// Records of a longer log's end that are read to say whose they are.
const END_RECORDS: u64 = 1_000;

/// Records between two looks at whether to go on.
const STEP_RECORDS: u64 = 1_024;

/// The source of what is no event.
const NO_SOURCE: &str = "-";

/// How two logs differ at a position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The first log has lost the record.
    MissingHere,
    /// The second log has lost the record.
    MissingThere,
    /// One event with two texts.
    Edited,
    /// Events that both have, at other positions.
    Moved,
    /// Events of which at least one is in one log only.
    Other,
}

/// The record that one log has at a position.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Found {
    /// Its id; nil for a position that is lost.
    pub id: EventId,
    /// Who published it; `-` when it is no event.
    pub source: String,
    /// Its type, as it says.
    #[serde(rename = "type")]
    pub type_text: String,
    /// Where the other log has an event with this id, if it has one.
    pub elsewhere: Option<u64>,
}

/// Positions, one after the other, that differ in the same way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Range {
    /// First position.
    pub from: u64,
    /// Last position.
    pub until: u64,
    /// How they differ.
    pub kind: Kind,
    /// What the first log has at the first of them.
    pub here: Found,
    /// What the second log has at the first of them.
    pub there: Found,
}

/// What differs of the events of one source.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct OfSource {
    /// Events that only the first log has.
    pub only_here: u64,
    /// Events that only the second log has.
    pub only_there: u64,
    /// Events that both have with other bytes.
    pub edited: u64,
    /// Events that both have at other positions.
    pub moved: u64,
}

/// The positions that only the longer log has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Beyond {
    /// Which one is longer.
    pub longer: Which,
    /// First position of it.
    pub from: u64,
    /// Last position of it.
    pub until: u64,
    /// How many events each source has there; none when they were too many to read.
    pub sources: Option<BTreeMap<String, u64>>,
}

/// Everything that differs within the positions of both.
#[derive(Default)]
pub(super) struct Differences {
    pub ranges: Vec<Range>,
    /// Ranges beyond those that are listed.
    pub unlisted: u64,
    pub counts: BTreeMap<Kind, u64>,
    pub sources: BTreeMap<String, OfSource>,
}

/// A differing record as it is kept for matching.
struct Kept {
    position: u64,
    leaf: Hash,
    source: usize,
}

/// The events of one log among what differs.
#[derive(Default)]
struct Keys {
    by_id: HashMap<EventId, Kept>,
    sources: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Keys {
    fn add(&mut self, position: u64, record: RecordRef<'_>) {
        if record.is_missing() {
            return;
        }
        let text = source_of(record.bytes);
        let number = *self.numbers.entry(text).or_insert_with_key(|text| {
            self.sources.push(text.clone());
            self.sources.len() - 1
        });
        // Where an id stands twice the first counts, as in the fold.
        let kept = || Kept { position, leaf: leaf_hash(record.bytes), source: number };
        self.by_id.entry(record.id).or_insert_with(kept);
    }

    fn source(&self, kept: &Kept) -> String {
        self.sources.get(kept.source).cloned().unwrap_or_default()
    }
}

fn source_of(bytes: &[u8]) -> String {
    Event::parse(bytes).map_or_else(|_| NO_SOURCE.to_owned(), |event| event.source.to_string())
}

/// Shows the records of some positions.
fn each(
    log: &dyn EventLog,
    (from, until): (u64, u64),
    watcher: &mut dyn Watcher,
    visit: &mut dyn FnMut(u64, RecordRef<'_>),
) -> Result<(), CheckpointError> {
    let Some((first, last)) = Position::new(from).zip(Position::new(until)).filter(|(first, last)| first <= last)
    else {
        return Ok(());
    };
    let mut stopped = None;
    log.scan(first, Some(last), &mut |position, record| {
        let position = position.get();
        visit(position, record);
        if position.is_multiple_of(STEP_RECORDS) && watcher.reached(position, until).is_break() {
            stopped = Some(position);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    stopped.map_or(Ok(()), |position| Err(ModelError::Interrupted { position }.into()))
}

/// Looks at what differs: the records at those positions and, since an event may have moved there, at the longer log's end.
pub(super) fn look(
    (here, there): (&dyn EventLog, &dyn EventLog),
    differing: &[(u64, u64)],
    ends: [(u64, u64); 2],
    watcher: &mut dyn Watcher,
) -> Result<Differences, CheckpointError> {
    let [mut here_keys, mut there_keys] = [Keys::default(), Keys::default()];
    for range in differing.iter().chain(&ends[..1]) {
        each(here, *range, watcher, &mut |position, record| here_keys.add(position, record))?;
    }
    for range in differing.iter().chain(&ends[1..]) {
        each(there, *range, watcher, &mut |position, record| there_keys.add(position, record))?;
    }
    let mut differences = Differences::default();
    for range in differing {
        by_position(&mut differences, (here, &here_keys), (there, &there_keys), *range, watcher)?;
    }
    by_source(&mut differences, &here_keys, &there_keys, ends);
    Ok(differences)
}

/// What the events of each source come to.
fn by_source(differences: &mut Differences, here: &Keys, there: &Keys, ends: [(u64, u64); 2]) {
    let is_within = |kept: &Kept, end: (u64, u64)| kept.position < end.0;
    for (id, kept) in &here.by_id {
        let counts = differences.sources.entry(here.source(kept)).or_default();
        match there.by_id.get(id) {
            // What only the longer log's end has is told with it.
            None if is_within(kept, ends[0]) => counts.only_here += 1,
            Some(other) if other.leaf != kept.leaf => counts.edited += 1,
            Some(other) if other.position != kept.position => counts.moved += 1,
            None | Some(_) => {}
        }
    }
    for (id, kept) in &there.by_id {
        if !here.by_id.contains_key(id) && is_within(kept, ends[1]) {
            differences.sources.entry(there.source(kept)).or_default().only_there += 1;
        }
    }
    differences.sources.retain(|_, counts| *counts != OfSource::default());
}

fn by_position(
    differences: &mut Differences,
    (here, here_keys): (&dyn EventLog, &Keys),
    (there, there_keys): (&dyn EventLog, &Keys),
    (from, until): (u64, u64),
    watcher: &mut dyn Watcher,
) -> Result<(), CheckpointError> {
    let mut next = from;
    while let Some(position) = Position::new(next).filter(|_| next <= until) {
        if watcher.reached(next, until).is_break() {
            return Err(ModelError::Interrupted { position: next }.into());
        }
        let last = until.min(next + STEP_RECORDS - 1);
        let (ours, theirs) = (slice(here, position, last)?, slice(there, position, last)?);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let (ours, theirs) = (ours.as_ref(), theirs.as_ref());
            let elsewhere = (
                there_keys.by_id.get(&ours.id).map(|kept| kept.position),
                here_keys.by_id.get(&theirs.id).map(|kept| kept.position),
            );
            note(differences, next, (ours, elsewhere.0), (theirs, elsewhere.1));
            next += 1;
        }
    }
    Ok(())
}

/// The records from one position to another.
fn slice(log: &dyn EventLog, from: Position, until: u64) -> Result<Vec<Record>, CheckpointError> {
    let mut records = Vec::new();
    let shown = log.scan(from, Position::new(until), &mut |_, record| {
        records.push(record.to_record());
        ControlFlow::Continue(())
    })?;
    match shown.map_or(0, Position::get) {
        head if head < until => Err(CheckpointError::Ahead { size: until, head }),
        _ => Ok(records),
    }
}

fn note(
    differences: &mut Differences,
    position: u64,
    (here, here_elsewhere): (RecordRef<'_>, Option<u64>),
    (there, there_elsewhere): (RecordRef<'_>, Option<u64>),
) {
    let kind = match (here.is_missing(), there.is_missing()) {
        (true, _) => Kind::MissingHere,
        (_, true) => Kind::MissingThere,
        _ if here.id == there.id => Kind::Edited,
        _ if here_elsewhere.is_some() && there_elsewhere.is_some() => Kind::Moved,
        _ => Kind::Other,
    };
    *differences.counts.entry(kind).or_default() += 1;
    let listed = differences.ranges.len();
    match differences.ranges.last_mut() {
        Some(range) if range.kind == kind && range.until + 1 == position && differences.unlisted == 0 => {
            range.until = position;
        }
        _ if listed >= RANGES_MAX => differences.unlisted += 1,
        _ => differences.ranges.push(Range {
            from: position,
            until: position,
            kind,
            here: found(here, here_elsewhere),
            there: found(there, there_elsewhere),
        }),
    }
}

fn found(record: RecordRef<'_>, elsewhere: Option<u64>) -> Found {
    let event = Event::parse(record.bytes).ok();
    let source = event.as_ref().map_or_else(|| NO_SOURCE.to_owned(), |event| event.source.to_string());
    let type_text = event.map_or_else(|| NO_SOURCE.to_owned(), |event| event.type_text);
    Found { id: record.id, source, type_text, elsewhere }
}

/// Whose events stand at the end of the longer log.
pub(super) fn beyond(
    log: &dyn EventLog,
    longer: Which,
    (from, until): (u64, u64),
    watcher: &mut dyn Watcher,
) -> Result<Beyond, CheckpointError> {
    let mut sources = None;
    if until - from < END_RECORDS {
        let mut counts = BTreeMap::<String, u64>::new();
        each(log, (from, until), watcher, &mut |_, record| {
            *counts.entry(source_of(record.bytes)).or_default() += 1;
        })?;
        sources = Some(counts);
    }
    Ok(Beyond { longer, from, until, sources })
}
