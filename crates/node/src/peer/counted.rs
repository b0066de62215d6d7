//! A log that counts what is read of it.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::Duration;

use fengsui_event::EventId;
use fengsui_log::{AppendError, Appended, EventLog, Position, ReadError, Record, RecordRef, Stored};

/// A log, only read, that counts its records as they are read.
pub(super) struct CountedLog<'a> {
    log: &'a dyn EventLog,
    read: Cell<u64>,
}

impl<'a> CountedLog<'a> {
    pub fn new(log: &'a dyn EventLog) -> Self {
        Self { log, read: Cell::new(0) }
    }

    /// Records that were read so far.
    pub fn events_read(&self) -> u64 {
        self.read.get()
    }

    fn count(&self, records: usize) {
        self.read.set(self.read.get() + records as u64);
    }
}

impl EventLog for CountedLog<'_> {
    fn append(&mut self, _: &[Record]) -> Result<Vec<Appended>, AppendError> {
        Err(AppendError::OpenedForReading { path: "peer".into() })
    }

    fn read(&self, from: Position, limit: usize) -> Result<Vec<Stored>, ReadError> {
        let records = self.log.read(from, limit)?;
        self.count(records.len());
        Ok(records)
    }

    fn scan(
        &self,
        from: Position,
        until: Option<Position>,
        visit: &mut dyn FnMut(Position, RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Position>, ReadError> {
        self.log.scan(from, until, &mut |position, record| {
            self.count(1);
            visit(position, record)
        })
    }

    fn head(&self) -> Result<Option<Position>, ReadError> {
        self.log.head()
    }

    fn find(&self, id: EventId) -> Result<Vec<Position>, ReadError> {
        self.log.find(id)
    }

    fn wait(&self, after: Option<Position>, timeout: Duration) -> Result<Option<Position>, ReadError> {
        self.log.wait(after, timeout)
    }
}
