//! A region's stream, read without a copy.

use std::ops::ControlFlow;
use std::time::Duration;

use fengsui_event::EventId;
use fengsui_log::jetstream::{Stream, StreamMessage, Tail, TailError};
use fengsui_log::{AppendError, Appended, EventLog, Position, ReadError, Record, RecordRef, Stored};

/// How many records are taken over from the stream at a time.
const RECORDS_AT_ONCE: usize = 1_000;

/// How long the next records are waited for before the broker counts as out of reach.
const PATIENCE: Duration = Duration::from_secs(10);

/// A region's stream, for whoever keeps no copy of it: an auditor, a copy that is being made. It is only read.
///
/// What comes is what the stream holds now, in bounded memory. A position that it does not hold any more is [`Record::missing`]. There is
/// no index: [`find`](EventLog::find) reads the whole stream.
#[derive(Debug)]
pub struct StreamLog {
    stream: Stream,
}

impl StreamLog {
    /// Reads a stream.
    pub fn new(stream: Stream) -> StreamLog {
        StreamLog { stream }
    }
}

/// The next records of a tail, at most `max` and at least one.
pub(super) fn next_records(tail: &mut Tail, max: usize) -> Result<Vec<Stored>, ReadError> {
    loop {
        let records = tail.next(max, PATIENCE).map_err(of_tail)?;
        if !records.is_empty() {
            return Ok(records);
        }
    }
}

fn of_tail(error: TailError) -> ReadError {
    match error {
        TailError::Broker(error) => ReadError::Broker(error),
        error => ReadError::Stream(Box::new(error)),
    }
}

impl EventLog for StreamLog {
    fn append(&mut self, _: &[Record]) -> Result<Vec<Appended>, AppendError> {
        Err(AppendError::OpenedForReading { path: self.stream.name().into() })
    }

    fn read(&self, from: Position, limit: usize) -> Result<Vec<Stored>, ReadError> {
        let messages = self.stream.read(from, limit).map_err(of_tail)?;
        Ok(messages.into_iter().map(StreamMessage::into_stored).collect())
    }

    fn scan(
        &self,
        from: Position,
        until: Option<Position>,
        visit: &mut dyn FnMut(Position, RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Position>, ReadError> {
        let Some(head) = self.head()? else { return Ok(None) };
        let until = until.map_or(head, |until| until.min(head));
        let mut tail = self.stream.tail(from);
        let mut shown = None;
        while tail.position() <= until {
            let left = usize::try_from(until.get() - tail.position().get() + 1).unwrap_or(usize::MAX);
            for Stored { position, record } in next_records(&mut tail, left.min(RECORDS_AT_ONCE))? {
                shown = Some(position);
                if visit(position, record.as_ref()).is_break() {
                    return Ok(shown);
                }
            }
        }
        Ok(shown)
    }

    fn head(&self) -> Result<Option<Position>, ReadError> {
        Ok(self.stream.head()?)
    }

    fn find(&self, id: EventId) -> Result<Vec<Position>, ReadError> {
        let mut found = Vec::new();
        self.scan(Position::FIRST, None, &mut |position, record| {
            if record.id == id && !record.is_missing() {
                found.push(position);
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    fn wait(&self, after: Option<Position>, timeout: Duration) -> Result<Option<Position>, ReadError> {
        Ok(self.stream.wait(after, timeout)?)
    }
}
