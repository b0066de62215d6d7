//! Copying a log to another place, record for record at the same positions.
//!
//! What is at the other place already is compared and passed over, so a copy that was cut off, at any moment, is simply begun again, and one
//! that is complete changes nothing. Nothing is ever replaced: where the two differ, the copy ends and says at which position.
//!
//! | step | failed, not there | failed, but there |
//! | --- | --- | --- |
//! | a batch into a file | rolled back; the next run goes on before it | the next run compares it and goes on behind it |
//! | a batch onto a stream | the same, for each of the broker's atomic batches | the same, also when the acknowledgement was lost |

use std::ops::ControlFlow;
use std::path::PathBuf;

use fengsui_event::{Digest, EventId, RegionCode};
use fengsui_log::jetstream::{PublishError, Stream, Tail};
use fengsui_log::{AppendError, Embedded, EventLog, Position, ReadError, Record, RecordRef, StorageError, Stored};
use serde::Serialize;

use super::stream_log::next_records;
use super::{LogSource, SourceError, StreamAccess, StreamLog};
use crate::node::{NodeError, replicas};

/// Records of one transaction, and of one of the broker's atomic batches.
const BATCH_RECORDS: usize = 1_000;
/// Bytes of events that a batch is ended by.
const BATCH_BYTES: usize = 8 << 20;

/// Where a copy goes.
#[derive(Debug)]
pub enum Target {
    /// A log file.
    File(Box<Embedded>),
    /// A region's stream.
    Stream(Box<StreamTarget>),
    /// Nothing is there yet, and nothing is to be made: for a trial.
    Absent,
}

/// A stream that is compared in order and then published to.
#[derive(Debug)]
pub struct StreamTarget {
    stream: Stream,
    /// Reads what is there, as far as it was compared.
    compared: Tail,
}

impl StreamTarget {
    /// A stream.
    pub fn new(stream: Stream) -> StreamTarget {
        let compared = stream.tail(Position::FIRST);
        StreamTarget { stream, compared }
    }
}

/// Positions that follow each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Positions {
    /// The first.
    pub first: Position,
    /// The last.
    pub last: Position,
}

impl std::fmt::Display for Positions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Positions { first, last } if first == last => first.fmt(formatter),
            Positions { first, last } => write!(formatter, "{first}-{last}"),
        }
    }
}

/// What a copy did.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct CopyReport {
    /// Records that both had already.
    pub compared: u64,
    /// Records that were copied; in a trial, that would be.
    pub copied: u64,
    /// Positions that the original does not hold any more. A file has placeholders there.
    pub missing: Vec<Positions>,
    /// The last position that both have.
    pub head: Option<Position>,
    /// The event there.
    pub last_id: Option<EventId>,
    /// SHA-256 of its bytes.
    pub last_sha256: Option<Digest>,
    /// How many positions the other place holds beyond that.
    pub beyond: u64,
}

/// Why a copy ended.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The place to copy to holds something else.
    #[error(
        "position {position} of {target} holds another record (event {there}) than the log that is copied (event {here}): they are not of one origin, \
         or one of them was changed; nothing of {target} was changed there. Copy to another place, and keep both as evidence"
    )]
    Differs {
        /// The place to copy to.
        target: String,
        /// The first position at which they differ.
        position: Position,
        /// The event of the original.
        here: EventId,
        /// The event at the place to copy to; the same when only the content differs.
        there: EventId,
    },
    /// Somebody else published while the copy was made.
    #[error(
        "position {expected} of the log became position {found} of {target}, because somebody else published there meanwhile: this stream cannot become \
         a copy any more. Remove it and copy again while nobody else publishes"
    )]
    Moved {
        /// The stream.
        target: String,
        /// The position that it should have.
        expected: Position,
        /// The position that it has.
        found: Position,
    },
    /// A position without a record, which a file can hold and a stream cannot.
    #[error(
        "the log that is copied lacks position {position}, and {target} would give it to the next event: copy from a log that has it, \
         such as another node's copy"
    )]
    Missing {
        /// The stream.
        target: String,
        /// The position.
        position: Position,
    },
    /// The broker remembers the id from before.
    #[error(
        "the log that is copied holds event {id} again at position {position}, and {target} takes no id twice within {window_s} s: \
         begin the same copy again after that; it goes on there"
    )]
    Repeated {
        /// The stream.
        target: String,
        /// The position.
        position: Position,
        /// The id.
        id: EventId,
        /// For how long the broker remembers an id, in seconds.
        window_s: u64,
    },
    /// The copy is not what it should have become.
    #[error(
        "{target} was copied up to position {head}, but {detail}: somebody else changes it, or it loses what it takes; compare it with the original by \
         beginning the copy again"
    )]
    NotWhole {
        /// The place to copy to.
        target: String,
        /// The position.
        head: Position,
        /// What was found.
        detail: String,
    },
    /// Somebody asked to stop.
    #[error("interrupted after position {position}; begun again, the copy goes on there")]
    Interrupted {
        /// The last position that both have; 0 before the first.
        position: u64,
    },
    /// Everything else.
    #[error(transparent)]
    Source(#[from] SourceError),
}

macro_rules! through_node {
    ($($error:ty),+) => {
        $(impl From<$error> for CopyError {
            fn from(error: $error) -> CopyError {
                CopyError::Source(SourceError::Node(error.into()))
            }
        })+
    };
}
through_node!(NodeError, ReadError, AppendError, StorageError);

impl LogSource {
    /// Opens the place that a log is copied to, and makes it when there is none: an empty file, or the region's stream with every guarantee. In a
    /// trial nothing is made.
    pub fn open_target(&self, access: &StreamAccess, is_trial: bool) -> Result<Target, SourceError> {
        match self {
            LogSource::Stream(servers) => {
                let region = access.region()?;
                let broker = access.connect(servers)?;
                Ok(stream_target(&broker, region, is_trial)?)
            }
            LogSource::File(_) | LogSource::Folder(_) => {
                let path = self.file().map_err(NodeError::from)?.unwrap_or_default();
                Ok(file_target(path, is_trial)?)
            }
        }
    }
}

fn stream_target(
    broker: &fengsui_log::jetstream::Broker,
    region: RegionCode,
    is_trial: bool,
) -> Result<Target, NodeError> {
    use fengsui_log::jetstream::BrokerError;
    let stream = if is_trial {
        match Stream::open(broker, region) {
            Err(BrokerError::NoStream { .. }) => return Ok(Target::Absent),
            opened => opened?,
        }
    } else {
        Stream::create(broker, region, replicas(broker))?
    };
    Ok(Target::Stream(Box::new(StreamTarget::new(stream))))
}

fn file_target(path: PathBuf, is_trial: bool) -> Result<Target, NodeError> {
    let file = match (path.exists(), is_trial) {
        (true, false) => Embedded::open_writer(path)?,
        (true, true) => Embedded::open_reader(path)?,
        (false, false) => Embedded::create(path)?,
        (false, true) => return Ok(Target::Absent),
    };
    Ok(Target::File(Box::new(file)))
}

impl Target {
    /// The name by which people know it.
    pub fn name(&self) -> String {
        match self {
            Target::File(file) => file.path().display().to_string(),
            Target::Stream(target) => format!("the stream {}", target.stream.name()),
            Target::Absent => "nothing".to_owned(),
        }
    }

    fn head(&self) -> Result<Option<Position>, CopyError> {
        match self {
            Target::File(file) => Ok(file.head()?),
            Target::Stream(target) => Ok(target.stream.head().map_err(NodeError::from)?),
            Target::Absent => Ok(None),
        }
    }

    /// Closes a file with everything in it.
    pub fn close(self) -> Result<(), CopyError> {
        match self {
            Target::File(file) => Ok(file.close()?),
            Target::Stream(_) | Target::Absent => Ok(()),
        }
    }

    /// The records that are there, in order, from the one after those that were shown before.
    fn show(
        &mut self,
        from: Position,
        count: usize,
        visit: &mut dyn FnMut(Position, RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), CopyError> {
        let Some(last) = Position::new(from.get() - 1 + count as u64).filter(|last| *last >= from) else {
            return Ok(());
        };
        match self {
            Target::Absent => {}
            Target::File(file) => {
                file.scan(from, Some(last), visit)?;
            }
            Target::Stream(target) => {
                while target.compared.position() <= last {
                    let left = usize::try_from(last.get() - target.compared.position().get() + 1).unwrap_or(count);
                    for Stored { position, record } in next_records(&mut target.compared, left)? {
                        if visit(position, record.as_ref()).is_break() {
                            return Ok(());
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Copies a log up to a position, or up to its head. `watcher` is told how far that is and answers whether to go on.
///
/// In a trial nothing is written; the answer is what would be.
pub fn copy(
    from: &dyn EventLog,
    to: &mut Target,
    until: Option<Position>,
    is_trial: bool,
    watcher: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<CopyReport, CopyError> {
    let head = from.head()?;
    let until = until.map_or(head, |until| head.map(|head| head.min(until)));
    let there = to.head()?;
    let mut run =
        Run { to, there, is_trial, next: Position::FIRST, batch: Vec::new(), bytes: 0, report: CopyReport::default() };
    let Some(until) = until else {
        run.report.beyond = there.map_or(0, Position::get);
        return Ok(run.report);
    };
    let mut failed = None;
    from.scan(Position::FIRST, Some(until), &mut |position, record| {
        let taken = run.take(position, record).and_then(|is_written| {
            if is_written && watcher(position.get(), until.get()).is_break() {
                return Err(CopyError::Interrupted { position: position.get() });
            }
            Ok(())
        });
        match taken {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    run.flush()?;
    run.check_end(from, until)
}

/// A copy that is being made.
struct Run<'a> {
    to: &'a mut Target,
    /// The head of the place to copy to.
    there: Option<Position>,
    is_trial: bool,
    /// Position of the batch's first record.
    next: Position,
    batch: Vec<Record>,
    bytes: usize,
    report: CopyReport,
}

impl Run<'_> {
    /// Takes the next record; says whether that filled a batch, which is written then.
    fn take(&mut self, position: Position, record: RecordRef<'_>) -> Result<bool, CopyError> {
        if self.batch.is_empty() {
            self.next = position;
        }
        if record.is_missing() {
            self.note_missing(position);
        }
        self.bytes += record.bytes.len();
        self.batch.push(record.to_record());
        let is_full = self.batch.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES;
        if is_full {
            self.flush()?;
        }
        Ok(is_full)
    }

    fn note_missing(&mut self, position: Position) {
        match self.report.missing.last_mut() {
            Some(run) if run.last.next() == position => run.last = position,
            _ => self.report.missing.push(Positions { first: position, last: position }),
        }
    }

    /// Compares what is there of the batch and writes what is not.
    fn flush(&mut self) -> Result<(), CopyError> {
        let mut records = std::mem::take(&mut self.batch);
        self.bytes = 0;
        let known = self.there.map_or(0, |there| (there.get() + 1).saturating_sub(self.next.get()));
        let known = usize::try_from(known).unwrap_or(usize::MAX).min(records.len());
        let new = records.split_off(known);
        compare(self.to, self.next, &records)?;
        self.report.compared += known as u64;
        let Some(first) = Position::new(self.next.get() + known as u64).filter(|_| !new.is_empty()) else {
            return Ok(());
        };
        self.report.copied += new.len() as u64;
        let last = Position::new(first.get() - 1 + new.len() as u64);
        write(self.to, first, new, self.is_trial)?;
        self.there = last;
        Ok(())
    }

    /// Holds what is there now against the original: how much it is, and what stands last.
    fn check_end(mut self, from: &dyn EventLog, until: Position) -> Result<CopyReport, CopyError> {
        let last = from.read(until, 1)?.pop();
        self.report.head = Some(until);
        self.report.last_id = last.as_ref().map(|last| last.record.id);
        self.report.last_sha256 = last.as_ref().map(|last| Digest::of(&last.record.bytes));
        let target = self.to.name();
        let not_whole = |detail: String| CopyError::NotWhole { target, head: until, detail };
        let (head, there) = match self.to {
            _ if self.is_trial => {
                self.report.beyond = self.there.map_or(0, Position::get).saturating_sub(until.get());
                return Ok(self.report);
            }
            Target::Absent => (None, None),
            Target::File(file) => (file.head()?, file.read(until, 1)?.pop()),
            Target::Stream(target) => {
                let state = target.stream.state().map_err(NodeError::from)?;
                if state.missing > 0 && self.report.missing.is_empty() {
                    return Err(not_whole(format!("it lacks {} positions", state.missing)));
                }
                (state.last, StreamLog::new(target.stream.clone()).read(until, 1)?.pop())
            }
        };
        if there != last {
            let found = there.map_or_else(|| "nothing".to_owned(), |there| format!("event {}", there.record.id));
            return Err(not_whole(format!("{found} stands there")));
        }
        self.report.beyond = head.map_or(0, Position::get).saturating_sub(until.get());
        Ok(self.report)
    }
}

/// Holds records against those that are at the same positions of the place to copy to.
fn compare(to: &mut Target, first: Position, records: &[Record]) -> Result<(), CopyError> {
    let target = to.name();
    let mut left = records.iter();
    let mut differs = None;
    to.show(first, records.len(), &mut |position, there| match left.next() {
        Some(here) if here.as_ref() == there => ControlFlow::Continue(()),
        Some(here) => {
            differs = Some(CopyError::Differs { target: target.clone(), position, here: here.id, there: there.id });
            ControlFlow::Break(())
        }
        None => ControlFlow::Break(()),
    })?;
    differs.map_or(Ok(()), Err)
}

/// Puts records behind the last one of the place to copy to, where `first` is free.
fn write(to: &mut Target, first: Position, records: Vec<Record>, is_trial: bool) -> Result<(), CopyError> {
    let name = to.name();
    match to {
        Target::File(file) if !is_trial => {
            let positions = (first.get()..).map_while(Position::new);
            let stored: Vec<Stored> =
                positions.zip(records).map(|(position, record)| Stored { position, record }).collect();
            file.append_copy(&stored)?;
            Ok(())
        }
        Target::Stream(target) => {
            refuse_missing(&name, first, &records)?;
            if is_trial { Ok(()) } else { publish(&target.stream, &name, first, &records) }
        }
        Target::File(_) | Target::Absent => Ok(()),
    }
}

fn refuse_missing(target: &str, first: Position, records: &[Record]) -> Result<(), CopyError> {
    match (first.get()..).zip(records).find(|(_, record)| record.is_missing()) {
        Some((position, _)) => {
            let position = Position::new(position).unwrap_or(first);
            Err(CopyError::Missing { target: target.to_owned(), position })
        }
        None => Ok(()),
    }
}

/// Publishes records that must get the positions from `first` on. What is there already, from an attempt whose end was not known, is compared.
fn publish(stream: &Stream, name: &str, first: Position, records: &[Record]) -> Result<(), CopyError> {
    let known = compare_known(stream, first, records)?;
    let records = records.get(known..).unwrap_or_default();
    let Some(first) = Position::new(first.get() + known as u64).filter(|_| !records.is_empty()) else {
        return Ok(());
    };
    match (stream.publish(records), records) {
        (Ok(positions), _) => refuse_moved(name, first, &positions),
        (Err(PublishError::Duplicate), [record]) if compare_known(stream, first, records)? == 0 => {
            let window_s = stream.duplicate_window().as_secs();
            Err(CopyError::Repeated { target: name.to_owned(), position: first, id: record.id, window_s })
        }
        (Err(PublishError::Duplicate), [_]) => Ok(()),
        (Err(PublishError::Duplicate), _) => {
            // One of them; the others before it can go.
            let (before, behind) = records.split_at(records.len() / 2);
            publish(stream, name, first, before)?;
            let middle = Position::new(first.get() + before.len() as u64).unwrap_or(first);
            publish(stream, name, middle, behind)
        }
        (Err(error), _) => Err(AppendError::from(Box::new(error)).into()),
    }
}

/// How many of the records the stream holds already.
fn compare_known(stream: &Stream, first: Position, records: &[Record]) -> Result<usize, CopyError> {
    let head = stream.head().map_err(NodeError::from)?.map_or(0, Position::get);
    let known = usize::try_from((head + 1).saturating_sub(first.get())).unwrap_or(usize::MAX).min(records.len());
    if let Some(there) = records.get(..known).filter(|there| !there.is_empty()) {
        let again = StreamTarget { stream: stream.clone(), compared: stream.tail(first) };
        compare(&mut Target::Stream(Box::new(again)), first, there)?;
    }
    Ok(known)
}

fn refuse_moved(target: &str, first: Position, positions: &[Position]) -> Result<(), CopyError> {
    match positions.iter().zip(first.get()..).find(|(found, expected)| found.get() != *expected) {
        Some((found, expected)) => {
            let expected = Position::new(expected).unwrap_or(first);
            Err(CopyError::Moved { target: target.to_owned(), expected, found: *found })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
