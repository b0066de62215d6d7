//! The contract of the log, fulfilled by a stream and a copy of it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fengsui_event::EventId;

use super::{BrokerError, PublishError, Stream, StreamMessage, TailError};
use crate::embedded::append::{Known, check_subjects, difference};
use crate::{
    AppendError, Appended, ConflictWith, Embedded, EventLog, Outcome, Position, ReadError, Record, RecordRef,
    StorageError, Stored,
};

/// How many records the copy takes at a time.
const COPY_RECORDS: usize = 4_096;

/// How often ids are looked up anew for one append when others publish the same ids at the same time.
const LOOKUPS_MAX: u32 = 3;

/// A region's log on a broker.
///
/// Records go to the stream. Everything that is read comes from a copy of it, one [`Embedded`] log of this value's own, which is brought up to the
/// stream's head first. The copy knows every id for ever, which the broker does not: an append looks each id up before it publishes, so
/// that nothing is stored twice however late it is tried again.
///
/// | what is uncertain | what makes it certain |
/// | --- | --- |
/// | how an append ended whose acknowledgement did not come | the next append brings the copy up to the head first, and finds the records or publishes them |
/// | what was published while the connection was down, or longer ago than half the broker's memory for ids | the same |
/// | whether another process publishes the same id now | the broker remembers ids long enough: it refuses the batch, and the ids are looked up again |
#[derive(Debug)]
pub struct JetStream {
    stream: Stream,
    writer: Mutex<Copying>,
    reader: Embedded,
}

#[derive(Debug)]
struct Copying {
    copy: Embedded,
    /// When the copy was last known to be complete, and on which connection; none after anything uncertain.
    certain: Option<(Instant, u64)>,
}

impl JetStream {
    /// Puts a stream and a copy of it together. The copy is opened for writing; an empty one is filled.
    ///
    /// Errors: [`StorageError`] when the copy cannot be opened a second time, for reading.
    pub fn new(stream: Stream, copy: Embedded) -> Result<JetStream, StorageError> {
        let reader = Embedded::open_reader(copy.path())?;
        Ok(JetStream { stream, writer: Mutex::new(Copying { copy, certain: None }), reader })
    }

    /// The stream.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Gives stream and copy back.
    pub fn into_parts(self) -> (Stream, Embedded) {
        (self.stream, self.writer.into_inner().unwrap_or_else(PoisonError::into_inner).copy)
    }

    /// Brings the copy up to the stream's head and returns that. A position that the stream does not hold becomes
    /// [`Record::missing`] in the copy.
    ///
    /// Errors: [`ReadError::Broker`]; [`ReadError::Stream`] when stream and copy are not of one origin.
    pub fn sync(&self) -> Result<Option<Position>, ReadError> {
        let mut writer = self.lock();
        self.sync_copy(&mut writer)
    }

    fn lock(&self) -> MutexGuard<'_, Copying> {
        // The copy's own transactions keep it whole, whatever happened to the thread that held it.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sync_copy(&self, writer: &mut Copying) -> Result<Option<Position>, ReadError> {
        writer.certain = None;
        let (asked, connection) = (Instant::now(), self.stream.broker.connections());
        let head = self.stream.head().map_err(Box::new)?;
        let mut copied = writer.copy.head()?;
        if copied > head {
            let error = TailError::HeadWentBack {
                stream: self.stream.name.clone(),
                head,
                expected: copied.unwrap_or(Position::FIRST),
            };
            return Err(ReadError::Stream(Box::new(error)));
        }
        while copied < head {
            let messages = self.stream.read(Position::after(copied), COPY_RECORDS).map_err(of_tail)?;
            let batch: Vec<Stored> = messages.into_iter().map(StreamMessage::into_stored).collect();
            copied = writer.copy.append_copy(&batch).map_err(of_copy)?;
        }
        writer.certain = Some((asked, connection));
        Ok(head)
    }

    /// Whether the copy may be asked for ids without asking the stream first: whatever was published since it was complete, the broker still
    /// remembers.
    fn is_certain(&self, writer: &Copying) -> bool {
        writer.certain.is_some_and(|(when, connection)| {
            connection == self.stream.broker.connections() && when.elapsed() < self.stream.duplicate_window / 2
        })
    }

    fn append_new(&self, writer: &mut Copying, batch: &[Record]) -> Result<Vec<Appended>, AppendError> {
        for _ in 0..LOOKUPS_MAX {
            let plan = Plan::of(&writer.copy, batch)?;
            if plan.new.is_empty() {
                return Ok(plan.answers(&[]));
            }
            match self.stream.publish(&plan.new) {
                Ok(positions) => {
                    self.copy_published(writer, plan.new.iter().cloned().zip(&positions));
                    return Ok(plan.answers(&positions));
                }
                // Somebody, perhaps an earlier try of our own, was faster.
                Err(PublishError::Duplicate) => {
                    self.sync_copy(writer)?;
                }
                Err(error) => {
                    writer.certain = None;
                    return Err(Box::new(error).into());
                }
            }
        }
        // The copy is complete and does not hold what the broker calls known.
        let window_s = self.stream.duplicate_window.as_secs();
        let first = batch.first().map_or_else(|| Record::missing().id, |record| record.id);
        Err(Box::new(PublishError::Lost { first, records: batch.len(), window_s }).into())
    }

    /// Saves reading back what was just sent. What does not fit, because others published meanwhile, the next reading fetches.
    fn copy_published<'a>(&self, writer: &mut Copying, published: impl Iterator<Item = (Record, &'a Position)>) {
        let stored: Vec<_> = published.map(|(record, position)| Stored { position: *position, record }).collect();
        match writer.copy.append_copy(&stored) {
            Ok(_) | Err(AppendError::NotContiguous { .. }) => {}
            Err(error) => {
                writer.certain = None;
                tracing::warn!(%error, stream = self.stream.name, "the copy could not take what was published");
            }
        }
    }
}

impl EventLog for JetStream {
    fn append(&mut self, batch: &[Record]) -> Result<Vec<Appended>, AppendError> {
        check_subjects(batch)?;
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut writer = self.lock();
        if !self.is_certain(&writer) {
            self.sync_copy(&mut writer)?;
        }
        self.append_new(&mut writer, batch)
    }

    fn read(&self, from: Position, limit: usize) -> Result<Vec<Stored>, ReadError> {
        self.sync()?;
        self.reader.read(from, limit)
    }

    fn scan(
        &self,
        from: Position,
        until: Option<Position>,
        visit: &mut dyn FnMut(Position, RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Position>, ReadError> {
        self.sync()?;
        self.reader.scan(from, until, visit)
    }

    fn head(&self) -> Result<Option<Position>, ReadError> {
        Ok(self.stream.head().map_err(Box::new)?)
    }

    fn find(&self, id: EventId) -> Result<Vec<Position>, ReadError> {
        self.sync()?;
        self.reader.find(id)
    }

    fn wait(&self, after: Option<Position>, timeout: Duration) -> Result<Option<Position>, ReadError> {
        Ok(self.stream.wait(after, timeout).map_err(Box::new)?)
    }
}

/// What is to be published of a batch, and how each of its records is answered afterwards.
struct Plan {
    new: Vec<Record>,
    answers: Vec<Answer>,
}

enum Answer {
    /// Known before, at this position.
    Known(Position),
    /// The `usize`th of what is published.
    New(usize),
    /// The same as one before it in the batch.
    Again(usize),
}

impl Plan {
    fn of(copy: &Embedded, batch: &[Record]) -> Result<Plan, AppendError> {
        let mut plan = Plan { new: Vec::new(), answers: Vec::with_capacity(batch.len()) };
        // Place in the batch and among the new ones.
        let mut seen: HashMap<EventId, (usize, usize)> = HashMap::new();
        for (index, record) in batch.iter().enumerate() {
            if let Some(&(first, new)) = seen.get(&record.id) {
                if let Some(mut conflict) = difference(Position::FIRST, plan.new[new].as_ref(), record.as_ref()) {
                    conflict.with = ConflictWith::SameBatch(first);
                    return Err(AppendError::Conflict(Box::new(conflict)));
                }
                plan.answers.push(Answer::Again(new));
                continue;
            }
            match copy.known(record)? {
                Known::Same(position) => plan.answers.push(Answer::Known(position)),
                Known::Other(conflict) => return Err(AppendError::Conflict(Box::new(conflict))),
                Known::Not => {
                    seen.insert(record.id, (index, plan.new.len()));
                    plan.answers.push(Answer::New(plan.new.len()));
                    plan.new.push(record.clone());
                }
            }
        }
        Ok(plan)
    }

    fn answers(&self, positions: &[Position]) -> Vec<Appended> {
        let answer = |answer: &Answer| {
            let (position, outcome) = match *answer {
                Answer::Known(position) => (Some(position), Outcome::AlreadyPresent),
                Answer::New(new) => (positions.get(new).copied(), Outcome::Stored),
                Answer::Again(new) => (positions.get(new).copied(), Outcome::AlreadyPresent),
            };
            position.map(|position| Appended { position, outcome })
        };
        self.answers.iter().filter_map(answer).collect()
    }
}

fn of_tail(error: TailError) -> ReadError {
    match error {
        TailError::Broker(error) => ReadError::Broker(error),
        error => ReadError::Stream(Box::new(error)),
    }
}

fn of_copy(error: AppendError) -> ReadError {
    match error {
        AppendError::Read(error) => error,
        AppendError::Storage(error) => ReadError::Storage(error),
        error => ReadError::Copy(Box::new(error)),
    }
}

impl From<BrokerError> for ReadError {
    fn from(error: BrokerError) -> ReadError {
        ReadError::Broker(Box::new(error))
    }
}
